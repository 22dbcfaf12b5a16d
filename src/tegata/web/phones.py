# SPDX-License-Identifier: Apache-2.0
"""What a phone shows, and what its owner does with it.

A link that a service shows is opened here: a signing request is shown with its document and asks for the signing
password, a sign-in request names the service and asks for a finger or the PIN.  Which of the two it is, the app says.
"""

from typing import Any, Final
from urllib.parse import quote, urlencode

from starlette.responses import Response

from tegata.sandbox.control import PASSCODE
from tegata.sandbox.population import PINS
from tegata.web.errors import Problem
from tegata.web.visit import Visit, local
from tegata.wire import unb64

SUGGESTED: Final = {"auth_pin": "2580", "signing_password": "TEGATA2026"}
"""First PINs that the enrolment form suggests; in a test country they are no secret."""
_HINTS: Final = {"card_password": PINS["signing_password"], "passcode": PASSCODE, **SUGGESTED}


async def phone(visit: Visit) -> Response:
    """Show a phone; enrol, open a link, unlock, hold to the kiosk's reader, stop using it."""
    done = await visit.act(_ACTS)
    if done is not None:
        return done
    found = await visit.get(_path(visit))
    holder = await visit.get(f"/control/v1/people/{quote(found['holder'], safe='')}")
    return visit.page(
        "phone.html",
        place="home",
        phone=found,
        holder=holder,
        on_reader=(await visit.get("/control/v1/reader")).get("phone_id") == found["phone_id"],
        hints=_HINTS,
        back=local(visit.query("back")),
        ahead=visit.query("ahead") if _is_ours(visit, visit.query("ahead")) else None,
    )


async def _touch(visit: Visit) -> Response:
    await visit.post(_path(visit, "/touch"), {})
    return visit.go(_page(visit), "unlocked")


async def _passcode(visit: Visit) -> Response:
    await visit.post(_path(visit, "/passcode"), {"passcode": visit.field("passcode")})
    return visit.go(_page(visit), "unlocked")


async def _sleep(visit: Visit) -> Response:
    await visit.post(_path(visit, "/sleep"), {})
    return visit.go(_page(visit), "asleep")


async def _enrol(visit: Visit) -> Response:
    names = ("card_id", "card_password", "auth_pin", "signing_password")
    body = {name: visit.field(name) for name in names if visit.field(name)}
    await visit.post(_path(visit, "/enrol"), body)
    return visit.go(_page(visit), "enrolled")


async def _resume(visit: Visit) -> Response:
    await visit.post(_path(visit, "/resume"), {})
    return visit.go(_page(visit), "resumed")


async def _stop(visit: Visit) -> Response:
    await visit.post(_path(visit, "/stop"), {})
    return visit.go(_page(visit), "stopped")


async def _hold(visit: Visit) -> Response:
    await visit.put("/control/v1/reader", {"phone_id": visit.request.path_params["phone_id"]})
    return visit.go(_page(visit), "on_reader")


async def _take_away(visit: Visit) -> Response:
    await visit.delete("/control/v1/reader")
    return visit.go(_page(visit), "off_reader")


async def _open(visit: Visit) -> Response:
    return visit.go(f"{_page(visit)}/request?{urlencode({'url': visit.field('url')})}")


_ACTS: Final = {
    "touch": _touch,
    "passcode": _passcode,
    "sleep": _sleep,
    "enrol": _enrol,
    "resume": _resume,
    "stop": _stop,
    "hold": _hold,
    "take-away": _take_away,
    "open": _open,
}


# -- what a service asks ----------------------------------------------------------------------------------------------


async def request(visit: Visit) -> Response:
    """Show what the service behind a link asks; sign, or approve."""
    url = visit.query("url")
    done = await visit.act({"sign": _sign, "finger": _by_finger, "pin": _by_pin})
    if done is not None:
        return done
    refused = visit.problem
    signing, sign_in = await _asked(visit, url)
    visit.problem = refused or visit.problem
    return visit.page(
        "request.html",
        place="home",
        phone=await visit.get(_path(visit)),
        url=url,
        signing=signing,
        document=_text(signing) if signing else None,
        sign_in=sign_in,
        hints=_HINTS,
        back=local(visit.query("back")),
    )


async def _asked(visit: Visit, url: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Return what is to be signed, or who asks to sign in; neither when the link leads nowhere (`problem`)."""
    try:
        return await visit.post(_path(visit, "/signing-request"), {"url": url}), None
    except Problem as problem:
        if problem.reason != "phone.bad_request":
            visit.problem = problem
            return None, None
    try:
        return None, await visit.post(_path(visit, "/sign-in-request"), {"url": url})
    except Problem as problem:
        visit.problem = problem
        return None, None


def _text(signing: dict[str, Any]) -> str | None:
    """Return the document as text, None when it is not text that can be shown."""
    if not str(signing.get("media_type", "")).startswith("text/plain"):
        return None
    try:
        return unb64(str(signing["document"])).decode("utf-8")
    except (ValueError, KeyError):
        return None


async def _sign(visit: Visit) -> Response:
    url = visit.query("url")
    await visit.post(_path(visit, "/sign"), {"url": url, "password": visit.field("password")})
    return visit.go(_returning(visit), "signed")


async def _by_finger(visit: Visit) -> Response:
    await visit.post(_path(visit, "/sign-in"), {"url": visit.query("url")})
    return visit.go(_returning(visit, ahead=f"{visit.query('url')}/continue"), "approved")


async def _by_pin(visit: Visit) -> Response:
    await visit.post(_path(visit, "/sign-in"), {"url": visit.query("url"), "pin": visit.field("pin")})
    return visit.go(_returning(visit, ahead=f"{visit.query('url')}/continue"), "approved")


def _returning(visit: Visit, ahead: str | None = None) -> str:
    """Return the phone's page with the ways on: back to the page that had the link, or ahead in the browser."""
    ways = {"back": local(visit.query("back")), "ahead": ahead}
    query = urlencode({name: way for name, way in ways.items() if way})
    return f"{_page(visit)}?{query}" if query else _page(visit)


def _is_ours(visit: Visit, url: str) -> bool:
    """Say whether a link leads to a sign-in request of this country, the only place where `ahead` may lead."""
    return url.startswith(f"{visit.public_url}/signin/v1/requests/")


# -- which phone? -----------------------------------------------------------------------------------------------------


async def open_link(visit: Visit) -> Response:
    """Let the reader choose the phone that opens a link, then open it there."""
    url, back, chosen = visit.query("url"), local(visit.query("back")), visit.query("phone")
    if chosen:
        query = urlencode({"url": url, "back": back} if back else {"url": url})
        return visit.go(f"/phones/{quote(chosen, safe='')}/request?{query}")
    return visit.page("open.html", place="home", phones=await everybodys(visit, "phones"), url=url, back=back)


async def everybodys(visit: Visit, what: str) -> list[dict[str, str]]:
    """Return all phones (or `cards`) with the names of their holders, newest people last."""
    listed = await visit.get("/control/v1/people", limit="1000")
    return [
        {"id": thing, "name": one.get("name", one["slug"]), "romaji": one.get("romaji", one["slug"])}
        for one in listed["people"]
        for thing in one[what]
    ]


def _path(visit: Visit, act: str = "") -> str:
    return f"/control/v1/phones/{visit.part('phone_id')}{act}"


def _page(visit: Visit) -> str:
    return f"/phones/{visit.part('phone_id')}"
