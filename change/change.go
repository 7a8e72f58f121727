package change

import (
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
)

// Kind is the kind of changes.
const Kind itsm.Kind = "change"

// A Change is a request for change and all that becomes of it. It is a value; who got one may change it freely without
// changing the stored one.
type Change struct {
	itsm.Meta `json:"meta"`

	Lifecycle string    `json:"lifecycle"`       // version of the table it runs under
	Policy    string    `json:"policy"`          // version of the policy it runs under
	Type      Type      `json:"type"`            // as requested, then as classified
	Scale     Scale     `json:"scale,omitempty"` // of a normal change
	Suggested Type      `json:"suggested,omitempty"`
	Deviation string    `json:"deviation,omitempty" itsm:"text"` // why it was classified otherwise than suggested
	Project   bool      `json:"project,omitempty"`               // so large that it goes through design and transition
	State     State     `json:"state"`
	Since     time.Time `json:"state_since"`

	Request
	Plan
	Requested time.Time     `json:"requested"`
	Requester itsm.PersonID `json:"requester"`

	Score       Score        `json:"score,omitzero"`
	Raised      Risk         `json:"raised,omitempty"` // by a person, over the computed level
	Assessments []Assessment `json:"assessments,omitempty"`
	Builds      []Evidence   `json:"builds,omitempty"`
	Tests       []Evidence   `json:"tests,omitempty"`
	Rehearsals  []Evidence   `json:"rehearsals,omitempty"` // of the backout
	Done        []TaskDone   `json:"done,omitempty"`       // tasks
	Template    *TemplateUse `json:"template,omitempty"`   // of a standard change
	Data        *DataFix     `json:"data,omitempty"`       // maintenance of business data

	Ballot    approval.Ballot `json:"ballot,omitzero"`
	Approved  *Consent        `json:"approved,omitempty"`
	Accounts  []Account       `json:"accounts,omitempty"` // who answers for it, once it has gone wrong
	Conflicts []Conflict      `json:"conflicts,omitempty"`
	Waivers   []Waiver        `json:"waivers,omitempty"`
	Told      []Announcement  `json:"told,omitempty"`
	Affected  []itsm.Ref      `json:"affected,omitempty"` // impact closure of the items, when approval was asked for
	Groups    []Group         `json:"groups,omitempty"`   // of redundant items, likewise

	Work       *Work       `json:"work,omitempty"` // the implementation
	Failure    *Failure    `json:"failure,omitempty"`
	Comparison *Comparison `json:"comparison,omitempty"`
	Result     Result      `json:"result,omitempty"`
	Review     *Review     `json:"review,omitempty"`
	ReviewDue  time.Time   `json:"review_due,omitzero"`
	ReviewLate bool        `json:"review_late,omitempty"`
	Paper      *Paperwork  `json:"paper,omitempty"` // of an emergency
	Links      []LinkInfo  `json:"links,omitempty"`
	Verdict    string      `json:"verdict,omitempty" itsm:"text"` // why it was rejected or cancelled
	Ended      time.Time   `json:"ended,omitzero"`
}

// Ref returns the reference to the change.
func (c Change) Ref() itsm.Ref { return itsm.Ref{Kind: Kind, ID: c.ID} }

// Risk returns the level of risk: the computed one, or the one that a person raised it to.
func (c Change) Risk() Risk {
	if c.Raised.Rank() > c.Score.Risk.Rank() {
		return c.Raised
	}
	return c.Score.Risk
}

// Emergency reports whether it is an emergency change.
func (c Change) Emergency() bool { return c.Type == TypeEmergency }

// Implemented reports whether work on production has begun.
func (c Change) Implemented() bool { return c.Work != nil }

// Caused returns how many incidents it caused, and for how many minutes services were hit by them.
func (c Change) Caused() (incidents, minutes int) {
	for _, l := range c.Links {
		if l.Relation == CausedBy {
			incidents++
			minutes += l.Minutes
		}
	}
	return incidents, minutes
}

