# SPDX-License-Identifier: Apache-2.0
"""OpenSSH logs in with the card: `ssh -I opensc-pkcs11.so` to an sshd of our own on loopback."""

import getpass
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from interop.pcsc import MODULES, Run, on_reader, until
from tegata.card import Card
from tegata.jpki import Kind
from tegata.reader import Reader
from unit.card import kit

pytestmark = pytest.mark.opensc


@pytest.fixture
def card(vpcd_port: int, run: Run) -> Iterator[Card]:
    """Put an issued card on the reader."""
    card = kit.issued()
    with on_reader(card, vpcd_port, run):
        yield card


@pytest.fixture
def authorized(card: Card, run: Run, tmp_path: Path) -> Path:
    """Read the card's public key as its owner would, with ssh-keygen, and let it in."""
    told = run("ssh-keygen", "-D", MODULES[0], check=False).stdout.decode().splitlines()
    keys = [line for line in told if "User Authentication Public Key" in line]
    assert len(keys) == 1, told
    file = tmp_path / "authorized_keys"
    file.write_text(keys[0] + "\n")
    return file


@pytest.fixture
def sshd(authorized: Path, run: Run, tmp_path: Path, require_tool: Callable[[str], str]) -> Iterator[int]:
    """Run an sshd that lets only that key in; yields its port."""
    require_tool("ssh")
    program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, "sshd is missing: run scripts/setup-debian.sh"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "host")
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where sshd goes to be without privileges
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    settings = {
        "Port": port,
        "ListenAddress": "127.0.0.1",
        "HostKey": tmp_path / "host",
        "AuthorizedKeysFile": authorized,
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "PermitRootLogin": "prohibit-password",
    }
    (tmp_path / "sshd_config").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    with (tmp_path / "sshd.log").open("wb") as log:
        daemon = subprocess.Popen([program, "-D", "-e", "-f", tmp_path / "sshd_config"], stdout=log, stderr=log)
        try:
            until(lambda: listens(port) or daemon.poll() is not None, "sshd to listen")
            assert daemon.poll() is None, (tmp_path / "sshd.log").read_text()
            yield port
        finally:
            daemon.terminate()
            daemon.wait(10)


def listens(port: int) -> bool:
    """Say whether somebody accepts connections on a port of ours."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ssh(port: int, tmp_path: Path, pin: str) -> subprocess.CompletedProcess[str]:
    """Log in with the card; the PIN comes from a program, as a desktop's window would give it."""
    ask = tmp_path / "askpass"
    ask.write_text(f"#!/bin/sh\necho {pin}\n")
    ask.chmod(0o700)
    options = {
        "StrictHostKeyChecking": "no",
        "UserKnownHostsFile": "/dev/null",
        "IdentityFile": "none",
        "NumberOfPasswordPrompts": "1",
    }
    command = ["ssh", "-F", "none", "-p", str(port), "-I", str(MODULES[0])]
    command += [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
    environment = os.environ | {"SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force", "HOME": str(tmp_path)}
    environment.pop("SSH_AUTH_SOCK", None)
    return subprocess.run(
        [*command, f"{getpass.getuser()}@127.0.0.1", "echo", "let", "through"],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )


def test_the_card_opens_a_shell(sshd: int, tmp_path: Path) -> None:
    """The server knows nothing but the public key; the signature is the card's."""
    done = ssh(sshd, tmp_path, "1234")
    assert done.stdout.strip() == "let through", done.stderr
    assert "Accepted publickey" in (tmp_path / "sshd.log").read_text()


def test_a_wrong_pin_opens_nothing_and_is_counted_once(card: Card, sshd: int, tmp_path: Path) -> None:
    """ssh asks once, the card counts once."""
    done = ssh(sshd, tmp_path, "0000")
    assert done.returncode != 0
    assert "let through" not in done.stdout
    assert Reader(card).tries_left(Kind.AUTHENTICATION.value) == 2
