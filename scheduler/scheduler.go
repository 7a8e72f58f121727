package scheduler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// Config is what a scheduler can be told. The zero value is ready for use.
type Config struct {
	// Clock tells the time. It should be the clock of the services. Defaults to the clock of the machine.
	Clock func() time.Time
	// Actor gives the commands, for the tenant of the record or event at hand. Defaults to "system/scheduler" with [itsm.RoleSystem].
	Actor itsm.Actor
	// Tenant owns the records that say how far each reaction has come. No hospital should have its name. Defaults to "itsm".
	Tenant itsm.Tenant
	// Batch is how many wakes of a kind, or entries of the journal, are read at once. Defaults to 256.
	Batch int
	// Workers is how many wakes are given at the same time. They are begun in due order, and with one worker each is over
	// before the next begins. Defaults to 1.
	Workers int
	// Timeout bounds one wake, or one event of a reaction, by its context. Defaults to a minute.
	Timeout time.Duration
	// MaxWait is how long [Scheduler.Run] sleeps at most: how late it may find out what another process has committed,
	// or this one without a [Scheduler.Poke]. Defaults to 10 seconds.
	MaxWait time.Duration
	// Backoff says how long to wait before what failed is tried again.
	Backoff Backoff
	// Tries is after how many failed tries an event of a reaction is given up; see [Scheduler.Unhandled]. Defaults to 0: never.
	Tries int
	// Logger gets a line for each failure (warning) and each panic (error). Defaults to none.
	Logger *slog.Logger
	// Observe gets the report of each pass of [Scheduler.Run], for measures. Defaults to nothing.
	Observe func(Report)
}

// Backoff says how long to wait before what failed is tried again: First after the first failure, then twice as long each
// time, but not longer than Most.
type Backoff struct {
	First time.Duration // Defaults to a second.
	Most  time.Duration // Defaults to five minutes.
	// Refused is after how long a command that was refused is decided anew; until then a new try gets the same answer. Each
	// decision leaves an entry in the journal. Defaults to an hour.
	Refused time.Duration
}

// after returns the wait after some failures in a row.
func (b Backoff) after(failures int) time.Duration {
	d := b.First
	for range failures - 1 {
		if d >= b.Most/2 {
			return b.Most
		}
		d *= 2
	}
	return min(d, b.Most)
}

