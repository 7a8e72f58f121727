package change

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/internal/overlay"
	"github.com/hospital-itsm/itsm/rule"
)

// A Stage is a point at which information must be there.
type Stage string

// The stages.
const (
	AtSubmission Stage = "submission"
	AtApproval   Stage = "approval" // when approval is asked for
	AtRecord     Stage = "record"   // the full record that an emergency owes
)

// A Field is a piece of the required information.
type Field string

// The fields that a policy can require. The requester is always known.
const (
	FieldTitle       Field = "title"
	FieldReason      Field = "reason"
	FieldDescription Field = "description"
	FieldCategory    Field = "category"
	FieldItems       Field = "items"
	FieldServices    Field = "services"
	FieldDepartments Field = "departments"
	FieldBenefit     Field = "benefit"
	FieldUrgency     Field = "urgency"
	FieldHazard      Field = "hazard"
	FieldIfNotDone   Field = "if_not_done"
	FieldWindow      Field = "window"
	FieldImplementer Field = "implementer"
	FieldSteps       Field = "steps"
	FieldTestPlan    Field = "test_plan"
	FieldBackout     Field = "backout"
	FieldScore       Field = "risk_score"
)

// present tells whether a change has a field.
var present = map[Field]func(*Change) bool{
	FieldTitle:       func(c *Change) bool { return c.Title != "" },
	FieldReason:      func(c *Change) bool { return c.Reason != "" },
	FieldDescription: func(c *Change) bool { return c.Description != "" },
	FieldCategory:    func(c *Change) bool { return c.Category != "" },
	FieldItems:       func(c *Change) bool { return len(c.Items) > 0 },
	FieldServices:    func(c *Change) bool { return len(c.Services) > 0 },
	FieldDepartments: func(c *Change) bool { return len(c.Departments) > 0 },
	FieldBenefit:     func(c *Change) bool { return c.Benefit != "" },
	FieldUrgency:     func(c *Change) bool { return c.Urgency != "" },
	FieldHazard:      func(c *Change) bool { return c.Hazard != "" },
	FieldIfNotDone:   func(c *Change) bool { return c.IfNotDone != "" },
	FieldWindow:      func(c *Change) bool { return !c.Window.IsZero() },
	FieldImplementer: func(c *Change) bool { return c.Implementer != "" },
	FieldSteps:       func(c *Change) bool { return len(c.Steps) > 0 },
	FieldTestPlan:    func(c *Change) bool { return c.TestPlan != "" },
	FieldBackout:     func(c *Change) bool { return len(c.Backout.missing(c.Emergency())) == 0 },
	FieldScore:       func(c *Change) bool { return c.Score.Risk != "" },
}

// missing lists what a backout plan lacks. That of an emergency may be brief.
func (b *Backout) missing(brief bool) (fields []string) {
	need := func(field string, there bool) {
		if !there {
			fields = append(fields, "backout."+field)
		}
	}
	need("steps", len(b.Steps) > 0)
	need("decider", b.Decider != "")
	need("duration", b.Duration > 0)
	if !brief {
		need("trigger", b.Trigger != "")
		need("verify", b.Verify != "")
	}
	return fields
}

// Required says what must be there at a stage for some type of change.
type Required struct {
	Stage  Stage   `json:"stage"`
	Type   Type    `json:"type"`
	Fields []Field `json:"fields"`
}

// A TypeRule suggests how a change is treated. The first rule whose condition holds counts.
type TypeRule struct {
	When  string `json:"when"` // a condition over [TypeFacts]; "" always holds
	Type  Type   `json:"type"`
	Scale Scale  `json:"scale,omitempty"`
}

// TypeFacts are what the rules for types read.
type TypeFacts struct {
	Requested Type     `json:"requested"`
	Template  bool     `json:"template"` // it was made from a template
	Category  Category `json:"category"`
	Urgency   Urgency  `json:"urgency"`
	Risk      int      `json:"risk"`     // 0 not assessed, 1 low, 2 medium, 3 high
	Services  []string `json:"services"` //
	Grades    []string `json:"grades"`   // of the services
	Items     int      `json:"items"`    // how many
	Places    int      `json:"places"`   // how many departments are affected
	Hours     float64  `json:"hours"`    // length of the window
}

