package itsmtest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

func checkLoad(s *storeSuite) {
	a, b, gone := itsm.Key{Tenant: "h1", Kind: "order", ID: "A"}, itsm.Key{Tenant: "h1", Kind: "visit", ID: "A"}, itsm.Key{Tenant: "h1", Kind: "order", ID: "B"}
	first, second := s.create(a), s.create(b)
	got := s.load(s, b, gone, a, b)
	sameSnapshot(s, second, got[0], "first key")
	assert.Equal(s, store.Snapshot{Key: gone}, got[1], "a record that is not there has its key, the sequence number 0 and nothing else")
	sameSnapshot(s, first, got[2], "third key")
	sameSnapshot(s, second, got[3], "a key may be named twice")

	none, err := s.db.Load(s.ctx)
	assert.NoError(s, err, "no keys are no error")
	assert.Empty(s, none)

	_, err = s.db.Load(s.ctx, a, itsm.Key{Tenant: "h2", Kind: "order", ID: "A"})
	assert.ErrorIs(s, err, itsm.ErrInvalid, "keys of two tenants in one call")
}

func checkRoundTrip(s *storeSuite) {
	year := func(y int) time.Time { return time.Date(y, 12, 31, 23, 59, 59, 999999000, time.UTC) }
	cases := []struct {
		name string
		data string
		wake time.Time
	}{
		{"an empty object, no wake", `{}`, time.Time{}},
		{"data are kept to the byte", `{"z":1,"a":"\u003c收费\u2028>","n":9007199254740993,"f":1.0, "e":[],"null":null,"z":2}`, time.Time{}},
		{"a wake is kept to the microsecond", `{}`, start.Add(999 * time.Microsecond)},
		{"a wake before 1970", `{}`, year(1969)},
		{"a wake far ahead", `{}`, year(9999)},
	}
	for i, c := range cases {
		k := itsm.Key{Tenant: "h1", Kind: "order", ID: itsm.ID(fmt.Sprintf("R-%d", i))}
		b := next(fresh(k), content([]byte(c.data), nil, c.wake))
		require.NoError(s, s.try(s, b), c.name)
		sameSnapshot(s, b.Puts[0].Snapshot, s.load(s, k)[0], c.name+": load")
		found := s.find(s, itsm.Query{Tenant: "h1", Kind: "order", After: itsm.Cursor{ID: itsm.ID(fmt.Sprintf("R-%d", i-1))}})
		if assert.Len(s, found, 1, c.name+": find") {
			sameSnapshot(s, b.Puts[0].Snapshot, found[0], c.name+": find")
		}
	}
}

func checkEventRoundTrip(s *storeSuite) {
	k := itsm.Key{Tenant: "h1", Kind: "order", ID: "A"}
	edits := []func(*store.Put, *itsm.Event){
		func(*store.Put, *itsm.Event) {},
		func(_ *store.Put, e *itsm.Event) { e.OnBehalfOf, e.Reason = "u-099", "因为 \x22quoted\x22\n<b>" },
		func(_ *store.Put, e *itsm.Event) { e.Data = []byte(`{"b":1,"a":1.0,"n":9007199254740993}`) },
		func(_ *store.Put, e *itsm.Event) {
			e.At = time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC)
			e.Recorded = start.Add(1234567 * time.Microsecond)
		},
		personal([]byte(`{"~":"salt","caller":"王小明"}`)),
		func(_ *store.Put, e *itsm.Event) { e.PersonalDigest = itsm.Digest{1, 2, 3} }, // was erased elsewhere
	}
	var want []itsm.Event
	now := fresh(k)
	for _, edit := range edits {
		b := next(now, edit)
		b.Puts[0].Recorded = b.Events[0].Recorded
		now = s.commit(b)[0]
		want = append(want, b.Events...)
	}
	got := s.verifyChain(s, k)
	sameEvents(s, want, got, "entries of one record in the order of their numbers")
	for i, e := range got {
		assert.NotEmpty(s, e.Position, "entry %d has a position", i+1)
		assert.Nil(s, e.Payload, "a store does not decode payloads")
	}
	assert.True(s, got[5].Erased(), "an erased part stays told apart from none")
	assert.False(s, got[0].Erased())

	b := next(now)
	second := itsm.Event{Key: k, Seq: now.Seq + 2, Type: "itsmtest.second", At: start, Recorded: b.Puts[0].Recorded, Actor: "u-018", Command: b.Commands[0], CommandName: "itsmtest.do", Data: []byte(`{}`), Prev: b.Events[0].Hash}
	second.Hash = second.ComputeHash()
	b.Events = append(b.Events, second)
	b.Puts[0].Seq, b.Puts[0].Head = second.Seq, second.Hash
	s.commit(b)
	assert.Len(s, s.verifyChain(s, k), len(want)+2, "a command may lead to several entries")
}

