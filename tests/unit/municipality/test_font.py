# SPDX-License-Identifier: Apache-2.0
"""What the font draws: read from its own tables, of the real one and of small ones made here."""

import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tegata.municipality import font
from tegata.municipality.errors import Unavailable
from tegata.municipality.font import Coverage
from tegata.municipality.typesetting import Press
from unit.refusal import refused


def made(path: Path, groups: list[tuple[int, int]], sequences: dict[int, tuple[list[int], list[int]]]) -> Path:
    """Write a font of one table: a `cmap` with formats 12 and 14.  A sequence has usual bases and bases of its own."""
    twelve = struct.pack(">HHIII", 12, 0, 16 + 12 * len(groups), 0, len(groups))
    twelve += b"".join(struct.pack(">III", first, last, 1) for first, last in groups)
    head, body = b"", b""
    start = 10 + 11 * len(sequences)
    for selector, (usual, own) in sequences.items():
        at_usual = start + len(body) if usual else 0
        if usual:
            body += struct.pack(">I", len(usual)) + b"".join(base.to_bytes(3, "big") + b"\x00" for base in usual)
        at_own = start + len(body) if own else 0
        if own:
            body += struct.pack(">I", len(own)) + b"".join(base.to_bytes(3, "big") + b"\x00\x01" for base in own)
        head += selector.to_bytes(3, "big") + struct.pack(">II", at_usual, at_own)
    fourteen = struct.pack(">HII", 14, start + len(body), len(sequences)) + head + body
    table = struct.pack(">HH", 0, 2) + struct.pack(">HHI", 3, 10, 20) + struct.pack(">HHI", 0, 5, 20 + len(twelve))
    table += twelve + fourteen
    directory = struct.pack(">IHHHH", 0x10000, 1, 0, 0, 0) + struct.pack(">4sIII", b"cmap", 0, 28, len(table))
    path.write_bytes(directory + table)
    return path


def test_ranges_and_sequences(tmp_path: Path) -> None:
    """First and last of a range, bases with the usual glyph, bases with one of their own."""
    file = made(tmp_path / "f.ttf", [(0x41, 0x43), (0x5C71, 0x5C71)], {0xE0100: ([0x5C71], []), 0xE0101: ([], [0x41])})
    coverage = Coverage.read(file)
    assert coverage.missing("ABC山") == []
    assert coverage.missing("@D山川") == ["U+0040", "U+0044", "U+5DDD"]
    assert coverage.missing("山\U000e0100A\U000e0101") == []
    assert coverage.missing("山\U000e0101A\U000e0100A\U000e0110") == [
        "U+0041 U+E0100",
        "U+0041 U+E0110",
        "U+5C71 U+E0101",
    ]
    assert coverage.missing("") == []


def test_the_real_font_draws_names_of_the_register() -> None:
    """Names beyond the basic plane, variants, full-width digits; and lacks what is no character of a name."""
    coverage = Coverage.read(font.find(None))
    assert coverage.missing("山田　花子𠮷髙﨑渡邉\U000e0110葛\U000e0102１２３MILLER") == []
    assert coverage.missing("😀山") == ["U+1F600"]


def test_tables_alone_make_no_font(tmp_path: Path) -> None:
    """What says that it draws everything, but is nothing that a typesetter takes."""
    with refused("municipality.font_unusable", Unavailable):
        Press(made(tmp_path / "f.ttf", [(0x20, 0xFFFF)], {})).set({"title": "A"}, datetime(2026, 11, 24, tzinfo=UTC))


def test_where_the_font_is_looked_for(tmp_path: Path) -> None:
    """A configured file, if it is there; its name alone is told."""
    file = made(tmp_path / "f.ttf", [(0x41, 0x41)], {})
    assert font.find(file) == file
    with refused("municipality.font_missing", Unavailable) as caught:
        font.find(tmp_path / "none.ttf")
    assert caught.value.facts == {"font": "none.ttf"}


def test_without_the_registers_font_everyday_names_are_drawn_and_variants_refused() -> None:
    """The font that comes with the packages has no Moji_Joho sequences, and never passes a base glyph off for one."""
    bundled = font.find(None, ())
    assert bundled.name == "NotoSerifJP-Regular.otf"
    coverage = Coverage.read(bundled)
    assert coverage.missing("山田　花子東京都渋谷区１２３") == []
    assert coverage.missing("渡邉\U000e0110") != []


@pytest.mark.parametrize("cut", [0, 5, 12, 20, 28, 40, 60, 100])
def test_a_font_cut_anywhere_is_unusable(tmp_path: Path, cut: int) -> None:
    """Never a crash, never a font that draws nothing."""
    file = made(tmp_path / "f.ttf", [(0x41, 0x43)], {0xE0100: ([0x41], [0x42])})
    whole = file.read_bytes()
    assert len(whole) > cut
    file.write_bytes(whole[:cut])
    with refused("municipality.font_unusable", Unavailable):
        Coverage.read(file)


def test_a_font_without_sequences_is_unusable(tmp_path: Path) -> None:
    """It would draw base characters for other people's names."""
    file = made(tmp_path / "f.ttf", [(0x41, 0x43)], {})
    content = bytearray(file.read_bytes())
    content[-10:-8] = struct.pack(">H", 4)
    file.write_bytes(content)
    with refused("municipality.font_unusable", Unavailable):
        Coverage.read(file)
    with refused("municipality.font_unusable", Unavailable):
        Coverage.read(tmp_path)
