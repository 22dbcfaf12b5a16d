# SPDX-License-Identifier: Apache-2.0
"""Kiosk and shop with every party real, judged by other people's software: poppler reads the paper, OpenSSL the
evidence.

Two people get cards at the counter; they print at the same kiosk and sign contracts; one moves house.
"""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

import tegata.authority.http
import tegata.kiosk.delivery.http
import tegata.kiosk.terminal.http
import tegata.municipality.http
import tegata.relying.shop.http
from tegata.authority.config import Config as AuthorityConfig
from tegata.authority.service import Authority
from tegata.card import Card, CardImage
from tegata.clock import SetClock
from tegata.crypto.vault import Vault
from tegata.jpki import Kind
from tegata.kiosk.delivery.config import Config as DeliveryConfig
from tegata.kiosk.delivery.service import DeliveryCentre
from tegata.kiosk.terminal.config import Config as TerminalConfig
from tegata.kiosk.terminal.service import Terminal
from tegata.municipality.config import Config as MunicipalityConfig
from tegata.municipality.model import Happening, Pins
from tegata.municipality.service import Municipality
from tegata.reader import JpkiSession
from tegata.relying.shop.config import Config as ShopConfig
from tegata.relying.shop.service import Shop
from tegata.sandbox import personas
from tegata.wire import b64, unb64
from unit.kiosk.kit import NOW, URL, Wires

pytestmark = pytest.mark.interop

VAULT = Vault(bytes(32))
ISSUER_KEY = bytes(16)
TOKENS = {role: f"token-of-{role}" for role in ("municipality", "delivery", "relying", "operator", "terminal")}
PIN, PASSWORD = "1234", "HANAKO2026"
OLD_HOME, NEW_HOME = "手形町一丁目２番３号", "神奈川県鎌倉市手形ガ谷１丁目２番３号"


@dataclass
class Country:
    """Every party that the two services meet, open."""

    authority: Authority
    municipality: Municipality
    centre: DeliveryCentre
    terminal: Terminal
    shop: Shop
    http: httpx.AsyncClient
    clock: SetClock
    cards: dict[str, Card] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    on_reader: list[Card] = field(default_factory=list)

    async def card_for(self, slug: str) -> None:
        """Register a person of the country and issue her a card at the counter."""
        persona = next(one for one in personas.load() if one.slug == slug)
        head = self.codes.get(persona.household)
        entry = {k: v for k, v in persona.registration("", head).items() if k != "request_id"}
        self.codes[slug] = self.municipality.register(f"register-{slug}", entry).code
        self.cards[slug] = Card(CardImage.blank("card", ISSUER_KEY, f"TEGATA{len(self.cards):010}"))
        issue = await self.municipality.issue_card(f"card-{slug}", self.codes[slug], slug, Pins(PIN, PASSWORD, PIN))
        assert issue.state == "delivered"

    async def print(self, slug: str) -> httpx.Response:
        """Visit the kiosk; returns the last answer."""
        self.on_reader[:] = [self.cards[slug]]
        body = {"document": "residence-certificate", "request_id": f"{slug}-{self.clock.now()}"}
        session = (await self.http.post("/kiosk/v1/sessions", json=body)).json()["session_id"]
        steps: tuple[tuple[str, dict[str, Any]], ...] = (
            ("authenticate", {"pin": PIN}),
            ("pay", {"amount": 300}),
            ("print", {}),
        )
        for step, members in steps:
            answer = await self.http.post(f"/kiosk/v1/sessions/{session}/{step}", json=members)
            if answer.is_error:
                break
        return answer

    async def sign(self, slug: str, request_id: str) -> tuple[str, httpx.Response]:
        """Sign a contract with the card; returns its address and the shop's answer."""
        body = {"plan": "standard", "request_id": request_id}
        contract = (await self.http.post("/shop/v1/contracts", json=body)).json()
        request = (await self.http.get(contract["signing_url"])).json()
        jpki = JpkiSession(self.cards[slug].transmit)
        jpki.verify(Kind.SIGNING, PASSWORD)
        proof = {
            "certificate": b64(jpki.certificate(Kind.SIGNING)),
            "signature": b64(jpki.sign(Kind.SIGNING, unb64(request["document"]))),
        }
        answer = await self.http.post(contract["signing_url"], json=proof, headers={"Accept-Language": "ja"})
        return f"/shop/v1/contracts/{contract['contract_id']}", answer


