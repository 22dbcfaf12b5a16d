# SPDX-License-Identifier: Apache-2.0
"""Is it a copy?  A genuine card passes every step; each kind of forgery fails at the step that is for it."""

import dataclasses
import os
from collections.abc import Mapping

import pytest

from tegata.card import Card, CardImage
from tegata.card.image import KeyState
from tegata.card.rules import KeyUse
from tegata.crypto import signatures
from tegata.crypto.keys import Scheme, SoftwareKey
from tegata.reader import PinRequired, TextSession, commands, run
from tegata.reader.authenticity import STEPS, Genuine, NotAuthentic, roots_from_json
from tegata.reader.errors import BadContent
from tegata.reader.surface import SurfaceSession, card_number
from unit.card import kit

Place = tuple[str, int]


def text(card: Card, roots: Mapping[bytes, bytes] | None = None) -> Genuine:
    """Check a card's text application after its PIN."""
    session = TextSession(card.transmit)
    session.verify("4321")
    return session.authenticity(kit.roots() if roots is None else roots)


def surface(card: Card) -> Genuine:
    """Check a card's surface application after 照合番号A."""
    session = SurfaceSession(card.transmit)
    session.verify("number_a", kit.NUMBER)
    return session.authenticity(kit.roots())


def forged(changes: Mapping[Place, bytes], keys: Mapping[Place, SoftwareKey] | None = None) -> Card:
    """Return a card with other files or keys, as a forger with an open card would make it."""
    image = kit.issued_image()
    made = {place: KeyState(key.to_pkcs8(), KeyUse.IN_USE) for place, key in (keys or {}).items()}
    return Card(dataclasses.replace(image, files={**image.files, **changes}, keys={**image.keys, **made}))


def file(place: Place) -> bytearray:
    """Return a copy of a genuine file."""
    return bytearray(kit.issued_image().files[place])


def test_a_genuine_card_passes_every_step() -> None:
    """By PIN, by A or B, by birth date: whatever is open is checked."""
    verdict = text(kit.issued())
    assert verdict.files == ("individual_number", "attributes")
    assert [(step.name, step.outcome) for step in verdict.steps] == [(name, "passed") for name in STEPS]
    assert verdict.to_json()["root"] == verdict.root.hex()
    assert kit.FOUR.name not in str(verdict.to_json())
    by_a, by_b = TextSession(kit.issued().transmit), TextSession(kit.issued().transmit)
    by_a.verify_a(kit.NUMBER)
    assert by_a.authenticity(kit.roots()).files == ("individual_number",)
    by_b.verify_b("02022820352285")
    assert by_b.authenticity(kit.roots()).files == ("attributes",)
    assert surface(kit.issued()).files == ("face", "number_picture")


def test_nothing_can_be_checked_before_something_was_opened() -> None:
    """The records that name the keys are guarded."""
    with pytest.raises(PinRequired):
        TextSession(kit.issued().transmit).authenticity(kit.roots())
    with pytest.raises(PinRequired):
        SurfaceSession(kit.issued().transmit).authenticity(kit.roots())


def changed(place: Place, at: int) -> Card:
    """Return a card with one byte of one file changed."""
    content = file(place)
    content[at] ^= 1
    return forged({place: bytes(content)})


@pytest.mark.parametrize(
    ("card", "step"),
    [
        (lambda: forged({("text", 4): b""}), "certificate"),
        (lambda: changed(("text", 4), 300), "root"),
        (lambda: changed(("text", 4), 12), "root"),
        (lambda: changed(("text", 7), -1), "key"),
        (lambda: changed(("text", 7), 260), "key"),
        (lambda: changed(("text", 1), 5), "contents"),
        (lambda: changed(("text", 2), 20), "contents"),
        (lambda: changed(("text", 3), 20), "contents"),
        (lambda: changed(("text", 3), -1), "contents"),
        (lambda: forged({}, {("text", 0x13): kit.key(5)}), "challenge"),
    ],
)
def test_a_forged_text_application_fails_where_it_lies(card: object, step: str) -> None:
    """A file changed by hand, a certificate of nobody's, another card's files with a key of one's own."""
    assert callable(card)
    with pytest.raises(NotAuthentic) as caught:
        text(card())
    assert caught.value.reason == f"reader.not_authentic.{step}"
    outcomes = [one.outcome for one in caught.value.steps]
    place = STEPS.index(step)
    assert outcomes == ["passed"] * place + ["failed"] + ["not_reached"] * (len(STEPS) - place - 1)


@pytest.mark.parametrize("at", [35, 320, 620])
def test_a_forged_face_fails(at: int) -> None:
    """Birth date, name, photo: every signed part of the face counts."""
    with pytest.raises(NotAuthentic) as caught:
        surface(changed(("surface", 2), at))
    assert caught.value.reason == "reader.not_authentic.key"


def test_a_root_that_is_not_ours_is_not_believed() -> None:
    """Neither another key under the same name, nor none."""
    for roots in ({}, dict.fromkeys(kit.roots(), kit.key(4).spki)):
        with pytest.raises(NotAuthentic) as caught:
            text(kit.issued(), roots)
        assert caught.value.reason == "reader.not_authentic.root"


def test_roots_that_are_none_are_refused() -> None:
    """The authority's answer is read strictly."""
    for bad in ({}, {"roots": 1}, {"roots": [{"key_id": "zz", "public_key": ""}]}, {"roots": [{"key_id": "00"}]}):
        with pytest.raises(BadContent):
            roots_from_json(bad)


def test_the_common_application_tells_the_cards_number_and_answers_a_challenge() -> None:
    """製造番号, municipality and expiry are open; 0019 signs without a PIN."""
    card = kit.issued()
    number = run(card_number(), card.transmit)
    assert (len(number.serial), number.municipality_code, number.expires) == (15, "13113", "20350228")
    challenge = os.urandom(16)
    signature = run(commands.authenticate_card(challenge), card.transmit)
    spki = SoftwareKey.from_pkcs8(card.image.keys["common", 0x19].pkcs8).spki
    signatures.verify(spki, Scheme.RSA_PKCS1_SHA256, challenge, signature)
    assert isinstance(card.image, CardImage)
