package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
)

func TestOutbox(t *testing.T) {
	t.Parallel()

	t.Run("F-X-6 a reader of the journal gets each record's entries in order, goes on behind its cursor and can start over", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		ids := []itsm.ID{f.open("a"), f.open("b")}
		var cursor itsm.Position
		next := map[itsm.ID]uint64{}
		read := func() (n int) {
			for e, err := range f.db.Events(f.ctx, cursor, itsm.Filter{}) {
				require.NoError(t, err)
				next[e.ID]++
				assert.Equal(t, next[e.ID], e.Seq)
				cursor = e.Position
				n++
			}
			return n
		}
		assert.Equal(t, 2, read())
		for i := range 10 {
			_, err := f.jars.Do(f.ctx, ids[i%2], addCoins{Coins: 1})
			require.NoError(t, err)
		}
		assert.Equal(t, 10, read())
		assert.Equal(t, 0, read())
		cursor, next = "", map[itsm.ID]uint64{}
		assert.Equal(t, 12, read(), "from the beginning")
	})

	t.Run("F-X-6 records whose time has come are found in the order in which they are due", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		var want []itsm.ID
		for i := range 5 {
			j, err := f.jars.Do(f.ctx, "", openJar{"a"}, itsm.HappenedAt(time.Date(2026, 2, 14, 7-i, 0, 0, 0, time.UTC)))
			require.NoError(t, err)
			want = append([]itsm.ID{j.ID}, want...)
		}
		_, err := f.jars.Do(f.ctx, want[2], sealJar{})
		require.NoError(t, err)
		want = append(want[:2], want[3:]...)
		due, err := f.db.Due(f.ctx, "jar", time.Date(2026, 2, 16, 0, 0, 0, 0, time.UTC), 10)
		require.NoError(t, err)
		var got []itsm.ID
		for _, w := range due {
			got = append(got, w.Key.ID)
		}
		assert.Equal(t, want, got, "late ones too, the earliest first, and none that is at rest")
	})
}
