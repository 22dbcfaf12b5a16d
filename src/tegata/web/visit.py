# SPDX-License-Identifier: Apache-2.0
"""One visit: a browser's request, in its language, with its form and its way to the country's APIs.

A form is answered with a redirect when it was granted (so that reloading repeats nothing) and with the same page and
the refusal when it was not.  Forms come from our own pages only: the Origin must be ours, and a cookie that browsers
keep from other sites must be there.
"""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

import httpx
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tegata.messages import Lang
from tegata.web import words
from tegata.web.errors import PageError, Problem
from tegata.web.rendering import Renderer
from tegata.wire import body_bytes

COOKIE: Final = "tegata_pages"
_OURS: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_LONGEST_FORM: Final = 1 << 16

Act = Callable[["Visit"], Awaitable[Response]]


class Visit:
    """One request of a browser.  `problem` is what to show on the page, once something was refused."""

    def __init__(self, request: Request, http: httpx.AsyncClient, renderer: Renderer, public_url: str) -> None:
        self.request = request
        self.public_url = public_url
        self.lang: Lang = words.language(request)
        self.form: Mapping[str, str] = {}
        self.problem: Problem | None = None
        self._http = http
        self._renderer = renderer

    def __repr__(self) -> str:
        return f"Visit({self.request.method} {self.request.url.path})"

    # -- what the browser brings ----------------------------------------------------------------------------------

    def check_host(self) -> None:
        """Pass a request that came to this machine by one of its names; raises `PageError` for rebound ones."""
        if self.request.url.hostname not in _OURS | {urlsplit(self.public_url).hostname}:
            raise PageError("web.foreign_host", 421)

    async def read_form(self) -> None:
        """Read a posted form; raises `PageError` when another site sent it, `WireError` when it is too large."""
        origin = self.request.headers.get("origin")
        ours = {self.request.headers.get("host"), urlsplit(self.public_url).netloc}
        if origin is None or urlsplit(origin).netloc not in ours or COOKIE not in self.request.cookies:
            raise PageError("web.foreign_form", 403)
        if self.request.headers.get("content-type", "").partition(";")[0] != "application/x-www-form-urlencoded":
            raise PageError("web.bad_form", 415)
        raw = await body_bytes(self.request, limit=_LONGEST_FORM)
        try:
            self.form = dict(
                parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100)
            )
        except ValueError as error:
            raise PageError("web.bad_form", 400) from error

    def field(self, name: str) -> str:
        """Return a field of the form without blanks around it, "" when it is missing."""
        return self.form.get(name, "").strip()

    def query(self, name: str) -> str:
        """Return a parameter of the address, "" when it is missing."""
        return self.request.query_params.get(name, "")

    def part(self, name: str) -> str:
        """Return a part of the path, quoted for use in another one."""
        return quote(self.request.path_params[name], safe="")

    async def act(self, acts: Mapping[str, Act]) -> Response | None:
        """Carry out what the form's button says; returns None when there is no form, or it was refused (`problem`)."""
        if self.request.method != "POST":
            return None
        chosen = acts.get(self.field("act"))
        if chosen is None:
            raise PageError("web.bad_form", 400)
        try:
            return await chosen(self)
        except Problem as problem:
            self.problem = problem
            return None

    # -- the country's APIs ---------------------------------------------------------------------------------------

    async def get(self, path: str, **params: str) -> dict[str, Any]:
        """Return the JSON object at an API's path; raises `Problem`."""
        return json_of(await self.send("GET", path, params=params))

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Send a JSON object to an API; raises `Problem`."""
        return json_of(await self.send("POST", path, json=dict(body)))

    async def put(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Put a JSON object; raises `Problem`."""
        return json_of(await self.send("PUT", path, json=dict(body)))

    async def delete(self, path: str) -> dict[str, Any]:
        """Delete what is at a path; raises `Problem`."""
        return json_of(await self.send("DELETE", path))

    async def send(self, method: str, path: str, **content: Any) -> httpx.Response:
        """Call an API in the reader's language; raises `Problem` for a refusal and for no answer."""
        headers = {"Accept-Language": self.lang, **content.pop("headers", {})}
        try:
            response = await self._http.request(method, path, headers=headers, follow_redirects=False, **content)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Problem(502, {"reason": "web.no_answer"}) from error
        if response.is_error:
            raise Problem(response.status_code, _object(response) or {"reason": "web.no_answer"})
        return response

    # -- what the browser gets ------------------------------------------------------------------------------------

    def page(self, template: str, *, status: int = 200, **context: Any) -> Response:
        """Return a page; with a refusal on it, its status is the refusal's."""
        if self.problem is not None and status == 200:
            status = self.problem.status
        response = self._renderer.page(self, template, status, context)
        if self.query("lang") == self.lang:
            response.set_cookie(words.COOKIE, self.lang, max_age=31_536_000, samesite="lax")
        if COOKIE not in self.request.cookies:
            response.set_cookie(COOKIE, secrets.token_hex(8), httponly=True, samesite="strict")
        return response

    def go(self, path: str, done: str | None = None) -> Response:
        """Send the browser on to a page of ours, which says that `done` is done."""
        mark = "&" if "?" in path else "?"
        return RedirectResponse(f"{path}{mark}done={done}" if done else path, 303)


def json_of(response: httpx.Response) -> dict[str, Any]:
    """Return the JSON object that an API answered; raises `Problem` when it is none."""
    found = _object(response)
    if found is None:
        raise Problem(502, {"reason": "web.no_answer"})
    return found


def _object(response: httpx.Response) -> dict[str, Any] | None:
    try:
        found = response.json()
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def local(path: str) -> str | None:
    """Return `path` if it is one of our own pages, so that nobody is sent elsewhere by a link."""
    parts = urlsplit(path)
    plain = path.isascii() and path.isprintable() and "\\" not in path and not path.startswith("//")
    return path if plain and path.startswith("/") and not parts.netloc and not parts.scheme else None


def request_id() -> str:
    """Return a fresh request identifier, to be put into a form so that sending it twice does nothing twice."""
    return secrets.token_hex(12)
