package release

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
)

// A Plan says what is released, why, when, where, by which steps, and how to get back. It is plain data; package dsl
// reads and writes it as text. Keys are names within the plan; references point to keys.
type Plan struct {
	Title     string      `json:"title" itsm:"text"`
	Type      Type        `json:"type"`
	Zone      string      `json:"zone,omitempty"` // in which people speak of its times; "" is UTC
	Objective string      `json:"objective,omitempty" itsm:"text"`
	Inside    []string    `json:"in_scope,omitempty" itsm:"text"`
	Outside   []string    `json:"out_of_scope,omitempty" itsm:"text"`
	Services  []string    `json:"services,omitempty"`
	CIs       []string    `json:"cis,omitempty"` // configuration items that it touches
	Members   []Member    `json:"changes,omitempty"`
	Closes    []string    `json:"closes,omitempty"` // problems and known errors, as kind/id
	Criteria  []Criterion `json:"criteria,omitempty"`
	Phases    []Phase     `json:"phases,omitempty"`
	Consult   []Party     `json:"consult,omitempty"` // who is asked beside those whom the services affect
	Signers   []Signer    `json:"signers,omitempty"`
	Test      string      `json:"test,omitempty"`       // name of the test environment
	Live      string      `json:"production,omitempty"` // name of the production environment
	Manifest  Manifest    `json:"manifest,omitempty"`
	Units     []Unit      `json:"units,omitempty"`
	Waves     []Wave      `json:"waves,omitempty"`
	Gates     []Gate      `json:"gates,omitempty"`
	Readiness []Ready     `json:"readiness,omitempty"`
	// Observe is how long early-life support lasts after the deployment, until the Exit criteria are met.
	Observe itsm.Duration `json:"observe,omitempty"`
	Exit    []string      `json:"exit,omitempty" itsm:"text"`
}

// A Type of release decides how long its path is.
type Type string

// The types.
const (
	TypeMajor     Type = "major"
	TypeMinor     Type = "minor"
	TypeEmergency Type = "emergency" // a shorter path; test, manifest and signatures stay
)

// Types returns all types.
func Types() []Type { return []Type{TypeMajor, TypeMinor, TypeEmergency} }

// A Member is a change that the release carries into production. What is empty is taken from the change itself.
type Member struct {
	ID     itsm.ID `json:"id"`
	Reason string  `json:"reason,omitempty" itsm:"text"`
	Impact string  `json:"impact,omitempty" itsm:"text"`
	Scope  string  `json:"scope,omitempty" itsm:"text"`
}

// A Criterion is a condition of acceptance.
type Criterion struct {
	Key  string `json:"key"`
	Text string `json:"text" itsm:"text"`
}

// A Stage names a phase.
type Stage string

// The stages, in their order.
const (
	StagePlan    Stage = "plan"
	StageBuild   Stage = "build"
	StageTest    Stage = "test"
	StageGoLive  Stage = "go_live"
	StageObserve Stage = "observe"
)

// Stages returns all stages in their order.
func Stages() []Stage {
	return []Stage{StagePlan, StageBuild, StageTest, StageGoLive, StageObserve}
}