// A Policy says what a hospital asks of its changes beyond what is mandatory for all. It is data; each change keeps the
// version that it began under. That only what is approved is implemented, and that what fails is backed out and reviewed, cannot be switched off.
type Policy struct {
	Version  string                      `json:"version"`
	Required []Required                  `json:"required"`
	Types    []TypeRule                  `json:"types"`
	Project  string                      `json:"project,omitempty"` // a condition over [TypeFacts]: goes through design and transition
	Heads    map[AssessmentKind][]string `json:"heads"`             // what each assessment weighs

	RehearseFrom Risk          `json:"rehearse_from,omitempty"` // level of risk from which the backout must have been tried; "" never
	ReviewFrom   Risk          `json:"review_from,omitempty"`   // likewise for lessons in the review, beside major, emergency and failed changes
	Announce     bool          `json:"announce"`                // dates are told to the departments before the implementation
	Lessons      bool          `json:"lessons"`                 // mandatory reviews need lessons
	WarnBefore   itsm.Duration `json:"warn_before"`             // the last safe decision
	Grace        itsm.Duration `json:"grace"`                   // after the window, until the change counts as failed by itself
	RecordWithin itsm.Duration `json:"record_within"`           // after the start of an emergency, for its full record
	ReviewWithin itsm.Duration `json:"review_within"`           // after the end of the work
	SuspectFor   itsm.Duration `json:"suspect_for"`             // after the work, in which incidents on its items are suspected
	// FreezeConsent is asked in addition when an emergency lies in a freeze.
	FreezeConsent approval.Rule `json:"freeze_consent,omitzero"`
}

// DefaultPolicy returns the policy of the source document: everything it asks for is asked for.
func DefaultPolicy() Policy {
	rfc := []Field{FieldTitle, FieldReason, FieldDescription, FieldCategory, FieldItems, FieldServices, FieldBenefit, FieldUrgency, FieldHazard, FieldWindow, FieldIfNotDone}
	return Policy{
		Version: "1",
		Required: []Required{
			{AtSubmission, TypeNormal, rfc},
			{AtSubmission, TypeStandard, []Field{FieldTitle, FieldReason, FieldCategory, FieldItems, FieldWindow}},
			{AtSubmission, TypeEmergency, []Field{FieldTitle, FieldReason, FieldCategory, FieldItems, FieldUrgency}},
			{AtApproval, TypeNormal, append(slices.Clone(rfc), FieldScore, FieldImplementer, FieldSteps, FieldTestPlan, FieldBackout)},
			{AtApproval, TypeStandard, []Field{FieldWindow, FieldImplementer, FieldSteps, FieldBackout}},
			{AtApproval, TypeEmergency, []Field{FieldWindow, FieldImplementer, FieldSteps, FieldBackout}},
			{AtRecord, TypeEmergency, append(slices.Clone(rfc), FieldScore, FieldTestPlan)},
		},
		Types: []TypeRule{
			{When: `template`, Type: TypeStandard},
			{When: `requested == "emergency" and urgency == "now"`, Type: TypeEmergency},
			{When: `risk >= 3 or places >= 5 or "A" in grades and risk >= 2`, Type: TypeNormal, Scale: Major},
			{When: ``, Type: TypeNormal, Scale: Minor},
		},
		Project: `risk >= 3 and len(services) >= 3`,
		Heads: map[AssessmentKind][]string{
			OfIT:       {"risk", "feasibility", "capacity", "availability", "continuity", "security", "other_changes"},
			OfBusiness: {"benefit", "finance", "services", "users", "plans", "clinical_peak"},
		},
		RehearseFrom: RiskHigh, ReviewFrom: "", Announce: true, Lessons: true,
		WarnBefore: 15 * itsm.Minute, Grace: 15 * itsm.Minute, RecordWithin: 24 * itsm.Hour, ReviewWithin: 7 * 24 * itsm.Hour, SuspectFor: 72 * itsm.Hour,
		FreezeConsent: approval.AtLeast(1, itsm.RoleProjectManager),
	}
}

// ParsePolicy reads a policy from JSON; what the text does not name is as in the base policy. Unknown keys are errors.
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
	_, err := compilePolicy(p)
	return err
}

// policy is a compiled policy.
type policy struct {
	Policy
	types   []*rule.Predicate
	project *rule.Predicate
}

