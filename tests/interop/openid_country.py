# SPDX-License-Identifier: Apache-2.0
"""A small country on a loopback port for other people's OpenID Connect software: authority, sign-in, tax office.

Everything is real: certificates by the authority, status by OCSP, HTTP over sockets.  The clock is the machine's,
because the foreign clients have no other.  The phone is the sign-in protocol in a few lines, with a software key.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.types import Receive, Scope, Send

from tegata.authority import config as authority_config
from tegata.authority.http import create_app as authority_app
from tegata.authority.model import CardOrder, Cause, Event
from tegata.authority.service import Authority
from tegata.clock import SystemClock
from tegata.crypto.keys import Scheme, SoftwareKey
from tegata.crypto.vault import Vault
from tegata.jpki import Carrier, Kind
from tegata.relying.tax import config as tax_config
from tegata.relying.tax.http import create_app as tax_app
from tegata.relying.tax.service import TaxOffice
from tegata.signin import config as signin_config
from tegata.signin.http import create_app as signin_app
from tegata.signin.proof import signed_bytes
from tegata.signin.service import SignIn
from tegata.wire import b64, unb64
from unit.authority.kit import BIRTH, SHIBUYA, TOKENS, csr, four

TAX_CLIENT = "RP00000001"


@dataclass
class Carried:
    """Key and authentication certificate of one card."""

    key: SoftwareKey
    certificate: bytes
    resident: str

    async def approve(self, http: httpx.AsyncClient, url: str) -> httpx.Response:
        """Approve the sign-in request at `url`."""
        asked = (await http.get(url)).raise_for_status().json()
        parts = httpx.URL(url)
        origin = f"{parts.scheme}://{parts.netloc.decode()}"
        data = signed_bytes(origin, asked["request_id"], unb64(asked["challenge"]))
        signature = self.key.sign(Scheme.RSA_PKCS1_SHA256, data)
        return await http.post(url, json={"certificate": b64(self.certificate), "signature": b64(signature)})


@dataclass
class OpenIdCountry:
    """The running services.  Make one with `running`."""

    url: str
    http: httpx.AsyncClient = field(repr=False)
    authority: Authority = field(repr=False)
    signin: SignIn = field(repr=False)
    tax: TaxOffice = field(repr=False)
    cards: int = 0

    def card(self, keys: Sequence[SoftwareKey], resident: str) -> Carried:
        """Issue a card with these two keys (signing, authentication)."""
        self.cards += 1
        request_id = f"card-{self.cards}"
        far = date(SystemClock().now().year + 9, 2, 28)
        signing, authentication = csr(keys[0]), csr(keys[1])
        order = CardOrder(request_id, resident, SHIBUYA, four(), BIRTH, far, signing, authentication)
        issued = self.authority.certify_card(order)
        self.authority.delivered(Carrier.CARD, request_id)
        return Carried(keys[1], issued.authentication.der, resident)

    def lose(self, carried: Carried) -> None:
        """Report the card lost."""
        event = Event(f"lost-{carried.resident}", 1, carried.resident, Cause.CARD_LOST, SystemClock().now())
        self.authority.happen(event)

    def register(self, client_id: str, redirect_uri: str, jwk: dict[str, Any]) -> None:
        """Register a relying party."""
        entry = {"name": client_id, "redirect_uris": [redirect_uri], "jwks": {"keys": [jwk]}}
        self.signin.register(entry, client_id)


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[OpenIdCountry]:
    """Run the services on a free loopback port."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with httpx.AsyncClient() as http:
        country = _open(url, http, folder)
        server = uvicorn.Server(uvicorn.Config(_Dispatch(country), log_level="critical", lifespan="off"))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield country
        finally:
            server.should_exit = True
            await task
            for service in (country.authority, country.signin, country.tax):
                service.close()


def _open(url: str, http: httpx.AsyncClient, folder: Path) -> OpenIdCountry:
    clock, vault = SystemClock(), Vault.load_or_create(folder / "vault.key")
    authority = Authority.open(authority_config.Config(url, TOKENS), clock, vault, folder / "authority.db")
    anchors = {kind: (authority.ca_certificate(kind),) for kind in Kind}
    config = signin_config.Config(url, url, TOKENS["signin"], anchors, TOKENS)
    signin = SignIn.open(config, clock, http, vault, folder / "signin.db")
    tax = TaxOffice.open(tax_config.Config(url, config.issuer, TAX_CLIENT), clock, http, vault, folder / "tax.db")
    entry = {"name": "税務署", "redirect_uris": [tax.config.redirect_uri], "jwks": tax.jwks()}
    signin.register(entry, TAX_CLIENT)
    return OpenIdCountry(url, http, authority, signin, tax)


class _Dispatch:
    """Sends a request to the party whose path it is."""

    def __init__(self, country: OpenIdCountry) -> None:
        self._signin = signin_app(country.signin)
        self._parties = {
            "authority": authority_app(country.authority),
            "ocsp": authority_app(country.authority),
            "crl": authority_app(country.authority),
            "tax": tax_app(country.tax),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        first = scope["path"].split("/")[1]
        await self._parties.get(first, self._signin)(scope, receive, send)
