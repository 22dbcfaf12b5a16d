# SPDX-License-Identifier: Apache-2.0
"""One person's page: her entry in the register, what she holds, and what can happen to her."""

from typing import Any, Final

from starlette.responses import Response

from tegata.jpki import municipalities
from tegata.web.visit import Visit, request_id

EXAMPLE: Final = "神奈川県鎌倉市手形ガ谷１丁目２番３号"
"""An address that does not exist, in a municipality that does."""


async def person(visit: Visit) -> Response:
    """Show a person; buy a phone, move house, report a phone lost."""
    slug = visit.part("slug")
    done = await visit.act({"buy": _buy, "move": _move, "lost": _lose})
    if done is not None:
        return done
    found = await visit.get(f"/control/v1/people/{slug}")
    phones = [await visit.get(f"/control/v1/phones/{phone_id}") for phone_id in found["phones"]]
    models = await visit.get("/control/v1/phones/models") if found["settled"] else {"models": []}
    return visit.page(
        "person.html",
        place="home",
        person=found,
        phones=phones,
        models=models["models"],
        municipalities=municipalities.table().values(),
        request_id=request_id(),
        typed=visit.form,
        example=EXAMPLE,
    )


async def _buy(visit: Visit) -> Response:
    slug = visit.request.path_params["slug"]
    bought = await visit.post("/control/v1/phones", {"holder": slug, "model": visit.field("model")})
    return visit.go(f"/phones/{bought['phone_id']}", "bought")


async def _move(visit: Visit) -> Response:
    slug = visit.part("slug")
    event: dict[str, Any] = {
        "kind": "move",
        "request_id": visit.field("request_id"),
        "address": visit.field("address"),
        "municipality_code": visit.field("municipality_code"),
    }
    told = await visit.post(f"/control/v1/people/{slug}/events", event)
    return visit.go(f"/people/{slug}", "moved" if told.get("delivered") else "moved_untold")


async def _lose(visit: Visit) -> Response:
    body = {"phone_id": visit.field("phone_id"), "request_id": visit.field("request_id")}
    await visit.post("/control/v1/hotline", body)
    return visit.go(f"/people/{visit.part('slug')}", "held")
