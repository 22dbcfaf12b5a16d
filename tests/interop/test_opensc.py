# SPDX-License-Identifier: Apache-2.0
"""Debian's OpenSC meets our card: behind the virtual reader of vsmartcard, through a pcscd of our own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from interop.pcsc import MODULES, Run, port_open, until
from tegata.card import Card
from tegata.crypto import signatures
from tegata.crypto.keys import Scheme
from tegata.jpki import Kind
from tegata.reader import JpkiSession, pcsc
from tegata.reader.files import certificate_spki
from tegata.reader.vpcd import VirtualReader
from unit.card import kit

pytestmark = pytest.mark.opensc


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


def test_our_reader_meets_our_card_through_pcsc(card: Card) -> None:
    """pyscard, pcscd and the virtual reader carry what memory carries, to a signature that verifies."""
    with pcsc.connected("Tegata") as transmit:
        session = JpkiSession(transmit)
        assert session.token() == "JPKIAPICCTOKEN2"
        session.verify(Kind.SIGNING, "ABC123")
        spki = certificate_spki(session.certificate(Kind.SIGNING))
        signatures.verify(spki, Scheme.RSA_PKCS1_SHA256, b"message", session.sign(Kind.SIGNING, b"message"))
    assert any("Tegata" in name for name in pcsc.reader_names())


def test_phone_shows_its_certificate_only_after_the_pin(vpcd_port: int, run: Run, tmp_path: Path) -> None:
    """The phone's applet is the same to OpenSC, but guards the authentication certificate."""
    read = ["pkcs15-tool", "--read-certificate", "1", "-o", tmp_path / "cert.pem"]
    with on_reader(kit.issued("gpse"), vpcd_port, run):
        assert b"jpki" in run("opensc-tool", "-n").stdout
        assert run(*read, check=False).returncode != 0
        run(*read, "--verify-pin", "--auth-id", "01", "--pin", "1234")
