# SPDX-License-Identifier: Apache-2.0
"""APDUs per second, in memory and over the virtual reader's protocol, and OpenSC at work through pcscd.

Floors: for memory, the codec alone, which every command needs; for the socket pair, messages of the same sizes between
two threads that do nothing; for OpenSC, `openssl dgst -sign` as a process, which is raw signing as people do it.  Where
OpenSC or pcscd is not there, the row says so.
"""

import os
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from tegata.card import Card
from tegata.cli.bench import pcscd
from tegata.cli.bench.engines import issued
from tegata.cli.bench.measure import Result, compared
from tegata.cli.bench.pcscd import Missing
from tegata.codecs.apdu import Command, Response
from tegata.crypto.keys import Algorithm, SoftwareKey
from tegata.reader import vpcd
from tegata.reader.vpcd_host import paired

_SELECT: Final = (bytes.fromhex("00A4040C0AD392F000260100000001"), bytes.fromhex("00A4020C02000A"))
_READ: Final = bytes.fromhex("00B0000000")
_PIN: Final = "1234"
_OPENSC: Final = ("opensc.dump", "opensc.sign")


def apdus(times: int = 2000) -> Iterator[Result]:
    """Yield READ BINARY of 256 bytes: time and rate, in memory and over a socket pair."""
    card = issued(SoftwareKey.generate(Algorithm.RSA_2048))
    answer = _selected(card)
    memory = compared(
        *("apdu.memory", partial(card.transmit, _READ), "the codec alone", _codec(answer)), times=times, aim=6.0
    )
    yield memory
    yield Result("apdu.memory.rate", 1e6 / memory.value, "1/s")
    with paired(card) as end, _Echo(answer) as echo:
        wire = compared(
            *("apdu.vpcd", partial(end.transmit, _READ), "the same bytes through a socket pair", echo.ask),
            times=times // 4,
        )  # no aim: 1.6 where both threads share a core, 4 where an idle core has to be woken for each turn
    yield wire
    yield Result("apdu.vpcd.rate", 1e6 / wire.value, "1/s")


def _selected(card: Card) -> bytes:
    for command in _SELECT:
        card.transmit(command)
    return card.transmit(_READ)


def _codec(answer: bytes) -> Callable[[], object]:
    response = Response.parse(answer)

    def call() -> object:
        return Command.parse(_READ), response.to_bytes()

    return call


class _Echo:
    """Two threads and a socket pair: messages of the sizes of a READ BINARY, and nothing done with them."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._near, self._far = socket.socketpair()
        self._near.settimeout(60)  # as the reader's end does: waiting with a limit costs a system call more
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "_Echo":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._near.close()
        self._thread.join(5)
        self._far.close()

    def ask(self) -> object:
        """Send one message, and wait for its answer."""
        vpcd.send(self._near, _READ)
        return vpcd.receive(self._near)

    def _serve(self) -> None:
        while vpcd.receive(self._far) is not None:
            vpcd.send(self._far, self._answer)


def opensc(times: int = 3) -> Iterator[Result]:
    """Yield a full dump and a PKCS#11 signature through pcscd, against a signature by openssl; or what is missing."""
    try:
        dump, sign, openssl = (pcscd.program(name) for name in ("pkcs15-tool", "pkcs11-tool", "openssl"))
        module = pcscd.shared_object("opensc-pkcs11.so")
        with (
            pcscd.with_card(issued(SoftwareKey.generate(Algorithm.RSA_2048))),
            tempfile.TemporaryDirectory() as name,
        ):
            folder = Path(name)
            (folder / "data").write_bytes(b"measured")
            key = [openssl, "genrsa", "-out", str(folder / "key"), "2048"]
            _run(folder, key)
            raw = [openssl, "dgst", "-sha256", "-sign", "key", "-out", "raw", "data"]
            through = [sign, "--module", str(module), "--slot-index", "0", "--login", "--pin", _PIN]
            through += ["--sign", "-m", "SHA256-RSA-PKCS", "-i", "data", "-o", "signature"]
            reference = "openssl dgst -sign"
            for label, command in zip(_OPENSC, ([dump, "--dump"], through), strict=True):
                ours, theirs = partial(_run, folder, command), partial(_run, folder, raw)
                yield compared(label, ours, reference, theirs, times=times)
    except Missing as error:
        yield from (Result(label, 0.0, f"not measured: {error}") for label in _OPENSC)


def _run(folder: Path, command: list[str]) -> None:
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(folder), "LC_ALL": "C"}
    subprocess.run(command, check=True, capture_output=True, cwd=folder, env=environment)  # noqa: S603
