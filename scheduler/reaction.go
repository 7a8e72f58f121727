package scheduler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
)

// A Source is what [On] needs of a service: every [itsm.Service] and every service of a process package is one.
type Source interface {
	Kind() itsm.Kind
	Decode(ev *itsm.Event) error
}

// On is the job to call react for each event of a type that records of src have. The type is that of the payload that react takes.
//
// The context of react has the system actor of the event's tenant; [Do] gives commands with it. When react returns an error, the event
// is tried again, for ever or until [Config.Tries], and later events of the same record wait for it; those of other records do not. An
// event may be handled more than once: what react does by [Do] has its effect once, what else it does it must be able to do again.
//
// The name says which cursor is the reaction's, so it must stay the same and be unique in the store. A new name begins with the first
// entry of the journal, or where [Job.Since] says.
func On[P itsm.Payload](name string, src Source, react func(ctx context.Context, ev itsm.Event, what P) error) Job {
	var zero P
	if any(zero) == nil {
		return Job{err: fmt.Errorf("reaction %q: its event must be one type, not an interface", name)}
	}
	filter := itsm.Filter{Kind: src.Kind(), Types: []string{zero.EventType()}}
	return React(name, filter, func(ctx context.Context, ev itsm.Event) error {
		if err := src.Decode(&ev); err != nil {
			return err
		}
		what, ok := ev.Payload.(P)
		if !ok {
			return fmt.Errorf("%w: the service decodes event %s as %T, not as %T", itsm.ErrInvalid, ev.Type, ev.Payload, zero)
		}
		return react(ctx, ev, what)
	})
}

// React is [On] for events of any types and kinds. The payload is not decoded. ID, Command and Limit of the filter must be unset.
func React(name string, filter itsm.Filter, react func(ctx context.Context, ev itsm.Event) error) Job {
	const allowed = "abcdefghijklmnopqrstuvwxyz0123456789_.-"
	var faults []error
	if name == "" || len(name) > 100 || strings.Trim(name, allowed) != "" {
		faults = append(faults, fmt.Errorf("reaction %q: want a name of lower-case letters, digits, _ . and -, at most 100", name))
	}
	if filter.ID != "" || filter.Command != "" || filter.Limit != 0 {
		faults = append(faults, fmt.Errorf("reaction %q: its filter must leave ID, Command and Limit unset", name))
	}
	if react == nil {
		faults = append(faults, fmt.Errorf("reaction %q: its function is nil", name))
	}
	if faults != nil {
		return Job{err: errors.Join(faults...)}
	}
	return Job{reaction: &reactJob{name: name, filter: filter, react: react}}
}

// Since returns the job of a reaction that passes over what was recorded before t: for a new reaction to an old journal.
func (j Job) Since(t time.Time) Job {
	if j.reaction == nil {
		return Job{err: errors.Join(j.err, errors.New("only a reaction begins at an instant"))}
	}
	since := *j.reaction
	since.since = t
	j.reaction = &since
	return j
}

type reactJob struct {
	name   string
	filter itsm.Filter
	since  time.Time
	react  func(ctx context.Context, ev itsm.Event) error
}

// reaction is a reactJob at work.
type reaction struct {
	reactJob
	cursor  itsm.Key
	loaded  bool
	place   place
	seq     uint64       // of the cursor in the store
	changed bool         // something happened that the cursor in the store does not know
	passed  int          // entries since the cursor was saved
	givenUp []*Unhandled // likewise
	broken  error        // why it cannot go on in this pass
	full    bool         // it was reported in this pass that too many events wait
}

func newReaction(job reactJob, tenant itsm.Tenant) *reaction {
	return &reaction{reactJob: job, cursor: itsm.Key{Tenant: tenant, Kind: KindCursor, ID: itsm.ID(job.name)}}
}

// ErrFull is the error of a reaction that does not read on, because too many of its events wait for another try.
var ErrFull = errors.New("too many events wait: the reaction waits with them")

// page lets a reaction handle one page of the journal, and reports whether there may be more. The journal is read whole, and the
// filter applied here: so the cursor moves on where nothing matches, and nothing is looked at twice.
func (s *Scheduler) page(ctx context.Context, p *pass, r *reaction) (more bool, err error) {
	err = s.retry(ctx, p, r)
	var events []itsm.Event
	if err == nil && !s.isFull(ctx, p, r) {
		events, err = s.read(ctx, r.place.Position)
	}
	for i := range events {
		if len(r.place.Parked) == mostParked {
			break
		}
		ev := &events[i]
		if r.filter.Matches(ev) && !ev.Recorded.Before(r.since) {
			s.meet(ctx, p, r, *ev)
			if ctx.Err() != nil {
				break // it counts as not met
			}
			r.changed = true
		}
		r.place.Position = ev.Position
		r.passed++
		more = true
	}
	if r.changed || r.passed >= s.cfg.Batch {
		saved, failed := s.save(ctx, r)
		more, err = more || !saved, errors.Join(err, failed)
	}
	return more, err
}

