# SPDX-License-Identifier: Apache-2.0
"""The counter of a town hall: somebody moves in, is registered, and gets a card."""

from urllib.parse import quote

from starlette.responses import Response

from tegata.sandbox.population import PINS
from tegata.web.visit import Visit


async def admit(visit: Visit) -> Response:
    """Show who could come; let one of them in."""
    done = await visit.act({"admit": _admit})
    if done is not None:
        return done
    who = await visit.get("/control/v1/personas")
    chosen = visit.field("persona") or visit.query("persona")
    return visit.page("counter.html", place="counter", personas=who["personas"], chosen=chosen, pins=PINS)


async def _admit(visit: Visit) -> Response:
    admitted = await visit.post("/control/v1/people", {"persona": visit.field("persona")})
    return visit.go(f"/people/{quote(admitted['slug'], safe='')}", "admitted")
