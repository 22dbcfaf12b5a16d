# SPDX-License-Identifier: Apache-2.0
"""What applications use: the JPKI and the text application of a card or a phone."""

import hashlib

import pytest

from tegata.card import Card
from tegata.crypto import signatures
from tegata.crypto.keys import CryptoError, Scheme
from tegata.jpki import Kind
from tegata.reader import (
    BadPinFormat,
    Blocked,
    JpkiSession,
    NoCertificate,
    NotACard,
    PinRequired,
    TextSession,
    WrongPin,
)
from tegata.reader.files import certificate_spki
from tegata.reader.jpki import pin_bytes
from tegata.reader.memory import insert
from unit.card import kit
from unit.refusal import refused


class Listening:
    """Passes commands on to a card and remembers them."""

    def __init__(self, card: Card) -> None:
        self._card = card
        self.heard: list[bytes] = []

    def transmit(self, command: bytes) -> bytes:
        """Pass on one command."""
        self.heard.append(command)
        return self._card.transmit(command)


@pytest.mark.parametrize("profile", ["card", "gpse"])
@pytest.mark.parametrize("kind", Kind)
def test_certificate_and_signature_belong_together(profile: str, kind: Kind) -> None:
    """For either key of either carrier."""
    session = JpkiSession(insert(kit.issued(profile)))
    session.verify(kind, kit.PIN[kind])
    spki = certificate_spki(session.certificate(kind))
    for scheme in (Scheme.RSA_PKCS1_SHA256, Scheme.RSA_PKCS1_SHA384, Scheme.RSA_PKCS1_SHA512, Scheme.RSA_PSS_SHA256):
        signatures.verify(spki, scheme, b"message", session.sign(kind, b"message", scheme))
    bare = session.sign(kind, b"any bytes", Scheme.RSA_PKCS1_BARE)
    signatures.verify(spki, Scheme.RSA_PKCS1_BARE, b"any bytes", bare)
    assert bare == session.sign_bare(kind, b"any bytes")


def test_a_scheme_that_cards_do_not_have_is_refused_here() -> None:
    """Nothing is sent."""
    listening = Listening(kit.issued())
    with refused("crypto.scheme_does_not_fit", CryptoError):
        JpkiSession(listening.transmit).sign(Kind.SIGNING, b"x", Scheme.ECDSA_SHA256)
    assert listening.heard == []


def test_who_is_who() -> None:
    """The label tells a card from a phone."""
    assert JpkiSession(kit.issued().transmit).token() == "JPKIAPICCTOKEN2"
    assert JpkiSession(kit.issued("gpse").transmit).token() == "JPKIAPGPSETOKEN"


def test_which_certificate_is_guarded() -> None:
    """The signing one always, the authentication one on a phone."""
    card, phone = (JpkiSession(kit.issued(profile).transmit) for profile in ("card", "gpse"))
    assert card.certificate(Kind.AUTHENTICATION)
    for session, kind in ((card, Kind.SIGNING), (phone, Kind.SIGNING), (phone, Kind.AUTHENTICATION)):
        with refused("reader.pin_required", PinRequired):
            session.certificate(kind)


def test_a_blank_card_has_no_certificates() -> None:
    """And its PINs, never set, are blocked."""
    session = JpkiSession(kit.blank().transmit)
    assert session.certificates_present() == frozenset()
    with refused("reader.no_certificate", NoCertificate):
        session.certificate(Kind.AUTHENTICATION)
    with refused("reader.pin_blocked", Blocked):
        session.verify(Kind.AUTHENTICATION, "1234")
    assert session.retries(Kind.SIGNING) == 0


def test_wrong_pins_are_counted_to_the_end() -> None:
    """Two tries left, one, none; after that the right one is too late."""
    session = JpkiSession(kit.issued().transmit)
    for left in (2, 1):
        with refused("reader.wrong_pin", WrongPin) as caught:
            session.verify(Kind.AUTHENTICATION, "0000")
        assert caught.value.facts == {"tries_left": left}
        assert session.retries(Kind.AUTHENTICATION) == left
    for pin in ("0000", "1234"):
        with refused("reader.pin_blocked", Blocked):
            session.verify(Kind.AUTHENTICATION, pin)


