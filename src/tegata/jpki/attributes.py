# SPDX-License-Identifier: Apache-2.0
"""基本4情報: the four attributes of a person, and how a signing certificate carries them.

They are otherName entries of subjectAltName, each a UTF8String, in the order .1 .4 .3 .5 .2 .6 of arc
1.2.392.200149.8.5.5.  Flags mark characters that were substituted because the certificate's character set lacks them:
one digit per character, `1` where substituted.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Final

from tegata.codecs import der
from tegata.jpki import oids
from tegata.messages import TegataError

NAME_LIMIT: Final = 200
ADDRESS_LIMIT: Final = 200
"""Characters of an address (full-width), as published."""


class BadAttributes(TegataError):
    """The attributes cannot be read (`jpki.bad_attributes`); the message never shows them."""

    def __init__(self, which: str) -> None:
        super().__init__("jpki.bad_attributes", field=which)


class Sex(StrEnum):
    """Codes of otherName .3."""

    MALE = "1"
    FEMALE = "2"
    UNKNOWN = "3"


@dataclass(frozen=True, slots=True)
class BirthDate:
    """A birth date as certificates write it: era digit (1 Meiji … 5 Reiwa, 0 unknown), then the *Gregorian* date.

    0 is unknown.
    """

    era: int
    year: int = field(repr=False)
    month: int = field(repr=False)
    day: int = field(repr=False)

    def __str__(self) -> str:
        return f"{self.era}{self.year:04}{self.month:02}{self.day:02}"

    @classmethod
    def parse(cls, text: str) -> "BirthDate":
        """Read `EYYYYMMDD`; month and day may be 00.  Raises `BadAttributes`."""
        if len(text) != 9 or not (text.isascii() and text.isdigit()):
            raise BadAttributes("birth")
        born = cls(int(text[0]), int(text[1:5]), int(text[5:7]), int(text[7:9]))
        if born.era > 5 or born.month > 12 or born.day > 31:
            raise BadAttributes("birth")
        return born

    @classmethod
    def of(cls, year: int, month: int, day: int) -> "BirthDate":
        """Make a birth date with the era that was current; an unknown month or day counts as the first."""
        moment = (year, month or 1, day or 1)
        era = sum(moment >= start for start in _ERA_STARTS)
        return cls(era if year else 0, year, month, day)


_ERA_STARTS: Final = ((1868, 1, 25), (1912, 7, 30), (1926, 12, 25), (1989, 1, 8), (2019, 5, 1))
"""First days of Meiji, Taisho, Showa, Heisei, Reiwa."""


@dataclass(frozen=True, slots=True)
class BasicFour:
    """Name, address, birth date and sex, with the substitution flags of name and address.

    Its repr shows nothing personal.
    """

    name: str = field(repr=False)
    name_flags: str = field(repr=False)
    address: str = field(repr=False)
    address_flags: str = field(repr=False)
    birth: BirthDate = field(repr=False)
    sex: Sex = field(repr=False)

    def to_san_der(self) -> bytes:
        """Return the GeneralNames that a signing certificate carries as subjectAltName."""
        values = (
            (oids.COMMON_NAME, self.name),
            (oids.DATE_OF_BIRTH, str(self.birth)),
            (oids.GENDER, self.sex.value),
            (oids.ADDRESS, self.address),
            (oids.COMMON_NAME_FLAGS, self.name_flags),
            (oids.ADDRESS_FLAGS, self.address_flags),
        )
        return der.sequence(*(_other_name(type_id, value) for type_id, value in values))

    @classmethod
    def from_san_der(cls, data: bytes) -> "BasicFour":
        """Read the GeneralNames of a signing certificate.

        Unknown otherNames are passed over.  Raises `BadAttributes`.
        """
        found = cls.carried_by(data)
        if found is None:
            raise BadAttributes("name")
        return found

    @classmethod
    def carried_by(cls, data: bytes) -> "BasicFour | None":
        """As `from_san_der`, and None for GeneralNames in which JPKI's arc does not occur."""
        try:
            found, is_jpki = _other_names(data)
        except (der.DerError, UnicodeDecodeError) as error:
            raise BadAttributes("subjectAltName") from error
        return cls.checked(found) if is_jpki else None

    @classmethod
    def checked(cls, values: Mapping[str, str]) -> "BasicFour":
        """Make the value from its six strings (the JSON form); raises `BadAttributes` naming the wrong member.

        Control characters and half surrogates are refused: no certificate holds them, and no screen should show them.
        """
        for member in _MEMBERS.values():
            if not isinstance(values.get(member), str):
                raise BadAttributes(member)
        for text, limit in (("name", NAME_LIMIT), ("address", ADDRESS_LIMIT)):
            flags = values[f"{text}_flags"]
            if not 1 <= len(values[text]) <= limit or _NOT_SHOWN.search(values[text]):
                raise BadAttributes(text)
            if len(flags) != len(values[text]) or flags.strip("01"):
                raise BadAttributes(f"{text}_flags")
        if values["sex"] not in _SEXES:
            raise BadAttributes("sex")
        return cls(
            values["name"],
            values["name_flags"],
            values["address"],
            values["address_flags"],
            BirthDate.parse(values["birth"]),
            _SEXES[values["sex"]],
        )

    def to_json(self) -> dict[str, str]:
        """Return the six strings; `checked` is the inverse."""
        return {
            "name": self.name,
            "name_flags": self.name_flags,
            "address": self.address,
            "address_flags": self.address_flags,
            "birth": str(self.birth),
            "sex": self.sex.value,
        }


