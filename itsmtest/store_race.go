package itsmtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// together runs f in n goroutines that begin at one moment, and gives the errors.
func together(t runner, n int, f func(i int) error) []error {
	t.Helper()
	errs := make([]error, n)
	within(t, "concurrent calls", func() {
		var ready, done sync.WaitGroup
		gate := make(chan struct{})
		for i := range n {
			ready.Add(1)
			done.Go(func() {
				ready.Done()
				<-gate
				errs[i] = f(i)
			})
		}
		ready.Wait()
		close(gate)
		done.Wait()
	})
	return errs
}

// winners counts who had no error, and fails on errors other than a lost race.
func winners(t runner, errs []error, lost ...error) (n int) {
	t.Helper()
	for _, err := range errs {
		if err == nil {
			n++
		} else if !isOne(err, lost...) {
			t.Errorf("who loses a race must get one of %v, got: %v", lost, err)
		}
	}
	return n
}

func checkIncrements(s *storeSuite) {
	const workers, each = 6, 15
	k := itsm.Key{Tenant: "h1", Kind: "order", ID: "A"}
	s.create(k, content([]byte(`0`), nil, time.Time{}))
	errs := together(s.runner, workers, func(int) error {
		for range each {
			for {
				now, err := s.db.Load(s.ctx, k)
				if err != nil {
					return err
				}
				var n int
				if err := json.Unmarshal(now[0].Data, &n); err != nil {
					return err
				}
				runtime.Gosched() // lets somebody else come between
				err = s.db.Commit(s.ctx, next(now[0], content(mustJSON(n+1), nil, time.Time{})))
				if err == nil {
					break
				}
				if !errors.Is(err, itsm.ErrConflict) {
					return err
				}
			}
		}
		return nil
	})
	require.NoError(s, errors.Join(errs...))
	got := s.load(s, k)[0]
	assert.Equal(s, fmt.Sprint(workers*each), string(got.Data), "every increment that was acknowledged counts: none is lost, none counts twice")
	assert.EqualValues(s, workers*each+1, got.Seq)
	s.verifyChain(s, k)
}

func checkCreates(s *storeSuite) {
	for round := range 10 {
		k := itsm.Key{Tenant: "h1", Kind: "order", ID: itsm.ID(fmt.Sprintf("A-%d", round))}
		errs := together(s.runner, 6, func(i int) error { return s.db.Commit(s.ctx, next(fresh(k))) })
		assert.Equal(s, 1, winners(s.runner, errs, itsm.ErrConflict), "winners")
		assert.Len(s, s.verifyChain(s, k), 1)
	}
}

func checkCommandRace(s *storeSuite) {
	for round := range 10 {
		command := newCommand()
		errs := together(s.runner, 6, func(i int) error {
			k := itsm.Key{Tenant: "h1", Kind: "order", ID: itsm.ID(fmt.Sprintf("A-%d-%d", round, i))}
			b := next(fresh(k), func(_ *store.Put, e *itsm.Event) { e.Command = command })
			b.Commands = []itsm.CommandID{command}
			return s.db.Commit(s.ctx, b)
		})
		assert.Equal(s, 1, winners(s.runner, errs, itsm.ErrExists), "winners")
		assert.Len(s, s.events(s, "", itsm.Filter{Tenant: "h1", Command: command}), 1)
	}
}

// checkWriteSkew lets each of two writers change its own record on the condition that the other has not.
func checkWriteSkew(s *storeSuite) {
	for round := range 20 {
		keys := make([]itsm.Key, 2)
		now := make([]store.Snapshot, 2)
		for i := range keys {
			keys[i] = itsm.Key{Tenant: "h1", Kind: "order", ID: itsm.ID(fmt.Sprintf("A-%d-%d", round, i))}
			now[i] = s.create(keys[i])
		}
		errs := together(s.runner, 2, func(i int) error {
			b := next(now[i])
			b.Reads = []store.Read{{Key: keys[1-i], Seq: 1}}
			return s.db.Commit(s.ctx, b)
		})
		assert.Equal(s, 1, winners(s.runner, errs, itsm.ErrConflict), "of two commits that each need the other's record unchanged, one goes through")
	}
}

