package release

import (
	"slices"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
)

// A Side is who accepts.
type Side string

// The sides. Both accept, separately.
const (
	Business   Side = "business"
	Operations Side = "operations"
)

// An Acceptance is what a side says.
type Acceptance string

// The answers of a side.
const (
	Accept      Acceptance = "accepted"
	WithRemarks Acceptance = "accepted_with_remarks" // not accepted until the conditions are met
	Reject      Acceptance = "rejected"
)

// Acceptances returns all answers.
func Acceptances() []Acceptance { return []Acceptance{Accept, WithRemarks, Reject} }

// A Judgement is the word of one side.
type Judgement struct {
	Answer     Acceptance        `json:"answer"`
	Criteria   []CriterionResult `json:"criteria"` // each criterion of the plan
	Conditions []Condition       `json:"conditions,omitempty"`
	Remarks    string            `json:"remarks,omitempty" itsm:"personal,text"`
}

// A CriterionResult says whether a criterion is met, and how that is known.
type CriterionResult struct {
	Key      string `json:"key"`
	Met      bool   `json:"met"`
	Evidence string `json:"evidence" itsm:"text"`
}

// A Condition must be met before the release counts as accepted.
type Condition struct {
	Text     string        `json:"text" itsm:"text"`
	Due      time.Time     `json:"due"`
	Met      time.Time     `json:"met,omitzero"`
	Evidence string        `json:"evidence,omitempty" itsm:"text"`
	By       itsm.PersonID `json:"by,omitempty"`
}

// A Verdict is a judgement with who gave it.
type Verdict struct {
	Side Side `json:"side"`
	Judgement
	By itsm.PersonID `json:"by"`
	At time.Time     `json:"at"`
}

// open lists the conditions that are not met.
func (v *Verdict) open() (texts []string) {
	for _, c := range v.Conditions {
		if c.Met.IsZero() {
			texts = append(texts, c.Text)
		}
	}
	return texts
}

// A Round is one try at acceptance.
type Round struct {
	Began    time.Time `json:"began"`
	Verdicts []Verdict `json:"verdicts,omitempty"` // the last one of each side
}

// Verdict returns what a side said, nil when it has said nothing.
func (r *Round) Verdict(s Side) *Verdict {
	return find(r.Verdicts, func(v *Verdict) bool { return v.Side == s })
}

// Settled reports whether both sides accept and every condition is met.
func (r *Round) Settled() bool {
	for _, side := range []Side{Business, Operations} {
		v := r.Verdict(side)
		if v == nil || v.Answer == Reject || len(v.open()) > 0 {
			return false
		}
	}
	return true
}

// A Filing is what people add to a release report.
type Filing struct {
	Incidents []itsm.ID     `json:"incidents,omitempty"`
	Analysis  string        `json:"analysis" itsm:"personal,text"`
	Lessons   string        `json:"lessons" itsm:"personal,text"`
	Shared    []string      `json:"shared,omitempty"`
	Exit      []string      `json:"exit,omitempty" itsm:"text"`
	By        itsm.PersonID `json:"by"`
	At        time.Time     `json:"at"`
}

// A Report is the release report: plan against what was, to be read by people.
type Report struct {
	Title     string            `json:"title" itsm:"text"`
	Type      Type              `json:"type"`
	Changes   []itsm.ID         `json:"changes"`
	Closes    []string          `json:"closes,omitempty"` // problems and known errors that are closed by it
	Planned   Window            `json:"planned"`
	Actual    Window            `json:"actual"`
	Targets   []TargetLine      `json:"targets"`
	Test      *TestReport       `json:"test"`
	Baseline  itsm.Ref          `json:"baseline"`
	After     itsm.Ref          `json:"after,omitzero"`
	Compared  time.Time         `json:"compared,omitzero"` // with the target
	Deviates  []Deviation       `json:"deviates,omitempty"`
	Incidents []itsm.ID         `json:"incidents"`
	Verdicts  []Verdict         `json:"acceptance,omitempty"`
	Criteria  []CriterionResult `json:"criteria,omitempty"`
	Fixes     []Fix             `json:"fixes,omitempty"`
	Rollback  *Rollback         `json:"rollback,omitempty"`
	Filing    Filing            `json:"filing"`
}

