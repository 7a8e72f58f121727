package sla

import (
	"fmt"
	"time"

	"github.com/hospital-itsm/itsm/calendar"
)

// Health is how a clock does. It is no state: a clock in any health may run, pause or have stopped.
type Health string

// The healths. A finished clock has that of its outcome.
const (
	OnTrack          Health = "on_track"
	Warning          Health = "warning" // a rung of the ladder has been reached
	HealthBreached   Health = "breached"
	HealthMet        Health = "met"
	HealthSuperseded Health = "superseded"
	HealthMerged     Health = "merged"
	HealthCancelled  Health = "cancelled"
)

// Status is a clock at an instant.
type Status struct {
	Clock      int       `json:"clock"`
	Metric     Metric    `json:"metric"`
	Cycle      int       `json:"cycle"`
	Definition string    `json:"definition"` // key@version
	Calendar   string    `json:"calendar"`   // key@version
	Goal       Goal      `json:"goal"`
	State      State     `json:"state"`
	Health     Health    `json:"health"`
	Outcome    Outcome   `json:"outcome,omitempty"` // of an ended clock
	Origin     time.Time `json:"origin,omitzero"`   // where it began to count
	Ended      time.Time `json:"ended,omitzero"`
	Due        time.Time `json:"due,omitzero"` // absent while paused
	// Breach is the instant after which the goal is passed: absent while that cannot be told, and when the clock was stopped in time.
	Breach time.Time `json:"breach,omitzero"`
	// From its origin to now, or to its end: Elapsed - Carried + Paused + Closed is the wall time.
	Elapsed   time.Duration `json:"elapsed"` // working time used, including what was carried over
	Carried   time.Duration `json:"carried,omitempty"`
	Paused    time.Duration `json:"paused,omitempty"`  // working time within pauses
	Closed    time.Duration `json:"closed,omitempty"`  // time outside the calendar
	Remaining time.Duration `json:"remaining"`         // working time left, negative after the due time; 0 while it cannot be told
	Percent   int           `json:"percent"`           // of the goal used, rounded down; 0 while it cannot be told
	Reached   []string      `json:"reached,omitempty"` // rungs of the ladder, whether told or not
	// Unpublished: the due time reaches into a year without a published holiday notice and may still move.
	Unpublished bool `json:"unpublished,omitempty"`
	Never       bool `json:"never,omitempty"` // the calendar does not open long enough within its horizon
}

// Status returns how each clock of the sheet stands at an instant, by ID. For an instant in the past it is what the events known today,
// corrections included, say about then. Everything is computed anew; nothing stored is relied upon.
func (c *Catalog) Status(s Sheet, now time.Time) ([]Status, error) {
	now = micro(now)
	if s.after(now) {
		s = s.AsOf(now)
	}
	out := make([]Status, 0, len(s.clocks))
	for i := range s.clocks {
		st, err := c.status(&s, &s.clocks[i], now)
		if err != nil {
			return nil, err
		}
		out = append(out, st)
	}
	return out, nil
}

func (c *Catalog) status(s *Sheet, k *Clock, now time.Time) (Status, error) {
	st := Status{
		Clock: k.ID, Metric: k.Pin.Metric, Cycle: k.Pin.Cycle, Definition: k.Pin.definition(), Calendar: k.Pin.calendar(), Goal: k.Pin.Goal,
		State: k.State, Health: OnTrack, Ended: k.Ended,
	}
	r, err := c.result(s, k)
	if err != nil {
		return st, err
	}
	st.Due, st.Breach, st.Outcome, st.Carried, st.Elapsed = r.Due, r.Breach, r.Outcome, r.Spent, r.Spent
	st.Unpublished, st.Never = r.Unpublished, r.Never
	until := now
	if !k.Ended.IsZero() {
		until = k.Ended
	}
	w, err := c.track(k)
	if err != nil {
		return st, err
	}
	w.spent = r.Spent
	if len(k.runs) > 0 {
		w.account(&st, until)
	}
	if k.Live() {
		err = c.ladder(&st, k, w, now)
	} else {
		st.Health = Health(r.Outcome)
	}
	return st, err
}

// account divides the wall time up.
func (w track) account(st *Status, until time.Time) {
	st.Origin = w.runs[0].from
	st.Elapsed = w.elapsed(until)
	for i, r := range w.runs {
		if r.to.IsZero() || !r.to.Before(until) {
			break
		}
		next := until
		if i+1 < len(w.runs) {
			next = w.runs[i+1].from
			if next.After(until) {
				next = until
			}
		}
		st.Paused += w.cal.Between(r.to, next)
	}
	if until.After(st.Origin) {
		st.Closed = until.Sub(st.Origin) - w.cal.Between(st.Origin, until)
	}
	total := w.goal.d
	switch {
	case w.goal.kind == work:
		st.Remaining = total - st.Elapsed
	case !st.Due.IsZero():
		st.Remaining = w.cal.Between(until, st.Due)
		total = w.running().elapsed(st.Due)
	default:
		return
	}
	if total > 0 {
		st.Percent = int(share(100*time.Microsecond, int64(st.Elapsed), int64(total)) / time.Microsecond)
	}
}