func checkLarge(s *storeSuite) {
	k := itsm.Key{Tenant: "h1", Kind: "order", ID: "A"}
	big := []byte(`"` + strings.Repeat("诊", 1<<20/3) + `"`)
	b := next(fresh(k), content(big, nil, time.Time{}), func(_ *store.Put, e *itsm.Event) { e.Data = big }, personal(big))
	require.NoError(s, s.try(s, b))
	sameSnapshot(s, b.Puts[0].Snapshot, s.load(s, k)[0], "a record of 1 MiB")
	sameEvents(s, b.Events, s.verifyChain(s, k), "an entry of 1 MiB")
}

// oddNames are names that are easily taken for one another or for something else. The last two are one word in two Unicode forms.
var oddNames = []string{
	"a", "A", "a b", "a/b", "a//b", "../a", "a%", "a_", "a*", "a?", "'", `"`, "`", "a;--", "'); DROP TABLE records; --", `a\`, "$1", "?1", ":x", "NULL", "null", "0", "00", "1e3", "-1", "true",
	"门诊收费", "門診收費", "🏥", "👩‍⚕️", "ß", "ss", "İ", "i", "ı", "ا", "a\u200b", "caf\u00e9", "cafe\u0301",
}

func checkNames(s *storeSuite) {
	var keys []itsm.Key
	for _, name := range oddNames {
		keys = append(keys, itsm.Key{Tenant: "h1", Kind: "order", ID: itsm.ID(name)})
	}
	long := strings.Repeat("长", 66) + "xx" // 200 bytes
	keys = append(keys, itsm.Key{Tenant: "h1", Kind: "order", ID: itsm.ID(long)})
	kinds := []itsm.Kind{"Order", "order.line", "order_line", "order-line", "x", "X", "select", `o"r'd`, "工单", "a/b"}
	for _, kind := range kinds {
		keys = append(keys, itsm.Key{Tenant: "h1", Kind: kind, ID: "b/c"}, itsm.Key{Tenant: "h1", Kind: kind, ID: "c"})
	}
	for i, k := range keys {
		s.create(k, content(fmt.Appendf(nil, `{"number":%d}`, i), []itsm.IndexEntry{entry("name", itsm.TextOf(k.ID))}, time.Time{}))
	}
	for i, got := range s.load(s, keys...) {
		assert.Equal(s, keys[i], got.Key)
		assert.Equal(s, fmt.Sprintf(`{"number":%d}`, i), string(got.Data), "data of %q", keys[i])
		assert.Len(s, s.verifyChain(s, keys[i]), 1, "journal of %q", keys[i])
		hits := s.find(s, itsm.Query{Tenant: "h1", Kind: keys[i].Kind, Where: []itsm.Condition{itsm.Where("name", itsm.TextOf(keys[i].ID))}})
		if assert.Len(s, hits, 1, "find %q", keys[i]) {
			assert.Equal(s, keys[i], hits[0].Key)
		}
	}
	order := oddNames
	want := append(slices.Clone(order), long)
	slices.Sort(want)
	var got []string
	for _, r := range s.find(s, itsm.Query{Tenant: "h1", Kind: "order"}) {
		got = append(got, string(r.Key.ID))
	}
	assert.Equal(s, want, got, "IDs are ordered by their bytes")

	tenants := []itsm.Tenant{"a", "A", "a/b", "'", "医院"}
	for _, tenant := range tenants {
		s.create(itsm.Key{Tenant: tenant, Kind: "b/c", ID: "d"}, content(fmt.Appendf(nil, `{"tenant":%q}`, tenant), nil, time.Time{}))
	}
	for _, tenant := range tenants {
		got := s.load(s, itsm.Key{Tenant: tenant, Kind: "b/c", ID: "d"}, itsm.Key{Tenant: tenant, Kind: "c", ID: "d"})
		assert.Equal(s, fmt.Sprintf(`{"tenant":%q}`, tenant), string(got[0].Data))
		assert.Zero(s, got[1].Seq, "the parts of a key are not run together")
	}
}

