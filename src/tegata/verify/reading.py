# SPDX-License-Identifier: Apache-2.0
"""Readers for the pieces that certificates, OCSP responses and revocation lists share, on top of `tegata.codecs.der`.

Strategy: take the elements of a SEQUENCE strictly in order, leave nothing over, and never descend into what is only
compared as bytes (names, keys).  Nothing here recurses, so depth is bounded by the code and size by the caller.
What many certificates share byte for byte (policies, usages, distribution points) is read once and remembered.
Everything raises `DerError`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from tegata.codecs import der
from tegata.codecs.der import Cursor, DerError
from tegata.crypto.keys import Scheme
from tegata.crypto.signatures import scheme_from_algorithm_identifier
from tegata.jpki import oids

UTC_TIME: Final = 0x17
GENERALIZED_TIME: Final = 0x18
ENUMERATED: Final = 0x0A

REMEMBERED: Final = 4096
"""Values that a reader remembers; every municipality has a distribution point of its own, and there are 1,900."""
LONGEST_REMEMBERED: Final = 512

T = TypeVar("T")


def malformed(clause: str) -> DerError:
    """Make the error for bytes that break `clause`."""
    return DerError("codecs.der_malformed", clause=clause)


class Remembering(Generic[T]):
    """A reader of bytes that keeps what it read, for values that come again and tell of nobody.

    Bounded in number and size, so that a stranger's inventions can only make it slow, never large.
    """

    def __init__(self, read: Callable[[bytes], T]) -> None:
        self._read = read
        self._known: dict[bytes, T] = {}

    def _may_keep(self, data: bytes, found: T) -> bool:
        return len(data) <= LONGEST_REMEMBERED

    def __call__(self, data: bytes) -> T:
        """Return what the reader makes of `data`; raises what it raises."""
        known = self._known
        if data in known:
            return known[data]
        found = self._read(data)
        if self._may_keep(data, found):
            if len(known) >= REMEMBERED:
                self._known = known = {}
            known[data] = found
        return found


@dataclass(frozen=True, slots=True)
class Signed:
    """The envelope that certificates, lists and OCSP responses share: the bytes that were signed, how, and the value.

    `identifier` is the outer AlgorithmIdentifier, which the signed part must repeat.
    """

    tbs: bytes = field(repr=False)
    identifier: bytes = field(repr=False)
    scheme: Scheme
    signature: bytes = field(repr=False)

    @classmethod
    def take(cls, outer: Cursor) -> "Signed":
        """Take the three fields; raises `DerError`, or `CryptoError` for an algorithm that is not supported."""
        tbs, identifier = outer.raw(der.SEQUENCE), outer.raw(der.SEQUENCE)
        signature = whole_bytes(outer.take(der.BIT_STRING))
        return cls(tbs, identifier, scheme_from_algorithm_identifier(identifier), signature)


def signed(data: bytes) -> Signed:
    """Return the envelope of a certificate or a list; raises as `Signed.take`."""
    start, end = der.span(data, 0, len(data))
    tags, at = der.shape(data, start, end)
    if data[0] != der.SEQUENCE or end != len(data) or tags != b"\x30\x30\x03":
        raise malformed("X.690 §8.9")
    identifier = data[at[3] : at[5]]
    return Signed(
        data[at[0] : at[2]], identifier, scheme_from_algorithm_identifier(identifier), whole_bytes(data[at[7] : at[8]])
    )


def whole_bytes(content: bytes) -> bytes:
    """Return what a BIT STRING without unused bits holds."""
    if not content or content[0] != 0:
        raise malformed("X.690 §8.6.2")
    return content[1:]


def named_bits(content: bytes) -> frozenset[int]:
    """Return the positions of the set bits of a BIT STRING (X.690 §8.6, §11.2)."""
    if not content or content[0] > 7 or (len(content) == 1 and content[0]):
        raise malformed("X.690 §8.6.2")
    bits = content[1:]
    if bits and bits[-1] & ((1 << content[0]) - 1):
        raise malformed("X.690 §11.2.1")
    return frozenset(8 * at + bit for at, byte in enumerate(bits) for bit in range(8) if byte & 0x80 >> bit)


def flag(content: bytes | None) -> bool:
    """Return a BOOLEAN DEFAULT FALSE: absent is false, and a written one must be true (X.690 §11.1, §11.5)."""
    if content is None:
        return False
    if content != b"\xff":
        raise malformed("X.690 §11.1")
    return True


def only(value: bytes, tag: int) -> bytes:
    """Return the content of the one element that fills `value`."""
    cursor = Cursor(value, 0, len(value))
    content = cursor.take(tag)
    cursor.end()
    return content


def any_moment(parts: Cursor) -> datetime:
    """Take a Time, which is a CHOICE of two forms (RFC 5280 §4.1)."""
    tag = UTC_TIME if parts.at(UTC_TIME) else GENERALIZED_TIME
    return moment(tag, parts.take(tag))


def moment(tag: int, text: bytes) -> datetime:
    """Return a UTCTime or GeneralizedTime to the second, in Z (RFC 5280 §4.1.2.5).

    Fractions of a second are refused, in OCSP too: the profile forbids them (RFC 6960 §4.2.2.1).
    """
    digits = text[:-1]
    if len(digits) != (12 if tag == UTC_TIME else 14) or text[-1:] != b"Z" or not digits.isdigit():
        raise malformed("RFC 5280 §4.1.2.5")
    if tag == UTC_TIME:
        digits = (b"19" if digits >= b"5" else b"20") + digits
    written = digits.decode("ascii")
    try:
        if written[8:10] == "24":  # the end of a day in ISO 8601, nothing in X.509
            raise malformed("RFC 5280 §4.1.2.5")
        return datetime.fromisoformat(f"{written[:8]}T{written[8:]}Z")
    except ValueError as error:
        raise malformed("RFC 5280 §4.1.2.5") from error


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension, its value still encoded, and what it was read as by a caller who knew how."""

    oid: str
    critical: bool
    value: bytes = field(repr=False)
    content: Any = field(default=None, repr=False)


