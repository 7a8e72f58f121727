package change

import (
	"context"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
)

// Config is what the change process can be told. The zero value is ready for use, but nobody is on the board: without
// [Config.Board] nothing but standard changes can be approved.
type Config struct {
	itsm.Config

	// Policy is what the hospital asks for. Defaults to [DefaultPolicy].
	Policy *Policy
	// Approvals says how each type is approved at each risk. Defaults to [approval.DefaultPolicy].
	Approvals *approval.Policy
	// Risk computes the level of risk. Defaults to [DefaultRisk].
	Risk *RiskModel
	// Hours says when changes may be made. Defaults to no restriction; see [DefaultHours].
	Hours *Hours
	// Tables are variants of the lifecycles. Defaults to [NormalTable], [StandardTable], [EmergencyTable].
	Tables map[Type]Table
	// Templates keeps the templates of standard changes, in the same store as the changes. Defaults to none: there are no standard changes then.
	Templates itsm.Repository[Template]
	// Slots keeps apart what books the same thing at the same instant, in the same store as the changes. Defaults to [NewSlotRepository] over the
	// store of the changes when their repository tells it, as that of [NewRepository] does; otherwise to none.
	Slots itsm.Repository[Slot]

	// Board names who votes. Defaults to nobody.
	Board Board
	// Delegations tells who votes for whom. Defaults to none.
	Delegations DelegationSource
	// Services knows the grades of services. Defaults to none.
	Services Services
	// Impact knows what depends on items. Defaults to nothing.
	Impact Impact
	// Items knows the states of items. Defaults to nothing: states are compared by people then.
	Items Items
	// Skills knows who is qualified. Defaults to everybody.
	Skills Skills
	// Incidents knows the incidents on items. Defaults to none.
	Incidents Incidents
}

// A Board names the people who hold the roles that a rule of approval speaks of, now.
type Board interface {
	Members(ctx context.Context, tenant itsm.Tenant, roles []itsm.Role, at time.Time) ([]approval.Member, error)
}

// A DelegationSource knows the delegations of votes.
type DelegationSource interface {
	Delegations(ctx context.Context, tenant itsm.Tenant, at time.Time) (approval.Delegations, error)
}

// Services knows the grade of a service, "" when it has none.
type Services interface {
	Grade(ctx context.Context, tenant itsm.Tenant, service string) (string, error)
}

// Impact knows the graph of configuration items: what is hit when items fail, and the groups of redundant items that they belong to.
type Impact interface {
	Reach(ctx context.Context, tenant itsm.Tenant, items []itsm.Ref) (affected []itsm.Ref, groups []Group, err error)
}

// Items knows the records of configuration items. Over a repository in the same store it must read through the context that it
// gets, so that what it says still holds when the command is committed.
type Items interface {
	// States returns the present state of items; one that does not exist is left out.
	States(ctx context.Context, tenant itsm.Tenant, items []itsm.Ref) ([]ItemState, error)
	// Pending returns those of the items whose records do not show yet what a change has done.
	Pending(ctx context.Context, tenant itsm.Tenant, change itsm.Ref, items []itsm.Ref) ([]itsm.Ref, error)
}

// Skills knows who is qualified to change what.
type Skills interface {
	Qualified(ctx context.Context, tenant itsm.Tenant, person itsm.PersonID, category Category, at time.Time) (bool, error)
}

// Incidents knows the incidents that were recorded on items between two instants.
type Incidents interface {
	Between(ctx context.Context, tenant itsm.Tenant, items []itsm.Ref, from, until time.Time) ([]itsm.Ref, error)
}
