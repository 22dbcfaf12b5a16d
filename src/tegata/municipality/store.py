# SPDX-License-Identifier: Apache-2.0
"""The register in one SQLite file: residents, what happened to them, cards on their way, documents just issued.

Numbers, PINs and documents are sealed before they are written; a card's PINs are erased with the step that ends their
use.  An event is written in the transaction that changes the register, numbered per resident, and stays in the outbox
until the authority answers.
"""

import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

from tegata.crypto.vault import Vault
from tegata.jpki.attributes import BirthDate, Sex
from tegata.municipality import numbers
from tegata.municipality.model import (
    CardIssue,
    CardState,
    Certificates,
    Document,
    Event,
    Pins,
    Requests,
    Resident,
    Standing,
)
from tegata.storage import Database

MIGRATIONS = (
    """
    CREATE TABLE residents (
        code TEXT PRIMARY KEY,
        municipality_code TEXT NOT NULL,
        name TEXT NOT NULL,
        kana TEXT NOT NULL,
        address TEXT NOT NULL,
        birth TEXT NOT NULL,
        sex TEXT NOT NULL,
        individual_number BLOB NOT NULL,
        household TEXT NOT NULL,
        relationship TEXT NOT NULL,
        since TEXT NOT NULL,
        nationality TEXT,
        stay_until TEXT,
        previous_address TEXT,
        standing TEXT NOT NULL
    ) STRICT;
    CREATE INDEX residents_by_household ON residents (household);
    CREATE TABLE requests (
        request_id TEXT PRIMARY KEY,
        digest TEXT NOT NULL,
        outcome TEXT NOT NULL
    ) STRICT;
    CREATE TABLE events (
        event_id TEXT PRIMARY KEY,
        resident_code TEXT NOT NULL REFERENCES residents (code),
        sequence INTEGER NOT NULL,
        kind TEXT NOT NULL,
        occurred_at TEXT NOT NULL,
        answer TEXT,
        UNIQUE (resident_code, sequence)
    ) STRICT;
    CREATE INDEX events_undelivered ON events (resident_code, sequence) WHERE answer IS NULL;
    CREATE TABLE cards (
        request_id TEXT PRIMARY KEY,
        card_id TEXT NOT NULL,
        resident_code TEXT NOT NULL REFERENCES residents (code),
        card_expires TEXT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT,
        pins BLOB,
        signing_request BLOB,
        authentication_request BLOB,
        signing_certificate BLOB,
        signing_serial TEXT,
        authentication_certificate BLOB,
        authentication_serial TEXT
    ) STRICT;
    CREATE INDEX cards_by_state ON cards (state);
    CREATE INDEX cards_by_resident ON cards (resident_code);
    CREATE TABLE documents (
        transaction_id TEXT PRIMARY KEY,
        resident_code TEXT NOT NULL,
        certificate_sha256 TEXT NOT NULL,
        options TEXT NOT NULL,
        issued_at TEXT NOT NULL,
        pdf BLOB
    ) STRICT;
    """,
)


