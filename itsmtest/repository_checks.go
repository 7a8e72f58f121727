package itsmtest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

func (s *repoSuite[R]) checkRoundTrip() {
	k := s.key("h1", "A")
	_, err := s.repo.Load(s.ctx, k)
	require.ErrorIs(s, err, itsm.ErrNotFound, "a record that is not there")
	var now itsm.Stored[R]
	var want []itsm.Event
	for i := range 6 {
		c := s.change(k, now, i)
		now = s.save(c)
		s.same(c, now, fmt.Sprintf("sample %d", i))
		want = append(want, c.Events...)
	}
	c := s.change(k, now, 0)
	second := c.Events[0]
	second.Seq, second.Prev = second.Seq+1, second.Hash
	second.Hash = second.ComputeHash()
	c.Events = append(c.Events, second)
	s.same(c, s.save(c), "a change with two entries")
	sameEvents(s, append(want, c.Events...), s.verify(k), "the journal of the record")
}

func (s *repoSuite[R]) checkExpect() {
	k := s.key("h1", "A")
	s.refused(s.change(k, itsm.Stored[R]{Seq: 1}, 0), "changing a record that is not there", itsm.ErrConflict)
	one := s.save(s.change(k, itsm.Stored[R]{}, 0))
	s.refused(s.change(k, itsm.Stored[R]{}, 1), "creating a record that is there", itsm.ErrConflict)
	late := s.change(k, one, 1)
	two := s.save(s.change(k, one, 1))
	s.refused(late, "a change behind a number that has passed", itsm.ErrConflict)
	s.refused(s.refusal(k, one), "a refusal behind a number that has passed", itsm.ErrConflict)
	again := s.change(k, two, 2, func(e *itsm.Event) { e.Command = late.Command })
	s.save(again)
	assert.Len(s, s.verify(k), 3)
}

func (s *repoSuite[R]) checkCommands() {
	c := s.change(s.key("h1", "A"), itsm.Stored[R]{}, 0)
	one := s.save(c)
	using := func(k itsm.Key, prev itsm.Stored[R], id itsm.CommandID) itsm.Change[R] {
		return s.change(k, prev, 1, func(e *itsm.Event) { e.Command = id })
	}
	s.refused(using(c.Key, one, c.Command), "a command ID on the same record again", itsm.ErrExists)
	s.refused(using(s.key("h1", "B"), itsm.Stored[R]{}, c.Command), "a command ID on another record", itsm.ErrExists)
	alone := s.refusal(s.key("h1", "B"), itsm.Stored[R]{})
	require.NoError(s, s.repo.Save(s.ctx, alone), "a refusal that stands alone")
	s.refused(using(c.Key, one, alone.Command), "a command ID that was refused before", itsm.ErrExists)
	s.save(using(s.key("h2", "A"), itsm.Stored[R]{}, c.Command))
}

func (s *repoSuite[R]) checkRefusals() {
	k := s.key("h1", "A")
	c := s.change(k, itsm.Stored[R]{}, 0)
	one := s.save(c)
	q := itsm.Query{Tenant: "h1", Kind: s.kind, Where: []itsm.Condition{itsm.Where("state", itsm.TextOf(s.outline(one.Record).State))}}
	r := s.refusal(k, one)
	two := s.save(r)
	assert.Equal(s, string(mustJSON(c.Record)), string(mustJSON(two.Record)), "the record is as it was")
	assert.Equal(s, r.Events[0].Seq, two.Seq, "the sequence number counts the refusal")
	assert.Equal(s, r.Events[0].Hash, two.Head)
	assert.Len(s, collect(s, "find", s.repo.Find(s.ctx, q)), 1, "what the record is found by is as it was")

	alone := s.refusal(s.key("h1", "nobody"), itsm.Stored[R]{})
	require.NoError(s, s.repo.Save(s.ctx, alone), "a refusal that stands alone")
	sameEvents(s, alone.Events, s.journal(itsm.Filter{Tenant: "h1", Command: alone.Command}), "it is found by its command")
	sameEvents(s, alone.Events, s.journal(itsm.Filter{Tenant: "h1", Kind: itsm.KindCommand, ID: alone.Key.ID}), "and by its key")
	_, err := s.repo.Load(s.ctx, s.key("h1", "nobody"))
	assert.ErrorIs(s, err, itsm.ErrNotFound, "it makes no record")
	assert.Len(s, collect(s, "find", s.repo.Find(s.ctx, itsm.Query{Tenant: "h1", Kind: s.kind})), 1, "nor is it found as one")
	s.verify(k)
}

