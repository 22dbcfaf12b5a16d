# SPDX-License-Identifier: Apache-2.0
"""Whom a verifier trusts: the certificates of the authorities, by key.

All generations of an authority share one name, so the anchor is chosen by key identifier; name, and the issuer's
serial where the certificate gives it, must then agree too.  An anchor is checked when the store is made:
it must be a CA by basicConstraints and keyUsage, and carry a key identifier.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tegata.jpki import Kind, names, oids
from tegata.verify.certificate import Certificate
from tegata.verify.errors import Rejected
from tegata.verify.memory import PEOPLE, Memory

KEY_CERT_SIGN = 5
CRL_SIGN = 6
PROCESSED = frozenset({oids.BASIC_CONSTRAINTS, oids.KEY_USAGE})


@dataclass(frozen=True, slots=True)
class Anchor:
    """An authority's certificate, and which kind of certificate it issues."""

    kind: Kind
    certificate: Certificate
    key_id: bytes = field(repr=False)
    issuer_name: bytes = field(repr=False)
    """The anchor's own issuer as a GeneralName: what an authorityKeyIdentifier may name."""


@dataclass(frozen=True, slots=True)
class TrustStore:
    """The anchors of a verifier, found by key identifier, and what was proved with them before."""

    _anchors: Mapping[bytes, tuple[Anchor, ...]] = field(repr=False)
    memory: Memory = field(default_factory=Memory, repr=False, compare=False)

    @classmethod
    def of(cls, anchors: Mapping[Kind, Iterable[bytes]], *, remember: int = PEOPLE) -> "TrustStore":
        """Make a store of DER certificates by kind; raises `Rejected` (`verify.bad_anchor`, `verify.malformed`).

        It keeps as many certificates and status answers in memory as `remember` says; 0 keeps none of anybody.
        """
        by_key: dict[bytes, tuple[Anchor, ...]] = {}
        for kind, certificates in anchors.items():
            for data in certificates:
                anchor = _anchor(kind, Certificate.parse(data))
                beside = by_key.get(anchor.key_id, ())
                if any(other.kind is not kind for other in beside):
                    raise Rejected("verify.bad_anchor", clause="JPKI: one key, one authority")
                by_key[anchor.key_id] = (*beside, anchor)
        return cls(by_key, Memory(remember))

    def issuer_of(self, certificate: Certificate) -> Certificate:
        """Return the anchor that `certificate` names as its issuer; raises `Rejected` (`verify.untrusted`)."""
        return self.anchor_of(certificate).certificate

    def anchor_of(self, certificate: Certificate) -> Anchor:
        """As `issuer_of`, with the kind of the authority.  The signature is not checked here."""
        named = certificate.authority_key
        candidates = () if named is None or named.key_id is None else self._anchors.get(named.key_id, ())
        for anchor in candidates:
            if _names(certificate, anchor):
                return anchor
        raise Rejected("verify.untrusted", clause="RFC 5280 §6.1.3 (a)(4)")


def _anchor(kind: Kind, certificate: Certificate) -> Anchor:
    usage = certificate.key_usage or frozenset()
    key_id = certificate.subject_key_id
    critical = {name for name, extension in certificate.extensions.items() if extension.critical}
    if not certificate.is_ca or not {KEY_CERT_SIGN, CRL_SIGN} <= usage or not key_id or critical - PROCESSED:
        raise Rejected("verify.bad_anchor", clause="RFC 5280 §6.1.4 (k)-(o)")
    return Anchor(kind, certificate, key_id, names.directory_name(certificate.issuer))


def _names(certificate: Certificate, anchor: Anchor) -> bool:
    named, issuer = certificate.authority_key, anchor.certificate
    if certificate.issuer != issuer.subject or named is None:
        return False
    if named.serial is None or named.issuer is None:
        return True
    return named.serial == issuer.serial and anchor.issuer_name in named.issuer
