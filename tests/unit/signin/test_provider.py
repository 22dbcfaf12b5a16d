# SPDX-License-Identifier: Apache-2.0
"""What programs see besides the token endpoint: metadata, keys, userinfo, registration."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from tegata.crypto.keys import Algorithm, SoftwareKey
from tegata.jpki import assumptions
from tegata.signin import faults
from tegata.signin.errors import Refused
from tegata.signin.keys import ACCESS_ALG, ID_ALG, KeyRing, TokenKey
from tegata.signin.profile import Profile
from unit.refusal import refused
from unit.signin.kit import AUTH, BASE, CERTS, ISSUER, OPERATOR, TOKEN, USERINFO, Party, World

DISCOVERY = "/api/realms/main/.well-known/openid-configuration"

# -- metadata and keys ------------------------------------------------------------------------------------------------


def test_the_metadata_say_what_is_so(world: World) -> None:
    """The issuer has no trailing slash, and the endpoints are those of the real service."""
    told = asyncio.run(world.http.get(DISCOVERY)).json()
    assert told["issuer"] == ISSUER
    endpoints = {name: told[f"{name}_endpoint"] for name in ("authorization", "token", "userinfo")}
    assert endpoints == {"authorization": BASE + AUTH, "token": BASE + TOKEN, "userinfo": BASE + USERINFO}
    assert told["jwks_uri"] == BASE + CERTS
    assert told["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert told["id_token_signing_alg_values_supported"] == ["ES256"]
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert told["subject_types_supported"] == ["pairwise"]
    assert told["response_types_supported"] == ["code"]


def test_the_metadata_can_be_hidden(make_world: Callable[..., World]) -> None:
    """Unknown U1: no client of the real service uses them."""
    assert asyncio.run(make_world(discovery=False).http.get(DISCOVERY)).status_code == 404


def test_the_keys_are_public_and_named(world: World) -> None:
    """One for each kind of token, by thumbprint, and nothing private."""
    keys = asyncio.run(world.http.get(CERTS)).json()["keys"]
    assert [(key["kty"], key["alg"], key["use"]) for key in keys] in (
        [("RSA", "RS256", "sig"), ("EC", "ES256", "sig")],
        [("EC", "ES256", "sig"), ("RSA", "RS256", "sig")],
    )
    for key in keys:
        assert not {"d", "p", "q", "dp", "dq", "qi"} & set(key)
        assert key["kid"] == KeySet.import_key_set({"keys": [key]}).keys[0].thumbprint()


def test_signatures_have_their_full_length() -> None:
    """One in 128 ECDSA signatures has a number with a leading zero: it must not be dropped (RFC 7518 §3.4)."""
    ring = KeyRing([TokenKey.of(ID_ALG, SoftwareKey.generate(Algorithm.EC_P256))])
    for number in range(800):
        token = ring.sign(ID_ALG, {"n": number})
        assert len(token.rpartition(".")[2]) == 86
        assert ring.read(ID_ALG, token) == {"n": number}


def test_keys_are_renewed_without_breaking_tokens(world: World, rsa_keys: Sequence[SoftwareKey]) -> None:
    """New tokens name the new keys; old ones still verify, after a restart too; a day later the old keys are gone."""
    phone = world.phone(rsa_keys[0])

    async def story() -> None:
        before = await world.tokens(phone)
        world.keys = {**world.keys, **{alg: SoftwareKey.generate(alg) for alg in world.keys if not alg.is_rsa}}
        world.restart()
        renewed = await world.http.post("/signin/v1/keys", headers=OPERATOR)
        assert len(renewed.json()["keys"]) == 4
        after = await world.tokens(phone)
        keys = KeySet.import_key_set((await world.http.get(CERTS)).json())
        old, new = (jwt.decode(one["id_token"], keys, algorithms=["ES256"]) for one in (before, after))
        assert old.header["kid"] != new.header["kid"]
        assert old.claims["sub"] == new.claims["sub"]
        bearer = {"Authorization": f"Bearer {before['access_token']}"}
        assert (await world.http.get(USERINFO, headers=bearer)).status_code == 200
        world.clock.advance(hours=25)
        await world.http.post("/signin/v1/keys", headers=OPERATOR)
        kids = [key["kid"] for key in (await world.http.get(CERTS)).json()["keys"]]
        assert old.header["kid"] not in kids
        assert new.header["kid"] in kids

    asyncio.run(story())


# -- userinfo ---------------------------------------------------------------------------------------------------------


def challenge(world: World, method: str = "GET", **request: Any) -> tuple[int, str, bytes, str]:
    """Ask userinfo and return status, challenge, body and type."""
    response = asyncio.run(world.http.request(method, USERINFO, **request))
    headers = response.headers
    return response.status_code, headers["www-authenticate"], response.content, headers["content-type"]


BARE = (401, 'Bearer realm="main"', b"", "text/plain; charset=utf-8")
BAD = (
    401,
    'Bearer realm="main", error="invalid_token", error_description="Token verification failed"',
    b"",
    "text/plain; charset=utf-8",
)


def test_userinfo_without_a_token(world: World) -> None:
    """The challenge alone (RFC 6750 §3.1), also for another scheme, an empty token, or one in the query."""
    assert challenge(world) == BARE
    assert challenge(world, headers={"Authorization": "Basic eDp5"}) == BARE
    assert challenge(world, headers={"Authorization": "Bearer "}) == BARE
    assert challenge(world, params={"access_token": "x"}) == BARE
    assert challenge(world, "POST") == BARE


@pytest.mark.parametrize("token", ["x", "a.b.c", "e30.e30.", "....", "W10.W10.", "é"])
def test_userinfo_with_junk(world: World, token: str) -> None:
    """Refused, in the header."""
    assert challenge(world, headers={"Authorization": f"Bearer {token}".encode()}) == BAD


def forge(world: World, tokens: dict[str, Any]) -> dict[str, str]:
    """Return tokens that are not access tokens of ours, by what is wrong with them."""
    ring = world.service._ring
    claims = ring.read(ACCESS_ALG, tokens["access_token"])
    stranger = RSAKey.import_key(world.keys["rsa-2048"].to_pkcs8())  # type: ignore[index]
    head = {"alg": "RS256", "kid": "stranger"}
    payload = tokens["access_token"].split(".")
    return {
        "an ID token": tokens["id_token"],
        "an ID token's type": ring.sign(ACCESS_ALG, claims | {"typ": "ID"}),
        "another issuer": ring.sign(ACCESS_ALG, claims | {"iss": "https://other.example"}),
        "another session": ring.sign(ACCESS_ALG, claims | {"sid": "other"}),
        "expired": ring.sign(ACCESS_ALG, claims | {"exp": claims["iat"]}),
        "signed as an ID token": ring.sign(ID_ALG, claims),
        "an unknown key": jwt.encode(head, claims, stranger, algorithms=["RS256"]),
        "no signature": f"{payload[0]}.{payload[1]}.",
        "another payload": f"{payload[0]}.{payload[1][:-4]}AAAA.{payload[2]}",
    }


def test_userinfo_with_other_tokens(world: World, rsa_keys: Sequence[SoftwareKey]) -> None:
    """Type, issuer, session, time, key and signature are each looked at."""
    tokens = asyncio.run(world.tokens(world.phone(rsa_keys[0])))
    for name, token in forge(world, tokens).items():
        assert challenge(world, headers={"Authorization": f"Bearer {token}"}) == BAD, name


def test_userinfo_without_openid(world: World, rsa_keys: Sequence[SoftwareKey]) -> None:
    """403, as Keycloak has it."""
    tokens = asyncio.run(world.tokens(world.phone(rsa_keys[0])))
    ring = world.service._ring
    token = ring.sign(ACCESS_ALG, ring.read(ACCESS_ALG, tokens["access_token"]) | {"scope": "sign"})
    status, header, body, _ = challenge(world, headers={"Authorization": f"Bearer {token}"})
    assert (status, body) == (403, b"")
    assert header.endswith('error="insufficient_scope", error_description="Missing openid scope"')


def test_userinfo_takes_get_and_post(world: World, rsa_keys: Sequence[SoftwareKey]) -> None:
    """GET and POST with the header, POST with a form; not both at once (RFC 6750 §2)."""
    tokens = asyncio.run(world.tokens(world.phone(rsa_keys[0])))
    bearer, form = {"Authorization": f"bearer {tokens['access_token']}"}, {"access_token": tokens["access_token"]}

    async def story() -> list[int]:
        ask = world.http.request
        answers = [
            await ask("GET", USERINFO, headers=bearer),
            await ask("POST", USERINFO, headers=bearer),
            await ask("POST", USERINFO, data=form),
        ]
        assert len({answer.content for answer in answers}) == 1
        both = await ask("POST", USERINFO, headers=bearer, data=form)
        return [*(answer.status_code for answer in answers), both.status_code]

    assert asyncio.run(story()) == [200, 200, 200, 400]


def test_an_access_token_lives_five_minutes(world: World, rsa_keys: Sequence[SoftwareKey]) -> None:
    """To the second."""
    tokens = asyncio.run(world.tokens(world.phone(rsa_keys[0])))
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    world.clock.advance(seconds=299)
    assert asyncio.run(world.http.get(USERINFO, headers=bearer)).status_code == 200
    world.clock.advance(seconds=1)
    assert challenge(world, headers=bearer) == BAD


# -- registration -----------------------------------------------------------------------------------------------------


def register(world: World, entry: dict[str, Any], headers: dict[str, str] = OPERATOR) -> tuple[int, dict[str, Any]]:
    """Post a registration."""
    response = asyncio.run(world.http.post("/signin/v1/clients", json=entry, headers=headers))
    return response.status_code, response.json()


def test_only_the_operator_registers(world: World) -> None:
    """No token, a wrong one."""
    entry = Party("RP2").registration()
    assert register(world, entry, {})[0] == 401
    assert register(world, entry, {"Authorization": "Bearer wrong"})[0] == 401
    assert asyncio.run(world.http.get("/signin/v1/clients")).status_code == 401
    assert asyncio.run(world.http.put("/signin/v1/clients/RP2", json=entry)).status_code == 401
    assert asyncio.run(world.http.post("/signin/v1/keys")).status_code == 401


def test_a_client_is_registered_once_and_replaced_on_purpose(world: World) -> None:
    """The same keys may change addresses; other keys need PUT; without an identifier one is given."""
    entry = Party("RP2").registration()
    first = register(world, entry)
    world.clock.advance(days=1)
    assert register(world, entry) == first
    moved = entry | {"redirect_uris": ["https://rp.example/moved"]}
    assert register(world, moved)[1]["redirect_uris"] == ["https://rp.example/moved"]
    changed = Party("RP2").registration() | {"redirect_uris": ["https://rp.example/other"]}
    status, problem = register(world, changed)
    assert (status, problem["reason"]) == (409, "signin.client_taken")
    put = asyncio.run(world.http.put("/signin/v1/clients/RP2", json=changed, headers=OPERATOR))
    assert put.json()["redirect_uris"] == ["https://rp.example/other"]
    del entry["client_id"]
    assert [register(world, entry)[1]["client_id"] for _ in range(2)] == ["RP00000003", "RP00000004"]
    listed = asyncio.run(world.http.get("/signin/v1/clients", headers=OPERATOR)).json()["clients"]
    assert [one["client_id"] for one in listed] == ["RP00000001", "RP00000003", "RP00000004", "RP2"]
    world.restart()
    assert len(world.service.clients()) == 4


KEY = ECKey.generate_key("P-256").as_dict(private=False)
BAD_ENTRIES: dict[str, dict[str, Any]] = {
    "client_id": {"client_id": "RP-1"},
    "client_id too long": {"client_id": "R" * 256},
    "no name": {"name": None},
    "empty name": {"name": "  "},
    "name with a newline": {"name": "a\nb"},
    "name too long": {"name": "n" * 101},
    "no redirect_uris": {"redirect_uris": []},
    "redirect_uris a text": {"redirect_uris": "https://rp.example/"},
    "relative": {"redirect_uris": ["/callback"]},
    "plain http elsewhere": {"redirect_uris": ["http://rp.example/"]},
    "fragment": {"redirect_uris": ["https://rp.example/#"]},
    "script": {"redirect_uris": ["javascript:alert(1)"]},
    "custom scheme": {"redirect_uris": ["rp.example:/callback"]},
    "user in it": {"redirect_uris": ["https://rp.example@evil.example/"]},
    "no host": {"redirect_uris": ["https:///callback"]},
    "broken host": {"redirect_uris": ["https://[::1/"]},
    "a space": {"redirect_uris": ["https://rp.example/a b"]},
    "not ASCII": {"redirect_uris": ["https://例え.example/"]},
    "256 characters": {"redirect_uris": ["https://rp.example/" + "x" * 237]},
    "a number": {"redirect_uris": [1]},
    "no jwks": {"jwks": None},
    "no keys": {"jwks": {"keys": []}},
    "a key that is none": {"jwks": {"keys": ["x"]}},
    "a key for encryption": {"jwks": {"keys": [KEY | {"use": "enc"}]}},
    "another algorithm's key": {"jwks": {"keys": [KEY | {"alg": "RS256"}]}},
    "HMAC": {"jwks": {"keys": [{"kty": "oct", "alg": "HS256"}]}},
    "a point off the curve": {"jwks": {"keys": [KEY | {"x": "AA"}]}},
    "one kid twice": {"jwks": {"keys": [KEY | {"kid": "a"}, KEY | {"kid": "a"}]}},
    "kid a number": {"jwks": {"keys": [KEY | {"kid": 1}]}},
    "curve of Bitcoin": {"jwks": {"keys": [KEY | {"crv": "secp256k1"}]}},
}


@pytest.mark.parametrize("changes", BAD_ENTRIES.values(), ids=BAD_ENTRIES.keys())
def test_a_registration_that_cannot_be_used(world: World, changes: dict[str, Any]) -> None:
    """422 and the member; nothing is kept."""
    status, problem = register(world, Party("RP2").registration() | changes)
    assert (status, problem["reason"]) == (422, "signin.bad_client")
    assert problem["facts"]["field"] in ("client_id", "name", "redirect_uris", "jwks")
    assert len(world.service.clients()) == 1


def test_a_private_key_is_refused_with_advice(world: World) -> None:
    """The classical slip; the key is not kept and not shown."""
    private = ECKey.generate_key("P-256").as_dict(private=True)
    status, problem = register(world, Party("RP2").registration() | {"jwks": {"keys": [private]}})
    assert (status, problem["reason"]) == (422, "signin.private_key")
    assert str(private["d"]) not in str(problem)


def test_a_small_rsa_key_is_refused(world: World) -> None:
    """RFC 7518 §3.3 wants 2048 bits."""
    numbers = {"kty": "RSA", "n": "1" * 171, "e": "AQAB"}
    assert register(world, Party("RP2").registration() | {"jwks": {"keys": [numbers]}})[0] == 422


def test_plain_http_is_for_this_machine_and_this_country(world: World) -> None:
    """Loopback in its three spellings, and the country's own host."""
    uris = ["http://127.0.0.1:9/cb", "http://[::1]:9/cb", "http://localhost/cb", "http://country.test/cb"]
    assert register(world, Party("RP2").registration() | {"redirect_uris": uris})[0] == 201


