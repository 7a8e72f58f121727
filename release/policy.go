package release

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/calendar"
)

// A Policy says what a hospital wants of its releases. It is data.
type Policy struct {
	SignWithin    itsm.Duration `json:"sign_within"`    // for the signatures
	OralWithin    itsm.Duration `json:"oral_within"`    // to confirm a signature given by word of mouth, in an emergency
	SecurityAge   itsm.Duration `json:"security_age"`   // how old the security check of the test environment may be
	WaiverMost    itsm.Duration `json:"waiver_most"`    // how long a difference may be waived
	AutoPromote   bool          `json:"auto_promote"`   // waves start when their window opens and all before them is done
	Takeover      Takeover      `json:"takeover"`       // what happens when another release works on the same targets
	SecurityTests bool          `json:"security_tests"` // a test report has one of the security test
}

// A Takeover says what a release does that meets another on its targets.
type Takeover string

// The ways.
const (
	TakeRefuse Takeover = "refuse"    // it cannot go live
	TakeQueue  Takeover = "queue"     // it waits its turn
	TakeOver   Takeover = "take_over" // the other is halted for good, the new one starts with its own waves and gates
)

// DefaultPolicy returns the shipped policy.
func DefaultPolicy() Policy {
	return Policy{SignWithin: 7 * 24 * itsm.Hour, OralWithin: 24 * itsm.Hour, SecurityAge: 30 * 24 * itsm.Hour, WaiverMost: 90 * 24 * itsm.Hour, Takeover: TakeRefuse}
}

// Check returns every fault of the policy.
func (p *Policy) Check() error {
	var errs []error
	positive := func(field string, d itsm.Duration) {
		if d <= 0 {
			errs = append(errs, fmt.Errorf("%w: policy: %s is %s, want more than nothing", itsm.ErrInvalid, field, d))
		}
	}
	positive("sign_within", p.SignWithin)
	positive("oral_within", p.OralWithin)
	positive("security_age", p.SecurityAge)
	positive("waiver_most", p.WaiverMost)
	if !slices.Contains([]Takeover{TakeRefuse, TakeQueue, TakeOver}, p.Takeover) {
		errs = append(errs, fmt.Errorf("%w: policy: takeover is %q, want refuse, queue or take_over", itsm.ErrInvalid, p.Takeover))
	}
	return errors.Join(errs...)
}

// Config is what the process can be told. The zero value is usable, but releases cannot go live without changes, a library and a CMDB.
type Config struct {
	itsm.Config
	// Policy defaults to [DefaultPolicy].
	Policy *Policy
	// Lifecycle is a variant of [NormalTable], Emergency of [EmergencyTable]. Default to these.
	Lifecycle, Emergency *Table
	// Freezes are open while nothing goes live but emergencies, by name. Defaults to none.
	Freezes map[string]*calendar.Calendar
	// GoLive is open while releases other than emergencies may go live. Defaults to always.
	GoLive *calendar.Calendar
	// Changes tells of changes. Defaults to knowing none: no change is approved.
	Changes Changes
	// Library is the definitive library. Defaults to an empty one.
	Library Library
	// Estate knows environments. Defaults to what the command tells.
	Estate Estate
	// Affected tells whom services concern. Defaults to nobody beside those that the plan names.
	Affected Affected
	// Items is the CMDB. Defaults to none: nothing can be completed.
	Items Items
	// Baselines takes snapshots of the CMDB. Defaults to what the command tells.
	Baselines Baselines
	// Incidents tells of incidents after a release. Defaults to what the report tells.
	Incidents Incidents
	// Delegations are those that concern a voter. Defaults to none.
	Delegations Delegations
}

// Changes tells of the changes that a release carries. It must read through the context: what it says in a unit of work then
// still holds when the unit is committed.
type Changes interface {
	// Change returns a change, or an error that matches [itsm.ErrNotFound].
	Change(ctx context.Context, tenant itsm.Tenant, id itsm.ID) (Change, error)
}

// A Change is what a release wants to know of one.
type Change struct {
	ID       itsm.ID     `json:"id"`
	Approved bool        `json:"approved"` // now, on this content
	Digest   itsm.Digest `json:"digest"`   // of the content
	Reason   string      `json:"reason,omitempty" itsm:"text"`
	Impact   string      `json:"impact,omitempty" itsm:"text"`
	Scope    string      `json:"scope,omitempty" itsm:"text"`
}

// Affected tells whom services and items concern.
type Affected interface {
	// Parties returns the business departments that use the services and the groups that support them.
	Parties(ctx context.Context, tenant itsm.Tenant, services, cis []string) ([]Party, error)
}

// Items is the CMDB as far as a release writes it. Calls come within the unit of work of the release and must write through its
// context: either both are committed or neither.
type Items interface {
	// Update writes what the deployment has changed.
	Update(ctx context.Context, release itsm.Ref, updates []Update) error
	// Restore takes the items back to the baseline, as far as they were changed.
	Restore(ctx context.Context, release itsm.Ref, baseline itsm.Ref, back []Undo) error
}

// An Update is a new version of a component on an item.
type Update struct {
	CI      string    `json:"ci"`
	Unit    string    `json:"unit"`
	Version string    `json:"version"`
	Changes []itsm.ID `json:"changes,omitempty"`
	Files   Manifest  `json:"files,omitempty"`
	At      time.Time `json:"at"` // when it was installed
}

// Baselines takes snapshots of configuration items.
type Baselines interface {
	Baseline(ctx context.Context, release itsm.Ref, name string, cis []string) (Baseline, error)
}

// Incidents tells of incidents on the items of a release.
type Incidents interface {
	Incidents(ctx context.Context, tenant itsm.Tenant, cis []string, from, to time.Time) ([]itsm.ID, error)
}

// Delegations tells who votes for whom.
type Delegations interface {
	Delegations(ctx context.Context, tenant itsm.Tenant, voter itsm.PersonID, at time.Time) (approval.Delegations, error)
}

// signing is how a plan is signed: somebody of every party, each person for one party.
func (p *Policy) signing(plan *Plan) (approval.Plan, []approval.Member) {
	var rules []approval.Rule
	var members []approval.Member
	for _, s := range plan.Signers {
		role := itsm.Role(s.Party)
		rules = append(rules, approval.AtLeast(1, role))
		for _, person := range s.People {
			if m := find(members, func(m *approval.Member) bool { return m.Person == person }); m != nil {
				m.Roles = append(m.Roles, role)
				continue
			}
			members = append(members, approval.Member{Person: person, Roles: []itsm.Role{role}})
		}
	}
	out := approval.Plan{Name: "release." + string(plan.Type), Rule: rules[0], Within: p.SignWithin, Seats: approval.OneSeat}
	if len(rules) > 1 {
		out.Rule = approval.And(rules...)
	}
	if plan.Type == TypeEmergency {
		out.Oral = p.OralWithin
	}
	return out, members
}

// frozen lists the freezes that a stretch of time runs into, sorted.
func (p *Process) frozen(w Window) (names []string) {
	for name, c := range p.cfg.Freezes { //maporder: sorted below
		if c.Between(w.From, w.To) > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// allowed reports whether all of a stretch of time lies where releases may go live.
func (p *Process) allowed(w Window) bool {
	return p.cfg.GoLive == nil || p.cfg.GoLive.Between(w.From, w.To) == w.Length()
}
