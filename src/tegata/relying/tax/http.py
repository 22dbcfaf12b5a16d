# SPDX-License-Identifier: Apache-2.0
"""The tax office on the wire.

GET  /tax/login         browser   303 to the sign-in service
GET  /tax/callback      browser   back from it: 303 to the home page, with a session or with ?error=reason
GET  /tax/v1/session    browser   who is logged in
POST /tax/v1/logout     browser   end the session
GET  /tax/jwks.json     anyone    the office's public key
"""

from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tegata.relying.errors import RelyingError, Unavailable
from tegata.relying.tax.service import TaxOffice
from tegata.storage import StorageError
from tegata.wire import handlers

LOGIN_COOKIE: Final = "tegata_tax_login"
SESSION_COOKIE: Final = "tegata_tax"
_STATUSES: Final = {RelyingError: 422, Unavailable: 503, StorageError: 503}
_NO_STORE: Final = {"Cache-Control": "no-store"}


def create_app(service: TaxOffice) -> Starlette:
    """Return the ASGI application of the tax office, with absolute routes."""
    desk = _Desk(service)
    routes = [
        Route("/tax/login", desk.login, methods=["GET"]),
        Route("/tax/callback", desk.callback, methods=["GET"]),
        Route("/tax/v1/session", desk.session, methods=["GET"]),
        Route("/tax/v1/logout", desk.logout, methods=["POST"]),
        Route("/tax/jwks.json", desk.jwks, methods=["GET"]),
    ]
    for route in routes:
        if route.methods is not None:
            route.methods.discard("HEAD")  # a link preview must not begin or finish a login
    return Starlette(routes=routes, exception_handlers=handlers(_STATUSES))


class _Desk:
    def __init__(self, service: TaxOffice) -> None:
        self._service = service

    async def login(self, request: Request) -> Response:
        begun = self._service.begin(request.cookies.get(LOGIN_COOKIE))
        response = RedirectResponse(begun.location, 303, headers=_NO_STORE)
        lifetime = int(self._service.config.login_lifetime.total_seconds())
        self._set(response, LOGIN_COOKIE, begun.cookie, "/tax", lifetime)
        return response

    async def callback(self, request: Request) -> Response:
        home = self._service.config.home
        try:
            token, _ = await self._service.finish(_once(request), request.cookies.get(LOGIN_COOKIE))
        except RelyingError as error:
            return RedirectResponse(f"{home}?error={error.reason}", 303, headers=_NO_STORE)
        response = RedirectResponse(home, 303, headers=_NO_STORE)
        lifetime = int(self._service.config.session_lifetime.total_seconds())
        self._set(response, SESSION_COOKIE, token, "/tax", lifetime)
        return response

    def _set(self, response: Response, name: str, value: str, path: str, lifetime: int) -> None:
        secure = self._service.config.secure
        response.set_cookie(name, value, path=path, max_age=lifetime, httponly=True, samesite="lax", secure=secure)

    async def session(self, request: Request) -> Response:
        session = self._service.session(request.cookies.get(SESSION_COOKIE))
        content: dict[str, Any] = {"logged_in": session is not None}
        if session is not None:
            who = session.identity
            content |= {
                "sub": who.subject,
                "acr": who.acr,
                "auth_time": who.authenticated_at.isoformat().replace("+00:00", "Z"),
                "expires_at": session.expires_at.isoformat().replace("+00:00", "Z"),
            }
        return JSONResponse(content, headers=_NO_STORE)

    async def logout(self, request: Request) -> Response:
        self._service.log_out(request.cookies.get(SESSION_COOKIE))
        response = JSONResponse({"logged_in": False}, headers=_NO_STORE)
        response.delete_cookie(SESSION_COOKIE, path="/tax")
        return response

    async def jwks(self, request: Request) -> Response:
        return JSONResponse(self._service.jwks(), headers={"Cache-Control": "no-cache"})


def _once(request: Request) -> dict[str, str]:
    """Return the parameters that came exactly once: a doubled one (RFC 6749 §3.1) counts as none."""
    pairs = request.query_params.multi_items()
    return {name: value for name, value in pairs if sum(other == name for other, _ in pairs) == 1}
