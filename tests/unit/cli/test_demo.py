# SPDX-License-Identifier: Apache-2.0
"""`tegata demo`: lines for steps, and a country that is not one."""

import argparse
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.responses import HTMLResponse

from tegata.cli import demo
from tegata.cli.main import main
from tegata.sandbox import server, story
from tegata.sandbox.errors import StoryFailed
from tegata.sandbox.traveller import Traveller


@pytest.mark.parametrize("address", ["127.0.0.1:8440", "ftp://x", "http://[", "", "http://a b/"])
def test_what_is_no_address_is_refused(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A next step, not a traceback."""
    assert main(["demo", "--against", address, "--json"]) == 1
    *_, last = capsys.readouterr().out.splitlines()
    assert json.loads(last)["error"] == "sandbox.country_unreachable"


def test_a_server_that_is_no_country_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Pages of somebody else's are no country."""

    async def tell() -> int:
        with server.listen(0) as listening:
            async with server.serving(HTMLResponse("<html>hello"), listening):
                args = argparse.Namespace(against=server.url_of(listening), json=True)
                return await demo._tell(args)

    assert server.run(tell) == 1
    first, last = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (first["step"], first["name"], first["ok"]) == (1, "card", False)
    assert last["error"]
    assert last["next"]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Return a function that lets the story be told by a fake, to its end or failing at its third step."""

    def put(fails: bool) -> None:
        async def tell(_: Traveller) -> AsyncIterator[story.Told]:
            for number, step in enumerate(story.STEPS, 1):
                if fails and number == 3:
                    raise StoryFailed("sandbox.story_unexpected", expected="a", found="b")
                yield story.Told(number, step.__name__, {}, 1.5)

        @asynccontextmanager
        async def nowhere(_: Any = None) -> AsyncIterator[str]:
            yield "http://nowhere.test"

        monkeypatch.setattr(demo.story, "tell", tell)  # type: ignore[attr-defined]
        monkeypatch.setattr(demo, "country", nowhere)

    return put


def test_people_see_a_line_for_each_step(told: Callable[[bool], None], capsys: pytest.CaptureFixture[str]) -> None:
    """A mark, the number, what happened, milliseconds, and what was proved."""
    told(False)
    assert main(["demo"]) == 0
    out, err = capsys.readouterr()
    assert (out.count("✓"), err) == (7, "")
    assert "1. " in out
    assert "2 ms" in out


def test_the_first_step_that_fails_ends_it(told: Callable[[bool], None], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, the step's name, and the reason."""
    told(True)
    assert main(["demo"]) == 1
    out, err = capsys.readouterr()
    assert (out.count("✓"), out.count("✗")) == (2, 1)
    assert "3. contract" in out
    assert "expected a, found b" in err


def test_the_temporary_country_is_gone_afterwards() -> None:
    """While it lives it answers; then neither its port nor its folder is there."""

    async def lived() -> tuple[str, str]:
        async with demo.country() as url, httpx.AsyncClient() as http:
            status = (await http.get(f"{url}/healthz")).json()["status"]
        return url, status

    url, status = server.run(lived)
    assert status == "ready"
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/healthz")
