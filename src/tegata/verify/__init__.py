# SPDX-License-Identifier: Apache-2.0
"""The verifier: evidence, trust and time give a verdict.  Outsiders take this package alone.

No socket, file or clock is touched here.  A caller asks `prepare_status` what to fetch, fetches it, and hands it to
`verify` (a signature over data) or `verify_certificate` (a certificate alone)::

    trust = TrustStore.of({Kind.SIGNING: [ca_der]})
    request = prepare_status(certificate, Kind.SIGNING, trust, nonce)
    status = Status(ocsp=await fetch(request.ocsp_request_der), nonce=request.nonce)
    verdict = verify(Evidence(certificate, data, signature, Kind.SIGNING, status), trust, now)

A verdict is returned only when every check passed; everything else raises `Rejected` or `StatusUnavailable`, whose
`checks` say how far it came.
"""

from tegata.verify.certificate import Certificate
from tegata.verify.checks import Check
from tegata.verify.errors import Rejected, StatusUnavailable, VerifyError
from tegata.verify.policy import PRODUCTION_POLICIES, TEST_POLICIES, Policy
from tegata.verify.status import Status, StatusRequest, prepare_status
from tegata.verify.trust import TrustStore
from tegata.verify.verdict import Verdict
from tegata.verify.verifier import Evidence, verify, verify_certificate

__all__ = [
    "PRODUCTION_POLICIES",
    "TEST_POLICIES",
    "Certificate",
    "Check",
    "Evidence",
    "Policy",
    "Rejected",
    "Status",
    "StatusRequest",
    "StatusUnavailable",
    "TrustStore",
    "Verdict",
    "VerifyError",
    "prepare_status",
    "verify",
    "verify_certificate",
]
