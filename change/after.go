package change

import (
	"cmp"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
)

// The commands after the work.
type (
	// Compare sets the items after the backout against those before the change. Where no source of states is configured,
	// people tell the differences. It may be repeated when differences were put right.
	Compare struct {
		Differences []Difference `json:"differences,omitempty"`
	}
	// ReportDifference says that an incident was opened about a difference that stays.
	ReportDifference struct {
		Nth      int     `json:"nth"` // from 1
		Incident itsm.ID `json:"incident"`
	}
	// WriteReview looks back at the change.
	WriteReview struct {
		Lessons string   `json:"lessons,omitempty"`
		Actions []Action `json:"actions,omitempty"`
	}
	// Link says that an incident or a problem has to do with the change.
	Link struct {
		To       itsm.Ref `json:"to"`
		Relation Relation `json:"relation"`
		Minutes  int      `json:"minutes,omitempty"` // that services were hit
	}
	// Inform says that a linked record was told the result. The reaction to [Succeeded] and [Restored] gives it.
	Inform struct {
		To itsm.Ref `json:"to"`
	}
	// CompleteRecord fills in what an emergency owes of its record. What stands there already, and what was approved, stays as it is.
	CompleteRecord struct {
		Description string            `json:"description,omitempty"`
		Benefit     string            `json:"benefit,omitempty"`
		Hazard      string            `json:"hazard,omitempty"`
		IfNotDone   string            `json:"if_not_done,omitempty"`
		Services    []string          `json:"services,omitempty"`
		TestPlan    string            `json:"test_plan,omitempty"`
		Answers     map[string]string `json:"answers,omitempty"` // to the factors of the risk model
	}
	// Close ends the change. Where no source of items is configured, who closes says that their records are up to date.
	Close struct {
		Recorded bool `json:"recorded,omitempty"`
	}
)

func (Compare) CommandName() string          { return "change.compare" }
func (ReportDifference) CommandName() string { return "change.report_difference" }
func (WriteReview) CommandName() string      { return "change.write_review" }
func (Link) CommandName() string             { return "change.link" }
func (Inform) CommandName() string           { return "change.inform" }
func (CompleteRecord) CommandName() string   { return "change.complete_record" }
func (Close) CommandName() string            { return "change.close" }

// Differences lists what is not the same in two sets of states, sorted by item and name.
func Differences(before, after []ItemState) []Difference {
	was, is := byItem(before), byItem(after)
	var items []itsm.Ref
	for item := range was { //maporder: sorted below
		items = append(items, item)
	}
	for item := range is { //maporder: sorted below
		items = append(items, item)
	}
	var found []Difference
	for _, item := range sortRefs(items) {
		a, had := was[item]
		b, has := is[item]
		switch {
		case !had:
			found = append(found, Difference{Item: item, After: "there"})
			continue
		case !has:
			found = append(found, Difference{Item: item, Before: "there"})
			continue
		}
		names := append(sortedKeys(a), sortedKeys(b)...)
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			if a[name] != b[name] {
				found = append(found, Difference{Item: item, Name: name, Before: a[name], After: b[name]})
			}
		}
	}
	return found
}

func byItem(states []ItemState) map[itsm.Ref]map[string]string {
	m := make(map[itsm.Ref]map[string]string, len(states))
	for _, s := range states {
		m[s.Item] = s.Values
	}
	return m
}

