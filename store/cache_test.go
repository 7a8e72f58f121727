package store

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
)

type crate struct{ Name string }

func TestCache(t *testing.T) {
	t.Parallel()
	key := func(i int) itsm.Key { return itsm.Key{Tenant: "h", Kind: "crate", ID: itsm.ID(fmt.Sprint(i))} }
	t.Run("other bytes are another record", func(t *testing.T) {
		t.Parallel()
		c := newCache[crate]()
		c.put(key(1), []byte(`{"Name":"a"}`), &crate{Name: "a"})
		assert.Nil(t, c.get(key(1), []byte(`{"Name":"b"}`)))
		assert.Nil(t, c.get(key(2), []byte(`{"Name":"a"}`)))
	})
	t.Run("it is bounded, and keeps what is asked for", func(t *testing.T) {
		t.Parallel()
		c := newCache[crate]()
		hot := []byte(`{"Name":"hot"}`)
		c.put(key(-1), hot, &crate{Name: "hot"})
		for i := range 300 {
			c.put(key(i), make([]byte, 100<<10), &crate{})
			require.NotNil(t, c.get(key(-1), hot), i)
		}
		assert.LessOrEqual(t, len(c.young)+len(c.old), 2*(maxCached/(100<<10))+4)
	})
	t.Run("types that cannot be copied are not kept", func(t *testing.T) {
		t.Parallel()
		type loose struct{ Any any }
		assert.Nil(t, newCache[loose]())
	})
}
