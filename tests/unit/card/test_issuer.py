# SPDX-License-Identifier: Apache-2.0
"""The issuer's side of the card: what it may do, in which order, and what it never gets."""

import contextlib

import pytest

from tegata.card import Card
from tegata.card.rules import KeyUse, Life
from tegata.codecs.apdu import SW, Command
from tegata.crypto.mac import aes_cmac
from tegata.jpki import Kind, card_map
from tegata.reader import Blocked, JpkiSession, PinRequired, WrongPin, personalise, run
from tegata.reader.errors import CardRefused, IssuerRefused
from unit.card import kit
from unit.refusal import refused

JPKI = Command(0x00, 0xA4, 0x04, 0x0C, bytes.fromhex("D392F000260100000001"))
FINISH = Command(0x80, 0x44, 0, 0)


def sw(card: Card, command: Command) -> int:
    """Send a command and return the status word."""
    return int.from_bytes(card.transmit(command.to_bytes())[-2:], "big")


def opened(card: Card) -> Card:
    """Return the card with its issuer's session open."""
    run(personalise.open_issuer_session(kit.ISSUER_KEY), card.transmit)
    return card


def test_a_whole_issuance() -> None:
    """Blank, keys, certificates, PINs, in service."""
    card = kit.issued()
    assert card.image.life is Life.ISSUED
    assert {key.use for key in card.image.keys.values()} == {KeyUse.IN_USE}
    session = JpkiSession(card.transmit)
    assert session.certificates_present() == frozenset(Kind)
    assert session.ca_certificate(Kind.SIGNING) == kit.ca_certificate(Kind.SIGNING)


def test_another_key_does_not_open_the_session() -> None:
    """And costs nothing but the challenge."""
    card = kit.blank()
    with refused("reader.issuer_refused", IssuerRefused):
        run(personalise.open_issuer_session(bytes(16)), card.transmit)
    opened(card)


def test_an_answer_serves_once() -> None:
    """What was overheard yesterday opens nothing today."""
    card = kit.blank()
    challenge = card.transmit(Command(0x00, 0x84, 0, 0, le=16).to_bytes())[:-2]
    answer = Command(0x00, 0x82, 0, 0, aes_cmac(kit.ISSUER_KEY, challenge))
    assert sw(card, answer) == SW.OK
    card.reset()
    assert sw(card, answer) == SW.CONDITIONS
    card.transmit(Command(0x00, 0x84, 0, 0, le=16).to_bytes())
    assert sw(card, answer) == SW.NOT_VERIFIED


def test_a_short_challenge_is_not_for_issuers() -> None:
    """Eight bytes could be guessed by asking often enough."""
    card = kit.blank()
    challenge = card.transmit(Command(0x00, 0x84, 0, 0, le=8).to_bytes())[:-2]
    assert sw(card, Command(0x00, 0x82, 0, 0, aes_cmac(kit.ISSUER_KEY, challenge))) == SW.CONDITIONS


def test_a_wrong_answer_ends_a_session_that_was_open() -> None:
    """Whoever took over the line is not the issuer."""
    card = opened(kit.blank())
    card.transmit(Command(0x00, 0x84, 0, 0, le=16).to_bytes())
    assert sw(card, Command(0x00, 0x82, 0, 0, bytes(16))) == SW.NOT_VERIFIED
    assert sw(card, Command(0x80, 0x46, 0x00, 0x97, le=256)) == SW.SECURITY_STATUS


def test_the_session_outlives_selecting_and_ends_with_power() -> None:
    """Issuing needs two applications; the next one to power the card is nobody."""
    card = opened(kit.blank())
    run(personalise.generate_key(Kind.SIGNING), card.transmit)
    run(personalise.set_pins(personalise.Pins(text="1111", card="2222")), card.transmit)
    card.reset()
    with refused("reader.issuer_session_over", IssuerRefused):
        run(personalise.generate_key(Kind.SIGNING), card.transmit)


def test_a_key_in_service_does_not_obey_the_issuer() -> None:
    """Only its PIN; the issuer could otherwise sign in the holder's name."""
    card = opened(kit.issued())
    with pytest.raises(PinRequired):
        run(personalise.csr(Kind.SIGNING), card.transmit)


def test_a_fresh_key_obeys_the_issuer_only_while_its_session_is_open() -> None:
    """For the certification request, and for nobody else."""
    card = opened(kit.blank())
    run(personalise.generate_key(Kind.AUTHENTICATION), card.transmit)
    assert run(personalise.csr(Kind.AUTHENTICATION), card.transmit)
    card.reset()
    card.transmit(JPKI.to_bytes())
    assert sw(card, Command(0x80, 0x2A, 0x00, 0x97, b"x", 256)) == SW.CONDITIONS


