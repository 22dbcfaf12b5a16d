# SPDX-License-Identifier: Apache-2.0
"""The delivery centre on the wire.  Role: `terminal`.

POST /delivery/v1/transactions                   open a transaction: 201 with its challenge
GET  /delivery/v1/transactions/{id}              how far it has come
POST /delivery/v1/transactions/{id}/proof        certificate and signature
POST /delivery/v1/transactions/{id}/document     the document as PDF
POST /delivery/v1/transactions/{id}/printed      it is on paper
POST /delivery/v1/transactions/{id}/cancel       it will not be
"""

from datetime import UTC
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tegata.kiosk.delivery.model import Transaction, Wish
from tegata.kiosk.delivery.service import DeliveryCentre
from tegata.kiosk.errors import Declined, KioskError, NotFound, OutOfStep, Refused, Unavailable
from tegata.storage import StorageError
from tegata.wire import Guard, b64, bytes_field, handlers, json_body, text_field

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


def create_app(service: DeliveryCentre) -> Starlette:
    """Return the ASGI application of the centre, with absolute routes."""
    desk = _Desk(service)
    one = "/delivery/v1/transactions/{id}"
    routes = [
        Route("/delivery/v1/transactions", desk.begin, methods=["POST"]),
        Route(one, desk.get, methods=["GET"]),
        Route(f"{one}/proof", desk.prove, methods=["POST"]),
        Route(f"{one}/document", desk.document, methods=["POST"]),
        Route(f"{one}/printed", desk.printed, methods=["POST"]),
        Route(f"{one}/cancel", desk.cancel, methods=["POST"]),
    ]
    return Starlette(routes=routes, exception_handlers=handlers(_STATUSES))


class _Desk:
    def __init__(self, service: DeliveryCentre) -> None:
        self._service = service
        self._guard = Guard(service.config.tokens)

    async def begin(self, request: Request) -> Response:
        self._guard.require(request, "terminal")
        body = await json_body(request)
        wish = Wish(text_field(body, "document", limit=50), body.get("individual_number") is True)
        transaction = self._service.begin(
            text_field(body, "request_id", limit=100), text_field(body, "terminal_id", limit=100), wish
        )
        return JSONResponse(_shown(transaction), 201, headers=_NO_STORE)

    async def get(self, request: Request) -> Response:
        return self._answer(self._service.get(self._id(request)))

    async def prove(self, request: Request) -> Response:
        identifier = self._id(request)
        body = await json_body(request, limit=1 << 16)
        certificate, signature = bytes_field(body, "certificate"), bytes_field(body, "signature")
        return self._answer(await self._service.prove(identifier, certificate, signature))

    async def document(self, request: Request) -> Response:
        pdf = await self._service.document(self._id(request))
        return Response(pdf, media_type="application/pdf", headers=_NO_STORE)

    async def printed(self, request: Request) -> Response:
        return self._answer(self._service.printed(self._id(request)))

    async def cancel(self, request: Request) -> Response:
        return self._answer(self._service.cancel(self._id(request)))

    def _id(self, request: Request) -> str:
        self._guard.require(request, "terminal")
        return str(request.path_params["id"])

    def _answer(self, transaction: Transaction) -> Response:
        return JSONResponse(_shown(transaction), headers=_NO_STORE)


def _shown(one: Transaction) -> dict[str, Any]:
    """Return a transaction as its terminal sees it: nothing of the person."""
    return {
        "transaction_id": one.transaction_id,
        "state": one.state.value,
        "reason": one.reason,
        "document": one.wish.document,
        "individual_number": one.wish.individual_number,
        "challenge": b64(one.challenge),
        "expires_at": one.expires_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    }
