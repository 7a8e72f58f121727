package rule_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm/rule"
)

// patience bounds what is to take no time, also on a busy machine: without a bound it takes for ever.
const patience = time.Minute

// faults compiles a source that is wrong.
func faults(t *testing.T, src string) []rule.Fault {
	t.Helper()
	p, err := schema.Compile(src)
	var wrong *rule.SyntaxError
	require.ErrorAs(t, err, &wrong, src)
	assert.Nil(t, p)
	require.NotEmpty(t, wrong.Faults)
	return wrong.Faults
}

func TestCheckedWhenLoaded(t *testing.T) {
	t.Parallel()
	t.Run("F-X-7 a predicate is type-checked when it is loaded", func(t *testing.T) {
		t.Parallel()
		cases := []struct{ src, want string }{
			{`prioritty <= 2`, "line 1, column 1: there is no fact prioritty: did you mean priority?"},
			{"vip and\n  caller.knd == \"x\"", "line 2, column 10: there is no fact caller.knd: did you mean kind? There are age, kind, name"},
			{`summary contains "打印机" and piority == 1`, "line 1, column 28: there is no fact piority: did you mean priority?"},
			{`state == "opne"`, `line 1, column 10: state is never "opne": did you mean open? There are new, open, held, closed`},
			{`state in ["open", "done"]`, `line 1, column 19: state is never "done": there are new, open, held, closed`},
			{`"vpi" in tags`, `line 1, column 1: tags[0] is never "vpi": did you mean vip? There are vip, icu, 网络`},
			{`any(tags, # == "x")`, `line 1, column 16: # is never "x": there are vip, icu, 网络`},
			{`fields.ward == "ward9"`, `line 1, column 16: fields.ward is never "ward9": there are icu, er`},
			{`(fields.ward ?? "none") == "er"`, `line 1, column 17: fields.ward is never "none": there are icu, er`},
			{`fields.wrad == "icu"`, `line 1, column 8: there is no host field fields.wrad: did you mean ward? There are codes, cost, due, grace, sterile, ward`},
			{`state == impact`, "line 1, column 7: state is a rule_test.State and impact is a rule_test.Impact"},
			{`state < "open"`, `line 1, column 7: state and "open" have no order but the alphabet: list the values: x in ["a", "b"]`},
			{`priority == "2"`, `line 1, column 10: priority is a whole number and "2" is a text: numbers stand without quotes, text with them`},
			{`opened_at > "2026-01-01"`, `line 1, column 11: opened_at is a time and "2026-01-01" is a text: a time is written time("2026-02-14T08:00:00+08:00")`},
			{`goal > 4`, `line 1, column 6: goal is a duration and 4 is a whole number: a duration is written duration("4h")`},
			{`goal > duration("4 hours")`, `line 1, column 8: "4 hours" is no duration: it is written a Go duration, like duration("4h30m")`},
			{`opened_at > time("2026-02-30")`, `line 1, column 13: "2026-02-30" is no time: it is written in RFC 3339 with an offset, like time("2026-02-14T08:00:00+08:00")`},
			{`opened_at > time(summary)`, `line 1, column 13: time takes a constant text: time("2026-02-14T08:00:00+08:00")`},
			{`priority`, "line 1, column 1: a condition is true or false, but this is a whole number: compare it with something"},
			{`priority and vip`, "line 1, column 1: and joins conditions, priority is a whole number: compare it with something"},
			{`not priority == 2`, "line 1, column 1: not negates a condition, priority is a whole number: put parentheses around the comparison: not (a == b)"},
			{`resolved_at == nil`, "line 1, column 16: there is no nil: write has(x) to ask whether a fact is there"},
			{`has(priority)`, "line 1, column 1: priority is always there"},
			{`has(summary)`, `line 1, column 1: summary is always there: compare it with ""`},
			{`(category ?? "x") == "x"`, "line 1, column 11: category is always there: leave out ?? and what follows"},
			{`fields.cost ?? 0 < 3`, "line 1, column 18: ?? stands beside another operator: put parentheses around it: (a ?? b)"},
			{`priority = 2`, `line 1, column 10: unexpected token Operator("="): write == to compare`},
			{`vip and`, "line 1, column 7: the source ends too early"},
			{``, `line 1, column 1: the source is empty: write "true" for no condition`},
			{`handler`, "line 1, column 1: handler has the type func(), which conditions cannot read"},
			{`secret == ""`, "line 1, column 1: there is no fact secret"},
			{`tags == ["vip"]`, "line 1, column 9: a list of constants can only stand after in"},
			{`tags == tags`, "line 1, column 6: a list of text cannot be compared as a whole: compare one fact of it"},
			{`tags contains "vip"`, `line 1, column 6: contains searches in text: write "vip" in tags`},
			{`attempts.outcome == "x"`, "line 1, column 10: attempts is a list: write any(attempts, .outcome …)"},
			{`category.name == "x"`, "line 1, column 10: category is a text and has no members"},
			{`summary matches category`, "line 1, column 17: a pattern is constant: write it as a text in quotes"},
			{`summary matches "a(b"`, "line 1, column 17: error parsing regexp: missing closing ): `a(b`: see the syntax of RE2"},
			{`risk in 1..3`, "line 1, column 1: a range has whole numbers, risk is a number: compare with <= and >="},
			{`priority / 0 > 1`, "line 1, column 10: division by zero"},
			{`opened_at + now > now`, `line 1, column 11: there is no time + time: a time is written time("2026-02-14T08:00:00+08:00")`},
			{`vip > false`, "line 1, column 5: true and false have no order: compare with == or !="},
			{`priority in []`, "line 1, column 10: the list is empty"},
			{`-category == ""`, "line 1, column 1: - takes a number or a duration, category is a text"},
			{`+category == ""`, "line 1, column 1: + takes a number, category is a text"},
			{`priority in category`, `line 1, column 10: category is a text and not a list: write x in ["a", "b"], x in 1..3 or x in list`},
			{`priority in ["a", "b"]`, "line 1, column 14: priority is a whole number and \"a\" is a text"},
			{`any(priority, true)`, "line 1, column 5: any takes a list, priority is a whole number"},
			{`any(tags, len(#))`, "line 1, column 11: the second argument of any is a condition, len(#) is a whole number: compare it with something"},
			{`count(levels) > 1`, `line 1, column 1: count takes a list and a condition on its elements: count(tags, # == "vip")`},
			{`len(priority) > 1`, "line 1, column 1: len takes text or a list, priority is a whole number"},
			{`lower(priority) == ""`, "line 1, column 1: lower takes text, priority is a whole number"},
			{`has(tags)`, "line 1, column 1: tags is always there: write len(list) > 0"},
			{`lowr(category) == ""`, "line 1, column 1: there is no function lowr: did you mean lower"},
			{`has(caller, owner)`, "line 1, column 1: has takes one argument"},
			{`duration(1) > goal`, `line 1, column 1: duration takes a constant text: duration("4h30m")`},
			{`summary contains priority`, "line 1, column 18: contains takes text, priority is a whole number"},
			{`levels["a"] == 1`, "line 1, column 7: levels is a list"},
			{`levels[risk] == 1`, "line 1, column 8: an index is a whole number, not a number"},
			{`priority ^ 2 == 1`, "line 1, column 10: there is no operator ^"},
			{`# == 1`, `line 1, column 1: unexpected token Operator("#")`},
		}
		for _, c := range cases {
			assert.True(t, strings.HasPrefix(faults(t, c.src)[0].String(), c.want), "%s\n got %s\nwant %s", c.src, faults(t, c.src)[0], c.want)
		}
	})
	t.Run("F-X-7 all faults of a source are told at once, in order", func(t *testing.T) {
		t.Parallel()
		got := faults(t, "prioritty == 1 and state == \"x\"\nor goal > 3 and any(tags, # == 2)")
		places := make([]string, len(got))
		for i, f := range got {
			places[i] = fmt.Sprintf("%d:%d", f.Line, f.Column)
		}
		assert.Equal(t, []string{"1:1", "1:29", "2:9", "2:29"}, places)
	})
}

