# SPDX-License-Identifier: Apache-2.0
"""The authority on the wire.

GET  /authority/v1/ca/{kind}.cer                             anybody        a CA's certificate, DER
POST /ocsp/{kind}                                            anybody        OCSP (RFC 6960 appendix A.1)
GET  /ocsp/{kind}/{base64}                                   anybody        the same by GET
GET  /crl/                                                   anybody        which revocation lists there are
GET  /crl/{kind}/{municipality_code}.crl                     anybody        a municipality's list
GET  /crl/{kind}/ca.crl                                      anybody        the CA's own list
POST /authority/v1/card-certificates                         municipality   certify a card: 201
POST /authority/v1/card-certificates/{request_id}/delivered  municipality   the card lies in its holder's hand
POST /authority/v1/card-certificates/{request_id}/discarded  municipality   it never will
POST /authority/v1/card-certificates/{request_id}/contents   municipality   sign what else its card holds, by digests
GET  /authority/v1/card-roots                                anybody        keys that cards' own certificates end in
POST /authority/v1/events                                    municipality   something happened to a resident
POST /authority/v1/phone-certificates                        enrolment      certify a phone: 201
POST /authority/v1/phone-certificates/{request_id}/installed enrolment      the phone has taken them
POST /authority/v1/phone-certificates/{request_id}/discarded enrolment      it never will
POST /authority/v1/holds                                     hotline        put a lost phone on hold
POST /authority/v1/holders                                   signin, relying, delivery   whose certificate is this
GET  /authority/v1/certificates                              operator       a person's certificates
GET  /authority/v1/audit                                     operator       the log of acts
"""

from datetime import date, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tegata.authority.errors import AuthorityError, Broken, Conflict, NotFound, Refused
from tegata.authority.http_status import StatusCounter
from tegata.authority.model import CardOrder, Cause, Certificate, Event, Issued, PhoneOrder
from tegata.authority.rules import TOLD_BY_MUNICIPALITY
from tegata.authority.service import Authority
from tegata.jpki import Carrier, Kind
from tegata.jpki.attributes import BadAttributes, BasicFour, BirthDate
from tegata.jpki.municipalities import UnknownMunicipality
from tegata.storage import StorageError
from tegata.wire import Guard, WireError, b64, bytes_field, handlers, json_body, text_field

_STATUSES = {
    AuthorityError: 500,
    NotFound: 404,
    Refused: 422,
    Conflict: 409,
    Broken: 500,
    UnknownMunicipality: 422,
    BadAttributes: 422,
    StorageError: 503,
}


def create_app(service: Authority) -> Starlette:
    """Return the ASGI application of the authority, with absolute routes."""
    desk, base = _Desk(service), "/authority/v1"
    routes = [
        *StatusCounter(service.status).routes(),
        Route(f"{base}/ca/{{kind}}.cer", desk.ca_certificate, methods=["GET"]),
        Route(f"{base}/card-certificates", desk.certify_card, methods=["POST"]),
        Route(f"{base}/card-certificates/{{request_id}}/contents", desk.sign_contents, methods=["POST"]),
        Route(f"{base}/card-roots", desk.card_roots, methods=["GET"]),
        Route(f"{base}/card-certificates/{{request_id}}/{{act}}", desk.move_card, methods=["POST"]),
        Route(f"{base}/events", desk.happen, methods=["POST"]),
        Route(f"{base}/phone-certificates", desk.certify_phone, methods=["POST"]),
        Route(f"{base}/phone-certificates/{{request_id}}/{{act}}", desk.move_phone, methods=["POST"]),
        Route(f"{base}/holds", desk.hold, methods=["POST"]),
        Route(f"{base}/holders", desk.holder, methods=["POST"]),
        Route(f"{base}/certificates", desk.certificates, methods=["GET"]),
        Route(f"{base}/audit", desk.audit, methods=["GET"]),
    ]
    return Starlette(routes=routes, exception_handlers=handlers(_STATUSES))


