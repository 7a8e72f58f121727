package rule

import (
	"math"
	"math/bits"
	"time"
)

// ints compiles a whole number or a duration, the latter in nanoseconds.
func (n *node) ints() fn[int64] {
	switch n.op {
	case opConst:
		if d, ok := n.val.(time.Duration); ok {
			return constFn(int64(d))
		}
		return constFn(n.val.(int64))
	case opHost:
		return n.hostDuration()
	case opElse:
		return orElse(n.kids[0].ints(), n.kids[1].ints())
	case opLen:
		return n.length()
	case opCount:
		return n.count()
	case opNeg:
		return calculate(n, constFn(int64(0)), n.kids[0].ints(), subtract, outOfRange)
	case opAdd:
		return calculate(n, n.kids[0].ints(), n.kids[1].ints(), add, outOfRange)
	case opSub:
		if n.kids[0].typ.kind == kindTime {
			return calculate(n, n.kids[0].times(), n.kids[1].times(), since, outOfRange)
		}
		return calculate(n, n.kids[0].ints(), n.kids[1].ints(), subtract, outOfRange)
	case opMul:
		if n.typ.kind == kindInt {
			return calculate(n, n.kids[0].ints(), n.kids[1].ints(), multiply, outOfRange)
		}
		duration, factor := n.kids[0], n.kids[1]
		if duration.typ.kind != kindDuration {
			duration, factor = factor, duration
		}
		return calculate(n, duration.ints(), factor.floats(), scale, outOfRange)
	case opDiv:
		return calculate(n, n.kids[0].ints(), n.kids[1].floats(), shrink, divided)
	case opMod:
		return calculate(n, n.kids[0].ints(), n.kids[1].ints(), modulo, divided)
	}
	return fact(n, readInt)
}

func (n *node) floats() fn[float64] {
	switch n.op {
	case opConst:
		return constFn(n.val.(float64))
	case opHost:
		return n.hostNumber()
	case opElse:
		return orElse(n.kids[0].floats(), n.kids[1].floats())
	case opFloat:
		whole := n.kids[0].ints()
		return func(r *run) (float64, bool) {
			v, ok := whole(r)
			return float64(v), ok
		}
	case opNeg:
		return calculate(n, constFn(0.0), n.kids[0].floats(), finite(func(a, b float64) float64 { return a - b }), outOfRange)
	case opAdd:
		return calculate(n, n.kids[0].floats(), n.kids[1].floats(), finite(func(a, b float64) float64 { return a + b }), outOfRange)
	case opSub:
		return calculate(n, n.kids[0].floats(), n.kids[1].floats(), finite(func(a, b float64) float64 { return a - b }), outOfRange)
	case opMul:
		return calculate(n, n.kids[0].floats(), n.kids[1].floats(), finite(func(a, b float64) float64 { return a * b }), outOfRange)
	case opDiv:
		if n.kids[0].typ.kind == kindDuration {
			return calculate(n, n.kids[0].ints(), n.kids[1].ints(), ratio, divided)
		}
		return calculate(n, n.kids[0].floats(), n.kids[1].floats(), finite(func(a, b float64) float64 { return a / b }), divided)
	}
	return fact(n, readFloat)
}

func (n *node) times() fn[time.Time] {
	switch n.op {
	case opConst:
		return constFn(n.val.(time.Time))
	case opHost:
		return n.hostTime()
	case opElse:
		return orElse(n.kids[0].times(), n.kids[1].times())
	case opAdd:
		t, d := n.kids[0], n.kids[1]
		if t.typ.kind != kindTime {
			t, d = d, t
		}
		return calculate(n, t.times(), d.ints(), later, outOfRange)
	case opSub:
		return calculate(n, n.kids[0].times(), n.kids[1].ints(), func(t time.Time, d int64) (time.Time, bool) {
			if d == math.MinInt64 {
				return t, false
			}
			return later(t, -d)
		}, outOfRange)
	}
	return fact(n, readTime)
}

// What a calculation without result is blamed on.
const (
	outOfRange = "the result is out of range"
	divided    = "division by zero, or the result is out of range"
)

// calculate applies an operation that says whether it has a result. A calculation with an absent operand is absent.
func calculate[A, B, T any](n *node, left fn[A], right fn[B], apply func(A, B) (T, bool), blame string) fn[T] {
	return func(r *run) (T, bool) {
		var zero T
		a, ok := left(r)
		if !ok {
			return zero, false
		}
		b, ok := right(r)
		if !ok {
			return zero, false
		}
		v, ok := apply(a, b)
		if !ok {
			r.fail(n, ErrArithmetic, blame)
			return zero, false
		}
		return v, true
	}
}

func add(a, b int64) (int64, bool) {
	c := a + b
	return c, (c > a) == (b > 0)
}

func subtract(a, b int64) (int64, bool) {
	c := a - b
	return c, (c < a) == (b > 0)
}

func multiply(a, b int64) (int64, bool) {
	negative := (a < 0) != (b < 0)
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	switch {
	case hi != 0 || lo > 1<<63 || !negative && lo == 1<<63:
		return 0, false
	case negative:
		return -int64(lo), true
	}
	return int64(lo), true
}

func magnitude(a int64) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}

func modulo(a, b int64) (int64, bool) {
	if b == 0 {
		return 0, false
	}
	return a % b, true
}

func scale(d int64, f float64) (int64, bool) {
	if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return multiply(d, int64(f)) // exact
	}
	return whole(float64(d) * f)
}

func shrink(d int64, f float64) (int64, bool) {
	if f == math.Trunc(f) && math.Abs(f) < 1<<53 && f != 0 {
		return d / int64(f), d != math.MinInt64 || f != -1
	}
	return whole(float64(d) / f)
}

func whole(f float64) (int64, bool) {
	if math.IsNaN(f) || f >= 1<<63 || f < -1<<63 {
		return 0, false
	}
	return int64(f), true
}

func ratio(a, b int64) (float64, bool) { return float64(a) / float64(b), b != 0 }

func finite(apply func(a, b float64) float64) func(a, b float64) (float64, bool) {
	return func(a, b float64) (float64, bool) {
		c := apply(a, b)
		return c, !math.IsInf(c, 0) && !math.IsNaN(c)
	}
}

func since(a, b time.Time) (int64, bool) {
	d := a.Sub(b)
	return int64(d), d != math.MaxInt64 && d != math.MinInt64
}

func later(t time.Time, d int64) (time.Time, bool) { return t.Add(time.Duration(d)), true }
