package rule

import (
	"cmp"
	"math"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"
)

// textCost is what reading n bytes costs in steps.
func textCost(n int) int { return n / 64 }

func (n *node) bools() fn[bool] {
	switch n.op {
	case opPath, opElem, opAt:
		return fact(n, readBool)
	case opHost:
		return n.hostBool()
	case opElse:
		return orElse(n.kids[0].bools(), n.kids[1].bools())
	}
	holds := n.cond()
	return func(r *run) (bool, bool) { return holds(r), true }
}

// cond compiles a condition.
func (n *node) cond() cond {
	switch n.op {
	case opConst:
		v := n.val.(bool)
		return func(*run) bool { return v }
	case opPath, opElem, opAt, opHost, opElse:
		value := n.bools()
		return func(r *run) bool {
			v, ok := value(r)
			return v && ok
		}
	case opAnd, opOr:
		return n.junction()
	case opNot:
		inner := n.kids[0].cond()
		return func(r *run) bool { return !inner(r) }
	case opHas:
		return n.kids[0].presence()
	case opIn, opMember:
		return n.membership()
	case opBetween:
		x, lo, hi := n.kids[0].ints(), n.kids[1].ints(), n.kids[2].ints()
		return func(r *run) bool {
			v, ok1 := x(r)
			l, ok2 := lo(r)
			h, ok3 := hi(r)
			return ok1 && ok2 && ok3 && l <= v && v <= h
		}
	case opContains, opStarts, opEnds:
		return n.find()
	case opMatches:
		return n.match()
	case opAll, opAny, opNone, opOne:
		return n.quantified()
	default:
		return n.compare()
	}
}

func (n *node) junction() cond {
	kids := make([]cond, len(n.kids))
	for i, k := range n.kids {
		kids[i] = k.cond()
	}
	until := n.op == opOr // the value that decides
	return func(r *run) bool {
		for _, k := range kids {
			if k(r) == until {
				return until
			}
		}
		return !until
	}
}

// presence is has.
func (n *node) presence() cond {
	switch n.typ.kind {
	case kindBool:
		return present(n.bools())
	case kindInt, kindDuration:
		return present(n.ints())
	case kindFloat:
		return present(n.floats())
	case kindText:
		return present(n.texts())
	case kindTime:
		return present(n.times())
	default:
		return present(n.value())
	}
}

func present[T any](f fn[T]) cond {
	return func(r *run) bool {
		_, ok := f(r)
		return ok
	}
}

func (n *node) compare() cond {
	l, r := n.kids[0], n.kids[1]
	switch l.typ.kind {
	case kindBool:
		return compared(n.op, l.bools(), r, r.bools(), func(a, b bool) int {
			if a == b {
				return 0
			}
			return 1
		})
	case kindFloat:
		return ordered(n.op, l.floats(), r, r.floats())
	case kindText:
		return ordered(n.op, l.texts(), r, n.charged(r.texts()))
	case kindTime:
		return compared(n.op, l.times(), r, r.times(), time.Time.Compare)
	default:
		return ordered(n.op, l.ints(), r, r.ints())
	}
}

// ordered compares values that Go can compare, the commonest case: a fact with a constant.
// Comparisons with an absent term do not hold, but for != which is the negation of ==.
func ordered[T cmp.Ordered](o op, left fn[T], right *node, rightFn fn[T]) cond {
	if right.op != opConst || o != opEq && o != opNe {
		return compared(o, left, right, rightFn, cmp.Compare[T])
	}
	c, _ := rightFn(nil)
	if o == opEq {
		return func(r *run) bool {
			v, ok := left(r)
			return ok && v == c
		}
	}
	return func(r *run) bool {
		v, ok := left(r)
		return !ok || v != c
	}
}

func compared[T any](o op, left fn[T], right *node, rightFn fn[T], compare func(a, b T) int) cond {
	return func(r *run) bool {
		a, ok1 := left(r)
		b, ok2 := rightFn(r)
		if !ok1 || !ok2 {
			return o == opNe
		}
		switch c := compare(a, b); o {
		case opEq:
			return c == 0
		case opNe:
			return c != 0
		case opLt:
			return c < 0
		case opLe:
			return c <= 0
		case opGt:
			return c > 0
		default:
			return c >= 0
		}
	}
}

// charged is the right side of a comparison of texts, which costs what the text is long; a constant is free.
func (n *node) charged(text fn[string]) fn[string] {
	if n.kids[1].op == opConst {
		return text
	}
	return func(r *run) (string, bool) {
		s, ok := text(r)
		return s, ok && r.spend(n, textCost(len(s)))
	}
}

func (n *node) find() cond {
	test := map[op]func(s, part string) bool{opContains: strings.Contains, opStarts: strings.HasPrefix, opEnds: strings.HasSuffix}[n.op]
	text, part := n.kids[0].texts(), n.kids[1].texts()
	return func(r *run) bool {
		s, ok1 := text(r)
		p, ok2 := part(r)
		return ok1 && ok2 && r.spend(n, textCost(len(s)+len(p))) && test(s, p)
	}
}

func (n *node) match() cond {
	text := n.kids[0].texts()
	re, size := mustPattern(n.kids[1].val.(string))
	return func(r *run) bool {
		s, ok := text(r)
		return ok && r.spend(n, len(s)*size/16) && re.MatchString(s)
	}
}

