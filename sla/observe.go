package sla

import (
	"slices"
	"time"
)

// Observe returns what follows for the clocks of a record from its facts at an instant, in the order in which it takes effect. It
// changes nothing: the events are to be stored and taken up with [Sheet.Apply]. Conditions that hold at one instant are resolved in the
// order stop, pause, resume, start, reset; only the first that changes the clock is followed, except that a clock that starts may be paused at once.
//
// An observation of an instant before the latest event is late: it says what was true then, up to the next event. It can
// correct starts, pauses, resumptions and stops, and moves due times and breach facts accordingly, but chooses no other definition.
//
// Errors come from conditions that cannot be evaluated, versions that the catalog does not have ([ErrUnknownVersion]), and strict
// definitions that are due in an unpublished year ([ErrUnpublished]).
func (c *Catalog) Observe(s Sheet, facts any, at time.Time) ([]Event, error) {
	at = micro(at)
	o := observer{look: c.look(facts, at), log: newLog(c, s), isLate: s.after(at)}
	for _, m := range c.metrics {
		if err := o.metric(m); err != nil {
			return nil, err
		}
	}
	// Clocks of metrics that the catalog no longer defines are still judged by the version they are pinned to.
	for i := range s.clocks {
		if m := s.clocks[i].Pin.Metric; c.byMetric[m] == nil && s.latest(m).ID == s.clocks[i].ID {
			if err := o.metric(m); err != nil {
				return nil, err
			}
		}
	}
	return o.log.finish(o.strict)
}

// observer turns conditions into events.
type observer struct {
	*look
	log    *log
	isLate bool // what is observed lies before events that are known already
}

func (o *observer) metric(m Metric) error {
	if o.isLate {
		return o.late(m)
	}
	k := o.log.sheet.latest(m)
	if k == nil {
		return o.attach(m, 1, time.Time{})
	}
	if k.end == KindMerge {
		return nil
	}
	if k.end == KindCancel {
		return o.attach(m, k.Pin.Cycle+1, k.Ended)
	}
	t, err := o.pinned(&k.Pin)
	if err != nil {
		return err
	}
	if k.end == KindStop {
		return o.stopped(k.ID, t)
	}
	return o.live(k.ID, t)
}

// after reports whether a clock was attached or moved after an instant.
func (s *Sheet) after(t time.Time) bool {
	for i := range s.clocks {
		k := &s.clocks[i]
		if k.Attached.After(t) || len(k.moves) > 0 && k.moves[len(k.moves)-1].at.After(t) {
			return true
		}
	}
	return false
}

// attach begins a cycle when a definition applies. The first cycle may be born finished; later ones need the start condition.
func (o *observer) attach(m Metric, cycle int, after time.Time) error {
	t, err := o.winner(m, o.at, nil)
	if err != nil || t == nil {
		return err
	}
	var start, stop, cancel bool
	if err := o.all(cond{&start, t.start, true}, cond{&stop, t.stop, false}, cond{&cancel, t.cancel, false}); err != nil {
		return err
	}
	if cancel || stop && (!start || cycle > 1) || !start && cycle > 1 {
		return nil
	}
	id, err := o.pinTo(t, t.pin(cycle), nil)
	if err != nil || !start {
		return err
	}
	if err := o.start(id, t, after); err != nil {
		return err
	}
	if stop {
		return o.stop(id, t)
	}
	return o.pauseIf(id, t)
}

// cond evaluates an atom into a variable.
type cond struct {
	into    *bool
	atom    int
	without bool
}

func (o *observer) all(conds ...cond) error {
	for _, c := range conds {
		var err error
		if *c.into, err = o.holds(c.atom, c.without); err != nil {
			return err
		}
	}
	return nil
}

// pinTo attaches a clock.
func (o *observer) pinTo(t *target, pin *Pin, carry *Carry) (int, error) {
	began := o.at
	var pinned *target
	if carry != nil {
		began = o.log.sheet.clocks[carry.From-1].Began
	}
	choices, err := o.choices(t.Metric, began, pinned)
	if err != nil {
		return 0, err
	}
	held, err := o.holds(t.reset, false)
	if err != nil {
		return 0, err
	}
	e := Event{Clock: len(o.log.sheet.clocks) + 1, Kind: KindAttach, At: o.at, Pin: pin, Carry: carry, Choices: choices.applicable(), Held: held}
	if pin.Goal.kind == beforeDue {
		e.Anchor = o.timeFact(pin.Goal.fact)
	}
	return e.Clock, o.log.add(e)
}

