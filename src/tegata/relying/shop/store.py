# SPDX-License-Identifier: Apache-2.0
"""Contracts in one SQLite file.  Evidence is sealed before it is written: it holds a person's attributes."""

import dataclasses
import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tegata.crypto.vault import Vault
from tegata.relying.shop.model import Contract, Plan, Refusal, State
from tegata.storage import Database

MIGRATIONS = (
    """
    CREATE TABLE contracts (
        contract_id TEXT PRIMARY KEY,
        request_id TEXT NOT NULL UNIQUE,
        plan TEXT NOT NULL,
        document BLOB NOT NULL,
        created_at TEXT NOT NULL,
        expires_at TEXT NOT NULL,
        state TEXT NOT NULL,
        refusal TEXT,
        evidence BLOB
    ) STRICT;
    """,
)


class Store:
    """The shop's memory.  Every method that writes is one durable transaction."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    @classmethod
    def open(cls, path: Path, vault: Vault, on_commit: Callable[[str], None] | None = None) -> "Store":
        """Open or create the file at `path`; raises `StorageError`."""
        return cls(Database.open(path, MIGRATIONS, on_commit=on_commit), vault)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def add(self, one: Contract) -> None:
        """Record a new contract."""
        with self._database.transaction() as tx:
            tx.execute(
                "INSERT INTO contracts VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL)",
                (
                    *(one.contract_id, one.request_id, json.dumps(dataclasses.asdict(one.plan)), one.document),
                    *(_text(one.created_at), _text(one.expires_at), one.state.value),
                ),
            )

    def save(self, one: Contract) -> None:
        """Record a contract as it stands."""
        sealed = None
        if one.evidence is not None:
            sealed = self._vault.seal(json.dumps(one.evidence).encode(), _purpose(one.contract_id))
        with self._database.transaction() as tx:
            tx.execute(
                "UPDATE contracts SET state = ?, refusal = ?, evidence = ? WHERE contract_id = ?",
                (one.state.value, _refusal_text(one.refusal), sealed, one.contract_id),
            )

    def by_id(self, contract_id: str) -> Contract | None:
        """Return one contract."""
        row = self._database.one("SELECT * FROM contracts WHERE contract_id = ?", (contract_id,))
        return self._contract(row) if row else None

    def by_request(self, request_id: str) -> Contract | None:
        """Return the contract that this request opened."""
        row = self._database.one("SELECT * FROM contracts WHERE request_id = ?", (request_id,))
        return self._contract(row) if row else None

    def _contract(self, row: sqlite3.Row) -> Contract:
        evidence: dict[str, Any] | None = None
        if row["evidence"] is not None:
            evidence = json.loads(self._vault.open(row["evidence"], _purpose(row["contract_id"])))
        return Contract(
            contract_id=row["contract_id"],
            request_id=row["request_id"],
            plan=Plan(**json.loads(row["plan"])),
            document=row["document"],
            created_at=datetime.fromisoformat(row["created_at"]),
            expires_at=datetime.fromisoformat(row["expires_at"]),
            state=State(row["state"]),
            refusal=_refusal(row["refusal"]),
            evidence=evidence,
        )


def _purpose(contract_id: str) -> str:
    return f"relying.shop.evidence.{contract_id}"


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _refusal_text(one: Refusal | None) -> str | None:
    if one is None:
        return None
    return json.dumps({"reason": one.reason, "at": _text(one.at), "facts": one.facts, "checks": one.checks})


def _refusal(text: str | None) -> Refusal | None:
    if text is None:
        return None
    kept = json.loads(text)
    return Refusal(kept["reason"], datetime.fromisoformat(kept["at"]), kept["facts"], kept["checks"])
