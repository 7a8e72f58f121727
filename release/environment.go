package release

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
)

// An ItemClass says what an item of an environment is.
type ItemClass string

// The classes. Items of the isolated classes must not be shared by test and production.
const (
	ClassHost      ItemClass = "host"
	ClassDatabase  ItemClass = "database"
	ClassInterface ItemClass = "interface"
	ClassOther     ItemClass = "other"
)

// isolated reports whether items of the class must not be shared.
func (c ItemClass) isolated() bool { return c != ClassOther }

// An Environment is a set of configuration items that work together.
type Environment struct {
	Name  string    `json:"name"`
	Items []EnvItem `json:"items"`
}

// An EnvItem is an item of an environment with the attributes that are declared for comparison: operating system, database, middleware, patch
// level, configuration, shape of data.
type EnvItem struct {
	CI         string            `json:"ci"`
	Class      ItemClass         `json:"class"`
	Pair       string            `json:"pair,omitempty"` // of a test item: the production item that it stands for
	Attributes map[string]string `json:"attributes,omitempty"`
}

// Fingerprint returns the digest of the environment, whatever the order of its items.
func (e *Environment) Fingerprint() itsm.Digest {
	sorted := Environment{e.Name, slices.SortedFunc(slices.Values(e.Items), func(a, b EnvItem) int { return cmp.Compare(a.CI, b.CI) })}
	data, err := json.Marshal(sorted)
	if err != nil {
		panic("release: an environment is plain data: " + err.Error())
	}
	return sha256.Sum256(data)
}

// Isolation lists the hosts, databases and interfaces that two environments share, sorted.
func Isolation(test, production *Environment) (shared []string) {
	live := make(map[string]bool)
	for _, item := range production.Items {
		live[item.CI] = live[item.CI] || item.Class.isolated()
	}
	for _, item := range test.Items {
		if both, ok := live[item.CI]; ok && (both || item.Class.isolated()) && !slices.Contains(shared, item.CI) {
			shared = append(shared, item.CI)
		}
	}
	slices.Sort(shared)
	return shared
}

// A Difference is where a test item is not like the production item that it stands for.
type Difference struct {
	CI        string `json:"ci"`                  // in the test environment
	Pair      string `json:"pair,omitempty"`      // in production
	Attribute string `json:"attribute,omitempty"` // "" when the whole item has no counterpart
	Test      string `json:"test,omitempty"`
	Live      string `json:"live,omitempty"`
}

// Parity lists where two environments differ, in the order of test items and attribute names: attributes of paired items with other
// values or on one side only, and items without a counterpart on either side.
func Parity(test, production *Environment) (diffs []Difference) {
	live := make(map[string]*EnvItem, len(production.Items))
	for i := range production.Items {
		live[production.Items[i].CI] = &production.Items[i]
	}
	paired := make(map[string]bool)
	for _, item := range slices.SortedFunc(slices.Values(test.Items), func(a, b EnvItem) int { return cmp.Compare(a.CI, b.CI) }) {
		other := live[item.Pair]
		if other == nil {
			diffs = append(diffs, Difference{CI: item.CI, Pair: item.Pair})
			continue
		}
		paired[item.Pair] = true
		names := slices.Concat(slices.Sorted(maps.Keys(item.Attributes)), slices.Sorted(maps.Keys(other.Attributes)))
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			if a, b := item.Attributes[name], other.Attributes[name]; a != b {
				diffs = append(diffs, Difference{item.CI, item.Pair, name, a, b})
			}
		}
	}
	for _, item := range slices.SortedFunc(slices.Values(production.Items), func(a, b EnvItem) int { return cmp.Compare(a.CI, b.CI) }) {
		if !paired[item.CI] {
			diffs = append(diffs, Difference{Pair: item.CI})
		}
	}
	return diffs
}

// An Estate knows the environments of a hospital.
type Estate interface {
	// Environment returns an environment by name, or an error that matches [itsm.ErrNotFound].
	Environment(ctx context.Context, tenant itsm.Tenant, name string) (Environment, error)
}

// An Inspection is what was found in the test environment.
type Inspection struct {
	Environment itsm.Digest   `json:"environment"` // fingerprint of the test environment
	Shared      []string      `json:"shared,omitempty"`
	Differences []Difference  `json:"differences,omitempty"`
	By          itsm.PersonID `json:"by"`
	At          time.Time     `json:"at"`
}

// A Waiver accepts one difference for a time.
type Waiver struct {
	Difference
	Why   string        `json:"why" itsm:"personal,text"`
	By    itsm.PersonID `json:"by"`
	At    time.Time     `json:"at"`
	Until time.Time     `json:"until"`
}

// Unwaived lists the differences that no waiver covers at an instant.
func (r *Release) Unwaived(at time.Time) (diffs []Difference) {
	if r.Inspection == nil {
		return nil
	}
	for _, d := range r.Inspection.Differences {
		if !slices.ContainsFunc(r.Waivers, func(w Waiver) bool { return w.Difference == d && at.Before(w.Until) }) {
			diffs = append(diffs, d)
		}
	}
	return diffs
}

// A SecurityCheck is what was found about the safety of the test environment.
type SecurityCheck struct {
	Access   []itsm.PersonID `json:"access"` // who may use it
	LiveData bool            `json:"live_data"`
	Masked   bool            `json:"masked,omitempty"` // the live data are
	Isolated bool            `json:"isolated"`
	By       itsm.PersonID   `json:"by"`
	At       time.Time       `json:"at"`
}

// A TestReport is the result of testing one manifest in one environment.
type TestReport struct {
	Manifest    itsm.Digest   `json:"manifest"`
	Environment itsm.Digest   `json:"environment"`
	Cases       int           `json:"cases"`
	Failed      int           `json:"failed"`
	Passed      bool          `json:"passed"`
	Evidence    string        `json:"evidence" itsm:"personal,text"`
	Security    string        `json:"security,omitempty" itsm:"personal,text"` // report of the security test
	By          itsm.PersonID `json:"by"`
	At          time.Time     `json:"at"`
}
