package incident

import (
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
)

// The commands beside the main line.
type (
	// OverridePriority sets the priority over the derived one.
	OverridePriority struct {
		Priority Priority  `json:"priority"`
		Why      string    `json:"why"`
		Until    time.Time `json:"until,omitzero"`
	}
	// EndOverride puts the derived priority in force again.
	EndOverride struct{}
	// Escalate hands the work, or with Consult a question about it, to another group or tier.
	Escalate struct {
		Kind     EscalationKind `json:"kind,omitempty"` // defaults to functional; supplier for the third line
		Consult  bool           `json:"consult,omitempty"`
		Tier     Tier           `json:"tier"`
		Group    string         `json:"group"`
		Reason   string         `json:"reason"`
		Note     string         `json:"note"`           // hand-over note
		Skip     string         `json:"skip,omitempty"` // why a tier is left out, or why it goes back
		Evidence []string       `json:"evidence,omitempty"`
		Party    *Party         `json:"party,omitempty"` // of the third line
	}
	// Accept takes a hand-over or a consultation.
	Accept struct{}
	// Return gives a hand-over back to who made it, or answers a consultation.
	Return struct {
		Answer string `json:"answer"`
	}
	// AssessBusiness writes down the effect on the hospital.
	AssessBusiness struct {
		Business
	}
	// Arrive says that the second line is on site, or why it works remotely.
	Arrive struct {
		Remote  string `json:"remote,omitempty"`
		Finding string `json:"finding"`
	}
	// FollowUp is the desk asking how it goes after a hand-over.
	FollowUp struct {
		Note string `json:"note"`
	}
	// Promised by another party.
	NotePromise struct {
		Party   string    `json:"party"`
		Contact string    `json:"contact,omitempty"`
		What    string    `json:"what"`
		Due     time.Time `json:"due"`
	}
	// KeepPromise says that a party did what it promised.
	KeepPromise struct {
		Nth int `json:"nth"` // from 1
	}
	// ConfirmInfection says that there is malware. [Service.Do] opens the security incident with it.
	ConfirmInfection struct {
		Name     string  `json:"name"`
		Security itsm.ID `json:"security,omitempty"` // set by [Service.Do]
	}
	// Contact is somebody asking about the ticket, or reporting the same trouble. On a duplicate it goes to the survivor.
	Contact struct {
		Channel Channel `json:"channel"`
		Caller  Caller  `json:"caller,omitzero"`
		Text    string  `json:"text,omitempty"`
		Report  bool    `json:"report,omitempty"`
		Via     itsm.ID `json:"via,omitempty"` // set by [Service.Do]
	}
	// RepeatAlert is monitoring saying the same again; see [Service.Alert].
	RepeatAlert struct {
		At time.Time `json:"at"`
	}
	// ClearAlert is monitoring saying that it is over.
	ClearAlert struct {
		At time.Time `json:"at"`
	}
	// Merge says that the ticket is a duplicate of another. [Service.Do] changes both at once.
	Merge struct {
		Into itsm.ID `json:"into"`
	}
	// Unmerge says that it is none after all.
	Unmerge struct{}
	// SetParent makes the ticket part of another, or with "" of none. [Service.Do] changes both at once.
	SetParent struct {
		Parent itsm.ID `json:"parent"`
	}
	// Link links a problem or a change.
	Link struct {
		Problem itsm.ID `json:"problem,omitempty"`
		Change  itsm.ID `json:"change,omitempty"`
	}
	// Answer is the result of a consultation, a complaint or a request.
	Answer struct {
		Text    string `json:"text"`
		Article string `json:"article,omitempty"`
	}
	// Settle takes a step that only complaints and requests have: accept, dispute, approve, decline.
	Settle struct {
		Step Transition `json:"step"`
		Note string     `json:"note,omitempty"`
	}
	// Advance takes a step that only the host's variant of the lifecycle has.
	Advance struct {
		Step Transition `json:"step"`
		Note string     `json:"note,omitempty"`
	}
	// Migrate moves the ticket to the present version of its lifecycle; see [Service.PlanMigration].
	Migrate struct {
		Into string `json:"into"` // version
	}
	// AdjustClock corrects a fact of a clock; the journal keeps both values.
	AdjustClock struct {
		Event int       `json:"event"` // its number in the sheet
		At    time.Time `json:"at"`
		Why   string    `json:"why"`
	}
	// Tick lets everything happen whose time has come. The scheduler gives it; nobody has to.
	Tick struct{}

	// absorb and release are the other side of Merge and Unmerge, adopt and orphan of SetParent.
	absorb struct {
		Duplicate itsm.ID `json:"duplicate"`
		Reports   int     `json:"reports"`
		Release   bool    `json:"release,omitempty"`
	}
	adopt struct {
		Child  itsm.ID `json:"child"`
		Remove bool    `json:"remove,omitempty"`
	}
)

func (c OverridePriority) decide(d *decision) {
	d.open()
	d.Choice("priority", c.Priority.String(), "P1, P2, P3, P4", c.Priority.Valid())
	d.Need("why", c.Why)
	if d.Rec.Priority == 0 {
		d.Refuse(ruleNotTriaged.With())
	}
	d.Later("until", c.Until)
	if d.Failed() {
		return
	}
	d.Emit(Overridden{Override{c.Priority, c.Why, d.Env.Actor.ID, d.Env.At, itsm.Instant(c.Until)}})
}

func (c EndOverride) decide(d *decision) {
	d.open()
	if d.Rec.Override == nil {
		d.Refuse(ruleNoOverride.With())
	}
	if d.Failed() {
		return
	}
	d.Emit(OverrideEnded{})
}

