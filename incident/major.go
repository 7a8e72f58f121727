package incident

import (
	"fmt"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/lifecycle"
)

// A MajorState is where the overlay of a major incident stands. It is no state of the incident: work goes on beneath it.
type MajorState string

// The states of the overlay.
const (
	MajorStateProposed   MajorState = "proposed"
	MajorStateRejected   MajorState = "rejected"
	MajorStateDeclared   MajorState = "declared" // somebody is in command
	MajorStateStabilised MajorState = "stabilised"
	MajorStateStoodDown  MajorState = "stood_down"
	MajorStateReviewed   MajorState = "reviewed"
)

// Major is the overlay of a major incident.
type Major struct {
	State        MajorState    `json:"state"`
	Criteria     []string      `json:"criteria,omitempty"` // keys of those that held
	Why          string        `json:"why,omitempty" itsm:"text"`
	Impact       string        `json:"impact,omitempty" itsm:"text"` // on the business
	Manager      itsm.PersonID `json:"manager,omitempty"`
	Communicator itsm.PersonID `json:"communicator,omitempty"`
	Scribe       itsm.PersonID `json:"scribe,omitempty"`
	Proposed     time.Time     `json:"proposed,omitzero"`
	Declared     time.Time     `json:"declared,omitzero"`
	StoodDown    time.Time     `json:"stood_down,omitzero"`
	Updates      int           `json:"updates,omitempty"`     // told to those concerned
	NextUpdate   time.Time     `json:"next_update,omitzero"`  // by when the next is due
	Missed       int           `json:"missed,omitempty"`      // updates that were not told in time
	ReviewDue    time.Time     `json:"review_due,omitzero"`   //
	ReviewLate   bool          `json:"review_late,omitempty"` //
	Findings     string        `json:"findings,omitempty" itsm:"text"`
	Actions      []string      `json:"actions,omitempty" itsm:"text"`
}

// Active reports whether somebody is in command.
func (m *Major) Active() bool {
	return m != nil && (m.State == MajorStateDeclared || m.State == MajorStateStabilised)
}

// MajorMachine is the table of the overlay.
var MajorMachine = lifecycle.Must(lifecycle.Spec[MajorState, MajorStep]{
	Name: "major_incident", Start: []MajorState{MajorStateProposed},
	States: []lifecycle.StateRow[MajorState]{
		{Name: MajorStateProposed, Phase: lifecycle.PhaseOpen, En: "proposed", Zh: "已提出"},
		{Name: MajorStateDeclared, Phase: lifecycle.PhaseActive, En: "declared, in command", Zh: "已宣布、指挥中"},
		{Name: MajorStateStabilised, Phase: lifecycle.PhaseActive, En: "stabilised", Zh: "已稳定"},
		{Name: MajorStateStoodDown, Phase: lifecycle.PhaseResolved, En: "stood down", Zh: "已解除"},
		{Name: MajorStateReviewed, Phase: lifecycle.PhaseClosed, End: true, En: "reviewed", Zh: "已复盘"},
		{Name: MajorStateRejected, Phase: lifecycle.PhaseClosed, End: true, En: "rejected", Zh: "不成立"},
	},
	Transitions: []lifecycle.Transition[MajorState, MajorStep]{
		{Event: "declare", From: []MajorState{MajorStateProposed}, To: MajorStateDeclared, En: "declare", Zh: "宣布"},
		{Event: "reject", From: []MajorState{MajorStateProposed}, To: MajorStateRejected, En: "reject", Zh: "不予宣布"},
		{Event: "update", From: []MajorState{MajorStateDeclared}, To: MajorStateDeclared, En: "tell those concerned", Zh: "通报"},
		{Event: "update", From: []MajorState{MajorStateStabilised}, To: MajorStateStabilised, En: "tell those concerned", Zh: "通报"},
		{Event: "stabilise", From: []MajorState{MajorStateDeclared}, To: MajorStateStabilised, En: "stabilise", Zh: "稳定"},
		{Event: "stand_down", From: []MajorState{MajorStateDeclared, MajorStateStabilised}, To: MajorStateStoodDown, En: "stand down", Zh: "解除"},
		{Event: "review", From: []MajorState{MajorStateStoodDown}, To: MajorStateReviewed, En: "review", Zh: "复盘"},
	},
})

// A MajorStep moves the overlay.
type MajorStep string

