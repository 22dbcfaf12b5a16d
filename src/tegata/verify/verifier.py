# SPDX-License-Identifier: Apache-2.0
"""The verifier's steps, in order.  Each is one check of the verdict, and the first that fails ends the work.

1. certificate.form      The bytes are one X.509 v3 certificate in DER, with a key and an algorithm that we know.
2. certificate.path      One of our anchors, chosen by key identifier and agreeing in name, is for this purpose, is
                         itself valid now, and signed the certificate.
3. certificate.validity  Now lies between notBefore and notAfter.
4. certificate.profile   It is a JPKI certificate of the purpose: policy, key usage, attributes; nothing critical in it
                         is unknown to us; its carrier is one that the relying party accepts.
5. certificate.status    A fresh, authentic OCSP response or revocation list about this very certificate says good.
6. signature.value       The data was signed by the certificate's key.  (Only where there is data.)

Everything is an argument: nothing here looks at a clock, a file or a network.
"""

from dataclasses import dataclass, field
from datetime import datetime

from tegata.crypto import signatures
from tegata.crypto.keys import CryptoError, Scheme
from tegata.crypto.signatures import BadSignature
from tegata.jpki import Kind
from tegata.verify import profile
from tegata.verify import status as statuses
from tegata.verify.answer import Answer, stamp
from tegata.verify.certificate import Certificate
from tegata.verify.checks import CERTIFICATE_STEPS, EVIDENCE_STEPS, Check, Step
from tegata.verify.errors import Rejected
from tegata.verify.ledger import Ledger
from tegata.verify.policy import DEFAULT_POLICY, Policy, Terms
from tegata.verify.status import Status
from tegata.verify.trust import Anchor, TrustStore
from tegata.verify.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Evidence:
    """Data, a signature over it, the signer's certificate, the purpose it must serve, and the certificate's status.

    Without `scheme`, the one that the certificate's kind of key signs documents with (RSA: PKCS#1 v1.5 and SHA-256).
    """

    certificate: bytes = field(repr=False)
    data: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    kind: Kind
    status: Status
    scheme: Scheme | None = None


@dataclass(frozen=True, slots=True)
class _Proved:
    certificate: Certificate
    anchor: Anchor
    answer: Answer
    checks: tuple[Check, ...]
    first: datetime
    last: datetime
    policy: Policy


def verify(evidence: Evidence, trust: TrustStore, now: datetime, policy: Policy = DEFAULT_POLICY) -> Verdict:
    """Judge a signature over data.  Raises `Rejected` or `StatusUnavailable`, with `checks`."""
    proved = _prove(EVIDENCE_STEPS, evidence.certificate, evidence.kind, evidence.status, trust, now, policy)
    ledger = Ledger(EVIDENCE_STEPS, proved.checks)
    # 6. The data was signed by the certificate's key.
    with ledger.step("signature.value"):
        scheme = evidence.scheme or Scheme.default(proved.certificate.algorithm)
        _check_signature(evidence, scheme, proved.certificate, policy)
        ledger.detail = scheme.value
    return _verdict(proved, now, ledger.checks(), scheme)


def verify_certificate(
    certificate: bytes, kind: Kind, status: Status, trust: TrustStore, now: datetime, policy: Policy = DEFAULT_POLICY
) -> Verdict:
    """Judge a certificate alone.  Raises `Rejected` or `StatusUnavailable`, with `checks`."""
    proved = _prove(CERTIFICATE_STEPS, certificate, kind, status, trust, now, policy)
    return _verdict(proved, now, proved.checks, None)


def _prove(
    steps: tuple[Step, ...],
    data: bytes,
    kind: Kind,
    status: Status,
    trust: TrustStore,
    now: datetime,
    policy: Policy,
) -> _Proved:
    """Return what the first five steps prove, from memory where the same was proved and the time changes nothing."""
    if now.tzinfo is None:
        raise ValueError("the verifier needs an aware datetime")
    asked = (bytes(data), kind, status.ocsp, status.crl, status.nonce)
    before: _Proved | None = trust.memory.proofs.get(asked)
    if before is not None and before.policy is policy and before.first <= now <= before.last:
        return before
    proved = _prove_anew(Ledger(steps), asked[0], kind, status, trust, Terms(now, policy, trust.memory))
    if status.ocsp is None or status.crl is None:  # of two sources, one may be silent now and speak later
        trust.memory.proofs.keep(asked, proved)
    return proved


