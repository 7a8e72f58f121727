package config

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/hospital-itsm/itsm"
)

// A Model is a checked class model. It is immutable and safe for concurrent use.
type Model struct {
	schema       Schema
	classes      map[string]*class
	relations    map[string]*RelationType
	patterns     map[string]*regexp.Regexp
	placeholders map[string]bool
}

// The size of the largest model.
const (
	MaxClasses    = 2000
	MaxAttributes = 1000 // of one class, inherited ones included
	maxModel      = 4 << 20
)

// A ModelError lists every fault of a model, each with its place.
type ModelError struct{ Faults []string }

// Error lists the faults.
func (e *ModelError) Error() string { return "class model: " + strings.Join(e.Faults, "; ") }

// Unwrap returns [itsm.ErrInvalid].
func (e *ModelError) Unwrap() error { return itsm.ErrInvalid }

//go:embed model.json
var shipped []byte

var defaultModel = sync.OnceValue(func() *Model {
	m, err := ParseModel(shipped)
	if err != nil {
		panic(err)
	}
	return m
})

// DefaultModel returns the model that is shipped: hardware, network devices, clients, software, services, service
// contracts, documents and the departments that use them.
func DefaultModel() *Model { return defaultModel() }

// ParseModel reads a model from JSON. Unknown keys are errors; the error is a [*ModelError] with every fault.
func ParseModel(data []byte) (*Model, error) {
	if len(data) > maxModel {
		return nil, &ModelError{[]string{fmt.Sprintf("it has %d bytes, at most %d are allowed", len(data), maxModel)}}
	}
	var s Schema
	if err := decodeStrict(data, &s); err != nil {
		return nil, &ModelError{[]string{err.Error()}}
	}
	return NewModel(s)
}

// decodeStrict reads one JSON value without unknown keys, and says where it is wrong.
func decodeStrict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		at := int(min(max(d.InputOffset(), 0), int64(len(data))))
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			at = int(min(syntax.Offset, int64(len(data))))
		}
		line := 1 + bytes.Count(data[:at], []byte("\n"))
		return fmt.Errorf("line %d: %w", line, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON value")
	}
	return nil
}

// NewModel checks a model. The error is a [*ModelError] with every fault.
func NewModel(s Schema) (*Model, error) {
	c := compiler{m: &Model{schema: s, classes: map[string]*class{}, relations: map[string]*RelationType{}, patterns: map[string]*regexp.Regexp{}, placeholders: map[string]bool{}}}
	c.run()
	if len(c.faults) > 0 {
		return nil, &ModelError{c.faults}
	}
	return c.m, nil
}

type compiler struct {
	m      *Model
	faults []string
}

func (c *compiler) fault(where, format string, args ...any) {
	c.faults = append(c.faults, where+": "+fmt.Sprintf(format, args...))
}

func (c *compiler) run() {
	s := &c.m.schema
	if strings.TrimSpace(s.Version) == "" {
		c.fault("version", "it is missing")
	}
	if len(s.Classes) > MaxClasses {
		c.fault("classes", "there are %d, at most %d are allowed", len(s.Classes), MaxClasses)
		return
	}
	for _, p := range s.Placeholders {
		c.m.placeholders[canonical(p)] = true
	}
	declared := map[string]*Class{}
	for i := range s.Classes {
		cl := &s.Classes[i]
		where := fmt.Sprintf("classes[%d] %s", i, cl.Name)
		c.name(where, cl.Name)
		if declared[cl.Name] != nil {
			c.fault(where, "the class is declared twice")
			continue
		}
		declared[cl.Name] = cl
		if cl.Control != "" && cl.Control != MustControl && cl.Control != MayControl {
			c.fault(where, "control is %q, want must or may", cl.Control)
		}
		if cl.Mixin && (cl.Parent != "" || len(cl.Mixins) > 0) {
			c.fault(where, "a mix-in has no parent and no mix-ins")
		}
		c.attributes(where, cl.Attributes)
		for _, state := range slices.Sorted(maps.Keys(cl.Statuses)) {
			c.statuses(where, state, cl.Statuses[state])
		}
	}
	for i := range s.Classes {
		if cl := &s.Classes[i]; declared[cl.Name] == cl {
			c.resolve(fmt.Sprintf("classes[%d] %s", i, cl.Name), cl, declared)
		}
	}
	for i := range s.Relations {
		c.relation(fmt.Sprintf("relations[%d] %s", i, s.Relations[i].Name), &s.Relations[i])
	}
}

func (c *compiler) name(where, name string) {
	if !lowerSnake(name) {
		c.fault(where, "the name %q is not lower_snake of at most 40 characters", name)
	}
}

// lowerSnake reports whether a name is made of small letters, digits and underscores, beginning with a letter.
func lowerSnake(s string) bool {
	if s == "" || len(s) > 40 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		if b := s[i]; (b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '_' {
			return false
		}
	}
	return true
}

