package postgres

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// Find implements [store.DB]. Its sequence pages by its own cursor, so that no connection is held while results are being used.
func (db *DB) Find(ctx context.Context, q itsm.Query) iter.Seq2[store.Snapshot, error] {
	q.Where = slices.Clone(q.Where)
	return func(yield func(store.Snapshot, error) bool) {
		err := store.CheckQuery(&q)
		var s *search
		if err == nil {
			s, err = db.plan(ctx, &q)
		}
		if err != nil {
			yield(store.Snapshot{}, db.outcome(ctx, "find", err))
			return
		}
		if s == nil {
			return
		}
		after := q.After
		for given, n := 0, firstPage; ; n = min(4*n, mostPage) {
			if q.Limit > 0 {
				n = min(n, q.Limit-given)
			}
			found, err := db.findPage(ctx, s, after, n)
			if err != nil {
				yield(store.Snapshot{}, db.outcome(ctx, "find", err))
				return
			}
			for i := range found {
				if !yield(found[i], nil) {
					return
				}
			}
			given += len(found)
			if len(found) < n || given == q.Limit {
				return
			}
			last := &found[n-1]
			after = itsm.Cursor{Value: last.Order, ID: last.Key.ID}
		}
	}
}

// A search is a query in terms. It is made once and used for each page.
type search struct {
	query  *itsm.Query
	kind   *kind
	order  string  // the field to order by; "": by ID alone, because the query says so or no record has a value
	where  []terms // the conditions
	lead   *terms  // the condition that leads to the records; nil: the order, or the IDs
	narrow bool    // lead leads to a few records only
}

// Terms are a condition: a record satisfies it with one of the set, or with one within the span.
type terms struct {
	field string
	unset bool // it says that there is no value
	set   []term
	span  span
}

// enough is from how many records on a condition does not narrow a search down.
const enough = 256

// plan makes a search of a query. It returns nil when nothing can match.
//
// The server does not know how often a value occurs, so what decides is looked at: a condition that leads to few records
// is followed and its results are sorted. Where all conditions let many through, the records are gone along
// in the order wanted.
func (db *DB) plan(ctx context.Context, q *itsm.Query) (*search, error) {
	s := &search{query: q, kind: db.catalog().kind(q.Kind)}
	for fresh := false; !fresh && s.unknown(); fresh = true {
		var err error
		if s.kind, err = db.refresh(ctx, q.Kind); err != nil {
			return nil, err
		}
	}
	if f, n := s.kind.field(q.OrderBy); n > 0 {
		if f.many {
			return nil, fmt.Errorf("%w: %s cannot be ordered by %s, which has several values a record", itsm.ErrInvalid, q.Kind, q.OrderBy)
		}
		s.order = q.OrderBy
	}
	for i := range q.Where {
		t, always, never := s.kind.terms(&q.Where[i])
		if never {
			return nil, nil
		}
		if !always {
			s.where = append(s.where, t)
		}
	}
	return s, db.choose(ctx, s)
}

// unknown reports whether the query names a field that the kind does not have.
func (s *search) unknown() bool {
	lacks := func(field string) bool {
		_, n := s.kind.field(field)
		return n == 0
	}
	return s.query.OrderBy != "" && lacks(s.query.OrderBy) || slices.ContainsFunc(s.query.Where, func(c itsm.Condition) bool { return lacks(c.Field) })
}

// without are the terms of records that have no value of a field: that say so, or that were written before the field came up.
func without(field string, number int) (set []term) {
	set = append(set, noValue(field))
	for n := range number {
		set = append(set, shape(n))
	}
	return set
}

// terms returns a condition in terms, or that every record satisfies it, or none.
func (k *kind) terms(c *itsm.Condition) (t terms, always, never bool) {
	_, number := k.field(c.Field)
	t.field, t.unset = c.Field, c.Op == itsm.Unset
	switch {
	case number == 0:
		return t, t.unset, !t.unset
	case t.unset:
		t.set = without(c.Field, number)
	case c.Op == itsm.Less:
		t.span = ofType(c.Field, c.Value.Type())
		t.span.to = keyOf(c.Field, c.Value)
	case c.Op == itsm.AtLeast:
		t.span = ofType(c.Field, c.Value.Type())
		t.span.from = keyOf(c.Field, c.Value)
	case c.Op == itsm.OneOf:
		for _, v := range c.Values {
			if !v.IsZero() {
				t.set = append(t.set, keyOf(c.Field, v))
			}
		}
		slices.SortFunc(t.set, bytes.Compare)
		t.set = slices.CompactFunc(t.set, bytes.Equal)
	case !c.Value.IsZero():
		t.set = []term{keyOf(c.Field, c.Value)}
	}
	return t, false, t.set == nil && (t.span.from == nil || c.Value.IsZero())
}

