# SPDX-License-Identifier: Apache-2.0
"""The tax office's use cases: begin a login, take the browser back, know who is logged in, log out.

A login is bound to the browser that began it by a cookie, to the answer by `state`, to the ID token by `nonce` and to
the code by the verifier.  The session's token is computed from the login under a sealed key, so that a browser which
lost the answer gets the same session again.
"""

import asyncio
import base64
import hashlib
import hmac
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from weakref import WeakValueDictionary

import httpx

from tegata.clock import Clock
from tegata.crypto.keys import Algorithm, SoftwareKey
from tegata.crypto.vault import Vault
from tegata.relying.errors import Refused, RelyingError, Unavailable
from tegata.relying.tax import id_token, rules
from tegata.relying.tax.config import Config
from tegata.relying.tax.id_token import Expected
from tegata.relying.tax.model import Identity, Login, LoginAct, LoginState, TaxSession
from tegata.relying.tax.provider import Provider
from tegata.relying.tax.store import Store, digest


@dataclass(frozen=True, slots=True)
class Begun:
    """A login that was begun: where the browser goes, and the cookie it must bring back."""

    location: str = field(repr=False)
    cookie: str = field(repr=False)


class TaxOffice:
    """The tax office.  Make one with `TaxOffice.open`; used from one event loop."""

    def __init__(
        self,
        config: Config,
        store: Store,
        clock: Clock,
        http: httpx.AsyncClient,
        *,
        keys: Callable[[Algorithm], SoftwareKey] = SoftwareKey.generate,
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.config = config
        self._store = store
        self._clock = clock
        self._random = randomness
        self._secret = store.secret("session", lambda: randomness(32))
        key = SoftwareKey.from_pkcs8(store.secret("client-key", lambda: keys(Algorithm.EC_P256).to_pkcs8()))
        self._provider = Provider(config, http, key, self._unique)
        self._answers: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

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
    ) -> "TaxOffice":
        """Open the office with its file at `path`; raises `StorageError`, and `VaultError` for a foreign vault."""
        return cls(config, Store.open(path, vault, on_commit), clock, http, keys=keys)

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    async def recover(self) -> None:
        """Nothing is left half-done by a crash: a login that was under way is answered when its browser comes again."""

    def jwks(self) -> dict[str, Any]:
        """Return the office's public keys, which the sign-in service must know."""
        return self._provider.own_jwks()

    def _now(self) -> datetime:
        return self._clock.now().replace(microsecond=0)

    def _unique(self) -> str:
        return _base64url(self._random(32))

    # -- logging in -----------------------------------------------------------------------------------------------

    def begin(self, cookie: str | None) -> Begun:
        """Begin a login; a browser that has a cookie keeps it, so that two tabs do not disturb each other."""
        browser = cookie or self._unique()
        now = self._now()
        login = Login(
            state=self._unique(),
            browser=digest(browser),
            nonce=self._unique(),
            code_verifier=self._unique(),
            expires_at=now + self.config.login_lifetime,
        )
        self._store.add_login(login, now)
        query = {
            "response_type": "code",
            "scope": "openid",
            "client_id": self.config.client_id,
            "redirect_uri": self.config.redirect_uri,
            "state": login.state,
            "nonce": login.nonce,
            "code_challenge": _base64url(hashlib.sha256(login.code_verifier.encode()).digest()),
            "code_challenge_method": "S256",
            "acr_values": "aal3",
        }
        return Begun(f"{self.config.endpoint('auth')}?{urlencode(query)}", browser)

    async def finish(self, answer: Mapping[str, str], cookie: str | None) -> tuple[str, TaxSession]:
        """Take the browser back and return the token of its session; raises `Refused` or `Unavailable`.

        The same answer from the same browser gives the same session again.
        """
        async with self._answers.setdefault(answer.get("state", ""), asyncio.Lock()):
            login = self._login_of(answer.get("state"), cookie)
            if login.progress is LoginState.FAILED:
                raise Refused(login.reason or "tax.login_unknown")
            token = self._token(login)
            if login.progress is LoginState.DONE:
                return token, self._still(token)
            try:
                identity = await self._identify(login, answer)
            except Unavailable:
                raise
            except RelyingError as error:
                self._store.end_login(rules.advance(login, LoginAct.FAIL, error.reason))
                raise
            session = TaxSession(identity, self._now() + self.config.session_lifetime)
            self._store.end_login(rules.advance(login, LoginAct.SUCCEED), token, session)
            return token, session

    def _login_of(self, state: str | None, cookie: str | None) -> Login:
        login = self._store.login(state, self._now()) if state else None
        if login is None:
            raise Refused("tax.login_unknown")
        if cookie is None or not hmac.compare_digest(login.browser, digest(cookie)):
            raise Refused("tax.other_browser")
        return login

    async def _identify(self, login: Login, answer: Mapping[str, str]) -> Identity:
        """Turn the answer into a checked identity."""
        if answer.get("iss") not in (None, self.config.issuer):  # RFC 9207 §2.4
            raise Refused("tax.other_issuer")
        if "error" in answer:
            raise Refused("tax.denied" if answer["error"] == "access_denied" else "tax.login_failed")
        if not answer.get("code"):
            raise Refused("tax.login_failed")
        now = self._now()
        await self._provider.prepare(now)
        tokens = await self._provider.redeem(answer["code"], login.code_verifier, now)
        jwk = await self._provider.key(id_token.key_id(tokens.id_token), now)
        expected = Expected(self.config.issuer, self.config.client_id, login.nonce, tokens.access_token)
        return id_token.check(tokens.id_token, jwk, expected, now)

    def _token(self, login: Login) -> str:
        return _base64url(hmac.digest(self._secret, login.state.encode(), hashlib.sha256))

    def _still(self, token: str) -> TaxSession:
        session = self._store.session(token, self._now())
        if session is None:
            raise Refused("tax.login_unknown")
        return session

    # -- logged in ------------------------------------------------------------------------------------------------

    def session(self, token: str | None) -> TaxSession | None:
        """Return who is logged in with this cookie, if anybody."""
        return self._store.session(token, self._now()) if token else None

    def log_out(self, token: str | None) -> None:
        """End a session; ending none changes nothing."""
        if token:
            self._store.end_session(token)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