func checkKeep(s *storeSuite) {
	k := itsm.Key{Tenant: "h1", Kind: "order", ID: "A"}
	before := s.create(k, content([]byte(`{"a":1}`), []itsm.IndexEntry{entry("name", itsm.TextOf("x"))}, start))
	b := next(before, func(p *store.Put, _ *itsm.Event) { p.Keep, p.Data, p.Wake = true, nil, time.Time{} })
	after := s.commit(b)[0]
	want := before
	want.Seq, want.Head, want.Recorded = 2, b.Puts[0].Head, b.Puts[0].Recorded
	sameSnapshot(s, want, after, "only number, head and time move on")
	assert.Len(s, s.find(s, itsm.Query{Tenant: "h1", Kind: "order", Where: []itsm.Condition{itsm.Where("name", itsm.TextOf("x"))}}), 1)
	if !s.except[NoDueAcrossTenants] {
		due, err := s.db.Due(s.ctx, "order", start, 10)
		assert.NoError(s, err)
		assert.Len(s, due, 1, "the wake is kept")
	}
	s.verifyChain(s, k)
}

// unencoded is a record as a lender takes it.
type unencoded string

func (r unencoded) JSON() ([]byte, error) { return []byte(r), nil }

func checkUnencoded(s *storeSuite) {
	k := itsm.Key{Tenant: "h1", Kind: "order", ID: "A"}
	put := func(before store.Snapshot, edit func(*store.Put)) store.Batch {
		return next(before, func(p *store.Put, _ *itsm.Event) {
			p.Data, p.Record, p.Index = nil, unencoded(`{"a":1}`), []itsm.IndexEntry{entry("name", itsm.TextOf("x"))}
			edit(p)
		})
	}
	twice := put(fresh(itsm.Key{Tenant: "h1", Kind: "order", ID: "B"}), func(p *store.Put) { p.Data = []byte(`{"a":1}`) })
	s.refused(twice, "a record is either encoded or not", itsm.ErrInvalid)
	b := put(fresh(k), func(*store.Put) {})
	err := s.try(s, b)
	if _, ok := s.db.(store.Lender); !ok && errors.Is(err, itsm.ErrInvalid) {
		assert.Zero(s, s.load(s, k)[0].Seq, "a batch that fails leaves nothing behind")
		return
	}
	require.NoError(s, err)
	q := itsm.Query{Tenant: "h1", Kind: "order", Where: []itsm.Condition{itsm.Where("name", itsm.TextOf("x"))}}
	for range 2 { // as it was put, and kept
		got := s.load(s, k)[0]
		assert.Equal(s, `{"a":1}`, string(got.Data), "load gives it encoded")
		assert.Nil(s, got.Record, "load gives it encoded")
		if found := s.find(s, q); assert.Len(s, found, 1) {
			assert.Equal(s, `{"a":1}`, string(found[0].Data), "find gives it encoded")
			assert.Nil(s, found[0].Record, "find gives it encoded")
		}
		s.commit(put(got, func(p *store.Put) { p.Keep, p.Record, p.Index = true, nil, nil }))
	}
	b = next(s.load(s, k)[0], content([]byte(`{"a":2}`), nil, time.Time{}))
	assert.Equal(s, `{"a":2}`, string(s.commit(b)[0].Data), "an encoded record takes its place")
	s.verifyChain(s, k)
}

