# SPDX-License-Identifier: Apache-2.0
"""What is printed on a card: pictures that other programs read, and a whole card that shows that it is no copy."""

import shutil
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tegata.jpki import Kind
from tegata.jpki.attributes import BirthDate
from tegata.municipality import face, raster
from tegata.municipality.typesetting import Press
from tegata.reader import JpkiSession, TextSession
from tegata.reader.contents import era_birth
from tegata.reader.surface import SurfaceSession
from tegata.reader.surface_files import SignedFace
from unit.card import kit
from unit.municipality.kit import NUMBER, PINS, Town, go

RANDOM: Callable[[int], bytes] = bytes


def dots(image: bytes) -> list[str]:
    """Return the rows of a 1-bit PNG, read anew from the bytes: `#` is black."""
    width = int.from_bytes(image[16:20], "big")
    size = 1 + (width + 7) // 8
    start = image.index(b"IDAT") + 4
    body = zlib.decompress(image[start : image.index(b"IEND") - 8])
    rows = (body[at + 1 : at + size] for at in range(0, len(body), size))
    return ["".join("#" if bit == "0" else "." for byte in row for bit in f"{byte:08b}")[:width] for row in rows]


def test_digits_are_six_by_twelve_dots() -> None:
    """As on the test card: 24×12 for the code, 72×12 for the number."""
    assert (len(dots(raster.digits("2285"))), len(dots(raster.digits("2285"))[0])) == (12, 24)
    assert len(dots(raster.digits(NUMBER))[0]) == 72
    assert dots(raster.digits("1"))[2:9] == ["..#...", ".##...", "..#...", "..#...", "..#...", "..#...", ".###.."]


@pytest.mark.parametrize("kind", range(5))
def test_a_line_comes_back_from_every_filter(kind: int) -> None:
    """The five filters of PNG, undone dot by dot."""
    above, line = bytes((10, 250, 30, 0)), bytes((200, 3, 77, 255))
    filtered = bytearray()
    for at, value in enumerate(line):
        left, corner = (line[at - 1], above[at - 1]) if at else (0, 0)
        near = left + above[at] - corner
        paeth = min((abs(near - one), order, one) for order, one in enumerate((left, above[at], corner)))[2]
        filtered.append(value - (0, left, above[at], (left + above[at]) // 2, paeth)[kind] & 0xFF)
    assert raster._unfiltered(kind, bytes(filtered), above) == line


def test_another_kind_of_picture_is_refused() -> None:
    """Only what our typesetter writes is read."""
    with pytest.raises(ValueError, match="RGBA"):
        raster.from_rgba(raster.digits("1"))


def test_a_character_that_the_font_lacks_is_shown_as_a_sign() -> None:
    """A card is issued to everybody, whatever the name."""
    press = Press(None)
    lacking, sign = press.draw(["\U000e0fff田", "〓田"])
    assert raster.from_rgba(lacking) == raster.from_rgba(sign)
    (black,) = press.draw(["山"])
    assert sum(map(sum, raster.from_rgba(black))) > 20
    press.close()


def test_every_photo_is_jpeg_2000_in_grey(require_tool: Callable[[str], str], tmp_path: Path) -> None:
    """OpenJPEG's own unpacker reads each."""
    unpack = require_tool("opj_decompress")
    photos = {face.photo(str(number)) for number in range(40)}
    assert len(photos) == 6
    for photo in photos:
        assert photo[:12] == bytes.fromhex("0000000C6A5020200D0A870A")
        packed, raw = tmp_path / "photo.jp2", tmp_path / "photo.pgm"
        packed.write_bytes(photo)
        subprocess.run([unpack, "-i", packed, "-o", raw], check=True, capture_output=True)
        assert raw.read_bytes().startswith(b"P5\n")
        assert b"96 124" in raw.read_bytes()[:80]


def issued(town: Town) -> tuple[SurfaceSession, TextSession, JpkiSession]:
    """Return conversations with the card of a person who was just given it."""
    code = town.register()
    card = town.blank()
    go(town.service.issue_card("card.1", code, "TEGATA1", PINS))
    return SurfaceSession(card.transmit), TextSession(card.transmit), JpkiSession(card.transmit)


def test_the_card_shows_what_was_printed(town: Town) -> None:
    """Face, number and birth date, each behind what one can read on the card, and every signature holds."""
    surface, text, _ = issued(town)
    surface.verify("number_a", NUMBER)
    shown = surface.face()
    assert (shown.birth, shown.sex, shown.expiry) == ("19900505", "2", "20360505")
    assert shown.name.startswith(b"\x89PNG")
    assert dots(shown.security_code) == dots(raster.digits(kit.CODE))
    assert dots(surface.number_picture().content) == dots(raster.digits(NUMBER))
    assert surface.municipality_code() == "13113"
    assert surface.authenticity(kit.roots(), RANDOM).files == ("face", "number_picture")
    surface.select()
    surface.verify("number_b", f"0205052036{kit.CODE}")
    surface.select()
    surface.verify("birth", "020505")
    assert surface.birth().content == b"19900505"
    assert surface.authenticity(kit.roots(), RANDOM).files == ("birth",)
    text.verify("4321")
    assert text.authenticity(kit.roots(), RANDOM).files == ("individual_number", "attributes")


def test_the_face_is_read_by_other_peoples_programs(town: Town, tmp_path: Path) -> None:
    """`file` names size and depth of every picture; the pictures differ."""
    surface, _, jpki = issued(town)
    surface.verify("number_a", NUMBER)
    for picture in pictures(surface.face()):
        path = tmp_path / "picture"
        path.write_bytes(picture)
        if shutil.which("file"):
            said = subprocess.run(["file", "-b", path], check=True, capture_output=True, text=True).stdout
            assert "1-bit grayscale" in said
    assert len(set(pictures(surface.face()))) == 3
    assert jpki.certificates_present() == frozenset(Kind)


def pictures(shown: SignedFace) -> list[bytes]:
    """Return the PNGs of a face."""
    return [shown.name, shown.address, shown.security_code]


def test_the_year_of_the_era_stands_in_the_reference_number() -> None:
    """昭和55, 令和元, and an unknown birth date."""
    assert era_birth(BirthDate.of(1980, 2, 17)) == "550217"
    assert era_birth(BirthDate.of(2019, 5, 1)) == "010501"
    assert era_birth(BirthDate.of(0, 0, 0)) == "000000"