func (s *repoSuite[R]) checkFind() {
	plain := newPlainDB()
	const records = 24
	values := make(map[string][]itsm.Value)
	ids := []itsm.ID{"A", "Z-9"}
	for i := range records {
		k := s.key("h1", itsm.ID(fmt.Sprintf("A-%02d", i*7%records)))
		ids = append(ids, k.ID)
		var now itsm.Stored[R]
		for n := range 1 + i%2 { // some are changed, so that old values must be forgotten
			c := s.change(k, now, i+n)
			now = s.save(c)
			b := store.Batch{Tenant: "h1", Events: c.Events, Puts: []store.Put{{Expect: c.Expect, Index: c.Index, Snapshot: store.Snapshot{Key: k, Seq: now.Seq, Head: now.Head}}}}
			require.NoError(s, plain.Commit(s.ctx, b))
			for _, e := range c.Index {
				if !e.Value.IsZero() && !slices.Contains(values[e.Field], e.Value) {
					values[e.Field] = append(values[e.Field], e.Value)
				}
			}
		}
	}
	compare := func(t failer, q itsm.Query) {
		t.Helper()
		q.Tenant, q.Kind = "h1", s.kind
		var want, got []itsm.ID
		for r, err := range plain.Find(s.ctx, q) {
			require.NoError(t, err)
			want = append(want, r.Key.ID)
		}
		for r, err := range s.repo.Find(s.ctx, q) {
			require.NoError(t, err)
			got = append(got, s.meta(&r.Record).ID)
		}
		require.Equal(t, want, got, "the results of %s", showQuery(q))
	}
	for _, f := range s.index { // each field by itself, so that none depends on luck
		for _, v := range values[f.Name] {
			compare(s, itsm.Query{Where: []itsm.Condition{itsm.Where(f.Name, v)}})
		}
		if !f.Many {
			compare(s, itsm.Query{OrderBy: f.Name})
			compare(s, itsm.Query{OrderBy: f.Name, Desc: true})
		}
	}
	for _, q := range []itsm.Query{{}, {Desc: true}, {OrderBy: "updated"}, {OrderBy: "state", Desc: true}} {
		q.Tenant, q.Kind = "h1", s.kind
		for _, r := range collect(s, "find", plain.Find(s.ctx, q)) { // behind every record the rest follows
			q.After = itsm.Cursor{Value: r.Order, ID: r.Key.ID}
			q.Limit = 0
			compare(s, q)
			q.Limit = 3
			compare(s, q)
		}
	}
	rapid.Check(s, func(t *rapid.T) { compare(t, s.drawQuery(t, values, ids)) })
	for r, err := range s.repo.Find(s.ctx, itsm.Query{Tenant: "h1", Kind: s.kind}) {
		require.NoError(s, err)
		loaded := s.load(s.key("h1", s.meta(&r.Record).ID))
		assert.Equal(s, string(mustJSON(loaded)), string(mustJSON(r)), "find and load give the same")
	}
}

