// Package postgres keeps records in a schema of a PostgreSQL database. It implements [store.DB].
//
//	db, err := postgres.Open(ctx, "postgres://itsm@localhost/hospital")
//	if err != nil { … }
//	defer db.Close()
//	incidents := store.NewRepository[Incident](db)
//
// # Model
//
// The tables are the same for all kinds of records: record (what is now), term (by what records are found, a row for each
// value), journal, command (the IDs that were used), pending and placed (the order of the journal), field, head, migration. No
// table is made or changed while the store is used, so the role of a program needs no more than to read and write them.
//
// A commit is one round trip and one transaction. Every statement of it checks, on the row that it locks, that the record is at
// the sequence number that the batch expects, and fails otherwise; so it is right at READ COMMITTED, the default of
// PostgreSQL, and at every stricter level. Rows are taken in one order by everybody. What the server rolls back for the sake
// of others (40001, 40P01) is tried again, up to 20 times; then the error is [ErrBusy]. A lost race is itsm.ErrConflict.
//
// # The order of the journal
//
// Numbers that are taken while a transaction runs do not do: one that commits late would put its entries behind a reader. Here a
// commit only notes that its entries have no place yet (pending), and commits share no row. Whoever next reads the
// journal gives places to the entries that are committed by then, under the lock of one row, head. Places thus become visible in
// their order, and no entry gets one lower than a place that anybody has seen. A batch carries a stamp that is
// higher than that of every batch it builds on, also where clocks do not agree; places are given in the order of the stamps,
// so the entries of a record stay in order. A transaction that hangs delays its own entries and nobody else's.
//
// Readers pay for it: an entry costs two small rows when it is first read. A reader must be allowed to write; on a
// standby it gets what others have given places to, then [ErrReadOnly] when there are entries without one; on a full disk [ErrFull].
//
// # Guarantees
//
//   - What Commit has acknowledged is as durable as the server makes it; that is the setting synchronous_commit.
//   - An error that matches [ErrOutcomeUnknown] says that the answer was lost. Every other error means that nothing was written.
//   - On a full disk a commit fails with [ErrFull] and leaves nothing. A server whose log finds no room breaks down: commits under way are
//     then [ErrOutcomeUnknown], that of the session which met the end also [ErrFull], and later ones [ErrUnavailable] until it is started with room.
//     A pool of the host's says only that the answer was lost, unless its OnPgError returns false at PANIC.
//   - Load, and each page of Find and Events, is one instant.
//   - Queries, wakes and journals answer from an index. The tenant comes first in every key; what is asked across tenants, wakes and the journal
//     of all, has an index of its own.
//   - There are no advisory locks, table locks, sequences, triggers, functions or extensions.
//   - Times are kept to the microsecond, JSON to the byte, names sort by their bytes whatever the database does.
//
// # Distributed databases
//
// It is written for PostgreSQL 13 and later, and for databases that speak its protocol and SQL and are serializable or
// READ COMMITTED: YugabyteDB, CockroachDB, PolarDB, openGauss and others. Only PostgreSQL 15 was tried. What the
// others must have: INSERT … ON CONFLICT DO NOTHING, data-modifying WITH, LATERAL, unnest of several arrays WITH
// ORDINALITY, partial indexes, DISTINCT ON, comparison of rows, and several statements sent at once being one transaction. The one
// row head is written by readers, not by commits. Where LISTEN is not there, [DB.Notifications] stays silent.
//
// # Limits
//
// Names, reasons and cursors cannot hold U+0000 or what is no UTF-8, which services refuse anyway; such a call is
// itsm.ErrInvalid. Values of searched fields can; those that are longer than 1,000 bytes and
// begin alike are ordered by a digest. Erased personal data are in dead rows until the next VACUUM, and in archived logs. A dump must be restored whole.
// Behind a pooler that shares connections between transactions, use default_query_exec_mode=exec in the URL.
package postgres
