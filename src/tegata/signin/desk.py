# SPDX-License-Identifier: Apache-2.0
"""The use cases of one sign-in, from the authorization request to the code.

1. `authorize`: a browser arrives; it gets a request of its own and a cookie that ties the two together.
2. `request` and `prove`: a phone reads the request and approves it with a signature.
3. `proceed`: the same browser goes back to its service with a code; `cancel`: it goes back without.

Code and session identifier are computed from the request's identifier under a sealed key, so that a browser which lost
the answer gets the same ones again, and the store holds digests only.
"""

import dataclasses
import hashlib
import hmac
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote, urlsplit

from tegata.clock import Clock
from tegata.signin import faults, parameters, rules
from tegata.signin.authority import Authority
from tegata.signin.config import Config
from tegata.signin.errors import CallbackFault, Conflict, Gone, NotFound, Refused
from tegata.signin.keys import base64url
from tegata.signin.model import Client, RequestAct, RequestState, Session, SignInRequest
from tegata.signin.parameters import Parameters
from tegata.signin.proof import Judge, Proof, signed_bytes
from tegata.signin.store import Store, digest
from tegata.verify import Rejected

KEEP: Final = timedelta(hours=1)
"""How long an ended request can still be asked for its outcome."""
_ENDINGS: Final = {
    RequestState.CANCELLED: ("cancelled", "cancelled"),
    RequestState.EXPIRED: ("expired", "timed_out"),
}
_ERASE_EVERY: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Started:
    """A request that was begun, its client, and the cookie for the browser that began it."""

    request: SignInRequest
    client: Client
    cookie: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where the browser goes next."""

    location: str = field(repr=False)


class SignInDesk:
    """Takes browsers and phones.  `secret` is the sealed key of codes, `salt` that of pairwise subjects."""

    def __init__(
        self,
        config: Config,
        store: Store,
        clock: Clock,
        judge: Judge,
        authority: Authority,
        randomness: Callable[[int], bytes],
    ) -> None:
        self._config = config
        self._profile = config.profile
        self._store = store
        self._clock = clock
        self._judge = judge
        self._authority = authority
        self._random = randomness
        self._secret = store.secret("code", lambda: randomness(32))
        self._salt = store.secret("subject", lambda: randomness(32))
        self._erased_at = self._now()

    def _now(self) -> datetime:
        return self._clock.now().replace(microsecond=0)

    # -- the browser arrives --------------------------------------------------------------------------------------

    def authorize(self, asked: Parameters) -> Started | Redirect:
        """Begin a sign-in, or send the browser back with what is wrong; raises `PageFault`."""
        client, redirect_uri = parameters.target(asked, self._store.client)
        try:
            wish = parameters.wish(asked, client, redirect_uri)
        except CallbackFault as fault:
            return self._failed(redirect_uri, fault, parameters.state_of(asked))
        now = self._now()
        cookie = base64url(self._random(32))
        request = SignInRequest(
            request_id=base64url(self._random(18)),
            wish=wish,
            browser=digest(cookie),
            challenge=self._random(32),
            created_at=now,
            expires_at=now + timedelta(seconds=self._profile.request_lifetime),
        )
        self._store.save_request(request)
        if abs(now - self._erased_at) >= _ERASE_EVERY:
            self.erase_old()
        return Started(request, client, cookie)

    def _failed(self, redirect_uri: str, fault: CallbackFault, state: str | None) -> Redirect:
        row = faults.TABLE[fault.reason]
        words = row.description.format_map(fault.facts)
        return self._back(redirect_uri, {"error": row.error, "error_description": words}, state)

    def _back(self, redirect_uri: str, members: dict[str, str], state: str | None) -> Redirect:
        if state is not None:
            members["state"] = state.split(";")[0] if self._profile.state_quirk == "cut_at_semicolon" else state
        if self._profile.callback_iss:
            members["iss"] = self._config.issuer  # RFC 9207 §2
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in members.items())
        return Redirect(f"{redirect_uri}{'&' if urlsplit(redirect_uri).query else '?'}{query}")

    # -- the phone approves ---------------------------------------------------------------------------------------

    def request(self, request_id: str) -> tuple[SignInRequest, Client]:
        """Return a request as it stands now, and whose it is; raises `NotFound`."""
        request = self._store.request(request_id)
        client = None if request is None else self._store.client(request.wish.client_id)
        if request is None or client is None:
            raise NotFound("signin.unknown_request")
        now = self._now()
        if rules.is_due(request, now):
            request = rules.advance(request, RequestAct.EXPIRE)
            self._store.save_request(request)
        return request, client

    def awaited(self, request_id: str) -> tuple[SignInRequest, Client]:
        """Return a request that a phone may (still or again) approve; raises `NotFound`, `Gone` or `Conflict`."""
        request, client = self.request(request_id)
        if request.state is RequestState.EXPIRED:
            raise Gone("signin.request_expired")
        if request.state is RequestState.CANCELLED:
            raise Conflict("signin.request_cancelled")
        return request, client

    async def prove(self, request_id: str, certificate: bytes, signature: bytes) -> None:
        """Approve a request with a signature of an authentication key; the same person may do so again.

        Raises what `awaited` raises, `Refused`, `Unavailable`, and the errors of `tegata.verify`.
        """
        request, client = self.awaited(request_id)
        data = signed_bytes(self._config.origin, request_id, request.challenge)
        by_list = self._profile.status == "as_requested" and "crl" in request.wish.acr_values
        proof = Proof(data, certificate, signature, by_list)
        try:
            serial = await self._judge.serial(proof, self._clock.now())
            person = await self._authority.person(serial)
        except (Rejected, Refused) as error:
            self._note_refusal(request_id, error.reason)
            raise
        subject = self._subject(client, person if self._profile.subject == "person" else str(serial))
        request, _ = self.awaited(request_id)
        if request.state is RequestState.WAITING:
            approved = rules.advance(request, RequestAct.APPROVE)
            changes = {"subject": subject, "approved_at": self._now(), "refusal": None}
            self._store.save_request(dataclasses.replace(approved, **changes))  # type: ignore[arg-type]
        elif request.subject is None or not hmac.compare_digest(request.subject, subject):
            raise Conflict("signin.already_approved")

    def _note_refusal(self, request_id: str, reason: str) -> None:
        request, _ = self.request(request_id)
        if request.state is RequestState.WAITING:
            self._store.save_request(dataclasses.replace(request, refusal=reason))

    def _subject(self, client: Client, person: str) -> str:
        """Return the pairwise identifier of a person at a client (OpenID Connect Core §8.1): a keyed hash of both."""
        by_host = self._profile.sector == "redirect_host"
        sector = str(urlsplit(client.redirect_uris[0]).hostname) if by_host else client.client_id
        return self._keyed(self._salt, sector, person)

    def _keyed(self, key: bytes, *parts: str) -> str:
        return base64url(hmac.digest(key, "\0".join(parts).encode(), hashlib.sha256))

    # -- the browser goes back ------------------------------------------------------------------------------------

    def of_browser(self, request_id: str, cookie: str | None) -> tuple[SignInRequest, Client]:
        """Return a request to the browser that began it; raises `NotFound`, or `Refused` to any other browser."""
        request, client = self.request(request_id)
        if cookie is None or not hmac.compare_digest(request.browser, digest(cookie)):
            raise Refused("signin.other_browser")
        return request, client

    def proceed(self, request_id: str, cookie: str | None) -> Redirect | None:
        """Return where the browser goes, `None` while the phone has not approved; raises what `of_browser` raises."""
        request, _ = self.of_browser(request_id, cookie)
        if request.state is RequestState.WAITING:
            return None
        if request.state is RequestState.APPROVED:
            session = self._session(request)
            self._store.save_request(rules.advance(request, RequestAct.FINISH), session)
        elif request.state is not RequestState.FINISHED:
            return self._without(request)
        members = {"code": self._code(request), "session_state": self._session_id(request)}
        return self._back(request.wish.redirect_uri, members, request.wish.state)

    def cancel(self, request_id: str, cookie: str | None) -> Redirect:
        """End a request at the person's wish; raises what `of_browser` raises, and `Conflict` once it is finished."""
        request, _ = self.of_browser(request_id, cookie)
        if request.state not in (RequestState.CANCELLED, RequestState.EXPIRED):
            request = rules.advance(request, RequestAct.CANCEL)
            self._store.save_request(request)
        return self._without(request)

    def _without(self, request: SignInRequest) -> Redirect:
        """Return to the service without a code; a certificate that was refused is the better explanation."""
        how, ending = _ENDINGS[request.state]
        if request.refusal is not None:
            how, ending = "refused", faults.ending(request.refusal)
        members = {"error": self._profile.callback_errors[how], "error_description": faults.DESCRIPTIONS[ending]}
        return self._back(request.wish.redirect_uri, members, request.wish.state)

    def _session(self, request: SignInRequest) -> Session:
        assert request.subject is not None and request.approved_at is not None  # noqa: S101, PT018 -- it is approved
        now = self._now()
        return Session(
            session_id=self._session_id(request),
            wish=request.wish,
            subject=request.subject,
            authenticated_at=request.approved_at,
            code_digest=digest(self._code(request)),
            code_expires_at=now + timedelta(seconds=self._profile.code_lifetime),
            ends_at=now + timedelta(seconds=self._profile.session_lifetime),
        )

    def _code(self, request: SignInRequest) -> str:
        return self._keyed(self._secret, "code", request.request_id)

    def _session_id(self, request: SignInRequest) -> str:
        mac = hmac.digest(self._secret, f"session\0{request.request_id}".encode(), hashlib.sha256)
        return str(uuid.UUID(bytes=mac[:16], version=4))

    def erase_old(self) -> None:
        """Forget what has ended."""
        self._erased_at = self._now()
        self._store.erase_old(self._erased_at - KEEP, self._erased_at)