class Store:
    """The register's memory.  Every method that writes is one durable transaction."""

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

    # -- residents ------------------------------------------------------------------------------------------------

    def outcome(self, request_id: str) -> tuple[str, str] | None:
        """Return the content digest and the outcome of a request that was carried out."""
        row = self._database.one("SELECT digest, outcome FROM requests WHERE request_id = ?", (request_id,))
        return None if row is None else (row["digest"], row["outcome"])

    def next_code(self) -> str:
        """Return the next resident code that nobody has."""
        row = self._database.one("SELECT count(*) FROM residents")
        count = (row[0] if row else 0) + 1
        while self.resident(numbers.resident_code(count)) is not None:
            count += 1
        return numbers.resident_code(count)

    def add_resident(self, request_id: str, digest: str, resident: Resident) -> None:
        """Enter a new resident."""
        with self._database.transaction() as tx:
            tx.execute(_INSERT_RESIDENT, self._resident_row(resident))
            tx.execute("INSERT INTO requests VALUES (?, ?, ?)", (request_id, digest, resident.code))

    def resident(self, code: str) -> Resident | None:
        """Return the resident with this code, read in one statement."""
        row = self._database.one("SELECT * FROM residents WHERE code = ?", (code,))
        return self._resident(row) if row else None

    def residents(self) -> list[Resident]:
        """Return everybody, by code."""
        return [self._resident(row) for row in self._database.query("SELECT * FROM residents ORDER BY code")]

    def _resident_row(self, one: Resident) -> tuple[object, ...]:
        sealed = self._vault.seal(one.individual_number.encode(), f"municipality.number.{one.code}")
        return (
            *(one.code, one.municipality_code, one.name, one.kana, one.address, str(one.birth), one.sex.value, sealed),
            *(one.household, one.relationship, one.since.isoformat(), one.nationality),
            *(one.stay_until and one.stay_until.isoformat(), one.previous_address, one.standing.value),
        )

    def _resident(self, row: sqlite3.Row) -> Resident:
        number = self._vault.open(row["individual_number"], f"municipality.number.{row['code']}").decode()
        return Resident(
            code=row["code"],
            municipality_code=row["municipality_code"],
            name=row["name"],
            kana=row["kana"],
            address=row["address"],
            birth=BirthDate.parse(row["birth"]),
            sex=Sex(row["sex"]),
            individual_number=number,
            household=row["household"],
            relationship=row["relationship"],
            since=date.fromisoformat(row["since"]),
            nationality=row["nationality"],
            stay_until=row["stay_until"] and date.fromisoformat(row["stay_until"]),
            previous_address=row["previous_address"],
            standing=Standing(row["standing"]),
        )

    # -- events ---------------------------------------------------------------------------------------------------

    def change(self, digest: str, resident: Resident, event_id: str, kind: str, now: datetime) -> None:
        """Change the register and put the event into the outbox, in one transaction."""
        with self._database.transaction() as tx:
            tx.execute(_INSERT_RESIDENT, self._resident_row(resident))
            tx.execute("INSERT INTO requests VALUES (?, ?, ?)", (event_id, digest, event_id))
            tx.execute(
                "INSERT INTO events SELECT ?, ?, 1 + coalesce(max(sequence), 0), ?, ?, NULL"
                " FROM events WHERE resident_code = ?",
                (event_id, resident.code, kind, _time(now), resident.code),
            )

    def event(self, event_id: str) -> Event | None:
        """Return one event."""
        row = self._database.one("SELECT * FROM events WHERE event_id = ?", (event_id,))
        return _event(row) if row else None

    def events(self, resident_code: str) -> list[Event]:
        """Return what happened to a resident, in order."""
        sql = "SELECT * FROM events WHERE resident_code = ? ORDER BY sequence"
        return [_event(row) for row in self._database.query(sql, (resident_code,))]

    def outbox(self, resident_code: str | None = None) -> list[Event]:
        """Return the events that the authority has not acknowledged, each resident's in order."""
        sql = (
            "SELECT * FROM events WHERE answer IS NULL AND (?1 IS NULL OR resident_code = ?1)"
            " ORDER BY resident_code, sequence"
        )
        return [_event(row) for row in self._database.query(sql, (resident_code,))]

    def acknowledge(self, event_id: str, answer: dict[str, object]) -> None:
        """Record the authority's answer to an event."""
        with self._database.transaction() as tx:
            tx.execute("UPDATE events SET answer = ? WHERE event_id = ?", (json.dumps(answer), event_id))

    # -- cards ----------------------------------------------------------------------------------------------------

    def save_card(self, issue: CardIssue) -> None:
        """Record how far a card's issue has come."""
        with self._database.transaction() as tx:
            tx.execute(_INSERT_CARD, self._card_row(issue))

    def card(self, request_id: str) -> CardIssue | None:
        """Return the card issue of this request."""
        row = self._database.one("SELECT * FROM cards WHERE request_id = ?", (request_id,))
        return self._card(row) if row else None

    def cards_of(self, resident_code: str) -> list[CardIssue]:
        """Return the cards issued or being issued to a resident, oldest first."""
        rows = self._database.query("SELECT * FROM cards WHERE resident_code = ? ORDER BY rowid", (resident_code,))
        return [self._card(row) for row in rows]

    def cards_in(self, states: tuple[CardState, ...]) -> list[CardIssue]:
        """Return the card issues in one of the states, oldest first."""
        marks = ",".join("?" * len(states))
        sql = f"SELECT * FROM cards WHERE state IN ({marks}) ORDER BY rowid"  # noqa: S608 -- only question marks
        return [self._card(row) for row in self._database.query(sql, tuple(states))]

    def _card_row(self, issue: CardIssue) -> tuple[object, ...]:
        sealed = None
        if issue.pins is not None:
            text = json.dumps([issue.pins.authentication, issue.pins.signing, issue.pins.card])
            sealed = self._vault.seal(text.encode(), f"municipality.pins.{issue.request_id}")
        asked, got = issue.requests, issue.certificates
        return (
            *(issue.request_id, issue.card_id, issue.resident_code, issue.card_expires.isoformat()),
            *(issue.state.value, issue.reason, sealed),
            *((asked.signing, asked.authentication) if asked else (None, None)),
            *((got.signing, got.signing_serial) if got else (None, None)),
            *((got.authentication, got.authentication_serial) if got else (None, None)),
        )

    def _card(self, row: sqlite3.Row) -> CardIssue:
        pins = None
        if row["pins"] is not None:
            opened = self._vault.open(row["pins"], f"municipality.pins.{row['request_id']}")
            pins = Pins(*json.loads(opened))
        return CardIssue(
            request_id=row["request_id"],
            card_id=row["card_id"],
            resident_code=row["resident_code"],
            card_expires=date.fromisoformat(row["card_expires"]),
            state=CardState(row["state"]),
            reason=row["reason"],
            pins=pins,
            requests=_requests(row),
            certificates=_certificates(row),
        )

    # -- documents ------------------------------------------------------------------------------------------------

    def save_document(self, document: Document) -> None:
        """Keep a document for a repeat of its transaction; raises `sqlite3.IntegrityError` if the transaction has
        one.
        """
        sealed = self._vault.seal(document.pdf, f"municipality.document.{document.transaction_id}")
        with self._database.transaction() as tx:
            tx.execute(
                "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?)",
                (
                    *(document.transaction_id, document.resident_code, document.certificate_sha256),
                    *(document.options, _time(document.issued_at), sealed),
                ),
            )

    def document(self, transaction_id: str) -> Document | None:
        """Return the document of a transaction; its PDF is empty once erased."""
        row = self._database.one("SELECT * FROM documents WHERE transaction_id = ?", (transaction_id,))
        if row is None:
            return None
        context = f"municipality.document.{transaction_id}"
        pdf = b"" if row["pdf"] is None else self._vault.open(row["pdf"], context)
        issued_at = datetime.fromisoformat(row["issued_at"])
        return Document(transaction_id, row["resident_code"], row["certificate_sha256"], row["options"], issued_at, pdf)

    def erase_documents(self, before: datetime) -> None:
        """Erase the PDFs of documents issued before a moment; that they were issued stays recorded."""
        if self._database.one("SELECT 1 FROM documents WHERE pdf IS NOT NULL AND issued_at < ?", (_time(before),)):
            with self._database.transaction() as tx:
                tx.execute("UPDATE documents SET pdf = NULL WHERE issued_at < ?", (_time(before),))


