package lifecycle

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/looplab/fsm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestEngine(t *testing.T) {
	t.Parallel()
	rows := []fsm.EventDesc{{Name: "go", Src: []string{"a"}, Dst: "b"}}

	t.Run("what the library refuses is told without its types", func(t *testing.T) {
		got, err := newEngine(rows).fire("b", "go", nil)
		assert.Equal(t, "b", got)
		require.Error(t, err)
		assert.NoError(t, errors.Unwrap(err))
	})

	t.Run("a runner goes back to the pool only after success, without its guard", func(t *testing.T) {
		g := newEngine(rows)
		var made []*runner
		make := g.pool.New
		g.pool.New = func() any {
			r := make().(*runner)
			made = append(made, r)
			return r
		}
		_, err := g.fire("a", "go", func() error { return errors.New("no") })
		require.Error(t, err)
		require.Len(t, made, 1)
		assert.Panics(t, func() { _, _ = g.fire("a", "go", func() error { panic("no") }) })
		assert.Len(t, made, 2, "the one that was refused is not used again")
		_, err = g.fire("a", "go", func() error { return nil })
		require.NoError(t, err)
		assert.Len(t, made, 3, "nor the one that panicked")
		assert.Nil(t, made[2].guard)
	})
}

func TestIndex(t *testing.T) {
	t.Parallel()
	word := rapid.StringMatching(`[a-z][a-z0-9_]{0,20}`)

	t.Run("finds what a map finds", rapid.MakeCheck(func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(word, 0, 90, rapid.ID[string]).Draw(t, "names")
		x := newIndex(names)
		for i, name := range names {
			require.Equal(t, i, x.find(name))
		}
		for _, other := range rapid.SliceOf(rapid.OneOf(word, rapid.String())).Draw(t, "others") {
			require.Equal(t, slices.Index(names, other), x.find(other))
		}
	}))

	t.Run("names that only a map tells apart", func(t *testing.T) {
		names := []string{"aba", "aca", "ada", strings.Repeat("x", 300) + "a", strings.Repeat("x", 300) + "b"}
		for _, long := range []string{"q", "r"} {
			for _, mid := range []string{"12", "34", "56", "78"} {
				names = append(names, "a"+strings.Repeat(mid, 40)+long, "a"+strings.Repeat("1", 20)+mid+strings.Repeat("1", 57)+long)
			}
		}
		names = slices.Compact(slices.Sorted(slices.Values(names)))
		x := newIndex(names)
		for i, name := range names {
			assert.Equal(t, i, x.find(name))
			assert.Equal(t, -1, x.find(name+"x"))
		}
		assert.Equal(t, -1, x.find(""))
	})

	t.Run("tables of the size of a process use no map", func(t *testing.T) {
		x := newIndex([]string{"recorded", "triaged", "dispatched", "accepted", "in_progress", "on_hold", "escalated", "awaiting_vendor",
			"awaiting_user", "awaiting_problem", "awaiting_change", "proposed", "confirmed", "rejected", "resolved", "closed", "cancelled", "merged"})
		assert.Nil(t, x.slow)
	})
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{{"close", "close", 0}, {"close", "clos", 1}, {"clsoe", "close", 2}, {"abc", "abd", 1}, {"a", "abcd", 3}, {"", "ab", 2}} {
		assert.Equal(t, c.want, distance(c.a, c.b), "%s %s", c.a, c.b)
	}
	assert.Equal(t, `did you mean "hold"?`, hint("holt", []string{"start", "hold"}))
	assert.Equal(t, "known: start, hold", hint("triage", []string{"start", "hold"}))
	assert.Contains(t, hint("triage", slices.Repeat([]string{"x"}, 23)), "x, x and 3 more")
}