@pytest.mark.parametrize("rule", ["authentication", "text", "card"])
@pytest.mark.parametrize("pin", ["", "123", "12345", "12a4", "１２３４", "12 4", "1234\n", "-123"])
def test_four_digits_are_four_digits(rule: str, pin: str) -> None:
    """Anything else never reaches a card, which would count it as a try."""
    with refused("reader.pin_format.digits", BadPinFormat) as caught:
        pin_bytes(rule, pin)
    assert not pin.strip() or pin.strip() not in str(caught.value)


@pytest.mark.parametrize(
    "pin",
    ["", "ABC12", "ABCDEF", "123456", "ABC123!", "A1" * 9, "ＡＢＣ１２３", "straße1", "ſtrand1", "ﬁnger1", "ıdea01"],
)
def test_a_signing_password_has_letters_and_digits_of_ascii(pin: str) -> None:
    """Also where upper case would turn something else into ASCII: ß, ſ, ﬁ and ı."""
    with refused("reader.pin_format.signing", BadPinFormat):
        pin_bytes("signing", pin)


def test_a_signing_password_is_sent_in_upper_case() -> None:
    """As every client of the real card does."""
    assert pin_bytes("signing", "abc123") == pin_bytes("signing", "ABC123") == b"ABC123"
    session = JpkiSession(kit.issued().transmit)
    session.verify(Kind.SIGNING, "abc123")


def test_a_malformed_pin_costs_no_try() -> None:
    """Nothing was sent."""
    listening = Listening(kit.issued())
    session = JpkiSession(listening.transmit)
    with pytest.raises(BadPinFormat):
        session.verify(Kind.SIGNING, "ABC")
    with pytest.raises(BadPinFormat):
        session.change_pin(Kind.SIGNING, "ABC123", "X")
    assert listening.heard == []


def test_a_pin_goes_over_the_line_once_each_time_it_is_presented() -> None:
    """No step tries twice behind the person's back."""
    listening = Listening(kit.issued())
    session = JpkiSession(listening.transmit)
    session.change_pin(Kind.AUTHENTICATION, "1234", "5678")
    assert [b"1234" in command for command in listening.heard].count(True) == 1
    assert [b"5678" in command for command in listening.heard].count(True) == 1
    session.verify(Kind.AUTHENTICATION, "5678")
    with pytest.raises(WrongPin):
        session.verify(Kind.AUTHENTICATION, "1234")


def test_selecting_again_forgets() -> None:
    """A session that was handed on starts without PINs."""
    session = JpkiSession(kit.issued().transmit)
    session.verify(Kind.SIGNING, "ABC123")
    session.select()
    with pytest.raises(PinRequired):
        session.sign(Kind.SIGNING, b"x")


def test_inserting_resets_the_card() -> None:
    """Whoever left a card verified on a reader left nothing to the next."""
    card = kit.issued()
    JpkiSession(insert(card)).verify(Kind.SIGNING, "ABC123")
    with pytest.raises(PinRequired):
        JpkiSession(insert(card)).certificate(Kind.SIGNING)


def test_the_text_application() -> None:
    """Behind its PIN: the number and the four attributes; the PIN can be changed and is counted."""
    session = TextSession(kit.issued().transmit)
    assert session.retries() == 3
    for act in (session.individual_number, session.attributes):
        with pytest.raises(PinRequired):
            act()
    with pytest.raises(WrongPin):
        session.verify("0000")
    session.change_pin("4321", "8765")
    session.verify("8765")
    assert session.individual_number() == kit.NUMBER
    assert session.attributes().name == "山田　花子"
    assert session.attributes().birth == "19900228"


def test_a_phone_has_no_text_application() -> None:
    """The refusal names what is missing."""
    with refused("reader.not_a_card", NotACard) as caught:
        TextSession(kit.issued("gpse").transmit).retries()
    assert caught.value.facts == {"application": "text"}


def test_digests_made_elsewhere_can_be_signed() -> None:
    """What protocols hand over is a DigestInfo."""
    session = JpkiSession(kit.issued().transmit)
    session.verify(Kind.AUTHENTICATION, "1234")
    prefix = bytes.fromhex("3031300d060960864801650304020105000420")
    signature = session.sign_bare(Kind.AUTHENTICATION, prefix + hashlib.sha256(b"message").digest())
    assert signature == session.sign(Kind.AUTHENTICATION, b"message")
