# SPDX-License-Identifier: Apache-2.0
"""The card against everything: any bytes, any order, power cut at any moment.

Two machines keep a model beside the card.  `Pins` holds that a try is never given back without the right PIN or the
issuer, and that nothing was answered that is not kept.  `Issuance` holds that keys obey whom they should.
"""

import contextlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tegata.card import BadImage, Card, CardImage
from tegata.card.rules import LIFE_TRANSITIONS, Act, KeyUse, Life, PinState
from tegata.codecs import der
from tegata.codecs.apdu import SW, Command, Response
from tegata.crypto.keys import SoftwareKey
from tegata.crypto.mac import aes_cmac
from tegata.jpki import Kind, card_map
from unit.card import kit

KINDS = st.sampled_from(Kind)
JPKI = Command(0x00, 0xA4, 0x04, 0x0C, bytes.fromhex("D392F000260100000001"))
PIN_EF = {kind: card_map.jpki_file("pin", kind) for kind in Kind}
KEY_EF = {kind: card_map.jpki_file("key", kind) for kind in Kind}
CERTIFICATE_EF = {kind: card_map.jpki_file("certificate", kind) for kind in Kind}
TRIES = {Kind.SIGNING: 5, Kind.AUTHENTICATION: 3}
VALUES = {
    Kind.SIGNING: st.sampled_from([b"ABC123", b"XYZ789", b"PASS0RD"]),
    Kind.AUTHENTICATION: st.sampled_from([b"1234", b"5678", b"0000"]),
}


class PowerCut(BaseException):
    """The process is gone."""


class Memory:
    """What is on the disk, as bytes.  It can lose power before it wrote, or after."""

    def __init__(self, image: CardImage) -> None:
        self.stored = image.to_bytes()
        self.cut: str | None = None

    def __call__(self, image: CardImage) -> None:
        """Keep an image."""
        cut, self.cut = self.cut, None
        if cut == "before":
            raise PowerCut
        self.stored = image.to_bytes()
        if cut == "after":
            raise PowerCut

    def card(self, **arguments: Any) -> Card:
        """Return the card as a new process finds it."""
        return Card(CardImage.from_bytes(self.stored), on_persist=self, **arguments)


# -- any bytes ------------------------------------------------------------------------------------------------------

INS = [0xA4, 0x20, 0x24, 0x32, 0xB0, 0xB2, 0xD6, 0xDA, 0x2A, 0x88, 0xAE, 0xCA, 0x84, 0x82, 0x46, 0x44, 0x48, 0x54]
LIKELY = st.builds(
    lambda cla, ins, p1, p2, data, le, extended: Command(cla, ins, p1, p2, data, le, extended).to_bytes(),
    st.sampled_from([0x00, 0x80, 0x08]) | st.integers(0, 255),
    st.sampled_from(INS) | st.integers(0, 255),
    st.sampled_from([0x00, 0x01, 0x02, 0x04, 0x80, 0x81]) | st.integers(0, 255),
    st.sampled_from([0x00, 0x0C, 0x80, 0x97, 0x98, 0x9A, 0x9B]) | st.integers(0, 255),
    st.sampled_from([b"", b"\x00\x18", b"1234", b"ABC123", JPKI.data, bytes(16)]) | st.binary(max_size=300),
    st.none() | st.integers(1, 65536),
    st.booleans(),
)
COMMANDS = st.lists(LIKELY | st.just(JPKI.to_bytes()) | st.binary(max_size=40), max_size=12)


@given(COMMANDS, st.sampled_from(["card", "gpse", "next"]))
def test_any_commands_are_answered(commands: list[bytes], profile: str) -> None:
    """Each with a response APDU, and without the issuer nothing but tries is ever lost."""
    before = kit.issued_image(profile)
    card = kit.issued(profile)
    for command in commands:
        Response.parse(card.transmit(command))
        assert CardImage.from_bytes(card.image.to_bytes()) == card.image
    after = card.image
    assert (after.files, after.keys, after.life) == (before.files, before.keys, before.life)
    assert set(after.pins) == set(before.pins)


