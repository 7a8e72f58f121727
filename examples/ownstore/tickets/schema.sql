-- The tables of a help desk of its own. Instants are microseconds since 1970.

CREATE TABLE IF NOT EXISTS ticket (
    tenant   TEXT    NOT NULL,
    no       TEXT    NOT NULL,
    revision INTEGER NOT NULL, -- number of its last entry in ticket_event: the optimistic lock
    head     BLOB    NOT NULL, -- hash of that entry
    touched  INTEGER NOT NULL, -- when that entry was recorded
    wake     INTEGER,          -- when it wants a tick
    summary  TEXT    NOT NULL, -- for lists
    body     TEXT    NOT NULL, -- the whole incident, as JSON

    -- What tickets are found by; NULL where a ticket has no value.
    state TEXT, phase TEXT, level INTEGER, created INTEGER, updated INTEGER, kind TEXT, priority INTEGER, service TEXT, ci TEXT, team TEXT,
    assignee TEXT, line INTEGER, owner TEXT, department TEXT, caller TEXT, alert TEXT, parent TEXT, merged_into TEXT, recurrence_of TEXT,
    problem TEXT, major TEXT, due INTEGER, follow_up_due INTEGER, paperwork_due INTEGER, promise_due INTEGER,
    campus TEXT,               -- a field of the hospital's own

    PRIMARY KEY (tenant, no)
) STRICT;

-- The lists on the screens of this help desk. A list that none of them fits is sorted at each reading.
CREATE INDEX IF NOT EXISTS ticket_queue ON ticket (tenant, team, phase, due, no);
CREATE INDEX IF NOT EXISTS ticket_mine ON ticket (tenant, assignee, phase, no);
CREATE INDEX IF NOT EXISTS ticket_place ON ticket (tenant, department, created, no);
-- What the incident process asks by itself: repeated alerts, and other tickets on the same item.
CREATE INDEX IF NOT EXISTS ticket_alert ON ticket (tenant, alert, created, no);
CREATE INDEX IF NOT EXISTS ticket_item ON ticket (tenant, ci, created, no);
CREATE INDEX IF NOT EXISTS ticket_wake ON ticket (wake);

-- The journal. SQLite has one writer at a time, so positions rise in the order in which transactions commit. Where several commit at a
-- time, as in PostgreSQL, a sequence does not: a reader that goes on from the last position it saw would miss one that commits late.
CREATE TABLE IF NOT EXISTS ticket_event (
    position        INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant          TEXT    NOT NULL,
    kind            TEXT    NOT NULL, -- incident, or itsm.command for what was refused before there was a ticket
    no              TEXT    NOT NULL,
    seq             INTEGER NOT NULL,
    type            TEXT    NOT NULL,
    happened        INTEGER NOT NULL,
    recorded        INTEGER NOT NULL,
    actor           TEXT    NOT NULL,
    on_behalf_of    TEXT    NOT NULL,
    command         TEXT    NOT NULL,
    command_name    TEXT    NOT NULL,
    reason          TEXT    NOT NULL,
    data            TEXT    NOT NULL,
    personal        TEXT,             -- the erasable part
    personal_digest BLOB    NOT NULL,
    prev            BLOB    NOT NULL,
    hash            BLOB    NOT NULL,
    UNIQUE (tenant, kind, no, seq)
) STRICT;
CREATE INDEX IF NOT EXISTS ticket_event_journal ON ticket_event (tenant, position);
CREATE INDEX IF NOT EXISTS ticket_event_command ON ticket_event (tenant, command);

-- Every command counts once.
CREATE TABLE IF NOT EXISTS ticket_command (
    tenant TEXT NOT NULL,
    id     TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS ticket_series (
    tenant TEXT    NOT NULL,
    name   TEXT    NOT NULL,
    last   INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;
