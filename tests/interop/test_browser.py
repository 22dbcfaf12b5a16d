# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium clicks through the story, against `tegata up` as people start it.

Once in Japanese with JavaScript, once in English without: the pages owe nobody a script.  Each page of ours that is met
is checked (`unit.web.page`), and nothing may be refused by its Content-Security-Policy.
"""

import contextlib
import io
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pypdf
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect, sync_playwright

from unit.web.page import Page as Read

pytestmark = pytest.mark.browser

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PASSWORD = "TEGATA2026"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a country on a free port; yield its address; stop it as Ctrl-C does."""
    with up(tmp_path_factory.mktemp("browser") / "data", people=2) as address:
        yield address


@contextlib.contextmanager
def up(data: Path, *, people: int) -> Iterator[str]:
    """Run `tegata up` on a free port, until the end of the context."""
    options = ["--port", "0", "--data", str(data), "--people", str(people), "--json"]
    command = [sys.executable, "-m", "tegata", "up", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as country:
        assert country.stdout is not None
        try:
            yield json.loads(country.stdout.readline())["url"]
        finally:
            country.send_signal(signal.SIGINT)
            assert country.wait(timeout=30) == 0


@pytest.fixture(scope="module")
def chromium(require_tool: Callable[[str], str]) -> Iterator[Browser]:
    """Start Debian's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=require_tool("chromium"), args=list(QUIET))
        yield browser
        browser.close()


@dataclass
class Walk:
    """One person's browser, with JavaScript or `plain`.  `faults` is what Chromium refused or missed on the way."""

    context: BrowserContext
    url: str
    plain: bool = False
    page: Page = field(init=False)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page = self.tab()

    def tab(self) -> Page:
        """Open a tab."""
        page = self.context.new_page()
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        return page

    def _note(self, said: ConsoleMessage) -> None:
        # Chromium reports the 422 of a refused form as a resource that failed to load; that one is meant.
        if said.type == "error" and "422" not in said.text:
            self.faults.append(said.text)

    def go(self, path: str) -> None:
        """Go to a page of ours, and hold it to what it owes its readers."""
        self.page.goto(self.url + path)
        self.look()

    def by(self, test_id: str) -> Locator:
        """Return the control with this `data-testid`."""
        return self.page.get_by_test_id(test_id)

    def press(self, test_id: str) -> None:
        """Click; the page that comes is looked at."""
        self.by(test_id).click()
        self.look()

    def look(self) -> None:
        """Check the page."""
        expect(self.by("test-mark")).to_be_visible()
        Read.of("<!doctype html>" + self.page.content().removeprefix("<!DOCTYPE html>"))
        assert self.page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.fixture(params=[("ja-JP", True), ("en-US", False)], ids=["ja", "en-without-javascript"])
def walk(request: pytest.FixtureRequest, chromium: Browser, url: str) -> Iterator[Walk]:
    """Return somebody with a browser in her language."""
    locale, javascript = request.param
    context = chromium.new_context(locale=locale, java_script_enabled=javascript)
    context.set_default_timeout(20_000)
    walk = Walk(context, url, plain=not javascript)
    yield walk
    context.close()
    assert walk.faults == []


def test_the_story_is_clicked_through(walk: Walk) -> None:
    """Card, phone, contract, login, kiosk, move, loss: each step on its page, with what it should show."""
    person = card(walk)
    phone = enrol(walk, person)
    sign_contract(walk, phone)
    sub = log_in(walk, phone)
    print_at_kiosk(walk, phone)
    move(walk, person, phone)
    assert log_in(walk, phone) == sub
    lose(walk, person, phone)


def card(walk: Walk) -> str:
    """Step 1: at the counter somebody is registered and gets a card; returns the path of her page."""
    walk.go("/?refresh=off")
    walk.press("step-card")
    walk.go("/counter?persona=hanako")
    walk.press("admit")
    expect(walk.by("register-address")).to_contain_text("東京都渋谷区")
    expect(walk.by("certificates").locator("[data-status=good]")).to_have_count(2)
    return walk.page.url.removeprefix(walk.url).split("?")[0]


def enrol(walk: Walk, person: str) -> str:
    """Step 2: buy a phone, mistype the card's password once, enrol; the first phone ends when the second begins."""
    first = bought(walk, person)
    walk.by("card_password").fill("WRONG99")
    walk.press("enrol")
    expect(walk.page.get_by_role("alert")).to_contain_text("4")
    walk.press("enrol")
    expect(walk.by("enrolment")).to_have_attribute("data-state", "installed")
    second = bought(walk, person)
    walk.press("enrol")
    expect(walk.by("enrolment")).to_have_attribute("data-state", "installed")
    walk.go(person)
    rows = walk.by("certificates").locator("[data-carrier=phone]")
    assert [row.get_attribute("data-status") for row in rows.all()] == ["good", "good", "revoked", "revoked"]
    walk.go(f"/phones/{first}")
    walk.press("resume")
    expect(walk.by("enrolment")).not_to_have_attribute("data-state", "installed")
    return second


def bought(walk: Walk, person: str) -> str:
    """Buy a phone; returns its number."""
    walk.go(person)
    walk.press("buy")
    return walk.page.url.split("?")[0].rpartition("/")[2]


def choose_plan(walk: Walk, phone: str) -> None:
    """Choose a plan and open its contract on the phone."""
    walk.go("/shop")
    walk.press("choose")
    expect(walk.page.get_by_role("img")).to_be_visible()
    walk.by("phone").select_option(phone)
    walk.press("open")
    expect(walk.by("document")).to_contain_text("2,480")


def sign_contract(walk: Walk, phone: str) -> None:
    """Step 3: read, sign, and see at the shop what it learned and checked."""
    choose_plan(walk, phone)
    walk.by("password").fill(PASSWORD)
    walk.press("sign")
    walk.press("back")
    expect(walk.by("state")).to_have_attribute("data-state", "signed")
    expect(walk.by("attribute-name")).to_have_text("山田　花子")
    expect(walk.by("attribute-address")).to_contain_text("東京都渋谷区")
    checks = walk.page.locator(".checks li")
    assert {check.get_attribute("class") for check in checks.all()} == {"passed"}


def log_in(walk: Walk, phone: str) -> str:
    """Step 4: the tax office sends the browser to the sign-in service, and gets it back logged in."""
    walk.go("/tax")
    if walk.by("logout").count():
        walk.press("logout")
    walk.by("login").click()
    if walk.plain:
        approve_here(walk, phone)
    else:
        approve_in_another_tab(walk, phone)
    expect(walk.by("session")).to_have_attribute("data-state", "in")
    walk.look()
    return walk.by("sub").inner_text()


def approve_here(walk: Walk, phone: str) -> None:
    """Open the request on a phone of the country, approve, and go on: links and buttons only."""
    walk.page.locator("#open-app").click()
    walk.by("phone").select_option(phone)
    walk.press("open")
    walk.press("finger")
    walk.press("ahead")


def approve_in_another_tab(walk: Walk, phone: str) -> None:
    """Paste the link on the phone's page and approve there; the sign-in page goes on by itself."""
    asked = str(walk.page.locator("#request-url").get_attribute("href"))
    browser, walk.page = walk.page, walk.tab()
    walk.go(f"/phones/{phone}")
    walk.by("url").fill(asked)
    walk.press("open")
    walk.press("finger")
    expect(walk.by("done")).to_be_visible()
    walk.page.close()
    walk.page = browser
    browser.wait_for_url("**/tax")


def print_at_kiosk(walk: Walk, phone: str) -> None:
    """Step 5: hold the phone there, pay, print; the sheet is hers, and there is one."""
    walk.go("/kiosk")
    walk.press("choose")
    walk.press("read")
    expect(walk.by("problem")).to_have_attribute("data-reason", "kiosk.no_carrier")
    walk.by("thing").select_option(f"phone:{phone}")
    walk.press("hold")
    walk.press("read")
    walk.press("pay")
    walk.press("print")
    sheet = walk.context.request.get(walk.url + str(walk.by("sheet").get_attribute("href")))
    text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(sheet.body())).pages)
    assert "花子" in text
    assert "太郎" not in text
    walk.press("take-away")


