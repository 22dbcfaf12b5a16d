# SPDX-License-Identifier: Apache-2.0
"""How parties speak HTTP: problem documents, bounded JSON bodies, bearer tokens between services, strict base64.

These are the manners that every party's `http.py` shares; rules live elsewhere.
"""

import base64
import hmac
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tegata.messages import Lang, TegataError

Handler = Callable[[Request, Exception], Response | Awaitable[Response]]


class WireError(TegataError):
    """The HTTP request itself was not acceptable."""


def language(request: Request) -> Lang:
    """Return the language the caller asked for (RFC 9110 §12.5.4); Japanese unless English comes first."""
    wanted = request.query_params.get("lang") or request.headers.get("accept-language", "")
    return "en" if wanted.strip().lower().startswith("en") else "ja"


def problem(error: TegataError, status: int, lang: Lang = "en") -> JSONResponse:
    """Render an error as `application/problem+json` (RFC 9457) with our `reason` and the `next` step.

    An error that carries `checks` (a verdict's ordered list) shows them.
    """
    words = error.text(lang)
    body: dict[str, Any] = {
        "type": f"urn:tegata:problem:{error.reason}",
        "title": words.what,
        "status": status,
        "detail": words.what,
        "reason": error.reason,
        "next": words.next,
    }
    if error.clause:
        body["clause"] = error.clause
    facts = {name: value for name, value in error.facts.items() if isinstance(value, str | int | bool)}
    if facts:
        body["facts"] = facts
    checks = getattr(error, "checks", None)
    if checks:
        body["checks"] = [check.to_json(lang) for check in checks]
    return JSONResponse(body, status, media_type="application/problem+json", headers={"Cache-Control": "no-store"})


def handlers(
    statuses: Mapping[type[TegataError], int], by_reason: Mapping[str, int] | None = None
) -> dict[Any, Handler]:
    """Return Starlette exception handlers that render each error class with its HTTP status.

    `by_reason` overrides the status for single reasons; the errors of this module are always included.
    """
    table: dict[type[TegataError], int] = {WireError: 400, **statuses}
    reasons = {"wire.unauthorized": 401, "wire.forbidden": 403, "wire.too_large": 413, **(by_reason or {})}

    def render(request: Request, error: Exception) -> Response:
        assert isinstance(error, TegataError)  # noqa: S101 -- Starlette calls us only for the classes we registered
        status = reasons.get(error.reason)
        if status is None:
            status = next((table[cls] for cls in type(error).__mro__ if cls in table), 500)
        return problem(error, status, language(request))

    return dict.fromkeys(table, render)


async def body_bytes(request: Request, *, limit: int = 1 << 20) -> bytes:
    """Read the whole body; raises `wire.too_large` as soon as it exceeds `limit` bytes."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > limit:
            raise WireError("wire.too_large", limit=limit)
    return bytes(received)


async def json_body(request: Request, *, limit: int = 1 << 20) -> dict[str, Any]:
    """Read a JSON object (RFC 8259) of at most `limit` bytes; raises `wire.bad_json` or `wire.too_large`."""
    raw = await body_bytes(request, limit=limit)
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_refuse)
        if b"\\ud" in raw.lower():
            json.dumps(value, ensure_ascii=False).encode("utf-8")  # half a surrogate pair could not be kept or shown
    except (ValueError, RecursionError) as error:
        raise WireError("wire.bad_json") from error
    if not isinstance(value, dict):
        raise WireError("wire.bad_json")
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def text_field(body: Mapping[str, Any], name: str, *, limit: int = 1000) -> str:
    """Return a required string member of a JSON body; raises `wire.bad_field` naming it, never its value."""
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= limit:
        raise WireError("wire.bad_field", field=name)
    return value


def id_field(body: Mapping[str, Any], name: str, *, limit: int = 100) -> str:
    """Return a required identifier: letters, digits and `._:~-`, safe in a path, a header and a log.  Raises
    `wire.bad_field`.
    """
    value = text_field(body, name, limit=limit)
    if not re.fullmatch(r"[A-Za-z0-9._:~-]+", value) or not value.strip("."):
        raise WireError("wire.bad_field", field=name)
    return value


def bytes_field(body: Mapping[str, Any], name: str, *, limit: int = 1 << 20) -> bytes:
    """Return a required base64 member of a JSON body as bytes; raises `wire.bad_field`."""
    try:
        return unb64(text_field(body, name, limit=limit))
    except ValueError as error:
        raise WireError("wire.bad_field", field=name) from error


def b64(data: bytes) -> str:
    """Encode as standard base64 with padding (RFC 4648 §4)."""
    return base64.b64encode(data).decode("ascii")


def unb64(text: str) -> bytes:
    """Decode standard base64, strictly (RFC 4648 §4); raises `ValueError`."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ValueError("not base64") from error


class Guard:
    """Knows the bearer token of each role that may call a service (RFC 6750 §2.1)."""

    def __init__(self, tokens: Mapping[str, str]) -> None:
        self._tokens = dict(tokens)

    def __repr__(self) -> str:
        return f"Guard(roles={sorted(self._tokens)})"

    def require(self, request: Request, *roles: str) -> str:
        """Return the caller's role if it is one of `roles`; raises `wire.unauthorized` or `wire.forbidden`."""
        scheme, _, presented = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not presented:
            raise WireError("wire.unauthorized")
        found = [
            role for role, token in self._tokens.items() if hmac.compare_digest(token.encode(), presented.encode())
        ]
        if not found:
            raise WireError("wire.unauthorized")
        if found[0] not in roles:
            raise WireError("wire.forbidden", role=found[0])
        return found[0]
