# SPDX-License-Identifier: Apache-2.0
"""`tegata reader` and `tegata card` on a saved card: what they print, write and refuse, and that no PIN is shown."""

import json
from pathlib import Path
from typing import Any

import pytest

from tegata.card import CardImage
from tegata.cli.main import main
from tegata.crypto import signatures
from tegata.crypto.keys import Scheme
from tegata.crypto.vault import Vault, VaultError
from tegata.jpki import Kind
from tegata.reader import TransportError, connect, files, pcsc
from tegata.sandbox import card_files
from tegata.sandbox.card_files import CardFileError
from unit.card import kit
from unit.refusal import refused

PINS = {"signing": "ABC123", "authentication": "1234", "text": "4321", "surface.number_b": kit.PINS.number_b or ""}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEGATA_LANG", "en")
    monkeypatch.delenv("TEGATA_PIN", raising=False)
    monkeypatch.delenv("TEGATA_NEW_PIN", raising=False)


class Desk:
    """A saved card, and the command line."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.card = folder / "hanako.card"
        self.vault = Vault.load_or_create(folder / "vault.key")
        card_files.save(self.card, kit.issued_image(), self.vault)
        self._capsys = capsys
        self.told = ""

    def run(self, *arguments: object, pin: str | None = None, code: int = 0) -> Any:
        """Run `tegata reader ...` with the PIN in a file; returns its JSON.  No PIN may be in what it says."""
        options: list[object] = ["--card", self.card, "--data", self.folder, "--json"]
        if pin is not None:
            (self.folder / "pin").write_text(pin + "\n")
            options += ["--pin-file", self.folder / "pin"]
        assert main(["reader", *map(str, (*arguments, *options))]) == code
        said = self._capsys.readouterr()
        self.told = (said.out + said.err).replace(kit.NUMBER, "")
        for secret in {*PINS.values(), *([pin] if pin else [])}:
            assert secret not in self.told
            assert secret.upper() not in self.told
        return json.loads(said.out) if said.out else None


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """Lay a saved card on the desk."""
    return Desk(tmp_path, capsys)


def test_info(desk: Desk) -> None:
    """What everybody may know."""
    assert desk.run("info")["tries_left"]["signing"] == 5


@pytest.mark.parametrize("pin", sorted(PINS))
def test_a_pin_is_verified_once_and_a_mistake_is_kept(desk: Desk, pin: str) -> None:
    """Tries left are said before; the saved card remembers the mistake, and the right PIN afterwards."""
    before = desk.run("info")["tries_left"][pin]
    wrong = {"signing": "WRONG1", "surface.number_b": "9" * 14}.get(pin, "0000")
    assert desk.run("verify-pin", pin, pin=wrong, code=1)["error"] == "reader.wrong_pin"
    assert f"tries left {before}" in desk.told
    assert desk.run("info")["tries_left"][pin] == before - 1
    assert desk.run("verify-pin", pin, pin=PINS[pin])["verified"]
    assert desk.run("info")["tries_left"][pin] == before


def test_the_last_try_needs_an_explicit_wish(desk: Desk) -> None:
    """It is refused before the PIN is even asked for; then it is blocked."""
    for wrong in ("0000", "1111"):
        desk.run("verify-pin", "text", pin=wrong, code=1)
    assert desk.run("verify-pin", "text", code=1)["error"] == "reader.last_try"
    assert desk.run("verify-pin", "text", "--allow-last-try", pin="2222", code=1)["error"] == "reader.pin_blocked"
    assert desk.run("verify-pin", "text", pin=PINS["text"], code=1)["error"] == "reader.pin_blocked"


def test_lower_case_is_sent_as_upper_case_and_said_so(desk: Desk) -> None:
    """As the official clients do."""
    assert desk.run("verify-pin", "signing", pin="abc123")["verified"]
    assert "upper case" in desk.told


def test_a_pin_comes_from_the_environment_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without file, environment or terminal there is none."""
    assert desk.run("verify-pin", "text", code=1)["error"] == "reader.no_pin_given"
    monkeypatch.setenv("TEGATA_PIN", PINS["text"])
    assert desk.run("verify-pin", "text")["verified"]


