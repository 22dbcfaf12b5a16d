# SPDX-License-Identifier: Apache-2.0
"""Applicant against certificate: what is the same, what is not, and what nobody can tell."""

import tomllib
from importlib import resources

import pytest

from tegata.jpki.attributes import BasicFour, BirthDate, Sex
from tegata.messages import LANGUAGES, catalogue
from tegata.verify.compare import Applicant, Finding, compare

ADDRESS = "東京都渋谷区道玄坂一丁目２番３号"


def person(
    name: str = "髙橋　花子",
    flags: str | None = None,
    address: str = ADDRESS,
    address_flags: str | None = None,
    birth: str = "419900401",
    sex: Sex = Sex.FEMALE,
) -> BasicFour:
    """Return attributes, without substitutions unless told."""
    return BasicFour(
        name, flags or "0" * len(name), address, address_flags or "0" * len(address), BirthDate.parse(birth), sex
    )


def found(certificate: BasicFour, **written: str) -> tuple[str, str]:
    """Return outcome and reason of the one field that was written."""
    (name,) = written
    finding = next(one for one in compare(Applicant(**written), certificate).findings if one.field == name)
    return finding.outcome, finding.reason.removeprefix("verify.compare.")


@pytest.mark.parametrize(
    ("certificate", "flags", "written", "outcome", "reason"),
    [
        ("髙橋　花子", None, "髙橋　花子", "match", "same"),
        ("髙橋　花子", None, "髙橋 花子", "match", "width"),
        ("髙橋　花子", None, "高橋花子", "match", "variant"),
        ("髙橋　花子", None, "高橋花江", "differs", "other"),
        ("渡邊　一郎", None, "渡辺一郎", "match", "variant"),
        ("葛城　太郎", None, "葛\U000e0100城太郎", "match", "width"),
        ("か\u3099まん", None, "がまん", "match", "same"),
        ("スミス　メアリー", None, "ｽﾐｽ ﾒｱﾘｰ", "match", "width"),
        ("スミス　メアリー", None, "スミスメアリ－", "match", "notation"),
        ("SMITH　MARY", None, "Smith Mary", "undecidable", "letter_case"),
        ("ＳＭＩＴＨ　ＭＡＲＹ", None, "SMITH MARY", "match", "width"),
        ("吉田　花子", "10000", "𠮷田　花子", "match", "substituted"),
        ("吉田　花子", "10000", "古田花子", "match", "substituted"),
        ("吉田　花子", "10000", "古田花江", "differs", "other"),
        ("よし田　花子", "110000", "𠮷田花子", "undecidable", "substituted_length"),
        ("よしだ", "111", "𠮷田", "undecidable", "all_substituted"),
        ("花子", None, " ", "undecidable", "not_given"),
        ("花子", None, "花" * 5000, "differs", "other"),
        ("花子", "10", "\uffff子", "match", "substituted"),
        ("花子", None, "\uffff子", "differs", "other"),
    ],
)
def test_names(certificate: str, flags: str | None, written: str, outcome: str, reason: str) -> None:
    """Flags are wildcards; width, selectors and variants are not differences; case is for a person to look at."""
    assert found(person(certificate, flags), name=written) == (outcome, reason)


@pytest.mark.parametrize(
    ("written", "outcome", "reason"),
    [
        (ADDRESS, "match", "same"),
        ("東京都渋谷区道玄坂一丁目2番3号", "match", "width"),
        ("東京都渋谷区道玄坂１－２－３", "match", "notation"),
        ("東京都渋谷区道玄坂1丁目2-3", "match", "notation"),
        ("東京都 渋谷区 道玄坂 １丁目２番地３", "match", "notation"),
        ("東京都渋谷区道玄坂1-2-4", "differs", "other"),
        ("東京都渋谷区道玄坂12-3", "differs", "other"),
        ("渋谷区道玄坂1-2-3", "undecidable", "part_missing"),
        ("東京都渋谷区道玄坂1-2-3 手形ハイツ", "undecidable", "part_missing"),
    ],
)
def test_addresses(written: str, outcome: str, reason: str) -> None:
    """Numbers may be written in any of the usual ways; a part that is missing is asked for."""
    assert found(person(), address=written) == (outcome, reason)


