# SPDX-License-Identifier: Apache-2.0
"""How the app speaks to services: JSON over HTTP, no redirects followed, problem documents turned into `ServiceError`.

The origin of a request (RFC 6454 §6.1) is taken from the URL that was really contacted, never from what a service says
of itself: that is what keeps a look-alike from passing a signature on.
"""

from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from tegata.messages import Lang
from tegata.phone.errors import AppError, ServiceError

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
LONGEST_FACT: Final = 200
"""Characters of a fact's name and value that are passed on from a service."""


class Client:
    """The app's HTTP.  `language` is what services are asked to answer in."""

    def __init__(self, http: httpx.AsyncClient, language: Lang) -> None:
        self._http = http
        self._headers = {"Accept": "application/json", "Accept-Language": language}

    async def get(self, url: str) -> dict[str, Any]:
        """Return the JSON object at `url`; raises `ServiceError`."""
        return await self._send("GET", url, None)

    async def post(self, url: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send a JSON object and return the one that comes back; raises `ServiceError`."""
        return await self._send("POST", url, body)

    async def _send(self, method: str, url: str, body: dict[str, Any] | None) -> dict[str, Any]:
        origin(url)
        try:
            response = await self._http.request(method, url, json=body, headers=self._headers, follow_redirects=False)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ServiceError("phone.service_unreachable") from error
        content = _json(response)
        if not response.is_success:
            raise _refusal(response.status_code, content)
        if content is None:
            raise ServiceError("phone.service_unreachable")
        return content


def origin(url: str) -> str:
    """Return scheme, host and port of a URL, `http://host:port`; raises `AppError` (`phone.bad_url`)."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise AppError("phone.bad_url") from error
    host = parts.hostname
    if parts.scheme not in DEFAULT_PORTS or not host or "@" in parts.netloc or not url.isascii():
        raise AppError("phone.bad_url")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + ("" if port in (None, DEFAULT_PORTS[parts.scheme]) else f":{port}")


def _json(response: httpx.Response) -> dict[str, Any] | None:
    try:
        content = response.json()
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _refusal(status: int, content: dict[str, Any] | None) -> ServiceError:
    """Carry the service's own words (RFC 9457) on to whoever holds the phone."""
    if content is None or "reason" not in content:
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status < HTTPStatus.BAD_REQUEST:
            return ServiceError("phone.service_unreachable", status=status)
        content = {"reason": f"http {status}", "detail": f"HTTP {status}", "next": ""}
    words = {
        "service_reason": str(content["reason"]),
        "service_what": str(content.get("detail", "")),
        "service_next": str(content.get("next", "")),
    }
    return ServiceError("phone.service_refused", **{**_facts(content.get("facts")), **words, "status": status})


def _facts(told: object) -> dict[str, Any]:
    """Return the plain facts of a refusal (`revoked_at`), with which a screen can word it in its reader's language."""
    if not isinstance(told, dict):
        return {}
    plain = [(str(name), value) for name, value in told.items() if isinstance(value, str | int | bool)]
    return {name: value for name, value in plain if name != "clause" and len(name) + len(str(value)) <= LONGEST_FACT}
