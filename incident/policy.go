package incident

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/calendar"
	"github.com/hospital-itsm/itsm/internal/overlay"
	"github.com/hospital-itsm/itsm/rule"
	"github.com/hospital-itsm/itsm/sla"
)

// A Policy says what a hospital asks of its incidents beyond what is mandatory for all. It is data. That everything is
// recorded first, that the main line is not shortened, and that the desk confirms, cannot be switched off.
type Policy struct {
	DutyOnly         bool `json:"duty_only"`          // only people on duty begin to handle a ticket
	NeedDiagnosis    bool `json:"need_diagnosis"`     // first-line diagnosis before a hand-over
	NeedInformation  bool `json:"need_information"`   // item, symptom, scope and since when, before first-line handling ends
	NeedAttempt      bool `json:"need_attempt"`       // a try of the first line, or why none was possible, before a hand-over
	NeedSkill        bool `json:"need_skill"`         // who is given the work holds the skill for it
	NeedContract     bool `json:"need_contract"`      // the third line works under a valid contract; else it is marked as goodwill
	NeedPresence     bool `json:"need_presence"`      // a major incident is not solved before somebody was on site, or says why remotely
	NeedClosureCodes bool `json:"need_closure_codes"` // cause, solution and item at closing

	ConfirmTries   int           `json:"confirm_tries"`   // calls before a user counts as unreachable
	AcceptWithin   itsm.Duration `json:"accept_within"`   // for a hand-over, elapsed
	FollowUpEvery  itsm.Duration `json:"follow_up_every"` // of the desk after a hand-over, elapsed; 0: never
	PaperworkIn    itsm.Duration `json:"paperwork_in"`    // after urgent handling, elapsed
	ReopenDays     int           `json:"reopen_days"`     // days after the resolution in which the user may reopen, see ReopenBy
	ReopenBy       []itsm.Role   `json:"reopen_by"`       // who may reopen
	ReopenCalendar string        `json:"reopen_calendar"` // in whose working days they count; "" is calendar days
	UnmergeWithin  itsm.Duration `json:"unmerge_within"`  // in which a merge can be undone
	AlertWindow    itsm.Duration `json:"alert_window"`    // in which equal alerts are one incident
	PeakCalendar   string        `json:"peak_calendar"`   // whose open time is the peak window; "" for none
	OwnerPost      string        `json:"owner_post"`      // the desk post that owns new tickets

	Tools []string     `json:"tools,omitempty"` // that need an approval before they are used
	Holds []HoldReason `json:"holds"`           // why work may wait
	Major MajorPolicy  `json:"major"`
}

// A HoldReason is a reason for which work may wait. Which clocks stop meanwhile is said by the definitions of the clocks, which read the key.
type HoldReason struct {
	Key     string      `json:"key"`
	English string      `json:"en"`
	Chinese string      `json:"zh"`
	Contact bool        `json:"contact,omitempty"` // needs a try to reach whom it waits for
	Roles   []itsm.Role `json:"roles,omitempty"`   // who may use it; empty: all who may put on hold
}

// The keys of the shipped hold reasons.
const (
	WaitUser       = "user"
	WaitClinical   = "clinical_permission"
	WaitWindow     = "window"
	WaitDecision   = "decision"
	WaitSupplier   = "supplier"
	WaitSpare      = "spare"
	WaitProblem    = "problem"
	WaitEvidence   = "evidence"
	WaitForceMajor = "force_majeure"
)

func holdReasons() []HoldReason {
	return []HoldReason{
		{Key: WaitUser, English: "waiting for the user", Chinese: "等待用户", Contact: true},
		{Key: WaitClinical, English: "waiting for clinical permission to enter", Chinese: "等待临床允许进入"},
		{Key: WaitWindow, English: "waiting for an approved window", Chinese: "等待批准的窗口"},
		{Key: WaitDecision, English: "waiting for a decision or purchase of the hospital", Chinese: "等待医院决定或采购"},
		{Key: WaitSupplier, English: "waiting for a supplier", Chinese: "等待供应商"},
		{Key: WaitSpare, English: "waiting for a spare part", Chinese: "等待备件"},
		{Key: WaitProblem, English: "waiting for a problem", Chinese: "等待问题处理"},
		{Key: WaitEvidence, English: "waiting for evidence", Chinese: "等待取证"},
		{Key: WaitForceMajor, English: "force majeure", Chinese: "不可抗力", Roles: []itsm.Role{itsm.RoleProjectManager, itsm.RoleDeskManager}},
	}
}

