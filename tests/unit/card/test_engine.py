# SPDX-License-Identifier: Apache-2.0
"""The card's engine: one answer to every command, and nothing answered that is not kept."""

import typing

import pytest

from tegata.card import Card, CardImage, channel, commands, holder, issuer
from tegata.card.engine import DISPATCH
from tegata.card.image import KeyState
from tegata.card.rules import KeyUse
from tegata.card.typed import Secured, Typed
from tegata.codecs.apdu import SW, Command
from tegata.crypto.keys import Algorithm, SoftwareKey
from tegata.jpki import Kind, card_map
from tegata.reader import JpkiSession, WrongPin, personalise, run
from unit.card import kit

SELECT = bytes.fromhex("00A4040C0AD392F000260100000001")
WRONG = bytes.fromhex("002000980430303030")
RIGHT = bytes.fromhex("002000980431323334")
QUERY = bytes.fromhex("00200098")


class PowerCut(Exception):
    """Keeping the image failed."""


class Memory:
    """Keeps images, and can be told to fail."""

    def __init__(self) -> None:
        self.kept: list[CardImage] = []
        self.fails = 0

    def __call__(self, image: CardImage) -> None:
        """Keep an image, or fail."""
        if self.fails:
            self.fails -= 1
            raise PowerCut
        self.kept.append(image)


def sw(answer: bytes) -> int:
    """Return the status word."""
    return int.from_bytes(answer[-2:], "big")


def test_every_typed_command_has_its_handler() -> None:
    """The table of the parser and that of the engine name the same commands; a secured one is an envelope."""
    assert {*DISPATCH, Secured} == set(typing.get_args(Typed))
    assert {handler.__module__ for handler in DISPATCH.values()} == {channel.__name__, holder.__name__, issuer.__name__}


def test_a_wrong_try_is_kept_before_it_is_answered() -> None:
    """At the moment of keeping, the host knows nothing yet."""
    memory = Memory()
    card = kit.issued(on_persist=memory)
    card.transmit(SELECT)
    assert memory.kept == []
    assert sw(card.transmit(WRONG)) == 0x63C2
    assert [image.pins["jpki", 0x18].tries_left for image in memory.kept] == [2]


def test_what_changes_nothing_is_not_kept() -> None:
    """A right PIN with all its tries, reading, selecting and signing write nothing."""
    memory = Memory()
    card = kit.issued(on_persist=memory)
    session = JpkiSession(card.transmit)
    session.verify(Kind.AUTHENTICATION, "1234")
    session.certificate(Kind.AUTHENTICATION)
    session.sign(Kind.AUTHENTICATION, b"x")
    assert memory.kept == []


def test_a_try_that_could_not_be_kept_is_not_answered_and_not_given_back() -> None:
    """Whoever cuts the power while the counter is written gains nothing: the try is kept before the next command."""
    memory = Memory()
    card = kit.issued(on_persist=memory)
    card.transmit(SELECT)
    memory.fails = 2
    for _ in range(2):
        with pytest.raises(PowerCut):
            card.transmit(WRONG)
    assert memory.kept == []
    assert sw(card.transmit(QUERY)) == 0x63C2
    assert memory.kept[-1].pins["jpki", 0x18].tries_left == 2


def test_killed_between_keeping_and_answering() -> None:
    """A new process finds the try gone, although nobody heard of it."""
    memory = Memory()
    dying = kit.issued(on_persist=memory)
    dying.transmit(SELECT)
    dying.transmit(WRONG)
    again = Card(CardImage.from_bytes(memory.kept[-1].to_bytes()))
    assert JpkiSession(again.transmit).retries(Kind.AUTHENTICATION) == 2


def test_reset_forgets_what_was_selected_and_verified_and_nothing_else() -> None:
    """As pulling the card out does."""
    card = kit.issued()
    session = JpkiSession(card.transmit)
    session.verify(Kind.SIGNING, "ABC123")
    with pytest.raises(WrongPin):
        session.verify(Kind.AUTHENTICATION, "0000")
    card.reset()
    assert sw(card.transmit(bytes.fromhex("00200080"))) == SW.NO_CURRENT_EF
    card.transmit(SELECT)
    assert sw(card.transmit(bytes.fromhex("00B0810000"))) == SW.SECURITY_STATUS
    assert sw(card.transmit(QUERY)) == 0x63C2


@pytest.mark.parametrize("raw", ["", "00", "00A404", "00A40400FF00", "FFFFFFFF", "00" * 70000])
def test_bytes_that_are_no_command_are_answered(raw: str) -> None:
    """With a status word, whatever they are."""
    answer = kit.issued().transmit(bytes.fromhex(raw))
    assert len(answer) == 2


def test_a_key_that_the_memory_lost_is_a_memory_failure() -> None:
    """Bytes that are no key, or a key of other hardware, are answered 6581 and never crash."""
    place = ("jpki", card_map.jpki_file("key", Kind.AUTHENTICATION))
    sign = Command(0x80, 0x2A, 0x00, 0x97, b"x", 256).to_bytes()
    for stored in (b"no key", SoftwareKey.generate(Algorithm.EC_P256).to_pkcs8()):
        card = Card(kit.issued_image().with_key(place, KeyState(stored, KeyUse.IN_USE)))
        JpkiSession(card.transmit).verify(Kind.AUTHENTICATION, "1234")
        assert sw(card.transmit(sign)) == SW.MEMORY_FAILURE
        run(personalise.open_issuer_session(kit.ISSUER_KEY), card.transmit)
        assert sw(card.transmit(Command(0x80, 0x46, 0x01, 0x97).to_bytes())) == SW.MEMORY_FAILURE


def test_many_keys_do_not_fill_the_memory_of_the_process() -> None:
    """Keys are loaded when used and forgotten beyond a handful."""
    card = kit.blank()
    run(personalise.open_issuer_session(kit.ISSUER_KEY), card.transmit)
    for _ in range(20):
        run(personalise.generate_key(Kind.SIGNING), card.transmit)
    assert len(card._loaded) <= 8


def test_nothing_secret_shows() -> None:
    """Neither the image, the state nor a typed command shows a PIN, a key or a challenge."""
    image = kit.issued_image()
    shown = repr(image) + repr(list(image.pins.values())) + repr(list(image.keys.values()))
    shown += repr([commands.parse(raw) for raw in (RIGHT, bytes.fromhex("0024019804") + b"1234")])
    assert "1234" not in shown
    assert "pkcs8" not in shown
    assert repr(image.issuer_key) not in shown
