# SPDX-License-Identifier: Apache-2.0
"""Object identifiers of JPKI (arc 1.2.392.200149.8.5) and of the standards that its certificates use.

Certificates issued here carry policies of the test arm (assumption `jpki.policy_arm`); the production identifiers are
listed for verifiers that an operator points at the genuine authorities.
"""

from typing import Final

from tegata.jpki import Carrier, Kind, assumptions

JPKI: Final = "1.2.392.200149.8.5"

# subjectAltName otherName types, order of appearance in the certificate (.1 .4 .3 .5 .2 .6).
COMMON_NAME: Final = f"{JPKI}.5.1"
COMMON_NAME_FLAGS: Final = f"{JPKI}.5.2"
GENDER: Final = f"{JPKI}.5.3"
DATE_OF_BIRTH: Final = f"{JPKI}.5.4"
ADDRESS: Final = f"{JPKI}.5.5"
ADDRESS_FLAGS: Final = f"{JPKI}.5.6"

_CARD_SUFFIX: Final = {Kind.SIGNING: 20, Kind.AUTHENTICATION: 30}


def policy(kind: Kind, carrier: Carrier) -> str:
    """Return the certificate policy that this country issues under for a kind and carrier (test arm)."""
    arm = assumptions.value("jpki.policy_arm")
    if carrier is Carrier.CARD:
        return f"{arm}.{_CARD_SUFFIX[kind]}"
    return f"{arm}.{assumptions.value('jpki.phone_policy_suffixes')[kind.value]}"


PRODUCTION_POLICIES: Final = {
    (Kind.SIGNING, Carrier.CARD): f"{JPKI}.1.1.20",
    (Kind.AUTHENTICATION, Carrier.CARD): f"{JPKI}.1.3.30",
    (Kind.SIGNING, Carrier.PHONE): f"{JPKI}.1.1.40",
}
"""Policies of genuine certificates, for verifiers only; the phone's authentication policy is not known."""

CPS_URI: Final = "http://www.jpki.go.jp/cps.html"

# X.500 attributes, X.509 extensions, extended key usages.
COUNTRY: Final = "2.5.4.6"
LOCALITY: Final = "2.5.4.7"
ORGANIZATION: Final = "2.5.4.10"
ORGANIZATIONAL_UNIT: Final = "2.5.4.11"
CN: Final = "2.5.4.3"

SUBJECT_KEY_IDENTIFIER: Final = "2.5.29.14"
KEY_USAGE: Final = "2.5.29.15"
SUBJECT_ALT_NAME: Final = "2.5.29.17"
ISSUER_ALT_NAME: Final = "2.5.29.18"
BASIC_CONSTRAINTS: Final = "2.5.29.19"
CRL_NUMBER: Final = "2.5.29.20"
CRL_REASON: Final = "2.5.29.21"
ISSUING_DISTRIBUTION_POINT: Final = "2.5.29.28"
CRL_DISTRIBUTION_POINTS: Final = "2.5.29.31"
CERTIFICATE_POLICIES: Final = "2.5.29.32"
AUTHORITY_KEY_IDENTIFIER: Final = "2.5.29.35"
EXTENDED_KEY_USAGE: Final = "2.5.29.37"
AUTHORITY_INFO_ACCESS: Final = "1.3.6.1.5.5.7.1.1"

CPS_QUALIFIER: Final = "1.3.6.1.5.5.7.2.1"
OCSP_ACCESS: Final = "1.3.6.1.5.5.7.48.1"
OCSP_BASIC: Final = "1.3.6.1.5.5.7.48.1.1"
OCSP_NONCE: Final = "1.3.6.1.5.5.7.48.1.2"
OCSP_NO_CHECK: Final = "1.3.6.1.5.5.7.48.1.5"
EKU_CLIENT_AUTH: Final = "1.3.6.1.5.5.7.3.2"
EKU_OCSP_SIGNING: Final = "1.3.6.1.5.5.7.3.9"
