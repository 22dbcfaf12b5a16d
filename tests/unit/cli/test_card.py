# SPDX-License-Identifier: Apache-2.0
"""`tegata card save` and `show`: a card of a country that is not running, in a file of its own."""

import json
from pathlib import Path

import pytest

from tegata.card import Card
from tegata.cli.main import main
from tegata.crypto.vault import Vault
from tegata.sandbox import card_files, datadir
from tegata.sandbox.things import Thing, Things
from unit.card import kit


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a country's directory in which 花子 holds an issued card, and nothing runs."""
    folder = tmp_path / "data"
    with datadir.opened(folder, people=0, seed=1) as directory:
        vault = Vault.load_or_create(directory.vault_key)
        things = Things.open(directory.file("country"), vault, keys=kit.key_stock())
        things.add_people({"hanako": "hanako"})
        image = kit.issued_image()
        things.add(Thing(image.card_id, "card", "hanako", "2026-11-24T03:00:00Z"), image.to_bytes())
        things.close()
    return folder


def test_a_saved_card_is_the_same_card(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is saved shows the same as the card, is sealed, and belongs to its owner alone."""
    file = tmp_path / "hanako.card"
    assert main(["card", "save", "hanako", str(file), "--data", str(data)]) == 0
    capsys.readouterr()
    assert main(["card", "show", str(file), "--data", str(data), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["token"] == "JPKIAPICCTOKEN2"
    assert shown["signing_tries_left"] == 5
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"PRIVATE" not in file.read_bytes()
    image = card_files.load(file, card_files.vault_of(data))
    assert Card(image).image == kit.issued_image()


def test_nobody_and_another_directory_are_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name that nobody bears, and a file that another directory's key sealed, are errors with a next step."""
    file = tmp_path / "x.card"
    assert main(["card", "save", "nobody", str(file), "--data", str(data), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["next"]
    assert not file.exists()
    assert main(["card", "save", "hanako", str(file), "--data", str(data)]) == 0
    other = tmp_path / "other"
    with datadir.opened(other, people=0, seed=1) as directory:
        Vault.load_or_create(directory.vault_key)
    capsys.readouterr()
    assert main(["card", "show", str(file), "--data", str(other), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"] == "crypto.vault_cannot_open"
