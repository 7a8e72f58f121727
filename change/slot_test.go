package change_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/change"
	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

// meanwhile is a store in which something else is done, once: when a command has read everything and is about to commit, or
// when it has just looked for other changes.
type meanwhile struct {
	store.DB
	do, searched func()
}

func (m *meanwhile) Find(ctx ctx, q itsm.Query) iter.Seq2[store.Snapshot, error] {
	return func(yield func(store.Snapshot, error) bool) {
		for s, err := range m.DB.Find(ctx, q) {
			if !yield(s, err) {
				return
			}
		}
		if do := m.searched; do != nil && q.Kind == change.Kind {
			m.searched = nil
			do()
		}
	}
}

func (m *meanwhile) Commit(ctx ctx, b store.Batch) error {
	if do := m.do; do != nil {
		m.do = nil
		do()
	}
	return m.DB.Commit(ctx, b)
}

// together is a store in which commits wait until as many as announced have arrived: all have read before any of them is written.
type together struct {
	store.DB
	mu      sync.Mutex
	missing int
	all     chan struct{}
}

func (m *together) expect(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.missing, m.all = n, make(chan struct{})
}

func (m *together) Commit(ctx ctx, b store.Batch) error {
	m.mu.Lock()
	all := m.all
	if m.missing > 0 {
		if m.missing--; m.missing == 0 {
			close(all)
		}
	} else {
		all = nil
	}
	m.mu.Unlock()
	if all != nil {
		<-all
	}
	return m.DB.Commit(ctx, b)
}

// pair says that one of two application servers must stay up.
type pair struct{}

func (pair) Reach(_ ctx, _ itsm.Tenant, items []itsm.Ref) (affected []itsm.Ref, groups []change.Group, err error) {
	g := change.Group{Name: "pair", Need: 1, Members: []itsm.Ref{item("emr-1"), item("emr-2")}}
	if slices.Contains(items, g.Members[0]) || slices.Contains(items, g.Members[1]) {
		groups = append(groups, g)
	}
	return nil, groups, nil
}

// on makes a request that collides with others on nothing but what is said.
func on(server itsm.ID, who itsm.PersonID, apart ...itsm.ID) func(*change.Raise) {
	return func(r *change.Raise) {
		r.Items, r.Plan.Implementer, r.Apart = []itsm.Ref{item(server)}, who, apart
		r.Plan.Steps = slices.Clone(r.Plan.Steps)
		for i := range r.Plan.Steps {
			r.Plan.Steps[i].Operator = who
		}
	}
}