// Strict returns the policy of the source document: everything it asks for is asked for.
func Strict() Policy {
	return Policy{
		DutyOnly: true, NeedDiagnosis: true, NeedInformation: true, NeedAttempt: true, NeedSkill: true, NeedContract: true,
		NeedPresence: true, NeedClosureCodes: true,
		ConfirmTries: 3, AcceptWithin: 30 * itsm.Minute, FollowUpEvery: 4 * itsm.Hour, PaperworkIn: 24 * itsm.Hour,
		ReopenDays: 3, ReopenBy: []itsm.Role{itsm.RoleServiceDesk, itsm.RoleDeskManager, itsm.RoleUser},
		UnmergeWithin: 24 * itsm.Hour, AlertWindow: 30 * itsm.Minute, OwnerPost: "service-desk",
		Tools: []string{"remote_maintenance"}, Holds: holdReasons(), Major: defaultMajor(),
	}
}

// Lenient returns the policy of a small team: only what cannot be left out is asked for.
func Lenient() Policy {
	p := Strict()
	p.DutyOnly, p.NeedDiagnosis, p.NeedInformation, p.NeedAttempt, p.NeedSkill, p.NeedContract = false, false, false, false, false, false
	p.NeedPresence, p.NeedClosureCodes = false, false
	p.ConfirmTries, p.FollowUpEvery = 1, 0
	for i := range p.Holds {
		p.Holds[i].Contact = false
	}
	return p
}

// ParsePolicy reads a policy from JSON; what the text does not name is as in the base policy. Unknown keys are errors.
// Durations are texts such as "30m".
func ParsePolicy(data []byte, base Policy) (Policy, error) {
	p, err := overlay.Decode(data, base)
	if err != nil {
		return Policy{}, fmt.Errorf("%w: policy: %w", itsm.ErrInvalid, err)
	}
	if err := p.Check(); err != nil {
		return Policy{}, err
	}
	return p, nil
}

// Check reports everything that is wrong with the policy.
func (p Policy) Check() error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(p.ConfirmTries < 1, "confirm_tries is %d: a user is called at least once", p.ConfirmTries)
	fault(p.AcceptWithin <= 0, "accept_within is %v: want more than 0", p.AcceptWithin)
	fault(p.FollowUpEvery < 0, "follow_up_every is %v: want 0 or more", p.FollowUpEvery)
	fault(p.PaperworkIn <= 0, "paperwork_in is %v: want more than 0", p.PaperworkIn)
	fault(p.ReopenDays < 0, "reopen_days is %d: want 0 or more", p.ReopenDays)
	fault(p.UnmergeWithin < 0, "unmerge_within is %v: want 0 or more", p.UnmergeWithin)
	fault(p.AlertWindow <= 0, "alert_window is %v: want more than 0", p.AlertWindow)
	fault(p.OwnerPost == "", "owner_post is empty: every ticket is owned by a desk post")
	for i, h := range p.Holds {
		fault(h.Key == "", "hold reason %d has no key", i+1)
		fault(slices.ContainsFunc(p.Holds[:i], func(o HoldReason) bool { return o.Key == h.Key }), "two hold reasons have the key %q", h.Key)
	}
	fault(len(p.Holds) == 0, "holds is empty: work may wait for some reason")
	faults = append(faults, p.Major.check()...)
	if len(faults) > 0 {
		return fmt.Errorf("%w: policy: %w", itsm.ErrInvalid, errors.Join(faults...))
	}
	return nil
}

func (p *Policy) holdReason(key string) (HoldReason, bool) {
	i := slices.IndexFunc(p.Holds, func(h HoldReason) bool { return h.Key == key })
	if i < 0 {
		return HoldReason{}, false
	}
	return p.Holds[i], true
}