// checkSnapshotLoad loads records that are only written together, until a good number of loads have met a commit.
func checkSnapshotLoad(s *storeSuite) {
	keys := []itsm.Key{{Tenant: "h1", Kind: "order", ID: "A"}, {Tenant: "h1", Kind: "visit", ID: "B"}, {Tenant: "h1", Kind: "order", ID: "C"}}
	var members []store.Batch
	for _, k := range keys {
		members = append(members, next(fresh(k)))
	}
	now := s.commit(join(members...))
	var commits, met atomic.Int64 // met counts the loads during which a commit came
	var stop atomic.Bool
	errs := together(s.runner, 3, func(i int) error {
		if i == 0 {
			defer stop.Store(true)
			for n := 0; n < 40 || n < 4_000 && met.Load() < 40; n++ {
				members := members[:0:0]
				for _, r := range now {
					members = append(members, next(r))
				}
				b := join(members...)
				if err := s.db.Commit(s.ctx, b); err != nil {
					return err
				}
				commits.Add(1)
				for i := range now {
					now[i] = b.Puts[i].Snapshot
				}
			}
			return nil
		}
		for !stop.Load() {
			before := commits.Load()
			got, err := s.db.Load(s.ctx, keys...)
			if err != nil {
				return err
			}
			if got[0].Seq != got[1].Seq || got[1].Seq != got[2].Seq {
				return fmt.Errorf("records that are always written together were seen at %d, %d and %d", got[0].Seq, got[1].Seq, got[2].Seq)
			}
			if commits.Load() != before {
				met.Add(1)
			}
		}
		return nil
	})
	assert.NoError(s, errors.Join(errs...))
}

// checkFollow lets readers follow the journal while many write, in batches of different sizes, so that some take longer.
func checkFollow(s *storeSuite) {
	filters := []itsm.Filter{{Tenant: "h1"}}
	if !s.except[NoJournalAcrossTenants] {
		filters = append(filters, itsm.Filter{})
	}
	follow(s.runner, s.db, func(i, n int, prev *itsm.Event) error {
		own := fresh(itsm.Key{Tenant: "h1", Kind: "order", ID: itsm.ID(fmt.Sprintf("A-%d", i))})
		own.Seq, own.Head, own.Recorded = prev.Seq, prev.Hash, prev.Recorded
		b := next(own)
		*prev = b.Events[0]
		if n%2 == 1 {
			b = join(b, alone("h1"))
		}
		return s.db.Commit(s.ctx, b)
	}, filters...)
}

const followWriters, followEach = 4, 20

// follow lets a reader for each filter follow a journal, by a cursor of its own and in small pages, while others write. write
// makes the nth change of the ith writer, behind its previous entry; every second one adds an entry that stands alone.
func follow(t runner, j itsm.Journal, write func(i, n int, prev *itsm.Event) error, filters ...itsm.Filter) {
	t.Helper()
	var writing atomic.Int32
	writing.Store(followWriters)
	errs := together(t, followWriters+len(filters), func(i int) error {
		if i >= followWriters {
			return followOne(t.Context(), j, filters[i-followWriters], func() bool { return writing.Load() == 0 })
		}
		defer writing.Add(-1)
		var prev itsm.Event
		for n := range followEach {
			if err := write(i, n, &prev); err != nil {
				return err
			}
		}
		return nil
	})
	assert.NoError(t, errors.Join(errs...))
}

func followOne(ctx context.Context, j itsm.Journal, f itsm.Filter, over func() bool) error {
	const page = 7
	seen, last := make(map[place]bool), make(map[itsm.Key]uint64)
	var after itsm.Position
	for done := false; ; {
		final := over() // asked before reading: what is there when all have written must be seen
		got := 0
		for e, err := range j.Events(ctx, after, f) {
			if err != nil {
				return err
			}
			if seen[place{e.Key, e.Seq}] {
				return fmt.Errorf("entry %s %d was handed out twice", e.Key, e.Seq)
			}
			if e.Seq != last[e.Key]+1 {
				return fmt.Errorf("a reader that follows the journal saw entry %s %d behind %d", e.Key, e.Seq, last[e.Key])
			}
			seen[place{e.Key, e.Seq}], last[e.Key] = true, e.Seq
			after = e.Position
			if got++; got == page {
				break
			}
		}
		if got == 0 && done {
			break
		}
		done = final && got == 0
	}
	if want := followWriters * (followEach + followEach/2); len(seen) != want {
		return fmt.Errorf("a reader that follows the journal saw %d of %d entries", len(seen), want)
	}
	return nil
}

func checkScanDuringWrites(s *storeSuite) {
	const records = 60
	var members []store.Batch
	for i := range records {
		members = append(members, next(fresh(itsm.Key{Tenant: "h1", Kind: "order", ID: itsm.ID(fmt.Sprintf("A-%02d", i))}), indexed(entry("name", itsm.TextOf("x")), entry("size", itsm.NumberOf(i)))))
	}
	now := s.commit(join(members...))
	var stop atomic.Bool
	errs := together(s.runner, 3, func(worker int) error {
		if worker == 0 { // touches records without changing what they are found by
			defer stop.Store(true)
			for n := range records {
				b := next(now[n], indexed(entry("name", itsm.TextOf("x")), entry("size", itsm.NumberOf(n))))
				if err := s.db.Commit(s.ctx, b); err != nil {
					return err
				}
			}
			return nil
		}
		for !stop.Load() {
			n := 0
			for r, err := range s.db.Find(s.ctx, itsm.Query{Tenant: "h1", Kind: "order", Where: []itsm.Condition{itsm.Where("name", itsm.TextOf("x"))}, OrderBy: "size"}) {
				if err != nil {
					return err
				}
				if want := itsm.ID(fmt.Sprintf("A-%02d", n)); r.Key.ID != want {
					return fmt.Errorf("a scan during changes gave %s where %s belongs", r.Key.ID, want)
				}
				n++
			}
			if n != records {
				return fmt.Errorf("a scan during changes gave %d of %d records", n, records)
			}
		}
		return nil
	})
	assert.NoError(s, errors.Join(errs...))
}