// A Request is what somebody wants changed, and why: the request for change.
type Request struct {
	Title       string        `json:"title,omitempty" itsm:"personal,text"`
	Reason      string        `json:"reason,omitempty" itsm:"personal,text"`
	Description string        `json:"description,omitempty" itsm:"personal,text"`
	Category    Category      `json:"category,omitempty"`
	Items       []itsm.Ref    `json:"items,omitempty"`       // configuration items
	Services    []string      `json:"services,omitempty"`    // keys
	Departments []string      `json:"departments,omitempty"` // affected
	Benefit     string        `json:"benefit,omitempty" itsm:"personal,text"`
	Urgency     Urgency       `json:"urgency,omitempty"`
	Hazard      string        `json:"hazard,omitempty" itsm:"personal,text"`      // the risk as the requester sees it
	IfNotDone   string        `json:"if_not_done,omitempty" itsm:"personal,text"` // what happens otherwise
	Window      Window        `json:"window,omitzero"`                            // wanted
	After       []itsm.ID     `json:"after,omitempty"`                            // changes that must be over before
	Apart       []itsm.ID     `json:"apart,omitempty"`                            // changes that must not run at the same time
	Causes      []itsm.Ref    `json:"causes,omitempty"`                           // problems and incidents behind it
	Owner       itsm.PersonID `json:"owner,omitempty"`                            // of the business data, for their maintenance
}

// A Plan is how it will be made, and how it is taken back.
type Plan struct {
	Implementer itsm.PersonID `json:"implementer,omitempty"`
	Team        string        `json:"team,omitempty"`
	Exclusive   []string      `json:"exclusive,omitempty"` // resources beside people that can only be in one place
	Tasks       []Task        `json:"tasks,omitempty"`
	Steps       []Step        `json:"steps,omitempty"` // of the procedure, in order
	TestPlan    string        `json:"test_plan,omitempty" itsm:"text"`
	Backout     Backout       `json:"backout,omitzero"`
	Partial     []string      `json:"partial,omitempty"` // partial results that were agreed on as success beforehand
}

// A Task is a piece of work around the change.
type Task struct {
	Name     string        `json:"name" itsm:"text"`
	Assignee itsm.PersonID `json:"assignee"`
	After    []int         `json:"after,omitempty"`  // numbers, from 1, of tasks that come before
	Start    time.Time     `json:"start,omitzero"`   // planned
	End      time.Time     `json:"end,omitzero"`     // planned
	Before   bool          `json:"before,omitempty"` // it must be done before the implementation
}

// A Step is one step of the procedure, with its check point.
type Step struct {
	What      string        `json:"what" itsm:"text"`
	Operator  itsm.PersonID `json:"operator"`
	Check     string        `json:"check" itsm:"text"`  // how to see that it worked
	Estimate  itsm.Duration `json:"estimate"`           //
	Tolerance itsm.Duration `json:"tolerance,omitzero"` // that it may take longer
	Undo      itsm.Duration `json:"undo,omitzero"`      // what taking it back adds to the backout
}

// A Backout is the plan of the way back.
type Backout struct {
	Steps    []string      `json:"steps,omitempty" itsm:"text"`
	Trigger  string        `json:"trigger,omitempty" itsm:"text"` // when it is gone
	Decider  itsm.PersonID `json:"decider,omitempty"`             // who decides
	Duration itsm.Duration `json:"duration,omitzero"`             // of what does not depend on the steps done
	Verify   string        `json:"verify,omitempty" itsm:"text"`  // how to see that everything is as before
	Latest   time.Time     `json:"latest,omitzero"`               // latest decision; computed when approval is asked for
}

// An AssessmentKind is a point of view.
type AssessmentKind string

// The points of view. Both are needed, by different people.
const (
	OfIT       AssessmentKind = "it"
	OfBusiness AssessmentKind = "business"
)

// An Assessment is what one point of view says.
type Assessment struct {
	Kind        AssessmentKind    `json:"kind"`
	By          itsm.PersonID     `json:"by"`
	For         itsm.PersonID     `json:"for,omitempty"`
	At          time.Time         `json:"at"`
	Agrees      bool              `json:"agrees"`
	Conclusion  string            `json:"conclusion" itsm:"personal,text"`
	Heads       map[string]string `json:"heads,omitempty" itsm:"personal,text"` // what was weighed, by head: "capacity"
	Departments []string          `json:"departments,omitempty"`                // affected
	Downtime    itsm.Duration     `json:"downtime,omitzero"`                    // of services
	Conflicts   []Conflict        `json:"conflicts,omitempty"`                  // collisions that were known then
}

// Evidence is a record of work that lies elsewhere.
type Evidence struct {
	Ref    string        `json:"ref"`              // of the host: a test record, a build
	Digest itsm.Digest   `json:"digest,omitzero"`  // of what was built or tested
	Cases  int           `json:"cases,omitempty"`  // tests
	Failed int           `json:"failed,omitempty"` // of them
	Note   string        `json:"note,omitempty" itsm:"personal,text"`
	By     itsm.PersonID `json:"by"`
	At     time.Time     `json:"at"`
}

