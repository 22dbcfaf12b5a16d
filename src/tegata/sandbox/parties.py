# SPDX-License-Identifier: Apache-2.0
"""Opens every party of the country, each with a file of its own, and introduces them to each other: addresses,
tokens, anchors.

This is the only place that knows them all.  What a party is told here an operator would tell it in a configuration
file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import httpx
from starlette.types import ASGIApp

import tegata.authority.http
import tegata.enrolment.http
import tegata.kiosk.delivery.http
import tegata.kiosk.terminal.http
import tegata.municipality.http
import tegata.relying.shop.http
import tegata.relying.tax.http
import tegata.signin.http
from tegata.authority.config import Config as AuthorityConfig
from tegata.authority.service import Authority
from tegata.clock import Clock
from tegata.crypto.keys import Algorithm, SoftwareKey
from tegata.crypto.vault import Vault
from tegata.enrolment.config import Config as EnrolmentConfig
from tegata.enrolment.service import Service as Enrolment
from tegata.jpki import Kind
from tegata.kiosk.delivery.config import Config as DeliveryConfig
from tegata.kiosk.delivery.service import DeliveryCentre
from tegata.kiosk.terminal.config import Config as TerminalConfig
from tegata.kiosk.terminal.service import Terminal
from tegata.municipality.config import Config as MunicipalityConfig
from tegata.municipality.service import Municipality
from tegata.reader import Element, Transmit
from tegata.relying.shop.config import Config as ShopConfig
from tegata.relying.shop.service import Shop
from tegata.relying.tax.config import Config as TaxConfig
from tegata.relying.tax.service import TaxOffice
from tegata.sandbox.datadir import DataDir
from tegata.signin.config import Config as SignInConfig
from tegata.signin.service import SignIn

TAX_CLIENT: Final = "TAX00000001"
TAX_NAME: Final = "手形税務署（試験用）"


@dataclass(frozen=True, slots=True)
class Setting:
    """What all parties share: where and when they are, and the ports that only a simulated country can offer."""

    directory: DataDir
    clock: Clock
    http: httpx.AsyncClient
    vault: Vault
    url: str
    keys: Callable[[Algorithm], SoftwareKey]
    card_on_counter: Callable[[str], Transmit]
    carrier_on_reader: Callable[[], Element | None]
    on_commit: Callable[[str], None] | None


@dataclass(frozen=True, slots=True)
class Parties:
    """Every party, open."""

    authority: Authority
    municipality: Municipality
    enrolment: Enrolment
    signin: SignIn
    delivery: DeliveryCentre
    terminal: Terminal
    shop: Shop
    tax: TaxOffice

    def routes(self) -> dict[str, ASGIApp]:
        """Return each party's application by the path prefixes that are its own."""
        authority = tegata.authority.http.create_app(self.authority)
        signin = tegata.signin.http.create_app(self.signin)
        return {
            "/authority/": authority,
            "/ocsp/": authority,
            "/crl/": authority,
            "/municipality/": tegata.municipality.http.create_app(self.municipality),
            "/enrolment/": tegata.enrolment.http.create_app(self.enrolment),
            "/api/": signin,
            "/signin/": signin,
            "/delivery/": tegata.kiosk.delivery.http.create_app(self.delivery),
            "/kiosk/v1/": tegata.kiosk.terminal.http.create_app(self.terminal),
            "/shop/v1/": tegata.relying.shop.http.create_app(self.shop),
            **dict.fromkeys(
                ("/tax/login", "/tax/callback", "/tax/v1/", "/tax/jwks.json"),
                tegata.relying.tax.http.create_app(self.tax),
            ),
        }

    async def recover(self) -> None:
        """Let each party finish what an earlier process left open, those first whom others depend on."""
        await self.authority.recover()
        await self.municipality.recover()
        await self.enrolment.recover()
        await self.signin.recover()
        await self.delivery.recover()
        await self.terminal.recover()
        await self.shop.recover()
        await self.tax.recover()

    def close(self) -> None:
        """Close every file."""
        for party in (
            *(self.authority, self.municipality, self.enrolment, self.signin),
            *(self.delivery, self.terminal, self.shop, self.tax),
        ):
            party.close()


