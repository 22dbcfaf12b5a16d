# SPDX-License-Identifier: Apache-2.0
"""Client authentication: `private_key_jwt` and nothing else (RFC 7523 §2.2, §3; OpenID Connect Core §9).

The order is Keycloak's, the first failure wins:

1. type and presence of the assertion;  2. `sub` names a client that is known;  3. `iss` is `sub`;  4. the form's
`client_id` is `sub`;  5. the algorithm is allowed and fits a registered key;  6. the signature holds;  7. one audience,
and it is us;  8. times;  9. `jti` is there, and new.

Pure but for the last step, which is the caller's: a `jti` is used up in the store.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, RSAKey
from joserfc.util import to_bytes

from tegata.signin.errors import WireFault
from tegata.signin.model import Client
from tegata.signin.parameters import Parameters
from tegata.signin.profile import Profile

TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SKEW: Final = 15
"""Seconds by which clocks may differ (Keycloak's)."""
_LONGEST: Final = 16_384
_LATEST: Final = 253_402_300_799  # 9999-12-31: what a datetime can hold
_CURVES: Final = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Who the client is, and the assertion identifier that must not come again until `forget_at`."""

    client: Client
    jti: str
    forget_at: datetime


def authenticate(
    form: Parameters,
    find: Callable[[str], Client | None],
    profile: Profile,
    audiences: Mapping[str, str],
    now: datetime,
) -> Authenticated:
    """Authenticate the sender of a token request; raises `WireFault` (`signin.client.*`).

    `audiences` are our names by what `profile.assertion_audiences` calls them: `token` and `issuer`.
    """
    # 1. type and presence
    kind = form.get("client_assertion_type")
    if kind is None:
        raise WireFault("signin.client.type_missing" if form.get("client_assertion") else "signin.client.unknown")
    if kind != TYPE:
        raise WireFault("signin.client.type_wrong")
    assertion = form.get("client_assertion")
    if assertion is None:
        raise WireFault("signin.client.assertion_missing")
    header, claims = _unverified(assertion)
    client = _claimed_client(form, claims, find)  # 2. to 4.
    _check_signature(assertion, header, client, profile)  # 5. and 6.
    _check_audience(claims.get("aud"), profile, audiences)  # 7.
    forget_at = _check_times(claims, profile, int(now.timestamp()))  # 8.
    jti = claims.get("jti")  # 9.
    if not isinstance(jti, str) or not 1 <= len(jti) <= 255:
        raise WireFault("signin.client.id_missing")
    return Authenticated(client, jti, datetime.fromtimestamp(forget_at, UTC))


def _unverified(assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims as they say, to learn who should have signed; nothing else may rely on them."""
    if len(assertion) > _LONGEST:
        raise WireFault("signin.client.malformed")
    try:
        extracted = jws.extract_compact(to_bytes(assertion))
        header, claims = dict(extracted.headers()), json.loads(extracted.payload)
    except (JoseError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise WireFault("signin.client.malformed") from error
    if not isinstance(claims, dict) or "crit" in header or "b64" in header:  # RFC 7797 §7: never in a JWT
        raise WireFault("signin.client.malformed")
    return header, claims


def _claimed_client(form: Parameters, claims: Mapping[str, Any], find: Callable[[str], Client | None]) -> Client:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise WireFault("signin.client.subject_missing")
    client = find(subject)
    if client is None:
        raise WireFault("signin.client.unknown")
    if claims.get("iss") != subject:
        raise WireFault("signin.client.issuer_not_subject")
    if form.get("client_id") not in (None, subject):
        raise WireFault("signin.client.id_mismatch")
    return client


def _check_signature(assertion: str, header: Mapping[str, Any], client: Client, profile: Profile) -> None:
    alg = header.get("alg")
    if not isinstance(alg, str) or alg not in profile.assertion_algorithms:
        raise WireFault("signin.client.algorithm")
    key = _key(client, alg, header.get("kid"))
    registry = jws.JWSRegistry(
        algorithms=[alg], strict_check_header=False
    )  # RFC 7515 §4: ignore what is not understood
    try:
        jws.deserialize_compact(assertion, key, registry=registry)
    except (JoseError, ValueError, TypeError, AttributeError) as error:
        raise WireFault("signin.client.signature") from error


def _key(client: Client, alg: str, kid: object) -> ECKey | RSAKey:
    """Return the one registered key that `kid` names and that may be used with `alg`."""
    named = [jwk for jwk in client.jwks if kid is None or jwk.get("kid") == kid]
    if kid is not None and named and all(jwk.get("alg", alg) != alg for jwk in named):
        raise WireFault("signin.client.algorithm")
    fitting = [jwk for jwk in named if jwk.get("alg", alg) == alg and fits(jwk, alg)]
    if len(fitting) != 1:
        raise WireFault("signin.client.key")
    key = JWKRegistry.import_key(dict(fitting[0]))
    assert isinstance(key, ECKey | RSAKey)  # noqa: S101 -- `fits` has looked at kty
    return key


def fits(jwk: Mapping[str, Any], alg: str) -> bool:
    """Say whether a public key is of the kind that `alg` needs (RFC 7518 §3.1)."""
    if alg.startswith("ES"):
        return jwk.get("kty") == "EC" and jwk.get("crv") == _CURVES.get(alg)
    return jwk.get("kty") == "RSA" and alg[:2] in ("RS", "PS")


def _check_audience(audience: object, profile: Profile, audiences: Mapping[str, str]) -> None:
    named = audience if isinstance(audience, list) else [audience]
    if len(named) > 1 and not profile.assertion_several_audiences:
        raise WireFault("signin.client.audiences")
    ours = {audiences[name] for name in profile.assertion_audiences}
    if not any(isinstance(name, str) and name in ours for name in named):
        raise WireFault("signin.client.audience")


def _check_times(claims: Mapping[str, Any], profile: Profile, now: int) -> int:
    """Check `exp`, `nbf` and `iat`; return until when the identifier must be remembered."""
    expires, issued, not_before = (_moment(claims, name) for name in ("exp", "iat", "nbf"))
    if expires is None:
        raise WireFault("signin.client.expiry_missing")
    if now >= expires + SKEW:
        raise WireFault("signin.client.expired")
    if max(not_before or 0, issued or 0) > now + SKEW:
        raise WireFault("signin.client.not_yet")
    if issued is None:
        if expires - now > profile.assertion_age + SKEW:
            raise WireFault("signin.client.too_long")
        return expires + SKEW
    if now - issued > profile.assertion_age + SKEW:
        raise WireFault("signin.client.too_old")
    return min(expires, issued + profile.assertion_age + SKEW) + SKEW


def _moment(claims: Mapping[str, Any], name: str) -> int | None:
    """Return a NumericDate (RFC 7519 §2) in whole seconds, `None` when it is not there."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise WireFault("signin.client.malformed")
    if not 0 <= value <= _LATEST - 10 * SKEW:
        raise WireFault("signin.client.malformed")
    return int(value)
