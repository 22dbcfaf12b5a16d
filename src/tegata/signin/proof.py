# SPDX-License-Identifier: Apache-2.0
"""What a phone signs to approve a sign-in, and how it is judged.

The signed bytes bind the challenge to this service and this request, so that a signature made for one cannot be used at
another.  The certificate's status is asked for anew at every sign-in, with a nonce; neither certificate nor signature
is kept.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from tegata import verify
from tegata.jpki import Kind, assumptions
from tegata.signin.errors import Unavailable
from tegata.verify import Evidence, Status, StatusRequest, TrustStore
from tegata.wire import WireError
from tegata.wire.status import StatusClient

_NONCE: Final = 32


@dataclass(frozen=True, slots=True)
class Proof:
    """What a phone presented for the bytes it had to sign; `by_list` asks for status by CRL instead of OCSP."""

    data: bytes = field(repr=False)
    certificate: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    by_list: bool = False


class Judge(Protocol):
    """Says whose signature this is."""

    async def serial(self, proof: Proof, now: datetime) -> int:
        """Return the serial number of the certificate whose key signed; raises what `tegata.verify` raises."""
        ...


def signed_bytes(origin: str, request_id: str, challenge: bytes) -> bytes:
    """Return what the authentication key signs (assumption `phone.sign_in_prefix`)."""
    prefix = str(assumptions.value("phone.sign_in_prefix"))
    return b"\0".join((prefix.encode(), origin.encode(), request_id.encode(), challenge))


class Verifier:
    """The judge in service: `tegata.verify` with a fresh OCSP answer."""

    def __init__(
        self,
        status: StatusClient,
        anchors: Mapping[Kind, tuple[bytes, ...]],
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._status = status
        self._trust = TrustStore.of(anchors)
        self._random = randomness

    async def serial(self, proof: Proof, now: datetime) -> int:
        """See `Judge`; raises `Unavailable` when the status service does not answer."""
        kind = Kind.AUTHENTICATION
        request = verify.prepare_status(proof.certificate, kind, self._trust, self._random(_NONCE))
        try:
            status = await self._fetch(request, by_list=proof.by_list)
        except WireError as error:
            raise Unavailable("signin.status_unavailable") from error
        evidence = Evidence(proof.certificate, proof.data, proof.signature, kind, status)
        return verify.verify(evidence, self._trust, now).serial

    async def _fetch(self, request: StatusRequest, *, by_list: bool) -> Status:
        """Fetch a revocation list where one is asked for and named, else an OCSP answer."""
        if by_list and request.municipality_code is not None:
            return Status(crl=await self._status.crl(request.kind.value, request.municipality_code))
        answer = await self._status.ocsp(request.kind.value, request.ocsp_request_der)
        return Status(ocsp=answer, nonce=request.nonce)