func (c *compiler) statuses(where string, state State, list []string) {
	if !slices.ContainsFunc(itemStates, func(r stateRow) bool { return r.Name == state }) {
		c.fault(where, "statuses of the state %q, which the lifecycle does not have", state)
	}
	if len(list) == 0 {
		c.fault(where, "the state %s has no status: leave it out or list some", state)
	}
	for i, name := range list {
		c.name(where+" status of "+string(state), name)
		if slices.Contains(list[:i], name) {
			c.fault(where, "the status %s of %s is listed twice", name, state)
		}
	}
}

// attributes checks attributes on their own.
func (c *compiler) attributes(where string, list []Attribute) {
	for i := range list {
		a := &list[i]
		at := where + " attribute " + a.Name
		c.name(at, a.Name)
		if slices.ContainsFunc(list[:i], func(b Attribute) bool { return b.Name == a.Name }) {
			c.fault(at, "it is declared twice")
		}
		typ := a.valueType()
		if typ == itsm.NoValue {
			c.fault(at, "the type is %q, want text, number, bool or time", a.Type)
		}
		if (a.Pattern != "" || len(a.Choices) > 0 || a.Secret) && typ != itsm.TextValue {
			c.fault(at, "pattern, choices and secret are for text")
		}
		if (a.Min != nil || a.Max != nil || a.Unit != "") && typ != itsm.NumberValue {
			c.fault(at, "min, max and unit are for numbers")
		}
		if a.Min != nil && a.Max != nil && *a.Min > *a.Max {
			c.fault(at, "min %v is more than max %v", *a.Min, *a.Max)
		}
		if a.Stale < 0 {
			c.fault(at, "stale is negative")
		}
		if a.Pattern != "" {
			if len(a.Pattern) > 500 {
				c.fault(at, "the pattern has %d bytes, at most 500 are allowed", len(a.Pattern))
			} else if re, err := regexp.Compile(`\A(?:` + a.Pattern + `)\z`); err != nil {
				c.fault(at, "the pattern is no regular expression: %v", err)
			} else {
				c.m.patterns[a.Pattern] = re
			}
		}
	}
}

func (a *Attribute) valueType() itsm.ValueType {
	switch a.Type {
	case "text":
		return itsm.TextValue
	case "number":
		return itsm.NumberValue
	case "bool":
		return itsm.BoolValue
	case "time":
		return itsm.TimeValue
	}
	return itsm.NoValue
}

// resolve fills in what a class inherits.
func (c *compiler) resolve(where string, cl *Class, declared map[string]*Class) {
	r := &class{Class: *cl}
	var sources []*Class // itself, then what lends to it, the nearest first
	for at := cl; at != nil; {
		if slices.Contains(r.line, at.Name) {
			c.fault(where, "it descends from itself: %s", strings.Join(append(r.line, at.Name), " → "))
			return
		}
		r.line = append(r.line, at.Name)
		sources = append(sources, at)
		for _, name := range at.Mixins {
			switch mix := declared[name]; {
			case mix == nil:
				c.fault(where, "the mix-in %q is not declared", name)
			case !mix.Mixin:
				c.fault(where, "%s is no mix-in: mark it as one, or make it the parent", name)
			case !slices.Contains(sources, mix):
				sources = append(sources, mix)
			}
		}
		if at.Parent == "" {
			break
		}
		parent := declared[at.Parent]
		if parent == nil {
			c.fault(where, "the parent %q is not declared", at.Parent)
		} else if parent.Mixin {
			c.fault(where, "the parent %s is a mix-in", at.Parent)
		}
		at = parent
	}
	r.Statuses = maps.Clone(cl.Statuses)
	for _, src := range sources {
		r.kin = append(r.kin, src.Name)
		if r.Control == "" {
			r.Control = src.Control
		}
		if r.Owner == "" {
			r.Owner = src.Owner
		}
		c.inherit(where, r, src)
	}
	if r.Control == "" {
		r.Control = MustControl
	}
	slices.SortFunc(r.attributes, func(a, b Attribute) int { return compare(a.Name, b.Name) })
	if len(r.attributes) > MaxAttributes {
		c.fault(where, "it has %d attributes, at most %d are allowed", len(r.attributes), MaxAttributes)
	}
	c.m.classes[cl.Name] = r
	if cl.Mixin {
		return // its identifiers may speak of attributes of the classes that have it
	}
	for _, id := range r.identify {
		c.name(where+" identifier", id.Name)
		if len(id.Attributes) == 0 {
			c.fault(where, "the identifier %s names no attributes", id.Name)
		}
		for i, name := range id.Attributes {
			if c.m.attribute(cl.Name, name) == nil {
				c.fault(where, "the identifier %s names the attribute %q, which the class does not have", id.Name, name)
			}
			if slices.Contains(id.Attributes[:i], name) {
				c.fault(where, "the identifier %s names %s twice", id.Name, name)
			}
		}
	}
}

