package jsonfast_test

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/internal/jsonfast"
)

type Base struct {
	ID    string    `json:"id"`
	At    time.Time `json:"at"`
	hide  int
	Named int `json:",omitempty"`
}

type grade int

func (g grade) MarshalText() ([]byte, error) {
	if g < 0 {
		return nil, fmt.Errorf("no grade %d", g)
	}
	return []byte{byte('A' + g)}, nil
}

type shade struct{ dark bool }

func (s *shade) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, `{ "dark" : %v }`, s.dark), nil
}

type node struct {
	Name string `json:"name"`
	Next *node  `json:"next,omitempty"`
}

type none struct{ N int }

func (n none) IsZero() bool { return n.N == 7 }

type list struct{ of []Base }

func (l list) MarshalJSON() ([]byte, error) { return json.Marshal(*l.as()) }
func (l *list) JSONAs() jsonfast.As         { return jsonfast.AsOf(l.as()) }

func (l *list) as() *[]Base {
	if l.of == nil {
		return &[]Base{}
	}
	return &l.of
}

type all struct {
	Base
	As    list                  `json:"as"`
	Asp   *list                 `json:"asp,omitempty"`
	Asm   map[string]list       `json:"asm,omitempty"`
	B     bool                  `json:"b,omitempty"`
	I     int8                  `json:"i,omitempty"`
	U     uint16                `json:"u,omitempty"`
	F     float64               `json:"f,omitempty"`
	S     string                `json:"s,omitempty"`
	P     *int                  `json:"p,omitempty"`
	Q     *Base                 `json:"q"`
	L     []string              `json:"l"`
	M     map[string]int        `json:"m,omitempty"`
	K     map[int]string        `json:"k,omitempty"`
	A     [2]bool               `json:"a,omitempty"`
	Z     [1]string             `json:"z,omitzero"`
	Y     []byte                `json:"y"`
	G     grade                 `json:"g,omitempty"`
	H     shade                 `json:"h"`
	N     *node                 `json:"n,omitempty"`
	T     time.Time             `json:"t,omitzero"`
	D     itsm.Digest           `json:"d,omitzero"`
	V     map[string]itsm.Value `json:"v,omitempty"`
	O     none                  `json:"o,omitzero"`
	E     any                   `json:"e"`
	R     json.RawMessage       `json:"r,omitempty"`
	Deep  [][]map[grade]Base    `json:"deep,omitempty"`
	Many  []Base                `json:"many,omitempty"`
	Each  map[string]*Base      `json:"each,omitempty"`
	Skip  int                   `json:"-"`
	Left  time.Time             `json:"-"`
	Plain struct{ X, Y int }
}

func draw(t *rapid.T) all {
	text := func(name string) string { return rapid.String().Draw(t, name) }
	at := func(name string) time.Time {
		v := time.UnixMicro(rapid.Int64Range(-6e16, 2.5e17).Draw(t, name)).UTC()
		if rapid.Bool().Draw(t, "elsewhere") {
			v = v.In(time.FixedZone("", 8*3600))
		}
		return v
	}
	v := all{Base: Base{ID: text("id"), At: at("at"), hide: 1}, B: rapid.Bool().Draw(t, "b"), I: rapid.Int8().Draw(t, "i"), U: rapid.Uint16().Draw(t, "u"),
		S: text("s"), G: grade(rapid.IntRange(0, 3).Draw(t, "g")), H: shade{true}, O: none{rapid.IntRange(6, 8).Draw(t, "o")}}
	v.F = rapid.Float64Range(-1e22, 1e22).Draw(t, "f")
	if rapid.Bool().Draw(t, "more") {
		n := 0
		v.P, v.Q, v.L = &n, &v.Base, []string{text("l"), "<b> & \u2028"}
		v.M, v.K = map[string]int{text("m1"): 1, text("m2"): 2}, map[int]string{10: "ten", 9: text("k")}
		v.Y, v.N, v.T, v.D = []byte(text("y")), &node{"a", &node{text("n"), nil}}, at("t"), itsm.Digest{1}
		v.V = map[string]itsm.Value{"x": itsm.TextOf(text("v")), "w": itsm.NumberOf(3)}
		v.E, v.R = map[string]any{"k": []any{text("e"), 1.5, nil}}, json.RawMessage(`{ "a": "<" }`)
		v.Deep = [][]map[grade]Base{nil, {{1: v.Base}, nil}}
		v.Z[0] = text("z")
		v.As, v.Asp, v.Asm = list{[]Base{v.Base, v.Base}}, &list{[]Base{}}, map[string]list{"a": {}, "b": {[]Base{v.Base}}}
	} else {
		v.L = []string{}
	}
	return v
}

