# SPDX-License-Identifier: Apache-2.0
"""Applications in one SQLite file.

A row per application; `debts` hold what the authority has still to be told, written in the transaction that incurs it
and deleted once the authority has answered.  A later debt about the same pair takes the place of an earlier one: to
discard outweighs to have installed.
"""

import json
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from tegata.enrolment.model import Act, Application, Debt, Device, Pair, State
from tegata.storage import Database

MIGRATIONS = (
    """
    CREATE TABLE applications (
        application_id TEXT PRIMARY KEY,
        request_id TEXT NOT NULL UNIQUE,
        issue_request_id TEXT NOT NULL UNIQUE,
        device TEXT NOT NULL,
        element TEXT NOT NULL,
        document BLOB NOT NULL,
        created_at TEXT NOT NULL,
        expires_at TEXT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT,
        parent_serial TEXT,
        holds_element INTEGER NOT NULL,
        signing_request BLOB,
        authentication_request BLOB,
        signing_certificate BLOB,
        authentication_certificate BLOB
    ) STRICT;
    CREATE INDEX applications_by_element ON applications (element);
    CREATE INDEX applications_by_state ON applications (state);
    CREATE TABLE debts (
        issue_request_id TEXT PRIMARY KEY,
        act TEXT NOT NULL,
        request_id TEXT
    ) STRICT;
    """,
)


class Store:
    """The service's memory.  Every method that writes is one durable transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, path: Path, on_commit: Callable[[str], None] | None = None) -> "Store":
        """Open or create the file at `path`; raises `StorageError`."""
        return cls(Database.open(path, MIGRATIONS, on_commit=on_commit))

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def save(self, *applications: Application, owe: Sequence[Debt] = ()) -> None:
        """Record applications, and what the authority must be told of them, in one transaction."""
        with self._database.transaction() as tx:
            for application in applications:
                tx.execute(_UPSERT, _to_row(application))
            for debt in owe:
                row = (debt.issue_request_id, debt.act.value, debt.request_id)
                tx.execute("INSERT OR REPLACE INTO debts VALUES (?, ?, ?)", row)

    def by_id(self, application_id: str) -> Application | None:
        """Return the application of this identifier."""
        return self._one("application_id = ?", application_id)

    def by_request(self, request_id: str) -> Application | None:
        """Return the application that was made under this request identifier."""
        return self._one("request_id = ?", request_id)

    def by_issue_request(self, issue_request_id: str) -> Application | None:
        """Return the application that the authority knows under this identifier."""
        return self._one("issue_request_id = ?", issue_request_id)

    def by_element(self, serial: str) -> list[Application]:
        """Return every application made from the phone with this element, oldest first."""
        return self._many("element = ? ORDER BY created_at, rowid", serial)

    def in_states(self, *states: State) -> list[Application]:
        """Return the applications that are in one of the states."""
        marks = ",".join("?" * len(states))
        return self._many(f"state IN ({marks})", *(state.value for state in states))

    def debts(self) -> list[Debt]:
        """Return what the authority has still to be told, oldest first."""
        rows = self._database.query("SELECT * FROM debts ORDER BY rowid")
        return [Debt(row["issue_request_id"], Act(row["act"]), row["request_id"]) for row in rows]

    def settle(self, debt: Debt) -> None:
        """Forget a debt that the authority has acknowledged."""
        with self._database.transaction() as tx:
            row = (debt.issue_request_id, debt.act.value)
            tx.execute("DELETE FROM debts WHERE issue_request_id = ? AND act = ?", row)

    def _one(self, condition: str, *values: object) -> Application | None:
        return next(iter(self._many(condition, *values)), None)

    def _many(self, condition: str, *values: object) -> list[Application]:
        rows = self._database.query(f"SELECT * FROM applications WHERE {condition}", values)  # noqa: S608
        return [_from_row(row) for row in rows]


_FIXED = ("application_id", "request_id", "issue_request_id", "device", "element", "document", "created_at")
_MUTABLE = (
    "expires_at",
    "state",
    "reason",
    "parent_serial",
    "holds_element",
    "signing_request",
    "authentication_request",
    "signing_certificate",
    "authentication_certificate",
)
_COLUMNS = _FIXED + _MUTABLE
_VALUES = ", ".join(f":{name}" for name in _COLUMNS)
_CHANGES = ", ".join(f"{name} = excluded.{name}" for name in _MUTABLE)
_UPSERT = (
    f"INSERT INTO applications ({', '.join(_COLUMNS)}) VALUES ({_VALUES}) "  # noqa: S608 -- our own column names
    f"ON CONFLICT (application_id) DO UPDATE SET {_CHANGES}"
)


def _to_row(application: Application) -> dict[str, object]:
    requests, certificates = application.requests, application.certificates
    return {
        "application_id": application.application_id,
        "request_id": application.request_id,
        "issue_request_id": application.issue_request_id,
        "device": json.dumps(application.device.to_json()),
        "element": application.device.serial,
        "document": application.document,
        "created_at": application.created_at.isoformat(),
        "expires_at": application.expires_at.isoformat(),
        "state": application.state.value,
        "reason": application.reason,
        "parent_serial": None if application.parent_serial is None else str(application.parent_serial),
        "holds_element": int(application.holds_element),
        "signing_request": requests and requests.signing,
        "authentication_request": requests and requests.authentication,
        "signing_certificate": certificates and certificates.signing,
        "authentication_certificate": certificates and certificates.authentication,
    }


def _from_row(row: sqlite3.Row) -> Application:
    return Application(
        application_id=row["application_id"],
        request_id=row["request_id"],
        issue_request_id=row["issue_request_id"],
        device=Device(**json.loads(row["device"])),
        document=row["document"],
        created_at=datetime.fromisoformat(row["created_at"]),
        expires_at=datetime.fromisoformat(row["expires_at"]),
        state=State(row["state"]),
        reason=row["reason"],
        parent_serial=None if row["parent_serial"] is None else int(row["parent_serial"]),
        holds_element=bool(row["holds_element"]),
        requests=_pair(row["signing_request"], row["authentication_request"]),
        certificates=_pair(row["signing_certificate"], row["authentication_certificate"]),
    )


def _pair(signing: bytes | None, authentication: bytes | None) -> Pair | None:
    return None if signing is None or authentication is None else Pair(signing, authentication)