func TestNoSideEffects(t *testing.T) {
	t.Parallel()
	t.Run("F-X-7 nothing that acts, waits or asks the world can be written", func(t *testing.T) {
		t.Parallel()
		for _, src := range []string{
			`now() > opened_at`, `handler() == 1`, `opened_at.IsZero()`, `opened_at.Add(goal) > now`, `let x = 1; x == 1`, `vip; vip`,
			`len(map(levels, # + 1)) > 0`, `len(filter(levels, # > 1)) > 0`, `reduce(levels, #acc + #, 0) > 3`, `repeat("x", 1000000) == ""`,
			`len(1..1000000000) > 1`, `sum(levels) > 1`, `date("2026-01-01") < now`, `get($env, "priority") == 1`, `$env.priority == 2`, `tags[0:1] == tags`,
			`vip ? true : false`, `if vip { true } else { false }`, `caller?.kind == "x"`, `priority ** 2 > 4`, `{"a": 1}.a == 1`, `toJSON(caller) == ""`, `priority | int() == 1`,
			`b"ab" == summary`, `any(levels, #index == 1)`,
		} {
			faults(t, src)
		}
	})
	t.Run("F-X-7 evaluation leaves the facts as they were, also from many goroutines", func(t *testing.T) {
		t.Parallel()
		p := schema.MustCompile(`any(attempts, .outcome == "fixed" and all(.steps, # > 2)) and lower(summary) contains "print" and "b" in fields.codes`)
		facts := sample()
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 200 {
					holds, err := p.Eval(facts)
					assert.True(t, holds)
					assert.NoError(t, err)
				}
			})
		}
		wg.Wait()
		assert.Equal(t, sample(), facts)
	})
	t.Run("F-X-7 the values of an explanation belong to the caller", func(t *testing.T) {
		t.Parallel()
		facts := sample()
		for _, term := range schema.MustCompile(`1 in levels`).Explain(facts) {
			if levels, ok := term.Value.([]int64); ok {
				levels[0] = 99
			}
		}
		assert.Equal(t, []int{1, 2, 3}, facts.Levels)
	})
	t.Run("F-SLA-9 a condition reads nothing but the state of its record, and gives the same answer on replay", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			facts := drawFacts(t, true)
			facts.Handler = nil
			src := boolTerm(t, 3, scope{}).src
			p := compile(t, src)
			first, err1 := p.Eval(facts)
			var again Facts
			require.NoError(t, json.Unmarshal(asJSON(t, facts), &again))
			again.Summary = facts.Summary // named by the tag expr only
			second, err2 := p.Eval(&again)
			assert.Equal(t, first, second, src)
			assert.Equal(t, fmt.Sprint(err1), fmt.Sprint(err2))
			for _, name := range p.Names() {
				assert.Contains(t, src, name[strings.LastIndexByte(name, '.')+1:])
			}
		})
	})
}

