# SPDX-License-Identifier: Apache-2.0
"""The people of the country: twelve that are written down, any number made from a seed, and files that are wrong."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tegata.jpki import municipalities
from tegata.jpki.attributes import Sex
from tegata.municipality import font, numbers, rules
from tegata.municipality.characters import checked, for_certificate
from tegata.sandbox import personas
from tegata.sandbox.personas import Persona, PersonaError
from unit.municipality.kit import Town
from unit.refusal import refused

TODAY = date(2026, 11, 24)
SLUGS = ["hanako", "taro", "ren", "kenji", "yoshie", "jugemu", "emily", "junko", "kamado", "haru", "aoi", "daisuke"]
ENTRY = """[[person]]
slug = "ichiro"
name = "見本　一郎"
kana = "ミホン　イチロウ"
romaji = "Mihon Ichiro"
address = "東京都渋谷区手形町１"
municipality_code = "13113"
birth = "1990-05-05"
sex = "1"
individual_number = "900000000371"
"""


def written(folder: Path, text: str | bytes) -> Path:
    """Write a file of people."""
    file = folder / "people.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_twelve_people_are_written_down() -> None:
    """Each with her own slug, number and reason to be there, in both languages."""
    people = personas.load()
    assert [one.slug for one in people] == SLUGS
    assert len({one.individual_number for one in people}) == 12
    assert all(one.note_ja and one.note_en.isascii() and one.romaji.isascii() for one in people)


@pytest.mark.parametrize("slug", SLUGS)
def test_each_of_the_twelve_can_live_here(slug: str) -> None:
    """A number that is nobody's, a place that exists, a name that certificate and paper can hold."""
    one = next(person for person in personas.load() if person.slug == slug)
    assert numbers.is_synthetic(one.individual_number)
    assert one.address.startswith(municipalities.by_code(one.municipality_code).prefecture_ja)
    for text in (one.name, one.kana, one.address):
        assert checked(text) == text
        assert font.Coverage.read(font.find(None)).missing(text) == []
    assert len(for_certificate(one.name)[0]) == len(for_certificate(one.name)[1])
    assert re.fullmatch(r"[ァ-ヶー　]+", one.kana)


def test_all_of_them_enter_the_register(tmp_path: Path) -> None:
    """As they are written, heads of households first."""
    town = Town(tmp_path)
    codes: dict[str, str] = {}
    for one in personas.people(40, 7):
        entry = one.registration(f"register.{one.slug}", codes.get(one.household))
        codes[one.slug] = town.service.register(entry.pop("request_id"), entry).code
    assert len(town.service.residents()) == 40
    assert town.service.resident(codes["taro"]).household == codes["hanako"]
    town.service.close()


def test_they_are_interesting_in_the_ways_they_say() -> None:
    """A child, a variant, two substitutes, a long name, a stay, a leap day, an unknown day, an old era, no sex."""
    by_slug = {one.slug: one for one in personas.load()}
    assert not rules.may_sign(by_slug["ren"].birth, TODAY)
    assert all(rules.may_sign(one.birth, TODAY) for one in by_slug.values() if one.slug != "ren")
    assert by_slug["ren"].household == by_slug["taro"].household == "hanako"
    assert for_certificate(by_slug["kenji"].name)[1] == "01000"
    assert "1" in for_certificate(by_slug["yoshie"].name)[1]
    assert "1" in for_certificate(by_slug["yoshie"].address)[1]
    assert len(by_slug["jugemu"].name) > 30
    assert by_slug["emily"].stay_until == date(2028, 3, 31)
    assert (by_slug["junko"].birth.month, by_slug["junko"].birth.day) == (2, 29)
    assert by_slug["kamado"].birth.day == 0
    assert by_slug["haru"].birth.era == 2
    assert by_slug["aoi"].sex is Sex.UNKNOWN


