package scheduler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// A Service is what [Wake] needs of a service of records: every [itsm.Service] and every service of a process package is one.
type Service[R, F any, C itsm.Command] interface {
	Kind() itsm.Kind
	Process() itsm.Process[R, F, C]
	Do(ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) (R, error)
}

// Wake is the job to give records of a service the command tick when their time has come ([itsm.Outline]). The records must lie in
// the store of the scheduler.
func Wake[R, F any, C itsm.Command](svc Service[R, F, C], tick itsm.Command) Job {
	if _, ok := tick.(C); !ok {
		return Job{err: fmt.Errorf("wake %s: %T is not one of its commands", svc.Kind(), tick)}
	}
	process := svc.Process()
	return Job{wake: &wakeJob{kind: svc.Kind(), give: func(ctx context.Context, id itsm.ID, once itsm.CommandID) (state, error) {
		rec, err := svc.Do(ctx, id, tick, itsm.Once(once))
		if err != nil {
			return state{}, err
		}
		return state{wake: process.Outline(rec).Wake, version: process.Meta(&rec).Version}, nil
	}}}
}

type wakeJob struct {
	kind itsm.Kind
	give func(ctx context.Context, id itsm.ID, once itsm.CommandID) (state, error)
}

// state is how a wake has left its record.
type state struct {
	wake    time.Time
	version uint64
}

// waker is a wakeJob at work.
type waker struct {
	wakeJob
	failing map[itsm.Key]*failure
	listing int // counts what was listed
}

// call is a wake that is to be given.
type call struct {
	store.Wake
	waker   *waker
	version uint64 // of the record, when the wake for this instant was given once and the record wants another; else 0
	times   int    // how often the record was woken before, in a row
	repeats int    // how often of them for this instant
}

// ErrStuck is the error of a record that, when it is woken, does not come to rest: its process does not do what the wake is for, or
// does it without end.
var ErrStuck = errors.New("woken, the record still wants to be woken")

// A record is woken so often in a row at most, and so often for one instant, so that one that moves on in tiny steps or not at all
// neither keeps the others waiting nor floods the journal.
const (
	mostWakes   = 1000
	mostRepeats = 100
)

// wake gives all wakes whose time has come.
func (s *Scheduler) wake(ctx context.Context, p *pass) error {
	var given map[itsm.Key]time.Time // what was given last, and when it was due
	for {
		due, horizon, err := s.list(ctx, p, given)
		if err != nil || len(due) == 0 {
			return err
		}
		given = make(map[itsm.Key]time.Time, len(due))
		for len(due) > 0 {
			n := min(s.cfg.Workers, len(due))
			states, errs := s.give(ctx, due[:n:n])
			again := make([]call, 0, n)
			for i, c := range due[:n:n] {
				p.late(c.At)
				given[c.Key] = c.At
				if next, more := s.settle(ctx, p, c, states[i], errs[i]); more && (horizon == nil || compareCalls(next, *horizon) <= 0) {
					again = append(again, next)
				}
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			due = due[n:]
			for _, c := range again {
				at, _ := slices.BinarySearchFunc(due, c, compareCalls)
				due = slices.Insert(due, at, c)
			}
		}
	}
}

func compareCalls(a, b call) int {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Key.Tenant, b.Key.Tenant), cmp.Compare(a.Key.Kind, b.Key.Kind), cmp.Compare(a.Key.ID, b.Key.ID))
}

// list returns the next wakes of all kinds in due order, without those that wait for another try. It reaches up to the horizon, and
// as far as now if that is nil.
func (s *Scheduler) list(ctx context.Context, p *pass, given map[itsm.Key]time.Time) (due []call, horizon *call, err error) {
	for _, w := range s.wakers {
		// Those that wait stand at the head of the list, so it must reach behind them. It grows with their number, which
		// keeps the work in proportion when all of many fail.
		limit := s.cfg.Batch + 2*len(w.failing)
		found, err := s.db.Due(ctx, w.kind, p.now, limit)
		if err != nil {
			return nil, nil, fmt.Errorf("scheduler: what is due of %s: %w", w.kind, err)
		}
		w.listing++
		for _, wake := range found {
			if f := w.failing[wake.Key]; f != nil {
				f.listing = w.listing
				if f.at.Equal(wake.At) && f.waits(p.now) {
					continue
				}
			}
			if at, ok := given[wake.Key]; ok && at.Equal(wake.At) && w.failing[wake.Key] == nil {
				s.stuck(ctx, p, call{Wake: wake, waker: w})
				continue
			}
			due = append(due, call{Wake: wake, waker: w})
		}
		if len(found) == limit {
			if last := (call{Wake: found[limit-1]}); horizon == nil || compareCalls(last, *horizon) < 0 {
				horizon = &last
			}
			continue
		}
		// What failed and is not due any more was dealt with by somebody else.
		maps.DeleteFunc(w.failing, func(_ itsm.Key, f *failure) bool { return f.listing != w.listing })
	}
	slices.SortFunc(due, compareCalls)
	if horizon != nil {
		due = slices.DeleteFunc(due, func(c call) bool { return compareCalls(c, *horizon) > 0 })
	}
	return due, horizon, nil
}

