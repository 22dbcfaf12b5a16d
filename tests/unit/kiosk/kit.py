# SPDX-License-Identifier: Apache-2.0
"""A small country for the tests of kiosk and shop: real cards, a real municipality, centre, terminals and shop.

The authority is the synthetic one of the verifier's tests behind an HTTP face (`Authority`): it signs real
certificates and real status answers and can be told to revoke, hold or fall silent.  All speak over `Wires`, which a
test can cut, slow down or let a party die on.
"""

import asyncio
import functools
import itertools
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from cryptography import x509
from cryptography.x509 import ocsp
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import tegata.kiosk.delivery.http
import tegata.kiosk.terminal.http
import tegata.municipality.http
import tegata.relying.shop.http
from tegata.card import Card, CardImage
from tegata.clock import SetClock
from tegata.crypto.keys import Algorithm, SoftwareKey
from tegata.crypto.vault import Vault
from tegata.jpki import Carrier, Kind, oids
from tegata.kiosk.delivery.config import Config as DeliveryConfig
from tegata.kiosk.delivery.service import DeliveryCentre
from tegata.kiosk.terminal.config import Config as TerminalConfig
from tegata.kiosk.terminal.model import Choice
from tegata.kiosk.terminal.service import Terminal
from tegata.municipality import numbers
from tegata.municipality.config import Config as MunicipalityConfig
from tegata.municipality.service import Municipality
from tegata.reader import Element
from tegata.reader.script import run
from tegata.relying.shop.config import Config as ShopConfig
from tegata.relying.shop.service import Shop
from unit.card import kit as cards
from unit.verify import kit as certificates

URL = "http://country.test"
NOW = certificates.NOW
FIFTEEN_MINUTES = timedelta(minutes=15)
NAMES = ("山田　花子", "鈴木　一郎", "佐藤　美咲")
CHOICE = Choice("residence-certificate")
PIN = cards.PINS.authentication or ""
PASSWORD = cards.PINS.signing or ""


@functools.cache
def key(number: int) -> SoftwareKey:
    """Return the n-th key of this kit: 0 and 1 are the authorities', then two for each person."""
    return SoftwareKey.generate(Algorithm.RSA_2048)


@functools.cache
def authority(kind: Kind) -> certificates.Authority:
    """Return the certification authority of a kind."""
    return certificates.Authority(kind, key(0 if kind is Kind.SIGNING else 1))


def anchors() -> dict[Kind, tuple[bytes, ...]]:
    """Return the authorities' own certificates, as parties are configured with them."""
    return {kind: (authority(kind).der,) for kind in Kind}


@functools.cache
def certificate(number: int, kind: Kind, carrier: Carrier = Carrier.CARD) -> bytes:
    """Return the certificate of the n-th person; its serial number tells who and what."""
    return authority(kind).issue(
        key(2 + 2 * number + (kind is Kind.AUTHENTICATION)),
        serial=serial(number, kind, carrier),
        carrier=carrier,
        san={**certificates.SAN, oids.COMMON_NAME: NAMES[number]},
    )


def serial(number: int, kind: Kind, carrier: Carrier = Carrier.CARD) -> int:
    """Return the serial number of a certificate of the n-th person."""
    return 1000 + 100 * number + 10 * (kind is Kind.SIGNING) + (carrier is Carrier.PHONE)


@functools.cache
def image(number: int, carrier: Carrier = Carrier.CARD) -> CardImage:
    """Return the image of the n-th person's card or phone, issued through its real commands."""
    profile = "card" if carrier is Carrier.CARD else "gpse"
    # Signing, authentication: the order of `Kind`; what the card's other applications make is of no interest here.
    stock = itertools.chain((key(2 + 2 * number), key(3 + 2 * number)), itertools.repeat(key(0)))
    card = Card(CardImage.blank(profile, cards.ISSUER_KEY, f"TEGATA000000000{number}"), keys=lambda _: next(stock))
    run(cards.keys_and_requests(), card.transmit)
    issued = {kind: certificate(number, kind, carrier) for kind in Kind}
    run(cards.complete(issued, text=carrier is Carrier.CARD), card.transmit)
    if carrier is Carrier.PHONE:
        from tegata.reader import JpkiSession

        for kind in Kind:
            JpkiSession(card.transmit).set_first_pin(kind, cards.PIN[kind])
    return card.image


def card(number: int, carrier: Carrier = Carrier.CARD) -> Card:
    """Return a fresh copy of the n-th person's card or phone applet."""
    return Card(image(number, carrier))


