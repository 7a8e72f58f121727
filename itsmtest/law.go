package itsmtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
)

const typeRefused = "itsm.refused"

func (w *world[R, F, C]) checkReplay() {
	w.create()
	anew := w.anew()
	for range w.steps(0, w.spec.Steps) {
		w.do(w.draw())
		if err := w.service.Verify(w.auditor(), w.id); err != nil {
			w.Fatalf("the stored record must equal the fold of its journal: %v", err)
		}
		if err := anew.Verify(w.auditor(), w.id); err != nil {
			w.Fatalf("the record must come back from JSON as it went in, but after a restart the fold is another: %v", err)
		}
	}
	folded, err := w.service.Replay(w.auditor(), w.id)
	w.noError(err, "replay")
	stored, err := w.service.Get(w.auditor(), w.id)
	w.noError(err, "get")
	if w.text(folded) != w.text(stored) {
		w.Fatalf("replay gives\n%s\nbut the stored record is\n%s", w.text(folded), w.text(stored))
	}
}

func (w *world[R, F, C]) checkRefusal() {
	w.create()
	for range w.steps(1, w.spec.Steps) {
		x := w.draw()
		x.options = append(x.options, itsm.Because("a reason of its own"))
		before, entries := w.stored(), len(w.journal(itsm.Filter{}))
		_, err := w.do(x)
		after := w.stored()
		left := w.journal(itsm.Filter{Command: x.once})
		for _, e := range left {
			if e.Actor != x.actor.ID || e.CommandName != x.command.CommandName() || e.Reason != "a reason of its own" || e.Recorded.IsZero() || e.At.IsZero() {
				w.Fatalf("an entry must say who gave which command, when and why: %+v", e)
			}
		}
		if grown := len(w.journal(itsm.Filter{})) - entries; grown != len(left) {
			w.Fatalf("%s: the journal grew by %d entries, of which %d are the command's", x.command.CommandName(), grown, len(left))
		}
		var refused *itsm.RefusedError
		if !errors.As(err, &refused) {
			continue
		}
		if was, is := w.text(before.Record), w.text(after.Record); was != is {
			w.Fatalf("%s was refused, but the record changed from\n%s\nto\n%s", refused, was, is)
		}
		if len(left) != 1 || left[0].Type != typeRefused {
			w.Fatalf("%s: want one entry that tells of the refusal, found %d", refused, len(left))
		}
		if left[0].Ref() != refused.Event {
			w.Fatalf("the error says that the refusal is in the journal of %s, it is in that of %s", refused.Event, left[0].Ref())
		}
		told := left[0].Payload.(itsm.Refused)
		if codes(told.Reasons) != codes(refused.Reasons) {
			w.Fatalf("the journal tells the reasons %s, the error %s", codes(told.Reasons), codes(refused.Reasons))
		}
		w.checkReasons(refused)
	}
}

func codes(rs itsm.Reasons) string {
	var all []string
	for _, r := range rs {
		all = append(all, string(r.Code()))
	}
	return strings.Join(all, ", ")
}

// checkReasons checks that every reason has a sentence in each language and every argument of it.
func (w *world[R, F, C]) checkReasons(refused *itsm.RefusedError) {
	w.Helper()
	if len(refused.Reasons) == 0 {
		w.Fatalf("%s: a refusal needs a reason", refused.Command)
	}
	for _, r := range w.service.Catalog().Complete(asRead(refused.Reasons)) {
		for _, lang := range []itsm.Lang{itsm.English, itsm.Chinese} {
			text := r.In(lang)
			if text == string(r.Code()) || text == fmt.Sprintf("%s %v", r.Code(), r.Args()) {
				w.Fatalf("the rules of the process lack %s: read from the journal, it has no sentence", r.Code())
			}
			for _, a := range r.Args() {
				text = strings.ReplaceAll(text, a.Value, "")
			}
			if open := strings.IndexByte(text, '{'); open >= 0 && strings.IndexByte(text[open:], '}') > 1 {
				w.Fatalf("%s lacks an argument: %s", r.Code(), text)
			}
		}
	}
}

