package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// explain returns the plan of a statement, a line for each step.
func explain(t *testing.T, s *session, query string, args []any) string {
	var lines []string
	require.NoError(t, s.query(t.Context(), "EXPLAIN QUERY PLAN "+query, args, func(row scanner) error {
		var id, parent, unused int
		var detail string
		err := row.Scan(&id, &parent, &unused, &detail)
		lines = append(lines, detail)
		return err
	}))
	return strings.Join(lines, "\n")
}

func openForPlans(t *testing.T, records int) *DB {
	db, err := Open(filepath.Join(t.TempDir(), "plan.db"), Relaxed())
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	b := store.Batch{Tenant: "h1"}
	for i := range records {
		id := itsm.ID(fmt.Sprintf("J-%05d", i))
		b.Puts = append(b.Puts, store.Put{
			Snapshot: store.Snapshot{Key: itsm.Key{Tenant: "h1", Kind: "jar", ID: id}, Seq: 1, Data: []byte("{}"), Wake: time.Unix(int64(i), 0)},
			Index: []itsm.IndexEntry{
				{Field: "state", Value: itsm.TextOf([]string{"open", "closed"}[min(i%100, 1)])}, // one in a hundred is open
				{Field: "level", Value: itsm.NumberOf(i % 4)},
				{Field: "due", Value: itsm.TimeOf(time.Unix(int64(i), 0))},
				{Field: "urgent", Value: itsm.BoolOf(i%2 == 0)},
				{Field: "tag", Many: true, Value: itsm.TextOf(fmt.Sprint("t", i%500))},
				{Field: "tag", Many: true, Value: itsm.TextOf("all")},
			},
		})
	}
	require.NoError(t, db.Commit(context.Background(), b))
	return db
}

