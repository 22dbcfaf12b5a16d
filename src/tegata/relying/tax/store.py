# SPDX-License-Identifier: Apache-2.0
"""Logins on their way, sessions, and the office's secrets in one SQLite file.

The key and the code verifiers are sealed; states, cookies and session tokens are kept as digests.
"""

import hashlib
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tegata.crypto.vault import Vault
from tegata.relying.tax.model import Identity, Login, LoginState, TaxSession
from tegata.storage import Database

MIGRATIONS = (
    """
    CREATE TABLE secrets (
        name TEXT PRIMARY KEY,
        sealed BLOB NOT NULL
    ) STRICT;
    CREATE TABLE logins (
        state TEXT PRIMARY KEY,
        browser TEXT NOT NULL,
        nonce TEXT NOT NULL,
        code_verifier BLOB NOT NULL,
        expires_at INTEGER NOT NULL,
        progress TEXT NOT NULL,
        reason TEXT
    ) STRICT;
    CREATE INDEX logins_by_end ON logins (expires_at);
    CREATE TABLE sessions (
        digest TEXT PRIMARY KEY,
        subject TEXT NOT NULL,
        authenticated_at INTEGER NOT NULL,
        acr TEXT,
        expires_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX sessions_by_end ON sessions (expires_at);
    """,
)
_VERIFIER = "relying.tax.code_verifier"


def digest(secret: str) -> str:
    """Return what is stored of a cookie or token; each has 256 random bits, so a plain hash hides it."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Store:
    """The office's memory.  Every method that writes is one durable transaction."""

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

    def secret(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return the secret called `name`, made and sealed when first asked for."""
        context = f"relying.tax.secret.{name}"
        row = self._database.one("SELECT sealed FROM secrets WHERE name = ?", (name,))
        if row is not None:
            return self._vault.open(row["sealed"], context)
        made = make()
        with self._database.transaction() as tx:
            tx.execute("INSERT INTO secrets VALUES (?, ?)", (name, self._vault.seal(made, context)))
        return made

    def add_login(self, login: Login, now: datetime) -> None:
        """Write a new login, and forget those and the sessions that have ended."""
        values = (
            digest(login.state),
            login.browser,
            login.nonce,
            self._vault.seal(login.code_verifier.encode(), _VERIFIER),
            _number(login.expires_at),
            login.progress.value,
            login.reason,
        )
        with self._database.transaction() as tx:
            tx.execute("DELETE FROM logins WHERE expires_at <= ?", (_number(now),))
            tx.execute("DELETE FROM sessions WHERE expires_at <= ?", (_number(now),))
            tx.execute("INSERT INTO logins VALUES (?, ?, ?, ?, ?, ?, ?)", values)

    def login(self, state: str, now: datetime) -> Login | None:
        """Return the login with this `state`, unless it has ended."""
        query = "SELECT * FROM logins WHERE state = ? AND expires_at > ?"
        row = self._database.one(query, (digest(state), _number(now)))
        return self._login(row, state) if row else None

    def _login(self, row: sqlite3.Row, state: str) -> Login:
        verifier = self._vault.open(row["code_verifier"], _VERIFIER).decode()
        progress, ends = LoginState(row["progress"]), _time(row["expires_at"])
        return Login(state, row["browser"], row["nonce"], verifier, ends, progress, row["reason"])

    def end_login(self, login: Login, token: str | None = None, session: TaxSession | None = None) -> None:
        """Write how a login ended, with the session that it opened under `token`."""
        with self._database.transaction() as tx:
            values = (login.progress.value, login.reason, digest(login.state))
            tx.execute("UPDATE logins SET progress = ?, reason = ? WHERE state = ?", values)
            if token is not None and session is not None:
                who = session.identity
                row = (digest(token), who.subject, _number(who.authenticated_at), who.acr, _number(session.expires_at))
                tx.execute("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?)", row)

    def session(self, token: str, now: datetime) -> TaxSession | None:
        """Return the session of a cookie, unless it has ended."""
        query = "SELECT * FROM sessions WHERE digest = ? AND expires_at > ?"
        row = self._database.one(query, (digest(token), _number(now)))
        if row is None:
            return None
        identity = Identity(row["subject"], _time(row["authenticated_at"]), row["acr"])
        return TaxSession(identity, _time(row["expires_at"]))

    def end_session(self, token: str) -> None:
        """Forget a session."""
        with self._database.transaction() as tx:
            tx.execute("DELETE FROM sessions WHERE digest = ?", (digest(token),))


def _number(moment: datetime) -> int:
    return int(moment.timestamp())


def _time(number: int) -> datetime:
    return datetime.fromtimestamp(number, UTC)
