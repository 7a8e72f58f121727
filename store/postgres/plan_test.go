package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/postgres"
)

// jars fills a schema with records of one kind, most of them of one tenant.
func jars(t testing.TB, db store.DB, records int) {
	b := store.Batch{}
	flush := func() {
		if len(b.Puts) > 0 {
			require.NoError(t, db.Commit(t.Context(), b))
		}
		b = store.Batch{}
	}
	for i := range records {
		tenant := itsm.Tenant("h1")
		if i%10 == 0 {
			tenant = "h2"
		}
		if b.Tenant != tenant || len(b.Puts) == 500 {
			flush()
		}
		k := itsm.Key{Tenant: tenant, Kind: "jar", ID: itsm.ID(fmt.Sprintf("J-%05d", i))}
		one := step(store.Snapshot{Key: k}, i)
		one.Puts[0].Wake = benchStart.Add(time.Duration(i) * time.Second)
		one.Puts[0].Index = []itsm.IndexEntry{
			{Field: "state", Value: itsm.TextOf([]string{"open", "closed"}[min(i%100, 1)])}, // one in a hundred is open
			{Field: "level", Value: itsm.NumberOf(i % 4)},
			{Field: "due", Value: itsm.TimeOf(benchStart.Add(time.Duration(i) * time.Second))},
			{Field: "tag", Many: true, Value: itsm.TextOf(fmt.Sprint("t", i%500))},
			{Field: "tag", Many: true, Value: itsm.TextOf("all")},
		}
		if i%2 == 0 {
			one.Puts[0].Index = append(one.Puts[0].Index, itsm.IndexEntry{Field: "closed", Value: itsm.TimeOf(benchStart.Add(time.Duration(i) * time.Second))})
		}
		if i%50 != 0 {
			one.Puts[0].Index = append(one.Puts[0].Index, itsm.IndexEntry{Field: "owner", Value: itsm.TextOf("u-017")})
		}
		b = merge(store.Batch{Tenant: tenant, Puts: b.Puts, Events: b.Events, Commands: b.Commands}, one)
	}
	flush()
}

