# SPDX-License-Identifier: Apache-2.0
"""Countries for journeys: in this process, without sockets, with keys from a stock that is made once."""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from tegata.clock import Clock
from tegata.crypto.keys import Algorithm, SoftwareKey
from tegata.sandbox import datadir, story
from tegata.sandbox.country import Country, client
from tegata.sandbox.story import Story
from tegata.sandbox.traveller import Traveller

URL = "http://127.0.0.1:8440"
Keys = Callable[[Algorithm], SoftwareKey]


def drawn(stock: Sequence[SoftwareKey], start: int = 0) -> Keys:
    """Return a source that hands out the keys of `stock` in order from `start`; other algorithms are made."""
    rest = iter(stock[start:])
    return lambda algorithm: next(rest) if algorithm is Algorithm.RSA_2048 else SoftwareKey.generate(algorithm)


@contextlib.asynccontextmanager
async def country(
    folder: Path,
    keys: Keys | None = None,
    *,
    people: int = 0,
    clock: Clock | None = None,
    on_commit: Callable[[str], None] | None = None,
) -> AsyncIterator[tuple[Country, Traveller]]:
    """Open a country, have it finish what was left open, and yield it with somebody who travels in it."""
    with datadir.opened(folder, people=people, seed=1) as directory:
        opened = Country.open(directory, url=URL, keys=keys, clock=clock, on_commit=on_commit)
        try:
            await opened.start()
            async with client(opened.app, URL) as http:
                yield opened, Traveller(http)
        finally:
            await opened.aclose()


async def told(way: Traveller, steps: int, slug: str = "") -> Story:
    """Return the story after its first `steps` steps."""
    tale = await story.begin(way)
    tale.slug = slug
    for step in story.STEPS[:steps]:
        await step(tale)
    return tale
