# SPDX-License-Identifier: Apache-2.0
"""DER (ITU-T X.690 §10, §11): writers that return bytes, and a strict bounded reader.

Writers compose: `sequence(oid("1.2.3"), null())`.  There are two readers with the same strictness.  `Element` keeps the
raw bytes of what it read, because signatures cover bytes; `Cursor` walks over the bytes where they lie and copies only
what it is asked for, which is for paths that are walked thousands of times a second.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from tegata.messages import TegataError


class DerError(TegataError):
    """The bytes are not the DER that was expected (`codecs.der_malformed`)."""


INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
NULL: Final = 0x05
OID: Final = 0x06
SEQUENCE: Final = 0x30
SET: Final = 0x31


def tlv(tag: int, value: bytes) -> bytes:
    """Write one element with a one-byte identifier and the shortest length."""
    size = len(value)
    if size < 0x80:
        return bytes((tag, size)) + value
    width = (size.bit_length() + 7) // 8
    return bytes((tag, 0x80 | width)) + size.to_bytes(width, "big") + value


def sequence(*parts: bytes) -> bytes:
    """SEQUENCE of already encoded parts."""
    return tlv(SEQUENCE, b"".join(parts))


def set_of(*parts: bytes) -> bytes:
    """SET OF, sorted as DER demands (X.690 §11.6)."""
    return tlv(SET, b"".join(sorted(parts)))


def integer(value: int) -> bytes:
    """INTEGER in the fewest bytes."""
    magnitude = ~value if value < 0 else value
    return tlv(INTEGER, value.to_bytes(magnitude.bit_length() // 8 + 1, "big", signed=True))


def enumerated(value: int) -> bytes:
    """ENUMERATED."""
    return b"\x0a" + integer(value)[1:]


def boolean(value: bool) -> bytes:
    """BOOLEAN; true is `FF` (X.690 §11.1)."""
    return tlv(0x01, b"\xff" if value else b"\x00")


def null() -> bytes:
    """NULL."""
    return b"\x05\x00"


def oid(dotted: str) -> bytes:
    """OBJECT IDENTIFIER from dotted decimal."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    return tlv(OID, b"".join(_base128(arc) for arc in (first * 40 + second, *rest)))


def _base128(arc: int) -> bytes:
    out = [arc & 0x7F]
    while arc := arc >> 7:
        out.append(0x80 | arc & 0x7F)
    return bytes(reversed(out))


def octet_string(value: bytes) -> bytes:
    """OCTET STRING."""
    return tlv(OCTET_STRING, value)


def bit_string(value: bytes, unused: int = 0) -> bytes:
    """BIT STRING with `unused` trailing bits."""
    return tlv(BIT_STRING, bytes((unused,)) + value)


