# SPDX-License-Identifier: Apache-2.0
"""The pages that a person sees at the sign-in service: the two-dimensional code, and what went wrong.

Plain HTML that works without JavaScript; a small script of our own spares the button.  Everything comes from this
origin, nothing may frame a page, and nothing is cached.
"""

import functools
import io
import tomllib
from importlib import resources
from typing import Any, Final
from urllib.parse import urlsplit

import segno
from jinja2 import DictLoader, Environment, StrictUndefined
from starlette.responses import HTMLResponse, Response

from tegata.clock import JST
from tegata.messages import Lang, TegataError, message
from tegata.signin import faults
from tegata.signin.config import Config
from tegata.signin.model import Client, SignInRequest

_TEMPLATES: Final = ("base.html", "sign_in.html", "notice.html")
_ASSETS: Final = {"page.js": "text/javascript", "page.css": "text/css"}
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def _text(name: str) -> str:
    return (resources.files(__package__) / "pages" / name).read_text("utf-8")


@functools.cache
def _environment() -> Environment:
    loader = DictLoader({name: _text(name) for name in _TEMPLATES})
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)


@functools.cache
def words() -> dict[Lang, dict[str, str]]:
    """Return the words of the pages by language."""
    found: dict[Lang, dict[str, str]] = tomllib.loads(_text("words.toml"))  # type: ignore[assignment]
    return found


def sign_in(config: Config, request: SignInRequest, client: Client, lang: Lang, *, asked: bool = False) -> Response:
    """Return the page of a request that waits for a phone; `asked` when the person already chose to continue."""
    expires = request.expires_at.astimezone(JST)
    shown: dict[str, Any] = {
        "base": f"/signin/v1/requests/{request.request_id}",
        "service": client.name,
        "request_url": config.request_url(request.request_id),
        "app_link": config.app_link(request.request_id),
        "code": _code(config.request_url(request.request_id)),
        "refusal": None if request.refusal is None else str(message(faults.refusal(request.refusal), lang)),
        "asked": asked,
        "expires_at": request.expires_at.isoformat(),
        "expires": expires.strftime("%H:%M:%S JST"),
    }
    return _page("sign_in.html", lang, 200, _policy(request.wish.redirect_uri), shown)


def notice(error: TegataError, status: int, lang: Lang) -> Response:
    """Return the page of a failure that no service is told."""
    said = error.text(lang)
    return _page("notice.html", lang, status, _policy(), {"what": said.what, "next": said.next})


def asset(name: str) -> Response:
    """Return the script or style sheet of the pages."""
    headers = {"Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff"}
    return Response(_text(name), media_type=_ASSETS[name], headers=headers)


def _page(template: str, lang: Lang, status: int, policy: str, shown: dict[str, Any]) -> Response:
    html = _environment().get_template(template).render(lang=lang, words=words()[lang], **shown)
    return HTMLResponse(html, status, headers=_HEADERS | {"Content-Security-Policy": policy, "Content-Language": lang})


def _policy(redirect_uri: str | None = None) -> str:
    """Return the content security policy.

    Browsers hold the redirect that answers a form to `form-action` too, so it names the service.
    """
    service = ""
    if redirect_uri is not None:
        parts = urlsplit(redirect_uri)
        service = f" {parts.scheme}://{parts.netloc}"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        f"form-action 'self'{service}; base-uri 'none'; frame-ancestors 'none'"
    )


def _code(url: str) -> str:
    """Return a QR code (ISO/IEC 18004) as inline SVG, without styles, for the content security policy."""
    out = io.BytesIO()
    segno.make(url, error="m", micro=False).save(
        out, kind="svg", xmldecl=False, svgns=True, border=4, omitsize=True, svgclass=None, lineclass=None, light="#fff"
    )
    return out.getvalue().decode("utf-8")
