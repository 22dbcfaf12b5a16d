# SPDX-License-Identifier: Apache-2.0
"""Draws what is printed on a card, as the card's chip holds it too.

Name and address are set with the font of official documents, in one bit per dot; digits are drawn from a raster.  The
photo is of nobody: one of a few drawn silhouettes, JPEG 2000 in grey (`scripts/draw_photos.py` made them), chosen by
the resident code.  A character that the font has not is shown as 〓, the printers' sign for one that is missing.
"""

import hashlib
from functools import cache
from importlib import resources
from typing import Final

from tegata.municipality import raster
from tegata.municipality.model import Resident
from tegata.municipality.typesetting import Press
from tegata.reader.contents import Pictures

_FOLDER: Final = "photos"


def draw(press: Press, resident: Resident) -> Pictures:
    """Return the pictures of a resident's card; raises `Unavailable` where there is no font."""
    name, address = (raster.png(raster.from_rgba(page)) for page in press.draw([resident.name, resident.address]))
    return Pictures(name, address, raster.digits(resident.individual_number), photo(resident.code))


def photo(code: str) -> bytes:
    """Return the silhouette that stands for a resident's photo."""
    shown = _photos()
    return shown[hashlib.sha256(code.encode()).digest()[0] % len(shown)]


@cache
def _photos() -> tuple[bytes, ...]:
    folder = resources.files(__package__) / _FOLDER
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".jp2")), key=lambda entry: entry.name)
    return tuple(file.read_bytes() for file in files)
