package sla

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/calendar"
	"github.com/hospital-itsm/itsm/rule"
)

// What can be wrong about a catalog, to be matched with [errors.Is].
var (
	// ErrData: the data of a catalog are faulty.
	ErrData = fmt.Errorf("%w: faulty definitions", itsm.ErrInvalid)
	// ErrUnknownVersion: a sheet pins a version of a definition or calendar that the catalog does not have.
	ErrUnknownVersion = errors.New("unknown version")
	// ErrUnpublished: a strict definition has a due time in a year without a published holiday notice.
	ErrUnpublished = calendar.ErrUnpublished
	// ErrEvents: an event or clock that is named does not exist, or cannot be used like this.
	ErrEvents = errors.New("no such clock event")
	// ErrReplay: the results stored in a sheet are not those that follow from its events.
	ErrReplay = errors.New("stored results differ from the replay")
)

// Data is a catalog as data.
type Data struct {
	Definitions []Definition `json:"definitions"`
	// Precedence lists the levels of how specific a target is, the most specific first, each as the facts named in
	// [Definition.For]. Sets that are not listed come after those that are, those with more facts first.
	Precedence [][]string `json:"precedence,omitempty"`
	Tie        Tie        `json:"tie,omitempty"` // Defaults to MostSpecific
	// PauseFact is the text fact that says why a record waits. It is recorded with each pause.
	PauseFact string `json:"pause_fact,omitempty"`
}

// CustomerPrecedence is the usual order of levels: a customer's target for a service and priority, a customer's for a service, that
// of a service and priority, the default of a service.
func CustomerPrecedence() [][]string {
	return [][]string{{"customer", "service", "priority"}, {"customer", "service"}, {"service", "priority"}, {"service"}}
}

// A DataError lists every fault of the data of a catalog. It matches [ErrData].
type DataError struct {
	Faults []Fault
}

// A Fault is one thing wrong, at a place such as `definitions[2] p1-response: pause`.
type Fault struct {
	Place   string
	Problem string
}

// Error lists the faults, at most a hundred.
func (e *DataError) Error() string {
	const most = 100
	var all []string
	for _, f := range e.Faults[:min(len(e.Faults), most)] {
		all = append(all, f.Place+": "+f.Problem)
	}
	if rest := len(e.Faults) - most; rest > 0 {
		all = append(all, fmt.Sprintf("and %d more", rest))
	}
	return "sla: " + strings.Join(all, "; ")
}

// Unwrap returns [ErrData].
func (e *DataError) Unwrap() error { return ErrData }

// A Catalog holds checked definitions and calendars, in all versions that clocks may be pinned to. It is immutable and safe for concurrent use.
type Catalog struct {
	schema   *rule.Schema
	data     Data
	metrics  []Metric
	byMetric map[Metric][]*target // by order in the data; versions of a key are neighbours
	byPin    map[pinKey]*target
	current  map[string]*calendar.Calendar // by key
	editions map[string]*calendar.Calendar // by version
	atoms    []*rule.Predicate             // interned, so that one observation evaluates each once
	facts    map[string]*rule.Predicate    // that read a single fact, by name
	overlaps []Overlap
}

type pinKey struct{ key, version string }

// target is a compiled definition.
type target struct {
	Definition
	order int
	level int // of precedence; the smaller is more specific
	// Atoms as indices; -1 where there is no condition.
	applies                                   []int
	start, pause, resume, stop, reset, cancel int
	calendar                                  *calendar.Calendar // current
	hours                                     *calendar.Calendar // current; nil: any time
}

