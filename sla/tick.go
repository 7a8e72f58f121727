package sla

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm/calendar"
)

// step is something that time alone brings about for a clock: its breach, or a rung.
type step struct {
	clock  int
	due    time.Time // when it should happen
	fire   time.Time // when it may be told: later than due in quiet hours
	rung   int       // index in the ladder, -1 for the breach
	nth    int       // repetition, from 1
	late   bool      // its time had passed before the clock was pinned
	silent bool
}

// passed is when the step is certain: a breach only after its instant.
func (s step) passed() time.Time {
	if s.rung < 0 {
		return s.due.Add(time.Microsecond)
	}
	return s.due
}

// Tick returns what time alone has brought about by now: rungs and breaches of live clocks that have not been told yet, in the order
// in which they were due. Each rung is told once for a clock and definition version. A breach is told after its instant, since
// whatever happens at that instant is still in time. There is nothing to do before [Sheet.NextWake].
func (c *Catalog) Tick(s Sheet, now time.Time) ([]Event, error) {
	now = micro(now)
	l := newLog(c, s)
	var steps []step
	for i := range s.clocks {
		k := &s.clocks[i]
		if !k.Live() || k.Wake.IsZero() || k.Wake.After(now) {
			continue
		}
		more, err := c.steps(k, now)
		if err != nil {
			return nil, err
		}
		steps = append(steps, more...)
	}
	slices.SortStableFunc(steps, func(a, b step) int {
		return cmp.Or(a.passed().Compare(b.passed()), a.clock-b.clock, a.rung-b.rung)
	})
	for _, st := range steps {
		e := Event{Clock: st.clock, Kind: KindBreach, At: st.due}
		if now.After(st.due) {
			e.Told = now
		}
		if st.rung >= 0 {
			t, err := c.pinned(&s.clocks[st.clock-1].Pin)
			if err != nil {
				return nil, err
			}
			e.Kind, e.Rung, e.Nth, e.Suppressed = KindRung, t.Ladder[st.rung].Name, st.nth, st.silent
		}
		if err := l.add(e); err != nil {
			return nil, err
		}
	}
	return l.finish(nil)
}

// steps lists what is due for a clock by now.
func (c *Catalog) steps(k *Clock, now time.Time) ([]step, error) {
	t, err := c.pinned(&k.Pin)
	if err != nil {
		return nil, err
	}
	w, err := c.track(k)
	if err != nil {
		return nil, err
	}
	var out []step
	if k.breach.at.IsZero() && !k.Breach.IsZero() && now.After(k.Breach) {
		out = append(out, step{clock: k.ID, due: k.Breach, rung: -1})
	}
	highest := -1
	for i := range t.Ladder {
		st, ok, err := c.next(k, t, w, k.Due, i)
		if err != nil {
			return nil, err
		}
		if !ok || st.fire.After(now) {
			continue
		}
		// Repetitions that have passed together are told as one, the latest.
		for st.nth < t.Ladder[i].Times {
			then, ok, err := c.repetition(k, t, w, k.Due, i, st.nth+1)
			if err != nil {
				return nil, err
			}
			if !ok || then.fire.After(now) {
				break
			}
			st = then
		}
		if st.late {
			highest = i
			st.silent = t.Late == Suppress
		}
		out = append(out, st)
	}
	if t.Late == Collapse {
		for i := range out {
			out[i].silent = out[i].late && out[i].rung < highest
		}
	}
	return out, nil
}

// wake is the earliest instant at which a live clock has something to tell.
func (c *Catalog) wake(k *Clock, t *target, w track, r Result) (time.Time, error) {
	var wake time.Time
	if k.breach.at.IsZero() && !r.Breach.IsZero() {
		wake = r.Breach.Add(time.Microsecond)
	}
	for i := range t.Ladder {
		st, ok, err := c.next(k, t, w, r.Due, i)
		if err != nil {
			return time.Time{}, err
		}
		if ok && (wake.IsZero() || st.fire.Before(wake)) {
			wake = st.fire
		}
	}
	return wake, nil
}

// next is the next step of a rung that has not been told; false when it is exhausted, acknowledged, or not reached as the clock stands.
func (c *Catalog) next(k *Clock, t *target, w track, due time.Time, i int) (step, bool, error) {
	if i <= t.rung(k.acked) {
		return step{}, false, nil
	}
	told := 0
	for _, f := range k.fired {
		if f.version == t.Version && f.rung == t.Ladder[i].Name {
			told = max(told, f.n)
		}
	}
	if told >= max(1, t.Ladder[i].Times) {
		return step{}, false, nil
	}
	return c.repetition(k, t, w, due, i, told+1)
}

// rung is the index of a rung by name, -1 when there is none.
func (t *target) rung(name string) int {
	return slices.IndexFunc(t.Ladder, func(r Rung) bool { return r.Name == name })
}

func (c *Catalog) repetition(k *Clock, t *target, w track, due time.Time, i, nth int) (step, bool, error) {
	st := step{clock: k.ID, rung: i, nth: nth}
	r := &t.Ladder[i]
	at, ok, err := w.point(r.At, due)
	if ok && nth > 1 {
		further := time.Duration(nth-1) * r.Every.d
		if r.Every.wall {
			at = at.Add(further)
		} else {
			at, ok, err = w.reach(w.elapsed(at) + further)
		}
	}
	if !ok || err != nil {
		return st, false, notHorizon(err)
	}
	// With carried time a point is passed, at the latest, when the clock begins.
	st.due, st.fire, st.late = at, at, at.Before(k.Pinned) || w.spent > 0 && !at.After(k.Pinned)
	if k.Pin.Hours != "" {
		hours := c.editions[k.Pin.Hours]
		if hours == nil {
			return st, false, fmt.Errorf("sla: calendar %s@%s: %w", t.Hours, k.Pin.Hours, ErrUnknownVersion)
		}
		if st.fire, err = nextOpen(hours, at); err != nil {
			return st, false, notHorizon(err)
		}
	}
	return st, true, nil
}

func nextOpen(cal *calendar.Calendar, t time.Time) (time.Time, error) {
	t, err := cal.NextOpen(t)
	return micro(t), err
}

// Acknowledge returns the event by which somebody takes notice of a rung of a live clock: it and the rungs below it are told no more. Without a
// name it is the highest rung told so far.
func (c *Catalog) Acknowledge(s Sheet, clock int, rung, by string, at time.Time) ([]Event, error) {
	k := s.clock(clock)
	if k == nil || !k.Live() {
		return nil, fmt.Errorf("sla: clock %d is not live: %w", clock, ErrEvents)
	}
	t, err := c.pinned(&k.Pin)
	if err != nil {
		return nil, err
	}
	if rung == "" {
		highest := -1
		for _, f := range k.fired {
			if f.version == t.Version {
				highest = max(highest, t.rung(f.rung))
			}
		}
		if highest < 0 {
			return nil, fmt.Errorf("sla: clock %d: no rung has been told yet: %w", clock, ErrEvents)
		}
		rung = t.Ladder[highest].Name
	}
	if t.rung(rung) < 0 {
		return nil, fmt.Errorf("sla: clock %d has no rung %q: %w", clock, rung, ErrEvents)
	}
	l := newLog(c, s)
	if err := l.add(Event{Clock: clock, Kind: KindAck, At: micro(at), Rung: rung, By: by}); err != nil {
		return nil, err
	}
	return l.finish(nil)
}
