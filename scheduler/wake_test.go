package scheduler_test

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/scheduler"
)

// TestWakeLaw compares the scheduler with the plain meaning of its promise: in each pass, of everything that is due, always the
// earliest, then by tenant, kind and ID.
func TestWakeLaw(t *testing.T) {
	t.Parallel()
	t.Run("F-X-6 late wakes are processed in due order", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			b := setup(t)
			kinds := []itsm.Kind{"alarm", "clock"}
			services := []*alarmService{b.alarms(kinds[0]), b.alarms(kinds[1])}
			s := b.scheduler(scheduler.Config{Batch: rapid.IntRange(1, 4).Draw(rt, "batch")},
				scheduler.Wake(services[0], tick{}), scheduler.Wake(services[1], tick{}))
			type due struct {
				key itsm.Key
				at  time.Time
			}
			var pending []due
			want := []string{}
			for range rapid.IntRange(1, 12).Draw(rt, "steps") {
				if rapid.Bool().Draw(rt, "time passes") {
					now := b.clock.Add(time.Duration(rapid.IntRange(0, 40).Draw(rt, "seconds")) * time.Second)
					b.pass(s)
					slices.SortFunc(pending, func(x, y due) int {
						return cmp.Or(x.at.Compare(y.at), cmp.Compare(x.key.Tenant, y.key.Tenant), cmp.Compare(x.key.Kind, y.key.Kind), cmp.Compare(x.key.ID, y.key.ID))
					})
					for len(pending) > 0 && !pending[0].at.After(now) {
						want = append(want, ring(pending[0].key, pending[0].at))
						pending = pending[1:]
					}
					require.Equal(rt, want, b.rings())
					continue
				}
				tenant := itsm.Tenant(rapid.SampledFrom([]string{"h1", "h2"}).Draw(rt, "tenant"))
				i := rapid.IntRange(0, 1).Draw(rt, "kind")
				at := after(rapid.SliceOfNDistinct(rapid.IntRange(-10, 60), 1, 6, rapid.ID[int]).Draw(rt, "at")...)
				slices.SortFunc(at, time.Time.Compare)
				a, err := services[i].Do(as(tenant), "", set{at, single})
				require.NoError(rt, err)
				for _, x := range at {
					pending = append(pending, due{itsm.Key{Tenant: tenant, Kind: kinds[i], ID: a.ID}, x})
				}
			}
		})
	})
}

func TestWake(t *testing.T) {
	t.Parallel()
	t.Run("a wake is given by the system, for the tenant of the record", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		service := b.alarms("alarm")
		for _, tenant := range []itsm.Tenant{"h1", "h2"} {
			_, err := service.Do(as(tenant), "", set{At: after(1)})
			require.NoError(t, err)
		}
		b.clock.Add(time.Minute)
		b.pass(b.scheduler(scheduler.Config{}, scheduler.Wake(service, tick{})))
		events := b.journal("alarm.rang")
		require.Len(t, events, 2)
		for i, ev := range events {
			assert.Equal(t, []itsm.Tenant{"h1", "h2"}[i], ev.Tenant)
			assert.Equal(t, itsm.PersonID("system/scheduler"), ev.Actor)
			assert.Equal(t, epoch.Add(time.Minute), ev.At, "it happens when the scheduler comes to it, not when it should have")
		}
	})

	t.Run("the report tells what was done, how late, and when there is more to do", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		service := b.alarms("alarm")
		b.do(service, "", set{At: after(10, 20, 90)})
		b.do(service, "", set{At: after(50)})
		s := b.scheduler(scheduler.Config{}, scheduler.Wake(service, tick{}))
		r := b.pass(s)
		assert.Equal(t, scheduler.Report{Now: epoch, Next: epoch.Add(10 * time.Second)}, r)
		b.clock.Add(time.Minute)
		r = b.pass(s)
		assert.Equal(t, scheduler.Report{Now: epoch.Add(time.Minute), Woken: 2, Late: 50 * time.Second, Next: epoch.Add(90 * time.Second)}, r)
		b.clock.Add(time.Hour)
		assert.Zero(t, b.pass(s).Next, "nothing is left")
	})

	t.Run("INV-29 a second pass over the same time does nothing", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		service := b.alarms("alarm")
		jobs := []scheduler.Job{scheduler.Wake(service, tick{}), follow("echo", service, b.alarms("echo"))}
		for i := range 20 {
			b.do(service, "", set{At: after(i, 2*i, 1000+i)})
		}
		s := b.scheduler(scheduler.Config{Batch: 3}, jobs...)
		b.clock.Add(time.Minute)
		r := b.pass(s)
		require.Equal(t, 20, r.Woken)
		require.Equal(t, 20, r.Handled)
		before := b.journal()
		for range 3 {
			r = b.pass(s)
			assert.Zero(t, r.Woken+r.Handled)
		}
		fresh := b.scheduler(scheduler.Config{}, jobs...) // as after a restart
		r = b.pass(fresh)
		assert.Zero(t, r.Woken+r.Handled)
		assert.Equal(t, before, b.journal())
	})

	t.Run("an instant that was used may come again", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		service := b.alarms("alarm")
		a := b.do(service, "", set{At: after(10)})
		s := b.scheduler(scheduler.Config{}, scheduler.Wake(service, tick{}))
		b.clock.Add(time.Minute)
		b.pass(s)
		b.do(service, a.ID, arm{after(10)[0]})
		b.do(service, a.ID, arm{after(10)[0]})
		b.pass(s)
		assert.Equal(t, []string{"h1/alarm/" + string(a.ID) + "@10s", "h1/alarm/" + string(a.ID) + "@10s", "h1/alarm/" + string(a.ID) + "@10s"}, b.rings())
	})

	t.Run("after the clock was set back nothing happens twice, and nothing is missed", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		service := b.alarms("alarm")
		b.do(service, "", set{At: after(10, 3600)})
		b.do(service, "", set{At: after(10), Manner: poison})
		s := b.scheduler(scheduler.Config{}, scheduler.Wake(service, tick{}))
		b.clock.Add(time.Minute)
		require.Equal(t, 1, b.tick(s).Failed)
		b.clock.Add(-40 * time.Second)
		assert.Equal(t, 1, b.tick(s).Failed, "who was to wait for an instant that is far off now is tried")
		b.clock.Set(epoch.Add(-time.Hour))
		r := b.tick(s)
		assert.Zero(t, r.Woken+r.Failed)
		assert.False(t, r.Next.Before(r.Now))
		b.clock.Set(epoch.Add(time.Hour))
		assert.Equal(t, 1, b.tick(s).Woken)
		assert.Len(t, b.rings(), 2)
	})
}