// refused checks that a batch gives an error of a class and leaves everything as it was.
func (s *storeSuite) refused(b store.Batch, why string, classes ...error) {
	s.Helper()
	before := s.picture(b)
	err := s.try(s, b)
	if assert.Error(s, err, why) && len(classes) > 0 {
		assert.True(s, isOne(err, classes...), "%s: the error must match %v, got: %v", why, classes, err)
	}
	assert.Equal(s, before, s.picture(b), "%s: a batch that fails leaves nothing behind", why)
}

// picture shows everything in the store that a batch could touch.
func (s *storeSuite) picture(b store.Batch) string {
	s.Helper()
	var out strings.Builder
	for _, k := range keysOf(b) {
		if k.Tenant != b.Tenant {
			continue
		}
		fmt.Fprintln(&out, showSnapshot(s.load(s, k)[0]))
		for _, r := range s.find(s, itsm.Query{Tenant: k.Tenant, Kind: k.Kind}) {
			fmt.Fprintln(&out, "found", showSnapshot(r))
		}
	}
	out.WriteString(showEvents(s.events(s, "", itsm.Filter{Tenant: b.Tenant})))
	return out.String()
}

func checkExpect(s *storeSuite) {
	k := itsm.Key{Tenant: "h1", Kind: "order", ID: "A"}
	gone := next(store.Snapshot{Key: k, Seq: 1, Head: itsm.Digest{1}})
	s.refused(gone, "a put behind a record that is not there", itsm.ErrConflict)
	one := s.create(k)
	s.refused(next(fresh(k)), "creating a record that is there", itsm.ErrConflict)
	two := s.commit(next(one))[0]
	late := next(one)
	s.refused(late, "a put behind a number that has passed", itsm.ErrConflict)
	ahead := two
	ahead.Seq = 7
	s.refused(next(ahead), "a put behind a number that has not come", itsm.ErrConflict)
	again := next(two, func(_ *store.Put, e *itsm.Event) { e.Command = late.Commands[0] })
	again.Commands = late.Commands
	require.NoError(s, s.try(s, again), "a command that lost a race has not used up its ID")
	assert.Len(s, s.verifyChain(s, k), 3)
}

func checkReads(s *storeSuite) {
	a, b, gone := itsm.Key{Tenant: "h1", Kind: "order", ID: "A"}, itsm.Key{Tenant: "h1", Kind: "visit", ID: "A"}, itsm.Key{Tenant: "h1", Kind: "visit", ID: "B"}
	one, two := s.create(a), s.create(b)
	with := func(prev store.Snapshot, reads ...store.Read) store.Batch {
		batch := next(prev)
		batch.Reads = reads
		return batch
	}
	s.refused(with(one, store.Read{Key: b, Seq: 2}), "a read of a number that has not come", itsm.ErrConflict)
	s.refused(with(one, store.Read{Key: b, Seq: 0}), "a read of a record that should not be there", itsm.ErrConflict)
	s.refused(with(one, store.Read{Key: gone, Seq: 1}), "a read of a record that is not there", itsm.ErrConflict)
	s.refused(with(one, store.Read{Key: b, Seq: 1}, store.Read{Key: gone, Seq: 1}), "one of two reads", itsm.ErrConflict)
	one = s.commit(with(one, store.Read{Key: b, Seq: 1}, store.Read{Key: gone, Seq: 0}))[0]
	sameSnapshot(s, two, s.load(s, b)[0], "a read writes nothing")
	s.commit(next(two))
	s.refused(with(one, store.Read{Key: b, Seq: 1}), "a read that has changed since", itsm.ErrConflict)
}

