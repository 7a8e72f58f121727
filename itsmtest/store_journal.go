package itsmtest

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// journalOf fills a tenant with a small journal: several kinds, types, commands with several entries, entries that stand alone.
func (s *storeSuite) journalOf(tenant itsm.Tenant) []itsm.Event {
	s.Helper()
	now := make(map[itsm.Key]store.Snapshot)
	for i := range 12 {
		var members []store.Batch
		for j := range 1 + i%3 {
			k := itsm.Key{Tenant: tenant, Kind: []itsm.Kind{"order", "visit"}[(i+j)%2], ID: itsm.ID(fmt.Sprintf("A-%d", j))}
			prev, ok := now[k]
			if !ok {
				prev = fresh(k)
			}
			b := next(prev, func(_ *store.Put, e *itsm.Event) { e.Type = []string{"made", "moved", "closed"}[(i+j)%3] })
			now[k] = b.Puts[0].Snapshot
			members = append(members, b)
		}
		if i%4 == 0 {
			members = append(members, alone(tenant))
		}
		require.NoError(s, s.db.Commit(s.ctx, join(members...)))
	}
	return s.events(s, "", itsm.Filter{Tenant: tenant})
}

func checkCursor(s *storeSuite) {
	s.journalOf("h2")
	all := s.journalOf("h1")
	require.Greater(s, len(all), 20, "the journal has all entries")
	seen, last := make(map[itsm.Position]bool), make(map[itsm.Key]uint64)
	for _, e := range all {
		require.NotEmpty(s, e.Position, "every entry has a position")
		require.False(s, seen[e.Position], "position %q was given twice", e.Position)
		seen[e.Position] = true
		require.Equal(s, last[e.Key]+1, e.Seq, "entries of one record come in the order of their numbers: %s", e.Key)
		last[e.Key] = e.Seq
	}
	checkPages(s.runner, s.db, all, itsm.Filter{Tenant: "h1"}, 0, 1, 2, 7)
	checkPages(s.runner, s.db, all, itsm.Filter{Tenant: "h1", Kind: "order"}, 2)
	checkPages(s.runner, s.db, all, itsm.Filter{Tenant: "h1", Kind: "order", ID: "A-0"}, 2)
	checkPages(s.runner, s.db, all, itsm.Filter{Tenant: "h1", Types: []string{"moved", "itsm.refused"}}, 3)
	end := all[len(all)-1].Position
	s.create(itsm.Key{Tenant: "h1", Kind: "order", ID: "new"})
	assert.Len(s, s.events(s, end, itsm.Filter{Tenant: "h1"}), 1, "a new entry comes behind the end")
	var err error
	for _, err = range s.db.Events(s.ctx, "no such position", itsm.Filter{Tenant: "h1"}) {
		if err != nil {
			break
		}
	}
	assert.ErrorIs(s, err, itsm.ErrInvalid, "a position that the store did not give out")
}

// checkPages walks through a journal from its beginning and from behind every entry, also those that the filter leaves out, page by
// page: what follows must be the rest, each entry once. A page size of 0 stands for one page without a limit.
func checkPages(t runner, j itsm.Journal, all []itsm.Event, f itsm.Filter, sizes ...int) {
	t.Helper()
	for i := range len(all) + 1 {
		var after itsm.Position
		if i > 0 {
			after = all[i-1].Position
		}
		var want []itsm.Event
		for _, e := range all[i:] {
			if f.Matches(&e) {
				want = append(want, e)
			}
		}
		for _, size := range sizes {
			got := pages(t, j, after, f, size, len(want))
			require.Equal(t, showEvents(want), showEvents(got), "going on behind entry %d of %d, pages of %d, filter %+v", i, len(all), size, f)
		}
	}
}

// pages reads a journal to its end. A cursor that goes round is noticed by there being more entries than most.
func pages(t runner, j itsm.Journal, after itsm.Position, f itsm.Filter, size, most int) (all []itsm.Event) {
	t.Helper()
	for f.Limit = size; ; {
		page := collect(t, "events", j.Events(t.Context(), after, f))
		all = append(all, page...)
		switch {
		case size == 0 || len(page) < size || len(all) > most:
			return all
		case len(page) > size:
			t.Errorf("a page of %d entries has %d", size, len(page))
			return all
		}
		after = page[size-1].Position
	}
}

