# SPDX-License-Identifier: Apache-2.0
"""Judging a signature: what `tegata.verify` says of it, with the freshest status that can be had.

1. OCSP, with a nonce of this question.
2. If nobody answers there, the revocation list of the municipality that the certificate names.
3. If neither can be had, no judgement: the person may try again later.

An answer that is there but no good is never passed over for the list: only silence is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import httpx

from tegata.jpki import Kind
from tegata.relying.errors import Refused, Unavailable
from tegata.verify import (
    Evidence,
    Status,
    StatusUnavailable,
    TrustStore,
    Verdict,
    VerifyError,
    prepare_status,
    verify,
)
from tegata.wire import WireError
from tegata.wire.status import StatusClient

NONCE_SIZE = 32
"""Bytes of an OCSP nonce (RFC 9654 §2.1 recommends 32)."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A good verdict, and the evidence and status that it rests on."""

    evidence: Evidence = field(repr=False)
    verdict: Verdict = field(repr=False)


class Judge:
    """Verifies signatures over documents.  `randomness(n)` yields n unpredictable bytes."""

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

    async def judge(
        self, document: bytes, certificate: bytes, signature: bytes, now: Callable[[], datetime]
    ) -> Judgement:
        """Verify a signature with a signing certificate, at the moment the status answer is there.

        Raises `Refused` with the verdict's reason and checks, or `Unavailable` when the status could not be learned.
        """
        try:
            evidence = Evidence(certificate, document, signature, Kind.SIGNING, await self._fresh(certificate))
            return Judgement(evidence, verify(evidence, self._trust, now()))
        except StatusUnavailable as error:
            raise Unavailable(error.reason, clause=error.clause, **error.facts).showing(error.checks) from error
        except VerifyError as error:
            raise Refused(error.reason, clause=error.clause, **error.facts).showing(error.checks) from error

    async def _fresh(self, certificate: bytes) -> Status:
        """Fetch the status of a certificate; nothing for one of which none can be asked, for `verify` to say why."""
        try:
            question = prepare_status(certificate, Kind.SIGNING, self._trust, self._random(NONCE_SIZE))
        except VerifyError:
            return Status()
        try:
            ocsp = await self._status.ocsp(question.kind.value, question.ocsp_request_der)
            return Status(ocsp=ocsp, nonce=question.nonce)
        except WireError as silence:
            if question.municipality_code is None:
                raise Unavailable("shop.status_unavailable") from silence
        try:
            return Status(crl=await self._status.crl(question.kind.value, question.municipality_code))
        except WireError as error:
            raise Unavailable("shop.status_unavailable") from error
