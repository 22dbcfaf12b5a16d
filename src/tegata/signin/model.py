# SPDX-License-Identifier: Apache-2.0
"""What the provider knows, as frozen values: a client, a sign-in request on its way, a session with its tokens."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class RequestState(StrEnum):
    """How far a sign-in request has come; `rules.REQUESTS` has the ways between."""

    WAITING = "waiting"
    APPROVED = "approved"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class RequestAct(StrEnum):
    """What moves a sign-in request on."""

    APPROVE = "approve"
    FINISH = "finish"
    CANCEL = "cancel"
    EXPIRE = "expire"


class SessionState(StrEnum):
    """What has become of the code that opened a session, and of the tokens behind it."""

    CODE = "code"
    OPEN = "open"
    SPENT = "spent"
    REVOKED = "revoked"


class SessionAct(StrEnum):
    """What happens to a session."""

    REDEEM = "redeem"
    PRESENT_AGAIN = "present_again"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Client:
    """A relying party: who it is, where codes may go, and its public keys (JWK members)."""

    client_id: str
    name: str
    redirect_uris: tuple[str, ...]
    jwks: tuple[dict[str, Any], ...] = field(repr=False)
    registered_at: datetime

    def to_json(self) -> dict[str, Any]:
        """Return the client as the operator sees it."""
        return {
            "client_id": self.client_id,
            "name": self.name,
            "redirect_uris": list(self.redirect_uris),
            "jwks": {"keys": list(self.jwks)},
            "registered_at": self.registered_at.isoformat().replace("+00:00", "Z"),
        }


@dataclass(frozen=True, slots=True)
class Wish:
    """A valid authorization request (request parameters of the service's published API reference)."""

    client_id: str
    redirect_uri: str
    scope: tuple[str, ...]
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    code_challenge: str = field(repr=False)
    acr_values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SignInRequest:
    """One wish on its way from a browser over a phone and back.

    `browser` is the digest of the cookie of the browser that started it.  `refusal` is the reason for which the last
    certificate was refused, if any.  `subject` and `approved_at` are set by approval.
    """

    request_id: str
    wish: Wish
    browser: str = field(repr=False)
    challenge: bytes = field(repr=False)
    created_at: datetime
    expires_at: datetime
    state: RequestState = RequestState.WAITING
    refusal: str | None = None
    subject: str | None = field(default=None, repr=False)
    approved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """What a code stands for, and the tokens issued for it.

    `session_id` is the `session_state` and `sid` of the wire.
    """

    session_id: str
    wish: Wish
    subject: str = field(repr=False)
    authenticated_at: datetime
    code_digest: str = field(repr=False)
    code_expires_at: datetime
    ends_at: datetime
    state: SessionState = SessionState.CODE
