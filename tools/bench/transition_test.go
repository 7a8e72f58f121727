package main

import (
	"context"
	"testing"

	"github.com/looplab/fsm"
	"github.com/qmuntal/stateless"

	"github.com/hospital-itsm/itsm/lifecycle"
)

// The table of the benchmarks has the size of those of processes: 10 states, 25 transitions.
var transitions = []struct {
	event, to string
	from      []string
}{
	{"triage", "triaged", []string{"recorded", "triaged_again"}},
	{"dispatch", "dispatched", []string{"triaged", "escalated", "in_progress"}},
	{"start", "in_progress", []string{"dispatched"}},
	{"hold", "on_hold", []string{"dispatched", "in_progress", "escalated"}},
	{"resume", "in_progress", []string{"on_hold"}},
	{"escalate", "escalated", []string{"dispatched", "in_progress", "on_hold"}},
	{"propose", "proposed", []string{"in_progress", "escalated"}},
	{"reject", "in_progress", []string{"proposed"}},
	{"again", "triaged_again", []string{"in_progress"}},
	{"close", "closed", []string{"proposed"}},
	{"cancel", "closed", []string{"recorded", "triaged", "dispatched", "in_progress", "on_hold", "escalated", "proposed"}},
}

// round is an endless legal way through the table.
var round = []struct{ from, event string }{
	{"triaged", "dispatch"}, {"dispatched", "start"}, {"in_progress", "hold"}, {"on_hold", "resume"},
	{"in_progress", "escalate"}, {"escalated", "propose"}, {"proposed", "reject"}, {"in_progress", "dispatch"},
}

func table10(tb testing.TB) *lifecycle.Machine[string, string] {
	spec := lifecycle.Spec[string, string]{Name: "bench", Start: []string{"recorded"}}
	for _, s := range []string{"recorded", "triaged", "triaged_again", "dispatched", "in_progress", "on_hold", "escalated", "proposed", "closed"} {
		spec.States = append(spec.States, lifecycle.StateRow[string]{Name: s, End: s == "closed"})
	}
	for _, t := range transitions {
		spec.Transitions = append(spec.Transitions, lifecycle.Transition[string, string]{Event: t.event, From: t.from, To: t.to})
	}
	m, err := lifecycle.New(spec)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// BenchmarkTransition lets each engine take the step that a stored record is at: state in, state out, one guard.
func BenchmarkTransition(b *testing.B) {
	b.Run("lifecycle", func(b *testing.B) {
		m := table10(b)
		guard := func() error { return nil }
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			if _, err := m.Fire(round[i&7].from, round[i&7].event, guard); err != nil {
				b.Fatal(err)
			}
			i++
		}
	})
	b.Run("stateless", func(b *testing.B) {
		type key struct{}
		m := stateless.NewStateMachineWithExternalStorage(
			func(ctx context.Context) (stateless.State, error) { return *ctx.Value(key{}).(*string), nil },
			func(ctx context.Context, s stateless.State) error {
				*ctx.Value(key{}).(*string) = s.(string)
				return nil
			},
			stateless.FiringImmediate)
		for _, t := range transitions {
			for _, from := range t.from {
				m.Configure(from).Permit(t.event, t.to, func(context.Context, ...any) bool { return true })
			}
		}
		b.ReportAllocs()
		i := 0
		state := new(string)
		ctx := context.WithValue(context.Background(), key{}, state)
		for b.Loop() {
			*state = round[i&7].from
			if err := m.FireCtx(ctx, round[i&7].event); err != nil {
				b.Fatal(err)
			}
			i++
		}
	})
	b.Run("looplab new", func(b *testing.B) {
		var events fsm.Events
		for _, t := range transitions {
			events = append(events, fsm.EventDesc{Name: t.event, Src: t.from, Dst: t.to})
		}
		callbacks := fsm.Callbacks{"before_event": func(context.Context, *fsm.Event) {}}
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			m := fsm.NewFSM(round[i&7].from, events, callbacks)
			if err := m.Event(context.Background(), round[i&7].event); err != nil {
				b.Fatal(err)
			}
			i++
		}
	})
}
