# SPDX-License-Identifier: Apache-2.0
"""What the card does for its holder, where bytes alone do not show it: signatures that verify, states that hold."""

import hashlib

import pytest

from tegata.card import Card
from tegata.codecs import der, tlv
from tegata.codecs.apdu import SW, Command, Response
from tegata.crypto import signatures
from tegata.crypto.keys import Scheme
from tegata.jpki import Kind, card_map
from tegata.reader import JpkiSession, TextSession, files
from unit.card import kit

AUTHENTICATION_KEY = 0x97
DIGEST = hashlib.sha256(b"message").digest()


def send(card: Card, *command: int, data: bytes = b"", le: int | None = None) -> Response:
    """Send one command by its four header bytes."""
    cla, ins, p1, p2 = command
    return Response.parse(card.transmit(Command(cla, ins, p1, p2, data, le).to_bytes()))


def verified() -> Card:
    """Return a card whose authentication PIN is verified."""
    card = kit.issued()
    JpkiSession(card.transmit).verify(Kind.AUTHENTICATION, "1234")
    return card


def spki(card: Card) -> bytes:
    """Return the public key in the card's authentication certificate."""
    return files.certificate_spki(JpkiSession(card.transmit).certificate(Kind.AUTHENTICATION))


@pytest.mark.parametrize(
    ("p1", "data", "scheme", "signed"),
    [
        (0x00, b"any bytes", Scheme.RSA_PKCS1_BARE, b"any bytes"),
        (0x00, der.digest_info("sha256", DIGEST), Scheme.RSA_PKCS1_SHA256, b"message"),
        (0x01, b"message", Scheme.RSA_PKCS1_BARE, DIGEST),
        (0x02, DIGEST, Scheme.RSA_PKCS1_SHA256, b"message"),
        (0x03, b"message", Scheme.RSA_PKCS1_SHA256, b"message"),
        (0x04, DIGEST, Scheme.RSA_PSS_SHA256, b"message"),
        (0x05, b"message", Scheme.RSA_PSS_SHA256, b"message"),
    ],
)
def test_every_way_of_signing_verifies(p1: int, data: bytes, scheme: Scheme, signed: bytes) -> None:
    """P1 selects what the card does around the bytes, as found on a real card."""
    card = verified()
    response = send(card, 0x80, 0x2A, p1, AUTHENTICATION_KEY, data=data, le=256)
    assert response.ok
    signatures.verify(spki(card), scheme, signed, response.data)


@pytest.mark.parametrize(
    ("p1", "size", "sw"),
    [
        (0x00, 245, SW.OK),
        (0x00, 246, SW.WRONG_LENGTH),
        (0x00, 0, SW.WRONG_LENGTH),
        (0x01, 256, SW.WRONG_LENGTH),
        (0x02, 31, SW.CONDITIONS),
        (0x02, 33, SW.CONDITIONS),
        (0x03, 255, SW.OK),
        (0x03, 0, SW.WRONG_LENGTH),
        (0x04, 48, SW.CONDITIONS),
        (0x05, 256, SW.WRONG_LENGTH),
    ],
)
def test_input_of_the_wrong_size(p1: int, size: int, sw: int) -> None:
    """Refused with the card's words for it."""
    assert send(verified(), 0x80, 0x2A, p1, AUTHENTICATION_KEY, data=bytes(size), le=256).sw == sw


def test_one_pin_serves_several_signatures_of_its_own_key_only() -> None:
    """The other key wants the other PIN."""
    card = verified()
    for _ in range(3):
        assert send(card, 0x80, 0x2A, 0x00, AUTHENTICATION_KEY, data=b"x", le=256).ok
    assert send(card, 0x80, 0x2A, 0x00, 0x9A, data=b"x", le=256).sw == SW.SECURITY_STATUS


def test_both_pins_may_be_verified_at_once() -> None:
    """And a wrong try with one leaves the other alone."""
    card = verified()
    assert send(card, 0x00, 0x20, 0x00, 0x9B, data=b"ABC123").ok
    assert send(card, 0x00, 0x20, 0x00, 0x98, data=b"0000").sw == 0x63C2
    assert send(card, 0x80, 0x2A, 0x00, 0x9A, data=b"x", le=256).ok
    assert send(card, 0x80, 0x2A, 0x00, AUTHENTICATION_KEY, data=b"x", le=256).sw == SW.SECURITY_STATUS


def test_a_key_that_is_not_there_signs_nothing() -> None:
    """A blank card."""
    card = kit.blank()
    card.transmit(Command(0x00, 0xA4, 0x04, 0x0C, card_map.application("jpki").aid).to_bytes())
    assert send(card, 0x80, 0x2A, 0x00, AUTHENTICATION_KEY, data=b"x", le=256).sw == SW.CONDITIONS


