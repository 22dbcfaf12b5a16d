# SPDX-License-Identifier: Apache-2.0
"""The authority's memory in one SQLite file.

`Store` reads; everything that writes happens in `Store.act`, which is one durable transaction with at least one entry
of the audit log.  Private keys and the secret behind opaque person identifiers are sealed before they are written.
"""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from tegata.authority import audit
from tegata.authority.model import Certificate, Event, Reason, Request, Revocation, Stage, Superseded
from tegata.authority.schema import MIGRATIONS
from tegata.crypto.vault import Vault
from tegata.jpki import Carrier, Kind
from tegata.storage import Database

HEAD = "authority.audit_head"


@dataclass(frozen=True, slots=True)
class Own:
    """A certificate that the authority issued to itself, with its key (PKCS#8): a CA, or an OCSP responder."""

    kind: Kind
    serial: int
    role: str
    der: bytes
    key: bytes = field(repr=False)
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class SignedList:
    """A revocation list as it was last signed; `revision` counts the changes that it shows."""

    number: int
    revision: int
    this_update: datetime
    next_update: datetime
    der: bytes = field(repr=False)


class Store:
    """The authority's memory."""

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

    @contextmanager
    def act(self, now: datetime) -> Iterator["Writing"]:
        """Write in one durable transaction; an exception undoes all of it."""
        with self._database.transaction() as tx:
            yield Writing(self, tx, self._vault, now)

    # -- the authority's own -------------------------------------------------------------------------------------------

    def own(self, kind: Kind, role: str) -> Own | None:
        """Return the newest certificate that the authority issued to itself in this role."""
        sql = "SELECT * FROM own WHERE kind = ? AND role = ? ORDER BY serial DESC LIMIT 1"
        row = self._database.one(sql, (kind.value, role))
        if row is None:
            return None
        key = self._vault.open(row["key"], f"authority.key.{kind.value}.{row['serial']}")
        validity = (datetime.fromisoformat(row["not_before"]), datetime.fromisoformat(row["not_after"]))
        return Own(kind, row["serial"], role, row["der"], key, *validity)

    def standing(self, kind: Kind, serial: int) -> tuple[bool, Revocation | None]:
        """Return whether a serial number was given to anybody, the authority itself included, and how it ended."""
        if not _is_serial(serial):
            return False, None
        row = self._database.one(_STANDING, (kind.value, serial))
        if row is None:
            row = self._database.one("SELECT 1 FROM own WHERE kind = ? AND serial = ?", (kind.value, serial))
            return row is not None, None
        return True, _revocation(row)

    def secret(self, name: str) -> bytes | None:
        """Return a secret by its name."""
        row = self._database.one("SELECT sealed FROM secrets WHERE name = ?", (name,))
        return None if row is None else self._vault.open(row["sealed"], f"authority.secret.{name}")

    # -- requests and certificates -------------------------------------------------------------------------------------

    def request(self, carrier: Carrier, request_id: str) -> Request | None:
        """Return a request that was carried out."""
        sql = "SELECT * FROM requests WHERE carrier = ? AND request_id = ?"
        row = self._database.one(sql, (carrier.value, request_id))
        if row is None:
            return None
        serials, requests = json.loads(row["superseded"])
        superseded = Superseded(tuple(serials), tuple(requests))
        return Request(carrier, request_id, row["digest"], Stage(row["stage"]), superseded)

    def certificate(self, kind: Kind, serial: int) -> Certificate | None:
        """Return a certificate by the kind of its issuer and its serial number."""
        if not _is_serial(serial):
            return None
        row = self._database.one("SELECT * FROM certificates WHERE kind = ? AND serial = ?", (kind.value, serial))
        return _certificate(row) if row else None

    def pair(self, carrier: Carrier, request_id: str) -> dict[Kind, Certificate]:
        """Return the certificates that one request brought, by kind."""
        sql = "SELECT * FROM certificates WHERE carrier = ? AND request_id = ?"
        found = [_certificate(row) for row in self._database.query(sql, (carrier.value, request_id))]
        return {one.kind: one for one in found}

    def of_resident(self, resident_code: str) -> list[Certificate]:
        """Return everything that was issued to a person, oldest first."""
        sql = "SELECT * FROM certificates WHERE resident_code = ? ORDER BY rowid"
        return [_certificate(row) for row in self._database.query(sql, (resident_code,))]

    def children(self, kind: Kind, serial: int, kinds: tuple[Kind, ...]) -> list[Certificate]:
        """Return the phone certificates of `kinds` whose pair hangs on this certificate of a card."""
        sql = (
            "SELECT c.* FROM certificates p"
            " JOIN certificates c ON (c.carrier, c.request_id) = (p.carrier, p.request_id)"
            " WHERE p.kind = ? AND p.parent = ? ORDER BY c.rowid"
        )
        found = [_certificate(row) for row in self._database.query(sql, (kind.value, serial))]
        return [one for one in found if one.kind in kinds]

    def unsigned(self) -> list[Certificate]:
        """Return the certificates that were recorded and not signed: a crash fell between."""
        return [_certificate(row) for row in self._database.query("SELECT * FROM certificates WHERE der IS NULL")]

    def key_is_known(self, spki: bytes) -> bool:
        """Say whether this public key was certified before, by either authority."""
        sql = "SELECT 1 FROM certificates WHERE key_sha256 = ?"
        return self._database.one(sql, (hashlib.sha256(spki).digest(),)) is not None

    def revoked(self, kind: Kind, code: str, expired_before: datetime) -> list[Certificate]:
        """Return the revoked certificates of one list by serial number, without those that expired before a moment."""
        sql = (
            "SELECT * FROM certificates WHERE kind = ? AND municipality_code = ? AND reason IS NOT NULL"
            " AND not_after >= ? ORDER BY serial"
        )
        rows = self._database.query(sql, (kind.value, code, text_of(expired_before)))
        return [_certificate(row) for row in rows]

    # -- events, holds, lists ------------------------------------------------------------------------------------------

    def event(self, event_id: str) -> tuple[Event, dict[str, Any]] | None:
        """Return an event that was carried out, with its answer."""
        row = self._database.one("SELECT * FROM events WHERE event_id = ?", (event_id,))
        if row is None:
            return None
        occurred_at = datetime.fromisoformat(row["occurred_at"])
        event = Event(event_id, row["sequence"], row["resident_code"], row["kind"], occurred_at)
        return event, json.loads(row["answer"])

    def last_sequence(self, resident_code: str) -> int:
        """Return the number of the last event of a person that was carried out; 0 before the first."""
        row = self._database.one("SELECT max(sequence) AS last FROM events WHERE resident_code = ?", (resident_code,))
        return (row["last"] if row else None) or 0

    def event_kinds(self, resident_code: str) -> set[str]:
        """Return which kinds of events a person has had."""
        rows = self._database.query("SELECT DISTINCT kind FROM events WHERE resident_code = ?", (resident_code,))
        return {row["kind"] for row in rows}

    def hold(self, request_id: str) -> tuple[str, dict[str, Any]] | None:
        """Return whose pair a hold was for, and its answer."""
        row = self._database.one("SELECT * FROM holds WHERE request_id = ?", (request_id,))
        return None if row is None else (row["issue_request_id"], json.loads(row["answer"]))

    def revision(self, kind: Kind, code: str) -> int:
        """Return how many changes a revocation list has seen."""
        row = self._database.one("SELECT revision FROM lists WHERE kind = ? AND code = ?", (kind.value, code))
        return row["revision"] if row else 0

    def signed_list(self, kind: Kind, code: str) -> SignedList | None:
        """Return a revocation list as it was last signed."""
        row = self._database.one("SELECT * FROM lists WHERE kind = ? AND code = ?", (kind.value, code))
        if row is None or row["der"] is None:
            return None
        times = (datetime.fromisoformat(row["this_update"]), datetime.fromisoformat(row["next_update"]))
        return SignedList(row["number"], row["signed_revision"], *times, row["der"])

    # -- audit ---------------------------------------------------------------------------------------------------------

    def entries(self, after: int = 0, limit: int | None = None) -> list[audit.Entry]:
        """Return audit entries in order, those after a number."""
        sql = "SELECT * FROM audit WHERE number > ? ORDER BY number LIMIT ?"
        return [_entry(row) for row in self._database.query(sql, (after, -1 if limit is None else limit))]

    def last_entry(self) -> audit.Entry | None:
        """Return the newest audit entry."""
        row = self._database.one("SELECT * FROM audit ORDER BY number DESC LIMIT 1")
        return _entry(row) if row else None

    def head(self) -> tuple[int, str]:
        """Return number and hash of the newest entry as the vault sealed them; raises `VaultError`."""
        row = self._database.one("SELECT sealed FROM audit_head")
        if row is None:
            return 0, audit.GENESIS
        number, value = json.loads(self._vault.open(row["sealed"], HEAD))
        return number, value


