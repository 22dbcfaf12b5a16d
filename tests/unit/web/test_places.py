# SPDX-License-Identifier: Apache-2.0
"""The shop, the tax office, the kiosk."""

import asyncio
from typing import Any

from starlette.responses import JSONResponse, Response

from unit.web.kit import CARD_ID, PHONE_ID, URL, Browser, Country, refusal, settled

CONTRACT = "/shop/v1/contracts/c1"
SESSION = "/kiosk/v1/sessions/s1"
CHECKS = [
    {"name": "certificate.form", "title": "証明書の形式", "clause": "RFC 5280", "outcome": "passed"},
    {"name": "certificate.status", "title": "失効", "clause": "RFC 6960", "outcome": "failed"},
    {"name": "signature.value", "title": "署名", "clause": "RFC 8017", "outcome": "not_reached"},
]


# -- the shop ---------------------------------------------------------------------------------------------------------


def contract(state: str, **more: Any) -> dict[str, Any]:
    """Return a contract as the shop shows it."""
    return {
        "contract_id": "c1",
        "state": state,
        "document": "契約書\n",
        "signing_url": f"{URL}{CONTRACT}/signing-request",
        "expires_at": "2026-11-24T04:00:00Z",
        "verdict": None,
        "attributes": None,
        "evidence": None,
        "refusal": None,
        **more,
    }


def shop() -> Country:
    """Return a country with a shop."""
    country = settled()
    plans = [
        {"plan": name, "name": name.title(), "yen_a_month": yen} for name, yen in (("light", 980), ("standard", 2480))
    ]
    country.answers["GET /shop/v1/plans"] = {"plans": plans}
    country.answers["POST /shop/v1/contracts"] = contract("offered")
    country.answers[f"GET {CONTRACT}"] = contract("offered")
    return country


def test_a_plan_becomes_a_contract_to_sign() -> None:
    """Choose; the page has document, two-dimensional code, link, and a phone to open it on."""

    async def visit() -> None:
        country = shop()
        browser = Browser(country, lang="en")
        page = await browser.get("/shop")
        assert "2,480 yen" in page.source
        page = await browser.press("choose", plan="light")
        assert country.asked("POST /shop/v1/contracts")[0]["plan"] == "light"
        assert browser.at == "/shop/contracts/c1"
        assert page.by("document").text == "契約書"
        assert page.by("state")["data-state"] == "offered"
        assert next(page.root.all("svg"))
        assert page.ids["request-url"].text == f"{URL}{CONTRACT}/signing-request"

    asyncio.run(visit())


def test_choosing_twice_opens_one_contract() -> None:
    """The form has an identifier of its own, which differs from one visit to the next."""

    async def visit() -> None:
        country = shop()
        browser = Browser(country)
        form = await browser.get("/shop")
        await browser.press("choose")
        browser.page, browser.at = form, "/shop"
        await browser.press("choose")
        await browser.get("/shop")
        await browser.press("choose")
        one, again, other = [body["request_id"] for body in country.asked("POST /shop/v1/contracts")]
        assert one == again != other

    asyncio.run(visit())


def test_a_refused_plan_is_told_beside_the_plans() -> None:
    """The shop's words, and the plans to choose again."""

    async def visit() -> None:
        country = shop()
        country.answers["POST /shop/v1/contracts"] = refusal(422, "shop.unknown_plan")
        browser = Browser(country)
        await browser.get("/shop")
        page = await browser.press("choose", plan="gone")
        assert browser.status == 422
        assert page.by("problem")["data-reason"] == "shop.unknown_plan"
        assert page.has("plan-light")

    asyncio.run(visit())


def test_a_signed_contract_shows_the_four_attributes_and_every_check() -> None:
    """They come from the certificate; name, address, birth date, sex, and how it was verified."""

    async def visit() -> None:
        country = shop()
        four = {"name": "手形　花子", "address": "東京都渋谷区", "birth": "419900505", "sex": "2"}
        law = {"law": "417M60000008167", "letter": "ヲ", "revision": "r"}
        country.answers[f"GET {CONTRACT}"] = contract(
            "signed",
            attributes=four,
            verdict={"kind": "signing", "carrier": "phone", "serial": "7", "checks": CHECKS[:1]},
            evidence={"verified_at": "2026-11-24T03:00:00Z", "status_source": "ocsp", "method": law},
        )
        page = await Browser(country, lang="en").get("/shop/contracts/c1")
        assert page.by("state")["data-state"] == "signed"
        shown = [page.by(f"attribute-{name}").text for name in ("address", "birth", "sex")]
        assert shown == ["東京都渋谷区", "1990-05-05 (Heisei 2)", "female"]
        assert "passed" in page.source
        assert page.by("evidence")["href"] == f"{CONTRACT}/evidence"

    asyncio.run(visit())


