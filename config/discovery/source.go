package discovery

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/lifecycle"
	"github.com/hospital-itsm/itsm/store"
)

// Kind is the kind of sources.
const Kind itsm.Kind = "ci_source"

// A Source is a system that sees items. It remembers how much it reported last, so that a report of far less is noticed.
type Source struct {
	itsm.Meta `json:"meta"`

	System   string         `json:"system"` // its name, a code
	State    State          `json:"state"`
	Guard    Guard          `json:"guard"`
	Counts   map[string]int `json:"counts,omitempty"` // of the last report that was let through, by class
	Reported time.Time      `json:"reported,omitzero"`
	Held     *Report        `json:"held,omitempty"`
}

// A State is where a source stands.
type State string

// The states.
const (
	StateActive  State = "active"
	StateHeld    State = "held" // a report of far less waits for two persons
	StateRetired State = "retired"
)

// A Guard says how much less a report may tell than the one before, for each class on its own. Both limits must be passed.
type Guard struct {
	Count   int `json:"count"`   // so many fewer
	Percent int `json:"percent"` // and so much of what there was
}

// DefaultGuard holds back a report that misses five things or more, and a fifth or more of what there was.
func DefaultGuard() Guard { return Guard{Count: 5, Percent: 20} }

// A Report is how much a source told, by class.
type Report struct {
	Counts   map[string]int  `json:"counts"`
	At       time.Time       `json:"at"`
	Vanished []Vanished      `json:"vanished"`
	Released []itsm.PersonID `json:"released,omitempty"` // who has said that it is right
}

// Vanished is a class of which far less was told.
type Vanished struct {
	Class  string `json:"class"`
	Before int    `json:"before"`
	Now    int    `json:"now"`
}

// Vanished returns the classes of which far less is told now, sorted.
func (g Guard) Vanished(before, now map[string]int) (out []Vanished) {
	for _, class := range slices.Sorted(maps.Keys(before)) {
		if gone := before[class] - now[class]; gone > 0 && gone >= g.Count && gone*100 >= g.Percent*before[class] {
			out = append(out, Vanished{class, before[class], now[class]})
		}
	}
	return out
}

// A Machine is the lifecycle of sources.
type Machine = lifecycle.Machine[State, string]

var machine = lifecycle.Must(lifecycle.Spec[State, string]{
	Name: "ci_source", Start: []State{StateActive},
	States: []lifecycle.StateRow[State]{
		{Name: StateActive, Phase: lifecycle.PhaseActive, En: "active", Zh: "启用"},
		{Name: StateHeld, Phase: lifecycle.PhaseWaiting, En: "held", Zh: "待确认"},
		{Name: StateRetired, Phase: lifecycle.PhaseClosed, End: true, En: "retired", Zh: "停用"},
	},
	Transitions: []lifecycle.Transition[State, string]{
		{Event: "hold", From: []State{StateActive}, To: StateHeld, En: "hold", Zh: "暂停"},
		{Event: "release", From: []State{StateHeld}, To: StateActive, En: "release", Zh: "放行"},
		{Event: "discard", From: []State{StateHeld}, To: StateActive, En: "discard", Zh: "作废"},
		{Event: "retire", From: []State{StateActive, StateHeld}, To: StateRetired, En: "retire", Zh: "停用"},
	},
})

// A Command is a command of the process; it stands here with its rule.
type Command interface {
	itsm.Command
	decide(d *decision)
}

type (
	// Declare makes a source known.
	Declare struct {
		System string `json:"system"`
		Guard  *Guard `json:"guard,omitempty"` // defaults to [DefaultGuard]
	}
	// Tell says how much the source sees. Far less than before holds the source.
	Tell struct {
		Counts map[string]int `json:"counts"`
	}
	// Release says that a held report is right. The second person who says so lets it through.
	Release struct{}
	// Discard says that a held report is wrong.
	Discard struct{}
	// Retire says that the source is no more.
	Retire struct{}
)

func (Declare) CommandName() string { return "ci_source.declare" }
func (Tell) CommandName() string    { return "ci_source.tell" }
func (Release) CommandName() string { return "ci_source.release" }
func (Discard) CommandName() string { return "ci_source.discard" }
func (Retire) CommandName() string  { return "ci_source.retire" }

