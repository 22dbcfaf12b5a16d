# SPDX-License-Identifier: Apache-2.0
"""Documents: her own data and nothing else on the page, bound to one transaction, as PDF/A, and soon forgotten."""

import io
import re
from pathlib import Path
from typing import Any

import pypdf
import pytest

from tegata.municipality.documents import holder_of, mayor, subject_of
from tegata.municipality.errors import Conflict, NotFound, Refused, Unavailable
from tegata.municipality.model import Document, Happening
from tegata.municipality.typesetting import Press
from unit.municipality.kit import NOW, NUMBER, Killed, Town, go
from unit.refusal import refused

SHA = "ab" * 32
OTHER = {
    "name": "佐藤　太郎",
    "kana": "サトウ　タロウ",
    "birth": "319881123",
    "sex": "1",
    "address": "京都府京都市中京区",
}


@pytest.fixture(scope="module")
def press() -> Press:
    """Return one press for many pages: opening its font takes long."""
    return Press(None)


@pytest.fixture(autouse=True)
def one_press(town: Town, press: Press) -> None:
    """Give each town hall the same press."""
    share(town, press)


def share(town: Town, press: Press) -> None:
    """Put a press into a town hall that was just opened."""
    town.service._documents._press = press


def issue(town: Town, code: str, transaction: str = "t-1", *, number: bool = False, sha: str = SHA) -> Document:
    """Issue a document."""
    return town.service.residence_certificate(transaction, code, sha, individual_number=number)


def whole(pdf: bytes) -> Any:
    """Return a document as pypdf reads it (whose own types tell little)."""
    return pypdf.PdfReader(io.BytesIO(pdf))


def text_of(pdf: bytes) -> str:
    """Return what is on the pages, without white space."""
    return re.sub(r"\s", "", "".join(page.extract_text() for page in whole(pdf).pages))


def test_the_page_holds_her_entry(town: Town) -> None:
    """Every row in the words of the form, the omitted ones said to be omitted, and the mark of a sample."""
    page = text_of(issue(town, town.register()).pdf)
    for words in (
        "住民票の写し",
        "山田花子",
        "ヤマダハナコ",
        "平成2年5月5日",
        "女",
        "東京都渋谷区手形町一丁目２番３号",
    ):
        assert words in page, words
    assert "令和8年11月24日" in page
    assert "渋谷区長" in page
    assert "個人番号省略" in page
    assert "世帯主・続柄省略" in page
    assert page.count("見本") >= 3
    assert "証明としての効力はありません" in page


def test_nobody_elses_data_is_on_it(town: Town) -> None:
    """Not even of the same household."""
    code = town.register()
    town.register("register.2", household=code, relationship="夫", **OTHER)
    page = text_of(issue(town, code).pdf)
    for words in ("佐藤", "太郎", "サトウ", "中京区", "昭和", "男", "夫"):
        assert words not in page, words


def test_the_number_is_printed_only_when_it_was_asked_for(town: Town) -> None:
    """And the resident code never."""
    code = town.register()
    without, with_number = issue(town, code).pdf, issue(town, code, "t-2", number=True).pdf
    assert NUMBER not in text_of(without)
    assert NUMBER in text_of(with_number)
    for pdf in (without, with_number):
        assert code not in text_of(pdf)
        assert code.encode() not in pdf


def test_the_document_carries_its_binding(town: Town) -> None:
    """Subject and transaction stand in the metadata, in XMP too, and on the page; it says that it is PDF/A-2u."""
    document = issue(town, town.register())
    reader = whole(document.pdf)
    subject = subject_of("t-1", SHA)
    metadata = reader.metadata
    assert metadata.title == "住民票の写し（見本）"
    assert f"tegata-subject:{subject}" in metadata["/Keywords"]
    assert "tegata-transaction:t-1" in metadata["/Keywords"]
    xmp = reader.trailer["/Root"]["/Metadata"].get_data().decode()
    assert subject in xmp
    assert re.search(r"<pdfaid:part>\s*2\s*<", xmp)
    assert re.search(r"<pdfaid:conformance>\s*U\s*<", xmp)
    assert subject[:32] in text_of(document.pdf)
    assert "花子" not in xmp + str(dict(metadata))


def test_the_only_font_is_the_one_for_names(town: Town) -> None:
    """No glyph came from elsewhere."""
    reader = whole(issue(town, town.register()).pdf)
    fonts = {str(font.get_object()["/BaseFont"]) for font in reader.pages[0]["/Resources"]["/Font"].values()}
    assert fonts
    assert all("IPAmj" in font for font in fonts)


def test_a_variant_is_drawn_as_itself(town: Town) -> None:
    """The certificate has a look-alike; paper has the person's own character, which is another glyph."""
    code = town.register(name="渡邉\U000e0110　健二", address="東京都世田谷区架空台１", municipality_code="13112")
    base = town.register("register.2", name="渡邉　健二", address="東京都世田谷区架空台１", municipality_code="13112")
    assert town.service.resident(code).basic_four().name_flags == "01000"
    assert issue(town, code).pdf != issue(town, base, "t-1b").pdf
    assert "渡邉\U000e0110健二" in text_of(issue(town, code).pdf)


