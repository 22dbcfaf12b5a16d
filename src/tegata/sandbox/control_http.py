# SPDX-License-Identifier: Apache-2.0
"""The control API on the wire: `/control/v1/`, with an OpenAPI document, and `/healthz`.

It asks for no credentials, so it must not be reachable from a web page of somebody else's: requests whose Host is
not this machine or the country's own name, whose Origin is another one, or whose body is not JSON (which a foreign
page cannot send unasked) are refused.
"""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tegata.clock import Clock, SystemClock
from tegata.phone.errors import PhoneError
from tegata.reader import ReaderError
from tegata.sandbox import openapi
from tegata.sandbox.control import Control
from tegata.sandbox.errors import NotFound, PartyProblem, Refused, SandboxError, Unavailable
from tegata.sandbox.openapi import Member, Operation
from tegata.storage import StorageError
from tegata.wire import WireError, handlers, json_body

_STATUSES = {
    SandboxError: 500,
    NotFound: 404,
    Refused: 422,
    Unavailable: 503,
    PhoneError: 422,
    ReaderError: 422,
    StorageError: 503,
}
_OURS: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_TYPES: Final[dict[str, type | tuple[type, ...]]] = {"string": str, "array": list, "object": dict, "integer": int}
_LONGEST: Final = 200_000
Health = Callable[[], dict[str, Any]]


def create_app(control: Control, clock: Clock, public_url: str, health: Health) -> Starlette:
    """Return the ASGI application of the control API, with absolute routes."""
    desk = _Desk(control, clock, public_url)
    routes = [Route("/healthz", _health(health), methods=["GET"])]
    routes += [
        Route(openapi.BASE + operation.path, desk.endpoint(operation), methods=[operation.method], name=operation.name)
        for operation in openapi.OPERATIONS
    ]
    return Starlette(routes=routes, exception_handlers={**handlers(_STATUSES), PartyProblem: _passed_on})


def _health(health: Health) -> Callable[[Request], Any]:
    async def show(_: Request) -> Response:
        return _answer(health())

    return show


class _Desk:
    def __init__(self, control: Control, clock: Clock, public_url: str) -> None:
        self._control = control
        self._time = clock
        self._public_url = public_url
        self._names = _OURS | {urlsplit(public_url).hostname}

    def endpoint(self, operation: Operation) -> Callable[[Request], Any]:
        """Return the handler of one operation: checks, then the method of the same name."""

        async def handle(request: Request) -> Response:
            self._check_origin(request)
            members = await _members(request, operation)
            act = getattr(self, f"_{operation.name}", None) or getattr(self._control, operation.name)
            answer = act(**request.path_params, **members)
            if hasattr(answer, "__await__"):
                answer = await answer
            return _answer(answer, operation.status)

        return handle

    def _check_origin(self, request: Request) -> None:
        origin = request.headers.get("origin")
        hosts = [request.url.hostname, urlsplit(origin).hostname if origin else request.url.hostname]
        if any(host not in self._names for host in hosts):
            raise WireError("wire.foreign_origin")

    def _openapi(self) -> dict[str, Any]:
        return openapi.document(self._public_url)

    def _clock(self) -> dict[str, Any]:
        mode = "system" if isinstance(self._time, SystemClock) else "set"
        return {"now": self._time.now().isoformat().replace("+00:00", "Z"), "mode": mode}


async def _members(request: Request, operation: Operation) -> dict[str, Any]:
    if operation.query:
        return _query(request, operation)
    if request.method not in ("POST", "PUT"):
        return {}
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise WireError("wire.bad_json")
    body = await json_body(request, limit=_LONGEST)
    known = {member.name: member for member in operation.body}
    for name in body:
        if name not in known and not operation.open_body:
            raise WireError("wire.bad_field", field=name[:40])
    for member in operation.body:
        _check(member, body)
    given = {name: value for name, value in body.items() if value is not None}
    return {"body": given} if operation.open_body else given


def _check(member: Member, body: dict[str, Any]) -> None:
    value = body.get(member.name)
    if value is None and not member.required:
        return
    if not isinstance(value, _TYPES[member.kind]) or value == "":
        raise WireError("wire.bad_field", field=member.name)


def _query(request: Request, operation: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for member in operation.query:
        value = request.query_params.get(member.name)
        if value is None:
            continue
        if member.kind == "integer":
            if not (value.isascii() and value.isdigit() and 1 <= int(value[:9]) <= 1000):
                raise WireError("wire.bad_field", field=member.name)
            found[member.name] = int(value)
        else:
            found[member.name] = value
    return found


def _passed_on(_: Request, error: Exception) -> Response:
    assert isinstance(error, PartyProblem)  # noqa: S101 -- Starlette calls us only for the class we registered
    return JSONResponse(
        error.document, error.status, media_type="application/problem+json", headers={"Cache-Control": "no-store"}
    )


def _answer(content: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(content, status, headers={"Cache-Control": "no-store"})
