package sla

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// A Correction changes the time of a start, pause, resumption, stop or end that was recorded wrongly, or takes it back. The event stays
// as it was, beside the correction.
type Correction struct {
	Event int       // its Seq
	At    time.Time // the right time; not used with Void
	Void  bool      // it did not happen
	By    string    // who answers for the correction; required
	Why   string    // required
}

// Adjust returns the events of a correction: the correction itself, and the amendments of due times and breach facts that follow. What ended
// a clock because another one took over cannot be corrected.
func (c *Catalog) Adjust(s Sheet, fix Correction) ([]Event, error) {
	l := newLog(c, s)
	if err := l.adjust(fix); err != nil {
		return nil, err
	}
	return l.finish(nil)
}

func (l *log) adjust(fix Correction) error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("sla: correction of event %d: %s: %w", fix.Event, fmt.Sprintf(format, args...), ErrEvents)
	}
	if fix.By == "" || fix.Why == "" {
		return wrong("who and why are required")
	}
	if fix.Event < 1 || fix.Event > len(l.sheet.events) {
		return wrong("there are events 1 to %d", len(l.sheet.events))
	}
	target := l.sheet.events[fix.Event-1]
	k := l.sheet.clock(target.Clock)
	if k == nil || !target.Kind.moves() || target.Kind == KindRetarget || target.Kind == KindReset {
		return wrong("the time of kind %s cannot be corrected", target.Kind)
	}
	if target.Kind.ends() && l.sheet.latest(k.Pin.Metric).ID != k.ID {
		return wrong("a later clock of metric %s exists", k.Pin.Metric)
	}
	e := Event{Clock: k.ID, Kind: KindAdjust, Ref: fix.Event, At: micro(fix.At), Void: fix.Void, By: fix.By, Why: fix.Why}
	for _, m := range k.moves {
		if m.seq == fix.Event {
			e.Was = m.at
		}
	}
	if fix.Void {
		e.At = e.Was
	} else if fix.At.IsZero() {
		return wrong("the right time is missing")
	}
	return l.add(e)
}

// Revive returns the events that take a merge back: clocks go on as if it had not happened.
func (c *Catalog) Revive(s Sheet, by, why string) ([]Event, error) {
	l := newLog(c, s)
	for _, e := range s.events {
		if e.Kind == KindMerge && s.clocks[e.Clock-1].end == KindMerge {
			if err := l.adjust(Correction{Event: e.Seq, Void: true, By: by, Why: why}); err != nil {
				return nil, err
			}
		}
	}
	return l.finish(nil)
}

// A Move is a live clock whose due time or breach would be another one under newer versions.
type Move struct {
	Clock  int    `json:"clock"`
	From   Pin    `json:"from"`
	To     Pin    `json:"to"`
	Before Result `json:"before"`
	After  Result `json:"after"`
}

// Moved lists the live clocks that the versions of a newer catalog would move, by ID. It changes nothing. The newer catalog must still have, as
// archive, the calendars to which clocks are pinned.
func (c *Catalog) Moved(s Sheet, newer *Catalog) ([]Move, error) {
	var out []Move
	for i := range s.clocks {
		k := s.clocks[i]
		pin := newer.renew(c, &k)
		if !k.Live() || pin == k.Pin {
			continue
		}
		m := Move{Clock: k.ID, From: k.Pin, To: pin, Before: k.Result}
		k.Pin = pin
		var err error
		if m.After, err = newer.result(&s, &k); err != nil {
			return nil, err
		}
		if !m.After.Due.Equal(m.Before.Due) || !m.After.Breach.Equal(m.Before.Breach) || m.After.Never != m.Before.Never {
			out = append(out, m)
		}
	}
	return out, nil
}

// Repin returns the events by which the named live clocks take the current versions of their definitions and calendars, and their due times
// move. Who and why are recorded.
func (c *Catalog) Repin(s Sheet, at time.Time, by, why string, clocks ...int) ([]Event, error) {
	l := newLog(c, s)
	for _, id := range clocks {
		k := l.sheet.clock(id)
		if k == nil || !k.Live() {
			return nil, fmt.Errorf("sla: clock %d is not live: %w", id, ErrEvents)
		}
		pin := c.renew(c, k)
		if pin == k.Pin {
			continue
		}
		if err := l.add(Event{Clock: id, Kind: KindRepin, At: micro(at), By: by, Why: why, Was: k.Due, Pin: &pin, Anchor: k.Anchor}); err != nil {
			return nil, err
		}
	}
	return l.finish(c.strict)
}

// renew is the pin of a clock under the current versions. A goal or calendar that a re-targeting gave it instead of the definition's own stays.
func (c *Catalog) renew(older *Catalog, k *Clock) Pin {
	pin := k.Pin
	old := older.byPin[pinKey{pin.Key, pin.Version}]
	for _, t := range c.byMetric[pin.Metric] {
		if t.Key != pin.Key || !t.inEffect(k.Began) {
			continue
		}
		fresh := t.pin(pin.Cycle)
		pin.Version, pin.Hours = fresh.Version, fresh.Hours
		if old != nil && old.Goal == pin.Goal && old.Calendar == pin.Calendar {
			pin.Goal, pin.Calendar = t.Goal, t.Calendar
		}
	}
	if cal := c.current[pin.Calendar]; cal != nil {
		pin.Edition = cal.Version()
	}
	return pin
}

// Replay computes every result in the sheet anew from its events.
func (c *Catalog) Replay(s Sheet) (Sheet, error) {
	l := newLog(c, Sheet{})
	for _, e := range s.events {
		e.Result = Result{}
		if err := l.add(e); err != nil {
			return Sheet{}, fmt.Errorf("event %d: %w", e.Seq, err)
		}
	}
	return l.sheet, nil
}

// Verify reports whether the results stored in the sheet are those that follow from its events. If not, the error matches [ErrReplay] and
// names the first event that differs.
func (c *Catalog) Verify(s Sheet) error {
	again, err := c.Replay(s)
	if err != nil {
		return err
	}
	for i := range s.events {
		have, err1 := json.Marshal(s.events[i])
		want, err2 := json.Marshal(again.events[i])
		if err1 != nil || err2 != nil || !bytes.Equal(have, want) {
			return fmt.Errorf("sla: event %d is %s, follows %s: %w", i+1, have, want, ErrReplay)
		}
	}
	return nil
}
