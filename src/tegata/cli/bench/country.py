# SPDX-License-Identifier: Apache-2.0
"""The whole country: how long until it is ready, and the seven steps of the story with the share that cryptography
takes.

The story is told twice; the first telling warms caches and is thrown away.  Cryptography is the time inside signing,
verifying, sealing keys to a phone, and waiting for a key pair: that is the part of a step that no cleverness outside
saves.  The signatures that the token library checks by itself, two in a login, are not among them.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx

from tegata.cli.bench.measure import Result
from tegata.cli.demo import country
from tegata.crypto import signatures
from tegata.crypto.keys import SoftwareKey
from tegata.messages import TegataError
from tegata.sandbox import server, story
from tegata.sandbox.keypool import KeyPool
from tegata.sandbox.traveller import Traveller

STARTS: Final = 5
_PATIENCE: Final = 60
_METERED: Final[tuple[tuple[object, str], ...]] = (
    (SoftwareKey, "sign"),
    (SoftwareKey, "sign_padded"),
    (SoftwareKey, "sign_pss_digest"),
    (SoftwareKey, "decrypt_oaep_sha256"),
    (signatures, "verify"),
    (signatures, "verify_digest"),
    (signatures, "check"),
    (signatures, "encrypt_oaep_sha256"),
    (KeyPool, "take"),
    (KeyPool, "wait"),
)
_ANYWHERE: Final = frozenset({"wait"})
"""Counted on any thread: the country waits for it, though not on the thread of its loop."""


class StartError(TegataError):
    """A country that was started to be measured did not get ready (`bench.not_ready`)."""


def steps() -> Iterator[Result]:
    """Yield the seven steps of the story, and the part of each that is cryptography."""
    yield from server.run(_story)


def starts(rounds: int = STARTS) -> Iterator[Result]:
    """Yield the time from `tegata up` to ready, for a new directory and for one that exists, each beside a process that
    imports the same and ends.  Ready is when it answers and says where; the people are settled after that.
    """
    first, again, imports = [], [], []
    with tempfile.TemporaryDirectory(prefix="tegata-bench-") as folder:
        for number in range(rounds):
            imports.append(_process([sys.executable, "-c", "import tegata.cli.up"]))
            first.append(_ready(Path(folder, str(number)), people=1))
            again.append(_ready(Path(folder, str(number))))
    for name, taken, aim in (("up.first", first, 2.0), ("up.again", again, 1.5)):
        ratios = [one / other for one, other in zip(taken, imports, strict=True)]
        reference = "a process that imports it and ends"
        yield Result(name, median(taken), "ms", reference, median(imports), median(ratios), aim)


def _process(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True)  # noqa: S603 -- our own interpreter
    return (time.perf_counter() - started) * 1000


def _ready(folder: Path, people: int | None = None) -> float:
    """Return the milliseconds from starting `tegata up` to its first line; raises `StartError`."""
    more = [] if people is None else ["--people", str(people)]
    command = [sys.executable, "-m", "tegata", "up", "--data", str(folder), "--port", "0", "--json", *more]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603 -- our own interpreter
        line = process.stdout.readline() if process.stdout else b""
        taken = (time.perf_counter() - started) * 1000
        process.terminate()
        process.wait(_PATIENCE)
    if "url" not in json.loads(line or b"{}"):
        raise StartError("bench.not_ready")
    return taken


async def _story() -> list[Result]:
    with metered() as meter:
        async with country() as url, httpx.AsyncClient(base_url=url, timeout=_PATIENCE) as http:
            async for _ in story.tell(Traveller(http)):
                pass
            return [result async for result in _told(Traveller(http), meter)]


async def _told(way: Traveller, meter: "Meter") -> Any:
    before = meter.milliseconds
    async for step in story.tell(way):
        spent, before = meter.milliseconds - before, meter.milliseconds
        yield Result(f"story.{step.name}", step.milliseconds, "ms")
        share = spent / step.milliseconds
        yield Result(f"story.{step.name}.cryptography", spent, "ms", "the step", step.milliseconds, share)


class Meter:
    """Adds up the time spent inside the calls that it wraps, on the thread that made it; nested calls count once."""

    def __init__(self) -> None:
        self.milliseconds = 0.0
        self._thread = threading.get_ident()
        self._depth = 0

    def wrap(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return `call` with its time counted."""
        anywhere = call.__name__ in _ANYWHERE

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if self._depth or not (anywhere or threading.get_ident() == self._thread):
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
    kept = [(owner, name, getattr(owner, name)) for owner, name in _METERED]
    for owner, name, call in kept:
        setattr(owner, name, meter.wrap(call))
    try:
        yield meter
    finally:
        for owner, name, call in kept:
            setattr(owner, name, call)