class Transaction(Protocol):
    """What of an open transaction is used here."""

    def execute(self, sql: str, parameters: tuple[object, ...] = ..., /) -> Any:
        """Execute one statement."""
        ...


class Writing:
    """The inside of one act: what it may write.  Made by `Store.act`."""

    def __init__(self, store: Store, tx: Transaction, vault: Vault, now: datetime) -> None:
        self._store = store
        self._tx = tx
        self._vault = vault
        self.now = now

    def audit(self, act: str, role: str, **facts: Any) -> None:
        """Append to the audit log and seal its new head."""
        one = audit.entry(self._store.last_entry(), self.now, act, role, facts)
        row = (one.number, one.at, one.act, one.role, json.dumps(one.facts), one.previous, one.hash)
        self._tx.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        sealed = self._vault.seal(json.dumps([one.number, one.hash]).encode(), HEAD)
        self._tx.execute("INSERT OR REPLACE INTO audit_head VALUES (1, ?)", (sealed,))

    def next_serial(self, kind: Kind) -> int:
        """Take the next serial number of an authority; one counter serves all that it signs."""
        sql = "INSERT INTO counters VALUES (?, 1) ON CONFLICT DO UPDATE SET last = last + 1 RETURNING last"
        return int(self._tx.execute(sql, (kind.value,)).fetchone()[0])

    def add_own(self, one: Own) -> None:
        """Keep a certificate that the authority issued to itself; its key is sealed."""
        sealed = self._vault.seal(one.key, f"authority.key.{one.kind.value}.{one.serial}")
        validity = (text_of(one.not_before), text_of(one.not_after))
        row = (one.kind.value, one.serial, one.role, one.der, sealed, *validity)
        self._tx.execute("INSERT INTO own VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def add_secret(self, name: str, value: bytes) -> None:
        """Keep a secret, sealed."""
        sealed = self._vault.seal(value, f"authority.secret.{name}")
        self._tx.execute("INSERT INTO secrets VALUES (?, ?)", (name, sealed))

    def save_request(self, one: Request) -> None:
        """Record a request, or how far it has come."""
        superseded = json.dumps([one.superseded.serials, one.superseded.requests])
        row = (one.carrier.value, one.request_id, one.digest, one.stage.value, superseded)
        sql = "INSERT INTO requests VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET stage = excluded.stage"
        self._tx.execute(sql, row)

    def add_certificate(self, one: Certificate, spki: bytes) -> None:
        """Record a certificate that will be signed."""
        row = (
            *(one.kind.value, one.serial, one.carrier.value, one.request_id, one.resident_code),
            *(one.municipality_code, text_of(one.not_before), text_of(one.not_after), one.tbs),
            *(hashlib.sha256(spki).digest(), one.parent, one.renews),
        )
        self._tx.execute(_INSERT_CERTIFICATE, row)

    def sign(self, one: Certificate, der: bytes) -> None:
        """Add the signature to a certificate that was recorded."""
        sql = "UPDATE certificates SET der = ? WHERE kind = ? AND serial = ? AND der IS NULL"
        self._tx.execute(sql, (der, one.kind.value, one.serial))

    def revoke(self, one: Certificate, revocation: Revocation) -> None:
        """Record the end of a good certificate, and that its list has changed."""
        sql = "UPDATE certificates SET reason = ?, revoked_at = ? WHERE kind = ? AND serial = ?"
        self._tx.execute(sql, (revocation.reason.value, text_of(revocation.at), one.kind.value, one.serial))
        self._tx.execute(_CHANGE_LIST, (one.kind.value, one.municipality_code))

    def add_event(self, one: Event, answer: dict[str, Any]) -> None:
        """Record an event with what is answered to it."""
        row = (one.event_id, one.resident_code, one.sequence, one.cause, text_of(one.occurred_at), json.dumps(answer))
        self._tx.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", row)

    def add_hold(self, request_id: str, issue_request_id: str, answer: dict[str, Any]) -> None:
        """Record a hold with what is answered to it."""
        self._tx.execute("INSERT INTO holds VALUES (?, ?, ?)", (request_id, issue_request_id, json.dumps(answer)))

    def save_list(self, kind: Kind, code: str, one: SignedList) -> None:
        """Keep a revocation list that was signed."""
        row = (kind.value, code, one.revision, one.number, text_of(one.this_update), text_of(one.next_update), one.der)
        self._tx.execute(_SAVE_LIST, row)


_INSERT_CERTIFICATE = (
    "INSERT INTO certificates (kind, serial, carrier, request_id, resident_code, municipality_code,"
    " not_before, not_after, tbs, key_sha256, parent, renews) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_CHANGE_LIST = (
    "INSERT INTO lists (kind, code, revision) VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET revision = revision + 1"
)
_STANDING = "SELECT reason, revoked_at FROM certificates WHERE kind = ? AND serial = ?"
_SAVE_LIST = (
    "INSERT INTO lists (kind, code, signed_revision, number, this_update, next_update, der)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET signed_revision = excluded.signed_revision, number = excluded.number,"
    " this_update = excluded.this_update, next_update = excluded.next_update, der = excluded.der"
)


def text_of(moment: datetime) -> str:
    """Return a moment as the tables hold it: UTC, to the second, so that order of text is order of time."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _is_serial(serial: int) -> bool:
    """Say whether a number that somebody asks for can be one of ours, and fits a column."""
    return 0 < serial < 1 << 63


def _revocation(row: sqlite3.Row) -> Revocation | None:
    if row["reason"] is None:
        return None
    return Revocation(Reason(row["reason"]), datetime.fromisoformat(row["revoked_at"]))


def _certificate(row: sqlite3.Row) -> Certificate:
    return Certificate(
        kind=Kind(row["kind"]),
        serial=row["serial"],
        carrier=Carrier(row["carrier"]),
        request_id=row["request_id"],
        resident_code=row["resident_code"],
        municipality_code=row["municipality_code"],
        not_before=datetime.fromisoformat(row["not_before"]),
        not_after=datetime.fromisoformat(row["not_after"]),
        tbs=row["tbs"],
        der=row["der"],
        revocation=_revocation(row),
        parent=row["parent"],
        renews=row["renews"],
    )


def _entry(row: sqlite3.Row) -> audit.Entry:
    facts = json.loads(row["facts"])
    return audit.Entry(row["number"], row["at"], row["act"], row["role"], facts, row["previous"], row["hash"])
