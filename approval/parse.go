package approval

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/hospital-itsm/itsm"
)

const maxRuleText = 64 << 10 // bytes

// ParseRule reads a rule from JSON. A rule is an object with one key:
//
//	{"all": {"of": ["cab"]}}                {"at_least": {"n": 2, "of": ["cab"]}}          {"percent": {"share": "50%"}}
//	{"percent_of_voting": {"share": ">1/2"}}   {"weighted": {"n": 5, "weights": {"chair": 3, "cab": 1}}}
//	{"veto": {"of": ["security_admin"]}}    {"quorum": {"n": 5}}   {"quorum": {"share": "2/3"}}
//	{"and": [rule, …]}                      {"or": [rule, …]}
//	{"stage": [{"name": "it", "rule": rule, "within": "8h", "ladder": […]}, …]}
//
// Without "of" the group is everybody. The error lists all faults with their places, also those that [Rule.Check] finds.
func ParseRule(data []byte) (Rule, error) {
	var fs faults
	r := parseRule("rule", data, &fs)
	return r, fs.err()
}

func parseRule(place string, data []byte, fs *faults) Rule {
	if len(data) > maxRuleText {
		fs.add(place, "%d bytes, at most %d are allowed", len(data), maxRuleText)
		return Rule{}
	}
	tree, err := decodeTree(data)
	if err != nil {
		fs.add(place, "%v", err)
		return Rule{}
	}
	p := parser{fs: fs}
	r := p.rule(place, tree, 1)
	if !p.bad {
		r.check(place, fs)
	}
	return r
}

// UnmarshalJSON reads what [ParseRule] reads, and null as no rule.
func (r *Rule) UnmarshalJSON(data []byte) (err error) {
	if string(data) == "null" {
		*r = Rule{}
		return nil
	}
	*r, err = ParseRule(data)
	return err
}

// MarshalJSON writes what [ParseRule] reads. Equal rules give equal text.
func (r Rule) MarshalJSON() ([]byte, error) {
	if r.n == nil {
		return []byte("null"), nil
	}
	n := r.n
	var body any
	switch n.op {
	case opAnd, opOr:
		rules := make([]Rule, len(n.steps))
		for i, s := range n.steps {
			rules[i] = s.Rule
		}
		body = rules
	case opStage:
		body = n.steps
	default:
		leaf := leafJSON{N: n.n, Share: n.share, Of: n.of}
		if n.op == opWeighted {
			leaf.Of, leaf.Weights = nil, make(map[itsm.Role]int, len(n.weights))
			for _, w := range n.weights {
				leaf.Weights[w.Role] = w.Points
			}
		}
		body = leaf
	}
	return json.Marshal(map[op]any{n.op: body})
}

type leafJSON struct {
	N       int               `json:"n,omitempty"`
	Share   Share             `json:"share,omitempty"`
	Of      []itsm.Role       `json:"of,omitempty"`
	Weights map[itsm.Role]int `json:"weights,omitempty"`
}

// parser builds rules from decoded JSON and notes every fault with its place.
type parser struct {
	fs  *faults
	bad bool
}

func (p *parser) fault(place, format string, args ...any) {
	p.fs.add(place, format, args...)
	p.bad = true
}

func (p *parser) rule(place string, tree any, depth int) Rule {
	if depth > maxDepth {
		p.fault(place, "nested deeper than %d", maxDepth)
		return Rule{}
	}
	object, ok := tree.(map[string]any)
	if !ok || len(object) != 1 {
		p.fault(place, "want an object with one key of %q, got %s", ops, show(tree))
		return Rule{}
	}
	key := slices.Sorted(maps.Keys(object))[0]
	o, at := op(key), place+"."+key
	if !slices.Contains(ops, o) {
		p.fault(place, "unknown rule %q, want one of %q", key, ops)
		return Rule{}
	}
	if o.leaf() {
		return p.leaf(at, o, object[key])
	}
	list, ok := object[key].([]any)
	if !ok {
		p.fault(at, "want a list, got %s", show(object[key]))
		return Rule{}
	}
	n := &node{op: o, steps: make([]Step, len(list))}
	for i, part := range list {
		at := fmt.Sprintf("%s[%d]", at, i)
		if o == opStage {
			n.steps[i] = p.step(at, part, depth)
		} else {
			n.steps[i].Rule = p.rule(at, part, depth+1)
		}
	}
	return Rule{n}
}

