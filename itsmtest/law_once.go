package itsmtest

import (
	"errors"
	"slices"
	"sync"
	"time"

	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
)

// answer shows what a command gave, so that answers can be compared.
func (w *world[R, F, C]) answer(rec R, err error) string {
	w.Helper()
	var refused *itsm.RefusedError
	switch {
	case err == nil:
		return w.text(rec)
	case errors.As(err, &refused):
		return "refused in " + refused.State + ": " + codes(refused.Reasons)
	case errors.Is(err, itsm.ErrConflict):
		return "conflict"
	}
	w.Fatalf("neither a record nor a refusal: %v", err)
	return ""
}

func (w *world[R, F, C]) checkOnce() {
	w.create()
	for range w.steps(1, max(1, w.spec.Steps/2)) {
		x := w.draw()
		var first string
		switch rapid.IntRange(0, 3).Draw(w.T, "what goes wrong") {
		case 0: // nothing, but the caller asks again
			first = w.answer(w.do(x))
		case 1, 2: // the store fails; nothing was written, or all was and nobody knows
			w.repo.fail(rapid.SampledFrom([]loss{lossBefore, lossAfter}).Draw(w.T, "loss"))
			rec, err := w.give(x)
			w.repo.fail(0)
			if errors.Is(err, errLost) {
				rec, err = w.do(x)
			}
			first = w.answer(rec, err)
		case 3: // several callers at a time
			first = w.duel(x)
		}
		effect := w.effect(x)
		if again := w.answer(w.do(x)); again != first {
			w.Fatalf("%s with one ID gave\n%s\nand when given again\n%s", x.command.CommandName(), first, again)
		}
		if again := w.effect(x); !slices.Equal(again, effect) {
			w.Fatalf("%s with one ID had an effect twice: entries %v, then %v", x.command.CommandName(), effect, again)
		}
		for i := 1; i < len(effect); i++ {
			if effect[i].Key != effect[0].Key || effect[i].seq != effect[i-1].seq+1 {
				w.Fatalf("%s with one ID has entries that were not written together: %v", x.command.CommandName(), effect)
			}
		}
	}
	if err := w.service.Verify(w.auditor(), w.id); err != nil {
		w.Fatalf("after repeated commands the record must equal the fold of its journal: %v", err)
	}
}

// place is where an entry lies.
type place struct {
	itsm.Key
	seq uint64
}

// effect lists the entries that a command left.
func (w *world[R, F, C]) effect(x try) (places []place) {
	w.Helper()
	for _, e := range w.journal(itsm.Filter{Command: x.once}) {
		places = append(places, place{e.Key, e.Seq})
	}
	return places
}

// duel gives one command from several goroutines and returns the answer that all of them must get.
func (w *world[R, F, C]) duel(x try) string {
	w.Helper()
	const callers = 3
	recs, errs := make([]R, callers), make([]error, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() { recs[i], errs[i] = w.give(x) })
	}
	wg.Wait()
	answers := make([]string, callers)
	for i := range callers {
		answers[i] = w.answer(recs[i], errs[i])
		if answers[i] != answers[0] {
			w.Fatalf("%s with one ID, given by %d callers at a time, gave\n%s\nand\n%s", x.command.CommandName(), callers, answers[0], answers[i])
		}
	}
	return answers[0]
}

