package sla

import (
	"slices"
	"time"
)

// A Kind names what an event did to its clock. The values are stored.
type Kind string

// The kinds of events.
const (
	KindAttach   Kind = "attach"   // a definition was chosen and pinned; a new clock exists
	KindStart    Kind = "start"    // it counts from here
	KindPause    Kind = "pause"    // it counts no longer, for a reason
	KindResume   Kind = "resume"   // it counts again
	KindStop     Kind = "stop"     // it is finished, met or breached
	KindReopen   Kind = "reopen"   // a stopped clock goes on
	KindReset    Kind = "reset"    // the cycle ends here, the next begins from zero
	KindRearm    Kind = "rearm"    // the reset condition has ceased and may strike again
	KindRetarget Kind = "retarget" // another definition takes over: superseded
	KindCancel   Kind = "cancel"   // ended without a result
	KindMerge    Kind = "merge"    // the record turned out to be a duplicate
	KindMove     Kind = "move"     // the time fact of a "before" goal has moved
	KindRung     Kind = "rung"     // a rung of the ladder fired or was suppressed
	KindAck      Kind = "ack"      // somebody took notice; lower rungs are silent
	KindBreach   Kind = "breach"   // the goal was passed
	KindAmend    Kind = "amend"    // a late event or correction moved a due time, or amended a breach fact
	KindAdjust   Kind = "adjust"   // the time of an earlier event was corrected
	KindRepin    Kind = "repin"    // definition or calendar version was replaced by command
)

// ends reports whether the kind closes the clock.
func (k Kind) ends() bool {
	return k == KindStop || k == KindReset || k == KindRetarget || k == KindCancel || k == KindMerge
}

// moves reports whether the kind changes what the clock counts.
func (k Kind) moves() bool {
	return k.ends() || k == KindStart || k == KindPause || k == KindResume || k == KindReopen
}

// An Event is one entry in the history of a clock. Events are made by a [Catalog] and taken up by [Sheet.Apply]. What
// stands in Result is derived from all the rest and can be computed again, see [Catalog.Verify].
type Event struct {
	Seq   int       `json:"n"`             // position in the sheet, from 1
	Clock int       `json:"c"`             // ID of the clock, from 1
	Kind  Kind      `json:"k"`             //
	At    time.Time `json:"at"`            // when it took effect
	Told  time.Time `json:"told,omitzero"` // when it was noticed, where that is later: rungs and breaches
	// Definition and Calendar are the pinned versions, as key@version.
	Definition string  `json:"d"`
	Calendar   string  `json:"cal"`
	Why        string  `json:"why,omitempty"` // the condition that held, or the words of who commanded it
	Reason     string  `json:"r,omitempty"`   // of a pause: why the record waits
	By         string  `json:"by,omitempty"`  // who commanded it: acknowledgements, corrections
	Pin        *Pin    `json:"pin,omitempty"` // of attach and repin
	Carry      *Carry  `json:"carry,omitempty"`
	Choices    Choices `json:"choices,omitempty"`
	// Ref is the event that an amendment or correction is about.
	Ref  int       `json:"ref,omitempty"`
	Was  time.Time `json:"was,omitzero"`   // the value before an amendment or correction
	Void bool      `json:"void,omitempty"` // the event, or the breach, is taken back
	// Rung and its repetition, from 1. Suppressed ones are recorded, but nobody is told.
	Rung       string    `json:"rung,omitempty"`
	Nth        int       `json:"nth,omitempty"`
	Suppressed bool      `json:"quiet,omitempty"`
	Anchor     time.Time `json:"fact,omitzero"`  // the value of the time fact of a "before" goal
	Held       bool      `json:"held,omitempty"` // the reset condition held when the clock was attached
	Result
}

// A Result is what follows for the clock from its events so far. It is a cache.
type Result struct {
	Due         time.Time     `json:"due,omitzero"`    // zero while paused, not started, or when there is none
	Breach      time.Time     `json:"breach,omitzero"` // the instant up to which the goal is still met; after it, it is not
	Wake        time.Time     `json:"wake,omitzero"`   // when Tick has something to do next
	Spent       time.Duration `json:"spent,omitzero"`  // working time carried over from the clock before
	Outcome     Outcome       `json:"out,omitempty"`   // of a finished clock
	Unpublished bool          `json:"unp,omitempty"`   // the due time reaches into a year without a published holiday notice
	Never       bool          `json:"never,omitempty"` // the calendar does not open long enough within its horizon
}

// A Pin says by which versions a clock is judged, for good: only a repin changes it.
type Pin struct {
	Metric   Metric `json:"metric"`
	Cycle    int    `json:"cycle"`
	Key      string `json:"key"`
	Version  string `json:"version"`
	Goal     Goal   `json:"goal"`
	Calendar string `json:"calendar,omitempty"` // key; "" around the clock
	Edition  string `json:"edition"`            // version of the calendar
	Hours    string `json:"hours,omitempty"`    // version of the calendar in whose open time rungs fire
}

func (p *Pin) definition() string { return p.Key + "@" + p.Version }
func (p *Pin) calendar() string   { return p.Calendar + "@" + p.Edition }

// A Carry says what a clock takes over from the one that it supersedes.
type Carry struct {
	From   int      `json:"from"` // ID of the clock before
	Policy Retarget `json:"policy"`
	// Under a replay: pauses that the new definition does not know are taken as time that counts.
	NoPauses bool     `json:"no_pauses,omitempty"`
	Reasons  []string `json:"reasons,omitempty"` // when set, only pauses for these reasons remain
}

// keeps reports whether a pause of the clock before remains a pause.
func (c *Carry) keeps(reason string) bool {
	if c.NoPauses {
		return false
	}
	if len(c.Reasons) == 0 {
		return true
	}
	return slices.Contains(c.Reasons, reason)
}

// An Outcome is the end of a clock.
type Outcome string

// The outcomes.
const (
	Met        Outcome = "met"
	Breached   Outcome = "breached"
	Superseded Outcome = "superseded" // another definition took over, or the clock was reset before it was breached
	Merged     Outcome = "merged"     // the record is a duplicate; neither met nor breached
	Cancelled  Outcome = "cancelled"
)

// Excluded reports whether the outcome counts neither as met nor as breached.
func (o Outcome) Excluded() bool { return o == Superseded || o == Merged || o == Cancelled }

// A Verdict says why a definition was chosen or not. The values are stored.
type Verdict string

// The verdicts.
const (
	Chosen        Verdict = "chosen"
	NotApplicable Verdict = "not_applicable" // a condition does not hold
	NotInEffect   Verdict = "not_in_effect"  // no version was in effect on the day on which the record began
	LessSpecific  Verdict = "less_specific"  // another one has a higher level of precedence
	LowerRank     Verdict = "lower_rank"
	LessStrict    Verdict = "less_strict" // another one is due earlier
	LaterInOrder  Verdict = "later_in_order"
)

// A Choice is a candidate for a metric with the reason why it was taken or not.
type Choice struct {
	Key     string  `json:"key"`
	Version string  `json:"version,omitempty"`
	Verdict Verdict `json:"verdict"`
	Detail  string  `json:"detail,omitempty"` // the condition, level or due time that decided
}

// Choices are all candidates for a metric, in the order of the data. Exactly one is chosen, or none when none applies.
type Choices []Choice

// Chosen returns the one that was taken.
func (cs Choices) Chosen() (Choice, bool) {
	for _, c := range cs {
		if c.Verdict == Chosen {
			return c, true
		}
	}
	return Choice{}, false
}
