# SPDX-License-Identifier: Apache-2.0
"""Transactions in one SQLite file.  Documents are not kept: they pass through."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tegata.kiosk.delivery.model import State, Transaction, Wish
from tegata.storage import Database

MIGRATIONS = (
    """
    CREATE TABLE transactions (
        transaction_id TEXT PRIMARY KEY,
        request_id TEXT NOT NULL UNIQUE,
        terminal_id TEXT NOT NULL,
        document TEXT NOT NULL,
        individual_number INTEGER NOT NULL,
        challenge BLOB NOT NULL,
        created_at TEXT NOT NULL,
        expires_at TEXT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT,
        certificate BLOB,
        fingerprint TEXT,
        resident_code TEXT,
        municipality_code TEXT
    ) STRICT;
    CREATE INDEX transactions_by_state ON transactions (state);
    """,
)
_INSERT = "INSERT OR REPLACE INTO transactions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class Store:
    """The centre's memory.  Every method that writes is one durable transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, path: Path, on_commit: Callable[[str], None] | None = None) -> "Store":
        """Open or create the file at `path`; raises `StorageError`."""
        return cls(Database.open(path, MIGRATIONS, on_commit=on_commit))

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def save(self, transaction: Transaction) -> None:
        """Record a transaction as it stands."""
        with self._database.transaction() as tx:
            tx.execute(_INSERT, _row(transaction))

    def by_id(self, transaction_id: str) -> Transaction | None:
        """Return one transaction."""
        row = self._database.one("SELECT * FROM transactions WHERE transaction_id = ?", (transaction_id,))
        return _transaction(row) if row else None

    def by_request(self, request_id: str) -> Transaction | None:
        """Return the transaction that a terminal opened under this request."""
        row = self._database.one("SELECT * FROM transactions WHERE request_id = ?", (request_id,))
        return _transaction(row) if row else None

    def live(self) -> list[Transaction]:
        """Return the transactions that are not over."""
        sql = "SELECT * FROM transactions WHERE state IN ('open', 'authenticated', 'issued')"
        return [_transaction(row) for row in self._database.query(sql)]


def _row(one: Transaction) -> tuple[object, ...]:
    return (
        *(one.transaction_id, one.request_id, one.terminal_id, one.wish.document, int(one.wish.individual_number)),
        *(one.challenge, one.created_at.astimezone(UTC).isoformat(), one.expires_at.astimezone(UTC).isoformat()),
        *(one.state.value, one.reason, one.certificate, one.fingerprint, one.resident_code, one.municipality_code),
    )


def _transaction(row: sqlite3.Row) -> Transaction:
    return Transaction(
        transaction_id=row["transaction_id"],
        request_id=row["request_id"],
        terminal_id=row["terminal_id"],
        wish=Wish(row["document"], bool(row["individual_number"])),
        challenge=row["challenge"],
        created_at=datetime.fromisoformat(row["created_at"]),
        expires_at=datetime.fromisoformat(row["expires_at"]),
        state=State(row["state"]),
        reason=row["reason"],
        certificate=row["certificate"],
        fingerprint=row["fingerprint"],
        resident_code=row["resident_code"],
        municipality_code=row["municipality_code"],
    )