func (w *world[R, F, C]) checkTwoTimes() {
	w.create()
	for range w.steps(1, w.spec.Steps) {
		x := w.draw()
		now := w.clock.Now()
		var at time.Time
		if rapid.Bool().Draw(w.T, "dated") {
			ago := rapid.SampledFrom([]time.Duration{time.Nanosecond, time.Hour, 10000 * time.Hour, 0, -time.Hour}).Draw(w.T, "ago")
			at = now.Add(-ago).In(time.FixedZone("CST", 8*3600))
			x.options = append(x.options, itsm.HappenedAt(at))
		}
		importer := rapid.Bool().Draw(w.T, "importer")
		if importer {
			x.actor.Roles = append(slices.Clone(x.actor.Roles), roleImporter)
		}
		before := w.stored()
		_, err := w.do(x)
		if !at.IsZero() && !importer && !errors.Is(err, itsm.ErrDenied) {
			w.Fatalf("%s was dated %s by somebody without the permission itsm.backdate: want it denied, got: %v", x.command.CommandName(), at, err)
		}
		if at.After(now) && err == nil {
			w.Fatalf("%s was dated %s, which is after now", x.command.CommandName(), at)
		}
		for _, e := range w.journal(itsm.Filter{Command: x.once}) {
			recorded := now.Truncate(time.Microsecond)
			if e.ID == w.id && before.Recorded.After(recorded) && !e.Recorded.Equal(recorded) {
				recorded = before.Recorded // the clock was set back
			}
			if !e.Recorded.Equal(recorded) {
				w.Fatalf("%s was recorded at %s, but the clock stood at %s", e.Type, e.Recorded, now)
			}
			if !at.IsZero() && !e.At.Equal(at.Truncate(time.Microsecond)) {
				w.Fatalf("%s happened at %s, but the command was dated %s", e.Type, e.At, at)
			}
			if e.At.Location() != time.UTC || e.Recorded.Location() != time.UTC {
				w.Fatalf("%s has times that are not in UTC", e.Type)
			}
		}
	}
	var last itsm.Event
	for _, e := range w.history() {
		if e.Seq != last.Seq+1 || e.Recorded.Before(last.Recorded) {
			w.Fatalf("entry %d, recorded at %s, follows entry %d, recorded at %s", e.Seq, e.Recorded, last.Seq, last.Recorded)
		}
		last = e
	}
}

// checkTime lets time pass and ticks, at the instants that the record asks for and at others.
func (w *world[R, F, C]) checkTime() {
	w.create()
	for range w.steps(1, w.spec.Steps) {
		w.do(w.draw())
		wake := w.outline().Wake
		if w.spec.Tick == nil {
			if !wake.IsZero() {
				w.Fatalf("the record wants to be woken at %s, but the Spec has no Tick", wake)
			}
			continue
		}
		now := w.clock.Now()
		at := now.Add(rapid.SampledFrom([]time.Duration{0, time.Second, time.Hour, 1000 * time.Hour}).Draw(w.T, "until the tick"))
		if !wake.IsZero() && wake.After(now) && rapid.Bool().Draw(w.T, "on time") {
			at = wake.Add(rapid.SampledFrom([]time.Duration{0, -time.Microsecond, time.Minute}).Draw(w.T, "late by"))
		}
		w.clock.Set(at)
		w.tick()
	}
}

func (w *world[R, F, C]) outline() itsm.Outline {
	w.Helper()
	return w.spec.Process.Outline(w.stored().Record)
}

// settle bounds how many ticks one instant may take.
const settle = 100

func (w *world[R, F, C]) tick() {
	w.Helper()
	now := w.clock.Now()
	scheduler := itsm.Actor{ID: "system/scheduler", Roles: append([]itsm.Role{itsm.RoleSystem}, rolesOf(w.desc)...)}
	for range settle {
		stored := w.stored()
		was := w.spec.Process.Outline(stored.Record)
		due := !was.Wake.IsZero() && !was.Wake.After(now)
		cmd := w.spec.Tick(stored.Record)
		_, err := w.do(try{actor: scheduler, id: w.id, command: cmd, once: newCommand()})
		is := w.outline()
		if is.State != was.State && !slices.Contains(w.spec.Auto, Edge{was.State, is.State}) {
			w.Fatalf("time alone moved the record from %q to %q, which is not declared: being late is no state", was.State, is.State)
		}
		if due && err != nil && !is.Wake.After(now) {
			w.Fatalf("the record wanted to be woken at %s, but %s was refused, so it will be woken for ever: %v", was.Wake, cmd.CommandName(), err)
		}
		if is.Wake.IsZero() || is.Wake.After(now) || stored.Recorded.After(now) {
			return // with a clock that was set back the record lives later than now
		}
	}
	w.Fatalf("after %d ticks at %s the record still wants to be woken at %s", settle, now, w.outline().Wake)
}
