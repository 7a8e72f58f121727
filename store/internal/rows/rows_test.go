package rows_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store/internal/rows"
)

func compareInts(a, b int) int { return cmp.Compare(a, b) }

func keys(l *rows.List[int]) []int {
	all := []int{}
	for p := l.Begin(); p != l.End(); p = l.Next(p) {
		all = append(all, *l.At(p))
	}
	return all
}

func TestListAgreesWithSortedSlice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOfNDistinct(rapid.IntRange(0, 4000), 0, 1000, rapid.ID).Draw(t, "from the start")
		slices.Sort(plain)
		l := rows.ListOf(compareInts, plain)
		// Runs of neighbours fill and empty leaves, so that they are split and joined.
		for range rapid.IntRange(1, 12).Draw(t, "runs") {
			from, n := rapid.IntRange(0, 3000).Draw(t, "from"), rapid.IntRange(1, 900).Draw(t, "length")
			del, step := rapid.Bool().Draw(t, "delete"), rapid.SampledFrom([]int{1, -1, 7}).Draw(t, "step")
			for i := range n {
				k := from + i*step
				at, there := slices.BinarySearch(plain, k)
				switch {
				case del && there:
					plain = slices.Delete(plain, at, at+1)
				case !del && !there:
					plain = slices.Insert(plain, at, k)
				}
				if del {
					l.Delete(k)
				} else {
					l.Insert(k)
				}
			}
		}
		require.Equal(t, len(plain), l.Len())
		require.Equal(t, plain, keys(l))
		a, b := rapid.IntRange(-10, 4000).Draw(t, "a"), rapid.IntRange(-10, 4000).Draw(t, "b")
		from := l.Seek(func(k *int) bool { return *k >= a })
		to := l.Seek(func(k *int) bool { return *k >= b })
		i, _ := slices.BinarySearch(plain, a)
		j, _ := slices.BinarySearch(plain, b)
		require.Equal(t, max(0, j-i), l.Count(from, to))
		for p, n := l.End(), len(plain)-1; p != from && from.Before(p); n-- {
			p = l.Prev(p)
			require.Equal(t, plain[n], *l.At(p))
		}
	})
}

var fields = []string{"few", "many", "wide", "never"}

func drawIndex(t *rapid.T) (index []itsm.IndexEntry) {
	if rapid.Bool().Draw(t, "few") {
		index = append(index, itsm.IndexEntry{Field: "few", Value: itsm.TextOf(rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "text"))})
	}
	for _, n := range rapid.SliceOfN(rapid.IntRange(0, 3), 0, 3).Draw(t, "many") {
		index = append(index, itsm.IndexEntry{Field: "many", Many: true, Value: itsm.NumberOf(n)})
	}
	if n := rapid.IntRange(0, 40).Draw(t, "wide"); n > 0 {
		index = append(index, itsm.IndexEntry{Field: "wide", Value: itsm.NumberOf(n)})
	}
	return index
}

func drawQuery(t *rapid.T) itsm.Query {
	value := func(field string) itsm.Value {
		if field == "few" || field == "never" {
			return itsm.TextOf(rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "text"))
		}
		return itsm.NumberOf(rapid.IntRange(0, 40).Draw(t, "number"))
	}
	q := itsm.Query{OrderBy: rapid.SampledFrom([]string{"", "few", "wide", "never"}).Draw(t, "order"), Desc: rapid.Bool().Draw(t, "desc"), Limit: rapid.SampledFrom([]int{0, 1, 3, 1000}).Draw(t, "limit")}
	for _, f := range rapid.SliceOfN(rapid.SampledFrom(fields), 0, 3).Draw(t, "where") {
		switch op := itsm.Op(rapid.IntRange(0, 4).Draw(t, "op")); op {
		case itsm.OneOf:
			q.Where = append(q.Where, itsm.WhereOneOf(f, value(f), value(f), value(f)))
		default:
			q.Where = append(q.Where, itsm.Condition{Field: f, Op: op, Value: value(f)})
		}
	}
	return q
}

func TestTableAgreesWithScan(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		table, plain := rows.NewTable[int](), map[itsm.ID]*rows.Row[int]{}
		put := func(i int) {
			r := &rows.Row[int]{ID: itsm.ID(fmt.Sprintf("R-%03d", rapid.IntRange(0, 300).Draw(t, "id"))), Index: drawIndex(t), Value: i}
			table.Put(r)
			plain[r.ID] = r
		}
		for i := range rapid.IntRange(0, 120).Draw(t, "rows") {
			put(i)
		}
		for round := range 3 { // the first builds indexes, the next find them kept up
			q := drawQuery(t)
			table.Prepare(&q)
			require.True(t, table.Ready(&q))
			want := []itsm.Cursor{}
			for id, r := range plain {
				if q.Matches(r.Index) {
					want = append(want, q.CursorOf(id, r.Index))
				}
			}
			slices.SortFunc(want, q.Compare)
			after := itsm.Cursor{}
			if len(want) > 0 && rapid.Bool().Draw(t, "after") {
				at := rapid.IntRange(0, len(want)-1).Draw(t, "at")
				after, want = want[at], want[at+1:]
			}
			n := rapid.SampledFrom([]int{1, 2, 50, 1000}).Draw(t, "page")
			got := []itsm.Cursor{}
			for more := true; more; {
				var found []*rows.Row[int]
				found, more = table.Select(&q, after, n)
				require.True(t, !more || len(found) >= n, "a page is full unless it is the last")
				for _, r := range found {
					require.Same(t, plain[r.ID], r)
					after = q.CursorOf(r.ID, r.Index)
					got = append(got, after)
				}
			}
			require.Equal(t, want, got, "round %d: %+v", round, q)
			put(1000 + round)
		}
		assert.Equal(t, len(plain), table.Len())
	})
}

func BenchmarkListInsert(b *testing.B) {
	for _, n := range []int{1_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l := rows.NewList(compareInts)
			for i := range n {
				l.Insert(2 * (i * 7919 % n))
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() { // odd keys come and go: the list keeps its size
				k := 2*(i*104729%n) + 1
				l.Insert(k)
				l.Delete(k)
				i++
			}
		})
	}
}
