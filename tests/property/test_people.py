# SPDX-License-Identifier: Apache-2.0
"""What must hold for every name, address, birth date and number: written, read, kept, and never a crash."""

import contextlib
import json
from datetime import date

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tegata.codecs import der, tlv
from tegata.jpki.attributes import BadAttributes, BasicFour, BirthDate, Sex
from tegata.messages import TegataError
from tegata.municipality import eras, numbers, rules
from tegata.municipality.characters import checked, clusters, for_certificate, in_certificate_set
from tegata.reader import files
from tegata.reader.errors import BadContent
from tegata.sandbox import personas

KANJI = st.text(st.sampled_from("山田渡邉花子渋谷区１２３　ロ番地ABC-'ー"), min_size=1, max_size=200)
BIRTHS = st.dates(date(1868, 1, 1), date(2026, 11, 24)).map(lambda day: BirthDate.of(day.year, day.month, day.day))
PARTLY = st.builds(
    lambda born, kept: BirthDate.of(born.year, born.month if kept else 0, born.day if kept > 1 else 0),
    BIRTHS,
    st.integers(0, 2),
)


@st.composite
def four(draw: st.DrawFn) -> BasicFour:
    """Draw four attributes."""
    name, address = draw(KANJI), draw(KANJI)
    flags = [draw(st.text("01", min_size=len(text), max_size=len(text))) for text in (name, address)]
    return BasicFour(name, flags[0], address, flags[1], draw(PARTLY), draw(st.sampled_from(Sex)))


@given(four())
def test_attributes_in_a_certificate_and_in_json(one: BasicFour) -> None:
    """Both give the same value back."""
    assert BasicFour.from_san_der(one.to_san_der()) == one
    assert BasicFour.checked(json.loads(json.dumps(one.to_json()))) == one


@given(four(), st.data())
def test_attributes_that_were_damaged(one: BasicFour, data: st.DataObject) -> None:
    """Refused, or four other attributes that are whole."""
    raw = one.to_san_der()
    place = data.draw(st.integers(0, len(raw) - 1))
    changed = raw[:place] + data.draw(st.binary(max_size=2)) + raw[place + 1 :]
    with contextlib.suppress(BadAttributes):
        read = BasicFour.from_san_der(changed)
        assert BasicFour.checked(read.to_json()) == read


