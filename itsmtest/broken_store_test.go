package itsmtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// broken is a plain store with one fault: the functions that are set stand in for its own.
type broken struct {
	*plainDB
	load   func(db *plainDB, keys []itsm.Key) ([]store.Snapshot, error)
	commit func(db *plainDB, ctx context.Context, b store.Batch) error
	find   func(db *plainDB, q itsm.Query) []store.Snapshot
	events func(db *plainDB, after itsm.Position, f itsm.Filter) []itsm.Event
	due    func(db *plainDB, kind itsm.Kind, until time.Time, limit int) []store.Wake
}

func (b *broken) Load(ctx context.Context, keys ...itsm.Key) ([]store.Snapshot, error) {
	if b.load == nil {
		return b.plainDB.Load(ctx, keys...)
	}
	return b.load(b.plainDB, keys)
}

func (b *broken) Commit(ctx context.Context, batch store.Batch) error {
	if b.commit == nil {
		return b.plainDB.Commit(ctx, batch)
	}
	return b.commit(b.plainDB, ctx, batch)
}

func (b *broken) Find(ctx context.Context, q itsm.Query) iter.Seq2[store.Snapshot, error] {
	if b.find == nil {
		return b.plainDB.Find(ctx, q)
	}
	return listed(func() []store.Snapshot { return b.find(b.plainDB, q) })
}

func (b *broken) Events(ctx context.Context, after itsm.Position, f itsm.Filter) iter.Seq2[itsm.Event, error] {
	if b.events == nil {
		return b.plainDB.Events(ctx, after, f)
	}
	return listed(func() []itsm.Event { return b.events(b.plainDB, after, f) })
}

func (b *broken) Due(ctx context.Context, kind itsm.Kind, until time.Time, limit int) ([]store.Wake, error) {
	if b.due == nil {
		return b.plainDB.Due(ctx, kind, until, limit)
	}
	return b.due(b.plainDB, kind, until, limit), nil
}

func listed[T any](list func() []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range list() {
			if !yield(v, nil) {
				return
			}
		}
	}
}

func must[T any](seq iter.Seq2[T, error]) (all []T) {
	for v, err := range seq {
		if err != nil {
			return all
		}
		all = append(all, v)
	}
	return all
}

var background = context.Background()

// awaitCommit leaves room for a commit of somebody else: until there is one, or for at most a millisecond.
func awaitCommit(db *plainDB) {
	length := func() int {
		db.mu.Lock()
		defer db.mu.Unlock()
		return len(db.journal)
	}
	before := length()
	for began := time.Now(); length() == before && time.Since(began) < time.Millisecond; {
		time.Sleep(50 * time.Microsecond)
	}
}

// faultOf is a broken store, and how the suite must explain it.
type faultOf struct {
	name    string
	make    func() store.DB
	check   string // the part of the suite that must fail
	explain string // what it must say
}

