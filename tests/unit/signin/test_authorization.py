# SPDX-License-Identifier: Apache-2.0
"""The authorization endpoint, parameter by parameter: what is taken, what is told to the client at its
redirect URI, and what is told to nobody but the person.
"""

import asyncio
from collections.abc import Callable
from urllib.parse import urlencode

import httpx
import pytest

from tegata.crypto.keys import SoftwareKey
from unit.signin.kit import AUTH, CALLBACK, CHALLENGE, ISSUER, World, answer, request_url


def ask(world: World, path: str) -> httpx.Response:
    """Open a path in the world's browser."""
    return asyncio.run(world.http.get(path))


UNTRUSTED = {
    "no client_id": {"client_id": None},
    "empty client_id": {"client_id": ""},
    "unknown client_id": {"client_id": "RP99999999"},
    "client_id with a hyphen": {"client_id": "RP-0000001"},
    "client_id of 256 characters": {"client_id": "R" * 256},
    "no redirect_uri": {"redirect_uri": None},
    "unregistered redirect_uri": {"redirect_uri": "https://evil.example/callback"},
    "redirect_uri with a query added": {"redirect_uri": CALLBACK + "?x=1"},
    "redirect_uri with another case": {"redirect_uri": CALLBACK.replace("rp", "RP")},
    "redirect_uri with a slash added": {"redirect_uri": CALLBACK + "/"},
    "redirect_uri with a dot segment": {"redirect_uri": CALLBACK + "/../callback"},
    "redirect_uri with a fragment": {"redirect_uri": CALLBACK + "#x"},
}


@pytest.mark.parametrize("changes", UNTRUSTED.values(), ids=UNTRUSTED.keys())
def test_nobody_is_redirected_to_an_address_that_is_not_trusted(world: World, changes: dict[str, str | None]) -> None:
    """Client and redirect URI come first; while they are in doubt the person sees a page (RFC 6749 §4.1.2.1)."""
    response = ask(world, world.party.wish(**changes, scope=None))
    assert response.status_code == 400
    assert "location" not in response.headers
    assert response.headers["content-type"].startswith("text/html")
    assert "evil" not in response.text
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_a_doubled_client_or_address_is_not_trusted(world: World, name: str) -> None:
    """Which of the two would count?  Neither."""
    value = {"client_id": world.party.client_id, "redirect_uri": CALLBACK}[name]
    response = ask(world, world.party.wish() + "&" + urlencode({name: value}))
    assert (response.status_code, "location" in response.headers) == (400, False)


@pytest.mark.parametrize("query", ["%FF", "a=%E3%81", "&".join(f"p{n}=1" for n in range(101))])
def test_a_query_that_cannot_be_read_gets_a_page(world: World, query: str) -> None:
    """Bytes that are not UTF-8, a character cut in two, too many parameters."""
    response = ask(world, f"{world.party.wish()}&{query}")
    assert (response.status_code, "location" in response.headers) == (400, False)


WRONG = {
    "response_type missing": ({"response_type": None}, "invalid_request", "Missing parameter: response_type"),
    "response_type token": ({"response_type": "token"}, "unsupported_response_type", "Unsupported response_type"),
    "response_type code token": (
        {"response_type": "code id_token"},
        "unsupported_response_type",
        "Unsupported response_type",
    ),
    "response_mode fragment": ({"response_mode": "fragment"}, "invalid_request", "Invalid parameter: response_mode"),
    "scope missing": ({"scope": None}, "invalid_request", "Missing parameter: scope"),
    "scope without openid": ({"scope": "name"}, "invalid_scope", "Invalid scopes: name"),
    "scope in another case": ({"scope": "OpenID"}, "invalid_scope", "Invalid scopes: OpenID"),
    "scope of OpenID Connect Core": ({"scope": "openid email"}, "invalid_scope", "Invalid scopes: openid email"),
    "scope with a quote": ({"scope": 'openid "'}, "invalid_request", "Invalid parameter: scope"),
    "scope with two spaces": ({"scope": "openid  openid"}, "invalid_request", "Invalid parameter: scope"),
    "nonce missing": ({"nonce": None}, "invalid_request", "Missing parameter: nonce"),
    "nonce empty": ({"nonce": ""}, "invalid_request", "Missing parameter: nonce"),
    "nonce of 256": ({"nonce": "n" * 256}, "invalid_request", "Invalid parameter: nonce"),
    "nonce in Japanese": ({"nonce": "の"}, "invalid_request", "Invalid parameter: nonce"),
    "nonce with DEL": ({"nonce": "\x7f"}, "invalid_request", "Invalid parameter: nonce"),
    "code_challenge missing": ({"code_challenge": None}, "invalid_request", "Missing parameter: code_challenge"),
    "code_challenge of 129": ({"code_challenge": "c" * 129}, "invalid_request", "Invalid parameter: code_challenge"),
    "code_challenge padded": (
        {"code_challenge": CHALLENGE + "="},
        "invalid_request",
        "Invalid parameter: code_challenge",
    ),
    "code_challenge with a newline": (
        {"code_challenge": CHALLENGE + "\n"},
        "invalid_request",
        "Invalid parameter: code_challenge",
    ),
    "code_challenge_method missing": (
        {"code_challenge_method": None},
        "invalid_request",
        "Missing parameter: code_challenge_method",
    ),
    "code_challenge_method plain": (
        {"code_challenge_method": "plain"},
        "invalid_request",
        "Invalid parameter: code_challenge_method",
    ),
    "sign_transaction_id no UUID": (
        {"sign_transaction_id": "1"},
        "invalid_request",
        "Invalid parameter: sign_transaction_id",
    ),
    "acr_values with a newline": ({"acr_values": "aal3\ncrl"}, "invalid_request", "Invalid parameter: acr_values"),
    "request object": ({"request": "e30.e30."}, "request_not_supported", "Request objects are not supported"),
    "request_uri": (
        {"request_uri": "https://rp.example/r"},
        "request_uri_not_supported",
        "request_uri is not supported",
    ),
    "registration": ({"registration": "{}"}, "registration_not_supported", "registration is not supported"),
    "prompt none": ({"prompt": "none"}, "login_required", "User authentication is required"),
}