// Creates marks the command that makes a source.
func (Declare) Creates() {}

type (
	// Declared: the source is known.
	Declared struct {
		System string `json:"system"`
		Guard  Guard  `json:"guard"`
	}
	// Told: a report was let through.
	Told struct {
		State  State          `json:"state"`
		Counts map[string]int `json:"counts"`
		At     time.Time      `json:"at"`
	}
	// HeldBack: a report tells far less than before.
	HeldBack struct {
		State  State  `json:"state"`
		Report Report `json:"report"`
	}
	// Vouched: a person says that the held report is right.
	Vouched struct {
		By itsm.PersonID `json:"by"`
	}
	// Discarded: the held report is wrong.
	Discarded struct {
		State State `json:"state"`
	}
	// Retired: the source is no more.
	Retired struct {
		State State `json:"state"`
	}
)

func (Declared) EventType() string  { return "ci_source.declared" }
func (Told) EventType() string      { return "ci_source.told" }
func (HeldBack) EventType() string  { return "ci_source.held_back" }
func (Vouched) EventType() string   { return "ci_source.vouched" }
func (Discarded) EventType() string { return "ci_source.discarded" }
func (Retired) EventType() string   { return "ci_source.retired" }

var (
	// ErrHeld: the source is held.
	ErrHeld = itsm.NotNow("discovery.held", "the source {system} reports far less than before ({vanished}): two persons must release it", "来源 {system} 上报数量骤减（{vanished}）：须两人确认后放行")

	ruleGuard   = itsm.Invalid("discovery.guard", "the guard has count {count} and percent {percent}, want 1 or more and 1 to 100", "保护阈值 count 为 {count}、percent 为 {percent}，应为不小于 1 及 1 到 100")
	ruleVouched = itsm.Denied("discovery.vouched", "{person} has released it already; another person must too", "{person} 已确认；须由另一人再次确认")
)

func vanishedText(list []Vanished) string {
	var parts []string
	for _, v := range list {
		parts = append(parts, fmt.Sprintf("%s: %d → %d", v.Class, v.Before, v.Now))
	}
	return strings.Join(parts, ", ")
}

// A Process is the process of sources. It is safe for concurrent use.
type Process struct{}

// Machine returns the lifecycle.
func (Process) Machine() *Machine { return machine }

// Describe implements [itsm.Process].
func (Process) Describe() itsm.Description {
	var phases []string
	for _, ph := range lifecycle.Phases() {
		phases = append(phases, string(ph))
	}
	return itsm.Description{
		Kind: Kind, Prefix: "SRC", Commands: []itsm.Command{Declare{}, Tell{}, Release{}, Discard{}, Retire{}}, Grants: Grants(), Phases: phases,
		Events: []itsm.Payload{Declared{}, Told{}, HeldBack{}, Vouched{}, Discarded{}, Retired{}}, Rules: []*itsm.Rule{ErrHeld, ruleGuard, ruleVouched},
		Index: []itsm.IndexField{{Name: "system", Type: itsm.TextValue}},
	}
}

// Grants returns the permissions that the process ships.
func Grants() []itsm.Grant {
	read := []string{"itsm.read", "itsm.timeline", "itsm.journal"}
	return []itsm.Grant{
		{Role: itsm.RoleConfigManager, Commands: append(slices.Clone(read), "ci_source.*", "itsm.note"), Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: itsm.RoleSystemAdmin, Commands: append(slices.Clone(read), "ci_source.tell", "ci_source.release", "ci_source.discard"), Clearance: itsm.Sensitive, Infrastructure: true},
		{Role: itsm.RoleMonitor, Commands: []string{"itsm.read", "ci_source.tell"}, Clearance: itsm.Internal, Infrastructure: true},
		{Role: itsm.RoleImporter, Commands: []string{"*"}, Clearance: itsm.PatientRelated, Infrastructure: true},
	}
}

// Meta implements [itsm.Process].
func (Process) Meta(rec *Source) *itsm.Meta { return &rec.Meta }

// Possible implements [itsm.Process].
func (Process) Possible(rec Source) []string { return machine.Allowed(rec.State) }