def test_a_pin_is_typed_unseen(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal it is asked for after the tries left; a new one twice."""
    typed = iter(["4321", "8765", "8764", "4321", "8765", "8765"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("getpass.getpass", lambda prompt: next(typed))
    assert desk.run("change-pin", "text", code=1)["error"] == "reader.pins_differ"
    assert desk.run("change-pin", "text") == {"pin": "text", "changed": True}
    assert desk.run("verify-pin", "text", pin="8765")["verified"]


def test_certificates_are_read(desk: Desk) -> None:
    """PEM on the screen, DER into a file only."""
    shown = desk.run("read", "authentication-certificate")["certificate"]
    assert shown.startswith("-----BEGIN CERTIFICATE-----")
    assert desk.run("read", "signing-authority", "--der", code=1)["error"] == "reader.out_needed"
    out = desk.folder / "ca.der"
    desk.run("read", "signing-authority", "--der", "--out", out)
    assert out.read_bytes() == kit.ca_certificate(Kind.SIGNING)
    assert desk.run("read", "signing-certificate", pin=PINS["signing"])["certificate"]


def test_the_text_application_is_read(desk: Desk) -> None:
    """The number only when the reader confirms that the law lets her."""
    assert desk.run("read", "attributes", pin=PINS["text"])["name"] == kit.FOUR.name
    assert desk.run("read", "number", pin=PINS["text"], code=1)["error"] == "reader.not_confirmed"
    assert desk.run("read", "number", "--yes", pin=PINS["text"]) == {"individual_number": kit.NUMBER}
    by_face = desk.run("read", "attributes", "--with", "text.number_b", pin=kit.PINS.number_b)
    assert by_face["address"] == kit.FOUR.address


def test_the_face_is_written_to_a_folder(desk: Desk) -> None:
    """Pictures as files, dates as JSON."""
    told = desk.run("read", "face", "--out", desk.folder / "face", pin=PINS["surface.number_b"])
    assert told["expiry"] == "20350228"
    assert (desk.folder / "face" / "photo.jp2").read_bytes() == kit.PICTURES.photo


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("scheme", [Scheme.RSA_PKCS1_SHA256, Scheme.RSA_PSS_SHA256])
def test_a_file_is_signed(desk: Desk, kind: Kind, scheme: Scheme) -> None:
    """The raw signature verifies; `--evidence` writes the certificates beside it."""
    document = desk.folder / "contract"
    document.write_bytes(b"I agree")
    options = ("--kind", kind.value, "--scheme", scheme.value, "--evidence", desk.folder / "evidence")
    told = desk.run("sign", document, *options, pin=PINS[kind.value])
    assert told["verify"].startswith(f"tegata verify {document} --certificate")
    with connect(kit.issued()) as reader:
        reader.verify_pin(kind.value, PINS[kind.value])
        spki = files.certificate_spki(reader.certificate(kind))
    signatures.verify(spki, scheme, b"I agree", (desk.folder / "contract.sig").read_bytes())
    assert (desk.folder / "evidence" / "authority.pem").exists()


def test_a_card_shows_that_it_is_no_copy(desk: Desk) -> None:
    """Against roots that the caller names, never against what the card itself says."""
    roots = desk.folder / "roots.json"
    content = [{"key_id": key.hex(), "public_key": _b64(spki)} for key, spki in kit.roots().items()]
    assert desk.run("authenticity", pin=PINS["text"], code=1)["error"] == "reader.roots_needed"
    roots.write_text(json.dumps({"roots": content}))
    assert desk.run("authenticity", "--roots", roots, pin=PINS["text"])["genuine"]
    surface = ("authenticity", "--roots", roots, "--application", "surface")
    assert desk.run(*surface, pin=PINS["surface.number_b"])["application"] == "surface"
    roots.write_text(json.dumps({"roots": []}))
    assert desk.run("authenticity", "--roots", roots, pin=PINS["text"], code=1)["error"] == "reader.not_authentic.root"


def _b64(content: bytes) -> str:
    import base64

    return base64.b64encode(content).decode()


def test_a_dialogue_is_recorded_explained_and_played(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """The recording holds no PIN; with the PINs beside it, the same card answers the same."""
    file, where = desk.folder / "d.apdu", ["--card", str(desk.card), "--data", str(desk.folder)]
    (desk.folder / "pin").write_text("ABC123")
    inner = ["read", "signing-certificate", *where, "--pin-file", str(desk.folder / "pin")]
    assert main(["reader", "trace", "--to", str(file), *inner]) == 0
    text = file.read_text()
    assert "{signing}" in text
    assert "ABC123" not in text
    assert b"ABC123".hex().upper() not in text
    assert main(["reader", "trace", "--explain", str(file)]) == 0
    assert "VERIFY pin.signing (001B)" in capsys.readouterr().out
    (desk.folder / "pins").write_text("signing=ABC123\n")
    assert main(["reader", "trace", "--replay", str(file), "--pins", str(desk.folder / "pins"), *where]) == 0
    assert "answered as recorded" in capsys.readouterr().out
    assert main(["reader", "trace"]) == 1


def test_where_the_card_lies_may_be_said_before_the_traced_action(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """`trace --card FILE info` and `trace info --card FILE` mean the same."""
    where = ["--card", str(desk.card), "--data", str(desk.folder)]
    assert main(["reader", "trace", *where, "info"]) == 0
    before = capsys.readouterr().err
    assert main(["reader", "trace", "info", *where]) == 0
    assert "SELECT application jpki" in before
    assert before == capsys.readouterr().err


def test_the_list_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No reader and no country is no failure; with a reader its card is named by its answer to reset."""

    def none() -> list[pcsc.Listed]:
        raise TransportError("reader.no_reader", wanted="*")

    monkeypatch.setattr(pcsc, "listed", none)
    assert main(["reader", "list", "--data", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["readers"], told["cards"]) == ([], [])
    assert "pcscd" in told["missing"]
    monkeypatch.setattr(pcsc, "listed", lambda: [pcsc.Listed("Desk 00", b"\x3b\x00"), pcsc.Listed("Desk 01", None)])
    assert main(["reader", "list", "--data", str(tmp_path)]) == 0
    assert "Desk 00" in capsys.readouterr().out


def test_show_needs_no_country_for_a_saved_card(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    """The file is named like a card."""
    assert main(["card", "show", str(desk.card), "--data", str(desk.folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["token"], told["signing_tries_left"]) == ("JPKIAPICCTOKEN2", 5)


def test_a_card_file_is_sealed_and_used_once_at_a_time(tmp_path: Path) -> None:
    """Without the data directory's key it opens to nobody, and a card is in one place at a time."""
    vault, file = Vault.load_or_create(tmp_path / "vault.key"), tmp_path / "a.card"
    card_files.save(file, kit.issued_image(), vault)
    assert file.stat().st_mode & 0o777 == 0o600
    assert kit.FOUR.name.encode() not in file.read_bytes()
    assert b"pkcs8" not in file.read_bytes()
    with pytest.raises(VaultError):
        card_files.load(file, Vault(bytes(32)))
    with card_files.opened(file, vault), refused("card.file_in_use", CardFileError), card_files.opened(file, vault):
        pass
    file.write_bytes(b"something else")
    with refused("card.file_unusable", CardFileError):
        card_files.load(file, vault)
    with refused("card.no_key_file", CardFileError):
        card_files.vault_of(tmp_path / "nowhere")


def test_a_mistake_is_in_the_file_before_the_answer(tmp_path: Path) -> None:
    """Whatever reads the file after the answer sees the try gone."""
    vault, file = Vault.load_or_create(tmp_path / "vault.key"), tmp_path / "a.card"
    card_files.save(file, kit.issued_image(), vault)
    with card_files.opened(file, vault) as card:
        card.transmit(bytes.fromhex("00A4040C0AD392F000260100000001"))
        assert card.transmit(bytes.fromhex("002000980430303030")) == b"\x63\xc2"
        kept: CardImage = card_files.load(file, vault)
    assert kept.pins["jpki", 0x18].tries_left == 2
