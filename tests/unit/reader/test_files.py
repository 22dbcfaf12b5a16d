# SPDX-License-Identifier: Apache-2.0
"""File formats of the card, against the layouts that public parsers expect."""

import pytest

from tegata.codecs import der, tlv
from tegata.jpki import Kind
from tegata.jpki.attributes import BasicFour, BirthDate, Sex
from tegata.reader import files
from tegata.reader.errors import BadContent
from tegata.reader.files import TextAttributes
from unit.card import kit
from unit.refusal import refused

HANAKO = TextAttributes("山田　花子", "東京都渋谷区手形町１－２", "19900505", "2")


def test_the_individual_number_takes_17_bytes() -> None:
    """`FF10 0C`, twelve digits, filler."""
    content = files.individual_number("123456789010")
    assert content == b"\xff\x10\x0c123456789010\xff\xff"
    assert files.read_individual_number(content) == "123456789010"


@pytest.mark.parametrize("number", ["", "12345678901", "1234567890123", "12345678901a", "１２３４５６７８９０１０"])
def test_a_number_has_twelve_digits(number: str) -> None:
    """Written and read alike."""
    with refused("reader.bad_content", BadContent):
        files.individual_number(number)
    with refused("reader.bad_content", BadContent):
        files.read_individual_number(tlv.encode(0xFF10, number.encode()))


@pytest.mark.parametrize("style", ["short", "long82"])
def test_the_offset_table_points_at_the_values(style: tlv.Style) -> None:
    """Clients find the values by 16-bit offsets from the first byte of the file, and trust nothing else."""
    content = files.attributes(HANAKO, style)
    assert content.endswith(b"\xff\xff")
    assert files.read_attributes(content) == HANAKO
    start = 5 if style == "long82" else 3
    assert content[start : start + 3] == b"\xdf\x21\x08"
    table = content[start + 3 : start + 11]
    offsets = [int.from_bytes(table[i : i + 2], "big") for i in range(0, 8, 2)]
    values = [tlv.parse_one(content[offset:]) for offset in offsets]
    assert [one.tag for one in values] == [0xDF22, 0xDF23, 0xDF24, 0xDF25]
    assert values[0].value.decode() == HANAKO.name
    assert offsets[0] == (0x10 if style == "long82" else 0x0E)


def test_a_long_address_takes_long_lengths() -> None:
    """Values of 128 bytes and more are written `82 hh ll`, as seen on cards."""
    four = TextAttributes("寿限無" * 20, "東京都" * 60, "19830707", "1")
    content = files.attributes(four)
    assert content[2] == 0x82
    assert files.read_attributes(content) == four


@pytest.mark.parametrize(("sex", "code"), [(Sex.MALE, "1"), (Sex.FEMALE, "2"), (Sex.UNKNOWN, "0")])
def test_certificate_codes_become_the_cards(sex: Sex, code: str) -> None:
    """Unknown parts of a birth date stay 00."""
    four = BasicFour("名", "0", "所", "0", BirthDate.of(1938, 4, 0), sex)
    assert TextAttributes.of(four) == TextAttributes("名", "所", "19380400", code)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 20,
        files.individual_number("123456789010"),
        files.attributes(HANAKO)[:-10],
        tlv.encode(0xFF20, b""),
        tlv.encode(0xFF20, tlv.encode(0xDF22, b"\xff\xfe")),
        tlv.encode(0xFF20, tlv.encode(0xDF22, b"x") + tlv.encode(0xDF23, b"y") + tlv.encode(0xDF24, b"19900505")),
        files.attributes(TextAttributes("x", "y", "1990-05-05", "2")),
        files.attributes(TextAttributes("x", "y", "19900505", "22")),
        files.attributes(TextAttributes("x", "y", "19900505", "")),
    ],
)
def test_attributes_that_cannot_be_read(content: bytes) -> None:
    """Another file, a cut one, a value missing or of the wrong form."""
    with refused("reader.bad_content", BadContent) as caught:
        files.read_attributes(content)
    assert caught.value.facts == {"what": "attributes"}


def test_token_information_is_a_structure_of_160_bytes() -> None:
    """A CK_TOKEN_INFO in which clients look for the label, the serial number and the flags."""
    info = files.token_info("JPKIAPICCTOKEN2", "TEGATA1")
    assert len(info) == 160
    assert files.read_token_label(info) == "JPKIAPICCTOKEN2"
    assert info[80:96] == b"000000000TEGATA1"
    assert info[96:100].hex() == "0000040d"
    assert info[140:] == b"0301" + b"9" * 16


@pytest.mark.parametrize("label", [b"\xff" * 32, b"\x1b[31mred", b"two\nlines", b"\x00\x00x"])
def test_a_label_that_cannot_be_shown_is_refused(label: bytes) -> None:
    """It would go to a terminal as it is."""
    with refused("reader.bad_content", BadContent):
        files.read_token_label(label.ljust(32))


def test_basic_information_has_the_observed_size() -> None:
    """`FF40 82 009F`, with version, key identifier and 128 bytes of unknown meaning."""
    content = files.basic_info(bytes(16))
    assert content[:5].hex() == "ff4082009f"
    assert [(one.tag, len(one.value)) for one in tlv.parse(content[5:])] == [(0xDF41, 4), (0xDF42, 16), (0xDF43, 128)]


def test_the_key_in_a_certificate() -> None:
    """With the version field and without it."""
    certificate = kit.ca_certificate(Kind.SIGNING)
    spki = files.certificate_spki(certificate)
    fields = [one.raw for one in der.read(certificate).children()[0].children()]
    assert spki in fields
    first = der.sequence(der.sequence(*fields[1:]))
    assert files.certificate_spki(first) == spki


@pytest.mark.parametrize(
    "certificate", [b"", b"\x30\x00", b"\x30\x02\x30\x00", b"\x05\x00", b"\xff" * 100, b"\x30\x82\xff\xff"]
)
def test_what_is_no_certificate_has_no_key(certificate: bytes) -> None:
    """Cut, empty, or something else."""
    with refused("reader.bad_content", BadContent):
        files.certificate_spki(certificate)


def test_nothing_personal_shows() -> None:
    """Not in a repr."""
    assert repr(HANAKO) == "TextAttributes()"
