# SPDX-License-Identifier: Apache-2.0
"""Debian's OpenSC meets our card: behind the virtual reader of vsmartcard, through a pcscd of our own.

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

from tegata.card import Card
from tegata.jpki import Kind
from tegata.reader import JpkiSession
from tegata.reader.vpcd import VirtualReader
from unit.card import kit

pytestmark = pytest.mark.opensc
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

    def go(program: str, *arguments: object, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        command = [require_tool(program), *map(str, arguments)]
        environment = os.environ | {"HOME": str(home), "LC_ALL": "C"}
        done = subprocess.run(command, capture_output=True, env=environment, timeout=60)
        if check:
            assert done.returncode == 0, (command, done.stdout.decode(), done.stderr.decode())
        return done

    return go


@contextmanager
def on_reader(card: Card, port: int, run: Run) -> Iterator[None]:
    """Put a card on the virtual reader, and take it off."""
    listed: list[bytes] = []

    def seen() -> bool:
        listed[:] = [run("opensc-tool", "--list-readers", check=False).stdout]
        return b"  Yes  " in listed[0]

    until(lambda: port_open(port), "the driver to listen")
    with VirtualReader(card, port=port):
        until(seen, "the card to be seen")
        yield
    until(lambda: not seen(), "the card to be gone")


def port_open(port: int) -> bool:
    """Say whether somebody listens, without connecting (which would insert a card)."""
    listening = f":{port:04X} "
    lines = [line for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()]
    return any(listening in line and " 0A " in line for line in lines)


@pytest.fixture
def card(vpcd_port: int, run: Run) -> Iterator[Card]:
    """Put an issued card on the reader."""
    card = kit.issued()
    with on_reader(card, vpcd_port, run):
        yield card


def test_opensc_recognises_the_card(card: Card, run: Run) -> None:
    """OpenSC names the card and shows its answer to reset."""
    assert b"jpki" in run("opensc-tool", "-n").stdout
    assert run("opensc-tool", "-a").stdout.strip().lower() == b"3b:e0:00:ff:81:31:fe:45:14"


def test_pkcs15_dump_shows_everything(card: Card, run: Run) -> None:
    """Two PINs with their tries, two keys, four certificates."""
    dump = run("pkcs15-tool", "--dump").stdout.decode()
    assert dump.count("Private RSA Key [") == 2
    assert dump.count("X.509 Certificate [") == 4
    assert "User Authentication PIN" in dump
    assert "Digital Signature PIN" in dump
    assert "Tries left     : 3" in dump
    assert "Tries left     : 5" in dump


@pytest.mark.parametrize(("kind", "slot", "pin"), [(Kind.AUTHENTICATION, 0, "1234"), (Kind.SIGNING, 1, "ABC123")])
def test_pkcs11_signature_verifies(card: Card, run: Run, tmp_path: Path, kind: Kind, slot: int, pin: str) -> None:
    """A PKCS#11 application signs with each key, and openssl verifies against the certificate read from the card."""
    data, signature, certificate, public = (tmp_path / name for name in ("data", "signature", "cert.pem", "public.pem"))
    data.write_bytes(b"I was here")
    login = ["--module", MODULES[0], "--slot-index", slot, "--login", "--pin", pin]
    run("pkcs11-tool", *login, "--sign", "-m", "SHA256-RSA-PKCS", "-i", data, "-o", signature)
    number = {Kind.AUTHENTICATION: ("1", "01"), Kind.SIGNING: ("2", "02")}[kind]
    run(
        "pkcs15-tool",
        "--read-certificate",
        number[0],
        "--verify-pin",
        "--auth-id",
        number[1],
        "--pin",
        pin,
        "-o",
        certificate,
    )
    public.write_bytes(run("openssl", "x509", "-in", certificate, "-noout", "-pubkey").stdout)
    verified = run("openssl", "dgst", "-sha256", "-verify", public, "-signature", signature, data)
    assert verified.stdout.strip() == b"Verified OK"


def test_wrong_pin_is_counted(card: Card, run: Run, tmp_path: Path) -> None:
    """A wrong PIN given to OpenSC costs one try, and the right one gives all tries back."""
    certificate = tmp_path / "cert.pem"
    read = ["pkcs15-tool", "--read-certificate", "2", "--verify-pin", "--auth-id", "02", "-o", certificate, "--pin"]
    assert run(*read, "WRONG1", check=False).returncode != 0
    assert JpkiSession(card.transmit).retries(Kind.SIGNING) == 4
    run(*read, "ABC123")
    assert JpkiSession(card.transmit).retries(Kind.SIGNING) == 5


def test_phone_shows_its_certificate_only_after_the_pin(vpcd_port: int, run: Run, tmp_path: Path) -> None:
    """The phone's applet is the same to OpenSC, but guards the authentication certificate."""
    read = ["pkcs15-tool", "--read-certificate", "1", "-o", tmp_path / "cert.pem"]
    with on_reader(kit.issued("gpse"), vpcd_port, run):
        assert b"jpki" in run("opensc-tool", "-n").stdout
        assert run(*read, check=False).returncode != 0
        run(*read, "--verify-pin", "--auth-id", "01", "--pin", "1234")