// choose finds out by which index the search goes.
func (db *DB) choose(ctx context.Context, s *search) error {
	counted := slices.Clone(s.where)
	if s.order == "" && len(s.where) == 1 && s.where[0].set != nil {
		s.lead = &s.where[0]
		return nil
	}
	if len(counted) == 0 {
		return nil
	}
	var b builder
	b.text.WriteString("SELECT ")
	for i := range counted {
		if i > 0 {
			b.text.WriteString(", ")
		}
		b.text.WriteString("(SELECT count(*) FROM (" + s.few(&b, &counted[i]) + ") c)")
	}
	counts := make([]int, len(counted))
	err := db.query(ctx, b.text.String(), db.asked(b.args), func(row pgx.Rows) error {
		dest := make([]any, len(counts))
		for i := range counts {
			dest[i] = &counts[i]
		}
		return row.Scan(dest...)
	})
	if err != nil {
		return err
	}
	best := 0
	for i, n := range counts {
		if n < counts[best] {
			best = i
		}
	}
	switch {
	case counts[best] < enough:
		s.lead, s.narrow = &s.where[best], true
	case s.order == "":
		// The records with one term lie in the order of their IDs.
		if i := slices.IndexFunc(s.where, func(t terms) bool { return t.set != nil }); i >= 0 {
			s.lead = &s.where[i]
		}
	}
	return nil
}

// few selects the rows of the index that satisfy a condition, up to enough of them.
func (s *search) few(b *builder, t *terms) string {
	tenant, kind := b.arg(string(s.query.Tenant)), b.arg(string(s.query.Kind))
	if t.set == nil {
		return fmt.Sprintf("SELECT 1 FROM @.term t WHERE t.tenant = %s AND t.kind = %s AND %s ORDER BY t.term, t.id LIMIT %d", tenant, kind, b.within("t.term", t), enough)
	}
	return fmt.Sprintf(`SELECT 1 FROM unnest(%s::bytea[]) AS l (term) CROSS JOIN LATERAL (
			SELECT 1 FROM @.term t WHERE t.tenant = %s AND t.kind = %s AND t.term = l.term ORDER BY t.id LIMIT %d) x LIMIT %[4]d`, b.arg(t.set), tenant, kind, enough)
}

// asked makes the server plan a query for its values: how many records lie in a span is not known without them. A host that
// has chosen another way to execute statements, as a pooler needs, is left to it.
func (db *DB) asked(args []any) []any {
	if db.prepares {
		return append([]any{pgx.QueryExecModeCacheDescribe}, args...)
	}
	return args
}

