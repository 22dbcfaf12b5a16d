# SPDX-License-Identifier: Apache-2.0
"""The tax office refuses every ID token that is not exactly the one it waits for (OpenID Connect Core §3.1.3.7)."""

import asyncio
import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey

from tegata.crypto.keys import Algorithm, SoftwareKey
from tegata.relying.errors import Refused, RelyingError, Unavailable
from tegata.relying.tax import rules
from tegata.relying.tax.config import Config
from tegata.relying.tax.id_token import Expected, check, key_id
from tegata.relying.tax.model import Identity, Login, LoginAct, LoginState
from tegata.relying.tax.provider import Provider
from unit.refusal import refused

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
NUMBER = int(NOW.timestamp())
ISSUER = "https://op.example/api/realms/main"
KEY = ECKey.generate_key("P-256")
JWK = {**KEY.as_dict(private=False), "kid": "k1", "alg": "ES256", "use": "sig"}
EXPECTED = Expected(ISSUER, "RPTAX", "nonce-1", "access-token")


def half(text: str) -> str:
    """Return the left half of a SHA-256, base64url."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).rstrip(b"=").decode()


GOOD: dict[str, Any] = {
    "iss": ISSUER,
    "sub": "subject",
    "aud": "RPTAX",
    "azp": "RPTAX",
    "exp": NUMBER + 300,
    "iat": NUMBER,
    "auth_time": NUMBER - 10,
    "nonce": "nonce-1",
    "at_hash": half("access-token"),
    "acr": "aal3",
}


def token(changes: dict[str, Any] | None = None, key: ECKey = KEY, **header: Any) -> str:
    """Return a signed ID token, changed as told (`None` leaves a claim out)."""
    claims = {name: value for name, value in (GOOD | (changes or {})).items() if value is not None}
    return jwt.encode({"alg": "ES256", "kid": "k1", **header}, claims, key, algorithms=["ES256"])


def look(text: str) -> Identity:
    """Check a token against the provider's one key."""
    key_id(text)
    return check(text, JWK, EXPECTED, NOW)


def test_the_awaited_token_passes() -> None:
    """And says who, when and how."""
    assert look(token()) == Identity("subject", datetime(2026, 11, 24, 2, 59, 50, tzinfo=UTC), "aal3")


ALSO_GOOD: dict[str, dict[str, Any]] = {
    "aud a list of one": {"aud": ["RPTAX"]},
    "aud a list with azp": {"aud": ["RPTAX", "other"]},
    "no azp": {"azp": None},
    "no acr": {"acr": None},
    "no auth_time": {"auth_time": None},
    "nbf now": {"nbf": NUMBER},
    "exp a little past": {"exp": NUMBER - 14},
    "iat a little ahead": {"iat": NUMBER + 15},
    "fractions": {"exp": NUMBER + 0.5},
}


@pytest.mark.parametrize("changes", ALSO_GOOD.values(), ids=ALSO_GOOD.keys())
def test_what_the_standard_allows_passes_too(changes: dict[str, Any]) -> None:
    """Optional claims, both forms of aud, clocks that differ a little."""
    assert look(token(changes)).subject == "subject"


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "another issuer": ({"iss": "https://evil.example"}, "issuer"),
    "issuer with a slash": ({"iss": ISSUER + "/"}, "issuer"),
    "no issuer": ({"iss": None}, "issuer"),
    "another audience": ({"aud": "other", "azp": None}, "audience"),
    "no audience": ({"aud": None}, "audience"),
    "audience a number": ({"aud": 7}, "audience"),
    "several audiences without azp": ({"aud": ["RPTAX", "other"], "azp": None}, "audience"),
    "another azp": ({"azp": "other"}, "audience"),
    "expired": ({"exp": NUMBER - 15}, "expired"),
    "too old": ({"iat": NUMBER - 601}, "expired"),
    "from the future": ({"iat": NUMBER + 16}, "not_yet"),
    "not valid yet": ({"nbf": NUMBER + 16}, "not_yet"),
    "no exp": ({"exp": None}, "malformed"),
    "no iat": ({"iat": None}, "malformed"),
    "exp a text": ({"exp": "9999999999"}, "malformed"),
    "exp a truth": ({"exp": True}, "malformed"),
    "exp beyond all dates": ({"exp": 1e300}, "malformed"),
    "auth_time a text": ({"auth_time": "now"}, "malformed"),
    "another nonce": ({"nonce": "nonce-2"}, "nonce"),
    "no nonce": ({"nonce": None}, "nonce"),
    "nonce not ASCII": ({"nonce": "のんす"}, "nonce"),
    "nonce a list": ({"nonce": ["nonce-1"]}, "nonce"),
    "another access token": ({"at_hash": half("other")}, "access_token"),
    "no at_hash": ({"at_hash": None}, "access_token"),
    "no sub": ({"sub": None}, "subject"),
    "empty sub": ({"sub": ""}, "subject"),
    "sub a number": ({"sub": 7}, "subject"),
    "sub too long": ({"sub": "s" * 256}, "subject"),
}


@pytest.mark.parametrize(("changes", "reason"), WRONG.values(), ids=WRONG.keys())
def test_every_claim_counts(changes: dict[str, Any], reason: str) -> None:
    """One wrong claim, and nobody is logged in."""
    with refused(f"tax.id_token_{reason}", Refused):
        look(token(changes))


def parts(header: object, claims: object = GOOD, signature: str = "") -> str:
    """Return three parts that look like a JWT."""
    encoded = [base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode() for one in (header, claims)]
    return ".".join([*encoded, signature])


