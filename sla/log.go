package sla

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm/calendar"
)

// log collects events over a working copy of a sheet and gives each its results.
type log struct {
	*Catalog
	sheet Sheet
	first int // number of events before
	owned bool
}

func newLog(c *Catalog, s Sheet) *log {
	return &log{Catalog: c, sheet: s, first: len(s.events)}
}

// own makes the sheet a copy that may be written to.
func (l *log) own() {
	if l.owned {
		return
	}
	l.owned = true
	l.sheet.events = append(make([]Event, 0, len(l.sheet.events)+8), l.sheet.events...)
	l.sheet.clocks = append(make([]Clock, 0, len(l.sheet.clocks)+4), l.sheet.clocks...)
}

// add appends an event, folds it and stores what it leads to.
func (l *log) add(e Event) error {
	l.own()
	e.Seq = len(l.sheet.events) + 1
	if k := l.sheet.clock(e.Clock); k != nil {
		e.Result = k.Result
		if e.Kind == KindAmend {
			// The fold takes the amended instant of a breach from the event itself.
			r, err := l.result(&l.sheet, k)
			if err != nil {
				return err
			}
			e.Result = r
		}
	}
	if e.Pin != nil {
		e.Definition, e.Calendar = e.Pin.definition(), e.Pin.calendar()
	} else if k := l.sheet.clock(e.Clock); k != nil {
		e.Definition, e.Calendar = k.definition, k.calendar
	}
	l.sheet.events = append(l.sheet.events, e)
	l.sheet.fold(&e)
	k := l.sheet.clock(e.Clock)
	if k == nil {
		return fmt.Errorf("sla: clock %d: %w", e.Clock, ErrEvents)
	}
	r, err := l.result(&l.sheet, k)
	if err != nil {
		return err
	}
	k.Result = r
	l.sheet.events[e.Seq-1].Result = r
	return nil
}

// end closes a clock. A breach that has happened by then becomes a fact first.
func (l *log) end(e Event) error {
	k := &l.sheet.clocks[e.Clock-1]
	if k.breach.at.IsZero() && !k.Breach.IsZero() && e.At.After(k.Breach) {
		if err := l.add(Event{Clock: k.ID, Kind: KindBreach, At: k.Breach, Told: e.At}); err != nil {
			return err
		}
	}
	return l.add(e)
}

