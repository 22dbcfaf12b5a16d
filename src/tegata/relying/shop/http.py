# SPDX-License-Identifier: Apache-2.0
"""The shop on the wire.  A contract is opened by its unguessable number.

GET  /shop/v1/plans                            what is on sale
POST /shop/v1/contracts                        {plan, request_id}: 201 with the document and where to sign it
GET  /shop/v1/contracts/{id}                   how it stands; once signed: verdict, attributes, evidence in brief
GET  /shop/v1/contracts/{id}/signing-request   what a phone asks: the document
POST /shop/v1/contracts/{id}/signing-request   what a phone answers: {certificate, signature}
GET  /shop/v1/contracts/{id}/evidence          all that is kept, to be verified by anybody
"""

from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tegata.messages import Lang, message
from tegata.relying.errors import NotFound, OutOfStep, Refused, RelyingError, Unavailable
from tegata.relying.shop import evidence, paper
from tegata.relying.shop.model import Contract, Refusal
from tegata.relying.shop.service import Shop
from tegata.storage import StorageError
from tegata.wire import b64, bytes_field, handlers, json_body, language, text_field

_STATUSES = {
    RelyingError: 500,
    NotFound: 404,
    Refused: 422,
    OutOfStep: 409,
    Unavailable: 503,
    StorageError: 503,
}


def create_app(service: Shop) -> Starlette:
    """Return the ASGI application of the shop, with absolute routes."""
    counter = _Counter(service)
    one = "/shop/v1/contracts/{id}"
    routes = [
        Route("/shop/v1/plans", counter.plans, methods=["GET"]),
        Route("/shop/v1/contracts", counter.offer, methods=["POST"]),
        Route(one, counter.get, methods=["GET"]),
        Route(f"{one}/signing-request", counter.signing_request, methods=["GET"]),
        Route(f"{one}/signing-request", counter.sign, methods=["POST"]),
        Route(f"{one}/evidence", counter.evidence, methods=["GET"]),
    ]
    return Starlette(routes=routes, exception_handlers=handlers(_STATUSES))


class _Counter:
    def __init__(self, service: Shop) -> None:
        self._service = service

    async def plans(self, request: Request) -> Response:
        lang = language(request)
        shown = [
            {"plan": one.plan_id, "name": one.ja if lang == "ja" else one.en, "yen_a_month": one.yen_a_month}
            for one in paper.plans().values()
        ]
        return _answer({"plans": shown})

    async def offer(self, request: Request) -> Response:
        body = await json_body(request)
        contract = self._service.offer(text_field(body, "request_id", limit=100), text_field(body, "plan", limit=50))
        return _answer(self._shown(contract, language(request)), 201)

    async def get(self, request: Request) -> Response:
        return self._contract(request, self._service.get(request.path_params["id"]))

    async def signing_request(self, request: Request) -> Response:
        contract = self._service.get(request.path_params["id"])
        return _answer(
            {
                "service": paper.SERVICE,
                "title": paper.TITLE,
                "document": b64(contract.document),
                "media_type": paper.MEDIA_TYPE,
                "expires_at": evidence.stamp(contract.expires_at),
                "state": contract.state.value,
            }
        )

    async def sign(self, request: Request) -> Response:
        body = await json_body(request, limit=1 << 16)
        certificate, signature = bytes_field(body, "certificate"), bytes_field(body, "signature")
        contract = await self._service.sign(request.path_params["id"], certificate, signature)
        return self._contract(request, contract)

    async def evidence(self, request: Request) -> Response:
        return _answer(self._service.evidence(request.path_params["id"]))

    def _contract(self, request: Request, contract: Contract) -> Response:
        return _answer(self._shown(contract, language(request)))

    def _shown(self, one: Contract, lang: Lang) -> dict[str, Any]:
        kept = one.evidence
        base = self._service.config.public_url.rstrip("/")
        return {
            "contract_id": one.contract_id,
            "state": one.state.value,
            "plan": one.plan.plan_id,
            "document": one.document.decode(),
            "signing_url": f"{base}/shop/v1/contracts/{one.contract_id}/signing-request",
            "created_at": evidence.stamp(one.created_at),
            "expires_at": evidence.stamp(one.expires_at),
            "verdict": kept and kept["verdict"][lang],
            "attributes": kept and kept["attributes"],
            "evidence": kept and evidence.summary(kept),
            "refusal": one.refusal and _refusal(one.refusal, lang),
        }


def _refusal(one: Refusal, lang: Lang) -> dict[str, Any]:
    words = message(one.reason, lang, **one.facts)
    return {
        "reason": one.reason,
        "what": words.what,
        "next": words.next,
        "at": evidence.stamp(one.at),
        "facts": one.facts,
        "checks": one.checks.get(lang, []),
    }


def _answer(content: dict[str, Any], status: int = 200) -> JSONResponse:
    return JSONResponse(content, status, headers={"Cache-Control": "no-store"})