@asynccontextmanager
async def country(folder: Path) -> AsyncIterator[Country]:
    """Open everybody, with cards for Hanako and her husband Taro, who live at the same address."""
    clock, wires = SetClock(NOW), Wires()
    http = httpx.AsyncClient(transport=wires, base_url=URL)
    authority = Authority.open(AuthorityConfig(URL, TOKENS), clock, VAULT, folder / "authority.db")
    anchors = {kind: (authority.ca_certificate(kind),) for kind in Kind}
    cards: dict[str, Card] = {}
    on_reader: list[Card] = []
    municipality = Municipality.open(
        MunicipalityConfig(URL, TOKENS["municipality"], TOKENS),
        clock,
        http,
        VAULT,
        folder / "municipality.db",
        card_on_counter=lambda card_id: cards[card_id].transmit,
        issuer_key=lambda _: ISSUER_KEY,
    )
    delivery = DeliveryConfig(URL, URL, TOKENS["delivery"], TOKENS["delivery"], anchors, TOKENS)
    centre = DeliveryCentre.open(delivery, clock, http, folder / "delivery.db")
    terminal = Terminal.open(
        TerminalConfig(URL, TOKENS["terminal"]),
        clock,
        http,
        folder / "terminal.db",
        carrier_on_reader=lambda: on_reader[0] if on_reader else None,
    )
    shop = Shop.open(ShopConfig(URL, URL, anchors), clock, http, VAULT, folder / "shop.db")
    wires.apps |= dict.fromkeys(("authority", "ocsp", "crl"), tegata.authority.http.create_app(authority))
    wires.apps |= {
        "municipality": tegata.municipality.http.create_app(municipality),
        "delivery": tegata.kiosk.delivery.http.create_app(centre),
        "kiosk": tegata.kiosk.terminal.http.create_app(terminal),
        "shop": tegata.relying.shop.http.create_app(shop),
    }
    made = Country(authority, municipality, centre, terminal, shop, http, clock, cards, {}, on_reader)
    try:
        await made.card_for("hanako")
        await made.card_for("taro")
        yield made
    finally:
        for party in (authority, municipality, centre, terminal, shop):
            party.close()
        await http.aclose()


