package itsmtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/lifecycle"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

// A Move is a command that [Walk] tries. The zero Actor stands for that of the model.
type Move struct {
	Command itsm.Command
	Actor   itsm.Actor
	Options []itsm.Option
}

// Moves returns a move for each command, by the actor of the model.
func Moves(commands ...itsm.Command) []Move {
	moves := make([]Move, len(commands))
	for i, c := range commands {
		moves[i].Command = c
	}
	return moves
}

// A Model tells [Walk] about a process.
type Model[R, F any, C itsm.Command] struct {
	// Process is what is walked through. Required.
	Process itsm.Process[R, F, C]

	// Moves returns what to try with a record: at least one of each command of the process, in the same order each time, filled in
	// so that it goes through where it can. The zero record asks for the commands that create one. Required.
	Moves func(rec R) []Move

	// States are those that the lifecycle declares; the walk must reach each. Required.
	States []string

	// Edges are the steps that the lifecycle declares; the walk must take each, and no other. [Edges] takes them from a
	// machine. Required.
	Edges []Edge

	// Beyond lists states and edges that the moves need not reach: a state as an Edge without From.
	Beyond []Edge

	// Elsewhere names commands that cannot go through in the walk, because they need other records or facts: they are tried and
	// must be refused like any other, but need not be accepted.
	Elsewhere []string

	// Abstract tells apart records of one state that commands treat differently. Few answers make a short walk. Defaults to
	// the state alone.
	Abstract func(rec R) string

	// Actor gives the moves that name none. Defaults to one with every role that the process grants something.
	Actor itsm.Actor

	// Config of the service. Clock and Random are replaced, and every actor of a move may do everything unless there is an Authorizer.
	Config itsm.Config

	// Open gives an empty repository. Defaults to one in memory.
	Open func(t testing.TB) itsm.Repository[R]

	// Pause is how much time passes between two commands. Defaults to a minute.
	Pause time.Duration

	// Most bounds how many abstract records are visited; more are a fault. Defaults to 2,000.
	Most int
}

// Edges returns the steps of a machine.
func Edges[S, E ~string](m *lifecycle.Machine[S, E]) (edges []Edge) {
	for _, s := range m.Start() {
		edges = append(edges, Edge{"", string(s)})
	}
	for step := range m.All {
		edges = append(edges, Edge{string(step.From), string(step.To)})
	}
	return edges
}

// Walk tries every move in every state that moves can reach, breadth first, through [itsm.Service.Do]. It fails when
// a command takes a step that is not declared; when a refusal does not name the state, the command and what is possible instead, or
// changes the record; and when a declared state, a declared step or a command is never reached. It returns, and logs, which commands
// were accepted in which state.
func Walk[R, F any, C itsm.Command](t *testing.T, m Model[R, F, C]) *Coverage {
	t.Helper()
	return walk(testRunner{t}, m)
}

// Coverage tells which commands were accepted and refused in which states.
type Coverage struct {
	States   []string // in the order in which they were reached
	Commands []string // as the process describes them
	Records  int      // how many abstract records were visited
	cells    map[cell]outcomes
}

type cell struct{ state, command string }

type outcomes struct{ accepted, refused int }

// Accepted returns how often a command was accepted in a state.
func (c *Coverage) Accepted(state, command string) int { return c.cells[cell{state, command}].accepted }

// Refused returns how often a command was refused in a state.
func (c *Coverage) Refused(state, command string) int { return c.cells[cell{state, command}].refused }

// String is a table: a line for each command, a column for each state; + is always accepted, - always refused, ± depends, blank is not tried.
func (c *Coverage) String() string {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintf(table, "command\t%s\n", strings.Join(c.States, "\t"))
	for _, command := range c.Commands {
		io.WriteString(table, command)
		for _, state := range c.States {
			sign := ""
			switch o := c.cells[cell{state, command}]; {
			case o.accepted > 0 && o.refused > 0:
				sign = "±"
			case o.accepted > 0:
				sign = "+"
			case o.refused > 0:
				sign = "-"
			}
			io.WriteString(table, "\t"+sign)
		}
		io.WriteString(table, "\n")
	}
	table.Flush()
	return b.String()
}

func newCoverage(d itsm.Description) *Coverage {
	c := &Coverage{cells: make(map[cell]outcomes)}
	for _, cmd := range d.Commands {
		c.Commands = append(c.Commands, cmd.CommandName())
	}
	return c
}

func (c *Coverage) reach(state string) {
	if !slices.Contains(c.States, state) {
		c.States = append(c.States, state)
	}
}

// unreached tells which of the declared states were never reached, "" for none.
func (c *Coverage) unreached(declared []string) string {
	left := slices.DeleteFunc(slices.Clone(declared), func(s string) bool { return slices.Contains(c.States, s) })
	if len(left) == 0 {
		return ""
	}
	return "never reached: " + strings.Join(left, ", ")
}

func (c *Coverage) count(state, command string, accepted bool) {
	o := c.cells[cell{state, command}]
	if accepted {
		o.accepted++
	} else {
		o.refused++
	}
	c.cells[cell{state, command}] = o
}

