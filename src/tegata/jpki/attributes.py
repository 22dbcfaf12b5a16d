# SPDX-License-Identifier: Apache-2.0
"""基本4情報: the four attributes of a person, and how a signing certificate carries them.

They are otherName entries of subjectAltName, each a UTF8String, in the order .1 .4 .3 .5 .2 .6 of arc
1.2.392.200149.8.5.5.  Flags mark characters that were substituted because the certificate's character set lacks them:
one digit per character, `1` where substituted.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from unicodedata import category

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
        try:
            found = dict(_other_names(data))
        except (der.DerError, UnicodeDecodeError, ValueError) as error:
            raise BadAttributes("subjectAltName") from error
        missing = next((member for type_id, member in _MEMBERS.items() if type_id not in found), None)
        if missing:
            raise BadAttributes(missing)
        return cls.checked({member: found[type_id] for type_id, member in _MEMBERS.items()})

    @classmethod
    def checked(cls, values: dict[str, str]) -> "BasicFour":
        """Make the value from its six strings (the JSON form); raises `BadAttributes` naming the wrong member.

        Control characters and half surrogates are refused: no certificate holds them, and no screen should show them.
        """
        for member in _MEMBERS.values():
            if not isinstance(values.get(member), str):
                raise BadAttributes(member)
        for text, limit in (("name", NAME_LIMIT), ("address", ADDRESS_LIMIT)):
            flags = values[f"{text}_flags"]
            if not 1 <= len(values[text]) <= limit or any(category(one) in ("Cc", "Cs") for one in values[text]):
                raise BadAttributes(text)
            if len(flags) != len(values[text]) or set(flags) - {"0", "1"}:
                raise BadAttributes(f"{text}_flags")
        if values["sex"] not in set(Sex):
            raise BadAttributes("sex")
        return cls(
            values["name"],
            values["name_flags"],
            values["address"],
            values["address_flags"],
            BirthDate.parse(values["birth"]),
            Sex(values["sex"]),
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


def _other_names(data: bytes) -> list[tuple[str, str]]:
    found = []
    for general in der.read(data).expect(der.SEQUENCE).children():
        if general.tag != 0xA0:
            continue
        type_id, wrapped = general.children()
        inner = der.read(wrapped.expect(0xA0).value)
        if type_id.oid() in _MEMBERS:
            found.append((type_id.oid(), inner.expect(0x0C).value.decode()))
    if len({type_id for type_id, _ in found}) != len(found):
        raise BadAttributes("subjectAltName")
    return found
