# SPDX-License-Identifier: Apache-2.0
"""The people of the country: twelve written down in `personas.toml`, any number more made from a seed.

They are data, not actors: what the register is told about them, and a note on why each is interesting.  A file that
is wrong is refused with the line and the field, never with a person's data.
"""

import calendar
import functools
import random
import re
import tomllib
from dataclasses import dataclass, field, fields
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any, Final

from tegata.jpki import municipalities
from tegata.jpki.attributes import BirthDate, Sex
from tegata.messages import TegataError
from tegata.municipality import numbers
from tegata.municipality.characters import checked, for_certificate

LIMIT: Final = 100_000
"""Most people that a country is filled with."""


class PersonaError(TegataError):
    """People cannot be made: `personas.bad_file` (with file, line, field), `personas.bad_count`,
    `personas.bad_seed`.
    """


class _Wrong(Exception):
    """A field of an entry is wrong; carries its name."""


@dataclass(frozen=True, slots=True)
class Persona:
    """One invented person, in the register's characters.  Its repr shows the slug only.

    `household` is the slug of the head of the household (her own by default); `romaji` is a label for screens in
    English, part of no certificate.
    """

    slug: str
    name: str = field(repr=False)
    kana: str = field(repr=False)
    romaji: str = field(repr=False)
    address: str = field(repr=False)
    municipality_code: str = field(repr=False)
    birth: BirthDate = field(repr=False)
    sex: Sex = field(repr=False)
    individual_number: str = field(repr=False)
    household: str = field(repr=False)
    relationship: str = field(default="世帯主", repr=False)
    nationality: str | None = field(default=None, repr=False)
    stay_until: date | None = field(default=None, repr=False)
    note_ja: str = field(default="", repr=False)
    note_en: str = field(default="", repr=False)

    def registration(self, request_id: str, head_code: str | None = None) -> dict[str, Any]:
        """Return the body of `POST /municipality/v1/residents`; `head_code` is the resident code of the household's
        head.
        """
        return {
            "request_id": request_id,
            "municipality_code": self.municipality_code,
            "name": self.name,
            "kana": self.kana,
            "address": self.address,
            "birth": str(self.birth),
            "sex": self.sex.value,
            "individual_number": self.individual_number,
            "household": head_code,
            "relationship": self.relationship,
            "nationality": self.nationality,
            "stay_until": self.stay_until and self.stay_until.isoformat(),
        }


_OPTIONAL: Final = {"household", "relationship", "nationality", "stay_until", "note_ja", "note_en"}


def load(path: Path | None = None) -> tuple[Persona, ...]:
    """Return the people written down in `path` (by default the twelve).  Raises `PersonaError`
    (`personas.bad_file`).
    """
    name = "personas.toml" if path is None else path.name
    try:
        source = path if path is not None else resources.files(__package__) / "personas.toml"
        text = source.read_text("utf-8")
        raw = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise PersonaError("personas.bad_file", file=name, line=0, field="file") from error
    except tomllib.TOMLDecodeError as error:
        raise PersonaError("personas.bad_file", file=name, line=_syntax_line(error, text), field="syntax") from None
    return _all(name, text, raw)


def _all(name: str, text: str, raw: dict[str, Any]) -> tuple[Persona, ...]:
    entries = raw.get("person")
    if set(raw) != {"person"} or not isinstance(entries, list) or not entries:
        raise PersonaError("personas.bad_file", file=name, line=1, field="person")
    found: dict[str, Persona] = {}
    for index, entry in enumerate(entries):
        try:
            persona = _persona(entry)
            if persona.slug in found or any(
                persona.individual_number == one.individual_number for one in found.values()
            ):
                raise _Wrong("slug" if persona.slug in found else "individual_number")
            if persona.household not in (persona.slug, *found):
                raise _Wrong("household")
        except _Wrong as error:
            wrong = str(error)
            raise PersonaError("personas.bad_file", file=name, line=_line(text, index, wrong), field=wrong) from None
        found[persona.slug] = persona
    return tuple(found.values())


def _syntax_line(error: tomllib.TOMLDecodeError, text: str) -> int:
    found = re.search(r"line (\d+)", str(error))
    return int(found[1]) if found else text.count("\n") + 1


def _line(text: str, index: int, wrong: str) -> int:
    """Return the line of a field of the `index`-th entry, or of the entry's head when the field is not there."""
    head = 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip().startswith("[[person]]"):
            if head and index < 0:
                break
            index -= 1
            head = number if index < 0 else head
        elif index < 0 and re.match(rf"\s*{re.escape(wrong)}\s*=", line):
            return number
    return max(head, 1)


