# SPDX-License-Identifier: Apache-2.0
"""Client authentication by `private_key_jwt`, rule by rule in Keycloak's order: the first failure wins."""

import asyncio
import base64
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from tegata.crypto.keys import SoftwareKey
from unit.signin.kit import BASE, ISSUER, NOW, TOKEN, Party, World

ISSUED = int(NOW.timestamp())
PASSED = "Missing parameter: code"
"""What a client hears that proved itself and sent no code."""
FAILED = "Client authentication with signed JWT failed: "


def hear(world: World, assertion: str | None, **changes: str | None) -> str:
    """Send a token request without a code and return the description of the error."""
    form = world.party.form("", code=None, client_assertion=assertion, **changes)
    return str(asyncio.run(world.token(form)).json()["error_description"])


def test_a_good_assertion_passes(world: World) -> None:
    """With times as whole numbers or fractions, with or without `iat`, with or without `client_id` in the form."""
    assert hear(world, world.party.assertion()) == PASSED
    assert hear(world, world.party.assertion(iat=None)) == PASSED
    assert hear(world, world.party.assertion(exp=ISSUED + 60.5, nbf=ISSUED - 1)) == PASSED
    assert hear(world, world.party.assertion(), client_id=None) == PASSED


WRONG_CLAIMS: dict[str, tuple[dict[str, Any], str]] = {
    "no sub": ({"sub": None}, FAILED + "Can't identify client. Subject missing on JWT token"),
    "sub no text": ({"sub": 1}, FAILED + "Can't identify client. Subject missing on JWT token"),
    "unknown sub": ({"sub": "RP99999999"}, "Invalid client or Invalid client credentials"),
    "iss not sub": ({"iss": "RP99999999"}, "Invalid client or Invalid client credentials"),
    "no iss": ({"iss": None}, "Invalid client or Invalid client credentials"),
    "no aud": ({"aud": None}, FAILED + "Invalid token audience"),
    "empty aud": ({"aud": []}, FAILED + "Invalid token audience"),
    "aud of another": ({"aud": "https://other.example/token"}, FAILED + "Invalid token audience"),
    "aud with a slash": ({"aud": ISSUER + "/"}, FAILED + "Invalid token audience"),
    "aud in a list of lists": ({"aud": [[ISSUER]]}, FAILED + "Invalid token audience"),
    "two aud": ({"aud": [ISSUER, BASE + TOKEN]}, FAILED + "Multiple audiences not allowed"),
    "no exp": ({"exp": None}, FAILED + "Token exp claim is required"),
    "exp past": ({"exp": ISSUED - 15}, FAILED + "Token is not active"),
    "exp as text": ({"exp": str(ISSUED + 60)}, FAILED + "Invalid token"),
    "exp as truth": ({"exp": True}, FAILED + "Invalid token"),
    "exp beyond all dates": ({"exp": 1e300, "iat": None}, FAILED + "Invalid token"),
    "exp negative": ({"exp": -1}, FAILED + "Invalid token"),
    "iat in the future": ({"iat": ISSUED + 16}, FAILED + "Token is not active"),
    "nbf in the future": ({"nbf": ISSUED + 16}, FAILED + "Token is not active"),
    "exp in two days, no iat": (
        {"exp": ISSUED + 2 * 86400, "iat": None},
        FAILED + "Token expiration is too far in the future",
    ),
    "iat two days ago": ({"iat": ISSUED - 2 * 86400}, FAILED + "Token was issued too long ago"),
    "no jti": ({"jti": None}, FAILED + "Missing ID on the token"),
    "empty jti": ({"jti": ""}, FAILED + "Missing ID on the token"),
    "jti no text": ({"jti": 7}, FAILED + "Missing ID on the token"),
    "jti of 256": ({"jti": "j" * 256}, FAILED + "Missing ID on the token"),
}


@pytest.mark.parametrize(("changes", "words"), WRONG_CLAIMS.values(), ids=WRONG_CLAIMS.keys())
def test_wrong_claims(world: World, changes: dict[str, Any], words: str) -> None:
    """Each claim is held to its rule."""
    assert hear(world, world.party.assertion(**changes)) == words


