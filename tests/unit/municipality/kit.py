# SPDX-License-Identifier: Apache-2.0
"""A town hall for tests: an authority of our own behind HTTP, cards on a counter, and a hand that cuts the power.

`Town.open` starts the service anew on the same file, as after a crash; `Town.strike_at(n)` cuts the power at the n-th
moment that matters: after a commit, after the authority did something, after the card answered.
"""

import asyncio
import atexit
import functools
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tegata.card import Card, CardImage
from tegata.clock import SetClock
from tegata.crypto.vault import Vault
from tegata.jpki import Kind
from tegata.municipality.config import Config
from tegata.municipality.http import create_app
from tegata.municipality.model import Pins
from tegata.municipality.service import Municipality
from tegata.municipality.typesetting import Press
from tegata.reader import Transmit
from tegata.wire import Guard, b64, unb64
from unit.card import kit

T = TypeVar("T")
NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
PINS = Pins(authentication="1234", signing="ABC123", card="4321")
TOKENS = {"operator": "token-operator", "delivery": "token-delivery"}
NUMBER = "900000000371"
HANAKO: dict[str, Any] = {
    "municipality_code": "13113",
    "name": "山田　花子",
    "kana": "ヤマダ　ハナコ",
    "address": "東京都渋谷区手形町一丁目２番３号",
    "birth": "419900505",
    "sex": "2",
    "individual_number": NUMBER,
}


class Killed(BaseException):
    """The power is gone; nothing after this line happened."""


class Authority:
    """Certifies what it is asked to, once per request, and remembers everything.  `mood` makes it fail."""

    def __init__(self, strike: Callable[[], None]) -> None:
        self.mood = ""
        self.issued: dict[str, dict[str, Any]] = {}
        self.standing: dict[str, str] = {}
        self.events: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self._strike = strike
        self._guard = Guard({"municipality": "token-municipality"})
        base = "/authority/v1"
        self.app = Starlette(
            routes=[
                Route(f"{base}/ca/{{kind}}.cer", self._ca),
                Route(f"{base}/card-certificates", self._certify, methods=["POST"]),
                Route(f"{base}/card-certificates/{{request_id}}/contents", self._contents, methods=["POST"]),
                Route(f"{base}/card-certificates/{{request_id}}/{{fate}}", self._fate, methods=["POST"]),
                Route(f"{base}/events", self._event, methods=["POST"]),
            ]
        )

    async def _ca(self, request: Request) -> Response:
        return self._in_mood() or Response(kit.ca_certificate(Kind(request.path_params["kind"])))

    async def _certify(self, request: Request) -> Response:
        self._guard.require(request, "municipality")
        body = await request.json()
        if bad := self._in_mood():
            return bad
        if body["request_id"] not in self.issued:
            self.issued[body["request_id"]] = body | {
                kind.value: self._certificate(kind, body[f"{kind.value}_csr"]) for kind in Kind
            }
        self._strike()
        done = self.issued[body["request_id"]]
        return JSONResponse({kind.value: done[kind.value] for kind in Kind})

    def _certificate(self, kind: Kind, csr: str | None) -> dict[str, str] | None:
        return None if csr is None else {"certificate": b64(kit.certify(kind, unb64(csr))), "serial": "1"}

    async def _contents(self, request: Request) -> Response:
        self._guard.require(request, "municipality")
        if bad := self._in_mood():
            return bad
        body = await request.json()
        signed = kit.sign_contents({item: unb64(digest) for item, digest in body["digests"].items()})
        self._strike()
        certificates = {
            "text": signed.text_certificate,
            "surface": signed.surface_certificate,
            "intermediate": signed.intermediate,
            "issuer": signed.issuer,
        }
        return JSONResponse(
            {
                "signatures": {item: b64(signature) for item, signature in signed.signatures.items()},
                "certificates": {subject: b64(one) for subject, one in certificates.items()},
                "security_code": signed.security_code,
            }
        )

    async def _fate(self, request: Request) -> Response:
        request_id, fate = request.path_params["request_id"], request.path_params["fate"]
        if bad := self._in_mood():
            return bad
        if request_id not in self.issued:
            return JSONResponse({"reason": "authority.unknown_request"}, 404)
        self.standing[request_id] = fate
        self._strike()
        return JSONResponse({})

    async def _event(self, request: Request) -> Response:
        body = await request.json()
        if bad := self._in_mood():
            return bad
        if body["event_id"] not in [one["event_id"] for one in self.events]:
            self.events.append(body)
        self._strike()
        return JSONResponse({"revoked": ["77"]})

    def _in_mood(self) -> Response | None:
        self.asked.append(self.mood)
        if self.mood == "away":
            raise httpx.ConnectError("refused")
        half = {"signing": None, "authentication": {"certificate": "?"}}
        answers: dict[str, Response | None] = {
            "": None,
            "down": Response("busy", 503),
            "no": JSONResponse({"reason": "authority.no"}, 422),
            "rude": Response("no", 403),
            "confused": Response("<html>"),
            "list": JSONResponse([]),
            "empty": JSONResponse({}),
            "half": JSONResponse(half),
        }
        return answers[self.mood]