_MEMBERS: Final = {
    oids.COMMON_NAME: "name",
    oids.COMMON_NAME_FLAGS: "name_flags",
    oids.GENDER: "sex",
    oids.DATE_OF_BIRTH: "birth",
    oids.ADDRESS: "address",
    oids.ADDRESS_FLAGS: "address_flags",
}


def _other_name(type_id: str, value: str) -> bytes:
    return der.context(0, der.oid(type_id) + der.explicit(0, der.utf8(value)))


def _other_names(data: bytes) -> tuple[dict[str, str], bool]:
    """Return our members by name, and whether anything of JPKI's arc occurs."""
    start, end = der.span(data, 0, len(data))
    if data[0] != der.SEQUENCE or end != len(data):
        raise BadAttributes("subjectAltName")
    found: dict[str, str] = {}
    is_jpki = False
    heads = _heads()
    while start < end:
        member: str | None
        known = heads.get(data[start : start + _HEAD])
        if known is not None and start + known[1] <= end:
            member, after = known[0], start + known[1]
            text, ours = data[start + _HEAD : after], True
        else:
            _, after = der.span(data, start, end)
            member, text, ours = _other_name_parts(data[start:after])
        start, is_jpki = after, is_jpki or ours
        if member is None:
            continue
        if member in found:
            raise BadAttributes("subjectAltName")
        found[member] = text.decode()
    return found, is_jpki


def _other_name_parts(name: bytes) -> tuple[str | None, bytes, bool]:
    """Return what a GeneralName holds: the member it is, its text, and whether it is of JPKI's arc."""
    if name[0] != _OTHER_NAME:
        return None, b"", False
    parts = der.Cursor.over(name, _OTHER_NAME)
    type_id, wrapped = parts.take(der.OID), parts.inside(_OTHER_NAME)
    parts.end()
    member, text = _BY_OID.get(type_id), b""
    if member is not None:
        text = wrapped.take(_UTF8)
    else:
        der.dotted(type_id), wrapped.any()
    wrapped.end()
    return member, text, type_id.startswith(_ARC) and type_id != _ARC


_HEAD: Final = 18
"""Bytes before the text of one of our names that is short: all are determined by which name it is, and by the length of
the text, so that looking them up reads them as strictly as reading does.
"""


@cache
def _heads() -> dict[bytes, tuple[str, int]]:
    """Return member and length of the whole name, by those bytes, for every text of up to 111 bytes."""
    found = {}
    for oid, member in _MEMBERS.items():
        type_id = der.oid(oid)
        for size in range(112):
            text = der.tlv(_UTF8, bytes(size))
            whole = der.tlv(_OTHER_NAME, type_id + der.tlv(_OTHER_NAME, text))
            if len(whole) == _HEAD + size:
                found[whole[:_HEAD]] = (member, len(whole))
    return found


_OTHER_NAME: Final = 0xA0
_UTF8: Final = 0x0C
_ARC: Final = der.oid(f"{oids.JPKI}.5")[2:]
_BY_OID: Final = {der.oid(oid)[2:]: member for oid, member in _MEMBERS.items()}
_SEXES: Final = {sex.value: sex for sex in Sex}
_NOT_SHOWN: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""The general categories Cc and Cs of Unicode, which are these ranges for ever."""
