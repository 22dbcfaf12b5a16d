# SPDX-License-Identifier: Apache-2.0
"""Who lives in the country and what they hold: cards and phones, each kept as one sealed image in the country's own
file.

A thing's memory is written before it answers, by its own `on_persist`.  Things live in the sandbox because they
belong to no party: a party that wants something of one sends it APDUs or HTTP.
"""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tegata.card.engine import Card
from tegata.card.image import CardImage
from tegata.crypto.keys import Algorithm, SoftwareKey
from tegata.crypto.vault import Vault
from tegata.phone.device import Phone
from tegata.sandbox.errors import NotFound
from tegata.storage import Database

MIGRATIONS: Final = (
    """
    CREATE TABLE people (
        slug TEXT PRIMARY KEY,
        persona TEXT NOT NULL,
        resident_code TEXT UNIQUE,
        settled INTEGER NOT NULL DEFAULT 0,
        position INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE things (
        thing_id TEXT PRIMARY KEY,
        kind TEXT NOT NULL CHECK (kind IN ('card', 'phone')),
        holder TEXT NOT NULL REFERENCES people (slug),
        made_at TEXT NOT NULL,
        image BLOB NOT NULL
    ) STRICT;
    CREATE INDEX things_by_holder ON things (holder);
    """,
)

_PREFIX: Final = {"card": "TGTC", "phone": "TGTP"}


@dataclass(frozen=True, slots=True)
class Thing:
    """One card or phone: its number, kind (`card` or `phone`) and whose it is."""

    thing_id: str
    kind: str
    holder: str
    made_at: str


@dataclass(frozen=True, slots=True)
class Person:
    """One person of the country: `slug` on screens and in commands, the persona's slug, the register's code.

    `settled` says that the person is registered and holds a card.
    """

    slug: str
    persona: str
    resident_code: str | None = field(repr=False)
    settled: bool