// NewCatalog checks definitions against the facts that their conditions may read, and against the current calendars by key. Every definition's
// version stays usable for the clocks pinned to it. Earlier versions of calendars to which clocks are still pinned come as archive.
// The error is a [*DataError] that lists all faults.
func NewCatalog(schema *rule.Schema, data Data, calendars map[string]*calendar.Calendar, archive ...*calendar.Calendar) (*Catalog, error) {
	b := builder{
		Catalog: &Catalog{
			schema: schema, data: data, byMetric: map[Metric][]*target{}, byPin: map[pinKey]*target{},
			current: maps.Clone(calendars), editions: map[string]*calendar.Calendar{}, facts: map[string]*rule.Predicate{},
		},
		bySource: map[string]int{},
	}
	if b.current == nil {
		b.current = map[string]*calendar.Calendar{}
	}
	if b.current[""] == nil {
		b.current[""] = calendar.Always()
	}
	for _, c := range archive {
		b.editions[c.Version()] = c
	}
	for _, key := range slices.Sorted(maps.Keys(b.current)) {
		if c := b.current[key]; c == nil {
			b.fault("calendars "+key, "there is no calendar")
		} else {
			b.editions[c.Version()] = c
		}
	}
	b.compile()
	if len(b.faults) > 0 {
		return nil, &DataError{b.faults}
	}
	b.data.Definitions = nil
	for _, m := range b.metrics {
		for _, t := range b.byMetric[m] {
			b.data.Definitions = append(b.data.Definitions, t.Definition)
		}
	}
	slices.SortStableFunc(b.data.Definitions, func(x, y Definition) int {
		return b.byPin[pinKey{x.Key, x.Version}].order - b.byPin[pinKey{y.Key, y.Version}].order
	})
	b.findOverlaps()
	return b.Catalog, nil
}

// ParseCatalog is [NewCatalog] with the data as JSON. Unknown keys are faults.
func ParseCatalog(schema *rule.Schema, data []byte, calendars map[string]*calendar.Calendar, archive ...*calendar.Calendar) (*Catalog, error) {
	var d Data
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return nil, &DataError{[]Fault{{"catalog", err.Error()}}}
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, &DataError{[]Fault{{"catalog", "there is something after the end of the object"}}}
	}
	return NewCatalog(schema, d, calendars, archive...)
}

// Data returns the data of the catalog with all defaults of versions filled in.
func (c *Catalog) Data() Data {
	d := c.data
	d.Definitions = slices.Clone(d.Definitions)
	for i := range d.Definitions {
		def := &d.Definitions[i]
		def.For = maps.Clone(def.For)
		for fact, values := range def.For {
			def.For[fact] = slices.Clone(values)
		}
		def.PauseReasons = slices.Clone(def.PauseReasons)
		def.Ladder = slices.Clone(def.Ladder)
	}
	d.Precedence = slices.Clone(d.Precedence)
	for i := range d.Precedence {
		d.Precedence[i] = slices.Clone(d.Precedence[i])
	}
	return d
}

// Definition returns a version of a definition.
func (c *Catalog) Definition(key, version string) (Definition, bool) {
	t := c.byPin[pinKey{key, version}]
	if t == nil {
		return Definition{}, false
	}
	return t.Definition, true
}

// builder collects the faults of a catalog while it is built.
type builder struct {
	*Catalog
	bySource map[string]int
	faults   []Fault
}

func (b *builder) fault(place, format string, args ...any) {
	b.faults = append(b.faults, Fault{place, fmt.Sprintf(format, args...)})
}

func (b *builder) compile() {
	if b.data.Tie == "" {
		b.data.Tie = MostSpecific
	}
	if !slices.Contains([]Tie{MostSpecific, Strictest, First}, b.data.Tie) {
		b.fault("tie", "%q is not a tie rule, want %s, %s or %s", b.data.Tie, MostSpecific, Strictest, First)
	}
	if b.data.PauseFact != "" {
		b.readFact("pause_fact", b.data.PauseFact, "text")
	}
	known := map[string]bool{}
	for _, f := range b.schema.Facts() {
		known[f.Name] = true
	}
	for i, level := range b.data.Precedence {
		for _, fact := range level {
			if !known[fact] {
				b.fault(fmt.Sprintf("precedence[%d]", i), "there is no fact %s", fact)
			}
		}
	}
	for i := range b.data.Definitions {
		b.definition(i)
	}
	b.checkVersions()
}

