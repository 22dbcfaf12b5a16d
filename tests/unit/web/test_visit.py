# SPDX-License-Identifier: Apache-2.0
"""Who may come in: hosts, origins, cookies; what strange requests get."""

import asyncio
from typing import Any

import httpx
import pytest
from starlette.responses import JSONResponse

from tegata.web.visit import COOKIE
from unit.web.kit import PHONE_ID, URL, Browser, Country, settled
from unit.web.page import Page

FORM = "application/x-www-form-urlencoded"


def posted(headers: dict[str, str], *, cookie: bool = True, content: str = "act=sleep") -> tuple[int, str, Country]:
    """Return status, text and country after a form was posted to a phone's page."""

    async def post() -> tuple[int, str, Country]:
        country = settled()
        country.answers[f"POST /control/v1/phones/{PHONE_ID}/sleep"] = {}
        browser = Browser(country)
        if cookie:
            await browser.get("/")
        sent = await browser.http.post(f"/phones/{PHONE_ID}", content=content, headers={"Content-Type": FORM} | headers)
        return sent.status_code, sent.text, country

    return asyncio.run(post())


def test_a_form_of_our_own_page_is_carried_out() -> None:
    """Origin and cookie are ours: the phone's screen goes off, and the browser is sent on."""
    status, _, country = posted({"Origin": URL})
    assert status == 303
    assert country.asked(f"POST /control/v1/phones/{PHONE_ID}/sleep") == [{}]


@pytest.mark.parametrize(
    ("headers", "cookie"),
    [
        ({"Origin": "http://evil.test"}, True),
        ({"Origin": "null"}, True),
        ({"Origin": "http://country.test:81"}, True),
        ({}, True),
        ({"Origin": URL}, False),
    ],
)
def test_a_form_of_another_site_does_nothing(headers: dict[str, str], cookie: bool) -> None:
    """Another origin, none, or no cookie: a page that explains, and no call to any API."""
    status, text, country = posted(headers, cookie=cookie)
    assert status == 403
    assert Page.of(text).by("problem")["data-reason"] == "web.foreign_form"
    assert not [call for call in country.calls if call.what.startswith("POST")]


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"Content-Type": "text/plain"}, "act=sleep", 415),
        ({}, "act=no-such-act", 400),
        ({}, "", 400),
        ({}, "act=%ff", 400),
        ({}, "&".join(["a=b"] * 101), 400),
        ({}, "act=" + "x" * 70_000, 413),
    ],
)
def test_a_form_that_cannot_be_read_is_refused(headers: dict[str, str], content: str, status: int) -> None:
    """Wrong type, unknown button, bad encoding, too many fields, too long."""
    got, text, country = posted({"Origin": URL} | headers, content=content)
    assert got == status
    assert Page.of(text).has("problem")
    assert not [call for call in country.calls if call.what.startswith("POST")]


def test_pages_are_shown_only_under_the_country_s_own_names() -> None:
    """A name that somebody rebound to this machine gets an explanation, and nothing of the country."""

    async def visit() -> None:
        browser = Browser(settled())
        for host, status in (("127.0.0.1:8440", 200), ("localhost", 200), ("[::1]:8440", 200), ("evil.test", 421)):
            answer = await browser.http.get("/", headers={"Host": host})
            assert answer.status_code == status
        assert "花子" not in answer.text

    asyncio.run(visit())


def test_the_cookie_that_guards_forms_is_kept_from_scripts_and_other_sites() -> None:
    """HttpOnly, SameSite=Strict, and set once."""

    async def visit() -> None:
        browser = Browser(settled())
        first = await browser.http.get("/")
        cookie = next(one for one in first.headers.get_list("set-cookie") if one.startswith(COOKIE))
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "set-cookie" not in (await browser.http.get("/")).headers

    asyncio.run(visit())


@pytest.mark.parametrize(
    "path", ["/nothing/here", "/phones", "/static/../app.py", "/kiosk/sessions/x/sheet.pdf", "/people/"]
)
def test_an_address_that_is_none_gets_a_page(path: str) -> None:
    """Not found, in words, with the mark and a way on."""

    async def visit() -> None:
        browser = Browser(settled())
        page = await browser.get(path)
        assert browser.status == 404
        assert page.roles("alert")

    asyncio.run(visit())


def test_a_method_that_is_none_gets_a_page() -> None:
    """PUT is nothing that a page takes."""

    async def visit() -> httpx.Response:
        return await Browser(settled()).http.put("/shop")

    answer = asyncio.run(visit())
    assert answer.status_code == 405
    assert Page.of(answer.text).has("problem")


def test_style_and_icon_come_from_here() -> None:
    """The style sheet and the icon are ours."""

    async def visit() -> None:
        http = Browser(settled()).http
        for path, kind in (
            ("/static/tegata.css", "text/css"),
            ("/static/tegata.svg", "image/svg"),
            ("/favicon.ico", "image/svg"),
        ):
            answer = await http.get(path)
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith(kind)
        assert "url(" not in (await http.get("/static/tegata.css")).text

    asyncio.run(visit())


class Silent:
    """A country that cannot be reached."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Break the connection."""
        raise httpx.ConnectError("nobody there")


class Babbling:
    """A country that answers something that is no JSON object."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status, self.body = status, body

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Babble."""
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": self.body})


@pytest.mark.parametrize("country", [Silent(), Babbling(200, b"hello"), Babbling(200, b"[]"), Babbling(500, b"oops")])
def test_no_answer_is_told(country: Any) -> None:
    """Whoever does not answer, or not in JSON: the page says so, with what to do."""

    async def visit() -> None:
        browser = Browser(country, lang="en")
        page = await browser.get("/")
        assert browser.status in (500, 502)
        assert page.by("problem")["data-reason"] == "web.no_answer"
        assert "tegata up" in page.by("problem").text

    asyncio.run(visit())


def test_a_fault_of_our_own_is_a_page_too() -> None:
    """An API that answers other members than it should breaks the page, not the house."""

    async def visit() -> None:
        country = settled()
        country.answers["GET /shop/v1/plans"] = {"tariffs": []}
        browser = Browser(country)
        page = await browser.get("/shop")
        assert browser.status == 500
        assert page.by("problem")["data-reason"] == "web.broken"

    asyncio.run(visit())


def test_cookies_of_one_visitor_never_travel_with_another() -> None:
    """The client behind the pages keeps no cookies, whatever the APIs set."""

    async def visit() -> None:
        country = settled()
        browser = Browser(country)
        session = JSONResponse({"logged_in": False})
        session.set_cookie("tegata_tax", "secret", path="/")
        country.answers["GET /tax/v1/session"] = session
        await browser.get("/tax")
        assert browser.http.cookies["tegata_tax"] == "secret"
        browser.http.cookies.clear()
        await browser.get("/")
        await browser.get("/tax")
        assert all("secret" not in call.headers.get("cookie", "") for call in country.calls)

    asyncio.run(visit())