def move(walk: Walk, person: str, phone: str) -> None:
    """Step 6: after the move the shop refuses, in words, and says which check failed."""
    walk.go(f"{person}#move")
    walk.press("move")
    expect(walk.by("register-address")).to_contain_text("鎌倉市")
    expect(walk.by("certificates").locator("[data-kind=signing][data-status=good]")).to_have_count(0)
    choose_plan(walk, phone)
    walk.by("password").fill(PASSWORD)
    walk.press("sign")
    expect(walk.by("problem")).to_have_attribute("data-reason", "verify.revoked.affiliation_changed")
    expect(walk.by("problem")).to_contain_text("address" if walk.plain else "住所")
    walk.press("back")
    expect(walk.by("refusal")).to_have_attribute("data-reason", "verify.revoked.affiliation_changed")
    assert walk.page.locator(".checks .failed").count() == 1


def lose(walk: Walk, person: str, phone: str) -> None:
    """Step 7: reported lost, the phone's certificates are on hold and sign-in refuses them."""
    walk.go(person)
    walk.by(f"lost-{phone}").locator("xpath=ancestor::details/summary").click()
    walk.press(f"lost-{phone}")
    held = walk.by("certificates").locator("[data-kind=authentication][data-carrier=phone][data-status=held]")
    expect(held).to_have_count(1)
    walk.go("/tax")
    walk.press("logout")
    walk.by("login").click()
    asked = str(walk.page.locator("#request-url").get_attribute("href"))
    walk.go(f"/phones/{phone}")
    walk.by("url").fill(asked)
    walk.press("open")
    walk.press("finger")
    expect(walk.by("problem")).to_have_attribute("data-reason", "verify.held")


