# SPDX-License-Identifier: Apache-2.0
"""The data directory: whose it is, who may read it, and how damage is told."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from tegata.crypto.vault import Vault
from tegata.sandbox import datadir
from tegata.sandbox.datadir import ROLES, DataError
from unit.refusal import refused


def mode(path: Path) -> int:
    """Return the permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_secret_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    """Directory 0700, tokens, key and address 0600, whatever the umask lets through."""
    before = os.umask(0)
    try:
        with datadir.opened(tmp_path / "deep" / "data") as directory:
            Vault.load_or_create(directory.vault_key)
            directory.announce("http://127.0.0.1:1")
            assert mode(directory.path) == 0o700
            files = sorted(file.name for file in directory.path.iterdir())
            assert files == ["country.json", "country.lock", "meta.json", "secrets.json", "vault.key"]
            assert {mode(directory.path / name) for name in files} == {0o600}
    finally:
        os.umask(before)


def test_secrets_stay_what_they_are_and_differ_between_directories(tmp_path: Path) -> None:
    """A second opening finds the same tokens and issuer keys; another directory has its own."""
    found = []
    for name in ("a", "a", "b"):
        with datadir.opened(tmp_path / name) as directory:
            found.append((directory.secrets.tokens, directory.secrets.issuer_key("card")))
    assert found[0] == found[1]
    assert set(found[0][0]) == set(ROLES)
    assert len({*found[0][0].values(), *found[2][0].values()}) == 2 * len(ROLES)
    assert found[0][1] != found[2][1]


def test_each_thing_has_an_issuer_key_of_its_own(tmp_path: Path) -> None:
    """Knowing one card's key says nothing about another's."""
    with datadir.opened(tmp_path) as directory:
        keys = {directory.secrets.issuer_key(f"TGTC{number:012}") for number in range(50)}
    assert len(keys) == 50
    assert {len(key) for key in keys} == {16}


def test_no_secret_shows_in_a_repr(tmp_path: Path) -> None:
    """Tokens and keys are in no repr, not even of the whole directory."""
    with datadir.opened(tmp_path) as directory:
        shown = repr(directory)
        assert not [token for token in directory.secrets.tokens.values() if token in shown]
        assert repr(directory.secrets.issuer) not in shown


def test_one_directory_has_one_user(tmp_path: Path) -> None:
    """The second is refused; after the first is done, or failed, it may."""
    with datadir.opened(tmp_path), refused("sandbox.data_locked", DataError), datadir.opened(tmp_path):
        pass
    with pytest.raises(ZeroDivisionError), datadir.opened(tmp_path):
        raise ZeroDivisionError
    with datadir.opened(tmp_path):
        pass


def test_people_and_seed_are_kept(tmp_path: Path) -> None:
    """They need not be said again, may be said again, and may not be changed."""
    with datadir.opened(tmp_path, people=3, seed=9):
        pass
    with datadir.opened(tmp_path) as directory:
        assert (directory.meta.people, directory.meta.seed) == (3, 9)
    with datadir.opened(tmp_path, people=3, seed=9):
        pass
    for people, seed in ((4, None), (None, 8), (0, 9)):
        with refused("sandbox.other_people", DataError) as caught, datadir.opened(tmp_path, people=people, seed=seed):
            pass
        assert caught.value.facts["people"] == 3


@pytest.mark.parametrize("version", [0, 2, 99, None, "1", [1]])
def test_another_version_is_left_alone(tmp_path: Path, version: Any) -> None:
    """What another version wrote is refused before anything else is looked at or made."""
    (tmp_path / "meta.json").write_text(json.dumps({"version": version}))
    with refused("sandbox.other_version", DataError), datadir.opened(tmp_path):
        pass
    assert not (tmp_path / "secrets.json").exists()


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"version": 1}'),
        b'{"version": 1, "people": "x", "seed": 1}',
        b'{"version": 1, "people": -1, "seed": 1}',
        b'{"version": 1, "people": true, "seed": 1}',
        b'{"version": 1, "people": 1e999, "seed": 1}',
        b'{"version": 1, "people": 1, "seed": null}',
    ],
)
def test_a_damaged_meta_file_is_named(tmp_path: Path, content: bytes) -> None:
    """Whatever is in it, the file is named and nothing breaks."""
    (tmp_path / "meta.json").write_bytes(content)
    with refused("sandbox.data_damaged", DataError) as caught, datadir.opened(tmp_path):
        pass
    assert caught.value.facts == {"file": "meta.json"}


def spoilt(**changes: Any) -> str:
    """Return a secrets file with something wrong."""
    good = {"tokens": {role: f"token of {role}" for role in ROLES}, "issuer": "00" * 32}
    return json.dumps({**good, **changes})


@pytest.mark.parametrize(
    "content",
    [
        *("", "null", "{}", spoilt(tokens=[]), spoilt(tokens={"operator": "x"}), spoilt(issuer="no hex")),
        *(spoilt(issuer=""), spoilt(issuer="00"), spoilt(issuer=7), spoilt(tokens=dict.fromkeys(ROLES, "same"))),
    ],
)
def test_damaged_secrets_are_named(tmp_path: Path, content: str) -> None:
    """Missing, doubled or shortened secrets are damage, never replaced and never used."""
    with datadir.opened(tmp_path):
        pass
    (tmp_path / "secrets.json").write_text(content)
    with refused("sandbox.data_damaged", DataError) as caught, datadir.opened(tmp_path):
        pass
    assert caught.value.facts == {"file": "secrets.json"}
    assert (tmp_path / "secrets.json").read_text() == content


@pytest.mark.parametrize("name", ["meta.json", "secrets.json", "vault.key"])
def test_databases_without_what_opens_them_are_refused(tmp_path: Path, name: str) -> None:
    """A lost key or token file is not made anew beside databases that were written with the old one."""
    with datadir.opened(tmp_path) as directory:
        Vault.load_or_create(directory.vault_key)
        directory.file("authority").touch()
    (tmp_path / name).unlink()
    with refused("sandbox.data_damaged", DataError) as caught, datadir.opened(tmp_path):
        pass
    assert caught.value.facts == {"file": name}
    assert not (tmp_path / name).exists()


def test_a_directory_broken_off_while_it_was_made_is_finished(tmp_path: Path) -> None:
    """Killed between two of its files, it holds no databases yet, and the next opening makes the rest."""
    with datadir.opened(tmp_path, people=2, seed=5):
        pass
    (tmp_path / "secrets.json").unlink()
    (tmp_path / "secrets.json.new").write_text("half")
    with datadir.opened(tmp_path) as directory:
        assert directory.meta.people == 2
        assert set(directory.secrets.tokens) == set(ROLES)


def test_a_path_that_cannot_be_a_directory_is_refused(tmp_path: Path) -> None:
    """A file in the way, at the end or before it."""
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "data"):
        with refused("sandbox.data_unusable", DataError), datadir.opened(path):
            pass


def test_the_address_is_there_while_it_is_announced(tmp_path: Path) -> None:
    """`address` reads what was announced, and nothing before, after, or from a damaged file."""
    assert datadir.address(tmp_path / "none") is None
    with datadir.opened(tmp_path) as directory:
        assert datadir.address(tmp_path) is None
        directory.announce("http://127.0.0.1:8440")
        assert datadir.address(tmp_path) == "http://127.0.0.1:8440"
        directory.retract()
        directory.retract()
    for content in ("", "[]", "{}", '{"url": 7}'):
        (tmp_path / "country.json").write_text(content)
        assert datadir.address(tmp_path) is None