func asJSON(t *rapid.T, facts *Facts) []byte {
	type plain Facts
	copied := *facts
	data, err := json.Marshal(struct {
		plain
		Handler *int
	}{plain: plain(copied)})
	require.NoError(t, err)
	return data
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	t.Run("F-X-7 the printed form is canonical", func(t *testing.T) {
		t.Parallel()
		for src, want := range map[string]string{
			`((priority)<=2)&&(vip||!vip)`:                        `priority <= 2 and (vip or not vip)`,
			`vip and (vip and (vip and not (vip and vip)))`:       `vip and vip and vip and not (vip and vip)`,
			`1 < priority <= 3`:                                   `1 < priority and priority <= 3`,
			`not (state in ['open','held'])`:                      `state not in ["open", "held"]`,
			`not summary matches "x"`:                             ``, // not binds to summary
			`not (summary contains 'a"b\n')`:                      `summary not contains "a\"b\n"`,
			`(priority + 1) * 2 - (3 - 1) == -(-1 + priority)`:    `(priority + 1) * 2 - (3 - 1) == -(-1 + priority)`,
			`risk * 2.0 == 1e3`:                                   `risk * 2.0 == 1000.0`,
			`goal > duration("240m") or goal==duration('0h')`:     `goal > duration("4h") or goal == duration("0s")`,
			`now < time("2026-02-14T08:00:00.5+08:00")`:           `now < time("2026-02-14T08:00:00.5+08:00")`,
			`(vip == (priority == 2)) != false`:                   `(vip == (priority == 2)) != false`,
			`levels | any(# in (-1)..(priority+1))`:               `any(levels, # in -1..priority + 1)`,
			`any(attempts, #.outcome == "x" and #.by.age[0] > 1)`: ``, // age is no list
			`any(attempts, #.steps[-1] > 1)`:                      `any(attempts, .steps[-1] > 1)`,
			`(caller.name ?? (category)) == "\u0007"`:             `(caller.name ?? category) == "\u0007"`,
			`(((score ?? 1) ?? 2)) == 1`:                          ``, // 1 is always there
			`vip // a comment`:                                    `vip`,
		} {
			p, err := schema.Compile(src)
			if want == "" {
				assert.Error(t, err, src)
				continue
			}
			require.NoError(t, err, src)
			assert.Equal(t, want, p.String())
			text, err := p.MarshalText()
			require.NoError(t, err)
			assert.Equal(t, want, string(text))
		}
	})
	t.Run("F-X-7 the printed form compiles to the same predicate", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			src := boolTerm(t, 4, scope{}).src
			p := compile(t, src)
			again, err := schema.Compile(p.String())
			require.NoError(t, err, p.String())
			require.Equal(t, p.String(), again.String(), src)
			require.Equal(t, p.Names(), again.Names())
			facts := drawFacts(t, true)
			a, err1 := p.Eval(facts)
			b, err2 := again.Eval(facts)
			require.Equal(t, a, b, src)
			require.Equal(t, fmt.Sprint(err1), fmt.Sprint(err2))
		})
	})
}