var brokenStores = []faultOf{
	{"lost update", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			err := db.Commit(ctx, b)
			if errors.Is(err, itsm.ErrConflict) && len(b.Puts) == 1 && b.Puts[0].Expect > 0 && len(b.Reads) == 0 { // the last one wins
				db.mu.Lock()
				defer db.mu.Unlock()
				db.records[b.Puts[0].Key] = plainRecord{cloneSnapshot(b.Puts[0].Snapshot), b.Puts[0].Index}
				return nil
			}
			return err
		}}
	}, "concurrent increments all count", "every increment that was acknowledged counts"},
	{"blind write", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			err := db.Commit(ctx, b)
			if errors.Is(err, itsm.ErrConflict) && len(b.Puts) == 1 && len(b.Reads) == 0 {
				return nil // swallowed
			}
			return err
		}}
	}, "a put at the wrong sequence number is a conflict", "a put behind a record that is not there"},
	{"torn batch", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			err := db.Commit(ctx, b)
			if err != nil && len(b.Puts) > 1 {
				_ = db.Commit(ctx, store.Batch{Tenant: b.Tenant, Puts: b.Puts[:1], Events: b.Events[:1]})
			}
			return err
		}}
	}, "a batch is written whole or not at all", "a batch that fails leaves nothing behind"},
	{"command IDs burn on failure", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			err := db.Commit(ctx, b)
			if errors.Is(err, itsm.ErrConflict) {
				db.mu.Lock()
				defer db.mu.Unlock()
				for _, c := range b.Commands {
					db.commands[commandKey{b.Tenant, c}] = true
				}
			}
			return err
		}}
	}, "a put at the wrong sequence number is a conflict", "has not used up its ID"},
	{"duplicate command accepted", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			b.Commands = nil
			return db.Commit(ctx, b)
		}}
	}, "a command ID counts once in its tenant", "a command ID on another record"},
	{"command IDs looked up before the write", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			db.mu.Lock()
			for _, c := range b.Commands {
				if db.commands[commandKey{b.Tenant, c}] {
					db.mu.Unlock()
					return itsm.ErrExists
				}
			}
			db.mu.Unlock()
			time.Sleep(30 * time.Microsecond)
			commands := b.Commands
			b.Commands = nil
			err := db.Commit(ctx, b)
			db.mu.Lock()
			defer db.mu.Unlock()
			for _, c := range commands {
				db.commands[commandKey{b.Tenant, c}] = true
			}
			return err
		}}
	}, "concurrent uses of a command ID have one winner", "winners"},
	{"command IDs shared by tenants", func() store.DB {
		used := make(map[itsm.CommandID]bool)
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			for _, c := range b.Commands {
				if used[c] {
					return itsm.ErrExists
				}
				used[c] = true
			}
			return db.Commit(ctx, b)
		}}
	}, "a command ID counts once in its tenant", "exists already"},
	{"reads ignored", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			b.Reads = nil
			return db.Commit(ctx, b)
		}}
	}, "reads hold at the moment of commit", "one goes through"},
	{"ties in the wrong order", func() store.DB {
		return &broken{find: func(db *plainDB, q itsm.Query) []store.Snapshot {
			all := must(db.Find(background, q))
			if q.Desc && q.Limit == 0 {
				slices.SortStableFunc(all, func(a, b store.Snapshot) int {
					if c := b.Order.Compare(a.Order); c != 0 {
						return c
					}
					return strings.Compare(string(a.Key.ID), string(b.Key.ID))
				})
			}
			return all
		}}
	}, "find agrees with the definition of a query", "the results of"},
	{"records without a value last", func() store.DB {
		return &broken{find: func(db *plainDB, q itsm.Query) []store.Snapshot {
			all := must(db.Find(background, q))
			if q.OrderBy != "" && !q.Desc && q.Limit == 0 {
				i := slices.IndexFunc(all, func(r store.Snapshot) bool { return !r.Order.IsZero() })
				all = append(slices.Clone(all[max(i, 0):]), all[:max(i, 0)]...)
			}
			return all
		}}
	}, "find agrees with the definition of a query", "the results of"},
	{"cursor gives its own place again", func() store.DB {
		return &broken{find: func(db *plainDB, q itsm.Query) []store.Snapshot {
			after := q.After
			q.After = itsm.Cursor{}
			limit := q.Limit
			q.Limit = 0
			all := slices.DeleteFunc(must(db.Find(background, q)), func(r store.Snapshot) bool {
				return after != itsm.Cursor{} && q.Compare(itsm.Cursor{Value: r.Order, ID: r.Key.ID}, after) < 0
			})
			if limit > 0 && len(all) > limit {
				all = all[:limit]
			}
			return all
		}}
	}, "find agrees with the definition of a query", "after"},
	{"a record once for each of its values", func() store.DB {
		return &broken{find: func(db *plainDB, q itsm.Query) (all []store.Snapshot) {
			for _, r := range must(db.Find(background, q)) {
				all = append(all, r)
				for _, c := range q.Where {
					if c.Op == itsm.OneOf && len(c.Values) > 2 {
						all = append(all, r)
					}
				}
			}
			return all
		}}
	}, "find agrees with the definition of a query", "one of"},
	{"old values are still found", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			b = cloneBatch(b)
			for i, p := range b.Puts {
				if !p.Keep {
					b.Puts[i].Index = append(b.Puts[i].Index[:len(p.Index):len(p.Index)], slices.DeleteFunc(slices.Clone(db.records[p.Key].index), func(e itsm.IndexEntry) bool { return !e.Many })...)
				}
			}
			return db.Commit(ctx, b)
		}}
	}, "find keeps up with changing values", "after a change"},
	{"shared slices", func() store.DB {
		return &broken{load: func(db *plainDB, keys []itsm.Key) (out []store.Snapshot, _ error) {
			db.mu.Lock()
			defer db.mu.Unlock()
			for _, k := range keys {
				s := db.records[k].Snapshot
				s.Key = k
				out = append(out, s)
			}
			return out, nil
		}}
	}, "what goes in is not kept and what comes out belongs to the caller", "the result of load was changed"},
	{"keeps what went in", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			err := db.Commit(ctx, b)
			if err == nil {
				for _, p := range b.Puts {
					db.records[p.Key] = plainRecord{p.Snapshot, p.Index}
				}
			}
			return err
		}}
	}, "what goes in is not kept and what comes out belongs to the caller", "the batch was changed after the commit"},
	{"times cut to milliseconds", func() store.DB {
		return &broken{load: func(db *plainDB, keys []itsm.Key) ([]store.Snapshot, error) {
			all, err := db.Load(background, keys...)
			for i := range all {
				all[i].Recorded, all[i].Wake = all[i].Recorded.Truncate(time.Millisecond), all[i].Wake.Truncate(time.Millisecond)
			}
			return all, err
		}}
	}, "a record comes back bit by bit", ".123000000"},
	{"times in the zone of the machine", func() store.DB {
		return &broken{events: func(db *plainDB, after itsm.Position, f itsm.Filter) []itsm.Event {
			all := must(db.Events(background, after, f))
			for i := range all {
				all[i].At = all[i].At.In(time.FixedZone("CST", 8*3600))
			}
			return all
		}}
	}, "an entry comes back bit by bit and its chain verifies", "CST"},
	{"documents written anew", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			b = cloneBatch(b)
			for i, p := range b.Puts {
				var v any
				if json.Unmarshal(p.Data, &v) == nil {
					b.Puts[i].Data = mustJSON(v)
				}
			}
			return db.Commit(ctx, b)
		}}
	}, "a record comes back bit by bit", "data are kept to the byte"},
	{"nil becomes empty", func() store.DB {
		return &broken{events: func(db *plainDB, after itsm.Position, f itsm.Filter) []itsm.Event {
			all := must(db.Events(background, after, f))
			for i := range all {
				if all[i].Personal == nil {
					all[i].Personal = []byte{}
				}
			}
			return all
		}}
	}, "an entry comes back bit by bit and its chain verifies", "its personal part was changed"},
	{"letter case folded", func() store.DB {
		return &broken{load: func(db *plainDB, keys []itsm.Key) ([]store.Snapshot, error) {
			all, err := db.Load(background, keys...)
			for i, k := range keys {
				k.ID = itsm.ID(strings.ToLower(string(k.ID)))
				if r, ok := db.records[k]; ok {
					all[i] = cloneSnapshot(r.Snapshot)
				}
			}
			return all, err
		}}
	}, "any printable name is a key of its own", `ID:"A"`},
	{"another tenant's records found", func() store.DB {
		return &broken{find: func(db *plainDB, q itsm.Query) []store.Snapshot {
			all := must(db.Find(background, q))
			if len(q.Where) == 1 && q.Where[0].Op == itsm.Unset {
				q.Tenant = "h2"
				all = append(all, must(db.Find(background, q))...)
			}
			return all
		}}
	}, "no call crosses tenants, for every pair of kinds", "find: [nothing unset]"},
	{"another tenant's commands found", func() store.DB {
		return &broken{events: func(db *plainDB, after itsm.Position, f itsm.Filter) []itsm.Event {
			if f.Command != "" {
				f.Tenant = ""
			}
			return must(db.Events(background, after, f))
		}}
	}, "no call crosses tenants, for every pair of kinds", "a command of the other tenant"},
	{"entries that commit late are missed", func() store.DB {
		var mu sync.Mutex
		hidden := make(map[itsm.Key]uint64)
		return &broken{
			commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
				if len(b.Puts) == 0 || b.Puts[0].Seq%3 > 0 {
					return db.Commit(ctx, b)
				}
				mu.Lock() // the position is taken, but the entry is not to be seen yet
				hidden[b.Puts[0].Key] = b.Puts[0].Seq
				mu.Unlock()
				err := db.Commit(ctx, b)
				time.Sleep(2 * time.Millisecond)
				mu.Lock()
				delete(hidden, b.Puts[0].Key)
				mu.Unlock()
				return err
			},
			events: func(db *plainDB, after itsm.Position, f itsm.Filter) []itsm.Event {
				mu.Lock()
				defer mu.Unlock()
				return slices.DeleteFunc(must(db.Events(background, after, f)), func(e itsm.Event) bool { return hidden[e.Key] != 0 && hidden[e.Key] <= e.Seq })
			},
		}
	}, "a reader that follows the journal misses nothing", "a reader that follows the journal saw"},
	{"positions not its own", func() store.DB {
		return &broken{events: func(db *plainDB, after itsm.Position, f itsm.Filter) []itsm.Event {
			all := must(db.Events(background, "", f))
			for i := range all {
				all[i].Position = itsm.Position(strings.Repeat("x", i+1))
			}
			return slices.DeleteFunc(all, func(e itsm.Event) bool { return e.Position <= after })
		}}
	}, "the journal agrees with the definition of a filter", "Not equal"},
	{"limit forgotten", func() store.DB {
		return &broken{events: func(db *plainDB, after itsm.Position, f itsm.Filter) []itsm.Event {
			f.Limit = 0
			return must(db.Events(background, after, f))
		}}
	}, "the journal agrees with the definition of a filter", "Limit:"},
	{"erasing breaks the entry that erases", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			b = cloneBatch(b)
			for i := range b.Events {
				if len(b.Erase) > 0 {
					b.Events[i].Personal = nil
				}
			}
			return db.Commit(ctx, b)
		}}
	}, "erasing takes the personal part and leaves the chain", "the journal after erasing"},
	{"nothing is erased", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			b.Erase = nil
			return db.Commit(ctx, b)
		}}
	}, "erasing takes the personal part and leaves the chain", "the journal after erasing"},
	{"due excludes the instant itself", func() store.DB {
		return &broken{due: func(db *plainDB, kind itsm.Kind, until time.Time, limit int) []store.Wake {
			all, _ := db.Due(background, kind, until, 0)
			all = slices.DeleteFunc(all, func(w store.Wake) bool { return w.At.Equal(until) })
			return all[:min(len(all), max(limit, 1))]
		}}
	}, "due lists wakes in order across tenants", "at or before"},
	{"wakes are never cleared", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			b = cloneBatch(b)
			for i, p := range b.Puts {
				if p.Wake.IsZero() {
					b.Puts[i].Wake = db.records[p.Key].Wake
				}
			}
			return db.Commit(ctx, b)
		}}
	}, "due forgets what no longer wants to be woken", "a wake that was cleared"},
	{"refusals blank the record", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			b = cloneBatch(b)
			for i := range b.Puts {
				b.Puts[i].Keep = false
			}
			return db.Commit(ctx, b)
		}}
	}, "keep leaves the content alone", "only number, head and time move on"},
	{"records loaded one by one", func() store.DB {
		return &broken{load: func(db *plainDB, keys []itsm.Key) (all []store.Snapshot, _ error) {
			for _, k := range keys {
				one, err := db.Load(background, k)
				if err != nil {
					return nil, err
				}
				if all = append(all, one...); len(keys) > 1 {
					awaitCommit(db)
				}
			}
			return all, nil
		}}
	}, "load of several records is of one instant", "always written together"},
	{"deaf to cancelled contexts", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			return db.Commit(context.WithoutCancel(ctx), b)
		}}
	}, "a cancelled context changes nothing", "a commit under a cancelled context changes nothing"},
	{"long values cut off", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			b = cloneBatch(b)
			for i, p := range b.Puts {
				b.Puts[i].Data = bytes.Clone(p.Data[:min(len(p.Data), 65535)])
			}
			return db.Commit(ctx, b)
		}}
	}, "large values come back", "a record of 1 MiB"},
	{"writes into the batch", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			for i := range b.Events {
				b.Events[i].Position = "1"
			}
			return db.Commit(ctx, b)
		}}
	}, "any history of batches leads where the plain store gets", "a store does not write into the batch"},
	{"locked inside loops", func() store.DB { return &lockedLoops{plainDB: newPlainDB()} }, "find can be stopped, nested and repeated", "a call inside a loop over find did not come back"},
	{"counters start anew", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			if len(b.Events) == 0 && len(b.Puts) == 1 {
				db.mu.Lock()
				delete(db.records, b.Puts[0].Key)
				db.mu.Unlock()
				b.Puts[0].Expect = 0
			}
			return db.Commit(ctx, b)
		}}
	}, "a counter is a record without a journal", "a counter at the wrong number"},
}