func (c Compare) decide(d *decision) {
	d.in(StateBackedOut, StateInReview)
	if d.Failed() {
		return
	}
	r := &d.Rec
	d.RefuseWhen(r.Failure == nil, ruleNotFailed)
	comparison := Comparison{At: d.Env.At, By: d.Env.Actor.ID, Items: len(r.Items), Differences: slices.Clone(c.Differences)}
	if d.facts.KnowsStates {
		d.RefuseWhen(len(c.Differences) > 0, ruleComputed)
		comparison.Differences = Differences(r.Work.Baseline, d.facts.States)
	}
	d.RefuseWhen(len(c.Differences) > maxList, ruleTooMany, "field", "differences", "count", len(c.Differences), "most", maxList)
	for i := range comparison.Differences {
		x := &comparison.Differences[i]
		d.RefuseWhen(x.Item.IsZero(), ruleBadRef, "field", "differences", "nth", i+1)
		x.Incident = ""
		if r.Comparison != nil { // what was reported stays reported
			if j := slices.IndexFunc(r.Comparison.Differences, func(o Difference) bool { return o.Item == x.Item && o.Name == x.Name }); j >= 0 {
				x.Incident = r.Comparison.Differences[j].Incident
			}
		}
	}
	if d.Failed() {
		return
	}
	d.Emit(Compared{comparison})
}

func (c ReportDifference) decide(d *decision) {
	d.in(StateBackedOut, StateInReview)
	d.Need("incident", string(c.Incident))
	if d.Failed() {
		return
	}
	if x := d.Rec.Comparison; x == nil || c.Nth < 1 || c.Nth > len(x.Differences) || x.Differences[c.Nth-1].Incident != "" {
		d.Refuse(ruleNoDifference.With("nth", c.Nth))
		return
	}
	d.Emit(DifferenceReported(c))
}

func (c WriteReview) decide(d *decision) {
	r := &d.Rec
	to := r.State
	if r.State != StateInReview {
		to = d.move(DoReview)
		if d.Failed() {
			return
		}
	}
	if d.p.policy.lessonsNeeded(r) {
		d.Need("lessons", c.Lessons)
	}
	d.Length("lessons", c.Lessons, maxText)
	d.RefuseWhen(len(c.Actions) > maxList, ruleTooMany, "field", "actions", "count", len(c.Actions), "most", maxList)
	for _, a := range c.Actions {
		d.Need("actions.what", a.What)
		d.Need("actions.who", string(a.Who))
	}
	if r.Failure != nil {
		parts := []approval.Part{approval.PartOf(approval.FailedReviewer, d.Env.Actor)}
		for _, person := range r.doers() {
			parts = append(parts, approval.Part{Relation: approval.Implementer, Person: person})
		}
		for _, reason := range (approval.Separation{}).Check(parts...) {
			d.Refuse(reason)
		}
		d.RefuseWhen(r.Comparison == nil, ruleNotCompared)
	}
	if d.Failed() {
		return
	}
	review := Review{By: d.Env.Actor.ID, At: d.Env.At, Lessons: c.Lessons, Actions: slices.Clone(c.Actions), Suspected: d.facts.Suspected}
	for i := range review.Actions {
		review.Actions[i].Due = itsm.Instant(review.Actions[i].Due)
	}
	for _, s := range r.Steps {
		review.Planned += s.Estimate
	}
	review.Actual = itsm.Duration(r.Work.Ended.Sub(r.Work.Started))
	d.Emit(Reviewed{To{to}, review})
}

// reviewDue says by when the review is wanted.
func (d *decision) reviewDue() {
	if within := d.p.policy.ReviewWithin.Std(); within > 0 && !d.Failed() {
		d.Emit(ReviewWanted{Due: d.Env.At.Add(within)})
	}
}

func (c Link) decide(d *decision) {
	d.RefuseWhen(c.To.Kind == "" || c.To.ID == "", ruleBadRef, "field", "to", "nth", 1)
	itsm.Among(d.Draft, "relation", c.Relation, BehindIt, CausedBy)
	d.NotNegative("minutes", int64(c.Minutes))
	d.RefuseWhen(d.Rec.linked(c.To, c.Relation), ruleLinked, "to", c.To)
	switch c.Relation {
	case CausedBy:
		d.RefuseWhen(!d.Rec.Implemented(), ruleNotBegun)
	case BehindIt:
		d.in(editable...)
	}
	if d.machine().IsEnd(d.Rec.State) {
		d.Illegal(string(d.Rec.State))
	}
	if d.Failed() {
		return
	}
	ev := Linked{Link: LinkInfo{To: c.To, Relation: c.Relation, Minutes: c.Minutes}}
	if incidents, _ := d.Rec.Caused(); c.Relation == CausedBy && incidents == 0 && d.Rec.Failure == nil {
		ev.Accounts = d.Rec.account("the change did harm", d.Env.At)
	}
	d.Emit(ev)
}

