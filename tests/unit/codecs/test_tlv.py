# SPDX-License-Identifier: Apache-2.0
"""BER-TLV as cards write it: any length form is read, two are written."""

import pytest

from tegata.codecs import tlv
from tegata.codecs.tlv import Tlv, TlvError


@pytest.mark.parametrize(
    ("tag", "size", "style", "head"),
    [
        (0x81, 3, "short", "8103"),
        (0xDF22, 127, "short", "DF227F"),
        (0xDF22, 128, "short", "DF228180"),
        (0xFF20, 300, "short", "FF2082012C"),
        (0xFF20, 3, "long82", "FF20820003"),
        (0x7F49, 256, "short", "7F49820100"),
    ],
)
def test_lengths_are_written_in_the_wanted_form(tag: int, size: int, style: tlv.Style, head: str) -> None:
    """The shortest form, or always `82 hh ll` as some cards do."""
    whole = tlv.encode(tag, bytes(size), style)
    assert whole[: len(head) // 2].hex().upper() == head
    assert tlv.parse_one(whole) == Tlv(tag, bytes(size))
    assert tlv.total_length(whole[: len(head) // 2]) == len(whole)


def test_padding_between_objects_is_skipped() -> None:
    """`00` and `FF` stand between and behind objects on real cards."""
    content = b"\x00\xff" + tlv.encode(0x81, b"a") + b"\x00\x00" + tlv.encode(0x82, b"b") + b"\xff\xff"
    assert tlv.parse(content) == [Tlv(0x81, b"a"), Tlv(0x82, b"b")]


def test_first_object_of_a_padded_file() -> None:
    """A file may be longer than what is in it."""
    assert tlv.parse_one(tlv.encode(0xFF10, b"123") + b"\xff" * 20) == Tlv(0xFF10, b"123")


@pytest.mark.parametrize(
    "raw", ["81", "8105", "810501", "8180", "818500000000" + "01", "818201", "5F", "5F81", "1F81818101", "8184FFFFFFFF"]
)
def test_what_is_cut_or_too_long_is_refused(raw: str) -> None:
    """A length beyond the data, an indefinite one, five length bytes, a tag of four bytes."""
    with pytest.raises(TlvError) as refused:
        tlv.parse(bytes.fromhex(raw))
    assert refused.value.reason == "codecs.tlv_malformed"


def test_nothing_is_no_object() -> None:
    """An empty file has no first object, and no objects."""
    assert tlv.parse(b"") == []
    with pytest.raises(TlvError):
        tlv.parse_one(b"")
    with pytest.raises(TlvError):
        tlv.total_length(b"\x30")


def test_simple_tlv_of_records() -> None:
    """ISO/IEC 7816-4 §6.2: one byte of length, or `FF` and two."""
    assert tlv.simple(0x01, bytes(28))[:2] == b"\x01\x1c"
    assert tlv.simple(0x01, bytes(255))[:4] == b"\x01\xff\x00\xff"


def test_values_never_show() -> None:
    """A data object may hold an address."""
    assert "secret" not in repr(Tlv(0x81, b"secret"))