// Outline implements [itsm.Process].
func (Process) Outline(rec Source) itsm.Outline {
	index := itsm.NewEntries()
	index.Text("system", rec.System)
	return itsm.Outline{State: string(rec.State), Phase: string(machine.Phase(rec.State)), Final: machine.IsEnd(rec.State), Index: index}
}

// Facts are none: a source knows enough of itself.
type Facts struct{}

// Gather implements [itsm.Process].
func (Process) Gather(context.Context, Source, Command, itsm.Env) (Facts, error) {
	return Facts{}, nil
}

type decision struct{ *itsm.Draft[Source] }

// Decide implements [itsm.Process].
func (p Process) Decide(rec Source, cmd Command, _ Facts, env itsm.Env) ([]itsm.Payload, error) {
	d := &decision{itsm.NewDraft(Kind, cmd, rec, env, p)}
	cmd.decide(d)
	return d.Result()
}

func (d *decision) step(event string) State {
	return lifecycle.Advance(d.Draft, machine, d.Rec.State, event)
}

func (c Declare) decide(d *decision) {
	d.Need("system", c.System)
	d.Code("system", c.System)
	guard := DefaultGuard()
	if c.Guard != nil {
		guard = *c.Guard
	}
	d.RefuseWhen(guard.Count < 1 || guard.Percent < 1 || guard.Percent > 100, ruleGuard, "count", guard.Count, "percent", guard.Percent)
	if d.Failed() {
		return
	}
	d.Emit(Declared{c.System, guard})
}

func (c Tell) decide(d *decision) {
	lifecycle.In(d.Draft, d.Rec.State, StateActive)
	for _, class := range slices.Sorted(maps.Keys(c.Counts)) {
		d.Code("counts", class)
		d.NotNegative("counts", int64(c.Counts[class]))
	}
	if d.Failed() {
		return
	}
	if gone := d.Rec.Guard.Vanished(d.Rec.Counts, c.Counts); len(gone) > 0 {
		d.Emit(HeldBack{d.step("hold"), Report{Counts: c.Counts, At: d.Env.At, Vanished: gone}})
		return
	}
	d.Emit(Told{d.Rec.State, c.Counts, d.Env.At})
}

func (c Release) decide(d *decision) {
	to := d.step("release")
	if d.Failed() {
		return
	}
	held := d.Rec.Held
	for _, p := range held.Released {
		if d.Env.Actor.Is(p) {
			d.Refuse(ruleVouched.With("person", p))
			return
		}
	}
	person := d.Env.Actor.ID
	if d.Env.Actor.OnBehalfOf != "" {
		person = d.Env.Actor.OnBehalfOf // who stands in for somebody does not make two
	}
	if d.Emit(Vouched{person}); len(held.Released) > 0 {
		d.Emit(Told{to, held.Counts, held.At})
	}
}

func (c Discard) decide(d *decision) {
	d.NeedReason()
	if to := d.step("discard"); !d.Failed() {
		d.Emit(Discarded{to})
	}
}

func (c Retire) decide(d *decision) {
	if to := d.step("retire"); !d.Failed() {
		d.Emit(Retired{to})
	}
}

// Evolve implements [itsm.Process].
func (Process) Evolve(rec *Source, ev *itsm.Event) error {
	switch e := ev.Payload.(type) {
	case Declared:
		rec.System, rec.Guard, rec.State = e.System, e.Guard, StateActive
	case Told:
		rec.State, rec.Counts, rec.Reported, rec.Held = e.State, e.Counts, e.At, nil
	case HeldBack:
		rec.State, rec.Held = e.State, &e.Report
	case Vouched:
		held := *rec.Held
		held.Released = itsm.Plus(held.Released, e.By)
		rec.Held = &held
	case Discarded:
		rec.State, rec.Held = e.State, nil
	case Retired:
		rec.State, rec.Held = e.State, nil
	default:
		return fmt.Errorf("%w: %T is no event of a source", itsm.ErrInvalid, ev.Payload)
	}
	return nil
}

// NewRepository returns the repository of sources in a store.
func NewRepository(db store.DB) *store.Repository[Source] { return store.NewRepository[Source](db) }