func (c *Change) linked(to itsm.Ref, relation Relation) bool {
	return slices.ContainsFunc(c.Links, func(l LinkInfo) bool { return l.To == to && l.Relation == relation })
}

func (c Inform) decide(d *decision) {
	d.in(StateSucceeded, StateBackedOut, StateInReview)
	i := slices.IndexFunc(d.Rec.Links, func(l LinkInfo) bool { return l.To == c.To && l.Informed.IsZero() })
	d.RefuseWhen(i < 0, ruleNotLinked, "to", c.To)
	if d.Failed() {
		return
	}
	d.Emit(Informed(c))
}

func (c CompleteRecord) decide(d *decision) {
	p := d.Rec.Paper
	if p == nil || !p.Done.IsZero() {
		d.Refuse(ruleNothingOwed.With())
		return
	}
	r := d.Rec.Request
	for _, f := range []struct {
		name, text string
		field      *string
	}{{"description", c.Description, &r.Description}, {"benefit", c.Benefit, &r.Benefit}, {"hazard", c.Hazard, &r.Hazard}, {"if_not_done", c.IfNotDone, &r.IfNotDone}} {
		d.Length(f.name, f.text, maxText)
		*f.field = cmp.Or(*f.field, f.text)
	}
	if len(r.Services) == 0 {
		r.Services = c.Services
	}
	checkRequest(d, &r)
	d.Length("test_plan", c.TestPlan, maxText)
	score := d.Rec.Score
	if len(c.Answers) > 0 {
		var reasons itsm.Reasons
		score, reasons = d.p.risk.Score(c.Answers, -1)
		d.took(reasons.Err())
	}
	d.Emit(PaperDone{Request: r, TestPlan: cmp.Or(d.Rec.TestPlan, c.TestPlan), Score: score})
	d.missing(AtRecord)
	d.assessed()
}

func (c Close) decide(d *decision) {
	to := d.move(DoClose)
	if d.Failed() {
		return
	}
	r := &d.Rec
	d.RefuseWhen(r.Result == "", ruleNoResult)
	d.RefuseWhen(r.Review == nil, ruleNoReview)
	d.RefuseWhen(r.Review != nil && r.Review.Lessons == "" && d.p.policy.lessonsNeeded(r), ruleNoLessons)
	if d.p.cfg.Items != nil {
		d.RefuseWhen(len(d.facts.Pending) > 0, rulePending, "items", join(d.facts.Pending))
	} else {
		d.RefuseWhen(!c.Recorded, ruleNotRecorded)
	}
	for _, l := range r.Links {
		d.RefuseWhen(l.Relation == BehindIt && l.Informed.IsZero(), ruleUninformed, "to", l.To)
	}
	if r.Failure != nil {
		d.RefuseWhen(r.Comparison == nil, ruleNotCompared)
		if r.Comparison != nil {
			for i, x := range r.Comparison.Differences {
				d.RefuseWhen(x.Incident == "", ruleUnresolved, "nth", i+1, "item", x.Item, "name", x.Name)
			}
		}
	}
	open := r.openTasks(false)
	d.RefuseWhen(len(open) > 0, ruleOpenTasks, "tasks", join(open))
	d.RefuseWhen(r.Paper != nil && r.Paper.Done.IsZero(), ruleOwed, "due", r.due())
	d.RefuseWhen(slices.ContainsFunc(r.Ballot.Votes, func(v approval.Vote) bool {
		return v.Oral != nil && v.Oral.Confirmed.IsZero() && v.Oral.Disputed.IsZero()
	}), ruleOralOpen)
	if d.Failed() {
		return
	}
	d.Emit(Closed{To{to}})
}

func (c *Change) due() time.Time {
	if c.Paper == nil {
		return time.Time{}
	}
	return c.Paper.Due
}
