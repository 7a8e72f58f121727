package itsm_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

// parcel is a small process to test the kernel with: a parcel is registered, moved and delivered.
type parcel struct {
	itsm.Meta `json:"meta"`
	State     string   `json:"state"`
	Sender    string   `json:"sender,omitempty"`
	Label     string   `json:"label,omitempty" itsm:"text"`
	Places    []string `json:"places,omitempty"`
}

type (
	register struct {
		Sender string `json:"sender"`
		Label  string `json:"label"`
	}
	move struct {
		To string `json:"to"`
	}
	deliver struct{}

	registered struct {
		Sender string `json:"sender,omitempty" itsm:"personal"`
		Label  string `json:"label,omitempty" itsm:"personal,text"`
	}
	moved struct {
		To string `json:"to"`
	}
	delivered struct{}
)

func (register) CommandName() string { return "parcel.register" }
func (register) Creates()            {}
func (move) CommandName() string     { return "parcel.move" }
func (deliver) CommandName() string  { return "parcel.deliver" }

func (registered) EventType() string { return "parcel.registered" }
func (moved) EventType() string      { return "parcel.moved" }
func (delivered) EventType() string  { return "parcel.delivered" }

var (
	ruleNoLabel = itsm.Invalid("parcel.no_label", "the label is missing", "缺少标签")
	ruleNoPlace = itsm.Invalid("parcel.no_place", "the place is missing", "缺少地点")
	ruleGone    = itsm.NotNow("parcel.gone", "the parcel for {label} was delivered", "{label} 的包裹已经送达")
)

type parcels struct{ gathered func() error }

func (parcels) Describe() itsm.Description {
	return itsm.Description{
		Kind: "parcel", Prefix: "PCL", Phases: []string{"open", "closed"},
		Commands: []itsm.Command{register{}, move{}, deliver{}}, Events: []itsm.Payload{registered{}, moved{}, delivered{}},
		Rules: []*itsm.Rule{ruleNoLabel, ruleNoPlace, ruleGone}, Index: []itsm.IndexField{{Name: "place", Type: itsm.TextValue, Many: true}},
		Grants: []itsm.Grant{
			{Role: "clerk", Commands: []string{"parcel.*", "itsm.read", "itsm.note", "itsm.attach", "itsm.set_fields", "itsm.classify", "itsm.journal", "itsm.timeline", "itsm.disclose"}, Clearance: itsm.Sensitive, Infrastructure: true},
			{Role: "chief", Commands: []string{"*"}, Clearance: itsm.PatientRelated, Infrastructure: true},
			{Role: "guard", Commands: []string{"itsm.emergency_access", "itsm.review_access"}},
			{Role: "viewer", Commands: []string{"itsm.read", "itsm.timeline", "itsm.journal", "parcel.move"}, Clearance: itsm.Internal},
		},
	}
}
func (parcels) Meta(r *parcel) *itsm.Meta { return &r.Meta }
func (parcels) Possible(r parcel) []string {
	if r.State == "closed" {
		return nil
	}
	return []string{"deliver", "move"}
}
func (parcels) Outline(r parcel) itsm.Outline {
	o := itsm.Outline{State: r.State, Phase: r.State, Final: r.State == "closed"}
	for _, p := range r.Places {
		o.Index = append(o.Index, itsm.IndexEntry{Field: "place", Many: true, Value: itsm.TextOf(p)})
	}
	return o
}
func (p parcels) Gather(context.Context, parcel, itsm.Command, itsm.Env) (struct{}, error) {
	if p.gathered != nil {
		return struct{}{}, p.gathered()
	}
	return struct{}{}, nil
}
func (parcels) Decide(r parcel, c itsm.Command, _ struct{}, _ itsm.Env) ([]itsm.Payload, error) {
	var rs itsm.Reasons
	rs.Add(r.State == "closed", ruleGone.With("label", r.Label))
	switch c := c.(type) {
	case register:
		rs.Add(c.Label == "", ruleNoLabel.With())
		return []itsm.Payload{registered(c)}, rs.Err()
	case move:
		rs.Add(c.To == "", ruleNoPlace.With())
		return []itsm.Payload{moved(c)}, rs.Err()
	}
	return []itsm.Payload{delivered{}}, rs.Err()
}
func (parcels) Evolve(r *parcel, ev *itsm.Event) error {
	switch e := ev.Payload.(type) {
	case registered:
		r.State, r.Sender, r.Label = "open", e.Sender, e.Label
	case moved:
		r.Places = append(slices.Clip(r.Places), e.To)
	case delivered:
		r.State = "closed"
	}
	return nil
}
func (parcels) Tell(ev itsm.Event) (itsm.TimelineEntry, bool) {
	if e, ok := ev.Payload.(moved); ok {
		return itsm.TimelineEntry{Told: toldMoved.With("to", e.To, "at", ev.At)}, true
	}
	return itsm.TimelineEntry{}, false
}

var toldMoved = itsm.Telling("parcel.told_moved", "on its way to {to} since {at}", "自 {at} 起运往 {to}")

type parcelService = itsm.Service[parcel, struct{}, itsm.Command]

// clock is a clock that tests set.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

type fixture struct {
	*parcelService
	db    store.DB
	clock *clock
}

func setup(t testing.TB, cfg itsm.Config) fixture {
	t.Helper()
	return setupOver(t, memory.New(), cfg)
}

func setupOver(t testing.TB, db store.DB, cfg itsm.Config) fixture {
	t.Helper()
	c := &clock{time.Date(2026, 2, 14, 1, 2, 3, 4000, time.UTC)}
	if cfg.Clock == nil {
		cfg.Clock = c.Now
	}
	s, err := itsm.NewService(parcels{}, store.NewRepository[parcel](db), cfg)
	require.NoError(t, err)
	return fixture{s, db, c}
}

// as returns a context in which somebody of tenant h1 acts.
func as(id string, roles ...itsm.Role) context.Context {
	return itsm.WithActor(context.Background(), itsm.Actor{ID: itsm.PersonID(id), Tenant: "h1", Roles: roles})
}

func (f fixture) registered(t testing.TB) parcel {
	t.Helper()
	r, err := f.Do(as("ann", "chief"), "", register{Sender: "Bo", Label: "toner"})
	require.NoError(t, err)
	return r
}

func (f fixture) events(t testing.TB, id itsm.ID) (all []itsm.Event) {
	t.Helper()
	for ev, err := range f.Events(as("ann", "chief"), id) {
		require.NoError(t, err)
		all = append(all, ev)
	}
	return all
}
