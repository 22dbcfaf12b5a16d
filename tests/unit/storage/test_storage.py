# SPDX-License-Identifier: Apache-2.0
"""One party's memory: durable when it says so, all or nothing, and clear about what is wrong."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tegata.storage import Database, StorageError
from unit.refusal import refused

NOTES = ("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;",)


def texts(database: Database) -> list[str]:
    """Return what is written."""
    return [row["text"] for row in database.query("SELECT text FROM notes ORDER BY id")]


def write(database: Database, *notes: str) -> None:
    """Write some notes in one transaction."""
    with database.transaction() as tx:
        for note in notes:
            tx.execute("INSERT INTO notes (text) VALUES (?)", (note,))


def write_half(database: Database) -> None:
    """Write a note, and be interrupted."""
    with database.transaction() as tx:
        tx.execute("INSERT INTO notes (text) VALUES ('half')")
        raise KeyboardInterrupt


KILLED = """
import os, pathlib, sys
from tegata.storage import Database

database = Database.open(pathlib.Path(sys.argv[1]), sys.argv[2:])
with database.transaction() as tx:
    tx.execute("INSERT INTO notes (text) VALUES ('kept')")
with database.transaction() as tx:
    tx.execute("INSERT INTO notes (text) VALUES ('lost')")
    os.kill(os.getpid(), 9)
"""


def test_what_was_committed_is_there_after_reopening(tmp_path: Path) -> None:
    """A file of its own, found again."""
    database = Database.open(tmp_path / "notes.db", NOTES)
    write(database, "one", "two")
    database.close()
    again = Database.open(tmp_path / "notes.db", NOTES)
    assert texts(again) == ["one", "two"]
    row = again.one("SELECT text FROM notes WHERE id = :id", {"id": 2})
    assert row is not None
    assert row["text"] == "two"
    assert again.one("SELECT text FROM notes WHERE id = 3") is None
    again.close()


def test_an_exception_rolls_everything_back(tmp_path: Path) -> None:
    """Half a transaction is none, and the next one works."""
    database = Database.open(tmp_path / "notes.db", NOTES)
    with pytest.raises(KeyboardInterrupt):
        write_half(database)
    with pytest.raises(sqlite3.IntegrityError):
        write(database, "twice", "twice")
    write(database, "whole")
    assert texts(database) == ["whole"]
    database.close()


def test_a_killed_process_leaves_what_it_committed_and_nothing_else(tmp_path: Path) -> None:
    """`kill -9` after one commit and within the next transaction."""
    path = tmp_path / "notes.db"
    environment = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", KILLED, path, *NOTES], env=environment, check=False)
    assert done.returncode == -9
    database = Database.open(path, NOTES)
    assert texts(database) == ["kept"]
    database.close()


def test_each_commit_is_told_once_it_is_durable(tmp_path: Path) -> None:
    """The hook sees the file's stem after a commit, and nothing for what was rolled back."""
    told: list[str] = []
    database = Database.open(tmp_path / "notes.db", NOTES, on_commit=told.append)
    assert told == []
    write(database, "one")
    with pytest.raises(ValueError, match="no"), database.transaction():
        raise ValueError("no")
    assert told == ["notes"]
    database.close()


def test_migrations_run_once_each_in_order(tmp_path: Path) -> None:
    """A newer version adds its scripts to a file of an older one, and keeps what is there."""
    path = tmp_path / "notes.db"
    old = Database.open(path, NOTES)
    write(old, "old")
    old.close()
    new = Database.open(path, (*NOTES, "ALTER TABLE notes ADD COLUMN seen INTEGER NOT NULL DEFAULT 7"))
    row = new.one("SELECT text, seen FROM notes")
    assert row is not None
    assert tuple(row) == ("old", 7)
    new.close()
    with refused("storage.newer_version", StorageError) as caught:
        Database.open(path, NOTES)
    assert caught.value.facts == {"file": "notes", "found": 2, "known": 1}


def test_a_script_that_breaks_off_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """Neither half a schema nor a lock on the file stays behind."""
    path = tmp_path / "notes.db"
    with pytest.raises(sqlite3.OperationalError):
        Database.open(path, ("CREATE TABLE notes (id INTEGER); INSERT INTO nowhere VALUES (1)",))
    database = Database.open(path, NOTES)
    write(database, "one")
    database.close()


def test_a_full_disk_is_said_to_be_full_and_undone(tmp_path: Path) -> None:
    """The limit on pages plays the disk; afterwards the same transaction works."""
    database = Database.open(tmp_path / "notes.db", NOTES)
    database.query("PRAGMA max_page_count=10")
    with refused("storage.full", StorageError) as caught:
        write(database, "x" * 100_000)
    assert caught.value.facts == {"file": "notes"}
    assert texts(database) == []
    database.query("PRAGMA max_page_count=1000")
    write(database, "x" * 100_000)
    database.close()


def test_a_commit_that_fails_is_undone(tmp_path: Path) -> None:
    """A deferred constraint breaks at COMMIT itself; the next transaction must not find the last one still open."""
    schema = (
        "CREATE TABLE parents (id INTEGER PRIMARY KEY);"
        "CREATE TABLE children (parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)",
    )
    told: list[str] = []
    database = Database.open(tmp_path / "family.db", schema, on_commit=told.append)
    with pytest.raises(sqlite3.IntegrityError), database.transaction() as tx:
        tx.execute("INSERT INTO children VALUES (1)")
    assert told == []
    with database.transaction() as tx:
        tx.execute("INSERT INTO parents VALUES (1)")
        tx.execute("INSERT INTO children VALUES (1)")
    assert len(database.query("SELECT * FROM children")) == 1
    database.close()


def test_what_is_no_database_is_said_to_be_damaged(tmp_path: Path) -> None:
    """A file of something else is not written to."""
    path = tmp_path / "notes.db"
    path.write_bytes(b"this is a letter, not a database " * 100)
    with refused("storage.corrupt", StorageError):
        Database.open(path, NOTES)
    assert path.read_bytes().startswith(b"this is a letter")


def test_a_folder_that_is_not_there_cannot_be_opened(tmp_path: Path) -> None:
    """The message names the file only, not where it lies."""
    with refused("storage.cannot_open", StorageError) as caught:
        Database.open(tmp_path / "nowhere" / "notes.db", NOTES)
    assert caught.value.facts == {"file": "notes.db"}


def test_another_process_that_writes_is_waited_for_and_then_named(tmp_path: Path) -> None:
    """Two writers at once: the second is told that the file is busy."""
    first = Database.open(tmp_path / "notes.db", NOTES)
    second = Database.open(tmp_path / "notes.db", NOTES)
    second.query("PRAGMA busy_timeout=10")
    with first.transaction(), refused("storage.busy", StorageError), second.transaction():
        pass
    write(second, "after")
    first.close()
    second.close()


def test_a_file_that_may_only_be_read(tmp_path: Path) -> None:
    """Writing to it is refused with the reason; root may write anywhere, so the connection plays the permissions."""
    database = Database.open(tmp_path / "notes.db", NOTES)
    database.query("PRAGMA query_only=ON")
    with refused("storage.read_only", StorageError):
        write(database, "one")
    database.close()


def test_mistakes_of_our_own_pass_through(tmp_path: Path) -> None:
    """Wrong SQL is a bug, not an accident of the disk."""
    database = Database.open(tmp_path / "notes.db", NOTES)
    with pytest.raises(sqlite3.OperationalError):
        database.query("SELECT nothing FROM nowhere")
    database.close()
