# SPDX-License-Identifier: Apache-2.0
"""Checks an ID token, whole (OpenID Connect Core §3.1.3.7).  No step may be left out, the first failure refuses:

1. the algorithm is the one that was agreed on, whatever the token says;  2. the key is the provider's, found by `kid`;
3. the signature holds;  4. `iss`;  5. `aud` and `azp`;  6. `exp`, `iat` and `nbf`;  7. `nonce`;  8. `at_hash`;
9. `sub`.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from joserfc.util import to_bytes

from tegata.relying.errors import Refused
from tegata.relying.tax.model import Identity

ALGORITHM: Final = "ES256"
SKEW: Final = 15
OLDEST: Final = 600
"""Seconds after which a token that was just fetched cannot have been issued."""
_LATEST: Final = 253_402_300_799


@dataclass(frozen=True, slots=True)
class Expected:
    """What the token must say."""

    issuer: str
    client_id: str
    nonce: str = field(repr=False)
    access_token: str = field(repr=False)


def key_id(token: str) -> str:
    """Return the `kid` of a token whose algorithm is the agreed one (steps 1 and half of 2); raises `Refused`."""
    try:
        header = jws.extract_compact(to_bytes(token)).headers()
        alg, kid = header.get("alg"), header.get("kid")
    except (JoseError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Refused("tax.id_token_malformed") from error
    if alg != ALGORITHM:
        raise Refused("tax.id_token_algorithm")
    if not isinstance(kid, str):
        raise Refused("tax.id_token_key")
    return kid


def check(token: str, jwk: Mapping[str, Any], expected: Expected, now: datetime) -> Identity:
    """Return who signed in; raises `Refused` (`tax.id_token_*`) for the first step that fails."""
    claims = _signed_claims(token, jwk)  # 2. and 3.
    if claims.get("iss") != expected.issuer:  # 4.
        raise Refused("tax.id_token_issuer")
    _check_audience(claims, expected.client_id)  # 5.
    _check_times(claims, int(now.timestamp()))  # 6.
    if not _equal(claims.get("nonce"), expected.nonce):  # 7.
        raise Refused("tax.id_token_nonce")
    if not _equal(claims.get("at_hash"), _half_hash(expected.access_token)):  # 8.
        raise Refused("tax.id_token_access_token")
    subject, acr = claims.get("sub"), claims.get("acr")  # 9.
    if not isinstance(subject, str) or not 1 <= len(subject) <= 255 or not subject.isascii():
        raise Refused("tax.id_token_subject")
    authenticated_at = datetime.fromtimestamp(_moment(claims, "auth_time" if "auth_time" in claims else "iat"), UTC)
    return Identity(subject, authenticated_at, acr if isinstance(acr, str) else None)


def _signed_claims(token: str, jwk: Mapping[str, Any]) -> dict[str, Any]:
    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256" or jwk.get("use", "sig") != "sig":
        raise Refused("tax.id_token_key")
    if jwk.get("alg", ALGORITHM) != ALGORITHM:
        raise Refused("tax.id_token_key")
    try:
        key = ECKey.import_key({name: jwk[name] for name in ("kty", "crv", "x", "y")})
        return jwt.decode(token, key, algorithms=[ALGORITHM]).claims
    except (JoseError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise Refused("tax.id_token_signature") from error


def _check_audience(claims: Mapping[str, Any], client_id: str) -> None:
    audience, party = claims.get("aud"), claims.get("azp")
    named = audience if isinstance(audience, list) else [audience]
    if client_id not in named or (len(named) > 1 and party is None):
        raise Refused("tax.id_token_audience")
    if party is not None and party != client_id:
        raise Refused("tax.id_token_audience")


def _check_times(claims: Mapping[str, Any], now: int) -> None:
    expires, issued = _moment(claims, "exp"), _moment(claims, "iat")
    if now >= expires + SKEW or now - issued > OLDEST:
        raise Refused("tax.id_token_expired")
    not_before = _moment(claims, "nbf") if "nbf" in claims else issued
    if max(issued, not_before) > now + SKEW:
        raise Refused("tax.id_token_not_yet")


def _moment(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LATEST:
        raise Refused("tax.id_token_malformed")
    return int(value)


def _equal(claimed: object, expected: str) -> bool:
    return isinstance(claimed, str) and hmac.compare_digest(claimed.encode(), expected.encode())


def _half_hash(token: str) -> str:
    half = hashlib.sha256(token.encode()).digest()[:16]
    return base64.urlsafe_b64encode(half).rstrip(b"=").decode("ascii")