def test_the_algorithm_is_not_the_tokens_to_choose() -> None:
    """None, HMAC with the public key, RSA, another curve: all refused before any key is touched."""
    signed = parts({"alg": "HS256", "kid": "k1"}).rstrip(".")
    mac = hmac.digest(KEY.as_pem(private=False), signed.encode(), "sha256")
    confused = f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    for forged in (parts({"alg": "none", "kid": "k1"}), confused, parts({"alg": "ES384", "kid": "k1"}, signature="AA")):
        with refused("tax.id_token_algorithm", Refused):
            look(forged)


def test_the_signature_is_the_providers() -> None:
    """Another key, another payload, no signature."""
    good = token()
    head, payload, signature = good.split(".")
    other = ".".join([head, parts({}, GOOD | {"sub": "else"}).split(".")[1], signature])
    for forged in (token(key=ECKey.generate_key("P-256")), other, f"{head}.{payload}."):
        with refused("tax.id_token_signature", Refused):
            look(forged)


JUNK = ["", "x", "a.b.c", "....", parts(["alg"]), parts({"kid": "k1"}), "あ.い.う"]


@pytest.mark.parametrize("junk", JUNK)
def test_junk_is_no_token(junk: str) -> None:
    """Refused, and nothing breaks."""
    with refused("tax.id_token_malformed", Refused):
        look(junk)


def test_a_key_must_be_named_and_of_the_right_kind() -> None:
    """No kid; a key for something else; half a key."""
    registry = {"alg": "ES256"}
    nameless = jws.serialize_compact(registry, json.dumps(GOOD), KEY, algorithms=["ES256"])
    with refused("tax.id_token_key", Refused):
        look(nameless)
    for jwk in ({**JWK, "use": "enc"}, {**JWK, "alg": "ES384"}, {"kty": "RSA"}, {**JWK, "crv": "P-384"}, {}):
        with refused("tax.id_token_key", Refused):
            check(token(), jwk, EXPECTED, NOW)
    with refused("tax.id_token_signature", Refused):
        check(token(), {"kty": "EC", "crv": "P-256", "x": "AA"}, EXPECTED, NOW)


# -- the provider's answers -------------------------------------------------------------------------------------------


def provider(answer: httpx.Response) -> Provider:
    """Return the office's side of the talk with a provider that always answers the same."""
    client = httpx.AsyncClient(transport=httpx.MockTransport(lambda request: answer))
    key = SoftwareKey.generate(Algorithm.EC_P256)
    return Provider(Config("https://tax.example", ISSUER, "RPTAX"), client, key, lambda: "unique")


WHOLE = {"access_token": "a", "id_token": "i", "token_type": "Bearer"}
TOKEN_ANSWERS: dict[str, tuple[httpx.Response, type[RelyingError]]] = {
    "an error": (httpx.Response(400, json={"error": "invalid_grant"}), Refused),
    "an error of its own": (httpx.Response(500, json={}), Unavailable),
    "no JSON": (httpx.Response(200, content=b"<html>"), Unavailable),
    "a list": (httpx.Response(200, json=[]), Unavailable),
    "a redirect": (httpx.Response(302, json={}), Refused),
    "no ID token": (httpx.Response(200, json={**WHOLE, "id_token": None}), Refused),
    "no access token": (httpx.Response(200, json={**WHOLE, "access_token": ""}), Refused),
    "another type": (httpx.Response(200, json={**WHOLE, "token_type": "DPoP"}), Refused),
}


@pytest.mark.parametrize(("answer", "kind"), TOKEN_ANSWERS.values(), ids=TOKEN_ANSWERS.keys())
def test_what_the_token_endpoint_may_answer(answer: httpx.Response, kind: type[RelyingError]) -> None:
    """Only a whole answer counts."""
    with pytest.raises(kind):
        asyncio.run(provider(answer).redeem("code", "verifier", NOW))


@pytest.mark.parametrize("keys", [None, "x", [], ["x"], [{"kty": "EC"}], [{"kid": "other"}]])
def test_a_key_set_without_the_key(keys: object) -> None:
    """Whatever stands in its place; and a minute passes before the office asks again."""
    with refused("tax.id_token_key", Refused):
        asyncio.run(provider(httpx.Response(200, json={"keys": keys})).key("k1", NOW))


def test_keys_are_asked_for_once_a_minute() -> None:
    """Tokens with made-up key names do not make the office hammer its provider."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200, json={"keys": [JWK]})

    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    key = SoftwareKey.generate(Algorithm.EC_P256)
    office = Provider(Config("https://tax.example", ISSUER, "RPTAX"), client, key, lambda: "unique")

    async def story() -> None:
        assert (await office.key("k1", NOW))["kid"] == "k1"
        for seconds in (0, 1, 59, 60, 61):
            with refused("tax.id_token_key", Refused):
                await office.key("made-up", NOW + timedelta(seconds=seconds))

    asyncio.run(story())
    assert len(asked) == 2


def test_a_login_ends_once() -> None:
    """What the table does not name cannot happen."""
    login = Login("state", "browser", "nonce", "verifier", NOW)
    for act, state in ((LoginAct.SUCCEED, LoginState.DONE), (LoginAct.FAIL, LoginState.FAILED)):
        ended = rules.advance(login, act)
        assert ended.progress is state
        for again in LoginAct:
            with refused("tax.login_over"):
                rules.advance(ended, again)
    assert "verifier" not in repr(login)