// Whatever is asked, the rows are reached through an index, and few that are not wanted; also when the server no longer plans
// for the values of each call.
func TestPlans(t *testing.T) {
	t.Parallel()
	const records = 8000
	filler, schema := open(t)
	jars(t, filler, records)
	for range filler.Events(t.Context(), "", itsm.Filter{}) {
		break // entries get their places
	}
	admin := newPool(t)
	exec(t, admin, "ANALYZE")
	// What an idle session has read counts up to ten seconds later, what one that has ended has read counts already.
	require.NoError(t, filler.Close())
	require.Eventually(t, func() bool {
		return one[int](t, admin, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%\"' || $1 || '\".%'", schema) == 0
	}, patience, 5*time.Millisecond)

	pool := newPool(t, "pool_max_conns=1")
	db, err := postgres.New(t.Context(), pool, postgres.Schema(schema))
	require.NoError(t, err)
	// look runs f and returns how many rows it has read one after the other from the large tables, and how many by an index.
	look := func(f func()) (scanned, fetched int64) {
		read := func(column string) int64 {
			exec(t, pool, "SELECT pg_stat_force_next_flush()")
			return one[int64](t, pool, "SELECT coalesce(sum("+column+"), 0)::bigint FROM pg_stat_user_tables WHERE schemaname = $1 AND relname IN ('record', 'term', 'journal', 'placed', 'command')", schema)
		}
		s, r := read("seq_tup_read"), read("idx_tup_fetch")
		f()
		return read("seq_tup_read") - s, read("idx_tup_fetch") - r
	}

	t.Run("every condition in every order answers from an index", func(t *testing.T) {
		conditions := [][]itsm.Condition{
			nil, {itsm.Where("state", itsm.TextOf("open"))}, {itsm.Where("state", itsm.TextOf("closed"))}, {itsm.WhereUnset("owner")}, {itsm.WhereUnset("state")}, {itsm.WhereUnset("closed")}, {itsm.WhereAtLeast("closed", itsm.TimeOf(benchStart))},
			{itsm.WhereOneOf("state", itsm.TextOf("open"), itsm.TextOf("gone"))}, {itsm.WhereOneOf("level", itsm.NumberOf(1), itsm.NumberOf(2))},
			{itsm.WhereLess("level", itsm.NumberOf(9)), itsm.Where("tag", itsm.TextOf("t7"))}, {itsm.WhereLess("due", itsm.TimeOf(benchStart.Add(30*time.Second)))},
			{itsm.WhereAtLeast("due", itsm.TimeOf(benchStart.Add(30*time.Second))), itsm.Where("tag", itsm.TextOf("all")), itsm.WhereLess("level", itsm.NumberOf(9))},
		}
		for _, where := range conditions {
			for _, order := range []string{"", "state", "due", "owner", "closed"} {
				for _, q := range []itsm.Query{{}, {Desc: true}, {After: itsm.Cursor{Value: itsm.TimeOf(benchStart.Add(3000 * time.Second)), ID: "J-03000"}}} {
					q.Tenant, q.Kind, q.Where, q.OrderBy, q.Limit = "h1", "jar", where, order, 10
					if order != "due" {
						q.After = itsm.Cursor{}
					}
					scanned, fetched := look(func() {
						for _, err := range db.Find(t.Context(), q) {
							require.NoError(t, err)
						}
					})
					assert.Zero(t, scanned, "rows read one after the other: %+v", q)
					assert.Less(t, fetched, int64(2500), "rows fetched for ten results: %+v", q)
				}
			}
		}
	})

	t.Run("loads, wakes, entries and commits answer from an index", func(t *testing.T) {
		k := itsm.Key{Tenant: "h1", Kind: "jar", ID: "J-00777"}
		for name, f := range map[string]func(){
			"load":      func() { load(t, db, k) },
			"load many": func() { _, err := db.Load(t.Context(), k, benchKey(1), k); require.NoError(t, err) },
			"due": func() {
				due, err := db.Due(t.Context(), "jar", benchStart.Add(100*time.Second), 50)
				require.NoError(t, err)
				assert.Len(t, due, 50)
			},
			"commit":     func() { require.NoError(t, db.Commit(t.Context(), step(load(t, db, k), int(time.Now().UnixNano())))) },
			"commit two": func() { commitTwo(t, db, k, itsm.Key{Tenant: "h1", Kind: "jar", ID: "J-00778"}) },
			"check a read": func() {
				assert.ErrorIs(t, db.Commit(t.Context(), store.Batch{Tenant: "h1", Reads: []store.Read{{Key: k, Seq: 99}}}), itsm.ErrConflict)
			},
			"events":       func() { first(t, db, "0000000000000100", itsm.Filter{}, 20) },
			"of a tenant":  func() { first(t, db, "0000000000000100", itsm.Filter{Tenant: "h1"}, 20) },
			"of a kind":    func() { first(t, db, "0000000000000100", itsm.Filter{Tenant: "h1", Kind: "jar"}, 20) },
			"of a type":    func() { first(t, db, "0000000000000100", itsm.Filter{Types: []string{"incident.triaged"}}, 20) },
			"of a record":  func() { first(t, db, "", itsm.Filter{Tenant: "h1", Kind: "jar", ID: k.ID}, 1) },
			"of a command": func() { first(t, db, "", itsm.Filter{Tenant: "h1", Command: "0123456789abcdef-000000777"}, 1) },
		} {
			for range 6 { // from then on a plan may be kept
				f()
			}
			scanned, fetched := look(f)
			assert.Zero(t, scanned, "rows read one after the other: %s", name)
			assert.Less(t, fetched, int64(500), name)
		}
	})
}

func commitTwo(t testing.TB, db store.DB, keys ...itsm.Key) {
	t.Helper()
	var batches []store.Batch
	for i, k := range keys {
		batches = append(batches, step(load(t, db, k), int(time.Now().UnixNano())+i))
	}
	b := merge(batches...)
	b.Reads = []store.Read{{Key: itsm.Key{Tenant: "h1", Kind: "jar", ID: "J-00001"}, Seq: 1}, {Key: itsm.Key{Tenant: "h1", Kind: "jar", ID: "nobody"}}}
	require.NoError(t, db.Commit(t.Context(), b))
}

// first reads up to n entries, of which there must be some.
func first(t testing.TB, db store.DB, after itsm.Position, f itsm.Filter, n int) {
	t.Helper()
	f.Limit = n
	seen := 0
	for _, err := range db.Events(t.Context(), after, f) {
		require.NoError(t, err)
		seen++
	}
	assert.NotZero(t, seen, "%+v", f)
}

func load(t testing.TB, db store.DB, key itsm.Key) store.Snapshot {
	t.Helper()
	found, err := db.Load(t.Context(), key)
	require.NoError(t, err)
	return found[0]
}