class _Desk:
    def __init__(self, service: Authority) -> None:
        self._service = service
        self._guard = Guard(service.config.tokens)

    async def ca_certificate(self, request: Request) -> Response:
        kind = request.path_params["kind"]
        if kind not in set(Kind):
            raise NotFound("authority.unknown_list")
        return Response(self._service.ca_certificate(Kind(kind)), media_type="application/pkix-cert")

    async def certify_card(self, request: Request) -> Response:
        self._guard.require(request, "municipality")
        body = await json_body(request)
        order = CardOrder(
            request_id=text_field(body, "request_id", limit=100),
            resident_code=text_field(body, "resident_code", limit=20),
            municipality_code=text_field(body, "municipality_code", limit=5),
            basic_four=_basic_four(body),
            birth=_birth(body),
            card_expires=_date(body, "card_expires"),
            signing=None if body.get("signing_csr") is None else bytes_field(body, "signing_csr", limit=8192),
            authentication=bytes_field(body, "authentication_csr", limit=8192),
        )
        return _answer(_issued(self._service.certify_card(order)), 201)

    async def sign_contents(self, request: Request) -> Response:
        self._guard.require(request, "municipality")
        body = await json_body(request)
        digests = body.get("digests")
        if not isinstance(digests, dict) or not digests:
            raise WireError("wire.bad_field", field="digests")
        named = {item: bytes_field(digests, item, limit=200) for item in digests}
        signed = self._service.cards.sign(request.path_params["request_id"], named)
        return _answer(
            {
                "signatures": {item: b64(signature) for item, signature in signed.signatures.items()},
                "certificates": {subject: b64(one) for subject, one in signed.certificates.items()},
                "security_code": signed.security_code,
            }
        )

    async def card_roots(self, request: Request) -> Response:
        del request
        roots = self._service.cards.roots()
        return _answer({"roots": [{"key_id": key.hex(), "public_key": b64(spki)} for key, spki in roots.items()]})

    async def move_card(self, request: Request) -> Response:
        self._guard.require(request, "municipality")
        return self._move(request, Carrier.CARD, "delivered")

    async def move_phone(self, request: Request) -> Response:
        self._guard.require(request, "enrolment")
        return self._move(request, Carrier.PHONE, "installed")

    def _move(self, request: Request, carrier: Carrier, delivered: str) -> Response:
        request_id, act = request.path_params["request_id"], request.path_params["act"]
        if act == delivered:
            ended = self._service.delivered(carrier, request_id)
            superseded = [str(one.certificate.serial) for one in ended]
            return _answer({"request_id": request_id, "state": act, "superseded": superseded})
        if act == "discarded":
            pair = self._service.discarded(carrier, request_id)
            revoked = [str(one.serial) for one in pair if one.revocation is not None]
            return _answer({"request_id": request_id, "state": act, "revoked": revoked})
        raise NotFound("authority.unknown_act")

    async def happen(self, request: Request) -> Response:
        self._guard.require(request, "municipality")
        body = await json_body(request)
        event = Event(
            event_id=text_field(body, "event_id", limit=100),
            sequence=_sequence(body),
            resident_code=text_field(body, "resident_code", limit=20),
            cause=_cause(body),
            occurred_at=_moment(body, "occurred_at"),
        )
        return _answer(self._service.happen(event))

    async def certify_phone(self, request: Request) -> Response:
        self._guard.require(request, "enrolment")
        body = await json_body(request)
        order = PhoneOrder(
            request_id=text_field(body, "request_id", limit=100),
            parent_serial=_serial(body, "parent_serial"),
            signing=bytes_field(body, "signing_csr", limit=8192),
            authentication=bytes_field(body, "authentication_csr", limit=8192),
        )
        return _answer(_issued(self._service.certify_phone(order)), 201)

    async def hold(self, request: Request) -> Response:
        self._guard.require(request, "hotline")
        body = await json_body(request)
        request_id, pair = text_field(body, "request_id", limit=100), text_field(body, "issue_request_id", limit=100)
        return _answer(self._service.hold(request_id, pair))

    async def holder(self, request: Request) -> Response:
        role = self._guard.require(request, "signin", "relying", "delivery")
        body = await json_body(request)
        kind = text_field(body, "kind")
        if kind not in set(Kind):
            raise WireError("wire.bad_field", field="kind")
        found = self._service.holder(Kind(kind), _serial(body, "serial"))
        if role == "delivery":
            return _answer({"resident_code": found.resident_code, "municipality_code": found.municipality_code})
        return _answer({"person": self._service.person(found.resident_code, role)})

    async def certificates(self, request: Request) -> Response:
        self._guard.require(request, "operator")
        found = self._service.certificates(text_field(request.query_params, "resident_code", limit=20))
        return _answer({"certificates": [self._certificate(one) for one in found]})

    def _certificate(self, one: Certificate) -> dict[str, Any]:
        end = one.revocation
        return {
            "serial": str(one.serial),
            "kind": one.kind.value,
            "carrier": one.carrier.value,
            "status": one.status(self._service.now()).value,
            "reason": end and end.reason.value,
            "revoked_at": end and _time(end.at),
            "not_before": _time(one.not_before),
            "not_after": _time(one.not_after),
            "certificate": one.der and b64(one.der),
            "parent_serial": None if one.parent is None else str(one.parent),
            "renews": None if one.renews is None else str(one.renews),
            "municipality_code": one.municipality_code,
            "request_id": one.request_id,
        }

    async def audit(self, request: Request) -> Response:
        """The log, and its verdict: a chain that does not close is answered with the entry where it breaks."""
        self._guard.require(request, "operator")
        after = request.query_params.get("after", "0")
        if not (after.isascii() and after.isdigit() and len(after) < 16):
            raise WireError("wire.bad_field", field="after")
        number, value = self._service.verify_audit()
        entries = [one.to_json() for one in self._service.entries(int(after), limit=1000)]
        return _answer({"head": {"number": number, "hash": value}, "entries": entries})


