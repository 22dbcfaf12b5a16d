# SPDX-License-Identifier: Apache-2.0
"""The formats of files on the card, written and read in one place.

Lengths: the outer object is written in the short form or as `82 hh ll`, both of which real cards show; any form is
read.  Sources: the samples and parsers of soltia48/myna-card, jpki/myna and lanesky/mnbcard.
"""

import hashlib
import re
from dataclasses import dataclass, field
from typing import Final

from tegata.codecs import der, tlv
from tegata.jpki import assumptions, card_verifiable
from tegata.jpki.attributes import BasicFour, Sex
from tegata.reader.errors import BadContent

FILLER: Final = bytes.fromhex(assumptions.value("card.filler"))
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


def attributes(four: TextAttributes, style: tlv.Style | None = None) -> bytes:
    """File 0002 of the text application: an offset table (from the first byte of the file) and the four values.

    `style` is the form of the outer length (by default that of the assumption `card.outer_length`); a value of 128
    bytes or more always takes `82 hh ll`, as seen on cards.
    """
    style = style or assumptions.value("card.outer_length")
    values = ((_NAME, four.name), (_ADDRESS, four.address), (_BIRTH, four.birth), (_SEX, four.sex))
    parts = [encode(tag, text.encode()) for tag, text in values]
    body_size = 11 + sum(map(len, parts))
    start = (5 if style == "long82" or body_size >= 0x80 else 3) + 11
    starts = [start + sum(map(len, parts[:index])) for index in range(len(parts))]
    table = tlv.encode(_OFFSETS, b"".join(offset.to_bytes(2, "big") for offset in starts))
    return encode(_ATTRIBUTES, table + b"".join(parts), style) + FILLER


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


def signed_range(attributes_file: bytes) -> bytes:
    """Return what the digest of file 0002 covers: name to sex, without table and filler.  Raises `BadContent`."""
    value = _outer(attributes_file, _ATTRIBUTES, "attributes")
    try:
        table = tlv.parse_one(value)
        size = tlv.total_length(value)
    except tlv.TlvError as error:
        raise BadContent("attributes") from error
    if table.tag != _OFFSETS:
        raise BadContent("attributes")
    return value[size:]


def digests(number_file: bytes, attributes_file: bytes) -> bytes:
    """Return the 70 bytes that the issuer signs for file 0003: digests of file 0001, and of the values of file 0002."""
    attributes_digest = hashlib.sha256(signed_range(attributes_file)).digest()
    return tlv.encode(0xDF31, hashlib.sha256(number_file).digest()) + tlv.encode(0xDF32, attributes_digest)


def signed_digests(signed: bytes, signature: bytes) -> bytes:
    """File 0003 of the text application, 336 bytes."""
    return tlv.encode(0xFF30, signed + tlv.encode(0xDF33, signature, "long82"), "long82")


def read_signed_digests(content: bytes) -> tuple[bytes, bytes, bytes]:
    """Return what was signed, its two digests joined, and the signature of file 0003; raises `BadContent`."""
    found = members(content, 0xFF30, "digests", 0xDF31, 0xDF32, 0xDF33)
    signed = tlv.encode(0xDF31, found[0]) + tlv.encode(0xDF32, found[1])
    return signed, found[0] + found[1], found[2]


def key_to_sign(spki: bytes) -> bytes:
    """Return what the issuer signs for file 0007: the text application's own key as an object."""
    return tlv.encode(0xDF51, card_verifiable.key_value(spki), "long82")


def signed_key(signed: bytes, signature: bytes) -> bytes:
    """File 0007 of the text application."""
    return tlv.encode(0xFF50, signed + tlv.encode(0xDF52, signature, "long82"), "long82")


def read_signed_key(content: bytes) -> tuple[bytes, bytes, bytes]:
    """Return what was signed, the key (DER SPKI), and the signature of file 0007; raises `BadContent`."""
    value, signature = members(content, 0xFF50, "signed_key", 0xDF51, 0xDF52)
    return tlv.encode(0xDF51, value, "long82"), spki_of(value, "signed_key"), signature


def session_key(spki: bytes) -> bytes:
    """File 0006 of the text application: the key to which session keys are sent, `A1 { 90 e, 91 n }`."""
    return tlv.encode(0xA1, card_verifiable.key_value(spki), "long82")


def read_session_key(content: bytes) -> bytes:
    """Inverse of `session_key`: DER SPKI; raises `BadContent`."""
    return spki_of(_outer(content, 0xA1, "session_key"), "session_key")


def spki_of(value: bytes, what: str) -> bytes:
    """Return the SubjectPublicKeyInfo of a key value; raises `BadContent`."""
    try:
        return card_verifiable.read_key_value(value)
    except card_verifiable.BadCertificate as error:
        raise BadContent(what) from error


def basic_info(key_id: bytes) -> bytes:
    """File 0005 of the text application: version, key identifier (16 bytes), and an object of unknown meaning."""
    tail = bytes.fromhex(assumptions.value("card.text_basic_info_tail")).ljust(128, b"\xff")
    body = encode(0xDF41, bytes.fromhex("01030E01")) + encode(0xDF42, key_id) + encode(0xDF43, tail)
    return encode(0xFF40, body, "long82")


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


def record(tag: int, value: bytes) -> bytes:
    """Return one record (SIMPLE-TLV)."""
    return tlv.simple(tag, value)


def records(content: bytes) -> list[bytes]:
    """Return the records of a record file, each with tag and length; what is cut short is no record."""
    found, position = [], 0
    while position + 2 <= len(content):
        start, size, position = position, content[position + 1], position + 2
        if size == 0xFF:
            size, position = int.from_bytes(content[position : position + 2], "big"), position + 2
        position += size
        if position <= len(content):
            found.append(content[start:position])
    return found


def encode(tag: int, value: bytes, style: tlv.Style = "short") -> bytes:
    """Write an object as cards do: a value of 128 bytes or more always takes `82 hh ll`."""
    return tlv.encode(tag, value, "long82" if len(value) >= 0x80 else style)


def outer(tag: int, value: bytes) -> bytes:
    """Write the outer object of a file, in the length form of the assumption `card.outer_length`."""
    return encode(tag, value, assumptions.value("card.outer_length"))


def members(content: bytes, tag: int, what: str, *tags: int) -> list[bytes]:
    """Return the values of `tags` inside the outer object of a file; raises `BadContent` when one is missing."""
    try:
        found = {one.tag: one.value for one in tlv.parse(_outer(content, tag, what))}
        return [found[member] for member in tags]
    except (tlv.TlvError, KeyError) as error:
        raise BadContent(what) from error


def _outer(content: bytes, tag: int, what: str) -> bytes:
    try:
        one = tlv.parse_one(content)
    except tlv.TlvError as error:
        raise BadContent(what) from error
    if one.tag != tag:
        raise BadContent(what)
    return one.value


def certificate_spki(certificate: bytes) -> bytes:
    """Return the DER SubjectPublicKeyInfo inside a DER certificate (RFC 5280 §4.1); raises `BadContent`."""
    try:
        fields = der.read_from(certificate, 0)[0].expect(der.SEQUENCE).children()[0].children()
        return fields[6 if fields[0].tag == 0xA0 else 5].expect(der.SEQUENCE).raw
    except (der.DerError, IndexError) as error:
        raise BadContent("certificate") from error
