package rule

import (
	"fmt"
	"reflect"
	"slices"
)

// A Predicate is a checked condition on facts. It is immutable and safe for concurrent use.
// A nil *Predicate is no condition: it holds for all facts, like [True].
type Predicate struct {
	root   *node
	facts  reflect.Type // nil when it reads none and takes any
	holds  cond
	source string
	names  []string
}

// Compile checks a source and makes it a predicate. A source that is not a condition over the facts gives a [*SyntaxError]
// with all its faults.
func (s *Schema) Compile(src string) (*Predicate, error) {
	root, err := check(s, src, typeBool)
	if err != nil {
		return nil, err
	}
	return predicate(root, s.facts), nil
}

// MustCompile is Compile for sources that stand in code; it panics on an error.
func (s *Schema) MustCompile(src string) *Predicate {
	p, err := s.Compile(src)
	if err != nil {
		panic(err)
	}
	return p
}

func predicate(root *node, facts reflect.Type) *Predicate {
	return &Predicate{root: root, facts: facts, holds: root.cond(), source: root.String(), names: root.reading()}
}

var (
	always = predicate(constant(typeBool, true, 0), nil)
	never  = predicate(constant(typeBool, false, 0), nil)
)

// True returns the predicate that holds for all facts, of any type.
func True() *Predicate { return always }

// False returns the predicate that holds for no facts.
func False() *Predicate { return never }

// All holds when all of ps hold; without any it is [True]. It panics when they are about facts of different types.
func All(ps ...*Predicate) *Predicate { return combine(opAnd, always, never, ps) }

// Any holds when one of ps holds; without any it is [False]. It panics when they are about facts of different types.
func Any(ps ...*Predicate) *Predicate { return combine(opOr, never, always, ps) }

// Not holds when p does not.
func Not(p *Predicate) *Predicate {
	p = p.orTrue()
	switch {
	case p.root.op == opConst:
		return combine(opOr, never, always, []*Predicate{constantly(p.root.val == false)})
	case p.root.op == opNot:
		return predicate(p.root.kids[0], p.facts)
	}
	return predicate(&node{op: opNot, typ: typeBool, kids: []*node{p.root}}, p.facts)
}

func constantly(v bool) *Predicate {
	if v {
		return always
	}
	return never
}

// combine joins predicates; neutral ones are left out and a deciding one decides.
func combine(o op, neutral, deciding *Predicate, ps []*Predicate) *Predicate {
	var facts reflect.Type
	var roots []*node
	decided := false
	for _, p := range ps {
		p = p.orTrue()
		if facts == nil {
			facts = p.facts
		} else if p.facts != nil && p.facts != facts {
			panic(fmt.Sprintf("rule: predicates about %v and %v cannot be combined", facts, p.facts))
		}
		switch {
		case p.root.op != opConst:
			roots = append(roots, p.root)
		case p.root.val == deciding.root.val:
			decided = true
		}
	}
	switch {
	case decided:
		return deciding
	case len(roots) == 0:
		return neutral
	case len(roots) == 1:
		return predicate(roots[0], facts)
	}
	return predicate(chain(o, roots...), facts)
}

func (p *Predicate) orTrue() *Predicate {
	if p == nil {
		return always
	}
	return p
}

// Eval reports whether the predicate holds for the facts: a struct of the schema's type, or a pointer to one (which spares
// allocations). It fails with an [*EvalError] of the class [ErrFacts], [ErrArithmetic] or [ErrCost], and then returns false.
// It never panics, has no side effects, and gives the same answer for the same facts. The facts must not change meanwhile.
func (p *Predicate) Eval(facts any) (bool, error) {
	p = p.orTrue()
	v, err := bind(p.facts, facts)
	if err != nil {
		return false, err
	}
	r := start(v)
	holds := p.holds(r)
	if fault := r.done(); fault != nil {
		return false, fault
	}
	return holds, nil
}

// bind finds the struct of type t in the facts; a nil t takes anything.
func bind(t reflect.Type, facts any) (reflect.Value, error) {
	v := reflect.ValueOf(facts)
	switch {
	case t == nil:
		return v, nil
	case v.Kind() == reflect.Pointer && v.Type().Elem() == t:
		if !v.IsNil() {
			return v.Elem(), nil
		}
		return v, &EvalError{Detail: fmt.Sprintf("a nil %T", facts), Err: ErrFacts}
	case v.IsValid() && v.Type() == t:
		return v, nil
	}
	return v, &EvalError{Detail: fmt.Sprintf("a %T, not a %v", facts, t), Err: ErrFacts}
}

// String returns the canonical source: comments are gone, and parentheses stand only where they are needed.
// Compiled again it gives the same predicate, unless [All] or [Any] made it larger than a source may be.
func (p *Predicate) String() string { return p.orTrue().source }

// MarshalText returns the canonical source.
func (p *Predicate) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Names returns the facts that the predicate reads, sorted: "priority", "caller.kind", "fields.ward".
// Of the elements of a list it is "attempts.outcome". The slice belongs to the caller.
func (p *Predicate) Names() []string { return slices.Clone(p.orTrue().names) }
