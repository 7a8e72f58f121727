package scheduler_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/scheduler"
)

// follow is the reaction that sets an echo for each alarm that is set.
func follow(name string, from, to *alarmService) scheduler.Job {
	return scheduler.On(name, from, func(ctx context.Context, _ itsm.Event, _ wasSet) error {
		_, err := scheduler.Do(ctx, to, "", set{})
		return err
	})
}

// setOf lists what was set of a kind, by tenant.
func (b *bench) setOf(kind itsm.Kind) map[itsm.Tenant]int {
	b.Helper()
	n := make(map[itsm.Tenant]int)
	for _, ev := range b.journal("alarm.set") {
		if ev.Kind == kind {
			n[ev.Tenant]++
		}
	}
	return n
}

func TestReaction(t *testing.T) {
	t.Parallel()
	t.Run("F-X-6 each event is carried once, as the system of its tenant", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		from, to := b.alarms("alarm"), b.alarms("echo")
		for i := range 10 {
			_, err := from.Do(as([]itsm.Tenant{"h1", "h2"}[i/6]), "", set{})
			require.NoError(t, err)
		}
		s := b.scheduler(scheduler.Config{Batch: 3}, follow("echo", from, to))
		b.clock.Add(time.Minute)
		r := b.pass(s)
		assert.Equal(t, 10, r.Handled)
		assert.Equal(t, time.Minute, r.Late)
		assert.Equal(t, map[itsm.Tenant]int{"h1": 6, "h2": 4}, b.setOf("echo"))
		assert.Zero(t, b.pass(s).Handled)
	})

	t.Run("F-X-6 the cursor outlives the program", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		from := b.alarms("alarm")
		var seen []itsm.ID
		note := scheduler.On("note", from, func(_ context.Context, ev itsm.Event, _ wasSet) error {
			seen = append(seen, ev.ID)
			return nil
		})
		var want []itsm.ID
		for range 5 {
			want = append(want, b.do(from, "", set{}).ID, b.do(from, "", set{}).ID)
			b.pass(b.scheduler(scheduler.Config{}, note))
		}
		assert.Equal(t, want, seen, "no event is seen twice, even by a reaction that leaves no trace")
	})

	t.Run("F-X-6 a new reaction sees the whole journal again, in order, or what is recorded from an instant on", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		from := b.alarms("alarm")
		for i := range 20 {
			b.do(from, "", set{At: after(i, 100)})
			b.clock.Add(time.Second)
		}
		b.clock.Add(time.Hour)
		b.pass(b.scheduler(scheduler.Config{}, scheduler.Wake(from, tick{})))
		var events, late []itsm.Event
		collect := func(to *[]itsm.Event) func(context.Context, itsm.Event) error {
			return func(_ context.Context, ev itsm.Event) error { *to = append(*to, ev); return nil }
		}
		b.pass(b.scheduler(scheduler.Config{Batch: 7}, scheduler.React("all", itsm.Filter{}, collect(&events)),
			scheduler.React("late", itsm.Filter{Kind: "alarm", Tenant: "h1"}, collect(&late)).Since(epoch.Add(15*time.Second))))
		assert.Equal(t, b.journal(), events)
		assert.Equal(t, b.journal()[15:], late)
	})

	t.Run("what a reaction leads to is reacted to and woken in the same pass", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		one, two, three := b.alarms("one"), b.alarms("two"), b.alarms("three")
		second := scheduler.On("second", two, func(ctx context.Context, _ itsm.Event, _ wasSet) error {
			_, err := scheduler.Do(ctx, three, "", set{At: []time.Time{epoch}})
			return err
		})
		s := b.scheduler(scheduler.Config{}, second, follow("first", one, two), scheduler.Wake(three, tick{}))
		b.do(one, "", set{})
		r := b.pass(s)
		assert.Equal(t, 2, r.Handled)
		assert.Equal(t, 1, r.Woken)
	})

	t.Run("events that do not match are passed over once, and cost no write each", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		from := b.alarms("alarm")
		s := b.scheduler(scheduler.Config{Batch: 10}, follow("none", b.alarms("other"), b.alarms("echo")))
		id := b.do(from, "", set{}).ID
		b.pass(s)
		before := b.db.Commits()
		for range 25 {
			b.do(from, id, arm{epoch})
			b.pass(s)
		}
		assert.Equal(t, 25+2, b.db.Commits()-before, "the place is saved every ten entries")
	})

	t.Run("two commands of one name to one record take IDs of their own", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		from := b.alarms("alarm")
		from2 := b.alarms("echo")
		twice := scheduler.On("twice", from, func(ctx context.Context, _ itsm.Event, _ wasSet) error {
			for _, part := range []string{"a", "b", "a"} {
				if _, err := scheduler.Do(ctx, from2, "", set{}, itsm.Once(scheduler.CommandID(ctx, part))); err != nil {
					return err
				}
			}
			return nil
		})
		b.do(from, "", set{})
		b.pass(b.scheduler(scheduler.Config{}, twice))
		assert.Equal(t, 2, b.setOf("echo")["h1"])
	})

	t.Run("outside a reaction there is no command ID", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		assert.Empty(t, scheduler.CommandID(as("h1"), "a"))
		_, err := scheduler.Do(as("h1"), b.alarms("alarm"), "", set{})
		require.ErrorIs(t, err, itsm.ErrInvalid)
	})
}