// asRead returns reasons as they come out of a journal.
func asRead(rs itsm.Reasons) (out itsm.Reasons) {
	if err := json.Unmarshal(mustJSON(rs), &out); err != nil {
		panic(err)
	}
	return out
}

// checkDeterminism decides and evolves the same thing again and again.
func (w *world[R, F, C]) checkDeterminism() {
	var zero R
	first, _ := w.spec.Command(w.T, zero, 0)
	w.decideAgain(zero, 0, try{actor: w.spec.Actor(w.T), command: first})
	w.create()
	for range w.steps(0, w.spec.Steps) {
		x := w.draw()
		if x.id == w.id {
			now := w.stored()
			w.decideAgain(now.Record, now.Seq, x)
		}
		w.do(x)
	}
}

// decisions is how often a decision is repeated. A map of two entries comes in the same order eight times once in 128 histories.
const decisions = 8

func (w *world[R, F, C]) decideAgain(rec R, seq uint64, x try) {
	w.Helper()
	cmd, ok := x.command.(C)
	if !ok {
		return
	}
	if _, creates := x.command.(itsm.Creation); creates != (seq == 0) {
		return
	}
	now := w.clock.Now().UTC().Truncate(time.Microsecond)
	actor := x.actor
	actor.Tenant = w.tenant
	env := itsm.Env{Now: now, At: now, Actor: actor, ID: w.id, Command: x.once, Reason: "a reason"}
	if seq == 0 {
		env.ID = "NEW-1"
	}
	facts, err := w.spec.Process.Gather(w.as(x.actor), rec, cmd, env)
	if err != nil {
		return
	}
	name := cmd.CommandName()
	base := roomy(reflect.ValueOf(&rec).Elem()).Interface().(R)
	before := w.text(base)
	intact := func(who string) {
		w.Helper()
		if after := w.text(base); after != before {
			w.Fatalf("%s: %s changed the record it was given from\n%s\nto\n%s", name, who, before, after)
		}
		if at := overrun(reflect.ValueOf(base), "record"); at != "" {
			w.Fatalf("%s: %s appended to %s, whose memory other versions of the record share: clip it first", name, who, at)
		}
	}
	given := w.text(cmd)
	var payloads []itsm.Payload
	var told string
	for i := range decisions {
		got, err := w.spec.Process.Decide(base, cmd, facts, env)
		tells := w.decision(got, err)
		if i == 0 {
			payloads, told = got, tells
			if err != nil {
				payloads = nil
			}
		}
		if tells != told {
			w.Fatalf("%s: deciding the same thing twice gave\n%s\nand\n%s", name, told, tells)
		}
		if w.text(cmd) != given {
			w.Fatalf("%s: Decide changed the command from\n%s\nto\n%s", name, given, w.text(cmd))
		}
		intact("Decide")
	}
	if seq == 0 {
		m := w.spec.Process.Meta(&base)
		m.ID, m.Tenant, m.Created, m.CreatedBy, m.Level = env.ID, w.tenant, now, actor.ID, itsm.Internal
		before = w.text(base)
	}
	for i, p := range payloads {
		if strings.HasPrefix(p.EventType(), "itsm.") {
			continue // the kernel's own
		}
		ev := itsm.Event{
			Key: itsm.Key{Tenant: w.tenant, Kind: w.desc.Kind, ID: env.ID}, Seq: seq + 1 + uint64(i), Type: p.EventType(), At: now, Recorded: now,
			Actor: actor.ID, Command: x.once, CommandName: name, Reason: "a reason", Payload: p,
		}
		said := w.text(p)
		one := w.evolve(base, ev)
		oneText := w.text(one)
		intact("Evolve of " + ev.Type)
		other := ev
		other.Actor, other.At = "u-other", now.Add(-time.Hour)
		w.evolve(base, other)
		if w.text(one) != oneText {
			w.Fatalf("%s: two versions of the record share memory: evolving %s from the same record again changed the first result", name, ev.Type)
		}
		if again := w.text(w.evolve(base, ev)); again != oneText {
			w.Fatalf("%s: evolving %s twice gave\n%s\nand\n%s", name, ev.Type, oneText, again)
		}
		if w.text(p) != said {
			w.Fatalf("%s: Evolve changed the payload of %s", name, ev.Type)
		}
		base = roomy(reflect.ValueOf(&one).Elem()).Interface().(R)
		before = w.text(base)
	}
}

