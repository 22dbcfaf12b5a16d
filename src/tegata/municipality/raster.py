# SPDX-License-Identifier: Apache-2.0
"""Black-and-white rasters for the card's face: a PNG written with one bit per dot, a PNG of the typesetter read back.

Cards hold 1-bit grey PNGs (soltia48/myna-card: 24×12 dots for the security code, 72×12 for the number), and typesetters
give 8-bit RGBA.  Digits are drawn from a small raster of our own, 6×12 dots each.
"""

import struct
import zlib
from typing import Final

Raster = tuple[tuple[bool, ...], ...]
"""Rows of dots, `True` for black."""

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_RGBA: Final = 4
_DARK: Final = 128

_DIGITS: Final = {
    "0": (0x0E, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0E),
    "1": (0x04, 0x0C, 0x04, 0x04, 0x04, 0x04, 0x0E),
    "2": (0x0E, 0x11, 0x01, 0x02, 0x04, 0x08, 0x1F),
    "3": (0x0E, 0x11, 0x01, 0x06, 0x01, 0x11, 0x0E),
    "4": (0x02, 0x06, 0x0A, 0x12, 0x1F, 0x02, 0x02),
    "5": (0x1F, 0x10, 0x1E, 0x01, 0x01, 0x11, 0x0E),
    "6": (0x06, 0x08, 0x10, 0x1E, 0x11, 0x11, 0x0E),
    "7": (0x1F, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08),
    "8": (0x0E, 0x11, 0x11, 0x0E, 0x11, 0x11, 0x0E),
    "9": (0x0E, 0x11, 0x11, 0x0F, 0x01, 0x02, 0x0C),
}
"""Seven rows of five dots."""


def digits(text: str) -> bytes:
    """Return a PNG of digits, 6×12 dots each."""
    blank = (False,) * (6 * len(text))
    rows = [tuple(dot for digit in text for dot in _row(_DIGITS[digit][row])) for row in range(7)]
    return png((blank, blank, *rows, blank, blank, blank))


def _row(bits: int) -> tuple[bool, ...]:
    return (*(bool(bits & 1 << 4 - column) for column in range(5)), False)


def png(raster: Raster) -> bytes:
    """Return a PNG (ISO/IEC 15948) with one bit per dot, grey."""
    lines = b"".join(b"\0" + _packed(row) for row in raster)
    header = struct.pack(">IIBBBBB", len(raster[0]), len(raster), 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(name, body) for name, body in chunks)


def _packed(row: tuple[bool, ...]) -> bytes:
    """Return a row as bits; white is 1."""
    bits = "".join("0" if dot else "1" for dot in row)
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def from_rgba(image: bytes) -> Raster:
    """Return the dots of an 8-bit RGBA PNG without interlace, as our typesetter writes it: black on opaque white.

    Filters work on each channel alone, so that red is enough to read.
    """
    width, height, kind = struct.unpack(">II5s", image[16:29])
    if kind != b"\x08\x06\x00\x00\x00":
        raise ValueError("not an 8-bit RGBA PNG")
    lines = zlib.decompress(b"".join(_data(image)))
    step = 1 + width * _RGBA
    rows, above = [], bytes(width)
    for start in range(0, height * step, step):
        above = _unfiltered(lines[start], lines[start + 1 : start + step : _RGBA], above)
        rows.append(tuple(grey < _DARK for grey in above))
    return tuple(rows)


def _data(image: bytes) -> list[bytes]:
    """Return the bodies of the IDAT chunks."""
    found, at = [], len(_SIGNATURE)
    while at < len(image):
        size = int.from_bytes(image[at : at + 4], "big")
        if image[at + 4 : at + 8] == b"IDAT":
            found.append(image[at + 8 : at + 8 + size])
        at += size + 12
    return found


def _unfiltered(kind: int, line: bytes, above: bytes) -> bytes:
    """Undo a line's filter (ISO/IEC 15948 §9.2)."""
    out, left, corner = bytearray(), 0, 0
    for value, up in zip(line, above, strict=True):
        guess = _paeth(left, up, corner) if kind == 4 else (0, left, up, (left + up) // 2)[kind]
        left, corner = value + guess & 0xFF, up
        out.append(left)
    return bytes(out)


def _paeth(left: int, up: int, corner: int) -> int:
    to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    if to_left <= to_up and to_left <= to_corner:
        return left
    return up if to_up <= to_corner else corner