func TestWakeOnce(t *testing.T) {
	t.Parallel()
	// many sets alarms that ring three times each within a minute.
	many := func(b *bench, service *alarmService, n int) (want []string) {
		for i := range n {
			at := after(i, i+1, i+2)
			a := b.do(service, "", set{at, []manner{all, single}[i%2]})
			for _, x := range at {
				want = append(want, ring(itsm.Key{Tenant: "h1", Kind: "alarm", ID: a.ID}, x))
			}
		}
		slices.Sort(want)
		return want
	}

	t.Run("F-X-6 schedulers side by side ring each alarm once", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		service := b.alarms("alarm")
		want := many(b, service, 40)
		b.clock.Add(time.Minute)
		together(4, func(i int) {
			s, err := scheduler.New(b.db, scheduler.Config{Clock: b.clock.Now, Batch: 7, Workers: 1 + i%2}, scheduler.Wake(service, tick{}))
			if assert.NoError(t, err) {
				r, err := s.Tick(context.Background())
				assert.NoError(t, err)
				assert.Empty(t, r.Failures)
			}
		})
		got := b.rings()
		slices.Sort(got)
		assert.Equal(t, want, got)
	})

	t.Run("F-X-6 a lost answer or a kill between commit and answer rings nothing twice", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			b := setup(t)
			service := b.alarms("alarm")
			want := many(b, service, 8)
			b.clock.Add(time.Minute)
			lost := errors.New("the connection was lost")
			for range rapid.IntRange(1, 10).Draw(rt, "losses") {
				n := rapid.IntRange(1, 24).Draw(rt, "commit")
				if rapid.Bool().Draw(rt, "after") {
					b.db.FailAfter(n, lost)
				} else {
					b.db.FailBefore(n, lost)
				}
			}
			cfg := scheduler.Config{Batch: 5}
			s := b.scheduler(cfg, scheduler.Wake(service, tick{}))
			for range 12 {
				r := b.tick(s)
				for _, f := range r.Failures {
					require.ErrorIs(rt, f.Err, lost)
				}
				if len(r.Failures) > 0 && rapid.Bool().Draw(rt, "killed") {
					s = b.scheduler(cfg, scheduler.Wake(service, tick{}))
				}
				b.clock.Add(10 * time.Minute)
			}
			got := b.rings()
			slices.Sort(got)
			require.Equal(rt, want, got)
		})
	})

	t.Run("F-X-6 a wake that another scheduler has given meanwhile is not given again", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		service := b.alarms("alarm")
		a := b.do(service, "", set{after(10, 20, 3600), eager})
		b.clock.Add(15 * time.Second)
		other := b.scheduler(scheduler.Config{}, scheduler.Wake(service, tick{}))
		late := b.scheduler(scheduler.Config{}, scheduler.Wake(&overtaken{service, func() { b.pass(other) }}, tick{}))
		b.pass(late)
		assert.Equal(t, []string{"h1/alarm/" + string(a.ID) + "@10s"}, b.rings(), "the decision alone would not have prevented it")
	})

	t.Run("many workers ring each alarm once and no more than so many at a time", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		service := &counting{alarmService: b.alarms("alarm"), wanted: 3, full: make(chan struct{})}
		want := many(b, service.alarmService, 40)
		b.clock.Add(time.Minute)
		b.pass(b.scheduler(scheduler.Config{Workers: 3, Batch: 16, Timeout: time.Minute}, scheduler.Wake(service, tick{})))
		got := b.rings()
		slices.Sort(got)
		assert.Equal(t, want, got)
		assert.EqualValues(t, 3, service.most.Load())
	})
}

