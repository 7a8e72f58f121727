package scheduler_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/scheduler"
)

func TestWakeFailures(t *testing.T) {
	t.Parallel()
	t.Run("what is refused does not stop the others, and is asked again", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		service := b.alarms("alarm")
		var bad []alarm
		for i := range 10 {
			bad = append(bad, b.do(service, "", set{At: after(i), Manner: poison}))
		}
		good := b.do(service, "", set{At: after(20)})
		s := b.scheduler(scheduler.Config{Batch: 2}, scheduler.Wake(service, tick{}))
		b.clock.Add(time.Minute)
		r := b.tick(s)
		assert.Equal(t, 1, r.Woken)
		assert.Equal(t, 10, r.Failed)
		assert.Equal(t, 10, r.Waiting)
		assert.Equal(t, epoch.Add(time.Minute+time.Second), r.Next, "a second later they are tried again")
		require.Len(t, r.Failures, 10)
		f := r.Failures[0]
		assert.Equal(t, itsm.Key{Tenant: "h1", Kind: "alarm", ID: bad[0].ID}, f.Key)
		assert.Equal(t, epoch, f.Due)
		assert.Equal(t, 1, f.Tries)
		require.ErrorIs(t, f.Err, errPoison)
		assert.Contains(t, f.String(), "wake of h1/alarm/"+string(bad[0].ID)+", due 2026-03-02T00:30:00Z")
		assert.Equal(t, []string{"h1/alarm/" + string(good.ID) + "@20s"}, b.rings())

		assert.Zero(t, b.tick(s).Failed, "not before its time")
		for i, wait := range []time.Duration{1, 2, 4, 8} {
			r := b.tick(s)
			require.Zero(t, r.Failed)
			b.clock.Add(wait * time.Second)
			r = b.tick(s)
			require.Equal(t, 10, r.Failed)
			assert.Equal(t, i+2, r.Failures[0].Tries)
		}
	})

	t.Run("a refusal stands for an hour, then it is decided anew, whoever asks", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		service := b.alarms("alarm")
		a := b.do(service, "", set{At: after(10), Manner: poison})
		two := []*scheduler.Scheduler{
			b.scheduler(scheduler.Config{}, scheduler.Wake(service, tick{})),
			b.scheduler(scheduler.Config{}, scheduler.Wake(service, tick{})),
		}
		for range 179 { // three hours but a minute, and the scheduler starts anew in between
			b.clock.Add(time.Minute)
			b.tick(two[0])
			b.tick(two[1])
			two[1] = b.scheduler(scheduler.Config{}, scheduler.Wake(service, tick{}))
		}
		refusals := b.journal("itsm.refused")
		require.Len(t, refusals, 3)
		assert.GreaterOrEqual(t, refusals[2].Recorded.Sub(refusals[1].Recorded), time.Hour)

		b.do(service, a.ID, mend{all})
		b.clock.Add(time.Hour)
		b.tick(two[0])
		assert.Len(t, b.rings(), 1)
		assert.Zero(t, b.tick(two[0]).Waiting)
	})

	t.Run("without the permission nothing is woken, and with it all is", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		service := b.alarms("alarm")
		b.do(service, "", set{At: after(10)})
		nobody := scheduler.Config{Actor: itsm.Actor{ID: "nobody", Roles: []itsm.Role{"nothing"}}}
		b.clock.Add(time.Minute)
		r := b.tick(b.scheduler(nobody, scheduler.Wake(service, tick{})))
		require.ErrorIs(t, r.Failures[0].Err, itsm.ErrDenied)
		b.clock.Add(time.Hour)
		s := b.scheduler(scheduler.Config{}, scheduler.Wake(service, tick{}))
		b.tick(s)
		b.clock.Add(time.Second) // the first try of a new scheduler finds the old answer
		b.tick(s)
		assert.Len(t, b.rings(), 1)
	})

	for _, c := range []struct {
		manner manner
		what   string
		events int // that the record may leave in one pass
	}{
		{asleep, "a record that does nothing when it is woken", 0},
		{noisy, "a record that says something and does not move on", 100},
		{endless, "a record that moves on in tiny steps", 1000},
	} {
		t.Run(c.what+" is found stuck and keeps nobody waiting", func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			service := b.alarms("alarm")
			stuck := b.do(service, "", set{At: after(10), Manner: c.manner})
			good := b.do(service, "", set{At: after(20)})
			s := b.scheduler(scheduler.Config{}, scheduler.Wake(service, tick{}))
			b.clock.Add(time.Minute)
			before := len(b.journal())
			r := b.tick(s)
			require.Equal(t, 1, r.Failed)
			require.ErrorIs(t, r.Failures[0].Err, scheduler.ErrStuck)
			assert.Equal(t, stuck.ID, r.Failures[0].Key.ID)
			assert.Equal(t, c.events+1, len(b.journal())-before)
			assert.Contains(t, b.rings(), "h1/alarm/"+string(good.ID)+"@20s")
			assert.Equal(t, epoch.Add(time.Minute+time.Second), r.Next)
			assert.Zero(t, b.tick(s).Failed, "it waits for its time")
			b.clock.Add(time.Second)
			r = b.tick(s)
			assert.Equal(t, 1, r.Failed)

			b.do(service, stuck.ID, mend{all})
			b.clock.Add(time.Minute)
			r = b.tick(s)
			assert.Zero(t, r.Failed+r.Waiting, "mended, it goes on")
		})
	}

	t.Run("a failed record that somebody else dealt with is forgotten", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		service := b.alarms("alarm")
		a := b.do(service, "", set{At: after(10), Manner: poison})
		s := b.scheduler(scheduler.Config{}, scheduler.Wake(service, tick{}))
		b.clock.Add(time.Minute)
		require.Equal(t, 1, b.tick(s).Waiting)
		b.do(service, a.ID, mend{all})
		b.do(service, a.ID, tick{})
		r := b.tick(s)
		assert.Zero(t, r.Waiting)
		assert.Zero(t, r.Next)
	})

	t.Run("a panic is a failure of its record", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		service := b.alarms("alarm")
		bad := b.do(service, "", set{At: after(10)})
		b.do(service, "", set{At: after(20)})
		s := b.scheduler(scheduler.Config{Workers: 2}, scheduler.Wake(panicky{service, bad.ID}, tick{}))
		b.clock.Add(time.Minute)
		r := b.tick(s)
		require.Equal(t, 1, r.Failed)
		require.ErrorIs(t, r.Failures[0].Err, scheduler.ErrPanic)
		assert.Equal(t, 1, r.Woken)
	})

	t.Run("a wake that hangs is given up after its time", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) { // where no time passes for those who work
			b := setup(t)
			service := b.alarms("alarm")
			bad := b.do(service, "", set{At: after(10)})
			b.do(service, "", set{At: after(20)})
			s := b.scheduler(scheduler.Config{Timeout: 10 * time.Millisecond}, scheduler.Wake(hanging{service, bad.ID}, tick{}))
			b.clock.Add(time.Minute)
			begin := time.Now()
			r := b.tick(s)
			assert.Equal(t, 10*time.Millisecond, time.Since(begin))
			require.Equal(t, 1, r.Failed)
			require.ErrorIs(t, r.Failures[0].Err, context.DeadlineExceeded)
			assert.Equal(t, 1, r.Woken)
		})
	})
}

type panicky struct {
	*alarmService
	bad itsm.ID
}

func (p panicky) Do(ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) (alarm, error) {
	if id == p.bad {
		panic("out of order")
	}
	return p.alarmService.Do(ctx, id, cmd, opts...)
}

type hanging struct {
	*alarmService
	bad itsm.ID
}

func (h hanging) Do(ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) (alarm, error) {
	if id == h.bad {
		<-ctx.Done()
		return alarm{}, ctx.Err()
	}
	return h.alarmService.Do(ctx, id, cmd, opts...)
}
