package itsmtest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// findField is a field of the generated records with the values that they draw from: few, so that they meet.
type findField struct {
	itsm.IndexField
	values []itsm.Value
}

var findFields = []findField{
	{itsm.IndexField{Name: "name", Type: itsm.TextValue}, []itsm.Value{
		itsm.TextOf(""), itsm.TextOf(" "), itsm.TextOf("A"), itsm.TextOf("a"), itsm.TextOf("a%"), itsm.TextOf("a_"), itsm.TextOf("ab"), itsm.TextOf("Z"), itsm.TextOf("ä"), itsm.TextOf("内科"), itsm.TextOf("🏥"),
	}},
	{itsm.IndexField{Name: "size", Type: itsm.NumberValue}, []itsm.Value{
		itsm.NumberOf(-1.5), itsm.NumberOf(-1), itsm.NumberOf(0), itsm.NumberOf(0.1), itsm.NumberOf(1), itsm.NumberOf(10), itsm.NumberOf(9), itsm.NumberOf(int64(1)<<53 - 1), itsm.NumberOf(-1e300), itsm.NumberOf(5e-324),
	}},
	{itsm.IndexField{Name: "order", Type: itsm.TimeValue}, []itsm.Value{
		itsm.TimeOf(start), itsm.TimeOf(start.Add(time.Microsecond)), itsm.TimeOf(start.Add(-time.Microsecond)), itsm.TimeOf(time.Unix(0, 0)), itsm.TimeOf(time.Unix(-1, 0)), itsm.TimeOf(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)),
	}},
	{itsm.IndexField{Name: "open", Type: itsm.BoolValue}, []itsm.Value{itsm.BoolOf(true), itsm.BoolOf(false)}},
	{itsm.IndexField{Name: "tag", Type: itsm.TextValue, Many: true}, []itsm.Value{itsm.TextOf("a"), itsm.TextOf("A"), itsm.TextOf("b"), itsm.TextOf("")}},
	{itsm.IndexField{Name: "part", Type: itsm.NumberValue, Many: true}, []itsm.Value{itsm.NumberOf(0), itsm.NumberOf(1), itsm.NumberOf(2.5)}},
	{itsm.IndexField{Name: "never", Type: itsm.TextValue}, nil}, // no record has a value
}

func drawIndex(t *rapid.T) (index []itsm.IndexEntry) {
	for _, f := range findFields {
		most := min(len(f.values), 1)
		if f.Many {
			most = 3
		}
		if most == 0 {
			continue
		}
		for _, v := range rapid.SliceOfN(rapid.SampledFrom(f.values), 0, most).Draw(t, f.Name) {
			index = append(index, itsm.IndexEntry{Field: f.Name, Many: f.Many, Value: v})
		}
	}
	return index
}

func drawQuery(t *rapid.T, tenant itsm.Tenant, ids []itsm.ID) itsm.Query {
	q := itsm.Query{Tenant: tenant, Kind: "order", Desc: rapid.Bool().Draw(t, "desc"), Limit: rapid.SampledFrom([]int{0, 0, 1, 2, 5}).Draw(t, "limit")}
	value := func(f findField) itsm.Value {
		if f.values == nil {
			return itsm.TextOf("x")
		}
		return rapid.SampledFrom(f.values).Draw(t, "value")
	}
	for range rapid.SampledFrom([]int{0, 1, 1, 1, 2, 3}).Draw(t, "conditions") {
		f := rapid.SampledFrom(findFields).Draw(t, "field")
		ops := []itsm.Op{itsm.Equal, itsm.OneOf, itsm.Less, itsm.AtLeast, itsm.Unset}
		if f.Many {
			ops = []itsm.Op{itsm.Equal, itsm.OneOf}
		}
		c := itsm.Condition{Field: f.Name, Op: rapid.SampledFrom(ops).Draw(t, "op")}
		switch c.Op {
		case itsm.OneOf:
			for range rapid.IntRange(0, 3).Draw(t, "values") {
				c.Values = append(c.Values, value(f))
			}
		case itsm.Unset:
		default:
			c.Value = value(f)
		}
		q.Where = append(q.Where, c)
	}
	order := rapid.SampledFrom(append([]findField{{}, {}}, slices.DeleteFunc(slices.Clone(findFields), func(f findField) bool { return f.Many })...)).Draw(t, "order")
	q.OrderBy = order.Name
	if rapid.Bool().Draw(t, "after") {
		q.After.ID = rapid.SampledFrom(ids).Draw(t, "after ID")
		if order.values != nil && rapid.Bool().Draw(t, "after a value") {
			q.After.Value = value(order)
		}
	}
	return q
}

// sameFound compares the results of a query with those of the plain store.
func (s *storeSuite) sameFound(t failer, plain *plainDB, q itsm.Query) {
	t.Helper()
	want, got := collect(t, "find", plain.Find(s.ctx, q)), s.find(t, q)
	show := func(all []store.Snapshot) (lines []string) {
		for _, r := range all {
			lines = append(lines, fmt.Sprintf("%s at %s %s", r.Key.ID, r.Order.Type(), r.Order))
		}
		return lines
	}
	if !assert.Equal(t, show(want), show(got), "the results of %s", showQuery(q)) {
		return
	}
	for i := range want {
		sameSnapshot(t, want[i], got[i], "what find gives of a record")
		assert.Equal(t, want[i].Order, got[i].Order, "the value of the field that the query orders by")
	}
}

