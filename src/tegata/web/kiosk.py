# SPDX-License-Identifier: Apache-2.0
"""The copier in a convenience store: choose a document, hold a card or phone to it, pay, take the paper.

The terminal prints once and keeps nothing.  What it printed lies in the tray of this copier, in memory, until later
sheets push it out.
"""

from collections import OrderedDict
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response

from tegata.sandbox.population import PINS
from tegata.web.errors import PageError
from tegata.web.phones import everybodys
from tegata.web.visit import Visit, request_id

DOCUMENT: Final = "residence-certificate"
_SHEET: Final = {
    "Content-Disposition": 'inline; filename="tegata-test.pdf"',
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
_TRAY: Final = 8
_LIVE: Final = ("chosen", "authenticated", "paid")


class Kiosk:
    """The screen and the output tray of one copier."""

    def __init__(self) -> None:
        self._tray: OrderedDict[str, bytes] = OrderedDict()

    async def choose(self, visit: Visit) -> Response:
        """Show the first screen; begin with a document."""
        done = await visit.act({"choose": _choose})
        if done is not None:
            return done
        return visit.page("kiosk.html", place="kiosk", request_id=request_id(), typed=visit.form)

    async def session(self, visit: Visit) -> Response:
        """Show where a session stands and what comes next."""
        acts = {
            "hold": _hold,
            "take-away": _take_away,
            "read": _read,
            "pay": _pay,
            "print": self._print,
            "cancel": _cancel,
        }
        done = await visit.act(acts)
        if done is not None:
            return done
        identifier = visit.request.path_params["session_id"]
        session = await visit.get(_path(visit))
        chosen = session["state"] == "chosen"
        return visit.page(
            "kiosk_session.html",
            place="kiosk",
            session=session,
            live=session["state"] in _LIVE,
            on_reader=await visit.get("/control/v1/reader"),
            phones=await everybodys(visit, "phones") if chosen else [],
            pin=PINS["auth_pin"],
            cards=await everybodys(visit, "cards") if chosen else [],
            sheet=f"{_page(visit)}/sheet.pdf" if identifier in self._tray else None,
        )

    async def _print(self, visit: Visit) -> Response:
        printed = await visit.send("POST", _path(visit, "/print"), json={})
        self._tray[visit.request.path_params["session_id"]] = printed.content
        while len(self._tray) > _TRAY:
            self._tray.popitem(last=False)
        return visit.go(_page(visit), "printed")

    async def sheet(self, visit: Visit) -> Response:
        """Take the sheet out of the tray."""
        sheet = self._tray.get(visit.request.path_params["session_id"])
        if sheet is None:
            raise PageError("web.tray_empty", 404)
        return Response(sheet, media_type="application/pdf", headers=_SHEET)


async def _choose(visit: Visit) -> Response:
    body: dict[str, Any] = {
        "document": DOCUMENT,
        "individual_number": visit.field("individual_number") == "yes",
        "request_id": visit.field("request_id"),
    }
    opened = await visit.post("/kiosk/v1/sessions", body)
    return visit.go(f"/kiosk/sessions/{quote(opened['session_id'], safe='')}")


async def _hold(visit: Visit) -> Response:
    """Put a card on the reader, or unlock a phone with a finger and hold it there."""
    kind, _, thing = visit.field("thing").partition(":")
    if kind == "phone" and visit.field("unlock") == "yes":
        await visit.post(f"/control/v1/phones/{quote(thing, safe='')}/touch", {})
    await visit.put("/control/v1/reader", {f"{kind or 'card'}_id": thing})
    return visit.go(_page(visit), "on_reader")


async def _take_away(visit: Visit) -> Response:
    await visit.delete("/control/v1/reader")
    return visit.go(_page(visit), "off_reader")


async def _read(visit: Visit) -> Response:
    pin = visit.field("pin")
    await visit.post(_path(visit, "/authenticate"), {"pin": pin} if pin else {})
    return visit.go(_page(visit), "authenticated")


async def _pay(visit: Visit) -> Response:
    session = await visit.get(_path(visit))
    await visit.post(_path(visit, "/pay"), {"amount": session["fee"]})
    return visit.go(_page(visit), "paid")


async def _cancel(visit: Visit) -> Response:
    await visit.post(_path(visit, "/cancel"), {})
    return visit.go(_page(visit), "cancelled")


def _path(visit: Visit, act: str = "") -> str:
    return f"/kiosk/v1/sessions/{visit.part('session_id')}{act}"


def _page(visit: Visit) -> str:
    return f"/kiosk/sessions/{visit.part('session_id')}"
