package main

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/scheduler"
	"github.com/hospital-itsm/itsm/store/memory"
)

// A shift is a desk with one worker, whose clock is set by the test.
type shift struct {
	*desk
	clock  *itsmtest.Clock
	world  *world
	worker *worker
	sched  *scheduler.Scheduler
}

func newShift(t testing.TB, seed uint64) *shift {
	t.Helper()
	d := newDesk(t, memory.New())
	s := &shift{desk: d, clock: itsmtest.NewClock(beginning)}
	s.clock.Step(time.Millisecond)
	s.world = d.world(s.clock.Now)
	s.worker = &worker{world: s.world, shared: new(pool), rng: rand.New(rand.NewPCG(seed, 0)), tenant: "h1", prefix: "c-"}
	var err error
	s.sched, err = s.world.scheduler(scheduler.Config{})
	require.NoError(t, err)
	return s
}

// do does an op and keeps its answer.
func (s *shift) do(o op) []incident.Incident {
	s.Helper()
	require.NoError(s, s.take(&line{Begin: &o}))
	a, after, err := s.world.give(s.Context(), &o)
	require.NoError(s, err, "%s", o.Do)
	require.NoError(s, s.take(&line{End: &a}))
	s.worker.learn(&o, &a, after)
	return after
}

func (s *shift) pass() scheduler.Report {
	s.Helper()
	r, err := s.sched.Tick(s.Context())
	require.NoError(s, err)
	require.Empty(s, r.Failures)
	return r
}

// judge checks everything, as after a crash, once the clock stands at an instant.
func (s *shift) judge(at time.Time) {
	s.Helper()
	s.clock.Step(0)
	s.clock.Set(at)
	s.pass()
	require.NoError(s, s.check(s.Context(), s.world))
	require.NoError(s, s.sealed(s.Context(), s.world))
	require.NoError(s, s.everything(s.Context(), s.world, at))
	require.True(s, s.clean(), "%v %s", s.First, s.Chain)
}

func TestClock(t *testing.T) {
	t.Parallel()

	t.Run("F-X-6 INV-02 however the clock is set, journals stay in order, records stay what they lead to, and what is due happens once", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			s := newShift(t, rapid.Uint64().Draw(rt, "seed"))
			latest := beginning
			for range rapid.IntRange(1, 6).Draw(rt, "jumps") {
				for range rapid.IntRange(0, 12).Draw(rt, "ops") {
					s.do(s.worker.choose())
				}
				if now := s.clock.Now(); now.After(latest) {
					latest = now
				}
				s.pass()
				s.clock.Add(time.Duration(rapid.Int64Range(int64(-48*time.Hour), int64(48*time.Hour)).Draw(rt, "jump")))
				s.pass()
				require.NoError(s, s.check(s.Context(), s.world))
			}
			if now := s.clock.Now(); now.After(latest) {
				latest = now
			}
			s.judge(latest.Add(time.Minute))
		})
	})

	t.Run("F-X-6 while the clock is set back nothing is woken, and nothing is woken twice when it catches up", func(t *testing.T) {
		t.Parallel()
		s := newShift(t, 1)
		inc := s.do(op{ID: "r", Do: doRecord, Tenant: "h1"})[0]
		s.do(op{ID: "t", Do: doTriage, Tenant: "h1", On: inc.ID, Level: 2})
		until := s.clock.Now().Add(time.Hour).Truncate(time.Microsecond)
		s.do(op{ID: "o", Do: doOverride, Tenant: "h1", On: inc.ID, Level: 1, Until: until})
		s.clock.Add(2 * time.Minute)
		s.pass()
		before := s.journal("h1", inc.ID)

		s.clock.Add(-30 * 24 * time.Hour)
		assert.Zero(t, s.pass().Woken)
		assert.Equal(t, before, s.journal("h1", inc.ID))
		s.do(op{ID: "c", Do: doContact, Tenant: "h1", On: inc.ID})
		after := s.journal("h1", inc.ID)
		require.Len(t, after, len(before)+1)
		last := after[len(after)-1]
		assert.Equal(t, before[len(before)-1].Recorded, last.Recorded, "what is recorded later is not recorded earlier")
		assert.Equal(t, last.Recorded, last.At)

		s.clock.Set(until.Add(time.Second))
		s.pass()
		s.pass()
		ended := 0
		for _, ev := range s.journal("h1", inc.ID) {
			if ev.Type == (incident.OverrideEnded{}).EventType() {
				ended++
			}
		}
		assert.Equal(t, 1, ended)
		s.judge(until.Add(time.Minute))
	})

	t.Run("a clock set forward a month wakes everything in due order in one pass, and set back again nothing twice", func(t *testing.T) {
		t.Parallel()
		s := newShift(t, 3)
		for range 60 {
			s.do(s.worker.choose())
		}
		due, err := s.db.Due(t.Context(), incident.Kind, time.Time{}, 0)
		require.NoError(t, err)
		require.Greater(t, len(due), 3)
		var want, got []itsm.ID
		for _, w := range due {
			want = append(want, w.Key.ID)
		}
		there := s.clock.Now()
		s.clock.Add(31 * 24 * time.Hour)
		assert.GreaterOrEqual(t, s.pass().Woken, len(due))
		for _, ev := range s.journal("", "") {
			if ev.CommandName == (incident.Tick{}).CommandName() && !slices.Contains(got, ev.ID) && slices.Contains(want, ev.ID) {
				got = append(got, ev.ID)
			}
		}
		assert.Equal(t, want, got)
		s.clock.Set(there)
		assert.Zero(t, s.pass().Woken)
		s.judge(there.Add(31*24*time.Hour + time.Minute))
	})
}

// journal lists entries; those of one record in their order.
func (s *shift) journal(tenant itsm.Tenant, id itsm.ID) (all []itsm.Event) {
	s.Helper()
	f := itsm.Filter{Tenant: tenant, ID: id}
	if id != "" {
		f.Kind = incident.Kind
	}
	for ev, err := range s.db.Events(s.Context(), "", f) {
		require.NoError(s, err)
		all = append(all, ev)
	}
	return all
}
