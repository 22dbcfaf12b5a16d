# SPDX-License-Identifier: Apache-2.0
"""The sign-in service: its clients and keys, and the two desks that do the work.

`desk` takes browsers and phones, `tokens` takes clients.  Everything is durable before it is answered; `recover` only
has to forget what has ended.
"""

import dataclasses
import os
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx

from tegata.clock import Clock
from tegata.crypto.keys import Algorithm, SoftwareKey
from tegata.crypto.vault import Vault
from tegata.signin import clients
from tegata.signin.authority import Authority
from tegata.signin.config import Config
from tegata.signin.desk import SignInDesk
from tegata.signin.errors import Conflict
from tegata.signin.keys import ALGORITHMS, ID_ALG, KeyRing, TokenKey
from tegata.signin.model import Client
from tegata.signin.proof import Judge, Verifier
from tegata.signin.store import Store
from tegata.signin.tokens import LEVEL, TokenDesk
from tegata.wire.status import StatusClient

RETIRED_FOR: Final = timedelta(days=1)
"""How long a replaced signing key stays in the JWK Set."""


class SignIn:
    """The OpenID provider of the country.  Make one with `SignIn.open`; used from one event loop."""

    def __init__(
        self,
        config: Config,
        store: Store,
        clock: Clock,
        judge: Judge,
        authority: Authority,
        *,
        keys: Callable[[Algorithm], SoftwareKey] = SoftwareKey.generate,
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.config = config
        self._store = store
        self._clock = clock
        self._keys = keys
        self._loaded: dict[int, TokenKey] = {}
        self._ring = self._stored_ring()
        if not self._ring:
            self.renew_keys()
        self.desk = SignInDesk(config, store, clock, judge, authority, randomness)
        self.tokens = TokenDesk(config, store, clock, lambda: self._ring, randomness)

    @classmethod
    def open(
        cls,
        config: Config,
        clock: Clock,
        http: httpx.AsyncClient,
        vault: Vault,
        path: Path,
        *,
        keys: Callable[[Algorithm], SoftwareKey] = SoftwareKey.generate,
        on_commit: Callable[[str], None] | None = None,
    ) -> "SignIn":
        """Open the service with its file at `path`; raises `StorageError`, and `VaultError` for a foreign vault."""
        store = Store.open(path, vault, on_commit)
        judge = Verifier(StatusClient(http, config.authority_url), config.anchors)
        authority = Authority(http, config.authority_url, config.authority_token)
        return cls(config, store, clock, judge, authority, keys=keys)

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    async def recover(self) -> None:
        """Forget what ended while the service was down."""
        self.desk.erase_old()

    # -- keys -----------------------------------------------------------------------------------------------------

    def jwks(self) -> dict[str, Any]:
        """Return the public keys of the service's tokens (RFC 7517 §5)."""
        return self._ring.jwks()

    def renew_keys(self) -> None:
        """Sign with new keys from now on; the old ones stay published while their tokens live."""
        made = [(alg, self._keys(algorithm)) for alg, algorithm in ALGORITHMS.items()]
        now = self._now()
        sealed = [(alg, key.to_pkcs8()) for alg, key in made]
        numbers = self._store.add_signing_keys(sealed, now, now - RETIRED_FOR)
        self._loaded |= {number: TokenKey.of(alg, key) for number, (alg, key) in zip(numbers, made, strict=True)}
        self._ring = self._stored_ring()

    def _stored_ring(self) -> KeyRing:
        """Return the keys of the store; loading an RSA key takes 50 ms, so each is loaded once."""
        held = self._loaded
        self._loaded = {
            number: held.get(number) or self._load(number, alg) for number, alg in self._store.signing_keys()
        }
        return KeyRing(list(self._loaded.values()))

    def _load(self, number: int, alg: str) -> TokenKey:
        return TokenKey.of(alg, SoftwareKey.from_pkcs8(self._store.signing_key(number), own=True))

    def _now(self) -> datetime:
        return self._clock.now().replace(microsecond=0)

    # -- clients --------------------------------------------------------------------------------------------------

    def register(self, entry: Mapping[str, Any], client_id: str | None = None, *, replace: bool = False) -> Client:
        """Register a client, or change what is registered under its identifier.

        Whoever brings the same keys is the same client and may change name and addresses; other keys take `replace`.
        Raises `Refused` (`signin.bad_client`) and `Conflict` (`signin.client_taken`).
        """
        client = clients.checked(entry, client_id or self._next_id(), self.config, self._now())
        known = self._store.client(client.client_id)
        if known is not None and known.jwks != client.jwks and not replace:
            raise Conflict("signin.client_taken")
        if known is not None and dataclasses.replace(client, registered_at=known.registered_at) == known:
            return known
        self._store.save_client(client)
        return client

    def clients(self) -> list[Client]:
        """Return all clients."""
        return self._store.clients()

    def _next_id(self) -> str:
        taken = {client.client_id for client in self._store.clients()}
        number = len(taken) + 1
        while f"RP{number:08}" in taken:
            number += 1
        return f"RP{number:08}"

    # -- discovery ------------------------------------------------------------------------------------------------

    def metadata(self) -> dict[str, Any]:
        """Return the provider metadata (OpenID Connect Discovery §3, RFC 8414 §2)."""
        profile = self.config.profile
        return {
            "issuer": self.config.issuer,
            "authorization_endpoint": self.config.endpoint("auth"),
            "token_endpoint": self.config.endpoint("token"),
            "userinfo_endpoint": self.config.endpoint("userinfo"),
            "jwks_uri": self.config.endpoint("certs"),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": [ID_ALG],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": list(profile.assertion_algorithms),
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["openid"],
            "claims_supported": [
                "iss",
                "sub",
                "aud",
                "exp",
                "iat",
                "auth_time",
                "nonce",
                "acr",
                "azp",
                "sid",
                "at_hash",
            ],
            "acr_values_supported": [LEVEL],
            "ui_locales_supported": ["ja", "en"],
            "claims_parameter_supported": False,
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
            "authorization_response_iss_parameter_supported": profile.callback_iss,
        }
