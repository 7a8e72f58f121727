// Command change tells the night in which an EMR patch fails at 02:10: the change is backed out because there is no other way on, the
// configuration items are set against those before, the approvers are accountable, and the review draws the lesson.
//
//	go run ./examples/change
//
// The records of the configuration items stand in ports.go, with the board: what a host brings of its own.
package main

import (
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/change"
	"github.com/hospital-itsm/itsm/store/memory"
)

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal("change: ", err)
	}
}

var beijing = time.FixedZone("CST", 8*60*60)

func run(w io.Writer) error {
	hours, err := change.NewHours(change.DefaultHours())
	if err != nil {
		return err
	}
	n := &night{w: w, now: time.Date(2026, 3, 6, 9, 0, 0, 0, beijing), items: newItems()}
	n.changes, err = change.New(change.NewRepository(memory.New()), change.Config{
		Config: itsm.Config{Clock: func() time.Time { return n.now }, Zone: beijing},
		Hours:  hours, Board: people, Services: grades{"emr": "A"}, Items: n.items,
	})
	if err != nil {
		return err
	}
	n.request()
	n.approve()
	n.implement()
	n.backOut()
	n.review()
	return n.err
}

// request raises the change on Friday morning and works it out until it can be voted on.
func (n *night) request() {
	n.title("Friday: the request")
	n.do(desk, change.Raise{
		Request: change.Request{
			Title: "EMR patch 4.2.1", Reason: "orders entered at midnight are lost", Description: "install the vendor's patch", Category: change.Software,
			Items: []itsm.Ref{ci("emr-app"), ci("emr-db")}, Services: []string{"emr"}, Departments: []string{"wards"}, Benefit: "no lost orders", Urgency: change.UrgencyHigh,
			Hazard: "the patch changes the table of orders", IfNotDone: "some orders are lost each night",
			Window: change.Window{Start: time.Date(2026, 3, 8, 0, 0, 0, 0, beijing), End: time.Date(2026, 3, 8, 5, 0, 0, 0, beijing)},
		},
		Plan: &change.Plan{
			Implementer: "li", Team: "emr", TestPlan: "regression set 7",
			Steps: []change.Step{
				{What: "snapshot the database", Operator: "li", Check: "the snapshot can be read", Estimate: 40 * itsm.Minute},
				{What: "stop the application", Operator: "li", Check: "no sessions", Estimate: 20 * itsm.Minute, Undo: 10 * itsm.Minute},
				{What: "patch the database", Operator: "li", Check: "schema 421", Estimate: 75 * itsm.Minute, Tolerance: 15 * itsm.Minute, Undo: 40 * itsm.Minute},
				{What: "start and verify", Operator: "li", Check: "order test", Estimate: 20 * itsm.Minute, Undo: 5 * itsm.Minute},
			},
			Backout: change.Backout{Steps: []string{"restore the snapshot", "start version 4.2.0"}, Trigger: "a check point fails", Decider: "zhao",
				Duration: 25 * itsm.Minute, Verify: "order test"},
		},
	})
	n.do(desk, change.Submit{})
	n.do(engineer, change.ScoreRisk{Answers: map[string]string{"impact": "several_departments", "complexity": "some_steps", "reversibility": "within_window", "window": "quiet_hours"}})
	n.do(manager, change.Classify{})
	n.do(manager, change.BeginAssessment{})
	n.do(second, change.Assess{Kind: change.OfIT, Agrees: true, Conclusion: "can be done in the window", Heads: weighed(change.OfIT)})
	n.do(ward, change.Assess{Kind: change.OfBusiness, Agrees: true, Conclusion: "wards write on paper that night", Heads: weighed(change.OfBusiness), Downtime: 3 * itsm.Hour})
	n.do(engineer, change.BeginBuild{})
	n.do(engineer, change.RecordBuild{Ref: "vendor/emr-4.2.1.zip"})
	n.do(engineer, change.BeginTest{})
	n.do(engineer, change.RecordTest{Ref: "tests/2026-041", Cases: 118})
}