func (n *node) membership() cond {
	x, elem := n.kids[0], n.kids[1].typ
	if n.op == opMember {
		elem = elem.elem
	}
	switch x.typ.kind {
	case kindBool:
		return among(n, x.bools(), (*node).bools, readBool, same[bool])
	case kindText:
		return among(n, x.texts(), (*node).texts, readText, func(r *run, a, b string) bool {
			return len(a) == len(b) && r.spend(n, textCost(len(a))) && a == b
		})
	case kindTime:
		return among(n, x.times(), (*node).times, readTime, func(_ *run, a, b time.Time) bool { return a.Equal(b) })
	case kindDuration:
		return among(n, x.ints(), (*node).ints, readInt, same[int64])
	}
	if x.typ.kind == kindInt && elem.kind == kindInt {
		return among(n, x.ints(), (*node).ints, readInt, same[int64])
	}
	return among(n, floated(x).floats(), (*node).floats, readNumber, same[float64])
}

func same[T comparable](_ *run, a, b T) bool { return a == b }

func readNumber(v reflect.Value) (float64, bool) {
	if v.CanFloat() {
		return readFloat(v)
	}
	i, ok := readInt(v)
	return float64(i), ok
}

// among looks for x in a list literal or in a list fact.
func among[T any](n *node, x fn[T], compile func(*node) fn[T], read func(reflect.Value) (T, bool), equal func(r *run, a, b T) bool) cond {
	if n.op == opMember {
		list := n.kids[1].value()
		return func(r *run) bool {
			v, ok1 := x(r)
			l, ok2 := list(r)
			if !ok1 || !ok2 || !r.spend(n, l.Len()) {
				return false
			}
			for i := range l.Len() {
				if e, ok := follow(l.Index(i), nil); ok {
					if w, ok := read(e); ok && equal(r, v, w) {
						return true
					}
				}
			}
			return false
		}
	}
	items := make([]fn[T], len(n.kids)-1)
	for i, k := range n.kids[1:] {
		items[i] = compile(k)
	}
	return func(r *run) bool {
		v, ok := x(r)
		if !ok {
			return false
		}
		for _, item := range items {
			if w, ok := item(r); ok && equal(r, v, w) {
				return true
			}
		}
		return false
	}
}

// tally compiles a quantifier to the count of the elements for which its condition holds and of the others. It stops as soon
// as one of the counts reaches its limit. An absent list is empty.
func (n *node) tally(maxHits, maxMisses int) func(*run) (hits, misses int) {
	list, holds, weight := n.kids[0].value(), n.kids[1].cond(), n.kids[1].size()
	return func(r *run) (hits, misses int) {
		l, ok := list(r)
		if !ok {
			return 0, 0
		}
		outer := r.elem
		for i := 0; i < l.Len() && hits < maxHits && misses < maxMisses && r.spend(n, weight); i++ {
			r.elem = l.Index(i)
			if holds(r) {
				hits++
			} else {
				misses++
			}
		}
		r.elem = outer
		return hits, misses
	}
}

// quantified is all, any, none and one.
func (n *node) quantified() cond {
	switch n.op {
	case opAll:
		tally := n.tally(math.MaxInt, 1)
		return func(r *run) bool { _, misses := tally(r); return misses == 0 }
	case opOne:
		tally := n.tally(2, math.MaxInt)
		return func(r *run) bool { hits, _ := tally(r); return hits == 1 }
	default:
		tally, some := n.tally(1, math.MaxInt), n.op == opAny
		return func(r *run) bool { hits, _ := tally(r); return (hits > 0) == some }
	}
}

func (n *node) texts() fn[string] {
	switch n.op {
	case opConst:
		return constFn(n.val.(string))
	case opHost:
		return n.hostText()
	case opElse:
		return orElse(n.kids[0].texts(), n.kids[1].texts())
	case opLower, opUpper:
		text, change := n.kids[0].texts(), strings.ToLower
		if n.op == opUpper {
			change = strings.ToUpper
		}
		return func(r *run) (string, bool) {
			s, ok := text(r)
			if !ok || !r.spend(n, len(s)/16) {
				return "", false
			}
			return change(s), true
		}
	}
	return fact(n, readText)
}

func orElse[T any](first, second fn[T]) fn[T] {
	return func(r *run) (T, bool) {
		if v, ok := first(r); ok {
			return v, true
		}
		return second(r)
	}
}

// length is len, in characters or elements.
func (n *node) length() fn[int64] {
	if n.kids[0].typ.kind == kindList {
		list := n.kids[0].value()
		return func(r *run) (int64, bool) {
			l, ok := list(r)
			if !ok {
				return 0, false
			}
			return int64(l.Len()), true
		}
	}
	text := n.kids[0].texts()
	return func(r *run) (int64, bool) {
		s, ok := text(r)
		if !ok || !r.spend(n, len(s)/16) {
			return 0, false
		}
		return int64(utf8.RuneCountInString(s)), true
	}
}

func (n *node) count() fn[int64] {
	tally := n.tally(math.MaxInt, math.MaxInt)
	return func(r *run) (int64, bool) {
		hits, _ := tally(r)
		return int64(hits), r.fault == nil
	}
}