func TestAtTheSameInstant(t *testing.T) {
	t.Parallel()
	templated := func(t *testing.T, db store.DB) *office {
		o := openOn(t, db, change.Config{Impact: pair{}})
		adopt(t, o.Service, "CHT-1", templateContent(), engineer, manager)
		return o
	}
	cases := []struct {
		kind change.ConflictKind
		two  func(o *office) (itsm.ID, itsm.ID)
	}{
		{change.SameItem, func(o *office) (itsm.ID, itsm.ID) {
			return o.standard(on("emr-3", "p")), o.standard(on("emr-3", "q"))
		}},
		{change.SameResource, func(o *office) (itsm.ID, itsm.ID) {
			return o.standard(on("emr-3", "p")), o.standard(on("emr-4", "p"))
		}},
		{change.Redundancy, func(o *office) (itsm.ID, itsm.ID) {
			return o.standard(on("emr-1", "p")), o.standard(on("emr-2", "q"))
		}},
		{change.Forbidden, func(o *office) (itsm.ID, itsm.ID) {
			named := o.standard(on("emr-3", "p"))
			return named, o.standard(on("emr-4", "q", named))
		}},
		{change.Order, func(o *office) (itsm.ID, itsm.ID) {
			named := o.standard(on("emr-3", "p"))
			return named, o.standard(on("emr-4", "q"), func(r *change.Raise) { r.After = []itsm.ID{named} })
		}},
	}
	for _, c := range cases {
		for i := range 4 {
			swapped, searched := i&1 != 0, i&2 != 0
			t.Run(fmt.Sprintf("%s: of two that are approved at once, the later one sees the other (swapped: %t, right after the search: %t)", c.kind, swapped, searched), func(t *testing.T) {
				t.Parallel()
				db := &meanwhile{DB: memory.New()}
				o := templated(t, db)
				slow, quick := c.two(o)
				if swapped {
					slow, quick = quick, slow
				}
				other := func() { o.do(engineer, quick, change.Preapprove{}) }
				if searched {
					db.searched = other
				} else {
					db.do = other
				}
				refused := o.refused(engineer, slow, change.Preapprove{})
				require.True(t, db.do == nil && db.searched == nil, "the other went in between")
				require.Equal(t, []string{"change.conflict"}, codes(refused))
				assert.Equal(t, string(c.kind), refused.Reasons[0].Arg("kind"))
				assert.Equal(t, string(quick), refused.Reasons[0].Arg("with"))
				assert.Equal(t, change.StateApproved, o.get(quick).State)
				o.do(manager, quick, change.Cancel{Why: "w"})
				o.do(engineer, slow, change.Preapprove{})
			})
		}
	}
	t.Run("of many that are approved at once on one item, one is", func(t *testing.T) {
		t.Parallel()
		db := &together{DB: memory.New()}
		o := templated(t, db)
		var ids []itsm.ID
		for i := range 4 {
			ids = append(ids, o.standard(on("emr-3", itsm.PersonID(fmt.Sprint("p", i)))))
		}
		db.expect(len(ids))
		errs := make([]error, len(ids))
		var wg sync.WaitGroup
		for i, id := range ids {
			wg.Go(func() { _, errs[i] = o.Do(engineer, id, change.Preapprove{}) })
		}
		wg.Wait()
		passed := slices.Index(errs, nil)
		require.GreaterOrEqual(t, passed, 0)
		for i, err := range errs {
			if i != passed {
				var refused *itsm.RefusedError
				require.ErrorAs(t, err, &refused)
				assert.Equal(t, []string{"change.conflict"}, codes(refused))
				assert.Equal(t, string(ids[passed]), refused.Reasons[0].Arg("with"))
			}
		}
		o.sameSlots(t)
	})
	t.Run("of two that ask for approval at once, those who decide about the later one are told of the other", func(t *testing.T) {
		t.Parallel()
		db := &meanwhile{DB: memory.New()}
		o := openOn(t, db, change.Config{})
		slow, quick := o.at(change.StateTesting, on("emr-3", "p")), o.at(change.StateTesting, on("emr-3", "q"))
		for _, id := range []itsm.ID{slow, quick} {
			o.do(engineer, id, change.RecordTest{Ref: "test-7", Cases: 40})
		}
		db.do = func() { o.do(manager, quick, change.RequestApproval{}) }
		c := o.do(manager, slow, change.RequestApproval{})
		require.Len(t, c.Conflicts, 1)
		assert.Equal(t, []itsm.ID{quick}, c.Conflicts[0].With)
		assert.Empty(t, o.get(quick).Conflicts)
	})
	t.Run("two are scheduled at once: without a waiver neither is, and with one the one that has it", func(t *testing.T) {
		t.Parallel()
		for _, first := range []int{0, 1} {
			db := &meanwhile{DB: memory.New()}
			o := openOn(t, db, change.Config{})
			ids := []itsm.ID{o.at(change.StateApproved, on("emr-3", "p")), o.at(change.StateApproved, on("emr-3", "q"))}
			slow, quick := ids[first], ids[1-first]
			with := func(e *itsm.RefusedError) string {
				require.Equal(t, []string{"change.conflict"}, codes(e))
				return e.Reasons[0].Arg("with")
			}
			db.do = func() { assert.Equal(t, string(slow), with(o.refused(manager, quick, change.Schedule{}))) }
			assert.Equal(t, string(quick), with(o.refused(manager, slow, change.Schedule{})))
			o.do(manager, ids[0], change.Waive{Key: "same_item:ci/emr-3:" + string(ids[1]), Why: "one reboot for both"})
			schedule := func(id itsm.ID) {
				if id == ids[0] {
					o.do(manager, id, change.Schedule{})
				} else {
					assert.Equal(t, string(ids[0]), with(o.refused(manager, id, change.Schedule{})))
				}
			}
			db.do = func() { schedule(quick) }
			schedule(slow)
			assert.Equal(t, change.StateScheduled, o.get(ids[0]).State)
			assert.Equal(t, change.StateApproved, o.get(ids[1]).State)
		}
	})
	t.Run("of two starts, that of the later one is decided by what the work of the first has become when it is committed", func(t *testing.T) {
		t.Parallel()
		db := &meanwhile{DB: memory.New()}
		o := openOn(t, db, change.Config{})
		next := o.at(change.StateScheduled, on("emr-3", "engineer"), func(r *change.Raise) {
			r.Window = change.Window{Start: window.End, End: window.End.Add(5 * time.Hour)}
		})
		o.do(manager, next, change.Announce{To: []string{"wards"}})
		late := o.at(change.StateScheduled, on("emr-3", "engineer"))
		o.advance(late, change.StateImplementing)
		o.do(engineer, late, change.Fail{Why: "w"})
		o.do(engineer, late, change.BackOut{})
		o.now = window.End.Add(10 * time.Minute)
		refused := o.refused(engineer, next, change.Start{})
		assert.Equal(t, []string{"change.conflict", "change.conflict"}, codes(refused), "item and engineer are still taken")
		assert.Equal(t, string(late), refused.Reasons[0].Arg("with"))
		db.do = func() { o.do(engineer, late, change.Restore{Verified: "order test"}) }
		o.do(engineer, next, change.Start{}) // it would have been refused on grounds that have passed
		o.sameSlots(t)
	})
}