// The facts that an incident needs of others. A nil port has a neutral answer, so that the package can be used alone.
type (
	// Duty tells who is on duty. Without it everybody always is.
	Duty interface {
		OnDuty(ctx context.Context, tenant itsm.Tenant, person itsm.PersonID, at time.Time) (bool, error)
	}
	// Skills tells what somebody can do. Without it everybody can do everything.
	Skills interface {
		HasSkill(ctx context.Context, tenant itsm.Tenant, person itsm.PersonID, skill string, at time.Time) (bool, error)
	}
	// Contracts tells whether a contract with a supplier is valid. Without it every contract that is named is.
	Contracts interface {
		Valid(ctx context.Context, tenant itsm.Tenant, supplier, contract string, at time.Time) (bool, error)
	}
	// Services tells the grade of a service ("A", "B", "C"). Without it services have none.
	Services interface {
		Grade(ctx context.Context, tenant itsm.Tenant, service string) (string, error)
	}
	// Tools tells whether the approval of a tool is valid. Without it every approval that is named is.
	Tools interface {
		ToolGranted(ctx context.Context, tenant itsm.Tenant, tool, grant string, person itsm.PersonID, at time.Time) (bool, error)
	}
)

// Config is what the process can be told. The zero value is ready for use: the strict policy, the shipped priorities, no clocks.
type Config struct {
	itsm.Config

	// Policy says what is asked of incidents. Defaults to [Strict].
	Policy *Policy
	// Agreements are the targets and their clocks. Defaults to none; [DefaultAgreements] ships with the package.
	Agreements *sla.Catalog
	// Priority derives priorities. Defaults to [DefaultPriority].
	Priority *PriorityModel
	// Lifecycle is a variant of the lifecycle of incidents for new records. Defaults to [IncidentTable].
	Lifecycle *Table
	// Former are earlier variants, under which records may still run.
	Former []Table
	// Migrations say how records go on from a former lifecycle under the present one, by [Migrate]. Defaults to none.
	Migrations []Migration
	// Calendars are the calendars that the policy names.
	Calendars map[string]*calendar.Calendar

	Duty      Duty
	Skills    Skills
	Contracts Contracts
	Services  Services
	Tools     Tools
}

// decodeStrict decodes one JSON value; unknown keys and anything behind it are errors.
func decodeStrict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON value")
	}
	return nil
}

// ClockFacts are what the definitions of clocks can ask of a ticket. They follow from the record alone, so that clocks can be replayed.
type ClockFacts struct {
	Type       Type                  `expr:"type"`
	State      State                 `expr:"state"`
	Phase      string                `expr:"phase"`
	Priority   string                `expr:"priority"` // P1 to P4; "" before triage
	Impact     string                `expr:"impact"`   // I1 to I4
	Urgency    string                `expr:"urgency"`  // U1 to U4
	Service    string                `expr:"service"`
	Grade      string                `expr:"grade"`
	Category   Category              `expr:"category"`
	Department string                `expr:"department"`
	Setting    Setting               `expr:"setting"`
	Tier       Tier                  `expr:"tier"`
	HoldReason string                `expr:"hold_reason"` // "" when not on hold
	Responded  bool                  `expr:"responded"`
	Arrived    bool                  `expr:"arrived"`
	OnSite     bool                  `expr:"on_site"` // somebody has to go there
	Restored   bool                  `expr:"restored"`
	Rework     bool                  `expr:"rework"` // the last proposal was rejected
	Rejections int                   `expr:"rejections"`
	Reopenings int                   `expr:"reopenings"`
	Major      bool                  `expr:"major"`
	Safety     bool                  `expr:"patient_safety"`
	VIP        bool                  `expr:"vip"`
	Supplier   bool                  `expr:"supplier"` // the third line has it
	Recorded   time.Time             `expr:"recorded"`
	Fields     map[string]itsm.Value `expr:"fields"`
}

// ClockSchema returns the schema of [ClockFacts], for catalogs of clock definitions. fields are the host's own.
func ClockSchema(fields ...itsm.Field) *rule.Schema {
	return rule.SchemaOf(ClockFacts{}, rule.WithHostFields(fields...), rule.WithEnum("type", append(Types(), "")...),
		rule.WithEnum("priority", "", "P1", "P2", "P3", "P4"), rule.WithEnum("impact", "", "I1", "I2", "I3", "I4"), rule.WithEnum("urgency", "", "U1", "U2", "U3", "U4"),
		rule.WithEnum("setting", append(Settings(), "")...), rule.WithEnum("category", append(Categories(), "")...))
}