func (w *world[R, F, C]) evolve(base R, ev itsm.Event) R {
	w.Helper()
	rec := base
	if err := w.spec.Process.Evolve(&rec, &ev); err != nil {
		w.Fatalf("%s: Evolve must take every event that Decide gave: %v", ev.Type, err)
	}
	return rec
}

// decision shows what a decision gave.
func (w *world[R, F, C]) decision(payloads []itsm.Payload, err error) string {
	var rs itsm.Reasons
	var r itsm.Reason
	switch {
	case errors.As(err, &rs):
		return "refused: " + w.text(rs)
	case errors.As(err, &r):
		return "refused: " + w.text(r)
	case err != nil:
		return "failed: " + err.Error()
	}
	var b strings.Builder
	for _, p := range payloads {
		fmt.Fprintf(&b, "%s %s\n", p.EventType(), w.text(p))
	}
	return b.String()
}

func (w *world[R, F, C]) checkClosure() {
	w.create()
	w.checkOutline(w.stored().Record)
	for range w.steps(0, w.spec.Steps) {
		x := w.draw()
		was := w.spec.Process.Outline(w.stored().Record)
		_, err := w.do(x)
		is := w.checkOutline(w.stored().Record)
		if x.id == w.id {
			w.cover.reach(was.State)
			w.cover.reach(is.State)
			w.cover.count(was.State, x.command.CommandName(), err == nil)
		}
		if err == nil && was.Final && x.id == w.id && was.State != is.State {
			w.Fatalf("%s moved a record that was at rest for good from %s to %s", x.command.CommandName(), was.State, is.State)
		}
	}
}

// checkOutline checks that what a process says of a record is what it declares.
func (w *world[R, F, C]) checkOutline(rec R) itsm.Outline {
	w.Helper()
	o := w.spec.Process.Outline(rec)
	if w.spec.States != nil && !slices.Contains(w.spec.States, o.State) {
		w.Fatalf("the record is in the state %q, declared are %q", o.State, w.spec.States)
	}
	if !slices.Contains(w.desc.Phases, o.Phase) {
		w.Fatalf("state %q is in the phase %q, declared are %q", o.State, o.Phase, w.desc.Phases)
	}
	if again := w.spec.Process.Outline(rec); !reflect.DeepEqual(o, again) {
		w.Fatalf("two outlines of one record differ: %+v and %+v", o, again)
	}
	if !o.Wake.Equal(o.Wake.Truncate(time.Microsecond)) {
		w.Fatalf("the wake %s has parts of microseconds", o.Wake.Format(time.RFC3339Nano))
	}
	seen := make(map[string]bool)
	for _, e := range o.Index {
		i := slices.IndexFunc(w.desc.Index, func(f itsm.IndexField) bool { return f.Name == e.Field })
		if i < 0 {
			w.Fatalf("the index field %q is not declared", e.Field)
		}
		f := w.desc.Index[i]
		if e.Many != f.Many || !e.Value.IsZero() && e.Value.Type() != f.Type {
			w.Fatalf("the index field %q is declared as %s (many: %v), the record has %s (many: %v)", e.Field, f.Type, f.Many, e.Value.Type(), e.Many)
		}
		if !f.Many && seen[e.Field] {
			w.Fatalf("the record has two values of the index field %q, which is declared with one", e.Field)
		}
		seen[e.Field] = true
	}
	possible := w.spec.Process.Possible(rec)
	if !slices.IsSorted(possible) || len(slices.Compact(slices.Clone(possible))) != len(possible) {
		w.Fatalf("what is possible must be sorted and without doubles: %q", possible)
	}
	return o
}
