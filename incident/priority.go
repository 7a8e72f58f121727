package incident

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/rule"
)

// Derived is what matrix and modifiers give for a ticket, and why.
type Derived struct {
	Priority Priority `json:"priority"`
	Matrix   Priority `json:"matrix"` // before the modifiers
	Impact   Impact   `json:"impact"` // after the modifiers
	Urgency  Urgency  `json:"urgency"`
	Applied  []string `json:"applied,omitempty"` // keys of the modifiers, in the order of application
}

// PriorityFacts are what the modifiers of a priority model can ask.
type PriorityFacts struct {
	Setting     Setting               `expr:"setting"`
	CareDepends bool                  `expr:"care_depends"` // care of a patient depends on it now
	Peak        bool                  `expr:"peak"`         // it happened in a peak window
	Workaround  bool                  `expr:"workaround"`   // there is a usable one
	SameCI      int                   `expr:"same_ci"`      // incidents on the same item in the last days, this one included
	VIP         bool                  `expr:"vip"`
	Safety      bool                  `expr:"patient_safety"`
	Grade       string                `expr:"grade"` // of the service
	Service     string                `expr:"service"`
	Category    Category              `expr:"category"`
	Department  string                `expr:"department"`
	Fields      map[string]itsm.Value `expr:"fields"` // of the host
}

// A PriorityModel derives priorities from impact, urgency and facts. It is data, checked when it is made, immutable and
// safe for concurrent use.
type PriorityModel struct {
	data  PriorityData
	rules []*rule.Predicate
}

// PriorityData is the data of a model.
type PriorityData struct {
	// Matrix has a row for each impact I1 to I4, with a priority for each urgency U1 to U4.
	Matrix [4][4]Priority `json:"matrix"`
	// SameCIDays is over how many days incidents on one item are counted. Defaults to 7.
	SameCIDays int        `json:"same_ci_days,omitempty"`
	Modifiers  []Modifier `json:"modifiers,omitempty"` // applied in this order
}

// A Modifier changes impact, urgency or priority when its condition holds.
type Modifier struct {
	Key           string   `json:"key"`
	English       string   `json:"en"`
	Chinese       string   `json:"zh"`
	When          string   `json:"when"`                      // a rule over [PriorityFacts]
	Not           []string `json:"not,omitempty"`             // not together with these modifiers
	ImpactAtLeast Impact   `json:"impact_at_least,omitempty"` // widen the impact to this
	Urgency       Urgency  `json:"urgency,omitempty"`         // set the urgency to at least this
	UrgencyUp     int      `json:"urgency_up,omitempty"`      // steps towards U1; negative ones towards U4
	PriorityUp    int      `json:"priority_up,omitempty"`     // steps towards P1, after the matrix
	NotAbove      Priority `json:"not_above,omitempty"`       // PriorityUp leads at most to this
	Floor         Priority `json:"floor,omitempty"`           // the priority is at least this
}

//go:embed priority.json
var defaultPriority []byte

// DefaultPriority returns the shipped model of a tertiary hospital.
func DefaultPriority() *PriorityModel {
	m, err := ParsePriority(defaultPriority)
	if err != nil {
		panic(err) // the data are part of the program
	}
	return m
}

// ParsePriority reads a model from JSON. Unknown keys are errors, and all faults are told at once.
func ParsePriority(data []byte) (*PriorityModel, error) {
	var d PriorityData
	if err := decodeStrict(data, &d); err != nil {
		return nil, fmt.Errorf("%w: priority model: %w", itsm.ErrInvalid, err)
	}
	return NewPriority(d)
}

