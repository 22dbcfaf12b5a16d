# SPDX-License-Identifier: Apache-2.0
"""The enrolment service on the wire.  A phone's application is opened by its unguessable identifier.

GET  /enrolment/v1/devices                     which phones are admitted
POST /enrolment/v1/applications                apply: 201
GET  /enrolment/v1/applications/{id}           where an application stands
POST /enrolment/v1/applications/{id}/proof     the card's certificate and its signature over the document
POST /enrolment/v1/applications/{id}/step      the element's answers to a turn; the next turn comes back
POST /enrolment/v1/applications/{id}/stop      stop using the phone
POST /enrolment/v1/holds                       role hotline: a lost phone's certificates go on hold
"""

from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tegata.enrolment.document import moment
from tegata.enrolment.errors import EnrolmentError, NotFound, OutOfStep, Refused, Unavailable
from tegata.enrolment.model import Application, Device, State
from tegata.enrolment.relay import Turn
from tegata.enrolment.service import Service
from tegata.storage import StorageError
from tegata.wire import Guard, WireError, b64, bytes_field, handlers, json_body, text_field, unb64

_STATUSES = {
    EnrolmentError: 500,
    NotFound: 404,
    Refused: 422,
    OutOfStep: 409,
    Unavailable: 503,
    StorageError: 503,
}
LARGEST_RESPONSE = 65538
"""Bytes of a response APDU at most: extended length and the status word."""


def create_app(service: Service) -> Starlette:
    """Return the ASGI application of the enrolment service, with absolute routes."""
    desk = _Desk(service)
    base = "/enrolment/v1"
    one = f"{base}/applications/{{application_id}}"
    routes = [
        Route(f"{base}/devices", desk.devices, methods=["GET"]),
        Route(f"{base}/applications", desk.apply, methods=["POST"]),
        Route(one, desk.get, methods=["GET"]),
        Route(f"{one}/proof", desk.prove, methods=["POST"]),
        Route(f"{one}/step", desk.step, methods=["POST"]),
        Route(f"{one}/stop", desk.stop, methods=["POST"]),
        Route(f"{base}/holds", desk.hold, methods=["POST"]),
    ]
    return Starlette(routes=routes, exception_handlers=handlers(_STATUSES, {"enrolment.request_reused": 409}))


class _Desk:
    """The handlers."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._guard = Guard(service.config.tokens)

    async def devices(self, _: Request) -> JSONResponse:
        catalogue = self._service.catalogue
        return JSONResponse({"policy": catalogue.policy, "models": [model.to_json() for model in catalogue.models]})

    async def apply(self, request: Request) -> JSONResponse:
        body = await json_body(request)
        application = self._service.apply(text_field(body, "request_id", limit=64), _device(body))
        return _answer(await self._service.get(application.application_id), status=201)

    async def get(self, request: Request) -> JSONResponse:
        return _answer(await self._service.get(_id(request)))

    async def prove(self, request: Request) -> JSONResponse:
        body = await json_body(request)
        certificate, signature = bytes_field(body, "certificate"), bytes_field(body, "signature")
        return _answer(await self._service.prove(_id(request), certificate, signature))

    async def step(self, request: Request) -> JSONResponse:
        body = await json_body(request)
        name = None if body.get("turn") is None else text_field(body, "turn", limit=64)
        application, turn = await self._service.step(_id(request), name, _responses(body))
        return _answer(application, turn)

    async def stop(self, request: Request) -> JSONResponse:
        return _answer(await self._service.stop(_id(request)))

    async def hold(self, request: Request) -> JSONResponse:
        self._guard.require(request, "hotline")
        body = await json_body(request)
        held = await self._service.hold(text_field(body, "request_id", limit=64), text_field(body, "element", limit=64))
        return JSONResponse({"held": held})


def _id(request: Request) -> str:
    return str(request.path_params["application_id"])


def _device(body: dict[str, Any]) -> Device:
    device = body.get("device")
    if not isinstance(device, dict):
        raise WireError("wire.bad_field", field="device")
    return Device(*(text_field(device, name, limit=64) for name in ("maker", "model", "platform", "serial")))


def _responses(body: dict[str, Any]) -> list[bytes]:
    responses = body.get("responses", [])
    try:
        if isinstance(responses, list) and all(isinstance(one, str) for one in responses):
            return [unb64(one) for one in responses]
    except ValueError as error:
        raise WireError("wire.bad_field", field="responses") from error
    raise WireError("wire.bad_field", field="responses")


def _answer(application: Application, turn: Turn | None = None, status: int = 200) -> JSONResponse:
    body: dict[str, Any] = {
        "application_id": application.application_id,
        "state": application.state.value,
        "reason": application.reason,
        "expires_at": moment(application.expires_at),
        "document": b64(application.document) if application.state is State.APPLIED else None,
    }
    if turn is not None:
        commands = [b64(command) for command in turn.commands]
        body["turn"] = None if turn.name is None else {"name": turn.name, "commands": commands}
    return JSONResponse(body, status, headers={"Cache-Control": "no-store"})