// inherit adds what a class lends. What is nearer wins; an attribute keeps its type down the line.
func (c *compiler) inherit(where string, r *class, src *Class) {
	for _, a := range src.Attributes {
		at := slices.IndexFunc(r.attributes, func(b Attribute) bool { return b.Name == a.Name })
		if at < 0 {
			r.attributes = append(r.attributes, a)
		} else if near := &r.attributes[at]; near.Type != a.Type {
			c.fault(where, "the attribute %s is a %s, but a %s in %s", a.Name, near.Type, a.Type, src.Name)
		}
	}
	for _, id := range src.Identify {
		if !slices.ContainsFunc(r.identify, func(b identifier) bool { return b.Name == id.Name }) {
			r.identify = append(r.identify, identifier{id, src.Name})
		}
	}
	for _, s := range slices.Sorted(maps.Keys(src.Statuses)) {
		if _, own := r.Statuses[s]; !own {
			if r.Statuses == nil {
				r.Statuses = map[State][]string{}
			}
			r.Statuses[s] = src.Statuses[s]
		}
	}
}

func (c *compiler) relation(where string, r *RelationType) {
	c.name(where, r.Name)
	if c.m.relations[r.Name] != nil {
		c.fault(where, "the type is declared twice")
	}
	c.m.relations[r.Name] = r
	if len(r.Ends) == 0 {
		c.fault(where, "it names no classes that it leads from and to (ends)")
	}
	for i, e := range r.Ends {
		for _, name := range []string{e.From, e.To} {
			if c.m.classes[name] == nil {
				c.fault(fmt.Sprintf("%s ends[%d]", where, i), "the class %q is not declared", name)
			}
		}
	}
	for _, end := range []struct {
		name string
		b    Bound
	}{{"out", r.Out}, {"in", r.In}} {
		if end.b.Min < 0 || end.b.Max < 0 || end.b.Max > 0 && end.b.Min > end.b.Max {
			c.fault(where, "%s has the bounds %d to %d", end.name, end.b.Min, end.b.Max)
		}
		if end.b.Max > maxBound {
			c.fault(where, "%s has the greatest number %d, at most %d can be counted: leave it out for any number", end.name, end.b.Max, maxBound)
		}
	}
	if r.In.Min > 0 && r.In.Max == 0 {
		c.fault(where, "in has a least number without a greatest one, which would have the item know of everything that leads to it")
	}
	if r.Impact != NoImpact && r.Impact != Forward && r.Impact != Backward {
		c.fault(where, "impact is %q, want forward, backward or none", r.Impact)
	}
	c.attributes(where, r.Attributes)
}

// maxBound is the greatest number of relations that an end counts.
const maxBound = 1000

// canonical is how a value of an identifier is compared: case, blanks around it and separators in addresses do not matter.
func canonical(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// key returns what identifies an item of a class by an identifier, and whether all its parts are there. A part that is
// absent, blank or a placeholder is not there; zero and false are values like any other.
func (m *Model) key(id *identifier, value func(name string) itsm.Value) (string, bool) {
	var b strings.Builder
	b.WriteString(id.home + "." + id.Name)
	for _, name := range id.Attributes {
		v := value(name)
		text := canonical(v.String())
		if v.IsZero() || text == "" || v.Type() == itsm.TextValue && m.placeholders[text] {
			return "", false
		}
		b.WriteString("|" + strconv.Itoa(len(text)) + ":" + text)
	}
	return b.String(), true
}

// check reports what is wrong with a value of an attribute.
func (m *Model) check(a *Attribute, v itsm.Value) (itsm.Reason, bool) {
	bad := func(r *itsm.Rule, args ...any) (itsm.Reason, bool) {
		return r.With(append([]any{"field", a.Name}, args...)...), false
	}
	switch {
	case v.Type() != a.valueType():
		return bad(ruleType, "want", a.Type, "got", v.Type())
	case v.Type() == itsm.NumberValue:
		n := v.Number()
		if math.IsInf(n, 0) || a.Min != nil && n < *a.Min || a.Max != nil && n > *a.Max {
			return bad(ruleRange, "value", v, "min", boundText(a.Min), "max", boundText(a.Max))
		}
	case v.Type() != itsm.TextValue:
	case strings.TrimSpace(v.Text()) == "":
		return bad(ruleBlank)
	case len(v.Text()) > maxText:
		return bad(ruleLong, "length", len(v.Text()), "most", maxText)
	case a.Secret && !strings.HasPrefix(v.Text(), "vault:"):
		return bad(ruleSecret)
	case len(a.Choices) > 0 && !slices.Contains(a.Choices, v.Text()):
		return bad(ruleValueChoice, "got", v, "want", strings.Join(a.Choices, ", "))
	case a.Pattern != "" && !m.patterns[a.Pattern].MatchString(v.Text()):
		return bad(rulePattern, "got", v, "want", a.Pattern)
	}
	return itsm.Reason{}, true
}

// maxText bounds a text attribute, in bytes.
const maxText = 4096

func boundText(b *float64) string {
	if b == nil {
		return "any"
	}
	return itsm.NumberOf(*b).String()
}

func compare(a, b string) int { return strings.Compare(a, b) }
