# SPDX-License-Identifier: Apache-2.0
"""The whole country: how long until it is ready, and the seven steps of the story with the share that cryptography
takes.

The story is told twice; the first telling warms caches and is thrown away.  Time inside signing, verifying and key
generation is counted where the country calls it, on the event loop's own thread: that is the part of a step that no
cleverness outside saves.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tegata.cli.bench.measure import Result
from tegata.cli.demo import country
from tegata.crypto import signatures
from tegata.crypto.keys import SoftwareKey
from tegata.sandbox import server, story
from tegata.sandbox.errors import Unavailable
from tegata.sandbox.traveller import Traveller

_STARTS = 5
_METERED: tuple[tuple[object, str], ...] = (
    (SoftwareKey, "sign"),
    (SoftwareKey, "sign_pss_digest"),
    (SoftwareKey, "generate"),
    (signatures, "verify_digest"),
)


def suite(name: str) -> Iterator[Result]:
    """Yield start-up and story, whichever `name` can mean."""
    if "up.".startswith(name[:3]):
        yield from starts()
    if "story.".startswith(name[:6]):
        yield from server.run(_story)


def starts() -> Iterator[Result]:
    """Yield the time from `tegata up` to ready: the first start of a directory, and the next ones."""
    with tempfile.TemporaryDirectory(prefix="tegata-bench-") as folder:
        imports = min(_process([sys.executable, "-c", "import tegata.cli.up"]) for _ in range(_STARTS))
        first = _ready(Path(folder))
        again = sorted(_ready(Path(folder)) for _ in range(_STARTS))[_STARTS // 2]
    reference = "a process that only imports it"
    yield Result("up.first", first, "ms", reference, imports, first / imports, 4.0)
    yield Result("up.again", again, "ms", reference, imports, again / imports, 2.0)


def _process(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True)  # noqa: S603 -- our own interpreter
    return (time.perf_counter() - started) * 1000


def _ready(folder: Path) -> float:
    """Return the milliseconds from starting `tegata up` to its first line."""
    command = [sys.executable, "-m", "tegata", "up", "--data", str(folder), "--port", "0", "--json"]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603 -- our own interpreter
        line = process.stdout.readline() if process.stdout else b""
        taken = (time.perf_counter() - started) * 1000
        process.terminate()
    if "url" not in json.loads(line or b"{}"):
        raise Unavailable("sandbox.country_unreachable", where="tegata up")
    return taken


async def _story() -> list[Result]:
    async with country() as url, httpx.AsyncClient(base_url=url, timeout=60) as http:
        async for _ in story.tell(Traveller(http)):
            pass
        with metered() as meter:
            return [result async for result in _told(Traveller(http), meter)]


async def _told(way: Traveller, meter: "Meter") -> Any:
    before = meter.milliseconds
    async for step in story.tell(way):
        await asyncio.sleep(0)
        spent, before = meter.milliseconds - before, meter.milliseconds
        ratio = step.milliseconds / spent if spent else None
        yield Result(f"story.{step.name}", step.milliseconds, "ms", "its cryptography", spent, ratio)


class Meter:
    """Adds up the time spent inside the calls that it wraps, on the thread that made it."""

    def __init__(self) -> None:
        self.milliseconds = 0.0
        self._thread = threading.get_ident()
        self._depth = 0

    def wrap(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return `call` with its time counted; nested calls count once."""

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() != self._thread or self._depth:
                return call(*args, **kwargs)
            self._depth += 1
            started = time.perf_counter()
            try:
                return call(*args, **kwargs)
            finally:
                self._depth -= 1
                self.milliseconds += (time.perf_counter() - started) * 1000

        return wrapped


@contextmanager
def metered() -> Iterator[Meter]:
    """Count cryptography while the context lasts."""
    meter = Meter()
    kept = [(owner, name, vars(owner)[name]) for owner, name in _METERED]
    for owner, name, original in kept:
        call = getattr(owner, name) if isinstance(original, classmethod) else original
        wrapped = meter.wrap(call)
        setattr(owner, name, staticmethod(wrapped) if isinstance(original, classmethod) else wrapped)
    try:
        yield meter
    finally:
        for owner, name, original in kept:
            setattr(owner, name, original)
