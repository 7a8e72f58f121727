-- Instants are UTC, to the microsecond. Digests are SHA-256. Names sort by their bytes.

-- The records, as they are now.
CREATE TABLE record (
  tenant   text COLLATE "C" NOT NULL,
  kind     text COLLATE "C" NOT NULL,
  id       text COLLATE "C" NOT NULL,
  seq      bigint NOT NULL,   -- of its last entry in the journal
  stamp    bigint NOT NULL,   -- of the batch that wrote it last; rises with every batch
  head     bytea,             -- the hash of that entry; NULL for a counter
  recorded timestamptz,
  wake     timestamptz,       -- when it wants to be woken
  data     text,              -- JSON, to the byte
  terms    bytea[] NOT NULL,  -- by which it is found, as in the table term
  long     bytea[],           -- those that term has shortened, in full
  PRIMARY KEY (tenant, kind, id)
);
CREATE INDEX record_wake ON record (kind, wake, tenant, id) WHERE wake IS NOT NULL;

-- A row for each value by which a record is found: the name of the field, a zero byte, the type, and the value so that it
-- sorts by its bytes.
CREATE TABLE term (
  tenant text COLLATE "C" NOT NULL,
  kind   text COLLATE "C" NOT NULL,
  term   bytea NOT NULL,
  id     text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, kind, term, id)
);

-- The fields by which the records of a kind are found, in the order in which they came up: 1, 2, 3 and so on.
CREATE TABLE field (
  kind   text COLLATE "C" NOT NULL,
  field  text COLLATE "C" NOT NULL,
  number integer NOT NULL,
  many   boolean NOT NULL,    -- a record may have several values
  PRIMARY KEY (kind, field),
  UNIQUE (kind, number)
);

-- The journal. Rows are never deleted; only personal is ever changed, to NULL.
CREATE TABLE journal (
  tenant          text COLLATE "C" NOT NULL,
  kind            text COLLATE "C" NOT NULL,
  id              text COLLATE "C" NOT NULL,
  seq             bigint NOT NULL,
  type            text NOT NULL,
  at              timestamptz NOT NULL,
  recorded        timestamptz NOT NULL,
  actor           text NOT NULL,
  on_behalf_of    text NOT NULL,
  command         text COLLATE "C" NOT NULL,
  command_name    text NOT NULL,
  reason          text NOT NULL,
  data            text,
  personal        text,
  personal_digest bytea,
  prev            bytea,
  hash            bytea NOT NULL,
  PRIMARY KEY (tenant, kind, id, seq)
);
CREATE INDEX journal_command ON journal (tenant, command);

-- The command IDs that were used.
CREATE TABLE command (
  tenant text COLLATE "C" NOT NULL,
  id     text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant, id)
);

-- Batches whose entries have no place in the journal yet. A reader gives them places and takes them out.
CREATE TABLE pending (
  tenant text COLLATE "C" NOT NULL,
  stamp  bigint NOT NULL,     -- higher than that of every batch that this one builds on
  node   bigint NOT NULL,     -- who wrote it
  kinds  text[] NOT NULL,     -- its entries, in order
  ids    text[] NOT NULL,
  seqs   bigint[] NOT NULL,
  PRIMARY KEY (tenant, stamp, node)
);

-- The places of the entries in the journal.
CREATE TABLE placed (
  tenant text COLLATE "C" NOT NULL,
  place  bigint NOT NULL,
  kind   text COLLATE "C" NOT NULL,
  id     text COLLATE "C" NOT NULL,
  seq    bigint NOT NULL,
  PRIMARY KEY (tenant, place)
);
CREATE INDEX placed_all    ON placed (place);
CREATE INDEX placed_record ON placed (tenant, kind, id, seq);

-- One row: the last place. Who locks it gives out places.
CREATE TABLE head (
  name  text PRIMARY KEY,
  place bigint NOT NULL
);
INSERT INTO head (name, place) VALUES ('journal', 0);
