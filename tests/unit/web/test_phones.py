# SPDX-License-Identifier: Apache-2.0
"""A phone's page, and what a service asks of it."""

import asyncio
from urllib.parse import quote

import pytest
from starlette.responses import JSONResponse

from tegata.wire import b64
from unit.web.kit import CARD_ID, PHONE_ID, URL, Browser, Country, phone, refusal, settled

HERE = f"/phones/{PHONE_ID}"
API = f"/control/v1/phones/{PHONE_ID}"
LINK = f"{URL}/shop/v1/contracts/c1/signing-request"
SIGN_IN = f"{URL}/signin/v1/requests/r1"
DOCUMENT = "契約書 <b>見本</b>\n"


def asking(**changes: str) -> Country:
    """Return a country in which a shop asks for a signature, and a tax office for a sign-in, each at its link."""
    country = settled()
    signing = {
        "service": "手形モバイル",
        "title": "契約書",
        "document": b64(DOCUMENT.encode()),
        "media_type": "text/plain; charset=utf-8",
        "expires_at": "2026-11-24T04:00:00Z",
    }
    country.answers[f"POST {API}/signing-request"] = signing | changes
    return country


def signing_in() -> Country:
    """Return a country in which the tax office asks for a sign-in."""
    country = settled()
    country.answers[f"POST {API}/signing-request"] = refusal(422, "phone.bad_request")
    country.answers[f"POST {API}/sign-in-request"] = {
        "service": "手形税務署",
        "scopes": ["openid"],
        "expires_at": "2026-11-24T04:00:00Z",
    }
    return country


def review(link: str = LINK, back: str = "") -> str:
    """Return the address of the page on which a link is reviewed."""
    return f"{HERE}/request?url={quote(link, safe='')}" + (f"&back={quote(back, safe='')}" if back else "")


def test_a_new_phone_asks_for_the_card_and_new_pins() -> None:
    """The form is filled in with the test country's public values, ready to send."""

    async def visit() -> None:
        country = settled()
        country.answers[f"GET {API}"] = phone("none", ready=False)
        country.answers[f"POST {API}/enrol"] = phone()
        browser = Browser(country)
        page = await browser.get(HERE)
        assert not page.has("open")
        assert not page.has("stop")
        page = await browser.press("enrol")
        sent = {"card_id": CARD_ID, "card_password": "ABC123", "auth_pin": "2580", "signing_password": "TEGATA2026"}
        assert country.asked(f"POST {API}/enrol") == [sent]
        assert page.by("done").text

    asyncio.run(visit())


def test_a_wrong_password_is_told_with_the_tries_left_and_not_echoed() -> None:
    """The refusal says how many tries are left; what was typed is on no page."""

    async def visit() -> None:
        country = settled()
        country.answers[f"GET {API}"] = phone("none", ready=False)
        country.answers[f"POST {API}/enrol"] = refusal(422, "reader.wrong_pin", tries_left=4)
        browser = Browser(country, lang="en")
        await browser.get(HERE)
        page = await browser.press("enrol", card_password="SECRET99")
        assert browser.status == 422
        assert "4" in page.by("problem").text
        assert "SECRET99" not in page.source
        assert page.roles("alert")

    asyncio.run(visit())


@pytest.mark.parametrize(
    ("button", "path"),
    [("touch", "/touch"), ("sleep", "/sleep"), ("resume", "/resume"), ("stop", "/stop")],
)
def test_each_button_is_one_call(button: str, path: str) -> None:
    """What a button does is what the control API does."""

    async def visit() -> None:
        country = settled()
        country.answers[f"POST {API}{path}"] = phone()
        browser = Browser(country)
        await browser.get(HERE)
        page = await browser.press(button)
        assert country.asked(f"POST {API}{path}") == [{}]
        assert page.has("done")

    asyncio.run(visit())


def test_a_locked_phone_takes_the_passcode() -> None:
    """The form is there only while the screen is locked."""

    async def visit() -> None:
        country = settled()
        country.answers[f"GET {API}"] = phone(screen="locked")
        country.answers[f"POST {API}/passcode"] = phone()
        browser = Browser(country)
        await browser.get(HERE)
        await browser.press("passcode-button", passcode="135790")
        assert country.asked(f"POST {API}/passcode") == [{"passcode": "135790"}]

    asyncio.run(visit())


