package rule

import (
	"reflect"
	"slices"
	"time"
)

// Basic is what a [Reader] can give.
type Basic interface {
	bool | int64 | float64 | string | time.Time | time.Duration
}

// A Reader reads one value from facts: a fact, or anything that can be computed in a condition. It is immutable and safe for
// concurrent use.
type Reader[T Basic] struct {
	facts  reflect.Type
	read   fn[T]
	source string
	names  []string
}

// ReaderOf checks a source and makes it a reader: "due", "fields.cost * 2", "restored_at ?? now". A source that does not
// give a T gives a [*SyntaxError]; a whole number is given as a number, too.
func ReaderOf[T Basic](s *Schema, src string) (*Reader[T], error) {
	var compile any
	var want *typ
	switch any(*new(T)).(type) {
	case bool:
		want, compile = typeBool, (*node).bools
	case int64:
		want, compile = typeInt, (*node).ints
	case float64:
		want, compile = typeFloat, (*node).floats
	case string:
		want, compile = typeText, (*node).texts
	case time.Time:
		want, compile = typeTime, (*node).times
	default:
		want, compile = typeDuration, (*node).durations
	}
	root, err := check(s, src, want)
	if err != nil {
		return nil, err
	}
	return &Reader[T]{s.facts, compile.(func(*node) fn[T])(root), root.String(), root.reading()}, nil
}

func (n *node) durations() fn[time.Duration] {
	ints := n.ints()
	return func(r *run) (time.Duration, bool) {
		d, ok := ints(r)
		return time.Duration(d), ok
	}
}

// Read returns the value, and false when it is absent. It takes the facts, and fails, as [Predicate.Eval] does.
func (r *Reader[T]) Read(facts any) (value T, ok bool, err error) {
	v, err := bind(r.facts, facts)
	if err != nil {
		return value, false, err
	}
	run := start(v)
	value, ok = r.read(run)
	if fault := run.done(); fault != nil {
		return *new(T), false, fault
	}
	return value, ok, nil
}

// String returns the canonical source.
func (r *Reader[T]) String() string { return r.source }

// Names returns the facts that are read, as [Predicate.Names] does.
func (r *Reader[T]) Names() []string { return slices.Clone(r.names) }
