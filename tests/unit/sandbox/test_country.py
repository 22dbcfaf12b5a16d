# SPDX-License-Identifier: Apache-2.0
"""A country as a whole: who owns which path, how far it says it is, what it leaves behind when it cannot be opened."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from tegata.clock import SetClock
from tegata.crypto.keys import SoftwareKey
from tegata.sandbox import datadir
from tegata.sandbox.country import Country, Dispatch
from tegata.storage import StorageError
from unit.refusal import refused
from unit.sandbox import kit
from unit.sandbox.kit import Town


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("/authority/v1/ca/signing.cer", "application/pkix-cert"),
        ("/crl/", "application/json"),
        ("/enrolment/v1/devices", "application/json"),
        ("/api/realms/main/.well-known/openid-configuration", "application/json"),
        ("/tax/jwks.json", "application/json"),
        ("/control/v1/clock", "application/json"),
        ("/healthz", "application/json"),
    ],
)
def test_each_public_address_is_answered_by_its_owner(town: Town, path: str, owner: str) -> None:
    """What anybody may read is there."""
    answer = town.send("GET", path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].split(";")[0] == owner


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/municipality/v1/residents/0", "wire.unauthorized"),
        ("/delivery/v1/transactions", "wire.unauthorized"),
        ("/signin/v1/clients", "wire.unauthorized"),
        ("/authority/v1/audit", "wire.unauthorized"),
        ("/kiosk/v1/sessions/none", "kiosk.unknown_session"),
        ("/shop/v1/contracts/none", "shop.unknown_contract"),
    ],
)
def test_each_partys_prefix_is_its_own(town: Town, path: str, reason: str) -> None:
    """A request about nothing, without a token, is refused by the very party that owns the path."""
    method = "POST" if path == "/delivery/v1/transactions" else "GET"
    answer = town.send(method, path, **({"json": {}} if method == "POST" else {}))
    assert (answer.status_code, answer.json()["reason"]) in ((401, reason), (404, reason))


@pytest.mark.parametrize("path", ["/", "/nothing", "/control", "/authority", "/tax", "/shop"])
def test_every_other_path_belongs_to_the_pages(town: Town, path: str) -> None:
    """Where no pages are shown, it says where to look instead."""
    answer = town.send("GET", path)
    assert answer.status_code == 404
    assert "openapi.json" in answer.text


def test_every_answer_says_that_nothing_is_genuine(town: Town) -> None:
    """Good answers, refusals and unknown paths alike carry the mark."""
    for path in ("/healthz", "/control/v1/people/nobody", "/nothing", "/municipality/v1/residents/0"):
        assert "test country" in town.send("GET", path).headers["x-tegata"]


def test_the_longest_prefix_wins_and_nothing_but_http_is_answered() -> None:
    """Dispatch looks at the most exact owner first; what is no HTTP request gets no answer."""
    dispatch, seen = Dispatch(), []

    def app(name: str) -> Any:
        async def call(*_: Any) -> None:
            seen.append(name)

        return call

    dispatch.mount({"/a/": app("short")})
    dispatch.mount({"/a/b/": app("long")})

    async def call(kind: str, path: str) -> None:
        await dispatch({"type": kind, "path": path}, lambda: None, lambda _: None)  # type: ignore[arg-type, return-value]

    for kind, path in (("http", "/a/b/c"), ("http", "/a/c"), ("websocket", "/a/c"), ("lifespan", "/a/c")):
        asyncio.run(call(kind, path))
    assert seen == ["long", "short"]


def test_health_goes_from_starting_over_settling_to_ready(tmp_path: Path, rsa_keys: Sequence[SoftwareKey]) -> None:
    """Who asks too early is never told that an empty country is ready."""
    keys = kit.over_and_over(rsa_keys)

    async def states() -> list[tuple[str, int, int]]:
        with datadir.opened(tmp_path, people=2, seed=1) as directory:
            country = Country.open(directory, url=kit.URL, keys=keys, clock=SetClock(kit.NOW))
            found = [country.health()]
            await country.start()
            found.append(country.health())
            await country.populate(lambda *_: found.append(country.health()))
            await country.aclose()
        return [(one["status"], one["settled"], one["people"]) for one in found]

    first, *rest = asyncio.run(states())
    assert first[0] == "starting"
    assert rest == [("settling", 0, 2), ("settling", 0, 2), ("settling", 1, 2), ("ready", 2, 2)]


def test_anybody_written_down_may_come_to_a_small_country(tmp_path: Path, rsa_keys: Sequence[SoftwareKey]) -> None:
    """`--people 1` limits who is there at first, not who could come: the story needs its heroine anywhere."""
    with kit.town(tmp_path, kit.over_and_over(rsa_keys), people=1) as town:
        could_come = {one["persona"] for one in town.get("/personas")["personas"]}
        here = {one["slug"] for one in town.get("/people")["people"]}
    assert len(could_come) == 12
    assert len(here) == 1
    assert here < could_come


def test_a_country_that_cannot_be_opened_lets_go_of_everything(tmp_path: Path, rsa_keys: Sequence[SoftwareKey]) -> None:
    """A damaged file ends the opening with a reason, and no thread goes on making keys for nobody."""
    with kit.town(tmp_path, kit.over_and_over(rsa_keys)):
        pass
    (tmp_path / "shop.sqlite").write_bytes(b"no database" * 500)
    before = threading.active_count()
    with datadir.opened(tmp_path) as directory, refused("storage.corrupt", StorageError):
        Country.open(directory, url=kit.URL)
    assert threading.active_count() == before


def test_outside_addresses_are_not_the_countrys(town: Town) -> None:
    """Only its own address is carried to its own application; the rest would go to the network."""
    mounts = town.country.http._mounts
    assert [pattern.pattern for pattern in mounts] == [kit.URL]
    assert isinstance(next(iter(mounts.values())), httpx.ASGITransport)
