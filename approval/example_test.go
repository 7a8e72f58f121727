package approval_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
)

// A change manager and the board decide; the manager also sits on the board, and counts once.
func Example() {
	now := time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC)
	as := func(p itsm.PersonID) itsm.Env {
		now = now.Add(time.Minute)
		return itsm.Env{Now: now, At: now, Actor: itsm.Actor{ID: p, Tenant: "h1"}}
	}
	form := approval.Form{Items: []string{"plan", "backout"}, Fields: []approval.Material{{Path: "steps", Item: "plan"}, {Path: "backout", Item: "backout"}}}
	content := map[string]any{"title": "EMR patch", "steps": []string{"stop", "patch", "start"}, "backout": "restore the snapshot"}
	print, _ := form.Fingerprint(content)

	var ballot approval.Ballot
	events, err := ballot.Open(approval.Request{
		Plan: approval.Plan{
			Rule:   approval.And(approval.AtLeast(1, itsm.RoleChangeManager), approval.Percent("50%", "board")),
			Within: 8 * itsm.Hour,
		},
		Topic: "change/normal", Content: print,
		Members: []approval.Member{
			{Person: "wang", Roles: []itsm.Role{itsm.RoleChangeManager, "board"}},
			{Person: "li", Roles: []itsm.Role{"board"}}, {Person: "zhao", Roles: []itsm.Role{"board"}}, {Person: "qian", Roles: []itsm.Role{"board"}},
		},
		Duties: []approval.Duty{{Relation: approval.Implementer, Person: "qian"}},
	}, as("desk"))
	if err != nil {
		fmt.Println(err)
		return
	}
	ballot = ballot.Apply(events...)

	vote := func(p itsm.PersonID) {
		events, err := ballot.Cast(approval.Cast{Verdict: approval.Approve, Content: print.Digest,
			Findings: []approval.Finding{{Item: "plan", OK: true}, {Item: "backout", OK: true}}}, approval.Facts{}, as(p))
		if err != nil {
			fmt.Printf("%s: %v\n", p, err)
			return
		}
		ballot = ballot.Apply(events...)
		fmt.Printf("%s: %s\n", p, ballot.Outcome)
	}
	vote("wang")
	vote("qian")
	vote("li")
	vote("zhao")
	for _, s := range ballot.Seats {
		fmt.Println(s.Condition, s.People)
	}
	fmt.Println(ballot.Permits(print.Digest, now, "qian"))

	content["backout"] = "none"
	print, _ = form.Fingerprint(content)
	ballot = ballot.Apply(ballot.Edit(print, as("desk"))...)
	fmt.Println(ballot.Permits(print.Digest, now, "qian"))
	// Output:
	// wang: open
	// qian: qian may not vote: implementer
	// li: open
	// zhao: approved
	// at_least(1, change_manager) [wang]
	// percent(50%, board) [li zhao]
	// <nil>
	// there is no approval: voided
}

// A refusal to open says everything that is missing, in English and Chinese.
func ExampleBallot_Open() {
	var ballot approval.Ballot
	_, err := ballot.Open(approval.Request{
		Plan: approval.Plan{Rule: approval.AtLeast(2, "board"), Within: itsm.Hour}, Topic: "change", Content: approval.Fingerprint{Digest: itsm.Digest{1}},
		Members: []approval.Member{{Person: "li", Roles: []itsm.Role{"board"}}, {Person: "wang", Roles: []itsm.Role{"board"}}},
		Duties:  []approval.Duty{{Relation: approval.Requester, Person: "wang"}},
	}, itsm.Env{})
	fmt.Println(err)
	fmt.Println(err.(itsm.Reasons).In(itsm.Chinese))
	// Output:
	// “at_least(2, board)” can never be met: it wants 2 and can get 1; wang may not vote: requester
	// “at_least(2, board)”无法满足：需要 2，最多 1；wang 不得表决：requester
}

// Rules are data. All faults are named.
func ExampleParseRule() {
	rule, err := approval.ParseRule([]byte(`{"and": [{"at_least": {"n": 1, "of": ["change_manager"]}}, {"percent": {"share": "2/3", "of": ["board"]}}]}`))
	fmt.Println(rule, err)
	fmt.Println(rule.In(itsm.English))
	fmt.Println(rule.In(itsm.Chinese))
	_, err = approval.ParseRule([]byte(`{"and": [{"at_least": {"n": 0}}, {"percent": {"share": "120%"}}]}`))
	fmt.Println(strings.ReplaceAll(err.Error(), "\n", "\n  "))
	// Output:
	// and(at_least(1, change_manager), percent(2/3, board)) <nil>
	// at least 1 of change_manager approve and 2/3 of board approve
	// change_manager至少 1 人同意，并且board中 2/3 同意
	// invalid: rule.and[0].at_least: wants 0, can be 1 to 1000
	//   rule.and[1].percent: share "120%": want a part of the group above 0 and up to all of it, such as "50%", ">50%" or "2/3"
}

func ExamplePolicy_Plan() {
	plan, err := approval.DefaultPolicy().Plan("normal", "high")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(plan.Policy, plan.Name, plan.Within)
	for _, s := range plan.Rule.Steps() {
		fmt.Println(s.Name, s.Within, s.Rule)
	}
	// Output:
	// hospital@1 major_change 32h0m0s
	// manager 8h0m0s at_least(1, change_manager)
	// board 16h0m0s and(quorum(2/3, change_board), percent(2/3, change_board), veto(security_admin))
	// director 8h0m0s at_least(1, it_director)
}
