# SPDX-License-Identifier: Apache-2.0
"""The vault: what is sealed opens with the same key and context, and with nothing else."""

import stat
from pathlib import Path

from tegata.crypto.vault import Vault, VaultError
from unit.refusal import refused

KEY = bytes(range(32))


def test_what_is_sealed_opens() -> None:
    """The same key and context give the plaintext back, however long."""
    vault = Vault(KEY)
    for plaintext in (b"", b"1234", bytes(100_000)):
        assert vault.open(vault.seal(plaintext, "card.1"), "card.1") == plaintext


def test_sealing_twice_looks_different() -> None:
    """Nobody sees from outside that two people chose the same PIN."""
    vault = Vault(KEY)
    assert vault.seal(b"1234", "card.1") != vault.seal(b"1234", "card.1")


def test_another_key_context_or_byte_does_not_open() -> None:
    """A sealed value cannot be moved to another place, changed, or cut."""
    sealed = Vault(KEY).seal(b"1234", "card.1")
    flipped = [bytes([*sealed[:i], sealed[i] ^ 1, *sealed[i + 1 :]]) for i in range(len(sealed))]
    tries = [(Vault(bytes(32)), sealed, "card.1"), (Vault(KEY), sealed, "card.2"), (Vault(KEY), sealed, "")]
    tries += [(Vault(KEY), wrong, "card.1") for wrong in (*flipped, sealed[:-1], sealed + b"\x00", sealed[:28], b"")]
    for vault, wrong, context in tries:
        with refused("crypto.vault_cannot_open", VaultError):
            vault.open(wrong, context)


def test_a_key_has_32_bytes() -> None:
    """Anything else is refused at once."""
    with refused("crypto.vault_key_file", VaultError):
        Vault(bytes(16))


def test_the_key_file_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    """Mode 0600, 32 bytes, nothing else left in the folder; the second start reads what the first made."""
    file = tmp_path / "vault.key"
    sealed = Vault.load_or_create(file).seal(b"secret", "x")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_bytes()) == 32
    assert list(tmp_path.iterdir()) == [file]
    assert Vault.load_or_create(file).open(sealed, "x") == b"secret"


def test_two_that_start_together_share_one_key(tmp_path: Path) -> None:
    """The second finds the first one's key in its way, and takes it."""

    class Late(type(tmp_path)):  # type: ignore[misc]  # a path that looked before the other process wrote
        def exists(self, *, follow_symlinks: bool = True) -> bool:
            return False

    file = tmp_path / "vault.key"
    first = Vault.load_or_create(file)
    second = Vault.load_or_create(Late(file))
    assert second.open(first.seal(b"secret", "x"), "x") == b"secret"
    assert list(tmp_path.iterdir()) == [file]


def test_a_damaged_key_file_is_said_to_be_one(tmp_path: Path) -> None:
    """Short, or no file at all: the message names it; a new key would lose what was sealed."""
    file = tmp_path / "vault.key"
    file.write_bytes(bytes(31))
    (tmp_path / "folder").mkdir()
    for path in (file, tmp_path / "folder", tmp_path / "none" / "vault.key"):
        with refused("crypto.vault_key_file", VaultError) as caught:
            Vault.load_or_create(path)
        assert caught.value.facts["file"] == path.name
    assert file.read_bytes() == bytes(31)


def test_the_key_never_shows() -> None:
    """Neither in the repr nor in an attribute."""
    assert KEY.hex() not in repr(Vault(KEY)) + repr(vars(Vault(KEY)))
