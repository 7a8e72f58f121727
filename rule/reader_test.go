package rule_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/rule"
)

func read[T rule.Basic](t *testing.T, src string, facts *Facts) (T, bool) {
	t.Helper()
	r, err := rule.ReaderOf[T](schema, src)
	require.NoError(t, err, src)
	v, ok, err := r.Read(facts)
	require.NoError(t, err, src)
	return v, ok
}

func TestReader(t *testing.T) {
	t.Parallel()
	got := func(v any, ok bool) any {
		if !ok {
			return nil
		}
		return v
	}
	facts := sample()
	check := func(want, v any, ok bool) {
		t.Helper()
		assert.Equal(t, want, got(v, ok))
	}
	b, ok := read[bool](t, "vip", facts)
	check(true, b, ok)
	i, ok := read[int64](t, "priority + 1", facts)
	check(int64(3), i, ok)
	f, ok := read[float64](t, "priority", facts)
	check(2.0, f, ok)
	s, ok := read[string](t, "state", facts)
	check("open", s, ok)
	at1, ok := read[time.Time](t, "resolved_at ?? now", facts)
	check(facts.Now, at1, ok)
	_, ok = read[time.Time](t, "resolved_at", facts)
	assert.False(t, ok)
	d, ok := read[time.Duration](t, "now - opened_at", facts)
	check(5*time.Hour, d, ok)

	_, err := rule.ReaderOf[time.Time](schema, "goal")
	assert.EqualError(t, err, "rule: line 1, column 1: this is a duration, not a time")
	assert.ErrorIs(t, err, itsm.ErrInvalid)
	r, err := rule.ReaderOf[time.Time](schema, "(opened_at+goal)")
	require.NoError(t, err)
	assert.Equal(t, "opened_at + goal", r.String())
	assert.Equal(t, []string{"goal", "opened_at"}, r.Names())
	_, _, err = r.Read(3)
	assert.ErrorIs(t, err, rule.ErrFacts)
	over, err := rule.ReaderOf[int64](schema, "score + 1")
	require.NoError(t, err)
	_, ok, err = over.Read(&Facts{Score: new(math.MaxInt)})
	assert.False(t, ok)
	assert.ErrorIs(t, err, rule.ErrArithmetic)
}

func TestKernelFields(t *testing.T) {
	t.Parallel()
	type Record struct {
		Priority int
		Fields   map[string]itsm.Value
	}
	s := rule.SchemaOf(Record{}, rule.WithHostFields(
		itsm.Field{Name: "ward", Type: itsm.TextValue, Choices: []string{"icu", "er"}},
		itsm.Field{Name: "cost", Type: itsm.NumberValue},
		itsm.Field{Name: "sterile", Type: itsm.BoolValue},
		itsm.Field{Name: "due", Type: itsm.TimeValue},
	))
	facts := &Record{Fields: map[string]itsm.Value{
		"ward": itsm.TextOf("icu"), "cost": itsm.NumberOf(12.5), "sterile": itsm.BoolOf(true), "due": itsm.TimeOf(at("2026-02-14T08:00:00Z")),
	}}
	p := s.MustCompile(`fields.ward == "icu" and fields.cost > 12 and fields.sterile and fields.due == time("2026-02-14T08:00:00Z")`)
	assert.True(t, must(p.Eval(facts)))
	assert.False(t, must(p.Eval(&Record{})))
	facts.Fields["cost"] = itsm.TextOf("12")
	_, err := p.Eval(facts)
	assert.EqualError(t, err, "rule: wrong facts: the value is a text, declared is number in fields.cost")
	_, err = s.Compile(`fields.ward == "ici"`)
	assert.ErrorContains(t, err, "did you mean icu?")
}

// It counts allocations, so it runs alone.
func TestNoAllocations(t *testing.T) {
	type Record struct{ Fields map[string]itsm.Value }
	kernel := rule.SchemaOf(Record{}, rule.WithHostFields(itsm.Field{Name: "cost", Type: itsm.NumberValue})).MustCompile(`fields.cost > 12`)
	record := &Record{map[string]itsm.Value{"cost": itsm.NumberOf(13)}}
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = kernel.Eval(record) }))

	facts := sample()
	for _, src := range []string{
		typical, `now - opened_at > duration("4h") and has(opened_at)`, `"vip" in tags and state in ["open", "held"]`,
		`any(attempts, .outcome == "fixed" and .took > duration("1h"))`, `fields.ward == "icu"`,
	} {
		p := schema.MustCompile(src)
		assert.True(t, must(p.Eval(facts)), src)
		assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = p.Eval(facts) }), src)
	}
}
