# SPDX-License-Identifier: Apache-2.0
"""The tax office's side of its talk with the sign-in service, over HTTP: token request and keys.

The office proves itself with a JWT signed by its own key, new for each request (RFC 7523 §2.2).  The service's keys are
kept and fetched anew when a token names one that is not among them, at most once a minute.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey

from tegata.crypto.keys import SoftwareKey
from tegata.relying.errors import Refused, Unavailable
from tegata.relying.tax.config import Config

ALGORITHM: Final = "ES256"
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_LIFETIME: Final = 60
_REFETCH: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the token endpoint gave."""

    access_token: str = field(repr=False)
    id_token: str = field(repr=False)


class Provider:
    """Client of the sign-in service; `unique()` yields an identifier that never came before."""

    def __init__(self, config: Config, http: httpx.AsyncClient, key: SoftwareKey, unique: Callable[[], str]) -> None:
        self._config = config
        self._http = http
        self._key = ECKey.import_key(key.to_pkcs8())
        self._kid = self._key.thumbprint()
        self._unique = unique
        self._jwks: dict[str, dict[str, Any]] = {}
        self._fetched_at: datetime | None = None

    def __repr__(self) -> str:
        return f"Provider({self._config.issuer!r})"

    def own_jwks(self) -> dict[str, Any]:
        """Return the office's public key, as the sign-in service registers it."""
        shown = self._key.as_dict(private=False)
        numbers = {name: shown[name] for name in ("kty", "crv", "x", "y")}
        return {"keys": [{"kid": self._kid, "use": "sig", "alg": ALGORITHM, **numbers}]}

    async def redeem(self, code: str, code_verifier: str, now: datetime) -> Tokens:
        """Turn a code into tokens; raises `Refused` or `Unavailable`."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._config.redirect_uri,
            "client_id": self._config.client_id,
            "code_verifier": code_verifier,
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": self._assertion(now),
        }
        answer = await self._fetch("POST", "token", form)
        tokens = Tokens(str(answer.get("access_token") or ""), str(answer.get("id_token") or ""))
        if not tokens.access_token or not tokens.id_token or str(answer.get("token_type")).lower() != "bearer":
            raise Refused("tax.provider_refused", error="incomplete")
        return tokens

    def _assertion(self, now: datetime) -> str:
        issued = int(now.timestamp())
        claims = {
            "iss": self._config.client_id,
            "sub": self._config.client_id,
            "aud": self._config.endpoint("token"),
            "jti": self._unique(),
            "iat": issued,
            "exp": issued + _ASSERTION_LIFETIME,
        }
        return jwt.encode({"alg": ALGORITHM, "kid": self._kid}, claims, self._key, algorithms=[ALGORITHM])

    async def prepare(self, now: datetime) -> None:
        """Fetch the service's keys if there are none yet: better before a code is spent than after."""
        if not self._jwks:
            await self._fetch_keys(now)

    async def key(self, kid: str, now: datetime) -> Mapping[str, Any]:
        """Return the service's key called `kid`; raises `Refused` (`tax.id_token_key`) or `Unavailable`."""
        if kid not in self._jwks and (self._fetched_at is None or abs(now - self._fetched_at) >= _REFETCH):
            await self._fetch_keys(now)
        if kid not in self._jwks:
            raise Refused("tax.id_token_key")
        return self._jwks[kid]

    async def _fetch_keys(self, now: datetime) -> None:
        keys = (await self._fetch("GET", "certs")).get("keys")
        listed = keys if isinstance(keys, list) else []
        self._jwks = {str(key["kid"]): key for key in listed if isinstance(key, dict) and "kid" in key}
        self._fetched_at = now

    async def _fetch(self, method: str, name: str, form: dict[str, str] | None = None) -> dict[str, Any]:
        try:
            response = await self._http.request(method, self._config.endpoint(name), data=form)
            answer = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise Unavailable("tax.provider_unavailable") from error
        if response.status_code >= 500 or not isinstance(answer, dict):
            raise Unavailable("tax.provider_unavailable")
        if not response.is_success:
            raise Refused("tax.provider_refused", error=str(answer.get("error", response.status_code))[:50])
        return answer
