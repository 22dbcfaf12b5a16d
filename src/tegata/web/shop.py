# SPDX-License-Identifier: Apache-2.0
"""The mobile shop: choose a plan, sign its contract with a phone, see what the shop learned and how it checked that."""

from urllib.parse import quote

from starlette.responses import Response

from tegata.web.phones import everybodys
from tegata.web.visit import Visit, request_id


async def plans(visit: Visit) -> Response:
    """Show the plans; open a contract for one."""
    done = await visit.act({"choose": _choose})
    if done is not None:
        return done
    offered = await visit.get("/shop/v1/plans")
    return visit.page("shop.html", place="shop", plans=offered["plans"], request_id=request_id(), typed=visit.form)


async def _choose(visit: Visit) -> Response:
    body = {"plan": visit.field("plan"), "request_id": visit.field("request_id")}
    opened = await visit.post("/shop/v1/contracts", body)
    return visit.go(f"/shop/contracts/{quote(opened['contract_id'], safe='')}")


async def contract(visit: Visit) -> Response:
    """Show a contract: to be signed, signed, or over."""
    identifier = visit.part("contract_id")
    found = await visit.get(f"/shop/v1/contracts/{identifier}")
    return visit.page(
        "contract.html",
        place="shop",
        contract=found,
        phones=await everybodys(visit, "phones") if found["state"] == "offered" else [],
        here=f"/shop/contracts/{identifier}",
    )