def test_a_new_key_takes_certificate_and_pin_of_the_old_one_with_it() -> None:
    """Whoever held the card before has nothing left on it that works."""
    card = kit.issued()
    session = JpkiSession(card.transmit)
    session.verify(Kind.AUTHENTICATION, "1234")
    opened(card)
    run(personalise.generate_key(Kind.AUTHENTICATION), card.transmit)
    assert session.certificates_present() == {Kind.SIGNING}
    assert session.retries(Kind.AUTHENTICATION) == 0
    assert card.image.life is Life.PERSONALISING
    assert sw(card, Command(0x00, 0x20, 0x00, 0x98, b"1234")) == SW.DATA_INVALIDATED
    session.verify(Kind.SIGNING, "ABC123")
    assert session.sign(Kind.SIGNING, b"the other key still works")


@pytest.mark.parametrize("missing", ["certificate", "pin"])
def test_a_card_goes_into_service_complete_or_not_at_all(missing: str) -> None:
    """A key without its certificate, or without a PIN, would stay fresh."""
    card = kit.blank()
    requests = run(kit.keys_and_requests(), card.transmit)
    if missing == "pin":
        run(personalise.install({k: kit.certify(k, r) for k, r in requests.items()}, {}), card.transmit)
    else:
        run(personalise.set_pins(kit.PINS), card.transmit)
    with pytest.raises(CardRefused) as caught:
        run(personalise.finish(), card.transmit)
    assert caught.value.sw == SW.CONDITIONS
    assert card.image.life is Life.PERSONALISING
    assert {key.use for key in card.image.keys.values()} == {KeyUse.FRESH}


def test_a_certificate_for_another_key_does_not_go_into_service() -> None:
    """Even when it was written past the reader's own check."""
    card = kit.blank()
    run(kit.keys_and_requests(), card.transmit)
    run(personalise.set_pins(kit.PINS), card.transmit)
    card.transmit(JPKI.to_bytes())
    for ef in (0x01, 0x0A):
        assert sw(card, Command(0x00, 0xD6, 0x80 | ef, 0, kit.ca_certificate(Kind.SIGNING))) == SW.OK
    assert sw(card, FINISH) == SW.CONDITIONS


def test_finishing_twice_is_finishing() -> None:
    """An issuer that lost the answer repeats the step."""
    card = opened(kit.issued())
    before = card.image
    run(personalise.finish(), card.transmit)
    assert card.image == before


def test_the_counter_resets_a_blocked_pin_without_learning_it() -> None:
    """All tries are back, the old value is gone, and what was verified is not any more."""
    card = kit.issued()
    session = JpkiSession(card.transmit)
    session.verify(Kind.SIGNING, "ABC123")
    opened(card)
    session.verify(Kind.SIGNING, "ABC123")
    run(personalise.set_pins(personalise.Pins(signing="XYZ789")), card.transmit)
    with pytest.raises(PinRequired):
        session.sign(Kind.SIGNING, b"x")
    session.verify(Kind.SIGNING, "XYZ789")


@pytest.mark.parametrize(("ef", "offset", "size", "expected"), [
    (0x81, 0, 100, SW.OK),
    (0x81, 1, 100, SW.WRONG_OFFSET),
    (0x86, 0, 1, SW.CONDITIONS),
    (0x88, 0, 1, SW.CONDITIONS),
    (0x97, 0, 1, SW.INCOMPATIBLE_FILE),
    (0x98, 0, 1, SW.INCOMPATIBLE_FILE),
    (0x9D, 0, 1, SW.FILE_NOT_FOUND),
    (0x81, 0, 0x7FFF, SW.OK),
    (0x81, 0, 0x8000, SW.WRONG_LENGTH),
])  # fmt: skip
def test_writing_files(ef: int, offset: int, size: int, expected: int) -> None:
    """At offset 0 a file is replaced, at its end appended to; what the maker wrote stays."""
    card = opened(kit.blank())
    assert sw(card, Command(0x00, 0xD6, ef, offset, bytes(size))) == expected