_CARD_COLUMNS = (
    *("request_id", "card_id", "resident_code", "card_expires", "state", "reason", "pins"),
    *("signing_request", "authentication_request"),
    *("signing_certificate", "signing_serial", "authentication_certificate", "authentication_serial"),
)
_CHANGES = ",".join(f"{name}=excluded.{name}" for name in _CARD_COLUMNS[4:])
_INSERT_CARD = "INSERT INTO cards VALUES (" + ",".join("?" * 13) + ") ON CONFLICT DO UPDATE SET " + _CHANGES  # noqa: S608 -- names of this file only
_INSERT_RESIDENT = "INSERT OR REPLACE INTO residents VALUES (" + ",".join("?" * 15) + ")"  # noqa: S608 -- question marks only


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _event(row: sqlite3.Row) -> Event:
    return Event(
        event_id=row["event_id"],
        resident_code=row["resident_code"],
        sequence=row["sequence"],
        kind=row["kind"],
        occurred_at=datetime.fromisoformat(row["occurred_at"]),
        answer=row["answer"] and json.loads(row["answer"]),
    )


def _requests(row: sqlite3.Row) -> Requests | None:
    authentication = row["authentication_request"]
    return None if authentication is None else Requests(row["signing_request"], authentication)


def _certificates(row: sqlite3.Row) -> Certificates | None:
    authentication = row["authentication_certificate"]
    if authentication is None:
        return None
    return Certificates(row["signing_certificate"], row["signing_serial"], authentication, row["authentication_serial"])
