package rule_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/rule"
)

func TestHostFieldForms(t *testing.T) {
	t.Parallel()
	type Ward string
	now := at("2026-02-14T08:00:00Z")
	for i, c := range []struct {
		src   string
		name  string
		value any
	}{
		{`fields.ward == "icu"`, "ward", Ward("icu")},
		{`fields.cost == 3`, "cost", 3},
		{`fields.cost == 3`, "cost", uint8(3)},
		{`fields.cost == 3`, "cost", float32(3)},
		{`fields.cost == 3`, "cost", json.Number("3")},
		{`fields.sterile`, "sterile", true},
		{`fields.due == now`, "due", now},
		{`fields.grace == duration("1m")`, "grace", time.Minute},
		{`"b" in fields.codes`, "codes", []string{"a", "b"}},
		{`"b" in fields.codes`, "codes", []Ward{"a", "b"}},
		{`not has(fields.cost)`, "cost", nil},
		{`not (fields.cost == fields.cost)`, "cost", math.NaN()},
	} {
		assert.True(t, eval(t, c.src, &Facts{Now: now, Fields: map[string]any{c.name: c.value}}), i)
	}
	type Key string
	type Other struct{ Fields map[Key]string }
	p := rule.SchemaOf(Other{}, rule.WithFields(map[string]rule.Type{"ward": rule.Text})).MustCompile(`fields.ward == "icu"`)
	holds, err := p.Eval(Other{map[Key]string{"ward": "icu"}})
	assert.NoError(t, err)
	assert.True(t, holds)
	holds, err = p.Eval(Other{})
	assert.NoError(t, err)
	assert.False(t, holds)
}

func TestCombining(t *testing.T) {
	t.Parallel()
	p, q := schema.MustCompile(`vip or priority == 1`), schema.MustCompile(`state == "open"`)
	var none *rule.Predicate
	for _, c := range []struct {
		got  *rule.Predicate
		want string
	}{
		{rule.All(), "true"},
		{rule.Any(), "false"},
		{rule.All(p), p.String()},
		{rule.All(p, q), `(vip or priority == 1) and state == "open"`},
		{rule.Any(p, q), `vip or priority == 1 or state == "open"`},
		{rule.All(p, nil, rule.True(), q), `(vip or priority == 1) and state == "open"`},
		{rule.All(p, rule.False()), "false"},
		{rule.Any(p, nil), "true"},
		{rule.Any(rule.False(), q), q.String()},
		{rule.Not(q), `not (state == "open")`},
		{rule.Not(rule.Not(q)), q.String()},
		{rule.Not(nil), "false"},
		{rule.Not(rule.False()), "true"},
		{none, "true"},
	} {
		assert.Equal(t, c.want, c.got.String())
		again := schema.MustCompile(c.want)
		want, _ := again.Eval(sample())
		got, err := c.got.Eval(sample())
		assert.NoError(t, err)
		assert.Equal(t, want, got, c.want)
	}
	holds, err := none.Eval(nil)
	assert.True(t, holds)
	assert.NoError(t, err)
	assert.Empty(t, none.Names())
	type Others struct{ VIP bool }
	other := rule.SchemaOf(Others{}).MustCompile("vip")
	assert.Panics(t, func() { rule.All(p, other) })
}

func TestNames(t *testing.T) {
	t.Parallel()
	p := schema.MustCompile(`priority < 3 and any(attempts, .by.kind == caller.kind and priority > 1) and attempts[0].outcome != "x" and fields.ward != "er" and "vip" in tags`)
	want := []string{"attempts", "attempts.by.kind", "attempts.outcome", "caller.kind", "fields.ward", "priority", "tags"}
	assert.Equal(t, want, p.Names())
	p.Names()[0] = "mine"
	assert.Equal(t, want, p.Names())
}

func TestExplain(t *testing.T) {
	t.Parallel()
	p := schema.MustCompile(`priority <= 1 and now - opened_at > duration("4h") or caller.kind in ["nurse"] or count(attempts, .outcome == "failed") > 0 or resolved_at < now or "vip" in tags`)
	var lines []string
	for _, term := range p.Explain(sample()) {
		lines = append(lines, strings.Repeat("  ", term.Depth)+term.String())
	}
	assert.Equal(t, []string{
		p.String() + ": true",
		`  priority <= 1 and now - opened_at > duration("4h"): false`,
		`    priority <= 1: false`,
		`      priority: 2`,
		`    now - opened_at > duration("4h"): true`,
		`      now - opened_at: 5h`,
		`        now: 2026-02-14T13:00:00+08:00`,
		`        opened_at: 2026-02-14T08:00:00+08:00`,
		`  caller.kind in ["nurse"]: false`,
		`    caller.kind: "doctor"`,
		`  count(attempts, .outcome == "failed") > 0: true`,
		`    count(attempts, .outcome == "failed"): 1`,
		`  resolved_at < now: false`,
		`    resolved_at: absent`,
		`    now: 2026-02-14T13:00:00+08:00`,
		`  "vip" in tags: true`,
		`    tags: [vip 网络]`,
	}, lines)

	values := map[string]any{}
	for _, term := range schema.MustCompile(`priority in levels and risk in rates and now in stops and vip in [true] and -2.5 < risk and -goal < goal and flag`).Explain(sample()) {
		values[term.Source] = term.Value
	}
	assert.Equal(t, []int64{1, 2, 3}, values["levels"])
	assert.Equal(t, []float64{0.5, 2}, values["rates"])
	assert.Equal(t, []time.Time{at("2026-02-14T09:00:00+08:00")}, values["stops"])
	assert.Equal(t, -4*time.Hour, values["-goal"])
	assert.Equal(t, 0.5, values["risk"])
	assert.Nil(t, values["flag"])

	terms := schema.MustCompile(`vip or priority / (priority - 2) > 1`).Explain(sample())
	assert.Equal(t, true, terms[0].Value)
	assert.ErrorIs(t, terms[2].Err, rule.ErrArithmetic)
	assert.Nil(t, terms[2].Value)
	assert.Equal(t, "priority / (priority - 2): rule: arithmetic fault: division by zero, or the result is out of range in priority / (priority - 2)", terms[3].String())
	assert.Equal(t, []rule.Term{{Source: "true", Value: true}}, rule.True().Explain(nil))
}

