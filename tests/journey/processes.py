# SPDX-License-Identifier: Apache-2.0
"""Runs `tegata` as people do: as a process with its own output, exit code and signals."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

TEGATA = [sys.executable, "-m", "tegata"]
PATIENCE = 60


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a child: English, and nothing of the caller's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TEGATA_", "LC_", "LANG"))}
    return kept | {"LANG": "C.UTF-8", **more}


def run(*arguments: object, before: tuple[str, ...] = (), **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [*before, *TEGATA, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, env=environment(**more))


class Up:
    """A running `tegata up`."""

    def __init__(self, process: subprocess.Popen[str], said: dict[str, Any]) -> None:
        self.process = process
        self.said = said
        self.http = httpx.Client(base_url=said["url"], timeout=30)

    def settled(self) -> None:
        """Wait until everybody is settled: a new country says how far it is."""
        with httpx.Client(base_url=self.said["url"], timeout=PATIENCE) as http:
            while http.get("/healthz").json()["status"] != "ready":
                assert self.process.poll() is None, "the country ended while it was settling"

    def get(self, path: str) -> Any:
        """Return JSON."""
        return self.http.get(path).raise_for_status().json()

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Send and return JSON."""
        return self.http.post(path, json=body).raise_for_status().json()

    def stop(self, number: int = signal.SIGINT) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@contextlib.contextmanager
def up(data: Path, *arguments: object) -> Iterator[Up]:
    """Start a country on a free port, and end it whatever happens."""
    command = [*TEGATA, "up", "--data", str(data), "--port", "0", "--json", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, process.communicate(timeout=PATIENCE)
        country = Up(process, json.loads(line))
        with country.http:
            yield country
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE)
