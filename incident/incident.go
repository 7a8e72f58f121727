package incident

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/sla"
)

// Kind is the kind of all records of this package.
const Kind itsm.Kind = "incident"

// An Incident is a ticket: an unexpected event, a question, a complaint or a request. It is a value; who got one may
// change it freely without changing the stored one.
type Incident struct {
	itsm.Meta `json:"meta"`

	Lifecycle string    `json:"lifecycle"`       // version of the table it runs under
	Type      Type      `json:"type,omitempty"`  // decided by triage
	State     State     `json:"state"`           //
	Since     time.Time `json:"state_since"`     // in this state
	Origin    Origin    `json:"origin"`          // who noticed it
	Channel   Channel   `json:"channel"`         // by which it came in
	Caller    Caller    `json:"caller,omitzero"` // who reported it first
	Reports   int       `json:"reports"`         // how often it was reported, duplicates included

	Summary     string    `json:"summary" itsm:"text"`               // one line
	Description string    `json:"description,omitempty" itsm:"text"` //
	Symptom     string    `json:"symptom,omitempty" itsm:"text"`
	Scope       string    `json:"scope,omitempty" itsm:"text"` // who and what is hit
	Began       time.Time `json:"began,omitzero"`              // the trouble, as far as known
	Category    Category  `json:"category,omitempty"`          //
	Service     string    `json:"service,omitempty"`           // key of the service
	Grade       string    `json:"grade,omitempty"`             // of the service, when it was triaged
	CI          string    `json:"ci,omitempty"`                // configuration item
	Department  string    `json:"department,omitempty"`        // where
	OnSite      bool      `json:"on_site,omitempty"`           // somebody has to go there
	Setting     Setting   `json:"setting,omitempty"`           // clinical setting of the place
	CareDepends bool      `json:"care,omitempty"`              // care of a patient depends on it now
	Safety      bool      `json:"safety,omitempty"`            // patient-safety flag
	Impact      Impact    `json:"impact,omitempty"`            //
	Urgency     Urgency   `json:"urgency,omitempty"`           //
	Priority    Priority  `json:"priority,omitempty"`          // in force: the override if there is one, else the derived one
	Derived     Derived   `json:"derived,omitzero"`            // what matrix and modifiers give
	Override    *Override `json:"override,omitempty"`          // by a person
	Business    Business  `json:"business,omitzero"`           // effect on the hospital from start to end

	Owner     string          `json:"owner"`              // the desk post that answers for it to the end
	Group     string          `json:"group,omitempty"`    // that works on it
	Assignee  itsm.PersonID   `json:"assignee,omitempty"` // who works on it
	Tier      Tier            `json:"tier,omitempty"`     // that works on it
	HandOvers []Escalation    `json:"hand_overs,omitempty"`
	Diagnosis string          `json:"diagnosis,omitempty" itsm:"text"` // of the first line
	Attempts  []Attempt       `json:"attempts,omitempty"`
	Proposals []Proposal      `json:"proposals,omitempty"` // solutions, the last one counts
	Hold      *HoldInfo       `json:"hold,omitempty"`      // while on hold
	Confirmed *Confirmation   `json:"confirmed,omitempty"` // of the last proposal
	Closure   *Closure        `json:"closure,omitempty"`   //
	Cancelled *Cancellation   `json:"cancelled,omitempty"` //
	Arrived   *Arrival        `json:"arrived,omitempty"`   // on site, or why remotely
	Work      WorkType        `json:"work,omitempty"`      // kind of work
	FollowUp  FollowUpInfo    `json:"follow_up,omitzero"`  // of the desk after hand-over
	Promises  []Promise       `json:"promises,omitempty"`  // of other parties
	Urgent    *Paperwork      `json:"urgent,omitempty"`    // handled before the paperwork
	Infection *InfectionInfo  `json:"infection,omitempty"` // confirmed malware
	Security  *SecurityOrigin `json:"security,omitempty"`  // it is a security incident

	Responded time.Time `json:"responded,omitzero"` // somebody began to work on it
	Restored  time.Time `json:"restored,omitzero"`  // the service is usable again, perhaps by a workaround
	Resolved  time.Time `json:"resolved,omitzero"`  // last proposed as solved
	Ended     time.Time `json:"ended,omitzero"`     // closed or cancelled

	Workaround    string `json:"workaround,omitempty" itsm:"text"`
	FirstContact  bool   `json:"first_contact,omitempty"` // solved by the desk in the first contact
	Loops         int    `json:"loops,omitempty"`         // diagnosed anew after a failed try
	Reassignments int    `json:"reassignments,omitempty"` // changes of the group
	Rejections    int    `json:"rejections,omitempty"`    // by the desk: rework
	Reopenings    int    `json:"reopenings,omitempty"`    // by the user
	Holds         int    `json:"holds,omitempty"`         //

	Parent     itsm.ID     `json:"parent,omitempty"`
	Children   []itsm.ID   `json:"children,omitempty"`
	MergedInto itsm.ID     `json:"merged_into,omitempty"` // it turned out to be a duplicate of that one
	MergedAt   time.Time   `json:"merged_at,omitzero"`
	Absorbed   []itsm.ID   `json:"absorbed,omitempty"`   // duplicates of this one
	Recurrence *Recurrence `json:"recurrence,omitempty"` // of a closed one
	Alert      *AlertInfo  `json:"alert,omitempty"`      // from monitoring
	Major      *Major      `json:"major,omitempty"`      // overlay of a major incident
	Problem    itsm.ID     `json:"problem,omitempty"`    // linked problem
	Change     itsm.ID     `json:"change,omitempty"`     // linked change

	Clocks sla.Sheet `json:"clocks,omitzero"`
}