func checkCommands(s *storeSuite) {
	a, b := itsm.Key{Tenant: "h1", Kind: "order", ID: "A"}, itsm.Key{Tenant: "h1", Kind: "order", ID: "B"}
	using := func(prev store.Snapshot, ids ...itsm.CommandID) store.Batch {
		batch := next(prev, func(_ *store.Put, e *itsm.Event) { e.Command = ids[0] })
		batch.Commands = ids
		return batch
	}
	one := s.commit(using(fresh(a), "pay-1", "pay-2"))[0]
	s.refused(using(one, "pay-1"), "a command ID on the same record again", itsm.ErrExists)
	s.refused(using(fresh(b), "pay-1"), "a command ID on another record", itsm.ErrExists)
	s.refused(using(fresh(b), "pay-3", "pay-2"), "one of two command IDs", itsm.ErrExists)
	s.refused(using(fresh(a), "pay-1"), "a command given again by somebody who lost the answer", itsm.ErrExists, itsm.ErrConflict)
	s.commit(using(fresh(b), "pay-3"))
	s.commit(using(fresh(itsm.Key{Tenant: "h2", Kind: "order", ID: "A"}), "pay-1"))

	refusal := alone("h1")
	require.NoError(s, s.try(s, refusal), "an entry that stands alone")
	twice := alone("h1")
	twice.Events[0].ID = refusal.Events[0].ID
	twice.Events[0].Hash = twice.Events[0].ComputeHash()
	s.refused(twice, "an entry that stands alone, again", itsm.ErrConflict)
	again := next(one)
	again.Commands = refusal.Commands
	s.refused(again, "a command ID that was refused before", itsm.ErrExists)
}

func checkAtomic(s *storeSuite) {
	const members = 4
	keys := make([]itsm.Key, members)
	var now []store.Snapshot
	for i := range keys {
		keys[i] = itsm.Key{Tenant: "h1", Kind: itsm.Kind(fmt.Sprintf("kind-%d", i%2)), ID: itsm.ID(fmt.Sprintf("A-%d", i))}
		now = append(now, s.create(keys[i], indexed(entry("name", itsm.TextOf("before")))))
	}
	used := newCommand()
	last := next(fresh(itsm.Key{Tenant: "h1", Kind: "kind-0", ID: "used"}))
	last.Commands = append(last.Commands, used)
	s.commit(last)
	whole := func() store.Batch {
		batches := make([]store.Batch, members, members+1)
		for i := range batches {
			batches[i] = next(now[i], indexed(entry("name", itsm.TextOf("after"))), woken(start))
		}
		return join(append(batches, alone("h1"))...)
	}
	for i := range members {
		b := whole()
		stale := now[i]
		stale.Seq = 9
		bad := next(stale)
		b.Puts[i], b.Events[i] = bad.Puts[0], bad.Events[0]
		s.refused(b, fmt.Sprintf("put %d of %d is stale", i+1, members), itsm.ErrConflict)

		b = whole()
		b.Commands[i] = used
		s.refused(b, fmt.Sprintf("command ID %d of %d was used", i+1, members), itsm.ErrExists)
	}
	b := whole()
	b.Reads = []store.Read{{Key: itsm.Key{Tenant: "h1", Kind: "kind-1", ID: "nobody"}, Seq: 3}}
	s.refused(b, "the only read is stale", itsm.ErrConflict)

	s.commit(whole())
	for _, k := range keys {
		assert.Len(s, s.verifyChain(s, k), 2)
	}
	assert.Len(s, s.find(s, itsm.Query{Tenant: "h1", Kind: "kind-0", Where: []itsm.Condition{itsm.Where("name", itsm.TextOf("after"))}}), 2)
}

func checkInvalid(s *storeSuite) {
	k := itsm.Key{Tenant: "h1", Kind: "order", ID: "A"}
	one := s.create(k)
	foreign := next(fresh(itsm.Key{Tenant: "h2", Kind: "order", ID: "A"}))
	b := join(next(one), foreign)
	b.Tenant = "h1"
	s.refused(b, "a record of another tenant", itsm.ErrInvalid)
	b = next(one)
	b.Reads = []store.Read{{Key: itsm.Key{Tenant: "h2", Kind: "order", ID: "A"}}}
	s.refused(b, "a read of another tenant", itsm.ErrInvalid)
	b = next(one)
	b.Puts = append(b.Puts, b.Puts[0])
	s.refused(b, "a record put twice", itsm.ErrInvalid)
	b = next(one)
	b.Events = append(b.Events, b.Events[0])
	s.refused(b, "an entry twice", itsm.ErrInvalid)
	b = next(one)
	b.Events[0].Seq = 5
	s.refused(b, "an entry that leaves a gap", itsm.ErrInvalid)
	b = next(one)
	b.Commands = append(b.Commands, b.Commands[0])
	s.refused(b, "a command ID twice", itsm.ErrInvalid, itsm.ErrExists)
}

