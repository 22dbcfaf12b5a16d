# SPDX-License-Identifier: Apache-2.0
"""BER-TLV and SIMPLE-TLV data objects as cards write them (ISO/IEC 7816-4 §6.2, §6.3, annex E).

Cards do not always use the shortest length, so both forms can be written and any is read.  Parsing is bounded: tags
of at most three bytes, lengths of at most four, one level at a time (callers descend where they expect structure).
"""

from dataclasses import dataclass, field
from typing import Literal

from tegata.messages import TegataError

Style = Literal["short", "long82"]
"""How to write lengths: the shortest form, or always `82 hh ll`."""


class TlvError(TegataError):
    """The bytes are no data objects (`codecs.tlv_malformed`)."""


@dataclass(frozen=True, slots=True)
class Tlv:
    """One data object; `tag` as the number its bytes spell, e.g. `0x5F21`."""

    tag: int
    value: bytes = field(repr=False)


def encode(tag: int, value: bytes, style: Style = "short") -> bytes:
    """Write one BER-TLV data object."""
    return tag.to_bytes(max(1, (tag.bit_length() + 7) // 8), "big") + _length(len(value), style) + value


def _length(size: int, style: Style) -> bytes:
    if style == "long82":
        return b"\x82" + size.to_bytes(2, "big")
    if size < 0x80:
        return bytes((size,))
    width = (size.bit_length() + 7) // 8
    return bytes((0x80 | width,)) + size.to_bytes(width, "big")


def parse(data: bytes) -> list[Tlv]:
    """Read all data objects, skipping `00` and `FF` padding between them; raises `TlvError`.

    A tag that begins with `FF`, as the outer object of a file has, is taken for padding here: `parse_one` reads it.
    """
    found = []
    position = 0
    while position < len(data):
        if data[position] in (0x00, 0xFF):
            position += 1
            continue
        one, position = _read(data, position)
        found.append(one)
    return found


def parse_one(data: bytes) -> Tlv:
    """Read the data object at the start of `data`, ignoring what follows it (files are padded); raises `TlvError`."""
    return _read(data, 0)[0]


def total_length(head: bytes) -> int:
    """Return the size of the data object that starts with `head` (tag and length suffice); raises `TlvError`."""
    _, position = _tag(head, 0)
    size, position = _size(head, position)
    return position + size


def _read(data: bytes, position: int) -> tuple[Tlv, int]:
    tag, position = _tag(data, position)
    size, position = _size(data, position)
    end = position + size
    if end > len(data):
        raise TlvError("codecs.tlv_malformed", clause="ISO/IEC 7816-4 §6.3")
    return Tlv(tag, data[position:end]), end


def _tag(data: bytes, position: int) -> tuple[int, int]:
    start = position
    position += 1
    if _at(data, start) & 0x1F == 0x1F:
        while _at(data, position) & 0x80:
            position += 1
        position += 1
    if position - start > 3:
        raise TlvError("codecs.tlv_malformed", clause="ISO/IEC 7816-4 §6.3")
    return int.from_bytes(data[start:position], "big"), position


def _size(data: bytes, position: int) -> tuple[int, int]:
    first = _at(data, position)
    if first < 0x80:
        return first, position + 1
    width = first & 0x7F
    end = position + 1 + width
    if not 1 <= width <= 4 or end > len(data):
        raise TlvError("codecs.tlv_malformed", clause="ISO/IEC 7816-4 §6.3")
    return int.from_bytes(data[position + 1 : end], "big"), end


def _at(data: bytes, position: int) -> int:
    if position >= len(data):
        raise TlvError("codecs.tlv_malformed", clause="ISO/IEC 7816-4 §6.3")
    return data[position]


def simple(tag: int, value: bytes) -> bytes:
    """Write one SIMPLE-TLV data object (ISO/IEC 7816-4 §6.2): tag 01 to FE, length one byte or `FF hh ll`."""
    length = bytes((len(value),)) if len(value) < 0xFF else b"\xff" + len(value).to_bytes(2, "big")
    return bytes((tag,)) + length + value