// Ref returns the reference to the incident.
func (i Incident) Ref() itsm.Ref { return itsm.Ref{Kind: Kind, ID: i.ID} }

// Due returns when a target is due. There is none while the clock is paused, not started, finished, or without an agreement.
func (i Incident) Due(m sla.Metric) (time.Time, bool) { return i.Clocks.Due(m) }

// Open reports whether there is still something to do: it is neither at rest nor merged into another.
func (i Incident) Open() bool { return i.Ended.IsZero() && i.MergedInto == "" }

// ReopenCount returns how often the work had to be taken up again after it was called solved: rejections, reopenings, and
// those of the incidents that this one is a recurrence of. It never falls.
func (i Incident) ReopenCount() int {
	n := i.Rejections + i.Reopenings
	if i.Recurrence != nil {
		n += i.Recurrence.Reopens
	}
	return n
}

// ImpactTime returns how long the business was hit, zero while the end is open or the start unknown.
func (i Incident) ImpactTime() time.Duration {
	if i.Business.Start.IsZero() || i.Business.End.IsZero() {
		return 0
	}
	return i.Business.End.Sub(i.Business.Start)
}

// Proposal returns the solution that counts.
func (i Incident) Proposal() (Proposal, bool) {
	if len(i.Proposals) == 0 {
		return Proposal{}, false
	}
	return i.Proposals[len(i.Proposals)-1], true
}

// PingPongs returns how often the incident went back and forth between the same two groups.
func (i Incident) PingPongs() int {
	n := 0
	for k, e := range i.HandOvers {
		if slices.ContainsFunc(i.HandOvers[:k], func(f Escalation) bool { return f.From == e.From && f.To == e.To && e.To != "" }) {
			n++
		}
	}
	return n
}

// A Type is what triage decides a ticket to be.
type Type string

// The types of tickets. Each has a lifecycle of its own.
const (
	TypeIncident     Type = "incident"
	TypeConsultation Type = "consultation"
	TypeComplaint    Type = "complaint"
	TypeRequest      Type = "request"
)

// Types returns all types.
func Types() []Type { return []Type{TypeIncident, TypeConsultation, TypeComplaint, TypeRequest} }

