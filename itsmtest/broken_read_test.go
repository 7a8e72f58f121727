package itsmtest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// brokenReads are stores that write as they should and read wrongly.
var brokenReads = []faultOf{
	{"journal in the order of time", func() store.DB {
		return &broken{events: func(db *plainDB, after itsm.Position, f itsm.Filter) []itsm.Event {
			all := must(db.Events(background, after, f))
			slices.SortStableFunc(all, func(a, b itsm.Event) int { return a.Recorded.Compare(b.Recorded) })
			return all
		}}
	}, "the journal goes on behind every position", "going on behind entry"},
	{"entries of a record in any order", func() store.DB {
		return &broken{events: func(db *plainDB, after itsm.Position, f itsm.Filter) []itsm.Event {
			all := must(db.Events(background, after, f))
			slices.Reverse(all)
			return all
		}}
	}, "the journal goes on behind every position", "in the order of their numbers"},
	{"a cursor that repeats its entry", func() store.DB {
		return &broken{events: func(db *plainDB, after itsm.Position, f itsm.Filter) []itsm.Event {
			if n, err := strconv.Atoi(string(after)); err == nil && n > 0 {
				after = itsm.Position(fmt.Sprintf("%012d", n-1))
			}
			return must(db.Events(background, after, f))
		}}
	}, "the journal goes on behind every position", "going on behind entry"},
	{"a cursor that skips an entry", func() store.DB {
		return &broken{events: func(db *plainDB, after itsm.Position, f itsm.Filter) []itsm.Event {
			all := must(db.Events(background, after, f))
			if after != "" && f.Limit == 7 && len(all) > 1 {
				return all[1:]
			}
			return all
		}}
	}, "the journal goes on behind every position", "pages of 7"},
	{"limit before filter", func() store.DB {
		return &broken{events: func(db *plainDB, after itsm.Position, f itsm.Filter) []itsm.Event {
			all := must(db.Events(background, after, itsm.Filter{Tenant: f.Tenant, Limit: f.Limit}))
			return slices.DeleteFunc(all, func(e itsm.Event) bool { return !f.Matches(&e) })
		}}
	}, "the journal goes on behind every position", "pages of 2"},
	{"any cursor is taken", func() store.DB {
		return &broken{events: func(db *plainDB, after itsm.Position, f itsm.Filter) []itsm.Event {
			return must(db.Events(background, after, f)) // the error is lost
		}}
	}, "the journal goes on behind every position", "a position that the store did not give out"},
	{"pages of records that skip one", func() store.DB {
		return &broken{find: func(db *plainDB, q itsm.Query) []store.Snapshot {
			all := must(db.Find(background, q))
			if q.After.ID != "" && q.Limit == 7 && len(all) > 1 {
				return all[1:]
			}
			return all
		}}
	}, "find pages through everything once", "pages of"},
	{"a cursor without its ID", func() store.DB {
		return &broken{find: func(db *plainDB, q itsm.Query) []store.Snapshot {
			if q.OrderBy != "" && q.After.ID != "" { // goes on behind the value, and loses the rest that has it too
				q.After.ID = "\xff"
				if q.Desc {
					q.After.ID = ""
				}
			}
			return must(db.Find(background, q))
		}}
	}, "find pages through everything once", "going on behind record"},
	{"IDs in the order of a language", func() store.DB {
		return &broken{find: func(db *plainDB, q itsm.Query) []store.Snapshot {
			all := must(db.Find(background, q))
			if q.OrderBy == "" && !q.Desc {
				slices.SortStableFunc(all, func(a, b store.Snapshot) int {
					return strings.Compare(strings.ToLower(string(a.Key.ID)), strings.ToLower(string(b.Key.ID)))
				})
			}
			return all
		}}
	}, "any printable name is a key of its own", "IDs are ordered by their bytes"},
	{"another tenant's record loaded", func() store.DB {
		return &broken{load: func(db *plainDB, keys []itsm.Key) ([]store.Snapshot, error) {
			all, err := db.Load(background, keys...)
			for i, k := range keys {
				if all[i].Seq == 0 {
					k.Tenant = "h2"
					all[i] = cloneSnapshot(db.records[k].Snapshot)
				}
			}
			return all, err
		}}
	}, "no call crosses tenants, for every pair of kinds", "load of a record that only the other tenant has"},
	{"another tenant's entries of a record", func() store.DB {
		return &broken{events: func(db *plainDB, after itsm.Position, f itsm.Filter) []itsm.Event {
			all := must(db.Events(background, after, f))
			if f.ID != "" {
				f.Tenant = "h2"
				all = append(all, must(db.Events(background, after, f))...)
			}
			return all
		}}
	}, "no call crosses tenants, for every pair of kinds", "ID:A"},
	{"one wake for records of one ID", func() store.DB {
		return &broken{due: func(db *plainDB, kind itsm.Kind, until time.Time, limit int) []store.Wake {
			all, _ := db.Due(background, kind, until, 0)
			seen := make(map[itsm.ID]bool)
			all = slices.DeleteFunc(all, func(w store.Wake) bool { old := seen[w.Key.ID]; seen[w.Key.ID] = true; return old })
			if limit > 0 {
				all = all[:min(len(all), limit)]
			}
			return all
		}}
	}, "due lists wakes in order across tenants", "h2/B +1m0s"},
	{"wakes cut to milliseconds", func() store.DB {
		return &broken{due: func(db *plainDB, kind itsm.Kind, until time.Time, limit int) []store.Wake {
			all, _ := db.Due(background, kind, until, limit)
			for i := range all {
				all[i].At = all[i].At.Truncate(time.Millisecond)
			}
			return all
		}}
	}, "due lists wakes in order across tenants", "at or before, the earliest first"},
	{"wakes in the zone of the machine", func() store.DB {
		return &broken{due: func(db *plainDB, kind itsm.Kind, until time.Time, limit int) []store.Wake {
			all, _ := db.Due(background, kind, until, limit)
			for i := range all {
				all[i].At = all[i].At.In(time.FixedZone("CST", 8*3600))
			}
			return all
		}}
	}, "due lists wakes in order across tenants", "instants are in UTC"},
	{"shared slices of find", func() store.DB {
		return &broken{find: func(db *plainDB, q itsm.Query) []store.Snapshot {
			all := must(db.Find(background, q))
			for i := range all {
				all[i].Data = db.records[all[i].Key].Data
			}
			return all
		}}
	}, "what goes in is not kept and what comes out belongs to the caller", "the result of find was changed"},
	{"shared slices of the journal", func() store.DB {
		return &broken{events: func(db *plainDB, after itsm.Position, f itsm.Filter) []itsm.Event {
			all := must(db.Events(background, after, f))
			for i := range all {
				n, _ := strconv.Atoi(string(all[i].Position))
				all[i].Data = db.journal[n-1].Data
			}
			return all
		}}
	}, "what goes in is not kept and what comes out belongs to the caller", "the result of events was changed"},
	{"empty for what is not there", func() store.DB {
		return &broken{load: func(db *plainDB, keys []itsm.Key) ([]store.Snapshot, error) {
			all, err := db.Load(background, keys...)
			for i := range all {
				if all[i].Seq == 0 {
					all[i].Data = []byte{}
				}
			}
			return all, err
		}}
	}, "load gives the records in the order of the keys and missing ones with sequence number 0", "nothing else"},
	{"records in the order of the store", func() store.DB {
		return &broken{load: func(db *plainDB, keys []itsm.Key) ([]store.Snapshot, error) {
			all, err := db.Load(background, keys...)
			slices.SortFunc(all, func(a, b store.Snapshot) int { return strings.Compare(a.Key.String(), b.Key.String()) })
			return all, err
		}}
	}, "load gives the records in the order of the keys and missing ones with sequence number 0", "first key"},
	{"stale after a commit", func() store.DB {
		old := make(map[itsm.Key]store.Snapshot)
		return &broken{load: func(db *plainDB, keys []itsm.Key) ([]store.Snapshot, error) {
			all, err := db.Load(background, keys...)
			for i, k := range keys { // a copy that lags behind
				was, ok := old[k]
				old[k] = cloneSnapshot(all[i])
				if ok {
					all[i] = was
				}
			}
			return all, err
		}}
	}, "any history of batches leads where the plain store gets", "load"},
	{"a cache that a slow reader fills", func() store.DB {
		var mu sync.Mutex
		cache := make(map[itsm.Key]store.Snapshot)
		return &broken{
			load: func(db *plainDB, keys []itsm.Key) (all []store.Snapshot, _ error) {
				for _, k := range keys {
					mu.Lock()
					found, ok := cache[k]
					mu.Unlock()
					if !ok {
						one, err := db.Load(background, k)
						if err != nil {
							return nil, err
						}
						awaitCommit(db) // one that comes here is not in the cache
						found = one[0]
						mu.Lock()
						cache[k] = found
						mu.Unlock()
					}
					all = append(all, cloneSnapshot(found))
				}
				return all, nil
			},
			commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
				err := db.Commit(ctx, b)
				mu.Lock()
				defer mu.Unlock()
				for _, p := range b.Puts {
					delete(cache, p.Key)
				}
				return err
			},
		}
	}, "concurrent loads and commits are those of one store", "the answers are not those of one store: no order of the calls"},
	{"lends what is stale", func() store.DB { return &staleLender{lendingDB{newPlainDB()}, make(map[itsm.Key]store.Snapshot)} },
		"keep leaves the content alone", "what is lent is what load gives"},
	{"lends more than was asked for", func() store.DB { return &boundlessLender{lendingDB{newPlainDB()}} },
		"find pages through everything once", "what is lent is what find gives"},
	{"forgets what is not encoded", func() store.DB { return &forgetfulLender{lendingDB{newPlainDB()}} },
		"a record that is not encoded is for a lender", "load gives it encoded"},
	{"takes what it cannot encode", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			b.Puts = slices.Clone(b.Puts)
			for i := range b.Puts {
				b.Puts[i].Record = nil
			}
			return db.Commit(ctx, b)
		}}
	}, "a record that is not encoded is for a lender", "load gives it encoded"},
	{"answers when closed", func() store.DB { return &neverClosed{newPlainDB()} }, "a closed store gives errors", "load"},
}