def test_the_same_seed_makes_the_same_people() -> None:
    """Today, tomorrow, on another machine; another seed makes others."""
    assert personas.people(60, 7) == personas.people(60, 7)
    assert personas.people(60, 7)[12:] != personas.people(60, 8)[12:]
    assert personas.people(60, 7)[:12] == personas.people(60, 8)[:12] == personas.load()
    first = personas.people(13, 0)[12]
    assert (first.slug, first.name, str(first.birth)) == ("fujita-yamato-1", "藤田　大和", "319620109")


def test_more_people_only_adds_people() -> None:
    """Whoever was there stays who she was."""
    assert personas.people(30, 7) == personas.people(60, 7)[:30]
    assert personas.people(3, 7) == personas.load()[:3]


def test_made_people_are_as_valid_as_written_ones() -> None:
    """Five hundred of them: old enough, real places, numbers that are nobody's and all different."""
    people = personas.people(512, 7)
    assert len({one.slug for one in people}) == len({one.individual_number for one in people}) == 512
    now = datetime(2026, 11, 24, tzinfo=UTC).date()
    for one in people[12:]:
        assert numbers.is_synthetic(one.individual_number)
        assert checked(one.name + one.kana + one.address)
        assert for_certificate(one.name)
        assert rules.may_sign(one.birth, now)
        assert one.address.startswith(municipalities.by_code(one.municipality_code).prefecture_ja)
        assert one.household == one.slug


@pytest.mark.parametrize("count", [0, -1, personas.LIMIT + 1])
def test_no_country_is_empty_or_endless(count: int) -> None:
    """From one person to the limit."""
    with refused("personas.bad_count", PersonaError) as caught:
        personas.people(count, 7)
    assert caught.value.facts == {"limit": personas.LIMIT}


def test_counts_are_whole_numbers() -> None:
    """As people type them."""
    assert [personas.parse_count(text) for text in ("1", "012", "100000")] == [1, 12, personas.LIMIT]
    for text in ("", "0", "-1", "100001", "1e3", "１２", " 7", "many"):
        with refused("personas.bad_count", PersonaError):
            personas.parse_count(text)


def test_seeds_are_whole_numbers() -> None:
    """From 0 to 2^32 - 1, in ASCII digits."""
    assert [personas.parse_seed(text) for text in ("0", "7", "4294967295")] == [0, 7, 4294967295]
    for text in ("", "-1", "4294967296", "99999999999", "7.0", "0x7", "７", " 7", "7\n", "seed"):
        with refused("personas.bad_seed", PersonaError):
            personas.parse_seed(text)


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    """Its people come first, then made ones; what may be left out is filled in."""
    (one,) = personas.load(written(tmp_path, ENTRY))
    assert (one.household, one.relationship, one.nationality, one.note_ja) == ("ichiro", "世帯主", None, "")
    assert personas.people(3, 7, written(tmp_path, ENTRY))[0] == one
    assert len(personas.people(3, 7, written(tmp_path, ENTRY))) == 3


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("slug", '"Ichiro"', 2),
        ("slug", '"1"', 2),
        ("slug", '"a b"', 2),
        ("slug", "5", 2),
        ("name", '""', 3),
        ("name", '"見本　😀"', 3),
        ("name", '"a\\nb"', 3),
        ("name", '["x"]', 3),
        ("kana", '"か\\u3099"', 4),
        ("address", f'"{"あ" * 201}"', 6),
        ("municipality_code", '"99999"', 7),
        ("birth", '"1990-02-30"', 8),
        ("birth", '"1990-00-05"', 8),
        ("birth", '"1990/05/05"', 8),
        ("birth", "1990-05-05", 8),
        ("birth", '"１９９０-０５-０５"', 8),
        ("birth", '"0000-05-05"', 8),
        ("sex", '"0"', 9),
        ("sex", "1", 9),
        ("individual_number", '"900000000370"', 10),
        ("individual_number", '"90000000037"', 10),
    ],
)
def test_a_wrong_field_is_told_with_its_line(tmp_path: Path, field: str, value: str, line: int) -> None:
    """And never with what stands there; `900000000370` is refused because its check digit is right."""
    right = numbers.individual_check_digit("90000000037")
    value = value.replace("900000000370", f"90000000037{right}")
    text = re.sub(rf"(?m)^{field} = .*$", lambda _: f"{field} = {value}", ENTRY)
    with refused("personas.bad_file", PersonaError) as caught:
        personas.load(written(tmp_path, text))
    assert caught.value.facts == {"file": "people.toml", "line": line, "field": field}
    assert "見本" not in str(caught.value)


