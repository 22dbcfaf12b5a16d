# SPDX-License-Identifier: Apache-2.0
"""The authority's tables.

Three links of a certificate are columns: `request_id` (signing with authentication), `parent` (phone with card),
`renews` (new with old).  A certificate is there without its signature (`der`) between recording and signing.  The audit
log can only grow: triggers refuse to change or delete an entry.
"""

MIGRATIONS = (
    """
    CREATE TABLE own (
        kind TEXT NOT NULL,
        serial INTEGER NOT NULL,
        role TEXT NOT NULL CHECK (role IN ('ca', 'ocsp')),
        der BLOB NOT NULL,
        key BLOB NOT NULL,
        not_before TEXT NOT NULL,
        not_after TEXT NOT NULL,
        PRIMARY KEY (kind, serial)
    ) STRICT;
    CREATE TABLE counters (
        kind TEXT PRIMARY KEY,
        last INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE secrets (
        name TEXT PRIMARY KEY,
        sealed BLOB NOT NULL
    ) STRICT;
    CREATE TABLE requests (
        carrier TEXT NOT NULL,
        request_id TEXT NOT NULL,
        digest TEXT NOT NULL,
        stage TEXT NOT NULL,
        superseded TEXT NOT NULL,
        PRIMARY KEY (carrier, request_id)
    ) STRICT;
    CREATE TABLE certificates (
        kind TEXT NOT NULL,
        serial INTEGER NOT NULL,
        carrier TEXT NOT NULL,
        request_id TEXT NOT NULL,
        resident_code TEXT NOT NULL,
        municipality_code TEXT NOT NULL,
        not_before TEXT NOT NULL,
        not_after TEXT NOT NULL,
        tbs BLOB NOT NULL,
        der BLOB,
        key_sha256 BLOB NOT NULL UNIQUE,
        parent INTEGER,
        renews INTEGER,
        reason TEXT,
        revoked_at TEXT,
        PRIMARY KEY (kind, serial),
        FOREIGN KEY (carrier, request_id) REFERENCES requests (carrier, request_id),
        FOREIGN KEY (kind, parent) REFERENCES certificates (kind, serial),
        FOREIGN KEY (kind, renews) REFERENCES certificates (kind, serial),
        CHECK ((parent IS NULL) = (carrier = 'card')),
        CHECK ((reason IS NULL) = (revoked_at IS NULL))
    ) STRICT;
    CREATE INDEX certificates_by_resident ON certificates (resident_code);
    CREATE INDEX certificates_by_request ON certificates (carrier, request_id);
    CREATE INDEX certificates_by_parent ON certificates (kind, parent) WHERE parent IS NOT NULL;
    CREATE INDEX certificates_unsigned ON certificates (kind) WHERE der IS NULL;
    CREATE INDEX certificates_revoked ON certificates (kind, municipality_code, serial) WHERE reason IS NOT NULL;
    CREATE TRIGGER revocation_is_final BEFORE UPDATE OF reason, revoked_at ON certificates
        WHEN OLD.reason IS NOT NULL BEGIN SELECT RAISE(ABORT, 'a revocation is final'); END;
    CREATE TABLE events (
        event_id TEXT PRIMARY KEY,
        resident_code TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        kind TEXT NOT NULL,
        occurred_at TEXT NOT NULL,
        answer TEXT NOT NULL,
        UNIQUE (resident_code, sequence)
    ) STRICT;
    CREATE TABLE holds (
        request_id TEXT PRIMARY KEY,
        issue_request_id TEXT NOT NULL,
        answer TEXT NOT NULL
    ) STRICT;
    CREATE TABLE lists (
        kind TEXT NOT NULL,
        code TEXT NOT NULL,
        revision INTEGER NOT NULL DEFAULT 0,
        signed_revision INTEGER NOT NULL DEFAULT -1,
        number INTEGER NOT NULL DEFAULT 0,
        this_update TEXT,
        next_update TEXT,
        der BLOB,
        PRIMARY KEY (kind, code)
    ) STRICT;
    CREATE TABLE audit (
        number INTEGER PRIMARY KEY,
        at TEXT NOT NULL,
        act TEXT NOT NULL,
        role TEXT NOT NULL,
        facts TEXT NOT NULL,
        previous TEXT NOT NULL,
        hash TEXT NOT NULL
    ) STRICT; CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log only
    grows'); END; CREATE TRIGGER audit_is_not_cut BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log only
    grows'); END; CREATE TABLE audit_head ( only INTEGER PRIMARY KEY CHECK (only = 1), sealed BLOB NOT NULL ) STRICT;
    """,
)
