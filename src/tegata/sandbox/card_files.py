# SPDX-License-Identifier: Apache-2.0
"""A card as a file of its own: its memory, sealed by the key of a data directory.

The file is replaced whole and synced before the card answers, so a card in a file keeps its PIN counters as one in the
country does.  One process uses it at a time (`flock` on a file beside it).
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tegata.card import Card, CardImage
from tegata.crypto.vault import Vault
from tegata.messages import TegataError

_HEAD: Final = b"TEGATA CARD 1\n"
_CONTEXT: Final = "card-file"


class CardFileError(TegataError):
    """`card.no_key_file`, `card.file_unusable`, `card.file_in_use`."""


def vault_of(data: Path) -> Vault:
    """Return the vault of a data directory; raises `CardFileError` rather than making a key that opens nothing."""
    file = data / "vault.key"
    if not file.exists():
        raise CardFileError("card.no_key_file", where=str(data))
    return Vault.load_or_create(file)


def save(path: Path, image: CardImage, vault: Vault) -> None:
    """Write a card's memory, mode 0600, all or nothing.  Raises `CardFileError`."""
    temporary = path.with_name(path.name + ".new")
    with _errors(path):
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_HEAD + vault.seal(image.to_bytes(), _CONTEXT))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def load(path: Path, vault: Vault) -> CardImage:
    """Return a card's memory.  Raises `CardFileError`, `VaultError` (another directory's key), `BadImage`."""
    with _errors(path):
        content = path.read_bytes()
    if not content.startswith(_HEAD):
        raise CardFileError("card.file_unusable", file=path.name, cause="?")
    return CardImage.from_bytes(vault.open(content.removeprefix(_HEAD), _CONTEXT))


@contextlib.contextmanager
def opened(path: Path, vault: Vault) -> Iterator[Card]:
    """Yield the card of a file under power; what it remembers goes to the file before it answers."""
    lock = path.with_name(path.name + ".lock")
    with _errors(path):
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CardFileError("card.file_in_use", file=path.name) from None
        yield Card(load(path, vault), on_persist=lambda image: save(path, image, vault))
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CardFileError("card.file_unusable", file=path.name, cause=type(error).__name__) from error
