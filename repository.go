package itsm

import (
	"context"
	"iter"
	"time"
)

// A Repository keeps the records of one kind. Process packages bring one over any store; a host may implement it on its
// own tables. itsmtest.Repository checks an implementation. It must be safe for concurrent use.
//
// Records and slices that come out belong to the caller. Those that go in nobody writes to any more, so a repository may keep them.
type Repository[R any] interface {
	// Load returns a record, or an error that matches ErrNotFound.
	Load(ctx context.Context, key Key) (Stored[R], error)

	// Find lists records. The sequence stops after the first error and may be ranged over again.
	Find(ctx context.Context, q Query) iter.Seq2[Stored[R], error]

	// Save writes a change: all of it or nothing. It matches ErrConflict when a record is not at the expected sequence
	// number, and ErrExists when the command ID was used before.
	Save(ctx context.Context, c Change[R]) error

	// Events lists journal entries behind a position, in an order in which a reader with a cursor never misses one. The
	// sequence stops after the first error and may be ranged over again.
	Events(ctx context.Context, after Position, f Filter) iter.Seq2[Event, error]
}

// Stored is a record as it lies in a store.
type Stored[R any] struct {
	Record   R
	Seq      uint64    // of the last journal entry of the record, refusals included
	Head     Digest    // the hash of that entry
	Recorded time.Time // when that entry was recorded
}

// A Lender is a [Repository] that can lend a record: Borrow is Load without a copy. Services borrow where they can.
type Lender[R any] interface {
	Borrow(ctx context.Context, key Key) (Lent[R], error)
}

// Lent is a [Stored] record that others read too: it must not be written to, nor what it leads to.
type Lent[R any] struct {
	Record   *R
	Seq      uint64
	Head     Digest
	Recorded time.Time
}

// Borrow fetches a record that must not be written to, without a copy where the repository is a [Lender].
func Borrow[R any](ctx context.Context, repo Repository[R], key Key) (Lent[R], error) {
	if l, ok := repo.(Lender[R]); ok {
		return l.Borrow(ctx, key)
	}
	stored, err := repo.Load(ctx, key)
	if err != nil {
		return Lent[R]{}, err
	}
	return Lent[R]{&stored.Record, stored.Seq, stored.Head, stored.Recorded}, nil
}

// A Change is what one command does to the store.
type Change[R any] struct {
	Key     Key
	Expect  uint64       // the sequence number the record must have now; 0: it must not exist
	Record  *R           // the new record; nil leaves it as it is
	Events  []Event      // behind Expect, at least one
	Index   []IndexEntry // of the new record
	Wake    time.Time    // when the new record wants to be woken; zero for never
	Command CommandID    // must not have been used in this tenant
	Erase   bool         // blank the personal part of all events of the record up to Expect
}

// A Numberer is a [Repository] that can count. Services number new records with it.
type Numberer interface {
	// NextNumber returns a number of the series that nobody got before and nobody will get again. Numbers rise, with gaps.
	NextNumber(ctx context.Context, tenant Tenant, series string) (uint64, error)
}

// A Journal hands out the entries of all kinds; every store is one.
type Journal interface {
	Events(ctx context.Context, after Position, f Filter) iter.Seq2[Event, error]
}
