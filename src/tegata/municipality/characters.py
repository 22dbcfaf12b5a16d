# SPDX-License-Identifier: Apache-2.0
"""From the register's characters to the certificate's: 代替文字 and their flags.

The register keeps what the person writes: code points with variation selectors (Moji_Joho sequences).  A certificate
holds only JIS X 0208 and JIS X 0212 (and the letters of ASCII).  So every sequence loses its selector, every other
character that the set lacks is replaced by the look-alike of `substitutes.toml`, and a flag `1` marks each position
where that happened.
"""

import functools
import tomllib
import unicodedata
from importlib import resources
from typing import Final

from tegata.municipality.errors import Refused

_SELECTORS: Final = frozenset({*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)})
"""Variation selectors 1 to 256 (Unicode §23.4)."""


def is_selector(character: str) -> bool:
    """Say whether a character is a variation selector."""
    return ord(character) in _SELECTORS


def clusters(text: str) -> list[str]:
    """Split a text into characters, each with its variation selector if it has one; raises `Refused` for a selector
    alone.
    """
    found: list[str] = []
    for character in text:
        if not is_selector(character):
            found.append(character)
        elif found and len(found[-1]) == 1:
            found[-1] += character
        else:
            raise Refused("municipality.bad_text")
    return found


def checked(text: str) -> str:
    """Return a register text as it is; raises `Refused` unless it is NFC, one line, printable and free of stray
    selectors.

    Compatibility ideographs change under NFC, which is why they must be written as a base character with a selector.
    """
    plain = "".join(cluster[0] for cluster in clusters(text))
    if not plain.strip() or unicodedata.normalize("NFC", plain) != plain:
        raise Refused("municipality.bad_text")
    kinds = {unicodedata.category(character) for character in plain}
    if any(kind[0] == "C" for kind in kinds) or kinds & {"Zl", "Zp"}:
        raise Refused("municipality.bad_text")
    return text


@functools.cache
def _substitutes() -> dict[str, str]:
    raw = tomllib.loads((resources.files(__package__) / "substitutes.toml").read_text("utf-8"))
    return {str(original): str(stand_in) for original, stand_in in raw["substitutes"].items()}


def in_certificate_set(character: str) -> bool:
    """Say whether a single character is in ASCII, JIS X 0208 or JIS X 0212: the repertoire of EUC-JP without
    half-width kana.
    """
    try:
        return (len(encoded := character.encode("euc_jp")) > 1 and encoded[0] != 0x8E) or character.isascii()
    except UnicodeEncodeError:
        return False


def for_certificate(text: str) -> tuple[str, str]:
    """Return a register text as a certificate writes it, and its flags; raises `Refused` where no substitute is
    listed.
    """
    pairs = [_substituted(cluster) for cluster in clusters(text)]
    return "".join(character for character, _ in pairs), "".join(flag for _, flag in pairs)


def _substituted(cluster: str) -> tuple[str, str]:
    base = cluster[0]
    if in_certificate_set(base):
        return base, "0" if cluster == base else "1"
    stand_in = _substitutes().get(cluster) or _substitutes().get(base)
    if stand_in is None:
        raise Refused("municipality.no_substitute", character=f"U+{ord(base):04X}")
    return stand_in, "1"