// definition compiles one definition and files it.
func (b *builder) definition(i int) {
	t := &target{Definition: b.data.Definitions[i], order: i}
	d := &t.Definition
	place := strings.TrimSpace(fmt.Sprintf("definitions[%d] %s", i, d.Key))
	if d.Key == "" || strings.ContainsAny(d.Key, "@ ") {
		b.fault(place, "key %q: want a name without @ and blanks", d.Key)
	}
	if d.Metric == "" {
		b.fault(place, "metric is missing, want for example %s or %s", Response, Resolution)
	}
	if d.Goal.IsZero() {
		b.fault(place, "goal is missing")
	}
	if t.calendar = b.current[d.Calendar]; t.calendar == nil {
		b.fault(place+": calendar", "there is no calendar %q, known are %q", d.Calendar, slices.Sorted(maps.Keys(b.current)))
	}
	if d.Hours != "" {
		if t.hours = b.current[d.Hours]; t.hours == nil {
			b.fault(place+": hours", "there is no calendar %q", d.Hours)
		}
	}
	if !d.From.IsZero() && !d.To.IsZero() && d.To.Before(d.From) {
		b.fault(place, "in effect from %s to %s: the end lies before the start", d.From, d.To)
	}
	defaultTo(&d.Retarget, KeepElapsed)
	defaultTo(&d.Reopen, ResumeCycle)
	defaultTo(&d.Late, FireLate)
	choice(b, place+": retarget", d.Retarget, KeepElapsed, Restart, Replay, Fraction, Stricter)
	choice(b, place+": reopen", d.Reopen, ResumeCycle, NewCycle)
	choice(b, place+": late", d.Late, FireLate, Suppress, Collapse)
	b.conditions(place, t)
	b.ladder(place, d)
	if d.RetroactiveStart != "" {
		b.readFact(place+": retroactive_start", d.RetroactiveStart, "time")
	}
	if d.Goal.kind == beforeDue {
		b.readFact(place+": goal", d.Goal.fact, "time")
	}
	if !d.Goal.pausable() && (d.Pause != "" || len(d.PauseReasons) > 0) {
		b.fault(place+": pause", "goal %q is a fixed due time and cannot be paused", d.Goal)
	}
	if d.Version == "" {
		d.Version = b.hash(place, *d)
	}
	if strings.ContainsAny(d.Version, "@ ") {
		b.fault(place, "version %q: want a name without @ and blanks", d.Version)
	}
	k := pinKey{d.Key, d.Version}
	if b.byPin[k] != nil {
		b.fault(place, "version %s is there twice", d.Version)
		return
	}
	b.byPin[k] = t
	if b.byMetric[d.Metric] == nil {
		b.metrics = append(b.metrics, d.Metric)
	}
	b.byMetric[d.Metric] = append(b.byMetric[d.Metric], t)
}

// hash is the version of a definition that does not name one.
func (b *builder) hash(place string, d Definition) string {
	text, err := json.Marshal(d)
	if err != nil {
		b.fault(place, "%v", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6])
}

func defaultTo[T ~string](v *T, value T) {
	if *v == "" {
		*v = value
	}
}

func choice[T ~string](b *builder, place string, v T, allowed ...T) {
	if !slices.Contains(allowed, v) {
		b.fault(place, "%q is none of %q", v, allowed)
	}
}

func (b *builder) conditions(place string, t *target) {
	d := &t.Definition
	facts := slices.Sorted(maps.Keys(d.For))
	for _, fact := range facts {
		if len(d.For[fact]) == 0 {
			b.fault(place+": for "+fact, "no values are given")
			continue
		}
		t.applies = append(t.applies, b.atom(place+": for "+fact, oneOf(fact, d.For[fact])))
	}
	if d.When != "" {
		t.applies = append(t.applies, b.atom(place+": when", d.When))
	}
	t.level = b.level(facts)
	t.start = b.atom(place+": start", d.Start)
	t.resume = b.atom(place+": resume", d.Resume)
	t.stop = b.atom(place+": stop", d.Stop)
	t.reset = b.atom(place+": reset", d.Reset)
	t.cancel = b.atom(place+": cancel", d.Cancel)
	pause := d.Pause
	if len(d.PauseReasons) > 0 {
		if b.data.PauseFact == "" {
			b.fault(place+": pause_reasons", "pause_fact must say which fact holds the reason")
		} else {
			pause = oneOf(b.data.PauseFact, d.PauseReasons)
			if d.Pause != "" {
				pause = "(" + d.Pause + ") and (" + pause + ")"
			}
		}
	}
	t.pause = b.atom(place+": pause", pause)
}

// oneOf is the source of a condition that a text fact has one of the values.
func oneOf(fact string, values []string) string {
	terms := make([]string, len(values))
	for i, v := range values {
		text, _ := json.Marshal(v)
		terms[i] = fact + " == " + string(text)
	}
	return strings.Join(terms, " or ")
}

// level places a set of facts in the order of precedence.
func (b *builder) level(facts []string) int {
	for i, listed := range b.data.Precedence {
		sorted := slices.Sorted(slices.Values(listed))
		if slices.Equal(sorted, facts) {
			return i
		}
	}
	const most = 1000
	return len(b.data.Precedence) + most - min(len(facts), most)
}