def test_select_with_an_answer_names_the_application() -> None:
    """An FCI template with the whole AID, also when a part of it was asked for."""
    card = kit.issued()
    response = send(card, 0x00, 0xA4, 0x04, 0x00, data=bytes.fromhex("D392F0"), le=256)
    (name,) = tlv.parse(tlv.parse_one(response.data).value)
    assert (name.tag, name.value) == (0x84, card_map.application("jpki").aid)


def test_reading_gives_what_is_left_and_then_says_so() -> None:
    """Short, extended, at the edge, and past it."""
    card = kit.issued()
    certificate = JpkiSession(card.transmit).certificate(Kind.AUTHENTICATION)
    whole = send(card, 0x00, 0xB0, 0x8A, 0x00, le=65536)
    assert whole.data == certificate
    end = len(certificate) - 1
    assert send(card, 0x00, 0xB0, end >> 8, end & 0xFF, le=256).data == certificate[-1:]
    assert send(card, 0x00, 0xB0, (end + 1) >> 8, (end + 1) & 0xFF, le=256).sw == SW.WRONG_OFFSET
    assert send(card, 0x00, 0xB0, 0x7F, 0xFF, le=256).sw == SW.WRONG_OFFSET


def test_flags_follow_the_certificates() -> None:
    """File 0008 is not written by anybody: it says what is there."""
    blank = kit.blank()
    assert JpkiSession(blank.transmit).certificates_present() == frozenset()
    card = kit.issued()
    card.transmit(Command(0x00, 0xA4, 0x04, 0x0C, card_map.application("jpki").aid).to_bytes())
    assert send(card, 0x00, 0xB0, 0x88, 0x00, le=256).data == bytes.fromhex("8F8F00")


def test_changing_a_pin_wants_the_old_one_and_obeys_the_rule() -> None:
    """The new one works at once, the old one no more, and a bad one changes nothing."""
    card = verified()
    assert send(card, 0x00, 0x24, 0x01, 0x98, data=b"12A4").sw == SW.WRONG_DATA
    assert send(card, 0x00, 0x24, 0x01, 0x9B, data=b"XYZ789").sw == SW.SECURITY_STATUS
    assert send(card, 0x80, 0x32, 0x00, 0x98, data=b"9999").sw == SW.INS_NOT_SUPPORTED
    assert send(card, 0x00, 0x24, 0x01, 0x98, data=b"9999").ok
    assert send(card, 0x00, 0x20, 0x00, 0x98, data=b"1234").sw == 0x63C2
    assert send(card, 0x00, 0x20, 0x00, 0x98, data=b"9999").ok


def test_the_text_application_keeps_number_and_attributes_behind_its_own_pin() -> None:
    """JPKI's PIN opens nothing there."""
    card = verified()
    text = TextSession(card.transmit)
    text.select()
    assert send(card, 0x00, 0xB0, 0x81, 0x00, le=256).sw == SW.SECURITY_STATUS
    text.verify("4321")
    assert text.individual_number() == kit.NUMBER
    assert text.attributes() == files.TextAttributes.of(kit.FOUR)


def test_challenges_are_as_long_as_asked_for_and_never_the_same() -> None:
    """At most 256 bytes."""
    card = kit.issued()
    challenges = {send(card, 0x00, 0x84, 0, 0, le=size).data for size in (16, 16, 16, 256)}
    assert sorted(map(len, challenges)) == [16, 16, 16, 256]


def test_objects_of_the_issuer_are_there_while_nothing_is_selected() -> None:
    """6700 when they do not fit, 6A88 when they are not there."""
    card = kit.issued()
    assert send(card, 0x00, 0xCA, 0x00, 0x45, le=256).data == b"TEGATA0000000001"
    assert send(card, 0x00, 0xCA, 0x5F, 0x51, le=256).data == bytes.fromhex("E000FF8131FE4514")
    assert send(card, 0x00, 0xCA, 0x00, 0x45, le=4).sw == SW.WRONG_LENGTH
    assert send(card, 0x00, 0xCA, 0x00, 0xF0, le=256).data == b"13113"
    assert send(kit.blank(), 0x00, 0xCA, 0x00, 0xF0, le=256).sw == SW.REFERENCE_NOT_FOUND
    JpkiSession(card.transmit).select()
    assert send(card, 0x00, 0xCA, 0x00, 0x45, le=256).sw == SW.REFERENCE_NOT_FOUND
