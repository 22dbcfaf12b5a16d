# SPDX-License-Identifier: Apache-2.0
"""Whatever comes over the antenna, from a disk or from a relayed element: an answer or a refusal, never a crash."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tegata.codecs.apdu import SW, Command, Response
from tegata.enrolment import scripts
from tegata.enrolment.model import Pair
from tegata.enrolment.relay import Relay
from tegata.jpki import Kind, card_map
from tegata.phone.device import Phone
from tegata.phone.errors import BadPhoneImage
from tegata.phone.image import PhoneImage
from tegata.reader import ReaderError
from unit.enrolment.kit import ANCHORS, AUTH_PIN, FINGER, World

AUTHORITIES = Pair(ANCHORS[Kind.SIGNING][0], ANCHORS[Kind.AUTHENTICATION][0])
JPKI = card_map.application("jpki").aid
SELECT = Command(0x00, 0xA4, 0x04, 0x0C, JPKI).to_bytes()
SIGN = {
    kind: Command(0x80, 0x2A, 0x00, 0x80 | card_map.jpki_file("key", kind), b"digest", le=256).to_bytes()
    for kind in Kind
}


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the image of an enrolled phone, made once."""
    world = World(tmp_path_factory.mktemp("enrolled"))
    pocket = world.phone()
    asyncio.run(pocket.enrol(world.card()))
    world.service.close()
    return pocket.image


commands = st.one_of(
    st.binary(max_size=24),
    st.builds(
        lambda ins, p1, p2, data: Command(0x00, ins, p1, p2, data).to_bytes(),
        st.sampled_from([0x20, 0x24, 0x82, 0x84, 0xA4, 0xB0, 0xD6]),
        st.sampled_from([0x00, 0x01, 0x02, 0x04]),
        st.sampled_from([0x00, 0x0C, 0x80, 0x98, 0x9B]),
        st.binary(max_size=16),
    ),
)


@given(st.lists(commands, max_size=12))
def test_no_reader_gets_a_signature_without_finger_or_pin(enrolled: bytes, sent: list[bytes]) -> None:
    """Every command has an answer, and both keys stay shut, unless it guessed a PIN in the tries it had."""
    phone = Phone.load(enrolled, on_persist=lambda _: None)
    transmit = phone.antenna().transmit
    for command in sent:
        assert len(transmit(command)) >= 2
        if AUTH_PIN.encode() in command:
            return
    for kind in Kind:
        transmit(SELECT)
        assert Response.parse(transmit(SIGN[kind])).sw in (SW.SECURITY_STATUS, SW.CONDITIONS)


@settings(max_examples=30)  # each signs, and loading a key takes long
@given(st.lists(commands, max_size=12))
def test_a_finger_is_good_for_one_authentication_and_for_no_signature(enrolled: bytes, sent: list[bytes]) -> None:
    """Whatever a reader sends in between."""
    phone = Phone.load(enrolled, on_persist=lambda _: None)
    phone.touch(FINGER)
    transmit = phone.antenna().transmit
    for command in sent:
        transmit(command)
    transmit(SELECT)
    assert Response.parse(transmit(SIGN[Kind.SIGNING])).sw == SW.SECURITY_STATUS
    transmit(SIGN[Kind.AUTHENTICATION])
    transmit(SELECT)
    assert Response.parse(transmit(SIGN[Kind.AUTHENTICATION])).sw == SW.SECURITY_STATUS


@given(st.binary(max_size=64))
def test_junk_is_no_phone(raw: bytes) -> None:
    """Bytes from anywhere."""
    with pytest.raises(BadPhoneImage):
        PhoneImage.from_bytes(raw)


junk: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.just([]),
    st.just({}),
    st.just({"a": 1}),
)


@given(data=st.data())
def test_a_phone_with_one_member_changed_is_a_phone_or_none(enrolled: bytes, data: st.DataObject) -> None:
    """Damage is noticed when the memory is read; what is read can describe itself and be written again."""
    content = json.loads(enrolled)
    inner = data.draw(st.sampled_from(["", "lock", "wrapped", "journal"]))
    place = content[inner] if inner else content
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(junk)
    try:
        phone = Phone.load(json.dumps(content).encode(), on_persist=lambda _: None)
    except BadPhoneImage:
        return
    json.dumps(phone.describe())
    assert PhoneImage.from_bytes(phone._image.to_bytes()) == phone._image


scripted: dict[str, Callable[[], Any]] = {
    "make_keys": lambda: scripts.make_keys(bytes(16)),
    "install": lambda: scripts.install(bytes(16), AUTHORITIES, AUTHORITIES),
    "erase": lambda: scripts.erase(bytes(16)),
}


@given(
    st.sampled_from(sorted(scripted)),
    st.lists(
        st.one_of(st.just(b"\x90\x00"), st.binary(max_size=40), st.binary(max_size=8).map(lambda b: b + b"\x90\x00")),
        max_size=40,
    ),
)
def test_an_element_that_lies_ends_its_script_in_words(name: str, answers: list[bytes]) -> None:
    """A script comes to an outcome or to a `ReaderError`, which the service turns into "start again"."""
    relay: Relay[Any] = Relay(scripted[name]())
    for answer in answers:
        try:
            if relay.feed([answer]) is not None:
                return
        except ReaderError:
            return
