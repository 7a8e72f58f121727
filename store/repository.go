package store

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/internal/jsonfast"
)

// A Repository keeps records of one type in a [DB], as JSON. It implements [itsm.Repository] and [itsm.Numberer], takes part
// in units of work ([Atomically]), and is safe for concurrent use.
//
// The type R must come back from JSON as it went in; the process laws of itsmtest check that. A record that was used a short
// while ago is not decoded again when the store still gives the same bytes, and a [Lender] holds the records themselves.
type Repository[R any] struct {
	db     DB
	direct direct
	cache  *cache[R] // nil for none
	check  jsonfast.Checker[R]
	series series
}

// NewRepository returns a repository over a store. Repositories of several kinds share one store.
func NewRepository[R any](db DB) *Repository[R] {
	return &Repository[R]{db: db, direct: directTo(db), cache: newCache[R](), check: jsonfast.CheckerOf[R]()}
}

// Uncached returns a repository over the same store that decodes every record that it reads. Tests use it to see what was
// really stored.
func (r *Repository[R]) Uncached() *Repository[R] { return &Repository[R]{db: r.db, direct: r.direct} }

// DB returns the store.
func (r *Repository[R]) DB() DB { return r.db }

// records is what of a DB the repository works with: the store itself, or the unit of work of the context.
type records interface {
	lend(ctx context.Context, key itsm.Key) (Snapshot, error)
	find(ctx context.Context, q itsm.Query) iter.Seq2[Snapshot, error]
	Commit(ctx context.Context, b Batch) error
	Events(ctx context.Context, after itsm.Position, f itsm.Filter) iter.Seq2[itsm.Event, error]
}

// in returns the unit of work of the context if it is over the repository's store. A unit over another store is left
// alone when reading; writing beside it would not be atomic and is an error of Save.
func (r *Repository[R]) in(ctx context.Context) (records, bool) {
	u := unitFrom(ctx)
	switch {
	case u == nil:
		return &r.direct, true
	case u.db == r.db:
		return u, true
	}
	return &r.direct, false
}

// direct is the store itself.
type direct struct {
	DB
	lender Lender // nil when the store is none
}

func directTo(db DB) direct {
	l, _ := db.(Lender)
	return direct{db, l}
}

// find is Find that lends.
func (d *direct) find(ctx context.Context, q itsm.Query) iter.Seq2[Snapshot, error] {
	if d.lender != nil {
		return d.lender.LendAll(ctx, q)
	}
	return d.Find(ctx, q)
}

func (d *direct) lend(ctx context.Context, key itsm.Key) (Snapshot, error) {
	if d.lender != nil {
		return d.lender.Lend(ctx, key)
	}
	found, err := d.Load(ctx, key)
	if err != nil {
		return Snapshot{}, err
	}
	return found[0], nil
}

// Load implements [itsm.Repository].
func (r *Repository[R]) Load(ctx context.Context, key itsm.Key) (itsm.Stored[R], error) {
	lent, err := r.Borrow(ctx, key)
	if err != nil {
		return itsm.Stored[R]{}, err
	}
	return r.own(&lent), nil
}

// Borrow implements [itsm.Lender].
func (r *Repository[R]) Borrow(ctx context.Context, key itsm.Key) (itsm.Lent[R], error) {
	recs, _ := r.in(ctx)
	s, err := recs.lend(ctx, key)
	switch {
	case err != nil:
		return itsm.Lent[R]{}, err
	case s.Seq == 0:
		return itsm.Lent[R]{}, fmt.Errorf("%s: %w", key, itsm.ErrNotFound)
	}
	return r.decode(&s)
}

// decode returns the record of a snapshot, which must not be written to.
func (r *Repository[R]) decode(s *Snapshot) (itsm.Lent[R], error) {
	lent := itsm.Lent[R]{Seq: s.Seq, Head: s.Head, Recorded: s.Recorded}
	if known, ok := s.Record.(live[R]); ok && r.cache != nil {
		lent.Record = known.rec
		return lent, nil
	}
	data, err := s.JSON()
	if err != nil {
		return itsm.Lent[R]{}, fmt.Errorf("store: %s at %d: %w", s.Key, s.Seq, err)
	}
	if lent.Record = r.cache.get(s.Key, data); lent.Record != nil {
		return lent, nil
	}
	lent.Record = new(R)
	if err := json.Unmarshal(data, lent.Record); err != nil {
		return itsm.Lent[R]{}, fmt.Errorf("store: %s at %d does not fit its type: %w", s.Key, s.Seq, err)
	}
	r.cache.put(s.Key, data, lent.Record)
	return lent, nil
}

