package approval

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
)

// A PolicyData is a table that says how each kind of matter is approved: type × risk → who, in which order, with which quorum, in which time.
type PolicyData struct {
	Name     string   `json:"name"`
	Version  string   `json:"version"`
	Owner    string   `json:"owner"`     // who answers for the table: a post or department
	ReviewBy string   `json:"review_by"` // the day, as 2027-01-31, by which it is to be looked through again
	Types    []string `json:"types"`     // the matters
	Risks    []string `json:"risks"`     // the levels, lowest first
	Rows     []Row    `json:"rows"`
}

// A Row is the plan for some types and risks.
type Row struct {
	Types      []string `json:"types,omitempty"`      // empty for all
	Risks      []string `json:"risks,omitempty"`      // empty for all
	Department string   `json:"department,omitempty"` // which approves: 信息科
	Plan                // its name is the row's
}

// A Policy is a checked table in which every type and risk has exactly one plan. It is immutable and safe for concurrent use.
type Policy struct{ data PolicyData }

const maxPolicyText = 1 << 20 // bytes

// ParsePolicy reads a policy from JSON, see [PolicyData]. The error lists all faults with their places.
func ParsePolicy(data []byte) (*Policy, error) {
	var fs faults
	if len(data) > maxPolicyText {
		fs.add("policy", "%d bytes, at most %d are allowed", len(data), maxPolicyText)
		return nil, fs.err()
	}
	if _, err := decodeTree(data); err != nil {
		fs.add("policy", "%v", err)
		return nil, fs.err()
	}
	type row struct {
		Row
		Rule json.RawMessage `json:"rule"` // read by itself, for all its faults
	}
	var in struct {
		PolicyData
		Rows []row `json:"rows"`
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		fs.add("policy", "%s", strings.TrimPrefix(err.Error(), "json: "))
		return nil, fs.err()
	}
	for i, r := range in.Rows {
		if place := rowPlace(i, r.Name) + ".rule"; len(r.Rule) == 0 {
			fs.add(place, "is missing, want one of %q", ops)
		} else {
			r.Row.Rule = parseRule(place, r.Rule, &fs)
		}
		in.PolicyData.Rows = append(in.PolicyData.Rows, r.Row)
	}
	in.PolicyData.check(&fs)
	if err := fs.err(); err != nil {
		return nil, err
	}
	return seal(in.PolicyData), nil
}

// NewPolicy checks a table. The error lists all faults with their places.
func NewPolicy(d PolicyData) (*Policy, error) {
	var fs faults
	for i, r := range d.Rows {
		r.Rule.check(rowPlace(i, r.Name)+".rule", &fs)
	}
	d.check(&fs)
	if err := fs.err(); err != nil {
		return nil, err
	}
	return seal(d), nil
}

// seal copies the table and tells each plan where it comes from.
func seal(d PolicyData) *Policy {
	d.Types, d.Risks, d.Rows = slices.Clone(d.Types), slices.Clone(d.Risks), slices.Clone(d.Rows)
	for i := range d.Rows {
		r := &d.Rows[i]
		r.Plan, r.Types, r.Risks = r.clone(), slices.Clone(r.Types), slices.Clone(r.Risks)
		r.Policy = d.Name + "@" + d.Version
	}
	return &Policy{d}
}

//go:embed policy.json
var shippedPolicy []byte

// DefaultPolicy is the shipped table: changes by type and risk, and the four procedures that classified protection asks for (system change, key
// operation, physical access, system access). Change manager and advisory board decide together; standard changes and those of low risk are
// the manager's alone.
func DefaultPolicy() *Policy {
	p, err := ParsePolicy(shippedPolicy)
	if err != nil {
		panic(err) // the file is part of the package, and a test reads it
	}
	return p
}

func rowPlace(i int, name string) string {
	if name == "" {
		return fmt.Sprintf("rows[%d]", i)
	}
	return fmt.Sprintf("rows[%d] %s", i, name)
}

// check looks at everything but the rules.
func (d *PolicyData) check(fs *faults) {
	for _, f := range []struct{ key, value string }{{"name", d.Name}, {"version", d.Version}, {"owner", d.Owner}} {
		if f.value == "" || strings.Contains(f.value, "@") {
			fs.add(f.key, "%q: want a name without @", f.value)
		}
	}
	if _, err := time.Parse(time.DateOnly, d.ReviewBy); err != nil {
		fs.add("review_by", "%q: want the day of the next review, such as 2027-01-31", d.ReviewBy)
	}
	checkNames(fs, "types", d.Types)
	checkNames(fs, "risks", d.Risks)
	for i := range d.Rows {
		d.checkRow(i, fs)
	}
	for _, t := range d.Types {
		for _, r := range d.Risks {
			var names []string
			for i := range d.Rows {
				if d.Rows[i].covers(t, r) {
					names = append(names, rowPlace(i, d.Rows[i].Name))
				}
			}
			if len(names) == 0 {
				fs.add("rows", "nothing says how type %s of risk %s is approved", t, r)
			} else if len(names) > 1 {
				fs.add("rows", "type %s of risk %s is in %s: want one row", t, r, strings.Join(names, " and "))
			}
		}
	}
}

func (d *PolicyData) checkRow(i int, fs *faults) {
	r, at := &d.Rows[i], rowPlace(i, d.Rows[i].Name)
	if r.Name == "" || slices.ContainsFunc(d.Rows[:i], func(o Row) bool { return o.Name == r.Name }) {
		fs.add(at+".name", "%q: want a name of its own", r.Name)
	}
	for _, t := range r.Types {
		if !slices.Contains(d.Types, t) {
			fs.add(at+".types", "%q is none of %q", t, d.Types)
		}
	}
	for _, risk := range r.Risks {
		if !slices.Contains(d.Risks, risk) {
			fs.add(at+".risks", "%q is none of %q", risk, d.Risks)
		}
	}
	r.Plan.check(at, fs)
}

func checkNames(fs *faults, place string, names []string) {
	if len(names) == 0 {
		fs.add(place, "is empty")
	}
	for i, n := range names {
		if n == "" || slices.Contains(names[:i], n) {
			fs.add(fmt.Sprintf("%s[%d]", place, i), "%q: want a name of its own", n)
		}
	}
}

func (r *Row) covers(typ, risk string) bool {
	return (len(r.Types) == 0 || slices.Contains(r.Types, typ)) && (len(r.Risks) == 0 || slices.Contains(r.Risks, risk))
}

// Plan returns how a type at a risk is approved. The error is an [itsm.Reason] for each of them that the policy does not know.
func (p *Policy) Plan(typ, risk string) (Plan, error) {
	var rs itsm.Reasons
	rs.Add(!slices.Contains(p.data.Types, typ), ruleNoPlan.With("field", "type", "got", typ, "want", p.data.Types))
	rs.Add(!slices.Contains(p.data.Risks, risk), ruleNoPlan.With("field", "risk", "got", risk, "want", p.data.Risks))
	if len(rs) > 0 {
		return Plan{}, rs
	}
	i := slices.IndexFunc(p.data.Rows, func(r Row) bool { return r.covers(typ, risk) })
	return p.data.Rows[i].clone(), nil
}

// Data returns a copy of the table.
func (p *Policy) Data() PolicyData { return seal(p.data).data }

// ReviewDue reports whether the day of the next review has passed, in the zone of the instant.
func (p *Policy) ReviewDue(now time.Time) bool { return now.Format(time.DateOnly) > p.data.ReviewBy }

// MarshalJSON writes what [ParsePolicy] reads.
func (p *Policy) MarshalJSON() ([]byte, error) { return json.Marshal(p.data) }
