package config

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hospital-itsm/itsm"
)

// A Policy says what a hospital asks of its configuration management. It is data. That nothing is written without an authority,
// that an item is labelled before it is accepted, and that identities are unique, cannot be switched off.
type Policy struct {
	Depth       Depth         `json:"depth"`        // what is done about required attributes that are missing
	Authorities []itsm.Kind   `json:"authorities"`  // kinds of records that a write may name
	Sources     []string      `json:"sources"`      // from the most to the least trusted, where an attribute does not say
	FlapChanges int           `json:"flap_changes"` // so many changes to and fro freeze an observed attribute; 0: never
	FlapWithin  itsm.Duration `json:"flap_within"`  // within this time
	StaleDays   int           `json:"stale_days"`   // an item that no source has seen for so long is stale
	Relations   int           `json:"relations"`    // that may lead from one item, ended ones included
}

// A Depth says what is done about required attributes that are missing.
type Depth string

// The depths.
const (
	Refuse Depth = "refuse" // the item is not accepted
	List   Depth = "list"   // it is accepted, and listed
)

// DefaultPolicy returns the policy that is shipped.
func DefaultPolicy() Policy {
	return Policy{Depth: Refuse, Authorities: []itsm.Kind{"change", "release", "ci_audit"}, FlapChanges: 4, FlapWithin: 24 * itsm.Hour, StaleDays: 60, Relations: 10_000}
}

// Check reports everything that is wrong with the policy.
func (p Policy) Check() error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(p.Depth != Refuse && p.Depth != List, "depth is %q, want refuse or list", p.Depth)
	fault(len(p.Authorities) == 0, "authorities is empty: nothing could ever be written")
	fault(p.FlapChanges < 0 || p.FlapChanges == 1, "flap_changes is %d, want 0 for never, or 2 and more", p.FlapChanges)
	fault(p.FlapChanges > 0 && p.FlapWithin <= 0, "flap_within is %s, want a time", p.FlapWithin)
	fault(p.StaleDays < 1, "stale_days is %d, want 1 or more", p.StaleDays)
	fault(p.Relations < 1 || p.Relations > 100_000, "relations is %d, want 1 to 100000", p.Relations)
	for i, s := range p.Sources {
		fault(s == "" || slices.Contains(p.Sources[:i], s), "sources[%d] %q is empty or there twice", i, s)
	}
	if len(faults) > 0 {
		return fmt.Errorf("%w: policy: %w", itsm.ErrInvalid, errors.Join(faults...))
	}
	return nil
}

// A Standing is how far an authority has come, as regards one item.
type Standing string

// The standings.
const (
	Unauthorised Standing = ""          // there is no such authority, or it does not cover the item
	Approved     Standing = "approved"  // it will be carried out: what it will do may be planned
	Underway     Standing = "underway"  // it is being carried out: the item may be written
	Done         Standing = "done"      // it was carried out: what was planned becomes current
	Withdrawn    Standing = "withdrawn" // it will not be carried out: what was planned is off
)

// A Target is an item that is to be written.
type Target struct {
	Item    itsm.ID // of a new item the ID that it will get
	Class   string
	New     bool
	Command string // name of the command, such as "ci.update"
}

// Authorisations tells whether a change, a release or the correction of an audit allows an item to be written now. It must
// read through the context it is given, so that what it says still holds when the write is committed. Without one nothing can be written.
type Authorisations interface {
	Standing(ctx context.Context, tenant itsm.Tenant, authority itsm.Ref, target Target) (Standing, error)
}

// AuthorisationsFunc is a function as [Authorisations].
type AuthorisationsFunc func(ctx context.Context, tenant itsm.Tenant, authority itsm.Ref, target Target) (Standing, error)

// Standing calls the function.
func (f AuthorisationsFunc) Standing(ctx context.Context, tenant itsm.Tenant, authority itsm.Ref, target Target) (Standing, error) {
	return f(ctx, tenant, authority, target)
}

// ByKind asks each kind of authority at its own port; other kinds do not authorise anything.
type ByKind map[itsm.Kind]Authorisations

// Standing implements [Authorisations].
func (k ByKind) Standing(ctx context.Context, tenant itsm.Tenant, authority itsm.Ref, target Target) (Standing, error) {
	port := k[authority.Kind]
	if port == nil {
		return Unauthorised, nil
	}
	return port.Standing(ctx, tenant, authority, target)
}

// Config is the configuration of the process.
type Config struct {
	itsm.Config
	// Model is the class model. Defaults to [DefaultModel].
	Model *Model
	// Policy defaults to [DefaultPolicy].
	Policy *Policy
	// Lifecycle is a variant of [ItemTable]. Defaults to it.
	Lifecycle *Table
	// Authorisations say what may be written. Defaults to none: nothing can be written.
	Authorisations Authorisations
}
