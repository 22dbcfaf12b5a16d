# SPDX-License-Identifier: Apache-2.0
"""The reference client on a card in memory: what it reads, and how it guards the card's PINs."""

import pytest

from tegata.card import Card
from tegata.crypto import signatures
from tegata.crypto.keys import Scheme
from tegata.jpki import Kind
from tegata.reader import (
    BadPinFormat,
    Blocked,
    LastTry,
    NotACard,
    PinRequired,
    Reader,
    ReaderError,
    SamePin,
    WrongPin,
    atr,
    connect,
    files,
    pins,
)
from tegata.reader.authenticity import NotAuthentic
from unit.card import kit
from unit.refusal import refused


class Counted:
    """A card that counts the commands with a PIN that it is sent."""

    def __init__(self, card: Card) -> None:
        self._card = card
        self.presented = 0

    @property
    def atr(self) -> bytes:
        """Answer to reset."""
        return self._card.atr

    def transmit(self, command: bytes) -> bytes:
        """Answer, and count."""
        self.presented += command[1] == 0x20 and len(command) > 5
        return self._card.transmit(command)

    def reset(self) -> None:
        """Reset."""
        self._card.reset()


def test_info_says_what_everybody_may_know() -> None:
    """Token, answer to reset, applications, certificates and all counters, without a PIN."""
    card = Counted(kit.issued())
    with connect(card) as reader:
        told = reader.info().to_json()
    assert (told["token"], told["kind"]) == ("JPKIAPICCTOKEN2", "My Number Card")
    assert (told["atr"], told["interface"], told["atr_listed"]) == ("3BE000FF8131FE4514", "contact", True)
    assert set(told["applications"]) == {"jpki", "text", "surface", "common", "juki"}
    assert told["certificates"] == ["authentication", "signing"]
    assert told["tries_left"]["signing"] == 5
    assert told["tries_left"]["common.card"] == 3
    assert card.presented == 0


def test_a_phone_is_read_by_the_same_client() -> None:
    """It has one application, and guards its authentication certificate."""
    with connect(kit.issued("gpse")) as reader:
        told = reader.info()
        assert (told.applications, told.certificates) == (("jpki",), set(Kind))
        assert set(told.tries) == {"signing", "authentication"}
        with pytest.raises(PinRequired):
            reader.certificate(Kind.AUTHENTICATION)


def test_the_rehearsal_of_the_next_card_is_found_by_itself() -> None:
    """Its applications have other identifiers; one client knows both generations."""
    with connect(kit.blank("next")) as reader:
        told = reader.info()
    assert told.token.label.startswith("TEGATA NEXT")
    assert told.applications == ("jpki", "text")
    assert set(told.tries) == {"signing", "authentication", "text"}


def test_no_card_is_said_so() -> None:
    """Something else lies on the reader."""

    class Other:
        atr = b"\x3b\x00"

        def transmit(self, _: bytes) -> bytes:
            return b"\x6a\x82"

        def reset(self) -> None:
            """Forget."""

    with connect(Other()) as reader, refused("reader.not_a_card", NotACard):
        reader.info()


def test_everything_on_the_card_is_read_after_its_pin() -> None:
    """Certificates, attributes, number and face are those that the issuer wrote."""
    with connect(kit.issued()) as reader:
        with pytest.raises(PinRequired):
            reader.certificate(Kind.SIGNING)
        reader.verify_pin("signing", "abc123")
        assert reader.certificate(Kind.SIGNING)[:2] == b"\x30\x82"
        assert reader.ca_certificate(Kind.SIGNING) == kit.ca_certificate(Kind.SIGNING)
        reader.verify_pin("text", "4321")
        assert (reader.attributes().name, reader.individual_number()) == (kit.FOUR.name, kit.NUMBER)
        reader.verify_pin("surface.number_b", kit.PINS.number_b or "")
        assert reader.face().name == kit.PICTURES.name
        with pytest.raises(PinRequired):
            reader.attributes()  # another application was selected between


@pytest.mark.parametrize("application", ["text", "surface"])
def test_a_card_shows_that_it_is_no_copy(application: str) -> None:
    """With the issuer's roots it passes; with none it stops where the root is looked for."""
    pin = {"text": ("text", "4321"), "surface": ("surface.number_b", kit.PINS.number_b or "")}[application]
    with connect(kit.issued()) as reader:
        reader.verify_pin(*pin)
        assert reader.authenticity(application, kit.roots()).application == application
        with pytest.raises(NotAuthentic):
            reader.authenticity(application, {})


@pytest.mark.parametrize("scheme", [Scheme.RSA_PKCS1_SHA256, Scheme.RSA_PKCS1_SHA512, Scheme.RSA_PSS_SHA256])
def test_both_keys_sign(scheme: Scheme) -> None:
    """Each with its own PIN, both verified at once."""
    with connect(kit.issued()) as reader:
        for kind in Kind:
            reader.verify_pin(kind.value, kit.PIN[kind])
        for kind in Kind:
            spki = files.certificate_spki(reader.certificate(kind))
            signatures.verify(spki, scheme, b"data", reader.sign(kind, b"data", scheme))