@pytest.mark.parametrize("audience", [BASE + TOKEN, ISSUER, [ISSUER], [BASE + TOKEN]])
def test_audiences_that_are_ours(world: World, audience: object) -> None:
    """The token endpoint and the issuer, alone or in an array of one."""
    assert hear(world, world.party.assertion(aud=audience)) == PASSED


def test_clocks_may_differ_by_fifteen_seconds(world: World) -> None:
    """Both ways."""
    assert hear(world, world.party.assertion(exp=ISSUED - 14)) == PASSED
    assert hear(world, world.party.assertion(iat=ISSUED + 15, nbf=ISSUED + 15)) == PASSED


def test_a_day_is_short_enough_unless_the_profile_is_strict(make_world: Callable[..., World]) -> None:
    """One relying party was seen with a day and no `iat`; Keycloak's present default is a minute."""
    world = make_world()
    assert hear(world, world.party.assertion(exp=ISSUED + 86400, iat=None)) == PASSED
    world.switches = {"assertion_age": 60}
    world.restart()
    assert hear(world, world.party.assertion(exp=ISSUED + 86400, iat=None)).endswith("too far in the future")
    assert hear(world, world.party.assertion(exp=ISSUED + 60, iat=None)) == PASSED


def test_the_form_must_bring_type_and_assertion(world: World) -> None:
    """Named in Keycloak's words."""
    good = world.party.assertion()
    assert hear(world, good, client_assertion_type=None) == "Parameter client_assertion_type is missing"
    unexpected = "Parameter client_assertion_type has unexpected value"
    assert (
        hear(world, good, client_assertion_type="urn:ietf:params:oauth:client-assertion-type:saml2-bearer")
        == unexpected
    )
    assert hear(world, None) == "client_assertion parameter missing"
    assert hear(world, good, client_id="RP00000002") == FAILED + "client_id parameter does not match sub claim"


def unsigned(header: object, claims: object, signature: bytes = b"") -> str:
    """Return three parts that look like a JWT."""
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


JUNK = {
    "nothing": "",
    "one part": "x",
    "two parts": "a.b",
    "three letters": "a.b.c",
    "no algorithm": "e30.e30.",
    "five parts": "....",
    "a list for a header": unsigned(["alg"], {}),
    "a list for claims": unsigned({"alg": "ES256"}, []),
    "no ASCII": "あ.い.う",
    "an unencoded payload": unsigned({"alg": "ES256", "crit": ["b64"], "b64": False}, {"sub": "RP00000001"}),
    "very long": "x" * 20_000,
    "very deep": unsigned({"alg": "ES256"}, "x").split(".")[0] + "." + "W1tb" * 4000 + ".",
}


@pytest.mark.parametrize("assertion", JUNK.values(), ids=JUNK.keys())
def test_junk_is_no_assertion(world: World, assertion: str) -> None:
    """It is refused, and nothing breaks."""
    assert hear(world, assertion) == FAILED + "Invalid token"


def test_an_unsigned_assertion(world: World) -> None:
    """`none` is not an algorithm here."""
    assert hear(world, unsigned({"alg": "none"}, world.party.claims())) == FAILED + "Invalid signature algorithm"


def test_a_public_key_is_no_shared_secret(world: World) -> None:
    """The classical confusion of HMAC with the bytes of a public key."""
    signed = unsigned({"alg": "HS256", "kid": world.party.key.thumbprint()}, world.party.claims()).rstrip(".")
    mac = hmac.digest(world.party.key.as_pem(private=False), signed.encode(), "sha256")
    forged = f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    assert hear(world, forged) == FAILED + "Invalid signature algorithm"


def test_another_key_under_the_registered_name(world: World) -> None:
    """The signature decides."""
    thief = Party(key=ECKey.generate_key("P-256"), now=world.clock.now)
    forged = thief.assertion({"kid": world.party.key.thumbprint()})
    assert hear(world, forged) == FAILED + "Signature on JWT token failed validation"


def test_an_unknown_key_name(world: World) -> None:
    """Keycloak's words for it; without a name the only key is the one."""
    assert hear(world, world.party.assertion({"kid": "other"})) == "Unable to load public key"
    assert hear(world, world.party.assertion({"kid": None})) == PASSED


