# SPDX-License-Identifier: Apache-2.0
"""The phone's hardware: memory kept before it is answered, an antenna that a finger opens once."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tegata.jpki import Kind
from tegata.phone.device import Phone
from tegata.phone.errors import BadPhoneImage, Locked
from tegata.phone.image import PhoneImage
from tegata.phone.journal import Enrolment, Journal
from tegata.reader import JpkiSession, NotACard, PinRequired, TextSession, WrongPin
from tegata.reader.memory import insert
from unit.enrolment.kit import AUTH_PIN, FINGER, PASSWORD, Killed, Pocket, World

DATA = b"challenge"


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the image of an enrolled phone, made once."""
    world = World(tmp_path_factory.mktemp("enrolled"))
    pocket = world.phone()
    asyncio.run(pocket.enrol(world.card()))
    world.service.close()
    return pocket.image


class Memory:
    """Where a phone keeps its image; `hook` runs after each write."""

    def __init__(self, image: bytes) -> None:
        self.image = image
        self.writes = 0
        self.hook: Callable[[], None] = lambda: None

    def keep(self, image: bytes) -> None:
        """Write."""
        self.image = image
        self.writes += 1
        self.hook()

    def phone(self) -> Phone:
        """Switch the phone on."""
        return Phone.load(self.image, on_persist=self.keep)


@pytest.fixture
def memory(enrolled: bytes) -> Memory:
    """Return the memory of an enrolled phone."""
    return Memory(enrolled)


def authenticate(phone: Phone, pin: str | None = None) -> bytes:
    """Hold the phone to a reader, which asks for a signature."""
    session = JpkiSession(insert(phone.antenna()))
    if pin is not None:
        session.verify(Kind.AUTHENTICATION, pin)
    session.certificate(Kind.AUTHENTICATION)
    return session.sign(Kind.AUTHENTICATION, DATA)


def test_a_reader_finds_jpki_and_nothing_else(memory: Memory) -> None:
    """The applet answers with the phone's token; a phone has no text application."""
    phone = memory.phone()
    transmit = insert(phone.antenna())
    assert phone.antenna().atr == phone.element.atr
    assert JpkiSession(transmit).token() == "JPKIAPGPSETOKEN"
    with pytest.raises(NotACard):
        TextSession(transmit).select()


def test_without_finger_a_reader_needs_the_pin(memory: Memory) -> None:
    """The screen may be open: that alone verifies nothing."""
    phone = memory.phone()
    assert phone.unlocked
    with pytest.raises(PinRequired):
        authenticate(phone)
    assert len(authenticate(phone, AUTH_PIN)) == 256


def test_a_finger_stands_for_the_pin_for_one_signature(memory: Memory) -> None:
    """However often the reader selects until then."""
    phone = memory.phone()
    phone.touch(FINGER)
    JpkiSession(insert(phone.antenna())).token()
    assert len(authenticate(phone)) == 256
    with pytest.raises(PinRequired):
        authenticate(phone)


def test_a_finger_never_stands_for_the_signing_password(memory: Memory) -> None:
    """What is verified is the authentication PIN, and only in the JPKI application."""
    phone = memory.phone()
    phone.touch(FINGER)
    session = JpkiSession(insert(phone.antenna()))
    with pytest.raises(PinRequired):
        session.certificate(Kind.SIGNING)
    with pytest.raises(PinRequired):
        session.sign(Kind.SIGNING, DATA)


def test_selecting_another_application_does_not_use_the_finger(memory: Memory) -> None:
    """The domain is selected, JPKI afterwards: the PIN is verified where it belongs."""
    phone = memory.phone()
    phone.touch(FINGER)
    transmit = insert(phone.antenna())
    assert transmit(bytes.fromhex("00A4040C07A0000001510000")) == b"\x90\x00"
    assert phone.describe()["biometrics"]
    assert len(authenticate(phone)) == 256


@pytest.mark.parametrize("gesture", ["sleep", "stranger"])
def test_a_match_is_gone_with_the_screen_and_with_a_stranger(memory: Memory, gesture: str) -> None:
    """Recent means: nothing happened since."""
    phone = memory.phone()
    phone.touch(FINGER)
    if gesture == "sleep":
        phone.sleep()
    else:
        with pytest.raises(Locked):
            phone.touch("stranger")
    with pytest.raises(PinRequired):
        authenticate(phone)


def test_a_match_does_not_survive_the_power(memory: Memory) -> None:
    """It is nowhere in the phone's memory."""
    memory.phone().touch(FINGER)
    with pytest.raises(PinRequired):
        authenticate(memory.phone())


def test_a_pin_changed_over_the_antenna_costs_the_finger_one_try(memory: Memory) -> None:
    """The kept PIN no longer fits: it is dropped, so that a finger can never block the PIN."""
    phone = memory.phone()
    JpkiSession(insert(phone.antenna())).change_pin(Kind.AUTHENTICATION, AUTH_PIN, "1357")
    phone.touch(FINGER)
    for _ in range(3):
        with pytest.raises(PinRequired):
            authenticate(phone)
    described = phone.describe()
    assert (described["biometrics"], described["tries_left"]["authentication"]) == (False, 2)
    assert len(authenticate(phone, "1357")) == 256