def _prove_anew(ledger: Ledger, data: bytes, kind: Kind, status: Status, trust: TrustStore, terms: Terms) -> _Proved:
    # 1. One certificate in DER.
    with ledger.step("certificate.form"):
        known: Certificate | None = trust.memory.chains.get(data)
        certificate = known or Certificate.parse(data)
    # 2. Signed by an anchor of this purpose.
    with ledger.step("certificate.path"):
        anchor = statuses.issuer_for(certificate, kind, trust)
        _check_path(certificate, anchor.certificate, terms, signed=known is not None)
        if known is None:
            trust.memory.chains.keep(data, certificate)
    # 3. Valid now.
    with ledger.step("certificate.validity"):
        _check_validity(certificate, terms.now)
    # 4. A JPKI certificate of this purpose.
    with ledger.step("certificate.profile"):
        ledger.detail = profile.check(certificate, kind, terms.policy).value
    # 5. Neither revoked nor held.
    with ledger.step("certificate.status"):
        answer = statuses.check(status, certificate, anchor.certificate, terms)
        ledger.detail = f"{answer.source} {stamp(answer.this_update)}"
    first, last = _window(certificate, anchor.certificate, answer, terms.policy)
    return _Proved(certificate, anchor, answer, ledger.done(), first, last, terms.policy)


def _window(certificate: Certificate, issuer: Certificate, answer: Answer, policy: Policy) -> tuple[datetime, datetime]:
    """Return from when until when the same evidence passes the same checks."""
    max_age = policy.ocsp_max_age if answer.source == "ocsp" else policy.crl_max_age
    first, last = answer.window(max_age, policy.skew)
    return max(first, certificate.not_before, issuer.not_before), min(last, certificate.not_after, issuer.not_after)


def _check_path(certificate: Certificate, issuer: Certificate, terms: Terms, *, signed: bool) -> None:
    """Refuse a certificate that its anchor, itself valid now, did not sign; `signed` says that this was seen before."""
    if not issuer.not_before <= terms.now <= issuer.not_after:
        raise Rejected("verify.anchor_expired", clause="RFC 5280 §6.1.3 (a)(2)")
    if certificate.scheme not in terms.policy.schemes:
        raise Rejected("verify.untrusted", clause="RFC 5280 §4.1.1.2")
    if signed:
        return
    try:
        signatures.check(issuer.key, certificate.scheme, certificate.tbs, certificate.signature)
    except CryptoError as error:
        raise Rejected("verify.untrusted", clause="RFC 5280 §6.1.3 (a)(1)") from error


def _check_validity(certificate: Certificate, now: datetime) -> None:
    if now > certificate.not_after:
        raise Rejected("verify.expired", not_after=stamp(certificate.not_after))
    if now < certificate.not_before:
        raise Rejected("verify.not_yet_valid", not_before=stamp(certificate.not_before))


def _check_signature(evidence: Evidence, scheme: Scheme, certificate: Certificate, policy: Policy) -> None:
    if scheme not in policy.schemes:
        raise Rejected("verify.scheme_refused", clause="policy of the verifier", scheme=scheme.value)
    try:
        signatures.check(certificate.key, scheme, evidence.data, evidence.signature)
    except BadSignature as error:
        raise Rejected("verify.bad_signature") from error
    except CryptoError as error:
        raise Rejected("verify.scheme_refused", clause="RFC 8017 §8", scheme=scheme.value) from error


def _verdict(proved: _Proved, now: datetime, checks: tuple[Check, ...], scheme: Scheme | None) -> Verdict:
    certificate, answer = proved.certificate, proved.answer
    kind, carrier = proved.policy.certificate_policies[certificate.policies[0]]
    return Verdict(
        kind=kind,
        carrier=carrier,
        serial=certificate.serial,
        certificate=certificate,
        fingerprint=certificate.fingerprint,
        anchor_fingerprint=proved.anchor.certificate.fingerprint,
        basic_four=certificate.basic_four,
        scheme=scheme,
        at=now,
        status_source=answer.source,
        this_update=answer.this_update,
        next_update=answer.next_update,
        checks=checks,
    )
