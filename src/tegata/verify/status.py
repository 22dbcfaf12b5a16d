# SPDX-License-Identifier: Apache-2.0
"""Status of a certificate: what to ask for, what came back, and what it means.

`prepare_status` says what to fetch; `Status` carries what was fetched.  When both an OCSP response and a list are
given, a revocation told by either is final, and so is a responder's "unknown"; otherwise one usable "good" suffices.
Nothing usable means no verdict.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from tegata.jpki import Kind, municipalities, names
from tegata.verify import crl, ocsp, profile
from tegata.verify.answer import UNKNOWN, Answer, judge
from tegata.verify.certificate import Certificate
from tegata.verify.checks import CERTIFICATE_STEPS
from tegata.verify.errors import Rejected, StatusUnavailable
from tegata.verify.ledger import Ledger
from tegata.verify.policy import Terms
from tegata.verify.trust import Anchor, TrustStore


@dataclass(frozen=True, slots=True)
class StatusRequest:
    """What to fetch for one certificate.

    `crl_distribution_point` is the DER GeneralName of its list, and `municipality_code` the municipality that the name
    stands for in this country; either may be missing.  `nonce` goes into `Status` together with the response.
    """

    kind: Kind
    ocsp_request_der: bytes = field(repr=False)
    nonce: bytes | None = field(repr=False)
    crl_distribution_point: bytes | None = field(repr=False)
    municipality_code: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Status:
    """What was fetched: an OCSP response, a revocation list, or both; and the nonce that was sent."""

    ocsp: bytes | None = field(default=None, repr=False)
    crl: bytes | None = field(default=None, repr=False)
    nonce: bytes | None = field(default=None, repr=False)


def prepare_status(certificate_der: bytes, kind: Kind, trust: TrustStore, nonce: bytes | None = None) -> StatusRequest:
    """Return what to fetch for a certificate of `kind`.

    The issuer is looked up but nothing is proved yet.  Raises `Rejected` (`verify.malformed`, `verify.untrusted`,
    `verify.wrong_kind`) with the same checks as a verdict, and `ValueError` for a nonce that is not 1 to 128 bytes
    long.
    """
    ledger = Ledger(CERTIFICATE_STEPS)
    with ledger.step("certificate.form"):
        certificate = Certificate.parse(certificate_der)
    with ledger.step("certificate.path"):
        anchor = issuer_for(certificate, kind, trust)
    point = certificate.distribution_points[0] if certificate.distribution_points else None
    return StatusRequest(
        kind=kind,
        ocsp_request_der=ocsp.request(certificate, anchor.certificate, nonce),
        nonce=nonce,
        crl_distribution_point=point,
        municipality_code=None if point is None else _codes(kind).get(point),
    )


def issuer_for(certificate: Certificate, kind: Kind, trust: TrustStore) -> Anchor:
    """Return the anchor of a certificate that is to serve `kind`.

    A verifier that knows the authority of one kind only still tells the holder of the other that it is the wrong one.
    """
    try:
        anchor = trust.anchor_of(certificate)
    except Rejected as error:
        if profile.claims_other_kind(certificate, kind):
            raise wrong_kind(kind) from error
        raise
    if anchor.kind is not kind:
        raise wrong_kind(kind)
    return anchor


def wrong_kind(wanted: Kind) -> Rejected:
    """Make the error for a certificate of the other kind."""
    return Rejected("verify.wrong_kind", clause="JPKI profile: keyUsage by purpose", wanted=wanted.value)


@cache
def _codes(kind: Kind) -> dict[bytes, str]:
    table = municipalities.table().values()
    return {names.directory_name(names.crldp_dn(kind, municipality)): municipality.code for municipality in table}


def check(status: Status, certificate: Certificate, issuer: Certificate, terms: Terms) -> Answer:
    """Return the statement that makes `certificate` good now.

    Raises `Rejected` for a revoked or held one, `StatusUnavailable` when nothing usable says that it is good.
    """
    sources: list[Callable[[], Answer]] = []
    if status.ocsp is not None:
        response = status.ocsp
        sources.append(lambda: _by_ocsp(response, status.nonce, certificate, issuer, terms))
    if status.crl is not None:
        listed = status.crl
        sources.append(lambda: _by_list(listed, certificate, issuer, terms))
    good: list[Answer] = []
    trouble: StatusUnavailable | None = None
    for source in sources:
        try:
            good.append(_accepted(source(), status, terms))
        except StatusUnavailable as error:
            if error.reason == UNKNOWN:  # no list can vouch for a certificate that its issuer does not know
                raise
            trouble = trouble or error
    if good:
        return good[0]
    raise trouble or StatusUnavailable("verify.status_missing", clause="RFC 5280 §6.1.3 (a)(3)")


def _accepted(said: Answer, status: Status, terms: Terms) -> Answer:
    """Return a "good" that the policy lets pass; raises `StatusUnavailable` naming the source or the missing nonce."""
    if said.source not in terms.policy.sources:
        raise StatusUnavailable("verify.status_source", clause="policy of the verifier", source=said.source)
    if said.source == "ocsp" and terms.policy.needs_nonce and status.nonce is None:
        raise ocsp.invalid("policy of the verifier", "nonce")
    return said


def _by_ocsp(
    response: bytes, nonce: bytes | None, certificate: Certificate, issuer: Certificate, terms: Terms
) -> Answer:
    return judge(ocsp.answer(response, nonce, certificate, issuer, terms), terms.policy.ocsp_max_age, terms)


def _by_list(data: bytes, certificate: Certificate, issuer: Certificate, terms: Terms) -> Answer:
    return judge(crl.answer(data, certificate, issuer, terms.policy), terms.policy.crl_max_age, terms)