func checkFilter(s *storeSuite) {
	s.journalOf("h2")
	all := s.journalOf("h1")
	rapid.Check(s, func(t *rapid.T) {
		f := itsm.Filter{Tenant: "h1", Limit: rapid.SampledFrom([]int{0, 0, 1, 3, 100}).Draw(t, "limit")}
		if rapid.Bool().Draw(t, "by kind") {
			f.Kind = rapid.SampledFrom([]itsm.Kind{"order", "visit", itsm.KindCommand, "nothing"}).Draw(t, "kind")
			if rapid.Bool().Draw(t, "by ID") {
				f.ID = rapid.SampledFrom([]itsm.ID{"A-0", "A-1", "A-2", "nobody"}).Draw(t, "ID")
			}
		}
		f.Types = rapid.SliceOfN(rapid.SampledFrom([]string{"made", "moved", "closed", "itsm.refused", "never"}), 0, 2).Draw(t, "types")
		if rapid.IntRange(0, 3).Draw(t, "by command") == 0 {
			f.Command = rapid.SampledFrom(all).Draw(t, "entry").Command
		}
		after := itsm.Position("")
		if rapid.Bool().Draw(t, "after") {
			after = rapid.SampledFrom(all).Draw(t, "behind").Position
		}
		var want []itsm.Event
		behind := after == ""
		for _, e := range all {
			if behind && f.Matches(&e) && (f.Limit == 0 || len(want) < f.Limit) {
				want = append(want, e)
			}
			behind = behind || e.Position == after
		}
		got := s.events(t, after, f)
		if !sameEvents(t, want, got, fmt.Sprintf("%+v behind %q", f, after)) {
			return
		}
		for i := range got {
			assert.Equal(t, want[i].Position, got[i].Position, "an entry keeps its position")
		}
	})
}

func checkEventSequence(s *storeSuite) {
	all := s.journalOf("h1")
	seq := s.db.Events(s.ctx, "", itsm.Filter{Tenant: "h1"})
	within(s.runner, "a call inside a loop over events", func() {
		n := 0
		for _, err := range seq {
			require.NoError(s, err)
			require.NoError(s, s.db.Commit(s.ctx, alone("h1")))
			s.events(s, "", itsm.Filter{Tenant: "h1"})
			if n++; n == 3 {
				break
			}
		}
	})
	n := 0
	for _, err := range seq {
		require.NoError(s, err)
		n++
	}
	assert.Equal(s, len(all)+3, n, "ranging again reads again")
}

func checkJournalAcross(s *storeSuite) {
	one, two := s.journalOf("h1"), s.journalOf("h2")
	all := s.events(s, "", itsm.Filter{})
	var got1, got2 []itsm.Event
	for _, e := range all {
		if e.Tenant == "h1" {
			got1 = append(got1, e)
		} else {
			got2 = append(got2, e)
		}
	}
	sameEvents(s, one, got1, "of the first tenant")
	sameEvents(s, two, got2, "of the second tenant")
	for i, e := range all {
		require.Len(s, s.events(s, e.Position, itsm.Filter{}), len(all)-i-1, "going on behind entry %d", i+1)
	}
	assert.Equal(s, 2*len(s.events(s, "", itsm.Filter{Tenant: "h1", Kind: "order"})), len(s.events(s, "", itsm.Filter{Kind: "order"})), "by kind, of all tenants")
}

