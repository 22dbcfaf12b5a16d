# SPDX-License-Identifier: Apache-2.0
"""The tax office against the real sign-in service: log in, stay logged in, log out; and every way it can fail."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from tegata.crypto.keys import Algorithm, SoftwareKey
from tegata.crypto.vault import Vault
from tegata.relying.tax.config import Config
from tegata.relying.tax.http import create_app
from tegata.relying.tax.service import TaxOffice
from tegata.signin import http as signin_http
from unit.signin.kit import BASE, ISSUER, Phone, World, request_url

CLIENT = "RPTAX"


class Town:
    """A sign-in service and a tax office in one place, and a browser (`http`) that visits both."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.provider_answers = True
        self.keys_made = 0
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(self), base_url=BASE)
        self.between = httpx.AsyncClient(transport=httpx.ASGITransport(self), base_url=BASE)
        self.lines: list[str] = []
        self.start()
        entry = {"name": "税務署", "redirect_uris": [self.tax.config.redirect_uri], "jwks": self.tax.jwks()}
        world.service.register(entry, CLIENT)

    def start(self) -> None:
        """Open the office, as at the start of a process."""

        def make(algorithm: Algorithm) -> SoftwareKey:
            self.keys_made += 1
            return SoftwareKey.generate(algorithm)

        vault = Vault.load_or_create(self.world.folder / "vault.key")
        config = Config(BASE, ISSUER, CLIENT)
        path = self.world.folder / "tax.db"
        self.tax = TaxOffice.open(config, self.world.clock, self.between, vault, path, keys=make)
        self.app = create_app(self.tax)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a request to the one whose path it is."""
        self.lines.append(scope["path"])
        if scope["path"].startswith("/tax"):
            await self.app(scope, receive, send)
        elif not self.provider_answers and not scope["path"].endswith("/auth"):
            raise httpx.ConnectError("nobody there")
        else:
            await signin_http.create_app(self.world.service)(scope, receive, send)

    async def begin(self) -> str:
        """Go to the login and return the address that the phone reads."""
        there = await self.http.get("/tax/login")
        assert there.status_code == 303
        return request_url((await self.http.get(there.headers["location"])).text)

    async def back(self, phone: Phone) -> str:
        """Sign in as far as the address that leads back to the office."""
        url = await self.begin()
        assert (await phone.approve(self.http, url)).status_code == 200
        return (await self.http.get(f"{url}/continue")).headers["location"]

    async def log_in(self, phone: Phone) -> dict[str, Any]:
        """Log in, and return what the office then knows."""
        home = await self.http.get(await self.back(phone))
        assert (home.status_code, home.headers["location"]) == (303, "/tax")
        return await self.session()

    async def session(self) -> dict[str, Any]:
        """Return what the office knows of this browser."""
        seen: dict[str, Any] = (await self.http.get("/tax/v1/session")).json()
        return seen


@pytest.fixture
def town(tmp_path: Path, rsa_keys: Sequence[SoftwareKey]) -> Town:
    """Return a town."""
    keys = {Algorithm.RSA_2048: rsa_keys[7], Algorithm.EC_P256: SoftwareKey.generate(Algorithm.EC_P256)}
    return Town(World(tmp_path, keys))


@pytest.fixture
def phone(town: Town, rsa_keys: Sequence[SoftwareKey]) -> Phone:
    """Return a phone that may sign in."""
    return town.world.phone(rsa_keys[0])


def failure(response: httpx.Response) -> str:
    """Return the reason with which a browser was sent home."""
    assert response.status_code == 303
    assert "tegata_tax=" not in response.headers.get("set-cookie", "")
    parts = urlsplit(response.headers["location"])
    assert parts.path == "/tax"
    return dict(parse_qsl(parts.query))["error"]


def test_a_person_logs_in_and_out(town: Town, phone: Phone) -> None:
    """The office knows a pairwise subject, and when and how strongly she proved herself; no more."""

    async def story() -> None:
        assert await town.session() == {"logged_in": False}
        seen = await town.log_in(phone)
        assert sorted(seen) == ["acr", "auth_time", "expires_at", "logged_in", "sub"]
        assert (seen["acr"], seen["auth_time"]) == ("aal3", "2026-11-24T03:00:00Z")
        assert len(seen["sub"]) == 43
        out = await town.http.post("/tax/v1/logout")
        assert out.json() == await town.session() == {"logged_in": False}
        assert (await town.log_in(phone))["sub"] == seen["sub"]

    asyncio.run(story())


def test_the_request_is_what_the_reference_asks_for(town: Town) -> None:
    """Every required parameter, and nothing of the person."""
    there = asyncio.run(town.http.get("/tax/login"))
    parts = urlsplit(there.headers["location"])
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{ISSUER}/protocol/openid-connect/auth"
    query = dict(parse_qsl(parts.query))
    fixed = {name: query.pop(name) for name in ("response_type", "scope", "client_id", "redirect_uri")}
    assert fixed == {
        "response_type": "code",
        "scope": "openid",
        "client_id": CLIENT,
        "redirect_uri": f"{BASE}/tax/callback",
    }
    assert query.pop("code_challenge_method") == "S256"
    assert query.pop("acr_values") == "aal3"
    assert sorted(query) == ["code_challenge", "nonce", "state"]
    assert {len(value) for value in query.values()} == {43}


def test_the_cookies_are_closed_to_scripts_and_other_sites(town: Town, phone: Phone) -> None:
    """HttpOnly, SameSite=Lax, below /tax only."""

    async def story() -> list[str]:
        there = await town.http.get("/tax/login")
        home = await town.http.get(await town.back(phone))
        return [there.headers["set-cookie"], home.headers["set-cookie"]]

    for cookie in asyncio.run(story()):
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "Path=/tax" in cookie
        assert "Max-Age=" in cookie


def test_two_tabs_do_not_disturb_each_other(town: Town, phone: Phone) -> None:
    """Both logins of one browser end well."""

    async def story() -> None:
        first, second = await town.back(phone), await town.back(phone)
        for location in (second, first):
            assert (await town.http.get(location)).headers["location"] == "/tax"

    asyncio.run(story())


def test_an_answer_belongs_to_the_browser_that_began(town: Town, phone: Phone) -> None:
    """Login CSRF: an attacker's answer in somebody else's browser does not log her in as the attacker."""

    async def story() -> None:
        location = await town.back(phone)
        victim = httpx.AsyncClient(transport=httpx.ASGITransport(town), base_url=BASE)
        assert failure(await victim.get(location)) == "tax.other_browser"
        await victim.get("/tax/login")
        assert failure(await victim.get(location)) == "tax.other_browser"
        assert (await town.http.get(location)).headers["location"] == "/tax"

    asyncio.run(story())


def test_the_same_answer_gives_the_same_session(town: Town, phone: Phone) -> None:
    """A browser that lost the answer repeats it; the code is not sent twice."""

    async def story() -> None:
        location = await town.back(phone)
        first = await town.http.get(location)
        sent = len([line for line in town.lines if line.endswith("/token")])
        again = await town.http.get(location)
        assert first.headers["set-cookie"].split(";")[0] == again.headers["set-cookie"].split(";")[0]
        assert len([line for line in town.lines if line.endswith("/token")]) == sent == 1
        await town.http.post("/tax/v1/logout")
        assert failure(await town.http.get(location)) == "tax.login_unknown"

    asyncio.run(story())


def test_the_same_answer_twice_at_once(town: Town, phone: Phone) -> None:
    """An impatient double click sends the code once."""

    async def story() -> list[str]:
        location = await town.back(phone)
        both = await asyncio.gather(town.http.get(location), town.http.get(location))
        return [response.headers["location"] for response in both]

    assert asyncio.run(story()) == ["/tax", "/tax"]
    assert len([line for line in town.lines if line.endswith("/token")]) == 1


CHANGED: dict[str, tuple[Callable[[dict[str, str]], dict[str, str]], str]] = {
    "no state": (lambda query: {"code": query["code"]}, "tax.login_unknown"),
    "another state": (lambda query: query | {"state": "x"}, "tax.login_unknown"),
    "no code": (lambda query: {"state": query["state"]}, "tax.login_failed"),
    "another code": (lambda query: query | {"code": "x"}, "tax.provider_refused"),
    "another issuer": (lambda query: query | {"iss": "https://evil.example"}, "tax.other_issuer"),
    "an error beside the code": (lambda query: query | {"error": "server_error"}, "tax.login_failed"),
}


@pytest.mark.parametrize(("change", "reason"), CHANGED.values(), ids=CHANGED.keys())
def test_an_answer_that_was_tampered_with(
    town: Town, phone: Phone, change: Callable[[dict[str, str]], dict[str, str]], reason: str
) -> None:
    """Nobody is logged in, and the login is over."""

    async def story() -> None:
        query = dict(parse_qsl(urlsplit(await town.back(phone)).query))
        assert failure(await town.http.get("/tax/callback", params=change(query))) == reason
        assert await town.session() == {"logged_in": False}

    asyncio.run(story())


def test_a_doubled_parameter_counts_as_none(town: Town, phone: Phone) -> None:
    """Which of the two codes would it be?"""

    async def story() -> None:
        location = await town.back(phone)
        assert failure(await town.http.get(f"{location}&code=x")) == "tax.login_failed"

    asyncio.run(story())


def test_a_failed_login_stays_failed(town: Town, phone: Phone) -> None:
    """A second try with the right code is too late: begin again."""

    async def story() -> None:
        location = await town.back(phone)
        query = dict(parse_qsl(urlsplit(location).query))
        assert failure(await town.http.get("/tax/callback", params=query | {"code": "x"})) == "tax.provider_refused"
        assert failure(await town.http.get(location)) == "tax.provider_refused"
        assert (await town.log_in(phone))["logged_in"]

    asyncio.run(story())


def test_the_issuer_may_join_the_answer(town: Town, phone: Phone) -> None:
    """RFC 9207: the right one is welcome."""
    town.world.switches = {"callback_iss": True}
    town.world.restart()
    assert asyncio.run(town.log_in(phone))["logged_in"]


def test_cancelling_leads_home(town: Town) -> None:
    """With the reason."""

    async def story() -> str:
        url = await town.begin()
        back = await town.http.post(f"{url}/cancel")
        return failure(await town.http.get(back.headers["location"]))

    assert asyncio.run(story()) == "tax.denied"


def test_a_login_takes_a_quarter_of_an_hour_at_most(town: Town, phone: Phone) -> None:
    """Then its answer is not known any more."""

    async def story() -> str:
        there = await town.http.get("/tax/login")
        town.world.clock.advance(minutes=15)
        url = request_url((await town.http.get(there.headers["location"])).text)
        await phone.approve(town.http, url)
        back = await town.http.get(f"{url}/continue")
        return failure(await town.http.get(back.headers["location"]))

    assert asyncio.run(story()) == "tax.login_unknown"


def test_a_session_ends_after_half_an_hour(town: Town, phone: Phone) -> None:
    """To the second, whatever the cookie says."""

    async def story() -> None:
        await town.log_in(phone)
        town.world.clock.advance(minutes=29, seconds=59)
        assert (await town.session())["logged_in"]
        town.world.clock.advance(seconds=1)
        assert await town.session() == {"logged_in": False}

    asyncio.run(story())


def test_a_cookie_that_was_made_up(town: Town) -> None:
    """Nobody is logged in with it."""
    for cookie in ("x", "A" * 43, "é"):
        seen = asyncio.run(town.http.get("/tax/v1/session", headers={"Cookie": f"tegata_tax={cookie}".encode()}))
        assert seen.json() == {"logged_in": False}


def test_a_silent_provider(town: Town, phone: Phone) -> None:
    """Before the code was sent nothing is lost: the same answer works once the provider is back."""

    async def story() -> None:
        location = await town.back(phone)
        town.provider_answers = False
        assert failure(await town.http.get(location)) == "tax.provider_unavailable"
        town.provider_answers = True
        assert (await town.http.get(location)).headers["location"] == "/tax"

    asyncio.run(story())


def test_the_office_follows_the_providers_keys(town: Town, phone: Phone) -> None:
    """An unknown `kid` makes it look again; keys are not fetched anew otherwise."""

    async def story() -> None:
        await town.log_in(phone)
        await town.log_in(phone)
        assert len([line for line in town.lines if line.endswith("/certs")]) == 1
        fresh = {alg: SoftwareKey.generate(alg) for alg in town.world.keys if not alg.is_rsa}
        town.world.keys = {**town.world.keys, **fresh}
        town.world.restart()
        town.world.service.renew_keys()
        town.world.clock.advance(minutes=1)
        assert (await town.log_in(phone))["logged_in"]
        assert len([line for line in town.lines if line.endswith("/certs")]) == 2

    asyncio.run(story())


def test_a_restart_keeps_key_logins_and_sessions(town: Town, phone: Phone) -> None:
    """The key is made once; a login under way goes on; who is logged in stays so."""

    async def story() -> None:
        seen = await town.log_in(phone)
        location, jwks = await town.back(phone), town.tax.jwks()
        town.start()
        await town.tax.recover()
        assert town.keys_made == 1
        assert (await town.http.get("/tax/jwks.json")).json() == jwks == town.tax.jwks()
        assert await town.session() == seen
        assert (await town.http.get(location)).headers["location"] == "/tax"

    asyncio.run(story())


def test_the_disk_holds_no_secret_in_the_clear(town: Town, phone: Phone) -> None:
    """No state, cookie, verifier or key."""

    async def story() -> list[str]:
        location = await town.back(phone)
        await town.http.get(location)
        query = dict(parse_qsl(urlsplit(location).query))
        return [query["code"], query["state"], *(cookie.value or "" for cookie in town.http.cookies.jar)]

    secrets = [secret for secret in asyncio.run(story()) if secret]
    town.tax.close()
    disk = b"".join(file.read_bytes() for file in town.world.folder.glob("tax.db*"))
    assert len(secrets) >= 4
    assert [secret for secret in secrets if secret.encode() in disk] == []


@pytest.mark.parametrize("path", ["/tax/login", "/tax/callback"])
def test_a_preview_of_a_link_begins_nothing(town: Town, path: str) -> None:
    """HEAD is not allowed."""
    assert asyncio.run(town.http.head(path)).status_code == 405


def test_logging_out_takes_a_post(town: Town) -> None:
    """A picture in somebody's page cannot log a person out."""
    assert asyncio.run(town.http.get("/tax/v1/logout")).status_code == 405
