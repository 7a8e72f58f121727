package store

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
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

func TestCache(t *testing.T) {
	t.Parallel()
	key := func(i int) itsm.Key { return itsm.Key{Tenant: "h", Kind: "crate", ID: itsm.ID(fmt.Sprint(i))} }
	t.Run("copies share nothing that can be written to", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			c := newCache[crate]()
			rec := drawCrate(rt, 2)
			data, err := json.Marshal(rec)
			require.NoError(rt, err)
			want := *c.clone(&rec)
			require.Equal(rt, rec, want)
			c.put(key(1), data, &rec)
			scramble(reflect.ValueOf(&rec))
			for range 2 {
				got, ok := c.get(key(1), data)
				require.True(rt, ok)
				require.Equal(rt, want, got)
				scramble(reflect.ValueOf(&got))
			}
		})
	})
	t.Run("other bytes are another record", func(t *testing.T) {
		t.Parallel()
		c := newCache[crate]()
		c.put(key(1), []byte(`{"Name":"a"}`), &crate{Name: "a"})
		_, ok := c.get(key(1), []byte(`{"Name":"b"}`))
		assert.False(t, ok)
		_, ok = c.get(key(2), []byte(`{"Name":"a"}`))
		assert.False(t, ok)
	})
	t.Run("it is bounded, and keeps what is asked for", func(t *testing.T) {
		t.Parallel()
		c := newCache[crate]()
		hot := []byte(`{"Name":"hot"}`)
		c.put(key(-1), hot, &crate{Name: "hot"})
		for i := range 300 {
			c.put(key(i), make([]byte, 100<<10), &crate{})
			_, ok := c.get(key(-1), hot)
			require.True(t, ok, i)
		}
		assert.LessOrEqual(t, len(c.young)+len(c.old), 2*(maxCached/(100<<10))+4)
	})
	t.Run("types that cannot be copied are not kept", func(t *testing.T) {
		t.Parallel()
		type loose struct{ Any any }
		assert.Nil(t, newCache[loose]())
	})
}
