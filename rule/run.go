package rule

import (
	"fmt"
	"math"
	"reflect"
	"sync"
	"time"
)

// run is the state of one evaluation.
type run struct {
	facts reflect.Value
	elem  reflect.Value // of the innermost quantifier
	fuel  int
	fault *EvalError // the first one
}

var runs = sync.Pool{New: func() any { return new(run) }}

func start(facts reflect.Value) *run {
	r := runs.Get().(*run)
	r.facts, r.fuel = facts, MaxCost
	return r
}

// done gives the run back and returns its fault.
func (r *run) done() *EvalError {
	fault := r.fault
	*r = run{}
	runs.Put(r)
	return fault
}

func (r *run) fail(n *node, class error, detail string) {
	if r.fault == nil {
		r.fault = &EvalError{Term: n.String(), Detail: detail, Err: class}
	}
}

// spend takes a cost off the budget and reports whether the evaluation may go on.
func (r *run) spend(n *node, cost int) bool {
	if r.fault != nil {
		return false
	}
	if r.fuel -= cost; r.fuel < 0 {
		r.fail(n, ErrCost, fmt.Sprintf("more than %d steps", MaxCost))
		return false
	}
	return true
}

// A fn computes a term. It returns false when the term is absent, or after a fault.
type fn[T any] func(*run) (T, bool)

// cond computes a condition: an absent one does not hold.
type cond func(*run) bool

func constFn[T any](v T) fn[T] { return func(*run) (T, bool) { return v, true } }

// follow walks from a struct through fields and pointers.
func follow(v reflect.Value, steps []int) (reflect.Value, bool) {
	for _, i := range steps {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return v, false
		}
		v = v.Elem()
	}
	return v, true
}

// value locates a fact that is no host field.
func (n *node) value() fn[reflect.Value] {
	steps := n.steps
	switch n.op {
	case opPath:
		if len(steps) == 1 && !n.optional {
			i := steps[0]
			return func(r *run) (reflect.Value, bool) { return r.facts.Field(i), true }
		}
		return func(r *run) (reflect.Value, bool) { return follow(r.facts, steps) }
	case opElem:
		return func(r *run) (reflect.Value, bool) { return follow(r.elem, steps) }
	case opHost:
		return n.hostList()
	default: // opAt
		list, index := n.kids[0].value(), n.kids[1].ints()
		return func(r *run) (reflect.Value, bool) {
			l, ok := list(r)
			if !ok {
				return l, false
			}
			i, ok := index(r)
			if i < 0 {
				i += int64(l.Len())
			}
			if !ok || i < 0 || i >= int64(l.Len()) {
				return l, false
			}
			return follow(l.Index(int(i)), steps)
		}
	}
}

// fact reads a fact of a basic type.
func fact[T any](n *node, read func(reflect.Value) (T, bool)) fn[T] {
	value := n.value()
	return func(r *run) (T, bool) {
		v, ok := value(r)
		if !ok {
			var zero T
			return zero, false
		}
		return read(v)
	}
}

func readBool(v reflect.Value) (bool, bool)   { return v.Bool(), true }
func readText(v reflect.Value) (string, bool) { return v.String(), true }

// readFloat takes what is not a number for an absent one.
func readFloat(v reflect.Value) (float64, bool) {
	f := v.Float()
	return f, !math.IsNaN(f)
}

// readInt takes unsigned numbers beyond the range of int64 for its end, so that comparisons stay right.
func readInt(v reflect.Value) (int64, bool) {
	if v.CanInt() {
		return v.Int(), true
	}
	return int64(min(v.Uint(), math.MaxInt64)), true
}

// readTime takes the zero time for an absent one.
func readTime(v reflect.Value) (time.Time, bool) {
	var t time.Time
	if v.CanAddr() {
		t = *v.Addr().Interface().(*time.Time) // spares the copy on the heap
	} else {
		t = v.Interface().(time.Time)
	}
	return t, !t.IsZero()
}