Extensions = Mapping[str, Extension]
"""Extensions by OID, in the order of the certificate; a dictionary that nobody may write to."""

Readers = Mapping[str, Callable[[bytes], Any]]
"""What the values of extensions are read with, by OID."""

HOLDERS: Final = frozenset({oids.SUBJECT_ALT_NAME, oids.SUBJECT_KEY_IDENTIFIER, oids.OCSP_NONCE})
"""Extensions that tell of one holder or one question: never remembered."""


class ExtensionReader(Remembering[Extension]):
    """Reads extensions, their values with `readers`, and remembers those that tell of nobody."""

    def __init__(self, readers: Readers) -> None:
        super().__init__(self._extension)
        self._readers = readers
        self._heads: dict[tuple[bytes, int], tuple[str, bool, int]] = {}

    def _may_keep(self, data: bytes, found: Extension) -> bool:
        return found.oid not in HOLDERS and super()._may_keep(data, found)

    def _extension(self, raw: bytes) -> Extension:
        head = raw[: _HEAD_BY_LENGTH.get(raw[1], 9)]
        known = self._heads.get((head, len(raw)))
        if known is None:
            known = self._read_head(raw)
            if known[0] in HOLDERS and len(head) == known[2] and len(self._heads) < REMEMBERED:
                self._heads[head, len(raw)] = known
        oid, critical, at = known
        value, read = raw[at:], self._readers.get(oid)
        return Extension(oid, critical, value, None if read is None else read(value))

    def _read_head(self, raw: bytes) -> tuple[str, bool, int]:
        """Return OID, criticality and where the value begins, which reaches to the end."""
        start, end = der.span(raw, 0, len(raw))
        tags, at = der.shape(raw, start, end)
        if raw[0] != der.SEQUENCE or tags not in (b"\x06\x04", b"\x06\x01\x04"):
            raise malformed("RFC 5280 §4.1")
        critical = flag(raw[at[4] : at[5]]) if len(tags) == 3 else False
        return der.dotted(raw[at[1] : at[2]]), critical, at[-2]


