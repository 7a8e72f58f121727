package store

import (
	"context"
	"iter"
	"time"

	"github.com/hospital-itsm/itsm"
)

// A DB is what an adapter implements: records at versions, their journal, and nothing about processes.
// It must be safe for concurrent use, also inside the loops over what it lists, and comparable with ==. Slices that come out belong to the
// caller; those that go in are not kept, but for a batch that says so. Instants are kept to the microsecond and come out in UTC.
type DB interface {
	// Load returns the snapshots of the keys, in their order. A record that is not there has the sequence number 0.
	// All keys must have one tenant (else itsm.ErrInvalid); the snapshots are of one instant.
	Load(ctx context.Context, keys ...itsm.Key) ([]Snapshot, error)

	// Find lists the records that match the query, in its order. It answers from an index. The sequence is of one instant or
	// pages by its own cursor, stops after the first error and may be ranged over again.
	Find(ctx context.Context, q itsm.Query) iter.Seq2[Snapshot, error]

	// Commit writes a batch: all of it or nothing. It matches itsm.ErrConflict when a put or a read is not at the expected
	// sequence number or an event that stands alone is there already, itsm.ErrExists when a command ID was used before in the
	// tenant, itsm.ErrInvalid when the batch contradicts itself ([Batch.Check]).
	Commit(ctx context.Context, b Batch) error

	// Events lists journal entries behind a position, in an order in which a reader with a cursor never misses an entry,
	// also one whose transaction commits late. With Filter.ID set they come in the order of their sequence numbers.
	// A position that this store did not give out is itsm.ErrInvalid. The sequence stops after the first error and may be
	// ranged over again.
	Events(ctx context.Context, after itsm.Position, f itsm.Filter) iter.Seq2[itsm.Event, error]

	// Due returns the records of a kind, of all tenants, that want to be woken at or before an instant, the earliest first, then by
	// tenant and ID, at most limit of them. It gives keys and times only. It answers from an index. A zero until means any time;
	// a limit of 0 means all.
	Due(ctx context.Context, kind itsm.Kind, until time.Time, limit int) ([]Wake, error)

	// Close releases what the DB holds. Calls under way fail or finish; later ones fail with [ErrClosed]. Closing twice is no error.
	Close() error
}

// A Lender is a [DB] that keeps records where its users are, in memory: it lends them without a copy, and takes and gives
// them without encoding them. Nobody may write to what it lends, nor to a [Record] that it was given.
type Lender interface {
	// Lend is Load of one record.
	Lend(ctx context.Context, key itsm.Key) (Snapshot, error)
	// LendAll is Find.
	LendAll(ctx context.Context, q itsm.Query) iter.Seq2[Snapshot, error]
}

// A Record is a record that has not been encoded. It never changes and is safe for concurrent use.
type Record interface {
	// JSON encodes the record. That it can be encoded was found out before the record was put.
	JSON() ([]byte, error)
}

// A Snapshot is a record as it lies in a store.
type Snapshot struct {
	Key      itsm.Key
	Seq      uint64      // of its last journal entry; 0: there is no such record
	Head     itsm.Digest // the hash of that entry; zero for a counter
	Recorded time.Time   // when that entry was recorded
	Data     []byte      // the record as JSON
	Record   Record      // in place of Data, given to and lent by a Lender only
	Wake     time.Time   // when it wants to be woken; zero for never
	Order    itsm.Value  // out of Find: the value of the field that the query orders by; Cursor{Order, Key.ID} is its place
}

// JSON returns the record as JSON, encoded now if it has not been. Data that are there are not copied.
func (s *Snapshot) JSON() ([]byte, error) {
	if s.Record == nil {
		return s.Data, nil
	}
	return s.Record.JSON()
}

// A Wake is a record that wants to be woken.
type Wake struct {
	Key itsm.Key
	At  time.Time
}

// A Batch is what is written at once. It belongs to one tenant. A batch of reads alone asks whether they still hold, all
// at one instant.
type Batch struct {
	Tenant   itsm.Tenant
	Puts     []Put
	Reads    []Read           // records that must still be at a sequence number, though the batch does not write them
	Events   []itsm.Event     // of the puts, or standing alone with sequence number 1; the journal keeps their order
	Commands []itsm.CommandID // must not have been used in the tenant before
	Erase    []itsm.Key       // records whose events, up to the Expect of their put, lose their personal part
	Owned    bool             // nobody writes to the slices of the batch any more, so a store may keep them without a copy
}

// A Put writes one record. Its events lead from Expect to Seq, and the hash of the last is Head. A put without events
// writes a counter: a record without a journal, whose Seq only counts and whose Head is zero.
type Put struct {
	Snapshot                   // Order is not looked at
	Expect   uint64            // the sequence number that the record must have now; 0: it must not exist
	Keep     bool              // leave data, index and wake as they are: only the journal grew
	Index    []itsm.IndexEntry // by which the record is found; entries without a value do not count, doubles count once
}

// A Read names a record that must not have changed. Seq 0: it must not exist.
type Read struct {
	Key itsm.Key
	Seq uint64
}
