# SPDX-License-Identifier: Apache-2.0
"""The first page."""

import asyncio

from unit.web.kit import HANAKO, PHONE_ID, Browser, Country, settled


def empty() -> Country:
    """Return a country without people."""
    country = Country()
    country.answers |= {
        "GET /healthz": {"status": "ready", "settled": 0, "people": 0},
        "GET /control/v1/people": {"people": [], "total": 0, "next": None},
    }
    return country


def test_it_leads_to_each_step_of_the_story() -> None:
    """Seven steps in order, each a link to where it is done."""

    async def visit() -> None:
        page = await Browser(settled()).get("/")
        steps = ("card", "phone", "contract", "login", "kiosk", "move", "lost")
        ways = [page.by(f"step-{step}")["href"] for step in steps]
        person = "/people/hanako"
        places = ["/shop", "/tax", "/kiosk", f"{person}#move", f"{person}#phones"]
        assert ways == [person, f"/phones/{PHONE_ID}", *places]
        assert page.by("person-hanako").text == "手形　花子".replace("　", " ")

    asyncio.run(visit())


def test_without_its_heroine_the_story_begins_at_the_counter() -> None:
    """Nobody lives here: step one is to let her in."""

    async def visit() -> None:
        page = await Browser(empty()).get("/")
        assert page.by("step-card")["href"] == "/counter?persona=hanako"
        assert page.by("step-phone")["href"] == "/people/hanako#phones"

    asyncio.run(visit())


def test_while_people_are_registered_it_shows_how_far_and_refreshes() -> None:
    """Progress in words and as a bar; a reader who needs peace can stop it; when all are there it stops by itself."""

    async def visit() -> None:
        country = settled()
        country.answers["GET /healthz"] = {"status": "settling", "settled": 3, "people": 12}
        browser = Browser(country, lang="en")
        page = await browser.get("/")
        assert "3 of 12" in page.by("progress").text
        assert 'http-equiv="refresh"' in page.source
        calm = await browser.get("/?refresh=off")
        assert "3 of 12" in calm.by("progress").text
        assert 'http-equiv="refresh"' not in calm.source
        country.answers["GET /healthz"] = {"status": "ready", "settled": 12, "people": 12}
        assert 'http-equiv="refresh"' not in (await browser.get("/")).source

    asyncio.run(visit())


def test_a_long_list_goes_on() -> None:
    """The next page begins after the last person shown."""

    async def visit() -> None:
        country = settled()
        country.answers["GET /control/v1/people"] = {"people": [HANAKO], "total": 500, "next": "hanako"}
        page = await Browser(country).get("/")
        assert page.by("more")["href"] == "/?after=hanako#people"
        await Browser(country).get("/?after=hanako")
        assert {"after": "hanako"} in [call.query for call in country.calls]

    asyncio.run(visit())


def test_somebody_without_a_persona_is_shown_by_the_slug() -> None:
    """A persona file may have changed since; the page shows what is known."""

    async def visit() -> None:
        country = settled()
        bare = {"slug": "mystery", "persona": "mystery", "settled": False, "cards": [], "phones": []}
        country.answers["GET /control/v1/people"] = {"people": [bare], "total": 1, "next": None}
        page = await Browser(country, lang="en").get("/")
        assert "mystery" in page.by("person-mystery").text

    asyncio.run(visit())


def test_names_are_text_whatever_they_contain() -> None:
    """A persona file is somebody's data: nothing in it becomes markup."""

    async def visit() -> None:
        country = settled()
        wicked = {**HANAKO, "name": "<script>alert(1)</script>", "note_ja": '"><img src=x onerror=alert(1)>'}
        country.answers["GET /control/v1/people"] = {"people": [wicked], "total": 1, "next": None}
        page = await Browser(country).get("/")
        assert "<script>" in page.by("person-hanako").text

    asyncio.run(visit())