func TestSchema(t *testing.T) {
	t.Parallel()
	t.Run("facts are listed", func(t *testing.T) {
		t.Parallel()
		type Node struct {
			Name     string
			Parent   *Node
			Children []Node
		}
		s := rule.SchemaOf(&Node{})
		assert.Equal(t, []rule.Fact{
			{Name: "children", Type: "list of group of facts"}, {Name: "name", Type: "text"}, {Name: "parent", Type: "group of facts", Optional: true},
		}, s.Facts())
		p := s.MustCompile(`any(children, any(.children, .name == "x")) and not has(parent.parent.parent)`)
		holds, err := p.Eval(&Node{Children: []Node{{Children: []Node{{Name: "x"}}}}})
		require.NoError(t, err)
		assert.True(t, holds)
		all := schema.Facts()
		assert.Contains(t, all, rule.Fact{Name: "state", Type: "text", Values: []string{"new", "open", "held", "closed"}})
		assert.Contains(t, all, rule.Fact{Name: "fields.ward", Type: "text", Values: []string{"icu", "er"}, Optional: true})
		assert.Contains(t, all, rule.Fact{Name: "attempts.took", Type: "duration"})
		assert.Contains(t, all, rule.Fact{Name: "opened_at", Type: "time", Optional: true})
	})
	t.Run("names", func(t *testing.T) {
		t.Parallel()
		type Inner struct{ CIName, Shadow string }
		type Outer struct {
			*Inner
			HTTPServerID string `json:",omitempty"`
			Shadow       int
			Tagged       int `json:"plain" expr:"rule_name"`
			Hidden       int `expr:"-"`
			internal     int
		}
		s := rule.SchemaOf(Outer{internal: 1})
		p := s.MustCompile(`http_server_id == "" and shadow == 3 and rule_name == 0 and not has(ci_name)`)
		holds, err := p.Eval(Outer{Shadow: 3})
		require.NoError(t, err)
		assert.True(t, holds)
		assert.Equal(t, true, must(s.MustCompile(`ci_name == "x"`).Eval(Outer{Inner: &Inner{CIName: "x"}})))
	})
	t.Run("facts of an embedded struct that is not exported", func(t *testing.T) {
		t.Parallel()
		type base struct {
			OpenedAt time.Time
			Fields   map[string]any
		}
		type byValue struct{ base }
		type byPointer struct{ *base }
		inner := base{at("2026-02-14T08:00:00Z"), map[string]any{"ward": "icu"}}
		ward := rule.WithFields(map[string]rule.Type{"ward": rule.Text})
		for _, facts := range []any{byValue{inner}, &byValue{inner}, byPointer{&inner}, &byPointer{&inner}} {
			p := rule.SchemaOf(facts, ward).MustCompile(`opened_at < time("2027-01-01T00:00:00Z") and fields.ward == "icu"`)
			assert.True(t, must(p.Eval(facts)))
		}
		assert.False(t, must(rule.SchemaOf(byPointer{}, ward).MustCompile(`has(opened_at) or has(fields.ward)`).Eval(byPointer{})))
	})
	t.Run("mistakes in code panic", func(t *testing.T) {
		t.Parallel()
		type twice struct {
			A int `json:"x"`
			B int `expr:"x"`
		}
		type keyword struct{ In int }
		for name, f := range map[string]func(){
			"nil":            func() { rule.SchemaOf(nil) },
			"no struct":      func() { rule.SchemaOf(3) },
			"twice":          func() { rule.SchemaOf(twice{}) },
			"keyword":        func() { rule.SchemaOf(keyword{}) },
			"no such fact":   func() { rule.SchemaOf(Facts{}, rule.WithEnum("stat", "x")) },
			"no text":        func() { rule.SchemaOf(Facts{}, rule.WithEnum("priority", "x")) },
			"no fields":      func() { rule.SchemaOf(Person{}, rule.WithFields(map[string]rule.Type{"a": rule.Text})) },
			"no type":        func() { rule.SchemaOf(Facts{}, rule.WithFields(map[string]rule.Type{"a": "blob"})) },
			"bad field name": func() { rule.SchemaOf(Facts{}, rule.WithFields(map[string]rule.Type{"a-b": rule.Text})) },
			"must":           func() { schema.MustCompile("prio") },
		} {
			assert.Panics(t, f, name)
		}
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
