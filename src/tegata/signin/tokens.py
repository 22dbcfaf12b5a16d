# SPDX-License-Identifier: Apache-2.0
"""The token and userinfo endpoints: a client and a code become tokens, a token becomes the claims it stands for.

The checks and their order are those of Keycloak 26: grant type, client, repeated parameters, then the grant.
From row 6 on every failure spends the code; a failed client authentication does not.  A code that comes twice revokes
what it gave.
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, NoReturn

from tegata.clock import Clock
from tegata.signin import assertion, parameters, rules
from tegata.signin.config import Config
from tegata.signin.errors import WireFault
from tegata.signin.keys import ACCESS_ALG, ID_ALG, BadToken, KeyRing, base64url, half_hash
from tegata.signin.model import Client, Session, SessionAct, SessionState
from tegata.signin.parameters import Parameters
from tegata.signin.store import Store

_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636 §4.1
LEVEL: Final = "aal3"


class TokenDesk:
    """Issues tokens.  `ring()` gives the keys as they are now."""

    def __init__(
        self,
        config: Config,
        store: Store,
        clock: Clock,
        ring: Callable[[], KeyRing],
        randomness: Callable[[int], bytes],
    ) -> None:
        self._config = config
        self._profile = config.profile
        self._store = store
        self._clock = clock
        self._ring = ring
        self._random = randomness

    def _now(self) -> datetime:
        return self._clock.now().replace(microsecond=0)

    # -- token endpoint -------------------------------------------------------------------------------------------

    def token(self, body: bytes) -> dict[str, Any]:
        """Answer a token request (a form body); raises `WireFault`."""
        form = parameters.parse(body)
        grant = form.get("grant_type")
        if grant is None:
            raise WireFault("signin.token.grant_type_missing")
        if grant not in ("authorization_code", "refresh_token"):
            raise WireFault("signin.token.grant_type_unknown")
        client = self._authenticated(form)
        if form.repeated:
            raise WireFault("signin.token.duplicated")
        return self._by_code(form, client) if grant == "authorization_code" else self._by_refresh(form, client)

    def _authenticated(self, form: Parameters) -> Client:
        names = {"token": self._config.endpoint("token"), "issuer": self._config.issuer}
        found = assertion.authenticate(form, self._store.client, self._profile, names, self._now())
        if not self._store.use_assertion(found.client.client_id, found.jti, found.forget_at):
            raise WireFault("signin.client.reused")
        return found.client

    def _by_code(self, form: Parameters, client: Client) -> dict[str, Any]:
        code = form.get("code")
        if code is None:
            raise WireFault("signin.token.code_missing")
        session = self._store.session_of_code(code)
        if session is None:
            raise WireFault("signin.token.code")
        if session.state is not SessionState.CODE:
            self._store.save_session(rules.after(session, SessionAct.PRESENT_AGAIN))
            raise WireFault("signin.token.code")
        if self._now() >= session.code_expires_at:
            self._spend(session, "signin.token.code")
        if form.get("redirect_uri") != session.wish.redirect_uri:
            self._spend(session, "signin.token.redirect_uri")
        if client.client_id != session.wish.client_id:
            self._spend(session, "signin.token.other_client")
        self._check_verifier(form.get("code_verifier"), session)
        return self._issue(rules.after(session, SessionAct.REDEEM), nonce=session.wish.nonce)

    def _check_verifier(self, verifier: str | None, session: Session) -> None:
        if verifier is None:
            self._spend(session, "signin.token.verifier_missing")
        if not _VERIFIER.fullmatch(verifier):
            self._spend(session, "signin.token.verifier_malformed")
        derived = base64url(hashlib.sha256(verifier.encode("ascii")).digest())
        if not hmac.compare_digest(derived, session.wish.code_challenge):
            self._spend(session, "signin.token.verifier_mismatch")

    def _spend(self, session: Session, reason: str) -> NoReturn:
        self._store.save_session(rules.after(session, SessionAct.FAIL))
        raise WireFault(reason)

    def _by_refresh(self, form: Parameters, client: Client) -> dict[str, Any]:
        token = form.get("refresh_token")
        if token is None:
            raise WireFault("signin.token.refresh_missing")
        session = self._store.session_of_refresh_token(token, self._now())
        if session is None or session.wish.client_id != client.client_id or not rules.is_live(session, self._now()):
            raise WireFault("signin.token.refresh")
        scope = form.get("scope")
        if scope is not None and not set(scope.split(" ")) <= set(session.wish.scope):
            raise WireFault("signin.token.refresh_scope")
        return self._issue(session, replaces=token if self._profile.refresh_single_use else None)

    # -- tokens ---------------------------------------------------------------------------------------------------

    def _issue(self, session: Session, *, nonce: str | None = None, replaces: str | None = None) -> dict[str, Any]:
        """Write what is issued, then return it: members in Keycloak's order."""
        now, lifetimes = self._now(), self._profile.lifetimes
        access_ends = min(now + timedelta(seconds=lifetimes["access"]), session.ends_at)
        refresh_ends = min(now + timedelta(seconds=lifetimes["refresh"]), session.ends_at)
        access = self._ring().sign(ACCESS_ALG, self._access_claims(session, now, access_ends))
        refresh = base64url(self._random(32))
        id_token = self._ring().sign(ID_ALG, self._id_claims(session, now, access, nonce))
        self._store.save_session(session, (refresh, refresh_ends), replaces)
        return {
            "access_token": access,
            "expires_in": int((access_ends - now).total_seconds()),
            "refresh_expires_in": int((refresh_ends - now).total_seconds()),
            "refresh_token": refresh,
            "token_type": "Bearer",
            "id_token": id_token,
            "not-before-policy": 0,
            "session_state": session.session_id,
            "scope": " ".join(session.wish.scope),
        }

    def _common_claims(self, session: Session, now: datetime, ends: datetime) -> dict[str, Any]:
        return {
            "exp": int(ends.timestamp()),
            "iat": int(now.timestamp()),
            "auth_time": int(session.authenticated_at.timestamp()),
            "jti": base64url(self._random(16)),
            "iss": self._config.issuer,
            "sub": session.subject,
            "azp": session.wish.client_id,
            "sid": session.session_id,
        }

    def _access_claims(self, session: Session, now: datetime, ends: datetime) -> dict[str, Any]:
        return self._common_claims(session, now, ends) | {"typ": "Bearer", "scope": " ".join(session.wish.scope)}

    def _id_claims(self, session: Session, now: datetime, access: str, nonce: str | None) -> dict[str, Any]:
        """Return the claims of an ID token; a refreshed one bears no nonce (OpenID Connect Core §12.2)."""
        ends = now + timedelta(seconds=self._profile.lifetimes["id"])
        claims = self._common_claims(session, now, ends)
        claims |= {"aud": session.wish.client_id, "typ": "ID", "at_hash": half_hash(access)}
        if nonce is not None:
            claims["nonce"] = nonce
        acr = self._acr(session)
        return claims if acr is None else claims | {"acr": acr}

    def _acr(self, session: Session) -> str | None:
        """Return the level reached; every sign-in here takes a key in hardware and the person's own unlocking."""
        if self._profile.acr == "level":
            return LEVEL
        return " ".join(session.wish.acr_values) or LEVEL if self._profile.acr == "requested" else None

    # -- userinfo -------------------------------------------------------------------------------------------------

    def userinfo(self, token: str | None) -> dict[str, Any]:
        """Return the claims that an access token stands for; raises `WireFault` (`signin.userinfo.*`)."""
        if token is None:
            raise WireFault("signin.userinfo.no_token")
        try:
            claims = self._ring().read(ACCESS_ALG, token)
        except BadToken as error:
            raise WireFault("signin.userinfo.token") from error
        now = self._now()
        session = self._store.session(str(claims.get("sid")))
        is_ours = claims.get("typ") == "Bearer" and claims.get("iss") == self._config.issuer
        if not is_ours or session is None or int(now.timestamp()) >= int(claims.get("exp", 0)):
            raise WireFault("signin.userinfo.token")
        if not rules.is_live(session, now):
            raise WireFault("signin.userinfo.token")
        if "openid" not in str(claims.get("scope", "")).split(" "):
            raise WireFault("signin.userinfo.scope")
        return {"sub": session.subject}
