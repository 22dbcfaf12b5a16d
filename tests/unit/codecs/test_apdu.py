# SPDX-License-Identifier: Apache-2.0
"""Command and response APDUs: the seven encodings of ISO/IEC 7816-3 §12.1.3, and what is none of them."""

import pytest

from tegata.codecs.apdu import SW, ApduError, Command, Response

CASES = [
    ("00A40000", Command(0x00, 0xA4, 0, 0)),
    ("00B0000000", Command(0x00, 0xB0, 0, 0, le=256)),
    ("00B0000004", Command(0x00, 0xB0, 0, 0, le=4)),
    ("002000800431323334", Command(0x00, 0x20, 0, 0x80, b"1234")),
    ("802A0080021122" + "00", Command(0x80, 0x2A, 0, 0x80, b"\x11\x22", 256)),
    ("00B00000000000", Command(0x00, 0xB0, 0, 0, le=65536)),
    ("00B00000000100", Command(0x00, 0xB0, 0, 0, le=256, extended=True)),
    ("00D60000000002AABB", Command(0x00, 0xD6, 0, 0, b"\xaa\xbb", extended=True)),
    ("802A0000000002AABB0100", Command(0x80, 0x2A, 0, 0, b"\xaa\xbb", 256, extended=True)),
    ("802A0000000002AABB0000", Command(0x80, 0x2A, 0, 0, b"\xaa\xbb", 65536, extended=True)),
]


@pytest.mark.parametrize(("raw", "command"), CASES)
def test_every_case_reads_and_writes(raw: str, command: Command) -> None:
    """Cases 1, 2, 3 and 4, short and extended, keep their bytes."""
    assert Command.parse(bytes.fromhex(raw)) == command
    assert command.to_bytes() == bytes.fromhex(raw)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "00A400",  # no header
        "00A400000401",  # less data than Lc says
        "00A40000010203" + "04",  # more than Lc and Le
        "00A400000000",  # extended, cut short
        "00A40000000000AA",  # extended Lc of zero with data
        "00A40000000002AA",  # extended, less data
        "00A40000000001AA00",  # extended, Le of one byte
    ],
)
def test_lengths_that_do_not_agree_are_refused(raw: str) -> None:
    """A command whose Lc and Le do not add up is no command."""
    with pytest.raises(ApduError) as refused:
        Command.parse(bytes.fromhex(raw))
    assert refused.value.reason == "codecs.apdu_malformed"


def test_long_values_take_the_extended_form() -> None:
    """More than 255 bytes, or more than 256 expected, do not fit the short form."""
    assert Command(0, 0xD6, 0, 0, bytes(256)).to_bytes()[4:7] == b"\x00\x01\x00"
    assert Command(0, 0xB0, 0, 0, le=257).to_bytes()[4:] == b"\x00\x01\x01"


def test_more_than_an_apdu_carries_is_refused() -> None:
    """65536 bytes of data have no encoding."""
    with pytest.raises(ApduError):
        Command(0, 0xD6, 0, 0, bytes(0x10000)).to_bytes()


def test_a_pin_never_shows() -> None:
    """Data of commands and responses stays out of logs and tracebacks."""
    assert "1234" not in repr(Command(0, 0x20, 0, 0x80, b"1234"))
    assert "1234" not in repr(Response(b"1234"))


def test_response_reads_and_writes() -> None:
    """Data, then the status word."""
    assert Response.parse(b"\x01\x02\x90\x00") == Response(b"\x01\x02", SW.OK)
    assert Response(b"\x01", 0x6A82).to_bytes() == b"\x01\x6a\x82"
    assert Response().ok
    assert not Response(sw=SW.SECURITY_STATUS).ok
    with pytest.raises(ApduError):
        Response.parse(b"\x90")


@pytest.mark.parametrize(("sw", "left"), [(0x63C0, 0), (0x63C5, 5), (0x63CF, 15), (0x6300, None), (0x9000, None)])
def test_tries_left_are_in_the_status_word(sw: int, left: int | None) -> None:
    """`63Cx` says x tries; nothing else says any."""
    assert Response(sw=sw).tries_left == left