// An Origin tells who noticed.
type Origin string

// The origins.
const (
	ByUser           Origin = "user"
	ByInfrastructure Origin = "infrastructure"
)

// A Channel is how a ticket came in.
type Channel string

// The channels.
const (
	Phone      Channel = "phone"
	Portal     Channel = "portal"
	WeChat     Channel = "wechat"
	Email      Channel = "email"
	WalkIn     Channel = "walk_in"
	Monitoring Channel = "monitoring"
	Other      Channel = "other"
)

// Channels returns all channels.
func Channels() []Channel {
	return []Channel{Phone, Portal, WeChat, Email, WalkIn, Monitoring, Other}
}

// A Category says what is broken. Hosts extend the set with fields of their own.
type Category string

// The categories.
const (
	Software    Category = "software"
	Hardware    Category = "hardware"
	Network     Category = "network"
	Data        Category = "data"
	Environment Category = "environment"
	Unsorted    Category = "other"
)

// Categories returns all categories.
func Categories() []Category {
	return []Category{Software, Hardware, Network, Data, Environment, Unsorted}
}

// A WorkType is a kind of work with rules of its own.
type WorkType string

// The kinds of work.
const (
	WorkRepair  WorkType = "repair"
	WorkMalware WorkType = "malware" // prevention and removal
)

// A Setting is the clinical setting of a place.
type Setting string

// The settings, from life-critical places to offices.
const (
	LifeCritical      Setting = "life_critical"
	PatientFlow       Setting = "patient_flow"
	Ward              Setting = "ward"
	Consulting        Setting = "consulting"
	MedicalTechnology Setting = "medical_technology"
	Administration    Setting = "administration"
)

// Settings returns all settings.
func Settings() []Setting {
	return []Setting{LifeCritical, PatientFlow, Ward, Consulting, MedicalTechnology, Administration}
}

// A Tier is the line of support that works on an incident.
type Tier int

// The tiers.
const (
	TierFirst  Tier = 1 // service desk and resident engineers
	TierSecond Tier = 2 // second-line emergency engineers
	TierThird  Tier = 3 // vendors, integrators, service providers
)

// A Caller is who reported, as far as is needed to call back.
type Caller struct {
	Person     itsm.PersonID `json:"person,omitempty"`
	Name       string        `json:"name,omitempty" itsm:"text"`
	Department string        `json:"department,omitempty"`
	Phone      string        `json:"phone,omitempty"` // to call back
	VIP        bool          `json:"vip,omitempty"`   // at the time of the contact
}

// An Override is a priority set by a person over the derived one.
type Override struct {
	Priority Priority      `json:"priority"`
	Why      string        `json:"why" itsm:"personal,text"`
	By       itsm.PersonID `json:"by"`
	At       time.Time     `json:"at"`
	Until    time.Time     `json:"until,omitzero"` // zero: to the end
}

// Business is the effect on the hospital.
type Business struct {
	Start       time.Time `json:"start,omitzero"`
	End         time.Time `json:"end,omitzero"`
	Users       int       `json:"users,omitempty"`
	Departments []string  `json:"departments,omitempty"`
	Patients    string    `json:"patients,omitempty" itsm:"personal,text"` // effect on the flow of patients
}

// An EscalationKind says what an escalation is for.
type EscalationKind string

// The kinds of escalation.
const (
	Functional EscalationKind = "functional" // to others who know more
	Hierarchic EscalationKind = "hierarchic" // to those who decide more
	ToSupplier EscalationKind = "supplier"   // to an outside party
)

