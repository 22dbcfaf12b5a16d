# SPDX-License-Identifier: Apache-2.0
"""Which characters and variation sequences a font really draws.

A typesetter that lacks a sequence silently draws the base glyph, which is another person's name.  So before anything
is set, every character is looked up in the font's own tables: `cmap` format 12 for characters, format 14 for
sequences (OpenType `cmap`). Only that table is read, not the whole font of some forty megabytes.
"""

import importlib.util
import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tegata.municipality.characters import clusters
from tegata.municipality.errors import Unavailable

FILE_NAME: Final = "ipamjm.ttf"
"""The file of IPAmj明朝 as its publisher and Debian's fonts-ipamj-mincho name it."""

_FOLDERS: Final = (
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
    Path.home() / ".local/share/fonts",
    Path.home() / ".fonts",
    Path.home() / "Library/Fonts",
    Path("/Library/Fonts"),
    Path("C:/Windows/Fonts"),
)


def find(configured: Path | None, folders: tuple[Path, ...] = _FOLDERS) -> Path:
    """Return the font's file: the configured one, IPAmj明朝 from the system's `folders`, or the one that is installed
    with this package.  Raises `Unavailable`.

    The last draws everyday names, but not the variants of the register's collection (Moji_Joho); what it cannot draw
    is refused.
    """
    if configured is not None:
        if configured.is_file():
            return configured
        raise Unavailable("municipality.font_missing", font=configured.name)
    found = (
        next((path for folder in folders if folder.is_dir() for path in folder.rglob(FILE_NAME)), None) or _bundled()
    )
    if found is None:
        raise Unavailable("municipality.font_missing", font=FILE_NAME)
    return found


def _bundled() -> Path | None:
    """Return Noto Serif JP as the package `pylopdf-fonts-jp` brings it, or `None` without that package."""
    package = importlib.util.find_spec("pylopdf_fonts_jp")
    folders = (package and package.submodule_search_locations) or ()
    return next((file for folder in folders if (file := Path(folder, "NotoSerifJP-Regular.otf")).is_file()), None)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a font draws: sorted ranges of code points, and for each selector the ranges of bases it may follow."""

    characters: tuple[tuple[int, int], ...] = field(repr=False)
    sequences: dict[int, tuple[tuple[int, int], ...]] = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> "Coverage":
        """Read a font file; raises `Unavailable` (`municipality.font_unusable`) when it has no such tables."""
        try:
            table = _cmap(path)
            offsets = dict(_subtables(table))
            return cls(_format12(table, offsets[12]), _format14(table, offsets[14]))
        except (OSError, struct.error, KeyError, IndexError) as error:
            raise Unavailable("municipality.font_unusable", font=path.name) from error

    def missing(self, text: str) -> list[str]:
        """Return the characters and sequences of `text` that the font cannot draw, as `U+…` or `U+… U+…`."""
        return sorted({_points(cluster) for cluster in clusters(text) if not self._draws(cluster)})

    def drawable(self, text: str, sign: str) -> str:
        """Return `text` as this font can show it: a variant without glyph as its base, what it lacks as `sign`."""
        return "".join(self._shown(cluster, sign) for cluster in clusters(text))

    def _shown(self, cluster: str, sign: str) -> str:
        if self._draws(cluster):
            return cluster
        return cluster[0] if self._draws(cluster[0]) else sign

    def _draws(self, cluster: str) -> bool:
        base = ord(cluster[0])
        if len(cluster) == 1:
            return _within(self.characters, base)
        return _within(self.sequences.get(ord(cluster[1]), ()), base)


def _points(cluster: str) -> str:
    return " ".join(f"U+{ord(character):04X}" for character in cluster)


def _within(ranges: tuple[tuple[int, int], ...], point: int) -> bool:
    index = bisect_right(ranges, (point, 0x7FFFFFFF)) - 1
    return index >= 0 and ranges[index][0] <= point <= ranges[index][1]


def _cmap(path: Path) -> bytes:
    with path.open("rb") as file:
        count = struct.unpack(">4xH6x", file.read(12))[0]
        for tag, offset, length in struct.iter_unpack(">4s4xII", file.read(16 * count)):
            if tag == b"cmap":
                file.seek(offset)
                return file.read(length)
    raise KeyError("cmap")


def _subtables(table: bytes) -> Iterator[tuple[int, int]]:
    """Yield format and offset of each encoding's subtable."""
    count = struct.unpack_from(">H", table, 2)[0]
    for number in range(count):
        offset = struct.unpack_from(">I", table, 8 + 8 * number)[0]
        yield struct.unpack_from(">H", table, offset)[0], offset


def _format12(table: bytes, start: int) -> tuple[tuple[int, int], ...]:
    count = struct.unpack_from(">I", table, start + 12)[0]
    groups = struct.iter_unpack(">III", table[start + 16 : start + 16 + 12 * count])
    return tuple(sorted((first, last) for first, last, _ in groups))


def _format14(table: bytes, start: int) -> dict[int, tuple[tuple[int, int], ...]]:
    """Read both kinds of sequence: those drawn as the base's usual glyph, and those with a glyph of their own."""
    count = struct.unpack_from(">I", table, start + 6)[0]
    found = {}
    for number in range(count):
        raw, usual, own = struct.unpack_from(">3sII", table, start + 10 + 11 * number)
        ranges = [*(_usual(table, start + usual) if usual else ()), *(_own(table, start + own) if own else ())]
        found[int.from_bytes(raw, "big")] = tuple(sorted(ranges))
    return found


def _usual(table: bytes, start: int) -> Iterator[tuple[int, int]]:
    count = struct.unpack_from(">I", table, start)[0]
    for raw, more in struct.iter_unpack(">3sB", table[start + 4 : start + 4 + 4 * count]):
        first = int.from_bytes(raw, "big")
        yield first, first + more


def _own(table: bytes, start: int) -> Iterator[tuple[int, int]]:
    count = struct.unpack_from(">I", table, start)[0]
    for raw, _ in struct.iter_unpack(">3sH", table[start + 4 : start + 4 + 5 * count]):
        yield int.from_bytes(raw, "big"), int.from_bytes(raw, "big")