var opNames = map[itsm.Op]string{itsm.Equal: "=", itsm.OneOf: "one of", itsm.Less: "<", itsm.AtLeast: ">=", itsm.Unset: "unset"}

func showQuery(q itsm.Query) string {
	var text strings.Builder
	for i, c := range q.Where {
		if i > 0 {
			text.WriteString(" and ")
		}
		fmt.Fprintf(&text, "%s %s", c.Field, opNames[c.Op])
		switch c.Op {
		case itsm.OneOf:
			fmt.Fprintf(&text, " %q", c.Values)
		case itsm.Unset:
		default:
			fmt.Fprintf(&text, " %q", c.Value.String())
		}
	}
	if q.OrderBy != "" {
		text.WriteString(" order by " + q.OrderBy)
	}
	if q.Desc {
		text.WriteString(" descending")
	}
	if q.After != (itsm.Cursor{}) {
		fmt.Fprintf(&text, " after %s %q %q", q.After.Value.Type(), q.After.Value.String(), q.After.ID)
	}
	if q.Limit > 0 {
		fmt.Fprintf(&text, " at most %d", q.Limit)
	}
	return "[" + strings.TrimSpace(text.String()) + "]"
}

// checkFind compares the store with [itsm.Query.Matches] and [itsm.Query.Compare] over generated records and queries.
func checkFind(s *storeSuite) {
	names := []itsm.ID{"A-01", "A-1", "A-10", "A-2", "A-9", "B", "a-1", "a", "Ä", "内-1", "🏥", "%", "_"}
	rapid.Check(s, func(t *rapid.T) {
		tenant, plain := newTenant(), newPlainDB()
		var now []store.Snapshot
		write := func(batches ...store.Batch) {
			b := join(batches...)
			require.NoError(t, plain.Commit(s.ctx, b))
			require.NoError(t, s.try(t, b))
		}
		var batches []store.Batch
		for _, id := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, len(names), rapid.ID).Draw(t, "ids") {
			b := next(fresh(itsm.Key{Tenant: tenant, Kind: "order", ID: id}), indexed(drawIndex(t)...))
			now = append(now, b.Puts[0].Snapshot)
			batches = append(batches, b)
		}
		write(batches...)
		if rapid.Bool().Draw(t, "update") { // values that were there once must not be found any more
			batches = batches[:0]
			for _, r := range rapid.SliceOfNDistinct(rapid.SampledFrom(now), 1, len(now), func(r store.Snapshot) itsm.ID { return r.Key.ID }).Draw(t, "updated") {
				batches = append(batches, next(r, indexed(drawIndex(t)...)))
			}
			write(batches...)
		}
		for range 10 {
			s.sameFound(t, plain, drawQuery(t, tenant, names))
		}
	})
}

func checkFindChanges(s *storeSuite) {
	k := itsm.Key{Tenant: "h1", Kind: "order", ID: "A"}
	tag := func(v string) itsm.IndexEntry {
		return itsm.IndexEntry{Field: "tag", Many: true, Value: itsm.TextOf(v)}
	}
	hits := func(field, v string) int {
		return len(s.find(s, itsm.Query{Tenant: "h1", Kind: "order", Where: []itsm.Condition{itsm.Where(field, itsm.TextOf(v))}}))
	}
	unset := func(field string) int {
		return len(s.find(s, itsm.Query{Tenant: "h1", Kind: "order", Where: []itsm.Condition{itsm.WhereUnset(field)}}))
	}
	one := s.create(k, indexed(entry("name", itsm.TextOf("x")), tag("a"), tag("b"), tag("a")))
	assert.Equal(s, []int{1, 0, 1, 1, 0}, []int{hits("name", "x"), unset("name"), hits("tag", "a"), hits("tag", "b"), unset("tag")}, "as created; a double counts once")
	two := s.commit(next(one, indexed(entry("name", itsm.TextOf("y")), tag("b"), tag("c"))))[0]
	assert.Equal(s, []int{0, 1, 0, 1, 1}, []int{hits("name", "x"), hits("name", "y"), hits("tag", "a"), hits("tag", "b"), hits("tag", "c")}, "after a change")
	three := s.commit(next(two, indexed(entry("later", itsm.TextOf("z")), itsm.IndexEntry{Field: "name"})))[0]
	assert.Equal(s, []int{0, 1, 0, 1, 1}, []int{hits("name", "y"), unset("name"), hits("tag", "b"), unset("tag"), hits("later", "z")}, "cleared fields, an entry without a value, and a new field")
	s.commit(next(three))
	assert.Equal(s, []int{0, 1}, []int{hits("later", "z"), unset("later")}, "nothing to be found by any more")
	// Fields that come one after the other, each known from then on.
	part := itsm.IndexEntry{Field: "part", Many: true, Value: itsm.NumberOf(7)}
	four := s.create(itsm.Key{Tenant: "h1", Kind: "order", ID: "B"}, indexed(tag("z"), part))
	s.commit(next(four, indexed(tag("z"), part)))
	s.create(itsm.Key{Tenant: "h1", Kind: "order", ID: "C"}, indexed(part))
	assert.Len(s, s.find(s, itsm.Query{Tenant: "h1", Kind: "order", Where: []itsm.Condition{itsm.Where("part", itsm.NumberOf(7))}}), 2, "a second field of several values")
	both := itsm.Query{Tenant: "h1", Kind: "order", Where: []itsm.Condition{itsm.WhereOneOf("name")}}
	assert.Empty(s, s.find(s, both), "one of no values matches nothing")
}

