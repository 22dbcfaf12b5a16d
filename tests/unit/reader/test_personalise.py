# SPDX-License-Identifier: Apache-2.0
"""The issuer's scripts: repeatable to the end, careful with other people's certificates, safe with odd cards."""

import pytest

from tegata.card import Card
from tegata.card.rules import Life
from tegata.codecs import der, tlv
from tegata.codecs.apdu import SW, Command, Response
from tegata.crypto import signatures
from tegata.crypto.keys import Scheme
from tegata.jpki import Kind
from tegata.reader import BadPinFormat, JpkiSession, Script, TextSession, commands, personalise, run
from tegata.reader.errors import BadContent, CardRefused, IssuerRefused
from unit.card import kit
from unit.refusal import refused


def opened(card: Card) -> Card:
    """Return the card with its issuer's session open."""
    run(personalise.open_issuer_session(kit.ISSUER_KEY), card.transmit)
    return card


def test_the_request_is_signed_by_the_key_that_it_names() -> None:
    """PKCS#10 (RFC 2986), checked by hand."""
    card = opened(kit.blank())
    made = run(personalise.generate_key(Kind.SIGNING), card.transmit)
    subject = der.sequence(der.set_of(der.sequence(der.oid("2.5.4.3"), der.utf8("x"))))
    info, algorithm, signature = der.read(run(personalise.csr(Kind.SIGNING, subject), card.transmit)).children()
    version, name, spki, attributes = info.children()
    assert (version.integer(), name.raw, spki.raw, attributes.raw) == (0, subject, made, b"\xa0\x00")
    scheme = signatures.scheme_from_algorithm_identifier(algorithm.raw)
    assert scheme is Scheme.RSA_PKCS1_SHA256
    signatures.verify(made, scheme, info.raw, signature.value[1:])


def test_which_key_is_there() -> None:
    """None at first, then the one that was made; making another gives another."""
    card = opened(kit.blank())
    assert run(personalise.public_key(Kind.SIGNING), card.transmit) is None
    with pytest.raises(CardRefused):
        run(personalise.csr(Kind.SIGNING), card.transmit)
    first = run(personalise.generate_key(Kind.SIGNING), card.transmit)
    assert run(personalise.public_key(Kind.SIGNING), card.transmit) == first
    assert run(personalise.generate_key(Kind.SIGNING), card.transmit) != first


def test_scripts_broken_off_anywhere_are_simply_started_again() -> None:
    """The line breaks after one command, after two, after three, ...; the last run ends as the undisturbed one."""
    card = kit.blank()
    requests = run(kit.keys_and_requests(), card.transmit)
    run(personalise.own_keys(), card.transmit)
    certificates = {kind: kit.certify(kind, request) for kind, request in requests.items()}
    image = card.image
    undisturbed = Card(image)
    total = count(kit.complete(certificates, text=True), undisturbed)
    broken = Card(image)
    for number in range(1, total + 1):
        assert broken.image.life is Life.PERSONALISING
        count(kit.complete(certificates, text=True), broken, number)
        broken.reset()
    assert broken.image == undisturbed.image


def test_the_applications_keys_are_made_once() -> None:
    """Four keys beside JPKI's; asking again, after any break, returns the same public halves."""
    card = opened(kit.blank())
    made = run(personalise.own_keys(), card.transmit)
    keys = dict(card.image.keys)
    assert sorted(keys) == [("common", 0x19), ("surface", 0x1A), ("text", 0x06), ("text", 0x13)]
    assert run(personalise.own_keys(), card.transmit) == made
    assert card.image.keys == keys


def count(script: Script[None], card: Card, most: int = 1000) -> int:
    """Run a script for at most so many commands; return how many it took."""
    sent = 0
    try:
        command = next(script)
        while sent < most:
            sent += 1
            command = script.send(card.transmit(command))
    except StopIteration:
        pass
    return sent


