# SPDX-License-Identifier: Apache-2.0
"""Debian's OpenSC meets our card: behind the virtual reader of vsmartcard, through a pcscd of our own."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from interop.pcsc import MODULES, Run, on_reader, seen, until
from tegata.card import Card
from tegata.crypto import signatures
from tegata.crypto.keys import Scheme
from tegata.jpki import Kind
from tegata.reader import JpkiSession, Reader, atr, connect, pcsc
from tegata.reader.files import certificate_spki
from tegata.reader.memory import Answering
from tegata.reader.slots import Slot
from unit.card import kit

pytestmark = pytest.mark.opensc


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


def test_a_locked_pin_is_reported(card: Card, run: Run) -> None:
    """Three mistakes lock the PIN: the list of PINs, the tokens of PKCS#11 and the refusal all say so."""
    wrong = ["pkcs15-tool", "--verify-pin", "--auth-id", "01", "--pin", "0000"]
    told = [run(*wrong, check=False) for _ in range(3)]
    assert all(done.returncode != 0 for done in told)
    assert b"PIN code or key incorrect" in told[0].stdout + told[0].stderr
    assert "Tries left     : 0" in run("pkcs15-tool", "--dump").stdout.decode()
    assert "user PIN locked" in run("pkcs11-tool", "--module", MODULES[0], "-L").stdout.decode()
    late = run(*wrong[:-1], "1234", check=False)
    assert late.returncode != 0
    assert b"PIN code or key incorrect" not in late.stdout + late.stderr
    assert Reader(card).tries_left("authentication") == 0


@pytest.mark.parametrize(("kind", "key", "pin"), [(Kind.AUTHENTICATION, "01", "1234"), (Kind.SIGNING, "02", "ABC123")])
def test_pkcs15_crypt_signs_with_each_key(card: Card, run: Run, tmp_path: Path, kind: Kind, key: str, pin: str) -> None:
    """OpenSC's own signing program makes signatures that verify."""
    digest, signature = tmp_path / "digest", tmp_path / "signature"
    digest.write_bytes(hashlib.sha256(b"by pkcs15-crypt").digest())
    options = ["--sign", "--key", key, "--pin", pin, "--sha-256", "--pkcs1", "--raw"]
    run("pkcs15-crypt", *options, "-i", digest, "-o", signature)
    with connect(card) as reader:
        reader.verify_pin(kind.value, pin)
        spki = certificate_spki(reader.certificate(kind))
    signatures.verify(spki, Scheme.RSA_PKCS1_SHA256, b"by pkcs15-crypt", signature.read_bytes())


@pytest.mark.parametrize("known", atr.KNOWN, ids=lambda known: known.atr.hex().upper())
def test_every_answer_to_reset_is_recognised(known: atr.KnownAtr, vpcd_port: int, run: Run) -> None:
    """Behind whichever interface the card answers, OpenSC and our reader know it and find two PINs."""
    with on_reader(Answering(kit.issued(), known.atr), vpcd_port, run):
        assert b"jpki" in run("opensc-tool", "-n").stdout
        assert run("opensc-tool", "-a").stdout.strip().replace(b":", b"") == known.atr.hex().encode()
        assert run("pkcs15-tool", "--list-pins").stdout.count(b"PIN [") == 2
        with connect(pcsc="Tegata") as reader:
            info = reader.info()
    assert info.known_atr == known
    assert info.tries["signing"] == 5


def test_cards_come_and_go(vpcd_port: int, run: Run) -> None:
    """Taken out and put in again, another in its place, two in two slots: pcscd sees each."""
    first, second = Slot(vpcd_port), Slot(vpcd_port + 1)
    try:
        for card, label in ((kit.issued(), "JPKIAPICCTOKEN2"), (kit.issued("gpse"), "JPKIAPGPSETOKEN")):
            first.insert(card)
            until(lambda: seen(run), "the card to be seen")
            with connect(pcsc="00 00") as reader:
                assert reader.token().label == label
            first.remove()
            until(lambda: not seen(run), "the card to be gone")
        first.insert(kit.issued())
        second.insert(kit.issued("gpse"))
        until(lambda: run("opensc-tool", "-l").stdout.count(b"  Yes  ") == 2, "both cards to be seen")
        with connect(pcsc="00 00") as left, connect(pcsc="00 01") as right:
            assert [left.token().label, right.token().label] == ["JPKIAPICCTOKEN2", "JPKIAPGPSETOKEN"]
    finally:
        first.close()
        second.close()
    until(lambda: not seen(run), "the cards to be gone")


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