def test_a_finger_added_later_does_not_open_the_old_pin(memory: Memory) -> None:
    """As with a key that new enrolment invalidates; the PIN itself still works."""
    phone = memory.phone()
    phone.add_finger("somebody else")
    match = phone.touch("somebody else")
    with pytest.raises(Locked, match=r"phone\.fingers_changed"):
        phone.release_pin(match)
    with pytest.raises(PinRequired):
        authenticate(phone)
    assert len(authenticate(phone, AUTH_PIN)) == 256


def test_a_wrong_pin_costs_its_try_although_the_phone_dies_at_once(memory: Memory) -> None:
    """The counter is written before the answer leaves."""

    def die() -> None:
        raise Killed

    memory.hook = die
    with pytest.raises(Killed):
        authenticate(memory.phone(), "0000")
    memory.hook = lambda: None
    assert memory.phone().describe()["tries_left"]["authentication"] == 2


def test_a_wrong_finger_costs_its_try_although_the_phone_dies_at_once(memory: Memory) -> None:
    """So nobody tries fingers for ever with the battery out."""

    def die() -> None:
        raise Killed

    memory.hook = die
    for _ in range(5):
        with pytest.raises(Killed):
            memory.phone().touch("stranger")
    memory.hook = lambda: None
    with pytest.raises(Locked, match=r"phone\.biometrics_locked_out"):
        memory.phone().touch(FINGER)
    phone = memory.phone()
    phone.enter("4711")
    phone.touch(FINGER)


def test_wrong_fingers_are_counted_aloud(memory: Memory) -> None:
    """The owner sees how many tries are left."""
    phone = memory.phone()
    left = []
    for _ in range(5):
        with pytest.raises(Locked) as refused:
            phone.touch("stranger")
        left.append(refused.value.facts["tries_left"])
    assert left == [4, 3, 2, 1, 0]
    assert phone.describe()["screen"] == "unlocked_by_passcode_only"


def test_reading_writes_nothing(memory: Memory) -> None:
    """A reader that only looks leaves the memory alone."""
    phone = memory.phone()
    JpkiSession(insert(phone.antenna())).token()
    phone.describe()
    assert memory.writes == 0


def test_memory_survives_the_form_at_rest(memory: Memory) -> None:
    """What is written is what is read, for a phone that has everything."""
    image = PhoneImage.from_bytes(memory.image)
    assert image.journal is not None
    assert image.wrapped is not None
    assert PhoneImage.from_bytes(image.to_bytes()) == image


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda content: b"", "phone.bad_image"),
        (lambda content: b"[]", "phone.bad_image"),
        (lambda content: json.dumps({**content, "version": 99}).encode(), "phone.image_version"),
        (lambda content: json.dumps({**content, "element": "AAAA"}).encode(), "phone.bad_image"),
        (lambda content: json.dumps({**content, "lock": {}}).encode(), "phone.bad_image"),
        (
            lambda content: json.dumps({**content, "lock": {**content["lock"], "screen": "ajar"}}).encode(),
            "phone.bad_image",
        ),
        (lambda content: json.dumps({**content, "journal": {"no": "such"}}).encode(), "phone.bad_image"),
        (lambda content: json.dumps({**content, "wrapped": {"key": "!"}}).encode(), "phone.bad_image"),
    ],
)
def test_a_damaged_memory_is_refused(memory: Memory, spoil: Callable[[object], bytes], reason: str) -> None:
    """With a reason, whatever is wrong."""
    with pytest.raises(BadPhoneImage) as refused:
        Phone.load(spoil(json.loads(memory.image)), on_persist=memory.keep)
    assert refused.value.reason == reason


def test_a_phone_shows_no_secret(memory: Memory) -> None:
    """Neither its repr, nor its image's, nor what it tells the public."""
    phone = memory.phone()
    journal = phone.journal
    assert journal is not None
    for shown in (repr(phone), repr(PhoneImage.from_bytes(memory.image)), json.dumps(phone.describe())):
        for secret in (AUTH_PIN, PASSWORD, FINGER, "4711", journal.request_id, journal.application_id or "?"):
            assert secret not in shown


def test_a_new_phone_says_that_nothing_is_enrolled(tmp_path: Path) -> None:
    """It describes itself, and can be asked for its certificates in vain."""
    world = World(tmp_path)
    pocket: Pocket = world.phone()
    described = pocket.phone.describe()
    assert described["enrolment"] == {"state": "none", "ready": False, "pins_missing": False, "reason": None}
    assert described["certificates"] == []
    assert described["tries_left"] == {"signing": 0, "authentication": 0}
    assert (described["serial"], described["screen"]) == ("PHONE0001", "unlocked")


def test_a_wrong_pin_over_the_antenna_is_told(memory: Memory) -> None:
    """Try by try."""
    with pytest.raises(WrongPin) as wrong:
        authenticate(memory.phone(), "0000")
    assert wrong.value.tries_left == 2


def test_a_journal_tells_where_the_owner_stands() -> None:
    """From the service's last word and from what she has still to do."""
    journal = Journal("r", "a", "installed")
    assert Enrolment.of(journal).pins_missing
    assert Enrolment.of(journal.now(pins_set=True)).ready
    assert Enrolment.of(journal.now(pins_set=True, stopping=True)) == Enrolment("stopping", False, False, None)
    assert Enrolment.of(journal.now(state="ended", stopping=True, reason="x")) == Enrolment("ended", False, False, "x")