func (p *parser) step(place string, tree any, depth int) Step {
	object := p.object(place, tree, "name", "rule", "within", "ladder")
	var s Step
	p.text(place+".name", object["name"], &s.Name)
	if text := ""; p.text(place+".within", object["within"], &text) {
		if err := s.Within.UnmarshalText([]byte(text)); err != nil {
			p.fault(place+".within", "%v", strings.TrimPrefix(err.Error(), itsm.ErrInvalid.Error()+": "))
		}
	}
	if ladder := object["ladder"]; ladder != nil {
		s.Ladder = p.ladder(place+".ladder", ladder)
	}
	s.Rule = p.rule(place+".rule", object["rule"], depth+1)
	return s
}

func (p *parser) ladder(place string, tree any) []Rung {
	list, ok := tree.([]any)
	if !ok {
		p.fault(place, "want a list, got %s", show(tree))
	}
	rungs := make([]Rung, len(list))
	for i, part := range list {
		at := fmt.Sprintf("%s[%d]", place, i)
		object := p.object(at, part, "name", "at", "to")
		p.text(at+".name", object["name"], &rungs[i].Name)
		if text := ""; p.text(at+".at", object["at"], &text) {
			if err := rungs[i].At.UnmarshalText([]byte(text)); err != nil {
				p.fault(at, "%v", strings.TrimPrefix(err.Error(), itsm.ErrInvalid.Error()+": "))
			}
		}
		rungs[i].To = p.roles(at+".to", object["to"])
	}
	return rungs
}

func (p *parser) leaf(place string, o op, tree any) Rule {
	keys := map[op][]string{opAll: {"of"}, opAtLeast: {"n", "of"}, opPercent: {"share", "of"}, opVoting: {"share", "of"},
		opWeighted: {"n", "weights"}, opVeto: {"of"}, opQuorum: {"n", "share", "of"}}[o]
	object := p.object(place, tree, keys...)
	n := &node{op: o, of: p.roles(place+".of", object["of"])}
	if v, ok := object["n"]; ok {
		n.n = p.whole(place+".n", v)
	}
	if text := ""; p.text(place+".share", object["share"], &text) {
		n.share = Share(text)
		n.ratio, _ = n.share.parse()
	}
	if n.share != "" && n.n != 0 {
		p.fault(place, "has both n and share, want one of them")
	}
	if v, ok := object["weights"]; ok {
		weights, ok := v.(map[string]any)
		if !ok {
			p.fault(place+".weights", "want an object of roles and their points, got %s", show(v))
		}
		for _, role := range slices.Sorted(maps.Keys(weights)) {
			n.weights = append(n.weights, Weight{itsm.Role(role), p.whole(place+".weights."+role, weights[role])})
			n.of = append(n.of, itsm.Role(role))
		}
	}
	return Rule{n}
}

// object returns the members of an object that may have the keys.
func (p *parser) object(place string, tree any, keys ...string) map[string]any {
	object, ok := tree.(map[string]any)
	if !ok {
		p.fault(place, "want an object, got %s", show(tree))
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if !slices.Contains(keys, key) {
			p.fault(place, "unknown key %q, want %q", key, keys)
		}
	}
	return object
}

// text reads a text that may be missing, and reports whether it is there.
func (p *parser) text(place string, tree any, to *string) bool {
	s, ok := tree.(string)
	if tree != nil && !ok {
		p.fault(place, "want a text, got %s", show(tree))
	}
	*to = s
	return ok
}

func (p *parser) whole(place string, tree any) int {
	n, ok := tree.(json.Number)
	i, err := n.Int64()
	if !ok || err != nil || i > math.MaxInt32 || i < math.MinInt32 {
		p.fault(place, "want a whole number, got %s", show(tree))
		return 0
	}
	return int(i)
}

func (p *parser) roles(place string, tree any) []itsm.Role {
	if tree == nil {
		return nil
	}
	list, ok := tree.([]any)
	if !ok {
		p.fault(place, "want a list of roles, got %s", show(tree))
		return nil
	}
	roles := make([]itsm.Role, 0, len(list))
	for i, v := range list {
		text := ""
		if !p.text(fmt.Sprintf("%s[%d]", place, i), v, &text) && v == nil {
			p.fault(fmt.Sprintf("%s[%d]", place, i), "want a role, got null")
		}
		roles = append(roles, itsm.Role(text))
	}
	if len(roles) == 0 {
		p.fault(place, "is empty, want roles; leave it out for everybody")
	}
	return roles
}

// show names a decoded value in a fault, shortly.
func show(tree any) string {
	const most = 60
	text, err := json.Marshal(tree)
	switch {
	case tree == nil:
		return "nothing"
	case err != nil:
		return fmt.Sprintf("%T", tree)
	case len(text) > most:
		return string(text[:most]) + "…"
	}
	return string(text)
}
