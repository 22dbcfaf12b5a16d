# SPDX-License-Identifier: Apache-2.0
"""Whatever a stranger sends to the sign-in service is taken whole or refused by name; nothing crashes."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey

from tegata.signin import assertion, faults, parameters
from tegata.signin.assertion import TYPE, authenticate
from tegata.signin.errors import CallbackFault, PageFault, WireFault
from tegata.signin.keys import BadToken, KeyRing, base64url
from tegata.signin.model import Client
from tegata.signin.parameters import Parameters
from tegata.signin.profile import Profile

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
URI = "https://rp.example/callback"
KEY = ECKey.generate_key("P-256")
KID = KEY.thumbprint()
CLIENT = Client("RP1", "RP", (URI,), ({**KEY.as_dict(private=False), "kid": KID, "alg": "ES256"},), NOW)
AUDIENCES = {"token": "https://op.example/token", "issuer": "https://op.example"}
PROFILE = Profile.assumed()

PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=255)
URL_SAFE = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=128)
NAMES = st.sampled_from(
    [
        *("response_type", "scope", "client_id", "redirect_uri", "state", "nonce", "code_challenge", "prompt"),
        *("code_challenge_method", "acr_values", "response_mode", "sign_transaction_id", "request", "code"),
    ]
)
PAIRS = st.lists(st.tuples(NAMES | st.text(max_size=5), st.text(max_size=20)), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def find(client_id: str) -> Client | None:
    """Return the one client there is."""
    return CLIENT if client_id == CLIENT.client_id else None


@given(st.binary(max_size=200))
def test_any_bytes_are_parameters_or_malformed(raw: bytes) -> None:
    """Parsing never breaks, and parses to what it says."""
    try:
        parsed = parameters.parse(raw)
    except WireFault as fault:
        parsed, reason = Parameters({}), fault.reason
    else:
        reason = "signin.token.malformed"
    assert reason == "signin.token.malformed"
    assert parsed.repeated <= set(parsed.values)


@given(PAIRS.filter(lambda pairs: all(not any(0xD800 <= ord(c) < 0xE000 for c in n + v) for n, v in pairs)))
def test_a_form_is_read_as_it_was_written(pairs: list[tuple[str, str]]) -> None:
    """The first value of each name, and every name that came again."""
    parsed = parameters.parse(urlencode(pairs).encode())
    names = [name for name, _ in pairs]
    assert parsed.values == dict(reversed(pairs))
    assert parsed.repeated == {name for name in names if names.count(name) > 1}


@given(st.integers(1, 2 * parameters.LIMIT))
def test_nothing_too_long_is_read(length: int) -> None:
    """The limit holds to the byte."""
    raw = b"a" * length
    if length <= parameters.LIMIT:
        assert parameters.parse(raw).values == {raw.decode(): ""}
    else:
        with pytest.raises(WireFault):
            parameters.parse(raw)


@given(PAIRS)
def test_any_authorization_request_is_taken_or_refused_by_name(pairs: list[tuple[str, str]]) -> None:
    """A page, or a row of the table whose description fits RFC 6749's alphabet for it."""
    asked = Parameters(dict(reversed(pairs)) | {"client_id": "RP1", "redirect_uri": URI})
    client, uri = parameters.target(asked, find)
    try:
        wish = parameters.wish(asked, client, uri)
    except CallbackFault as fault:
        words = faults.TABLE[fault.reason].description.format_map(fault.facts)
        assert all(0x20 <= ord(c) <= 0x7E and c not in '"\\' for c in words)
    else:
        assert wish.redirect_uri == URI
        assert "openid" in wish.scope


@given(st.text(max_size=30), st.text(max_size=60))
def test_nobody_is_sent_to_an_address_that_is_not_registered(client_id: str, uri: str) -> None:
    """Only the exact pair passes."""
    asked = Parameters({"client_id": client_id, "redirect_uri": uri})
    if (client_id, uri) == ("RP1", URI):
        return
    with pytest.raises(PageFault):
        parameters.target(asked, find)


@given(PRINTABLE, PRINTABLE, URL_SAFE, st.booleans())
def test_every_valid_request_is_taken_with_every_character(
    state: str, nonce: str, challenge: str, spaces: bool
) -> None:
    """Whatever the client's way of escaping."""
    members = {
        "response_type": "code",
        "scope": "openid",
        "client_id": "RP1",
        "redirect_uri": URI,
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    query = urlencode(members) if spaces else urlencode(members, quote_via=quote)
    wish = parameters.wish(parameters.parse(query.encode()), CLIENT, URI)
    assert (wish.state, wish.nonce, wish.code_challenge) == (state, nonce, challenge)
    assert dict(parse_qsl(query))["state"] == state


def attempt(token: str, **form: str) -> str:
    """Authenticate with `token`; return the reason of the refusal, or nothing."""
    values = {"client_assertion_type": TYPE, "client_assertion": token, **form}
    try:
        authenticate(Parameters(values), find, PROFILE, AUDIENCES, NOW)
    except WireFault as fault:
        return fault.reason if fault.reason in faults.TABLE else "no row of the table"
    return ""


@given(st.text(max_size=100) | st.from_regex(r"[A-Za-z0-9_-]{0,40}(\.[A-Za-z0-9_-]{0,40}){2}", fullmatch=True))
def test_any_text_is_no_assertion(token: str) -> None:
    """Refused by name."""
    assert attempt(token).startswith("signin.client.")


@given(st.dictionaries(st.sampled_from(["iss", "sub", "aud", "exp", "iat", "nbf", "jti", "x"]), JSON))
def test_any_signed_claims_are_taken_or_refused_by_name(changes: dict[str, Any]) -> None:
    """A client may sign what it likes; what passes is what the rules say."""
    now = int(NOW.timestamp())
    good = {"iss": "RP1", "sub": "RP1", "aud": AUDIENCES["token"], "exp": now + 60, "iat": now, "jti": "j"}
    claims = good | changes
    token = jws.serialize_compact({"alg": "ES256", "kid": KID}, json.dumps(claims), KEY, algorithms=["ES256"])
    reason = attempt(token)
    if not reason:
        assert claims["iss"] == claims["sub"] == "RP1"
        assert claims["aud"] in (*AUDIENCES.values(), *([name] for name in AUDIENCES.values()))
        assert now - assertion.SKEW < claims["exp"]
        assert claims["jti"]


@given(st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk", "jku", "x5c", "enc"]), JSON))
def test_any_header_is_refused_or_harmless(changes: dict[str, Any]) -> None:
    """A header cannot choose its own key or algorithm: without our key's signature nothing passes."""
    head = {"alg": "ES256", "kid": KID} | changes
    parts = [json.dumps(part).encode() for part in (head, {"iss": "RP1", "sub": "RP1"})]
    token = ".".join([*(base64url(part) for part in parts), "A" * 86])
    assert attempt(token).startswith("signin.client.")


@given(st.text(max_size=60) | st.from_regex(r"[A-Za-z0-9_-]{0,40}(\.[A-Za-z0-9_-]{0,40}){2}", fullmatch=True))
def test_any_text_is_no_token(token: str) -> None:
    """Userinfo meets it every day."""
    with pytest.raises(BadToken):
        KeyRing(()).read("RS256", token)
