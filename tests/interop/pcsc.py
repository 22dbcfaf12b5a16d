# SPDX-License-Identifier: Apache-2.0
"""A PC/SC daemon of our own with one virtual reader, and OpenSC's programs, for tests that put a card on it.

pcscd has one fixed socket per machine, so the tests take a lock and refuse to run beside a pcscd that somebody else
started.
"""

import fcntl
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tegata.reader import Element
from tegata.reader.vpcd import VirtualReader

DRIVERS = sorted(Path("/usr/lib").glob("**/libifdvpcd.so"))
MODULES = sorted(Path("/usr/lib").glob("**/opensc-pkcs11.so"))
SOCKET = Path("/run/pcscd/pcscd.comm")
Run = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture(scope="module")
def vpcd_port(require_tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Start pcscd with one virtual reader; yields the port on which cards are inserted."""
    pcscd = require_tool("pcscd")
    assert DRIVERS, "libifdvpcd.so is missing: install vsmartcard-vpcd"
    with alone_on_this_machine():
        port = free_port_pair()
        config = tmp_path_factory.mktemp("reader.conf.d")
        (config / "tegata").write_text(
            f'FRIENDLYNAME "Tegata"\nDEVICENAME /dev/null:0x{port:04X}\nLIBPATH {DRIVERS[0]}\nCHANNELID 0x{port:04X}\n'
        )
        log = (config.parent / "pcscd.log").open("wb")
        daemon = subprocess.Popen([pcscd, "--foreground", "--config", config], stdout=log, stderr=log)
        try:
            until(lambda: SOCKET.exists() and daemon.poll() is None, "pcscd to listen")
            yield port
        finally:
            daemon.terminate()
            daemon.wait(10)
            log.close()


@contextmanager
def alone_on_this_machine() -> Iterator[None]:
    """Hold the machine's one pcscd socket for ourselves."""
    with (Path(tempfile.gettempdir()) / "tegata-pcscd.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if SOCKET.exists():
            with socket.socket(socket.AF_UNIX) as probe:
                assert probe.connect_ex(str(SOCKET)) != 0, "another pcscd is running on this machine: stop it first"
            SOCKET.unlink()
            SOCKET.with_name("pcscd.pid").unlink(missing_ok=True)
        SOCKET.parent.mkdir(parents=True, exist_ok=True)
        yield


def free_port_pair() -> int:
    """Return a port that is free together with the next one: the driver listens on one for each slot."""
    for port in range(36000, 60000, 2):
        with socket.socket() as one, socket.socket() as two:
            try:
                one.bind(("", port))
                two.bind(("", port + 1))
            except OSError:
                continue
            return port
    raise AssertionError("no free ports")


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a daemon to do something; fails after ten seconds."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def run(require_tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a function that runs a program with a home of its own (OpenSC keeps caches there)."""
    home = tmp_path_factory.mktemp("home")

    def go(
        program: str, *arguments: object, check: bool = True, stdin: Path = Path(os.devnull)
    ) -> subprocess.CompletedProcess[bytes]:
        command = [require_tool(program), *map(str, arguments)]
        environment = os.environ | {"HOME": str(home), "LC_ALL": "C"}
        with stdin.open("rb") as given:
            done = subprocess.run(command, capture_output=True, env=environment, timeout=60, stdin=given)
        if check:
            assert done.returncode == 0, (command, done.stdout.decode(), done.stderr.decode())
        return done

    return go


def port_open(port: int) -> bool:
    """Say whether somebody listens, without connecting (which would insert a card)."""
    listening = f":{port:04X} "
    lines = [line for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()]
    return any(listening in line and " 0A " in line for line in lines)


@contextmanager
def on_reader(card: Element, port: int, run: Run) -> Iterator[None]:
    """Put a card on the virtual reader, and take it off."""
    until(lambda: port_open(port), "the driver to listen")
    with VirtualReader(card, port=port):
        until(lambda: seen(run), "the card to be seen")
        yield
    until(lambda: not seen(run), "the card to be gone")


def seen(run: Run) -> bool:
    """Say whether OpenSC sees a card on some reader."""
    return b"  Yes  " in run("opensc-tool", "--list-readers", check=False).stdout
