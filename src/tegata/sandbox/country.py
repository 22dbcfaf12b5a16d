# SPDX-License-Identifier: Apache-2.0
"""A pocket country: parties, people, cards and phones of one data directory, behind one ASGI application.

Parties talk HTTP.  In one process their messages need no socket: the same client carries them straight to the
country's own application, by address, and everything else to the network.  Opening a country makes keys only where
none are; `start` finishes what an earlier process left open; `populate` settles the people in the background.
"""

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import httpx
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tegata.clock import Clock, SystemClock
from tegata.crypto.keys import Algorithm, SoftwareKey
from tegata.crypto.vault import Vault
from tegata.reader import Transmit
from tegata.reader.memory import insert
from tegata.sandbox import control_http
from tegata.sandbox.control import Control, Reader
from tegata.sandbox.datadir import DataDir, Meta
from tegata.sandbox.gateway import Gateway
from tegata.sandbox.keypool import KeyPool
from tegata.sandbox.parties import TAX_CLIENT, TAX_NAME, Parties, Setting, open_parties
from tegata.sandbox.personas import Persona, load, people
from tegata.sandbox.population import Population, Progress
from tegata.sandbox.things import Things

NAME_HEADER: Final = (b"x-tegata", b"test country; nothing here is genuine")
Keys = Callable[[Algorithm], SoftwareKey]


class Country:
    """One country.  Make it with `Country.open`; used from one event loop."""

    def __init__(self, app: "Dispatch", parties: Parties, things: Things, http: httpx.AsyncClient) -> None:
        self.app = app
        self.parties = parties
        self.http = http
        self.things = things
        self.progress = (0, 0)
        self._started = False
        self._pool: KeyPool | None = None
        self._gateway: Gateway
        self._population: Population

    @classmethod
    def open(
        cls,
        directory: DataDir,
        *,
        url: str,
        clock: Clock | None = None,
        personas: Path | None = None,
        keys: Keys | None = None,
        on_commit: Callable[[str], None] | None = None,
    ) -> "Country":
        """Open a country that is reached at `url`.  Raises `StorageError`, `VaultError`, `PersonaError`.

        `keys` makes key pairs (by default ahead of time, in a thread); `on_commit(file)` is called after each durable
        change.
        """
        written = _personas(directory.meta, personas)
        clock = clock or SystemClock()
        vault = Vault.load_or_create(directory.vault_key)
        app, reader = Dispatch(), Reader()
        http = client(app, url)
        with contextlib.ExitStack() as opened:
            pool = None if keys else KeyPool()
            make: Keys = keys or (pool.take if pool else SoftwareKey.generate)
            opened.callback(pool.close if pool else lambda: None)
            things = Things.open(directory.file("country"), vault, keys=make, on_commit=on_commit)
            opened.callback(things.close)

            def card_on_counter(card_id: str) -> Transmit:
                return insert(things.card(card_id))

            parties = open_parties(
                Setting(directory, clock, http, vault, url, make, card_on_counter, lambda: reader.element, on_commit)
            )
            opened.callback(parties.close)
            gateway = Gateway(http, directory.secrets.tokens)
            population = Population(things, gateway, clock, pool, written, directory.secrets.issuer_key)
            population.admit_first(directory.meta.people)
            opened.pop_all()
        country = cls(app, parties, things, http)
        country._pool, country._gateway, country._population = pool, gateway, population
        control = Control(things, gateway, population, clock, reader, http, url)
        app.mount(parties.routes())
        app.mount(
            dict.fromkeys(("/control/", "/healthz"), control_http.create_app(control, clock, url, country.health))
        )
        return country

    def health(self) -> dict[str, Any]:
        """Return how far the country is: `starting`, then `settling`, and `ready` once everybody is settled."""
        settled, total = self.progress
        status = "starting" if not self._started else "settling" if settled < total else "ready"
        return {"status": status, "settled": settled, "people": total}

    async def start(self) -> None:
        """Introduce the tax office to the sign-in service, and let every party finish what was left open."""
        self.progress = self.things.counted()
        await self.parties.recover()
        tax = self.parties.tax
        await self._gateway.post(
            "/signin/v1/clients",
            {"client_id": TAX_CLIENT, "name": TAX_NAME, "redirect_uris": [tax.config.redirect_uri], "jwks": tax.jwks()},
        )
        self._started = True

    async def populate(self, progress: Progress | None = None) -> None:
        """Settle everybody who is not settled yet; `progress` is told how far it is."""

        def note(settled: int, total: int) -> None:
            self.progress = (settled, total)
            if progress is not None:
                progress(settled, total)

        await self._population.settle_all(note)

    async def aclose(self) -> None:
        """Close everything; what was acknowledged is on the disk already."""
        if self._pool is not None:
            self._pool.close()
        await self.http.aclose()
        self.parties.close()
        self.things.close()


def _personas(meta: Meta, file: Path | None) -> dict[str, Persona]:
    """Return who could come: everybody who is written down, and as many made ones as the country was to have."""
    count = max(meta.people, len(load(file)))
    return {one.slug: one for one in people(count, meta.seed, file)}


def client(app: ASGIApp, url: str) -> httpx.AsyncClient:
    """Return a client for which `url` is `app`, and everything else the network."""
    local = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=_Network(), mounts={url: local}, base_url=url, timeout=30)


class _Network(httpx.AsyncBaseTransport):
    """The network, opened with the first request that needs it: reading the trusted roots of TLS takes a tenth of a
    second.
    """

    def __init__(self) -> None:
        self._opened: httpx.AsyncHTTPTransport | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request that is for somebody outside the country."""
        if self._opened is None:
            self._opened = httpx.AsyncHTTPTransport()
        return await self._opened.handle_async_request(request)

    async def aclose(self) -> None:
        """Close what was opened."""
        if self._opened is not None:
            await self._opened.aclose()


class Dispatch:
    """Hands each request to the application that owns its path; the longest prefix wins, `pages` takes the rest."""

    def __init__(self) -> None:
        self._routes: dict[str, ASGIApp] = {}
        self.pages: ASGIApp = PlainTextResponse(
            "There is no page here. See /control/v1/openapi.json\n", status_code=404
        )

    def mount(self, routes: Mapping[str, ASGIApp]) -> None:
        """Give path prefixes to applications."""
        self._routes = dict(sorted({**self._routes, **routes}.items(), key=lambda route: -len(route[0])))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._find(scope["path"])(scope, receive, _marked(send))

    def _find(self, path: str) -> ASGIApp:
        return next((app for prefix, app in self._routes.items() if path.startswith(prefix)), self.pages)


def _marked(send: Send) -> Send:
    """Add the header that says that nothing here is genuine."""

    async def marked(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), NAME_HEADER]}
        await send(message)

    return marked