func checkFindPages(s *storeSuite) {
	const records, page = 41, 7
	var batches []store.Batch
	for i := range records {
		k := itsm.Key{Tenant: "h1", Kind: "order", ID: itsm.ID(fmt.Sprintf("A-%02d", i))}
		var index []itsm.IndexEntry
		if i%5 > 0 {
			index = append(index, entry("size", itsm.NumberOf(i%5)))
		}
		batches = append(batches, next(fresh(k), indexed(index...)))
	}
	s.commit(join(batches...))
	for _, q := range []itsm.Query{{}, {Desc: true}, {OrderBy: "size"}, {OrderBy: "size", Desc: true}, {OrderBy: "size", Where: []itsm.Condition{itsm.WhereAtLeast("size", itsm.NumberOf(2))}}} {
		q.Tenant, q.Kind = "h1", "order"
		all := s.find(s, q)
		var paged []store.Snapshot
		for q.Limit = page; ; {
			got := s.find(s, q)
			paged = append(paged, got...)
			if len(got) < page {
				break
			}
			last := got[len(got)-1]
			q.After = itsm.Cursor{Value: last.Order, ID: last.Key.ID}
		}
		ids := func(all []store.Snapshot) (ids []itsm.ID) {
			for _, r := range all {
				ids = append(ids, r.Key.ID)
			}
			return ids
		}
		assert.Equal(s, ids(all), ids(paged), "pages of %s", showQuery(q))
		for i, r := range all {
			q.After = itsm.Cursor{Value: r.Order, ID: r.Key.ID}
			for _, q.Limit = range []int{0, 1, 3} {
				rest := all[i+1:]
				if q.Limit > 0 {
					rest = rest[:min(len(rest), q.Limit)]
				}
				require.Equal(s, ids(rest), ids(s.find(s, q)), "going on behind record %d of %d: %s", i+1, len(all), showQuery(q))
			}
		}
	}
}

func checkFindSequence(s *storeSuite) {
	var batches []store.Batch
	for i := range 20 {
		batches = append(batches, next(fresh(itsm.Key{Tenant: "h1", Kind: "order", ID: itsm.ID(fmt.Sprintf("A-%02d", i))}), indexed(entry("name", itsm.TextOf("x")))))
	}
	s.commit(join(batches...))
	q := itsm.Query{Tenant: "h1", Kind: "order", Where: []itsm.Condition{itsm.Where("name", itsm.TextOf("x"))}}
	seq := s.db.Find(s.ctx, q)
	within(s.runner, "a call inside a loop over find", func() {
		for r, err := range seq {
			require.NoError(s, err)
			s.commit(next(r, indexed(entry("name", itsm.TextOf("x")))))
			s.find(s, q)
			if r.Key.ID == "A-02" {
				break
			}
		}
	})
	count := 0
	for r, err := range seq {
		if assert.NoError(s, err) && count < 3 {
			assert.EqualValues(s, 2, r.Seq, "ranging again reads again")
		}
		count++
	}
	assert.Equal(s, 20, count, "a sequence that was stopped can be ranged over again")
	for range s.db.Find(s.ctx, itsm.Query{Tenant: "h1", Kind: "nothing"}) {
		s.Errorf("a kind without records gives nothing")
	}
}

func checkFindKinds(s *storeSuite) {
	s.create(itsm.Key{Tenant: "h1", Kind: "order", ID: "A"}, indexed(entry("size", itsm.NumberOf(1))))
	s.create(itsm.Key{Tenant: "h1", Kind: "visit", ID: "A"}, indexed(entry("size", itsm.TextOf("large"))))
	s.create(itsm.Key{Tenant: "h1", Kind: "Order", ID: "A"}, indexed(itsm.IndexEntry{Field: "size", Many: true, Value: itsm.TimeOf(start)}))
	for kind, v := range map[itsm.Kind]itsm.Value{"order": itsm.NumberOf(1), "visit": itsm.TextOf("large"), "Order": itsm.TimeOf(start)} { //maporder: each kind for itself
		found := s.find(s, itsm.Query{Tenant: "h1", Kind: kind, Where: []itsm.Condition{itsm.Where("size", v)}})
		if assert.Len(s, found, 1, "a field may have another type in another kind: %s", kind) {
			assert.Equal(s, kind, found[0].Key.Kind)
		}
	}
}