@pytest.mark.parametrize(("changes", "error", "words"), WRONG.values(), ids=WRONG.keys())
def test_a_client_is_told_at_its_address(world: World, changes: dict[str, str | None], error: str, words: str) -> None:
    """A trusted client learns what is wrong with its request, and gets its state back."""
    assert answer(ask(world, world.party.wish(**changes))) == {
        "error": error,
        "error_description": words,
        "state": "s-1",
    }


@pytest.mark.parametrize("state", [None, "", "s" * 256, "状態", "a\nb"])
def test_a_state_that_is_none_is_not_sent_back(world: World, state: str | None) -> None:
    """A state outside its format is refused, and its characters do not come back."""
    told = answer(ask(world, world.party.wish(state=state)))
    assert told["error"] == "invalid_request"
    assert told["error_description"].endswith("parameter: state")
    assert "state" not in told


def test_a_doubled_parameter_is_told(world: World) -> None:
    """Any parameter may come once only (RFC 6749 §3.1); a doubled state does not come back."""
    told = answer(ask(world, world.party.wish() + "&nonce=n-2"))
    assert told == {"error": "invalid_request", "error_description": "duplicated parameter", "state": "s-1"}
    assert "state" not in answer(ask(world, world.party.wish() + "&state=s-2"))
    assert answer(ask(world, world.party.wish(state="") + "&state="))["error_description"] == "duplicated parameter"


IGNORED = {
    "an unknown parameter": {"colour": "red"},
    "display": {"display": "popup"},
    "prompt=login": {"prompt": "login consent"},
    "max_age": {"max_age": "1"},
    "hints": {"login_hint": "hanako", "id_token_hint": "x"},
    "locales": {"ui_locales": "en", "claims_locales": "ja"},
    "claims": {"claims": "{}"},
    "response_mode query": {"response_mode": "query"},
    "no acr_values": {"acr_values": None},
    "another acr": {"acr_values": "urn:example:loa4"},
    "a sign transaction": {"sign_transaction_id": "3f0e1c3a-7d7c-4b9e-8f6a-2f4f6f1c9d10"},
    "openid twice": {"scope": "openid openid"},
    "a short challenge": {"code_challenge": "c"},
    "the longest values": {"state": "~" * 255, "nonce": " " * 255, "code_challenge": "-" * 128},
}


@pytest.mark.parametrize("changes", IGNORED.values(), ids=IGNORED.keys())
def test_what_is_not_documented_is_ignored_and_what_is_in_format_is_taken(
    world: World, changes: dict[str, str | None]
) -> None:
    """The page is shown."""
    response = ask(world, world.party.wish(**changes))
    assert response.status_code == 200
    assert request_url(response.text).startswith("http://country.test/signin/v1/requests/")


@pytest.mark.parametrize("state", [";", "a;b", "+", "%", "%20", " ", "=", "a=b&c=d", "#x", "\"'<>", "~" * 255])
def test_every_character_of_state_survives(world: World, rsa_keys: list[SoftwareKey], state: str) -> None:
    """The service round-trips the documented alphabet, also what one integrator had to ban."""
    assert answer(ask(world, world.party.wish(state=state, nonce=None)))["state"] == state

    async def story() -> str:
        url = await world.begin(state=state)
        await world.phone(rsa_keys[0]).approve(world.http, url)
        return answer(await world.http.get(f"{url}/continue"))["state"]

    assert asyncio.run(story()) == state


def test_the_quirk_with_semicolons_can_be_asked_for(make_world: Callable[..., World]) -> None:
    """Whoever wants to test a client against the loss seen in the field switches it on."""
    world = make_world(state_quirk="cut_at_semicolon")
    assert answer(ask(world, world.party.wish(state="a;b", nonce=None)))["state"] == "a"


def test_the_issuer_joins_the_answer_when_the_profile_says_so(make_world: Callable[..., World]) -> None:
    """RFC 9207 is a switch, and the metadata say which way it stands."""
    world = make_world(callback_iss=True)
    assert answer(ask(world, world.party.wish(nonce=None)))["iss"] == ISSUER
    metadata = ask(world, "/api/realms/main/.well-known/openid-configuration").json()
    assert metadata["authorization_response_iss_parameter_supported"] is True


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT"])
def test_only_get_begins_a_sign_in(world: World, method: str) -> None:
    """A link preview's HEAD leaves nothing behind; POST is not documented for the real service."""
    before = world.commits
    response = asyncio.run(world.http.request(method, world.party.wish()))
    assert response.status_code == 405
    assert world.commits == before


def test_an_address_with_a_query_keeps_it(world: World) -> None:
    """The answer is added to the query of the registered address (RFC 6749 §3.1.2)."""
    world.party.redirect_uri = CALLBACK + "?tenant=1"
    world.service.register(world.party.registration(), world.party.client_id, replace=True)
    response = ask(world, world.party.wish(nonce=None))
    assert response.headers["location"].startswith(CALLBACK + "?tenant=1&error=invalid_request&")
    assert AUTH in world.party.wish()