class UnlockedPhone:
    """A phone whose owner's finger was just recognised: it verifies the PIN itself after SELECT, once."""

    def __init__(self, applet: Card) -> None:
        self._applet = applet
        self._fresh = True

    @property
    def atr(self) -> bytes:
        """Answer to reset."""
        return self._applet.atr

    def reset(self) -> None:
        """Lose power."""
        self._applet.reset()

    def transmit(self, command: bytes) -> bytes:
        """Pass a command on; after the first SELECT of an application, verify the authentication PIN."""
        answer = self._applet.transmit(command)
        if self._fresh and command[1:3] == b"\xa4\x04" and answer == b"\x90\x00":
            self._fresh = False
            for own in (b"\x00\xa4\x02\x0c\x02\x00\x18", b"\x00\x20\x00\x80\x04" + PIN.encode()):
                assert self._applet.transmit(own) == b"\x90\x00"
        return answer


@dataclass
class Authority:
    """The authority's HTTP face: OCSP, revocation lists, and whose a certificate is."""

    clock: SetClock
    holders: dict[int, tuple[str, str]] = field(default_factory=dict)
    revoked: dict[int, x509.ReasonFlags | None] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    twist: Callable[[dict[str, Any]], dict[str, Any]] = lambda answer: answer

    def app(self) -> Starlette:
        """Return the ASGI application."""
        return Starlette(
            routes=[
                Route("/ocsp/{kind}", self.ocsp, methods=["POST"]),
                Route("/crl/{kind}/{code}.crl", self.crl, methods=["GET"]),
                Route("/authority/v1/holders", self.holder, methods=["POST"]),
            ]
        )

    async def ocsp(self, request: Request) -> Response:
        """Answer about one certificate as it stands now."""
        self.asked.append("ocsp")
        if "ocsp" in self.silent:
            return Response(status_code=503)
        asked = ocsp.load_der_ocsp_request(await request.body())
        nonce = asked.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
        issuer, now = authority(Kind(request.path_params["kind"])), self.clock.now()
        is_revoked = asked.serial_number in self.revoked
        plan: dict[str, Any] = {
            "status": ocsp.OCSPCertStatus.REVOKED if is_revoked else ocsp.OCSPCertStatus.GOOD,
            "reason": self.revoked.get(asked.serial_number),
            "this_update": now,
            "next_update": now + FIFTEEN_MINUTES,
            "revoked_at": now,
            "nonce": nonce,
        }
        answer = issuer.respond(_known(asked.serial_number), **self.twist(plan))
        return Response(answer, media_type="application/ocsp-response")

    async def crl(self, request: Request) -> Response:
        """Answer with the list of Shibuya, where all of this kit's certificates are from."""
        self.asked.append("crl")
        if "crl" in self.silent or request.path_params["code"] != "13113":
            return Response(status_code=503)
        now, issuer = self.clock.now(), authority(Kind(request.path_params["kind"]))
        listed = issuer.revocation_list(self.revoked, at=now, this_update=now, next_update=now + timedelta(days=1))
        return Response(listed, media_type="application/pkix-crl")

    async def holder(self, request: Request) -> Response:
        """Answer whose an authentication certificate is, to the delivery centre only."""
        self.asked.append("holders")
        if request.headers.get("authorization") != "Bearer authority-token" or "holders" in self.silent:
            return Response(status_code=503)
        body = await request.json()
        found = self.holders.get(int(body["serial"]))
        if found is None or body["kind"] != "authentication":
            return JSONResponse({"reason": "authority.unknown_certificate"}, 404)
        return JSONResponse({"resident_code": found[0], "municipality_code": found[1]})


def _known(wanted: int) -> bytes:
    for number, kind, carrier in itertools.product(range(len(NAMES)), Kind, Carrier):
        if serial(number, kind, carrier) == wanted:
            return certificate(number, kind, carrier)
    raise LookupError(wanted)