def test_the_keyboard_is_enough(chromium: Browser, url: str) -> None:
    """Skip link, fields and buttons are reached with Tab, the focus is seen, and Enter does what a click does."""
    context = chromium.new_context(locale="ja-JP", viewport={"width": 360, "height": 640})
    walk = Walk(context, url)
    walk.go("/counter?persona=hanako")
    walk.press("admit")
    walk.page.keyboard.press("Tab")
    expect(walk.page.locator(":focus")).to_have_class("skip")
    walk.page.keyboard.press("Enter")
    tab_to(walk, "buy")
    walk.page.keyboard.press("Enter")
    walk.page.wait_for_url("**/phones/**")
    walk.look()
    tab_to(walk, "enrol")
    walk.page.keyboard.press("Enter")
    expect(walk.by("enrolment")).to_have_attribute("data-state", "installed")
    context.close()
    assert walk.faults == []


def tab_to(walk: Walk, test_id: str) -> None:
    """Press Tab until a control has the focus, which must be visible all the way."""
    for _ in range(60):
        walk.page.keyboard.press("Tab")
        focused = walk.page.locator(":focus")
        outline = focused.evaluate("node => getComputedStyle(node).outlineStyle")
        assert outline == "solid", focused.evaluate("node => node.outerHTML")
        if focused.get_attribute("data-testid") == test_id:
            return
    pytest.fail(f"Tab never reaches {test_id}")


def test_it_is_shown_how_far_a_new_country_is(chromium: Browser, tmp_path: Path) -> None:
    """A page opened right after the start goes on by itself until everybody holds a card."""
    with up(tmp_path / "data", people=6) as address:
        walk = Walk(chromium.new_context(locale="en-US"), address)
        walk.page.goto(address)
        expect(walk.by("progress")).to_contain_text("All 6 people", timeout=120_000)
        walk.context.close()