func same(t require.TestingT, v any, got []byte, err error) {
	want, wantErr := json.Marshal(v)
	if wantErr != nil {
		require.Error(t, err)
		require.Equal(t, wantErr.Error(), err.Error())
		return
	}
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

func TestSameAsStandard(t *testing.T) {
	t.Parallel()
	t.Run("any value", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			v := draw(t)
			got, err := jsonfast.Marshal(&v)
			same(t, &v, got, err)
			require.NoError(t, jsonfast.CheckerOf[all]().Check(&v))
			got, err = jsonfast.AppendValue(nil, reflect.ValueOf(v.Deep))
			same(t, v.Deep, got, err)
			got, err = jsonfast.AppendValue(nil, reflect.ValueOf(v))
			same(t, v, got, err)
		})
	})
	t.Run("what cannot be encoded gives the same error and nothing", func(t *testing.T) {
		t.Parallel()
		for _, v := range []any{grade(-1), struct{ T time.Time }{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, func() {}, []any{make(chan int)},
			struct{ G map[string]grade }{map[string]grade{"a": -1}}} {
			got, err := jsonfast.AppendValue([]byte("before"), reflect.ValueOf(v))
			assert.Equal(t, "before", string(got))
			same(t, v, nil, err)
		}
	})
	t.Run("a check gives the error of encoding, wherever it is", func(t *testing.T) {
		t.Parallel()
		late := time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
		for name, spoil := range map[string]func(v *all){
			"a time in an embedded struct":   func(v *all) { v.At = late },
			"a time far from UTC":            func(v *all) { v.T = time.Date(2026, 1, 1, 0, 0, 0, 0, time.FixedZone("", 25*3600)) },
			"a time before the year 0":       func(v *all) { v.T = time.Date(-1, 12, 31, 23, 59, 59, 0, time.UTC) },
			"a text of its own":              func(v *all) { v.G = -1 },
			"a number that is none":          func(v *all) { v.F = math.NaN() },
			"behind a pointer":               func(v *all) { v.Q = &Base{At: late} },
			"in a list":                      func(v *all) { v.Many = []Base{{}, {At: late}} },
			"in a map":                       func(v *all) { v.Each = map[string]*Base{"a": {At: late}} },
			"in an interface":                func(v *all) { v.E = func() {} },
			"raw JSON":                       func(v *all) { v.R = json.RawMessage(`{`) },
			"deep in maps, as keys of a map": func(v *all) { v.Deep = [][]map[grade]Base{{{-1: Base{}}}} },
			"in what stands for it":          func(v *all) { v.As = list{[]Base{{}, {At: late}}} },
			"behind a pointer to such":       func(v *all) { v.Asp = &list{[]Base{{At: late}}} },
			"nothing":                        func(*all) {},
			"a fault in what is left out":    func(v *all) { v.Left = late },
			"the first and the last instant": func(v *all) {
				v.At, v.T = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
			},
		} {
			var v all
			spoil(&v)
			_, want := json.Marshal(&v)
			_, encoding := jsonfast.Marshal(&v)
			got := jsonfast.CheckerOf[all]().Check(&v)
			if want == nil {
				assert.NoError(t, got, name)
				continue
			}
			assert.EqualError(t, encoding, want.Error(), name)
			assert.EqualError(t, got, want.Error(), name)
		}
	})
	t.Run("names and options that encoding/json decides upon", func(t *testing.T) {
		t.Parallel()
		type A struct{ X int }
		type B struct{ X int }
		for _, v := range []any{
			struct {
				A
				B
			}{}, struct {
				A
				X string
			}{}, struct {
				*A
				Y int
			}{}, struct {
				N int `json:"n,string"`
			}{}, struct {
				N int `json:"ä<"`
			}{}, struct {
				time.Time
			}{}, struct {
				A `json:"a"`
			}{}, json.Number("12"), map[itsm.ID]int{"b": 1, "a<": 2}, []grade{1, 2}, struct{}{}, &A{3}, (*A)(nil),
		} {
			got, err := jsonfast.AppendValue(nil, reflect.ValueOf(v))
			same(t, v, got, err)
		}
	})
}

func FuzzString(f *testing.F) {
	for _, s := range []string{"", "abc", "<a href=\"x\">&", "打印机", "\xff", "\u2028", "a\x00b", "\ufffd", "\\"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		same(t, s, jsonfast.AppendString(nil, s), nil)
	})
}