@given(COMMANDS)
def test_any_commands_of_an_issuer_are_answered(commands: list[bytes]) -> None:
    """With the session open too: whatever was done, the memory stays one that a card can have."""
    card = kit.issued()
    card.transmit(JPKI.to_bytes())
    answer_challenge(card, kit.ISSUER_KEY)
    for command in commands:
        Response.parse(card.transmit(command))
        assert CardImage.from_bytes(card.image.to_bytes()) == card.image


@given(st.binary(max_size=200), st.integers(0, 10_000), st.integers(0, 255))
def test_an_image_that_was_damaged(junk: bytes, place: int, byte: int) -> None:
    """Refused, or a card that still answers."""
    whole = kit.issued_image().to_bytes()
    place %= len(whole)
    for wrong in (junk, whole[:place], whole[:place] + bytes((byte,)) + whole[place + 1 :], whole[:place] + junk):
        with contextlib.suppress(BadImage):
            card = Card(CardImage.from_bytes(wrong))
            for command in (JPKI, Command(0, 0x20, 0, 0x98, b"1234"), Command(0x80, 0x2A, 0, 0x97, b"x", 256)):
                Response.parse(card.transmit(command.to_bytes()))


def answer_challenge(card: Card, key: bytes) -> int:
    """Authenticate as an issuer with `key`; returns the status word."""
    challenge = Response.parse(card.transmit(Command(0x00, 0x84, 0, 0, le=16).to_bytes())).data
    return Response.parse(card.transmit(Command(0x00, 0x82, 0, 0, aes_cmac(key, challenge)).to_bytes())).sw


# -- tries ----------------------------------------------------------------------------------------------------------


class Pins(RuleBasedStateMachine):
    """A holder, a thief and a counter take turns with one card; the power may go at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = Memory(kit.issued_image())
        self.card = self.memory.card()
        self.values = {Kind.SIGNING: b"ABC123", Kind.AUTHENTICATION: b"1234"}
        self.left = dict(TRIES)
        self.verified: set[Kind] = set()
        self.select()

    def send(self, command: Command) -> Response | None:
        """Send a command; `None` when the power went and the card was powered again."""
        try:
            return Response.parse(self.card.transmit(command.to_bytes()))
        except PowerCut:
            self.card = self.memory.card()
            self.verified = set()
            self.select()
            return None

    @rule()
    def select(self) -> None:
        """Select JPKI, which forgets what was verified."""
        assert Response.parse(self.card.transmit(JPKI.to_bytes())).ok
        self.verified = set()

    @rule()
    def reset(self) -> None:
        """Pull the card out and put it in."""
        self.card.reset()
        self.select()

    @rule(cut=st.sampled_from(["before", "after"]))
    def cut_power(self, cut: str) -> None:
        """The power will go at the next write."""
        self.memory.cut = cut

    @rule(kind=KINDS, data=st.data())
    def verify(self, kind: Kind, data: st.DataObject) -> None:
        """Present a PIN, right or wrong."""
        value = data.draw(VALUES[kind])
        cut, was = self.memory.cut, self.left[kind]
        response = self.send(Command(0x00, 0x20, 0x00, 0x80 | PIN_EF[kind], value))
        if was == 0:
            assert response is not None
            assert response.sw == SW.DATA_INVALIDATED
            return
        now = TRIES[kind] if value == self.values[kind] else was - 1
        if response is None:  # nobody was told; what was written before counts
            assert cut is not None
            self.left[kind] = was if cut == "before" else now
            return
        self.left[kind] = now
        assert response.sw == (SW.OK if value == self.values[kind] else 0x63C0 | now)
        (self.verified.add if response.ok else self.verified.discard)(kind)

    @rule(kind=KINDS)
    def query(self, kind: Kind) -> None:
        """Ask how many tries are left."""
        response = self.send(Command(0x00, 0x20, 0x00, 0x80 | PIN_EF[kind]))
        assert response is not None
        assert response.sw == 0x63C0 | self.left[kind]

    @rule(kind=KINDS, data=st.data())
    def change(self, kind: Kind, data: st.DataObject) -> None:
        """Change a PIN, which only who verified it can."""
        value = data.draw(VALUES[kind])
        cut = self.memory.cut
        response = self.send(Command(0x00, 0x24, 0x01, 0x80 | PIN_EF[kind], value))
        if response is None:
            assert cut is not None
            if cut == "after":
                self.values[kind] = value
            return
        assert response.sw == (SW.OK if kind in self.verified else SW.SECURITY_STATUS)
        if response.ok:
            self.values[kind] = value

    @rule()
    def read_signing_certificate(self) -> None:
        """Read what the signing password guards."""
        response = self.send(Command(0x00, 0xB0, 0x81, 0x00, le=256))
        assert response is not None
        assert response.ok is (Kind.SIGNING in self.verified)

    @precondition(lambda self: 0 in self.left.values())
    @rule(kind=KINDS, data=st.data())
    def reset_at_the_counter(self, kind: Kind, data: st.DataObject) -> None:
        """The issuer sets a new value with all its tries; a session of its own, closed by pulling the card."""
        value = data.draw(VALUES[kind])
        self.memory.cut = None
        assert answer_challenge(self.card, kit.ISSUER_KEY) == SW.OK
        response = self.send(Command(0x80, 0x24, 0x00, 0x80 | PIN_EF[kind], value))
        assert response is not None
        assert response.ok
        self.values[kind], self.left[kind] = value, TRIES[kind]
        self.reset()

    @rule(kind=KINDS)
    def somebody_plays_the_issuer(self, kind: Kind) -> None:
        """Without its key nobody sets a PIN."""
        assert answer_challenge(self.card, bytes(16)) == SW.NOT_VERIFIED
        response = self.send(Command(0x80, 0x24, 0x00, 0x80 | PIN_EF[kind], b"ABC123"))
        assert response is not None
        assert response.sw == SW.SECURITY_STATUS

    @invariant()
    def what_is_kept_is_what_was_answered(self) -> None:
        """A new process would find exactly the model's PINs."""
        kept = CardImage.from_bytes(self.memory.stored)
        for kind in Kind:
            assert kept.pins["jpki", PIN_EF[kind]] == PinState(self.values[kind], self.left[kind])
        assert kept == self.card.image