// approve lets change manager and board decide, each with a verdict on impact, plan, implementer and backout.
func (n *night) approve() {
	n.title("Friday: the approval")
	n.refused(engineer, change.Start{})
	c := n.do(manager, change.RequestApproval{})
	n.say("risk %s (%d points), decided by %s", c.Risk(), c.Score.Points, c.Ballot.Plan.Rule)
	n.say("the backout has to be decided on by %s", clock(c.Backout.Latest))
	for _, voter := range []itsm.PersonID{"chen", "qian", "sun"} {
		if n.current().State == change.StateAwaiting {
			n.do(as(voter, roles[voter]...), n.vote())
		}
	}
	n.do(manager, change.Schedule{})
	n.do(manager, change.Announce{To: []string{"wards"}, Text: "EMR is down on Sunday from 00:00 to 03:00"})
}

// implement works through the procedure in the night to Sunday, until the check of step 3 fails.
func (n *night) implement() {
	n.title("Sunday night: the work")
	n.at(0, 0)
	n.do(engineer, change.Start{})
	for _, end := range []int{40, 58} {
		n.do(engineer, change.BeginStep{})
		n.at(0, end)
		n.do(engineer, change.FinishStep{Passed: true})
	}
	c := n.do(engineer, change.BeginStep{})
	n.say("going back is safe until %s", clock(c.Work.Decide))
	n.items.set("emr-db", "schema", "421-partial")
	n.at(2, 10)
	c = n.do(engineer, change.FinishStep{Deviation: "the table of orders was not converted"})
	for _, a := range c.Accounts {
		n.say("accountable: %s, approved %s", a.Person, a.At.In(beijing).Format("2006-01-02 15:04"))
	}
}

// backOut takes the change back: after a failure there is nothing else to do.
func (n *night) backOut() {
	n.title("Sunday night: the way back")
	n.refused(engineer, change.Succeed{Partial: "application only"})
	n.refused(manager, change.Close{})
	n.do(engineer, change.BackOut{})
	n.items.set("emr-db", "schema", "420")
	n.items.set("emr-app", "pool_size", "20") // the old version starts with its default
	n.at(3, 5)
	n.do(engineer, change.Restore{Verified: "order test passed on 4.2.0"})
	c := n.do(engineer, change.Compare{})
	for i, x := range c.Comparison.Differences {
		n.say("difference %d: %s %s was %s, is %s", i+1, x.Item, x.Name, x.Before, x.After)
	}
}

// review draws the lesson on Monday. The difference that nobody put right has become an incident by then.
func (n *night) review() {
	n.title("Monday: the review")
	n.now = time.Date(2026, 3, 9, 9, 0, 0, 0, beijing)
	n.refused(engineer, change.WriteReview{Lessons: "it was the vendor"})
	c := n.do(manager, change.WriteReview{Lessons: "test the conversion with a copy of production", Actions: []change.Action{{What: "masked copy for tests", Who: "li"}}})
	n.say("planned %s, actual %s", c.Review.Planned, c.Review.Actual)
	n.refused(manager, change.Close{})
	n.do(system, change.ReportDifference{Nth: 1, Incident: "INC-20260308-0002"})
	c = n.do(manager, change.Close{})
	n.say("result: %s, %d people accountable", c.Result, len(c.Accounts))
	if n.err == nil {
		n.err = n.changes.Verify(manager, n.id)
	}
}

// vote is an approval of the content as it is, with a verdict on each item.
func (n *night) vote() change.Vote {
	v := change.Vote{Cast: approval.Cast{Verdict: approval.Approve, Content: n.current().Ballot.Content.Digest}}
	for _, item := range approval.FourItems() {
		v.Findings = append(v.Findings, approval.Finding{Item: item, OK: true})
	}
	return v
}

func clock(t time.Time) string { return t.In(beijing).Format("15:04") }

func (n *night) title(text string) { fmt.Fprintf(n.w, "\n%s\n", text) }

func (n *night) say(format string, args ...any) {
	if n.err == nil {
		fmt.Fprintf(n.w, "        "+format+"\n", args...)
	}
}