func (c *Config) complete() (faults []error) {
	for _, d := range []struct {
		field    string
		value    *time.Duration
		standard time.Duration
	}{
		{"Timeout", &c.Timeout, time.Minute}, {"MaxWait", &c.MaxWait, 10 * time.Second}, {"Backoff.First", &c.Backoff.First, time.Second},
		{"Backoff.Most", &c.Backoff.Most, 5 * time.Minute}, {"Backoff.Refused", &c.Backoff.Refused, time.Hour},
	} {
		if *d.value < 0 {
			faults = append(faults, fmt.Errorf("%s is %v: want more than 0, or 0 for %v", d.field, *d.value, d.standard))
		}
		if *d.value == 0 {
			*d.value = d.standard
		}
	}
	for _, n := range []struct {
		field    string
		value    *int
		standard int
	}{{"Batch", &c.Batch, 256}, {"Workers", &c.Workers, 1}, {"Tries", &c.Tries, 0}} {
		if *n.value < 0 {
			faults = append(faults, fmt.Errorf("%s is %d: want more than 0, or 0 for the default", n.field, *n.value))
		}
		if *n.value == 0 {
			*n.value = n.standard
		}
	}
	if c.Clock == nil {
		c.Clock = systemClock
	}
	if c.Actor.ID == "" {
		c.Actor.ID = "system/scheduler"
	}
	if len(c.Actor.Roles) == 0 {
		c.Actor.Roles = []itsm.Role{itsm.RoleSystem}
	}
	if c.Tenant == "" {
		c.Tenant = "itsm"
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return faults
}

// A Scheduler wakes records and carries events to reactions. It is safe for concurrent use; make one with [New]. Passes of one
// scheduler take turns. Several schedulers may work on one store, in one process or many.
type Scheduler struct {
	db        store.DB
	cfg       Config
	wakers    []*waker
	reactions []*reaction
	turn      chan struct{} // holds one token: whoever has it makes a pass
	poke      chan struct{}
}

// A Job is something that a scheduler does. [Wake], [On] and [React] make them; a Job may be given to several schedulers.
type Job struct {
	wake     *wakeJob
	reaction *reactJob
	err      error
}

// New returns a scheduler of the jobs over a store. It reports everything that is wrong with the configuration and the jobs at once.
// It reads nothing and starts nothing: call [Scheduler.Run], or [Scheduler.Tick].
func New(db store.DB, cfg Config, jobs ...Job) (*Scheduler, error) {
	s := &Scheduler{db: db, cfg: cfg, turn: make(chan struct{}, 1), poke: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	faults := s.cfg.complete()
	kinds, names := make(map[itsm.Kind]bool), make(map[string]bool)
	for i, job := range jobs {
		switch {
		case job.err != nil:
			faults = append(faults, fmt.Errorf("job %d: %w", i+1, job.err))
		case job.wake != nil:
			if kinds[job.wake.kind] {
				faults = append(faults, fmt.Errorf("job %d: records of kind %s are woken by two jobs", i+1, job.wake.kind))
			}
			kinds[job.wake.kind] = true
			s.wakers = append(s.wakers, &waker{wakeJob: *job.wake, failing: make(map[itsm.Key]*failure)})
		case job.reaction != nil:
			if names[job.reaction.name] {
				faults = append(faults, fmt.Errorf("job %d: two reactions are called %q", i+1, job.reaction.name))
			}
			names[job.reaction.name] = true
			s.reactions = append(s.reactions, newReaction(*job.reaction, s.cfg.Tenant))
		default:
			faults = append(faults, fmt.Errorf("job %d is empty: make it with Wake, On or React", i+1))
		}
	}
	if faults != nil {
		return nil, fmt.Errorf("%w: scheduler: %w", itsm.ErrInvalid, errors.Join(faults...))
	}
	return s, nil
}

// Poke tells [Scheduler.Run] that something was committed, so that it need not wait. It never blocks, and pokes do not add up.
func (s *Scheduler) Poke() {
	select {
	case s.poke <- struct{}{}:
	default:
	}
}

// pass is what one Tick knows.
type pass struct {
	now    time.Time
	report Report
}

// Tick makes one pass: it gives every wake whose time has come by now, carries every new event to the reactions, and goes on
// until neither is left. What fails does not hold up the rest; it stands in the report and is tried again in a later pass. The
// error says that the store could not be asked, or that the context ended; the report then tells what was done before.
func (s *Scheduler) Tick(ctx context.Context) (Report, error) {
	select {
	case <-s.turn:
		defer func() { s.turn <- struct{}{} }()
	case <-ctx.Done():
		return Report{}, ctx.Err()
	}
	p := &pass{now: s.cfg.Clock().UTC().Truncate(time.Microsecond)}
	p.report.Now = p.now
	err := s.pass(ctx, p)
	for _, w := range s.wakers {
		p.report.Waiting += len(w.failing)
	}
	for _, r := range s.reactions {
		p.report.Waiting += len(r.place.Parked)
	}
	if ctx.Err() != nil {
		return p.report, ctx.Err()
	}
	next, fault := s.next(ctx, p.now)
	p.report.Next = next
	return p.report, errors.Join(err, fault)
}

// pass goes round until nothing is left to do. Wakes and pages of the journal alternate, so that neither a flood of events nor
// reactions that set off each other keep records from being woken. A reaction that cannot go on does not stop the others.
func (s *Scheduler) pass(ctx context.Context, p *pass) error {
	s.catchUp(ctx)
	var asleep error // why records cannot be woken in this pass
	for more := true; more; {
		if asleep == nil {
			asleep = s.wake(ctx, p)
		}
		more = false
		for _, r := range s.reactions {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if r.broken == nil {
				var again bool
				again, r.broken = s.page(ctx, p, r)
				more = more || again
			}
		}
	}
	faults := []error{asleep}
	for _, r := range s.reactions {
		if r.broken != nil {
			faults = append(faults, fmt.Errorf("scheduler: reaction %s: %w", r.name, r.broken))
		}
	}
	return errors.Join(faults...)
}

// next returns when there will be something to do, as far as the store knows now; zero when nothing is known.
func (s *Scheduler) next(ctx context.Context, now time.Time) (time.Time, error) {
	var next time.Time
	at := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	for _, w := range s.wakers {
		t, err := w.next(ctx, s.db, now)
		if err != nil {
			return time.Time{}, err
		}
		if !t.IsZero() {
			at(t)
		}
	}
	for _, r := range s.reactions {
		if t := r.next(); !t.IsZero() {
			at(t)
		}
	}
	return next, nil
}

// Run makes passes until the context ends, and then returns nil. Between two passes it sleeps until something is due, until
// [Scheduler.Poke], or for [Config.MaxWait]. When the store fails it tries again, except after the store was closed: then it
// returns [store.ErrClosed].
func (s *Scheduler) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	failures := 0
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-s.poke:
		}
		report, err := s.Tick(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if s.cfg.Observe != nil {
			s.cfg.Observe(report)
		}
		wait := s.cfg.MaxWait
		if !report.Next.IsZero() {
			wait = min(wait, max(0, report.Next.Sub(s.cfg.Clock())))
		}
		failures++
		switch {
		case errors.Is(err, store.ErrClosed):
			return err
		case err != nil:
			wait = min(s.cfg.MaxWait, max(wait, s.cfg.Backoff.First), s.cfg.Backoff.after(failures))
			s.cfg.Logger.WarnContext(ctx, "scheduler pass failed", "error", problem(err), "again_in", wait)
		default:
			failures = 0
		}
		timer.Reset(wait)
	}
}

// ErrPanic is the error of a wake or a reaction that panicked.
var ErrPanic = errors.New("it panicked")

// guard runs one wake or reaction as the system actor of a tenant: within its time, and without letting a panic out.
func (s *Scheduler) guard(ctx context.Context, tenant itsm.Tenant, fn func(ctx context.Context) error) (err error) {
	actor := s.cfg.Actor
	actor.Tenant = tenant
	ctx, cancel := context.WithTimeout(itsm.WithActor(ctx, actor), s.cfg.Timeout)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			s.cfg.Logger.ErrorContext(ctx, "scheduler job panicked", "tenant", tenant, "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: %v", ErrPanic, v)
		}
	}()
	return fn(ctx)
}

// A failure is something that is to be tried again.
type failure struct {
	at      time.Time // when the wake was due
	tries   int
	last    time.Time // when it failed last
	again   time.Time // when it is tried again
	listing int       // in which it was seen last
}

// waits reports whether it is too early for another try. After the clock was set back there is nothing to wait for.
func (f *failure) waits(now time.Time) bool { return now.Before(f.again) && !now.Before(f.last) }

func (f *failure) count(now time.Time, b Backoff) {
	f.tries++
	f.last, f.again = now, now.Add(b.after(f.tries))
}