// MajorPolicy says what makes an incident a major one and what then is due.
type MajorPolicy struct {
	Criteria     []Criterion   `json:"criteria"`
	UpdateEvery  itsm.Duration `json:"update_every"`  // those concerned are told at least so often, elapsed
	ReviewWithin itsm.Duration `json:"review_within"` // after standing down, elapsed
}

// A Criterion makes an incident a candidate for a major one.
type Criterion struct {
	Key     string `json:"key"`
	English string `json:"en"`
	Chinese string `json:"zh"`
	When    string `json:"when"` // a rule over [ClockFacts]
}

func defaultMajor() MajorPolicy {
	return MajorPolicy{
		Criteria: []Criterion{
			{Key: "core_service", English: "priority 1 on a service of grade A", Chinese: "A 级业务一级优先", When: `priority == "P1" && grade == "A"`},
			{Key: "hospital_wide", English: "the whole hospital is hit", Chinese: "全院范围受影响", When: `impact == "I1" && urgency in ["U1", "U2"]`},
			{Key: "patient_safety", English: "patient safety", Chinese: "患者安全", When: `patient_safety`},
		},
		UpdateEvery: 30 * itsm.Minute, ReviewWithin: 5 * 24 * itsm.Hour,
	}
}

func (p MajorPolicy) check() (faults []error) {
	if p.UpdateEvery <= 0 {
		faults = append(faults, fmt.Errorf("major: update_every is %v: want more than 0", p.UpdateEvery))
	}
	if p.ReviewWithin <= 0 {
		faults = append(faults, fmt.Errorf("major: review_within is %v: want more than 0", p.ReviewWithin))
	}
	for i, c := range p.Criteria {
		if c.Key == "" || slices.ContainsFunc(p.Criteria[:i], func(o Criterion) bool { return o.Key == c.Key }) {
			faults = append(faults, fmt.Errorf("major: criterion %d: the key %q is empty or used twice", i+1, c.Key))
		}
	}
	return faults
}

// The commands of the overlay.
type (
	// ProposeMajor proposes that it is a major incident.
	ProposeMajor struct {
		Why string `json:"why"`
	}
	// DeclareMajor puts somebody in command. Clocks run on.
	DeclareMajor struct {
		Impact       string        `json:"impact"` // on the business
		Manager      itsm.PersonID `json:"manager"`
		Communicator itsm.PersonID `json:"communicator"`
		Scribe       itsm.PersonID `json:"scribe"`
		Message      string        `json:"message"` // first word to those concerned
	}
	// RejectMajor says why it is none.
	RejectMajor struct {
		Why string `json:"why"`
	}
	// UpdateMajor tells those concerned how it stands; the next word is due an interval later.
	UpdateMajor struct {
		Message string `json:"message"`
	}
	// StabiliseMajor says that it gets no worse.
	StabiliseMajor struct {
		Message string `json:"message"`
	}
	// StandDownMajor ends the command. It makes the incident a problem: who listens to the event opens it.
	StandDownMajor struct {
		Message string `json:"message"`
	}
	// ReviewMajor looks back.
	ReviewMajor struct {
		Findings string   `json:"findings"`
		Actions  []string `json:"actions,omitempty"`
	}
)

func (ProposeMajor) CommandName() string   { return "incident.propose_major" }
func (DeclareMajor) CommandName() string   { return "incident.declare_major" }
func (RejectMajor) CommandName() string    { return "incident.reject_major" }
func (UpdateMajor) CommandName() string    { return "incident.update_major" }
func (StabiliseMajor) CommandName() string { return "incident.stabilise_major" }
func (StandDownMajor) CommandName() string { return "incident.stand_down_major" }
func (ReviewMajor) CommandName() string    { return "incident.review_major" }