class Things:
    """The store of people and things.  Engines are made on first use and stay, as a card stays powered in a reader."""

    def __init__(self, database: Database, vault: Vault, keys: Callable[[Algorithm], SoftwareKey]) -> None:
        self._database = database
        self._vault = vault
        self._keys = keys
        self._cards: dict[str, Card] = {}
        self._phones: dict[str, Phone] = {}

    @classmethod
    def open(
        cls,
        path: Path,
        vault: Vault,
        *,
        keys: Callable[[Algorithm], SoftwareKey] = SoftwareKey.generate,
        on_commit: Callable[[str], None] | None = None,
    ) -> "Things":
        """Open the file at `path`; raises `StorageError`."""
        return cls(Database.open(path, MIGRATIONS, on_commit=on_commit), vault, keys)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    # -- people ---------------------------------------------------------------------------------------------------

    def people(self, after: str | None = None, limit: int = -1) -> list[Person]:
        """Return people in the order they came: everybody, or at most `limit` who came after somebody.

        Raises `NotFound` when that somebody is not here.
        """
        if after is not None:
            self.person(after)
        sql = (
            "SELECT * FROM people WHERE position > COALESCE((SELECT position FROM people WHERE slug = ?), 0)"
            " ORDER BY position LIMIT ?"
        )
        return [_person(row) for row in self._database.query(sql, (after, limit))]

    def counted(self) -> tuple[int, int]:
        """Return how many people are settled, and how many there are."""
        row = self._database.one("SELECT COALESCE(SUM(settled), 0) AS settled, COUNT(*) AS n FROM people")
        return (row["settled"], row["n"]) if row else (0, 0)

    def person(self, slug: str) -> Person:
        """Return one person; raises `NotFound`."""
        found = self.known(slug)
        if found is None:
            raise NotFound("sandbox.unknown_person", person=slug[:64])
        return found

    def known(self, slug: str) -> Person | None:
        """Return one person, or `None`."""
        row = self._database.one("SELECT * FROM people WHERE slug = ?", (slug,))
        return None if row is None else _person(row)

    def add_people(self, personas: Mapping[str, str]) -> None:
        """Let people into the country who are not in the register yet, by slug: all or, after a crash, none.

        Whoever is here already stays as she is.
        """
        with self._database.transaction() as tx:
            last = tx.execute("SELECT COALESCE(MAX(position), 0) FROM people").fetchone()[0]
            tx.executemany(
                "INSERT OR IGNORE INTO people VALUES (?, ?, NULL, 0, ?)",
                [(slug, persona, position) for position, (slug, persona) in enumerate(personas.items(), last + 1)],
            )

    def registered(self, slug: str, resident_code: str) -> None:
        """Note the code under which the register knows a person."""
        with self._database.transaction() as tx:
            tx.execute("UPDATE people SET resident_code = ? WHERE slug = ?", (resident_code, slug))

    def settled(self, slug: str) -> None:
        """Note that a person is registered and holds a card."""
        with self._database.transaction() as tx:
            tx.execute("UPDATE people SET settled = 1 WHERE slug = ?", (slug,))

    # -- things ---------------------------------------------------------------------------------------------------

    def listed(self, kind: str, holder: str | None = None) -> list[Thing]:
        """Return the cards or the phones, of one person or of all, oldest first."""
        sql = "SELECT thing_id, kind, holder, made_at FROM things WHERE kind = ? AND holder = COALESCE(?, holder)"
        return [Thing(*row) for row in self._database.query(f"{sql} ORDER BY rowid", (kind, holder))]

    def find(self, kind: str, thing_id: str) -> Thing:
        """Return one card or phone; raises `NotFound`."""
        found = self._row(kind, thing_id)
        return Thing(found["thing_id"], found["kind"], found["holder"], found["made_at"])

    def add(self, thing: Thing, image: bytes) -> None:
        """Put a new thing into the country; one that is there already stays as it is."""
        with self._database.transaction() as tx:
            tx.execute(
                "INSERT OR IGNORE INTO things VALUES (?, ?, ?, ?, ?)",
                (thing.thing_id, thing.kind, thing.holder, thing.made_at, self._seal(thing.thing_id, image)),
            )

    def next_id(self, kind: str) -> str:
        """Return the number that the next card or phone gets: 16 characters, as card numbers have."""
        sql = "SELECT MAX(CAST(SUBSTR(thing_id, 5) AS INTEGER)) AS last FROM things WHERE thing_id LIKE ?"
        row = self._database.one(sql, (f"{_PREFIX[kind]}%",))
        return f"{_PREFIX[kind]}{((row['last'] if row else None) or 0) + 1:012}"

    def image(self, kind: str, thing_id: str) -> bytes:
        """Return a thing's memory; raises `NotFound`."""
        return self._vault.open(self._row(kind, thing_id)["image"], f"thing.{thing_id}")

    def keep(self, thing_id: str, image: bytes) -> None:
        """Write a thing's memory durably."""
        with self._database.transaction() as tx:
            tx.execute("UPDATE things SET image = ? WHERE thing_id = ?", (self._seal(thing_id, image), thing_id))

    def looked_at(self, card_id: str) -> Card:
        """Return a second card with the same memory, to ask what a card tells everyone without disturbing the one that
        may be on a reader; what it would write is forgotten.  Raises `NotFound`.
        """
        return Card(CardImage.from_bytes(self.image("card", card_id)), on_persist=lambda _: None, keys=self._keys)

    def card(self, card_id: str) -> Card:
        """Return a card under power; raises `NotFound`."""
        if card_id not in self._cards:
            image = CardImage.from_bytes(self.image("card", card_id))
            self._cards[card_id] = Card(
                image, on_persist=lambda new: self.keep(card_id, new.to_bytes()), keys=self._keys
            )
        return self._cards[card_id]

    def phone(self, phone_id: str) -> Phone:
        """Return a phone; raises `NotFound`."""
        if phone_id not in self._phones:
            image = self.image("phone", phone_id)
            self._phones[phone_id] = Phone.load(image, on_persist=lambda new: self.keep(phone_id, new), keys=self._keys)
        return self._phones[phone_id]

    def _row(self, kind: str, thing_id: str) -> sqlite3.Row:
        row = self._database.one("SELECT * FROM things WHERE thing_id = ? AND kind = ?", (thing_id, kind))
        if row is None:
            raise NotFound(f"sandbox.unknown_{kind}", thing=thing_id[:64])
        return row

    def _seal(self, thing_id: str, image: bytes) -> bytes:
        return self._vault.seal(image, f"thing.{thing_id}")


def utc(moment: datetime) -> str:
    """Return a time as the wire has it: ISO 8601 in UTC, with `Z`."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _person(row: sqlite3.Row) -> Person:
    return Person(row["slug"], row["persona"], row["resident_code"], bool(row["settled"]))
