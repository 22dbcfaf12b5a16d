# SPDX-License-Identifier: Apache-2.0
"""What a phone signs to approve a sign-in, and how it is judged.

The signed bytes bind the challenge to this service and this request, so that a signature made for one cannot be used at
another.  The certificate's status is asked for anew, with a nonce, at every sign-in; neither certificate nor signature
is kept.
"""

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

from tegata import verify
from tegata.jpki import Kind, assumptions
from tegata.signin.errors import Unavailable
from tegata.verify import Evidence, Status, TrustStore, Verdict
from tegata.wire import WireError
from tegata.wire.status import StatusClient

_NONCE = 32


class Judge(Protocol):
    """Says whose signature this is."""

    async def serial(self, data: bytes, certificate: bytes, signature: bytes, now: datetime) -> int:
        """Return the serial number of the certificate whose key signed `data`; raises what `tegata.verify` raises."""
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

    async def serial(self, data: bytes, certificate: bytes, signature: bytes, now: datetime) -> int:
        """See `Judge`; raises `Unavailable` when the status service does not answer."""
        return (await self.verdict(data, certificate, signature, now)).serial

    async def verdict(self, data: bytes, certificate: bytes, signature: bytes, now: datetime) -> Verdict:
        """Return the whole verdict."""
        kind = Kind.AUTHENTICATION
        nonce = self._random(_NONCE)
        request = verify.prepare_status(certificate, kind, self._trust, nonce)
        try:
            answer = await self._status.ocsp(kind.value, request.ocsp_request_der)
        except WireError as error:
            raise Unavailable("signin.status_unavailable") from error
        evidence = Evidence(certificate, data, signature, kind, Status(ocsp=answer, nonce=nonce))
        return verify.verify(evidence, self._trust, now)
