# SPDX-License-Identifier: Apache-2.0
"""The control API on the wire: `/control/v1/`, with an OpenAPI document, and `/healthz`.

It asks for no credentials, so it must not be reachable from a web page of somebody else's: requests whose Host is
not this machine or the country's own name, whose Origin is not that very host and port, or whose body is not JSON
(which a foreign page cannot send unasked) are refused.
"""

import inspect
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tegata.clock import Clock, SystemClock
from tegata.messages import TegataError
from tegata.phone.errors import PhoneError
from tegata.reader import ReaderError
from tegata.sandbox import openapi
from tegata.sandbox.control import Control
from tegata.sandbox.errors import NotFound, PartyProblem, Refused, SandboxError, Unavailable
from tegata.sandbox.gateway import ASKED_IN
from tegata.sandbox.openapi import Member, Operation
from tegata.sandbox.things import utc
from tegata.storage import StorageError
from tegata.wire import WireError, handlers, json_body, language, problem

_STATUSES: Final[dict[type[TegataError], int]] = {
    TegataError: 500,
    SandboxError: 500,
    NotFound: 404,
    Refused: 422,
    Unavailable: 503,
    PhoneError: 422,
    ReaderError: 422,
    StorageError: 503,
}
_BY_REASON: Final = {"wire.foreign_origin": 403}
_OURS: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_TYPES: Final[dict[str, type]] = {"string": str, "array": list, "object": dict}
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
    told = {**handlers(_STATUSES, _BY_REASON), PartyProblem: _passed_on, HTTPException: _no_operation}
    return Starlette(routes=routes, exception_handlers=told)


def _health(health: Health) -> Callable[[Request], Any]:
    async def show(_: Request) -> Response:
        return _answer(health())

    return show


class _Desk:
    def __init__(self, control: Control, clock: Clock, public_url: str) -> None:
        self._control = control
        self._time = clock
        self._public_url = public_url
        self._names = _OURS | {_name(urlsplit(public_url).netloc)}

    def endpoint(self, operation: Operation) -> Callable[[Request], Any]:
        """Return the handler of one operation: checks, then the method of the same name."""
        act = getattr(self, f"_{operation.name}", None) or getattr(self._control, operation.name)

        async def handle(request: Request) -> Response:
            self._check_origin(request)
            members = await _members(request, operation)
            asked = ASKED_IN.set(language(request))
            try:
                answer = act(**request.path_params, **members)
                return _answer(await answer if inspect.isawaitable(answer) else answer, operation.status)
            finally:
                ASKED_IN.reset(asked)

        return handle

    def _check_origin(self, request: Request) -> None:
        host = request.headers.get("host", "").lower()
        origin = request.headers.get("origin")
        if _name(host) not in self._names - {None}:
            raise WireError("wire.foreign_origin")
        if origin is not None and origin.lower() not in (f"http://{host}", f"https://{host}"):
            raise WireError("wire.foreign_origin")

    def _openapi(self) -> dict[str, Any]:
        return openapi.document(self._public_url)

    def _clock(self) -> dict[str, Any]:
        mode = "system" if isinstance(self._time, SystemClock) else "set"
        return {"now": utc(self._time.now()), "mode": mode}


def _name(host: str) -> str | None:
    """Return the name in `name:port`, without the port."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


async def _members(request: Request, operation: Operation) -> dict[str, Any]:
    queried = _query(request, operation)
    if not operation.has_body:
        return queried
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
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
    if not isinstance(value, _TYPES[member.kind]):
        raise WireError("wire.bad_field", field=member.name)
    if isinstance(value, str) and not 1 <= len(value) <= member.limit:
        raise WireError("wire.bad_field", field=member.name)


def _query(request: Request, operation: Operation) -> dict[str, Any]:
    """Return what stands after the question mark; `lang` chooses the language of words and may stand anywhere."""
    known = {member.name: member for member in operation.query}
    found: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name == "lang":
            continue
        if name not in known or name in found:
            raise WireError("wire.bad_field", field=name[:40])
        found[name] = _queried(known[name], value)
    return found


def _queried(member: Member, value: str) -> str | int:
    if member.kind == "integer":
        if not re.fullmatch(r"[1-9][0-9]{0,8}", value) or int(value) > member.limit:
            raise WireError("wire.bad_field", field=member.name)
        return int(value)
    if not 1 <= len(value) <= member.limit:
        raise WireError("wire.bad_field", field=member.name)
    return value


def _passed_on(_: Request, error: Exception) -> Response:
    assert isinstance(error, PartyProblem)  # noqa: S101 -- Starlette calls us only for the class we registered
    return JSONResponse(
        error.document, error.status, media_type="application/problem+json", headers={"Cache-Control": "no-store"}
    )


def _no_operation(request: Request, error: Exception) -> Response:
    """Tell in the form of all other refusals that there is no such path, or no such method on it."""
    assert isinstance(error, HTTPException)  # noqa: S101 -- Starlette calls us only for the class we registered
    answer = problem(NotFound("sandbox.no_operation", method=request.method), error.status_code, language(request))
    answer.headers.update(error.headers or {})
    return answer


def _answer(content: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(content, status, headers={"Cache-Control": "no-store"})