// A TaskDone is a task that was finished.
type TaskDone struct {
	Nth int           `json:"nth"` // from 1
	By  itsm.PersonID `json:"by"`
	At  time.Time     `json:"at"`
}

// A TemplateUse is the version of a template that a standard change was made from.
type TemplateUse struct {
	ID      itsm.ID     `json:"id"`
	Version int         `json:"version"`
	Digest  itsm.Digest `json:"digest"` // of the pinned content
}

// A DataFix is maintenance of business data past the application.
type DataFix struct {
	System    string        `json:"system"`
	Statement string        `json:"statement"`          // reference of the statement or script
	Digest    itsm.Digest   `json:"digest,omitzero"`    // of the statement
	Before    *Evidence     `json:"before,omitempty"`   // state of the data
	After     *Evidence     `json:"after,omitempty"`    //
	Executor  itsm.PersonID `json:"executor,omitempty"` // who ran it
	Checker   itsm.PersonID `json:"checker,omitempty"`  // who looked at it besides
	Finding   string        `json:"finding,omitempty" itsm:"personal,text"`
}

// A Consent is a valid approval.
type Consent struct {
	At       time.Time                 `json:"at"`
	Content  itsm.Digest               `json:"content"`            // what was approved
	Accounts []approval.Accountability `json:"accounts"`           // who approved, and for whom
	Hours    string                    `json:"hours,omitempty"`    // version of the hours under which it was approved
	Template bool                      `json:"template,omitempty"` // given to the template beforehand
}

// by reports whether a person has approved, or has been approved for.
func (c *Consent) by(p itsm.PersonID) bool {
	return p != "" && slices.ContainsFunc(c.Accounts, func(a approval.Accountability) bool { return a.Person == p })
}

// An Account says for what a person answers: who approves answers for it. It is written when the change has failed or has
// done harm, and never taken away.
type Account struct {
	approval.Accountability
	Why     string    `json:"why" itsm:"text"`
	Written time.Time `json:"written"`
}

// A Waiver lets one conflict pass.
type Waiver struct {
	Key string        `json:"key"` // see [Conflict.Key]
	By  itsm.PersonID `json:"by"`
	At  time.Time     `json:"at"`
	Why string        `json:"why" itsm:"personal,text"`
}

// An Announcement told the dates to those who are concerned.
type Announcement struct {
	To   []string      `json:"to"` // departments or services
	Text string        `json:"text,omitempty" itsm:"personal,text"`
	By   itsm.PersonID `json:"by"`
	At   time.Time     `json:"at"`
}

// Work is the record of the implementation.
type Work struct {
	Started  time.Time     `json:"started"`
	Ended    time.Time     `json:"ended,omitzero"` // of the work; backing out not included
	By       itsm.PersonID `json:"by"`
	Begun    int           `json:"begun"` // steps
	Results  []StepResult  `json:"results,omitempty"`
	Baseline []ItemState   `json:"baseline,omitempty"` // items before
	Decide   time.Time     `json:"decide,omitzero"`    // last safe instant for the decision to go back
	Warned   bool          `json:"warned,omitempty"`   // the decision is near
	Passed   bool          `json:"passed,omitempty"`   // it passed without one: nothing goes on before there is one
	Go       *Go           `json:"go,omitempty"`       // it was decided to go on
	Overrun  bool          `json:"overrun,omitempty"`  // the window is over
	Halted   string        `json:"halted,omitempty"`   // freeze that stops it after the present step
}

// A Go is the decision to go on past the last safe instant for going back.
type Go struct {
	By  itsm.PersonID `json:"by"`
	At  time.Time     `json:"at"`
	Why string        `json:"why" itsm:"personal,text"`
}

// A StepResult is what became of a step.
type StepResult struct {
	Nth       int           `json:"nth"` // from 1
	By        itsm.PersonID `json:"by"`
	Started   time.Time     `json:"started"`
	Ended     time.Time     `json:"ended,omitzero"`
	Passed    bool          `json:"passed,omitempty"`
	Deviation string        `json:"deviation,omitempty" itsm:"personal,text"`
	Accepted  itsm.PersonID `json:"accepted,omitempty"` // who let a deviation beyond the tolerance pass
	Beyond    bool          `json:"beyond,omitempty"`   // the deviation is beyond the tolerance
}

// An ItemState is the state of a configuration item at an instant.
type ItemState struct {
	Item   itsm.Ref          `json:"item"`
	Values map[string]string `json:"values,omitempty"` // attributes and relations, by name
}