def _answer(content: dict[str, Any], status: int = 200) -> JSONResponse:
    return JSONResponse(content, status, headers={"Cache-Control": "no-store"})


def _issued(one: Issued) -> dict[str, Any]:
    return {
        "signing": one.signing and _shown(one.signing),
        "authentication": _shown(one.authentication),
        "superseded": [str(serial) for serial in one.request.superseded.serials],
        "superseded_requests": list(one.request.superseded.requests),
    }


def _shown(one: Certificate) -> dict[str, str]:
    return {"certificate": b64(one.der or b""), "serial": str(one.serial)}


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _basic_four(body: dict[str, Any]) -> BasicFour:
    value = body.get("basic_four")
    if not isinstance(value, dict):
        raise WireError("wire.bad_field", field="basic_four")
    return BasicFour.checked(value)


def _birth(body: dict[str, Any]) -> BirthDate:
    """Read `YYYY-MM-DD`, in which month and day may be 00."""
    text = text_field(body, "birth_date", limit=10)
    parts = text.split("-")
    if [len(part) for part in parts] != [4, 2, 2] or not all(part.isascii() and part.isdigit() for part in parts):
        raise WireError("wire.bad_field", field="birth_date")
    year, month, day = (int(part) for part in parts)
    try:
        date(year or 2000, month or 1, day or 1)
    except ValueError as error:
        raise WireError("wire.bad_field", field="birth_date") from error
    if day and not month:
        raise WireError("wire.bad_field", field="birth_date")
    return BirthDate.of(year, month, day)


def _date(body: dict[str, Any], name: str) -> date:
    try:
        return date.fromisoformat(text_field(body, name, limit=10))
    except ValueError as error:
        raise WireError("wire.bad_field", field=name) from error


def _moment(body: dict[str, Any], name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text_field(body, name, limit=40))
    except ValueError as error:
        raise WireError("wire.bad_field", field=name) from error
    if moment.tzinfo is None:
        raise WireError("wire.bad_field", field=name)
    return moment


def _sequence(body: dict[str, Any]) -> int:
    value = body.get("sequence")
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 31:
        raise WireError("wire.bad_field", field="sequence")
    return value


def _serial(body: dict[str, Any], name: str) -> int:
    text = text_field(body, name, limit=60)
    if not (text.isascii() and text.isdigit()):
        raise WireError("wire.bad_field", field=name)
    return int(text)


def _cause(body: dict[str, Any]) -> Cause:
    kind = text_field(body, "kind")
    if kind not in TOLD_BY_MUNICIPALITY:
        raise Refused("authority.unknown_event")
    return Cause(kind)
