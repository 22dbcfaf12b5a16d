# SPDX-License-Identifier: Apache-2.0
"""Characters: what the register holds, and what a certificate writes instead."""

import unicodedata

import pytest

from tegata.municipality import characters
from tegata.municipality.characters import checked, clusters, for_certificate, in_certificate_set
from tegata.municipality.errors import Refused
from unit.refusal import refused

VARIANT = "邉\U000e0110"


def test_a_selector_belongs_to_the_character_before_it() -> None:
    """One cluster, one position."""
    assert clusters(f"渡{VARIANT}　健二") == ["渡", VARIANT, "　", "健", "二"]
    assert clusters("") == []


@pytest.mark.parametrize("text", ["\U000e0110", "\ufe00山", "山\U000e0110\U000e0111"])
def test_a_selector_alone_is_refused(text: str) -> None:
    """At the start, or two in a row."""
    with refused("municipality.bad_text", Refused):
        clusters(text)


@pytest.mark.parametrize("text", ["山田　花子", f"渡{VARIANT}", "MILLER EMILY ROSE", "𠮷岡", "ロ１番地", "O'Neill"])
def test_what_the_register_holds(text: str) -> None:
    """As it was written."""
    assert checked(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "　",
        "山田\n花子",
        "山田\t花子",
        "山田\x00",
        "山田\u200b花子",  # zero width
        "山田\u202e花子",  # right to left
        "山田\u2028花子",  # line separator
        "山田\u2029花子",
        "山田\ud800",
        "山田\ue000",  # private use
        "か\u3099",  # not composed
        "\ufa19",  # a compatibility ideograph
        "\ufeff山田",
        "山田\U000f0000",
    ],
)
def test_what_the_register_refuses(text: str) -> None:
    """Control characters, invisible ones, second lines, half characters, what changes when normalised."""
    with refused("municipality.bad_text", Refused):
        checked(text)


@pytest.mark.parametrize("character", ["山", "　", "１", "A", "-", "ー", "丂", "ヶ", "々"])
def test_what_a_certificate_holds(character: str) -> None:
    """ASCII, JIS X 0208, and JIS X 0212 (丂 is only there)."""
    assert in_certificate_set(character)


@pytest.mark.parametrize("character", ["𠮷", "髙", "﨑", "ｱ", "😀", "é\u0301"[1]])
def test_what_a_certificate_lacks(character: str) -> None:
    """Characters beyond, and half-width kana, which the encoding has and the sets have not."""
    assert not in_certificate_set(character)


@pytest.mark.parametrize(
    ("text", "written", "flags"),
    [
        ("山田　花子", "山田　花子", "00000"),
        ("𠮷岡", "吉岡", "10"),
        ("髙木", "高木", "10"),
        (f"渡{VARIANT}　健二", "渡邉　健二", "01000"),
        ("MILLER", "MILLER", "000000"),
    ],
)
def test_substitutes_are_flagged(text: str, written: str, flags: str) -> None:
    """One digit per character of the certificate."""
    assert for_certificate(text) == (written, flags)


def test_a_character_without_a_substitute_is_named() -> None:
    """By its code point, so that somebody can list one; the text is not shown."""
    with refused("municipality.no_substitute", Refused) as caught:
        for_certificate("秘密😀")
    assert caught.value.facts == {"character": "U+1F600"}
    assert "秘密" not in str(caught.value)


def test_every_substitute_can_stand_in_a_certificate() -> None:
    """And stands for something that cannot, written as the register writes it."""
    for original, stand_in in characters._substitutes().items():
        assert len(stand_in) == 1
        assert in_certificate_set(stand_in)
        assert not in_certificate_set(original)
        assert unicodedata.normalize("NFC", original) == original
        assert for_certificate(original) == (stand_in, "1")
