# SPDX-License-Identifier: Apache-2.0
"""The four attributes: as JSON, as a certificate's subjectAltName, and never in a repr."""

import dataclasses

import pytest

from tegata.codecs import der
from tegata.jpki import oids
from tegata.jpki.attributes import BadAttributes, BasicFour, BirthDate, Sex
from unit.refusal import refused

HANAKO = BasicFour(
    "山田　花子", "00000", "東京都渋谷区手形町１－２", "000000000010", BirthDate.of(1990, 5, 5), Sex.FEMALE
)
JSON = {
    "name": "山田　花子",
    "name_flags": "00000",
    "address": "東京都渋谷区手形町１－２",
    "address_flags": "000000000010",
    "birth": "419900505",
    "sex": "2",
}


@pytest.mark.parametrize(
    ("day", "era"),
    [
        ((1867, 12, 31), 0),
        ((1868, 1, 24), 0),
        ((1868, 1, 25), 1),
        ((1912, 7, 29), 1),
        ((1912, 7, 30), 2),
        ((1926, 12, 24), 2),
        ((1926, 12, 25), 3),
        ((1989, 1, 7), 3),
        ((1989, 1, 8), 4),
        ((2019, 4, 30), 4),
        ((2019, 5, 1), 5),
    ],
)
def test_every_era_begins_on_its_day(day: tuple[int, int, int], era: int) -> None:
    """The day before belongs to the era before."""
    assert BirthDate.of(*day).era == era


def test_a_birth_date_has_an_era_digit_and_a_gregorian_date() -> None:
    """The digit alone is Japanese; year, month and day are not."""
    assert str(BirthDate.of(1990, 5, 5)) == "419900505"
    assert str(BirthDate.of(1938, 4, 0)) == "319380400"
    assert str(BirthDate.of(0, 0, 0)) == "000000000"
    assert BirthDate.parse("319380400") == BirthDate(3, 1938, 4, 0)


@pytest.mark.parametrize(
    "text",
    ["", "19900505", "4199005050", "619900505", "419901305", "419900532", "41990050a", "４19900505", "4 9900505"],
)
def test_what_is_no_birth_date(text: str) -> None:
    """Nine ASCII digits within their ranges, or nothing."""
    with refused("jpki.bad_attributes", BadAttributes) as caught:
        BirthDate.parse(text)
    assert caught.value.facts == {"field": "birth"}


def test_json_and_back() -> None:
    """Six strings, from which the same value is made."""
    assert HANAKO.to_json() == JSON
    assert BasicFour.checked(JSON) == HANAKO


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("name", ""),
        ("name", "あ" * 201),
        ("name", "山田\n花子"),
        ("name", "山田\x00花子"),
        ("name", "山田\ud800花子"),
        ("name", None),
        ("name", 5),
        ("address", ""),
        ("name_flags", "0000"),
        ("name_flags", "00002"),
        ("name_flags", ""),
        ("address_flags", "0" * 13),
        ("birth", "19900505"),
        ("sex", "0"),
        ("sex", ""),
    ],
)
def test_a_wrong_member_is_named_and_not_shown(member: str, value: object) -> None:
    """The refusal says which, never what."""
    with refused("jpki.bad_attributes", BadAttributes) as caught:
        BasicFour.checked({**JSON, member: value})  # type: ignore[dict-item]
    assert caught.value.facts == {"field": member}
    assert "花子" not in str(caught.value) + caught.value.text("ja").what


def test_a_missing_member_is_named() -> None:
    """As a wrong one is."""
    for member in JSON:
        with refused("jpki.bad_attributes", BadAttributes) as caught:
            BasicFour.checked({name: value for name, value in JSON.items() if name != member})
        assert caught.value.facts == {"field": member}


def test_the_certificate_holds_them_in_the_published_order() -> None:
    """.1 name, .4 birth, .3 sex, .5 address, .2 and .6 flags; each an otherName with a UTF8String."""
    names = der.read(HANAKO.to_san_der()).expect(der.SEQUENCE).children()
    assert [name.children()[0].oid().rpartition(".")[2] for name in names] == ["1", "4", "3", "5", "2", "6"]
    assert all(name.tag == 0xA0 for name in names)
    texts = [der.read(name.children()[1].value).expect(0x0C).value.decode() for name in names]
    assert texts == [JSON[m] for m in ("name", "birth", "sex", "address", "name_flags", "address_flags")]


def test_the_certificate_gives_them_back() -> None:
    """In any order, with names of other kinds between."""
    assert BasicFour.from_san_der(HANAKO.to_san_der()) == HANAKO
    parts = [one.raw for one in der.read(HANAKO.to_san_der()).children()]
    stranger = der.context(0, der.oid("1.2.3") + der.explicit(0, der.utf8("x")))
    mail = der.context(1, b"a@b.test", constructed=False)
    assert BasicFour.from_san_der(der.sequence(mail, stranger, *reversed(parts))) == HANAKO


def test_a_name_that_is_missing_or_there_twice_is_refused() -> None:
    """Two names would let two readers read two people."""
    parts = [one.raw for one in der.read(HANAKO.to_san_der()).children()]
    for wrong in (parts[1:], parts[:-1], [*parts, parts[0]], []):
        with refused("jpki.bad_attributes", BadAttributes):
            BasicFour.from_san_der(der.sequence(*wrong))


def test_malformed_names_are_refused() -> None:
    """Cut, of another type, not UTF-8, with a member too many."""
    oid = der.oid(oids.COMMON_NAME)
    whole = HANAKO.to_san_der()
    for wrong in (
        b"",
        whole[:-1],
        whole + b"\x00",
        der.set_of(whole),
        der.sequence(der.context(0, oid)),
        der.sequence(der.context(0, oid + der.explicit(0, der.null()))),
        der.sequence(der.context(0, oid + der.explicit(0, der.tlv(0x0C, b"\xff")))),
        der.sequence(der.context(0, oid + der.utf8("x"))),
        der.sequence(der.context(0, oid + der.explicit(0, der.utf8("x")) + der.null())),
        der.sequence(der.context(0, b"\x00", constructed=False)),
    ):
        with refused("jpki.bad_attributes", BadAttributes):
            BasicFour.from_san_der(wrong)


def test_nothing_personal_shows() -> None:
    """The repr of either value is empty of data; of a birth date, only the era."""
    shown = repr(HANAKO) + repr(HANAKO.birth)
    assert shown == "BasicFour()BirthDate(era=4)"
    assert dataclasses.is_dataclass(HANAKO)
