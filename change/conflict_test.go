package change_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/change"
)

func minutes(n int) time.Time {
	return time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Minute)
}

func span(from, until int) change.Span { return change.Span{Start: minutes(from), End: minutes(until)} }

func refs(t *rapid.T, name string, most int) (list []itsm.Ref) {
	for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(0, 7), 0, most, rapid.ID[int]).Draw(t, name) {
		list = append(list, item(itsm.ID(fmt.Sprint(n))))
	}
	return list
}

// theGroup is two application servers of four that must stay up.
func theGroup() change.Group {
	return change.Group{Name: "app", Need: 2, Members: []itsm.Ref{item("0"), item("1"), item("2"), item("3")}}
}

func booking(t *rapid.T, id itsm.ID) change.Booking {
	from := rapid.IntRange(0, 200).Draw(t, "from")
	b := change.Booking{Change: id, Span: span(from, from+rapid.IntRange(-2, 60).Draw(t, "length")), Items: refs(t, "items", 3), Affected: refs(t, "affected", 2)}
	for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(0, 5), 0, 2, rapid.ID[int]).Draw(t, "people") {
		b.Exclusive = append(b.Exclusive, fmt.Sprint("p", n))
	}
	other := func(name string) (ids []itsm.ID) {
		for _, n := range rapid.SliceOfNDistinct(rapid.IntRange(0, 30), 0, 1, rapid.ID[int]).Draw(t, name) {
			ids = append(ids, itsm.ID(fmt.Sprint("C", n)))
		}
		return ids
	}
	b.After, b.Incompatible = other("after"), other("apart")
	if slices.ContainsFunc(b.Items, func(r itsm.Ref) bool { return slices.Contains(theGroup().Members, r) }) {
		b.Groups = []change.Group{theGroup()}
	}
	return b
}

// collide is what collides said plainly, minute by minute.
func collide(a change.Booking, others []change.Booking) map[string]bool {
	hits := map[string]bool{}
	hit := func(kind change.ConflictKind, witness string, id itsm.ID) {
		hits[fmt.Sprint(kind, " ", witness, " ", id)] = true
	}
	in := func(b change.Booking, m int) bool { return b.Span.Contains(minutes(m)) }
	for _, b := range others {
		if b.Change == a.Change {
			continue
		}
		for m := range 300 {
			if !in(a, m) || !in(b, m) {
				continue
			}
			for _, x := range a.Items {
				if slices.Contains(b.Items, x) {
					hit(change.SameItem, x.String(), b.Change)
				} else if slices.Contains(b.Affected, x) {
					hit(change.InClosure, x.String(), b.Change)
				}
			}
			for _, x := range a.Affected {
				if slices.Contains(b.Items, x) && !slices.Contains(a.Items, x) {
					hit(change.InClosure, x.String(), b.Change)
				}
			}
			for _, p := range a.Exclusive {
				if slices.Contains(b.Exclusive, p) {
					hit(change.SameResource, p, b.Change)
				}
			}
			if slices.Contains(a.Incompatible, b.Change) || slices.Contains(b.Incompatible, a.Change) {
				hit(change.Forbidden, string(b.Change), b.Change)
			}
		}
		if slices.Contains(a.After, b.Change) {
			if b.Span.End.After(a.Span.Start) {
				hit(change.Order, string(b.Change)+" before "+string(a.Change), b.Change)
			}
		} else if slices.Contains(b.After, a.Change) && a.Span.End.After(b.Span.Start) {
			hit(change.Order, string(a.Change)+" before "+string(b.Change), b.Change)
		}
	}
	for _, g := range a.Groups {
		for m := range 300 {
			if !in(a, m) {
				continue
			}
			up := 0
			for _, member := range g.Members {
				down := slices.Contains(a.Items, member)
				for _, b := range others {
					down = down || b.Change != a.Change && in(b, m) && slices.Contains(b.Items, member)
				}
				if !down {
					up++
				}
			}
			if up < g.Need {
				hit(change.Redundancy, g.Name, "")
			}
		}
	}
	return hits
}

func told(found []change.Conflict) map[string]bool {
	hits := map[string]bool{}
	for _, c := range found {
		var with itsm.ID
		if c.Kind != change.Redundancy {
			with = c.With[0]
		}
		hits[fmt.Sprint(c.Kind, " ", c.Witness, " ", with)] = true
	}
	return hits
}