// Whatever is asked, the records are reached through an index and never by looking at all of a table.
func TestPlans(t *testing.T) {
	t.Parallel()
	db := openForPlans(t, 2000)
	ctx := t.Context()
	noScan := func(t *testing.T, s *session, query string, args []any) {
		t.Helper()
		plan := explain(t, s, query, args)
		assert.NotContains(t, plan, "SCAN", query)
		assert.Contains(t, plan, "SEARCH", query)
	}

	t.Run("every condition in every order answers from an index", func(t *testing.T) {
		conditions := []itsm.Condition{
			itsm.Where("state", itsm.TextOf("open")), itsm.Where("state", itsm.TextOf("closed")), itsm.WhereUnset("state"),
			itsm.WhereOneOf("state", itsm.TextOf("open"), itsm.TextOf("new")), itsm.WhereLess("level", itsm.NumberOf(4)), itsm.WhereAtLeast("level", itsm.NumberOf(3)),
			itsm.WhereLess("due", itsm.TimeOf(time.Unix(50, 0))), itsm.WhereAtLeast("due", itsm.TimeOf(time.Unix(50, 0))), itsm.Where("urgent", itsm.BoolOf(true)),
			itsm.Where("tag", itsm.TextOf("t7")), itsm.Where("tag", itsm.TextOf("all")), itsm.WhereOneOf("tag", itsm.TextOf("t7"), itsm.TextOf("t8")),
		}
		wheres := [][]itsm.Condition{nil}
		for i, c := range conditions {
			wheres = append(wheres, []itsm.Condition{c})
			for _, d := range conditions[:i] {
				wheres = append(wheres, []itsm.Condition{c, d})
			}
		}
		seen := make(map[string]bool) // the plan of a statement does not depend on its arguments
		for _, where := range wheres {
			for _, order := range []string{"", "state", "level", "due", "unknown"} {
				for _, desc := range []bool{false, true} {
					for _, after := range []itsm.Cursor{{}, {ID: "J-00700"}, {Value: itsm.NumberOf(2), ID: "J-00700"}, {Value: itsm.TimeOf(time.Unix(9, 0)), ID: "J-00009"}} {
						q := itsm.Query{Tenant: "h1", Kind: "jar", Where: where, OrderBy: order, Desc: desc, After: after}
						require.NoError(t, db.read(ctx, "plan", func(s *session) error {
							p, err := db.plan(ctx, s, &q)
							if err != nil || p == nil {
								return err
							}
							for i := range p.where {
								if w := &p.where[i]; w.count != "" && !seen[w.count] {
									seen[w.count] = true
									args := w.args
									if w.lead == w.sql {
										args = args[1:]
									}
									plan := explain(t, s, w.count, append([]any{"h1"}, args...))
									assert.Contains(t, plan, "SEARCH", w.count)
									assert.NotContains(t, strings.ReplaceAll(plan, "SCAN (subquery", "("), "SCAN", w.count)
								}
							}
							for _, st := range p.stages(after) {
								query, args := p.sql(st, 10)
								if seen[query] {
									continue
								}
								seen[query] = true
								noScan(t, s, query, args)
								if !p.narrow && p.order != nil {
									assert.NotContains(t, explain(t, s, query, args), "TEMP B-TREE", "many results are not sorted: %s", query)
								}
							}
							return nil
						}))
					}
				}
			}
		}
	})

	t.Run("a condition that leads to few records is followed", func(t *testing.T) {
		for _, c := range []struct {
			where []itsm.Condition
			order string
			want  string
		}{
			{[]itsm.Condition{itsm.WhereLess("level", itsm.NumberOf(5)), itsm.Where("state", itsm.TextOf("open"))}, "due", "f_state=?"},
			{[]itsm.Condition{itsm.WhereLess("due", itsm.TimeOf(time.Unix(20, 0))), itsm.Where("state", itsm.TextOf("open"))}, "level", "f_due<?"},
			{[]itsm.Condition{itsm.WhereLess("level", itsm.NumberOf(5)), itsm.Where("tag", itsm.TextOf("t7"))}, "due", "tenant=? AND id=?"},
			{[]itsm.Condition{itsm.WhereLess("level", itsm.NumberOf(5)), itsm.Where("state", itsm.TextOf("closed"))}, "due", "record_jar_f_due"},
			{[]itsm.Condition{itsm.WhereLess("level", itsm.NumberOf(5)), itsm.Where("state", itsm.TextOf("closed"))}, "", "f_state=?"},
			{[]itsm.Condition{itsm.WhereLess("level", itsm.NumberOf(5))}, "", "record_jar_key"},
		} {
			q := itsm.Query{Tenant: "h1", Kind: "jar", Where: c.where, OrderBy: c.order}
			require.NoError(t, db.read(ctx, "plan", func(s *session) error {
				p, err := db.plan(ctx, s, &q)
				if err != nil {
					return err
				}
				query, args := p.sql(p.stages(itsm.Cursor{})[0], 10)
				assert.Contains(t, explain(t, s, query, args), c.want, query)
				return nil
			}))
		}
	})

	t.Run("wakes, entries and loads answer from an index", func(t *testing.T) {
		require.NoError(t, db.read(ctx, "plan", func(s *session) error {
			k, err := db.kindOf(ctx, s, "jar")
			if err != nil {
				return err
			}
			query, args := dueQuery(k, time.Unix(50, 0), 10)
			noScan(t, s, query, args)
			assert.NotContains(t, explain(t, s, query, args), "TEMP B-TREE", "wakes lie in order")
			for _, f := range []itsm.Filter{{}, {Tenant: "h1"}, {Kind: "jar"}, {Tenant: "h1", Kind: "jar", ID: "J-1"}, {Tenant: "h1", Command: "c"}, {Types: []string{"x"}}} {
				query, args := eventQuery(5, &f, 10)
				noScan(t, s, query, args)
				assert.NotContains(t, explain(t, s, query, args), "TEMP B-TREE", "entries lie in order: %+v", f)
			}
			noScan(t, s, "SELECT "+snapshotColumns+" FROM "+k.table+" WHERE tenant = ? AND id = ?", []any{"h1", "J-1"})
			noScan(t, s, "SELECT "+snapshotColumns+" FROM "+k.table+" WHERE tenant = ? AND id IN (?, ?)", []any{"h1", "J-1", "J-2"})
			return nil
		}))
	})
}

func FuzzPosition(f *testing.F) {
	for _, p := range []string{"", "0000000000000001", "9223372036854775807", "-1", "1", "0x1", "99999999999999999999"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		place, err := placeOf(itsm.Position(p))
		if err != nil {
			require.ErrorIs(t, err, itsm.ErrInvalid)
			return
		}
		require.GreaterOrEqual(t, place, int64(0))
		if p != "" {
			require.Equal(t, itsm.Position(p), position(place), "what is read is what was written")
		}
	})
}

func FuzzTableName(f *testing.F) {
	for _, k := range []string{"incident", "itsm.series", `x"; DROP TABLE itsm_journal; --`, "订单", ""} {
		f.Add(k)
	}
	f.Fuzz(func(t *testing.T, k string) {
		require.Regexp(t, `^[a-z0-9_]{0,60}$`, tableName(itsm.Kind(k)))
	})
}
