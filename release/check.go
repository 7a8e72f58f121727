package release

import (
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a plan names its zone
	"unicode/utf8"

	"github.com/hospital-itsm/itsm"
)

// The bounds of a plan.
const (
	MaxFiles   = 2000
	MaxUnits   = 500
	MaxWaves   = 100
	MaxTargets = 1000
	MaxList    = 1000 // of any other list
	MaxLinks   = 5000 // between parts, of one kind
	MaxText    = 4000 // bytes of one text
	MaxName    = 200  // bytes of one name

	MaxSpan = 366 * 24 * time.Hour // of one duration
)

// A Fault is one thing that is wrong with a plan.
type Fault struct {
	Path string `json:"path"` // where, such as units[1].after[0]
	What string `json:"what"` // what is wrong, and what would be right
}

func (f Fault) String() string { return f.Path + ": " + f.What }

// Faults is everything that is wrong with a plan, in the order of the plan.
type Faults []Fault

// Error lists the faults, each on its line.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// Unwrap makes faults match [itsm.ErrInvalid].
func (Faults) Unwrap() error { return itsm.ErrInvalid }

// Check returns everything in the plan that contradicts itself: unknown and duplicate names, circles, windows that do not fit,
// steps without a way back. Whether the plan is complete is another question, see [Plan.Missing].
func (p *Plan) Check() Faults {
	c := checker{p: p}
	c.bounds()
	if len(c.faults) > 0 {
		return c.faults // what follows takes time that grows with the plan
	}
	c.waves, c.units, c.unit = p.waveGraph(), p.unitGraph(), make(map[string]*Unit, len(p.Units))
	for i := range p.Units {
		c.unit[p.Units[i].Key] = &p.Units[i]
	}
	c.header()
	c.people()
	c.files()
	c.deployUnits()
	c.deployWaves()
	c.gates()
	return c.faults
}

type checker struct {
	p      *Plan
	waves  graph
	units  graph
	unit   map[string]*Unit
	faults Faults
}

func (c *checker) add(path, format string, args ...any) {
	c.faults = append(c.faults, Fault{path, fmt.Sprintf(format, args...)})
}

func at(list string, i int, rest string) string { return fmt.Sprintf("%s[%d]%s", list, i, rest) }

// bounds keeps the cost of all other checks small.
func (c *checker) bounds() {
	p := c.p
	count := func(path string, n, most int) {
		if n > most {
			c.add(path, "the list has %d entries, at most %d are allowed", n, most)
		}
	}
	count("files", len(p.Manifest), MaxFiles)
	count("units", len(p.Units), MaxUnits)
	count("waves", len(p.Waves), MaxWaves)
	count("targets", len(p.targets()), MaxTargets)
	lists := []struct {
		path string
		n    int
	}{
		{"in_scope", len(p.Inside)}, {"out_of_scope", len(p.Outside)}, {"services", len(p.Services)}, {"cis", len(p.CIs)}, {"changes", len(p.Members)},
		{"closes", len(p.Closes)}, {"criteria", len(p.Criteria)}, {"phases", len(p.Phases)}, {"consult", len(p.Consult)}, {"signers", len(p.Signers)},
		{"gates", len(p.Gates)}, {"readiness", len(p.Readiness)}, {"exit", len(p.Exit)},
	}
	for _, l := range lists {
		count(l.path, l.n, MaxList)
	}
	files, changes, after, steps := 0, 0, 0, 0
	for _, u := range p.Units {
		files, changes, after = files+len(u.Files), changes+len(u.Changes), after+len(u.After)
	}
	for _, w := range p.Waves {
		after += len(w.After)
		for _, t := range w.Targets {
			steps += len(t.Units)
		}
	}
	count("the files of all units", files, MaxLinks)
	count("the changes of all units", changes, MaxLinks)
	count("after, of all units and waves,", after, MaxLinks)
	count("the units of all targets", steps, MaxLinks)
	for i, s := range p.Signers {
		count(at("signers", i, ".people"), len(s.People), MaxList)
	}
	for i, g := range p.Gates {
		count(at("gates", i, ".limits"), len(g.Limits), MaxList)
	}
}

func (c *checker) text(path, s string) {
	if len(s) > MaxText {
		c.add(path, "the text has %d bytes, at most %d are allowed", len(s), MaxText)
	}
	if !utf8.ValidString(s) {
		c.add(path, "the text is no UTF-8")
	}
}

// elapsed asks for whole seconds, which every form of the plan can spell.
func (c *checker) elapsed(path string, d itsm.Duration) {
	if d.Std()%time.Second != 0 || d.Std() > MaxSpan || d < 0 {
		c.add(path, "the time %s is not in whole seconds from 0 to %s", d, itsm.Duration(MaxSpan))
	}
}

// dates asks for instants that a plan can mean.
func (c *checker) dates(path string, w Window) {
	for _, t := range [...]time.Time{w.From, w.To} {
		if year := t.UTC().Year(); !t.IsZero() && (year < 2000 || year >= 2200) {
			c.add(path, "the year %d is not between 2000 and 2199", year)
		}
	}
}