func compilePolicy(p Policy) (*policy, error) {
	c := &policy{Policy: p, project: rule.False()}
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(p.Version == "", "version is empty")
	for i, r := range p.Required {
		fault(!slices.Contains([]Stage{AtSubmission, AtApproval, AtRecord}, r.Stage), "required %d: %q is no stage", i+1, r.Stage)
		fault(!slices.Contains(Types(), r.Type), "required %d: %q is no type", i+1, r.Type)
		for _, f := range r.Fields {
			fault(present[f] == nil, "required %d: %q is no field", i+1, f)
		}
	}
	for _, t := range []Type{TypeNormal, TypeStandard, TypeEmergency} {
		at := p.required(AtApproval, t)
		for _, f := range []Field{FieldWindow, FieldImplementer, FieldSteps, FieldBackout} {
			fault(!slices.Contains(at, f), "%s changes cannot be approved without %s: require it", t, f)
		}
	}
	schema := rule.SchemaOf(TypeFacts{}, rule.WithEnum("requested", Types()...), rule.WithEnum("category", Categories()...), rule.WithEnum("urgency", Urgencies()...))
	for i, r := range p.Types {
		fault(!slices.Contains(Types(), r.Type), "type rule %d: %q is no type", i+1, r.Type)
		fault(r.Type == TypeNormal && r.Scale != Minor && r.Scale != Major || r.Type != TypeNormal && r.Scale != "", "type rule %d: a normal change is minor or major, others have no scale", i+1)
		when := rule.True()
		if r.When != "" {
			var err error
			if when, err = schema.Compile(r.When); err != nil {
				faults = append(faults, fmt.Errorf("type rule %d: %w", i+1, err))
			}
		}
		c.types = append(c.types, when)
	}
	fault(len(p.Types) == 0 || p.Types[len(p.Types)-1].When != "", "the last type rule has no condition, so that every change has a type")
	if p.Project != "" {
		var err error
		if c.project, err = schema.Compile(p.Project); err != nil {
			faults = append(faults, fmt.Errorf("project: %w", err))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(p.Heads)) {
		fault(k != OfIT && k != OfBusiness, "heads: %q is no assessment", k)
	}
	for _, r := range []Risk{p.RehearseFrom, p.ReviewFrom} {
		fault(r != "" && r.Rank() == 0, "%q is no level of risk", r)
	}
	for _, d := range []struct {
		name string
		d    itsm.Duration
	}{{"warn_before", p.WarnBefore}, {"grace", p.Grace}, {"record_within", p.RecordWithin}, {"review_within", p.ReviewWithin}, {"suspect_for", p.SuspectFor}} {
		fault(d.d < 0, "%s is negative", d.name)
	}
	fault(p.RecordWithin <= 0, "record_within: the full record of an emergency is owed within some time")
	if !p.FreezeConsent.IsZero() {
		if err := p.FreezeConsent.Check(); err != nil {
			faults = append(faults, fmt.Errorf("freeze_consent: %w", err))
		}
	} else {
		fault(true, "freeze_consent: an emergency in a freeze needs the consent of more people")
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("%w: policy: %w", itsm.ErrInvalid, err)
	}
	return c, nil
}

// required lists the fields of a stage.
func (p *Policy) required(s Stage, t Type) (fields []Field) {
	for _, r := range p.Required {
		if r.Stage == s && r.Type == t {
			fields = append(fields, r.Fields...)
		}
	}
	return fields
}

// Missing lists the required information of a stage that a change lacks, in the order of the policy. Of a backout plan it names each part.
func (p *Policy) Missing(c *Change, s Stage) (fields []string) {
	for _, f := range p.required(s, c.Type) {
		switch {
		case present[f] == nil || present[f](c):
		case f == FieldBackout:
			fields = append(fields, c.Backout.missing(c.Emergency())...)
		default:
			fields = append(fields, string(f))
		}
	}
	return fields
}

// suggest returns what the rules say about the type.
func (p *policy) suggest(f *TypeFacts) (Type, Scale, bool, error) {
	project, err := p.project.Eval(f)
	if err != nil {
		return "", "", false, err
	}
	for i, when := range p.types {
		holds, err := when.Eval(f)
		if err != nil {
			return "", "", false, err
		}
		if holds {
			return p.Types[i].Type, p.Types[i].Scale, project, nil
		}
	}
	return TypeNormal, Major, project, nil
}

// lessonsNeeded reports whether the review of a change must have lessons.
func (p *Policy) lessonsNeeded(c *Change) bool {
	return p.Lessons && (c.Emergency() || c.Scale == Major || c.Failure != nil || p.ReviewFrom != "" && c.Risk().Rank() >= p.ReviewFrom.Rank())
}

// Form says what of a change an approval binds: an edit of any of these fields voids it.
func Form() approval.Form {
	f := approval.Form{Items: approval.FourItems()}
	add := func(item string, paths ...string) {
		for _, p := range paths {
			f.Fields = append(f.Fields, approval.Material{Path: p, Item: item})
		}
	}
	for _, p := range []string{"items", "services", "departments"} {
		f.Fields = append(f.Fields, approval.Material{Path: p, Item: "impact", Set: true})
	}
	add("impact", "type", "category", "score.risk", "raised", "data.system", "data.statement", "data.digest")
	add("plan", "window", "steps", "tasks", "test_plan", "partial", "exclusive", "after", "apart")
	add("implementer", "implementer", "team")
	add("backout", "backout.steps", "backout.trigger", "backout.decider", "backout.duration", "backout.verify")
	return f
}

func decodeStrict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("there is something behind the value")
	}
	return nil
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