// give gives some wakes side by side.
func (s *Scheduler) give(ctx context.Context, calls []call) ([]state, []error) {
	states, errs := make([]state, len(calls)), make([]error, len(calls))
	if len(calls) == 1 {
		states[0], errs[0] = s.giveOne(ctx, &calls[0])
		return states, errs
	}
	var all sync.WaitGroup
	for i := range calls {
		all.Go(func() { states[i], errs[i] = s.giveOne(ctx, &calls[i]) })
	}
	all.Wait()
	return states, errs
}

func (s *Scheduler) giveOne(ctx context.Context, c *call) (after state, err error) {
	id := deriveID("wake", string(c.Key.Kind), string(c.Key.ID), number(c.At.UnixMicro()), number(c.version))
	err = s.guard(ctx, c.Key.Tenant, func(ctx context.Context) error {
		if c.waker.failing[c.Key] != nil {
			if id, err = s.standing(ctx, c.Key.Tenant, id, s.cfg.Backoff.Refused); err != nil {
				return err
			}
		}
		after, err = c.waker.give(ctx, c.Key.ID, id)
		return err
	})
	return after, err
}

// settle takes note of how a wake went, and returns the next one if the record wants to be woken again at once.
func (s *Scheduler) settle(ctx context.Context, p *pass, c call, after state, err error) (next call, again bool) {
	if err != nil {
		if ctx.Err() == nil { // to be stopped is no failure
			s.wakeFailed(ctx, p, c, err)
		}
		return call{}, false
	}
	p.report.Woken++
	moved := !after.wake.Equal(c.At)
	switch {
	case after.wake.IsZero() || after.wake.After(p.now):
		delete(c.waker.failing, c.Key)
		return call{}, false
	case !moved && after.version == c.version:
		s.stuck(ctx, p, c)
		return call{}, false
	}
	next = call{Wake: store.Wake{Key: c.Key, At: after.wake}, waker: c.waker, times: c.times + 1}
	if !moved { // the command ID of this instant has done its work; the version makes another
		next.version, next.repeats = after.version, c.repeats+1
	}
	if next.times == mostWakes || next.repeats == mostRepeats {
		s.stuck(ctx, p, next)
		return call{}, false
	}
	return next, true
}

func (s *Scheduler) stuck(ctx context.Context, p *pass, c call) {
	s.wakeFailed(ctx, p, c, fmt.Errorf("%w, for %s", ErrStuck, c.At.Format(time.RFC3339Nano)))
}

func (s *Scheduler) wakeFailed(ctx context.Context, p *pass, c call, err error) {
	f := c.waker.failing[c.Key]
	if f == nil {
		f = &failure{listing: c.waker.listing}
		c.waker.failing[c.Key] = f
	}
	f.at = c.At
	f.count(p.now, s.cfg.Backoff)
	s.failed(ctx, p, Failure{Key: c.Key, Due: c.At, Tries: f.tries, Again: f.again, Err: err})
}

// next returns when a record is to be woken next, or woken again after a failure.
func (w *waker) next(ctx context.Context, db store.DB, now time.Time) (time.Time, error) {
	var next time.Time
	for _, f := range w.failing { //maporder: the earliest
		if next.IsZero() || f.again.Before(next) {
			next = f.again
		}
	}
	found, err := db.Due(ctx, w.kind, time.Time{}, len(w.failing)+1)
	if err != nil {
		return time.Time{}, fmt.Errorf("scheduler: what is due of %s: %w", w.kind, err)
	}
	for _, wake := range found {
		if f := w.failing[wake.Key]; f != nil && f.at.Equal(wake.At) {
			continue
		}
		if next.IsZero() || wake.At.Before(next) {
			next = wake.At
		}
		break
	}
	return next, nil
}