func (c *checker) name(path, s string) {
	switch {
	case s == "":
		c.add(path, "the name is empty")
	case len(s) > MaxName:
		c.add(path, "the name has %d bytes, at most %d are allowed", len(s), MaxName)
	case strings.TrimSpace(s) != s || strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f || r == utf8.RuneError }):
		c.add(path, "%q is no name: no blanks at the ends, no control characters", s)
	}
}

// key asks for a name that the text form can spell: letters, digits, _ and -, beginning with a letter.
func (c *checker) key(path, s string) {
	if c.name(path, s); s != "" && !IsKey(s) {
		c.add(path, "%q is no key: want a letter, then letters, digits, _ and -", s)
	}
}

// IsKey reports whether s can name a part of a plan: a letter (Latin, _ or Chinese), then letters, digits, _ and -.
func IsKey(s string) bool {
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_' || r >= 0x4E00 && r <= 0x9FFF
		if !letter && (i == 0 || !(r >= '0' && r <= '9' || r == '-')) {
			return false
		}
	}
	return s != "" && len(s) <= MaxName
}

// unique reports the second use of a name in a list.
func unique[T comparable](c *checker, list string, n int, rest string, name func(int) T) {
	first := make(map[T]int, n)
	for i := range n {
		if k, twice := first[name(i)]; twice {
			c.add(at(list, i, rest), "%v stands there twice, first as %s", name(i), at(list, k, ""))
			continue
		}
		first[name(i)] = i
	}
}

func (c *checker) names(list string, values []string) {
	for i, v := range values {
		c.name(at(list, i, ""), v)
	}
	unique(c, list, len(values), "", func(i int) string { return values[i] })
}

func (c *checker) texts(list string, values []string) {
	for i, v := range values {
		c.text(at(list, i, ""), v)
	}
}

func (c *checker) header() {
	p := c.p
	c.text("title", p.Title)
	if strings.TrimSpace(p.Title) == "" {
		c.add("title", "the title is empty")
	}
	if !slices.Contains(Types(), p.Type) {
		c.add("type", "%q is no type, want one of %s", p.Type, list(Types()))
	}
	if _, err := p.Location(); err != nil {
		c.add("zone", "%v", err)
	}
	c.text("objective", p.Objective)
	c.texts("in_scope", p.Inside)
	c.texts("out_of_scope", p.Outside)
	c.texts("exit", p.Exit)
	c.names("services", p.Services)
	c.names("cis", p.CIs)
	for i, m := range p.Members {
		c.name(at("changes", i, ".id"), string(m.ID))
		c.text(at("changes", i, ".reason"), m.Reason)
		c.text(at("changes", i, ".impact"), m.Impact)
		c.text(at("changes", i, ".scope"), m.Scope)
	}
	unique(c, "changes", len(p.Members), ".id", func(i int) itsm.ID { return p.Members[i].ID })
	for i, s := range p.Closes {
		if _, err := itsm.ParseRef(s); err != nil {
			c.add(at("closes", i, ""), "%q is no reference, want kind/id such as problem/PRB-1", s)
		}
	}
	unique(c, "closes", len(p.Closes), "", func(i int) string { return p.Closes[i] })
	for i, k := range p.Criteria {
		c.key(at("criteria", i, ".key"), k.Key)
		c.text(at("criteria", i, ".text"), k.Text)
	}
	unique(c, "criteria", len(p.Criteria), ".key", func(i int) string { return p.Criteria[i].Key })
	c.elapsed("observe", p.Observe)
	if p.Test != "" && p.Test == p.Live {
		c.add("test", "%s is the production environment too", p.Test)
	}
	c.phases()
}

// Location returns the zone of the plan.
func (p *Plan) Location() (*time.Location, error) {
	if p.Zone == "Local" {
		return nil, fmt.Errorf("%w: %q is the zone of a machine, want an IANA name such as Asia/Shanghai", itsm.ErrInvalid, p.Zone)
	}
	loc, err := time.LoadLocation(p.Zone)
	if err != nil {
		return nil, fmt.Errorf("%w: %q is not known, want an IANA name such as Asia/Shanghai", itsm.ErrInvalid, p.Zone)
	}
	return loc, nil
}

func (c *checker) phases() {
	p := c.p
	unique(c, "phases", len(p.Phases), "", func(i int) Stage { return p.Phases[i].Stage })
	for i, ph := range p.Phases {
		c.dates(at("phases", i, ""), ph.Window)
		switch {
		case !slices.Contains(Stages(), ph.Stage):
			c.add(at("phases", i, ""), "%q is no phase, want one of %s", ph.Stage, list(Stages()))
		case ph.From.IsZero() || ph.To.IsZero():
			c.add(at("phases", i, ""), "%s has no dates", ph.Stage)
		case ph.To.Before(ph.From):
			c.add(at("phases", i, ""), "%s ends at %s, before it begins at %s", ph.Stage, p.clock(ph.To), p.clock(ph.From))
		}
	}
	// Each stage begins no earlier than the one before it, and what goes live has been tested.
	last := -1
	for _, stage := range Stages() {
		i := slices.IndexFunc(p.Phases, func(ph Phase) bool { return ph.Stage == stage })
		if i < 0 {
			continue
		}
		if last >= 0 && p.Phases[i].From.Before(p.Phases[last].From) {
			c.add(at("phases", i, ""), "%s begins before %s", stage, p.Phases[last].Stage)
		}
		last = i
	}
	test, tested := p.Phase(StageTest)
	if live, ok := p.Phase(StageGoLive); ok && tested && live.From.Before(test.To) {
		i := slices.IndexFunc(p.Phases, func(ph Phase) bool { return ph.Stage == StageGoLive })
		c.add(at("phases", i, ""), "go_live begins at %s, before test ends at %s", p.clock(live.From), p.clock(test.To))
	}
}