def test_a_certificate_for_another_key_is_refused_before_anything_is_written() -> None:
    """Two cards mixed up at the counter."""
    card = kit.blank()
    requests = run(kit.keys_and_requests(), card.transmit)
    swapped = {Kind.SIGNING: kit.certify(Kind.SIGNING, requests[Kind.AUTHENTICATION])}
    with refused("reader.certificate_for_other_key", IssuerRefused) as caught:
        run(personalise.install(swapped, {}), card.transmit)
    assert caught.value.facts == {"kind": "signing"}
    assert JpkiSession(card.transmit).certificates_present() == frozenset()


def test_pins_are_checked_before_any_is_sent() -> None:
    """One bad PIN, and the card keeps all it had."""
    card = opened(kit.blank())
    with pytest.raises(BadPinFormat):
        run(personalise.set_pins(personalise.Pins(authentication="1234", card="12345")), card.transmit)
    assert dict(card.image.pins) == {}


def test_the_card_pin_goes_to_both_of_its_places() -> None:
    """One PIN for people, two references on the card."""
    card = opened(kit.blank())
    run(personalise.set_pins(personalise.Pins(card="9876")), card.transmit)
    assert {place for place in card.image.pins} == {("common", 0x1C), ("juki", 0x1C)}


def test_the_address_is_rewritten_at_the_counter() -> None:
    """A card in service takes new text and keeps its PINs and keys."""
    card = opened(kit.issued())
    moved = kit.FOUR.checked(kit.FOUR.to_json() | {"address": "京都府京都市", "address_flags": "000000"})
    run(personalise.install({}, {}, moved), card.transmit)
    text = TextSession(card.transmit)
    text.verify("4321")
    assert text.attributes().address == "京都府京都市"
    assert text.individual_number() == kit.NUMBER


def test_a_file_too_long_for_any_card_is_not_sent() -> None:
    """The authority's mistake, not the card's."""
    with refused("reader.bad_content", BadContent):
        run(personalise.write_file(1, bytes(0x8000)), kit.blank().transmit)


TEMPLATES = [
    b"",
    b"\x7f\x49\x00",
    tlv.encode(0x7F49, tlv.encode(0x81, b"\x01" * 256)),
    tlv.encode(0x7F49, tlv.encode(0x81, b"") + tlv.encode(0x82, b"")),
    tlv.encode(0x7F49, tlv.encode(0x81, b"\x01" * 256) + tlv.encode(0x82, b"\x04")),
    tlv.encode(0x7F49, tlv.encode(0x81, b"\xff" * 30_000) + tlv.encode(0x82, b"\x01\x00\x01")),
]


@pytest.mark.parametrize("template", TEMPLATES, ids=range(len(TEMPLATES)))
def test_a_public_key_that_is_none(template: bytes) -> None:
    """From an odd card: cut, empty, an even exponent, a modulus of 240000 bits."""

    def odd(command: bytes) -> bytes:
        return Response(template if Command.parse(command).ins == 0x46 else b"").to_bytes()

    with refused("reader.bad_content", BadContent):
        run(personalise.generate_key(Kind.SIGNING), odd)


def test_a_card_that_answers_nothing_useful_opens_no_session() -> None:
    """A challenge that is refused, an answer that is not accepted."""

    def no_challenge(command: bytes) -> bytes:
        return b"\x90\x00" if command[1] == 0xA4 else b"\x6d\x00"

    def no_session(command: bytes) -> bytes:
        return b"\x69\x82" if command[1] == 0x82 else bytes(16) + b"\x90\x00"

    with pytest.raises(CardRefused):
        run(personalise.open_issuer_session(bytes(16)), no_challenge)
    with refused("reader.issuer_refused", IssuerRefused) as caught:
        run(personalise.open_issuer_session(bytes(16)), no_session)
    assert caught.value.facts == {"sw": f"{SW.SECURITY_STATUS:04X}"}


def test_pins_do_not_show() -> None:
    """Nor does the script that carries them."""
    assert "1234" not in repr(personalise.Pins("1234", "ABC123", "1234", "1234"))
    assert commands.BLOCK == 256