func TestCostLimit(t *testing.T) {
	t.Parallel()
	t.Run("F-X-7 a source has limits", func(t *testing.T) {
		t.Parallel()
		for src, want := range map[string]string{
			strings.Repeat(" ", rule.MaxSource) + "vip":                        "the source has 4099 bytes",
			"vip" + strings.Repeat(" and vip", rule.MaxNodes/2):                "too many terms",
			strings.Repeat("(0 < ", 12) + "1" + strings.Repeat(" < 2)", 12):    "",
			nested(rule.MaxDepth + 1):                                          "nested",
			`summary matches "` + strings.Repeat("x", rule.MaxPattern+1) + `"`: "the pattern has 257 bytes",
			`summary matches "(a{100}){9}(b{900}){1}"`:                         "the pattern is too large",
			"summary == '" + strings.Repeat("\x01", 2000) + "'":                "written out",
			"vip and \xff": "not valid UTF-8",
		} {
			assert.Contains(t, faults(t, src)[0].Problem, want)
		}
		_, err := schema.Compile(nested(rule.MaxDepth - 2))
		assert.NoError(t, err)
		_, err = schema.Compile("vip" + strings.Repeat(" and vip", rule.MaxNodes/2-1))
		assert.NoError(t, err, "a long chain is not deep")
	})
	t.Run("F-X-7 a term that the syntax multiplies is refused in no time", func(t *testing.T) {
		t.Parallel()
		src := "priority"
		for range 200 {
			src = "(0 + (0 < " + src + " < 2))"
		}
		begin := time.Now()
		faults(t, src)
		assert.Less(t, time.Since(begin), patience)
	})
	t.Run("F-X-7 an evaluation has a budget", func(t *testing.T) {
		t.Parallel()
		text := strings.Repeat("a", 1<<20)
		large := &Facts{Levels: make([]int, 10_000), Summary: text, Category: strings.Clone(text), Tags: []string{strings.Clone(text)}, Fields: map[string]any{"codes": make([]string, 1000)}}
		for _, src := range []string{
			`all(levels, all(levels, all(levels, # == 0)))`,
			`count(levels, any(levels, # == 1)) == 0`,
			`all(levels, # in levels)`,
			`any(levels, 1 in levels)`,
			`summary matches "^(a|a|aa)*(a?){50}b$"`,
			`all(levels, lower(summary) not contains "b")`,
			`all(levels, len(summary) > 0)`,
			`all(levels, summary == category)`,
			`all(levels, category in [summary])`,
			`all(levels, category not in tags or true)`,
			`all(levels, len(fields.codes) > 0)`,
			`all(levels, summary contains "b" or summary endsWith "a")`,
		} {
			p := schema.MustCompile(src)
			begin := time.Now()
			holds, err := p.Eval(large)
			assert.ErrorIs(t, err, rule.ErrCost, src)
			assert.False(t, holds)
			assert.Less(t, time.Since(begin), patience, src)
		}
		small := &Facts{Levels: make([]int, 100)}
		holds, err := schema.MustCompile(`all(levels, all(levels, # == 0))`).Eval(small)
		require.NoError(t, err)
		assert.True(t, holds)
	})
}

// nested is a condition of the given depth.
func nested(depth int) string {
	src := "vip"
	for i := range depth - 1 {
		if i%2 == 0 {
			src = "not (" + src + ")"
		} else {
			src = "(" + src + " == true)"
		}
	}
	return src
}

