# SPDX-License-Identifier: Apache-2.0
"""`kill -9` after every durable change of one step of the story: a program of its own, run by `test_kill`.

    python killing.py NUMBER FOLDER

A country is brought to just before the step, once.  Then, for each commit that the step makes, a process opens a copy
of that country, walks the step, and kills itself with SIGKILL right after that commit; another one opens what is left,
looks whether anything is half-done, and walks the step again, as the person would.  Each of these is forked from here,
where no country was ever opened, so that none inherits anything but keys.  Prints the number of kills survived.
"""

import asyncio
import os
import pickle
import shutil
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from journey import kit
from tegata.crypto.keys import Algorithm, SoftwareKey
from tegata.sandbox import story
from tegata.sandbox.country import Country
from tegata.sandbox.traveller import Traveller

SLUG = "hanako"
BEFORE, DURING = 14, 12
"""Keys that a country takes from the stock before a step, and at most in one."""
PATIENCE = 60
"""Seconds after which a forked process is stuck."""
CORES = 2
AT_REST = {"none", "applied", "installed", "superseded", "held", "refused", "expired", "discarded", "ended"}
"""Where an enrolment may stand after its phone was told to go on: done, over, or waiting for the card to be tapped."""
STOCK: list[SoftwareKey] = []


def main(number: int, folder: Path) -> int:
    """Run all kills of a step; returns the exit code."""
    STOCK.extend(SoftwareKey.generate(Algorithm.RSA_2048) for _ in range(BEFORE + 2 * DURING))
    before = folder / "before"
    tale = forked(lambda: brought_to(before, number))
    commits = forked(lambda: counted(copied(before, folder / "count"), number, tale))
    workers = [_worker(before, folder, number, tale, range(first, commits + 1, CORES)) for first in range(1, CORES + 1)]
    print(commits)
    return 0 if commits and not any([os.waitpid(worker, 0)[1] for worker in workers]) else 1


def _worker(before: Path, folder: Path, number: int, tale: dict[str, str], commits: range) -> int:
    """Kill at some of the commits, in a process of its own beside others; returns its number."""
    child = os.fork()
    if child == 0:
        try:
            for commit in commits:
                survive(copied(before, folder / f"{number}-{commit}"), number, commit, tale)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child


def survive(folder: Path, number: int, commit: int, tale: dict[str, str]) -> None:
    """Kill at one commit, and see that life goes on."""
    victim = forked(lambda: walked_to(folder, number, commit, tale), dies=True)
    assert victim == "killed", f"commit {commit} was never reached"
    forked(lambda: goes_on(folder, number, tale))
    shutil.rmtree(folder)


def copied(before: Path, folder: Path) -> Path:
    """Return a copy of a country's directory."""
    shutil.copytree(before, folder)
    return folder


def forked(act: Callable[[], Awaitable[Any]], *, dies: bool = False) -> Any:
    """Run a coroutine in a process of its own; returns what it returned, or `killed` for one that was to die."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _child(act, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        content = pipe.read()
    _, status = os.waitpid(child, 0)
    if dies and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return "killed"
    if status or not content:
        raise SystemExit(1)
    return pickle.loads(content)  # noqa: S301 -- from our own child


def _child(act: Callable[[], Awaitable[Any]], writing: int) -> None:
    signal.alarm(PATIENCE)
    try:
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(pickle.dumps(asyncio.run(_awaited(act))))
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


async def _awaited(act: Callable[[], Awaitable[Any]]) -> Any:
    return await act()


async def brought_to(folder: Path, steps: int) -> dict[str, str]:
    """Make a country and tell the story up to this step; returns what the story remembers."""
    async with kit.country(folder, kit.drawn(STOCK)) as (_, way):
        tale = await kit.told(way, steps, SLUG)
        return {name: getattr(tale, name) for name in ("slug", "card_id", "phone_id", "subject")}


async def counted(folder: Path, number: int, tale: dict[str, str]) -> int:
    """Return how many commits opening the country and walking the step make."""
    commits: list[str] = []
    async with kit.country(folder, kit.drawn(STOCK, BEFORE), on_commit=commits.append) as (_, way):
        await walk(way, number, tale)
    return len(commits)


async def walked_to(folder: Path, number: int, commit: int, tale: dict[str, str]) -> None:
    """Walk the step and die right after a commit."""
    left = iter(range(commit - 1, -1, -1))

    def count(_: str) -> None:
        if next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    async with kit.country(folder, kit.drawn(STOCK, BEFORE), on_commit=count) as (_, way):
        await walk(way, number, tale)


async def walk(way: Traveller, number: int, remembered: dict[str, str]) -> None:
    """Walk one step, as somebody who remembers the ones before."""
    tale = await story.begin(way)
    for name, value in remembered.items():
        setattr(tale, name, value)
    await story.STEPS[number](tale)


async def goes_on(folder: Path, number: int, tale: dict[str, str]) -> None:
    """Open what is left, let it settle, look at it, and walk the step again."""
    async with kit.country(folder, kit.drawn(STOCK, BEFORE + DURING)) as (country, way):
        await country.populate()
        for phone_id, state in (await enrolments(way)).items():
            if state not in AT_REST:
                await way.hand(f"/phones/{phone_id}/resume", {})
        await is_whole(country, way)
        await walk(way, number, tale)
        await is_whole(country, way)


async def is_whole(country: Country, way: Traveller) -> None:
    """Nobody is half settled, no phone half enrolled, one phone pair at most is good, the audit closes."""
    country.parties.authority.verify_audit()
    for person in (await way.get("/control/v1/people"))["people"]:
        shown = await way.get(f"/control/v1/people/{person['slug']}")
        assert shown["settled"]
        assert [card["state"] for card in shown["register"]["cards"]] == ["delivered"]
        assert all(event["delivered"] for event in shown["register"]["events"])
        good = [one["kind"] for one in shown["certificates"] if (one["carrier"], one["status"]) == ("phone", "good")]
        assert len(good) == len(set(good)), good
    assert set((await enrolments(way)).values()) <= AT_REST


async def enrolments(way: Traveller) -> dict[str, str]:
    """Return where the enrolment of each phone stands."""
    phones = [phone["phone_id"] for phone in (await way.get("/control/v1/phones"))["phones"]]
    return {phone: (await way.get(f"/control/v1/phones/{phone}"))["enrolment"]["state"] for phone in phones}


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2])))
