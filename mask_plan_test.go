package itsm

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

type planText string

type planInner struct {
	Note  string `itsm:"text"`
	Other string
}

type planRecord struct {
	planInner
	Summary  string `itsm:"personal,text"`
	ID       string
	Named    planText            `itsm:"text"`
	Lines    []string            `itsm:"text"`
	Pair     [2]string           `itsm:"text"`
	ByKey    map[string]string   `itsm:"text"`
	Deep     map[string][]string `itsm:"text"`
	Ptr      *string             `itsm:"text"`
	Inner    planInner
	Inners   []planInner
	Pointers []*planInner
	ByName   map[int]planInner
	Plain    []string
	Any      any
	hidden   planInner
}

type planNode struct {
	Text string `itsm:"text"`
	Kids []*planNode
	Side map[string]planNode
}

type (
	planLoopA struct{ B *planLoopB }
	planLoopB struct {
		A    []planLoopA
		Text string `itsm:"text"`
	}
	planNoText struct {
		Name string
		Next *planNoText
		List []map[string]planNoText
	}
	planMisplaced struct {
		Count int `itsm:"text"`
	}
	planUnexported struct {
		text string `itsm:"text"` //lint:ignore U1000 its tag is what the test is about
	}
)

func planSample() planRecord {
	s := "p"
	return planRecord{
		planInner: planInner{"e", "keep"}, Summary: "s", ID: "keep", Named: "n", Lines: []string{"a", "b"}, Pair: [2]string{"c", "d"},
		ByKey: map[string]string{"keep": "v"}, Deep: map[string][]string{"keep": {"w", "x"}}, Ptr: &s,
		Inner: planInner{"i", "keep"}, Inners: []planInner{{"j", "keep"}, {"k", "keep"}}, Pointers: []*planInner{{"l", "keep"}, nil},
		ByName: map[int]planInner{1: {"m", "keep"}}, Plain: []string{"keep"}, Any: planInner{"keep", "keep"}, hidden: planInner{"keep", "keep"},
	}
}

func asJSON(t require.TestingT, v any) string {
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return string(data)
}

func TestTextPlan(t *testing.T) {
	t.Parallel()
	upper := func(s string) string { return strings.ToUpper(s) }
	t.Run("every free text is rewritten and nothing else", func(t *testing.T) {
		t.Parallel()
		rec := planSample()
		require.True(t, textPlanOf(reflect.TypeFor[planRecord]()).rewrite(reflect.ValueOf(&rec).Elem(), upper))
		want := planSample()
		p := "P"
		want.Note, want.Summary, want.Named, want.Lines, want.Pair, want.Ptr = "E", "S", "N", []string{"A", "B"}, [2]string{"C", "D"}, &p
		want.ByKey, want.Deep = map[string]string{"keep": "V"}, map[string][]string{"keep": {"W", "X"}}
		want.Inner.Note, want.Inners[0].Note, want.Inners[1].Note, want.Pointers[0].Note = "I", "J", "K", "L"
		want.ByName[1] = planInner{"M", "keep"}
		assert.Equal(t, want, rec)
	})
	t.Run("memory shared with the original stays as it was", func(t *testing.T) {
		t.Parallel()
		orig := planSample()
		rec := orig
		textPlanOf(reflect.TypeFor[planRecord]()).rewrite(reflect.ValueOf(&rec).Elem(), upper)
		assert.Equal(t, planSample(), orig)
	})
	t.Run("untouched parts are not cloned", func(t *testing.T) {
		t.Parallel()
		orig := planSample()
		rec := orig
		only := func(s string) string { return strings.ReplaceAll(s, "k", "K") }
		require.True(t, textPlanOf(reflect.TypeFor[planRecord]()).rewrite(reflect.ValueOf(&rec).Elem(), only))
		assert.Same(t, &orig.Lines[0], &rec.Lines[0])
		assert.Same(t, orig.Ptr, rec.Ptr)
		assert.Same(t, &orig.Pointers[0], &rec.Pointers[0])
		assert.Equal(t, reflect.ValueOf(orig.ByKey).Pointer(), reflect.ValueOf(rec.ByKey).Pointer())
		assert.NotSame(t, &orig.Inners[0], &rec.Inners[0])
		assert.False(t, textPlanOf(reflect.TypeFor[planRecord]()).rewrite(reflect.ValueOf(&rec).Elem(), func(s string) string { return s }))
	})
	t.Run("a type without free text has no plan", func(t *testing.T) {
		t.Parallel()
		assert.Nil(t, textPlanOf(reflect.TypeFor[planNoText]()))
		assert.Nil(t, textPlanOf(reflect.TypeFor[int]()))
		v := planNoText{Name: "a"}
		assert.False(t, textPlanOf(reflect.TypeFor[planNoText]()).rewrite(reflect.ValueOf(&v).Elem(), upper))
	})
	t.Run("types may contain themselves", func(t *testing.T) {
		t.Parallel()
		a := planLoopA{&planLoopB{Text: "x", A: []planLoopA{{&planLoopB{Text: "y"}}}}}
		require.True(t, textPlanOf(reflect.TypeFor[planLoopA]()).rewrite(reflect.ValueOf(&a).Elem(), upper))
		assert.Equal(t, "X", a.B.Text)
		assert.Equal(t, "Y", a.B.A[0].B.Text)
	})
	t.Run("a misplaced tag is a programmer's error", func(t *testing.T) {
		t.Parallel()
		assert.PanicsWithValue(t, `itsm: itsm.planMisplaced.Count: itsm:"text" is for exported strings, and slices, arrays, maps and pointers of strings; got int`,
			func() { textPlanOf(reflect.TypeFor[planMisplaced]()) })
		assert.Panics(t, func() { textPlanOf(reflect.TypeFor[planUnexported]()) })
	})
	t.Run("a tree rewritten equals the tree of rewritten JSON", func(t *testing.T) {
		t.Parallel()
		var gen func(depth int) *rapid.Generator[planNode]
		gen = func(depth int) *rapid.Generator[planNode] {
			return rapid.Custom(func(t *rapid.T) planNode {
				n := planNode{Text: rapid.StringMatching(`[a-d]{0,3}`).Draw(t, "text")}
				if depth > 0 {
					n.Kids = rapid.SliceOfN(rapid.Map(gen(depth-1), func(n planNode) *planNode { return &n }), 0, 3).Draw(t, "kids")
					n.Side = rapid.MapOfN(rapid.StringMatching(`[0-9]`), gen(depth-1), 0, 2).Draw(t, "side")
				}
				return n
			})
		}
		f := func(s string) string { return strings.ReplaceAll(s, "a", "#") }
		rapid.Check(t, func(t *rapid.T) {
			orig := gen(2).Draw(t, "node")
			before := asJSON(t, orig)
			rec := orig
			changed := textPlanOf(reflect.TypeFor[planNode]()).rewrite(reflect.ValueOf(&rec).Elem(), f)
			require.Equal(t, before, asJSON(t, orig), "the original is untouched")
			// No key has the letter, so replacing it everywhere in the JSON is the oracle.
			want := strings.ReplaceAll(before, "a", "#")
			require.Equal(t, want, asJSON(t, rec))
			require.Equal(t, want != before, changed)
		})
	})
}
