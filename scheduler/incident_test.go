package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/scheduler"
	"github.com/hospital-itsm/itsm/sla"
)

// A ward is a bench with a service desk.
type ward struct {
	*bench
	*incident.Service
	ctx context.Context
}

func desk(t testing.TB) *ward {
	w := &ward{bench: setup(t)}
	cfg := incident.Config{Agreements: incident.DefaultAgreements()}
	cfg.Clock = w.clock.Now
	lenient := incident.Lenient()
	cfg.Policy = &lenient
	var err error
	w.Service, err = incident.New(incident.NewRepository(w.db), cfg)
	require.NoError(t, err)
	w.ctx = itsm.WithActor(context.Background(), itsm.Actor{ID: "u-1", Tenant: "h1", Roles: []itsm.Role{itsm.RoleImporter}})
	return w
}

func (w *ward) give(id itsm.ID, cmds ...itsm.Command) itsm.ID {
	w.Helper()
	for _, cmd := range cmds {
		inc, err := w.Do(w.ctx, id, cmd)
		require.NoError(w, err, "%T", cmd)
		id = inc.ID
	}
	return id
}

// story takes in incidents on which time has something to do for days.
func (w *ward) story() (ids []itsm.ID) {
	w.Helper()
	report := incident.Record{Channel: incident.Phone, Caller: incident.Caller{Department: "fee", Phone: "8001"}, Summary: "the printer is silent"}
	hard := incident.Triage{Impact: incident.ImpactDepartment, Urgency: incident.UrgencyNow, Service: "his-opd"}
	soft := incident.Triage{Impact: incident.ImpactSeveral, Urgency: incident.UrgencyToday}
	work := []itsm.Command{incident.Dispatch{Group: "hardware"}, incident.Start{}}
	now := w.clock.Now()

	ids = append(ids, w.give("", report, hard))
	w.clock.Add(time.Minute)
	ids = append(ids, w.give("", append([]itsm.Command{report, hard}, work...)...))
	w.clock.Add(time.Minute)
	ids = append(ids, w.give(w.give("", append([]itsm.Command{report, soft}, work...)...),
		incident.Hold{Reason: incident.WaitSpare, Review: now.Add(30 * time.Hour), Bump: incident.Bump{Every: 24 * itsm.Hour, Count: 3}}))
	w.clock.Add(time.Minute)
	ids = append(ids, w.give(w.give("", append([]itsm.Command{report, soft}, work...)...),
		incident.OverridePriority{Priority: 1, Why: "the board is waiting", Until: now.Add(20 * time.Hour)}))
	w.clock.Add(time.Minute)
	return ids
}

func (w *ward) wake(cfg scheduler.Config) *scheduler.Scheduler {
	return w.scheduler(cfg, scheduler.Wake(w.Service, incident.Tick{}))
}

// told lists what time has brought about, as incident, clock, and rung.
func (w *ward) told() (lines []string) {
	w.Helper()
	for _, ev := range w.journal() {
		if ev.Kind != incident.Kind || ev.CommandName != "incident.tick" {
			continue
		}
		require.NoError(w, w.Decode(&ev))
		moved, ok := ev.Payload.(incident.ClocksMoved)
		if !ok {
			lines = append(lines, fmt.Sprintf("%s %s %s", ev.ID, ev.Type, ev.Data))
			continue
		}
		for _, e := range moved.Events {
			if e.Kind == sla.KindRung || e.Kind == sla.KindBreach {
				lines = append(lines, fmt.Sprintf("%s clock %d %s %s %d due %s", ev.ID, e.Clock, e.Kind, e.Rung, e.Nth, e.At.Format(time.RFC3339)))
			}
		}
	}
	return lines
}

// rungs are the lines of told that say that a rung was reached or a goal passed, sorted.
func rungs(lines []string) []string {
	lines = slices.DeleteFunc(slices.Clone(lines), func(l string) bool {
		var id, what string
		_, err := fmt.Sscan(l, &id, &what)
		return err != nil || what != "clock"
	})
	slices.Sort(lines)
	return lines
}

const days = 5 * 24 * time.Hour

// onTime is what is told when somebody looks every minute.
func onTime(t testing.TB) []string {
	w := desk(t)
	w.story()
	s := w.wake(scheduler.Config{})
	for end := w.clock.Now().Add(days); !w.clock.Now().After(end); w.clock.Add(time.Minute) {
		w.pass(s)
	}
	return w.told()
}