def test_a_refused_signature_is_told_in_words_with_the_checks() -> None:
    """Which check failed, which were not reached; the offer can still be signed."""

    async def visit() -> None:
        country = shop()
        refused = {"reason": "verify.held", "what": "一時保留です。", "next": "新しい証明書を。", "checks": CHECKS}
        country.answers[f"GET {CONTRACT}"] = contract("offered", refusal=refused)
        page = await Browser(country).get("/shop/contracts/c1")
        told = page.by("refusal")
        assert told["role"] == "alert"
        assert "一時保留です。" in told.text
        assert "新しい証明書を。" in told.text
        assert [node["class"] for node in told.all("li")] == ["passed", "failed", "not_reached"]
        assert page.has("open")

    asyncio.run(visit())


def test_an_expired_offer_says_so() -> None:
    """There is nothing to sign any more."""

    async def visit() -> None:
        country = shop()
        country.answers[f"GET {CONTRACT}"] = contract("expired")
        page = await Browser(country).get("/shop/contracts/c1")
        assert page.by("state")["data-state"] == "expired"
        assert not page.has("open")

    asyncio.run(visit())


# -- the tax office ---------------------------------------------------------------------------------------------------


def test_logging_in_begins_at_the_tax_office_itself() -> None:
    """The link is absolute, so that cookies are those of the country's own name."""

    async def visit() -> None:
        country = settled()
        country.answers["GET /tax/v1/session"] = {"logged_in": False}
        page = await Browser(country).get("/tax")
        assert page.by("login")["href"] == f"{URL}/tax/login"
        assert page.by("session")["data-state"] == "out"

    asyncio.run(visit())


def test_the_session_is_shown_to_whoever_has_its_cookie() -> None:
    """The browser's cookies go to the tax office, and the identifier comes back; logging out ends it in the browser."""

    async def visit() -> None:
        country = settled()
        country.answers["GET /tax/v1/session"] = {
            "logged_in": True,
            "sub": "s-123",
            "auth_time": "2026-11-24T03:00:00Z",
        }
        over = JSONResponse({"logged_in": False})
        over.delete_cookie("tegata_tax", path="/tax")
        country.answers["POST /tax/v1/logout"] = over
        browser = Browser(country)
        browser.http.cookies.set("tegata_tax", "token", domain="country.test", path="/tax")
        page = await browser.get("/tax")
        assert "tegata_tax=token" in country.calls[-1].headers["cookie"]
        assert page.by("sub").text == "s-123"
        await browser.press("logout")
        assert len(country.asked("POST /tax/v1/logout")) == 1
        assert "tegata_tax" not in browser.http.cookies

    asyncio.run(visit())


def test_a_login_that_failed_is_told() -> None:
    """The reason in the address is put into words, if it is one of ours; anything else is not repeated."""

    async def visit() -> None:
        country = settled()
        country.answers["GET /tax/v1/session"] = {"logged_in": False}
        browser = Browser(country, lang="en")
        page = await browser.get("/tax?error=tax.login_cancelled")
        assert page.by("problem")["role"] == "alert"
        page = await browser.get("/tax?error=<b>call+0120</b>")
        assert "0120" not in page.by("problem").text
        assert "did not work" in page.by("problem").text

    asyncio.run(visit())


# -- the kiosk --------------------------------------------------------------------------------------------------------


def session(state: str, **more: Any) -> dict[str, Any]:
    """Return a session as the terminal shows it."""
    return {
        "session_id": "s1",
        "state": state,
        "reason": None,
        "message": None,
        "fee": 300,
        "paid": 0,
        "expires_at": "2026-11-24T03:05:00Z",
        **more,
    }


def kiosk(state: str = "chosen", **more: Any) -> Country:
    """Return a country with a kiosk in front of which somebody stands."""
    country = settled()
    country.answers["POST /kiosk/v1/sessions"] = session("chosen")
    country.answers[f"GET {SESSION}"] = session(state, **more)
    return country


def test_the_first_screen_takes_the_choice() -> None:
    """The document, with or without the Individual Number."""

    async def visit() -> None:
        country = kiosk()
        browser = Browser(country)
        await browser.get("/kiosk")
        await browser.press("choose", individual_number="yes")
        asked = country.asked("POST /kiosk/v1/sessions")[0]
        assert (asked["document"], asked["individual_number"]) == ("residence-certificate", True)
        assert browser.at == "/kiosk/sessions/s1"

    asyncio.run(visit())


def test_outside_opening_hours_the_first_screen_says_so() -> None:
    """The terminal's words, on the first screen."""

    async def visit() -> None:
        country = kiosk()
        country.answers["POST /kiosk/v1/sessions"] = refusal(422, "kiosk.closed", opens="6:30", closes="23:00")
        browser = Browser(country, lang="en")
        await browser.get("/kiosk")
        page = await browser.press("choose")
        assert "6:30" in page.by("problem").text

    asyncio.run(visit())


