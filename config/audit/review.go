package audit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/lifecycle"
	"github.com/hospital-itsm/itsm/store"
)

// KindReview is the kind of reviews.
const KindReview itsm.Kind = "ci_review"

// A Review looks back at the process of configuration management and at what audits have found. When one is due is a [config.Schedule].
type Review struct {
	itsm.Meta `json:"meta"`

	State        State         `json:"state"` // reconciling while improvements are open, then closed
	Held         time.Time     `json:"held"`
	Audits       []itsm.ID     `json:"audits,omitempty"` // that were looked at
	Findings     []Finding     `json:"findings"`
	Improvements []Improvement `json:"improvements,omitempty"`
}

// A Finding is about the process or about what the database says.
type Finding struct {
	About About  `json:"about"`
	Text  string `json:"text" itsm:"text"`
}

// About is what a finding is about.
type About string

// What findings are about.
const (
	AboutProcess About = "process"
	AboutCMDB    About = "cmdb"
)

// An Improvement is something to be done better.
type Improvement struct {
	What  string        `json:"what" itsm:"text"`
	Owner itsm.PersonID `json:"owner"`
	Due   time.Time     `json:"due"`
	Done  time.Time     `json:"done,omitzero"`
}

var reviewMachine = lifecycle.Must(lifecycle.Spec[State, string]{
	Name: "ci_review", Start: []State{StateReconciling},
	States: []lifecycle.StateRow[State]{
		{Name: StateReconciling, Phase: lifecycle.PhaseActive, En: "improving", Zh: "改进中"},
		{Name: StateClosed, Phase: lifecycle.PhaseClosed, End: true, En: "closed", Zh: "已关闭"},
	},
	Transitions: []lifecycle.Transition[State, string]{{Event: "close", From: []State{StateReconciling}, To: StateClosed, En: "close", Zh: "关闭"}},
})

// A ReviewCommand is a command on a review; it stands here with its rule.
type ReviewCommand interface {
	itsm.Command
	decideReview(d *itsm.Draft[Review])
}

type (
	// Hold enters a review that was held: findings on the process and on the database, and what is to be done better.
	Hold struct {
		Audits       []itsm.ID     `json:"audits,omitempty"`
		Findings     []Finding     `json:"findings"`
		Improvements []Improvement `json:"improvements,omitempty"`
	}
	// Improve says that an improvement is done.
	Improve struct {
		Nth int `json:"nth"` // from 1
	}
	// CloseReview ends a review of which every improvement is done.
	CloseReview struct{}
)

func (Hold) CommandName() string        { return "ci_review.hold" }
func (Improve) CommandName() string     { return "ci_review.improve" }
func (CloseReview) CommandName() string { return "ci_review.close" }

// Creates marks the command that makes a review.
func (Hold) Creates() {}

type (
	// ReviewHeld: a review was held.
	ReviewHeld struct {
		Audits       []itsm.ID     `json:"audits,omitempty"`
		Findings     []Finding     `json:"findings"`
		Improvements []Improvement `json:"improvements,omitempty"`
	}
	// Improved: an improvement is done.
	Improved struct {
		Nth int `json:"nth"`
	}
	// ReviewClosed: every improvement is done.
	ReviewClosed struct {
		State State `json:"state"`
	}
)

func (ReviewHeld) EventType() string   { return "ci_review.held" }
func (Improved) EventType() string     { return "ci_review.improved" }
func (ReviewClosed) EventType() string { return "ci_review.closed" }

var (
	ruleBothSides = itsm.Invalid("review.both", "a review has findings on the process and on the database, {missing} is missing", "回顾须同时包含流程与配置库两方面的结论，缺少 {missing}")
	ruleNoImprove = itsm.NotNow("review.nth", "there is no open improvement {nth}", "没有未完成的改进项 {nth}")
	ruleImproving = itsm.NotNow("review.open", "improvements are not done: {open}", "改进项尚未完成：{open}")
)

// A ReviewProcess is the process of reviews. It is safe for concurrent use.
type ReviewProcess struct{}

// Describe implements [itsm.Process].
func (ReviewProcess) Describe() itsm.Description {
	var phases []string
	for _, ph := range lifecycle.Phases() {
		phases = append(phases, string(ph))
	}
	all := []string{"itsm.read", "itsm.timeline", "itsm.journal", "ci_review.hold", "ci_review.improve", "ci_review.close", "itsm.note"}
	return itsm.Description{
		Kind: KindReview, Prefix: "CIR", Commands: []itsm.Command{Hold{}, Improve{}, CloseReview{}}, Phases: phases,
		Events: []itsm.Payload{ReviewHeld{}, Improved{}, ReviewClosed{}}, Rules: []*itsm.Rule{ruleBothSides, ruleNoImprove, ruleImproving},
		Index: []itsm.IndexField{{Name: "held", Type: itsm.TimeValue}, {Name: "due", Type: itsm.TimeValue}},
		Grants: []itsm.Grant{
			{Role: itsm.RoleConfigManager, Commands: all, Clearance: itsm.Sensitive, Infrastructure: true},
			{Role: itsm.RoleProjectManager, Commands: all, Clearance: itsm.Sensitive, Infrastructure: true},
		},
	}
}

