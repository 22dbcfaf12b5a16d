# SPDX-License-Identifier: Apache-2.0
"""`kill -9` at every commit: after the restart nothing is half done, and no sheet comes out twice."""

import asyncio
import contextlib
import itertools
from pathlib import Path

import pytest

from tegata.kiosk.delivery.model import Wish
from unit.kiosk import kit
from unit.kiosk.kit import Country


class Killed(BaseException):
    """Stands for the end of the process: nothing in our code catches it."""


class Switch:
    """Kills at the n-th commit from now on."""

    def __init__(self, left: int) -> None:
        self.left = left

    def __call__(self, _: str) -> None:
        """Count a commit down."""
        self.left -= 1
        if self.left == 0:
            raise Killed


async def whole_visit(country: Country) -> int:
    """Go from choice to paper as far as it goes, repeating nothing; return the number of sheets taken."""
    terminal = country.terminal
    country.on_reader = kit.card(0)
    session = terminal.choose("r1", kit.CHOICE)
    await terminal.authenticate(session.session_id, kit.PIN)
    terminal.pay(session.session_id, 300)
    await terminal.print(session.session_id)
    await terminal.ejected(session.session_id)
    return 1


@pytest.mark.parametrize("commit", range(1, 9))
def test_killed_at_any_commit_of_the_terminal(tmp_path: Path, commit: int) -> None:
    """Choosing, proving and paying survive; a sheet that may have come out is paid back and never printed again."""

    async def story() -> None:
        async with kit.country(tmp_path) as country:
            country.terminal.close()
            country.open_terminal(on_commit=Switch(commit))
            with contextlib.suppress(Killed):
                await whole_visit(country)
            country.terminal.close()
            terminal = country.open_terminal()
            await terminal.recover()
            session = terminal.choose("r1", kit.CHOICE)
            sheets = 0
            if session.state == "chosen":
                session = await terminal.authenticate(session.session_id, kit.PIN)
            if session.state == "authenticated":
                session = terminal.pay(session.session_id, 300)
            if session.state == "paid":
                await terminal.print(session.session_id)
                await terminal.ejected(session.session_id)
                sheets = 1
            end = terminal.get(session.session_id)
            assert (end.state, end.paid, sheets) in {("printed", 300, 1), ("printed", 300, 0), ("refunded", 0, 0)}
            assert end.report is None
            if end.state == "refunded":
                assert end.reason == "kiosk.print_interrupted"
                assert country.centre.get(end.transaction_id or "").state == "issued"
            else:
                assert country.centre.get(end.transaction_id or "").state == "printed"

    asyncio.run(story())


def test_the_switch_reaches_every_commit(tmp_path: Path) -> None:
    """Eight would be one too many: the range above covers a whole visit."""

    async def story() -> None:
        async with kit.country(tmp_path) as country:
            country.terminal.close()
            switch = Switch(10**6)
            country.open_terminal(on_commit=switch)
            assert await whole_visit(country) == 1
            assert 10**6 - switch.left == 7

    asyncio.run(story())


@pytest.mark.parametrize(("path", "times"), itertools.product(["/proof", "/document"], [1, 2]))
def test_the_centre_dies_while_it_works(tmp_path: Path, path: str, times: int) -> None:
    """The terminal sees a lost connection, presses again after the restart, and gets the one right sheet."""

    async def story() -> None:
        async with kit.country(tmp_path) as country:
            country.on_reader = kit.card(0)
            terminal = country.terminal
            session = terminal.choose("r1", kit.CHOICE).session_id
            if path == "/document":
                await terminal.authenticate(session, kit.PIN)
                terminal.pay(session, 300)
            for _ in range(times):
                await killed_while_waiting(country, session, path)
            if path == "/proof":
                await terminal.authenticate(session, kit.PIN)
                terminal.pay(session, 300)
            assert (await terminal.print(session)).startswith(b"%PDF-")

    asyncio.run(story())


async def killed_while_waiting(country: Country, session: str, path: str) -> None:
    """Press, and kill the centre while it waits for a partner; restart it on its file."""
    partner = "/ocsp/authentication" if path == "/proof" else "/documents/residence-certificate"
    gate = country.wires.gates[partner] = asyncio.Event()
    act = country.terminal.authenticate(session, kit.PIN) if path == "/proof" else country.terminal.print(session)
    pressed = asyncio.ensure_future(act)
    await kit.until(lambda: country.wires.waiting(partner))
    country.wires.kill("delivery")
    with pytest.raises(Exception, match=r"kiosk\.centre_unavailable"):
        await pressed
    gate.set()
    del country.wires.gates[partner]
    country.centre.close()
    await country.open_centre().recover()


def test_a_centre_that_was_away_ends_what_ran_out(tmp_path: Path) -> None:
    """After a long outage, what was open is over; what was handed out waits for the terminal's word."""

    async def story() -> None:
        async with kit.country(tmp_path) as country:
            country.on_reader = kit.card(0)
            opened = country.centre.begin("q1", "kiosk-1", Wish("residence-certificate"))
            session = country.terminal.choose("r1", kit.CHOICE).session_id
            await country.terminal.authenticate(session, kit.PIN)
            country.terminal.pay(session, 300)
            await country.terminal.print(session)
            country.centre.close()
            country.wires.cut.add("delivery")
            await country.terminal.ejected(session)
            owed = country.terminal.get(session)
            assert (owed.state, owed.report) == ("printed", "printed")
            country.clock.advance(hours=1)
            country.wires.cut.clear()
            await country.open_centre().recover()
            assert country.centre.get(opened.transaction_id).state == "expired"
            assert country.centre.get(owed.transaction_id or "").state == "unreported"
            await country.terminal.recover()
            assert country.centre.get(owed.transaction_id or "").state == "printed"
            assert country.terminal.get(session).report is None

    asyncio.run(story())