func checkOwnership(s *storeSuite) {
	k := itsm.Key{Tenant: "h1", Kind: "order", ID: "A"}
	b := next(fresh(k), content([]byte(`{"a":"original"}`), []itsm.IndexEntry{entry("name", itsm.TextOf("original"))}, start), personal([]byte(`{"a":"original"}`)))
	want, wantEvents := cloneSnapshot(b.Puts[0].Snapshot), []itsm.Event{cloneEvent(b.Events[0])}
	require.NoError(s, s.db.Commit(s.ctx, b))
	spoil := func(x []byte) { copy(x, bytes.Repeat([]byte{'!'}, len(x))) }
	spoilSnapshot := func(r store.Snapshot) {
		spoil(r.Data)
		_ = append(r.Data, "!!!!"...)
	}
	check := func(why string) {
		s.Helper()
		sameSnapshot(s, want, s.load(s, k)[0], why+": load")
		hits := s.find(s, itsm.Query{Tenant: "h1", Kind: "order", Where: []itsm.Condition{itsm.Where("name", itsm.TextOf("original"))}})
		if assert.Len(s, hits, 1, why+": find") {
			sameSnapshot(s, want, hits[0], why+": find")
		}
		sameEvents(s, wantEvents, s.events(s, "", itsm.Filter{Tenant: "h1"}), why+": events")
	}
	spoilSnapshot(b.Puts[0].Snapshot)
	b.Puts[0].Index[0] = entry("spoiled", itsm.TextOf("!"))
	spoil(b.Events[0].Data)
	spoil(b.Events[0].Personal)
	b.Puts[0], b.Events[0], b.Commands[0] = store.Put{}, itsm.Event{}, "spoiled"
	check("the batch was changed after the commit")
	spoilSnapshot(s.load(s, k)[0])
	check("the result of load was changed")
	spoilSnapshot(s.find(s, itsm.Query{Tenant: "h1", Kind: "order"})[0])
	check("the result of find was changed")
	e := s.events(s, "", itsm.Filter{Tenant: "h1"})[0]
	spoil(e.Data)
	spoil(e.Personal)
	check("the result of events was changed")
}

func checkCounter(s *storeSuite) {
	k := itsm.Key{Tenant: "h1", Kind: "series", ID: "INC-20260214"}
	to := func(from, to uint64) store.Batch {
		return store.Batch{Tenant: "h1", Puts: []store.Put{{Expect: from, Snapshot: store.Snapshot{Key: k, Seq: to, Recorded: start, Data: fmt.Appendf(nil, `{"n":%d}`, to)}}}}
	}
	require.NoError(s, s.try(s, to(0, 1)), "a put without entries writes a counter")
	require.NoError(s, s.try(s, to(1, 33)), "a counter may leap")
	s.refused(to(1, 65), "a counter at the wrong number", itsm.ErrConflict)
	sameSnapshot(s, to(1, 33).Puts[0].Snapshot, s.load(s, k)[0], "the counter")
	assert.Empty(s, s.events(s, "", itsm.Filter{Tenant: "h1"}), "a counter has no journal")

	require.NoError(s, s.try(s, store.Batch{Tenant: "h1", Reads: []store.Read{{Key: k, Seq: 33}}}), "a batch of reads alone asks whether they hold")
	s.refused(store.Batch{Tenant: "h1", Reads: []store.Read{{Key: k, Seq: 1}}}, "a batch of reads alone that do not hold", itsm.ErrConflict)
}

