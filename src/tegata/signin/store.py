# SPDX-License-Identifier: Apache-2.0
"""Clients, sign-in requests, sessions, used assertions and the provider's secrets in one SQLite file.

Keys and salts are sealed.  Codes, refresh tokens and browser cookies are kept as digests only.  Nothing that ties a
person to a certificate is written: a request knows the pairwise subject, no more.
"""

import hashlib
import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tegata.crypto.vault import Vault
from tegata.signin.model import Client, RequestState, Session, SessionState, SignInRequest, Wish
from tegata.storage import Database

MIGRATIONS = (
    """
    CREATE TABLE secrets (
        name TEXT PRIMARY KEY,
        sealed BLOB NOT NULL
    ) STRICT;
    CREATE TABLE signing_keys (
        number INTEGER PRIMARY KEY,
        alg TEXT NOT NULL,
        sealed BLOB NOT NULL,
        made_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE clients (
        client_id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        redirect_uris TEXT NOT NULL,
        jwks TEXT NOT NULL,
        registered_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE requests (
        request_id TEXT PRIMARY KEY,
        wish TEXT NOT NULL,
        browser TEXT NOT NULL,
        challenge BLOB NOT NULL,
        created_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        state TEXT NOT NULL,
        refusal TEXT,
        subject TEXT,
        approved_at INTEGER
    ) STRICT;
    CREATE INDEX requests_by_end ON requests (expires_at);
    CREATE TABLE sessions (
        session_id TEXT PRIMARY KEY,
        wish TEXT NOT NULL,
        subject TEXT NOT NULL,
        authenticated_at INTEGER NOT NULL,
        code_digest TEXT NOT NULL UNIQUE,
        code_expires_at INTEGER NOT NULL,
        ends_at INTEGER NOT NULL,
        state TEXT NOT NULL
    ) STRICT;
    CREATE INDEX sessions_by_end ON sessions (ends_at);
    CREATE TABLE refresh_tokens (
        digest TEXT PRIMARY KEY,
        session_id TEXT NOT NULL REFERENCES sessions (session_id) ON DELETE CASCADE,
        expires_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);
    CREATE TABLE assertions (
        client_id TEXT NOT NULL,
        jti TEXT NOT NULL,
        forget_at INTEGER NOT NULL,
        PRIMARY KEY (client_id, jti)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX assertions_by_end ON assertions (forget_at);
    """,
)


