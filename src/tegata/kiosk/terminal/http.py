# SPDX-License-Identifier: Apache-2.0
"""The terminal's screen as HTTP.  A session is opened by its unguessable identifier.

POST /kiosk/v1/sessions                      choose {document, individual_number, request_id}: 201
GET  /kiosk/v1/sessions/{id}                 where the session stands
POST /kiosk/v1/sessions/{id}/authenticate    {pin?}: read the card or phone on the reader
POST /kiosk/v1/sessions/{id}/pay             {amount}: exactly the fee
POST /kiosk/v1/sessions/{id}/print           the sheet as PDF, once
POST /kiosk/v1/sessions/{id}/cancel          give up; money comes back
"""

from datetime import UTC
from typing import Any

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tegata.kiosk.errors import Declined, KioskError, NotFound, OutOfStep, Refused, Unavailable
from tegata.kiosk.terminal.model import Choice, Session
from tegata.kiosk.terminal.service import Terminal
from tegata.messages import Lang, message
from tegata.storage import StorageError
from tegata.wire import WireError, handlers, json_body, language, text_field

_STATUSES = {
    KioskError: 500,
    NotFound: 404,
    Refused: 422,
    Declined: 422,
    OutOfStep: 409,
    Unavailable: 503,
    StorageError: 503,
}
_NO_STORE = {"Cache-Control": "no-store"}


def create_app(service: Terminal) -> Starlette:
    """Return the ASGI application of the terminal, with absolute routes."""
    screen = _Screen(service)
    one = "/kiosk/v1/sessions/{id}"
    routes = [
        Route("/kiosk/v1/sessions", screen.choose, methods=["POST"]),
        Route(one, screen.get, methods=["GET"]),
        Route(f"{one}/authenticate", screen.authenticate, methods=["POST"]),
        Route(f"{one}/pay", screen.pay, methods=["POST"]),
        Route(f"{one}/print", screen.print, methods=["POST"]),
        Route(f"{one}/cancel", screen.cancel, methods=["POST"]),
    ]
    return Starlette(routes=routes, exception_handlers=handlers(_STATUSES))


class _Screen:
    def __init__(self, service: Terminal) -> None:
        self._service = service

    async def choose(self, request: Request) -> Response:
        body = await json_body(request)
        choice = Choice(text_field(body, "document", limit=50), body.get("individual_number") is True)
        session = self._service.choose(text_field(body, "request_id", limit=100), choice)
        return JSONResponse(_shown(session, language(request)), 201, headers=_NO_STORE, background=self._settle())

    async def get(self, request: Request) -> Response:
        return _answer(request, self._service.get(request.path_params["id"]))

    async def authenticate(self, request: Request) -> Response:
        body = await json_body(request)
        pin = None if body.get("pin") is None else text_field(body, "pin", limit=100)
        return _answer(request, await self._service.authenticate(request.path_params["id"], pin))

    async def pay(self, request: Request) -> Response:
        amount = (await json_body(request)).get("amount")
        if not isinstance(amount, int) or isinstance(amount, bool):
            raise WireError("wire.bad_field", field="amount")
        return _answer(request, self._service.pay(request.path_params["id"], amount))

    async def print(self, request: Request) -> Response:
        identifier = request.path_params["id"]
        sheet = await self._service.print(identifier)
        ejected = BackgroundTask(self._service.ejected, identifier)
        return Response(sheet, media_type="application/pdf", headers=_NO_STORE, background=ejected)

    async def cancel(self, request: Request) -> Response:
        session = self._service.cancel(request.path_params["id"])
        return JSONResponse(_shown(session, language(request)), headers=_NO_STORE, background=self._settle())

    def _settle(self) -> BackgroundTask:
        """Tell the centre what it has not heard yet, after the person has her answer."""
        return BackgroundTask(self._service.settle)


def _answer(request: Request, session: Session) -> Response:
    return JSONResponse(_shown(session, language(request)), headers=_NO_STORE)


def _shown(one: Session, lang: Lang) -> dict[str, Any]:
    """Return a session as the screen shows it: nothing of the person."""
    words = message(one.reason, lang, **one.facts) if one.reason else None
    return {
        "session_id": one.session_id,
        "state": one.state.value,
        "reason": one.reason,
        "message": words and {"what": words.what, "next": words.next},
        "document": one.choice.document,
        "individual_number": one.choice.individual_number,
        "carrier": one.carrier and one.carrier.value,
        "tries_left": one.tries_left,
        "fee": one.fee,
        "paid": one.paid,
        "expires_at": one.expires_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    }