@given(st.binary(max_size=100) | st.binary(max_size=60).map(lambda raw: der.sequence(der.context(0, raw))))
def test_junk_has_no_attributes(raw: bytes) -> None:
    """One error, whatever the bytes."""
    with pytest.raises(BadAttributes):
        BasicFour.from_san_der(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
MEMBERS = ["name", "name_flags", "address", "address_flags", "birth", "sex"]


@given(four(), st.sampled_from(MEMBERS), JSON)
def test_no_member_crashes(one: BasicFour, member: str, value: object) -> None:
    """Whatever stands in it, the value is whole or refused by the member's name."""
    body: dict[str, object] = {**one.to_json(), member: value}
    try:
        read = BasicFour.checked(body)  # type: ignore[arg-type]
    except BadAttributes as error:
        assert str(error.facts["field"]).removesuffix("_flags") == member.removesuffix("_flags")  # noqa: PT017
    else:
        assert read.to_json() == body
        read.to_san_der()


@given(PARTLY)
def test_birth_dates(born: BirthDate) -> None:
    """Nine digits, back to the same date; there is an age, and a document can say it."""
    assert BirthDate.parse(str(born)) == born
    assert len(str(born)) == 9
    assert 0 <= rules.age(born, date(2026, 12, 31)) <= 158
    assert str(born.year) in eras.birth(born, gregorian=True)
    assert ("不詳" in eras.birth(born)) is (not born.day)


@given(st.text(max_size=12) | st.from_regex(r"[0-9]{9}", fullmatch=True))
def test_any_text_is_a_birth_date_or_refused(text: str) -> None:
    """What is read is written back as it was."""
    with contextlib.suppress(BadAttributes):
        assert str(BirthDate.parse(text)) == text


@given(PARTLY, st.dates(date(2015, 7, 10), date(2100, 1, 1)), st.none() | st.dates(date(2015, 1, 1), date(2130, 1, 1)))
def test_cards_end_in_the_future_on_a_birthday(born: BirthDate, today: date, stay: date | None) -> None:
    """Not today, not after the period of stay, not more than ten years and a day of grace from now."""
    assume(rules.latest_birthday(born) <= today)
    expires = rules.card_expires(born, today, None)
    assert today < expires
    assert expires.year - today.year <= 10
    assert not born.month or expires.month == born.month
    assert rules.card_expires(born, today, stay) == (expires if stay is None else min(expires, stay))


@given(st.dates(date(1868, 1, 25), date(2100, 1, 1)))
def test_eras_follow_one_another(day: date) -> None:
    """A later day is never in an earlier era."""
    later = date.fromordinal(day.toordinal() + 1)
    assert BirthDate.of(day.year, day.month, day.day).era <= BirthDate.of(later.year, later.month, later.day).era


@given(st.text(max_size=60))
def test_any_text_is_kept_as_it_is_or_refused(text: str) -> None:
    """What the register holds is one line, and a certificate can hold it or says which character it cannot."""
    try:
        assert checked(text) == text
    except TegataError:
        return
    assert "".join(clusters(text)) == text
    assert "\n" not in text
    text.encode("utf-8")
    with contextlib.suppress(TegataError):
        shown, flags = for_certificate(text)
        assert len(shown) == len(flags) == len(clusters(text))
        assert all(in_certificate_set(one) for one in shown)


@given(st.text("0123456789", min_size=11, max_size=11))
def test_invented_numbers_are_nobodys(eleven: str) -> None:
    """For every eleven digits, exactly one twelfth is refused."""
    refused = [digit for digit in "0123456789" if not numbers.is_synthetic(eleven + digit)]
    assert refused == [str(numbers.individual_check_digit(eleven))]
    assert numbers.is_synthetic(numbers.synthetic_individual_number(eleven))


@given(st.integers(0, 999_999_999))
def test_resident_codes_are_told_apart(count: int) -> None:
    """The code holds the count."""
    code = numbers.resident_code(count)
    assert numbers.is_resident_code(code)
    assert int(code[:10]) == 9_000_000_000 + count


@given(KANJI, KANJI, PARTLY, st.sampled_from("0129"), st.sampled_from(["short", "long82"]))
def test_the_text_application(name: str, address: str, born: BirthDate, sex: str, style: tlv.Style) -> None:
    """The file is read back, and its offset table points at each value."""
    one = files.TextAttributes(name, address, str(born)[1:], sex)
    content = files.attributes(one, style)
    assert files.read_attributes(content) == one
    start = content.index(b"\xdf\x21\x08") + 3
    offsets = [int.from_bytes(content[start + 2 * n : start + 2 * n + 2], "big") for n in range(4)]
    values = [tlv.parse_one(content[offset:]).value.decode() for offset in offsets]
    assert values == [name, address, str(born)[1:], sex]


@given(st.binary(max_size=100))
def test_junk_is_no_file_of_a_card(raw: bytes) -> None:
    """One error from every reader of files."""
    for read in (files.read_attributes, files.read_individual_number, files.read_token_label, files.certificate_spki):
        with contextlib.suppress(BadContent):
            read(raw)


@settings(max_examples=20)
@given(st.integers(0, (1 << 32) - 1), st.integers(1, 40))
def test_made_people_are_always_whole(seed: int, count: int) -> None:
    """Whatever the seed, the register and a certificate could hold them; a larger country has the same ones."""
    people = personas.people(count, seed)
    assert len({one.slug for one in people}) == count
    assert personas.people(count + 1, seed)[:count] == people
    for one in people[12:]:
        assert checked(one.name + one.kana + one.address)
        assert for_certificate(one.name + one.address)
        assert numbers.is_synthetic(one.individual_number)
