# SPDX-License-Identifier: Apache-2.0
"""A pcscd of our own with one virtual reader, for as long as something is measured through it.

There is one pcscd per machine: where another runs, or a program is missing, `Missing` says so and nothing is measured.
"""

import contextlib
import fcntl
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tegata.reader import Element
from tegata.reader.slots import Slot

_SOCKET: Final = Path("/run/pcscd/pcscd.comm")
_PATIENCE: Final = 10.0


class Missing(Exception):
    """What is not there, in a few words."""


def program(name: str) -> str:
    """Return the path of a program; raises `Missing`."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        raise Missing(f"no {name}")
    return found


def shared_object(name: str) -> Path:
    """Return the path of a shared object below /usr/lib; raises `Missing`."""
    found = sorted(Path("/usr/lib").glob(f"**/{name}"))
    if not found:
        raise Missing(f"no {name}")
    return found[0]


@contextlib.contextmanager
def with_card(card: Element) -> Iterator[None]:
    """Run pcscd with `card` on its reader.  Raises `Missing`."""
    pcscd, driver, tool = program("pcscd"), shared_object("libifdvpcd.so"), program("opensc-tool")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tegata-bench-")))
        _alone(stack)
        port = _free_pair()
        content = (
            f'FRIENDLYNAME "Tegata"\nDEVICENAME /dev/null:0x{port:04X}\nLIBPATH {driver}\nCHANNELID 0x{port:04X}\n'
        )
        (folder / "reader").write_text(content)
        command = [pcscd, "--foreground", "--config", str(folder)]
        daemon = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
        stack.callback(_end, daemon)
        slot = Slot(port)
        stack.callback(slot.close)
        slot.insert(card)
        _until_seen(tool, daemon)
        yield


def _alone(stack: contextlib.ExitStack) -> None:
    try:
        lock = stack.enter_context((Path(tempfile.gettempdir()) / "tegata-pcscd.lock").open("w"))
        fcntl.flock(lock, fcntl.LOCK_EX)
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(_SOCKET)) == 0:
                raise Missing("another pcscd runs")
        _SOCKET.parent.mkdir(parents=True, exist_ok=True)
        for left in (_SOCKET, _SOCKET.with_name("pcscd.pid")):
            left.unlink(missing_ok=True)
    except OSError as error:
        raise Missing("no right to start pcscd") from error


def _free_pair() -> int:
    for port in range(36000, 60000, 2):
        with socket.socket() as one, socket.socket() as two, contextlib.suppress(OSError):
            one.bind(("", port))
            two.bind(("", port + 1))
            return port
    raise Missing("no free ports")


def _until_seen(tool: str, daemon: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and daemon.poll() is None:
        seen = subprocess.run([tool, "--list-readers"], capture_output=True, check=False)  # noqa: S603
        if b"  Yes  " in seen.stdout:
            return
        time.sleep(0.05)
    raise Missing("pcscd does not see the card")


def _end(daemon: subprocess.Popen[bytes]) -> None:
    daemon.terminate()
    daemon.wait(10)
