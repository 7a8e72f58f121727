package scheduler_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/scheduler"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

// started is a scheduler at work in a bubble, in which the clock of the machine is the test's.
type started struct {
	*bench
	service *alarmService
	*scheduler.Scheduler
	passes []time.Duration // when each began, since the start
	stop   func() error
	begin  time.Time
}

func start(t *testing.T, cfg scheduler.Config, jobs ...scheduler.Job) *started {
	inner := memory.New()
	b := &bench{TB: t, inner: inner, db: itsmtest.NewFaultyDB(inner)}
	var err error
	s := &started{bench: b, begin: time.Now()}
	s.service, err = itsm.NewService(alarms("alarm"), store.NewRepository[alarm](b.db), itsm.Config{})
	require.NoError(t, err)
	cfg.Observe = func(r scheduler.Report) {
		s.passes = append(s.passes, r.Now.Sub(s.begin.UTC().Truncate(time.Microsecond)))
	}
	s.Scheduler, err = scheduler.New(b.db, cfg, append(jobs, scheduler.Wake(s.service, tick{}))...)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	s.stop = func() error { cancel(); return <-done }
	synctest.Wait()
	return s
}

func TestRun(t *testing.T) {
	t.Parallel()
	t.Run("it sleeps until something is due, and not less", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := start(t, scheduler.Config{MaxWait: time.Hour})
			s.do(s.service, "", set{At: []time.Time{s.begin.Add(time.Minute), s.begin.Add(10 * time.Minute)}})
			s.Poke()
			time.Sleep(2 * time.Hour)
			require.NoError(t, s.stop())
			events := s.journal("alarm.rang")
			require.Len(t, events, 2)
			assert.Equal(t, time.Minute, events[0].At.Sub(s.begin))
			assert.Equal(t, 10*time.Minute, events[1].At.Sub(s.begin))
			assert.Equal(t, []time.Duration{0, 0, time.Minute, 10 * time.Minute, 70 * time.Minute}, s.passes)
		})
	})

	t.Run("without a poke it finds out within the longest wait", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := start(t, scheduler.Config{})
			s.do(s.service, "", set{At: []time.Time{s.begin.Add(time.Second)}})
			time.Sleep(time.Minute)
			require.NoError(t, s.stop())
			assert.Equal(t, 10*time.Second, s.journal("alarm.rang")[0].At.Sub(s.begin))
		})
	})

	t.Run("a poke makes a reaction happen at once, never blocks, and does not add up", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			h := &handler{}
			s := start(t, scheduler.Config{MaxWait: time.Hour}, h.job("h"))
			time.Sleep(time.Minute)
			s.do(s.service, "", set{})
			s.Poke()
			synctest.Wait()
			assert.Len(t, h.seen, 1)
			require.NoError(t, s.stop())

			s.passes = nil
			for range 100 {
				s.Poke()
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			require.NoError(t, s.Run(ctx))
			assert.LessOrEqual(t, len(s.passes), 2, "the first, and one for all the pokes")
		})
	})

	t.Run("what failed is tried again in time", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			h := &handler{}
			var tries []time.Duration
			begin := time.Now()
			h.fail = func(itsm.Event) error {
				if tries = append(tries, time.Since(begin)); len(tries) < 5 {
					return errBroken
				}
				return nil
			}
			s := start(t, scheduler.Config{MaxWait: time.Hour}, h.job("h"))
			s.do(s.service, "", set{})
			s.Poke()
			time.Sleep(time.Minute)
			require.NoError(t, s.stop())
			assert.Equal(t, []time.Duration{0, time.Second, 3 * time.Second, 7 * time.Second, 15 * time.Second}, tries)
		})
	})

	t.Run("it goes on when the store fails, with growing waits, and says so", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			down := errors.New("the disk is full")
			cfg := scheduler.Config{MaxWait: 20 * time.Second, Logger: slog.New(slog.NewTextHandler(&log, nil))}
			h := &handler{}
			s := start(t, cfg, h.job("h"))
			s.do(s.service, "", set{}) // two commits: the number, and the record
			for n := range 4 {
				s.db.FailBefore(n+1, down)
			}
			s.Poke()
			time.Sleep(time.Minute)
			require.NoError(t, s.stop())
			assert.Equal(t, []time.Duration{0, 0, 1, 3, 7, 15, 35, 55}, seconds(s.passes))
			assert.Len(t, h.seen, 1)
			assert.Contains(t, log.String(), "the disk is full")
		})
	})

	t.Run("it ends when the store is closed", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := setup(t)
			s := b.scheduler(scheduler.Config{Clock: time.Now}, scheduler.Wake(b.alarms("alarm"), tick{}))
			require.NoError(t, b.db.Close())
			require.ErrorIs(t, s.Run(context.Background()), store.ErrClosed)
		})
	})

	t.Run("it ends at once with its context, also while it waits for its turn", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := start(t, scheduler.Config{MaxWait: time.Hour})
			begin := time.Now()
			require.NoError(t, s.stop())
			assert.Zero(t, time.Since(begin))
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			require.NoError(t, s.Run(ctx))
		})
	})

	t.Run("a clock that is set back does not make it spin", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			offset := time.Duration(0)
			clock := func() time.Time { return time.Now().Add(offset) }
			s := start(t, scheduler.Config{Clock: clock})
			s.do(s.service, "", set{At: []time.Time{s.begin.Add(time.Minute)}})
			s.Poke()
			synctest.Wait()
			offset = -time.Hour
			s.Poke()
			time.Sleep(2 * time.Hour)
			require.NoError(t, s.stop())
			assert.Len(t, s.journal("alarm.rang"), 1)
			assert.Less(t, len(s.passes), 2*360+10, "a pass every ten seconds")
		})
	})
}

func seconds(ds []time.Duration) []time.Duration {
	out := make([]time.Duration, len(ds))
	for i, d := range ds {
		out[i] = d / time.Second
	}
	return out
}
