package rule_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/expr-lang/expr"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm/rule"
)

// scope says whether a term stands in a quantifier, and over what.
type scope struct{ element string }

// state is what a reference term is computed on.
type state struct {
	facts *Facts
	elem  any
}

// reference is a term in two forms: a source, and a plain Go function. nil is an absent value.
// plain says that expr's own machine knows the term too: no absent facts.
type reference struct {
	src   string
	value func(state) any
	plain bool
}

func pick(t *rapid.T, n int) int { return rapid.IntRange(0, n-1).Draw(t, "pick") }

func fact(src string, value func(*Facts) any) reference {
	return reference{src, func(s state) any { return value(s.facts) }, true}
}

func maybe(src string, value func(*Facts) any) reference {
	r := fact(src, value)
	r.plain = false
	return r
}

func literal(src string, v any) reference { return reference{src, func(state) any { return v }, true} }

func deref[T, U any](p *T, get func(T) U) any {
	if p == nil {
		return nil
	}
	return get(*p)
}

// lift applies an operation to two terms; with an absent one there is no result.
func lift(form string, l, r reference, apply func(a, b any) any) reference {
	return reference{fmt.Sprintf("("+form+")", l.src, r.src), func(s state) any {
		a, b := l.value(s), r.value(s)
		if a == nil || b == nil {
			return nil
		}
		return apply(a, b)
	}, l.plain && r.plain}
}

func intTerm(t *rapid.T, depth int, in scope) reference {
	leaves := []reference{
		fact("priority", func(f *Facts) any { return int64(f.Priority) }),
		maybe("caller.age", func(f *Facts) any { return deref(f.Caller, func(p Person) int64 { return int64(p.Age) }) }),
		maybe("score", func(f *Facts) any { return deref(f.Score, func(i int) int64 { return int64(i) }) }),
		fact("len(tags)", func(f *Facts) any { return int64(len(f.Tags)) }),
	}
	if in.element == "levels" {
		leaves = append(leaves, reference{"#", func(s state) any { return int64(s.elem.(int)) }, true})
	}
	if depth == 0 || pick(t, 2) == 0 {
		if pick(t, 3) == 0 {
			n := rapid.Int64Range(-4, 4).Draw(t, "int")
			return literal(fmt.Sprintf("(%d)", n), n)
		}
		return rapid.SampledFrom(leaves).Draw(t, "int fact")
	}
	l, r := intTerm(t, depth-1, in), intTerm(t, depth-1, in)
	switch pick(t, 6) {
	case 0:
		return lift("%s + %s", l, r, func(a, b any) any { return a.(int64) + b.(int64) })
	case 1:
		return lift("%s - %s", l, r, func(a, b any) any { return a.(int64) - b.(int64) })
	case 2:
		return lift("%s * %s", l, r, func(a, b any) any { return a.(int64) * b.(int64) })
	case 3:
		return lift("%s %% %s", l, literal("3", int64(3)), func(a, b any) any { return a.(int64) % b.(int64) })
	case 4:
		return lift("-%[1]s", l, l, func(a, _ any) any { return -a.(int64) })
	default:
		cond := boolTerm(t, depth-1, scope{"levels"})
		return reference{"count(levels, " + cond.src + ")", func(s state) any {
			n := int64(0)
			for _, e := range s.facts.Levels {
				if cond.value(state{s.facts, e}) == true {
					n++
				}
			}
			return n
		}, cond.plain}
	}
}

func floatTerm(t *rapid.T, depth int, in scope) reference {
	if depth == 0 || pick(t, 2) == 0 {
		return rapid.SampledFrom([]reference{
			fact("risk", func(f *Facts) any { return f.Risk }),
			maybe("fields.cost", func(f *Facts) any { return f.Fields["cost"] }),
			literal("0.5", 0.5),
			literal("1e2", 100.0),
		}).Draw(t, "float fact")
	}
	asFloat := func(r reference) reference {
		return reference{r.src, func(s state) any {
			if i, ok := r.value(s).(int64); ok {
				return float64(i)
			}
			return r.value(s)
		}, r.plain}
	}
	l, r := asFloat(intTerm(t, depth-1, in)), floatTerm(t, depth-1, in)
	if pick(t, 2) == 0 {
		l, r = r, l
	}
	switch pick(t, 4) {
	case 0:
		return lift("%s + %s", l, r, func(a, b any) any { return a.(float64) + b.(float64) })
	case 1:
		return lift("%s * %s", l, r, func(a, b any) any { return a.(float64) * b.(float64) })
	case 2:
		return lift("%s / %s", l, literal("4", 4.0), func(a, b any) any { return a.(float64) / b.(float64) })
	default:
		return lift("%s - %s", l, r, func(a, b any) any { return a.(float64) - b.(float64) })
	}
}

