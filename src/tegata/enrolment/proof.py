# SPDX-License-Identifier: Apache-2.0
"""Whether the card really signed an application, as `tegata.verify` judges it.

The status is asked of the authority by OCSP under a fresh nonce.  A bad proof is `Refused` with the verifier's own
reason and list of checks; a status that cannot be learned is `Unavailable`.  The certificate must be a card's: one
phone does not vouch for another.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from tegata.enrolment.errors import Refused, Unavailable
from tegata.enrolment.model import Pair
from tegata.jpki import Carrier, Kind
from tegata.verify import (
    Certificate,
    Evidence,
    Policy,
    Rejected,
    Status,
    StatusUnavailable,
    TrustStore,
    VerifyError,
    prepare_status,
    verify,
)
from tegata.wire import WireError
from tegata.wire.status import StatusClient

NONCE_SIZE = 32
"""Bytes of an OCSP nonce (RFC 9654 §2.1)."""


@dataclass(frozen=True, slots=True)
class Prover:
    """Verifies proofs.  `randomness(n)` yields n unpredictable bytes."""

    trust: TrustStore
    status: StatusClient
    randomness: Callable[[int], bytes] = field(repr=False)

    async def verify(self, document: bytes, certificate: bytes, signature: bytes, now: Callable[[], datetime]) -> int:
        """Return the serial number of the card's signing certificate that signed `document`.

        Raises `Refused` with the verifier's reason, or `Unavailable` (`enrolment.status_unavailable`).
        """
        try:
            status = await self._status(certificate)
            verdict = verify(
                Evidence(certificate, document, signature, Kind.SIGNING, status),
                self.trust,
                now(),
                Policy(carriers=frozenset({Carrier.CARD})),
            )
        except Rejected as error:
            raise _refused(error) from error
        except (StatusUnavailable, WireError) as error:
            raise Unavailable("enrolment.status_unavailable") from error
        return verdict.serial

    async def _status(self, certificate: bytes) -> Status:
        """Ask for a certificate's status.  One that nobody can be asked about has none; the verifier says why."""
        try:
            wanted = prepare_status(certificate, Kind.SIGNING, self.trust, self.randomness(NONCE_SIZE))
        except Rejected:
            return Status()
        return Status(ocsp=await self.status.ocsp(Kind.SIGNING.value, wanted.ocsp_request_der), nonce=wanted.nonce)

    def authorities(self, certificates: Pair) -> Pair:
        """Return the certificates of the authorities that issued a pair; they go into the element beside it.

        Raises `Unavailable` when this service was not told of them.
        """
        try:
            issuers = [
                self.trust.issuer_of(Certificate.parse(one))
                for one in (certificates.signing, certificates.authentication)
            ]
        except Rejected as error:
            raise Unavailable("enrolment.authority_unavailable") from error
        return Pair(*(issuer.der for issuer in issuers))


def _refused(error: VerifyError) -> Refused:
    """Say no in the verifier's words, which name what is wrong with the certificate or the signature."""
    refused = Refused(error.reason, clause=error.clause, **error.facts)
    refused.checks = error.checks
    return refused