// atom compiles a condition, once for each source; -1 for none.
func (b *builder) atom(place, source string) int {
	if source == "" {
		return -1
	}
	p, err := b.schema.Compile(source)
	if err != nil {
		b.fault(place, "%s", strings.TrimPrefix(err.Error(), "rule: "))
		return -1
	}
	i, ok := b.bySource[p.String()]
	if !ok {
		i = len(b.atoms)
		b.atoms = append(b.atoms, p)
		b.bySource[p.String()] = i
	}
	return i
}

// readFact prepares reading a single fact of a type.
func (b *builder) readFact(place, name, want string) {
	var names []string
	for _, f := range b.schema.Facts() {
		if f.Name == name && f.Type == want {
			p, err := b.schema.Compile(name + " == " + name)
			if err != nil {
				b.fault(place, "%v", err)
			}
			b.facts[name] = p
			return
		}
		if f.Type == want {
			names = append(names, f.Name)
		}
	}
	b.fault(place, "%s is not a fact of type %s, those are %q", name, want, names)
}

func (b *builder) ladder(place string, d *Definition) {
	const maxTimes = 1000
	seen := map[string]bool{}
	for i := range d.Ladder {
		r := &d.Ladder[i]
		at := fmt.Sprintf("%s: ladder[%d] %s", place, i, r.Name)
		if r.Name == "" || seen[r.Name] {
			b.fault(at, "a rung has a name of its own")
		}
		seen[r.Name] = true
		if r.At == (Point{}) {
			b.fault(at, "at is missing, want for example 75%%, -1h or +30m wall")
		}
		if r.Every.IsZero() != (r.Times == 0) || r.Times < 0 || r.Times > maxTimes {
			b.fault(at, "every and times go together, times from 1 to %d", maxTimes)
		}
	}
}

// checkVersions finds versions of a definition that are in effect on the same day.
func (b *builder) checkVersions() {
	for _, m := range b.metrics {
		targets := b.byMetric[m]
		for i, x := range targets {
			for _, y := range targets[i+1:] {
				if x.Key == y.Key && x.together(y) {
					b.fault("definitions "+x.Key, "versions %s and %s are in effect at the same time", x.Version, y.Version)
				}
			}
		}
	}
	owner := map[string]Metric{}
	for _, m := range b.metrics {
		for _, t := range b.byMetric[m] {
			if other, ok := owner[t.Key]; ok && other != m {
				b.fault("definitions "+t.Key, "its versions are of different metrics, %s and %s", other, m)
			}
			owner[t.Key] = m
		}
	}
}

// together reports whether there is a day on which both are in effect.
func (t *target) together(u *target) bool {
	return (t.To.IsZero() || u.From.IsZero() || !t.To.Before(u.From)) && (u.To.IsZero() || t.From.IsZero() || !u.To.Before(t.From))
}

// inEffect reports whether a record that began at an instant can have the target.
func (t *target) inEffect(began time.Time) bool {
	if t.From.IsZero() && t.To.IsZero() {
		return true
	}
	day := calendar.DateOf(began, t.calendar.Zone())
	return !day.Before(t.From) && (t.To.IsZero() || !day.After(t.To))
}

// edition returns a pinned calendar.
func (c *Catalog) edition(p *Pin) (*calendar.Calendar, error) {
	if cal := c.editions[p.Edition]; cal != nil {
		return cal, nil
	}
	return nil, fmt.Errorf("sla: calendar %s: %w", p.calendar(), ErrUnknownVersion)
}

// pinned returns a pinned definition.
func (c *Catalog) pinned(p *Pin) (*target, error) {
	if t := c.byPin[pinKey{p.Key, p.Version}]; t != nil {
		return t, nil
	}
	return nil, fmt.Errorf("sla: definition %s: %w", p.definition(), ErrUnknownVersion)
}

// pin is what a clock is pinned to when the target is chosen now.
func (t *target) pin(cycle int) *Pin {
	p := &Pin{Metric: t.Metric, Cycle: cycle, Key: t.Key, Version: t.Version, Goal: t.Goal, Calendar: t.Calendar, Edition: t.calendar.Version()}
	if t.hours != nil {
		p.Hours = t.hours.Version()
	}
	return p
}