func (s *repoSuite[R]) drawQuery(t *rapid.T, values map[string][]itsm.Value, ids []itsm.ID) itsm.Query {
	q := itsm.Query{Desc: rapid.Bool().Draw(t, "desc"), Limit: rapid.SampledFrom([]int{0, 0, 1, 5}).Draw(t, "limit")}
	for range rapid.IntRange(0, 2).Draw(t, "conditions") {
		f := rapid.SampledFrom(s.index).Draw(t, "field")
		ops := []itsm.Op{itsm.Equal, itsm.OneOf, itsm.Less, itsm.AtLeast, itsm.Unset}
		if f.Many {
			ops = ops[:2]
		}
		c := itsm.Condition{Field: f.Name, Op: rapid.SampledFrom(ops).Draw(t, "op")}
		if len(values[f.Name]) == 0 {
			c.Op = itsm.Unset
			if f.Many {
				continue
			}
		}
		switch c.Op {
		case itsm.Unset:
		case itsm.OneOf:
			c.Values = rapid.SliceOfN(rapid.SampledFrom(values[f.Name]), 0, 3).Draw(t, "values")
		default:
			c.Value = rapid.SampledFrom(values[f.Name]).Draw(t, "value")
		}
		q.Where = append(q.Where, c)
	}
	if rapid.Bool().Draw(t, "ordered") {
		f := rapid.SampledFrom(slices.DeleteFunc(slices.Clone(s.index), func(f itsm.IndexField) bool { return f.Many })).Draw(t, "order")
		q.OrderBy = f.Name
		if len(values[f.Name]) > 0 && rapid.Bool().Draw(t, "after") {
			q.After = itsm.Cursor{Value: rapid.SampledFrom(values[f.Name]).Draw(t, "after value"), ID: rapid.SampledFrom(ids).Draw(t, "after ID")}
		}
	} else if rapid.Bool().Draw(t, "after") {
		q.After.ID = rapid.SampledFrom(ids).Draw(t, "after ID")
	}
	return q
}

// fill makes a small journal.
func (s *repoSuite[R]) fill(tenant itsm.Tenant) []itsm.Event {
	s.Helper()
	for i := range 4 {
		k := s.key(tenant, itsm.ID(fmt.Sprintf("A-%d", i)))
		var now itsm.Stored[R]
		for n := range 1 + i {
			now = s.save(s.change(k, now, n, func(e *itsm.Event) { e.Type = []string{"made", "moved"}[n%2] }))
		}
		s.save(s.refusal(k, now))
		require.NoError(s, s.repo.Save(s.ctx, s.refusal(k, itsm.Stored[R]{})))
	}
	return s.journal(itsm.Filter{Tenant: tenant})
}

func (s *repoSuite[R]) checkEvents() {
	s.fill("h2")
	all := s.fill("h1")
	require.Len(s, all, 18, "the journal has all entries")
	for i, e := range all {
		require.NotEmpty(s, e.Position, "entry %d has a position", i+1)
	}
	checkPages(s.runner, s.repo, all, itsm.Filter{Tenant: "h1"}, 0, 1, 2, 7)
	checkPages(s.runner, s.repo, all, itsm.Filter{Tenant: "h1", Kind: s.kind, ID: "A-3"}, 2)
	checkPages(s.runner, s.repo, all, itsm.Filter{Tenant: "h1", Types: []string{"moved"}}, 2)
	rapid.Check(s, func(t *rapid.T) {
		f := itsm.Filter{Tenant: "h1", Limit: rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(t, "limit")}
		if rapid.Bool().Draw(t, "by kind") {
			f.Kind = rapid.SampledFrom([]itsm.Kind{s.kind, itsm.KindCommand}).Draw(t, "kind")
			if rapid.Bool().Draw(t, "by ID") {
				f.ID = rapid.SampledFrom([]itsm.ID{"A-0", "A-3", "nobody"}).Draw(t, "ID")
			}
		}
		f.Types = rapid.SliceOfN(rapid.SampledFrom([]string{"made", "moved", typeRefused, "never"}), 0, 2).Draw(t, "types")
		if rapid.IntRange(0, 3).Draw(t, "by command") == 0 {
			f.Command = rapid.SampledFrom(all).Draw(t, "entry").Command
		}
		var want []itsm.Event
		for _, e := range all {
			if f.Matches(&e) && (f.Limit == 0 || len(want) < f.Limit) {
				want = append(want, e)
			}
		}
		sameEvents(t, want, collect(t, "events", s.repo.Events(s.ctx, "", f)), fmt.Sprintf("%+v", f))
	})
}

func (s *repoSuite[R]) checkSequences() {
	s.fill("h1")
	records := s.repo.Find(s.ctx, itsm.Query{Tenant: "h1", Kind: s.kind})
	entries := s.repo.Events(s.ctx, "", itsm.Filter{Tenant: "h1"})
	within(s.runner, "a call inside a loop", func() {
		for r, err := range records {
			require.NoError(s, err)
			k := s.key("h1", s.meta(&r.Record).ID)
			s.save(s.change(k, s.load(k), 1))
			break
		}
		for e, err := range entries {
			require.NoError(s, err)
			k := s.key("h1", e.ID)
			s.save(s.change(k, s.load(k), 1))
			break
		}
	})
	assert.Len(s, collect(s, "find", records), 4, "a list that was stopped can be ranged over again")
	assert.Len(s, collect(s, "events", entries), 20, "and shows what came since")
}