// clock shows an instant in the zone of the plan.
func (p *Plan) clock(t time.Time) string {
	loc, err := p.Location()
	if err != nil {
		loc = time.UTC
	}
	return t.In(loc).Format("2006-01-02T15:04")
}

func (c *checker) people() {
	p := c.p
	for i, party := range p.Consult {
		c.name(at("consult", i, ""), party.Key)
		if party.Kind != Department && party.Kind != Group {
			c.add(at("consult", i, ""), "%q is no kind of party, want department or group", party.Kind)
		}
	}
	unique(c, "consult", len(p.Consult), "", func(i int) Party { return p.Consult[i] })
	for i, s := range p.Signers {
		c.key(at("signers", i, ".party"), s.Party)
		if len(s.People) == 0 {
			c.add(at("signers", i, ""), "nobody may sign for %s", s.Party)
		}
		for k, person := range s.People {
			c.name(fmt.Sprintf("signers[%d].people[%d]", i, k), string(person))
		}
		unique(c, at("signers", i, ".people"), len(s.People), "", func(k int) itsm.PersonID { return s.People[k] })
	}
	unique(c, "signers", len(p.Signers), ".party", func(i int) string { return p.Signers[i].Party })
	if party := p.unseated(); party >= 0 {
		c.add(at("signers", party, ""), "the parties cannot all be signed for by different people: %s has nobody left", p.Signers[party].Party)
	}
	for i, r := range p.Readiness {
		c.key(at("readiness", i, ".key"), r.Key)
		c.text(at("readiness", i, ".text"), r.Text)
		if r.Kind != Technical && r.Kind != NonTechnical {
			c.add(at("readiness", i, ".kind"), "%q is no kind, want technical or non_technical", r.Kind)
		}
		c.name(at("readiness", i, ".owner"), string(r.Owner))
	}
	unique(c, "readiness", len(p.Readiness), ".key", func(i int) string { return p.Readiness[i].Key })
}

// unseated returns the first party that is left without a person of its own when each person signs for one party, -1 when
// all can be served.
func (p *Plan) unseated() int {
	seat := make(map[itsm.PersonID]int)
	var place func(party int, tried map[itsm.PersonID]bool) bool
	place = func(party int, tried map[itsm.PersonID]bool) bool {
		for _, person := range p.Signers[party].People {
			if tried[person] {
				continue
			}
			tried[person] = true
			if other, taken := seat[person]; !taken || place(other, tried) {
				seat[person] = party
				return true
			}
		}
		return false
	}
	for i, s := range p.Signers {
		if len(s.People) > 0 && !place(i, make(map[itsm.PersonID]bool)) {
			return i
		}
	}
	return -1
}

// Reactions returns all reactions.
func Reactions() []Reaction { return []Reaction{ReactWait, ReactHalt, ReactRollBack} }

// Missing lists what a plan still lacks before people can be asked to sign it, in a fixed order. An emergency may do
// without scope, dates, consultations, readiness list and environments.
func (p *Plan) Missing() []string {
	var missing []string
	need := func(field string, there bool) {
		if !there {
			missing = append(missing, field)
		}
	}
	full := p.Type != TypeEmergency
	need("objective", strings.TrimSpace(p.Objective) != "")
	if full {
		need("in_scope", len(p.Inside) > 0)
		need("out_of_scope", len(p.Outside) > 0)
	}
	need("cis", len(p.CIs) > 0)
	need("changes", len(p.Members) > 0)
	need("criteria", len(p.Criteria) > 0)
	if full {
		for _, s := range []Stage{StagePlan, StageBuild, StageTest, StageGoLive} {
			_, ok := p.Phase(s)
			need("phases."+string(s), ok)
		}
		need("test", p.Test != "")
		need("production", p.Live != "")
	}
	need("signers", len(p.Signers) > 0)
	need("files", len(p.Manifest) > 0)
	need("units", len(p.Units) > 0)
	need("waves", len(p.Waves) > 0)
	if full {
		need("readiness.technical", slices.ContainsFunc(p.Readiness, func(r Ready) bool { return r.Kind == Technical }))
		need("readiness.non_technical", slices.ContainsFunc(p.Readiness, func(r Ready) bool { return r.Kind == NonTechnical }))
	}
	return missing
}

func list[S ~string](values []S) string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = string(v)
	}
	return strings.Join(names, ", ")
}