// derived are the slots as they follow from the changes.
func (o *office) derived(t require.TestingT) map[string]map[itsm.ID]change.Span {
	want := map[string]map[itsm.ID]change.Span{}
	for c, err := range o.Find(manager, itsm.Query{}) {
		require.NoError(t, err)
		switch c.State {
		case change.StateAwaiting, change.StateApproved, change.StateScheduled, change.StateImplementing, change.StateFailed, change.StateBackingOut:
		default:
			continue
		}
		add := func(key string) {
			if want[key] == nil {
				want[key] = map[itsm.ID]change.Span{}
			}
			want[key][c.ID] = change.Span{Start: c.Window.Start.Add(-c.Window.Lead.Std()), End: c.Window.End.Add(c.Window.Reserve.Std())}
		}
		for _, i := range c.Items {
			add("i:" + i.String())
		}
		add("x:" + string(c.Implementer))
		for _, s := range c.Steps {
			add("x:" + string(s.Operator))
		}
		for _, id := range slices.Concat(c.After, c.Apart) {
			add("c:" + string(id))
		}
	}
	return want
}

// sameSlots compares the slots in the store with those that follow from the changes.
func (o *office) sameSlots(t require.TestingT) {
	got := map[string]map[itsm.ID]change.Span{}
	for stored, err := range change.NewSlotRepository(o.db).Find(manager, itsm.Query{Tenant: "h1", Kind: change.SlotKind}) {
		require.NoError(t, err)
		for _, b := range stored.Record.Occupied {
			if got[stored.Record.Key] == nil {
				got[stored.Record.Key] = map[itsm.ID]change.Span{}
			}
			got[stored.Record.Key][b.Change] = b.Span
		}
	}
	require.Equal(t, o.derived(t), got)
}

// waiver lets something pass that stands against a change, if there is such.
func waiver(rt *rapid.T, o *office, c *change.Change) change.Waive {
	mine := change.Booking{Change: c.ID, Span: c.Window.Occupied(), Items: c.Items, Exclusive: []string{string(c.Implementer)}, Incompatible: c.Apart}
	var booked []change.Booking
	for c, err := range o.Find(manager, itsm.Query{}) {
		require.NoError(rt, err)
		if b, ok := change.BookingOf(c); ok {
			booked = append(booked, b)
		}
	}
	if found := change.Collide(mine, booked); len(found) > 0 {
		return change.Waive{Key: rapid.SampledFrom(found).Draw(rt, "conflict").Key(), Why: "one reboot for both"}
	}
	return change.Waive{}
}