// scramble changes everything that a value shares with others.
func scramble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				scramble(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			scramble(v.Index(i))
			v.Index(i).SetZero()
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); { //maporder: each value for itself
			scramble(it.Value())
			v.SetMapIndex(it.Key(), reflect.Zero(v.Type().Elem()))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			scramble(v.Elem())
			v.Elem().SetZero()
		}
	}
}

func (s *repoSuite[R]) checkOwnership() {
	for i := range 4 {
		k := s.key("h1", itsm.ID(fmt.Sprintf("A-%d", i)))
		c := s.change(k, itsm.Stored[R]{}, i)
		want, entries := string(mustJSON(c.Record)), showEvents(c.Events)
		require.NoError(s, s.repo.Save(s.ctx, c))
		check := func(why string) {
			s.Helper()
			assert.Equal(s, want, string(mustJSON(s.load(k).Record)), "%s: load", why)
			assert.Equal(s, entries, showEvents(s.verify(k)), "%s: the journal", why)
			// A repository may keep what went in, but then it is nobody else's.
			assert.Equal(s, want, string(mustJSON(c.Record)), "%s: the record that was saved", why)
			assert.Equal(s, entries, showEvents(c.Events), "%s: the entries that were saved", why)
		}
		check("a repository does not change what it is given")
		got := s.load(k)
		scramble(reflect.ValueOf(&got).Elem())
		check("what load gave was changed")
		for r, err := range s.repo.Find(s.ctx, itsm.Query{Tenant: "h1", Kind: s.kind}) {
			require.NoError(s, err)
			scramble(reflect.ValueOf(&r).Elem())
		}
		check("what find gave was changed")
		for _, e := range s.verify(k) {
			scramble(reflect.ValueOf(&e).Elem())
		}
		check("what events gave was changed")
	}
}

func (s *repoSuite[R]) checkErase() {
	k, other := s.key("h1", "A"), s.key("h1", "B")
	secret := []byte(`{"~":"salt","caller":"王小明"}`)
	mark := func(e *itsm.Event) { e.Personal, e.PersonalDigest = secret, sha256.Sum256(secret) }
	s.save(s.change(other, itsm.Stored[R]{}, 0, mark))
	one := s.save(s.change(k, itsm.Stored[R]{}, 0, mark))
	two := s.save(s.change(k, one, 1))
	c := s.change(k, two, 2, mark)
	c.Erase = true
	s.save(c)
	var erased []bool
	for _, e := range s.verify(k) {
		erased = append(erased, e.Erased())
	}
	assert.Equal(s, []bool{true, false, false}, erased, "what was there is erased; the entry that erases keeps its own part")
	assert.False(s, s.verify(other)[0].Erased(), "other records keep theirs")
}

func (s *repoSuite[R]) checkTenants() {
	mine := s.change(s.key("h1", "A"), itsm.Stored[R]{}, 0)
	one := s.save(mine)
	theirs := s.save(s.change(s.key("h2", "A"), itsm.Stored[R]{}, 1))
	s.save(s.change(s.key("h2", "A"), theirs, 2))
	s.save(s.change(s.key("h2", "only"), itsm.Stored[R]{}, 3))
	s.same(mine, s.load(mine.Key), "load")
	_, err := s.repo.Load(s.ctx, s.key("h1", "only"))
	assert.ErrorIs(s, err, itsm.ErrNotFound, "a record that only the other tenant has")
	for r, err := range s.repo.Find(s.ctx, itsm.Query{Tenant: "h1", Kind: s.kind}) {
		require.NoError(s, err)
		assert.Equal(s, string(mustJSON(one)), string(mustJSON(r)), "find")
	}
	sameEvents(s, mine.Events, s.journal(itsm.Filter{Tenant: "h1"}), "events")
	assert.Empty(s, s.journal(itsm.Filter{Tenant: "h2", Command: mine.Command}), "a command of the other tenant")
	s.save(s.change(s.key("h1", "A"), one, 1))
}