// A walker is one walk.
type walker[R, F any, C itsm.Command] struct {
	runner
	model   *Model[R, F, C]
	desc    itsm.Description
	clock   *Clock
	repo    itsm.Repository[R]
	service *itsm.Service[R, F, C]
	cover   *Coverage
	taken   map[Edge]bool
	reached map[string]bool // abstract records
	queue   [][]int         // paths: which move at each step
}

// anything lets everybody do everything.
type anything struct{}

func (anything) Authorize(itsm.Request) error { return nil }
func (anything) Sight(itsm.Actor) itsm.Sight {
	return itsm.Sight{Clearance: itsm.PatientRelated, Infrastructure: true}
}

func walk[R, F any, C itsm.Command](t runner, m Model[R, F, C]) *Coverage {
	t.Helper()
	if m.Process == nil || m.Moves == nil || len(m.States) == 0 || len(m.Edges) == 0 {
		t.Fatal("itsmtest: a Model needs a Process, Moves, States and Edges")
	}
	w := &walker[R, F, C]{
		runner: t, model: &m, desc: m.Process.Describe(), clock: NewClock(epoch), taken: make(map[Edge]bool), reached: make(map[string]bool),
	}
	w.cover = newCoverage(w.desc)
	m.Pause, m.Most = cmp.Or(m.Pause, time.Minute), cmp.Or(m.Most, 2000)
	if m.Actor.ID == "" {
		m.Actor = Actor("u-001", rolesOf(w.desc)...)
	}
	if m.Open != nil {
		w.repo = m.Open(t)
	} else {
		w.repo = store.NewRepository[R](memory.New()).Uncached()
	}
	cfg := m.Config
	cfg.Clock, cfg.Random = w.clock.Now, Random(1)
	if cfg.Authorizer == nil {
		cfg.Authorizer = anything{}
	}
	var err error
	if w.service, err = itsm.NewService(m.Process, w.repo, cfg); err != nil {
		t.Fatal(err)
	}
	w.begin()
	for len(w.queue) > 0 {
		path := w.queue[0]
		w.queue = w.queue[1:]
		w.expand(path)
		if len(w.reached) > m.Most {
			t.Fatalf("the walk has visited %d records and is not at its end: let Abstract tell fewer apart, or raise Most", len(w.reached))
		}
	}
	w.complete()
	w.cover.Records = len(w.reached)
	t.Logf("%d records\n%s", w.cover.Records, w.cover)
	return w.cover
}

// do gives a move to a record; "" creates one.
func (w *walker[R, F, C]) do(id itsm.ID, m Move) (R, error) {
	w.Helper()
	w.clock.Add(w.model.Pause)
	rec, err := w.service.Do(w.as(m), id, m.Command, m.Options...)
	var refused *itsm.RefusedError
	if err != nil && !errors.As(err, &refused) {
		w.Fatalf("%s ended in neither a record nor a refusal: %v", m.Command.CommandName(), err)
	}
	return rec, err
}

func (w *walker[R, F, C]) as(m Move) context.Context {
	a := m.Actor
	if a.ID == "" {
		a = w.model.Actor
	}
	a.Tenant = w.tenant()
	return itsm.WithActor(w.Context(), a)
}

func (w *walker[R, F, C]) tenant() itsm.Tenant { return cmp.Or(w.model.Actor.Tenant, "h1") }

func (w *walker[R, F, C]) stored(id itsm.ID) itsm.Stored[R] {
	w.Helper()
	stored, err := w.repo.Load(w.Context(), itsm.Key{Tenant: w.tenant(), Kind: w.desc.Kind, ID: id})
	if err != nil {
		w.Fatalf("loading %s: %v", id, err)
	}
	return stored
}

func (w *walker[R, F, C]) state(rec R) string { return w.model.Process.Outline(rec).State }

// begin tries every move that creates a record.
func (w *walker[R, F, C]) begin() {
	w.Helper()
	var zero R
	for i, m := range w.model.Moves(zero) {
		if _, ok := m.Command.(itsm.Creation); !ok {
			continue
		}
		w.clock.Set(epoch)
		rec, err := w.do("", m)
		w.cover.count("", m.Command.CommandName(), err == nil)
		if err == nil {
			w.arrive(zero, rec, 0, []int{i}, m)
		}
	}
	if len(w.queue) == 0 {
		w.Fatal("no move creates a record")
	}
}

