package rule

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// A Term is a part of a predicate with the value that it had.
type Term struct {
	Source string // canonical
	Value  any    // bool, int64, float64, string, time.Time, time.Duration, or a slice of these; nil when absent
	Depth  int    // 0 for the predicate as a whole
	Err    error  // why it has no value; the other terms may have one
}

// String is "source: value", with absent for an absent one.
func (t Term) String() string {
	switch v := t.Value.(type) {
	case nil:
		if t.Err != nil {
			return fmt.Sprintf("%s: %v", t.Source, t.Err)
		}
		return t.Source + ": absent"
	case string:
		var b strings.Builder
		quote(&b, v)
		return t.Source + ": " + b.String()
	case time.Time:
		return t.Source + ": " + v.Format(time.RFC3339Nano)
	case time.Duration:
		return t.Source + ": " + short(v)
	default:
		return fmt.Sprintf("%s: %v", t.Source, v)
	}
}

// Explain returns the value of the predicate and of each of its terms, a term before its parts, in the order of the source.
// All terms are computed, also those that [Predicate.Eval] passes over because others decide. Left out are constants, lists of
// groups, and what stands inside the condition of a quantifier. Facts of a wrong type give one term with the error.
func (p *Predicate) Explain(facts any) []Term {
	p = p.orTrue()
	v, err := bind(p.facts, facts)
	if err != nil {
		return []Term{{Source: p.source, Err: err}}
	}
	return p.root.explain(v, 0, nil)
}

func (n *node) explain(facts reflect.Value, depth int, terms []Term) []Term {
	if n.op == opFloat {
		return n.kids[0].explain(facts, depth, terms)
	}
	if n.op == opConst && depth > 0 || n.typ.kind == kindStruct || n.typ.kind == kindList && n.typ.elem.kind == kindStruct {
		return terms
	}
	t := Term{Source: n.String(), Depth: depth}
	r := start(facts)
	t.Value = n.evaluate(r)
	if fault := r.done(); fault != nil {
		t.Value, t.Err = nil, fault
	}
	terms = append(terms, t)
	for i, k := range n.kids {
		if i == 0 || !n.op.quantifier() {
			terms = k.explain(facts, depth+1, terms)
		}
	}
	return terms
}

// evaluate computes a term of any type; nil is absent.
func (n *node) evaluate(r *run) any {
	switch n.typ.kind {
	case kindBool:
		return valueOf(n.bools()(r))
	case kindInt:
		return valueOf(n.ints()(r))
	case kindFloat:
		return valueOf(n.floats()(r))
	case kindText:
		return valueOf(n.texts()(r))
	case kindTime:
		return valueOf(n.times()(r))
	case kindDuration:
		if d, ok := n.ints()(r); ok {
			return time.Duration(d)
		}
		return nil
	default:
		l, ok := n.value()(r)
		if !ok {
			return nil
		}
		return n.typ.elem.items(l)
	}
}

func valueOf[T any](v T, ok bool) any {
	if !ok {
		return nil
	}
	return v
}

// items copies a list of basic values.
func (t *typ) items(l reflect.Value) any {
	switch t.kind {
	case kindBool:
		return readAll(l, readBool)
	case kindInt:
		return readAll(l, readInt)
	case kindFloat:
		return readAll(l, readFloat)
	case kindText:
		return readAll(l, readText)
	case kindTime:
		return readAll(l, readTime)
	default:
		return readAll(l, func(v reflect.Value) (time.Duration, bool) { return time.Duration(v.Int()), true })
	}
}

func readAll[T any](l reflect.Value, read func(reflect.Value) (T, bool)) []T {
	out := make([]T, 0, l.Len())
	for i := range l.Len() {
		if e, ok := follow(l.Index(i), nil); ok {
			if v, ok := read(e); ok {
				out = append(out, v)
			}
		}
	}
	return out
}
