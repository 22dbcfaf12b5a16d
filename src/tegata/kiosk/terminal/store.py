# SPDX-License-Identifier: Apache-2.0
"""Sessions in one SQLite file.  No document, name or PIN ever comes here."""

import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tegata.jpki import Carrier
from tegata.kiosk.terminal.model import Choice, Report, Session, State
from tegata.storage import Database

MIGRATIONS = (
    """
    CREATE TABLE sessions (
        session_id TEXT PRIMARY KEY,
        request_id TEXT NOT NULL UNIQUE,
        document TEXT NOT NULL,
        individual_number INTEGER NOT NULL,
        fee INTEGER NOT NULL,
        created_at TEXT NOT NULL,
        expires_at TEXT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT,
        transaction_id TEXT UNIQUE,
        challenge BLOB,
        fingerprint TEXT,
        carrier TEXT,
        tries_left INTEGER,
        paid INTEGER NOT NULL,
        report TEXT
    ) STRICT;
    CREATE INDEX sessions_by_state ON sessions (state);
    CREATE INDEX sessions_to_report ON sessions (session_id) WHERE report IS NOT NULL;
    """,
    "ALTER TABLE sessions ADD COLUMN facts TEXT NOT NULL DEFAULT '{}'",
)
_INSERT = "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_UPDATE = (
    "UPDATE sessions SET expires_at = ?, state = ?, reason = ?, transaction_id = ?, challenge = ?, fingerprint = ?, "
    "carrier = ?, tries_left = ?, paid = ?, report = ?, facts = ? WHERE session_id = ?"
)


class Store:
    """The terminal's memory.  Every method that writes is one durable transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, path: Path, on_commit: Callable[[str], None] | None = None) -> "Store":
        """Open or create the file at `path`; raises `StorageError`."""
        return cls(Database.open(path, MIGRATIONS, on_commit=on_commit))

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def add(self, one: Session) -> None:
        """Record a new session."""
        with self._database.transaction() as tx:
            choice = (one.choice.document, int(one.choice.individual_number), one.fee)
            created = one.created_at.astimezone(UTC).isoformat()
            tx.execute(_INSERT, (one.session_id, one.request_id, *choice, created, *_mutable(one)))

    def save(self, one: Session) -> None:
        """Record a session as it stands."""
        with self._database.transaction() as tx:
            tx.execute(_UPDATE, (*_mutable(one), one.session_id))

    def by_id(self, session_id: str) -> Session | None:
        """Return one session."""
        row = self._database.one("SELECT * FROM sessions WHERE session_id = ?", (session_id,))
        return _session(row) if row else None

    def by_request(self, request_id: str) -> Session | None:
        """Return the session that this request opened."""
        row = self._database.one("SELECT * FROM sessions WHERE request_id = ?", (request_id,))
        return _session(row) if row else None

    def unfinished(self) -> list[Session]:
        """Return the sessions that are not over."""
        sql = "SELECT * FROM sessions WHERE state IN ('chosen', 'authenticated', 'paid', 'printing')"
        return [_session(row) for row in self._database.query(sql)]

    def to_report(self) -> list[Session]:
        """Return the sessions of which the centre has still to be told something."""
        return [_session(row) for row in self._database.query("SELECT * FROM sessions WHERE report IS NOT NULL")]


def _mutable(one: Session) -> tuple[object, ...]:
    return (
        *(one.expires_at.astimezone(UTC).isoformat(), one.state.value, one.reason, one.transaction_id, one.challenge),
        *(one.fingerprint, one.carrier and one.carrier.value, one.tries_left, one.paid),
        *(one.report and one.report.value, json.dumps(dict(one.facts))),
    )


def _session(row: sqlite3.Row) -> Session:
    return Session(
        session_id=row["session_id"],
        request_id=row["request_id"],
        choice=Choice(row["document"], bool(row["individual_number"])),
        fee=row["fee"],
        created_at=datetime.fromisoformat(row["created_at"]),
        expires_at=datetime.fromisoformat(row["expires_at"]),
        state=State(row["state"]),
        reason=row["reason"],
        facts=json.loads(row["facts"]),
        transaction_id=row["transaction_id"],
        challenge=row["challenge"],
        fingerprint=row["fingerprint"],
        carrier=row["carrier"] and Carrier(row["carrier"]),
        tries_left=row["tries_left"],
        paid=row["paid"],
        report=row["report"] and Report(row["report"]),
    )