// lockedLoops holds its lock while the caller loops.
type lockedLoops struct {
	*plainDB
	loop sync.Mutex
}

func (db *lockedLoops) Find(ctx context.Context, q itsm.Query) iter.Seq2[store.Snapshot, error] {
	return func(yield func(store.Snapshot, error) bool) {
		db.loop.Lock()
		defer db.loop.Unlock()
		db.plainDB.Find(ctx, q)(yield)
	}
}

func TestStoreCatchesBrokenStores(t *testing.T) {
	if testing.Short() {
		t.Skip("with -short too few histories are drawn to catch every fault")
	}
	t.Parallel()
	for _, f := range slices.Concat(brokenStores, brokenReads, brokenWrites, brokenTexts) {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			checks := slices.DeleteFunc(storeChecks(), func(c storeCheck) bool { return c.name != f.check })
			require.Len(t, checks, 1, "there is no check %q", f.check)
			stuck := time.Minute
			if strings.Contains(f.explain, "did not come back") {
				stuck = 300 * time.Millisecond
			}
			found := tryOut(t, stuck, func(t runner) {
				runStore(t, checks, func(testing.TB) store.DB {
					db := f.make()
					if b, ok := db.(*broken); ok {
						b.plainDB = newPlainDB()
					}
					return db
				})
			})
			found.requireFound(t, f.check, f.explain)
		})
	}
	t.Run("data lost on reopening", func(t *testing.T) {
		t.Parallel()
		reopen := Reopen(func(t testing.TB, old store.DB) store.DB { return newPlainDB() })
		found := record(t, func(t runner) {
			runStore(t, storeChecks(), func(testing.TB) store.DB { return newPlainDB() }, reopen)
		})
		found.requireFound(t, "what was committed is there after reopening", "load after reopening")
		require.Len(t, found.names, 1, "only what is broken is found")
	})
}