def test_a_file_is_appended_to_until_it_is_full() -> None:
    """In blocks, as readers without extended length do; one byte too many is refused and changes nothing."""
    card = opened(kit.blank())
    assert sw(card, Command(0x00, 0xD6, 0x81, 0, b"a" * 200)) == SW.OK
    assert sw(card, Command(0x00, 0xD6, 0x00, 200, b"b" * 200)) == SW.OK
    assert card.image.files["jpki", 1] == b"a" * 200 + b"b" * 200
    assert sw(card, Command(0x00, 0xD6, 0x01, 400 - 256, b"c" * 0x7FFF)) == SW.NO_SPACE
    assert len(card.image.files["jpki", 1]) == 400


def test_erasing_jpki_leaves_the_rest() -> None:
    """Keys, certificates and PINs of JPKI are gone; the text application keeps its own."""
    card = opened(kit.issued())
    run(personalise.erase_jpki(), card.transmit)
    image = card.image
    assert image.life is Life.BLANK
    assert {application for application, _ in image.keys} == {"text", "surface", "common"}
    assert {application for (application, _), pin in image.pins.items() if pin.value is not None} == {
        "text",
        "surface",
        "common",
        "juki",
    }
    assert image.files["text", 0x0001] == kit.issued_image().files["text", 0x0001]
    assert ("jpki", 0x0001) not in image.files
    assert image.files["jpki", 0x0006] == kit.issued_image().files["jpki", 0x0006]


def test_only_jpki_can_be_erased() -> None:
    """The command means the current application, and this one alone knows how to be empty."""
    card = opened(kit.issued())
    card.transmit(Command(0x00, 0xA4, 0x04, 0x0C, bytes.fromhex("D3921000310001010408")).to_bytes())
    assert sw(card, Command(0x80, 0x48, 0, 0)) == SW.CONDITIONS


def test_a_phone_may_finish_without_pins() -> None:
    """Its owner sets the first ones herself; until then the keys obey nobody."""
    card = kit.blank("gpse")
    requests = run(kit.keys_and_requests(), card.transmit)
    run(kit.complete({k: kit.certify(k, r) for k, r in requests.items()}, text=False), card.transmit)
    session = JpkiSession(card.transmit)
    with pytest.raises(PinRequired):
        session.sign(Kind.SIGNING, b"x")
    session.set_first_pin(Kind.SIGNING, "ABC123")
    with pytest.raises(PinRequired):
        session.set_first_pin(Kind.SIGNING, "XYZ789")
    session.verify(Kind.SIGNING, "ABC123")
    assert session.sign(Kind.SIGNING, b"x")


def test_a_cards_first_pin_is_the_issuers() -> None:
    """On plastic nobody sets a PIN that was never set but the counter."""
    card = kit.blank()
    with pytest.raises(PinRequired):
        JpkiSession(card.transmit).set_first_pin(Kind.SIGNING, "ABC123")


def test_unblocking_gives_the_tries_back_and_leaves_the_value() -> None:
    """Inside the issuer's session only (assumption card.unblock); a PIN that was never set stays so."""
    card = kit.issued()
    session = JpkiSession(card.transmit)
    for _ in range(3):
        with contextlib.suppress(WrongPin, Blocked):
            session.verify(Kind.AUTHENTICATION, "0000")
    ef = card_map.jpki_file("pin", Kind.AUTHENTICATION)
    with pytest.raises(IssuerRefused):
        run(personalise.unblock("jpki", ef), card.transmit)
    opened(card)
    run(personalise.unblock("jpki", ef), card.transmit)
    session.select()
    session.verify(Kind.AUTHENTICATION, "1234")
    with pytest.raises(CardRefused) as caught:
        run(personalise.unblock("text", 0x12), card.transmit)
    assert caught.value.sw == SW.DATA_INVALIDATED


def test_objects_are_written_by_the_issuer_alone() -> None:
    """Where the security domain is selected, and not those that the maker wrote."""
    card = kit.issued()
    domain = Command(0x00, 0xA4, 0x04, 0x0C, bytes.fromhex("A0000001510000"))

    def put(tag: int) -> int:
        return sw(card, Command(0x00, 0xDA, tag >> 8, tag & 0xFF, b"99999"))

    assert put(0x00F0) == SW.SECURITY_STATUS
    opened(card)
    assert put(0x00F0) == SW.REFERENCE_NOT_FOUND
    card.transmit(domain.to_bytes())
    assert [put(tag) for tag in (0x00F0, 0x0045, 0x0066, 0x5F51, 0x0001)] == [
        SW.OK,
        SW.CONDITIONS,
        SW.CONDITIONS,
        SW.CONDITIONS,
        SW.REFERENCE_NOT_FOUND,
    ]
    assert card.image.files["isd", 0xF0] == b"99999"