def named_bits(*bits: int) -> bytes:
    """BIT STRING of named bits, trailing zeros removed (X.690 §11.2.2)."""
    if not bits:
        return bit_string(b"")
    size = max(bits) + 1
    value = sum(1 << (size - 1 - bit) for bit in set(bits))
    unused = -size % 8
    return bit_string((value << unused).to_bytes((size + 7) // 8, "big"), unused)


def utf8(text: str) -> bytes:
    """UTF8String."""
    return tlv(0x0C, text.encode())


def printable(text: str) -> bytes:
    """PrintableString."""
    return tlv(0x13, text.encode("ascii"))


def ia5(text: str) -> bytes:
    """IA5String."""
    return tlv(0x16, text.encode("ascii"))


def utc_time(moment: datetime) -> bytes:
    """UTCTime to the second, in Z (X.690 §11.8)."""
    return tlv(0x17, f"{moment.astimezone(UTC):%y%m%d%H%M%SZ}".encode())


def generalized_time(moment: datetime) -> bytes:
    """GeneralizedTime to the second, in Z (X.690 §11.7)."""
    return tlv(0x18, f"{moment.astimezone(UTC):%Y%m%d%H%M%SZ}".encode())


def x509_time(moment: datetime) -> bytes:
    """UTCTime through 2049, GeneralizedTime from 2050 (RFC 5280 §4.1.2.5)."""
    return utc_time(moment) if moment.astimezone(UTC).year < 2050 else generalized_time(moment)


def context(number: int, content: bytes, *, constructed: bool = True) -> bytes:
    """An IMPLICIT context tag over content octets."""
    return tlv(0x80 | (0x20 if constructed else 0) | number, content)


def explicit(number: int, inner: bytes) -> bytes:
    """An EXPLICIT context tag around a whole element."""
    return context(number, inner)


@dataclass(frozen=True, slots=True)
class Element:
    """One element that was read: identifier byte, content octets, and the raw bytes of the whole."""

    tag: int
    value: bytes = field(repr=False)
    raw: bytes = field(repr=False)

    def children(self) -> list["Element"]:
        """Return the elements inside a constructed one; raises `DerError`."""
        if not self.tag & 0x20:
            raise DerError("codecs.der_malformed", clause="X.690 §8.1.2.5")
        return read_all(self.value)

    def expect(self, tag: int) -> "Element":
        """Return self if the identifier is `tag`; raises `DerError`."""
        if self.tag != tag:
            raise DerError("codecs.der_malformed", clause="X.690 §8.1.2")
        return self

    def integer(self) -> int:
        """Return the value of an INTEGER or ENUMERATED; raises `DerError` when it is not in the fewest bytes."""
        return whole_number(self.value)

    def oid(self) -> str:
        """Return an OBJECT IDENTIFIER in dotted decimal; raises `DerError`."""
        return dotted(self.expect(OID).value)


def whole_number(value: bytes) -> int:
    """Return the content octets of an INTEGER or ENUMERATED as a number; raises `DerError`."""
    if not value or (len(value) > 1 and (value[0], value[1] >> 7) in ((0x00, 0), (0xFF, 1))):
        raise DerError("codecs.der_malformed", clause="X.690 §8.3.2")
    return int.from_bytes(value, "big", signed=True)


def dotted(value: bytes) -> str:
    """Return the content octets of an OBJECT IDENTIFIER in dotted decimal; raises `DerError`."""
    return _dotted_again(value) if len(value) <= 32 else _dotted(value)


def _dotted(value: bytes) -> str:
    arcs: list[int] = []
    arc = 0
    for position, byte in enumerate(value):
        if arc == 0 and byte == 0x80:
            raise DerError("codecs.der_malformed", clause="X.690 §8.19.2")
        arc = arc << 7 | byte & 0x7F
        if arc.bit_length() > 256:
            raise DerError("codecs.der_malformed", clause="X.690 §8.19.2")
        if not byte & 0x80:
            arcs.append(arc)
            arc = 0
        elif position == len(value) - 1:
            raise DerError("codecs.der_malformed", clause="X.690 §8.19.2")
    if not arcs:
        raise DerError("codecs.der_malformed", clause="X.690 §8.19.2")
    first = min(arcs[0] // 40, 2)
    return ".".join(str(part) for part in (first, arcs[0] - 40 * first, *arcs[1:]))


_dotted_again: Final = lru_cache(1024)(_dotted)
"""The same few identifiers come again and again."""


def read(data: bytes) -> Element:
    """Read exactly one element that fills `data`; raises `DerError`."""
    element, end = read_from(data, 0)
    if end != len(data):
        raise DerError("codecs.der_malformed", clause="X.690 §8.1.1")
    return element


def read_all(data: bytes) -> list[Element]:
    """Read the elements that fill `data`; raises `DerError`."""
    found = []
    position = 0
    while position < len(data):
        element, position = read_from(data, position)
        found.append(element)
    return found


def read_from(data: bytes, start: int) -> tuple[Element, int]:
    """Read the element at `start`; returns it and the position after it.  Raises `DerError`."""
    position, end = span(data, start, len(data))
    return Element(data[start], data[position:end], data[start:end]), end


def span(data: bytes, start: int, limit: int) -> tuple[int, int]:
    """Return where the content of the element at `start` begins and ends, no further than `limit`.

    Raises `DerError`.
    """
    if start + 2 > limit or data[start] & 0x1F == 0x1F:
        raise DerError("codecs.der_malformed", clause="X.690 §8.1.2")
    size, position = data[start + 1], start + 2
    if size >= 0x80:
        size, position = _long_size(data, position, size & 0x7F)
    end = position + size
    if end > limit:
        raise DerError("codecs.der_malformed", clause="X.690 §8.1.3")
    return position, end


def shape(data: bytes, start: int, end: int) -> tuple[bytes, list[int]]:
    """Read over the elements that fill `data` from `start` to `end`, as strictly as `Cursor`, without copying any.

    Returns their tags, and three positions for each: where it begins, where its content begins, where it ends.  A
    caller compares the tags with those that its structure allows, all at once.  Raises `DerError`.
    """
    tags = bytearray()
    bounds: list[int] = []
    while start < end:
        tag, content = data[start], start + 2
        if content > end or tag & 0x1F == 0x1F:
            raise DerError("codecs.der_malformed", clause="X.690 §8.1.2")
        size = data[start + 1]
        if size >= 0x80:
            size, content = _long_size(data, content, size & 0x7F)
        after = content + size
        if after > end:
            raise DerError("codecs.der_malformed", clause="X.690 §8.1.3")
        tags.append(tag)
        bounds += (start, content, after)
        start = after
    return bytes(tags), bounds


def _long_size(data: bytes, position: int, width: int) -> tuple[int, int]:
    if width == 2 and position + 2 <= len(data) and data[position]:  # nearly always
        return data[position] << 8 | data[position + 1], position + 2
    end = position + width
    octets = data[position:end]
    size = int.from_bytes(octets, "big")
    if not 1 <= width <= 4 or len(octets) != width or octets[0] == 0 or size < 0x80:
        raise DerError("codecs.der_malformed", clause="X.690 §10.1")
    return size, end


class Cursor:
    """The elements inside a constructed one, taken in order from the bytes where they lie.

    Every method raises `DerError`; a caller that is through calls `end`, so that nothing is left over.
    """

    __slots__ = ("_at", "_data", "_end")

    def __init__(self, data: bytes, start: int, end: int) -> None:
        self._data = data
        self._at = start
        self._end = end

    @classmethod
    def over(cls, data: bytes, tag: int = SEQUENCE) -> "Cursor":
        """Return a cursor inside the one element that fills `data` and has `tag`."""
        if not data or data[0] != tag:
            raise DerError("codecs.der_malformed", clause="X.690 §8.1.2")
        start, end = span(data, 0, len(data))
        if end != len(data):
            raise DerError("codecs.der_malformed", clause="X.690 §8.1.1")
        return cls(data, start, end)

    def more(self) -> bool:
        """Return whether anything is left."""
        return self._at < self._end

    def at(self, tag: int) -> bool:
        """Return whether the next element has `tag`."""
        return self._at < self._end and self._data[self._at] == tag

    def take(self, tag: int) -> bytes:
        """Take the content of the next element, which must have `tag`."""
        start = self._pass(tag)
        return self._data[start : self._at]

    def raw(self, tag: int) -> bytes:
        """Take the whole of the next element, which must have `tag`."""
        start = self._at
        self._pass(tag)
        return self._data[start : self._at]

    def inside(self, tag: int = SEQUENCE) -> "Cursor":
        """Take the next element, which must have `tag` and be constructed, and return a cursor inside."""
        start = self._pass(tag)
        if not tag & 0x20:
            raise DerError("codecs.der_malformed", clause="X.690 §8.1.2.5")
        return Cursor(self._data, start, self._at)

    def any(self) -> bytes:
        """Take the whole of the next element whatever its tag: a CHOICE that the caller settles."""
        if self._at >= self._end:
            raise DerError("codecs.der_malformed", clause="X.690 §8.9")
        return self.raw(self._data[self._at])

    def optional(self, tag: int) -> bytes | None:
        """Take the content of the next element if it has `tag`."""
        return self.take(tag) if self._at < self._end and self._data[self._at] == tag else None

    def explicit(self, number: int) -> "Cursor | None":
        """Return a cursor over what an EXPLICIT context tag wraps, if it comes next; the wrapped is to be ended."""
        return self.inside(0xA0 | number) if self._at < self._end and self._data[self._at] == 0xA0 | number else None

    def end(self) -> None:
        """Refuse anything left over."""
        if self._at != self._end:
            raise DerError("codecs.der_malformed", clause="X.690 §8.9")

    def _pass(self, tag: int) -> int:
        """Step over the next element, which must have `tag`; returns where its content begins."""
        data, start = self._data, self._at
        if start + 2 > self._end or data[start] != tag or tag & 0x1F == 0x1F:
            raise DerError("codecs.der_malformed", clause="X.690 §8.1.2")
        size, position = data[start + 1], start + 2
        if size >= 0x80:
            size, position = _long_size(data, position, size & 0x7F)
        end = position + size
        if end > self._end:
            raise DerError("codecs.der_malformed", clause="X.690 §8.1.3")
        self._at = end
        return position


_HASH_OIDS: Final = {
    "sha1": "1.3.14.3.2.26",
    "sha256": "2.16.840.1.101.3.4.2.1",
    "sha384": "2.16.840.1.101.3.4.2.2",
    "sha512": "2.16.840.1.101.3.4.2.3",
}
_HASH_SIZES: Final = {"sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64}


def digest_info(hash_name: str, digest: bytes) -> bytes:
    """DigestInfo (RFC 8017 §9.2): what a card pads and signs."""
    return sequence(sequence(oid(_HASH_OIDS[hash_name]), null()), octet_string(digest))


def parse_digest_info(data: bytes) -> tuple[str, bytes]:
    """Return hash name and digest of a DigestInfo; only the exact form with NULL parameters passes, else `DerError`."""
    for name, size in _HASH_SIZES.items():
        digest = data[-size:]
        if len(digest) == size and digest_info(name, digest) == data:
            return name, digest
    raise DerError("codecs.der_malformed", clause="RFC 8017 §9.2")