// An Escalation is a hand-over from one group or tier to another.
type Escalation struct {
	Kind     EscalationKind `json:"kind"`
	Consult  bool           `json:"consult,omitempty"` // asks for an answer; the work stays with who asks
	From     string         `json:"from,omitempty"`    // group
	To       string         `json:"to,omitempty"`      // group
	FromTier Tier           `json:"from_tier"`
	ToTier   Tier           `json:"to_tier"`
	Reason   string         `json:"reason" itsm:"personal,text"`
	Note     string         `json:"note,omitempty" itsm:"personal,text"` // hand-over note
	Skip     string         `json:"skip,omitempty" itsm:"personal,text"` // why a tier was left out
	Evidence []string       `json:"evidence,omitempty" itsm:"personal,text"`
	Party    *Party         `json:"party,omitempty"` // of the third line
	By       itsm.PersonID  `json:"by"`
	At       time.Time      `json:"at"`
	Due      time.Time      `json:"due,omitzero"`      // by when it should be accepted
	Accepted time.Time      `json:"accepted,omitzero"` //
	AcceptBy itsm.PersonID  `json:"accept_by,omitempty"`
	Returned time.Time      `json:"returned,omitzero"`
	Answer   string         `json:"answer,omitempty" itsm:"personal,text"` // of a consultation, or why it was returned
	Overdue  bool           `json:"overdue,omitempty"`                     // not accepted in time; supervision was told
}

// Pending reports whether nobody has accepted or returned it yet.
func (e Escalation) Pending() bool { return e.Accepted.IsZero() && e.Returned.IsZero() }

// A PartyKind is a kind of third-line party.
type PartyKind string

// The kinds of parties; hosts may use their own.
const (
	Vendor          PartyKind = "vendor"
	Integrator      PartyKind = "integrator"
	ServiceProvider PartyKind = "service_provider"
)

// A Party is who works in the third line.
type Party struct {
	Kind     PartyKind `json:"kind"`
	Supplier string    `json:"supplier"`
	Contract string    `json:"contract,omitempty"`
	Contact  string    `json:"contact" itsm:"personal,text"`
	Goodwill bool      `json:"goodwill,omitempty"` // no contract covers it
}

// A Promise is what another party said it would do by when.
type Promise struct {
	Party   string    `json:"party"`
	Contact string    `json:"contact,omitempty" itsm:"personal,text"`
	What    string    `json:"what" itsm:"personal,text"`
	Due     time.Time `json:"due"`
	Kept    time.Time `json:"kept,omitzero"`
}

// An Outcome is what a try led to.
type Outcome string

// The outcomes of a try.
const (
	Worked      Outcome = "worked"
	Failed      Outcome = "failed"
	NotPossible Outcome = "not_possible" // no try was possible; the note says why
)

// An Attempt is a try to solve it.
type Attempt struct {
	What    string        `json:"what" itsm:"personal,text"`
	Outcome Outcome       `json:"outcome"`
	Tool    string        `json:"tool,omitempty"`  // used
	Grant   string        `json:"grant,omitempty"` // approval of the tool, where it needs one
	By      itsm.PersonID `json:"by"`
	At      time.Time     `json:"at"`
	Tier    Tier          `json:"tier,omitempty"`
}

// A Proposal is the decision that it is solved, by whom and on what ground.
type Proposal struct {
	Solution string        `json:"solution" itsm:"personal,text"`
	Basis    string        `json:"basis,omitempty" itsm:"personal,text"` // why it counts as solved
	Article  string        `json:"article,omitempty"`                    // knowledge article or known error used
	By       itsm.PersonID `json:"by"`
	For      itsm.PersonID `json:"for,omitempty"` // whom the decider stood in for
	At       time.Time     `json:"at"`
	Rejected string        `json:"rejected,omitempty" itsm:"personal,text"` // why the desk or the user did not take it
}

// A HoldInfo is a reasoned interval in which the work waits.
type HoldInfo struct {
	Reason   string    `json:"reason"`                                  // key of a [HoldReason]
	Awaiting string    `json:"awaiting,omitempty" itsm:"personal,text"` // who is awaited
	Note     string    `json:"note,omitempty" itsm:"personal,text"`
	From     time.Time `json:"from"`
	Review   time.Time `json:"review,omitzero"` // when somebody looks at it again
	Bump     Bump      `json:"bump,omitzero"`   // reminders to who is awaited
	Bumped   int       `json:"bumped,omitempty"`
	NextBump time.Time `json:"next_bump,omitzero"`
}

