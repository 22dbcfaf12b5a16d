# SPDX-License-Identifier: Apache-2.0
"""The formats of the surface application's files: date of birth, card face, basic info, the number as a picture.

What is signed and by what: 0001 over birth date and key; 0005 over picture and key; 0002 over three digests in one
DigestInfo, of birth, sex and key, of name and address pictures, and of the photo, so that a terminal can check the
first without the last.  Expiry and security code of the face are not signed.  Source: soltia48/myna-card
(src/ap/surface.rs).
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tegata.codecs import tlv
from tegata.jpki import assumptions
from tegata.jpki.card_verifiable import key_value
from tegata.reader import files
from tegata.reader.errors import BadContent

_BIRTH: Final = (0xDF11, 0xDF12, 0xDF13)
_OFFSETS: Final = 0xDF21
_FACE: Final = tuple(range(0xDF22, 0xDF2B))
_NUMBER: Final = (0xDF41, 0xDF42, 0xDF43)


@dataclass(frozen=True, slots=True)
class Signed:
    """A record with the application's key (DER SPKI), the bytes that the issuer signed, and its signature.

    `content` is the birth date `YYYYMMDD` (file 0001), or 個人番号 as a PNG (file 0005).
    """

    content: bytes = field(repr=False)
    spki: bytes = field(repr=False)
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedFace:
    """File 0002: what is printed on the card.  Dates are `YYYYMMDD`, pictures PNG, the photo is JPEG 2000."""

    birth: str = field(repr=False)
    sex: str = field(repr=False)
    spki: bytes = field(repr=False)
    name: bytes = field(repr=False)
    address: bytes = field(repr=False)
    photo: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    expiry: str = field(repr=False)
    security_code: bytes = field(repr=False)

    def signed_digests(self) -> bytes:
        """Return the 96 bytes that the issuer signed, computed from what the card shows."""
        return face_digests(self.birth, self.sex, self.spki, (self.name, self.address, self.photo))


def birth_to_sign(birth: str, spki: bytes) -> bytes:
    """Return what the issuer signs for file 0001; `birth` is `YYYYMMDD`."""
    return _joined(_BIRTH, birth.encode("ascii"), key_value(spki))


def birth_record(signed: bytes, signature: bytes) -> bytes:
    """File 0001: date of birth, for checking an age."""
    return tlv.encode(0xFF10, signed + files.encode(_BIRTH[2], signature), "long82")


def read_birth_record(content: bytes) -> Signed:
    """Inverse of `birth_record`; raises `BadContent`."""
    birth, value, signature = files.members(content, 0xFF10, "birth", *_BIRTH)
    _digits(birth, 8, "birth")
    return Signed(birth, files.spki_of(value, "birth"), _joined(_BIRTH, birth, value), signature)


def face_digests(birth: str, sex: str, spki: bytes, pictures: tuple[bytes, bytes, bytes]) -> bytes:
    """Return the three digests that the issuer signs for file 0002; `pictures` are name, address and photo."""
    values = (birth.encode("ascii"), sex.encode("ascii"), key_value(spki), *pictures)
    parts = [files.encode(tag, value) for tag, value in zip(_FACE, values, strict=False)]
    groups = (parts[0] + parts[1] + parts[2], parts[3] + parts[4], parts[5])
    return b"".join(hashlib.sha256(group).digest() for group in groups)


def face(shown: SignedFace) -> bytes:
    """File 0002: a table of nine offsets, counted from the first byte of the file, and the nine values."""
    values = (
        shown.birth.encode("ascii"),
        shown.sex.encode("ascii"),
        key_value(shown.spki),
        shown.name,
        shown.address,
        shown.photo,
        shown.signature,
        shown.expiry.encode("ascii"),
        shown.security_code,
    )
    parts = [files.encode(tag, value) for tag, value in zip(_FACE, values, strict=True)]
    start = 5 + 3 + 2 * len(parts)
    starts = [start + sum(map(len, parts[:index])) for index in range(len(parts))]
    table = files.encode(_OFFSETS, b"".join(offset.to_bytes(2, "big") for offset in starts))
    return tlv.encode(0xFF20, table + b"".join(parts), "long82") + files.FILLER


def read_face(content: bytes) -> SignedFace:
    """Inverse of `face`; raises `BadContent`."""
    birth, sex, value, name, address, photo, signature, expiry, code = files.members(content, 0xFF20, "face", *_FACE)
    return SignedFace(
        _digits(birth, 8, "face"),
        _digits(sex, 1, "face"),
        files.spki_of(value, "face"),
        name,
        address,
        photo,
        signature,
        _digits(expiry, 8, "face"),
        code,
    )


def number_to_sign(picture: bytes, spki: bytes) -> bytes:
    """Return what the issuer signs for file 0005."""
    return _joined(_NUMBER, picture, key_value(spki))


def number_picture(signed: bytes, signature: bytes) -> bytes:
    """File 0005: 個人番号 as a picture."""
    return tlv.encode(0xFF40, signed + files.encode(_NUMBER[2], signature), "long82") + files.FILLER


def read_number_picture(content: bytes) -> Signed:
    """Inverse of `number_picture`; raises `BadContent`."""
    picture, value, signature = files.members(content, 0xFF40, "number_picture", *_NUMBER)
    return Signed(picture, files.spki_of(value, "number_picture"), _joined(_NUMBER, picture, value), signature)


def basic_info(key_id: bytes, municipality_code: str) -> bytes:
    """File 0003: version, key identifier, the municipality, and an object of unknown meaning."""
    opaque = bytes.fromhex(assumptions.value("card.surface_opaque")) * 256
    tags = (0xDF31, 0xDF32, 0xDF33, 0xDF34, 0xDF35)
    values = (bytes.fromhex("06030E01"), key_id, b"\x01", municipality_code.encode("ascii"), key_id + opaque)
    return tlv.encode(0xFF30, _joined(tags, *values), "long82")


def read_municipality_code(content: bytes) -> str:
    """Return the municipality's code in file 0003; raises `BadContent`."""
    (code,) = files.members(content, 0xFF30, "basic_info", 0xDF34)
    return _digits(code, 5, "basic_info")


def _joined(tags: Sequence[int], *values: bytes) -> bytes:
    return b"".join(files.encode(tag, value) for tag, value in zip(tags, values, strict=False))


def _digits(value: bytes, count: int, what: str) -> str:
    if not re.fullmatch(rb"[0-9]{%d}" % count, value):
        raise BadContent(what)
    return value.decode("ascii")