func (s *repoSuite[R]) checkRaces() {
	const workers, each = 4, 10
	k := s.key("h1", "A")
	s.save(s.change(k, itsm.Stored[R]{}, 0))
	errs := together(s.runner, workers, func(int) error {
		for done := 0; done < each; {
			now, err := s.repo.Load(s.ctx, k)
			if err != nil {
				return err
			}
			switch err := s.repo.Save(s.ctx, s.change(k, now, done)); {
			case err == nil:
				done++
			case !errors.Is(err, itsm.ErrConflict):
				return err
			}
		}
		return nil
	})
	require.NoError(s, errors.Join(errs...))
	assert.Len(s, s.verify(k), workers*each+1, "every change that was acknowledged counts once")
	for round := range 5 {
		k := s.key("h1", itsm.ID(fmt.Sprintf("N-%d", round)))
		errs := together(s.runner, workers, func(i int) error { return s.repo.Save(s.ctx, s.change(k, itsm.Stored[R]{}, i)) })
		assert.Equal(s, 1, winners(s.runner, errs, itsm.ErrConflict), "winners of creating one record")
		command := newCommand()
		errs = together(s.runner, workers, func(i int) error {
			k := s.key("h1", itsm.ID(fmt.Sprintf("C-%d-%d", round, i)))
			return s.repo.Save(s.ctx, s.change(k, itsm.Stored[R]{}, i, func(e *itsm.Event) { e.Command = command }))
		})
		assert.Equal(s, 1, winners(s.runner, errs, itsm.ErrExists), "winners of one command ID")
	}
}

func (s *repoSuite[R]) checkFollow() {
	follow(s.runner, s.repo, func(i, n int, prev *itsm.Event) error {
		k := s.key("h1", itsm.ID(fmt.Sprintf("A-%d", i)))
		now := itsm.Stored[R]{}
		if prev.Seq > 0 {
			now.Seq, now.Head = prev.Seq, prev.Hash
		}
		c := s.change(k, now, n)
		*prev = c.Events[0]
		if err := s.repo.Save(s.ctx, c); err != nil || n%2 == 0 {
			return err
		}
		return s.repo.Save(s.ctx, s.refusal(k, itsm.Stored[R]{}))
	}, itsm.Filter{Tenant: "h1"})
}

func (s *repoSuite[R]) checkCancelled() {
	k := s.key("h1", "A")
	one := s.save(s.change(k, itsm.Stored[R]{}, 0))
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	c := s.change(k, one, 1)
	before := s.picture(c)
	assert.ErrorIs(s, s.repo.Save(ctx, c), context.Canceled, "save")
	assert.Equal(s, before, s.picture(c), "a save under a cancelled context changes nothing")
	_, err := s.repo.Load(ctx, k)
	assert.ErrorIs(s, err, context.Canceled, "load")
	for _, err = range s.repo.Find(ctx, itsm.Query{Tenant: "h1", Kind: s.kind}) {
	}
	assert.ErrorIs(s, err, context.Canceled, "find")
	for _, err = range s.repo.Events(ctx, "", itsm.Filter{Tenant: "h1"}) {
	}
	assert.ErrorIs(s, err, context.Canceled, "events")
}

func (s *repoSuite[R]) checkNumbers() {
	counter, ok := s.repo.(itsm.Numberer)
	if !ok {
		s.Skip("the repository does not number records")
	}
	const workers, each = 4, 30
	given := make([][]uint64, workers)
	errs := together(s.runner, workers, func(i int) error {
		for range each {
			n, err := counter.NextNumber(s.ctx, "h1", "INC-20260214")
			if err != nil {
				return err
			}
			given[i] = append(given[i], n)
		}
		return nil
	})
	require.NoError(s, errors.Join(errs...))
	all := slices.Concat(given...)
	for _, own := range given {
		assert.True(s, slices.IsSorted(own), "numbers rise")
	}
	slices.Sort(all)
	assert.Len(s, slices.Compact(all), workers*each, "nobody gets a number that somebody else got")
	_, err := counter.NextNumber(s.ctx, "h2", "INC-20260214")
	require.NoError(s, err, "another tenant has a series of the same name")
}