// A Bump is a plan of reminders while on hold.
type Bump struct {
	Every   itsm.Duration `json:"every,omitzero"`    // elapsed time between two
	Count   int           `json:"count,omitempty"`   // how many
	Resolve string        `json:"resolve,omitempty"` // solution to propose after the last, "" to do nothing; the desk still has to confirm it
}

// A UserWord is what the user said of a solution.
type UserWord string

// What a user can say.
const (
	UserAgrees      UserWord = "agrees"
	UserUnreachable UserWord = "unreachable" // after enough tries
)

// A Confirmation is the desk's word that it is solved.
type Confirmation struct {
	Proposal int           `json:"proposal"` // number of the proposal confirmed, from 1
	Word     UserWord      `json:"word"`
	Said     string        `json:"said,omitempty" itsm:"personal,text"` // the user's words
	Tries    int           `json:"tries,omitempty"`
	By       itsm.PersonID `json:"by"`
	Second   itsm.PersonID `json:"second,omitempty"` // second agent, where the first is the resolver
	At       time.Time     `json:"at"`
}

// A Closure says how it ended.
type Closure struct {
	CauseCode    string        `json:"cause_code,omitempty"`
	SolutionCode string        `json:"solution_code,omitempty"`
	CI           string        `json:"ci,omitempty"`
	NoCI         bool          `json:"no_ci,omitempty"`
	By           itsm.PersonID `json:"by"`
}

// A CancelReason is one of the two reasons for which a ticket may be cancelled.
type CancelReason string

// The reasons for cancelling.
const (
	Duplicate CancelReason = "duplicate"
	MisEntry  CancelReason = "mis_entry"
)

// A Cancellation says why it was cancelled.
type Cancellation struct {
	Reason CancelReason  `json:"reason"`
	Note   string        `json:"note,omitempty" itsm:"personal,text"`
	By     itsm.PersonID `json:"by"`
}

// An Arrival is the presence of the second line: on site, or remotely for a reason.
type Arrival struct {
	At      time.Time     `json:"at"`
	By      itsm.PersonID `json:"by"`
	Remote  string        `json:"remote,omitempty" itsm:"personal,text"` // why nobody went there
	Finding string        `json:"finding,omitempty" itsm:"personal,text"`
}

// A FollowUpInfo is how the desk keeps at it after a hand-over.
type FollowUpInfo struct {
	Next   time.Time `json:"next,omitzero"`
	Count  int       `json:"count,omitempty"`
	Missed int       `json:"missed,omitempty"`
}

// Paperwork is what is owed after urgent handling.
type Paperwork struct {
	Due     time.Time `json:"due"`
	Done    time.Time `json:"done,omitzero"`
	Overdue bool      `json:"overdue,omitempty"`
}

// An InfectionInfo is a confirmed infection with malware.
type InfectionInfo struct {
	Name     string  `json:"name" itsm:"text"`
	Security itsm.ID `json:"security"` // the security incident that it opened
}

// A SecurityOrigin marks a security incident.
type SecurityOrigin struct {
	From itsm.ID `json:"from,omitempty"` // the incident in which it was found
	Kind string  `json:"kind"`           // such as malicious_program
}

// A Recurrence links an incident to the closed one that came back.
type Recurrence struct {
	Of      itsm.ID `json:"of"`
	Reopens int     `json:"reopens"` // how often the work was taken up again before, this time included
}

// An AlertInfo is what monitoring said.
type AlertInfo struct {
	Source    string    `json:"source"`
	Signature string    `json:"signature"`
	ID        string    `json:"id,omitempty"` // of the alert that opened it
	Count     int       `json:"count"`
	First     time.Time `json:"first"`
	Last      time.Time `json:"last"`
	Cleared   time.Time `json:"cleared,omitzero"`
}