def test_addresses_with_tens_and_variants() -> None:
    """By place and digit by digit, and small ケ."""
    certificate = person(address="神奈川県茅ヶ崎市二十三番地の十")
    assert found(certificate, address="神奈川県茅ケ﨑市23-10") == ("match", "variant")
    assert found(person(address="葛飾区1-2", address_flags="1000000"[:6]), address="かつしか飾区1-2") == (
        "undecidable",
        "substituted_length",
    )


@pytest.mark.parametrize(
    ("certificate", "written", "outcome", "reason"),
    [
        ("419900401", "1990-04-01", "match", "same"),
        ("419900401", "１９９０年４月１日", "match", "same"),
        ("419900401", "19900401", "match", "same"),
        ("419900401", "平成2年4月1日", "match", "same"),
        ("419900401", "H2.4.1", "match", "same"),
        ("520190501", "令和元年5月1日", "match", "same"),
        ("319900401", "1990-04-01", "match", "era"),
        ("019900401", "1990-04-01", "match", "same"),
        ("419900401", "1990-04-02", "differs", "other"),
        ("419900400", "1990-04-01", "undecidable", "unknown_part"),
        ("419900400", "1990-05-01", "differs", "other"),
        ("419900401", "1990-04-00", "undecidable", "unknown_part"),
        ("000000000", "1990-04-01", "undecidable", "unknown_part"),
        ("419900401", "1990-13-01", "undecidable", "unreadable"),
        ("419900401", "April", "undecidable", "unreadable"),
    ],
)
def test_births(certificate: str, written: str, outcome: str, reason: str) -> None:
    """A part that is unknown on either side decides nothing, a part that is known and other decides."""
    assert found(person(birth=certificate), birth=written) == (outcome, reason)


@pytest.mark.parametrize(
    ("certificate", "written", "outcome", "reason"),
    [
        (Sex.FEMALE, "女", "match", "same"),
        (Sex.FEMALE, "F", "match", "same"),
        (Sex.FEMALE, "２", "match", "same"),
        (Sex.MALE, "female", "differs", "other"),
        (Sex.UNKNOWN, "男性", "undecidable", "unknown_part"),
        (Sex.MALE, "x", "undecidable", "unreadable"),
    ],
)
def test_sexes(certificate: Sex, written: str, outcome: str, reason: str) -> None:
    """Words, letters and codes; what the certificate leaves open stays open."""
    assert found(person(sex=certificate), sex=written) == (outcome, reason)


def test_the_whole_is_as_good_as_its_worst_field() -> None:
    """And its JSON names fields, outcomes and words, never what was compared."""
    good = Applicant("高橋花子", ADDRESS, "1990-04-01", "女")
    assert compare(good, person()).outcome == "match"
    assert compare(Applicant(name="高橋花子"), person()).outcome == "undecidable"
    shown = compare(Applicant("高橋花江"), person()).to_json("ja")
    assert (shown["outcome"], shown["fields"][0]["what"]) == ("differs", "違います。")
    assert "高橋" not in repr(shown) + repr(good) + repr(compare(good, person()))


def test_the_tables_name_each_character_once() -> None:
    """One that stood in two groups would join them, and one alone says nothing."""
    table = tomllib.loads((resources.files("tegata.verify") / "compare.toml").read_text("utf-8"))
    written = "".join(table["variants"] + table["kana"])
    assert len(set(written)) == len(written)
    assert all(len(group) > 1 for group in table["variants"] + table["kana"])


def test_every_reason_has_its_words() -> None:
    """The catalogue knows each in both languages."""
    for reason in catalogue():
        if reason.startswith("verify.compare."):
            assert all(Finding("name", "match", reason).to_json(lang)["what"] for lang in LANGUAGES)
