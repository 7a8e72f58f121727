package itsmtest_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/lifecycle"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

// The smallest process there is: a visitor's pass is issued and comes back.

type pass struct {
	itsm.Meta `json:"meta"`
	State     string `json:"state"`
	Visitor   string `json:"visitor" itsm:"text"`
}

type passCommand interface{ itsm.Command }

type (
	issue struct {
		Visitor string `json:"visitor"`
	}
	giveBack struct{}
)

func (issue) CommandName() string    { return "pass.issue" }
func (giveBack) CommandName() string { return "pass.give_back" }
func (issue) Creates()               {}

type (
	issued struct {
		Visitor string `json:"visitor,omitempty" itsm:"personal,text"`
	}
	givenBack struct{}
)

func (issued) EventType() string    { return "pass.issued" }
func (givenBack) EventType() string { return "pass.given_back" }

var ruleVisitor = itsm.Invalid("pass.visitor", "the visitor is missing", "缺少访客")

var machine = lifecycle.Must(lifecycle.Spec[string, string]{
	Name: "pass", Start: []string{"issued"}, States: []lifecycle.StateRow[string]{{Name: "issued"}, {Name: "back", End: true}},
	Transitions: []lifecycle.Transition[string, string]{{Event: "give_back", From: []string{"issued"}, To: "back"}},
})

type process struct{}

func (process) Describe() itsm.Description {
	return itsm.Description{
		Kind: "pass", Prefix: "PASS", Commands: []itsm.Command{issue{}, giveBack{}}, Events: []itsm.Payload{issued{}, givenBack{}},
		Rules: []*itsm.Rule{ruleVisitor}, Phases: []string{"open", "closed"},
		Grants: []itsm.Grant{{Role: itsm.RoleServiceDesk, Commands: []string{"*"}, Clearance: itsm.Sensitive}},
	}
}

func (process) Meta(p *pass) *itsm.Meta { return &p.Meta }

func (process) Outline(p pass) itsm.Outline {
	if p.State == "back" {
		return itsm.Outline{State: p.State, Phase: "closed", Final: true}
	}
	return itsm.Outline{State: p.State, Phase: "open"}
}

func (process) Possible(p pass) []string {
	return slices.Sorted(slices.Values(machine.Allowed(p.State)))
}

func (process) Gather(context.Context, pass, passCommand, itsm.Env) (struct{}, error) {
	return struct{}{}, nil
}

func (process) Decide(p pass, cmd passCommand, _ struct{}, _ itsm.Env) ([]itsm.Payload, error) {
	switch c := cmd.(type) {
	case issue:
		if c.Visitor == "" {
			return nil, ruleVisitor.With()
		}
		return []itsm.Payload{issued(c)}, nil
	case giveBack:
		if !machine.Can(p.State, "give_back") {
			return nil, itsm.ErrIllegalState.With("command", "give_back", "state", p.State)
		}
		return []itsm.Payload{givenBack{}}, nil
	}
	return nil, fmt.Errorf("unknown command %T", cmd)
}

func (process) Evolve(p *pass, ev *itsm.Event) error {
	switch e := ev.Payload.(type) {
	case issued:
		p.State, p.Visitor = "issued", e.Visitor
	case givenBack:
		p.State = "back"
	}
	return nil
}

// drawPassCommand draws likely commands for the most part.
func drawPassCommand(t *rapid.T, _ pass, step int) (itsm.Command, []itsm.Option) {
	if step == 0 || rapid.IntRange(0, 9).Draw(t, "another") == 0 {
		return issue{Visitor: "李工"}, nil
	}
	return giveBack{}, []itsm.Option{itsm.Because("the visit is over")}
}

var (
	spec = itsmtest.Spec[pass, struct{}, passCommand]{
		Process: process{}, Command: drawPassCommand, States: machine.States(),
	}
	model = itsmtest.Model[pass, struct{}, passCommand]{
		Process: process{}, States: machine.States(), Edges: itsmtest.Edges(machine),
		Moves: func(pass) []itsmtest.Move { return itsmtest.Moves(issue{Visitor: "李工"}, giveBack{}) },
	}
)

func openPasses(testing.TB) itsm.Repository[pass] { return store.NewRepository[pass](memory.New()) }

func samplePass(i int) pass {
	return pass{State: machine.States()[i%2], Visitor: fmt.Sprintf("visitor %d", i)}
}

func TestExampleProcess(t *testing.T) {
	t.Parallel()
	t.Run("by commands that are made up", func(t *testing.T) {
		t.Parallel()
		itsmtest.Laws(t, itsmtest.SpecOf(process{}))
	})
	itsmtest.Laws(t, spec)
	itsmtest.Walk(t, model)
	itsmtest.Repository(t, process{}, openPasses, samplePass)
}

func ExampleStore() {
	_ = func(t *testing.T) { // in a test of an adapter
		itsmtest.Store(t, func(t testing.TB) store.DB { return memory.New() })
	}
}

func ExampleStore_exceptions() {
	_ = func(t *testing.T) { // an adapter over write-once media
		itsmtest.Store(t, func(t testing.TB) store.DB { return memory.New() }, itsmtest.NoErase)
	}
}

func ExampleRepository() {
	open := func(t testing.TB) itsm.Repository[pass] { return store.NewRepository[pass](memory.New()) }
	sample := func(i int) pass { return pass{State: "issued", Visitor: fmt.Sprintf("visitor %d", i)} }
	_ = func(t *testing.T) { // in a test of a host's own tables
		itsmtest.Repository(t, process{}, open, sample)
	}
}

func ExampleLaws() {
	spec := itsmtest.Spec[pass, struct{}, passCommand]{
		Process: process{}, States: machine.States(),
		Command: func(t *rapid.T, p pass, step int) (itsm.Command, []itsm.Option) {
			if step == 0 {
				return issue{Visitor: "李工"}, nil
			}
			return giveBack{}, []itsm.Option{itsm.Because("the visit is over")}
		},
	}
	_ = func(t *testing.T) { itsmtest.Laws(t, spec) }
}

func ExampleSpecOf() {
	_ = func(t *testing.T) { // commands are made up: nothing but the process is needed
		itsmtest.Laws(t, itsmtest.SpecOf(process{}))
	}
}

func ExampleCommands() {
	draw := itsmtest.Commands(process{})
	drawn := rapid.Custom(func(t *rapid.T) itsm.Command {
		command, _ := draw(t, pass{}, 0) // of a record that is not there yet
		return command
	}).Example(1)
	fmt.Println(drawn.CommandName(), drawn.(issue).Visitor != "")
	// Output: pass.issue true
}

func ExampleHistories() {
	_ = func(t *testing.T) {
		itsmtest.Store(t, func(t testing.TB) store.DB { return memory.New() }, itsmtest.Histories("testdata/histories"))
	}
}

func ExampleWalk() {
	model := itsmtest.Model[pass, struct{}, passCommand]{
		Process: process{}, States: machine.States(), Edges: itsmtest.Edges(machine),
		Moves: func(pass) []itsmtest.Move { return itsmtest.Moves(issue{Visitor: "李工"}, giveBack{}) },
	}
	_ = func(t *testing.T) {
		itsmtest.Walk(t, model)
		// logs:
		// command         issued  back
		// pass.issue
		// pass.give_back  +       -
	}
}

func ExampleEdges() {
	for _, e := range itsmtest.Edges(machine) {
		fmt.Printf("%q to %q\n", e.From, e.To)
	}
	// Output:
	// "" to "issued"
	// "issued" to "back"
}