// lendingDB is a right [store.Lender]: it encodes what it is given, and lends copies.
type lendingDB struct{ *plainDB }

func (db lendingDB) Commit(ctx context.Context, b store.Batch) error {
	if err := b.CheckLent(); err != nil {
		return err
	}
	b.Puts = slices.Clone(b.Puts)
	for i := range b.Puts {
		p := &b.Puts[i]
		p.Data, _ = p.JSON()
		p.Record = nil
	}
	return db.plainDB.Commit(ctx, b)
}

func (db lendingDB) Lend(ctx context.Context, k itsm.Key) (store.Snapshot, error) {
	all, err := db.Load(ctx, k)
	if err != nil {
		return store.Snapshot{}, err
	}
	return all[0], nil
}

func (db lendingDB) LendAll(ctx context.Context, q itsm.Query) iter.Seq2[store.Snapshot, error] {
	return db.Find(ctx, q)
}

func TestLendingDB(t *testing.T) {
	t.Parallel()
	record(t, func(t runner) {
		runStore(t, storeChecks(), func(testing.TB) store.DB { return lendingDB{newPlainDB()} })
	}).requireNone(t)
}

// boundlessLender does not look at limits when it lends.
type boundlessLender struct{ lendingDB }

func (db *boundlessLender) LendAll(ctx context.Context, q itsm.Query) iter.Seq2[store.Snapshot, error] {
	q.Limit = 0
	return db.Find(ctx, q)
}

