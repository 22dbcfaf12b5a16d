# SPDX-License-Identifier: Apache-2.0
"""The catalogue of page texts, and the language in which a page comes."""

import asyncio
import re
import string
from pathlib import Path

import pytest
from starlette.datastructures import URL

from tegata.web import words
from tegata.web.rendering import birth, in_language, moment
from tegata.web.visit import local
from unit.web.kit import Browser, settled

PACKAGE = Path(words.__file__).parent
SOURCES = "".join(file.read_text("utf-8") for pattern in ("*.py", "templates/*.html") for file in PACKAGE.glob(pattern))
LOOKED_UP = frozenset(re.findall(r'name\("([a-z_]+)"', SOURCES)) | {"done", "era"}


def test_every_text_is_there_in_both_languages_with_the_same_facts() -> None:
    """A translation says the same, and names the same facts."""
    for key, texts in words.catalogue().items():
        assert all(text.strip() for text in texts.values()), key
        facts = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in texts.values()]
        assert facts[0] == facts[1], key


def test_every_text_is_used() -> None:
    """Pages name the key, or put it together from group and name, or look a value up in the group."""
    unused = []
    for key in words.catalogue():
        group, name = key.split(".")
        composed = f'"{group}." ~' in SOURCES and f'"{name}"' in SOURCES
        if f'"{key}"' not in SOURCES and not composed and group not in LOOKED_UP:
            unused.append(key)
    assert unused == []


def test_a_missing_text_is_an_error_and_an_unknown_value_is_shown() -> None:
    """Our own keys must exist; values of an API may be newer than the catalogue."""
    with pytest.raises(KeyError):
        words.say("ja", "home.no_such_text")
    assert words.name_of("en", "status", "held") == "on hold"
    assert words.name_of("en", "status", "suspended") == "suspended"


@pytest.mark.parametrize(
    ("header", "lang"),
    [
        ("", "ja"),
        ("en", "en"),
        ("en-GB,en;q=0.9,ja;q=0.8", "en"),
        ("fr,en;q=0.7,ja;q=0.9", "ja"),
        ("fr;q=1", "ja"),
        ("en;q=0", "ja"),
        ("en;q=x", "ja"),
        ("ja,en", "ja"),
        ("english", "ja"),
    ],
)
def test_the_browser_gets_the_language_it_prefers(header: str, lang: str) -> None:
    """The better liked of the two; Japanese where the browser has no opinion."""
    assert words.preferred(header) == lang


def test_a_chosen_language_stays() -> None:
    """`?lang=en` changes the page and, by a cookie, all later ones, whatever the browser prefers."""

    async def visit() -> None:
        browser = Browser(settled(), lang="ja")
        assert (await browser.get("/counter?lang=xx")).lang == "ja"
        assert (await browser.get("/?lang=en")).lang == "en"
        page = await browser.get("/")
        assert page.lang == "en"
        assert page.by("language")["href"] == "/?lang=ja"

    asyncio.run(visit())


def test_a_page_in_the_other_language_is_the_same_page() -> None:
    """What the address says is kept, but for what was just done."""
    there = in_language(URL("http://country.test/open?url=http%3A%2F%2Fx%2F&done=moved&lang=ja"), "en")
    assert there == "/open?url=http%3A%2F%2Fx%2F&lang=en"


@pytest.mark.parametrize(
    ("code", "ja", "en"),
    [
        ("419900505", "1990年（平成2年）5月5日", "1990-05-05 (Heisei 2)"),
        ("520190501", "2019年（令和元年）5月1日", "2019-05-01 (Reiwa 1)"),
        ("319480300", "1948年（昭和23年）3月?日", "1948-03-? (Showa 23)"),
        ("000000000", "?年（?年）?月?日", "?-?-? (?)"),
        ("nonsense", "nonsense", "nonsense"),
    ],
)
def test_birth_dates_are_shown_as_people_write_them(code: str, ja: str, en: str) -> None:
    """Era and Gregorian year; what is unknown is a question mark."""
    assert (birth(code, "ja"), birth(code, "en")) == (ja, en)


def test_times_are_those_of_japan() -> None:
    """UTC on the wire, Japanese time on the page; what is no time is shown as it is."""
    assert moment("2026-11-24T15:30:00Z", "ja") == "2026年11月25日 00:30"
    assert moment("2026-11-24T15:30:00Z", "en") == "2026-11-25 00:30 JST"
    assert moment("soon", "en") == "soon"
    assert moment(None, "en") == ""


@pytest.mark.parametrize(
    "path",
    ["//evil.test/", "http://evil.test/", "/\\evil.test", "evil", "", "/\t/evil.test", "javascript:alert(1)", "/日本"],
)
def test_nobody_is_sent_to_another_site(path: str) -> None:
    """A way back is a path of ours, or none."""
    assert local(path) is None
    assert local("/shop/contracts/1?x=2") == "/shop/contracts/1?x=2"