func TestConflicts(t *testing.T) {
	t.Parallel()
	t.Run("R-234 overlapping items in overlapping windows are reported, and nothing else is: as minute by minute", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			agenda := change.NewAgenda()
			var all []change.Booking
			for n := range rapid.IntRange(0, 12).Draw(t, "others") {
				b := booking(t, itsm.ID(fmt.Sprint("C", n)))
				agenda.Put(b)
				if !b.Span.Empty() {
					all = append(all, b)
				}
			}
			// Bookings that were moved or taken away count as they are now.
			for range rapid.IntRange(0, 4).Draw(t, "edits") {
				id := itsm.ID(fmt.Sprint("C", rapid.IntRange(0, 11).Draw(t, "edited")))
				all = slices.DeleteFunc(all, func(b change.Booking) bool { return b.Change == id })
				if rapid.Bool().Draw(t, "removed") {
					agenda.Remove(id)
					continue
				}
				b := booking(t, id)
				agenda.Put(b)
				if !b.Span.Empty() {
					all = append(all, b)
				}
			}
			asked := booking(t, itsm.ID(fmt.Sprint("C", rapid.IntRange(0, 15).Draw(t, "asked"))))
			if asked.Span.Empty() {
				return
			}
			want := collide(asked, all)
			require.Equal(t, want, told(change.Collide(asked, all)))
			require.Equal(t, want, told(agenda.Conflicts(asked)), "the agenda finds the same")
			require.Equal(t, change.Collide(asked, all), agenda.Conflicts(asked))
		})
	})
	t.Run("F-CHG-10 taking down the last members that a group needs is a conflict, though no item is shared", func(t *testing.T) {
		t.Parallel()
		a := change.Booking{Change: "A", Span: span(0, 60), Items: []itsm.Ref{item("0")}, Groups: []change.Group{theGroup()}}
		b := change.Booking{Change: "B", Span: span(30, 90), Items: []itsm.Ref{item("1")}}
		c := change.Booking{Change: "C", Span: span(50, 90), Items: []itsm.Ref{item("2")}}
		assert.Empty(t, change.Collide(a, []change.Booking{b}), "two of four stay up")
		found := change.Collide(a, []change.Booking{b, c})
		require.Len(t, found, 1)
		assert.Equal(t, change.Conflict{Kind: change.Redundancy, Severity: change.Blocking, With: []itsm.ID{"B", "C"}, Witness: "app", Span: span(50, 60), Waiver: itsm.RoleProjectManager}, found[0])
		c.Span = span(60, 90)
		assert.Empty(t, change.Collide(a, []change.Booking{b, c}), "they are never down together")
	})
	t.Run("a copy of an agenda goes its own way", func(t *testing.T) {
		t.Parallel()
		b := change.Booking{Change: "B", Span: span(0, 60), Items: []itsm.Ref{item("0")}}
		agenda := change.NewAgenda(b)
		before := agenda.Clone()
		agenda.Remove("B")
		asked := change.Booking{Change: "A", Span: span(30, 90), Items: []itsm.Ref{item("0")}}
		assert.Empty(t, agenda.Conflicts(asked))
		assert.Len(t, before.Conflicts(asked), 1)
		_, ok := before.Get("B")
		assert.True(t, ok)
	})
}

// plannedFor is a year in which n changes are planned on 500 items by 40 people, some of them colliding.
func plannedFor(n int) []change.Booking {
	all := make([]change.Booking, n)
	for i := range all {
		from := i * 7919 % (365 * 24 * 60)
		all[i] = change.Booking{
			Change: itsm.ID(fmt.Sprint("CHG-", i)), Span: span(from, from+120), Items: []itsm.Ref{item(itsm.ID(fmt.Sprint("ci-", i*31%500))), item(itsm.ID(fmt.Sprint("ci-", i*17%500)))},
			Exclusive: []string{fmt.Sprint("p", i%40)},
		}
	}
	return all
}

// The check of one change. Beside it stands the plain one, which looks at every other.
func BenchmarkConflicts(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		all := plannedFor(n)
		agenda := change.NewAgenda(all...)
		// Who asks takes an item that few others touch, so that the cost is that of looking, not of what is found.
		asked := change.Booking{Change: "new", Span: span(200_000, 200_120), Items: []itsm.Ref{item("ci-7")}, Exclusive: []string{"p7"}}
		b.Run(fmt.Sprintf("agenda/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				agenda.Conflicts(asked)
			}
		})
		b.Run(fmt.Sprintf("put/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				agenda.Put(asked)
				agenda.Remove(asked.Change)
			}
		})
		b.Run(fmt.Sprintf("plain/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				change.Collide(asked, all)
			}
		})
	}
}