def _persona(entry: object) -> Persona:
    """Return one entry as a value; raises `_Wrong` with the name of the first wrong field."""
    if not isinstance(entry, dict):
        raise _Wrong("person")
    known = [member.name for member in fields(Persona)]
    for name in entry:
        if name not in known:
            raise _Wrong(name)
    texts = {name: _text(entry, name) for name in known if name in entry or name not in _OPTIONAL}
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,39}", texts["slug"]):
        raise _Wrong("slug")
    values: dict[str, Any] = {"household": texts["slug"], **texts}
    values["birth"] = _birth(texts["birth"])
    values["sex"] = _one_of("sex", texts["sex"])
    if "stay_until" in texts:
        values["stay_until"] = _date(texts["stay_until"])
    if texts["municipality_code"] not in municipalities.table():
        raise _Wrong("municipality_code")
    if not numbers.is_synthetic(texts["individual_number"]):
        raise _Wrong("individual_number")
    return Persona(**values)


def _text(entry: dict[str, Any], name: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= 200:
        raise _Wrong(name)
    try:
        checked(value)
        if name in ("name", "address"):
            for_certificate(value)
    except TegataError as error:
        raise _Wrong(name) from error
    return value


def _one_of(name: str, value: str) -> Sex:
    try:
        return Sex(value)
    except ValueError as error:
        raise _Wrong(name) from error


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise _Wrong("stay_until") from error


def _birth(text: str) -> BirthDate:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise _Wrong("birth")
    year, month, day = (int(part) for part in text.split("-"))
    try:
        date(year, month or 1, day or 1)
    except ValueError as error:
        raise _Wrong("birth") from error
    if day and not month:
        raise _Wrong("birth")
    return BirthDate.of(year, month, day)


def people(count: int, seed: int, path: Path | None = None) -> tuple[Persona, ...]:
    """Return `count` people, always the same for the same seed: those of the file first, then made ones.

    A larger count with the same seed only adds people.  Raises `PersonaError`.
    """
    if not 1 <= count <= LIMIT:
        raise PersonaError("personas.bad_count", limit=LIMIT)
    written = load(path)
    return written[:count] + tuple(_made(number, seed) for number in range(1, count - len(written) + 1))


def parse_count(text: str) -> int:
    """Return the number of people that a person typed: a whole number from 1 to `LIMIT`.  Raises `PersonaError`."""
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= LIMIT:
        raise PersonaError("personas.bad_count", limit=LIMIT)
    return int(text)


def parse_seed(text: str) -> int:
    """Return the seed that a person typed: a whole number from 0 to 2^32 - 1.  Raises `PersonaError`."""
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) >= 1 << 32:
        raise PersonaError("personas.bad_seed")
    return int(text)


@functools.cache
def _tables() -> dict[str, list[Any]]:
    return tomllib.loads((resources.files(__package__) / "families.toml").read_text("utf-8"))


def _made(number: int, seed: int) -> Persona:
    """Make the `number`-th person beyond the file.  The generator is seeded per person, so that people do not depend
    on one another.
    """
    rng = random.Random(f"tegata persona {seed} {number}")  # noqa: S311 -- people, not secrets
    sex = rng.choice((Sex.FEMALE, Sex.MALE))
    surname, given = rng.choice(_tables()["surnames"]), rng.choice(_tables()["female" if sex is Sex.FEMALE else "male"])
    year, month = rng.randint(1936, 2009), rng.randint(1, 12)
    place = municipalities.by_code(rng.choice(sorted(municipalities.table())))
    slug = f"{surname[2]}-{given[2]}-{number}".lower()
    return Persona(
        slug=slug,
        name=f"{surname[0]}　{given[0]}",
        kana=f"{surname[1]}　{given[1]}",
        romaji=f"{surname[2]} {given[2]}",
        address=place.prefecture_ja + place.name_ja + _street(rng),
        municipality_code=place.code,
        birth=BirthDate.of(year, month, rng.randint(1, calendar.monthrange(year, month)[1])),
        sex=sex,
        individual_number=numbers.synthetic_individual_number(f"8{number:010}"),
        household=slug,
    )


def _street(rng: random.Random) -> str:
    block, lot, house = rng.randint(1, 9), rng.randint(1, 40), rng.randint(1, 30)
    plain = f"{rng.choice(_tables()['streets'])}{block}丁目{lot}番{house}号"
    return plain.translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"})
