# SPDX-License-Identifier: Apache-2.0
"""A person's page, the counter where people come from."""

import asyncio

import pytest

from unit.web.kit import CARD_ID, HANAKO, PHONE_ID, Browser, phone, refusal, settled


def test_it_shows_the_register_the_things_and_the_certificates() -> None:
    """What the control API tells of her, in words."""

    async def visit() -> None:
        page = await Browser(settled(), lang="en").get("/people/hanako")
        assert page.by("register-address").text == "東京都渋谷区手形町一丁目２番３号"
        assert page.by("register-birth").text == "1990-05-05 (Heisei 2)"
        assert page.by("card").text == CARD_ID
        rows = [node for node in page.by("certificates").all("tr") if node["data-kind"]]
        assert [(row["data-carrier"], row["data-status"]) for row in rows] == [("phone", "held"), ("card", "good")]
        assert "on hold" in rows[0].text
        assert "BEGIN CERTIFICATE" in rows[0].text

    asyncio.run(visit())


def test_somebody_who_is_not_registered_yet_can_do_nothing() -> None:
    """No register entry, no buttons, and a page nevertheless."""

    async def visit() -> None:
        country = settled()
        bare = {**HANAKO, "settled": False, "cards": [], "phones": [], "register": None, "certificates": []}
        country.answers["GET /control/v1/people/hanako"] = bare
        page = await Browser(country).get("/people/hanako")
        assert not page.has("buy")
        assert not page.has("move")

    asyncio.run(visit())


def test_buying_a_phone_leads_to_it() -> None:
    """The model chosen goes to her; the browser goes to the phone."""

    async def visit() -> None:
        country = settled()
        country.answers["POST /control/v1/phones"] = phone("none", ready=False)
        browser = Browser(country)
        await browser.get("/people/hanako")
        page = await browser.press("buy")
        assert country.asked("POST /control/v1/phones") == [{"holder": "hanako", "model": "TG-A1"}]
        assert browser.at == f"/phones/{PHONE_ID}?done=bought"
        assert page.by("done").text

    asyncio.run(visit())


def test_moving_house_tells_the_town_hall_once() -> None:
    """The event carries an identifier from the form, so that sending the form twice is one move."""

    async def visit() -> None:
        country = settled()
        country.answers["POST /control/v1/people/hanako/events"] = {"delivered": True, "revoked": ["7"]}
        browser = Browser(country, lang="en")
        form = await browser.get("/people/hanako")
        page = await browser.press("move", address="神奈川県鎌倉市架空１")
        assert "authority" in page.by("done").text
        browser.page, browser.at = form, "/people/hanako"
        await browser.press("move", address="神奈川県鎌倉市架空１")
        first, second = country.asked("POST /control/v1/people/hanako/events")
        assert first == second
        assert (first["kind"], first["municipality_code"]) == ("move", "14204")
        assert first["address"] == "神奈川県鎌倉市架空１"

    asyncio.run(visit())


def test_a_refused_move_keeps_what_was_typed() -> None:
    """The refusal in words, and the form as it was, with its identifier."""

    async def visit() -> None:
        country = settled()
        browser = Browser(country)
        await browser.get("/people/hanako")
        country.answers["POST /control/v1/people/hanako/events"] = refusal(422, "sandbox.not_settled", person="hanako")
        page = await browser.press("move", address="どこか", municipality_code="13113", request_id="r1")
        assert browser.status == 422
        assert page.by("problem")["data-reason"] == "sandbox.not_settled"
        assert page.by("address")["value"] == "どこか"
        await browser.press("move")
        sent = country.asked("POST /control/v1/people/hanako/events")
        assert sent[0] == sent[1]

    asyncio.run(visit())


def test_a_lost_phone_is_reported_by_its_number() -> None:
    """One button per phone, behind a summary that says what it does."""

    async def visit() -> None:
        country = settled()
        country.answers["POST /control/v1/hotline"] = {"held": ["8"]}
        browser = Browser(country)
        page = await browser.get("/people/hanako")
        assert page.by(f"lost-{PHONE_ID}").above("details")
        await browser.press(f"lost-{PHONE_ID}")
        assert country.asked("POST /control/v1/hotline")[0]["phone_id"] == PHONE_ID

    asyncio.run(visit())


def test_nobody_of_that_name_is_a_page() -> None:
    """The control API's own words and status."""

    async def visit() -> None:
        country = settled()
        country.answers["GET /control/v1/people/nobody"] = refusal(404, "sandbox.unknown_person", person="nobody")
        browser = Browser(country, lang="en")
        page = await browser.get("/people/nobody")
        assert browser.status == 404
        assert 'Nobody here is called "nobody".' in page.by("problem").text

    asyncio.run(visit())


@pytest.mark.parametrize("slug", ["..%2F..%2Fhealthz", "a%3Fb", "a%23b"])
def test_a_name_cannot_lead_to_another_api(slug: str) -> None:
    """A part of a path stays one part."""

    async def visit() -> None:
        country = settled()
        browser = Browser(country)
        await browser.get(f"/people/{slug}")
        assert all(call.what.startswith("GET /control/v1/people/") for call in country.calls)
        assert all(not call.query for call in country.calls)

    asyncio.run(visit())


def test_the_counter_lets_a_persona_in() -> None:
    """Choose who; she is registered, gets her card, and has a page."""

    async def visit() -> None:
        country = settled()
        country.answers["GET /control/v1/personas"] = {"personas": [HANAKO]}
        country.answers["POST /control/v1/people"] = HANAKO
        browser = Browser(country)
        page = await browser.get("/counter?persona=hanako")
        assert "checked" in page.by("persona-hanako").attributes
        await browser.press("admit")
        assert country.asked("POST /control/v1/people") == [{"persona": "hanako"}]
        assert browser.at == "/people/hanako?done=admitted"

    asyncio.run(visit())
