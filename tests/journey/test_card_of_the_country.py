# SPDX-License-Identifier: Apache-2.0
"""A card that the country issued shows everything, and that it is no copy: every party is real."""

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from journey import kit
from tegata.card import Card
from tegata.reader import TextSession
from tegata.reader.authenticity import roots_from_json
from tegata.reader.script import run
from tegata.reader.surface import SurfaceSession, card_number
from tegata.sandbox.population import PINS


async def issued(folder: Path) -> tuple[Card, dict[str, Any]]:
    """Return a card that the country issued, and the authority's roots."""
    async with kit.country(folder) as (country, way):
        tale = await kit.told(way, 1)
        roots = await way.get("/authority/v1/card-roots")
        return country.things.card(tale.card_id), roots


def test_a_card_of_the_country_is_genuine(tmp_path: Path, require_tool: Callable[[str], str]) -> None:
    """PIN, then number, then what is printed: each application proves itself up to the authority's root."""
    card, answer = asyncio.run(issued(tmp_path))
    roots = roots_from_json(answer)
    text = TextSession(card.transmit)
    text.verify(PINS["card_pin"])
    text.secure()
    number, four = text.individual_number(), text.attributes()
    text.select()
    text.verify(PINS["card_pin"])
    assert text.authenticity(roots).files == ("individual_number", "attributes")
    surface = SurfaceSession(card.transmit)
    surface.verify("number_a", number)
    face = surface.face()
    assert (face.birth, face.sex) == (four.birth, four.sex)
    assert surface.authenticity(roots).files == ("face", "number_picture")
    packed, raw = tmp_path / "photo.jp2", tmp_path / "photo.pgm"
    packed.write_bytes(face.photo)
    subprocess.run([require_tool("opj_decompress"), "-i", packed, "-o", raw], check=True, capture_output=True)
    assert raw.read_bytes().startswith(b"P5")
    municipality = surface.municipality_code()
    assert run(card_number(), card.transmit).municipality_code == municipality
