# SPDX-License-Identifier: Apache-2.0
"""A card at rest: JSON that comes back as it was, and is doubted when it does not look right."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tegata.card import BadImage, CardImage
from tegata.card.image import VERSION
from unit.card import kit
from unit.refusal import refused

Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize("profile", ["card", "gpse"])
def test_a_card_comes_back_as_it_was(profile: str) -> None:
    """Blank or issued, every file, PIN and key."""
    for image in (kit.blank(profile).image, kit.issued_image(profile)):
        assert CardImage.from_bytes(image.to_bytes()) == image


def test_a_blank_card_has_what_its_maker_wrote() -> None:
    """Its number, its label, and nothing of a person."""
    image = CardImage.blank("card", bytes(16), "TEGATA1")
    assert image.files["isd", 0x0045] == b"TEGATA1"
    assert image.files["jpki", 0x0006].startswith(b"JPKIAPICCTOKEN2")
    assert (dict(image.pins), dict(image.keys)) == ({}, {})
    assert len(image.files["jpki", 0x0006]) == 160
    assert len(image.files["text", 0x0005]) == 4 + 1 + 159


@pytest.mark.parametrize(
    ("profile", "key", "card_id"),
    [
        ("plastic", bytes(16), "TEGATA1"),
        ("card", bytes(15), "TEGATA1"),
        ("card", b"", "TEGATA1"),
        ("card", bytes(16), ""),
        ("card", bytes(16), "1" * 65),
        ("card", bytes(16), "カード"),
    ],
)
def test_no_card_is_made_that_could_not_work(profile: str, key: bytes, card_id: str) -> None:
    """A profile that exists, an AES key, a number in ASCII."""
    with refused("card.bad_image", BadImage):
        CardImage.blank(profile, key, card_id)


CHANGES: list[tuple[str, Change]] = [
    ("no profile", lambda c: c.pop("profile")),
    ("unknown profile", lambda c: c.update(profile="plastic")),
    ("profile is a list", lambda c: c.update(profile=[])),
    ("number not ASCII", lambda c: c.update(card_id="カード")),
    ("no number", lambda c: c.update(card_id="")),
    ("issuer key too short", lambda c: c.update(issuer_key="AAAA")),
    ("issuer key not base64", lambda c: c.update(issuer_key="*")),
    ("unknown life", lambda c: c.update(life="stolen")),
    ("files is a list", lambda c: c.update(files=[])),
    ("file of no application", lambda c: c["files"].update({"wallet.0001": "AA=="})),
    ("file that is not there", lambda c: c["files"].update({"jpki.0077": "AA=="})),
    ("file that is a PIN", lambda c: c["files"].update({"jpki.0018": "AA=="})),
    ("file written twice", lambda c: c["files"].update({"jpki.1": "AA=="})),
    ("file without a number", lambda c: c["files"].update({"jpki": "AA=="})),
    ("content not base64", lambda c: c["files"].update({"jpki.0001": "?"})),
    ("content a number", lambda c: c["files"].update({"jpki.0001": 1})),
    ("PIN that is a file", lambda c: c["pins"].update({"jpki.0001": {"value": "MTIzNA==", "tries_left": 3}})),
    ("PIN with 16 tries", lambda c: c["pins"]["jpki.0018"].update(tries_left=16)),
    ("PIN with -1 tries", lambda c: c["pins"]["jpki.0018"].update(tries_left=-1)),
    ("PIN with half a try", lambda c: c["pins"]["jpki.0018"].update(tries_left=1.5)),
    ("unset PIN with tries", lambda c: c["pins"]["jpki.0018"].update(value=None)),
    ("PIN is text", lambda c: c["pins"].update({"jpki.0018": "1234"})),
    ("key that is a PIN", lambda c: c["keys"].update({"jpki.0018": {"pkcs8": "AA==", "use": "fresh"}})),
    ("key of unknown use", lambda c: c["keys"]["jpki.0017"].update(use="lent")),
    ("key is null", lambda c: c["keys"].update({"jpki.0017": None})),
]


@pytest.mark.parametrize("change", [change for _, change in CHANGES], ids=[name for name, _ in CHANGES])
def test_an_image_that_does_not_look_right_is_refused(change: Change) -> None:
    """Before the engine has to doubt it."""
    content = json.loads(kit.issued_image().to_bytes())
    change(content)
    with refused("card.bad_image", BadImage):
        CardImage.from_bytes(json.dumps(content).encode())


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b"1", b'"card"', b"{}", b"\xff", b"[" * 100_000, b'{"version":'])
def test_bytes_that_are_no_card(raw: bytes) -> None:
    """Whatever they are, the answer is the same."""
    with refused("card.bad_image", BadImage):
        CardImage.from_bytes(raw)


def test_an_image_of_a_newer_version_is_named_as_one() -> None:
    """The message tells both versions."""
    content = json.loads(kit.issued_image().to_bytes())
    with refused("card.image_version", BadImage) as caught:
        CardImage.from_bytes(json.dumps({**content, "version": VERSION + 1}).encode())
    assert caught.value.facts == {"found": VERSION + 1, "known": VERSION}


def test_changing_an_image_leaves_the_old_one() -> None:
    """Frozen: a command that is refused half-way changed nothing."""
    image = kit.issued_image()
    before = image.to_bytes()
    changed = image.with_file(("jpki", 1), b"x")
    assert changed.files["jpki", 1] == b"x"
    assert image.to_bytes() == before