def test_it_is_held_to_the_kiosk_and_taken_away() -> None:
    """The reader is the kiosk's; the page shows whether this phone lies there."""

    async def visit() -> None:
        country = settled()
        country.answers["PUT /control/v1/reader"] = {"phone_id": PHONE_ID}
        country.answers["DELETE /control/v1/reader"] = {}
        browser = Browser(country)
        await browser.get(HERE)
        country.answers["GET /control/v1/reader"] = {"phone_id": PHONE_ID}
        page = await browser.press("hold")
        assert country.asked("PUT /control/v1/reader") == [{"phone_id": PHONE_ID}]
        assert not page.has("hold")
        await browser.press("take-away")
        assert len(country.asked("DELETE /control/v1/reader")) == 1

    asyncio.run(visit())


def test_a_link_is_opened_reviewed_and_signed() -> None:
    """Paste the link; read the document as text; sign with the password; go back to the page that asked."""

    async def visit() -> None:
        country = asking()
        country.answers[f"POST {API}/sign"] = {"answer": {"state": "signed"}}
        browser = Browser(country)
        await browser.get(HERE)
        page = await browser.press("open", url=LINK)
        assert browser.at == review()
        assert page.by("document").text == "契約書 <b>見本</b>"
        assert page.by("service").text == "手形モバイル"
        await browser.get(review(back="/shop/contracts/c1"))
        page = await browser.press("sign", password="TEGATA2026")
        assert country.asked(f"POST {API}/sign") == [{"url": LINK, "password": "TEGATA2026"}]
        assert page.by("back")["href"] == "/shop/contracts/c1"

    asyncio.run(visit())


def test_a_refusal_of_the_service_is_told_in_its_words() -> None:
    """The phone passes on why the shop refused: the reader learns what to do, and the document is still there."""

    async def visit() -> None:
        country = asking()
        country.answers[f"POST {API}/sign"] = refusal(
            422,
            "phone.service_refused",
            service_reason="verify.revoked.affiliation_changed",
            service_what="住所が変わったため失効しています。",
            service_next="窓口で新しい証明書を受けてください。",
            status=422,
        )
        browser = Browser(country)
        await browser.get(review())
        page = await browser.press("sign", password="TEGATA2026")
        assert browser.status == 422
        assert page.by("problem")["data-reason"] == "verify.revoked.affiliation_changed"
        assert "住所が変わったため失効しています。" in page.by("problem").text
        assert page.has("document")
        assert "TEGATA2026" not in page.by("password")["value"]

    asyncio.run(visit())


def test_a_service_s_refusal_is_in_the_reader_s_language_where_it_can_be() -> None:
    """The common catalogue says it in English, unless a fact is missing: then the phone's words are shown."""

    async def visit() -> None:
        country = asking()
        facts = {"service_reason": "verify.held", "service_what": "一時保留", "service_next": "新しい証明書を"}
        browser = Browser(country, lang="en")
        await browser.get(review())
        for more, words in (({"revoked_at": "2026-11-24"}, "on hold since 2026-11-24"), ({}, "一時保留")):
            country.answers[f"POST {API}/sign"] = refusal(422, "phone.service_refused", **facts, **more)
            page = await browser.press("sign", password="TEGATA2026")
            assert words in page.by("problem").text

    asyncio.run(visit())


def test_a_document_that_is_no_text_is_said_to_be_none() -> None:
    """Whoever cannot read it here is told so."""

    async def visit() -> None:
        for changes in ({"media_type": "application/pdf"}, {"document": b64(b"\xff\xfe")}, {"document": "!"}):
            page = await Browser(asking(**changes)).get(review())
            assert not page.has("document")

    asyncio.run(visit())


