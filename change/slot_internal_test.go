package change

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store/memory"
)

func TestSlot(t *testing.T) {
	t.Parallel()
	open := func(t testing.TB) (*itsm.Service[Slot, slotFacts, slotCommand], context.Context) {
		s, err := itsm.NewService(slotProcess{}, NewSlotRepository(memory.New()), itsm.Config{Authorizer: slotRights{}})
		require.NoError(t, err)
		return s, itsm.WithActor(t.Context(), itsm.Actor{ID: "u-001", Tenant: "h1"})
	}
	span := func(n int) (s Span) {
		if n > 0 {
			s.Start = time.Date(2026, 3, 7, n, 0, 0, 0, time.UTC)
			s.End = s.Start.Add(time.Hour)
		}
		return s
	}
	t.Run("alone, outside of the unit of work of a change, it cannot be written", func(t *testing.T) {
		t.Parallel()
		s, ctx := open(t)
		_, err := s.Do(ctx, "S", openSlot{"i:ci/a", Occupied{"A", span(1)}})
		require.ErrorIs(t, err, ruleSlotUnit)
		require.NoError(t, itsm.Atomically(ctx, s.Repository(), func(ctx context.Context) error {
			_, err := s.Do(ctx, "S", openSlot{"i:ci/a", Occupied{"A", span(1)}})
			return err
		}))
		_, err = s.Do(ctx, "S", setSlot{Occupied{Change: "A"}})
		assert.ErrorIs(t, err, ruleSlotUnit)
	})
	t.Run("it keeps one span for each change, sorted, and its journal says the same", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			s, ctx := open(t)
			want := map[itsm.ID]Span{}
			for i := range rapid.IntRange(1, 12).Draw(rt, "steps") {
				o := Occupied{itsm.ID(fmt.Sprint("C", rapid.IntRange(0, 3).Draw(rt, "change"))), span(rapid.IntRange(0, 3).Draw(rt, "from"))}
				var cmd itsm.Command = setSlot{o}
				if i == 0 {
					cmd = openSlot{"i:ci/a", o}
				}
				same := want[o.Change] == o.Span
				if want[o.Change] = o.Span; o.Span.Empty() {
					delete(want, o.Change)
				}
				before, _ := s.Get(ctx, "S")
				var rec Slot
				err := itsm.Atomically(ctx, s.Repository(), func(ctx context.Context) (err error) {
					rec, err = s.Do(ctx, "S", cmd)
					return err
				})
				if err != nil {
					rt.Fatal(err)
				}
				assert.Equal(rt, i > 0 && same, rec.Version == before.Version, "what is so already is not written again")
				assert.Len(rt, rec.Occupied, len(want))
				for i, o := range rec.Occupied {
					assert.True(rt, o.Span.equal(want[o.Change]))
					assert.True(rt, i == 0 || rec.Occupied[i-1].Change < o.Change)
				}
				assert.Equal(rt, "i:ci/a", rec.Key)
			}
			var again Slot
			for ev, err := range s.Events(ctx, "S") {
				if err != nil {
					rt.Fatal(err)
				}
				if err := (slotProcess{}).Evolve(&again, &ev); err != nil {
					rt.Fatal(err)
				}
			}
			rec, err := s.Get(ctx, "S")
			if err != nil {
				rt.Fatal(err)
			}
			assert.Equal(rt, rec.Occupied, again.Occupied)
		})
	})
}
