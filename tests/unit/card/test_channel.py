# SPDX-License-Identifier: Apache-2.0
"""Secure messaging of the text application: our host meets our card, and everything that ends a session."""

import dataclasses

import pytest

from tegata.card import Card
from tegata.codecs.apdu import SW, Command, Response
from tegata.crypto import signatures
from tegata.crypto.keys import SoftwareKey
from tegata.crypto.mac import aes_cbc_encrypt
from tegata.jpki import secure_messaging as sm
from tegata.reader import CardRefused, PinRequired, TextSession, WrongPin, run
from tegata.reader.channel import open_channel
from unit.card import kit

TEXT = bytes.fromhex("00A4040C0AD3921000310001010408")
SECRET = bytes(range(32))
KEY = SECRET[:16]


def send(card: Card, cla: int, ins: int, p1: int, p2: int, data: bytes = b"", le: int | None = None) -> Response:
    """Send a command; extended when there is much to say."""
    return Response.parse(card.transmit(Command(cla, ins, p1, p2, data, le).to_bytes()))


def opened(card: Card) -> Card:
    """Return a card with a session open: PIN in the clear, then the key."""
    assert send(card, 0x00, 0xA4, 4, 0x0C, TEXT[5:]).ok
    assert send(card, 0x00, 0x20, 0, 0x91, b"4321").ok
    run(open_channel(SECRET), card.transmit)
    return card


def read(card: Card, number: int, ef: int = 0x81, size: int = 0) -> Response:
    """READ BINARY as command `number` of the session."""
    return send(card, 0x08, 0xB0, ef, 0, sm.wanted(size), 65536)


def test_a_session_reads_and_verifies_encrypted() -> None:
    """The same files as in the clear, and a PIN that does not show on the line."""
    card = kit.issued()
    lines: list[bytes] = []

    def line(command: bytes) -> bytes:
        answer = card.transmit(command)
        lines.extend((command, answer))
        return answer

    session = TextSession(line)
    with pytest.raises(PinRequired):
        session.secure()
    session.verify("4321")
    session.secure()
    lines.clear()
    assert session.individual_number() == kit.NUMBER
    assert session.attributes().name == kit.FOUR.name
    session.verify("4321")
    session.change_pin("4321", "8765")
    with pytest.raises(WrongPin):
        session.verify("0000")
    said = b"".join(lines)
    assert kit.NUMBER.encode() not in said
    assert b"4321" not in said
    session.select()
    session.verify("8765")


def test_the_counter_is_the_iv() -> None:
    """Command N is encrypted with N, also after one that the application refused."""
    card = opened(kit.issued())
    first = read(card, 1)
    assert sm.decrypt(KEY, 1, first.data) == card.image.files["text", 1]
    assert read(card, 2, 0x83, 4).data != read(card, 3, 0x83, 4).data
    assert read(card, 4, 0x9D).sw == SW.FILE_NOT_FOUND
    assert sm.decrypt(KEY, 5, read(card, 5, size=2).data) == b"\xff\x10"
    assert send(card, 0x08, 0x84, 0, 0, sm.encrypt(KEY, 6, b"x")).sw == SW.INS_NOT_SUPPORTED
    assert sm.decrypt(KEY, 7, read(card, 7, size=2).data) == b"\xff\x10"


SIXTEEN = aes_cbc_encrypt(KEY, bytes(16), bytes(16))


@pytest.mark.parametrize(
    ("ins", "p1", "objects", "sw"),
    [
        (0xB0, 0x81, b"", SW.SM_MISSING),
        (0xB0, 0x81, sm.encrypt(KEY, 1, b"x"), SW.SM_MISSING),
        (0xB0, 0x81, sm.wanted(1) * 2, SW.SM_INCORRECT),
        (0xB0, 0x81, b"\x96\x02\x00\x01", SW.SM_INCORRECT),
        (0xB0, 0x81, b"\x96", SW.SM_INCORRECT),
        (0x20, 0x00, b"", SW.SM_MISSING),
        (0x20, 0x00, sm.wanted(1), SW.SM_MISSING),
        (0x20, 0x00, b"\x86\x11\x02" + SIXTEEN, SW.SM_INCORRECT),
        (0x20, 0x00, b"\x86\x02\x01\x00", SW.SM_INCORRECT),
        (0x20, 0x00, b"\x86\x11\x01" + SIXTEEN, SW.SM_INCORRECT),
        (0xA4, 0x04, sm.encrypt(KEY, 1, TEXT[5:]), SW.SECURE_MESSAGING),
    ],
)
def test_an_error_of_the_messaging_ends_the_session(ins: int, p1: int, objects: bytes, sw: int) -> None:
    """Missing, wrong, too many; and no PIN was counted."""
    card = opened(kit.issued())
    assert send(card, 0x08, ins, p1, 0x91 if ins == 0x20 else 0x00, objects).sw == sw
    assert read(card, 1).sw == 0x69FC
    assert send(card, 0x00, 0x20, 0, 0x91).sw == 0x63C3
    assert send(card, 0x00, 0xB0, 0x81, 0, le=256).ok


def test_selecting_or_power_off_ends_the_session() -> None:
    """Also selecting the same application again."""
    card = opened(kit.issued())
    assert send(card, 0x00, 0xA4, 4, 0x0C, TEXT[5:]).ok
    assert read(card, 1).sw == 0x69FC
    card = opened(kit.issued())
    card.reset()
    assert read(card, 1).sw == 0x69FC


def test_a_session_key_that_is_none() -> None:
    """6A80 for a wrong content, 6F00 for a number beyond the modulus; the PIN stays verified."""
    card = kit.issued()
    send(card, 0x00, 0xA4, 4, 0x0C, TEXT[5:])
    send(card, 0x00, 0x20, 0, 0x91, b"4321")
    spki = SoftwareKey.from_pkcs8(card.image.keys["text", 6].pkcs8).spki
    for plaintext in (b"", bytes(36), sm.session_secret(SECRET) + b"\0", sm.session_secret(SECRET[:31])):
        wrong = signatures.encrypt_oaep_sha256(spki, plaintext)
        assert send(card, 0x80, 0xAE, 0, 0, wrong).sw == SW.WRONG_DATA
    assert send(card, 0x80, 0xAE, 0, 0, bytes(256)).sw == SW.WRONG_DATA
    assert send(card, 0x80, 0xAE, 0, 0, b"\xff" * 256).sw == SW.UNKNOWN
    run(open_channel(SECRET), card.transmit)
    assert read(card, 1).ok


def test_a_card_without_the_key_says_so() -> None:
    """One that was issued before it had one."""
    card = kit.issued()
    image = card.image
    keys = {place: key for place, key in image.keys.items() if place != ("text", 6)}
    old = Card(dataclasses.replace(image, keys=keys))
    send(old, 0x00, 0xA4, 4, 0x0C, TEXT[5:])
    send(old, 0x00, 0x20, 0, 0x91, b"4321")
    assert send(old, 0x80, 0xAE, 0, 0, bytes(256)).sw == SW.CONDITIONS
    assert send(old, 0x00, 0xB0, 0x86, 0, le=256).sw == SW.WRONG_OFFSET


def test_the_host_says_when_the_card_ended_the_session() -> None:
    """As `CardRefused`, not as a wrong PIN."""
    card = kit.issued()
    session = TextSession(card.transmit)
    session.verify("4321")
    session.secure()
    card.transmit(TEXT)
    with pytest.raises(CardRefused):
        session.individual_number()
