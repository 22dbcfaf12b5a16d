# SPDX-License-Identifier: Apache-2.0
"""The audit log closes over everything that was done, says nothing of persons, and shows every hand laid on it."""

import dataclasses
import json
import sqlite3
from collections.abc import Callable

import pytest

from tegata.authority import audit
from tegata.authority.errors import Broken
from tegata.authority.model import Cause
from tegata.crypto.vault import VaultError
from unit.authority.kit import HANAKO, NOW, World, reopened


def busy(world: World) -> World:
    """Let some things happen."""
    phone = world.phone(world.card())
    world.authority.hold("call-1", phone.request.request_id)
    world.authority.happen(world.event(Cause.MOVED))
    return world


def test_the_log_closes(world: World) -> None:
    """Also after a restart."""
    number, head = busy(world).authority.verify_audit()
    assert number == len(world.authority.entries()) > 5
    assert reopened(world).authority.verify_audit() == (number, head)


def test_every_act_has_its_entry(world: World) -> None:
    """In order, with whose wish it was."""
    acts = [(one.act, one.role) for one in busy(world).authority.entries()]
    assert acts == [
        ("ca.founded", "authority"),
        ("ca.founded", "authority"),
        ("person_secret.made", "authority"),
        ("card.certified", "municipality"),
        ("certificates.signed", "authority"),
        ("card.delivered", "municipality"),
        ("phone.certified", "enrolment"),
        ("certificates.signed", "authority"),
        ("phone.delivered", "enrolment"),
        ("phone.held", "hotline"),
        ("event.moved", "municipality"),
    ]


def test_the_log_names_no_person(world: World) -> None:
    """Certificates by number, requests by identifier."""
    shown = repr(busy(world).authority.entries())
    for personal in (HANAKO, "山田", "渋谷"):
        assert personal not in shown


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET facts = '{}' WHERE number = 4",
        "DELETE FROM audit WHERE number = 11",
        "UPDATE certificates SET reason = NULL, revoked_at = NULL WHERE reason IS NOT NULL",
        "UPDATE certificates SET reason = 'superseded' WHERE reason = 'certificateHold'",
    ],
)
def test_the_file_itself_refuses_to_forget(world: World, statement: str) -> None:
    """An entry is neither changed nor removed, a revocation not undone, whatever the code above would do."""
    busy(world)
    with sqlite3.connect(world.path) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)
    connection.close()


def tampered(world: World, *statements: str) -> World:
    """Change the file behind the authority's back, without its triggers."""
    world.authority.close()
    with sqlite3.connect(world.path) as connection:
        connection.execute("DROP TRIGGER audit_is_not_changed")
        connection.execute("DROP TRIGGER audit_is_not_cut")
        for statement in statements:
            connection.execute(statement)
    connection.close()
    return reopened(world)


@pytest.mark.parametrize(
    ("statement", "entry"),
    [
        ("UPDATE audit SET facts = '{}' WHERE number = 4", 4),
        ("UPDATE audit SET at = '2026-01-01T00:00:00Z' WHERE number = 6", 6),
        ("UPDATE audit SET role = 'operator' WHERE number = 6", 6),
        ("UPDATE audit SET act = 'card.discarded' WHERE number = 6", 6),
        ("DELETE FROM audit WHERE number = 5", 5),
        ("DELETE FROM audit WHERE number = 11", 11),  # the last one: only the sealed head knows
        ("DELETE FROM audit WHERE number = 1", 1),
        ("INSERT INTO audit SELECT 12, at, act, role, facts, hash, hash FROM audit WHERE number = 11", 12),
    ],
)
def test_a_changed_log_is_found_and_where(world: World, statement: str, entry: int) -> None:
    """Changed, cut out, cut off, added."""
    with pytest.raises(Broken) as caught:
        tampered(busy(world), statement).authority.verify_audit()
    assert (caught.value.reason, caught.value.facts["entry"]) == ("authority.audit_broken", entry)


def test_a_log_that_was_written_anew_is_found(world: World) -> None:
    """Hashes alone could be computed again by anybody; the sealed head cannot."""
    busy(world)
    last: audit.Entry | None = None
    rewritten = []
    for one in world.authority.entries():
        last = audit.entry(last, world.clock.now(), one.act, one.role, {} if one.act == "phone.held" else one.facts)
        facts, number = json.dumps(last.facts), last.number
        rewritten.append(f"DELETE FROM audit WHERE number = {number}")  # noqa: S608 -- numbers and hashes
        values = (number, last.at, last.act, last.role, facts, last.previous, last.hash)
        template = "INSERT INTO audit VALUES ({}, '{}', '{}', '{}', '{}', '{}', '{}')"
        rewritten.append(template.format(*values))
    world = tampered(world, *rewritten)
    audit.verify(world.authority.entries(), (last.number, last.hash) if last else (0, audit.GENESIS))
    with pytest.raises(Broken, match=r"authority\.audit_broken"):
        world.authority.verify_audit()


def test_a_head_of_another_vault_is_found(world: World) -> None:
    """Nor can the seal be made without the key."""
    with pytest.raises(VaultError):
        tampered(busy(world), "UPDATE audit_head SET sealed = zeroblob(60)").authority.verify_audit()


def _with(change: Callable[[audit.Entry], audit.Entry], at: int) -> tuple[list[audit.Entry], tuple[int, str]]:
    entries: list[audit.Entry] = []
    for number in range(4):
        entries.append(audit.entry(entries[-1] if entries else None, NOW, f"act.{number}", "operator", {"n": number}))
    head = (entries[-1].number, entries[-1].hash)
    entries[at] = change(entries[at])
    return entries, head


def test_an_empty_log_closes_only_with_an_empty_head() -> None:
    """Everything gone is a change, too."""
    audit.verify([], (0, audit.GENESIS))
    with pytest.raises(Broken):
        audit.verify([], (1, "00"))


@pytest.mark.parametrize("at", range(4))
def test_no_member_of_an_entry_can_be_changed(at: int) -> None:
    """Number, time, act, role, facts, previous, hash: each is bound."""
    changes: list[Callable[[audit.Entry], audit.Entry]] = [
        lambda one: dataclasses.replace(one, number=one.number + 1),
        lambda one: dataclasses.replace(one, at="2020-01-01T00:00:00Z"),
        lambda one: dataclasses.replace(one, act="other"),
        lambda one: dataclasses.replace(one, role="other"),
        lambda one: dataclasses.replace(one, facts={"n": "other"}),
        lambda one: dataclasses.replace(one, previous="00"),
        lambda one: dataclasses.replace(one, hash="00"),
    ]
    for change in changes:
        entries, head = _with(change, at)
        with pytest.raises(Broken) as caught:
            audit.verify(entries, head)
        assert caught.value.facts["entry"] == at + 1
