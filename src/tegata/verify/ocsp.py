# SPDX-License-Identifier: Apache-2.0
"""OCSP (RFC 6960) without a connection: build a request, and turn a response into an authentic `Answer`.

A response counts only if it is about the very certificate (name and key of the issuer, serial), signed by the issuer
itself or by a responder that the same issuer certified for this and nothing in between, and, where a nonce was sent,
returns it.  Its age is judged by the caller.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Final

from tegata.codecs import der
from tegata.codecs.der import Cursor, DerError
from tegata.crypto import signatures
from tegata.crypto.keys import CryptoError
from tegata.crypto.signatures import scheme_from_algorithm_identifier
from tegata.jpki import oids
from tegata.verify import reading
from tegata.verify.answer import Answer, Revocation, crl_reason
from tegata.verify.certificate import Certificate
from tegata.verify.errors import Rejected, StatusUnavailable
from tegata.verify.policy import OCSP_LIMIT, Terms
from tegata.verify.reading import malformed

SUCCESSFUL: Final = 0
BASIC: Final = der.oid(oids.OCSP_BASIC)[2:]
GOOD, REVOKED, UNKNOWN = b"\x80\x00", 0xA1, b"\x82\x00"
"""CertStatus (RFC 6960 §4.2.1); that of a revoked certificate has content."""
BY_NAME, BY_KEY = 0xA1, 0xA2
"""ResponderID."""
GENERALIZED: Final = bytes((reading.GENERALIZED_TIME,))
BASIC_SHAPES: Final = (b"\x30\x30\x03\xa0", b"\x30\x30\x03")
"""Tags of BasicOCSPResponse: data, algorithm, signature, certificates."""
DATA_SHAPES: Final = tuple(who + GENERALIZED + b"\x30" + more for who in (b"\xa2", b"\xa1") for more in (b"", b"\xa1"))
"""Tags of ResponseData: responder, producedAt, responses, extensions; only version 1, which DER leaves out."""
SINGLE_ENDS: Final = (b"\xa0", b"", b"\xa0\xa1", b"\xa1")
"""Tags at the end of SingleResponse: nextUpdate, extensions."""
NONCE_LIMIT: Final = 128
"""Octets of a nonce (RFC 9654 §2.1)."""
CERTIFICATES_LIMIT: Final = 4
"""Certificates in a response that are looked at: a delegated responder needs one."""
HASHES: Final = {"1.3.14.3.2.26": "sha1", "2.16.840.1.101.3.4.2.1": "sha256", "2.16.840.1.101.3.4.2.2": "sha384"}
"""Hashes that a CertID may use.  SHA-1 serves here only to name the issuer whose key we already hold."""
PROCESSED: Final = frozenset({oids.OCSP_NONCE})
RESPONDER_PROCESSED: Final = frozenset(
    {oids.KEY_USAGE, oids.EXTENDED_KEY_USAGE, oids.BASIC_CONSTRAINTS, oids.OCSP_NO_CHECK}
)


def request(certificate: Certificate, issuer: Certificate, nonce: bytes | None = None) -> bytes:
    """Return a DER OCSPRequest for one certificate, with SHA-1 in its CertID as every responder understands.

    Raises `ValueError` for a nonce that is not 1 to 128 bytes long.
    """
    sha1 = der.sequence(der.oid("1.3.14.3.2.26"), der.null())
    single = der.sequence(der.sequence(sha1, _issuer_hashes("sha1", issuer), der.integer(certificate.serial)))
    parts = [der.sequence(single)]
    if nonce is not None:
        if not 1 <= len(nonce) <= NONCE_LIMIT:
            raise ValueError("an OCSP nonce has 1 to 128 bytes (RFC 9654 §2.1)")
        extension = der.sequence(der.oid(oids.OCSP_NONCE), der.octet_string(der.octet_string(nonce)))
        parts.append(der.explicit(2, der.sequence(extension)))
    return der.sequence(der.sequence(*parts))


def _issuer_hashes(name: str, issuer: Certificate) -> bytes:
    """Return issuerNameHash and issuerKeyHash of a CertID (RFC 6960 §4.1.1), encoded."""
    return der.octet_string(_digest(name, issuer.subject)) + der.octet_string(
        _digest(name, public_key_bits(issuer.spki))
    )


def _digest(name: str, data: bytes) -> bytes:
    return hashlib.new(name, data, usedforsecurity=False).digest()


def public_key_bits(spki: bytes) -> bytes:
    """Return subjectPublicKey without tag, length and unused bits: what key hashes cover (RFC 6960 §4.1.1)."""
    parts = Cursor.over(spki)
    parts.raw(der.SEQUENCE)
    return reading.whole_bytes(parts.take(der.BIT_STRING))


@dataclass(frozen=True, slots=True)
class _Names:
    """How OCSP names an authority or a responder: in ResponderIDs (all of them), in CertIDs by hash algorithm."""

    responder: frozenset[bytes] = field(repr=False)
    hashes: Mapping[str, bytes] = field(repr=False)


def _names(certificate: Certificate) -> _Names:
    by_key = der.explicit(2, der.octet_string(_digest("sha1", public_key_bits(certificate.spki))))
    hashes = {oid: _issuer_hashes(name, certificate) for oid, name in HASHES.items()}
    return _Names(frozenset({der.explicit(1, certificate.subject), by_key}), hashes)


@dataclass(frozen=True, slots=True)
class _Single:
    """One statement: about whom (hash algorithm, then the encoded hashes of the issuer, serial), and what."""

    hash_oid: str
    issuer: bytes = field(repr=False)
    serial: int
    revocation: Revocation | None
    known: bool
    this_update: datetime
    next_update: datetime | None


@dataclass(frozen=True, slots=True)
class _Response:
    signed: reading.Signed
    responder: bytes = field(repr=False)
    singles: tuple[_Single, ...]
    extensions: reading.Extensions
    carried: bytes = field(repr=False)


def answer(response: bytes, nonce: bytes | None, certificate: Certificate, issuer: Certificate, terms: Terms) -> Answer:
    """Return what an authentic response says of `certificate`.

    Raises `StatusUnavailable` (`verify.status_invalid`, `verify.status_refused`).
    """
    if len(response) > OCSP_LIMIT:
        raise invalid("RFC 6960 §4.2.1", "size")
    try:
        found = _read(bytes(response))
        responder = _authenticate(found, issuer, terms)
        _returns_nonce(found, nonce)
        single = _single_for(found, certificate, issuer, terms)
    except (DerError, CryptoError) as error:
        raise invalid(error.clause or "RFC 6960 §4.2.1", "form") from error
    word = None if responder is None else (responder.not_before, responder.not_after)
    return Answer("ocsp", single.this_update, single.next_update, single.revocation, single.known, word)


def invalid(clause: str, part: str) -> StatusUnavailable:
    """Make the error for a response that cannot be used, naming the part that is wrong."""
    return StatusUnavailable("verify.status_invalid", clause=clause, source="ocsp", part=part)


def _read(data: bytes) -> _Response:
    inside = _envelope(len(data))
    if inside is not None and data.startswith(inside):
        return _read_basic(data[len(inside) :])
    outer = Cursor.over(data)
    status = der.whole_number(outer.take(reading.ENUMERATED))
    if status != SUCCESSFUL:
        raise StatusUnavailable("verify.status_refused", clause="RFC 6960 §2.3", response_status=status)
    wrapper = outer.explicit(0)
    outer.end()
    if wrapper is None:
        raise malformed("RFC 6960 §4.2.1")
    inner = wrapper.inside()
    wrapper.end()
    if inner.take(der.OID) != BASIC:
        raise malformed("RFC 6960 §4.2.1")
    content = inner.take(der.OCTET_STRING)
    inner.end()
    return _read_basic(content)


@lru_cache(4096)
def _envelope(size: int) -> bytes | None:
    """Return what stands before the BasicOCSPResponse in a successful response of `size` bytes.

    DER leaves no choice there, so that comparing reads it as strictly as reading does.
    """
    for overhead in range(20, 40):
        basic = bytes(max(size - overhead, 0))
        inner = der.sequence(der.tlv(der.OID, BASIC), der.octet_string(basic))
        whole = der.sequence(der.enumerated(SUCCESSFUL), der.explicit(0, inner))
        if len(whole) == size:
            return whole[: size - len(basic)]
    return None


def _read_basic(data: bytes) -> _Response:
    start, end = der.span(data, 0, len(data))
    tags, at = der.shape(data, start, end)
    if data[0] != der.SEQUENCE or end != len(data) or tags not in BASIC_SHAPES:
        raise malformed("RFC 6960 §4.2.1")
    tbs, identifier = data[at[0] : at[2]], data[at[3] : at[5]]
    scheme = scheme_from_algorithm_identifier(identifier)
    signed = reading.Signed(tbs, identifier, scheme, reading.whole_bytes(data[at[7] : at[8]]))
    carried = data[at[10] : at[11]] if len(tags) == 4 else b""
    start, end = der.span(tbs, 0, len(tbs))
    tags, at = der.shape(tbs, start, end)
    if tags not in DATA_SHAPES:
        raise malformed("RFC 6960 §4.2.1")
    reading.moment(reading.GENERALIZED_TIME, tbs[at[4] : at[5]])
    extensions = reading.extensions(tbs, at[10], at[11]) if len(tags) == 4 else {}
    if reading.unprocessed_critical(extensions, PROCESSED) is not None:
        raise malformed("RFC 6960 §4.4")
    return _Response(signed, tbs[at[0] : at[2]], _read_singles(tbs, at[7], at[8]), extensions, carried)


def _read_singles(tbs: bytes, start: int, end: int) -> tuple[_Single, ...]:
    tags, at = der.shape(tbs, start, end)
    if tags.strip(b"\x30"):
        raise malformed("RFC 6960 §4.2.1")
    return tuple(_read_single(tbs, at[3 * n + 1], at[3 * n + 2]) for n in range(len(tags)))


def _read_single(tbs: bytes, start: int, end: int) -> _Single:
    tags, at = der.shape(tbs, start, end)
    if tags[:1] != b"\x30" or tags[2:3] != GENERALIZED or tags[3:] not in SINGLE_ENDS:
        raise malformed("RFC 6960 §4.2.1")
    hash_oid, issuer, serial = _read_cert_id(tbs, at[1], at[2])
    known, revocation = _read_status(tbs[at[3] : at[5]])
    this_update = reading.moment(reading.GENERALIZED_TIME, tbs[at[7] : at[8]])
    next_update = None
    if tags[3:4] == b"\xa0":
        until = tbs[at[10] : at[11]]
        until = (
            until[2:]
            if until[:2] == b"\x18\x0f" and len(until) == 17
            else reading.only(until, reading.GENERALIZED_TIME)
        )
        next_update = reading.moment(reading.GENERALIZED_TIME, until)
    extensions = reading.extensions(tbs, at[-2], at[-1]) if tags[-1] == 0xA1 else {}
    if reading.unprocessed_critical(extensions, frozenset()) is not None:
        raise malformed("RFC 6960 §4.4")
    if next_update is not None and next_update < this_update:
        raise malformed("RFC 6960 §4.2.2.1")
    return _Single(hash_oid, issuer, serial, revocation, known, this_update, next_update)


def _read_cert_id(tbs: bytes, start: int, end: int) -> tuple[str, bytes, int]:
    """Return hash algorithm, the encoded hashes of the issuer, and serial number (CertID, RFC 6960 §4.1.1)."""
    tags, at = der.shape(tbs, start, end)
    if tags != b"\x30\x04\x04\x02":
        raise malformed("RFC 6960 §4.1.1")
    return _hash_algorithm(tbs[at[0] : at[2]]), tbs[at[3] : at[8]], der.whole_number(tbs[at[10] : at[11]])


@reading.Remembering
def _hash_algorithm(identifier: bytes) -> str:
    algorithm = Cursor.over(identifier)
    found = der.dotted(algorithm.take(der.OID))
    algorithm.optional(der.NULL)
    algorithm.end()
    return found


def _read_status(status: bytes) -> tuple[bool, Revocation | None]:
    """Return whether the certificate is known, and its revocation (CertStatus, RFC 6960 §4.2.1)."""
    if status in (GOOD, UNKNOWN):
        return status == GOOD, None
    revoked = Cursor.over(status, REVOKED)
    at = reading.moment(reading.GENERALIZED_TIME, revoked.take(reading.GENERALIZED_TIME))
    reason = revoked.explicit(0)
    revoked.end()
    code = 0
    if reason is not None:
        code = der.whole_number(reason.take(reading.ENUMERATED))
        reason.end()
    try:
        return True, Revocation(at, crl_reason(code))
    except KeyError as error:
        raise malformed("RFC 5280 §5.3.1") from error


def _single_for(found: _Response, certificate: Certificate, issuer: Certificate, terms: Terms) -> _Single:
    """Return the one statement about `certificate`; two about the same would contradict or confuse."""
    hashes = _names_of(issuer, terms).hashes
    about = [
        single
        for single in found.singles
        if single.serial == certificate.serial and hashes.get(single.hash_oid) == single.issuer
    ]
    if len(about) != 1 or certificate.issuer != issuer.subject:
        raise invalid("RFC 6960 §3.2 (1)", "certID")
    return about[0]


def _names_of(certificate: Certificate, terms: Terms) -> _Names:
    """Return how OCSP names an authority, worked out once."""
    known: _Names | None = terms.memory.names.get(certificate.fingerprint)
    if known is None:
        known = _names(certificate)
        terms.memory.names.keep(certificate.fingerprint, known)
    return known


def _returns_nonce(found: _Response, nonce: bytes | None) -> None:
    if nonce is None:
        return
    extension = found.extensions.get(oids.OCSP_NONCE)
    if extension is None or reading.only(extension.value, der.OCTET_STRING) != nonce:
        raise invalid("RFC 9654 §2.1", "nonce")


def _authenticate(found: _Response, issuer: Certificate, terms: Terms) -> Certificate | None:
    """Find who signed, and check the signature (RFC 6960 §3.2 (2)-(4), §4.2.2.2); returns a delegated responder."""
    signed = found.signed
    if signed.scheme not in terms.policy.schemes:
        raise invalid("RFC 6960 §4.3", "signatureAlgorithm")
    trouble: StatusUnavailable | None = None
    for signer in _named_signers(found, issuer, terms):
        try:
            signatures.check(signer.key, signed.scheme, signed.tbs, signed.signature)
        except CryptoError:
            continue
        if signer is issuer:
            return None
        try:
            _check_responder(signer, found.carried, issuer, terms)
        except StatusUnavailable as error:
            trouble = error
            continue
        return signer
    raise trouble or invalid("RFC 6960 §3.2 (2)", "signature")


def _named_signers(found: _Response, issuer: Certificate, terms: Terms) -> Iterator[Certificate]:
    """Yield those whom the response names as its signer: the issuer, then certificates that it carries."""
    _check_form(found.responder)
    if found.responder in _names_of(issuer, terms).responder:
        yield issuer
    if not found.carried:
        return
    known: tuple[Certificate, frozenset[bytes]] | None = terms.memory.responders.get((issuer.der, found.carried))
    for responder, named in _carried(found.carried) if known is None else (known,):
        if found.responder in named:
            yield responder


def _carried(content: bytes) -> Iterator[tuple[Certificate, frozenset[bytes]]]:
    """Yield the first few certificates that a response carries, with the ResponderIDs that mean them.

    One that cannot be read is passed over, as nobody's word rests on it.
    """
    inside, found = Cursor.over(content), []
    while inside.more():
        found.append(inside.any())
    for data in found[:CERTIFICATES_LIMIT]:
        try:
            certificate = Certificate.parse(data)
        except Rejected:
            continue
        yield certificate, _names(certificate).responder


def _check_form(responder: bytes) -> None:
    """Refuse a ResponderID that is neither a name nor the hash of a key."""
    if len(responder) == 24 and responder[:4] == b"\xa2\x16\x04\x14":  # a SHA-1, as it should be
        return
    if responder[0] == BY_KEY:
        reading.only(reading.only(responder, BY_KEY), der.OCTET_STRING)
    elif responder[0] != BY_NAME:
        raise malformed("RFC 6960 §4.2.1")


def _check_responder(responder: Certificate, carried: bytes, issuer: Certificate, terms: Terms) -> None:
    """Refuse a responder that the issuer itself did not certify for OCSP, for now (RFC 6960 §4.2.2.2)."""
    known = terms.memory.responders.get((issuer.der, carried)) is not None
    if not known:
        _check_delegation(responder, issuer)
    if terms.policy.responder_needs_no_check and oids.OCSP_NO_CHECK not in responder.extensions:
        raise invalid("RFC 6960 §4.2.2.2", "responder nocheck")
    if not responder.not_before <= terms.now <= responder.not_after:
        raise invalid("RFC 6960 §4.2.2.2", "responder validity")
    if responder.scheme not in terms.policy.schemes:
        raise invalid("RFC 6960 §4.2.2.2", "responder signatureAlgorithm")
    if not known:
        terms.memory.responders.keep((issuer.der, carried), (responder, _names_of(responder, terms).responder))


def _check_delegation(responder: Certificate, issuer: Certificate) -> None:
    """Refuse a responder for what neither time nor policy changes."""
    key = responder.authority_key
    usage = responder.extended_key_usage or ()
    facts = {
        "responder issuer": responder.issuer == issuer.subject,
        "responder authority key": key is None or key.key_id in (None, issuer.subject_key_id),
        "responder extKeyUsage": oids.EKU_OCSP_SIGNING in usage,
        "responder keyUsage": responder.key_usage is None or bool(responder.key_usage & {0, 1}),
        "responder basicConstraints": not responder.is_ca,
        "responder critical extension": not reading.unprocessed_critical(responder.extensions, RESPONDER_PROCESSED),
    }
    for part, fits in facts.items():
        if not fits:
            raise invalid("RFC 6960 §4.2.2.2", part)
    try:
        signatures.check(issuer.key, responder.scheme, responder.tbs, responder.signature)
    except CryptoError as error:
        raise invalid("RFC 6960 §4.2.2.2", "responder signature") from error
