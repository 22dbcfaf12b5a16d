# SPDX-License-Identifier: Apache-2.0
"""The data directory: one country's memory, used by one process at a time.

`country.lock` is held while a process runs (`flock`, so a killed process lets go); `meta.json` says which version
wrote the directory and which people live there; `secrets.json` and `vault.key` (mode 0600) hold the tokens between
parties and the key that seals keys and PINs; `country.json` tells other commands where the running country listens.
What one of these files held cannot be made again, so a directory with databases but without one of them is refused.
"""

import contextlib
import errno
import fcntl
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from tegata.messages import TegataError

VERSION: Final = 1
ROLES: Final = ("municipality", "enrolment", "hotline", "signin", "delivery", "relying", "terminal", "operator")
"""Who calls whom with a bearer token; `operator` is the country's own hand."""
ADDRESS: Final = "country.json"
_ISSUER_BYTES: Final = 32


class DataError(TegataError):
    """The data directory cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Meta:
    """What was chosen when the directory was made: people and the seed they come from, and the form's version."""

    people: int
    seed: int
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class Secrets:
    """Tokens by role, and the key from which the issuer keys of cards and phones are derived."""

    tokens: dict[str, str] = field(repr=False)
    issuer: bytes = field(repr=False)

    def issuer_key(self, thing_id: str) -> bytes:
        """Return the AES-128 issuer key of a card or secure element."""
        return hmac.digest(self.issuer, f"issuer-key\0{thing_id}".encode(), hashlib.sha256)[:16]


@dataclass(frozen=True, slots=True)
class DataDir:
    """An opened and locked directory."""

    path: Path
    meta: Meta
    secrets: Secrets

    def file(self, name: str) -> Path:
        """Return the path of a party's database."""
        return self.path / f"{name}.sqlite"

    @property
    def vault_key(self) -> Path:
        """The key file of the vault."""
        return self.path / "vault.key"

    def announce(self, url: str) -> None:
        """Tell other commands where the country listens; raises `DataError`."""
        with _file_errors(self.path):
            _write(self.path / ADDRESS, {"url": url, "pid": os.getpid()})

    def retract(self) -> None:
        """The country listens no more."""
        with contextlib.suppress(OSError):
            (self.path / ADDRESS).unlink(missing_ok=True)


@contextlib.contextmanager
def opened(path: Path, *, people: int | None = None, seed: int | None = None) -> Iterator[DataDir]:
    """Lock the directory, making it if need be, for as long as the context lasts.

    `people` and `seed` may be left out for a directory that exists.  Raises `DataError`: `sandbox.data_unusable`,
    `sandbox.data_full`, `sandbox.data_locked`, `sandbox.other_version`, `sandbox.other_people`,
    `sandbox.data_damaged`.
    """
    with _file_errors(path):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path / "country.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        with _file_errors(path):
            _lock(path, descriptor)
            directory = DataDir(path, _meta(path, people, seed), _secrets(path))
            _demand_kept(directory.vault_key)
        yield directory
    finally:
        os.close(descriptor)


def address(path: Path) -> str | None:
    """Return where the country of a data directory says that it listens, `None` when it says nothing.

    A killed country says it still: whoever calls there finds out.
    """
    try:
        found = _read(path / ADDRESS).get("url")
    except (OSError, DataError):
        return None
    return found if isinstance(found, str) else None


def _lock(path: Path, descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DataError("sandbox.data_locked", where=str(path)) from None


def _demand_kept(file: Path) -> None:
    """Refuse a directory with databases in which `file` is missing."""
    if not file.exists() and any(file.parent.glob("*.sqlite")):
        raise DataError("sandbox.data_damaged", file=file.name)


def _meta(path: Path, people: int | None, seed: int | None) -> Meta:
    file = path / "meta.json"
    _demand_kept(file)
    if not file.exists():
        meta = Meta(people if people is not None else 12, seed if seed is not None else 1)
        _write(file, asdict(meta))
        return meta
    raw = _read(file)
    if raw.get("version") != VERSION:
        raise DataError("sandbox.other_version", found=str(raw.get("version")), known=VERSION, where=str(path))
    numbers = raw.get("people"), raw.get("seed")
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise DataError("sandbox.data_damaged", file=file.name)
    meta = Meta(raw["people"], raw["seed"])
    wanted = (meta.people if people is None else people, meta.seed if seed is None else seed)
    if wanted != (meta.people, meta.seed):
        raise DataError("sandbox.other_people", people=meta.people, seed=meta.seed, where=str(path))
    return meta


def _secrets(path: Path) -> Secrets:
    file = path / "secrets.json"
    _demand_kept(file)
    if not file.exists():
        fresh = {role: secrets.token_urlsafe(32) for role in ROLES}
        _write(file, {"tokens": fresh, "issuer": secrets.token_hex(_ISSUER_BYTES)})
    raw = _read(file)
    try:
        found = Secrets({role: str(raw["tokens"][role]) for role in ROLES}, bytes.fromhex(raw["issuer"]))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError("sandbox.data_damaged", file=file.name) from error
    if len(found.issuer) != _ISSUER_BYTES or len(set(found.tokens.values())) != len(ROLES):
        raise DataError("sandbox.data_damaged", file=file.name)
    return found


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text("utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataError("sandbox.data_damaged", file=file.name) from error
    if not isinstance(content, dict):
        raise DataError("sandbox.data_damaged", file=file.name)
    return content


def _write(file: Path, content: dict[str, Any]) -> None:
    """Write a small file whole or not at all, durably, its name included; nobody else may read it."""
    temporary = file.with_name(f"{file.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(content, out)
        out.flush()
        os.fsync(out.fileno())
    os.replace(temporary, file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextlib.contextmanager
def _file_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise DataError("sandbox.data_full" if full else "sandbox.data_unusable", where=str(path)) from error