func (c AssessBusiness) decide(d *decision) {
	d.notFinal()
	b := c.Business
	b.Start, b.End = itsm.Instant(b.Start), itsm.Instant(b.End)
	if b.Start.IsZero() {
		b.Start = d.Rec.Business.Start
	}
	if !b.End.IsZero() && b.End.Before(b.Start) {
		d.Refuse(ruleEndBeforeStart.With("start", b.Start, "end", b.End))
	}
	d.NotNegative("users", int64(b.Users))
	if d.Failed() {
		return
	}
	d.Emit(BusinessAssessed{b})
}

func (c Arrive) decide(d *decision) {
	d.open()
	d.Need("finding", c.Finding)
	if d.Failed() {
		return
	}
	d.Emit(ArrivedOnSite{Arrival{At: d.Env.At, By: d.Env.Actor.ID, Remote: c.Remote, Finding: c.Finding}})
}

func (c FollowUp) decide(d *decision) {
	d.open()
	d.Need("note", c.Note)
	if d.Failed() {
		return
	}
	d.Emit(FollowedUp{c.Note, d.followUp()})
}

func (c NotePromise) decide(d *decision) {
	d.open()
	d.Need("party", c.Party)
	d.Need("what", c.What)
	if c.Due.IsZero() {
		d.Need("due", "")
	}
	if d.Failed() {
		return
	}
	d.Emit(Promised{Promise{Party: c.Party, Contact: c.Contact, What: c.What, Due: itsm.Instant(c.Due)}})
}

func (c KeepPromise) decide(d *decision) {
	d.open()
	if c.Nth < 1 || c.Nth > len(d.Rec.Promises) || !d.Rec.Promises[c.Nth-1].Kept.IsZero() {
		d.Refuse(ruleNoPromise.With("nth", c.Nth))
	}
	if d.Failed() {
		return
	}
	d.Emit(PromiseKept{c.Nth - 1})
}

func (c ConfirmInfection) decide(d *decision) {
	d.open()
	d.Need("name", c.Name)
	switch {
	case d.Rec.Infection != nil:
		d.Refuse(ruleInfected.With("security", d.Rec.Infection.Security))
	case d.facts.Other == nil || d.facts.Other.Security == nil:
		d.Refuse(ruleNoSecurity.With())
	}
	if d.Failed() {
		return
	}
	d.Emit(InfectionConfirmed{InfectionInfo(c)})
}

func (c Contact) decide(d *decision) {
	itsm.Among(d.Draft, "channel", c.Channel, Channels()...)
	d.notFinal()
	if d.Rec.MergedInto != "" {
		d.Refuse(ruleMerged.With("into", d.Rec.MergedInto))
	}
	if d.Failed() {
		return
	}
	d.Emit(Contacted(c))
}

func (c RepeatAlert) decide(d *decision) {
	d.open()
	if d.Rec.Alert == nil {
		d.Refuse(ruleNoAlert.With())
	}
	if d.Failed() {
		return
	}
	d.Emit(AlertRepeated{d.OrNow(c.At)})
}

func (c ClearAlert) decide(d *decision) {
	d.notFinal()
	if d.Rec.Alert == nil {
		d.Refuse(ruleNoAlert.With())
	}
	if d.Failed() {
		return
	}
	d.Emit(AlertCleared{d.OrNow(c.At)})
}

func (c Link) decide(d *decision) {
	d.notFinal()
	if c == (Link{}) {
		d.Refuse(ruleNothing.With())
	}
	if d.Failed() || (c.Problem == "" || c.Problem == d.Rec.Problem) && (c.Change == "" || c.Change == d.Rec.Change) {
		return // linking twice is linking once
	}
	d.Emit(Linked(c))
}

func (c Answer) decide(d *decision) {
	d.Need("text", c.Text)
	step := map[Type]Transition{TypeConsultation: DoAnswer, TypeComplaint: DoReply, TypeRequest: DoFulfil}[d.Rec.Type]
	if step == "" {
		step = DoAnswer
	}
	to := d.move(step)
	if d.Failed() {
		return
	}
	d.Emit(Moved{To{to}, step, c.Text, c.Article})
}

func (c Settle) decide(d *decision) {
	all := []Transition{DoAccept, DoDispute, DoApprove, DoDecline}
	itsm.Among(d.Draft, "step", c.Step, all...)
	if c.Step == DoDispute || c.Step == DoDecline {
		d.Need("note", c.Note)
	}
	if d.Failed() {
		return
	}
	to := d.move(c.Step)
	if d.Failed() {
		return
	}
	d.Emit(Moved{To{to}, c.Step, c.Note, ""})
}

func (c Advance) decide(d *decision) {
	d.Need("step", string(c.Step))
	if shipped(c.Step) {
		d.Refuse(ruleShippedStep.With("step", c.Step))
	}
	d.Length("note", c.Note, 64<<10)
	if d.Failed() {
		return
	}
	to := d.move(c.Step)
	if d.Failed() {
		return
	}
	d.Emit(Moved{To{to}, c.Step, c.Note, ""})
}

// shipped reports whether a step is part of the shipped lifecycles: it has a command with rules of its own.
func shipped(step Transition) bool {
	for _, table := range []Table{IncidentTable(), ConsultationTable(), ComplaintTable(), RequestTable()} {
		if slices.ContainsFunc(table.Transitions, func(r row) bool { return r.Event == step }) {
			return true
		}
	}
	return false
}

func (c AdjustClock) decide(d *decision) {
	d.Need("why", c.Why)
	if d.p.clocks == nil {
		d.Refuse(ruleNoClocks.With())
	}
	if d.Failed() {
		return
	}
	d.adjust(c)
}