func checkErase(s *storeSuite) {
	k, other := itsm.Key{Tenant: "h1", Kind: "order", ID: "A"}, itsm.Key{Tenant: "h1", Kind: "order", ID: "B"}
	elsewhere := itsm.Key{Tenant: "h2", Kind: "order", ID: "A"}
	secret := personal([]byte(`{"~":"salt","caller":"王小明"}`))
	for _, key := range []itsm.Key{other, elsewhere} {
		s.create(key, secret)
	}
	now := s.create(k, secret)
	now = s.commit(next(now))[0]
	now = s.commit(next(now, secret))[0]
	before := s.verifyChain(s, k)

	b := next(now, secret)
	b.Erase = []itsm.Key{k}
	stale := b
	stale.Reads = []store.Read{{Key: other, Seq: 9}}
	s.refused(stale, "an erasure that fails erases nothing", itsm.ErrConflict)
	s.commit(b)

	want := append(before, b.Events...)
	for i := range 3 {
		want[i].Personal = nil
	}
	got := s.verifyChain(s, k)
	sameEvents(s, want, got, "the journal after erasing")
	assert.Equal(s, []bool{true, false, true, false}, []bool{got[0].Erased(), got[1].Erased(), got[2].Erased(), got[3].Erased()}, "erased or none; the entry that erases keeps its own part")
	for _, key := range []itsm.Key{other, elsewhere} {
		assert.NotNil(s, s.verifyChain(s, key)[0].Personal, "other records keep theirs: %s", key)
	}
}

func checkDue(s *storeSuite) {
	type wake struct {
		tenant itsm.Tenant
		kind   itsm.Kind
		id     itsm.ID
		after  time.Duration // from start; negative for never
	}
	minute := time.Minute
	wakes := []wake{
		{"h2", "order", "B", minute}, {"h1", "order", "B", minute}, {"h1", "order", "A", minute}, {"h1", "order", "C", 0}, {"h3", "order", "A", minute + time.Microsecond},
		{"h1", "order", "Z", minute - time.Microsecond}, {"h1", "order", "never", -1}, {"h1", "visit", "A", 0}, {"h2", "order", "A", 60 * minute},
	}
	for _, w := range wakes {
		at := start.Add(w.after)
		if w.after < 0 {
			at = time.Time{}
		}
		s.create(itsm.Key{Tenant: w.tenant, Kind: w.kind, ID: w.id}, woken(at))
	}
	due := func(kind itsm.Kind, until time.Time, limit int) (keys []string) {
		s.Helper()
		got, err := s.db.Due(s.ctx, kind, until, limit)
		require.NoError(s, err)
		for _, w := range got {
			keys = append(keys, fmt.Sprintf("%s/%s +%s", w.Key.Tenant, w.Key.ID, w.At.Sub(start)))
			assert.Equal(s, time.UTC, w.At.Location(), "instants are in UTC")
			assert.Equal(s, kind, w.Key.Kind)
		}
		return keys
	}
	ordered := []string{"h1/C +0s", "h1/Z +59.999999s", "h1/A +1m0s", "h1/B +1m0s", "h2/B +1m0s", "h3/A +1m0.000001s", "h2/A +1h0m0s"}
	assert.Equal(s, ordered[:5], due("order", start.Add(minute), 100), "at or before, the earliest first, then by tenant and ID")
	assert.Equal(s, ordered[:3], due("order", start.Add(minute), 3), "limited")
	assert.Equal(s, ordered[:5], due("order", start.Add(minute), 0), "a limit of 0 is none")
	assert.Equal(s, ordered[:1], due("order", start, 1))
	assert.Equal(s, ordered, due("order", time.Time{}, 100), "a zero instant is any time")
	assert.Equal(s, ordered[:2], due("order", start.Add(minute-time.Microsecond).In(time.FixedZone("", 8*3600)), 100), "instants, not wall clocks")
	assert.Empty(s, due("order", start.Add(-time.Microsecond), 100), "nothing is due yet")
	assert.Equal(s, []string{"h1/A +0s"}, due("visit", time.Time{}, 100), "of another kind")
	assert.Empty(s, due("nothing", time.Time{}, 100))
}

func checkDueCleared(s *storeSuite) {
	k := itsm.Key{Tenant: "h1", Kind: "order", ID: "A"}
	due := func() (at []time.Time) {
		s.Helper()
		got, err := s.db.Due(s.ctx, "order", time.Time{}, 10)
		require.NoError(s, err)
		for _, w := range got {
			at = append(at, w.At)
		}
		return at
	}
	now := s.create(k, woken(start))
	now = s.commit(next(now, woken(start.Add(time.Hour))))[0]
	assert.Equal(s, []time.Time{start.Add(time.Hour)}, due(), "a wake that moved is there once")
	now = s.commit(next(now, woken(time.Time{})))[0]
	assert.Empty(s, due(), "a wake that was cleared")
	s.commit(next(now, woken(start)))
	assert.Equal(s, []time.Time{start}, due(), "a wake that was set again")
}