// live is a [Record] of a type.
type live[R any] struct{ rec *R }

func (l live[R]) JSON() ([]byte, error) { return jsonfast.Marshal(l.rec) }

// own returns what was lent as the caller's own.
func (r *Repository[R]) own(lent *itsm.Lent[R]) itsm.Stored[R] {
	stored := itsm.Stored[R]{Record: *lent.Record, Seq: lent.Seq, Head: lent.Head, Recorded: lent.Recorded}
	if r.cache != nil {
		r.cache.cloner.Own(&stored.Record)
	}
	return stored
}

// Find implements [itsm.Repository].
func (r *Repository[R]) Find(ctx context.Context, q itsm.Query) iter.Seq2[itsm.Stored[R], error] {
	recs, _ := r.in(ctx)
	return func(yield func(itsm.Stored[R], error) bool) {
		for s, err := range recs.find(ctx, q) {
			var stored itsm.Stored[R]
			if err == nil {
				var lent itsm.Lent[R]
				if lent, err = r.decode(&s); err == nil {
					stored = r.own(&lent)
				}
			}
			if !yield(stored, err) || err != nil {
				return
			}
		}
	}
}

// Save implements [itsm.Repository]. What goes in is kept.
func (r *Repository[R]) Save(ctx context.Context, c itsm.Change[R]) error {
	recs, ok := r.in(ctx)
	if !ok {
		return fmt.Errorf("%w: store: %s is in another store than the unit of work", itsm.ErrInvalid, c.Key)
	}
	if len(c.Events) == 0 {
		return fmt.Errorf("%w: store: a change of %s without an event", itsm.ErrInvalid, c.Key)
	}
	space := new(struct { // the slices of a batch of one change, in one piece
		puts     [1]Put
		commands [1]itsm.CommandID
	})
	b := Batch{Tenant: c.Key.Tenant, Events: c.Events, Owned: true}
	if c.Command != "" {
		space.commands[0] = c.Command
		b.Commands = space.commands[:]
	}
	if c.Erase {
		b.Erase = []itsm.Key{c.Key}
	}
	if c.Record != nil || c.Expect > 0 { // otherwise the entry stands alone
		last := &c.Events[len(c.Events)-1]
		p := &space.puts[0]
		p.Expect, p.Keep, p.Index = c.Expect, c.Record == nil, c.Index
		p.Snapshot = Snapshot{Key: c.Key, Seq: last.Seq, Head: last.Hash, Recorded: last.Recorded, Wake: c.Wake}
		if c.Record != nil {
			if err := r.encode(&p.Snapshot, c.Record); err != nil {
				return fmt.Errorf("store: %s: %w", c.Key, err)
			}
		}
		b.Puts = space.puts[:]
	}
	return recs.Commit(ctx, b)
}

// encode puts a record into a snapshot, as it is where the store is a [Lender]. Nobody may write to it afterwards.
func (r *Repository[R]) encode(s *Snapshot, rec *R) (err error) {
	if r.direct.lender != nil && r.cache != nil {
		if err = r.check.Check(rec); err == nil {
			s.Record = live[R]{rec}
		}
		return err
	}
	if s.Data, err = jsonfast.Marshal(rec); err == nil {
		r.cache.put(s.Key, s.Data, rec)
	}
	return err
}

// Events implements [itsm.Repository].
func (r *Repository[R]) Events(ctx context.Context, after itsm.Position, f itsm.Filter) iter.Seq2[itsm.Event, error] {
	recs, _ := r.in(ctx)
	return recs.Events(ctx, after, f)
}

// NextNumber implements [itsm.Numberer]. It is no part of a unit of work: a number once given is used up.
func (r *Repository[R]) NextNumber(ctx context.Context, tenant itsm.Tenant, series string) (uint64, error) {
	return r.series.next(ctx, r.db, tenant, series)
}
