package clone_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/internal/clone"
)

type crate struct {
	Name  string
	At    time.Time
	Parts []part
	By    map[string][]int
	Next  *crate
	Pair  [2][]string
	None  []int
	Value itsm.Value
}

type part struct {
	Tags []string
	Sub  *part
}

func drawCrate(t *rapid.T, depth int) crate {
	c := crate{Name: rapid.String().Draw(t, "name"), At: time.Unix(rapid.Int64Range(0, 1e9).Draw(t, "at"), 0).UTC(), Value: itsm.TextOf("x")}
	for range rapid.IntRange(0, 3).Draw(t, "parts") {
		c.Parts = append(c.Parts, part{Tags: []string{"a", "b"}, Sub: &part{Tags: []string{"c"}}})
	}
	if rapid.Bool().Draw(t, "map") {
		c.By = map[string][]int{"x": {1, 2}, "y": nil}
	}
	c.Pair[1] = []string{"z"}
	if depth > 0 {
		next := drawCrate(t, depth-1)
		c.Next = &next
	}
	return c
}

// scramble writes into everything that can be reached from v.
func scramble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			scramble(v.Elem())
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			if field.CanSet() {
				scramble(field)
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			scramble(v.Index(i))
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			scramble(v.MapIndex(k))
			v.SetMapIndex(k, reflect.Zero(v.Type().Elem()))
		}
	case reflect.String:
		if v.CanSet() {
			v.SetString("scrambled")
		}
	case reflect.Int:
		if v.CanSet() {
			v.SetInt(-1)
		}
	}
}

func TestClone(t *testing.T) {
	t.Parallel()
	t.Run("copies share nothing that can be written to", func(t *testing.T) {
		t.Parallel()
		c, ok := clone.Of[crate]()
		require.True(t, ok)
		rapid.Check(t, func(t *rapid.T) {
			rec := drawCrate(t, 2)
			one, two := rec, rec
			c.Own(&one)
			c.Own(&two)
			require.Equal(t, rec, one)
			scramble(reflect.ValueOf(&rec))
			require.Equal(t, two, one)
			scramble(reflect.ValueOf(&two))
			require.NotEqual(t, two, one)
		})
	})
	t.Run("types that hold anything cannot be copied", func(t *testing.T) {
		t.Parallel()
		_, ok := clone.Of[struct{ Any any }]()
		assert.False(t, ok)
	})
}
