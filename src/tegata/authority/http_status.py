# SPDX-License-Identifier: Apache-2.0
"""Status on the wire: OCSP by POST and GET (RFC 6960 appendix A.1), revocation lists, and how long each may be kept
(RFC 5019 §6).

A request that cannot be answered gets an OCSP error, not an HTTP one, as clients expect.
"""

import base64
import binascii
import hashlib
from datetime import datetime
from email.utils import format_datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tegata.authority import ocsp
from tegata.authority.errors import AuthorityError, NotFound
from tegata.authority.status import Answer, StatusDesk
from tegata.jpki import Kind
from tegata.storage import StorageError
from tegata.wire import WireError, body_bytes

OCSP_RESPONSE = "application/ocsp-response"
CRL = "application/pkix-crl"


class StatusCounter:
    """Where anybody may ask what a certificate is worth."""

    def __init__(self, desk: StatusDesk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """Return the public routes."""
        return [
            Route("/ocsp/{kind}", self.ocsp_post, methods=["POST"]),
            Route("/ocsp/{kind}/{request:path}", self.ocsp_get, methods=["GET"]),
            Route("/crl/", self.lists, methods=["GET"]),
            Route("/crl/{kind}/{code}.crl", self.crl, methods=["GET"]),
        ]

    async def ocsp_post(self, request: Request) -> Response:
        """Answer the request in the body."""
        kind = _kind(request)
        try:
            body = await body_bytes(request, limit=ocsp.LONGEST_REQUEST)
        except WireError:
            return _ocsp(ocsp.MALFORMED)
        return self._answer(kind, body)

    async def ocsp_get(self, request: Request) -> Response:
        """Answer the request in the path; caches on the way may keep the answer until it ends."""
        kind = _kind(request)
        try:
            data = base64.b64decode(request.path_params["request"], validate=True)
        except (binascii.Error, ValueError):
            return _ocsp(ocsp.MALFORMED)
        response = self._answer(kind, data, keep=True)
        return _unless_known(request, response)

    def _answer(self, kind: Kind, data: bytes, *, keep: bool = False) -> Response:
        try:
            answer = self._desk.answer(kind, data)
        except ocsp.Malformed:
            return _ocsp(ocsp.MALFORMED)
        except StorageError:
            return _ocsp(ocsp.TRY_LATER)
        except AuthorityError:
            return _ocsp(ocsp.INTERNAL_ERROR)
        return _ocsp(answer.der, answer if keep and answer.may_be_kept else None)

    async def crl(self, request: Request) -> Response:
        """Return a revocation list; a cache asks again each time, and is told when nothing has changed."""
        signed = self._desk.revocation_list(_kind(request), request.path_params["code"])
        headers = {
            "Cache-Control": "no-cache",
            "ETag": _etag(signed.der),
            "Last-Modified": _http_date(signed.this_update),
            "Expires": _http_date(signed.next_update),
        }
        return _unless_known(request, Response(signed.der, media_type=CRL, headers=headers))

    async def lists(self, request: Request) -> Response:
        """Return which lists there are."""
        shown = [
            {
                "kind": kind.value,
                "municipality_code": None if place is None else code,
                "municipality": None if place is None else f"{place.prefecture_ja}{place.name_ja}",
                "path": f"/crl/{kind.value}/{code}.crl",
                "number": signed and signed.number,
                "next_update": signed and signed.next_update.isoformat().replace("+00:00", "Z"),
            }
            for kind, code, place, signed in self._desk.lists()
        ]
        return JSONResponse({"lists": shown}, headers={"Cache-Control": "no-cache"})


def _kind(request: Request) -> Kind:
    kind = request.path_params["kind"]
    if kind not in set(Kind):
        raise NotFound("authority.unknown_list")
    return Kind(kind)


def _ocsp(body: bytes, kept: Answer | None = None) -> Response:
    headers = {"Cache-Control": "no-store"}
    if kept is not None:
        seconds = int((kept.next_update - kept.this_update).total_seconds())
        headers = {
            "Cache-Control": f"max-age={seconds}, public, no-transform, must-revalidate",
            "ETag": _etag(body),
            "Last-Modified": _http_date(kept.this_update),
            "Expires": _http_date(kept.next_update),
        }
    return Response(body, media_type=OCSP_RESPONSE, headers=headers)


def _unless_known(request: Request, response: Response) -> Response:
    """Return 304 instead when the caller has it already (RFC 9110 §13.1.2)."""
    etag = response.headers.get("etag")
    if etag is None or etag not in [one.strip() for one in request.headers.get("if-none-match", "").split(",")]:
        return response
    headers = {
        name: value for name, value in response.headers.items() if name not in ("content-length", "content-type")
    }
    return Response(status_code=304, headers=headers)


def _etag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def _http_date(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)
