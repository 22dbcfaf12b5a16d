# SPDX-License-Identifier: Apache-2.0
"""The page for people: readable by everybody, in two languages, closed to other origins, marked as a test."""

import asyncio
import re
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import quote

import httpx
import pytest

from tegata.signin import pages
from unit.signin.kit import BASE, World, request_url


class Outline(HTMLParser):
    """Collects what a page consists of, and fails on an element that is not closed."""

    VOID = ("meta", "link", "path", "br")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element of the drawing."""
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Expect the innermost open element."""
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of every such element."""
        return [attributes for name, attributes in self.found if name == tag]


def page(world: World, lang: str = "ja", **changes: str | None) -> httpx.Response:
    """Open the sign-in page."""
    return asyncio.run(world.http.get(world.party.wish(**changes), headers={"Accept-Language": lang}))


@pytest.mark.parametrize(
    ("lang", "words"), [("ja", "マイナアプリでログイン"), ("en-GB,en;q=0.9", "Sign in with the phone app")]
)
def test_the_page_is_in_the_language_of_its_reader(world: World, lang: str, words: str) -> None:
    """And says so, to browsers and screen readers."""
    response = page(world, lang)
    outline = Outline(response.text)
    assert words in response.text
    assert outline.all("html") == [{"lang": lang[:2]}]
    assert response.headers["content-language"] == lang[:2]


def test_the_service_may_choose_the_language(world: World) -> None:
    """`ui_locales`, the first that there is; it stays over the button."""
    response = page(world, ui_locales="fr en ja")
    assert "Sign in with the phone app" in response.text
    assert "/continue?lang=en" in response.text


def test_the_page_has_what_assistive_software_needs(world: World) -> None:
    """One heading, one main, a name for the picture, live words, real links and buttons, a zoomable view."""
    outline = Outline(page(world).text)
    assert len(outline.all("h1")) == len(outline.all("main")) == len(outline.all("header")) == 1
    assert [one["aria-label"] for one in outline.all("div") if one.get("role") == "img"] == [
        "ログイン要求の二次元コード"
    ]
    assert [one["role"] for one in outline.all("p") if one.get("id") == "status"] == ["status"]
    assert [one["id"] for one in outline.all("a")] == ["request-url", "continue"]
    assert [one["type"] for one in outline.all("button")] == ["submit"]
    view = next(one for one in outline.all("meta") if one.get("name") == "viewport")
    assert "user-scalable" not in str(view["content"])


def test_where_phones_are_simulated_the_page_leads_to_one(world: World) -> None:
    """Only there: elsewhere a person has a phone in her hand."""
    asked, client = world.service.desk.request(request_url(page(world).text).rpartition("/")[2])
    simulated = replace(world.service.config, app_url=f"{BASE}/open")
    outline = Outline(bytes(pages.sign_in(simulated, asked, client, "en").body).decode())
    link = next(one["href"] for one in outline.all("a") if one.get("id") == "open-app")
    assert link == f"{BASE}/open?url={quote(simulated.request_url(asked.request_id), safe='')}"


def test_nobody_can_take_it_for_the_real_thing(world: World) -> None:
    """Every page bears the mark."""
    for response in (page(world), page(world, client_id="x")):
        assert "試験用 TEGATA TEST" in response.text


def test_everything_comes_from_here_and_nothing_is_framed(world: World) -> None:
    """A strict policy; no inline script or style; no cache, no referrer."""
    response = page(world)
    policy = response.headers["content-security-policy"]
    for part in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert part in policy
    assert "form-action 'self' https://rp.example;" in policy
    assert "unsafe" not in policy
    assert response.headers["x-frame-options"] == "DENY"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["referrer-policy"] == "no-referrer"
    outline = Outline(response.text)
    assert all(one.get("src") for one in outline.all("script"))
    assert not outline.all("style")
    assert not [one for _, one in outline.found if "style" in one or any(name.startswith("on") for name in one)]
    for asset in ("page.js", "page.css"):
        got = asyncio.run(world.http.get(f"/signin/v1/{asset}"))
        assert got.status_code == 200
        assert got.headers["x-content-type-options"] == "nosniff"


def test_the_code_is_drawn_and_the_same_address_is_a_link(world: World) -> None:
    """The drawing is inline, black on white with its quiet zone."""
    response = page(world)
    assert re.search(r'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \d+ \d+"', response.text)
    assert re.fullmatch(r"http://country\.test/signin/v1/requests/[A-Za-z0-9_-]{24}", request_url(response.text))


def test_a_name_is_shown_and_never_obeyed(world: World) -> None:
    """What a client calls itself is text."""
    entry = world.party.registration() | {"name": '<script>alert("x")</script>'}
    world.service.register(entry, world.party.client_id, replace=True)
    response = page(world)
    assert "&lt;script&gt;alert" in response.text
    assert len(Outline(response.text).all("script")) == 1


def test_a_failure_that_no_service_hears_has_words(world: World) -> None:
    """What is wrong and what to do, without what was sent."""
    response = page(world, "en", redirect_uri="https://evil.example/<b>")
    assert response.status_code == 400
    assert "is not as registered" in response.text
    assert "Tell whoever runs the service." in response.text
    assert "evil" not in response.text
    assert Outline(response.text).all("html") == [{"lang": "en"}]