_HEAD_BY_LENGTH: Final = {0x81: 11, 0x82: 13}
"""Bytes before the value of a holder's extension, by the first byte of its length.  DER leaves them no choice: with
the same size and the same bytes, the same was read before.
"""
_unread: Final = ExtensionReader({})


def extensions(data: bytes, start: int, end: int, read: ExtensionReader = _unread) -> Extensions:
    """Return the Extensions that fill `data` from `start` to `end`, by OID (RFC 5280 §4.1.2.9, §4.2).

    None may appear twice, and an empty list is malformed.
    """
    first, last = der.span(data, start, end)
    tags, at = der.shape(data, first, last)
    if data[start] != der.SEQUENCE or last != end or not at:
        raise malformed("RFC 5280 §4.1")
    found: dict[str, Extension] = {}
    for one in range(0, len(at), 3):
        extension = read(data[at[one] : at[one + 2]])
        found[extension.oid] = extension
    if len(found) != len(tags):
        raise malformed("RFC 5280 §4.2")
    return found


def more_extensions(parts: Cursor, number: int) -> Extensions:
    """Take Extensions in an EXPLICIT context tag, if they come next."""
    if not parts.at(0xA0 | number):
        return {}
    value = parts.take(0xA0 | number)
    return extensions(value, 0, len(value))


def unprocessed_critical(found: Extensions, processed: frozenset[str]) -> str | None:
    """Return a critical extension that the caller does not process, if there is one (RFC 5280 §4.2)."""
    for name, extension in found.items():
        if extension.critical and name not in processed:
            return name
    return None


def general_names(names: Cursor) -> tuple[bytes, ...]:
    """Return the raw GeneralName elements inside an (implicitly tagged) GeneralNames; at least one."""
    found = []
    while names.more():
        found.append(names.any())
    if not found:
        raise malformed("RFC 5280 §4.2.1.6")
    return tuple(found)


def full_names(parts: Cursor) -> tuple[bytes, ...] | None:
    """Take the fullName of a DistributionPointName (RFC 5280 §4.2.1.13), if it comes next.

    None when there is no name; a name relative to the issuer is malformed here, because JPKI never uses one.
    """
    name = parts.explicit(0)
    if name is None:
        return None
    found = general_names(name.inside(0xA0))
    name.end()
    return found


@dataclass(frozen=True, slots=True)
class AuthorityKey:
    """authorityKeyIdentifier (RFC 5280 §4.2.1.1): key identifier, and issuer and serial of the issuer's certificate."""

    key_id: bytes | None
    issuer: tuple[bytes, ...] | None = field(repr=False)
    serial: int | None


@Remembering
def authority_key(value: bytes) -> AuthorityKey:
    """Read authorityKeyIdentifier; issuer and serial come together or not at all."""
    parts = Cursor.over(value)
    key_id = parts.optional(0x80)
    issuer = general_names(parts.inside(0xA1)) if parts.at(0xA1) else None
    serial = parts.optional(0x82)
    parts.end()
    if (issuer is None) != (serial is None):
        raise malformed("RFC 5280 §4.2.1.1")
    return AuthorityKey(key_id, issuer, None if serial is None else der.whole_number(serial))


def serial_number(content: bytes) -> int:
    """Return a positive serial number of at most 20 octets (RFC 5280 §4.1.2.2)."""
    number = der.whole_number(content)
    if number <= 0 or len(content) > 20:
        raise malformed("RFC 5280 §4.1.2.2")
    return number