# -- the profile ------------------------------------------------------------------------------------------------------


def test_every_switch_is_an_assumption_and_every_assumption_a_switch() -> None:
    """One place, and nothing there that the code does not know."""
    named = {name.removeprefix("signin.") for name in assumptions.table() if name.startswith("signin.")}
    assert named == set(Profile.__slots__)


def test_a_switch_takes_its_choices_only() -> None:
    """A value outside the table, or a switch that is none."""
    with refused("signin.bad_profile", Refused):
        Profile.assumed(acr="loa4")
    with refused("signin.bad_profile", Refused):
        Profile.assumed(colour="red")
    assert Profile.assumed(assertion_audiences=("issuer",)).assertion_audiences == ("issuer",)


def test_the_level_that_is_returned(make_world: Callable[..., World], rsa_keys: Sequence[SoftwareKey]) -> None:
    """Unknown U8: the level, the requested words, or none."""
    world = make_world()
    for choice, expected in (("level", "aal3"), ("requested", "aal3 crl"), ("none", None)):
        world.switches = {"acr": choice}
        world.restart()
        tokens = asyncio.run(world.tokens(world.phone(rsa_keys[0])))
        assert world.service._ring.read(ID_ALG, tokens["id_token"]).get("acr") == expected


def test_every_refusal_has_words_for_the_wire() -> None:
    """Each row has a status, and an error but for the bare challenge; and no row is in vain."""
    for reason, fault in faults.TABLE.items():
        assert fault.status in (400, 401, 403), reason
        assert fault.error or reason == "signin.userinfo.no_token"