// arrive checks the steps that an accepted move took and plans to go on from the record if it is a new one.
func (w *walker[R, F, C]) arrive(from, to R, seq uint64, path []int, m Move) {
	w.Helper()
	id := w.model.Process.Meta(&to).ID
	state := ""
	if seq > 0 {
		state = w.state(from)
	}
	rec := from
	for ev, err := range w.repo.Events(w.Context(), "", itsm.Filter{Tenant: w.tenant(), Kind: w.desc.Kind, ID: id}) {
		if err != nil {
			w.Fatal(err)
		}
		if ev.Seq <= seq || strings.HasPrefix(ev.Type, "itsm.") {
			continue
		}
		if err := w.service.Decode(&ev); err != nil {
			w.Fatal(err)
		}
		if err := w.model.Process.Evolve(&rec, &ev); err != nil {
			w.Fatal(err)
		}
		next := w.state(rec)
		edge := Edge{state, next}
		if state != next {
			if !slices.Contains(w.model.Edges, edge) {
				w.Errorf("%s led from %q to %q (event %s), which the lifecycle does not declare", m.Command.CommandName(), state, next, ev.Type)
			}
			if !slices.Contains(w.model.States, next) {
				w.Errorf("%s led to the state %q, declared are %q", m.Command.CommandName(), next, w.model.States)
			}
		}
		w.taken[edge] = true
		state = next
	}
	abstract := w.state(to)
	w.cover.reach(abstract)
	if w.model.Abstract != nil {
		abstract += " " + w.model.Abstract(to)
	}
	if !w.reached[abstract] {
		w.reached[abstract] = true
		w.queue = append(w.queue, path)
	}
}

// again makes a record anew by a path of moves.
func (w *walker[R, F, C]) again(path []int) R {
	w.Helper()
	w.clock.Set(epoch)
	var rec R
	var id itsm.ID
	for _, i := range path {
		moves := w.model.Moves(rec)
		if i >= len(moves) {
			w.Fatal("the moves for equal records must be equal, in the same order")
		}
		var err error
		if rec, err = w.do(id, moves[i]); err != nil {
			w.Fatalf("a move that was accepted before was refused when it was made again: %v", err)
		}
		id = w.model.Process.Meta(&rec).ID
	}
	return w.stored(id).Record
}

// expand tries every move with the record that a path leads to.
func (w *walker[R, F, C]) expand(path []int) {
	w.Helper()
	rec := w.again(path)
	here := w.clock.Now()
	for i := range w.model.Moves(rec) {
		move := w.model.Moves(rec)[i]
		if _, ok := move.Command.(itsm.Creation); ok {
			continue
		}
		w.clock.Set(here)
		id := w.model.Process.Meta(&rec).ID
		before := w.stored(id)
		after, err := w.do(id, move)
		w.cover.count(w.state(rec), move.Command.CommandName(), err == nil)
		if err != nil {
			w.refusal(before, id, move, err)
			continue
		}
		w.arrive(before.Record, after, before.Seq, append(slices.Clone(path), i), move)
		rec = w.again(path)
	}
}

// refusal checks what a refusal says and that it changed nothing.
func (w *walker[R, F, C]) refusal(before itsm.Stored[R], id itsm.ID, m Move, err error) {
	w.Helper()
	var refused *itsm.RefusedError
	errors.As(err, &refused)
	name, state, possible := m.Command.CommandName(), w.state(before.Record), w.model.Process.Possible(before.Record)
	if refused.Command != name || refused.ID != id || refused.Kind != w.desc.Kind {
		w.Errorf("the refusal of %s on %s names %s on %s", name, id, refused.Command, refused.ID)
	}
	denied := errors.Is(err, itsm.ErrDenied)
	if !denied && (refused.State != state || !slices.Equal(refused.Possible, possible)) {
		w.Errorf("the refusal of %s in state %q names the state %q and what is possible as %q; it is %q", name, state, refused.State, refused.Possible, possible)
	}
	text := err.Error()
	want := append([]string{strings.TrimPrefix(name, string(w.desc.Kind)+"."), string(id)}, refused.Possible...)
	for _, word := range want {
		if !strings.Contains(text, word) {
			w.Errorf("the refusal of %s in state %q does not say %q: %s", name, state, word, text)
		}
	}
	after := w.stored(id)
	if string(mustJSON(before.Record)) != string(mustJSON(after.Record)) {
		w.Errorf("%s was refused in state %q, but changed the record", name, state)
	}
	if after.Seq != before.Seq+1 && !denied {
		w.Errorf("the refusal of %s in state %q left %d entries in the journal of the record, want one", name, state, after.Seq-before.Seq)
	}
}

// complete checks that nothing that is declared was left out.
func (w *walker[R, F, C]) complete() {
	w.Helper()
	for _, s := range w.model.States {
		if !slices.Contains(w.cover.States, s) && !slices.Contains(w.model.Beyond, Edge{"", s}) {
			w.Errorf("the state %q is declared, but no move leads to it", s)
		}
	}
	for _, e := range w.model.Edges {
		if !w.taken[e] && !slices.Contains(w.model.Beyond, e) {
			w.Errorf("the step from %q to %q is declared, but no move takes it", e.From, e.To)
		}
	}
	for _, command := range w.cover.Commands {
		accepted, tried := 0, 0
		for _, s := range append([]string{""}, w.cover.States...) {
			o := w.cover.cells[cell{s, command}]
			accepted, tried = accepted+o.accepted, tried+o.accepted+o.refused
		}
		switch {
		case tried == 0:
			w.Errorf("%s is never tried: Moves must give one of each command", command)
		case accepted == 0 && !slices.Contains(w.model.Elsewhere, command):
			w.Errorf("%s is never accepted: Moves must fill it in so that it goes through where it can", command)
		}
	}
}