func TestIncidents(t *testing.T) {
	t.Parallel()
	want := onTime(t)
	require.Greater(t, len(rungs(want)), 10, "there is something to compare with")

	t.Run("F-SLA-11 sleeping from wake to wake tells each rung at its time, as a look every minute does", func(t *testing.T) {
		t.Parallel()
		w := desk(t)
		w.story()
		s := w.wake(scheduler.Config{})
		begin := w.clock.Now()
		// Sleeping from one wake to the next, as Run does.
		for end := w.clock.Now().Add(days); ; {
			r := w.pass(s)
			if r.Next.IsZero() || r.Next.After(end) {
				break
			}
			require.True(t, r.Next.After(w.clock.Now()), "a pass leaves nothing behind")
			w.clock.Set(r.Next)
		}
		assert.Equal(t, rungs(want), rungs(w.told()))
		for _, ev := range w.journal("incident.clocks_moved") {
			require.NoError(t, w.Decode(&ev))
			for _, e := range ev.Payload.(incident.ClocksMoved).Events {
				if e.Kind == sla.KindRung && ev.CommandName == "incident.tick" {
					told := e.At
					if told.Before(begin) {
						told = begin
					}
					assert.Equal(t, told, ev.At, "%s of clock %d", e.Rung, e.Clock)
				}
			}
		}
	})

	t.Run("F-X-6 after five days of standstill all that was due happens in one pass, the longest overdue incident first", func(t *testing.T) {
		t.Parallel()
		w := desk(t)
		w.story()
		var order []itsm.ID // of the first wakes
		due, err := w.inner.Due(context.Background(), incident.Kind, time.Time{}, 0)
		require.NoError(t, err)
		for _, d := range due {
			order = append(order, d.Key.ID)
		}
		require.Len(t, order, 4)
		w.clock.Add(days)
		r := w.pass(w.wake(scheduler.Config{}))
		assert.GreaterOrEqual(t, r.Woken, 4)
		assert.Greater(t, r.Late, days-time.Hour)
		var got []itsm.ID
		for _, ev := range w.journal() {
			if ev.CommandName == "incident.tick" && !slices.Contains(got, ev.ID) {
				got = append(got, ev.ID)
			}
		}
		assert.Equal(t, order, got)
		assert.Len(t, w.journal("incident.bumped"), 3)
		assert.Len(t, w.journal("incident.hold_review_due"), 1)
		assert.Len(t, w.journal("incident.override_ended"), 1)
	})

	t.Run("F-SLA-11 each rung is told once, by schedulers side by side", func(t *testing.T) {
		t.Parallel()
		w := desk(t)
		w.story()
		for range 5 {
			w.clock.Add(days / 5)
			together(3, func(int) {
				_, err := w.wake(scheduler.Config{Workers: 2}).Tick(context.Background())
				assert.NoError(t, err)
			})
		}
		once(t, w.told())
	})

	t.Run("F-SLA-11 each rung is told once, though answers are lost and schedulers are killed", func(t *testing.T) {
		t.Parallel()
		lost := errors.New("the connection was lost")
		for n := range 8 {
			w := desk(t)
			w.story()
			s := w.wake(scheduler.Config{})
			for range 6 {
				w.clock.Add(time.Duration(1+7*n) * time.Hour)
				w.db.FailAfter(1+n%4, lost)
				w.tick(s)
				if n >= 4 {
					s = w.wake(scheduler.Config{})
				}
			}
			w.clock.Add(days)
			for range 5 {
				w.tick(s)
				w.clock.Add(time.Minute)
			}
			once(t, w.told())
			for _, ev := range w.journal("incident.recorded") {
				require.NoError(t, w.Verify(w.ctx, ev.ID))
			}
		}
	})
}

// once checks that a rung or breach is told once for a clock.
func once(t require.TestingT, lines []string) {
	got := rungs(lines)
	require.NotEmpty(t, got)
	require.Equal(t, slices.Compact(slices.Clone(got)), got)
}

func TestMajorIncident(t *testing.T) {
	t.Parallel()
	t.Run("R-184 standing down a major incident opens one problem, unless one is linked", func(t *testing.T) {
		t.Parallel()
		w := desk(t)
		problems := w.alarms("problem")
		job := scheduler.On("problem-of-major", w.Service, func(ctx context.Context, ev itsm.Event, e incident.MajorStoodDown) error {
			if !e.NewProblem {
				return nil
			}
			problem, err := scheduler.Do(ctx, problems, "", set{}, itsm.Because("major incident "+string(ev.ID)))
			if err != nil {
				return err
			}
			_, err = scheduler.Do(ctx, w.Service, ev.ID, incident.Link{Problem: problem.ID})
			return err
		})
		ids := w.story()
		w.give(ids[0], incident.Link{Problem: "PRB-1"})
		for _, id := range ids[:2] {
			w.give(id, incident.ProposeMajor{Why: "the whole department stands still"},
				incident.DeclareMajor{Impact: "no fees are taken", Manager: "u-1", Communicator: "u-2", Scribe: "u-3", Message: "we are on it"},
				incident.StandDownMajor{Message: "it works again"})
		}
		w.db.FailAfter(3, errors.New("the connection was lost"))
		for range 3 {
			together(2, func(int) {
				_, err := w.scheduler(scheduler.Config{}, job).Tick(context.Background())
				assert.NoError(t, err)
			})
			w.clock.Add(time.Minute)
		}
		opened := w.journal("alarm.set")
		require.Len(t, opened, 1)
		assert.Equal(t, "major incident "+string(ids[1]), opened[0].Reason)
		linked, err := w.Get(w.ctx, ids[1])
		require.NoError(t, err)
		assert.Equal(t, opened[0].ID, linked.Problem)
		assert.Len(t, w.journal("incident.linked"), 2, "one by hand, one by the reaction")
		events := w.journal("incident.linked")
		assert.Equal(t, itsm.PersonID("system/scheduler"), events[1].Actor)
	})
}
