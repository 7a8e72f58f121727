package sla

// late takes up an observation of the past. What was true then holds up to the next event.
func (o *observer) late(m Metric) error {
	id := o.inCharge(m)
	if id == 0 {
		return nil
	}
	then := o.log.sheet.clocks[id-1].upTo(o.at)
	if then.end != "" && then.end != KindStop {
		return nil
	}
	t, err := o.pinned(&then.Pin)
	if err != nil {
		return err
	}
	var start, pause, resume, stop bool
	if err := o.all(cond{&start, t.start, true}, cond{&pause, t.pause, false}, cond{&resume, t.resume, true}, cond{&stop, t.stop, false}); err != nil {
		return err
	}
	e := Event{Clock: id, At: o.at}
	switch {
	case stop && then.end == "":
		return o.lateStop(id, t)
	case stop:
		return nil
	case then.end == KindStop:
		if t.Reopen == NewCycle {
			return nil
		}
		e.Kind, e.Why = KindReopen, not(o.source(t.stop, "false"))
	case then.State == NotStarted && start:
		e.Kind, e.Why = KindStart, o.source(t.start, "")
	case then.State == Paused && !pause && resume:
		e.Kind, e.Why = KindResume, o.source(t.resume, not(o.source(t.pause, "false")))
	case then.State == Running && pause:
		e.Kind, e.Why, e.Reason = KindPause, o.source(t.pause, ""), o.pauseReason()
	default:
		return nil
	}
	if err := o.log.add(e); err != nil {
		return err
	}
	if e.Kind == KindReopen && start && len(then.own) == 0 {
		if err := o.log.add(Event{Clock: id, Kind: KindStart, At: o.at, Why: o.source(t.start, "")}); err != nil {
			return err
		}
	}
	if pause && (e.Kind == KindStart || e.Kind == KindReopen) {
		return o.log.add(Event{Clock: id, Kind: KindPause, At: o.at, Why: o.source(t.pause, ""), Reason: o.pauseReason()})
	}
	return nil
}

// lateStop stops a clock in the past. Clocks that took over from it afterwards never had anything to measure.
func (o *observer) lateStop(id int, t *target) error {
	if err := o.log.add(Event{Clock: id, Kind: KindStop, At: o.at, Why: o.source(t.stop, "")}); err != nil {
		return err
	}
	for next := id + 1; next <= len(o.log.sheet.clocks); next++ {
		k := &o.log.sheet.clocks[next-1]
		if carriedFrom(k) != id {
			continue
		}
		if err := o.log.add(Event{Clock: next, Kind: KindCancel, At: k.Attached, Why: "the clock before had stopped already"}); err != nil {
			return err
		}
		id = next
	}
	return nil
}

// inCharge is the clock of a metric that measured at the observed instant; 0 when there was none.
func (o *observer) inCharge(m Metric) int {
	id := 0
	for i := range o.log.sheet.clocks {
		k := &o.log.sheet.clocks[i]
		if k.Pin.Metric != m {
			continue
		}
		started := len(k.moves) > 0 && !k.moves[0].at.After(o.at)
		if !k.Attached.After(o.at) || id == 0 && started {
			id = k.ID
		}
	}
	return id
}