func textTerm(t *rapid.T, depth int, in scope) reference {
	leaves := []reference{
		fact("category", func(f *Facts) any { return f.Category }),
		fact("summary", func(f *Facts) any { return f.Summary }),
		maybe("caller.name", func(f *Facts) any { return deref(f.Caller, func(p Person) string { return p.Name }) }),
		maybe("(caller.name ?? category)", func(f *Facts) any {
			if f.Caller != nil {
				return f.Caller.Name
			}
			return f.Category
		}),
		maybe("attempts[-1].outcome", func(f *Facts) any {
			if len(f.Attempts) == 0 {
				return nil
			}
			return f.Attempts[len(f.Attempts)-1].Outcome
		}),
		literal(`"net"`, "net"), literal(`""`, ""), literal(`"打\"印\n"`, "打\"印\n"),
	}
	if in.element == "attempts" {
		leaves = append(leaves, reference{".outcome", func(s state) any { return s.elem.(Attempt).Outcome }, true})
	}
	if depth > 0 && pick(t, 4) == 0 {
		inner := textTerm(t, depth-1, in)
		return reference{"lower(" + inner.src + ")", func(s state) any {
			if v := inner.value(s); v != nil {
				return strings.ToLower(v.(string))
			}
			return nil
		}, inner.plain}
	}
	return rapid.SampledFrom(leaves).Draw(t, "text")
}

func timeTerm(t *rapid.T, depth int, in scope) reference {
	if depth > 0 && pick(t, 3) == 0 {
		form, sign := "%s + %s", time.Duration(1)
		if pick(t, 2) == 0 {
			form, sign = "%s - %s", -1
		}
		return lift(form, timeTerm(t, depth-1, in), durationTerm(t, depth-1, in), func(a, b any) any { return a.(time.Time).Add(sign * b.(time.Duration)) })
	}
	return rapid.SampledFrom([]reference{
		fact("now", func(f *Facts) any { return f.Now }),
		maybe("opened_at", func(f *Facts) any {
			if f.OpenedAt.IsZero() {
				return nil
			}
			return f.OpenedAt
		}),
		maybe("resolved_at", func(f *Facts) any { return deref(f.ResolvedAt, func(t time.Time) time.Time { return t }) }),
	}).Draw(t, "time")
}

func durationTerm(t *rapid.T, depth int, in scope) reference {
	if depth > 0 {
		switch pick(t, 4) {
		case 0:
			return lift("%s - %s", timeTerm(t, depth-1, in), timeTerm(t, depth-1, in), func(a, b any) any { return a.(time.Time).Sub(b.(time.Time)) })
		case 1:
			return lift("%s + %s", durationTerm(t, depth-1, in), durationTerm(t, depth-1, in), func(a, b any) any { return a.(time.Duration) + b.(time.Duration) })
		case 2:
			r := lift("%s * %s", durationTerm(t, depth-1, in), literal("2", 2), func(a, _ any) any { return 2 * a.(time.Duration) })
			r.plain = false // expr gives an int here
			return r
		}
	}
	leaves := []reference{
		fact("goal", func(f *Facts) any { return f.Goal }), literal(`duration("90m")`, 90*time.Minute),
	}
	if in.element == "attempts" {
		leaves = append(leaves, reference{".took", func(s state) any { return s.elem.(Attempt).Took }, true})
	}
	return rapid.SampledFrom(leaves).Draw(t, "duration")
}

func compareAny(a, b any) int {
	switch a := a.(type) {
	case int64:
		return sign(a < b.(int64), a > b.(int64))
	case float64:
		return sign(a < b.(float64), a > b.(float64))
	case string:
		return strings.Compare(a, b.(string))
	case time.Duration:
		return sign(a < b.(time.Duration), a > b.(time.Duration))
	default:
		return a.(time.Time).Compare(b.(time.Time))
	}
}

func sign(less, more bool) int {
	switch {
	case less:
		return -1
	case more:
		return 1
	}
	return 0
}