@pytest.mark.parametrize("field", ["slug", "name", "kana", "romaji", "address", "birth", "sex", "individual_number"])
def test_a_missing_field_is_told_with_the_line_of_the_entry(tmp_path: Path, field: str) -> None:
    """The second entry's, not the first one's that has it."""
    second = ENTRY.replace("ichiro", "jiro").replace("900000000371", "900000000746")
    text = "# people\n\n" + ENTRY + "\n" + re.sub(rf"(?m)^{field} = .*\n", "", second) + "\n" + ENTRY
    with refused("personas.bad_file", PersonaError) as caught:
        personas.load(written(tmp_path, text))
    assert caught.value.facts == {"file": "people.toml", "line": 14, "field": field}


@pytest.mark.parametrize(
    ("addition", "field", "line"),
    [
        ('nickname = "x"', "nickname", 11),
        ('stay_until = "soon"', "stay_until", 11),
        ('household = "nobody"', "household", 11),
        ('relationship = ""', "relationship", 11),
        ("nationality = 5", "nationality", 11),
        (ENTRY, "slug", 13),
        (ENTRY.replace("ichiro", "jiro"), "individual_number", 20),
        (ENTRY.replace("ichiro", "jiro").replace("371", "746") + 'household = "saburo"', "household", 21),
    ],
)
def test_additions_that_are_wrong(tmp_path: Path, addition: str, field: str, line: int) -> None:
    """Unknown fields, people who are there twice, heads who come later or never."""
    with refused("personas.bad_file", PersonaError) as caught:
        personas.load(written(tmp_path, f"{ENTRY}{addition if addition != ENTRY else chr(10) + addition}"))
    assert (caught.value.facts["field"], caught.value.facts["line"]) == (field, line)


@pytest.mark.parametrize(
    ("text", "field", "line"),
    [
        ("", "person", 1),
        ('person = "x"', "person", 1),
        ("person = []", "person", 1),
        ("person = [1]", "person", 1),
        ('person = ["x"]', "person", 1),
        ("[person]\nslug = 1", "person", 1),
        (f"title = 1\n{ENTRY}", "person", 1),
        ("[[person]]\nslug = \n", "syntax", 2),
        ("[[person]]\nslug = 'a'\nslug = 'b'\n", "syntax", 3),
        ('[[person]]\nslug = "a', "syntax", 2),
        (b"\xff\xfe", "file", 0),
    ],
)
def test_what_is_no_file_of_people(tmp_path: Path, text: str | bytes, field: str, line: int) -> None:
    """Other shapes, broken syntax, other encodings."""
    with refused("personas.bad_file", PersonaError) as caught:
        personas.load(written(tmp_path, text))
    assert (caught.value.facts["field"], caught.value.facts["line"]) == (field, line)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Its name is told, not where it was looked for."""
    for path in (tmp_path / "none.toml", tmp_path):
        with refused("personas.bad_file", PersonaError) as caught:
            personas.load(path)
        assert caught.value.facts == {"file": path.name, "line": 0, "field": "file"}


def test_nothing_personal_shows() -> None:
    """A persona's repr is her slug, although she is invented."""
    shown = [repr(one) for one in personas.people(20, 7)]
    assert shown[0] == "Persona(slug='hanako')"
    assert all(re.fullmatch(r"Persona\(slug='[a-z0-9-]+'\)", text) for text in shown)
    assert isinstance(personas.load()[0], Persona)