class Wires(httpx.AsyncBaseTransport):
    """Carries requests to the applications by path, and can be told to misbehave, by the first path segment.

    `cut` refuses connections; `gates` keep the answers to paths with an ending until the event is set; `kill`
    ends what a party is doing in the middle, as `kill -9` does.
    """

    def __init__(self) -> None:
        self.apps: dict[str, Any] = {}
        self.cut: set[str] = set()
        self.gates: dict[str, asyncio.Event] = {}
        self._running: dict[str, set[asyncio.Task[httpx.Response]]] = {}
        self._waiting: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Deliver one request."""
        party = request.url.path.split("/")[1]
        if party in self.cut:
            raise httpx.ConnectError("cut", request=request)
        app = self.apps.get(request.url.path.rsplit("/v1/", 1)[0]) or self.apps[party]
        task = asyncio.ensure_future(httpx.ASGITransport(app).handle_async_request(request))
        running = self._running.setdefault(party, set())
        running.add(task)
        try:
            response = await task
        except asyncio.CancelledError:
            if task.cancelled() and not _being_cancelled():
                raise httpx.ReadError("the party died", request=request) from None
            task.cancel()
            raise
        finally:
            running.discard(task)
        for text, gate in list(self.gates.items()):
            if request.url.path.endswith(text):
                self._waiting.append(request.url.path)
                try:
                    await gate.wait()
                finally:
                    self._waiting.remove(request.url.path)
        return response

    def waiting(self, ending: str) -> bool:
        """Say whether somebody waits at the gate of this ending."""
        return any(path.endswith(ending) for path in self._waiting)

    def kill(self, party: str) -> None:
        """End everything that a party is doing."""
        for task in self._running.pop(party, set()):
            task.cancel()


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class Country:
    """Everything together.  Make one with `country`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = SetClock(NOW)
        self.vault = Vault(bytes(32))
        self.wires = Wires()
        self.http = httpx.AsyncClient(transport=self.wires, base_url=URL)
        self.authority = Authority(self.clock)
        self.on_reader: Element | None = None
        self.municipality = municipality()
        self.codes = [resident.code for resident in self.municipality.residents()]
        for number, carrier in itertools.product(range(len(NAMES)), Carrier):
            self.authority.holders[serial(number, Kind.AUTHENTICATION, carrier)] = (self.codes[number], "13113")
        for kind_of_app in ("ocsp", "crl", "authority"):
            self.wires.apps[kind_of_app] = self.authority.app()
        self.wires.apps["municipality"] = tegata.municipality.http.create_app(self.municipality)
        self.centre = self.open_centre()
        self.terminal = self.open_terminal()
        self.shop = self.open_shop()

    def open_centre(self, **changes: Any) -> DeliveryCentre:
        """Open the delivery centre on its file, and put it on the wires."""
        config = DeliveryConfig(
            **{
                "authority_url": URL,
                "municipality_url": URL,
                "authority_token": "authority-token",
                "municipality_token": "municipality-token",
                "anchors": anchors(),
                "tokens": {"terminal": "terminal-token"},
                **changes,
            }
        )
        self.centre = DeliveryCentre.open(config, self.clock, self.http, self.folder / "delivery.db")
        self.wires.apps["delivery"] = tegata.kiosk.delivery.http.create_app(self.centre)
        return self.centre

    def open_terminal(self, on_commit: Callable[[str], None] | None = None, **changes: Any) -> Terminal:
        """Open the terminal on its file, and put it on the wires."""
        config = TerminalConfig(**{"delivery_url": URL, "delivery_token": "terminal-token", **changes})
        self.terminal = Terminal.open(
            config,
            self.clock,
            self.http,
            self.folder / "terminal.db",
            carrier_on_reader=lambda: self.on_reader,
            on_commit=on_commit,
        )
        self.wires.apps["kiosk"] = tegata.kiosk.terminal.http.create_app(self.terminal)
        return self.terminal

    def open_shop(self) -> Shop:
        """Open the shop on its file, and put it on the wires."""
        config = ShopConfig(public_url=URL, authority_url=URL, anchors=anchors())
        self.shop = Shop.open(config, self.clock, self.http, self.vault, self.folder / "shop.db")
        self.wires.apps["shop"] = tegata.relying.shop.http.create_app(self.shop)
        return self.shop

    async def post(self, path: str, **body: Any) -> httpx.Response:
        """Send JSON, asking for English words."""
        return await self.http.post(path, json=body, headers={"Accept-Language": "en"})

    async def close(self) -> None:
        """Close everything."""
        for party in (self.centre, self.terminal, self.shop):
            party.close()
        await self.http.aclose()


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="tegata-test-")


@functools.cache
def municipality() -> Municipality:
    """Return the municipality with this kit's people in its register: one for all tests, because its press warms up.

    It only issues documents here, each under a transaction of its own, so no test sees another's.
    """
    config = MunicipalityConfig(URL, "none", {"delivery": "municipality-token"})
    opened = Municipality.open(
        config,
        SetClock(NOW),
        httpx.AsyncClient(transport=Wires()),
        Vault(bytes(32)),
        Path(_folder().name) / "municipality.db",
        card_on_counter=_nothing_there,
        issuer_key=lambda _: cards.ISSUER_KEY,
    )
    for number, name in enumerate(NAMES):
        opened.register(f"register-{number}", _entry(number, name))
    return opened


def _nothing_there(card_id: str) -> Callable[[bytes], bytes]:
    raise LookupError(card_id)


def _entry(number: int, name: str) -> dict[str, Any]:
    return {
        "municipality_code": "13113",
        "name": name,
        "kana": "テスト　テスト",
        "address": f"東京都渋谷区手形町一丁目{number + 1}番",
        "birth": "419900401",
        "sex": "2",
        "individual_number": numbers.synthetic_individual_number(f"9000000000{number}"),
    }


@asynccontextmanager
async def country(folder: Path) -> AsyncIterator[Country]:
    """Give a country for a test."""
    made = Country(folder)
    try:
        yield made
    finally:
        await made.close()


async def until(reached: Callable[[], bool]) -> None:
    """Let the others work until something is so."""
    for _ in range(2000):
        if reached():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never came to that")


def at(**delta: float) -> datetime:
    """Return the moment so much after the tests' beginning."""
    return NOW + timedelta(**delta)
