# SPDX-License-Identifier: Apache-2.0
"""The terminal's side of its talk with the delivery centre, over HTTP.  Every call may be repeated."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from tegata.kiosk.errors import Unavailable, relayed
from tegata.kiosk.terminal.model import Report, Session
from tegata.wire import b64, unb64


@dataclass(frozen=True, slots=True)
class Opened:
    """What the centre answers to a new transaction."""

    transaction_id: str
    challenge: bytes = field(repr=False)
    expires_at: datetime


class Centre:
    """Client of `/delivery/v1/`.  All methods raise `Unavailable`, `OutOfStep`, `NotFound` and `Refused`."""

    def __init__(self, http: httpx.AsyncClient, base_url: str, token: str) -> None:
        self._http = http
        self._base = f"{base_url.rstrip('/')}/delivery/v1/transactions"
        self._headers = {"Authorization": f"Bearer {token}"}

    def __repr__(self) -> str:
        return f"Centre({self._base!r})"

    async def begin(self, session: Session, terminal_id: str) -> Opened:
        """Open the transaction of a session; the session's identifier is the request's."""
        body = {
            "request_id": session.session_id,
            "terminal_id": terminal_id,
            "document": session.choice.document,
            "individual_number": session.choice.individual_number,
        }
        response = await self._post("", body)
        try:
            answer = response.json()
            identifier, challenge = str(answer["transaction_id"]), unb64(answer["challenge"])
            return Opened(identifier, challenge, datetime.fromisoformat(answer["expires_at"]))
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable("kiosk.centre_unavailable") from error

    async def prove(self, transaction_id: str, certificate: bytes, signature: bytes) -> None:
        """Send the proof of who is asking."""
        await self._post(f"/{transaction_id}/proof", {"certificate": b64(certificate), "signature": b64(signature)})

    async def document(self, transaction_id: str) -> bytes:
        """Fetch the document."""
        return (await self._post(f"/{transaction_id}/document", {})).content

    async def report(self, transaction_id: str, report: Report) -> None:
        """Say what became of the document."""
        await self._post(f"/{transaction_id}/{report.value}", {})

    async def _post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        try:
            response = await self._http.post(self._base + path, json=body, headers=self._headers)
        except httpx.HTTPError as error:
            raise Unavailable("kiosk.centre_unavailable") from error
        if response.is_error:
            raise relayed(response, "kiosk.centre_unavailable")
        return response
