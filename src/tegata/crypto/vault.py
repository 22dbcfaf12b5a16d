# SPDX-License-Identifier: Apache-2.0
"""Seals secrets for the disk: AES-256-GCM under the data directory's key.

Each sealed value is bound to a context string (where it belongs), so that one cannot be swapped for another.  Form:
one version byte, 12 bytes nonce, ciphertext with 16 bytes tag.  The key file is created once, readable by its owner
only.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tegata.messages import TegataError

KEY_SIZE: Final = 32
_VERSION: Final = b"\x01"
_NONCE: Final = 12


class VaultError(TegataError):
    """A sealed value cannot be opened, or the key file cannot be used."""


class Vault:
    """Seals and opens under one 32-byte key.  The key never shows in a repr."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_SIZE:
            raise VaultError("crypto.vault_key_file", file="")
        self._aead = AESGCM(key)

    @classmethod
    def load_or_create(cls, path: Path) -> "Vault":
        """Read the key file, or make it with mode 0600; raises `VaultError` when it is damaged or unreadable."""
        try:
            if not path.exists():
                _write_once(path, secrets.token_bytes(KEY_SIZE))
            key = path.read_bytes()
        except OSError as error:
            raise VaultError("crypto.vault_key_file", file=path.name) from error
        if len(key) != KEY_SIZE:
            raise VaultError("crypto.vault_key_file", file=path.name)
        return cls(key)

    def seal(self, plaintext: bytes, context: str) -> bytes:
        """Encrypt and authenticate `plaintext` for `context`."""
        nonce = secrets.token_bytes(_NONCE)
        return _VERSION + nonce + self._aead.encrypt(nonce, plaintext, _VERSION + context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """Return the plaintext; raises `VaultError` when key, context or bytes are not those of `seal`."""
        if sealed[:1] != _VERSION or len(sealed) < 1 + _NONCE + 16:
            raise VaultError("crypto.vault_cannot_open")
        try:
            return self._aead.decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], _VERSION + context.encode())
        except InvalidTag as error:
            raise VaultError("crypto.vault_cannot_open") from error


def _write_once(path: Path, key: bytes) -> None:
    """Write the key under a temporary name first, so that a crash never leaves a short key behind.

    Linking instead of renaming: of two processes that start together, the second keeps what the first made.
    """
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        os.unlink(temporary)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name itself durable: what is sealed under a key that a power cut took is lost."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