def run(*command: str | Path) -> str:
    """Run a program and return what it prints."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def paper(pdftotext: str, folder: Path, pdf: bytes) -> str:
    """Return the text on a sheet, without the spaces of its layout."""
    (folder / "sheet.pdf").write_bytes(pdf)
    return "".join(run(pdftotext, "-layout", folder / "sheet.pdf", "-").split())


def test_each_sheet_bears_its_own_person_and_nobody_else(tmp_path: Path, require_tool: Callable[[str], str]) -> None:
    """Two who share an address print one after the other; after a move the sheet shows the new home."""
    pdftotext = require_tool("pdftotext")

    async def story() -> None:
        async with country(tmp_path) as one:
            for slug, own, other in (("hanako", "山田花子", "山田太郎"), ("taro", "山田太郎", "山田花子")):
                text = paper(pdftotext, tmp_path, (await one.print(slug)).content)
                assert own in text
                assert other not in text
                assert OLD_HOME in text
                assert "見本" in text
            members = {"address": NEW_HOME, "municipality_code": "14204"}
            await one.municipality.happen("move-1", one.codes["hanako"], Happening.MOVE, members)
            one.clock.advance(minutes=20)
            text = paper(pdftotext, tmp_path, (await one.print("hanako")).content)
            assert NEW_HOME in text
            assert "鎌倉市長" in text
            assert f"前住所東京都渋谷区{OLD_HOME}" in text

    asyncio.run(story())


def test_openssl_accepts_what_the_shop_keeps(tmp_path: Path, require_tool: Callable[[str], str]) -> None:
    """Signature, chain and OCSP answer of the evidence, each by OpenSSL alone."""
    openssl = require_tool("openssl")

    async def story() -> dict[str, Any]:
        async with country(tmp_path) as one:
            contract, answer = await one.sign("hanako", "r1")
            assert answer.status_code == 200, answer.text
            assert answer.json()["attributes"]["name"] == "山田　花子"
            (tmp_path / "ca.der").write_bytes(one.authority.ca_certificate(Kind.SIGNING))
            kept: dict[str, Any] = (await one.http.get(f"{contract}/evidence")).json()
            return kept

    kept = asyncio.run(story())
    for name in ("document", "signature", "certificate", "ocsp"):
        (tmp_path / name).write_bytes(unb64(kept[name]))
    ca, certificate, key = tmp_path / "ca.pem", tmp_path / "certificate.pem", tmp_path / "key.pem"
    run(openssl, "x509", "-inform", "DER", "-in", tmp_path / "ca.der", "-out", ca)
    run(openssl, "x509", "-inform", "DER", "-in", tmp_path / "certificate", "-out", certificate)
    key.write_text(run(openssl, "x509", "-in", certificate, "-noout", "-pubkey"))
    signature = ("-signature", tmp_path / "signature", tmp_path / "document")
    assert "Verified OK" in run(openssl, "dgst", "-sha256", "-verify", key, *signature)
    attime = ("-attime", str(int(NOW.timestamp())))
    assert "OK" in run(openssl, "verify", "-x509_strict", "-CAfile", ca, *attime, certificate)
    answer = ("-respin", tmp_path / "ocsp", "-issuer", ca, "-cert", certificate, "-CAfile", ca, *attime)
    shown = run(openssl, "ocsp", *answer, "-no_nonce", "-validity_period", str(100 * 366 * 86400))
    assert "certificate.pem: good" in shown
    assert "Response verify OK" in shown
    fingerprint = run(openssl, "x509", "-in", ca, "-noout", "-fingerprint", "-sha256")
    assert fingerprint.strip().split("=")[1].replace(":", "").lower() == kept["anchor_fingerprint"]


def test_after_a_move_the_shop_refuses_and_the_kiosk_does_not(tmp_path: Path) -> None:
    """Moving ends the signing certificate, in words that say so; who she is at the kiosk has not changed."""

    async def story() -> None:
        async with country(tmp_path) as one:
            members = {"address": NEW_HOME, "municipality_code": "14204"}
            await one.municipality.happen("move-1", one.codes["hanako"], Happening.MOVE, members)
            _, answer = await one.sign("hanako", "r1")
            problem = answer.json()
            assert (answer.status_code, problem["reason"]) == (422, "verify.revoked.affiliation_changed")
            assert problem["title"] != problem["reason"]
            assert (await one.print("hanako")).status_code == 200
            assert (await one.sign("taro", "r2"))[1].status_code == 200

    asyncio.run(story())


def test_a_lost_card_is_refused_everywhere(tmp_path: Path) -> None:
    """From the report on, neither a sheet nor a contract comes of it."""

    async def story() -> None:
        async with country(tmp_path) as one:
            await one.municipality.happen("lost-1", one.codes["hanako"], Happening.CARD_LOST, {})
            for answer in (await one.print("hanako"), (await one.sign("hanako", "r1"))[1]):
                assert (answer.status_code, answer.json()["reason"]) == (422, "verify.held"), answer.text
            assert (await one.print("taro")).status_code == 200

    asyncio.run(story())
