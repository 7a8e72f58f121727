-- Instants are microseconds since 1970, UTC. Digests are SHA-256.

-- One row for each entry. Rows are never deleted; only personal is ever changed, to NULL.
CREATE TABLE itsm_journal (
  position        INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant          TEXT    NOT NULL,
  kind            TEXT    NOT NULL,
  id              TEXT    NOT NULL,
  seq             INTEGER NOT NULL,
  type            TEXT    NOT NULL,
  at              INTEGER NOT NULL,
  recorded        INTEGER NOT NULL,
  actor           TEXT    NOT NULL,
  on_behalf_of    TEXT    NOT NULL,
  command         TEXT    NOT NULL,
  command_name    TEXT    NOT NULL,
  reason          TEXT    NOT NULL,
  data            TEXT,
  personal        TEXT,
  personal_digest BLOB,
  prev            BLOB,
  hash            BLOB    NOT NULL
);
CREATE UNIQUE INDEX itsm_journal_record  ON itsm_journal (tenant, kind, id, seq);
CREATE        INDEX itsm_journal_command ON itsm_journal (tenant, command);

-- The command IDs that were used.
CREATE TABLE itsm_command (
  tenant TEXT NOT NULL,
  id     TEXT NOT NULL,
  PRIMARY KEY (tenant, id)
) WITHOUT ROWID;

-- The kinds of records, each with the table that holds them. Tables, columns and indexes are added when they are first needed.
CREATE TABLE itsm_kind (
  kind  TEXT PRIMARY KEY,
  name  TEXT NOT NULL UNIQUE  -- the tables are record_<name> and, for fields with several values, values_<name>
) WITHOUT ROWID;

-- The fields by which the records of a kind are found. A field keeps its type.
CREATE TABLE itsm_field (
  kind  TEXT    NOT NULL REFERENCES itsm_kind,
  field TEXT    NOT NULL,     -- the column is f_<field>
  type  TEXT    NOT NULL,     -- bool, number, time or text
  many  INTEGER NOT NULL,     -- 1: the values are in values_<name>
  PRIMARY KEY (kind, field)
) WITHOUT ROWID;
