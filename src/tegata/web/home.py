# SPDX-License-Identifier: Apache-2.0
"""The first page: what this is, how far the country is, the seven steps of the story, who lives here."""

from typing import Any, Final

from starlette.responses import Response

from tegata.web.visit import Visit

HEROINE: Final = "hanako"
"""Who walks through the story."""


async def show(visit: Visit) -> Response:
    """Show the country."""
    health = await visit.get("/healthz")
    after = visit.query("after")
    listed = await visit.get("/control/v1/people", **({"after": after} if after else {}))
    settling = health.get("status") != "ready"
    return visit.page(
        "home.html",
        place="home",
        health=health,
        settling=settling,
        refresh=settling and visit.query("refresh") != "off",
        people=listed["people"],
        total=listed["total"],
        next=listed["next"],
        steps=await _steps(visit),
    )


async def _steps(visit: Visit) -> list[tuple[str, str]]:
    """Return the steps by name, each with the page on which it is done."""
    everybody = await visit.get("/control/v1/people", limit="1000")
    heroine = next((one for one in everybody["people"] if one["slug"] == HEROINE), None)
    person = f"/people/{HEROINE}"
    return [
        ("card", person if heroine else f"/counter?persona={HEROINE}"),
        ("phone", _phone(heroine) or f"{person}#phones"),
        ("contract", "/shop"),
        ("login", "/tax"),
        ("kiosk", "/kiosk"),
        ("move", f"{person}#move"),
        ("lost", f"{person}#phones"),
    ]


def _phone(person: dict[str, Any] | None) -> str | None:
    phones = person["phones"] if person else []
    return f"/phones/{phones[-1]}" if phones else None