// forgetfulLender keeps the bytes of records only.
type forgetfulLender struct{ lendingDB }

func (db *forgetfulLender) Commit(ctx context.Context, b store.Batch) error {
	if err := b.CheckLent(); err != nil {
		return err
	}
	b.Puts = slices.Clone(b.Puts)
	for i := range b.Puts {
		b.Puts[i].Record = nil
	}
	return db.plainDB.Commit(ctx, b)
}

// staleLender lends what it lent first.
type staleLender struct {
	lendingDB
	lent map[itsm.Key]store.Snapshot
}

func (db *staleLender) Lend(ctx context.Context, k itsm.Key) (store.Snapshot, error) {
	if s, ok := db.lent[k]; ok {
		return s, nil
	}
	s, err := db.lendingDB.Lend(ctx, k)
	if err == nil {
		db.lent[k] = s
	}
	return s, err
}

// neverClosed does not close.
type neverClosed struct{ *plainDB }

func (*neverClosed) Close() error { return nil }

var decimal = regexp.MustCompile(`\d{16,}`)

// brokenWrites are stores that write wrongly, beside those of [brokenStores].
var brokenWrites = []faultOf{
	{"versions compared before the write", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			db.mu.Lock()
			for _, p := range b.Puts {
				if db.records[p.Key].Seq != p.Expect {
					db.mu.Unlock()
					return itsm.ErrConflict
				}
			}
			db.mu.Unlock()
			time.Sleep(30 * time.Microsecond)
			err := db.Commit(ctx, b)
			if errors.Is(err, itsm.ErrConflict) { // somebody came between, and is written over
				db.mu.Lock()
				defer db.mu.Unlock()
				for _, p := range b.Puts {
					db.records[p.Key] = plainRecord{cloneSnapshot(p.Snapshot), p.Index}
				}
				return nil
			}
			return err
		}}
	}, "concurrent increments all count", "every increment that was acknowledged counts"},
	{"reads compared before the write", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			db.mu.Lock()
			for _, r := range b.Reads {
				if db.records[r.Key].Seq != r.Seq {
					db.mu.Unlock()
					return itsm.ErrConflict
				}
			}
			db.mu.Unlock()
			if len(b.Reads) > 0 {
				time.Sleep(50 * time.Microsecond)
			}
			b.Reads = nil
			return db.Commit(ctx, b)
		}}
	}, "reads hold at the moment of commit", "one goes through"},
	{"reads of another tenant's record", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			for _, r := range b.Reads {
				for _, tenant := range []itsm.Tenant{"h1", "h2"} {
					r.Key.Tenant = tenant
					if now := db.records[r.Key].Seq; now > r.Seq {
						return fmt.Errorf("%s is at %d: %w", r.Key, now, itsm.ErrConflict)
					}
				}
			}
			return db.Commit(ctx, b)
		}}
	}, "no call crosses tenants, for every pair of kinds", "a read looks at its own tenant"},
	{"record by record", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			if len(b.Puts) != 3 || len(b.Events) != 3 || len(b.Reads) > 0 || b.Puts[0].Expect == 0 {
				return db.Commit(ctx, b)
			}
			for i := range b.Puts { // each is whole, but all are not there at once
				one := store.Batch{Tenant: b.Tenant, Puts: b.Puts[i : i+1], Events: b.Events[i : i+1], Commands: b.Commands[i : i+1]}
				if err := db.Commit(ctx, one); err != nil {
					return err
				}
				time.Sleep(30 * time.Microsecond)
			}
			return nil
		}}
	}, "load of several records is of one instant", "always written together"},
	{"the journal first", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			err := db.Commit(ctx, b)
			if errors.Is(err, itsm.ErrConflict) && b.Check() == nil {
				db.mu.Lock()
				defer db.mu.Unlock()
				for _, e := range b.Events {
					e.Position = itsm.Position(fmt.Sprintf("%012d", len(db.journal)+1))
					db.journal = append(db.journal, cloneEvent(e))
				}
			}
			return err
		}}
	}, "a batch is written whole or not at all", "a batch that fails leaves nothing behind"},
	{"index as it was created", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			b = cloneBatch(b)
			for i, p := range b.Puts {
				if p.Expect > 0 {
					b.Puts[i].Index = db.records[p.Key].index
				}
			}
			return db.Commit(ctx, b)
		}}
	}, "find keeps up with changing values", "after a change"},
	{"a refusal clears the wake", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			err := db.Commit(ctx, b)
			for _, p := range b.Puts {
				if r := db.records[p.Key]; err == nil && p.Keep {
					r.Wake = time.Time{}
					db.records[p.Key] = r
				}
			}
			return err
		}}
	}, "keep leaves the content alone", "wake"},
	{"decimals through float64", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			b = cloneBatch(b)
			for i, p := range b.Puts {
				b.Puts[i].Data = decimal.ReplaceAllFunc(p.Data, func(text []byte) []byte {
					f, _ := strconv.ParseFloat(string(text), 64)
					return strconv.AppendFloat(nil, f, 'f', -1, 64)
				})
			}
			return db.Commit(ctx, b)
		}}
	}, "a record comes back bit by bit", "9007199254740992"},
	{"numbers through float32", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			b = cloneBatch(b)
			for i := range b.Puts {
				for j, e := range b.Puts[i].Index {
					if e.Value.Type() == itsm.NumberValue {
						b.Puts[i].Index[j].Value = itsm.NumberOf(float64(float32(e.Value.Number())))
					}
				}
			}
			return db.Commit(ctx, b)
		}}
	}, "find agrees with the definition of a query", "the results of"},
	{"erasing takes the digest too", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			err := db.Commit(ctx, b)
			if err == nil {
				for i, e := range db.journal {
					if slices.Contains(b.Erase, e.Key) && e.Personal == nil {
						db.journal[i].PersonalDigest = itsm.Digest{}
					}
				}
			}
			return err
		}}
	}, "erasing takes the personal part and leaves the chain", "the hash chain of the journal"},
	{"erasing by ID alone", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			err := db.Commit(ctx, b)
			for _, k := range b.Erase {
				for i, e := range db.journal {
					if err == nil && e.ID == k.ID && e.Tenant != k.Tenant {
						db.journal[i].Personal = nil
					}
				}
			}
			return err
		}}
	}, "erasing takes the personal part and leaves the chain", "other records keep theirs"},
	{"batches are not looked through", func() store.DB {
		return &broken{commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			if err := b.Check(); err != nil && len(b.Commands) > 0 {
				b = cloneBatch(b)
				b.Puts, b.Events = b.Puts[:1], b.Events[:1]
				b.Events[0].Seq = b.Puts[0].Seq
				b.Reads, b.Commands = nil, b.Commands[:1]
			}
			return db.Commit(ctx, b)
		}}
	}, "a batch that contradicts itself is invalid", "a record of another tenant"},
}
