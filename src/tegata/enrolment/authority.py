# SPDX-License-Identifier: Apache-2.0
"""The enrolment service's side of its talk with the authority, over HTTP.

Every call names a request identifier, so that a repeat after a lost answer changes nothing.  An authority that does not
answer is `Unavailable` (try again); one that says no is `Refused` with its own reason.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import httpx

from tegata.enrolment.errors import Refused, Unavailable
from tegata.enrolment.model import Act, Debt, Pair
from tegata.messages import catalogue
from tegata.wire import b64, unb64

KNOWS_BETTER: Final = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
"""Answers to a debt that settle it: there is no such pair, or it is past that already."""


@dataclass(frozen=True, slots=True)
class Issued:
    """What the authority issued: two certificates, and the requests whose certificates they supersede."""

    certificates: Pair
    superseded: tuple[str, ...] = ()


class Authority:
    """Client of `/authority/v1/` for this service's two roles: issuing to phones, and the loss hotline."""

    def __init__(self, http: httpx.AsyncClient, base_url: str, enrolment_token: str, hotline_token: str) -> None:
        self._http = http
        self._base = f"{base_url.rstrip('/')}/authority/v1"
        self._tokens = {"enrolment": enrolment_token, "hotline": hotline_token}

    def __repr__(self) -> str:
        return f"Authority({self._base!r})"

    async def certify(self, issue_request_id: str, parent_serial: int, requests: Pair) -> Issued:
        """Ask for the phone's two certificates; the same identifier always yields the same pair."""
        body = {
            "request_id": issue_request_id,
            "parent_serial": str(parent_serial),
            "signing_csr": b64(requests.signing),
            "authentication_csr": b64(requests.authentication),
        }
        return _issued(await self._post("enrolment", "phone-certificates", body))

    async def tell(self, debt: Debt) -> tuple[str, ...]:
        """Say that a pair was installed, discarded or lost; returns the serial numbers put on hold.

        Raises `Refused` where the authority says no for any reason but that it knows better.
        """
        try:
            if debt.act is Act.HELD:
                body = {"request_id": debt.request_id, "issue_request_id": debt.issue_request_id}
                answer = await self._post("hotline", "holds", body)
                return tuple(str(serial) for serial in answer.get("held", ()))
            await self._post("enrolment", f"phone-certificates/{debt.issue_request_id}/{debt.act.value}", {})
        except Refused as error:
            if error.facts.get("status") not in KNOWS_BETTER:
                raise
        return ()

    async def _post(self, role: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._tokens[role]}"}
        try:
            response = await self._http.post(f"{self._base}/{path}", json=body, headers=headers)
        except httpx.HTTPError as error:
            raise Unavailable("enrolment.authority_unavailable") from error
        return _answer(response)


def _answer(response: httpx.Response) -> dict[str, Any]:
    try:
        content = response.json()
    except ValueError as error:
        raise Unavailable("enrolment.authority_unavailable") from error
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or not isinstance(content, dict):
        raise Unavailable("enrolment.authority_unavailable")
    if response.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):  # our own fault, nobody's refusal
        raise Unavailable("enrolment.authority_unavailable")
    if response.is_error:
        raise _refusal(str(content.get("reason", f"http {response.status_code}")), response.status_code)
    return content


def _refusal(reason: str, status: int) -> Refused:
    """Say no in the authority's own words where they are known here, for its reasons are what a person can act on."""
    known = reason.startswith("authority.") and reason in catalogue()
    return Refused(reason if known else "enrolment.authority_refused", because=reason, status=status)


def _issued(answer: dict[str, Any]) -> Issued:
    try:
        pair = Pair(*(unb64(answer[kind]["certificate"]) for kind in ("signing", "authentication")))
        return Issued(pair, tuple(str(request) for request in answer.get("superseded_requests", ())))
    except (KeyError, TypeError, ValueError) as error:
        raise Unavailable("enrolment.authority_unavailable") from error
