# SPDX-License-Identifier: Apache-2.0
"""What must hold for every codec: what is written is read again, and junk is refused, never a crash."""

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tegata.codecs import der, tlv
from tegata.codecs.apdu import ApduError, Command, Response
from tegata.codecs.der import DerError, Element
from tegata.codecs.tlv import Tlv, TlvError
from tegata.crypto.vault import Vault, VaultError

BYTE = st.integers(0, 255)
TAGS = st.sampled_from([0x80, 0x9E, 0x30, 0x7F49, 0x5F21, 0xDF22, 0x7F8101])
MOMENTS = st.integers(-631_152_000, 253_402_300_799).map(
    lambda seconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


@given(BYTE, BYTE, BYTE, BYTE, st.binary(max_size=300), st.none() | st.integers(1, 65536), st.booleans())
@example(0, 0xB0, 0, 0, b"", 65536, False)
def test_commands(cla: int, ins: int, p1: int, p2: int, data: bytes, le: int | None, extended: bool) -> None:
    """Every command comes back equal, and its encoding is the same the second time."""
    command = Command(cla, ins, p1, p2, data, le, extended)
    raw = command.to_bytes()
    again = Command.parse(raw)
    assert again == command
    assert again.to_bytes() == raw


@given(st.binary(max_size=300))
def test_any_bytes_are_a_command_with_one_encoding_or_none(raw: bytes) -> None:
    """What parses is written back byte for byte."""
    with contextlib.suppress(ApduError):
        assert Command.parse(raw).to_bytes() == raw


@given(st.binary(max_size=300), st.integers(0, 0xFFFF))
def test_responses(data: bytes, sw: int) -> None:
    """Data and status word, whatever they are."""
    assert Response.parse(Response(data, sw).to_bytes()) == Response(data, sw)


@given(TAGS, (st.integers(0, 300) | st.integers(0, 70_000)).map(bytes), st.sampled_from(["short", "long82"]))
def test_data_objects(tag: int, value: bytes, style: tlv.Style) -> None:
    """Either form of length, at any size that it can express."""
    if style == "long82":
        value = value[:0xFFFF]
    whole = tlv.encode(tag, value, style)
    assert tlv.parse(whole) == [Tlv(tag, value)]
    assert tlv.parse_one(whole + b"\xff\x00junk") == Tlv(tag, value)
    assert tlv.total_length(whole[:8]) == len(whole)


@given(st.lists(st.tuples(TAGS, st.binary(max_size=20)), max_size=8), st.lists(st.sampled_from([0, 255]), max_size=3))
def test_data_objects_with_padding_between(objects: list[tuple[int, bytes]], padding: list[int]) -> None:
    """Padding changes nothing."""
    whole = bytes(padding) + b"".join(tlv.encode(tag, value) + bytes(padding) for tag, value in objects)
    assert tlv.parse(whole) == [Tlv(tag, value) for tag, value in objects]


@given(st.binary(max_size=200))
def test_junk_is_no_data_object(raw: bytes) -> None:
    """Or one that lies within the bytes; no other error."""
    for read in (tlv.parse, tlv.parse_one, tlv.total_length):
        with contextlib.suppress(TlvError):
            read(raw)
    with contextlib.suppress(TlvError):
        assert sum(len(one.value) for one in tlv.parse(raw)) <= len(raw)


@given(st.integers() | st.integers(-(1 << 4096), 1 << 4096))
def test_integers(value: int) -> None:
    """In the fewest bytes, and back."""
    assert der.read(der.integer(value)).integer() == value


@given(st.integers(0, 2), st.data())
def test_object_identifiers(first: int, data: st.DataObject) -> None:
    """Every arc, back to the same text."""
    second = data.draw(st.integers(0, 39 if first < 2 else 1 << 64))
    rest = data.draw(st.lists(st.integers(0, 1 << 128), max_size=6))
    dotted = ".".join(map(str, (first, second, *rest)))
    assert der.read(der.oid(dotted)).oid() == dotted


@given(st.sets(st.integers(0, 40)))
def test_named_bits(bits: set[int]) -> None:
    """The bits that were named are set, and no zero trails."""
    value = der.read(der.named_bits(*bits)).expect(der.BIT_STRING).value
    unused, octets = value[0], value[1:]
    text = "".join(f"{octet:08b}" for octet in octets)[: len(octets) * 8 - unused]
    assert {place for place, bit in enumerate(text) if bit == "1"} == bits
    assert not text or text[-1] == "1"


@given(MOMENTS)
def test_times(moment: datetime) -> None:
    """RFC 5280 §4.1.2.5 names each moment from 1950 to 9999 in one way."""
    element = der.read(der.x509_time(moment))
    text = element.value.decode()
    if element.tag == 0x17:
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    assert datetime.strptime(text, "%Y%m%d%H%M%S%z") == moment


NESTED = st.recursive(
    st.binary(max_size=40).map(der.octet_string),
    lambda inner: st.lists(inner, max_size=4).map(lambda parts: der.sequence(*parts)),
    max_leaves=20,
)


def written(element: Element) -> bytes:
    """Return an element encoded anew from what was read."""
    if element.tag & 0x20:
        return der.tlv(element.tag, b"".join(written(child) for child in element.children()))
    return der.tlv(element.tag, element.value)


@given(NESTED)
def test_structures(raw: bytes) -> None:
    """What is read and written anew is the same."""
    assert written(der.read(raw)) == raw


@given(NESTED, st.data())
def test_structures_that_were_damaged(raw: bytes, data: st.DataObject) -> None:
    """Cut, lengthened, or with one byte changed: refused, or another structure whose encoding is just as unique."""
    place = data.draw(st.integers(0, len(raw) - 1))
    changed = raw[:place] + bytes((data.draw(BYTE),)) + raw[place + 1 :]
    for wrong in (raw[:place], raw + b"\x00", changed):
        with contextlib.suppress(DerError):
            assert written(der.read(wrong)) == wrong


@given(st.binary(max_size=200))
def test_junk_is_no_der(raw: bytes) -> None:
    """Or it has one encoding only; no other error from any reader."""
    with contextlib.suppress(DerError):
        assert written(der.read(raw)) == raw
    for read in (lambda: der.read(raw).integer(), lambda: der.read(raw).oid(), lambda: der.parse_digest_info(raw)):
        with contextlib.suppress(DerError):
            read()


@given(st.binary(max_size=500), st.text(max_size=20), st.text(max_size=20), st.data())
def test_sealed_values(plaintext: bytes, context: str, other: str, data: st.DataObject) -> None:
    """They open where they belong, nowhere else, and not when a bit changed."""
    vault = Vault(bytes(range(32)))
    sealed = vault.seal(plaintext, context)
    assert vault.open(sealed, context) == plaintext
    place = data.draw(st.integers(0, len(sealed) - 1))
    changed = sealed[:place] + bytes((sealed[place] ^ data.draw(st.integers(1, 255)),)) + sealed[place + 1 :]
    with pytest.raises(VaultError):
        vault.open(changed, context)
    if other != context:
        with pytest.raises(VaultError):
            vault.open(sealed, other)