// The events of the overlay.
type (
	// MajorProposed: it may be a major incident.
	MajorProposed struct {
		Criteria []string `json:"criteria,omitempty"`
		Why      string   `json:"why,omitempty" itsm:"personal,text"`
	}
	// MajorDeclared: it is one.
	MajorDeclared struct {
		Impact       string        `json:"impact" itsm:"text"`
		Manager      itsm.PersonID `json:"manager"`
		Communicator itsm.PersonID `json:"communicator"`
		Scribe       itsm.PersonID `json:"scribe"`
		Message      string        `json:"message" itsm:"text"`
		Next         time.Time     `json:"next"`
	}
	// MajorRejected: it is none.
	MajorRejected struct {
		Why string `json:"why" itsm:"text"`
	}
	// MajorUpdated: those concerned were told.
	MajorUpdated struct {
		Message string    `json:"message" itsm:"text"`
		Next    time.Time `json:"next"`
	}
	// MajorUpdateMissed: those concerned were not told in time.
	MajorUpdateMissed struct {
		Next time.Time `json:"next"`
	}
	// MajorStabilised: it gets no worse.
	MajorStabilised struct {
		Message string    `json:"message" itsm:"text"`
		Next    time.Time `json:"next"`
	}
	// MajorStoodDown: the command ended; a problem is to be opened, unless one is linked.
	MajorStoodDown struct {
		Message    string    `json:"message" itsm:"text"`
		ReviewDue  time.Time `json:"review_due"`
		Problem    itsm.ID   `json:"problem,omitempty"` // linked already
		NewProblem bool      `json:"new_problem"`       // one is to be opened
	}
	// MajorReviewed: somebody looked back.
	MajorReviewed struct {
		Findings string   `json:"findings" itsm:"text"`
		Actions  []string `json:"actions,omitempty" itsm:"text"`
	}
	// MajorReviewOverdue: nobody looked back in time.
	MajorReviewOverdue struct{}
)

func (MajorProposed) EventType() string      { return "incident.major_proposed" }
func (MajorDeclared) EventType() string      { return "incident.major_declared" }
func (MajorRejected) EventType() string      { return "incident.major_rejected" }
func (MajorUpdated) EventType() string       { return "incident.major_updated" }
func (MajorUpdateMissed) EventType() string  { return "incident.major_update_missed" }
func (MajorStabilised) EventType() string    { return "incident.major_stabilised" }
func (MajorStoodDown) EventType() string     { return "incident.major_stood_down" }
func (MajorReviewed) EventType() string      { return "incident.major_reviewed" }
func (MajorReviewOverdue) EventType() string { return "incident.major_review_overdue" }

// major gives the event a copy of the overlay to change.
func (r *Incident) major() *Major {
	m := Major{}
	if r.Major != nil {
		m = *r.Major
	}
	r.Major = &m
	return &m
}

func (e MajorProposed) apply(r *Incident, ev *itsm.Event) {
	r.Major = nil // a rejected one may be proposed again
	m := r.major()
	m.State, m.Criteria, m.Why, m.Proposed = MajorStateProposed, e.Criteria, e.Why, ev.At
}

func (e MajorDeclared) apply(r *Incident, ev *itsm.Event) {
	m := r.major()
	m.State, m.Impact, m.Manager, m.Communicator, m.Scribe = MajorStateDeclared, e.Impact, e.Manager, e.Communicator, e.Scribe
	m.Declared, m.NextUpdate, m.Updates = ev.At, e.Next, m.Updates+1
}

func (e MajorRejected) apply(r *Incident, _ *itsm.Event) {
	m := r.major()
	m.State, m.Why = MajorStateRejected, e.Why
}

func (e MajorUpdated) apply(r *Incident, _ *itsm.Event) {
	m := r.major()
	m.NextUpdate, m.Updates = e.Next, m.Updates+1
}

func (e MajorUpdateMissed) apply(r *Incident, _ *itsm.Event) {
	m := r.major()
	m.NextUpdate, m.Missed = e.Next, m.Missed+1
}

func (e MajorStabilised) apply(r *Incident, _ *itsm.Event) {
	m := r.major()
	m.State, m.NextUpdate, m.Updates = MajorStateStabilised, e.Next, m.Updates+1
}

func (e MajorStoodDown) apply(r *Incident, ev *itsm.Event) {
	m := r.major()
	m.State, m.StoodDown, m.NextUpdate, m.ReviewDue, m.Updates = MajorStateStoodDown, ev.At, time.Time{}, e.ReviewDue, m.Updates+1
}

func (e MajorReviewed) apply(r *Incident, _ *itsm.Event) {
	m := r.major()
	m.State, m.Findings, m.Actions, m.ReviewDue = MajorStateReviewed, e.Findings, e.Actions, time.Time{}
}

func (MajorReviewOverdue) apply(r *Incident, _ *itsm.Event) { r.major().ReviewLate = true }