// TestReactionOnce: whatever is lost or killed, and however many schedulers there are, each event has its effect once.
func TestReactionOnce(t *testing.T) {
	t.Parallel()
	t.Run("F-X-6 with schedulers side by side", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		from, to := b.alarms("alarm"), b.alarms("echo")
		for range 50 {
			b.do(from, "", set{})
		}
		together(4, func(int) {
			s, err := scheduler.New(b.db, scheduler.Config{Clock: b.clock.Now, Batch: 7}, follow("echo", from, to))
			if assert.NoError(t, err) {
				r, err := s.Tick(context.Background())
				assert.NoError(t, err)
				assert.Empty(t, r.Failures)
			}
		})
		assert.Equal(t, 50, b.setOf("echo")["h1"])
	})

	t.Run("F-X-6 with lost answers, and kills before the cursor is saved", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			b := setup(t)
			from, to := b.alarms("alarm"), b.alarms("echo")
			n := rapid.IntRange(1, 20).Draw(rt, "events")
			for range n {
				b.do(from, "", set{})
			}
			lost := errors.New("the connection was lost")
			for range rapid.IntRange(1, 8).Draw(rt, "losses") {
				at := rapid.IntRange(1, 40).Draw(rt, "commit")
				if rapid.Bool().Draw(rt, "after") {
					b.db.FailAfter(at, lost)
				} else {
					b.db.FailBefore(at, lost)
				}
			}
			two := make([]*scheduler.Scheduler, 2)
			for range 20 {
				i := rapid.IntRange(0, 1).Draw(rt, "who")
				if two[i] == nil || rapid.IntRange(0, 3).Draw(rt, "killed") == 0 {
					two[i] = b.scheduler(scheduler.Config{Batch: 3}, follow("echo", from, to))
				}
				if _, err := two[i].Tick(context.Background()); err != nil {
					require.ErrorIs(rt, err, lost)
				}
				b.clock.Add(time.Duration(rapid.IntRange(0, 300).Draw(rt, "seconds")) * time.Second)
			}
			for range 8 { // the losses are over at some time
				b.clock.Add(10 * time.Minute)
				_, err := b.scheduler(scheduler.Config{}, follow("echo", from, to)).Tick(context.Background())
				if err != nil {
					require.ErrorIs(rt, err, lost)
				}
			}
			require.Equal(rt, n, b.setOf("echo")["h1"])
		})
	})

	t.Run("the cursor never goes back", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		from, to := b.alarms("alarm"), b.alarms("echo")
		job := follow("echo", from, to)
		one, two := b.scheduler(scheduler.Config{}, job), b.scheduler(scheduler.Config{}, job)
		last := ""
		for i := range 20 {
			b.do(from, "", set{})
			b.pass([]*scheduler.Scheduler{one, two, two}[i%3])
			place := b.cursor("echo").Position
			assert.Greater(t, place, last)
			last = place
		}
	})
}

type cursor struct {
	Position string
	Parked   []struct {
		Key     itsm.Key
		Seq     uint64
		Tries   int
		Problem string
	}
}

func (b *bench) cursor(name itsm.ID) (c cursor) {
	b.Helper()
	found, err := b.inner.Load(context.Background(), itsm.Key{Tenant: "itsm", Kind: scheduler.KindCursor, ID: name})
	require.NoError(b, err)
	require.NoError(b, json.Unmarshal(found[0].Data, &c))
	return c
}

// Passes of one scheduler take turns, so that even what a reaction does outside the store happens once.
func TestTicksTakeTurns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	service := b.alarms("alarm")
	for range 20 {
		b.do(service, "", set{})
	}
	h := &handler{}
	s := b.scheduler(scheduler.Config{}, h.job("h"))
	together(4, func(int) {
		_, err := s.Tick(context.Background())
		assert.NoError(t, err)
	})
	assert.Len(t, h.seen, 20)
}
