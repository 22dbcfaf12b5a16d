# SPDX-License-Identifier: Apache-2.0
"""A browser for the pages, and a country behind them whose APIs answer what a test says.

The browser does what people's do: it keeps cookies, sends forms as they stand on the page, follows redirects, and says
where a form came from.  Each page that it gets is checked (`page.Page`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tegata.messages import TegataError
from tegata.web import create_app
from tegata.wire import problem
from unit.web.page import FIELDS, Node, Page

URL = "http://country.test"

Answer = dict[str, Any] | Response


@dataclass(frozen=True)
class Call:
    """What an API was asked."""

    what: str
    query: dict[str, str]
    body: Any
    headers: Mapping[str, str]


class Country:
    """APIs that answer by table, `"GET /shop/v1/plans": {...}`, and remember what they were asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {"GET /control/v1/reader": {}}
        self.calls: list[Call] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        raw = await request.body()
        what = f"{request.method} {request.url.path}"
        body = json.loads(raw) if raw else None
        self.calls.append(Call(what, dict(request.query_params), body, request.headers))
        answer = self.answers.get(what, refusal(404, "fake.not_in_the_table"))
        response = answer if isinstance(answer, Response) else JSONResponse(answer)
        await response(scope, receive, send)

    def asked(self, what: str) -> list[Any]:
        """Return the bodies with which an API was asked."""
        return [call.body for call in self.calls if call.what == what]


def refusal(status: int, reason: str, /, **facts: Any) -> Response:
    """Return a party's refusal, as parties render them."""
    return problem(TegataError(reason, **facts), status, "ja")


class Browser:
    """A browser at the pages of `country`.  Make it inside the event loop."""

    def __init__(self, country: Any, lang: str = "ja") -> None:
        self.country = country
        behind = httpx.AsyncClient(transport=httpx.ASGITransport(country), base_url=URL)
        transport = httpx.ASGITransport(create_app(behind, URL), raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url=URL, headers={"Accept-Language": lang})
        self.status = 0
        self.at = "/"
        self.page = Page("")

    async def get(self, path: str) -> Page:
        """Go to a page."""
        return await self._show(await self.http.get(path))

    async def press(self, button: str, **typed: str) -> Page:
        """Press a button of the page, with these fields filled in, and go where that leads."""
        node = self.page.by(button)
        form = node.above("form")
        fields = as_sent(form) | typed
        if node["name"]:
            fields[node["name"]] = node["value"]
        target = urljoin(self.at, form["action"]) if form["action"] else self.at
        if form["method"] == "post":
            return await self._show(await self.http.post(target, data=fields, headers={"Origin": URL}))
        return await self._show(await self.http.get(target, params=fields))

    async def _show(self, response: httpx.Response) -> Page:
        while response.is_redirect:
            assert response.status_code == 303, "after a form the browser goes on with GET"
            response = await self.http.get(urljoin(str(response.url), response.headers["location"]))
        self.status, self.at = response.status_code, str(response.url.raw_path, "ascii")
        assert "script-src" not in response.headers["content-security-policy"]
        assert "default-src 'none'" in response.headers["content-security-policy"]
        self.page = Page.of(response.text)
        return self.page


def as_sent(form: Node) -> dict[str, str]:
    """Return what a browser would send of a form that nobody touched."""
    sent: dict[str, str] = {}
    for node in form.all(*FIELDS):
        if node.tag == "select":
            options = list(node.all("option"))
            chosen = [one for one in options if "selected" in one.attributes] or options[:1]
            if chosen:
                sent[node["name"]] = chosen[0]["value"]
        elif node["type"] not in ("radio", "checkbox") or "checked" in node.attributes:
            sent[node["name"]] = node["value"]
    return sent


# -- answers of a country ---------------------------------------------------------------------------------------------

PHONE_ID = "TGTP000000000001"
CARD_ID = "TGTC000000000001"
HANAKO = {
    "slug": "hanako",
    "persona": "hanako",
    "name": "手形　花子",
    "romaji": "Tegata Hanako",
    "municipality": "東京都渋谷区",
    "municipality_code": "13113",
    "note_ja": "主人公。",
    "note_en": "The heroine.",
    "settled": True,
    "cards": [CARD_ID],
    "phones": [PHONE_ID],
}
REGISTER = {
    "name": "手形　花子",
    "kana": "テガタ　ハナコ",
    "address": "東京都渋谷区手形町一丁目２番３号",
    "municipality": "東京都渋谷区",
    "birth": "419900505",
    "sex": "2",
    "standing": "resident",
}


def certificate(kind: str, carrier: str, status: str = "good", reason: str | None = None) -> dict[str, Any]:
    """Return one certificate as the control API lists it."""
    return {
        "serial": "7",
        "kind": kind,
        "carrier": carrier,
        "status": status,
        "reason": reason,
        "revoked_at": "2026-11-24T03:00:00Z" if reason else None,
        "not_after": "2031-05-05T14:59:59Z",
        "certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "parent_serial": "2" if carrier == "phone" else None,
    }


def phone(state: str = "installed", *, ready: bool = True, screen: str = "unlocked") -> dict[str, Any]:
    """Return a phone as the control API shows it."""
    return {
        "phone_id": PHONE_ID,
        "holder": "hanako",
        "maker": "Tegata",
        "model": "TG-A1",
        "platform": "android",
        "serial": PHONE_ID,
        "screen": screen,
        "enrolment": {"state": state, "ready": ready, "pins_missing": False, "reason": None},
        "certificates": ["signing", "authentication"] if ready else [],
        "tries_left": {"signing": 5, "authentication": 3},
        "biometrics": ready,
    }


def settled() -> Country:
    """Return a country in which Hanako lives and has a phone."""
    country = Country()
    country.answers |= {
        "GET /healthz": {"status": "ready", "settled": 1, "people": 1},
        "GET /control/v1/people": {"people": [HANAKO], "total": 1, "next": None},
        "GET /control/v1/people/hanako": {
            **HANAKO,
            "register": REGISTER,
            "certificates": [certificate("signing", "card"), certificate("authentication", "phone", "held")],
        },
        "GET /control/v1/phones/models": {"models": [{"maker": "Tegata", "model": "TG-A1"}]},
        f"GET /control/v1/phones/{PHONE_ID}": phone(),
    }
    return country
