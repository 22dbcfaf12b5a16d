# SPDX-License-Identifier: Apache-2.0
"""Readers for the pieces that certificates, OCSP responses and revocation lists share, on top of `tegata.codecs.der`.

Strategy: take the elements of a SEQUENCE strictly in order, leave nothing over, and never descend into what is only
compared as bytes (names, keys).  Nothing here recurses, so depth is bounded by the code and size by the caller.
Everything raises `DerError`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tegata.codecs import der
from tegata.codecs.der import DerError, Element
from tegata.crypto.keys import Scheme
from tegata.crypto.signatures import scheme_from_algorithm_identifier

UTC_TIME = 0x17
GENERALIZED_TIME = 0x18
ENUMERATED = 0x0A


def malformed(clause: str) -> DerError:
    """Make the error for bytes that break `clause`."""
    return DerError("codecs.der_malformed", clause=clause)


class Fields:
    """The elements of a constructed element, taken in order."""

    __slots__ = ("_elements", "_next")

    def __init__(self, element: Element) -> None:
        self._elements = element.children()
        self._next = 0

    def take(self, tag: int) -> Element:
        """Take the next element, which must have `tag`."""
        found = self.optional(tag)
        if found is None:
            raise malformed("X.690 §8.1.2")
        return found

    def any(self) -> Element:
        """Take the next element whatever its tag: a CHOICE that the caller settles."""
        if self._next == len(self._elements):
            raise malformed("X.690 §8.9")
        self._next += 1
        return self._elements[self._next - 1]

    def optional(self, tag: int) -> Element | None:
        """Take the next element if it has `tag`."""
        if self._next < len(self._elements) and self._elements[self._next].tag == tag:
            self._next += 1
            return self._elements[self._next - 1]
        return None

    def explicit(self, number: int) -> Element | None:
        """Take what an EXPLICIT context tag wraps, if it comes next."""
        wrapper = self.optional(0xA0 | number)
        return None if wrapper is None else der.read(wrapper.value)

    def end(self) -> None:
        """Refuse anything left over."""
        if self._next != len(self._elements):
            raise malformed("X.690 §8.9")


def fields(element: Element, tag: int = der.SEQUENCE) -> Fields:
    """Return the fields of a SEQUENCE (or of another constructed element with `tag`)."""
    return Fields(element.expect(tag))


@dataclass(frozen=True, slots=True)
class Signed:
    """The envelope that certificates, lists and OCSP responses share: the bytes that were signed, how, and the value.

    `identifier` is the outer AlgorithmIdentifier, which the signed part must repeat.
    """

    tbs: Element = field(repr=False)
    identifier: bytes = field(repr=False)
    scheme: Scheme
    signature: bytes = field(repr=False)

    @classmethod
    def take(cls, outer: Fields) -> "Signed":
        """Take the three fields; raises `DerError`, or `CryptoError` for an algorithm that is not supported."""
        tbs = outer.take(der.SEQUENCE)
        identifier = outer.take(der.SEQUENCE).raw
        signature = whole_bytes(outer.take(der.BIT_STRING))
        return cls(tbs, identifier, scheme_from_algorithm_identifier(identifier), signature)


def whole_bytes(element: Element) -> bytes:
    """Return the content of a BIT STRING without unused bits."""
    if not element.value or element.value[0] != 0:
        raise malformed("X.690 §8.6.2")
    return element.value[1:]


def named_bits(element: Element) -> frozenset[int]:
    """Return the positions of the set bits of a BIT STRING (X.690 §8.6, §11.2)."""
    content = element.expect(der.BIT_STRING).value
    if not content or content[0] > 7 or (len(content) == 1 and content[0]):
        raise malformed("X.690 §8.6.2")
    bits = content[1:]
    if bits and bits[-1] & ((1 << content[0]) - 1):
        raise malformed("X.690 §11.2.1")
    return frozenset(8 * at + bit for at, byte in enumerate(bits) for bit in range(8) if byte & 0x80 >> bit)


def flag(element: Element | None) -> bool:
    """Return a BOOLEAN DEFAULT FALSE: absent is false, and a written one must be true (X.690 §11.1, §11.5)."""
    if element is None:
        return False
    if element.value != b"\xff":
        raise malformed("X.690 §11.1")
    return True


def moment(element: Element) -> datetime:
    """Return a UTCTime or GeneralizedTime to the second, in Z (RFC 5280 §4.1.2.5).

    Fractions of a second are refused, in OCSP too: the profile forbids them (RFC 6960 §4.2.2.1).
    """
    text = element.value
    digits, zone = text[:-1], text[-1:]
    width = {UTC_TIME: 12, GENERALIZED_TIME: 14}.get(element.tag)
    if width is None or len(digits) != width or zone != b"Z" or not digits.isdigit():
        raise malformed("RFC 5280 §4.1.2.5")
    if element.tag == UTC_TIME:
        digits = (b"19" if digits[:2] >= b"50" else b"20") + digits
    month, day, hour, minute, second = (int(digits[at : at + 2]) for at in range(4, 14, 2))
    try:
        return datetime(int(digits[:4]), month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise malformed("RFC 5280 §4.1.2.5") from error


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension, its value still encoded."""

    oid: str
    critical: bool
    value: bytes = field(repr=False)

    def read(self) -> Element:
        """Return the single element inside the value."""
        return der.read(self.value)