func checkTenants(s *storeSuite) {
	kinds := []itsm.Kind{"order", "visit", "note"}
	tenants := []itsm.Tenant{"h1", "h2"}
	for _, tenant := range tenants {
		for _, kind := range kinds {
			mark := string(tenant) + "'s " + string(kind)
			s.create(itsm.Key{Tenant: tenant, Kind: kind, ID: "A"}, content(mustJSON(mark), []itsm.IndexEntry{entry("name", itsm.TextOf("x")), {Field: "tag", Many: true, Value: itsm.TextOf("t")}}, start),
				func(_ *store.Put, e *itsm.Event) { e.Data = mustJSON(mark) })
		}
	}
	for _, kind := range kinds {
		s.create(itsm.Key{Tenant: "h2", Kind: kind, ID: "only"})
	}
	for _, own := range kinds {
		mark := string(mustJSON("h1's " + string(own)))
		for _, other := range kinds {
			s.commit(next(s.load(s, itsm.Key{Tenant: "h2", Kind: other, ID: "A"})[0], content(mustJSON("h2's "+string(other)), []itsm.IndexEntry{entry("name", itsm.TextOf("x"))}, start)))
			got := s.load(s, itsm.Key{Tenant: "h1", Kind: own, ID: "A"}, itsm.Key{Tenant: "h1", Kind: own, ID: "only"})
			assert.Equal(s, mark, string(got[0].Data), "load of %s after a change of the other tenant's %s", own, other)
			assert.EqualValues(s, 1, got[0].Seq, "a commit of another tenant moves nothing")
			assert.Zero(s, got[1].Seq, "load of a record that only the other tenant has")
			for _, q := range []itsm.Query{
				{}, {OrderBy: "name"}, {Where: []itsm.Condition{itsm.Where("name", itsm.TextOf("x"))}}, {Where: []itsm.Condition{itsm.Where("tag", itsm.TextOf("t"))}}, {Where: []itsm.Condition{itsm.WhereOneOf("name", itsm.TextOf("x"), itsm.TextOf("y"))}},
				{Where: []itsm.Condition{itsm.WhereUnset("nothing")}}, {Where: []itsm.Condition{itsm.WhereLess("name", itsm.TextOf("z"))}}, {Desc: true}, {Desc: true, OrderBy: "name", After: itsm.Cursor{Value: itsm.TextOf("zz"), ID: "z"}},
			} {
				q.Tenant, q.Kind = "h1", own
				found := s.find(s, q)
				if assert.Len(s, found, 1, "find: %s", showQuery(q)) {
					assert.Equal(s, mark, string(found[0].Data), "find: %s", showQuery(q))
				}
			}
			for _, f := range []itsm.Filter{{Tenant: "h1", Kind: own}, {Tenant: "h1", Kind: own, ID: "A"}} {
				events := s.events(s, "", f)
				if assert.Len(s, events, 1, "events: %+v", f) {
					assert.Equal(s, mark, string(events[0].Data))
				}
			}
			// A read of the first tenant's cannot be kept or broken by the second's.
			probe := alone("h1")
			probe.Reads = []store.Read{{Key: itsm.Key{Tenant: "h1", Kind: own, ID: "only"}}}
			assert.NoError(s, s.db.Commit(s.ctx, probe), "a read looks at its own tenant")
		}
	}
	for _, e := range s.events(s, "", itsm.Filter{Tenant: "h1"}) {
		assert.Equal(s, itsm.Tenant("h1"), e.Tenant)
	}
	theirs := s.events(s, "", itsm.Filter{Tenant: "h2"})[0]
	assert.Empty(s, s.events(s, "", itsm.Filter{Tenant: "h1", Command: theirs.Command}), "a command of the other tenant")
	assert.Empty(s, s.events(s, "", itsm.Filter{Tenant: "h3"}), "a tenant that has nothing")
	assert.Empty(s, s.find(s, itsm.Query{Tenant: "h3", Kind: "order"}))
}
