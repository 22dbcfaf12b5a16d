# SPDX-License-Identifier: Apache-2.0
"""The municipality's side of its talk with the authority, over HTTP.

Every call names a request or event identifier, so that a repeat after a lost answer changes nothing.  An authority
that does not answer is `Unavailable` (try again); one that says no is `Refused` with its own reason.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

from tegata.jpki import Kind
from tegata.municipality.errors import Refused, Unavailable
from tegata.municipality.model import CardIssue, Certificates, Event, Resident
from tegata.reader.contents import Signed
from tegata.wire import b64, unb64


class Authority:
    """Client of `/authority/v1/` for the role `municipality`."""

    def __init__(self, http: httpx.AsyncClient, base_url: str, token: str) -> None:
        self._http = http
        self._base = f"{base_url.rstrip('/')}/authority/v1"
        self._headers = {"Authorization": f"Bearer {token}"}

    def __repr__(self) -> str:
        return f"Authority({self._base!r})"

    async def ca_certificate(self, kind: Kind) -> bytes:
        """Return the certification authority's own certificate, DER."""
        response = await self._send("GET", f"ca/{kind.value}.cer")
        return response.content

    async def certify(self, issue: CardIssue, resident: Resident) -> Certificates:
        """Ask for a card's certificates; the same request identifier always yields the same pair."""
        if issue.requests is None:
            raise ValueError("a card without keys cannot be certified")
        signing = issue.requests.signing
        body = {
            "request_id": issue.request_id,
            "resident_code": resident.code,
            "municipality_code": resident.municipality_code,
            "basic_four": resident.basic_four().to_json(),
            "birth_date": f"{resident.birth.year:04}-{resident.birth.month:02}-{resident.birth.day:02}",
            "card_expires": issue.card_expires.isoformat(),
            "signing_csr": None if signing is None else b64(signing),
            "authentication_csr": b64(issue.requests.authentication),
        }
        return _certificates(_json(await self._send("POST", "card-certificates", body)))

    async def sign_contents(self, request_id: str, digests: Mapping[str, bytes]) -> Signed:
        """Have the card's issuer sign what the card holds beside JPKI, by digests; a repeat gets the same answer."""
        body = {"digests": {item: b64(digest) for item, digest in digests.items()}}
        path = f"card-certificates/{quote(request_id, safe='')}/contents"
        return _signed(_json(await self._send("POST", path, body)), digests)

    async def delivered(self, request_id: str) -> None:
        """Say that the card lies in its holder's hand."""
        await self._send("POST", f"card-certificates/{quote(request_id, safe='')}/delivered", {})

    async def discarded(self, request_id: str) -> None:
        """Say that the card will never be delivered; an authority that knows no such request has nothing to revoke."""
        try:
            await self._send("POST", f"card-certificates/{quote(request_id, safe='')}/discarded", {})
        except Refused as error:
            if error.facts.get("status") != 404:
                raise

    async def tell(self, event: Event) -> dict[str, Any]:
        """Tell what happened to a resident; returns what the authority did."""
        body = {
            "event_id": event.event_id,
            "sequence": event.sequence,
            "resident_code": event.resident_code,
            "kind": event.kind,
            "occurred_at": event.occurred_at.isoformat().replace("+00:00", "Z"),
        }
        return _json(await self._send("POST", "events", body))

    async def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        try:
            response = await self._http.request(method, f"{self._base}/{path}", json=body, headers=self._headers)
        except httpx.HTTPError as error:
            raise Unavailable("municipality.authority_unavailable") from error
        if response.status_code >= 500:
            raise Unavailable("municipality.authority_unavailable")
        if response.is_error:
            raise Refused("municipality.authority_refused", because=_reason(response), status=response.status_code)
        return response


def _json(response: httpx.Response) -> dict[str, Any]:
    try:
        content = response.json()
    except ValueError as error:
        raise Unavailable("municipality.authority_unavailable") from error
    if not isinstance(content, dict):
        raise Unavailable("municipality.authority_unavailable")
    return content


def _reason(response: httpx.Response) -> str:
    try:
        return str(response.json()["reason"])
    except (ValueError, KeyError, TypeError):
        return f"http {response.status_code}"


def _certificates(answer: dict[str, Any]) -> Certificates:
    try:
        signing, authentication = answer["signing"], answer["authentication"]
        return Certificates(
            signing=None if signing is None else unb64(signing["certificate"]),
            signing_serial=None if signing is None else str(signing["serial"]),
            authentication=unb64(authentication["certificate"]),
            authentication_serial=str(authentication["serial"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Unavailable("municipality.authority_unavailable") from error


def _signed(answer: dict[str, Any], digests: Mapping[str, bytes]) -> Signed:
    try:
        certificates = {subject: unb64(one) for subject, one in answer["certificates"].items()}
        return Signed(
            {item: unb64(answer["signatures"][item]) for item in digests},
            certificates["text"],
            certificates["surface"],
            certificates["intermediate"],
            certificates.get("issuer", b""),
            str(answer["security_code"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unavailable("municipality.authority_unavailable") from error
