# SPDX-License-Identifier: Apache-2.0
"""The tax office: log in through the sign-in service, see as whom, log out.

The session is the tax office's own: its cookie comes with the browser and is handed on with each call.
"""

import httpx
from starlette.responses import Response

from tegata.messages import catalogue, message
from tegata.web.visit import Visit, json_of


async def office(visit: Visit) -> Response:
    """Show the session; log out."""
    done = await visit.act({"logout": _logout})
    if done is not None:
        return done
    asked = await visit.send("GET", "/tax/v1/session", headers=_cookies(visit))
    reason = visit.query("error")
    page = visit.page(
        "tax.html",
        place="tax",
        session=json_of(asked),
        login=f"{visit.public_url}/tax/login",
        reason=reason,
        error=message(reason if reason in catalogue() else "web.no_login", visit.lang) if reason else None,
    )
    return _with_cookies(page, asked)


async def _logout(visit: Visit) -> Response:
    told = await visit.send("POST", "/tax/v1/logout", json={}, headers=_cookies(visit))
    return _with_cookies(visit.go("/tax", "logged_out"), told)


def _cookies(visit: Visit) -> dict[str, str]:
    return {"Cookie": visit.request.headers.get("cookie", "")}


def _with_cookies(page: Response, answer: httpx.Response) -> Response:
    for cookie in answer.headers.get_list("set-cookie"):
        page.headers.append("set-cookie", cookie)
    return page