// checkHistory runs random batches, good and bad, against the store and the plain one.
func checkHistory(s *storeSuite) {
	rapid.Check(s, func(t *rapid.T) {
		tenant, plain := newTenant(), newPlainDB()
		keys := make([]itsm.Key, 4)
		for i := range keys {
			keys[i] = itsm.Key{Tenant: tenant, Kind: []itsm.Kind{"order", "visit"}[i%2], ID: itsm.ID(fmt.Sprintf("A-%d", i/2))}
		}
		past := []store.Snapshot{} // of every version there ever was
		for _, k := range keys {
			past = append(past, fresh(k))
		}
		var used []itsm.CommandID
		for range rapid.IntRange(1, 10).Draw(t, "batches") {
			var members []store.Batch
			for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(keys)-1), 1, 3, rapid.ID).Draw(t, "keys") {
				prev := plain.records[keys[i]].Snapshot
				prev.Key = keys[i]
				if rapid.IntRange(0, 7).Draw(t, "stale") == 0 {
					prev = rapid.SampledFrom(past).Filter(func(p store.Snapshot) bool { return p.Key == keys[i] }).Draw(t, "version")
				}
				b := next(prev, indexed(entry("name", itsm.TextOf(rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "name")))))
				if prev.Seq > 0 && rapid.IntRange(0, 4).Draw(t, "keep") == 0 {
					b.Puts[0].Keep = true
				}
				if rapid.IntRange(0, 2).Draw(t, "personal") == 0 {
					b = next(prev, personal([]byte(`{"caller":"王小明"}`)))
				}
				if prev.Seq > 0 && !s.except[NoErase] && rapid.IntRange(0, 5).Draw(t, "erase") == 0 {
					b.Erase = append(b.Erase, prev.Key)
				}
				members = append(members, b)
			}
			if rapid.IntRange(0, 5).Draw(t, "alone") == 0 {
				members = append(members, alone(tenant))
			}
			b := join(members...)
			if rapid.IntRange(0, 3).Draw(t, "read") == 0 {
				k := rapid.SampledFrom(keys).Draw(t, "read key")
				if !slices.Contains(keysOf(b), k) {
					b.Reads = append(b.Reads, store.Read{Key: k, Seq: uint64(rapid.IntRange(0, 3).Draw(t, "read seq"))})
				}
			}
			if len(used) > 0 && rapid.IntRange(0, 7).Draw(t, "reuse") == 0 {
				b.Commands[0] = rapid.SampledFrom(used).Draw(t, "used")
			}
			b.Owned = rapid.IntRange(0, 3).Draw(t, "owned") == 0
			want := plain.Commit(s.ctx, b)
			got := s.try(t, b)
			if (want == nil) != (got == nil) || want != nil && !isOne(got, itsm.ErrConflict, itsm.ErrExists, itsm.ErrInvalid) {
				t.Fatalf("commit gave %v, the plain store %v", got, want)
			}
			if got == nil {
				used = append(used, b.Commands...)
				for _, p := range b.Puts {
					past = append(past, plain.records[p.Key].Snapshot)
				}
			}
			want2, _ := plain.Load(s.ctx, keys...)
			for i, r := range s.load(t, keys...) {
				sameSnapshot(t, want2[i], r, "load")
			}
		}
		for _, kind := range []itsm.Kind{"order", "visit"} {
			q := itsm.Query{Tenant: tenant, Kind: kind, OrderBy: "name"}
			want, got := collect(t, "find", plain.Find(s.ctx, q)), s.find(t, q)
			if assert.Len(t, got, len(want)) {
				for i := range want {
					sameSnapshot(t, want[i], got[i], "find")
				}
			}
		}
		for _, k := range keys {
			f := itsm.Filter{Tenant: tenant, Kind: k.Kind, ID: k.ID}
			sameEvents(t, collect(t, "events", plain.Events(s.ctx, "", f)), s.verifyChain(t, k), "the journal of "+k.String())
		}
		assert.Len(t, s.events(t, "", itsm.Filter{Tenant: tenant}), len(plain.journal), "the journal of the tenant")
	})
}
