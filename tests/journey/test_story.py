# SPDX-License-Identifier: Apache-2.0
"""The story is told to its end: in one process, and as a person runs it."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from journey import kit
from tegata.sandbox import story
from tegata.sandbox.errors import StoryFailed


def test_the_story_ends_well(tmp_path: Path) -> None:
    """All seven steps show what they should, twice in one country, each time for another 花子."""

    async def tell() -> list[list[str]]:
        async with kit.country(tmp_path) as (_, way):
            return [[step.name async for step in story.tell(way)] for _ in range(2)]

    names = [step.__name__ for step in story.STEPS]
    assert asyncio.run(tell()) == [names, names]


def test_a_story_that_is_refused_stops_at_that_step(tmp_path: Path) -> None:
    """Where the country does not do what it should, the story says so instead of going on."""

    async def tell() -> list[str]:
        names = []
        async with kit.country(tmp_path) as (country, way):
            country.parties.shop.close()
            try:
                async for step in story.tell(way):
                    names.append(step.name)
            except StoryFailed as error:
                names.append(error.reason)
        return names

    assert asyncio.run(tell()) == ["card", "phone", "sandbox.story_refused"]


def test_demo_prints_a_line_for_each_step() -> None:
    """`tegata demo --json` prints one object per step and a last one; nothing personal but what the story shows."""
    done = subprocess.run(
        [sys.executable, "-m", "tegata", "demo", "--json"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    *steps, end = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["name"] for one in steps] == [step.__name__ for step in story.STEPS]
    assert all(one["ok"] and one["ms"] > 0 for one in steps)
    assert end["ok"]
    assert end["steps"] == 7
    assert done.stderr == ""


def test_demo_against_nobody_fails_with_a_next_step() -> None:
    """A country that is not there is an error with a way out, and exit code 1."""
    command = [sys.executable, "-m", "tegata", "demo", "--against", "http://127.0.0.1:9"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={"LANG": "C", "PATH": ""})
    assert done.returncode == 1
    assert "tegata up" in done.stderr
    assert "Traceback" not in done.stderr