def test_the_algorithm_is_the_registered_one(world: World, rsa_keys: list[SoftwareKey]) -> None:
    """RS256 and PS256 fit the same key, but only the one that was registered is taken."""
    key = RSAKey.import_key(rsa_keys[3].to_pkcs8())
    party = Party("RP00000003", key=key, alg="RS256", now=world.clock.now)
    world.service.register(party.registration(), party.client_id)
    world.party = party
    assert hear(world, party.assertion()) == PASSED
    assert hear(world, party.assertion({"alg": "PS256"})) == FAILED + "Invalid signature algorithm"
    assert hear(world, party.assertion({"alg": "RS512"})) == FAILED + "Invalid signature algorithm"
    entry = party.registration()
    del entry["jwks"]["keys"][0]["alg"]
    world.service.register(entry, party.client_id, replace=True)
    assert [hear(world, party.assertion({"alg": alg})) for alg in ("RS256", "PS256", "RS512")] == [PASSED] * 3


def test_the_profile_names_the_algorithms(make_world: Callable[..., World]) -> None:
    """What it leaves out is refused even from a registered key."""
    world = make_world()
    world.switches = {"assertion_algorithms": ("RS256",)}
    world.restart()
    assert hear(world, world.party.assertion()) == FAILED + "Invalid signature algorithm"


def test_unknown_headers_are_ignored(world: World) -> None:
    """RFC 7515 §4: what is not understood and not critical does no harm."""
    header = {"alg": "ES256", "kid": world.party.key.thumbprint(), "x-trace": "1", "typ": "JWT"}
    registry = jws.JWSRegistry(algorithms=["ES256"], strict_check_header=False)
    token = jws.serialize_compact(header, json.dumps(world.party.claims()), world.party.key, registry=registry)
    assert hear(world, token) == PASSED


def test_an_assertion_works_once(world: World) -> None:
    """Again a second later, after a restart, or with the signature made anew: its identifier is used up."""
    first = world.party.assertion(jti="once")
    assert hear(world, first) == PASSED
    world.clock.advance(seconds=1)
    assert hear(world, first) == FAILED + "Token reuse detected"
    world.restart()
    assert hear(world, world.party.assertion(jti="once")) == FAILED + "Token reuse detected"


def test_an_assertion_that_failed_is_not_used_up(world: World) -> None:
    """Otherwise somebody without the key could use up identifiers."""
    thief = Party(key=ECKey.generate_key("P-256"), now=world.clock.now)
    hear(world, thief.assertion({"kid": world.party.key.thumbprint()}, jti="mine"))
    assert hear(world, world.party.assertion(jti="mine")) == PASSED


def test_an_identifier_is_remembered_as_long_as_its_assertion_could_pass(world: World) -> None:
    """Cleaning up forgets none too early, at any distance."""
    for number, lifetime in enumerate((0, 60, 86400)):
        world.clock.set(NOW)
        assertion = world.party.assertion(jti=f"kept-{number}", exp=ISSUED + lifetime)
        assert hear(world, assertion) == PASSED
        for moment in (lifetime, lifetime + 14):
            world.clock.set(NOW)
            world.clock.advance(seconds=moment)
            asyncio.run(world.service.recover())
            assert hear(world, assertion) != PASSED


def test_two_clients_may_use_the_same_identifier(world: World) -> None:
    """Uniqueness is each client's own affair."""
    other = Party("RP00000002", now=world.clock.now)
    world.service.register(other.registration(), other.client_id)
    assert hear(world, world.party.assertion(jti="same")) == PASSED
    world.party = other
    assert hear(world, other.assertion(jti="same")) == PASSED


def test_older_servers_named_the_error_differently(make_world: Callable[..., World]) -> None:
    """A switch."""
    world = make_world(assertion_error="unauthorized_client")
    body = asyncio.run(world.token(world.party.form("", client_assertion="junk"))).json()
    assert body["error"] == "unauthorized_client"


def test_several_audiences_can_be_allowed(make_world: Callable[..., World]) -> None:
    """A switch; one of them must still be ours."""
    world = make_world(assertion_several_audiences=True)
    assert hear(world, world.party.assertion(aud=["https://other.example", ISSUER])) == PASSED
    assert hear(world, world.party.assertion(aud=["https://other.example", "x"])) == FAILED + "Invalid token audience"
