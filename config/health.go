package config

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
)

// A Score is a share of the items that were looked at, with those that failed.
type Score struct {
	Checked int       `json:"checked"` // the denominator
	Good    int       `json:"good"`    //
	Failing []itsm.ID `json:"failing,omitempty"`
}

// Ratio is good / checked, 1 when there was nothing to check.
func (s Score) Ratio() float64 { return ratio(s.Good, s.Checked) }

func ratio(part, whole int) float64 {
	if whole == 0 {
		return 1
	}
	return float64(part) / float64(whole)
}

func (s *Score) count(id itsm.ID, good bool) {
	s.Checked++
	if good {
		s.Good++
	} else {
		s.Failing = append(s.Failing, id)
	}
}

// Health says how well the items under control are kept. Items that are not under control do not count. How true they are is
// another question, which only an audit answers.
type Health struct {
	Items        int   `json:"items"`        // under control
	Completeness Score `json:"completeness"` // all required attributes have a value
	Correctness  Score `json:"correctness"`  // not stale, and not suspected to be there twice; stale is what a source once saw and none has seen for the days of the policy
	Compliance   Score `json:"compliance"`   // class, values and status are as the present model has them
	Relations    Score `json:"relations"`    // something relates to it or it to something, and nothing to what is gone
}

// Health computes the health of the items at an instant. Failing items are sorted by ID.
func (s *Service) Health(ctx context.Context, now time.Time) (*Health, error) {
	var items []Item
	for item, err := range s.Find(ctx, itsm.Query{}) {
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return s.process.Health(items, now), nil
}

// Health computes the health of items, which must be all there are.
func (p *Process) Health(items []Item, now time.Time) *Health {
	h := &Health{}
	byID := make(map[itsm.ID]*Item, len(items))
	related := make(map[itsm.ID]bool, len(items))
	for i := range items {
		byID[items[i].ID] = &items[i]
		for _, r := range items[i].Relations {
			if r.Current() {
				related[items[i].ID], related[r.To] = true, true
			}
		}
	}
	stale := now.AddDate(0, 0, -p.policy.StaleDays)
	for i := range items {
		item := &items[i]
		if !item.Controlled() {
			continue
		}
		h.Items++
		h.Completeness.count(item.ID, len(p.model.missing(item.Class, item.Get)) == 0)
		h.Correctness.count(item.ID, len(item.Suspects) == 0 && (item.Seen.IsZero() || !item.Seen.Before(stale)))
		h.Compliance.count(item.ID, len(p.model.Check(item)) == 0)
		dangling := slices.ContainsFunc(item.Relations, func(r Relation) bool {
			to := byID[r.To]
			return r.Current() && (to == nil || to.State == StateDisposed)
		})
		h.Relations.count(item.ID, related[item.ID] && !dangling)
	}
	for _, score := range []*Score{&h.Completeness, &h.Correctness, &h.Compliance, &h.Relations} {
		slices.Sort(score.Failing)
	}
	return h
}

// Check returns every reason why an item is not as the model has it: what a migration to this model would have to put right.
func (m *Model) Check(i *Item) (rs itsm.Reasons) {
	c := m.classes[i.Class]
	if c == nil || c.Abstract || c.Mixin {
		return itsm.Reasons{ruleClass.With("class", i.Class)}
	}
	for _, v := range i.Attributes {
		a := m.attribute(i.Class, v.Name)
		switch {
		case v.Value.IsZero():
		case a == nil:
			rs.Add(true, ruleAttribute.With("class", i.Class, "field", v.Name))
		default:
			if r, ok := m.check(a, v.Value); !ok {
				rs.Add(true, r)
			}
		}
	}
	if all := m.Statuses(i.Class, i.State); i.Status != "" && !slices.Contains(all, i.Status) {
		rs.Add(true, ruleStatus.With("status", i.Status, "class", i.Class, "state", i.State, "want", list(all)))
	}
	for _, r := range i.Relations {
		typ := m.relations[r.Type]
		rs.Add(r.Current() && typ == nil, ruleRelation.With("type", r.Type))
		rs.Add(r.Current() && typ != nil && !m.from(typ, i.Class), ruleEnds.With("type", r.Type, "from", i.Class, "to", r.To))
	}
	return rs
}

// A Misfit is an item that does not fit another version of the model.
type Misfit struct {
	Item    itsm.ID      `json:"item"`
	Class   string       `json:"class"`
	Reasons itsm.Reasons `json:"reasons"`
}

// PlanMigration tells what a new version of the model would find wrong with the items of today, without changing anything.
// What is missing in items under control counts too.
func (s *Service) PlanMigration(ctx context.Context, to *Model) ([]Misfit, error) {
	var misfits []Misfit
	for item, err := range s.Find(ctx, itsm.Query{}) {
		if err != nil {
			return nil, err
		}
		if item.Gone() {
			continue
		}
		rs := to.Check(&item)
		if missing := to.missing(item.Class, item.Get); item.Controlled() && len(missing) > 0 {
			rs.Add(true, ruleMissing.With("fields", list(missing)))
		}
		if len(rs) > 0 {
			misfits = append(misfits, Misfit{item.ID, item.Class, rs})
		}
	}
	return misfits, nil
}

// Coverage is how much of a class is under control and described.
type Coverage struct {
	Class      string  `json:"class"`
	Owner      string  `json:"owner"`
	Control    Control `json:"control"`
	Registered int     `json:"registered"` // under control
	Known      int     `json:"known"`      // that there are, by the asset register or the network; at least as many as are registered
	Breadth    float64 `json:"breadth"`    // registered / known
	Filled     int     `json:"filled"`     // values of the items
	Declared   int     `json:"declared"`   // that they could have
	Depth      float64 `json:"depth"`      // filled / declared
}

// Scores are the breadth and depth of all classes in scope, and of all together.
type Scores struct {
	Classes []Coverage `json:"classes"` // sorted by class; those without items that must be under control are listed too
	Total   Coverage   `json:"total"`
}

// Trend is how scores changed: total breadth and depth minus those before.
func (s Scores) Trend(before Scores) (breadth, depth float64) {
	return s.Total.Breadth - before.Total.Breadth, s.Total.Depth - before.Total.Depth
}

// Scores computes breadth and depth. known tells how many things of a class there are; what it does not tell counts as all registered.
func (p *Process) Scores(items []Item, known map[string]int) Scores {
	by := map[string]*Coverage{}
	for _, name := range p.model.Classes() {
		c := p.model.classes[name]
		by[name] = &Coverage{Class: name, Owner: c.Owner, Control: c.Control}
	}
	for i := range items {
		item := &items[i]
		c := by[item.Class]
		if c == nil || !item.Controlled() {
			continue
		}
		c.Registered++
		for _, a := range p.model.classes[item.Class].attributes {
			c.Declared++
			if !item.Get(a.Name).IsZero() {
				c.Filled++
			}
		}
	}
	s := Scores{Total: Coverage{Class: "total"}}
	for _, name := range sorted(by) {
		c := by[name]
		c.Known = max(known[name], c.Registered)
		if c.Known == 0 && c.Control == MayControl {
			continue
		}
		c.Breadth, c.Depth = ratio(c.Registered, c.Known), ratio(c.Filled, c.Declared)
		s.Classes = append(s.Classes, *c)
		s.Total.Registered += c.Registered
		s.Total.Known += c.Known
		s.Total.Filled += c.Filled
		s.Total.Declared += c.Declared
	}
	s.Total.Breadth, s.Total.Depth = ratio(s.Total.Registered, s.Total.Known), ratio(s.Total.Filled, s.Total.Declared)
	return s
}

// Grade returns the grade of an application or service, by its ID or, for a service, its key; "" when it has none. It fits the ports by which
// other processes ask for the grade of a service.
func (s *Service) Grade(ctx context.Context, tenant itsm.Tenant, id string) (string, error) {
	item, err := s.load(ctx, tenant, itsm.ID(id))
	if err != nil {
		return "", err
	}
	if item.ID == "" {
		key, ok := s.process.model.Identity("service", "key", map[string]itsm.Value{"key": itsm.TextOf(id)})
		if !ok {
			return "", nil
		}
		claim, err := s.repos.Claims.Load(ctx, itsm.Key{Tenant: tenant, Kind: ClaimKind, ID: claimID(key)})
		if errors.Is(err, itsm.ErrNotFound) || claim.Record.Holder == "" {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		if item, err = s.load(ctx, tenant, claim.Record.Holder); err != nil {
			return "", err
		}
	}
	return item.Get("grade").Text(), nil
}

// Accuracy is how true a sample was found to be, with the interval in which the truth lies with 95 % confidence (Wilson).
type Accuracy struct {
	Checked int     `json:"checked"`
	Matched int     `json:"matched"`
	Low     float64 `json:"low"`
	High    float64 `json:"high"`
}

const z95 = 1.959963984540054 // quantile of the normal distribution

// AccuracyOf returns the accuracy of a sample of which some matched.
func AccuracyOf(matched, checked int) Accuracy {
	a := Accuracy{Checked: checked, Matched: matched, High: 1}
	if checked <= 0 {
		return a
	}
	n, p := float64(checked), float64(matched)/float64(checked)
	mid := p + z95*z95/(2*n)
	half := z95 * math.Sqrt(p*(1-p)/n+z95*z95/(4*n*n))
	a.Low, a.High = max(0, (mid-half)/(1+z95*z95/n)), min(1, (mid+half)/(1+z95*z95/n))
	return a
}

// Ratio is matched / checked.
func (a Accuracy) Ratio() float64 { return ratio(a.Matched, a.Checked) }

// SampleSize returns how many items of a population must be checked for an accuracy that is off by at most margin with 95 % confidence,
// whatever it is (Cochran, with the correction for small populations).
func SampleSize(population int, margin float64) int {
	if population <= 0 || margin <= 0 {
		return max(population, 0)
	}
	n := z95 * z95 * 0.25 / (margin * margin)
	return min(population, int(math.Ceil(n/(1+(n-1)/float64(population)))))
}
