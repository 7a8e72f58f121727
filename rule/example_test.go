package rule_test

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm/rule"
)

// Ticket is what the conditions of the examples are about.
type Ticket struct {
	Priority int
	State    State
	OpenedAt time.Time
	Now      time.Time
	Tags     []string
	Fields   map[string]any
}

var tickets = rule.SchemaOf(Ticket{},
	rule.WithEnum("state", State("open"), State("held"), State("closed")),
	rule.WithFields(map[string]rule.Type{"ward": rule.Text}),
)

func Example() {
	late, err := tickets.Compile(`priority <= 2 and state != "closed" and now - opened_at > duration("4h")`)
	if err != nil {
		fmt.Println(err)
		return
	}
	opened := time.Date(2026, 2, 14, 8, 0, 0, 0, time.UTC)
	for _, waited := range []time.Duration{3 * time.Hour, 5 * time.Hour} {
		holds, err := late.Eval(&Ticket{Priority: 1, State: "open", OpenedAt: opened, Now: opened.Add(waited)})
		fmt.Println(waited, holds, err)
	}
	fmt.Println(late.Names())
	// Output:
	// 3h0m0s false <nil>
	// 5h0m0s true <nil>
	// [now opened_at priority state]
}

// Faults are found when a condition is loaded, all of them at once.
func ExampleSchema_Compile() {
	_, err := tickets.Compile("prority <= 2\nand state == \"clsoed\"")
	var wrong *rule.SyntaxError
	if errors.As(err, &wrong) {
		for _, fault := range wrong.Faults {
			fmt.Println(fault)
		}
	}
	// Output:
	// line 1, column 1: there is no fact prority: did you mean priority? There are fields, now, opened_at, priority, state, tags
	// line 2, column 14: state is never "clsoed": did you mean closed? There are open, held, closed
}

// An explanation shows why a condition holds or not.
func ExamplePredicate_Explain() {
	p := tickets.MustCompile(`fields.ward in ["icu", "er"] and (priority == 1 or "vip" in tags)`)
	for _, term := range p.Explain(&Ticket{Priority: 3, Tags: []string{"vip"}, Fields: map[string]any{"ward": "icu"}}) {
		fmt.Println(strings.Repeat("  ", term.Depth) + term.String())
	}
	// Output:
	// fields.ward in ["icu", "er"] and (priority == 1 or "vip" in tags): true
	//   fields.ward in ["icu", "er"]: true
	//     fields.ward: "icu"
	//   priority == 1 or "vip" in tags: true
	//     priority == 1: false
	//       priority: 3
	//     "vip" in tags: true
	//       tags: [vip]
}

// Conditions of several sources are joined; what is not given holds.
func ExampleAll() {
	var scope *rule.Predicate
	p := rule.All(tickets.MustCompile(`priority == 1 or state == "open"`), scope, rule.Not(tickets.MustCompile(`"test" in tags`)))
	fmt.Println(p)
	// Output:
	// (priority == 1 or state == "open") and "test" not in tags
}
