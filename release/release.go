package release

import (
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
)

// Kind is the kind of all records of this package.
const Kind itsm.Kind = "release"

// A Release is a set of approved changes on its way into production. It is a value; who got one may change it freely without
// changing the stored one.
type Release struct {
	itsm.Meta `json:"meta"`

	Lifecycle   string        `json:"lifecycle"` // version of the table it runs under
	State       State         `json:"state"`
	Since       time.Time     `json:"state_since"`
	Plan        Plan          `json:"plan"`
	Edition     int           `json:"edition"` // of the plan, from 1
	Coordinator itsm.PersonID `json:"coordinator"`

	Consulted []Consultation  `json:"consulted,omitempty"`
	Admitted  []Admission     `json:"admitted,omitempty"` // the changes as they were when signatures were asked for
	SignOff   approval.Ballot `json:"sign_off,omitzero"`  // signatures on plan and changes

	Inspection *Inspection    `json:"inspection,omitempty"` // of the test environment
	Waivers    []Waiver       `json:"waivers,omitempty"`
	Security   *SecurityCheck `json:"security,omitempty"` // of the test environment
	Tests      []TestReport   `json:"tests,omitempty"`
	Prepared   []Preparation  `json:"prepared,omitempty"`
	Consents   []Consent      `json:"consents,omitempty"` // to what cannot be undone
	Gates      []GateResult   `json:"gates,omitempty"`    // the last one of each gate
	Baseline   *Baseline      `json:"baseline,omitempty"` // before the deployment

	Waves    []WaveProgress `json:"waves,omitempty"`
	Targets  []Progress     `json:"targets,omitempty"` // in the order of the plan
	Applied  []Applied      `json:"applied,omitempty"` // what is in production now, in the order in which it came
	Halt     *Halt          `json:"halt,omitempty"`
	Started  time.Time      `json:"started,omitzero"`   // of the deployment
	Deployed time.Time      `json:"deployed,omitzero"`  // with the CMDB
	Waiting  *Queued        `json:"waiting,omitempty"`  // behind other releases
	Heir     itsm.ID        `json:"heir,omitempty"`     // the release that took over from it
	Took     []itsm.ID      `json:"took,omitempty"`     // releases that it took over from
	Rollback *Rollback      `json:"rollback,omitempty"` //
	After    *Baseline      `json:"after,omitempty"`    // after the deployment
	Compared time.Time      `json:"compared,omitzero"`  // with the target
	Deviates []Deviation    `json:"deviates,omitempty"` // of the configuration from its target
	Rounds   []Round        `json:"rounds,omitempty"`   // of acceptance, the last one counts
	Observed time.Time      `json:"observed,omitzero"`  // until when early-life support lasts
	Fixes    []Fix          `json:"fixes,omitempty"`
	Report   *Filing        `json:"report,omitempty"`
	Ended    time.Time      `json:"ended,omitzero"`
	Overdue  []string       `json:"overdue,omitempty"` // obligations whose time has passed, told once
}

// Ref returns the reference to the release.
func (r *Release) Ref() itsm.Ref { return itsm.Ref{Kind: Kind, ID: r.ID} }

// A Consultation is what a party said to the plan.
type Consultation struct {
	Party  Party         `json:"party"`
	Person itsm.PersonID `json:"person"`                       // who spoke for it
	Said   string        `json:"said" itsm:"personal,text"`    //
	Agrees bool          `json:"agrees"`                       //
	At     time.Time     `json:"at"`                           //
	By     itsm.PersonID `json:"by"`                           // who wrote it down
	Answer string        `json:"answer,omitempty" itsm:"text"` // to a party that does not agree
}

// An Admission is a member change as it was when signatures were asked for.
type Admission struct {
	ID     itsm.ID     `json:"id"`
	Digest itsm.Digest `json:"digest"` // of the approved content
	Reason string      `json:"reason" itsm:"text"`
	Impact string      `json:"impact" itsm:"text"`
	Scope  string      `json:"scope" itsm:"text"`
}

// A Preparation is a finished item of the readiness list.
type Preparation struct {
	Key      string        `json:"key"`
	Evidence string        `json:"evidence" itsm:"personal,text"`
	By       itsm.PersonID `json:"by"`
	At       time.Time     `json:"at"`
}

// A Consent accepts that a unit cannot be undone. It holds for one plan.
type Consent struct {
	Unit string        `json:"unit"`
	Plan itsm.Digest   `json:"plan"`
	By   itsm.PersonID `json:"by"`
	At   time.Time     `json:"at"`
}

// A Baseline refers to a snapshot of configuration items.
type Baseline struct {
	Ref    itsm.Ref    `json:"ref"`
	Digest itsm.Digest `json:"digest,omitzero"`
	CIs    []string    `json:"cis"`
	At     time.Time   `json:"at"`
}

