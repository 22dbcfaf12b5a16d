# SPDX-License-Identifier: Apache-2.0
"""What a JPKI certificate must be to serve a purpose, as data (JPKI certificate profile), and the check against it.

A signing certificate never satisfies an authentication purpose, nor the other way round: policy, issuing authority,
key usage and attributes must all tell the same kind.
"""

from dataclasses import dataclass
from typing import Final

from tegata.jpki import Carrier, Kind, oids
from tegata.verify import reading
from tegata.verify.certificate import Certificate
from tegata.verify.errors import Rejected
from tegata.verify.policy import Policy

DIGITAL_SIGNATURE: Final = 0
NON_REPUDIATION: Final = 1

PROCESSED: Final = frozenset(
    {
        oids.KEY_USAGE,
        oids.EXTENDED_KEY_USAGE,
        oids.SUBJECT_ALT_NAME,
        oids.CERTIFICATE_POLICIES,
        oids.BASIC_CONSTRAINTS,
        oids.CRL_DISTRIBUTION_POINTS,
    }
)
"""Extensions whose meaning is applied, so that they may be critical.  Key identifiers and access pointers must not."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Exact key usage, exact extended key usage (None: absent), and whether the four attributes are carried."""

    key_usage: frozenset[int]
    extended_key_usage: tuple[str, ...] | None
    attributes: bool
    clause: str


PROFILES: Final = {
    Kind.SIGNING: Profile(
        frozenset({DIGITAL_SIGNATURE, NON_REPUDIATION}), None, True, "JPKI profile: signing certificate"
    ),
    Kind.AUTHENTICATION: Profile(
        frozenset({DIGITAL_SIGNATURE}), (oids.EKU_CLIENT_AUTH,), False, "JPKI profile: authentication certificate"
    ),
}


def claims_other_kind(certificate: Certificate, kind: Kind) -> bool:
    """Return whether the certificate itself says that it is for the other purpose."""
    return certificate.kind is not None and certificate.kind is not kind


def check(certificate: Certificate, kind: Kind, policy: Policy) -> Carrier:
    """Return the carrier of a certificate that fits `kind`, and was issued by the authority of `kind`.

    Raises `Rejected`: `verify.wrong_carrier`, or `verify.profile` naming the part.
    """
    unknown = reading.unprocessed_critical(certificate.extensions, PROCESSED)
    if unknown is not None:
        raise Rejected("verify.profile", clause="RFC 5280 §6.1.4 (o)", part=f"critical extension {unknown}")
    carrier = _carrier(certificate, kind, policy)
    wanted = PROFILES[kind]
    facts = {
        "basicConstraints": not certificate.is_ca,
        "keyUsage": _critical(certificate, oids.KEY_USAGE) and certificate.key_usage == wanted.key_usage,
        "extKeyUsage": certificate.extended_key_usage == wanted.extended_key_usage,
        "subjectAltName": _carries_attributes(certificate, wanted),
    }
    for part, fits in facts.items():
        if not fits:
            raise Rejected("verify.profile", clause=wanted.clause, part=part)
    if carrier not in policy.carriers:
        raise Rejected("verify.wrong_carrier", clause="policy of the verifier", carrier=carrier.value)
    return carrier


def _carrier(certificate: Certificate, kind: Kind, policy: Policy) -> Carrier:
    """Return the carrier that the one policy, which must be critical, stands for."""
    accepted = policy.certificate_policies.get(certificate.policies[0]) if len(certificate.policies) == 1 else None
    if accepted is None or not _critical(certificate, oids.CERTIFICATE_POLICIES) or accepted[0] is not kind:
        raise Rejected("verify.profile", clause=PROFILES[kind].clause, part="certificatePolicies")
    return accepted[1]


def _critical(certificate: Certificate, name: str) -> bool:
    extension = certificate.extensions.get(name)
    return extension is not None and extension.critical


def _carries_attributes(certificate: Certificate, wanted: Profile) -> bool:
    if wanted.attributes:
        return certificate.basic_four is not None
    return oids.SUBJECT_ALT_NAME not in certificate.extensions