// holds makes a condition of two terms; absent is its value when one is absent.
func holds(form string, l, r reference, absent bool, apply func(a, b any) bool) reference {
	lifted := lift(form, l, r, func(a, b any) any { return apply(a, b) })
	return reference{lifted.src, func(s state) any {
		if v := lifted.value(s); v != nil {
			return v
		}
		return absent
	}, lifted.plain}
}

func comparison(t *rapid.T, depth int, in scope) reference {
	term := rapid.SampledFrom([]func(*rapid.T, int, scope) reference{intTerm, floatTerm, textTerm, timeTerm, durationTerm}).Draw(t, "type")
	l, r := term(t, depth, in), term(t, depth, in)
	ops := map[string]func(int) bool{
		"==": func(c int) bool { return c == 0 }, "!=": func(c int) bool { return c != 0 }, "<": func(c int) bool { return c < 0 },
		"<=": func(c int) bool { return c <= 0 }, ">": func(c int) bool { return c > 0 }, ">=": func(c int) bool { return c >= 0 },
	}
	op := rapid.SampledFrom([]string{"==", "!=", "<", "<=", ">", ">="}).Draw(t, "op")
	return holds("%s "+op+" %s", l, r, op == "!=", func(a, b any) bool { return ops[op](compareAny(a, b)) })
}

func boolTerm(t *rapid.T, depth int, in scope) reference {
	if depth == 0 {
		return rapid.SampledFrom([]reference{
			literal("true", true), literal("false", false),
			fact("vip", func(f *Facts) any { return f.VIP }),
			maybe("(flag ?? false)", func(f *Facts) any { return f.Flag != nil && *f.Flag }),
			maybe("has(caller)", func(f *Facts) any { return f.Caller != nil }),
			maybe("has(fields.cost)", func(f *Facts) any { return f.Fields["cost"] != nil }),
			fact(`(state in ["open", "held"])`, func(f *Facts) any { return f.State == "open" || f.State == "held" }),
			fact(`("vip" in tags)`, func(f *Facts) any { return slices.Contains(f.Tags, "vip") }),
		}).Draw(t, "condition")
	}
	switch pick(t, 9) {
	case 0:
		inner := boolTerm(t, depth-1, in)
		return reference{"not " + "(" + inner.src + ")", func(s state) any { return inner.value(s) != true }, inner.plain}
	case 1, 2:
		op := rapid.SampledFrom([]string{"and", "or", "&&", "||", "==", "!="}).Draw(t, "junction")
		l, r := boolTerm(t, depth-1, in), boolTerm(t, depth-1, in)
		return reference{"(" + l.src + " " + op + " " + r.src + ")", func(s state) any {
			a, b := l.value(s) == true, r.value(s) == true
			switch op {
			case "and", "&&":
				return a && b
			case "==":
				return a == b
			case "!=":
				return a != b
			}
			return a || b
		}, l.plain && r.plain}
	case 3:
		return quantifier(t, depth-1)
	case 4:
		l, r := textTerm(t, depth-1, in), textTerm(t, depth-1, in)
		switch pick(t, 3) {
		case 0:
			return holds("%s contains %s", l, r, false, func(a, b any) bool { return strings.Contains(a.(string), b.(string)) })
		case 1:
			return holds("%s startsWith %s", l, r, false, func(a, b any) bool { return strings.HasPrefix(a.(string), b.(string)) })
		}
		return holds("%s not endsWith %s", l, r, true, func(a, b any) bool { return !strings.HasSuffix(a.(string), b.(string)) })
	case 5:
		x := intTerm(t, depth-1, in)
		return holds("%s in [0, %s, 2]", x, literal("1", int64(1)), false, func(a, _ any) bool { return 0 <= a.(int64) && a.(int64) <= 2 })
	case 6:
		x := intTerm(t, depth-1, in)
		return holds("%s in -1..%s", x, literal("3", int64(3)), false, func(a, _ any) bool { return -1 <= a.(int64) && a.(int64) <= 3 })
	default:
		return comparison(t, depth-1, in)
	}
}