TestPins = Pins.TestCase
TestPins.settings = settings(max_examples=40, stateful_step_count=40)


# -- issuance -------------------------------------------------------------------------------------------------------


class Issuance(RuleBasedStateMachine):
    """An issuer that forgets, repeats and confuses its steps, and a holder that tries the card in between."""

    def __init__(self) -> None:
        super().__init__()
        blank = CardImage.blank("card", kit.ISSUER_KEY, "TEGATA0000000001")
        self.stock = kit.key_stock()
        self.memory = Memory(blank)
        self.card = self.memory.card(keys=self.stock)
        self.session = False

    def send(self, command: Command) -> Response | None:
        """Send a command; `None` when the power went."""
        try:
            return Response.parse(self.card.transmit(command.to_bytes()))
        except PowerCut:
            self.card = self.memory.card(keys=self.stock)
            self.session = False
            self.select()
            return None

    @initialize()
    def select(self) -> None:
        """Select JPKI."""
        assert Response.parse(self.card.transmit(JPKI.to_bytes())).ok

    @rule(right=st.sampled_from([True, True, True, False]))
    def authenticate(self, right: bool) -> None:
        """Open the session, or fail to, which ends one that was open."""
        sw = answer_challenge(self.card, kit.ISSUER_KEY if right else bytes(16))
        assert sw == (SW.OK if right else SW.NOT_VERIFIED)
        self.session = right

    @rule()
    def reset(self) -> None:
        """Pull the card out and put it in."""
        self.card.reset()
        self.session = False
        self.select()

    @rule(cut=st.sampled_from(["before", "after"]))
    def cut_power(self, cut: str) -> None:
        """The power will go at the next write."""
        self.memory.cut = cut

    def act(self, act: Act, command: Command) -> Response | None:
        """Send an issuer's command and check that the card went where the table says, or stayed."""
        was = self.card.image
        response = self.send(command)
        now = self.card.image
        if response is not None and not response.ok:
            assert now == was
        elif response is not None or now != was:
            assert self.session or response is None
            assert now.life is LIFE_TRANSITIONS[was.life, act]
        if response is not None and not self.session:
            assert response.sw == SW.SECURITY_STATUS
        return response

    @rule(kind=KINDS)
    def generate(self, kind: Kind) -> None:
        """Make a key; its PIN and certificate go with the one before it."""
        response = self.act(Act.GENERATE, Command(0x80, 0x46, 0x00, 0x80 | KEY_EF[kind], le=65536))
        if response is not None and response.ok:
            assert self.card.image.keys["jpki", KEY_EF[kind]].use is KeyUse.FRESH
            assert self.card.image.files["jpki", CERTIFICATE_EF[kind]] == b""
            assert self.card.image.pins["jpki", PIN_EF[kind]].value is None

    @rule(kind=KINDS, right=st.booleans())
    def write_certificate(self, kind: Kind, right: bool) -> None:
        """Write the certificate of the key that is there, or another one."""
        content = kit.ca_certificate(kind)
        key = self.card.image.keys.get(("jpki", KEY_EF[kind]))
        if right and key is not None:
            content = certificate_of(key.pkcs8)
        self.act(Act.WRITE, Command(0x00, 0xD6, 0x80 | CERTIFICATE_EF[kind], 0x00, content))

    @rule(kind=KINDS, data=st.data())
    def set_pin(self, kind: Kind, data: st.DataObject) -> None:
        """Set a PIN."""
        self.act(Act.SET_PIN, Command(0x80, 0x24, 0x00, 0x80 | PIN_EF[kind], data.draw(VALUES[kind])))

    @rule()
    def finish(self) -> None:
        """Hand the card over, if it is complete."""
        was = self.card.image
        response = self.act(Act.FINISH, Command(0x80, 0x44, 0, 0))
        if response is not None and self.session:
            assert response.sw == (SW.OK if complete(was) else SW.CONDITIONS)

    @rule()
    def erase(self) -> None:
        """Erase JPKI."""
        response = self.act(Act.ERASE, Command(0x80, 0x48, 0, 0))
        if response is not None and response.ok:
            assert dict(self.card.image.keys) == {}

    @rule(kind=KINDS)
    def sign_without_a_pin(self, kind: Kind) -> None:
        """A fresh key signs for the issuer; a key in service for nobody who has not its PIN."""
        self.select()
        key = self.card.image.keys.get(("jpki", KEY_EF[kind]))
        response = self.send(Command(0x80, 0x2A, 0x00, 0x80 | KEY_EF[kind], b"x", 256))
        assert response is not None
        assert response.ok is (key is not None and key.use is KeyUse.FRESH and self.session)

    @rule(kind=KINDS)
    def sign_with_the_pin(self, kind: Kind) -> None:
        """The holder's PIN moves a key in service, and no other."""
        self.select()
        self.memory.cut = None
        pin = self.card.image.pins.get(("jpki", PIN_EF[kind]), PinState())
        if pin.value is None:
            return
        assert Response.parse(self.card.transmit(Command(0, 0x20, 0, 0x80 | PIN_EF[kind], pin.value).to_bytes())).ok
        key = self.card.image.keys.get(("jpki", KEY_EF[kind]))
        response = self.send(Command(0x80, 0x2A, 0x00, 0x80 | KEY_EF[kind], b"x", 256))
        assert response is not None
        assert response.ok is (key is not None and (key.use is KeyUse.IN_USE or self.session))

    @invariant()
    def a_key_in_service_is_whole(self) -> None:
        """What is kept is what the card knows; an issued card has no fresh key."""
        kept = CardImage.from_bytes(self.memory.stored)
        assert kept == self.card.image
        if kept.life is Life.ISSUED:
            assert {key.use for key in kept.keys.values()} <= {KeyUse.IN_USE}


def complete(image: CardImage) -> bool:
    """Say whether a card may go into service: not blank, and each fresh key has its certificate and its PIN."""
    if image.life is Life.BLANK:
        return False
    for kind in Kind:
        key = image.keys.get(("jpki", KEY_EF[kind]))
        if key is None or key.use is KeyUse.IN_USE:
            continue
        if image.files.get(("jpki", CERTIFICATE_EF[kind])) != certificate_of(key.pkcs8):
            return False
        if image.pins["jpki", PIN_EF[kind]].value is None:
            return False
    return True


def certificate_of(pkcs8: bytes) -> bytes:
    """Return something with the public key of a stored key where a certificate has it."""
    spki = SoftwareKey.from_pkcs8(pkcs8, own=True).spki
    return der.sequence(der.sequence(*[der.null()] * 5, spki))


TestIssuance = Issuance.TestCase
TestIssuance.settings = settings(max_examples=40, stateful_step_count=40)
