# SPDX-License-Identifier: Apache-2.0
"""A small country to try the country's own code on: no sockets, a set clock, one person with a card and a phone."""

import asyncio
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from tegata.clock import SetClock
from tegata.crypto.keys import Algorithm, SoftwareKey
from tegata.sandbox import datadir
from tegata.sandbox.country import Country, client

URL = "http://127.0.0.1:8440"
NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
BASE = "/control/v1"
CARD = "TGTC000000000001"
PHONE = "TGTP000000000001"
SECRETS = {"card_password": "ABC123", "auth_pin": "2580", "signing_password": "TEGATA2026"}


def over_and_over(stock: Sequence[SoftwareKey]) -> Callable[[Algorithm], SoftwareKey]:
    """Return a source of keys that begins again at its end: good enough where nobody compares keys."""
    rest = itertools.cycle(stock)
    return lambda algorithm: next(rest) if algorithm is Algorithm.RSA_2048 else SoftwareKey.generate(algorithm)


@dataclass(frozen=True, slots=True)
class Town:
    """An open country on a loop of its own."""

    country: Country
    runner: asyncio.Runner
    http: httpx.AsyncClient

    def send(self, method: str, path: str, **content: Any) -> httpx.Response:
        """Send one request."""
        return self.runner.run(self.http.request(method, path, **content))

    def get(self, path: str) -> Any:
        """Return the JSON at a control path that answers."""
        return self.send("GET", BASE + path).raise_for_status().json()

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Send a body to a control path that takes it."""
        return self.send("POST", BASE + path, json=body).raise_for_status().json()

    def together(self, *calls: tuple[str, str, dict[str, Any]]) -> list[httpx.Response]:
        """Send requests at the same time."""

        async def all_of_them() -> list[httpx.Response]:
            sent = [self.http.request(method, BASE + path, json=body) for method, path, body in calls]
            return await asyncio.gather(*sent)

        return self.runner.run(all_of_them())


@contextmanager
def town(folder: Path, keys: Callable[[Algorithm], SoftwareKey], *, url: str = URL, people: int = 0) -> Iterator[Town]:
    """Open a country with nobody in it yet, at NOW."""
    with datadir.opened(folder, people=people, seed=1) as directory, asyncio.Runner() as runner:
        country = Country.open(directory, url=url, keys=keys, clock=SetClock(NOW))
        runner.run(country.start())
        http = client(country.app, url)
        try:
            yield Town(country, runner, http)
        finally:
            runner.run(http.aclose())
            runner.run(country.aclose())
