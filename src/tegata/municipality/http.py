# SPDX-License-Identifier: Apache-2.0
"""The municipality on the wire.  Roles: `operator` (the counter), `delivery` (the delivery centre).

POST /municipality/v1/residents                           operator   enter a resident: 201
GET  /municipality/v1/residents                           operator   who is in the register
GET  /municipality/v1/residents/{code}                    operator   one entry, its events and cards
POST /municipality/v1/residents/{code}/events             operator   something happened: 200, or 202 if not yet told
POST /municipality/v1/residents/{code}/card               operator   issue the blank card on the counter: 201
POST /municipality/v1/documents/residence-certificate     delivery   住民票の写し as PDF
"""

import re
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tegata.jpki import municipalities
from tegata.jpki.attributes import BadAttributes
from tegata.jpki.municipalities import UnknownMunicipality
from tegata.municipality.documents import holder_of, subject_of
from tegata.municipality.errors import Conflict, MunicipalityError, NotFound, Refused, Unavailable
from tegata.municipality.model import CardIssue, Event, Happening, Pins, Resident
from tegata.municipality.service import Municipality
from tegata.reader import ReaderError
from tegata.storage import StorageError
from tegata.wire import Guard, WireError, handlers, id_field, json_body, text_field

_STATUSES = {
    MunicipalityError: 500,
    NotFound: 404,
    Refused: 422,
    Conflict: 409,
    Unavailable: 503,
    UnknownMunicipality: 422,
    BadAttributes: 422,
    ReaderError: 422,
    StorageError: 503,
}


def create_app(service: Municipality) -> Starlette:
    """Return the ASGI application of the municipality, with absolute routes."""
    desk = _Desk(service)
    base = "/municipality/v1"
    routes = [
        Route(f"{base}/residents", desk.register, methods=["POST"]),
        Route(f"{base}/residents", desk.residents, methods=["GET"]),
        Route(f"{base}/residents/{{code}}", desk.resident, methods=["GET"]),
        Route(f"{base}/residents/{{code}}/events", desk.happen, methods=["POST"]),
        Route(f"{base}/residents/{{code}}/card", desk.issue_card, methods=["POST"]),
        Route(f"{base}/documents/residence-certificate", desk.residence_certificate, methods=["POST"]),
    ]
    return Starlette(routes=routes, exception_handlers=handlers(_STATUSES))


class _Desk:
    def __init__(self, service: Municipality) -> None:
        self._service = service
        self._guard = Guard(service.config.tokens)

    async def register(self, request: Request) -> Response:
        self._guard.require(request, "operator")
        body = await json_body(request)
        request_id = id_field(body, "request_id")
        entry = {name: value for name, value in body.items() if name != "request_id"}
        return _answer(resident_json(self._service.register(request_id, entry)), 201)

    async def residents(self, request: Request) -> Response:
        self._guard.require(request, "operator")
        return _answer({"residents": [resident_json(one) for one in self._service.residents()]})

    async def resident(self, request: Request) -> Response:
        self._guard.require(request, "operator")
        resident = self._service.resident(request.path_params["code"])
        events, cards = self._service.history(resident.code)
        shown = resident_json(resident)
        shown |= {"events": [_event(one) for one in events], "cards": [_card(one) for one in cards]}
        return _answer(shown)

    async def happen(self, request: Request) -> Response:
        self._guard.require(request, "operator")
        body = await json_body(request)
        request_id = id_field(body, "request_id")
        try:
            happening = Happening(text_field(body, "kind"))
        except ValueError as error:
            raise WireError("wire.bad_field", field="kind") from error
        members = {name: value for name, value in body.items() if name not in ("request_id", "kind")}
        event = await self._service.happen(request_id, request.path_params["code"], happening, members)
        return _answer(_event(event), 200 if event.delivered else 202)

    async def issue_card(self, request: Request) -> Response:
        self._guard.require(request, "operator")
        body = await json_body(request)
        pins = Pins(
            authentication=text_field(body, "auth_pin", limit=16),
            signing=text_field(body, "signing_password", limit=64) if body.get("signing_password") else None,
            card=text_field(body, "card_pin", limit=16),
        )
        issue = await self._service.issue_card(
            id_field(body, "request_id"),
            request.path_params["code"],
            id_field(body, "card_id"),
            pins,
        )
        return _answer(_card(issue), 201)

    async def residence_certificate(self, request: Request) -> Response:
        self._guard.require(request, "delivery")
        body = await json_body(request)
        document = self._service.residence_certificate(
            id_field(body, "transaction_id"),
            text_field(body, "resident_code", limit=11),
            _fingerprint(body),
            individual_number=body.get("individual_number") is True,
        )
        headers = {
            "X-Transaction-Id": document.transaction_id,
            "X-Document-Subject": subject_of(document.transaction_id, document.certificate_sha256),
            "X-Document-Holder": holder_of(document.transaction_id, document.resident_code),
            "Cache-Control": "no-store",
        }
        return Response(document.pdf, media_type="application/pdf", headers=headers)


def _fingerprint(body: dict[str, Any]) -> str:
    value = text_field(body, "certificate_sha256", limit=64)
    if not re.fullmatch(r"[0-9a-f]{64}", value):
        raise WireError("wire.bad_field", field="certificate_sha256")
    return value


def _answer(content: dict[str, Any], status: int = 200) -> JSONResponse:
    return JSONResponse(content, status, headers={"Cache-Control": "no-store"})


def resident_json(one: Resident) -> dict[str, Any]:
    """Return an entry as the counter sees it: the register's characters and the certificate's, without 個人番号."""
    place = municipalities.by_code(one.municipality_code)
    return {
        "resident_code": one.code,
        "municipality_code": one.municipality_code,
        "municipality": f"{place.prefecture_ja}{place.name_ja}",
        "name": one.name,
        "kana": one.kana,
        "address": one.address,
        "birth": str(one.birth),
        "sex": one.sex.value,
        "household": one.household,
        "relationship": one.relationship,
        "since": one.since.isoformat(),
        "previous_address": one.previous_address,
        "nationality": one.nationality,
        "stay_until": one.stay_until and one.stay_until.isoformat(),
        "standing": one.standing.value,
        "basic_four": one.basic_four().to_json(),
    }


def _event(one: Event) -> dict[str, Any]:
    return {
        "event_id": one.event_id,
        "sequence": one.sequence,
        "kind": one.kind,
        "occurred_at": one.occurred_at.isoformat().replace("+00:00", "Z"),
        "delivered": one.delivered,
        "revoked": (one.answer or {}).get("revoked", []),
    }


def _card(one: CardIssue) -> dict[str, Any]:
    got = one.certificates
    return {
        "request_id": one.request_id,
        "card_id": one.card_id,
        "state": one.state.value,
        "reason": one.reason,
        "card_expires": one.card_expires.isoformat(),
        "signing_serial": got and got.signing_serial,
        "authentication_serial": got and got.authentication_serial,
    }