// finish settles the clocks that moved without an event of their own, and returns the new events.
func (l *log) finish(strict func(*Clock) error) ([]Event, error) {
	if !l.owned {
		return nil, nil
	}
	if err := l.settle(); err != nil {
		return nil, err
	}
	out := slices.Clip(l.sheet.events[l.first:])
	if strict != nil {
		for _, e := range out {
			if err := strict(&l.sheet.clocks[e.Clock-1]); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// settle amends due times and breach facts that no longer follow from the events.
func (l *log) settle() error {
	for id := 1; id <= len(l.sheet.clocks); id++ {
		k := &l.sheet.clocks[id-1]
		at := l.sheet.events[len(l.sheet.events)-1].At
		// Every event has brought its own clock up to date; what another clock took over may have moved since.
		r := k.Result
		if k.Carry != nil {
			var err error
			if r, err = l.result(&l.sheet, k); err != nil {
				return err
			}
		}
		fact := k.breach
		switch {
		case !fact.at.IsZero() && !r.Breach.Equal(fact.at):
			// A later breach is told again when its time comes; an earlier one has passed for certain.
			gone := r.Breach.IsZero() || r.Breach.After(fact.at) && k.Live()
			if err := l.add(Event{Clock: id, Kind: KindAmend, At: at, Ref: fact.seq, Was: fact.at, Void: gone}); err != nil {
				return err
			}
		case fact.at.IsZero() && !k.Live() && !r.Breach.IsZero():
			if err := l.add(Event{Clock: id, Kind: KindBreach, At: r.Breach, Told: at}); err != nil {
				return err
			}
		case !r.equal(k.Result):
			if err := l.add(Event{Clock: id, Kind: KindAmend, At: at, Was: k.Due}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r Result) equal(q Result) bool {
	return r.Due.Equal(q.Due) && r.Breach.Equal(q.Breach) && r.Wake.Equal(q.Wake) && r.Spent == q.Spent &&
		r.Outcome == q.Outcome && r.Unpublished == q.Unpublished && r.Never == q.Never
}

// result computes from the events of a clock, and of those it took over from, what follows for it.
func (c *Catalog) result(s *Sheet, k *Clock) (Result, error) {
	var r Result
	t, err := c.pinned(&k.Pin)
	if err != nil {
		return r, err
	}
	w, err := c.track(k)
	if err != nil {
		return r, err
	}
	if w.spent, err = c.spent(s, k); err != nil {
		return r, err
	}
	r.Spent = w.spent
	if len(k.runs) == 0 {
		if k.end != "" {
			r.Outcome = k.outcome(time.Time{})
		}
		return r, nil
	}
	open := w
	if !k.Ended.IsZero() && k.runs[len(k.runs)-1].to.Equal(k.Ended) {
		open = w.running()
	}
	due, known, err := open.due()
	if err != nil {
		if notHorizon(err) != nil {
			return r, fmt.Errorf("sla: %s: %w", k.Pin.definition(), err)
		}
		r.Never = true
	}
	if known {
		r.Due = due
		r.Unpublished = !w.cal.Published(k.runs[0].from, due)
		breach, ok, err := w.breach(due)
		if notHorizon(err) != nil {
			return r, err
		}
		if ok && (k.Live() || k.Ended.After(breach)) {
			r.Breach = breach
		}
	}
	if k.end != "" {
		r.Outcome = k.outcome(r.Breach)
		return r, nil
	}
	r.Wake, err = c.wake(k, t, w, r)
	return r, err
}

// outcome is the end of a clock that has ended.
func (k *Clock) outcome(breach time.Time) Outcome {
	breached := !breach.IsZero() && k.Ended.After(breach)
	switch k.end {
	case KindStop:
		if breached {
			return Breached
		}
		return Met
	case KindReset:
		if breached {
			return Breached
		}
		return Superseded
	case KindMerge:
		return Merged
	case KindCancel:
		return Cancelled
	}
	return Superseded
}

// spent is the working time that a clock takes over.
func (c *Catalog) spent(s *Sheet, k *Clock) (time.Duration, error) {
	from := s.clock(carriedFrom(k))
	if from == nil || k.Carry.Policy != KeepElapsed && k.Carry.Policy != Fraction {
		return 0, nil
	}
	w, err := c.track(from)
	if err != nil || k.Carry.Policy == KeepElapsed {
		return w.elapsed(k.Attached), err
	}
	used := w.elapsed(k.Attached)
	if w.goal.kind != work {
		// A goal in days is as long as the working time up to its due time.
		if n := len(w.runs); n > 0 && w.runs[n-1].to.Before(k.Attached) {
			w.runs = append(w.runs[:n:n], run{from: k.Attached})
		}
		w = w.running()
		due, known, err := w.due()
		if err != nil || !known {
			return 0, notHorizon(err)
		}
		return share(k.Pin.Goal.d, int64(used), int64(w.total(due))), nil
	}
	return share(k.Pin.Goal.d, int64(used), int64(w.goal.d)), nil
}

func notHorizon(err error) error {
	if errors.Is(err, calendar.ErrHorizon) {
		return nil
	}
	return err
}

// strict refuses a due time in an unpublished year where the definition says so.
func (c *Catalog) strict(k *Clock) error {
	t, err := c.pinned(&k.Pin)
	if err != nil || !t.Strict || !k.Unpublished || !k.Live() {
		return err
	}
	return fmt.Errorf("sla: %s would be due %s by calendar %s: %w", k.Pin.definition(), k.Due.Format(time.RFC3339), k.Pin.calendar(), ErrUnpublished)
}
