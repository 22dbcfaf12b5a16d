# SPDX-License-Identifier: Apache-2.0
"""How the country's own hand reaches the parties: over HTTP, with a role's token, like everybody else.

A party that says no is passed on as it is (`PartyProblem`), so that whoever asked the country reads the party's
own words; they are asked for in the language of `ASKED_IN`.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Final

import httpx

from tegata.messages import Lang
from tegata.sandbox.errors import PartyProblem, Unavailable

ASKED_IN: Final[ContextVar[Lang]] = ContextVar("ASKED_IN", default="ja")
"""The language of whoever asked the country, for as long as he is being answered."""


class Gateway:
    """A client of all parties behind one base URL."""

    def __init__(self, http: httpx.AsyncClient, tokens: Mapping[str, str]) -> None:
        self._http = http
        self._tokens = dict(tokens)

    def __repr__(self) -> str:
        return "Gateway()"

    async def get(
        self, path: str, *, role: str = "operator", params: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Return the JSON object at `path`; raises `PartyProblem` or `Unavailable`."""
        return _answer(await self._send("GET", path, role, params=dict(params or {})))

    async def post(self, path: str, body: Mapping[str, Any], *, role: str = "operator") -> dict[str, Any]:
        """Send a JSON object and return the one that comes back; raises `PartyProblem` or `Unavailable`."""
        return _answer(await self._send("POST", path, role, json=dict(body)))

    async def _send(self, method: str, path: str, role: str, **content: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._tokens[role]}", "Accept-Language": ASKED_IN.get()}
        try:
            return await self._http.request(method, path, headers=headers, **content)
        except httpx.HTTPError as error:
            raise Unavailable("sandbox.party_unavailable", path=path) from error


def _answer(response: httpx.Response) -> dict[str, Any]:
    try:
        content = response.json()
    except ValueError as error:
        raise Unavailable("sandbox.party_unavailable", path=response.request.url.path) from error
    if not isinstance(content, dict):
        raise Unavailable("sandbox.party_unavailable", path=response.request.url.path)
    if response.is_error:
        raise PartyProblem(response.status_code, content)
    return content