// A Window is a stretch of time [From, To).
type Window struct {
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

// Length returns how long the window is.
func (w Window) Length() time.Duration { return w.To.Sub(w.From) }

// Contains reports whether the instant lies in the window.
func (w Window) Contains(t time.Time) bool { return !t.Before(w.From) && t.Before(w.To) }

// Overlaps reports whether two windows share an instant.
func (w Window) Overlaps(v Window) bool { return w.From.Before(v.To) && v.From.Before(w.To) }

// A Phase is a stage with its dates.
type Phase struct {
	Stage Stage `json:"stage"`
	Window
}

// A PartyKind tells business from support.
type PartyKind string

// The kinds of parties.
const (
	Department PartyKind = "department"
	Group      PartyKind = "group"
)

// A Party is a business department or a support group.
type Party struct {
	Kind PartyKind `json:"kind"`
	Key  string    `json:"key"`
}

// A Signer is a party whose signature is required, with the people who may give it.
type Signer struct {
	Party  string          `json:"party"`
	People []itsm.PersonID `json:"people"`
}

// A Unit is a component that is deployed as a whole: files, the version it brings an item to, and its way back.
type Unit struct {
	Key     string        `json:"key"`
	Version string        `json:"version"`
	Files   []string      `json:"files,omitempty"`   // keys of the manifest
	Changes []itsm.ID     `json:"changes,omitempty"` // that it carries
	After   []string      `json:"after,omitempty"`   // units that must be there first
	Takes   itsm.Duration `json:"takes"`             // to install on one target
	// Rollback says how to get back, and Back how long that takes; for a point of no return, what cannot be undone.
	Rollback string        `json:"rollback,omitempty" itsm:"text"`
	Back     itsm.Duration `json:"back,omitempty"`
	NoReturn bool          `json:"no_return,omitempty"`
}

// Reversible reports whether the unit can be undone.
func (u *Unit) Reversible() bool { return !u.NoReturn }

// A Wave is a group of targets that are deployed in one window.
type Wave struct {
	Key     string   `json:"key"`
	After   []string `json:"after,omitempty"` // waves that must have passed
	Window  Window   `json:"window"`
	Targets []Target `json:"targets"`
	Need    int      `json:"need,omitempty"`       // targets that must succeed; 0 for all that are not optional
	Stop    int      `json:"stop_after,omitempty"` // failures that stop the rest; 0 is 1
	Skip    bool     `json:"skippable,omitempty"`  // the waves behind it do not need it
}

// A Target is a configuration item with the units that it gets.
type Target struct {
	CI       string   `json:"ci"`
	Units    []string `json:"units"`
	Optional bool     `json:"optional,omitempty"`
}

// A GatePoint is where a gate stands.
type GatePoint string

// The points. A gate before a wave has the wave's key in [Gate.Wave].
const (
	BeforeDeployment GatePoint = "deployment"
	BeforeWave       GatePoint = "wave"
	BeforeAcceptance GatePoint = "acceptance"
)

// A Gate is a question with three answers. It is passed only by evidence about what is being released now.
type Gate struct {
	Key    string    `json:"key"`
	Before GatePoint `json:"before"`
	Wave   string    `json:"wave,omitempty"`
	Ask    string    `json:"ask,omitempty" itsm:"text"`
	Limits []Limit   `json:"limits,omitempty"` // on measures; without any a person judges
	// OnFailed and OnUnknown say what follows. Defaults to halt and to wait.
	OnFailed  Reaction `json:"on_failed,omitempty"`
	OnUnknown Reaction `json:"on_unknown,omitempty"`
}

// A Limit bounds a measure.
type Limit struct {
	Measure string     `json:"measure"`
	Bound   LimitBound `json:"bound"`
	Value   float64    `json:"value"`
}

// A LimitBound is a side of a limit.
type LimitBound string

// The sides of a limit.
const (
	AtMost  LimitBound = "at_most"
	AtLeast LimitBound = "at_least"
)

// A Reaction is what follows from a gate that is not passed.
type Reaction string

// The reactions.
const (
	ReactWait     Reaction = "wait"
	ReactHalt     Reaction = "halt"
	ReactRollBack Reaction = "roll_back"
)

// A ReadyKind tells technical from other preparations.
type ReadyKind string

// The kinds of preparations.
const (
	Technical    ReadyKind = "technical"
	NonTechnical ReadyKind = "non_technical" // training, notices, manuals, rosters, licences, drills
)

// A Ready is an item of the readiness list.
type Ready struct {
	Key      string        `json:"key"`
	Kind     ReadyKind     `json:"kind"`
	Text     string        `json:"text" itsm:"text"`
	Owner    itsm.PersonID `json:"owner"`
	Optional bool          `json:"optional,omitempty"`
}

// Unit returns the unit with the key, nil when there is none. The unit must not be written to.
func (p *Plan) Unit(key string) *Unit {
	return find(p.Units, func(u *Unit) bool { return u.Key == key })
}

// Wave returns the wave with the key, nil when there is none. The wave must not be written to.
func (p *Plan) Wave(key string) *Wave {
	return find(p.Waves, func(w *Wave) bool { return w.Key == key })
}

// Gate returns the gate with the key, nil when there is none. The gate must not be written to.
func (p *Plan) Gate(key string) *Gate {
	return find(p.Gates, func(g *Gate) bool { return g.Key == key })
}

// Phase returns the dates of a stage, and whether the plan has them.
func (p *Plan) Phase(s Stage) (Window, bool) {
	if ph := find(p.Phases, func(ph *Phase) bool { return ph.Stage == s }); ph != nil {
		return ph.Window, true
	}
	return Window{}, false
}

// target returns the wave and the target of an item, nil when the plan does not deploy to it.
func (p *Plan) target(ci string) (*Wave, *Target) {
	for i := range p.Waves {
		if t := find(p.Waves[i].Targets, func(t *Target) bool { return t.CI == ci }); t != nil {
			return &p.Waves[i], t
		}
	}
	return nil, nil
}

// targets lists the items that the plan deploys to, in the order of the waves.
func (p *Plan) targets() (cis []string) {
	for i := range p.Waves {
		for _, t := range p.Waves[i].Targets {
			cis = append(cis, t.CI)
		}
	}
	return cis
}

func find[T any](s []T, ok func(*T) bool) *T {
	for i := range s {
		if ok(&s[i]) {
			return &s[i]
		}
	}
	return nil
}

// Digest returns the digest of the whole plan: two plans have the same one only when they say the same.
func (p *Plan) Digest() itsm.Digest {
	data, err := json.Marshal(p)
	if err != nil {
		panic("release: a plan is plain data: " + err.Error()) // only for NaN in a limit, which Check refuses
	}
	return sha256.Sum256(data)
}

// normal returns a copy with instants as they are stored and with nothing shared.
func (p Plan) normal() Plan {
	window := func(w *Window) { w.From, w.To = itsm.Instant(w.From), itsm.Instant(w.To) }
	p.Inside, p.Outside, p.Services, p.CIs = slices.Clone(p.Inside), slices.Clone(p.Outside), slices.Clone(p.Services), slices.Clone(p.CIs)
	p.Members, p.Closes, p.Criteria, p.Phases = slices.Clone(p.Members), slices.Clone(p.Closes), slices.Clone(p.Criteria), slices.Clone(p.Phases)
	for i := range p.Phases {
		window(&p.Phases[i].Window)
	}
	p.Consult, p.Signers, p.Manifest, p.Units = slices.Clone(p.Consult), slices.Clone(p.Signers), slices.Clone(p.Manifest), slices.Clone(p.Units)
	for i := range p.Signers {
		p.Signers[i].People = slices.Clone(p.Signers[i].People)
	}
	for i := range p.Units {
		u := &p.Units[i]
		u.Files, u.Changes, u.After = slices.Clone(u.Files), slices.Clone(u.Changes), slices.Clone(u.After)
	}
	p.Waves, p.Gates, p.Readiness, p.Exit = slices.Clone(p.Waves), slices.Clone(p.Gates), slices.Clone(p.Readiness), slices.Clone(p.Exit)
	for i := range p.Waves {
		w := &p.Waves[i]
		w.After, w.Targets = slices.Clone(w.After), slices.Clone(w.Targets)
		window(&w.Window)
		for k := range w.Targets {
			w.Targets[k].Units = slices.Clone(w.Targets[k].Units)
		}
	}
	for i := range p.Gates {
		p.Gates[i].Limits = slices.Clone(p.Gates[i].Limits)
	}
	return p
}

// A File is an entry of a manifest: content by digest and size.
type File struct {
	Key     string      `json:"key"`
	Path    string      `json:"path"` // its name in the definitive library
	Version string      `json:"version"`
	Digest  itsm.Digest `json:"digest"` // SHA-256 of the content
	Size    int64       `json:"size"`   // bytes
}

// A Manifest lists what a release consists of.
type Manifest []File

// File returns the file with the key, nil when there is none.
func (m Manifest) File(key string) *File { return find(m, func(f *File) bool { return f.Key == key }) }

// Digest returns the digest of the manifest, whatever the order of its files. Test reports and gates are bound to it.
func (m Manifest) Digest() itsm.Digest {
	files := slices.SortedFunc(slices.Values(m), func(a, b File) int { return cmp.Compare(a.Key, b.Key) })
	b := []byte("release-manifest-1\n")
	for _, f := range files {
		for _, s := range [...]string{f.Key, f.Path, f.Version} {
			b = binary.AppendUvarint(b, uint64(len(s)))
			b = append(b, s...)
		}
		b = append(b, f.Digest[:]...)
		b = binary.BigEndian.AppendUint64(b, uint64(f.Size))
	}
	return sha256.Sum256(b)
}