// A TargetLine tells what became of a target.
type TargetLine struct {
	CI      string    `json:"ci"`
	Wave    string    `json:"wave"`
	Live    bool      `json:"live"`
	Since   time.Time `json:"since,omitzero"`
	Retries int       `json:"retries,omitempty"`
	Failed  bool      `json:"failed,omitempty"`
}

// NewReport makes the report of a release with what people add to it.
func (r *Release) NewReport(f Filing) Report {
	out := Report{
		Title: r.Plan.Title, Type: r.Plan.Type, Closes: slices.Clone(r.Plan.Closes), Test: r.Test(), Deviates: slices.Clone(r.Deviates), Incidents: f.Incidents,
		Fixes: slices.Clone(r.Fixes), Rollback: r.Rollback, Filing: f, Actual: Window{r.Started, r.Deployed}, Compared: r.Compared,
	}
	if r.State == StateRolledBack || r.Rollback != nil {
		out.Closes = nil // they are open again
	}
	if r.Rollback != nil {
		out.Actual.To = r.Rollback.Ended
	}
	out.Planned, _ = r.Plan.live()
	for _, m := range r.Plan.Members {
		out.Changes = append(out.Changes, m.ID)
	}
	for i := range r.Plan.Waves {
		for _, t := range r.Plan.Waves[i].Targets {
			line := TargetLine{CI: t.CI, Wave: r.Plan.Waves[i].Key}
			if p := find(r.Targets, func(p *Progress) bool { return p.CI == t.CI }); p != nil {
				line.Live, line.Since, line.Retries, line.Failed = p.Done() && r.Rollback == nil, p.Since, p.Retries, p.Failed != nil
			}
			out.Targets = append(out.Targets, line)
		}
	}
	if r.Baseline != nil {
		out.Baseline = r.Baseline.Ref
	}
	if r.After != nil {
		out.After = r.After.Ref
	}
	if n := len(r.Rounds); n > 0 {
		out.Verdicts = slices.Clone(r.Rounds[n-1].Verdicts)
		if v := r.Rounds[n-1].Verdict(Business); v != nil {
			out.Criteria = slices.Clone(v.Criteria)
		}
	}
	return out
}

// Missing lists what the report still lacks, in a fixed order; it is complete when there is nothing. exit is how many
// exit criteria the plan has.
func (r *Report) Missing(exit int) (missing []string) {
	need := func(field string, there bool) {
		if !there {
			missing = append(missing, field)
		}
	}
	back := r.Rollback != nil
	need("planned", !r.Planned.From.IsZero())
	need("actual", !r.Actual.From.IsZero() && !r.Actual.To.IsZero())
	need("targets", len(r.Targets) > 0)
	need("test", r.Test != nil)
	need("baseline", !r.Baseline.IsZero())
	need("after", back || !r.After.IsZero())
	need("compared", back || !r.Compared.IsZero())
	for _, d := range r.Deviates {
		need("deviates."+d.CI+"."+d.Attribute, back || strings.TrimSpace(d.Because) != "")
	}
	need("acceptance", back || len(r.Verdicts) == 2)
	need("analysis", strings.TrimSpace(r.Filing.Analysis) != "")
	need("lessons", strings.TrimSpace(r.Filing.Lessons) != "")
	need("shared", len(r.Filing.Shared) > 0)
	if !back {
		filled := 0
		for _, s := range r.Filing.Exit {
			if strings.TrimSpace(s) != "" {
				filled++
			}
		}
		need("exit", filled >= exit)
	}
	return missing
}
