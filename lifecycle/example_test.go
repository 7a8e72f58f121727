package lifecycle_test

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hospital-itsm/itsm/lifecycle"
)

func ExampleNew() {
	type State string
	type Event string
	m, err := lifecycle.New(lifecycle.Spec[State, Event]{
		Name:  "inspection",
		Start: []State{"planned"},
		States: []lifecycle.StateRow[State]{
			{Name: "planned"},
			{Name: "running"},
			{Name: "reported", Phase: lifecycle.PhaseResolved},
			{Name: "signed", End: true},
		},
		Transitions: []lifecycle.Transition[State, Event]{
			{Event: "start", From: []State{"planned"}, To: "running"},
			{Event: "report", From: []State{"running"}, To: "reported"},
			{Event: "return", From: []State{"reported"}, To: "running"},
			{Event: "sign", From: []State{"reported"}, To: "signed"},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Allowed("reported"), m.Phase("running"))

	state, err := m.Fire("running", "report", func() error { return errors.New("the list of rooms is missing") })
	fmt.Println(state, err)
	state, err = m.Fire("running", "sign", nil)
	fmt.Println(state, err)
	state, err = m.Fire("running", "report", nil)
	fmt.Println(state, err)
	// Output:
	// [return sign] active
	// running the list of rooms is missing
	// running sign is not possible in state running (possible now: report)
	// reported <nil>
}

func ExampleParse() {
	_, err := lifecycle.Parse([]byte(`{"name": "ticket", "start": ["open"],
	 "states": [{"name": "open"}, {"name": "done", "end": true}],
	 "transitions": [{"event": "finish", "from": ["oopen"], "to": "done"}]}`))
	fmt.Println(err)
	// Output:
	// lifecycle ticket: 3 faults:
	// 	line 2, column 14: states[0]: no way leads from state "open" to an end (done); add a row that leads on, or mark it as an end
	// 	line 2, column 32: states[1]: no way leads from a start (open) to state "done"; add a row that leads to it, make it a start, or take it away
	// 	line 3, column 48: transitions[0].from[0]: unknown state "oopen"; did you mean "open"?
}

func ExampleMustPass() {
	approved := lifecycle.MustPass[string, string](lifecycle.Law{
		Name: "approved_first",
		En:   "nothing is implemented before it is approved",
		Zh:   "未经审批不得实施",
	}, "implementing", "approved")
	_, err := lifecycle.New(lifecycle.Spec[string, string]{
		Name:   "change",
		Start:  []string{"draft"},
		States: []lifecycle.StateRow[string]{{Name: "draft"}, {Name: "approved"}, {Name: "implementing"}, {Name: "closed", End: true}},
		Transitions: []lifecycle.Transition[string, string]{
			{Event: "approve", From: []string{"draft"}, To: "approved"},
			{Event: "start", From: []string{"draft", "approved"}, To: "implementing"},
			{Event: "close", From: []string{"implementing"}, To: "closed"},
		},
	}, approved)
	fmt.Println(err)
	// Output:
	// lifecycle change: breaks the rule approved_first (nothing is implemented before it is approved): draft -start-> implementing does not pass approved
}

func ExampleMachine_Accepts() {
	m, _ := lifecycle.Parse([]byte(`{"start": ["open"],
	 "states": [{"name": "open"}, {"name": "working"}, {"name": "done", "end": true}],
	 "transitions": [{"event": "start", "from": ["open"], "to": "working"}, {"event": "finish", "from": ["working"], "to": "done"}],
	 "map": {"New": "open", "Active": "working", "Awaiting Vendor": "working", "Closed": "done"}}`))
	fmt.Println(m.Accepts([]string{"New", "Active", "Awaiting Vendor", "Closed"}).Accepted)
	for _, d := range m.Accepts([]string{"New", "Closed", "Active"}).Deviations {
		fmt.Printf("%s → %s (%s → %s)\n", d.From, d.To, d.Old, d.New)
	}
	// Output:
	// true
	// open → done (New → Closed)
	// done → working (Closed → Active)
}

func ExampleNewPlan() {
	build := func(version, waiting string) *lifecycle.Machine[string, string] {
		return lifecycle.Must(lifecycle.Spec[string, string]{
			Version: version,
			Start:   []string{"open"},
			States:  []lifecycle.StateRow[string]{{Name: "open"}, {Name: waiting, Phase: lifecycle.PhaseWaiting}, {Name: "done", End: true}},
			Transitions: []lifecycle.Transition[string, string]{
				{Event: "hold", From: []string{"open"}, To: waiting},
				{Event: "finish", From: []string{"open", waiting}, To: "done"},
			},
		})
	}
	old, next := build("1", "on_hold"), build("2", "awaiting_vendor")
	_, err := lifecycle.NewPlan(old, next, lifecycle.Migration[string]{From: "1", To: "2"})
	fmt.Println(err)

	plan, err := lifecycle.NewPlan(old, next, lifecycle.Migration[string]{From: "1", To: "2", Map: map[string]string{"on_hold": "awaiting_vendor"}})
	fmt.Println(err)
	for _, move := range plan.DryRun(slices.Values([]string{"open", "on_hold", "done", "on_hold"})).Moves {
		fmt.Printf("%d %s → %q\n", move.Count, move.From, move.To)
	}
	// Output:
	// lifecycle: cannot migrate from version 1 to 2: state "on_hold" is not in the new machine; map it to one that is
	// <nil>
	// 1 open → "open"
	// 2 on_hold → "awaiting_vendor"
	// 1 done → ""
}

func ExampleMachine_Mermaid() {
	m, _ := lifecycle.Parse([]byte(`{"start": ["open"], "states": [{"name": "open"}, {"name": "done", "end": true}],
	 "transitions": [{"event": "finish", "from": ["open"], "to": "done"}]}`))
	fmt.Print(m.Mermaid())
	// Output:
	// stateDiagram-v2
	//     [*] --> open
	//     open --> done: finish
	//     done --> [*]
}
