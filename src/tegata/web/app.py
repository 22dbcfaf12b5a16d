# SPDX-License-Identifier: Apache-2.0
"""The pages as one ASGI application.

GET       /                        what this is, the story, the people
GET POST  /people/{slug}           one person: register, cards, phones, certificates; buy a phone, move, report one lost
GET POST  /phones/{id}             what a phone shows
GET POST  /phones/{id}/request     what a service asks of a phone: sign, or sign in
GET       /open                    which phone opens a link?
GET POST  /shop                    choose a plan
GET POST  /shop/contracts/{id}     sign it; what came of it
GET POST  /tax                     log in and out
GET POST  /kiosk                   choose a document
GET POST  /kiosk/sessions/{id}     card or phone, fee, paper
GET       /kiosk/sessions/{id}/sheet.pdf
GET POST  /counter                 let somebody move in
"""

from collections.abc import Awaitable, Callable
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Final

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from tegata.messages import TegataError
from tegata.web import counter, home, kiosk, people, phones, shop, tax
from tegata.web.errors import PageError, WebError
from tegata.web.rendering import Renderer
from tegata.web.visit import Visit
from tegata.wire import WireError

_STATIC: Final = Path(__file__).parent / "static"
_BOTH: Final = ("GET", "POST")

Endpoint = Callable[[Request], Awaitable[Response]]
Screen = Callable[[Visit], Awaitable[Response]]


def create_app(http: httpx.AsyncClient, public_url: str) -> Starlette:
    """Return the pages, with absolute routes.  `http` reaches the country's APIs, `public_url` is how browsers do.

    The client's own cookie jar is shut: the cookies of one visitor must never travel with the request of another.
    """
    http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    front = _Front(http, public_url.rstrip("/"))
    copier = kiosk.Kiosk()
    routes = [
        front.route("/", home.show),
        front.route("/people/{slug}", people.person, *_BOTH),
        front.route("/phones/{phone_id}", phones.phone, *_BOTH),
        front.route("/phones/{phone_id}/request", phones.request, *_BOTH),
        front.route("/open", phones.open_link),
        front.route("/shop", shop.plans, *_BOTH),
        front.route("/shop/contracts/{contract_id}", shop.contract, *_BOTH),
        front.route("/tax", tax.office, *_BOTH),
        front.route("/kiosk", copier.choose, *_BOTH),
        front.route("/kiosk/sessions/{session_id}", copier.session, *_BOTH),
        front.route("/kiosk/sessions/{session_id}/sheet.pdf", copier.sheet),
        front.route("/counter", counter.admit, *_BOTH),
        Route("/favicon.ico", _icon),
        Mount("/static", StaticFiles(directory=_STATIC)),
    ]
    return Starlette(
        routes=routes,
        exception_handlers={TegataError: front.refusal, HTTPException: front.lost, Exception: front.broken},
    )


async def _icon(_: Request) -> Response:
    """Browsers ask for this on pages of other parties too."""
    return FileResponse(_STATIC / "tegata.svg")


class _Front:
    """What every page has in common: who may come in, and what a refusal looks like."""

    def __init__(self, http: httpx.AsyncClient, public_url: str) -> None:
        self._http = http
        self._public_url = public_url
        self._renderer = Renderer()

    def route(self, path: str, screen: Screen, *methods: str) -> Route:
        """Return the route of one screen."""

        async def endpoint(request: Request) -> Response:
            visit = self._visit(request)
            visit.check_host()
            if request.method == "POST":
                await visit.read_form()
            return await screen(visit)

        return Route(path, endpoint, methods=list(methods or ("GET",)))

    def _visit(self, request: Request) -> Visit:
        return Visit(request, self._http, self._renderer, self._public_url)

    def refusal(self, request: Request, error: Exception) -> Response:
        """Return the page for what no screen could show itself."""
        assert isinstance(error, TegataError)  # noqa: S101 -- Starlette calls us only for the class we registered
        status = error.status if isinstance(error, WebError) else 413 if isinstance(error, WireError) else 500
        return self._visit(request).page("problem.html", status=status, error=error)

    def lost(self, request: Request, error: Exception) -> Response:
        """Return the page for an address that is none of ours, or a method that it does not take."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        return self.refusal(request, PageError("web.not_found", status))

    def broken(self, request: Request, _: Exception) -> Response:
        """Return the page for a fault of our own, which Starlette then raises for the log."""
        return self.refusal(request, PageError("web.broken", 500))