func quantifier(t *rapid.T, depth int) reference {
	list := rapid.SampledFrom([]string{"levels", "attempts"}).Draw(t, "list")
	name := rapid.SampledFrom([]string{"all", "any", "none", "one"}).Draw(t, "quantifier")
	cond := boolTerm(t, depth, scope{list})
	return reference{name + "(" + list + ", " + cond.src + ")", func(s state) any {
		var elems []any
		if list == "levels" {
			for _, e := range s.facts.Levels {
				elems = append(elems, e)
			}
		} else {
			for _, e := range s.facts.Attempts {
				elems = append(elems, e)
			}
		}
		hits := 0
		for _, e := range elems {
			if cond.value(state{s.facts, e}) == true {
				hits++
			}
		}
		return map[string]bool{"all": hits == len(elems), "any": hits > 0, "none": hits == 0, "one": hits == 1}[name]
	}, cond.plain}
}

// drawFacts draws a record, with gaps or complete.
func drawFacts(t *rapid.T, gaps bool) *Facts {
	here := func() bool { return !gaps || pick(t, 2) == 0 }
	instant := func() time.Time { return time.Unix(rapid.Int64Range(1.7e9, 1.7e9+20_000).Draw(t, "unix"), 0).UTC() }
	f := &Facts{
		Marks: Marks{VIP: rapid.Bool().Draw(t, "vip")}, Priority: rapid.IntRange(-1, 4).Draw(t, "priority"), Risk: rapid.SampledFrom([]float64{0, 0.5, 2, -1}).Draw(t, "risk"),
		State: rapid.SampledFrom([]State{"new", "open", "held", "closed"}).Draw(t, "state"), Category: rapid.SampledFrom([]string{"", "net", "NETWORK", "打印"}).Draw(t, "category"),
		Summary: rapid.SampledFrom([]string{"", "net", "a net", "x打\"印\n"}).Draw(t, "summary"), Now: instant(), Goal: time.Duration(rapid.IntRange(-3, 9).Draw(t, "goal")) * 30 * time.Minute,
		Levels: rapid.SliceOfN(rapid.IntRange(-2, 4), 0, 4).Draw(t, "levels"), Tags: rapid.SliceOfN(rapid.SampledFrom([]string{"vip", "icu"}), 0, 2).Draw(t, "tags"), Fields: map[string]any{},
	}
	if here() {
		f.OpenedAt = instant()
	}
	if here() {
		f.ResolvedAt = new(instant())
	}
	if here() {
		f.Caller = &Person{Kind: "doctor", Name: f.Category, Age: f.Priority}
	}
	if here() {
		f.Score = new(f.Priority - 1)
	}
	if here() {
		f.Flag = new(!f.VIP)
	}
	if here() {
		f.Fields["cost"] = f.Risk + 1
	}
	for range pick(t, 3) {
		f.Attempts = append(f.Attempts, Attempt{Outcome: f.Category, Took: f.Goal * time.Duration(pick(t, 3))})
	}
	return f
}

// compile compiles a generated source; only its size can be wrong with it.
func compile(t *rapid.T, src string) *rule.Predicate {
	p, err := schema.Compile(src)
	if err != nil {
		require.ErrorContains(t, err, "at most", src)
		t.Skip("too large")
	}
	return p
}

func TestAgainstReference(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		term := boolTerm(t, 4, scope{})
		p := compile(t, term.src)
		facts := drawFacts(t, true)
		got, err := p.Eval(facts)
		require.NoError(t, err, term.src)
		require.Equal(t, term.value(state{facts: facts}) == true, got, term.src)
		again, _ := p.Eval(*facts)
		require.Equal(t, got, again)
		require.Equal(t, got, p.Explain(facts)[0].Value)
	})
}

// On what both know, the language means what expr's own compiler and machine make of it.
func TestAgainstExpr(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		term := boolTerm(t, 4, scope{})
		if !term.plain {
			t.Skip("reads facts that can be absent")
		}
		p := compile(t, term.src)
		facts := drawFacts(t, false)
		attempts := make([]map[string]any, len(facts.Attempts))
		for i, a := range facts.Attempts {
			attempts[i] = map[string]any{"outcome": a.Outcome, "took": a.Took}
		}
		env := map[string]any{
			"vip": facts.VIP, "priority": facts.Priority, "risk": facts.Risk, "state": string(facts.State), "category": facts.Category, "summary": facts.Summary,
			"now": facts.Now, "goal": facts.Goal, "levels": facts.Levels, "tags": facts.Tags, "attempts": attempts,
		}
		for _, src := range []string{term.src, p.String()} {
			want, err := expr.Eval(src, env)
			require.NoError(t, err, src)
			got, err := p.Eval(facts)
			require.NoError(t, err)
			require.Equal(t, want, got, src)
		}
	})
}
