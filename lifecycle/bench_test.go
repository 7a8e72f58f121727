package lifecycle_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/looplab/fsm"

	"github.com/hospital-itsm/itsm/lifecycle"
)

// benchSpec has the size of the tables that processes have: 10 states, 25 steps.
func benchSpec() lifecycle.Spec[State, Event] {
	names := []State{"recorded", "triaged", "dispatched", "in_progress", "on_hold", "escalated", "proposed", "confirmed", "closed", "cancelled"}
	spec := lifecycle.Spec[State, Event]{Name: "bench", Start: names[:1]}
	for i, s := range names {
		spec.States = append(spec.States, lifecycle.StateRow[State]{Name: s, End: i >= 8})
	}
	add := func(e Event, to State, from ...State) {
		spec.Transitions = append(spec.Transitions, lifecycle.Transition[State, Event]{Event: e, From: from, To: to})
	}
	add("triage", "triaged", "recorded", "triaged")
	add("dispatch", "dispatched", "triaged", "escalated", "in_progress")
	add("start", "in_progress", "dispatched", "on_hold")
	add("hold", "on_hold", "dispatched", "in_progress", "escalated")
	add("resume", "in_progress", "on_hold")
	add("escalate", "escalated", "dispatched", "in_progress", "on_hold")
	add("propose", "proposed", "in_progress", "escalated")
	add("reject", "in_progress", "proposed", "confirmed")
	add("confirm", "confirmed", "proposed")
	add("close", "closed", "confirmed")
	add("cancel", "cancelled", "recorded", "triaged", "dispatched", "in_progress", "on_hold", "escalated")
	return spec
}

// walk is an endless legal round through the bench table.
var walk = []lifecycle.Step[State, Event]{
	{From: "triaged", Event: "dispatch", To: "dispatched"}, {From: "dispatched", Event: "start", To: "in_progress"},
	{From: "in_progress", Event: "hold", To: "on_hold"}, {From: "on_hold", Event: "resume", To: "in_progress"},
	{From: "in_progress", Event: "escalate", To: "escalated"}, {From: "escalated", Event: "propose", To: "proposed"},
	{From: "proposed", Event: "reject", To: "in_progress"}, {From: "in_progress", Event: "dispatch", To: "dispatched"},
}

var sink int

func BenchmarkNext(b *testing.B) {
	m := lifecycle.Must(benchSpec())
	states, events := m.States(), m.Events()

	// the bare limit: states and events are numbers already
	b.Run("peer=array_of_numbers", func(b *testing.B) {
		next := make([][]int8, len(states))
		for i, s := range states {
			for _, e := range events {
				to, ok := m.Next(s, e)
				next[i] = append(next[i], -1)
				for k, name := range states {
					if ok && name == to {
						next[i][len(next[i])-1] = int8(k)
					}
				}
			}
		}
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			i++
			sink += int(next[i%10][i%11])
		}
	})
	// the same as stored records need it: typed strings in, typed strings out
	b.Run("peer=array_of_names", func(b *testing.B) {
		si, ei := make(map[State]int), make(map[Event]int)
		for i, s := range states {
			si[s] = i
		}
		for i, e := range events {
			ei[e] = i
		}
		next := make([][]State, len(states))
		for i, s := range states {
			for _, e := range events {
				to, _ := m.Next(s, e)
				next[i] = append(next[i], to)
			}
		}
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			i++
			sink += len(next[si[states[i%10]]][ei[events[i%11]]])
		}
	})
	b.Run("peer=map", func(b *testing.B) {
		next := make(map[[2]string]string)
		for s := range m.All {
			next[[2]string{string(s.From), string(s.Event)}] = string(s.To)
		}
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			i++
			sink += len(next[[2]string{string(states[i%10]), string(events[i%11])}])
		}
	})
	b.Run("lifecycle", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			i++
			to, _ := m.Next(states[i%10], events[i%11])
			sink += len(to)
		}
	})
}

func BenchmarkReads(b *testing.B) {
	m := lifecycle.Must(benchSpec())
	states, events := m.States(), m.Events()
	buf := make([]Event, 0, 16)
	for name, read := range map[string]func(i int){
		"Can":           func(i int) { m.Can(states[i%10], events[i%11]) },
		"Phase":         func(i int) { m.Phase(states[i%10]) },
		"AppendAllowed": func(i int) { buf = m.AppendAllowed(buf[:0], states[i%10]) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i++
				read(i)
			}
		})
	}
}

func BenchmarkFire(b *testing.B) {
	m := lifecycle.Must(benchSpec())
	guard := func() error { return nil }

	b.Run("peer=looplab_pooled", func(b *testing.B) {
		events := make(fsm.Events, 0)
		for _, row := range benchSpec().Transitions {
			from := make([]string, 0, len(row.From))
			for _, s := range row.From {
				from = append(from, string(s))
			}
			events = append(events, fsm.EventDesc{Name: string(row.Event), Src: from, Dst: string(row.To)})
		}
		pool := sync.Pool{New: func() any {
			return fsm.NewFSM("", events, fsm.Callbacks{"before_event": func(_ context.Context, e *fsm.Event) {
				if err := guard(); err != nil {
					e.Cancel(err)
				}
			}})
		}}
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			step := walk[i&7]
			f := pool.Get().(*fsm.FSM)
			f.SetState(string(step.From))
			if err := f.Event(context.Background(), string(step.Event)); err != nil {
				b.Fatal(err)
			}
			sink += len(f.Current())
			pool.Put(f)
			i++
		}
	})
	b.Run("lifecycle", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			step := walk[i&7]
			to, err := m.Fire(step.From, step.Event, guard)
			if err != nil {
				b.Fatal(err)
			}
			sink += len(to)
			i++
		}
	})
	b.Run("lifecycle_refused_by_table", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := m.Fire("recorded", "close", guard); err == nil {
				b.Fatal("not refused")
			}
		}
	})
	b.Run("lifecycle_refused_by_guard", func(b *testing.B) {
		no := fmt.Errorf("no")
		b.ReportAllocs()
		for b.Loop() {
			if _, err := m.Fire("recorded", "triage", func() error { return no }); err == nil {
				b.Fatal("not refused")
			}
		}
	})
}

func BenchmarkNew(b *testing.B) {
	spec := benchSpec()
	b.ReportAllocs()
	for b.Loop() {
		lifecycle.Must(spec)
	}
}
