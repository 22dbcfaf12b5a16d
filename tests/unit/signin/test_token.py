# SPDX-License-Identifier: Apache-2.0
"""The token endpoint, check by check in Keycloak's order; codes and refresh tokens."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlencode

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tegata.crypto.keys import SoftwareKey
from unit.signin.kit import CALLBACK, CERTS, TOKEN, USERINFO, VERIFIER, Party, Phone, World


@pytest.fixture
def phone(world: World, rsa_keys: Sequence[SoftwareKey]) -> Phone:
    """Return a phone that may sign in."""
    return world.phone(rsa_keys[0])


def told(response: httpx.Response) -> tuple[int, str, str]:
    """Return status, error and description."""
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert list(body) == ["error", "error_description"]
    return response.status_code, body["error"], body["error_description"]


def refuse(world: World, phone: Phone, **changes: str | None) -> tuple[int, str, str]:
    """Sign in, ask for tokens with a changed form, and return what was told."""

    async def story() -> httpx.Response:
        return await world.token(world.party.form(await world.code(phone), **changes))

    return told(asyncio.run(story()))


GRANT_MISSING = (400, "invalid_request", "Missing form parameter: grant_type")
NOT_VALID = (400, "invalid_grant", "Code not valid")


def test_row_1_the_grant_type_must_be_in_the_form(world: World) -> None:
    """Missing, in the query, or in a body of another type: the text that the real service is known to give."""

    async def story() -> list[httpx.Response]:
        form = urlencode(world.party.form("x"))
        return [
            await world.token({}),
            await world.http.post(f"{TOKEN}?{form}"),
            await world.http.post(TOKEN, content=form, headers={"Content-Type": "text/plain"}),
            await world.http.post(TOKEN, json=world.party.form("x")),
        ]

    assert {told(response) for response in asyncio.run(story())} == {GRANT_MISSING}


@pytest.mark.parametrize("grant", ["", "password", "implicit", "client_credentials", "Authorization_Code"])
def test_row_2_other_grants_are_not_offered(world: World, grant: str) -> None:
    """It comes before the client is looked at."""
    response = asyncio.run(world.token({"grant_type": grant}))
    assert told(response) == (400, "unsupported_grant_type", "Unsupported grant_type")


def test_row_3a_an_unknown_client(world: World) -> None:
    """Whoever is not registered, or shows nothing, gets the same answer."""
    stranger = Party("RP99999999")
    expected = (401, "invalid_client", "Invalid client or Invalid client credentials")
    assert told(asyncio.run(world.token(stranger.form("x")))) == expected
    bare = {"grant_type": "authorization_code", "client_id": world.party.client_id, "client_secret": "x"}
    assert told(asyncio.run(world.token(bare))) == expected


def test_row_3_comes_before_row_4_and_row_4_before_row_5(world: World) -> None:
    """A repeated parameter counts only for a client that has proved itself."""
    good = urlencode(world.party.form("x", code=None))
    bad = urlencode(world.party.form("x", code=None, client_assertion="nonsense"))
    assert told(asyncio.run(world.token(f"{bad}&scope=a&scope=b".encode())))[1] == "invalid_client"
    response = asyncio.run(world.token(f"{good}&scope=a&scope=b".encode()))
    assert told(response) == (400, "invalid_request", "duplicated parameter")


def test_row_5_no_code(world: World) -> None:
    """A code that is absent is another thing than one that is empty."""
    response = asyncio.run(world.token(world.party.form("", code=None)))
    assert told(response) == (400, "invalid_request", "Missing parameter: code")


@pytest.mark.parametrize("code", ["", "x", "A" * 43, "コード"])
def test_row_6_a_wrong_code(world: World, code: str) -> None:
    """Wrong or empty."""
    assert told(asyncio.run(world.token(world.party.form(code)))) == NOT_VALID


def test_row_6_a_code_lives_sixty_seconds(world: World, phone: Phone) -> None:
    """At the sixtieth second it is dead, a second earlier it is not."""

    async def story(seconds: int) -> httpx.Response:
        code = await world.code(phone)
        world.clock.advance(seconds=seconds)
        return await world.token(world.party.form(code))

    assert asyncio.run(story(59)).status_code == 200
    assert told(asyncio.run(story(60))) == NOT_VALID


def test_row_7_another_redirect_uri(world: World, phone: Phone) -> None:
    """Also none at all."""
    expected = (400, "invalid_grant", "Incorrect redirect_uri")
    assert refuse(world, phone, redirect_uri=CALLBACK + "/") == expected
    assert refuse(world, phone, redirect_uri=None) == expected


def test_row_8_another_client(world: World, phone: Phone) -> None:
    """A code is bound to the client that asked for it."""
    other = Party("RP00000002", now=world.clock.now)
    world.service.register(other.registration(), other.client_id)

    async def story() -> list[httpx.Response]:
        code = await world.code(phone)
        return [await world.token(other.form(code)), await world.token(world.party.form(code))]

    first, second = asyncio.run(story())
    assert told(first) == (400, "invalid_grant", "Auth error: Found different client_id in clientSession")
    assert told(second) == NOT_VALID


def test_row_9_the_proof_key(world: World, phone: Phone) -> None:
    """Absent, malformed, wrong (RFC 7636 §4.6)."""
    malformed = (400, "invalid_grant", "PKCE verification failed: Invalid code verifier")
    assert refuse(world, phone, code_verifier=None) == (400, "invalid_grant", "PKCE code verifier not specified")
    for verifier in ("", "v" * 42, "v" * 129, "v" * 42 + "=", "v" * 42 + "\n", "ｖ" * 43):
        assert refuse(world, phone, code_verifier=verifier) == malformed
    mismatch = (400, "invalid_grant", "PKCE verification failed: Code mismatch")
    assert refuse(world, phone, code_verifier="w" * 43) == mismatch


SPENDING = {"redirect_uri": "x", "code_verifier": "w" * 43}


@pytest.mark.parametrize("name", SPENDING)
def test_a_failure_from_row_6_on_spends_the_code(world: World, phone: Phone, name: str) -> None:
    """Nobody may try again with a better guess."""

    async def story() -> list[httpx.Response]:
        code = await world.code(phone)
        wrong = world.party.form(code, **{name: SPENDING[name]})
        return [await world.token(wrong), await world.token(world.party.form(code))]

    first, second = asyncio.run(story())
    assert first.status_code == 400
    assert told(second) == NOT_VALID


def test_a_failed_authentication_of_the_client_does_not_spend_the_code(world: World, phone: Phone) -> None:
    """Otherwise anybody who sees a code could destroy it."""

    async def story() -> list[httpx.Response]:
        code = await world.code(phone)
        wrong = world.party.form(code, client_assertion="nonsense")
        return [await world.token(wrong), await world.token(world.party.form(code))]

    assert [response.status_code for response in asyncio.run(story())] == [400, 200]


@pytest.mark.parametrize("seconds", [0, 30, 299])
def test_a_code_that_comes_twice_revokes_what_it_gave(world: World, phone: Phone, seconds: int) -> None:
    """At once or later (RFC 6749 §4.1.2): access and refresh token are dead."""

    async def story() -> None:
        code = await world.code(phone)
        tokens = (await world.token(world.party.form(code))).json()
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        world.clock.advance(seconds=seconds)
        assert (await world.http.get(USERINFO, headers=bearer)).status_code == 200
        assert told(await world.token(world.party.form(code))) == NOT_VALID
        assert (await world.http.get(USERINFO, headers=bearer)).status_code == 401
        again = await world.token(world.party.refresh(tokens["refresh_token"]))
        assert told(again) == (400, "invalid_grant", "Invalid refresh token")

    asyncio.run(story())


# -- refreshing -------------------------------------------------------------------------------------------------------


def test_a_refresh_gives_new_tokens_for_the_same_person(world: World, phone: Phone) -> None:
    """Same subject, session and authentication time; no nonce (OpenID Connect Core §12.2)."""

    async def story() -> None:
        first = await world.tokens(phone)
        world.clock.advance(minutes=20)
        second = (await world.token(world.party.refresh(first["refresh_token"]))).json()
        keys = KeySet.import_key_set((await world.http.get(CERTS)).json())
        old, new = (jwt.decode(one["id_token"], keys, algorithms=["ES256"]).claims for one in (first, second))
        assert new["iat"] == old["iat"] + 1200
        assert "nonce" not in new
        for name in ("sub", "sid", "auth_time", "aud", "iss"):
            assert new[name] == old[name]
        assert second["session_state"] == first["session_state"]
        bearer = {"Authorization": f"Bearer {second['access_token']}"}
        assert (await world.http.get(USERINFO, headers=bearer)).status_code == 200

    asyncio.run(story())


def test_a_bad_expired_or_foreign_refresh_token(world: World, phone: Phone) -> None:
    """All get the same answer."""
    other = Party("RP00000002", now=world.clock.now)
    world.service.register(other.registration(), other.client_id)

    async def story() -> list[httpx.Response]:
        token = (await world.tokens(phone))["refresh_token"]
        foreign = await world.token(other.refresh(token))
        bad = await world.token(world.party.refresh(token + "x"))
        world.clock.advance(seconds=1800)
        return [foreign, bad, await world.token(world.party.refresh(token))]

    assert {told(response) for response in asyncio.run(story())} == {(400, "invalid_grant", "Invalid refresh token")}


def test_a_refresh_cannot_widen_the_scope(world: World, phone: Phone) -> None:
    """And it needs its parameter."""

    async def story() -> list[httpx.Response]:
        token = (await world.tokens(phone))["refresh_token"]
        return [
            await world.token(world.party.refresh(token, scope="openid name")),
            await world.token(world.party.refresh(token, refresh_token=None)),
            await world.token(world.party.refresh(token, scope="openid")),
        ]

    wide, missing, same = asyncio.run(story())
    assert told(wide) == (400, "invalid_scope", "Invalid scopes")
    assert told(missing) == (400, "invalid_request", "No refresh token")
    assert same.status_code == 200


def test_refreshing_ends_with_the_session(make_world: Callable[..., World], rsa_keys: Sequence[SoftwareKey]) -> None:
    """However often it is done, and no token outlives the session."""
    world = make_world(session_lifetime=2000)
    phone = world.phone(rsa_keys[0])

    async def story() -> None:
        tokens = await world.tokens(phone)
        world.clock.advance(seconds=1750)
        tokens = (await world.token(world.party.refresh(tokens["refresh_token"]))).json()
        assert (tokens["expires_in"], tokens["refresh_expires_in"]) == (250, 250)
        world.clock.advance(seconds=250)
        assert (await world.token(world.party.refresh(tokens["refresh_token"]))).status_code == 400

    asyncio.run(story())


def test_a_refresh_token_may_be_single_use(make_world: Callable[..., World], rsa_keys: Sequence[SoftwareKey]) -> None:
    """A switch; by default a repeated refresh, as after a lost answer, succeeds."""

    def run(world: World) -> list[int]:
        phone = world.phone(rsa_keys[0])

        async def story() -> list[int]:
            token = (await world.tokens(phone))["refresh_token"]
            return [(await world.token(world.party.refresh(token))).status_code for _ in range(2)]

        return asyncio.run(story())

    world = make_world(refresh_single_use=True)
    assert run(world) == [200, 400]
    world.service.close()
    world.switches = {}
    world.start()
    assert run(world) == [200, 200]


# -- what else may come -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"grant_type=%FF", b"grant_type=\xff", b"a=1&" * 101, b"x" * 70_000])
def test_a_body_that_cannot_be_read(world: World, body: bytes) -> None:
    """Not UTF-8, not ASCII, too many parameters, too long."""
    assert told(asyncio.run(world.token(body))) == (400, "invalid_request", "Malformed form body")


def test_only_post(world: World) -> None:
    """The token endpoint has no GET."""
    assert asyncio.run(world.http.get(f"{TOKEN}?{urlencode(world.party.form('x'))}")).status_code == 405


def test_the_code_is_bound_to_nothing_that_its_finder_has(world: World, phone: Phone) -> None:
    """Codes of two sign-ins differ, and neither contains the request's identifier."""

    async def story() -> tuple[str, str, str]:
        url = await world.begin()
        await phone.approve(world.http, url)
        first = (await world.http.get(f"{url}/continue")).headers["location"]
        return url.rpartition("/")[2], first, await world.code(phone)

    request_id, first, second = asyncio.run(story())
    assert request_id not in first
    assert second not in first
    assert len(VERIFIER) == 43


Story = Callable[[], Awaitable[None]]