Extensions = Mapping[str, Extension]
"""Extensions by OID, in the order of the certificate; a dictionary that nobody may write to."""


def extensions(element: Element | None) -> Extensions:
    """Return Extensions by OID (RFC 5280 §4.1.2.9, §4.2); none may appear twice, and an empty list is malformed."""
    if element is None:
        return {}
    found: dict[str, Extension] = {}
    for child in element.expect(der.SEQUENCE).children():
        parts = fields(child)
        name = parts.take(der.OID).oid()
        critical = flag(parts.optional(0x01))
        value = parts.take(der.OCTET_STRING).value
        parts.end()
        if name in found:
            raise malformed("RFC 5280 §4.2")
        found[name] = Extension(name, critical, value)
    if not found:
        raise malformed("RFC 5280 §4.1")
    return found


def unprocessed_critical(found: Extensions, processed: frozenset[str]) -> str | None:
    """Return a critical extension that the caller does not process, if there is one (RFC 5280 §4.2)."""
    return next((name for name, extension in found.items() if extension.critical and name not in processed), None)


def general_names(element: Element) -> tuple[bytes, ...]:
    """Return the raw GeneralName elements inside an (implicitly tagged) GeneralNames; at least one."""
    names = tuple(child.raw for child in element.children())
    if not names:
        raise malformed("RFC 5280 §4.2.1.6")
    return names


def full_names(name: Element | None) -> tuple[bytes, ...] | None:
    """Return the fullName of a DistributionPointName (RFC 5280 §4.2.1.13).

    None when there is no name; a name relative to the issuer is malformed here, because JPKI never uses one.
    """
    if name is None:
        return None
    return general_names(der.read(name.value).expect(0xA0))


@dataclass(frozen=True, slots=True)
class AuthorityKey:
    """authorityKeyIdentifier (RFC 5280 §4.2.1.1): key identifier, and issuer and serial of the issuer's certificate."""

    key_id: bytes | None
    issuer: tuple[bytes, ...] | None = field(repr=False)
    serial: int | None


def authority_key(found: Extensions, name: str) -> AuthorityKey | None:
    """Return the authorityKeyIdentifier; issuer and serial come together or not at all."""
    extension = found.get(name)
    if extension is None:
        return None
    parts = fields(extension.read())
    key_id, issuer, serial = parts.optional(0x80), parts.optional(0xA1), parts.optional(0x82)
    parts.end()
    if (issuer is None) != (serial is None):
        raise malformed("RFC 5280 §4.2.1.1")
    return AuthorityKey(
        None if key_id is None else key_id.value,
        None if issuer is None else general_names(issuer),
        None if serial is None else serial.integer(),
    )


def serial_number(element: Element) -> int:
    """Return a positive serial number of at most 20 octets (RFC 5280 §4.1.2.2)."""
    number = element.integer()
    if number <= 0 or len(element.value) > 20:
        raise malformed("RFC 5280 §4.1.2.2")
    return number