// read reads a page of the journal. It is taken out whole, so that no reaction runs while the store is being read.
func (s *Scheduler) read(ctx context.Context, after itsm.Position) (events []itsm.Event, err error) {
	for ev, err := range s.db.Events(ctx, after, itsm.Filter{Limit: s.cfg.Batch}) {
		if err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		events = append(events, ev)
	}
	return events, nil
}

func (s *Scheduler) isFull(ctx context.Context, p *pass, r *reaction) bool {
	if len(r.place.Parked) < mostParked {
		return false
	}
	if !r.full {
		r.full = true
		e := r.place.Parked[0]
		s.failed(ctx, p, Failure{Reaction: r.name, Key: e.Key, Seq: e.Seq, Due: e.Recorded, Tries: e.Tries, Again: r.next(), Err: ErrFull})
	}
	return true
}

// meet handles an event that comes for the first time, or parks it.
func (s *Scheduler) meet(ctx context.Context, p *pass, r *reaction, ev itsm.Event) {
	e := &parked{Key: ev.Key, Seq: ev.Seq, Recorded: ev.Recorded}
	waits := slices.ContainsFunc(r.place.Parked, func(before *parked) bool { return before.Key == e.Key })
	if !waits {
		err := s.handle(ctx, r, ev, &occasion{})
		waits = s.tried(ctx, p, r, e, err) && ctx.Err() == nil
	}
	if waits {
		r.place.Parked = append(r.place.Parked, e)
	}
}

// retry tries parked events again, those of one record in order.
func (s *Scheduler) retry(ctx context.Context, p *pass, r *reaction) error {
	var fault error
	held := make(map[itsm.Key]bool)
	r.place.Parked = slices.DeleteFunc(r.place.Parked, func(e *parked) bool {
		if held[e.Key] || e.failure.waits(p.now) || fault != nil || ctx.Err() != nil {
			held[e.Key] = true
			return false
		}
		ev, err := s.entry(ctx, e.Key, e.Seq)
		switch {
		case err == nil:
			err = s.handle(ctx, r, ev, &occasion{again: e.Tries > 0, stands: s.cfg.Backoff.Refused})
		case !errors.Is(err, itsm.ErrNotFound):
			fault, held[e.Key] = fmt.Errorf("journal: %w", err), true
			return false
		}
		r.changed = true
		held[e.Key] = s.tried(ctx, p, r, e, err)
		return !held[e.Key]
	})
	return fault
}

// tried takes note of how an event was handled, and reports whether it is to be kept for another try.
func (s *Scheduler) tried(ctx context.Context, p *pass, r *reaction, e *parked, err error) (keep bool) {
	if ctx.Err() != nil {
		return true // it counts as not tried
	}
	if err == nil {
		p.report.Handled++
		p.late(e.Recorded)
		return false
	}
	e.Tries++
	e.Problem = problem(err)
	f := Failure{Reaction: r.name, Key: e.Key, Seq: e.Seq, Due: e.Recorded, Tries: e.Tries, Err: err}
	if s.cfg.Tries > 0 && e.Tries >= s.cfg.Tries {
		r.givenUp = append(r.givenUp, e.unhandled(r, givenUpOpen))
	} else {
		e.failure.tries = e.Tries - 1
		e.failure.count(p.now, s.cfg.Backoff)
		f.Again, keep = e.failure.again, true
	}
	s.failed(ctx, p, f)
	return keep
}

// handle calls the reaction once.
func (s *Scheduler) handle(ctx context.Context, r *reaction, ev itsm.Event, o *occasion) error {
	o.scheduler, o.reaction, o.key, o.seq = s, r.name, ev.Key, ev.Seq
	return s.guard(context.WithValue(ctx, occasionKey{}, o), ev.Tenant, func(ctx context.Context) error { return r.react(ctx, ev) })
}

// entry reads one entry of the journal of a record.
func (s *Scheduler) entry(ctx context.Context, key itsm.Key, seq uint64) (itsm.Event, error) {
	for ev, err := range s.db.Events(ctx, "", itsm.Filter{Tenant: key.Tenant, Kind: key.Kind, ID: key.ID}) {
		if err != nil || ev.Seq == seq {
			return ev, err
		}
	}
	return itsm.Event{}, fmt.Errorf("entry %d of the journal of %s: %w", seq, key, itsm.ErrNotFound)
}

// next returns when a parked event is tried again; zero when none is parked.
func (r *reaction) next() (next time.Time) {
	held := make(map[itsm.Key]bool)
	for _, e := range r.place.Parked {
		if !held[e.Key] && (next.IsZero() || e.failure.again.Before(next)) {
			next = e.failure.again
		}
		held[e.Key] = true
	}
	return next
}
