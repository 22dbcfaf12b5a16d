# SPDX-License-Identifier: Apache-2.0
"""The sign-in service on the wire.  Paths of the realm are those of the real service, byte for byte.

GET  /api/realms/main/.well-known/openid-configuration      anyone     provider metadata
GET  /api/realms/main/protocol/openid-connect/auth          browser    authorization request: page, or redirect
POST /api/realms/main/protocol/openid-connect/token         client     code or refresh token -> tokens
GET  /api/realms/main/protocol/openid-connect/userinfo      client     access token -> claims (also POST)
GET  /api/realms/main/protocol/openid-connect/certs         anyone     JWK Set

GET  /signin/v1/requests/{id}            phone      what is to be approved
POST /signin/v1/requests/{id}            phone      approve: certificate and signature
GET  /signin/v1/requests/{id}/state      browser    has the phone approved?
GET  /signin/v1/requests/{id}/continue   browser    back to the service (cookie of the browser that began)
POST /signin/v1/requests/{id}/cancel     browser    back without a code

POST /signin/v1/clients                  operator   register a client, or change one that has the same keys: 201
GET  /signin/v1/clients                  operator   all clients
PUT  /signin/v1/clients/{client_id}      operator   register or replace a client
POST /signin/v1/keys                     operator   sign with new keys from now on
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tegata.messages import Lang, message
from tegata.signin import faults, pages, parameters
from tegata.signin.config import PROTOCOL, REALM
from tegata.signin.desk import Redirect
from tegata.signin.errors import Conflict, Gone, NotFound, PageFault, Refused, SignInError, Unavailable, WireFault
from tegata.signin.service import SignIn
from tegata.storage import StorageError
from tegata.verify import StatusUnavailable, VerifyError
from tegata.wire import Guard, WireError, b64, body_bytes, bytes_field, handlers, json_body, language, text_field

COOKIE: Final = "tegata_sign_in"
_STATUSES: Final = {
    SignInError: 500,
    NotFound: 404,
    Refused: 422,
    Conflict: 409,
    Gone: 410,
    Unavailable: 503,
    VerifyError: 422,
    StatusUnavailable: 503,
    StorageError: 503,
}
_NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_FORM: Final = "application/x-www-form-urlencoded"

Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(service: SignIn) -> Starlette:
    """Return the ASGI application of the sign-in service, with absolute routes."""
    provider, desk = _Provider(service), _Desk(service)
    one = "/signin/v1/requests/{request_id}"
    routes = [
        _route(f"{REALM}/.well-known/openid-configuration", provider.metadata),
        _route(f"{PROTOCOL}/auth", desk.authorize),
        _route(f"{PROTOCOL}/token", provider.token, "POST"),
        _route(f"{PROTOCOL}/userinfo", provider.userinfo, "GET", "POST"),
        _route(f"{PROTOCOL}/certs", provider.certs),
        _route(one, desk.read),
        _route(one, desk.approve, "POST"),
        _route(f"{one}/state", desk.state),
        _route(f"{one}/continue", desk.proceed),
        _route(f"{one}/cancel", desk.cancel, "POST"),
        _route("/signin/v1/page.js", desk.script),
        _route("/signin/v1/page.css", desk.style),
        _route("/signin/v1/clients", provider.register, "POST"),
        _route("/signin/v1/clients", provider.clients),
        _route("/signin/v1/clients/{client_id}", provider.replace, "PUT"),
        _route("/signin/v1/keys", provider.renew_keys, "POST"),
    ]
    return Starlette(routes=routes, exception_handlers=handlers(_STATUSES) | {WireFault: _render_fault(service)})


def _route(path: str, endpoint: Endpoint, *methods: str) -> Route:
    """Return a route for exactly these methods: a HEAD, as link previews send it, must not begin or end a sign-in."""
    route = Route(path, endpoint, methods=list(methods) or ["GET"])
    if route.methods is not None:
        route.methods.discard("HEAD")
    return route


def _render_fault(service: SignIn) -> Callable[[Request, Exception], Response]:
    """Return the handler that renders a refusal of the token or userinfo endpoint as `faults` says."""

    def render(request: Request, error: Exception) -> Response:
        assert isinstance(error, WireFault)  # noqa: S101 -- registered for this class only
        fault = faults.TABLE[error.reason]
        if error.reason.startswith("signin.userinfo."):
            return _challenge(fault)
        name = fault.error
        if error.reason.startswith(faults.ASSERTION_FAILED) and fault.status == 400:
            name = service.config.profile.assertion_error
        content = {"error": name, "error_description": fault.description}
        return JSONResponse(content, fault.status, headers=_NO_STORE)

    return render


def _challenge(fault: faults.Fault) -> Response:
    """Return a refusal in the header alone, with an empty body (RFC 6750 §3; as Keycloak does)."""
    challenge = 'Bearer realm="main"'
    if fault.error:
        challenge += f', error="{fault.error}", error_description="{fault.description}"'
    headers = {"WWW-Authenticate": challenge, "Cache-Control": "no-store"}
    return Response(b"", fault.status, media_type="text/plain", headers=headers)


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM


async def _form(request: Request) -> bytes:
    """Return the form body; one of another type holds no parameters, and the query is never looked at."""
    if not _is_form(request):
        return b""
    try:
        return await body_bytes(request, limit=parameters.LIMIT)
    except WireError as error:
        raise WireFault("signin.token.malformed") from error


class _Provider:
    """What programs call."""

    def __init__(self, service: SignIn) -> None:
        self._service = service
        self._guard = Guard(service.config.tokens)

    async def metadata(self, request: Request) -> Response:
        if not self._service.config.profile.discovery:
            raise NotFound("signin.no_discovery")
        return JSONResponse(self._service.metadata(), headers={"Cache-Control": "no-cache"})

    async def certs(self, request: Request) -> Response:
        return JSONResponse(self._service.jwks(), headers={"Cache-Control": "no-cache"})

    async def token(self, request: Request) -> Response:
        return JSONResponse(self._service.tokens.token(await _form(request)), headers=_NO_STORE)

    async def userinfo(self, request: Request) -> Response:
        scheme, _, header = request.headers.get("authorization", "").partition(" ")
        token = header.strip() if scheme.lower() == "bearer" and header.strip() else None
        body = parameters.parse(await _form(request)).get("access_token") if request.method == "POST" else None
        if token is not None and body is not None:
            raise WireFault("signin.userinfo.two_tokens")
        return JSONResponse(self._service.tokens.userinfo(token or body), headers=_NO_STORE)

    async def register(self, request: Request) -> Response:
        self._guard.require(request, "operator")
        body = await json_body(request)
        client_id = text_field(body, "client_id") if body.get("client_id") is not None else None
        return JSONResponse(self._service.register(body, client_id).to_json(), 201, headers=_NO_STORE)

    async def replace(self, request: Request) -> Response:
        self._guard.require(request, "operator")
        client_id = request.path_params["client_id"]
        client = self._service.register(await json_body(request), client_id, replace=True)
        return JSONResponse(client.to_json(), headers=_NO_STORE)

    async def clients(self, request: Request) -> Response:
        self._guard.require(request, "operator")
        return JSONResponse({"clients": [client.to_json() for client in self._service.clients()]}, headers=_NO_STORE)

    async def renew_keys(self, request: Request) -> Response:
        self._guard.require(request, "operator")
        self._service.renew_keys()
        return JSONResponse(self._service.jwks(), headers=_NO_STORE)


class _Desk:
    """What browsers and phones call."""

    def __init__(self, service: SignIn) -> None:
        self._service = service
        self._config = service.config
        self._desk = service.desk

    # -- phone ----------------------------------------------------------------------------------------------------

    async def read(self, request: Request) -> Response:
        if "text/html" in request.headers.get("accept", ""):  # somebody's browser, or the camera's, and not the app
            return pages.notice(NotFound("signin.open_in_app"), 200, _lang(request))
        asked, client = self._desk.awaited(request.path_params["request_id"])
        content = {
            "service": client.name,
            "request_id": asked.request_id,
            "challenge": b64(asked.challenge),
            "scopes": list(asked.wish.scope),
            "expires_at": asked.expires_at.isoformat().replace("+00:00", "Z"),
        }
        return JSONResponse(content, headers=_NO_STORE)

    async def approve(self, request: Request) -> Response:
        body = await json_body(request, limit=parameters.LIMIT)
        certificate, signature = bytes_field(body, "certificate"), bytes_field(body, "signature")
        await self._desk.prove(request.path_params["request_id"], certificate, signature)
        return JSONResponse({"state": "approved"}, headers=_NO_STORE)

    # -- browser --------------------------------------------------------------------------------------------------

    async def authorize(self, request: Request) -> Response:
        lang = _lang(request)
        try:
            begun = self._desk.authorize(parameters.parse(request.scope["query_string"]))
        except WireFault:
            return pages.notice(PageFault("signin.authorize.unreadable"), 400, lang)
        except PageFault as error:
            return pages.notice(error, 400, lang)
        if isinstance(begun, Redirect):
            return _redirect(begun)
        page = pages.sign_in(self._config, begun.request, begun.client, lang)
        page.set_cookie(
            COOKIE,
            begun.cookie,
            path=f"/signin/v1/requests/{begun.request.request_id}",
            max_age=self._config.profile.request_lifetime,
            httponly=True,
            samesite="lax",
            secure=self._config.secure,
        )
        return page

    async def state(self, request: Request) -> Response:
        asked, _ = self._desk.request(request.path_params["request_id"])
        content: dict[str, Any] = {"state": asked.state.value}
        if asked.refusal is not None:
            content["refusal"] = str(message(faults.refusal(asked.refusal), _lang(request)))
        return JSONResponse(content, headers=_NO_STORE)

    async def proceed(self, request: Request) -> Response:
        request_id, cookie = request.path_params["request_id"], request.cookies.get(COOKIE)
        try:
            where = self._desk.proceed(request_id, cookie)
        except SignInError as error:
            return _notice(error, request)
        if where is not None:
            return _redirect(where)
        asked, client = self._desk.of_browser(request_id, cookie)
        return pages.sign_in(self._config, asked, client, _lang(request), asked=True)

    async def cancel(self, request: Request) -> Response:
        try:
            return _redirect(self._desk.cancel(request.path_params["request_id"], request.cookies.get(COOKIE)))
        except SignInError as error:
            return _notice(error, request)

    async def script(self, request: Request) -> Response:
        return pages.asset("page.js")

    async def style(self, request: Request) -> Response:
        return pages.asset("page.css")


def _lang(request: Request) -> Lang:
    """Return the page's language: the first of `ui_locales` that there is, else what the browser prefers."""
    for wanted in request.query_params.get("ui_locales", "").lower().split():
        if wanted[:2] in ("ja", "en"):
            return "ja" if wanted.startswith("ja") else "en"
    return language(request)


def _redirect(where: Redirect) -> Response:
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    response = RedirectResponse("", 303, headers=headers)
    response.headers["location"] = where.location  # as it was built: Starlette would quote it once more
    return response


def _notice(error: SignInError, request: Request) -> Response:
    status = next((_STATUSES[cls] for cls in type(error).__mro__ if cls in _STATUSES), 500)
    return pages.notice(error, status, _lang(request))
