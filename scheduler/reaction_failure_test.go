package scheduler_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/scheduler"
	"github.com/hospital-itsm/itsm/store"
)

// A handler keeps what it handles and fails as it is told.
type handler struct {
	mu   sync.Mutex
	seen []string
	fail func(ev itsm.Event) error
}

func (h *handler) job(name string) scheduler.Job {
	return scheduler.React(name, itsm.Filter{Kind: "alarm"}, func(_ context.Context, ev itsm.Event) error {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.fail != nil {
			if err := h.fail(ev); err != nil {
				return err
			}
		}
		h.seen = append(h.seen, fmt.Sprintf("%s %d", ev.ID, ev.Seq))
		return nil
	})
}

func (b *bench) unhandled(s *scheduler.Scheduler) (list []scheduler.Unhandled) {
	b.Helper()
	for u, err := range s.Unhandled(context.Background()) {
		require.NoError(b, err)
		list = append(list, u)
	}
	return list
}

var errBroken = errors.New("broken")

func TestReactionFailures(t *testing.T) {
	t.Parallel()
	t.Run("F-X-6 a failing event holds up those of its record in order, and no others", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		service := b.alarms("alarm")
		bad, good := b.do(service, "", set{}).ID, b.do(service, "", set{}).ID
		h := &handler{fail: func(ev itsm.Event) error {
			if ev.ID == bad && ev.Seq == 2 {
				return errBroken
			}
			return nil
		}}
		s := b.scheduler(scheduler.Config{}, h.job("h"))
		for range 3 {
			b.do(service, bad, arm{epoch})
			b.do(service, good, arm{epoch})
		}
		r := b.tick(s)
		require.Equal(t, 1, r.Failed)
		assert.Equal(t, 3, r.Waiting)
		assert.Equal(t, epoch.Add(time.Second), r.Next)
		f := r.Failures[0]
		assert.Equal(t, "h", f.Reaction)
		assert.EqualValues(t, 2, f.Seq)
		require.ErrorIs(t, f.Err, errBroken)
		assert.Contains(t, f.String(), "reaction h to h1/alarm/"+string(bad)+", event 2: broken")
		want := []string{string(bad) + " 1", string(good) + " 1", string(good) + " 2", string(good) + " 3", string(good) + " 4"}
		assert.Equal(t, want, h.seen)

		s = b.scheduler(scheduler.Config{}, h.job("h")) // what waits outlives the program
		list := b.unhandled(s)
		require.Len(t, list, 3)
		assert.Equal(t, scheduler.Unhandled{Reaction: "h", Key: itsm.Key{Tenant: "h1", Kind: "alarm", ID: bad}, Seq: 2, Recorded: epoch, Tries: 1, Problem: "broken"}, list[0])
		assert.Zero(t, list[1].Tries)

		h.fail = nil
		b.pass(s)
		assert.Equal(t, append(want, string(bad)+" 2", string(bad)+" 3", string(bad)+" 4"), h.seen)
		assert.Empty(t, b.unhandled(s))
	})

	t.Run("F-X-6 whatever fails, each record's events are handled in order, each once", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			b := setup(t)
			service := b.alarms("alarm")
			failures := rapid.SliceOfN(rapid.Bool(), 60, 60).Draw(rt, "failures")
			h := &handler{fail: func(itsm.Event) error {
				if len(failures) == 0 {
					return nil
				}
				fails := failures[0]
				if failures = failures[1:]; fails {
					return errBroken
				}
				return nil
			}}
			var ids []itsm.ID
			for range 3 {
				ids = append(ids, b.do(service, "", set{}).ID)
			}
			s := b.scheduler(scheduler.Config{Batch: rapid.IntRange(1, 5).Draw(rt, "batch")}, h.job("h"))
			want := make(map[string]int)
			for range rapid.IntRange(1, 15).Draw(rt, "events") {
				b.do(service, rapid.SampledFrom(ids).Draw(rt, "record"), arm{epoch})
				if rapid.Bool().Draw(rt, "pass") {
					b.tick(s)
					b.clock.Add(time.Duration(rapid.IntRange(0, 5).Draw(rt, "seconds")) * time.Second)
				}
			}
			for range 80 {
				b.clock.Add(5 * time.Minute)
				b.tick(s)
			}
			last := make(map[string]uint64)
			for _, line := range h.seen {
				var id string
				var seq uint64
				_, err := fmt.Sscan(line, &id, &seq)
				require.NoError(rt, err)
				require.Equal(rt, last[id]+1, seq, "of %s", id)
				last[id] = seq
				want[id]++
			}
			require.Len(rt, h.seen, len(b.journal()))
		})
	})

	t.Run("the wait for another try grows and is bounded", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.do(b.alarms("alarm"), "", set{})
		h := &handler{fail: func(itsm.Event) error { return errBroken }}
		s := b.scheduler(scheduler.Config{Backoff: scheduler.Backoff{First: time.Second, Most: 5 * time.Second}}, h.job("h"))
		for i, want := range []time.Duration{1, 2, 4, 5, 5} {
			r := b.tick(s)
			require.Equal(t, 1, r.Failed)
			assert.Equal(t, i+1, r.Failures[0].Tries)
			assert.Equal(t, want*time.Second, r.Failures[0].Again.Sub(r.Now))
			assert.Zero(t, b.tick(s).Failed)
			b.clock.Add(want * time.Second)
		}
	})

	t.Run("an event is given up only where that is wanted, stays visible, and can be handled later", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		service := b.alarms("alarm")
		id := b.do(service, "", set{}).ID
		b.do(service, id, arm{epoch})
		h := &handler{fail: func(ev itsm.Event) error {
			if ev.Seq == 1 {
				return errBroken
			}
			return nil
		}}
		s := b.scheduler(scheduler.Config{Tries: 3}, h.job("h"))
		for range 3 {
			require.Equal(t, 1, b.tick(s).Failed)
			b.clock.Add(time.Minute)
		}
		assert.Equal(t, []string{string(id) + " 2"}, h.seen, "what waited behind it goes on")
		list := b.unhandled(s)
		require.Len(t, list, 1)
		assert.True(t, list[0].GivenUp)
		assert.Equal(t, 3, list[0].Tries)
		require.ErrorIs(t, s.Retry(context.Background(), list[0]), errBroken)
		h.fail = nil
		require.NoError(t, s.Retry(context.Background(), list[0]))
		assert.Equal(t, []string{string(id) + " 2", string(id) + " 1"}, h.seen)
		assert.Empty(t, b.unhandled(s))
	})

	t.Run("an event can be dismissed, whether it was given up or not", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		service := b.alarms("alarm")
		id := b.do(service, "", set{}).ID
		b.do(service, id, arm{epoch})
		h := &handler{fail: func(ev itsm.Event) error {
			if ev.Seq == 1 {
				return errBroken
			}
			return nil
		}}
		s := b.scheduler(scheduler.Config{}, h.job("h"))
		b.tick(s)
		list := b.unhandled(s)
		require.Len(t, list, 2)
		require.ErrorIs(t, s.Retry(context.Background(), list[0]), itsm.ErrInvalid)
		require.NoError(t, s.Dismiss(context.Background(), list[0]))
		b.pass(s)
		assert.Equal(t, []string{string(id) + " 2"}, h.seen)
		require.NoError(t, s.Dismiss(context.Background(), list[0]), "doing it again changes nothing")

		s = b.scheduler(scheduler.Config{Tries: 1}, h.job("other"))
		b.tick(s)
		list = b.unhandled(s)
		require.Len(t, list, 1)
		require.NoError(t, s.Dismiss(context.Background(), list[0]))
		assert.Empty(t, b.unhandled(s))
		list[0].Reaction = "unknown"
		require.ErrorIs(t, s.Dismiss(context.Background(), list[0]), itsm.ErrNotFound)
		require.ErrorIs(t, s.Retry(context.Background(), list[0]), itsm.ErrNotFound)
	})

	t.Run("a command that was refused is decided anew after its time, and only the refused one", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		from, to := b.alarms("alarm"), b.alarms("echo")
		broken := b.do(to, "", set{At: after(-1), Manner: poison})
		job := scheduler.On("two", from, func(ctx context.Context, _ itsm.Event, _ wasSet) error {
			if _, err := scheduler.Do(ctx, to, "", set{}); err != nil {
				return err
			}
			_, err := scheduler.Do(ctx, to, broken.ID, tick{})
			return err
		})
		b.do(from, "", set{})
		s := b.scheduler(scheduler.Config{}, job)
		for range 50 {
			b.tick(s)
			b.clock.Add(time.Minute)
		}
		assert.Len(t, b.journal("itsm.refused"), 1)
		list := b.unhandled(s)
		require.Len(t, list, 1)
		assert.Equal(t, "alarm.tick refused: alarm.poison", list[0].Problem)
		b.do(to, broken.ID, mend{all})
		assert.NotZero(t, b.tick(s).Waiting)
		b.clock.Add(15 * time.Minute)
		assert.Zero(t, b.tick(s).Waiting)
		assert.Len(t, b.rings(), 1)
		assert.Equal(t, 2, b.setOf("echo")["h1"], "the first command of the reaction had its effect once")
	})

	t.Run("Retry decides a refused command anew at once", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		from, to := b.alarms("alarm"), b.alarms("echo")
		broken := b.do(to, "", set{At: after(-1), Manner: poison})
		job := scheduler.On("one", from, func(ctx context.Context, _ itsm.Event, _ wasSet) error {
			_, err := scheduler.Do(ctx, to, broken.ID, tick{})
			return err
		})
		b.do(from, "", set{})
		s := b.scheduler(scheduler.Config{Tries: 1}, job)
		b.tick(s)
		b.do(to, broken.ID, mend{all})
		require.NoError(t, s.Retry(context.Background(), b.unhandled(s)[0]))
		assert.Len(t, b.rings(), 1)
	})

	t.Run("when too many events wait the reaction waits with them, says so, and goes on later", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		service := b.alarms("alarm")
		for range 300 {
			b.do(service, "", set{})
		}
		h := &handler{fail: func(itsm.Event) error { return errBroken }}
		s := b.scheduler(scheduler.Config{}, h.job("h"))
		r := b.tick(s)
		assert.Equal(t, 257, r.Failed)
		assert.Len(t, r.Failures, 100)
		assert.Equal(t, 256, r.Waiting)
		r = b.tick(s)
		require.Equal(t, 1, r.Failed)
		require.ErrorIs(t, r.Failures[0].Err, scheduler.ErrFull)
		h.fail = nil
		b.clock.Add(time.Minute)
		r = b.pass(s)
		assert.Equal(t, 300, r.Handled)
		assert.Zero(t, r.Waiting)
	})

	t.Run("a reaction whose cursor is spoilt says which, and does not stop the others", func(t *testing.T) {
		t.Parallel()
		for data, want := range map[string]string{
			`{"position":`:                      "cursor itsm/itsm.cursor/spoilt at 1 does not fit",
			`{"parked":[null]}`:                 "a parked event is null",
			`{"position":"from another store"}`: `position "from another store"`,
		} {
			b := setup(t)
			service := b.alarms("alarm")
			b.do(service, "", set{At: []time.Time{epoch}})
			require.NoError(t, b.db.Commit(context.Background(), store.Batch{Tenant: "itsm", Puts: []store.Put{{
				Snapshot: store.Snapshot{Key: itsm.Key{Tenant: "itsm", Kind: scheduler.KindCursor, ID: "spoilt"}, Seq: 1, Data: []byte(data)},
			}}}))
			h, spoilt := &handler{}, &handler{}
			s := b.scheduler(scheduler.Config{}, spoilt.job("spoilt"), h.job("h"), scheduler.Wake(service, tick{}))
			r, err := s.Tick(context.Background())
			require.ErrorContains(t, err, want)
			assert.ErrorContains(t, err, "reaction spoilt")
			assert.Len(t, h.seen, 2)
			assert.Empty(t, spoilt.seen)
			assert.Equal(t, 1, r.Woken)
		}
	})

	t.Run("what is kept of a problem is short", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.do(b.alarms("alarm"), "", set{})
		h := &handler{fail: func(itsm.Event) error { return errors.New(strings.Repeat("坏", 200)) }}
		s := b.scheduler(scheduler.Config{}, h.job("h"))
		b.tick(s)
		assert.Equal(t, strings.Repeat("坏", 100), b.unhandled(s)[0].Problem)
	})

	t.Run("a pass that is stopped in a reaction saves how far it came", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		service := b.alarms("alarm")
		for range 10 {
			b.do(service, "", set{})
		}
		ctx, cancel := context.WithCancel(context.Background())
		h := &handler{}
		h.fail = func(itsm.Event) error {
			if len(h.seen) == 4 {
				cancel()
				return ctx.Err()
			}
			return nil
		}
		s := b.scheduler(scheduler.Config{}, h.job("h"))
		r, err := s.Tick(ctx)
		require.ErrorIs(t, err, context.Canceled)
		assert.Empty(t, r.Failures, "to be stopped is no failure")
		h.fail = nil
		s = b.scheduler(scheduler.Config{}, h.job("h"))
		assert.Empty(t, b.unhandled(s))
		b.pass(s)
		assert.Len(t, h.seen, 10)
		assert.Len(t, slices.Compact(h.seen), 10)
	})
}