func TestTotal(t *testing.T) {
	t.Parallel()
	big := new(math.MaxInt)
	facts := sample()
	facts.Score, facts.Goal, facts.Risk, facts.Count = big, math.MaxInt64, math.MaxFloat64, math.MaxUint64
	t.Run("F-X-7 arithmetic without a result is an error, never a panic or a wrong number", func(t *testing.T) {
		t.Parallel()
		for _, src := range []string{
			`priority / (priority - 2) > 1`, `priority % (priority - 2) == 1`, `score + 1 > 0`, `score * 2 > 0`, `-score - 2 < 0`, `goal + goal > goal`, `goal * 1.5 > goal`,
			`goal / 0.5 > goal`, `goal / (goal - goal) > 1`, `risk * 10 > 1`, `now - time("0001-01-01T00:00:00Z") > goal`, `risk + risk > 0`,
		} {
			p := schema.MustCompile(src)
			holds, err := p.Eval(facts)
			var fault *rule.EvalError
			if assert.ErrorAs(t, err, &fault, src) {
				assert.ErrorIs(t, err, rule.ErrArithmetic)
				assert.Contains(t, src, fault.Term)
			}
			assert.False(t, holds)
			holds, err = schema.MustCompile(`not (` + src + `) or vip`).Eval(facts)
			assert.Error(t, err)
			assert.False(t, holds)
		}
		assert.True(t, eval(t, `count > 1`, facts), "beyond int64")
		assert.False(t, eval(t, `vip == false and priority / (priority - 2) > 1`, facts), "not reached")
		assert.True(t, eval(t, `risk != risk and not (risk == risk)`, &Facts{Risk: math.NaN()}))
	})
	t.Run("F-X-7 facts of another type are an error", func(t *testing.T) {
		t.Parallel()
		p := schema.MustCompile(`vip`)
		for _, facts := range []any{nil, 1, "x", struct{}{}, (*Facts)(nil), &struct{ A int }{}, map[string]any{}, new(sample())} {
			_, err := p.Eval(facts)
			assert.ErrorIs(t, err, rule.ErrFacts)
			terms := p.Explain(facts)
			require.Len(t, terms, 1)
			assert.ErrorIs(t, terms[0].Err, rule.ErrFacts)
		}
		_, err := p.Eval(42)
		assert.EqualError(t, err, "rule: wrong facts: a int, not a rule_test.Facts")
	})
	t.Run("F-X-7 a host field of another type than declared is an error", func(t *testing.T) {
		t.Parallel()
		for src, value := range map[string]any{
			`fields.ward == "icu"`: 5, `fields.cost > 1`: "12", `fields.sterile`: "yes", `fields.due > now`: "soon", `fields.grace > goal`: 12, `"a" in fields.codes`: []any{1},
			`len(fields.codes) > 0`: "a", `has(fields.cost)`: []int{},
		} {
			name, _, _ := strings.Cut(src[strings.Index(src, "fields.")+len("fields."):], " ")
			name = strings.TrimRight(name, ")")
			_, err := schema.MustCompile(src).Eval(&Facts{Fields: map[string]any{name: value}})
			assert.ErrorIs(t, err, rule.ErrFacts, src)
		}
	})
}

func FuzzCompile(f *testing.F) {
	for _, src := range []string{
		`priority <= 2 and state == "open"`, `any(attempts, .outcome == "x" and .steps[-1] in 1..2)`, `(fields.cost ?? 1.5) * 2 > risk or not has(caller.kind)`,
		`now - opened_at > duration("4h") and now > time("2026-02-14T08:00:00+08:00")`, `summary matches "^a+$" and lower(category) not in ["x"]`, `count(levels, # % 2 == 0) > -1`,
		`1 < priority < 3`, `"网络" in tags`, "a\n.b[", `'\u{1F600}' == summary`, `0x1F == 1_0 ** 2`,
	} {
		f.Add(src)
	}
	records := []*Facts{sample(), {}}
	f.Fuzz(func(t *testing.T, src string) {
		p, err := schema.Compile(src)
		if err != nil {
			var wrong *rule.SyntaxError
			if !errors.As(err, &wrong) || len(wrong.Faults) == 0 || wrong.Faults[0].Line < 1 || wrong.Faults[0].Column < 1 {
				t.Fatalf("%q: %#v", src, err)
			}
			return
		}
		again, err := schema.Compile(p.String())
		if err != nil || again.String() != p.String() {
			t.Fatalf("%q prints as %q, which is %v: %v", src, p, again, err)
		}
		for _, facts := range records {
			a, err1 := p.Eval(facts)
			b, err2 := again.Eval(facts)
			if a != b || !reflect.DeepEqual(err1, err2) {
				t.Fatalf("%q is %v, %v; %q is %v, %v", src, a, err1, p, b, err2)
			}
			if terms := p.Explain(facts); err1 == nil && terms[0].Value != a {
				t.Fatalf("%q is %v, explained as %v", src, a, terms[0])
			}
		}
	})
}