def test_a_reset_forgets_what_was_verified() -> None:
    """And so does a command that goes past the client."""
    with connect(kit.issued()) as reader:
        reader.verify_pin("signing", "ABC123")
        reader.reset()
        with pytest.raises(PinRequired):
            reader.sign(Kind.SIGNING, b"data")
        reader.verify_pin("signing", "ABC123")
        reader.transmit(bytes.fromhex("00A4040C0AD3921000310001010408"))
        with pytest.raises(PinRequired):
            reader.sign(Kind.SIGNING, b"data")


def test_a_pin_is_presented_once_and_a_wrong_one_never_again() -> None:
    """Whatever happens, one call sends it at most once."""
    card = Counted(kit.issued())
    with connect(card) as reader:
        with pytest.raises(WrongPin) as caught:
            reader.verify_pin("signing", "WRONG1")
        assert (caught.value.tries_left, card.presented) == (4, 1)
        with refused("reader.same_pin", SamePin):
            reader.verify_pin("signing", "wrong1")
        with refused("reader.pin_format.signing", BadPinFormat):
            reader.verify_pin("signing", "short")
        assert (reader.tries_left("signing"), card.presented) == (4, 1)
        reader.verify_pin("signing", "ABC123")
        assert (reader.tries_left("signing"), card.presented) == (5, 2)


def test_the_last_try_is_not_risked_unasked() -> None:
    """Two mistakes of three are made; the third try needs an explicit wish, and then blocks."""
    card = Counted(kit.issued())
    with connect(card) as reader:
        for wrong in ("0000", "1111"):
            with pytest.raises(WrongPin):
                reader.verify_pin("authentication", wrong)
        with refused("reader.last_try", LastTry) as caught:
            reader.verify_pin("authentication", "2222")
        assert caught.value.facts == {"tries_left": 1}
        assert card.presented == 2
        with pytest.raises(Blocked):
            reader.verify_pin("authentication", "2222", allow_last_try=True)
        with pytest.raises(Blocked):
            reader.verify_pin("authentication", "1234", allow_last_try=True)
        assert card.presented == 3


def test_a_pin_is_changed_after_a_look_at_the_new_one() -> None:
    """A new PIN that cannot be one costs nothing; the old one was wrong before, the new one may be what was wrong."""
    card = Counted(kit.issued())
    with connect(card) as reader:
        with refused("reader.pin_format.digits", BadPinFormat):
            reader.change_pin("authentication", "1234", "12")
        assert card.presented == 0
        with pytest.raises(WrongPin):
            reader.verify_pin("authentication", "5678")
        reader.change_pin("authentication", "1234", "5678")
        reader.verify_pin("authentication", "5678")


def test_an_unknown_pin() -> None:
    """The refusal names what was asked for."""
    with connect(kit.issued()) as reader, refused("reader.unknown_pin", ReaderError) as caught:
        reader.verify_pin("pet", "Pochi")
    assert caught.value.facts == {"pin": "pet"}


def test_nothing_that_is_kept_shows_a_pin() -> None:
    """Neither the guard nor an error holds one in the clear."""
    guard = pins.Guard()
    guard.wrong(pins.place("signing"), b"WRONG1")
    assert "WRONG1" not in repr(vars(guard))
    reader = Reader(kit.issued())
    with pytest.raises(WrongPin) as caught:
        reader.verify_pin("signing", "WRONG1")
    assert "WRONG1" not in repr(caught.value) + str(caught.value) + repr(caught.value.facts)


def test_every_pin_of_the_card_has_a_name() -> None:
    """Names are unique; what two applications have is named with its application."""
    assert {"signing", "authentication", "text", "birth"} <= set(pins.places())
    assert {"common.card", "juki.card", "text.number_a", "surface.number_a"} <= set(pins.places())


@pytest.mark.parametrize("known", atr.KNOWN)
def test_known_answers_to_reset(known: atr.KnownAtr) -> None:
    """Each listed one is recognised, and its check byte holds; one changed byte is no longer that card."""
    assert atr.recognise(known.atr) == known
    assert atr.checks(known.atr)
    assert atr.recognise(known.atr[:-1] + bytes((known.atr[-1] ^ 1,))) is None


def test_what_a_reader_makes_of_type_b() -> None:
    """A card of type B that is not listed is recognised by the form of the answer."""
    body = bytes.fromhex("888001112233440081C100")
    check = 0
    for byte in body:
        check ^= byte
    made = b"\x3b" + body + bytes((check,))
    found = atr.recognise(made)
    assert found == atr.KnownAtr(made, "contactless", listed=False)
    assert atr.recognise(b"") is None
