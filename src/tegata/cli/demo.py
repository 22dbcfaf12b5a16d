# SPDX-License-Identifier: Apache-2.0
"""`tegata demo`: the story, headless, in a country of its own that is gone afterwards, or against one that runs.
One line for each step; the exit code is 1 at the first that fails.
"""

import argparse
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx

from tegata.cli.manners import add_json, complain, is_address, language, say, show
from tegata.messages import TegataError
from tegata.sandbox import datadir, server, story
from tegata.sandbox.country import Country
from tegata.sandbox.errors import Unavailable
from tegata.sandbox.traveller import Traveller


def register(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `tegata demo`."""
    words = say(
        "動いている国のアドレス（省くと一時的な国で実行）", "address of a running country (by default a temporary one)"
    )
    parser.add_argument("--against", metavar="URL", help=words)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Tell the story; returns 1 at the first step that fails."""
    return server.run(lambda: _tell(args))


async def _tell(args: argparse.Namespace) -> int:
    told: list[story.Told] = []
    steps: list[dict[str, Any]] = []
    try:
        async with country(args.against) as url, httpx.AsyncClient(base_url=url, timeout=60) as http:
            async for step in story.tell(Traveller(http)):
                told.append(step)
                steps.append(step.to_json())
                show(args, steps[-1], _line(step))
    except TegataError as error:
        return _failed(args, len(told), error)
    total = sum(step.milliseconds for step in told)
    words = say(f"\n物語は {total:.0f} ms で最後まで進みました。", f"\nThe story ran to its end in {total:.0f} ms.")
    show(args, {"ok": True, "steps": len(told), "ms": round(total, 1)}, words)
    return 0


def _line(step: story.Told) -> str:
    lang = language()
    return f"✓ {step.number}. {step.title(lang)}  {step.milliseconds:.0f} ms\n     {step.proof(lang)}"


def _failed(args: argparse.Namespace, done: int, error: TegataError) -> int:
    if done < len(story.STEPS):
        name = story.STEPS[done].__name__
        facts = {"step": done + 1, "name": name, "ok": False, "reason": error.reason}
        show(args, facts, f"✗ {done + 1}. {name}")
    return complain(args, error)


@contextlib.asynccontextmanager
async def country(against: str | None = None) -> AsyncIterator[str]:
    """Yield the address of a country: the one named, or a new one in a temporary directory, served on a free port."""
    if against is not None:
        if not is_address(against):
            raise Unavailable("sandbox.country_unreachable", where=against[:80])
        yield against
        return
    with (
        tempfile.TemporaryDirectory(prefix="tegata-demo-") as folder,
        server.listen(0) as listening,
        datadir.opened(Path(folder), people=0, seed=1) as directory,
    ):
        url = server.url_of(listening)
        made = Country.open(directory, url=url)
        try:
            async with server.serving(made.app, listening):
                await made.start()
                yield url
        finally:
            await made.aclose()