// NewPriority checks the data of a model. fields are the host's own, which its rules may read.
func NewPriority(d PriorityData, fields ...itsm.Field) (*PriorityModel, error) {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	for i, row := range d.Matrix {
		for u, p := range row {
			switch {
			case !p.Valid():
				fault("matrix: impact I%d, urgency U%d: %d is not P1 to P4", i+1, u+1, int(p))
			case i > 0 && p < d.Matrix[i-1][u]:
				fault("matrix: impact I%d, urgency U%d: %s is before %s of the wider impact I%d", i+1, u+1, p, d.Matrix[i-1][u], i)
			case u > 0 && p < row[u-1]:
				fault("matrix: impact I%d, urgency U%d: %s is before %s of the greater urgency U%d", i+1, u+1, p, row[u-1], u)
			}
		}
	}
	m := &PriorityModel{data: d}
	if m.data.SameCIDays == 0 {
		m.data.SameCIDays = 7
	}
	schema := rule.SchemaOf(PriorityFacts{}, rule.WithHostFields(fields...), rule.WithEnum("setting", append(Settings(), "")...), rule.WithEnum("category", append(Categories(), "")...))
	seen := map[string]bool{}
	for i, mod := range d.Modifiers {
		if mod.Key == "" || seen[mod.Key] {
			fault("modifier %d: the key %q is empty or used twice", i+1, mod.Key)
		}
		seen[mod.Key] = true
		for _, not := range mod.Not {
			if !slices.ContainsFunc(d.Modifiers, func(o Modifier) bool { return o.Key == not }) {
				fault("modifier %s: excludes %q, which is not a modifier", mod.Key, not)
			}
		}
		p, err := schema.Compile(mod.When)
		if err != nil {
			fault("modifier %s: %w", mod.Key, err)
		}
		m.rules = append(m.rules, p)
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("%w: priority model: %w", itsm.ErrInvalid, errors.Join(faults...))
	}
	return m, nil
}

// Data returns the data of the model, which belongs to the caller.
func (m *PriorityModel) Data() PriorityData {
	d := m.data
	d.Modifiers = slices.Clone(d.Modifiers)
	return d
}

// Derive returns the priority of a ticket and how it came about: matrix, then modifiers in their order. It is a pure function.
func (m *PriorityModel) Derive(impact Impact, urgency Urgency, facts PriorityFacts) (Derived, error) {
	if !impact.Valid() || !urgency.Valid() {
		return Derived{}, fmt.Errorf("%w: no priority for impact %d and urgency %d: both are 1 to 4", itsm.ErrInvalid, int(impact), int(urgency))
	}
	d := Derived{Impact: impact, Urgency: urgency, Matrix: m.data.Matrix[impact-1][urgency-1]}
	holds := make([]bool, len(m.rules))
	for i, r := range m.rules {
		var err error
		if holds[i], err = r.Eval(&facts); err != nil {
			return Derived{}, fmt.Errorf("priority modifier %s: %w", m.data.Modifiers[i].Key, err)
		}
	}
	applies := slices.Clone(holds)
	for i, mod := range m.data.Modifiers {
		for k, other := range m.data.Modifiers {
			if holds[k] && slices.Contains(mod.Not, other.Key) {
				applies[i] = false
			}
		}
	}
	floor := P4
	var raises []Modifier
	for i, mod := range m.data.Modifiers {
		if !applies[i] {
			continue
		}
		d.Applied = append(d.Applied, mod.Key)
		if mod.ImpactAtLeast != 0 {
			d.Impact = min(d.Impact, mod.ImpactAtLeast)
		}
		if mod.Urgency != 0 {
			d.Urgency = min(d.Urgency, mod.Urgency)
		}
		d.Urgency = clamp(d.Urgency-Urgency(mod.UrgencyUp), 1, 4)
		if mod.PriorityUp != 0 {
			raises = append(raises, mod)
		}
		if mod.Floor != 0 {
			floor = min(floor, mod.Floor)
		}
	}
	d.Priority = m.data.Matrix[d.Impact-1][d.Urgency-1]
	for _, mod := range raises {
		to := clamp(d.Priority-Priority(mod.PriorityUp), P1, P4)
		if mod.PriorityUp > 0 { // a limit never lowers what is above it already
			to = min(d.Priority, max(to, mod.NotAbove))
		}
		d.Priority = to
	}
	d.Priority = min(d.Priority, floor)
	return d, nil
}

func clamp[T ~int](v, least, most T) T { return max(least, min(v, most)) }
