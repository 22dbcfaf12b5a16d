# SPDX-License-Identifier: Apache-2.0
"""Somebody who walks through the story with nothing but an HTTP client: a browser's cookies, and the country's hands.

What a person does in a browser or at a machine is a method here.  A refusal is a result (`Refusal`), not an
exception, because the story wants to see refusals too.
"""

import html
import re
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from tegata.codecs import pem
from tegata.sandbox.errors import StoryFailed, Unavailable

CONTROL: Final = "/control/v1"
_REQUEST_URL: Final = re.compile(r'<a\b[^>]*\bid="request-url"[^>]*>')
_HREF: Final = re.compile(r'\bhref="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Refusal:
    """A party said no: HTTP status, its reason, and its words in Japanese and the next step."""

    status: int
    reason: str
    what: str
    document: dict[str, Any] = field(repr=False)

    @property
    def because(self) -> str:
        """The reason of the service behind a phone that passed a refusal on, else the reason itself."""
        facts = self.document.get("facts")
        passed_on = facts.get("service_reason") if isinstance(facts, dict) else None
        return str(passed_on or self.reason)


class Traveller:
    """One person's way through the country.  Cookies are kept, as a browser does."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def get(self, path: str, **params: str) -> Any:
        """Return JSON; raises `StoryFailed` when refused."""
        return _granted(path, await self._ask("GET", path, params=params))

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        """Send JSON and return JSON; raises `StoryFailed` when refused."""
        return _granted(path, await self.try_post(path, body))

    async def try_post(self, path: str, body: dict[str, Any]) -> Any:
        """Send JSON and return JSON, or the `Refusal`."""
        return await self._ask("POST", path, json=body)

    async def hand(self, path: str, body: dict[str, Any]) -> Any:
        """Use the country's hands; raises `StoryFailed` when refused."""
        return await self.post(CONTROL + path, body)

    async def put_on_reader(self, **thing: str) -> None:
        """Lay a card or phone on the kiosk's reader."""
        _granted("reader", await self._ask("PUT", f"{CONTROL}/reader", json=thing))

    async def clear_reader(self) -> None:
        """Take it off."""
        _granted("reader", await self._ask("DELETE", f"{CONTROL}/reader"))

    async def fetch(self, path: str) -> bytes:
        """Return the bytes at a public address."""
        response = await self._send("GET", path)
        if response.is_error:
            raise StoryFailed("sandbox.story_refused", path=path, service_reason=f"http {response.status_code}")
        return response.content

    async def post_bytes(self, path: str, body: bytes, media_type: str) -> bytes:
        """Send bytes, return bytes."""
        response = await self._send("POST", path, content=body, headers={"Content-Type": media_type})
        if response.is_error:
            raise StoryFailed("sandbox.story_refused", path=path, service_reason=f"http {response.status_code}")
        return response.content

    async def print_document(self, path: str) -> bytes | Refusal:
        """Have a terminal print; returns the PDF."""
        response = await self._send("POST", path, json={})
        return _refusal(response) if response.is_error else response.content

    async def start_login(self, path: str) -> str:
        """Go to a service's login; returns the address in the two-dimensional code that the sign-in page shows."""
        response = await self._send("GET", path, follow_redirects=True)
        link = _REQUEST_URL.search(response.text)
        href = _HREF.search(link[0]) if link else None
        if response.is_error or href is None:
            raise StoryFailed("sandbox.story_refused", path=path, service_reason=f"http {response.status_code}")
        return html.unescape(href[1])

    async def finish_login(self, request_url: str) -> httpx.URL:
        """Go on in the browser after the phone approved; returns where that ends."""
        response = await self._send("GET", f"{httpx.URL(request_url).path}/continue", follow_redirects=True)
        return response.url

    async def _ask(self, method: str, path: str, **content: Any) -> Any:
        response = await self._send(method, path, **content)
        if response.is_error:
            return _refusal(response)
        try:
            return response.json()
        except ValueError as error:
            raise Unavailable("sandbox.party_unavailable", path=path) from error

    async def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        try:
            return await self._http.request(method, path, **content)
        except httpx.HTTPError as error:
            raise Unavailable("sandbox.country_unreachable", where=str(self._http.base_url)) from error


def _granted(path: str, answer: Any) -> Any:
    if isinstance(answer, Refusal):
        raise StoryFailed("sandbox.story_refused", path=path, service_reason=answer.because)
    return answer


def _refusal(response: httpx.Response) -> Refusal:
    try:
        document = dict(response.json())
    except (ValueError, TypeError):
        document = {}
    reason = str(document.get("reason", document.get("error", f"http {response.status_code}")))
    return Refusal(response.status_code, reason, str(document.get("detail", "")), document)


def certificate_of(person: dict[str, Any], kind: str, carrier: str) -> tuple[dict[str, Any], bytes]:
    """Return the newest certificate of a kind on a carrier as the control API lists it, and its DER; raises
    `StoryFailed`.
    """
    found = [one for one in person["certificates"] if (one["kind"], one["carrier"]) == (kind, carrier)]
    if not found:
        raise StoryFailed("sandbox.story_unexpected", expected=f"{carrier} {kind} certificate", found="none")
    return found[-1], pem.decode(found[-1]["certificate"].encode())[0]