func checkCancelled(s *storeSuite) {
	k := itsm.Key{Tenant: "h1", Kind: "order", ID: "A"}
	one := s.create(k, woken(start))
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	b := next(one)
	before := s.picture(b)
	assert.ErrorIs(s, s.db.Commit(ctx, b), context.Canceled, "commit")
	assert.Equal(s, before, s.picture(b), "a commit under a cancelled context changes nothing")
	_, err := s.db.Load(ctx, k)
	assert.ErrorIs(s, err, context.Canceled, "load")
	if !s.except[NoDueAcrossTenants] {
		_, err = s.db.Due(ctx, "order", start, 10)
		assert.ErrorIs(s, err, context.Canceled, "due")
	}
	n := 0
	for _, err = range s.db.Find(ctx, itsm.Query{Tenant: "h1", Kind: "order"}) {
		n++
	}
	assert.ErrorIs(s, err, context.Canceled, "find")
	for _, err = range s.db.Events(ctx, "", itsm.Filter{Tenant: "h1"}) {
		n++
	}
	assert.ErrorIs(s, err, context.Canceled, "events")
	assert.Equal(s, 2, n, "a sequence stops after the error")
	s.commit(b)
}

func checkClosed(s *storeSuite) {
	k := itsm.Key{Tenant: "h1", Kind: "order", ID: "A"}
	one := s.create(k)
	require.NoError(s, s.db.Close())
	within(s.runner, "a call on a closed store", func() {
		_, err := s.db.Load(s.ctx, k)
		assert.ErrorIs(s, err, store.ErrClosed, "load")
		assert.ErrorIs(s, s.db.Commit(s.ctx, next(one)), store.ErrClosed, "commit")
		if !s.except[NoDueAcrossTenants] {
			_, err = s.db.Due(s.ctx, "order", start, 10)
			assert.ErrorIs(s, err, store.ErrClosed, "due")
		}
		for _, err = range s.db.Find(s.ctx, itsm.Query{Tenant: "h1", Kind: "order"}) {
		}
		assert.ErrorIs(s, err, store.ErrClosed, "find")
		for _, err = range s.db.Events(s.ctx, "", itsm.Filter{Tenant: "h1"}) {
		}
		assert.ErrorIs(s, err, store.ErrClosed, "events")
		assert.NoError(s, s.db.Close(), "closing twice is no error")
	})
}

func checkReopen(s *storeSuite) {
	if s.reopen == nil {
		s.Skip("the store does not say how to reopen it")
	}
	all := s.journalOf("h1")
	k := itsm.Key{Tenant: "h1", Kind: "order", ID: "durable"}
	one := s.create(k, content([]byte(`{"a":1}`), []itsm.IndexEntry{entry("name", itsm.TextOf("x")), {Field: "tag", Many: true, Value: itsm.TextOf("t")}}, start), personal([]byte(`{"~":"salt"}`)))
	used := s.events(s, "", itsm.Filter{Tenant: "h1", Kind: "order", ID: "durable"})
	s.db = s.reopen(s, s.db)
	sameSnapshot(s, one, s.load(s, k)[0], "load after reopening")
	sameEvents(s, used, s.verifyChain(s, k), "the journal after reopening")
	assert.Len(s, s.events(s, all[len(all)-1].Position, itsm.Filter{Tenant: "h1"}), 1, "a cursor from before is good")
	for _, c := range []itsm.Condition{itsm.Where("name", itsm.TextOf("x")), itsm.Where("tag", itsm.TextOf("t"))} {
		assert.Len(s, s.find(s, itsm.Query{Tenant: "h1", Kind: "order", Where: []itsm.Condition{c}}), 1, "find by %s after reopening", c.Field)
	}
	again := next(one)
	again.Commands = []itsm.CommandID{used[0].Command}
	s.refused(again, "a command ID from before", itsm.ErrExists)
	s.refused(next(fresh(k)), "creating a record from before", itsm.ErrConflict)
	if !s.except[NoDueAcrossTenants] {
		due, err := s.db.Due(s.ctx, "order", start, 10)
		assert.NoError(s, err)
		assert.Len(s, due, 1, "wakes are there after reopening")
	}
	s.commit(next(one))
	s.verifyChain(s, k)
}