@functools.cache
def _press() -> Press:
    """Return one press for all towns: opening a font takes longer than issuing a card."""
    press = Press(None)
    atexit.register(press.close)
    return press


class Town:
    """Everything around the service, which lives on when the service is killed."""

    def __init__(self, folder: Path) -> None:
        self.clock = SetClock(NOW)
        self.vault = Vault(bytes(32))
        self.path = folder / "municipality.db"
        self.authority = Authority(self.strike)
        self.cards: dict[str, Card] = {}
        self.moments = 0
        self.fatal: int | None = None
        self._keys = kit.key_stock()
        self.service = self.open()

    def open(self) -> Municipality:
        """Start the service anew on its file."""
        http = httpx.AsyncClient(transport=httpx.ASGITransport(self.authority.app), base_url="http://country.test")
        config = Config("http://country.test", "token-municipality", TOKENS)
        self.service = Municipality.open(
            config,
            self.clock,
            http,
            self.vault,
            self.path,
            card_on_counter=self._on_counter,
            issuer_key=self._issuer_key,
            on_commit=lambda _: self.strike(),
            press=_press(),
        )
        return self.service

    def blank(self, card_id: str = "TEGATA1") -> Card:
        """Put a blank card on the counter."""
        self.cards[card_id] = Card(CardImage.blank("card", kit.ISSUER_KEY, card_id), keys=self._keys)
        return self.cards[card_id]

    def strike_at(self, moment: int | None) -> None:
        """Cut the power at the n-th moment from now."""
        self.moments, self.fatal = 0, moment

    def strike(self) -> None:
        """Let one moment pass."""
        self.moments += 1
        if self.moments == self.fatal:
            raise Killed

    def _issuer_key(self, card_id: str) -> bytes:
        if card_id not in self.cards:
            raise LookupError(card_id)
        return kit.ISSUER_KEY

    def _on_counter(self, card_id: str) -> Transmit:
        card = self.cards[card_id]
        card.reset()

        def transmit(command: bytes) -> bytes:
            answer = card.transmit(command)
            self.strike()
            return answer

        return transmit

    def register(self, request_id: str = "register.hanako", **changes: Any) -> str:
        """Enter Hanako, or somebody like her; returns the resident code."""
        return self.service.register(request_id, HANAKO | changes).code

    def call(self, method: str, path: str, body: object = None, role: str | None = "operator") -> httpx.Response:
        """Make one request to the service over HTTP."""

        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(create_app(self.service))
            headers = {} if role is None else {"Authorization": f"Bearer token-{role}"}
            async with httpx.AsyncClient(transport=transport, base_url="http://country.test", headers=headers) as http:
                if isinstance(body, bytes):
                    return await http.request(method, f"/municipality/v1/{path}", content=body)
                return await http.request(method, f"/municipality/v1/{path}", json=body)

        return asyncio.run(go())


def go(act: Awaitable[T]) -> T:
    """Run one use case to its end."""

    async def run() -> T:
        return await act

    return asyncio.run(run())
