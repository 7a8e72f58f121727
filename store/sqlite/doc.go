// Package sqlite keeps records in an SQLite file: one file for each database, no server. It implements [store.DB].
//
//	db, err := sqlite.Open("itsm.db")
//	if err != nil { … }
//	defer db.Close()
//	incidents := store.NewRepository[Incident](db)
//
// # Model
//
// Each kind of record has a table of its own, record_<kind>, with a column and an index for each field by which it is found
// (f_<field>); fields with several values a record lie in values_<kind>. The journal of all kinds is itsm_journal. Instants
// are microseconds since 1970, records and payloads are JSON text: a person can read the file with the sqlite3 shell.
// Tables, columns and indexes are added when a record first needs them, in the transaction of that record.
//
// # Guarantees
//
//   - The log is written ahead (WAL) and synchronised with every commit: what Commit has acknowledged survives a crash of
//     the program, the system and the power supply, as far as the disk tells the truth. See [Relaxed] for the exception.
//   - Several processes on one machine may use one file at the same time.
//   - Queries, wakes and journals answer from an index.
//   - Deleted content, such as erased personal data, is overwritten in the file.
//   - A newer schema, a file of another program, a file that cannot be written, a full disk and a damaged file give errors
//     that say so ([NewerSchemaError], [ErrForeign], [ErrReadOnly], [ErrFull], [ErrCorrupt]) and lose nothing.
//
// # Limits
//
// One process writes at a time; the others wait, up to the [BusyTimeout]. The file must not lie on a network share. A field
// of a kind keeps the type that its first value had. A program must not also import github.com/glebarez/go-sqlite, which
// registers its driver under the same name.
package sqlite