// ladder tells the health of a live clock by what it has passed.
func (c *Catalog) ladder(st *Status, k *Clock, w track, now time.Time) error {
	t, err := c.pinned(&k.Pin)
	if err != nil {
		return err
	}
	for i := range t.Ladder {
		at, ok, err := w.point(t.Ladder[i].At, st.Due)
		if notHorizon(err) != nil {
			return err
		}
		if ok && err == nil && !at.After(now) {
			st.Reached = append(st.Reached, t.Ladder[i].Name)
			st.Health = Warning
		}
	}
	if !st.Breach.IsZero() && now.After(st.Breach) {
		st.Health = HealthBreached
	}
	return nil
}

// An Explanation is the derivation of a due time or breach: which versions were used, which windows of the calendar were counted, and
// which pauses were not.
type Explanation struct {
	Status
	Why     string     `json:"why,omitempty"`     // how the clock ended, or took over
	Choices Choices    `json:"choices,omitempty"` // the candidates that applied when it was attached
	Carry   *Carry     `json:"carry,omitempty"`
	Counted []Counted  `json:"counted,omitempty"`
	Pauses  []Pause    `json:"pauses,omitempty"`
	Facts   []Event    `json:"facts,omitempty"` // breaches, amendments and corrections
	Years   []int      `json:"unpublished_years,omitempty"`
	Anchor  *time.Time `json:"anchor,omitempty"` // the time fact of a "before" goal
}

// Counted is a stretch in which the clock ran, with the windows of the calendar in it.
type Counted struct {
	From    time.Time       `json:"from"`
	To      time.Time       `json:"to"`
	Elapsed time.Duration   `json:"elapsed"`
	Windows []calendar.Span `json:"windows,omitempty"`
}

// Pause is a stretch in which the clock did not count.
type Pause struct {
	From    time.Time     `json:"from"`
	To      time.Time     `json:"to"`
	Reason  string        `json:"reason,omitempty"`
	Working time.Duration `json:"working"` // how much of it lies in the calendar
}

// Explain derives how a clock stands at an instant.
func (c *Catalog) Explain(s Sheet, clock int, now time.Time) (Explanation, error) {
	now = micro(now)
	if s.after(now) {
		s = s.AsOf(now)
	}
	k := s.clock(clock)
	if k == nil {
		return Explanation{}, fmt.Errorf("sla: clock %d: %w", clock, ErrEvents)
	}
	st, err := c.status(&s, k, now)
	if err != nil {
		return Explanation{}, err
	}
	w, err := c.track(k)
	if err != nil {
		return Explanation{}, err
	}
	x := Explanation{Status: st, Carry: k.Carry}
	until := now
	if !k.Ended.IsZero() {
		until = k.Ended
	}
	for i, r := range k.runs {
		if r.to.IsZero() {
			r.to = later(until, r.from)
		}
		run := Counted{From: r.from, To: r.to, Elapsed: w.cal.Between(r.from, r.to)}
		for span := range w.cal.Spans(r.from, r.to) {
			run.Windows = append(run.Windows, span)
		}
		x.Counted = append(x.Counted, run)
		next := until
		if i+1 < len(k.runs) {
			next = k.runs[i+1].from
		}
		if r.to.Before(next) {
			x.Pauses = append(x.Pauses, k.pauses(w.cal, r, next)...)
		}
	}
	for _, e := range s.events {
		if e.Clock != clock {
			continue
		}
		switch {
		case e.Kind == KindAttach:
			x.Choices = e.Choices
		case e.Kind.ends():
			x.Why = e.Why
		case e.Kind == KindBreach || e.Kind == KindAmend || e.Kind == KindAdjust || e.Kind == KindRepin:
			x.Facts = append(x.Facts, e)
		}
	}
	if !k.Due.IsZero() && st.Unpublished {
		x.Years = w.cal.Unpublished(st.Origin, st.Due)
	}
	if !k.Anchor.IsZero() {
		x.Anchor = &k.Anchor
	}
	return x, nil
}

// pauses divides the gap after a run by the reasons that held in it.
func (k *Clock) pauses(cal *calendar.Calendar, r run, to time.Time) []Pause {
	out := []Pause{{From: r.to, To: to, Reason: r.reason}}
	for _, m := range k.moves {
		last := &out[len(out)-1]
		if m.kind == KindPause && !m.void && m.at.After(last.From) && m.at.Before(to) && m.reason != last.Reason {
			last.To = m.at
			out = append(out, Pause{From: m.at, To: to, Reason: m.reason})
		}
	}
	for i := range out {
		out[i].Working = cal.Between(out[i].From, out[i].To)
	}
	return out
}