// findPage returns up to n records behind a place.
func (db *DB) findPage(ctx context.Context, s *search, after itsm.Cursor, n int) (found []store.Snapshot, err error) {
	for _, st := range s.stages(after) {
		query, args := st(n - len(found))
		page, err := list(ctx, db, query, db.asked(args), func(row pgx.Rows, snap *store.Snapshot) error {
			var r snapshotRow
			var id string
			var order term
			var long []term
			if err := row.Scan(append([]any{&id, &order, &long}, r.dest()...)...); err != nil {
				return err
			}
			*snap = r.snapshot(db, itsm.Key{Tenant: s.query.Tenant, Kind: s.query.Kind, ID: itsm.ID(id)})
			if order != nil {
				snap.Order = valueOf(order, long)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		if found = append(found, page...); len(found) == n {
			break
		}
	}
	return found, nil
}

// A builder makes a statement with numbered parameters.
type builder struct {
	text strings.Builder
	args []any
}

func (b *builder) arg(v any) string {
	b.args = append(b.args, v)
	return "$" + strconv.Itoa(len(b.args))
}

// within is the condition that a column has one of the terms.
func (b *builder) within(column string, t *terms) string {
	switch {
	case len(t.set) == 1:
		return column + " = " + b.arg(t.set[0])
	case t.set != nil:
		return column + " = ANY (" + b.arg(t.set) + "::bytea[])"
	}
	return column + " >= " + b.arg(t.span.from) + " AND " + column + " < " + b.arg(t.span.to)
}

// sift are the conditions on a record, apart from one that all records satisfy already.
func (b *builder) sift(where []terms, but *terms) string {
	var text strings.Builder
	for i := range where {
		switch t := &where[i]; {
		case t == but:
		case t.set != nil:
			text.WriteString(" AND r.terms && " + b.arg(t.set) + "::bytea[]")
		default:
			text.WriteString(" AND EXISTS (SELECT 1 FROM unnest(r.terms) t WHERE " + b.within("t", t) + ")")
		}
	}
	return text.String()
}

// A stage makes the statement for a stretch of the results, of up to n records. Records come as ID, order, long, snapshotColumns.
type stage func(n int) (string, []any)

const (
	ascending  = ""
	descending = " DESC"
)

// stages returns the stretches behind a place, in order.
func (s *search) stages(after itsm.Cursor) []stage {
	way, behind := ascending, ">"
	if s.query.Desc {
		way, behind = descending, "<"
	}
	start := after == itsm.Cursor{}
	if s.order == "" { // no record has a value
		switch {
		case start, s.query.Desc && !after.Value.IsZero():
			return []stage{s.byID(s.where, "", "", way)}
		case !after.Value.IsZero():
			return nil
		}
		return []stage{s.byID(s.where, behind, after.ID, way)}
	}
	_, number := s.kind.field(s.order)
	none := terms{set: without(s.order, number)}
	if s.narrow {
		place := noValue(s.order)
		if !after.Value.IsZero() {
			place = keyOf(s.order, after.Value)
		}
		if start {
			behind = ""
		}
		return []stage{s.sorted(none.set[0], behind, place, after.ID, way)}
	}
	// Where a condition speaks of the field itself, only one of the two stretches can have results.
	var first, second []stage // records without a value, and with one
	if !slices.ContainsFunc(s.where, func(t terms) bool { return t.field == s.order && !t.unset }) {
		switch {
		case start, s.query.Desc && !after.Value.IsZero():
			first = []stage{s.leading(&none, "", "", way)}
		case after.Value.IsZero():
			first = []stage{s.leading(&none, behind, after.ID, way)}
		}
	}
	if !slices.ContainsFunc(s.where, func(t terms) bool { return t.field == s.order && t.unset }) {
		switch {
		case start, !s.query.Desc && after.Value.IsZero():
			second = []stage{s.along("", nil, "", way)}
		case !after.Value.IsZero():
			second = []stage{s.along(behind, keyOf(s.order, after.Value), after.ID, way)}
		}
	}
	if s.query.Desc {
		return append(second, first...)
	}
	return append(first, second...)
}

const recordOf = "CROSS JOIN LATERAL (SELECT * FROM @.record r WHERE r.tenant = t.tenant AND r.kind = t.kind AND r.id = t.id LIMIT 1) r"

// byID goes along the IDs of all records, or of those that the search is led to.
func (s *search) byID(where []terms, behind string, id itsm.ID, way string) stage {
	switch {
	case s.narrow:
		return s.sorted(nil, behind, nil, id, way)
	case s.lead != nil:
		return s.leading(s.lead, behind, id, way)
	}
	return func(n int) (string, []any) {
		var b builder
		fmt.Fprintf(&b.text, "SELECT r.id, NULL::bytea, r.long, %s FROM @.record r WHERE r.tenant = %s AND r.kind = %s", snapshotColumns, b.arg(string(s.query.Tenant)), b.arg(string(s.query.Kind)))
		if behind != "" {
			b.text.WriteString(" AND r.id " + behind + " " + b.arg(string(id)))
		}
		b.text.WriteString(b.sift(where, nil) + " ORDER BY r.id" + way + " LIMIT " + b.arg(n))
		return b.text.String(), b.args
	}
}

// leading goes along the IDs of the records that have one of a set of terms: along each term for itself, where they lie in order.
func (s *search) leading(lead *terms, behind string, id itsm.ID, way string) stage {
	return func(n int) (string, []any) {
		var b builder
		tenant, kind, limit := b.arg(string(s.query.Tenant)), b.arg(string(s.query.Kind)), b.arg(n)
		fmt.Fprintf(&b.text, `SELECT DISTINCT ON (x.id) x.id, NULL::bytea, x.long, x.seq, x.stamp, x.head, x.recorded, x.wake, x.data
			FROM unnest(%s::bytea[]) AS l (term) CROSS JOIN LATERAL (
				SELECT r.* FROM @.term t %s WHERE t.tenant = %s AND t.kind = %s AND t.term = l.term`, b.arg(lead.set), recordOf, tenant, kind)
		if behind != "" {
			b.text.WriteString(" AND t.id " + behind + " " + b.arg(string(id)))
		}
		b.text.WriteString(b.sift(s.where, lead) + " ORDER BY t.id" + way + " LIMIT " + limit + ") x ORDER BY x.id" + way + " LIMIT " + limit)
		return b.text.String(), b.args
	}
}

// along goes along the values of the field that the query orders by.
func (s *search) along(behind string, place term, id itsm.ID, way string) stage {
	return func(n int) (string, []any) {
		within := terms{span: valuesOf(s.order)}
		for i := range s.where { // conditions on the field itself say from where to where
			switch w := &s.where[i]; {
			case w.field != s.order:
			case w.set == nil:
				within.span = within.span.meet(w.span)
			default:
				within.span = within.span.meet(span{w.set[0], append(slices.Clip(w.set[len(w.set)-1]), 0)})
			}
		}
		var b builder
		fmt.Fprintf(&b.text, "SELECT r.id, t.term, r.long, %s FROM @.term t %s WHERE t.tenant = %s AND t.kind = %s AND %s",
			snapshotColumns, recordOf, b.arg(string(s.query.Tenant)), b.arg(string(s.query.Kind)), b.within("t.term", &within))
		if behind != "" {
			fmt.Fprintf(&b.text, " AND (t.term, t.id) %s (%s, %s)", behind, b.arg(place), b.arg(string(id)))
		}
		b.text.WriteString(b.sift(s.where, nil) + " ORDER BY t.term" + way + ", t.id" + way + " LIMIT " + b.arg(n))
		return b.text.String(), b.args
	}
}

// sorted fetches the few records that the search is led to, and sorts them: by the value of the field, where it has one, or by what stands for none.
func (s *search) sorted(none term, behind string, place term, id itsm.ID, way string) stage {
	return func(n int) (string, []any) {
		var b builder
		order := "NULL::bytea"
		if none != nil {
			within := terms{span: valuesOf(s.order)}
			order = "coalesce((SELECT t FROM unnest(r.terms) t WHERE " + b.within("t", &within) + " LIMIT 1), " + b.arg(none) + "::bytea)"
		}
		fmt.Fprintf(&b.text, `SELECT x.id, x.place, x.long, x.seq, x.stamp, x.head, x.recorded, x.wake, x.data FROM (
				SELECT r.*, %s AS place FROM (
					SELECT DISTINCT tenant, kind, id FROM (SELECT tenant, kind, id FROM @.term WHERE tenant = %s AND kind = %s AND %s ORDER BY term, id) a
				) t %s WHERE true%s
			) x`, order, b.arg(string(s.query.Tenant)), b.arg(string(s.query.Kind)), b.within("term", s.lead), recordOf, b.sift(s.where, s.lead))
		byPlace := ""
		if none != nil {
			byPlace = "x.place" + way + ", "
		}
		switch {
		case behind == "":
		case none != nil:
			fmt.Fprintf(&b.text, " WHERE (x.place, x.id) %s (%s, %s)", behind, b.arg(place), b.arg(string(id)))
		default:
			b.text.WriteString(" WHERE x.id " + behind + " " + b.arg(string(id)))
		}
		b.text.WriteString(" ORDER BY " + byPlace + "x.id" + way + " LIMIT " + b.arg(n))
		return b.text.String(), b.args
	}
}
