# SPDX-License-Identifier: Apache-2.0
"""Revocation lists (RFC 5280 §5, §6.3): turn a CRL into an authentic `Answer` about one certificate.

A list counts only if the certificate's own authority signed it, it is complete for the distribution point that the
certificate names, and nothing in it is critical and unknown to us.  Deltas, indirect lists and lists of some reasons
only are refused.  The signature is checked before the entries are walked, so hostile bytes cost little.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from tegata.codecs import der
from tegata.codecs.der import Cursor, DerError
from tegata.crypto import signatures
from tegata.crypto.keys import CryptoError
from tegata.crypto.signatures import BadSignature
from tegata.jpki import oids
from tegata.verify import reading
from tegata.verify.answer import Answer, Revocation, crl_reason
from tegata.verify.certificate import Certificate
from tegata.verify.errors import StatusUnavailable
from tegata.verify.policy import CRL_LIMIT, Policy
from tegata.verify.reading import Extensions, malformed

VERSION_2: Final = 1
DELTA_INDICATOR: Final = "2.5.29.27"
TIMES: Final = (reading.UTC_TIME, reading.GENERALIZED_TIME)
PROCESSED: Final = frozenset({oids.ISSUING_DISTRIBUTION_POINT})
ENTRY_PROCESSED: Final = frozenset({oids.CRL_REASON})


@dataclass(frozen=True, slots=True)
class _List:
    signed: reading.Signed
    issuer: bytes = field(repr=False)
    this_update: datetime
    next_update: datetime
    entries: Cursor | None = field(repr=False)
    extensions: Extensions


def answer(data: bytes, certificate: Certificate, issuer: Certificate, policy: Policy) -> Answer:
    """Return what an authentic, complete list says of `certificate`.

    Raises `StatusUnavailable` (`verify.status_invalid`).
    """
    if len(data) > CRL_LIMIT:
        raise invalid("RFC 5280 §5.1", "size")
    try:
        found = _read(bytes(data))
        _authenticate(found, issuer, policy)
        _covers(found, certificate)
        revocation = _look_up(found.entries, certificate.serial)
    except (DerError, CryptoError) as error:
        raise invalid(error.clause or "RFC 5280 §5.1", "form") from error
    return Answer("crl", found.this_update, found.next_update, revocation)


def invalid(clause: str, part: str) -> StatusUnavailable:
    """Make the error for a list that cannot be used, naming the part that is wrong."""
    return StatusUnavailable("verify.status_invalid", clause=clause, source="crl", part=part)


def _read(data: bytes) -> _List:
    signed = reading.signed(data)
    tbs = Cursor.over(signed.tbs)
    if der.whole_number(tbs.take(der.INTEGER)) != VERSION_2:
        raise malformed("RFC 5280 §5.1.2.1")
    if tbs.raw(der.SEQUENCE) != signed.identifier:
        raise malformed("RFC 5280 §5.1.1.2")
    issuer = tbs.raw(der.SEQUENCE)
    this_update, next_update = reading.any_moment(tbs), reading.any_moment(tbs)
    entries = tbs.inside() if tbs.at(der.SEQUENCE) else None
    extensions = reading.more_extensions(tbs, 0)
    tbs.end()
    if next_update < this_update:
        raise malformed("RFC 5280 §5.1.2.5")
    return _List(signed, issuer, this_update, next_update, entries, extensions)


def _authenticate(found: _List, issuer: Certificate, policy: Policy) -> None:
    """Check issuer name, issuer key and signature (RFC 5280 §6.3.3 (b)(1), (f), (g))."""
    named = found.extensions.get(oids.AUTHORITY_KEY_IDENTIFIER)
    key = None if named is None else reading.authority_key(named.value)
    if found.issuer != issuer.subject:
        raise invalid("RFC 5280 §6.3.3 (b)(1)", "issuer")
    if key is None or key.key_id != issuer.subject_key_id:
        raise invalid("RFC 5280 §5.2.1", "authorityKeyIdentifier")
    if found.signed.scheme not in policy.schemes:
        raise invalid("RFC 5280 §5.1.1.2", "signatureAlgorithm")
    try:
        signatures.check(issuer.key, found.signed.scheme, found.signed.tbs, found.signed.signature)
    except BadSignature as error:
        raise invalid("RFC 5280 §6.3.3 (g)", "signature") from error


def _covers(found: _List, certificate: Certificate) -> None:
    """Refuse a list that is not complete for this certificate (RFC 5280 §5.2.4, §5.2.5, §6.3.3 (b)(2))."""
    if DELTA_INDICATOR in found.extensions:
        raise invalid("RFC 5280 §5.2.4", "deltaCRLIndicator")
    unknown = reading.unprocessed_critical(found.extensions, PROCESSED)
    if unknown is not None:
        raise invalid("RFC 5280 §5.2", f"critical extension {unknown}")
    extension = found.extensions.get(oids.ISSUING_DISTRIBUTION_POINT)
    if extension is None:
        return
    parts = Cursor.over(extension.value)
    names = reading.full_names(parts)
    users_only, authorities_only = reading.flag(parts.optional(0x81)), reading.flag(parts.optional(0x82))
    some_reasons = parts.optional(0x83)
    indirect, attributes_only = reading.flag(parts.optional(0x84)), reading.flag(parts.optional(0x85))
    parts.end()
    if names is not None and not set(names) & set(certificate.distribution_points):
        raise invalid("RFC 5280 §6.3.3 (b)(2)(i)", "distributionPoint")
    if some_reasons is not None or indirect or attributes_only or (users_only and authorities_only):
        raise invalid("RFC 5280 §5.2.5", "issuingDistributionPoint")
    if (users_only and certificate.is_ca) or (authorities_only and not certificate.is_ca):
        raise invalid("RFC 5280 §6.3.3 (b)(2)(ii)", "issuingDistributionPoint")


def _look_up(entries: Cursor | None, serial: int) -> Revocation | None:
    """Return the revocation of `serial`.

    Every entry is read, because one critical extension that is unknown makes the whole list unusable (RFC 5280 §5.3).
    """
    found: Revocation | None = None
    while entries is not None and entries.more():
        parts = entries.inside()
        number = der.whole_number(parts.take(der.INTEGER))
        at = reading.any_moment(parts)
        reason = _reason(parts.raw(der.SEQUENCE)) if parts.at(der.SEQUENCE) else 0
        parts.end()
        if number == serial:
            if found is not None:
                raise malformed("RFC 5280 §5.1.2.6")
            found = Revocation(at, reason)
    return found


@reading.Remembering
def _reason(listed: bytes) -> int:
    """Return the reason that the extensions of an entry give."""
    extensions = reading.extensions(listed, 0, len(listed))
    unknown = reading.unprocessed_critical(extensions, ENTRY_PROCESSED)
    if unknown is not None:
        raise invalid("RFC 5280 §5.3", f"critical entry extension {unknown}")
    extension = extensions.get(oids.CRL_REASON)
    if extension is None:
        return 0
    try:
        return crl_reason(der.whole_number(reading.only(extension.value, reading.ENUMERATED)))
    except KeyError as error:
        raise malformed("RFC 5280 §5.3.1") from error