// Meta implements [itsm.Process].
func (ReviewProcess) Meta(rec *Review) *itsm.Meta { return &rec.Meta }

// Possible implements [itsm.Process].
func (ReviewProcess) Possible(rec Review) []string { return reviewMachine.Allowed(rec.State) }

// Outline implements [itsm.Process].
func (ReviewProcess) Outline(rec Review) itsm.Outline {
	index := itsm.NewEntries()
	index.Time("held", rec.Held)
	var due time.Time
	for _, i := range rec.Improvements {
		if i.Done.IsZero() {
			due = itsm.Earliest(due, i.Due)
		}
	}
	index.Time("due", due)
	return itsm.Outline{State: string(rec.State), Phase: string(reviewMachine.Phase(rec.State)), Final: reviewMachine.IsEnd(rec.State), Index: index}
}

// ReviewFacts are none: a review knows enough of itself.
type ReviewFacts struct{}

// Gather implements [itsm.Process].
func (ReviewProcess) Gather(context.Context, Review, ReviewCommand, itsm.Env) (ReviewFacts, error) {
	return ReviewFacts{}, nil
}

// Decide implements [itsm.Process].
func (p ReviewProcess) Decide(rec Review, cmd ReviewCommand, _ ReviewFacts, env itsm.Env) ([]itsm.Payload, error) {
	d := itsm.NewDraft(KindReview, cmd, rec, env, p)
	cmd.decideReview(d)
	return d.Result()
}

func (c Hold) decideReview(d *itsm.Draft[Review]) {
	seen := map[About]bool{}
	for _, f := range c.Findings {
		d.Choice("about", string(f.About), "process, cmdb", f.About == AboutProcess || f.About == AboutCMDB)
		d.Need("text", f.Text)
		d.Length("text", f.Text, 4000)
		seen[f.About] = true
	}
	for _, about := range []About{AboutProcess, AboutCMDB} {
		d.RefuseWhen(!seen[about], ruleBothSides, "missing", about)
	}
	var improvements []Improvement
	for _, i := range c.Improvements {
		d.Need("what", i.What)
		d.Length("what", i.What, 2000)
		d.Need("owner", string(i.Owner))
		d.Code("owner", string(i.Owner))
		d.NeedTime("due", i.Due)
		d.Later("due", i.Due)
		improvements = append(improvements, Improvement{What: i.What, Owner: i.Owner, Due: itsm.Instant(i.Due)})
	}
	if d.Failed() {
		return
	}
	d.Emit(ReviewHeld{c.Audits, c.Findings, improvements})
}

func (c Improve) decideReview(d *itsm.Draft[Review]) {
	lifecycle.In(d, d.Rec.State, StateReconciling)
	if d.Failed() {
		return
	}
	if d.RefuseWhen(c.Nth < 1 || c.Nth > len(d.Rec.Improvements) || !d.Rec.Improvements[max(c.Nth, 1)-1].Done.IsZero(), ruleNoImprove, "nth", c.Nth); !d.Failed() {
		d.Emit(Improved(c))
	}
}

func (c CloseReview) decideReview(d *itsm.Draft[Review]) {
	to := lifecycle.Advance(d, reviewMachine, d.Rec.State, "close")
	if d.Failed() {
		return
	}
	var open []string
	for i, x := range d.Rec.Improvements {
		if x.Done.IsZero() {
			open = append(open, fmt.Sprint(i+1))
		}
	}
	if d.RefuseWhen(len(open) > 0, ruleImproving, "open", strings.Join(open, ", ")); !d.Failed() {
		d.Emit(ReviewClosed{to})
	}
}

// Evolve implements [itsm.Process].
func (ReviewProcess) Evolve(rec *Review, ev *itsm.Event) error {
	switch e := ev.Payload.(type) {
	case ReviewHeld:
		rec.State, rec.Held, rec.Audits, rec.Findings, rec.Improvements = StateReconciling, ev.At, e.Audits, e.Findings, e.Improvements
	case Improved:
		rec.Improvements = slices.Clone(rec.Improvements)
		rec.Improvements[e.Nth-1].Done = ev.At
	case ReviewClosed:
		rec.State = e.State
	default:
		return fmt.Errorf("%w: %T is no event of a review", itsm.ErrInvalid, ev.Payload)
	}
	return nil
}

// Reviews carries out commands on reviews. It is safe for concurrent use.
type Reviews = itsm.Service[Review, ReviewFacts, ReviewCommand]

// NewReviews returns the service of reviews in a store.
func NewReviews(db store.DB, cfg itsm.Config) (*Reviews, error) {
	return itsm.NewService(ReviewProcess{}, store.NewRepository[Review](db), cfg)
}
