# SPDX-License-Identifier: Apache-2.0
"""The audit log: a chain of SHA-256 over everything that the authority did.

Each entry holds the hash of the one before it, and is written in the transaction of the act that it records; so no act
lacks its entry and no entry its act.  Entries name certificates by serial number and requests by identifier, never a
person.  The head of the chain is also sealed by the vault: without its key nobody can cut the log short or write it
anew.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tegata.authority.errors import Broken

GENESIS: Final = "0" * 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One act: what, when, on whose behalf, with its public facts."""

    number: int
    at: str
    act: str
    role: str
    facts: dict[str, Any]
    previous: str
    hash: str

    def to_json(self) -> dict[str, Any]:
        """Return the entry as operators see it."""
        return {name: getattr(self, name) for name in ("number", "at", "act", "role", "facts", "previous", "hash")}


def entry(previous: Entry | None, at: datetime, act: str, role: str, facts: dict[str, Any]) -> Entry:
    """Return the entry that follows `previous`."""
    number = previous.number + 1 if previous else 1
    before = previous.hash if previous else GENESIS
    moment = at.isoformat(timespec="seconds").replace("+00:00", "Z")
    return Entry(number, moment, act, role, facts, before, _hash(number, moment, act, role, facts, before))


def _hash(number: int, at: str, act: str, role: str, facts: dict[str, Any], previous: str) -> str:
    content = json.dumps(
        [number, at, act, role, facts, previous], sort_keys=True, separators=(",", ":"), ensure_ascii=True
    )
    return hashlib.sha256(content.encode("ascii")).hexdigest()


def verify(entries: Iterable[Entry], head: tuple[int, str]) -> None:
    """Check that the chain closes: numbers without gaps, each hash right, the last one the sealed `head`.

    Raises `Broken` (`authority.audit_broken`) with the number of the first entry that does not fit.
    """
    number, previous = 0, GENESIS
    for one in entries:
        number += 1
        right = _hash(number, one.at, one.act, one.role, one.facts, previous)
        if (one.number, one.previous, one.hash) != (number, previous, right):
            raise Broken("authority.audit_broken", entry=number)
        previous = right
    if (number, previous) != head:
        raise Broken("authority.audit_broken", entry=number + 1)
