package itsm

import (
	"context"
	"fmt"
	"slices"
)

// A PersonID names one natural person, or a system account of its own such as "system/scheduler".
type PersonID string

// A Role is a set of duties. Hosts may add roles of their own.
type Role string

// The roles that the library's shipped permissions speak of.
const (
	RoleProjectManager   Role = "project_manager"
	RoleServiceDesk      Role = "service_desk"
	RoleDeskManager      Role = "desk_manager"
	RoleHardwareEngineer Role = "hardware_engineer"
	RoleSoftwareEngineer Role = "software_engineer"
	RoleSecondLine       Role = "second_line"
	RoleChangeManager    Role = "change_manager"
	RoleConfigManager    Role = "config_manager"
	RoleAssetKeeper      Role = "asset_keeper"
	RoleSystemAdmin      Role = "system_admin"
	RoleSecurityAdmin    Role = "security_admin"
	RoleAuditAdmin       Role = "audit_admin"
	RoleUser             Role = "user"     // somebody who uses the services
	RoleMonitor          Role = "monitor"  // a system that reports alerts
	RoleImporter         Role = "importer" // a system that carries in the past of another system
	RoleSystem           Role = "system"   // the library's own scheduler and reactions
)

// An Actor issues commands. It is a value; hosts make one per request from their own session.
type Actor struct {
	ID         PersonID        // who acts; required
	Tenant     Tenant          // for which organisation; required
	Roles      []Role          // what duties the actor has now
	Clearance  Confidentiality // the highest level the actor may read; zero takes it from the roles
	OnBehalfOf PersonID        // whom the actor stands in for under a delegation; "" when nobody
	Employer   string          // "" is the hospital itself, else the supplier the actor works for
}

// Has reports whether the actor has one of the roles.
func (a Actor) Has(roles ...Role) bool {
	return slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(a.Roles, r) })
}

// Is reports whether p is the actor or the person the actor stands in for: duties that must be separate are separate
// through delegation too.
func (a Actor) Is(p PersonID) bool {
	return p != "" && (p == a.ID || p == a.OnBehalfOf)
}

func (a Actor) check() error {
	if a.ID == "" && a.Tenant == "" {
		return fmt.Errorf("%w: no actor in the context: use itsm.WithActor", ErrDenied)
	}
	if err := checkName("the actor's ID", string(a.ID)); err != nil {
		return err
	}
	if a.OnBehalfOf != "" {
		if err := checkName("whom the actor stands in for", string(a.OnBehalfOf)); err != nil {
			return err
		}
	}
	return checkName("the actor's tenant", string(a.Tenant))
}

type actorKey struct{}

// WithActor returns a context in which a acts.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorFrom returns the actor of the context, and whether there is one.
func ActorFrom(ctx context.Context) (Actor, bool) {
	a, ok := ctx.Value(actorKey{}).(Actor)
	return a, ok
}

// A Confidentiality is the level of protection of a record, or the clearance of an actor. A level is read only by actors
// whose clearance is at least as high.
type Confidentiality uint8

// The levels, in rising order. The zero value means that nobody has said: such a record is Internal, such an actor has
// the clearance of the roles.
const (
	Public Confidentiality = 1 + iota
	Internal
	Sensitive
	PatientRelated
)

var confidentialityNames = [...]string{"", "public", "internal", "sensitive", "patient_related"}

// String returns the name of the level, "" for the zero value.
func (c Confidentiality) String() string {
	if int(c) < len(confidentialityNames) {
		return confidentialityNames[c]
	}
	return fmt.Sprintf("confidentiality(%d)", uint8(c))
}

// ParseConfidentiality reads the name of a level.
func ParseConfidentiality(s string) (Confidentiality, error) {
	if i := slices.Index(confidentialityNames[:], s); i >= 0 {
		return Confidentiality(i), nil
	}
	return 0, fmt.Errorf("%w: confidentiality %.60q: want one of %q", ErrInvalid, s, confidentialityNames[1:])
}

// MarshalText writes the name of the level.
func (c Confidentiality) MarshalText() ([]byte, error) { return c.AppendText(nil) }

// AppendText is MarshalText behind other bytes.
func (c Confidentiality) AppendText(b []byte) ([]byte, error) { return append(b, c.String()...), nil }

// UnmarshalText reads the name of a level.
func (c *Confidentiality) UnmarshalText(text []byte) (err error) {
	*c, err = ParseConfidentiality(string(text))
	return err
}
