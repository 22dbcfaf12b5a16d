# SPDX-License-Identifier: Apache-2.0
"""Who is asking: the proof of an authentication certificate, judged by `tegata.verify` with a fresh status answer.

Each status question carries a nonce of its own, so that an answer made before the question cannot be passed off.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

import httpx

from tegata.jpki import Kind
from tegata.kiosk.errors import Refused, Unavailable
from tegata.verify import (
    Evidence,
    Status,
    StatusUnavailable,
    TrustStore,
    Verdict,
    VerifyError,
    prepare_status,
    verify,
    verify_certificate,
)
from tegata.wire import WireError
from tegata.wire.status import StatusClient

NONCE_SIZE = 32
"""Bytes of an OCSP nonce (RFC 9654 §2.1 recommends 32)."""


class Prover:
    """Verifies proofs and certificates at the moment of asking.  `randomness(n)` yields n unpredictable bytes."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        status_url: str,
        anchors: Mapping[Kind, tuple[bytes, ...]],
        randomness: Callable[[int], bytes],
    ) -> None:
        self._status = StatusClient(http, status_url)
        self._trust = TrustStore.of(anchors)
        self._random = randomness

    async def prove(self, certificate: bytes, data: bytes, signature: bytes, now: Callable[[], datetime]) -> Verdict:
        """Verify a signature over `data` with an authentication certificate, at the moment the status answer is there.

        Raises `Refused` with the verdict's reason and checks, or `Unavailable` when the status could not be learned.
        """
        try:
            status = await self._fresh(certificate)
            return verify(Evidence(certificate, data, signature, Kind.AUTHENTICATION, status), self._trust, now())
        except VerifyError as error:
            raise _translated(error) from error

    async def recheck(self, certificate: bytes, now: Callable[[], datetime]) -> Verdict:
        """Verify once more that the certificate is good now; raises as `prove`."""
        try:
            status = await self._fresh(certificate)
            return verify_certificate(certificate, Kind.AUTHENTICATION, status, self._trust, now())
        except VerifyError as error:
            raise _translated(error) from error

    async def _fresh(self, certificate: bytes) -> Status:
        """Ask for the status of a certificate; nothing for one of which none can be asked, for `verify` to say why."""
        nonce = self._random(NONCE_SIZE)
        try:
            question = prepare_status(certificate, Kind.AUTHENTICATION, self._trust, nonce)
        except VerifyError:
            return Status()
        try:
            answer = await self._status.ocsp(Kind.AUTHENTICATION.value, question.ocsp_request_der)
        except WireError as error:
            raise Unavailable("kiosk.status_unavailable") from error
        return Status(ocsp=answer, nonce=nonce)


def _translated(error: VerifyError) -> Refused | Unavailable:
    if isinstance(error, StatusUnavailable):
        return Unavailable(error.reason, clause=error.clause, **error.facts)
    return Refused(error.reason, clause=error.clause, checks=error.checks, **error.facts)