def digest(secret: str) -> str:
    """Return what is stored of a code, token or cookie: each has at least 128 random bits, so a plain hash hides it."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Store:
    """The provider's memory.  Every method that writes is one durable transaction."""

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

    # -- secrets --------------------------------------------------------------------------------------------------

    def secret(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return the secret called `name`, made and sealed when first asked for."""
        row = self._database.one("SELECT sealed FROM secrets WHERE name = ?", (name,))
        if row is not None:
            return self._vault.open(row["sealed"], f"signin.secret.{name}")
        made = make()
        with self._database.transaction() as tx:
            tx.execute("INSERT INTO secrets VALUES (?, ?)", (name, self._vault.seal(made, f"signin.secret.{name}")))
        return made

    def signing_keys(self) -> list[tuple[int, str]]:
        """Return number and algorithm of every signing key, newest first."""
        rows = self._database.query("SELECT number, alg FROM signing_keys ORDER BY number DESC")
        return [(row["number"], row["alg"]) for row in rows]

    def signing_key(self, number: int) -> bytes:
        """Return a signing key, PKCS#8."""
        row = self._database.query("SELECT alg, sealed FROM signing_keys WHERE number = ?", (number,))[0]
        return self._vault.open(row["sealed"], f"signin.key.{row['alg']}")

    def add_signing_keys(self, made: list[tuple[str, bytes]], now: datetime, keep_since: datetime) -> list[int]:
        """Add new current keys (algorithm, PKCS#8), forget those replaced before `keep_since`; return the numbers."""
        replaced = """DELETE FROM signing_keys WHERE EXISTS (SELECT 1 FROM signing_keys AS newer
            WHERE newer.alg = signing_keys.alg AND newer.number > signing_keys.number AND newer.made_at < ?)"""
        insert = "INSERT INTO signing_keys (alg, sealed, made_at) VALUES (?, ?, ?) RETURNING number"
        numbers = []
        with self._database.transaction() as tx:
            tx.execute(replaced, (_number(keep_since),))
            for alg, pkcs8 in made:
                values = (alg, self._vault.seal(pkcs8, f"signin.key.{alg}"), _number(now))
                numbers.append(int(tx.execute(insert, values).fetchone()["number"]))
        return numbers

    # -- clients --------------------------------------------------------------------------------------------------

    def client(self, client_id: str) -> Client | None:
        """Return a client."""
        row = self._database.one("SELECT * FROM clients WHERE client_id = ?", (client_id,))
        return _client(row) if row else None

    def clients(self) -> list[Client]:
        """Return all clients, by identifier."""
        return [_client(row) for row in self._database.query("SELECT * FROM clients ORDER BY client_id")]

    def save_client(self, client: Client) -> None:
        """Write a client, replacing an earlier one of the same identifier."""
        uris, keys = json.dumps(client.redirect_uris), json.dumps(client.jwks)
        values = (client.client_id, client.name, uris, keys, _number(client.registered_at))
        with self._database.transaction() as tx:
            tx.execute("INSERT OR REPLACE INTO clients VALUES (?, ?, ?, ?, ?)", values)

    # -- sign-in requests -----------------------------------------------------------------------------------------

    def request(self, request_id: str) -> SignInRequest | None:
        """Return a sign-in request."""
        row = self._database.one("SELECT * FROM requests WHERE request_id = ?", (request_id,))
        return _request(row) if row else None

    def save_request(self, request: SignInRequest, session: Session | None = None) -> None:
        """Write a request, with the session that its end opens."""
        with self._database.transaction() as tx:
            tx.execute(_SAVE_REQUEST, _request_row(request))
            if session is not None:
                tx.execute(_SAVE_SESSION, _session_row(session))

    def erase_old(self, requests_before: datetime, now: datetime) -> None:
        """Forget requests that ended before `requests_before`, and sessions, tokens and assertions past their time."""
        with self._database.transaction() as tx:
            tx.execute("DELETE FROM requests WHERE expires_at < ?", (_number(requests_before),))
            tx.execute("DELETE FROM sessions WHERE ends_at < ?", (_number(now),))
            tx.execute("DELETE FROM refresh_tokens WHERE expires_at < ?", (_number(now),))
            tx.execute("DELETE FROM assertions WHERE forget_at < ?", (_number(now),))

    # -- sessions and tokens --------------------------------------------------------------------------------------

    def session(self, session_id: str) -> Session | None:
        """Return a session."""
        row = self._database.one("SELECT * FROM sessions WHERE session_id = ?", (session_id,))
        return _session(row) if row else None

    def session_of_code(self, code: str) -> Session | None:
        """Return the session that a code opens or opened."""
        row = self._database.one("SELECT * FROM sessions WHERE code_digest = ?", (digest(code),))
        return _session(row) if row else None

    def save_session(
        self, session: Session, refresh: tuple[str, datetime] | None = None, replaces: str | None = None
    ) -> None:
        """Write a session, with a new refresh token and its end, and without the one that it replaces."""
        with self._database.transaction() as tx:
            tx.execute(_SAVE_SESSION, _session_row(session))
            if replaces is not None:
                tx.execute("DELETE FROM refresh_tokens WHERE digest = ?", (digest(replaces),))
            if refresh is not None:
                values = (digest(refresh[0]), session.session_id, _number(refresh[1]))
                tx.execute("INSERT INTO refresh_tokens VALUES (?, ?, ?)", values)

    def session_of_refresh_token(self, token: str, now: datetime) -> Session | None:
        """Return the session of a refresh token that has not ended."""
        row = self._database.one(_BY_REFRESH, (digest(token), _number(now)))
        return _session(row) if row else None

    def use_assertion(self, client_id: str, jti: str, forget_at: datetime) -> bool:
        """Remember a client assertion; return whether it is new."""
        with self._database.transaction() as tx:
            values = (client_id, jti, _number(forget_at))
            return tx.execute("INSERT OR IGNORE INTO assertions VALUES (?, ?, ?)", values).rowcount == 1


_SAVE_REQUEST = "INSERT OR REPLACE INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SAVE_SESSION = """INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (session_id) DO UPDATE SET state = excluded.state, ends_at = excluded.ends_at"""
_BY_REFRESH = """SELECT sessions.* FROM sessions JOIN refresh_tokens USING (session_id)
    WHERE refresh_tokens.digest = ? AND refresh_tokens.expires_at > ?"""


def _number(moment: datetime) -> int:
    return int(moment.timestamp())


def _time(number: int) -> datetime:
    return datetime.fromtimestamp(number, UTC)


def _client(row: sqlite3.Row) -> Client:
    uris, keys = tuple(json.loads(row["redirect_uris"])), tuple(json.loads(row["jwks"]))
    return Client(row["client_id"], row["name"], uris, keys, _time(row["registered_at"]))


def _wish_text(wish: Wish) -> str:
    return json.dumps({name: getattr(wish, name) for name in Wish.__slots__})


def _wish(text: str) -> Wish:
    members: dict[str, Any] = json.loads(text)
    scope, acr_values = tuple(members.pop("scope")), tuple(members.pop("acr_values"))
    return Wish(scope=scope, acr_values=acr_values, **members)


def _request_row(request: SignInRequest) -> tuple[object, ...]:
    return (
        request.request_id,
        _wish_text(request.wish),
        request.browser,
        request.challenge,
        _number(request.created_at),
        _number(request.expires_at),
        request.state.value,
        request.refusal,
        request.subject,
        None if request.approved_at is None else _number(request.approved_at),
    )


def _request(row: sqlite3.Row) -> SignInRequest:
    return SignInRequest(
        request_id=row["request_id"],
        wish=_wish(row["wish"]),
        browser=row["browser"],
        challenge=row["challenge"],
        created_at=_time(row["created_at"]),
        expires_at=_time(row["expires_at"]),
        state=RequestState(row["state"]),
        refusal=row["refusal"],
        subject=row["subject"],
        approved_at=None if row["approved_at"] is None else _time(row["approved_at"]),
    )


def _session_row(session: Session) -> tuple[object, ...]:
    return (
        session.session_id,
        _wish_text(session.wish),
        session.subject,
        _number(session.authenticated_at),
        session.code_digest,
        _number(session.code_expires_at),
        _number(session.ends_at),
        session.state.value,
    )


def _session(row: sqlite3.Row) -> Session:
    return Session(
        session_id=row["session_id"],
        wish=_wish(row["wish"]),
        subject=row["subject"],
        authenticated_at=_time(row["authenticated_at"]),
        code_digest=row["code_digest"],
        code_expires_at=_time(row["code_expires_at"]),
        ends_at=_time(row["ends_at"]),
        state=SessionState(row["state"]),
    )