// start begins to count, from where a retroactive start says if that lies after the cycle before.
func (o *observer) start(id int, t *target, after time.Time) error {
	e := Event{Clock: id, Kind: KindStart, At: o.at, Why: o.source(t.start, "")}
	if t.RetroactiveStart != "" {
		if from := o.timeFact(t.RetroactiveStart); !from.Before(after) && !from.IsZero() && from.Before(o.at) {
			e.At, e.Why = from, t.RetroactiveStart
		}
	}
	return o.log.add(e)
}

func (o *observer) stop(id int, t *target) error {
	return o.log.end(Event{Clock: id, Kind: KindStop, At: o.at, Why: o.source(t.stop, "")})
}

// pauseIf pauses a clock, or notes that the reason of its pause has changed.
func (o *observer) pauseIf(id int, t *target) error {
	pause, err := o.holds(t.pause, false)
	if err != nil || !pause {
		return err
	}
	k := &o.log.sheet.clocks[id-1]
	reason := o.pauseReason()
	if k.State == Paused && k.reason == reason {
		return nil
	}
	return o.log.add(Event{Clock: id, Kind: KindPause, At: o.at, Why: o.source(t.pause, ""), Reason: reason})
}

// stopped looks at a finished clock: it is reopened when its stop condition no longer holds.
func (o *observer) stopped(id int, t *target) error {
	k := &o.log.sheet.clocks[id-1]
	stop, err := o.holds(t.stop, false)
	if err != nil || stop {
		return err
	}
	if t.Reopen == NewCycle {
		return o.attach(t.Metric, k.Pin.Cycle+1, k.Ended)
	}
	cancel, err := o.holds(t.cancel, false)
	if err != nil || cancel {
		return err
	}
	if err := o.log.add(Event{Clock: id, Kind: KindReopen, At: o.at, Why: not(o.source(t.stop, "false"))}); err != nil {
		return err
	}
	return o.live(id, t)
}

func not(source string) string { return "not (" + source + ")" }

// live looks at a clock that can still be met or breached.
func (o *observer) live(id int, t *target) error {
	var stop, cancel, start bool
	if err := o.all(cond{&stop, t.stop, false}, cond{&cancel, t.cancel, false}); err != nil {
		return err
	}
	k := &o.log.sheet.clocks[id-1]
	if stop || cancel {
		if stop {
			return o.stop(id, t)
		}
		return o.log.end(Event{Clock: id, Kind: KindCancel, At: o.at, Why: o.source(t.cancel, "")})
	}
	best, err := o.winner(t.Metric, k.Began, t)
	if err != nil {
		return err
	}
	if best == nil {
		_, failed, err := o.applies(t)
		if err != nil {
			return err
		}
		return o.log.end(Event{Clock: id, Kind: KindCancel, At: o.at, Why: not(o.source(failed, ""))})
	}
	if best.Key != t.Key {
		return o.retarget(id, t, best)
	}
	if k.Pin.Goal.kind == beforeDue {
		if anchor := o.timeFact(k.Pin.Goal.fact); !anchor.Equal(k.Anchor) {
			if err := o.log.add(Event{Clock: id, Kind: KindMove, At: o.at, Anchor: anchor, Was: k.Anchor, Why: k.Pin.Goal.fact}); err != nil {
				return err
			}
			k = &o.log.sheet.clocks[id-1]
		}
	}
	if k.State == NotStarted {
		if err := o.all(cond{&start, t.start, true}); err != nil || !start {
			return err
		}
		if err := o.start(id, t, time.Time{}); err != nil {
			return err
		}
	}
	if err := o.pauseOrResume(id, t); err != nil {
		return err
	}
	return o.resetIf(id, t)
}

func (o *observer) pauseOrResume(id int, t *target) error {
	var pause, resume bool
	if err := o.all(cond{&pause, t.pause, false}, cond{&resume, t.resume, true}); err != nil {
		return err
	}
	switch {
	case pause:
		return o.pauseIf(id, t)
	case resume && o.log.sheet.clocks[id-1].State == Paused:
		return o.log.add(Event{Clock: id, Kind: KindResume, At: o.at, Why: o.source(t.resume, not(o.source(t.pause, "false")))})
	}
	return nil
}