def test_a_phone_is_unlocked_by_finger_and_held_there() -> None:
    """Touch, then the reader; then it is read without a PIN."""

    async def visit() -> None:
        country = kiosk()
        country.answers[f"POST /control/v1/phones/{PHONE_ID}/touch"] = {}
        country.answers["PUT /control/v1/reader"] = {}
        country.answers[f"POST {SESSION}/authenticate"] = session("authenticated")
        browser = Browser(country)
        await browser.get("/kiosk/sessions/s1")
        await browser.press("hold", thing=f"phone:{PHONE_ID}")
        await browser.press("read")
        acts = [call.what for call in country.calls if not call.what.startswith("GET")]
        assert acts == [
            f"POST /control/v1/phones/{PHONE_ID}/touch",
            "PUT /control/v1/reader",
            f"POST {SESSION}/authenticate",
        ]
        assert country.asked("PUT /control/v1/reader") == [{"phone_id": PHONE_ID}]
        assert country.asked(f"POST {SESSION}/authenticate") == [{}]

    asyncio.run(visit())


def test_a_card_needs_its_pin() -> None:
    """No finger for a card; without a PIN the terminal asks for it, and the field is named as the one to mend."""

    async def visit() -> None:
        country = kiosk()
        country.answers["PUT /control/v1/reader"] = {}
        country.answers[f"POST {SESSION}/authenticate"] = refusal(422, "kiosk.pin_required")
        browser = Browser(country)
        await browser.get("/kiosk/sessions/s1")
        await browser.press("hold", thing=f"card:{CARD_ID}")
        page = await browser.press("read")
        assert page.by("problem")["data-reason"] == "kiosk.pin_required"
        assert "problem" in page.by("pin")["aria-describedby"].split()
        await browser.press("read", pin="1234")
        assert country.asked("PUT /control/v1/reader") == [{"card_id": CARD_ID}]
        assert country.asked(f"POST {SESSION}/authenticate") == [{}, {"pin": "1234"}]
        assert "1234" not in browser.page.by("pin")["value"]

    asyncio.run(visit())


def test_the_fee_is_paid_exactly() -> None:
    """The button inserts what the terminal asks."""

    async def visit() -> None:
        country = kiosk("authenticated")
        country.answers[f"POST {SESSION}/pay"] = session("paid", paid=300)
        browser = Browser(country)
        await browser.get("/kiosk/sessions/s1")
        await browser.press("pay")
        assert country.asked(f"POST {SESSION}/pay") == [{"amount": 300}]

    asyncio.run(visit())


def test_the_sheet_lies_in_the_tray_after_printing() -> None:
    """Printing is one call; the sheet can be looked at; without one the tray is empty."""

    async def visit() -> None:
        country = kiosk("paid", paid=300)
        country.answers[f"POST {SESSION}/print"] = Response(b"%PDF-1.7 test", media_type="application/pdf")
        browser = Browser(country)
        await browser.get("/kiosk/sessions/s1")
        country.answers[f"GET {SESSION}"] = session("printed")
        page = await browser.press("print")
        sheet = await browser.http.get(page.by("sheet")["href"])
        assert sheet.headers["content-type"] == "application/pdf"
        assert sheet.headers["cache-control"] == "no-store"
        assert sheet.content == b"%PDF-1.7 test"
        other = Browser(country)
        assert not (await other.get("/kiosk/sessions/s1")).has("sheet")
        assert (await other.http.get("/kiosk/sessions/s1/sheet.pdf")).status_code == 404

    asyncio.run(visit())


def test_the_tray_holds_a_few_sheets() -> None:
    """Later sheets push earlier ones out: personal data does not pile up in memory."""

    async def visit() -> None:
        country = settled()
        browser = Browser(country)
        for number in range(12):
            path = f"/kiosk/v1/sessions/n{number}"
            country.answers[f"GET {path}"] = session("paid")
            country.answers[f"POST {path}/print"] = Response(b"%PDF", media_type="application/pdf")
            await browser.get(f"/kiosk/sessions/n{number}")
            await browser.press("print")
        kept = [(await browser.http.get(f"/kiosk/sessions/n{number}/sheet.pdf")).status_code for number in range(12)]
        assert kept == [404] * 4 + [200] * 8

    asyncio.run(visit())


def test_a_session_that_is_over_tells_why() -> None:
    """The terminal's own message, and the way to the first screen."""

    async def visit() -> None:
        country = kiosk("refused", reason="verify.held", message={"what": "一時保留です。", "next": "窓口へ。"})
        page = await Browser(country).get("/kiosk/sessions/s1")
        assert page.by("message")["role"] == "alert"
        assert "一時保留です。" in page.by("message").text
        assert page.has("again")
        assert not page.has("cancel")

    asyncio.run(visit())


def test_a_session_is_cancelled_and_the_card_taken_back() -> None:
    """Both buttons are there while something lies on the reader."""

    async def visit() -> None:
        country = kiosk("authenticated")
        country.answers["GET /control/v1/reader"] = {"card_id": CARD_ID}
        country.answers["DELETE /control/v1/reader"] = {}
        country.answers[f"POST {SESSION}/cancel"] = session("cancelled")
        browser = Browser(country)
        await browser.get("/kiosk/sessions/s1")
        await browser.press("cancel")
        await browser.press("take-away")
        assert [call.what for call in country.calls if not call.what.startswith("GET")] == [
            f"POST {SESSION}/cancel",
            "DELETE /control/v1/reader",
        ]

    asyncio.run(visit())