def test_a_sign_in_is_approved_with_a_finger() -> None:
    """The page names the service and what it learns; afterwards it leads on in the same browser."""

    async def visit() -> None:
        country = signing_in()
        country.answers[f"POST {API}/sign-in"] = {"answer": {"state": "approved"}}
        browser = Browser(country, lang="en")
        page = await browser.get(review(SIGN_IN))
        assert page.by("service").text == "手形税務署"
        assert "no name or address" in page.source
        page = await browser.press("finger")
        assert country.asked(f"POST {API}/sign-in") == [{"url": SIGN_IN}]
        assert page.by("ahead")["href"] == f"{SIGN_IN}/continue"

    asyncio.run(visit())


def test_a_sign_in_is_approved_with_the_pin() -> None:
    """Where no finger is at hand."""

    async def visit() -> None:
        country = signing_in()
        country.answers[f"POST {API}/sign-in"] = {"answer": {"state": "approved"}}
        browser = Browser(country)
        await browser.get(review(SIGN_IN))
        await browser.press("by-pin", pin="2580")
        assert country.asked(f"POST {API}/sign-in") == [{"url": SIGN_IN, "pin": "2580"}]

    asyncio.run(visit())


@pytest.mark.parametrize("ahead", ["http://evil.test/", f"{URL}.evil.test/signin/v1/requests/", "/signin/v1/requests/"])
def test_the_way_ahead_leads_to_the_sign_in_service_only(ahead: str) -> None:
    """A link with somebody else's address in it offers nothing."""

    async def visit() -> None:
        page = await Browser(settled()).get(f"{HERE}?done=approved&ahead={quote(ahead, safe='')}&back=//evil.test/")
        assert not page.has("ahead")
        assert not page.has("back")
        assert "evil" not in page.by("done").text

    asyncio.run(visit())


def test_a_link_that_leads_nowhere_is_told() -> None:
    """The phone says why; there is nothing to sign or approve."""

    async def visit() -> None:
        country = settled()
        country.answers[f"POST {API}/signing-request"] = refusal(422, "phone.service_unreachable")
        browser = Browser(country)
        page = await browser.get(review("http://127.0.0.1:1/"))
        assert browser.status == 422
        assert page.by("problem")["data-reason"] == "phone.service_unreachable"
        assert not page.has("sign")
        assert not page.has("finger")

    asyncio.run(visit())


def test_a_link_that_is_neither_kind_is_told() -> None:
    """No signing request and no sign-in request."""

    async def visit() -> None:
        country = signing_in()
        country.answers[f"POST {API}/sign-in-request"] = refusal(422, "phone.bad_request")
        page = await Browser(country).get(review("http://country.test/healthz"))
        assert page.by("problem")["data-reason"] == "phone.bad_request"

    asyncio.run(visit())


def test_a_phone_without_certificates_shows_what_is_asked_but_cannot_answer() -> None:
    """The way on is to enrol."""

    async def visit() -> None:
        country = asking()
        country.answers[f"GET {API}"] = phone("none", ready=False)
        page = await Browser(country).get(review())
        assert page.has("not-ready")
        assert not page.has("sign")

    asyncio.run(visit())


def test_any_phone_can_open_a_link() -> None:
    """Choose whose; the phone's page opens with the link, and knows the way back."""

    async def visit() -> None:
        country = asking()
        browser = Browser(country)
        page = await browser.get(f"/open?url={quote(LINK, safe='')}&back=/shop/contracts/c1")
        assert page.by("url")["value"] == LINK
        await browser.press("open")
        assert browser.at == review(back="/shop/contracts/c1")

    asyncio.run(visit())


def test_without_a_phone_there_is_nothing_to_choose() -> None:
    """The page says so."""

    async def visit() -> None:
        country = settled()
        country.answers["GET /control/v1/people"] = {"people": [], "total": 0, "next": None}
        page = await Browser(country).get(f"/open?url={quote(LINK, safe='')}")
        assert not page.has("open")
        assert page.roles("status")

    asyncio.run(visit())


def test_an_unknown_phone_is_a_page() -> None:
    """The control API's words, and no more calls."""

    async def visit() -> None:
        country = settled()
        country.answers["GET /control/v1/phones/X"] = JSONResponse(
            {"reason": "sandbox.unknown_phone", "facts": {"thing": "X"}}, 404
        )
        browser = Browser(country, lang="en")
        page = await browser.get("/phones/X")
        assert browser.status == 404
        assert "no phone X" in page.by("problem").text

    asyncio.run(visit())