// A Failure says why the change did not work, and how it was taken back.
type Failure struct {
	Why      string        `json:"why" itsm:"personal,text"`
	At       time.Time     `json:"at"`
	By       itsm.PersonID `json:"by"`
	Forced   bool          `json:"forced,omitempty"` // nobody decided in time
	BackFrom time.Time     `json:"back_from,omitzero"`
	BackBy   itsm.PersonID `json:"back_by,omitempty"`
	BackAt   time.Time     `json:"back_at,omitzero"`
	Verified string        `json:"verified,omitempty" itsm:"personal,text"`
}

// A Comparison sets the items after the backout against those before the change.
type Comparison struct {
	At          time.Time     `json:"at"`
	By          itsm.PersonID `json:"by"`
	Items       int           `json:"items"` // compared
	Differences []Difference  `json:"differences,omitempty"`
}

// A Difference is something that is not as it was.
type Difference struct {
	Item     itsm.Ref `json:"item"`
	Name     string   `json:"name"`             // attribute; "" when the item as a whole is gone or new
	Before   string   `json:"before,omitempty"` //
	After    string   `json:"after,omitempty"`  //
	Incident itsm.ID  `json:"incident,omitempty"`
}

// A Review is the review after the implementation.
type Review struct {
	By        itsm.PersonID `json:"by"`
	At        time.Time     `json:"at"`
	Lessons   string        `json:"lessons,omitempty" itsm:"personal,text"`
	Actions   []Action      `json:"actions,omitempty"`
	Planned   itsm.Duration `json:"planned"`             // that the steps were to take
	Actual    itsm.Duration `json:"actual"`              // that they took
	Suspected []itsm.Ref    `json:"suspected,omitempty"` // incidents that it may have caused
}

// An Action is what follows from a review.
type Action struct {
	What string        `json:"what" itsm:"text"`
	Who  itsm.PersonID `json:"who"`
	Due  time.Time     `json:"due,omitzero"`
}

// Paperwork is what an emergency change owes.
type Paperwork struct {
	Due     time.Time `json:"due"`
	Done    time.Time `json:"done,omitzero"`
	Overdue bool      `json:"overdue,omitempty"`
}

// A Relation says what a linked record has to do with the change.
type Relation string

// The relations.
const (
	BehindIt Relation = "cause"     // the change was requested because of it
	CausedBy Relation = "caused_by" // the change caused it
	LeftOver Relation = "left_over" // it is about a difference that the backout left
)

// A LinkInfo is a problem or an incident that has to do with the change.
type LinkInfo struct {
	To       itsm.Ref  `json:"to"`
	Relation Relation  `json:"relation"`
	Minutes  int       `json:"minutes,omitempty"` // that services were hit
	Informed time.Time `json:"informed,omitzero"` // of the result
}

// A Type says how a change is treated.
type Type string

// The types.
const (
	TypeStandard  Type = "standard"  // from a template that was approved beforehand
	TypeNormal    Type = "normal"    //
	TypeEmergency Type = "emergency" //
)

// Types returns all types.
func Types() []Type { return []Type{TypeStandard, TypeNormal, TypeEmergency} }

// A Scale divides normal changes.
type Scale string

// The scales.
const (
	Minor Scale = "minor"
	Major Scale = "major"
)

// A Category says what is changed.
type Category string

// The categories.
const (
	Hardware      Category = "hardware"
	Software      Category = "software"
	Network       Category = "network"
	Data          Category = "data"
	Configuration Category = "configuration"
	Environment   Category = "environment"
	Document      Category = "document"
)

// Categories returns all categories.
func Categories() []Category {
	return []Category{Hardware, Software, Network, Data, Configuration, Environment, Document}
}

// An Urgency says how soon it is needed.
type Urgency string

// The urgencies, rising.
const (
	UrgencyLow    Urgency = "low"
	UrgencyMedium Urgency = "medium"
	UrgencyHigh   Urgency = "high"
	UrgencyNow    Urgency = "now"
)

// Urgencies returns all urgencies, rising.
func Urgencies() []Urgency { return []Urgency{UrgencyLow, UrgencyMedium, UrgencyHigh, UrgencyNow} }

// A Result says what came of it.
type Result string

// The results.
const (
	Successful Result = "successful"
	WithIssues Result = "successful_with_deviations"
	FailedBack Result = "failed_backed_out"
	NotDone    Result = "cancelled"
)

// Touches reports whether the change names a configuration item.
func (c Change) Touches(item itsm.Ref) bool { return slices.Contains(c.Items, item) }
