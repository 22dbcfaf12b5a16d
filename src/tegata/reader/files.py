# SPDX-License-Identifier: Apache-2.0
"""The formats of files on the card, written and read in one place.

Lengths: the outer object is written in the short form or as `82 hh ll`, both of which real cards show; any form is
read.  Sources: the samples and parsers of soltia48/myna-card, jpki/myna and lanesky/mnbcard.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from tegata.codecs import der, tlv
from tegata.jpki import assumptions
from tegata.jpki.attributes import BasicFour, Sex
from tegata.reader.errors import BadContent

FILLER: Final = b"\xff\xff"
_NUMBER: Final = 0xFF10
_ATTRIBUTES: Final = 0xFF20
_NAME, _ADDRESS, _BIRTH, _SEX = 0xDF22, 0xDF23, 0xDF24, 0xDF25
_OFFSETS: Final = 0xDF21


@dataclass(frozen=True, slots=True)
class TextAttributes:
    """The four attributes as the text application holds them: birth `YYYYMMDD`, sex `1`, `2`, `9` or `0` (unknown)."""

    name: str = field(repr=False)
    address: str = field(repr=False)
    birth: str = field(repr=False)
    sex: str = field(repr=False)

    @classmethod
    def of(cls, four: BasicFour) -> "TextAttributes":
        """Return the attributes of a certificate in the text application's codes."""
        born = four.birth
        sex = assumptions.value("card.text_unknown_sex") if four.sex is Sex.UNKNOWN else four.sex.value
        return cls(four.name, four.address, f"{born.year:04}{born.month:02}{born.day:02}", sex)


def individual_number(number: str) -> bytes:
    """File 0001 of the text application: 12 digits and filler, 17 bytes.  Raises `BadContent`."""
    if not re.fullmatch(r"[0-9]{12}", number):
        raise BadContent("individual_number")
    return tlv.encode(_NUMBER, number.encode("ascii")) + FILLER


def read_individual_number(content: bytes) -> str:
    """Inverse of `individual_number`; raises `BadContent`."""
    value = _outer(content, _NUMBER, "individual_number")
    if not re.fullmatch(rb"[0-9]{12}", value):
        raise BadContent("individual_number")
    return value.decode("ascii")


def attributes(four: TextAttributes, style: tlv.Style = "short") -> bytes:
    """File 0002 of the text application: an offset table (from the first byte of the file) and the four values.

    `style` is the form of the outer length; a value of 128 bytes or more always takes `82 hh ll`, as seen on cards.
    """
    values = ((_NAME, four.name), (_ADDRESS, four.address), (_BIRTH, four.birth), (_SEX, four.sex))
    parts = [_encode(tag, text.encode()) for tag, text in values]
    body_size = 11 + sum(map(len, parts))
    start = (5 if style == "long82" or body_size >= 0x80 else 3) + 11
    starts = [start + sum(map(len, parts[:index])) for index in range(len(parts))]
    table = tlv.encode(_OFFSETS, b"".join(offset.to_bytes(2, "big") for offset in starts))
    return _encode(_ATTRIBUTES, table + b"".join(parts), style) + FILLER


def read_attributes(content: bytes) -> TextAttributes:
    """Inverse of `attributes`, for either form of length; raises `BadContent`."""
    try:
        found = {
            one.tag: one.value.decode()
            for one in tlv.parse(_outer(content, _ATTRIBUTES, "attributes"))
            if one.tag != _OFFSETS
        }
        four = TextAttributes(found[_NAME], found[_ADDRESS], found[_BIRTH], found[_SEX])
    except (tlv.TlvError, UnicodeDecodeError, KeyError) as error:
        raise BadContent("attributes") from error
    if not re.fullmatch(r"[0-9]{8}", four.birth) or not re.fullmatch(r"[0-9]", four.sex):
        raise BadContent("attributes")
    return four


def basic_info(key_id: bytes) -> bytes:
    """File 0005 of the text application: version, key identifier (16 bytes), and an object of unknown meaning."""
    tail = bytes.fromhex(assumptions.value("card.text_basic_info_tail")).ljust(128, b"\xff")
    body = _encode(0xDF41, bytes.fromhex("01030E01")) + _encode(0xDF42, key_id) + _encode(0xDF43, tail)
    return _encode(0xFF40, body, "long82")


def token_info(label: str, serial: str) -> bytes:
    """File 0006 of JPKI: a CK_TOKEN_INFO (PKCS#11) of 160 bytes with big-endian numbers."""
    numbers = (0x0000040D, 1, 0, 1, 0, 16, 6, *[0xFFFFFFFF] * 4)
    return b"".join(
        (
            label.encode("ascii").ljust(32),
            b"TEGATA TEST".ljust(32),
            b"TEGATA".ljust(16),
            serial.encode("ascii")[:16].rjust(16, b"0"),
            *(number.to_bytes(4, "big") for number in numbers),
            b"03",
            b"01",
            b"9" * 16,
        )
    )


def read_token_label(content: bytes) -> str:
    """Return the label of a token info file; raises `BadContent` unless it can be shown as it is."""
    try:
        label = content[:32].decode("ascii").rstrip(" \0")
    except UnicodeDecodeError as error:
        raise BadContent("token_info") from error
    if not label.isprintable():
        raise BadContent("token_info")
    return label


def _encode(tag: int, value: bytes, style: tlv.Style = "short") -> bytes:
    return tlv.encode(tag, value, "long82" if len(value) >= 0x80 else style)


def _outer(content: bytes, tag: int, what: str) -> bytes:
    try:
        outer = tlv.parse_one(content)
    except tlv.TlvError as error:
        raise BadContent(what) from error
    if outer.tag != tag:
        raise BadContent(what)
    return outer.value


def certificate_spki(certificate: bytes) -> bytes:
    """Return the DER SubjectPublicKeyInfo inside a DER certificate (RFC 5280 §4.1); raises `BadContent`."""
    try:
        fields = der.read_from(certificate, 0)[0].expect(der.SEQUENCE).children()[0].children()
        return fields[6 if fields[0].tag == 0xA0 else 5].expect(der.SEQUENCE).raw
    except (der.DerError, IndexError) as error:
        raise BadContent("certificate") from error
