# SPDX-License-Identifier: Apache-2.0
"""The tax office and the sign-in service over sockets, with a real certificate and real status: nothing in between."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from interop.openid_country import Carried, running
from tegata.crypto.keys import SoftwareKey

pytestmark = pytest.mark.interop


async def log_in(browser: httpx.AsyncClient, url: str, card: Carried) -> httpx.Response:
    """Walk the browser to the sign-in page, let the card approve, and walk on; returns the last redirect home."""
    there = await browser.get(f"{url}/tax/login")
    page = await browser.get(there.headers["location"])
    found = re.search(r'id="request-url" href="([^"]+)"', page.text)
    assert found, page.text
    (await card.approve(browser, found[1])).raise_for_status()
    back = await browser.get(f"{found[1]}/continue")
    return await browser.get(back.headers["location"])


def test_the_tax_office_logs_somebody_in(tmp_path: Path, rsa_keys: Sequence[SoftwareKey]) -> None:
    """From the login link to the session, and out again."""

    async def story() -> tuple[dict[str, Any], dict[str, Any]]:
        async with running(tmp_path) as country, httpx.AsyncClient() as browser:
            card = country.card((rsa_keys[3], rsa_keys[4]), "10000000001")
            home = await log_in(browser, country.url, card)
            assert home.headers["location"] == "/tax"
            inside = (await browser.get(f"{country.url}/tax/v1/session")).json()
            await browser.post(f"{country.url}/tax/v1/logout")
            return inside, (await browser.get(f"{country.url}/tax/v1/session")).json()

    inside, outside = asyncio.run(story())
    assert inside["logged_in"] is True
    assert len(inside["sub"]) == 43
    assert outside == {"logged_in": False}
