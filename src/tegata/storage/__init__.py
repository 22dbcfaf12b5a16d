# SPDX-License-Identifier: Apache-2.0
"""One party's durable memory: a SQLite file, plain SQL, and transactions that survive `kill -9`.

Each party has a file of its own, so that no party can read another's tables.  A commit returns only after the
write-ahead log is on disk (`synchronous=FULL`).  Schema changes are a list of scripts; `PRAGMA user_version` counts
those applied.  A `Database` is used from one thread (the event loop's).
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tegata.messages import TegataError

Parameters = Sequence[object] | Mapping[str, object]


class StorageError(TegataError):
    """The data could not be read or written; the message says why and what to do."""


class Database:
    """An open database file.  Make one with `Database.open`."""

    def __init__(self, connection: sqlite3.Connection, name: str, on_commit: Callable[[str], None] | None) -> None:
        self._connection = connection
        self._name = name
        self._on_commit = on_commit

    @classmethod
    def open(
        cls, path: Path, migrations: Sequence[str], *, on_commit: Callable[[str], None] | None = None
    ) -> "Database":
        """Open or create the file at `path` and bring its schema up to date.

        `migrations` are SQL scripts, applied once each in order.  `on_commit(name)` is called after every durable
        commit with the file's stem.  Raises `StorageError` when the file cannot be used or is of a newer version.
        """
        with _translated(path.name):
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            database = cls(connection, path.stem, on_commit)
            try:
                connection.row_factory = sqlite3.Row
                for pragma in ("busy_timeout=5000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
                    connection.execute(f"PRAGMA {pragma}")
                database._migrate(migrations)
            except BaseException:
                connection.close()  # undoes a script that broke off half-way, and lets go of the file
                raise
        return database

    def _migrate(self, migrations: Sequence[str]) -> None:
        version = int(self._connection.execute("PRAGMA user_version").fetchone()[0])
        if version > len(migrations):
            raise StorageError("storage.newer_version", file=self._name, found=version, known=len(migrations))
        for number, script in enumerate(migrations[version:], version + 1):
            self._connection.executescript(f"BEGIN IMMEDIATE;\n{script};\nPRAGMA user_version={number};\nCOMMIT;")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run the body as one durable transaction; an exception rolls all of it back."""
        with _translated(self._name):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # also when the disk was full at COMMIT itself
                    self._connection.execute("ROLLBACK")
                raise
        if self._on_commit is not None:
            self._on_commit(self._name)

    def query(self, sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        """Return all rows of a SELECT."""
        with _translated(self._name):
            return self._connection.execute(sql, parameters).fetchall()

    def one(self, sql: str, parameters: Parameters = ()) -> sqlite3.Row | None:
        """Return the first row of a SELECT, or `None`."""
        with _translated(self._name):
            row: sqlite3.Row | None = self._connection.execute(sql, parameters).fetchone()
            return row

    def close(self) -> None:
        """Close the file; the log is folded back into it."""
        self._connection.close()


_REASONS = (
    ("full", "storage.full"),
    ("readonly", "storage.read_only"),
    ("unable to open", "storage.cannot_open"),
    ("not a database", "storage.corrupt"),
    ("malformed", "storage.corrupt"),
    ("locked", "storage.busy"),
    ("disk I/O", "storage.io"),
)


@contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.IntegrityError:
        raise
    except sqlite3.DatabaseError as error:
        words = str(error)
        reason = next((reason for part, reason in _REASONS if part in words), None)
        if reason is None:
            raise
        raise StorageError(reason, file=name) from error