def open_parties(s: Setting) -> Parties:
    """Open every party; raises `StorageError` when a file cannot be used."""
    token = s.directory.secrets.tokens
    authority = Authority.open(
        AuthorityConfig(public_url=s.url, tokens=token),
        s.clock,
        s.vault,
        s.directory.file("authority"),
        keys=s.keys,
        on_commit=s.on_commit,
    )
    anchors: Anchors = {kind: (authority.ca_certificate(kind),) for kind in Kind}
    return Parties(
        authority=authority,
        municipality=_municipality(s),
        enrolment=_enrolment(s, anchors),
        signin=_signin(s, anchors),
        delivery=_delivery(s, anchors),
        terminal=Terminal.open(
            TerminalConfig(delivery_url=s.url, delivery_token=token["terminal"]),
            s.clock,
            s.http,
            s.directory.file("terminal"),
            carrier_on_reader=s.carrier_on_reader,
            on_commit=s.on_commit,
        ),
        shop=_shop(s, anchors),
        tax=TaxOffice.open(
            TaxConfig(public_url=s.url, issuer=f"{s.url}/api/realms/main", client_id=TAX_CLIENT),
            s.clock,
            s.http,
            s.vault,
            s.directory.file("tax"),
            on_commit=s.on_commit,
        ),
    )


Anchors = dict[Kind, tuple[bytes, ...]]


def _municipality(s: Setting) -> Municipality:
    token = s.directory.secrets.tokens
    return Municipality.open(
        MunicipalityConfig(
            authority_url=s.url,
            authority_token=token["municipality"],
            tokens={"operator": token["operator"], "delivery": token["delivery"]},
        ),
        s.clock,
        s.http,
        s.vault,
        s.directory.file("municipality"),
        card_on_counter=s.card_on_counter,
        issuer_key=s.directory.secrets.issuer_key,
        on_commit=s.on_commit,
    )


def _enrolment(s: Setting, anchors: Anchors) -> Enrolment:
    token = s.directory.secrets.tokens
    config = EnrolmentConfig(
        authority_url=s.url,
        enrolment_token=token["enrolment"],
        hotline_token=token["hotline"],
        tokens={"hotline": token["hotline"]},
        anchors=anchors,
    )
    return Enrolment.open(
        config,
        s.clock,
        s.http,
        s.directory.file("enrolment"),
        issuer_key=s.directory.secrets.issuer_key,
        on_commit=s.on_commit,
    )


def _signin(s: Setting, anchors: Anchors) -> SignIn:
    token = s.directory.secrets.tokens
    config = SignInConfig(
        public_url=s.url,
        authority_url=s.url,
        authority_token=token["signin"],
        anchors=anchors,
        tokens={"operator": token["operator"]},
        app_url=f"{s.url}/open",
    )
    return SignIn.open(config, s.clock, s.http, s.vault, s.directory.file("signin"), keys=s.keys, on_commit=s.on_commit)


def _delivery(s: Setting, anchors: Anchors) -> DeliveryCentre:
    token = s.directory.secrets.tokens
    config = DeliveryConfig(
        authority_url=s.url,
        municipality_url=s.url,
        authority_token=token["delivery"],
        municipality_token=token["delivery"],
        tokens={"terminal": token["terminal"]},
        anchors=anchors,
    )
    return DeliveryCentre.open(config, s.clock, s.http, s.directory.file("delivery"), on_commit=s.on_commit)


def _shop(s: Setting, anchors: Anchors) -> Shop:
    config = ShopConfig(public_url=s.url, authority_url=s.url, anchors=anchors)
    return Shop.open(config, s.clock, s.http, s.vault, s.directory.file("shop"), on_commit=s.on_commit)