func list[T ~string](all []T) string {
	names := make([]string, len(all))
	for i, v := range all {
		names[i] = string(v)
	}
	return strings.Join(names, ", ")
}

// An Impact tells how much of the hospital is hit; 1 is the widest.
type Impact int

// The impacts.
const (
	ImpactHospital   Impact = 1 // hospital-wide core service, or care of life-critical patients stopped
	ImpactDepartment Impact = 2 // one department, building or patient-flow point stopped
	ImpactSeveral    Impact = 3 // several users hindered or one post stopped
	ImpactOne        Impact = 4 // one user hindered
)

// An Urgency tells how long it can wait; 1 is now.
type Urgency int

// The urgencies.
const (
	UrgencyNow     Urgency = 1 // care in progress waits
	UrgencyHour    Urgency = 2 // within the hour
	UrgencyToday   Urgency = 3 // today
	UrgencyPlanned Urgency = 4 // can be planned
)

// A Priority orders the work; 1 is first.
type Priority int

// The priorities.
const (
	P1 Priority = 1
	P2 Priority = 2
	P3 Priority = 3
	P4 Priority = 4
)

func (v Impact) String() string   { return level("I", int(v)) }
func (v Urgency) String() string  { return level("U", int(v)) }
func (v Priority) String() string { return level("P", int(v)) }

// Valid reports whether v is one of the four impacts.
func (v Impact) Valid() bool { return v >= 1 && v <= 4 }

// Valid reports whether v is one of the four urgencies.
func (v Urgency) Valid() bool { return v >= 1 && v <= 4 }

// Valid reports whether v is one of the four priorities.
func (v Priority) Valid() bool { return v >= 1 && v <= 4 }

// MarshalText writes I1 to I4, or nothing.
func (v Impact) MarshalText() ([]byte, error) { return v.AppendText(nil) }

// AppendText is MarshalText behind other bytes.
func (v Impact) AppendText(b []byte) ([]byte, error) { return append(b, v.String()...), nil }

// MarshalText writes U1 to U4, or nothing.
func (v Urgency) MarshalText() ([]byte, error) { return v.AppendText(nil) }

// AppendText is MarshalText behind other bytes.
func (v Urgency) AppendText(b []byte) ([]byte, error) { return append(b, v.String()...), nil }

// MarshalText writes P1 to P4, or nothing.
func (v Priority) MarshalText() ([]byte, error) { return v.AppendText(nil) }

// AppendText is MarshalText behind other bytes.
func (v Priority) AppendText(b []byte) ([]byte, error) { return append(b, v.String()...), nil }

// UnmarshalText reads I1 to I4, or nothing.
func (v *Impact) UnmarshalText(text []byte) error {
	n, err := parseLevel("impact", "I", text)
	*v = Impact(n)
	return err
}

// UnmarshalText reads U1 to U4, or nothing.
func (v *Urgency) UnmarshalText(text []byte) error {
	n, err := parseLevel("urgency", "U", text)
	*v = Urgency(n)
	return err
}

// UnmarshalText reads P1 to P4, or nothing.
func (v *Priority) UnmarshalText(text []byte) error {
	n, err := parseLevel("priority", "P", text)
	*v = Priority(n)
	return err
}

func level(letter string, n int) string {
	if n == 0 {
		return ""
	}
	if n < 1 || n > 4 {
		return letter + strconv.Itoa(n)
	}
	const all = "I1I2I3I4U1U2U3U4P1P2P3P4"
	i := strings.Index(all, letter) + 2*(n-1)
	return all[i : i+2]
}

func parseLevel(what, letter string, text []byte) (int, error) {
	if len(text) == 0 {
		return 0, nil
	}
	if len(text) == 2 && string(text[:1]) == letter && text[1] >= '1' && text[1] <= '4' {
		return int(text[1] - '0'), nil
	}
	return 0, fmt.Errorf("%w: %s %.60q: want %s1 to %s4", itsm.ErrInvalid, what, text, letter, letter)
}