// resetIf begins the next cycle from zero when the reset condition has become true.
func (o *observer) resetIf(id int, t *target) error {
	var reset, start bool
	if err := o.all(cond{&reset, t.reset, false}); err != nil {
		return err
	}
	k := &o.log.sheet.clocks[id-1]
	if !reset && k.held {
		return o.log.add(Event{Clock: id, Kind: KindRearm, At: o.at, Why: not(o.source(t.reset, ""))})
	}
	if !reset || k.held {
		return nil
	}
	if err := o.all(cond{&start, t.start, true}); err != nil || !start {
		return err
	}
	pin := k.Pin
	pin.Cycle++
	if err := o.log.end(Event{Clock: id, Kind: KindReset, At: o.at, Why: o.source(t.reset, "")}); err != nil {
		return err
	}
	next, err := o.pinTo(t, &pin, nil)
	if err != nil {
		return err
	}
	if err := o.log.add(Event{Clock: next, Kind: KindStart, At: o.at, Why: o.source(t.reset, "")}); err != nil {
		return err
	}
	return o.pauseIf(next, t)
}

// retarget ends a clock as superseded and lets another definition take over by its policy.
func (o *observer) retarget(id int, from, to *target) error {
	old := o.log.sheet.clocks[id-1]
	_, failed, err := o.applies(from)
	if err != nil {
		return err
	}
	why := "superseded by " + to.Key
	if failed >= 0 {
		why = not(o.source(failed, ""))
	}
	pin := to.pin(old.Pin.Cycle)
	carry, err := o.carry(&old, to, pin)
	if err != nil {
		return err
	}
	if err := o.log.end(Event{Clock: id, Kind: KindRetarget, At: o.at, Why: why}); err != nil {
		return err
	}
	next, err := o.pinTo(to, pin, carry)
	if err != nil {
		return err
	}
	if old.State == NotStarted {
		start, err := o.holds(to.start, true)
		if err != nil || !start {
			return err
		}
		if err := o.start(next, to, time.Time{}); err != nil {
			return err
		}
		return o.pauseIf(next, to)
	}
	e := Event{Clock: next, Kind: KindStart, At: o.at, Why: why}
	if to.RetroactiveStart != "" && len(old.runs) > 0 && carry.Policy == Replay {
		// A replay also begins where the new definition says.
		if at := o.timeFact(to.RetroactiveStart); !at.IsZero() && at.Before(old.runs[0].from) {
			e.At, e.Why = at, to.RetroactiveStart
		}
	}
	if err := o.log.add(e); err != nil {
		return err
	}
	return o.pauseIf(next, to)
}

// carry settles what a policy comes down to for a clock and the target that takes over, and with that goal and calendar of the pin.
func (o *observer) carry(old *Clock, to *target, pin *Pin) (*Carry, error) {
	c := &Carry{From: old.ID, Policy: to.Retarget, Reasons: slices.Clone(to.PauseReasons), NoPauses: to.pause < 0}
	if c.Policy == KeepElapsed && pin.Goal.kind != work {
		// What a goal in days has used up is told by its origin and its pauses, kept as they were.
		c.Policy, c.NoPauses, c.Reasons = Replay, false, nil
	}
	before, err := o.track(old)
	if err != nil {
		return nil, err
	}
	after := track{cal: to.calendar, goal: to.Goal, anchor: o.timeFact(to.Goal.fact)}
	switch c.Policy {
	case Stricter:
		c.Policy = Replay
		if len(old.runs) == 0 {
			break
		}
		after.runs = append(old.before(c, o.at), run{from: o.at})
		before.runs = append(before.runs[:len(before.runs):len(before.runs)], run{from: o.at})
		was, known, err := before.due()
		if err != nil || !known {
			return c, notHorizon(err)
		}
		will, known, err := after.due()
		if err = notHorizon(err); err != nil {
			return nil, err
		}
		if !known || was.Before(will) {
			pin.Goal, pin.Calendar, pin.Edition = old.Pin.Goal, old.Pin.Calendar, old.Pin.Edition
		}
	case Fraction:
		// What is left of a goal in days is a share of its working time.
		if pin.Goal.kind != work {
			after.runs = []run{{from: o.at}}
			due, known, err := after.due()
			if err != nil || !known {
				return c, notHorizon(err)
			}
			pin.Goal = Work(to.calendar.Between(o.at, due))
		}
	}
	if c.Policy != Replay {
		c.NoPauses, c.Reasons = false, nil
	}
	return c, nil
}