// overtaken lets something happen between the listing of a wake and the wake.
type overtaken struct {
	*alarmService
	meanwhile func()
}

func (o *overtaken) Do(ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) (alarm, error) {
	o.meanwhile()
	return o.alarmService.Do(ctx, id, cmd, opts...)
}

// counting counts how many are woken at a time. The first ones wait until so many as wanted are there.
type counting struct {
	*alarmService
	now, most atomic.Int32
	wanted    int32
	full      chan struct{}
	filled    sync.Once
}

func (c *counting) Do(ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) (alarm, error) {
	now := c.now.Add(1)
	defer c.now.Add(-1)
	for most := c.most.Load(); now > most && !c.most.CompareAndSwap(most, now); most = c.most.Load() {
	}
	if now == c.wanted {
		c.filled.Do(func() { close(c.full) })
	}
	select {
	case <-c.full:
		time.Sleep(100 * time.Microsecond) // room for one too many
	case <-ctx.Done(): // nobody else will come
		c.filled.Do(func() { close(c.full) })
	}
	return c.alarmService.Do(ctx, id, cmd, opts...)
}

func TestWakeStops(t *testing.T) {
	t.Parallel()
	t.Run("a pass ends with its context and the next goes on", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		service := b.alarms("alarm")
		for i := range 10 {
			b.do(service, "", set{At: after(i)})
		}
		b.clock.Add(time.Minute)
		ctx, cancel := context.WithCancel(context.Background())
		stopping := &stopping{service, 4, cancel}
		s := b.scheduler(scheduler.Config{}, scheduler.Wake(stopping, tick{}))
		r, err := s.Tick(ctx)
		require.ErrorIs(t, err, context.Canceled)
		assert.Empty(t, r.Failures)
		assert.Equal(t, 4, r.Woken)
		assert.Len(t, b.rings(), 4)
		_, err = s.Tick(ctx)
		require.ErrorIs(t, err, context.Canceled)
		b.pass(s)
		assert.Len(t, b.rings(), 10)
	})

	t.Run("a store that does not answer is the error of the pass", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		s := b.scheduler(scheduler.Config{}, scheduler.Wake(b.alarms("alarm"), tick{}))
		require.NoError(t, b.db.Close())
		_, err := s.Tick(context.Background())
		require.Error(t, err)
		assert.Contains(t, err.Error(), "what is due of alarm")
	})
}

type stopping struct {
	*alarmService
	left   int
	cancel context.CancelFunc
}

func (s *stopping) Do(ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) (alarm, error) {
	if s.left--; s.left == 0 {
		defer s.cancel()
	}
	return s.alarmService.Do(ctx, id, cmd, opts...)
}

func TestNew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	service := b.alarms("alarm")
	wake := scheduler.Wake(service, tick{})
	nothing := func(context.Context, itsm.Event) error { return nil }
	for name, c := range map[string]struct {
		cfg  scheduler.Config
		jobs []scheduler.Job
		want []string
	}{
		"one kind twice":      {jobs: []scheduler.Job{wake, wake}, want: []string{"job 2: records of kind alarm are woken by two jobs"}},
		"one name twice":      {jobs: []scheduler.Job{scheduler.React("a", itsm.Filter{}, nothing), scheduler.React("a", itsm.Filter{}, nothing)}, want: []string{`job 2: two reactions are called "a"`}},
		"an empty job":        {jobs: []scheduler.Job{{}}, want: []string{"job 1 is empty"}},
		"no command":          {jobs: []scheduler.Job{scheduler.Wake(service, nil)}, want: []string{"job 1: wake alarm: <nil> is not one of its commands"}},
		"all faults at once":  {cfg: scheduler.Config{Batch: -1, MaxWait: -time.Second}, jobs: []scheduler.Job{{}}, want: []string{"Batch is -1", "MaxWait is -1s: want more than 0, or 0 for 10s", "job 1 is empty"}},
		"a bad reaction":      {jobs: []scheduler.Job{scheduler.React("Bad Name", itsm.Filter{Limit: 3}, nil)}, want: []string{`"Bad Name": want a name of lower-case`, "leave ID, Command and Limit unset", "its function is nil"}},
		"an interface":        {jobs: []scheduler.Job{scheduler.On("a", service, func(context.Context, itsm.Event, itsm.Payload) error { return nil })}, want: []string{"one type, not an interface"}},
		"a wake since a time": {jobs: []scheduler.Job{wake.Since(epoch)}, want: []string{"only a reaction begins at an instant"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := scheduler.New(b.db, c.cfg, c.jobs...)
			require.ErrorIs(t, err, itsm.ErrInvalid)
			for _, want := range c.want {
				assert.ErrorContains(t, err, want)
			}
		})
	}
	t.Run("nothing to do is nothing wrong", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, scheduler.Report{Now: epoch}, b.pass(b.scheduler(scheduler.Config{})))
	})
}
