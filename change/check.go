package change

import (
	"fmt"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
)

// The limits of what is stored.
const (
	maxList   = 1000 // entries of a list
	maxTitle  = 1000 // bytes
	maxText   = 64 << 10
	maxWindow = 31 * 24 * time.Hour
)

// checkRequest looks at what is there; what is missing is a matter of the stage.
func checkRequest(d *decision, r *Request) {
	d.Length("title", r.Title, maxTitle)
	for _, f := range []struct{ name, text string }{{"reason", r.Reason}, {"description", r.Description}, {"benefit", r.Benefit}, {"hazard", r.Hazard}, {"if_not_done", r.IfNotDone}} {
		d.Length(f.name, f.text, maxText)
	}
	if r.Category != "" {
		itsm.Among(d.Draft, "category", r.Category, Categories()...)
	}
	if r.Urgency != "" {
		itsm.Among(d.Draft, "urgency", r.Urgency, Urgencies()...)
	}
	for _, refs := range [...]struct {
		name string
		list []itsm.Ref
	}{{"items", r.Items}, {"causes", r.Causes}} {
		d.RefuseWhen(len(refs.list) > maxList, ruleTooMany, "field", refs.name, "count", len(refs.list), "most", maxList)
		for i, ref := range refs.list {
			d.RefuseWhen(ref.Kind == "" || ref.ID == "", ruleBadRef, "field", refs.name, "nth", i+1)
		}
	}
	for _, names := range [...]struct {
		name string
		list []string
	}{{"services", r.Services}, {"departments", r.Departments}} {
		d.RefuseWhen(len(names.list) > maxList, ruleTooMany, "field", names.name, "count", len(names.list), "most", maxList)
		for _, name := range names.list {
			d.Code(names.name, name)
		}
	}
	for _, id := range slices.Concat(r.After, r.Apart) {
		d.RefuseWhen(id == d.Env.ID || id == "", ruleSelf)
	}
	if w := r.Window; !w.IsZero() {
		d.RefuseWhen(w.Work().Empty(), ruleWindow, "start", w.Start, "end", w.End)
		d.NotNegative("window.lead", int64(w.Lead))
		d.NotNegative("window.reserve", int64(w.Reserve))
		d.RefuseWhen(w.Work().Length() > maxWindow || w.Lead.Std() > maxWindow || w.Reserve.Std() > maxWindow, ruleLongWindow, "most", maxWindow)
	}
}

func (r Request) stored() Request {
	r.Window = r.Window.instant()
	return r
}

// checkPlan looks at the form of a plan.
func checkPlan(d *decision, p *Plan) {
	d.RefuseWhen(len(p.Steps) > maxList, ruleTooMany, "field", "steps", "count", len(p.Steps), "most", maxList)
	d.RefuseWhen(len(p.Tasks) > maxList, ruleTooMany, "field", "tasks", "count", len(p.Tasks), "most", maxList)
	for i, s := range p.Steps {
		at := fmt.Sprintf("steps[%d].", i+1)
		d.Need(at+"what", s.What)
		d.Need(at+"operator", string(s.Operator))
		d.Need(at+"check", s.Check)
		d.RefuseWhen(s.Estimate <= 0 || s.Estimate.Std() > maxWindow, ruleEstimate, "field", at+"estimate", "most", maxWindow)
		d.RefuseWhen(s.Undo < 0 || s.Tolerance < 0 || s.Undo.Std() > maxWindow || s.Tolerance.Std() > maxWindow, ruleEstimate, "field", at+"undo, "+at+"tolerance", "most", maxWindow)
	}
	for i, t := range p.Tasks {
		at := fmt.Sprintf("tasks[%d].", i+1)
		d.Need(at+"name", t.Name)
		d.Need(at+"assignee", string(t.Assignee))
		d.RefuseWhen(!t.Start.IsZero() && !t.End.IsZero() && !t.Start.Before(t.End), ruleWindow, "start", t.Start, "end", t.End)
		for _, n := range t.After {
			d.RefuseWhen(n < 1 || n > i, ruleTaskOrder, "task", i+1, "after", n)
		}
	}
	d.RefuseWhen(p.Backout.Duration < 0 || p.Backout.Duration.Std() > maxWindow, ruleEstimate, "field", "backout.duration", "most", maxWindow)
	d.Length("test_plan", p.TestPlan, maxText)
	d.Length("backout.trigger", p.Backout.Trigger, maxText)
	d.Length("backout.verify", p.Backout.Verify, maxText)
}

func (p Plan) stored() Plan {
	p.Backout.Latest = time.Time{} // computed when approval is asked for
	p.Tasks = slices.Clone(p.Tasks)
	for i := range p.Tasks {
		p.Tasks[i].Start, p.Tasks[i].End = itsm.Instant(p.Tasks[i].Start), itsm.Instant(p.Tasks[i].End)
	}
	return p
}