def test_what_the_font_cannot_draw_is_refused(town: Town) -> None:
    """By code point, for the name is not to be shown; another glyph is never put in its place."""
    code = town.register(kana="ｶﾀｶﾅ ꙮ")
    with refused("municipality.cannot_draw", Refused) as caught:
        issue(town, code)
    assert "U+A66E" in str(caught.value.facts["characters"])


@pytest.mark.parametrize(
    "name", ["#panic()", "*太字*", "$x$", "[x]", "\\u{41}", "<b>", "#let x = 1", "`x`", "//x", "@x"]
)
def test_nothing_in_a_name_is_markup(town: Town, name: str) -> None:
    """It is printed as it was written."""
    code = town.register(name=name)
    assert re.sub(r"\s", "", name) in text_of(issue(town, code).pdf)


def test_foreign_residents_see_the_gregorian_year_and_their_stay(town: Town) -> None:
    """And no rows that do not concern them."""
    code = town.register(
        name="MILLER EMILY ROSE", birth="419941012", nationality="ニュージーランド", stay_until="2028-03-31"
    )
    page = text_of(issue(town, code).pdf)
    assert "1994年10月12日" in page
    assert "在留期間の満了の日令和10年3月31日" in page
    assert "本籍" not in page


def test_a_very_long_name_fits(town: Town) -> None:
    """On one page, whole."""
    name = "寿限無" * 60
    pdf = issue(town, town.register(name=name)).pdf
    assert name in text_of(pdf)
    assert len(whole(pdf).pages) == 1


def test_repeating_a_transaction_gives_the_same_document(town: Town) -> None:
    """Even when she moved in between; other wishes under the same transaction are refused."""
    code = town.register()
    first = issue(town, code)
    move = {"address": "京都府京都市中京区１", "municipality_code": "26104"}
    go(town.service.happen("event.1", code, Happening.MOVE, move))
    assert issue(town, code) == first
    other = town.register("register.2", **OTHER)
    with refused("municipality.transaction_reused", Conflict):
        issue(town, other)
    with refused("municipality.transaction_reused", Conflict):
        issue(town, code, sha="cd" * 32)
    with refused("municipality.transaction_reused", Conflict):
        issue(town, code, number=True)
    assert "前住所" in text_of(issue(town, code, "t-2").pdf)


def test_documents_are_erased_when_their_time_is_over(town: Town) -> None:
    """After a quarter of an hour the page is gone and cannot be asked for; that it was issued stays known."""
    code = town.register()
    first = issue(town, code)
    town.clock.advance(minutes=15)
    assert issue(town, code) == first
    town.clock.advance(seconds=1)
    with refused("municipality.transaction_reused", Conflict):
        issue(town, code)
    kept = town.service._store.document("t-1")
    assert kept is not None
    assert (kept.pdf, kept.issued_at) == (b"", NOW)


def test_recovery_erases_too(town: Town) -> None:
    """When nobody asks for another document."""
    issue(town, town.register())
    town.clock.advance(minutes=16)
    go(town.service.recover())
    kept = town.service._store.document("t-1")
    assert kept is not None
    assert kept.pdf == b""


def test_killed_after_the_commit_the_document_is_there(town: Town, press: Press) -> None:
    """The answer was lost; the repeat returns the page that was recorded."""
    code = town.register()
    town.strike_at(1)
    with pytest.raises(Killed):
        issue(town, code)
    town.strike_at(None)
    town.service._documents._press = Press(None)  # ours stays open
    town.service.close()
    share_with = town.open()
    share_with._documents._press = press
    assert issue(town, code).pdf.startswith(b"%PDF-")


def test_who_is_not_in_the_register_gets_none(town: Town) -> None:
    """Nobody, and the dead."""
    with refused("municipality.unknown_resident", NotFound):
        issue(town, "90000000000")
    code = town.register()
    go(town.service.happen("event.1", code, Happening.DEATH, {}))
    with refused("municipality.not_in_register", Refused):
        issue(town, code)


def test_without_the_font_there_is_no_document(town: Town) -> None:
    """It may be installed, and the same call repeated."""
    code = town.register()
    share(town, Press(Path("/nowhere/ipamjm.ttf")))
    with refused("municipality.font_missing", Unavailable) as caught:
        issue(town, code)
    assert caught.value.facts == {"font": "ipamjm.ttf"}


def test_documents_are_not_on_the_disk_in_the_clear(town: Town) -> None:
    """Sealed like numbers and PINs."""
    issue(town, town.register())
    assert b"%PDF" not in b"".join(file.read_bytes() for file in town.path.parent.iterdir())


def test_hashes_bind_to_one_transaction() -> None:
    """Either changes with each of its two parts."""
    for bind in (subject_of, holder_of):
        assert len({bind("t-1", "a"), bind("t-2", "a"), bind("t-1", "b")}) == 3
    assert subject_of("t-1", "a") != holder_of("t-1", "a")


@pytest.mark.parametrize(
    ("place", "office"),
    [
        ("渋谷区", "渋谷区長"),
        ("名古屋市中区", "名古屋市長"),
        ("鎌倉市", "鎌倉市長"),
        ("さいたま市中央区", "さいたま市長"),
    ],
)
def test_the_office_that_issues(place: str, office: str) -> None:
    """A ward of a designated city has its city's mayor."""
    assert mayor(place) == office