// covers lists the items that the snapshot lacks.
func (b *Baseline) lacks(cis []string) (missing []string) {
	for _, ci := range cis {
		if b == nil || !slices.Contains(b.CIs, ci) {
			missing = append(missing, ci)
		}
	}
	return missing
}

// A Halt is why a deployment stands still.
type Halt struct {
	Why  string        `json:"why" itsm:"personal,text"`
	Wave string        `json:"wave,omitempty"` // whose stop criterion, when it was one
	Gate string        `json:"gate,omitempty"` // that failed, when it was one
	By   itsm.PersonID `json:"by,omitempty"`
	At   time.Time     `json:"at"`
}

// Queued is a release that waits for others on the same items.
type Queued struct {
	Behind []itsm.ID `json:"behind"`
	At     time.Time `json:"at"`
}

// A Deviation is where the configuration after the deployment is not what the plan says.
type Deviation struct {
	CI        string `json:"ci"`
	Attribute string `json:"attribute"`
	Want      string `json:"want"`
	Got       string `json:"got"`
	Because   string `json:"because,omitempty" itsm:"text"` // explains it
}

// A Fix repairs what was rejected, instead of a way back.
type Fix struct {
	By  itsm.Ref  `json:"by"` // the change or release that repairs it
	Why string    `json:"why" itsm:"personal,text"`
	At  time.Time `json:"at"`
}

// Fingerprint returns the digest of what is signed: the plan and the changes as they were admitted.
func Fingerprint(p *Plan, admitted []Admission) approval.Fingerprint {
	type content struct {
		Plan    *Plan       `json:"plan"`
		Changes []Admission `json:"changes"`
	}
	f, err := signForm.Fingerprint(content{p, admitted})
	if err != nil {
		panic("release: a plan is plain data: " + err.Error()) // only for NaN in a limit, which Check refuses
	}
	return f
}

// signForm binds a signature to all of plan and changes: every edit voids it.
var signForm = approval.Form{Items: []string{"plan", "changes"}, Fields: []approval.Material{{Path: "plan", Item: "plan"}, {Path: "changes", Item: "changes"}}}

// Signed reports whether the signatures on the present plan stand.
func (r *Release) Signed() bool {
	return r.SignOff.Outcome == approval.Approved && r.SignOff.Content.Digest == Fingerprint(&r.Plan, r.Admitted).Digest
}

// Test returns the last test report on the present manifest, nil when there is none. A rebuild voids earlier reports.
func (r *Release) Test() *TestReport {
	digest := r.Plan.Manifest.Digest()
	for i := len(r.Tests) - 1; i >= 0; i-- {
		if r.Tests[i].Manifest == digest {
			return &r.Tests[i]
		}
	}
	return nil
}

// PartlyLive reports whether some of what was planned is in production and some is not.
func (r *Release) PartlyLive() bool {
	planned := 0
	for i := range r.Plan.Waves {
		for _, t := range r.Plan.Waves[i].Targets {
			planned += len(t.Units)
		}
	}
	return len(r.Applied) > 0 && len(r.Applied) < planned
}

// Open reports whether the release works on production: no other may touch its targets.
func (r *Release) Open() bool {
	return slices.Contains([]State{StateDeploying, StateHalted, StateRollingBack}, r.State)
}

// Authorises reports whether the release allows its records in the CMDB to be written now: while it deploys or rolls back, and
// only the items of its plan. A host wires it to whoever guards the CMDB; the release has to be read through the context of the
// unit of work, so that the fact still holds when the write is committed.
func (r *Release) Authorises(ci string) bool { return r.Open() && slices.Contains(r.Plan.CIs, ci) }

// A Standing is how far a release has come as the authority behind a write in the CMDB.
type Standing string

// The standings.
const (
	Unauthorised Standing = ""          // it is not signed, or does not touch the item
	Approved     Standing = "approved"  // signed: what it will do may be planned
	Underway     Standing = "underway"  // it deploys or rolls back: the item may be written, see [Release.Authorises]
	Done         Standing = "done"      // it is live
	Withdrawn    Standing = "withdrawn" // it was cancelled or rolled back
)

// Standing returns how far the release has come as regards an item.
func (r *Release) Standing(ci string) Standing {
	switch {
	case !slices.Contains(r.Plan.CIs, ci):
		return Unauthorised
	case r.Open():
		return Underway
	case r.State == StateCancelled, r.Rollback != nil:
		return Withdrawn
	case !r.Deployed.IsZero():
		return Done
	case slices.Contains(undeployed, r.State) && r.Signed():
		return Approved
	}
	return Unauthorised
}
