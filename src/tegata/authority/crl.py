# SPDX-License-Identifier: Apache-2.0
"""Revocation lists (RFC 5280 §5), one for each municipality and kind, and one for the authorities' own certificates.

A list names the same distribution point as the certificates that it is for, so that a verifier can tell that it holds
the right one.  This module writes the bytes; `status` decides when.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tegata.authority import profiles
from tegata.authority.model import Certificate, Reason
from tegata.authority.profiles import Issuer
from tegata.codecs import der
from tegata.crypto import signatures
from tegata.jpki import oids


@dataclass(frozen=True, slots=True)
class ListPlan:
    """Everything that decides a list.  `point` is the directory name of its distribution point."""

    point: bytes
    number: int
    this_update: datetime
    next_update: datetime
    for_authorities: bool = False


def tbs(plan: ListPlan, revoked: Iterable[Certificate], issuer: Issuer) -> bytes:
    """Return the TBSCertList; an empty list leaves `revokedCertificates` out (RFC 5280 §5.1.2.6)."""
    entries = [_entry(one) for one in revoked]
    extensions = der.sequence(
        profiles.extension(oids.AUTHORITY_KEY_IDENTIFIER, profiles.authority_key_identifier(issuer)),
        profiles.extension(oids.CRL_NUMBER, der.integer(plan.number)),
        profiles.extension(oids.ISSUING_DISTRIBUTION_POINT, _scope(plan), critical=True),
    )
    return der.sequence(
        der.integer(1),
        signatures.algorithm_identifier(issuer.scheme),
        issuer.dn,
        der.x509_time(plan.this_update),
        der.x509_time(plan.next_update),
        der.sequence(*entries) if entries else b"",
        der.explicit(0, extensions),
    )


def _scope(plan: ListPlan) -> bytes:
    """IssuingDistributionPoint: its point, and that it is for user certificates [1] or for authorities' [2]."""
    only = der.context(2 if plan.for_authorities else 1, b"\xff", constructed=False)
    return der.sequence(profiles.distribution_point(plan.point), only)


def _entry(one: Certificate) -> bytes:
    """One entry; the reason `unspecified` is shown by the absence of a reason (RFC 5280 §5.3.1)."""
    assert one.revocation is not None  # noqa: S101 -- the store gives revoked ones only
    reason = one.revocation.reason
    extensions = b""
    if reason is not Reason.UNSPECIFIED:
        extensions = der.sequence(profiles.extension(oids.CRL_REASON, der.enumerated(reason.code)))
    return der.sequence(der.integer(one.serial), der.x509_time(one.revocation.at), extensions)
