# SPDX-License-Identifier: Apache-2.0
"""Reads queries, form bodies and authorization requests, once, at the border.

A query or form becomes `Parameters`: the first value of each name, and the names that came more than once.  An
authorization request becomes a `Wish`, in the order of checks that Keycloak has: client and redirect URI first (a
person sees a page), then everything that its client is told at the redirect URI.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from tegata.signin.errors import CallbackFault, PageFault, WireFault
from tegata.signin.model import Client, Wish

LIMIT: Final = 64 * 1024
"""Longest query or form that is read, in bytes."""
_FIELDS: Final = 100

CLIENT_ID: Final = re.compile(r"[0-9a-zA-Z]{1,255}")
_PRINTABLE: Final = re.compile(r"[\x20-\x7E]{1,255}")
_CHALLENGE: Final = re.compile(r"[0-9a-zA-Z_-]{1,128}")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SCOPE: Final = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]{1,100}")
_ACR: Final = re.compile(r"[\x21-\x7E]{1,100}( [\x21-\x7E]{1,100}){0,9}")
SCOPES: Final = ("openid",)
"""Scopes that are granted; the attributes and `sign` are still to come."""

_NOT_SUPPORTED: Final = {
    "request": "signin.authorize.request_object",
    "request_uri": "signin.authorize.request_uri",
    "registration": "signin.authorize.registration",
}


@dataclass(frozen=True, slots=True)
class Parameters:
    """A parsed query or form."""

    values: Mapping[str, str] = field(repr=False)
    repeated: frozenset[str] = frozenset()

    def get(self, name: str) -> str | None:
        """Return the first value of `name`; an empty one is a value."""
        return self.values.get(name)


def parse(raw: bytes) -> Parameters:
    """Read `application/x-www-form-urlencoded` bytes; raises `WireFault` (`signin.token.malformed`)."""
    if len(raw) > LIMIT:
        raise WireFault("signin.token.malformed")
    try:
        pairs = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=_FIELDS
        )
    except ValueError as error:
        raise WireFault("signin.token.malformed") from error
    values: dict[str, str] = {}
    repeated = set()
    for name, value in pairs:
        if name in values:
            repeated.add(name)
        else:
            values[name] = value
    return Parameters(values, frozenset(repeated))


def target(parameters: Parameters, find: Callable[[str], Client | None]) -> tuple[Client, str]:
    """Return the client and redirect URI of an authorization request.

    Raises `PageFault`: whoever is not known to be safe to redirect to is not redirected to.
    """
    for name in ("client_id", "redirect_uri"):
        if name in parameters.repeated:
            raise PageFault("signin.authorize.untrusted", parameter=name)
    client_id = parameters.get("client_id") or ""
    client = find(client_id) if CLIENT_ID.fullmatch(client_id) else None
    if client is None:
        raise PageFault("signin.authorize.untrusted", parameter="client_id")
    redirect_uri = parameters.get("redirect_uri")
    if redirect_uri is None or redirect_uri not in client.redirect_uris:
        raise PageFault("signin.authorize.untrusted", parameter="redirect_uri")
    return client, redirect_uri


def state_of(parameters: Parameters) -> str | None:
    """Return the `state` to send back with an error: only one that is whole and well formed."""
    state = parameters.get("state")
    return state if state and "state" not in parameters.repeated and _PRINTABLE.fullmatch(state) else None


def wish(parameters: Parameters, client: Client, redirect_uri: str) -> Wish:
    """Return the authorization request; raises `CallbackFault` for the first check that fails."""
    # 1. the flow
    if parameters.repeated:
        raise CallbackFault("signin.authorize.duplicated")
    if _needed(parameters, "response_type") != "code":
        raise CallbackFault("signin.authorize.response_type")
    for name, reason in _NOT_SUPPORTED.items():
        if parameters.get(name) is not None:
            raise CallbackFault(reason)
    if parameters.get("response_mode") not in (None, "query"):
        raise CallbackFault("signin.authorize.invalid", parameter="response_mode")
    # 2. what is asked for
    scope = _scope(_needed(parameters, "scope"))
    state = _matched(parameters, "state", _PRINTABLE)
    nonce = _matched(parameters, "nonce", _PRINTABLE)
    acr_values = parameters.get("acr_values")
    if acr_values is not None and not _ACR.fullmatch(acr_values):
        raise CallbackFault("signin.authorize.invalid", parameter="acr_values")
    transaction = parameters.get("sign_transaction_id")
    if transaction is not None and not _UUID.fullmatch(transaction):
        raise CallbackFault("signin.authorize.invalid", parameter="sign_transaction_id")
    # 3. proof key (RFC 7636 §4.3)
    if _needed(parameters, "code_challenge_method") != "S256":
        raise CallbackFault("signin.authorize.invalid", parameter="code_challenge_method")
    challenge = _matched(parameters, "code_challenge", _CHALLENGE)
    # 4. nobody is ever signed in here already: each sign-in takes a card or phone
    if "none" in (parameters.get("prompt") or "").split(" "):
        raise CallbackFault("signin.authorize.login_required")
    return Wish(client.client_id, redirect_uri, scope, state, nonce, challenge, tuple((acr_values or "").split()))


def _needed(parameters: Parameters, name: str) -> str:
    value = parameters.get(name)
    if not value:
        raise CallbackFault("signin.authorize.missing", parameter=name)
    return value


def _matched(parameters: Parameters, name: str, form: re.Pattern[str]) -> str:
    value = _needed(parameters, name)
    if not form.fullmatch(value):
        raise CallbackFault("signin.authorize.invalid", parameter=name)
    return value


def _scope(text: str) -> tuple[str, ...]:
    words = text.split(" ")
    if not all(_SCOPE.fullmatch(word) for word in words) or len(words) > 20:
        raise CallbackFault("signin.authorize.invalid", parameter="scope")
    unknown = [word for word in words if word not in SCOPES]
    if unknown or "openid" not in words:
        raise CallbackFault("signin.authorize.scope", scope=" ".join(words))
    return tuple(dict.fromkeys(words))
