// Package store is how records reach a database: the contract that an adapter implements ([DB]), the typed repository over
// it that processes use ([Repository]), and units of work over several records ([Atomically]).
//
// # Model
//
// A record lies in a store as a [Snapshot]: its data as JSON, the sequence number and hash of its last journal entry, the
// fields by which it is found, and when it wants to be woken. It is written only together with the journal entries that led to
// it, in a [Batch] that names the sequence number of every record it writes, or only relied on. There is no lock and no
// interactive transaction: who is late gets itsm.ErrConflict, reads again and decides again.
//
// # Guarantees
//
//   - A batch is written whole or not at all, and durably before Commit returns.
//   - A command ID counts once in a tenant.
//   - A reader of the journal that goes on from the position of the last entry it saw misses none.
//   - Queries, wakes and loads answer from an index.
//
// # Limits
//
// A batch belongs to one tenant. A unit of work asserts the records it has read, not that others were absent. Adapters are
// packages and modules below this one; store/memory is the reference, and itsmtest holds every adapter to the contract.
package store