// Whatever happens to changes, in whatever order, between reading and committing, and when commits fail: the slots are what the
// changes have booked, and of two that collide one was told of the other.
func TestSlotsFollowChanges(t *testing.T) {
	t.Parallel()
	seen := map[change.State]int{}
	collided := 0
	missing := func() change.State {
		for _, s := range []change.State{change.StateScheduled, change.StateImplementing, change.StateSucceeded, change.StateBackedOut, change.StateCancelled} {
			if seen[s] == 0 {
				return s
			}
		}
		return ""
	}
	for round := 0; round < 20 && (collided == 0 || missing() != ""); round++ { // until the histories have got everywhere
		rapid.Check(t, func(rt *rapid.T) {
			faulty := itsmtest.NewFaultyDB(memory.New())
			db := &meanwhile{DB: faulty}
			o := openOn(t, db, change.Config{Impact: pair{}})
			adopt(t, o.Service, "CHT-1", templateContent(), engineer, manager)
			var ids []itsm.ID
			for range 3 {
				server := itsm.ID(fmt.Sprint("emr-", rapid.IntRange(1, 3).Draw(rt, "server")))
				who := rapid.SampledFrom([]itsm.PersonID{"engineer", "engineer", "p"}).Draw(rt, "who")
				var apart []itsm.ID
				if len(ids) > 0 && rapid.IntRange(0, 2).Draw(rt, "apart") == 0 {
					apart = ids[:1]
				}
				from := time.Duration(rapid.IntRange(0, 2).Draw(rt, "from")) * 3 * time.Hour
				ids = append(ids, o.standard(on(server, who, apart...), func(r *change.Raise) {
					r.Window = change.Window{Start: window.Start.Add(from), End: window.End.Add(from), Lead: itsm.Duration(time.Duration(rapid.IntRange(0, 1).Draw(rt, "lead")) * time.Hour)}
				}))
			}
			broken := errors.New("the disk is full")
			var act func(depth int)
			act = func(depth int) {
				id := rapid.SampledFrom(ids).Draw(rt, "id")
				c := o.get(id)
				edited := c.Request
				edited.Items = []itsm.Ref{item(itsm.ID(fmt.Sprint("emr-", rapid.IntRange(1, 3).Draw(rt, "other"))))}
				who := engineer
				if c.Implementer == "p" {
					who = as("p", itsm.RoleSoftwareEngineer)
				}
				likely := map[change.State][]itsm.Command{
					change.StateClassified:   {change.Preapprove{}, waiver(rt, o, &c)},
					change.StateApproved:     {change.Schedule{}, change.Announce{To: []string{"wards"}}},
					change.StateScheduled:    {change.Start{}, change.Announce{To: []string{"wards"}}},
					change.StateImplementing: {change.BeginStep{}, change.FinishStep{Passed: true}, change.FinishStep{Deviation: "d"}, change.Fail{Why: "w"}},
					change.StateFailed:       {change.BackOut{}},
					change.StateBackingOut:   {change.Restore{Verified: "v"}},
				}[c.State]
				cmd := rapid.SampledFrom(append(slices.Repeat(likely, 4), change.Describe{Request: edited}, change.Cancel{Why: "w"}, change.Rework{Why: "w"}, change.Tick{})).Draw(rt, "command")
				switch cmd.(type) {
				case change.Schedule, change.Rework, change.Announce:
					who = manager
				case change.Cancel, change.Describe:
					who = asker
				case change.Waive:
					who = manager
				case change.Start:
					if c.Window.Start.After(o.now) {
						o.now = c.Window.Start
					}
				}
				if depth == 0 && rapid.Bool().Draw(rt, "meanwhile") {
					db.do = func() { act(1) }
				}
				switch rapid.IntRange(0, 9).Draw(rt, "fault") {
				case 0:
					faulty.FailBefore(1, broken)
				case 1:
					faulty.FailAfter(1, broken)
				}
				_, err := o.Do(who, id, cmd)
				db.do = nil
				var refused *itsm.RefusedError
				if err != nil && !errors.Is(err, broken) && !errors.As(err, &refused) {
					rt.Fatal(err)
				}
				if c.State == change.StateImplementing && len(c.Work.Results) == 0 && rapid.Bool().Draw(rt, "to the end") {
					to := []itsm.Command{change.Fail{Why: "w"}, change.BackOut{}, change.Restore{Verified: "v"}}
					if rapid.Bool().Draw(rt, "well") {
						pass := []itsm.Command{change.BeginStep{}, change.FinishStep{Passed: true}}
						to = append(slices.Repeat(pass, len(c.Steps)), change.Succeed{})
					}
					for _, cmd := range to {
						_, _ = o.Do(who, id, cmd)
					}
				}
			}
			for range 20 {
				act(0)
				o.sameSlots(rt)
				var booked []change.Booking
				told := map[itsm.ID][]change.Conflict{}
				for _, id := range ids {
					c := o.get(id)
					seen[c.State]++
					if b, ok := change.BookingOf(c); ok {
						booked, told[id] = append(booked, b), c.Conflicts
					}
				}
				for _, b := range booked {
					for _, x := range change.Collide(b, booked) {
						collided++
						knows := func(id, of itsm.ID) bool {
							return slices.ContainsFunc(told[id], func(x change.Conflict) bool { return slices.Contains(x.With, of) })
						}
						if !knows(b.Change, x.With[0]) && !knows(x.With[0], b.Change) {
							rt.Fatalf("%s and %s collide and nobody was told: %+v", b.Change, x.With[0], x)
						}
					}
				}
			}
		})
	}
	require.Positive(t, collided, "some collide and are let pass")
	require.Empty(t, missing(), "the histories get to every state")
}
