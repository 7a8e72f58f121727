package sqlite

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// Find implements [store.DB]. Its sequence pages by its own cursor, so that no connection is held while results are being used.
func (db *DB) Find(ctx context.Context, q itsm.Query) iter.Seq2[store.Snapshot, error] {
	q.Where = slices.Clone(q.Where)
	return func(yield func(store.Snapshot, error) bool) {
		if err := store.CheckQuery(&q); err != nil {
			yield(store.Snapshot{}, err)
			return
		}
		var s *search
		var found []store.Snapshot
		after := q.After
		for given, n := 0, firstPage; ; n = min(4*n, mostPage) {
			err := db.read(ctx, "find", func(session *session) (err error) {
				if s == nil {
					if s, err = db.plan(ctx, session, &q); err != nil || s == nil {
						return err
					}
				}
				if s.narrow {
					n = mostPage // no more than that will come
				}
				if q.Limit > 0 {
					n = min(n, q.Limit-given)
				}
				found, err = s.page(ctx, session, found[:0], after, n)
				return err
			})
			if err != nil {
				yield(store.Snapshot{}, err)
				return
			}
			if s == nil {
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

// A search is a query as SQL. It is made once and used for each page.
type search struct {
	query  *itsm.Query
	kind   *kind
	order  *field // nil: by ID alone, because the query says so or no record has a value
	index  string // quoted: through which the records are reached
	where  []term
	narrow bool // the index leads to a few records only, in no order
}

// A term is one condition.
type term struct {
	sql  string // with r for the record
	args []any
	// How the condition can lead to the records instead of sifting them: through an index over the records, or, for a field
	// with several values, through those.
	index   string
	lead    string // the condition when it leads, "" for sql
	fixed   bool   // in the index the records lie in the order of their IDs
	several bool   // it allows several values
	count   string // SQL that counts what it leads to, up to enough; the arguments are the tenant and args
}

// enough is from how many records on a condition does not narrow a search down.
const enough = 256

// plan makes SQL of a query. It returns nil when nothing can match.
//
// SQLite has no statistics here, and fresh ones would not know the values asked for. So what decides is looked at: a condition that
// leads to few records is followed and its results are sorted. Where all conditions let many through, the records are
// gone along in the order wanted.
func (db *DB) plan(ctx context.Context, s *session, q *itsm.Query) (*search, error) {
	c, err := db.catalog(ctx, s)
	if err != nil {
		return nil, err
	}
	k := c.kinds[q.Kind]
	if k == nil {
		return nil, nil
	}
	plan := &search{query: q, kind: k, index: k.indexOf("key")}
	if q.OrderBy != "" {
		if plan.order = k.field(q.OrderBy); plan.order != nil {
			if plan.order.many {
				return nil, fmt.Errorf("%w: %s cannot be ordered by %s, which has several values a record", itsm.ErrInvalid, q.Kind, q.OrderBy)
			}
			plan.index = plan.order.index
		}
	}
	for i := range q.Where {
		t, ok := k.term(&q.Where[i])
		if !ok {
			return nil, nil
		}
		if t.sql != "" {
			plan.where = append(plan.where, t)
		}
	}
	return plan, plan.choose(ctx, s)
}

// choose finds out by which index the search goes.
func (p *search) choose(ctx context.Context, s *session) error {
	byID := -1 // a condition within which the records lie in the order wanted
	if p.order == nil {
		byID = slices.IndexFunc(p.where, func(t term) bool { return t.fixed })
	}
	fewest, best := enough, -1
	for i := range p.where {
		t := &p.where[i]
		if t.count == "" || p.order != nil && t.index == p.order.index && !t.several {
			continue // in the order wanted the index is used anyway, from where the condition says
		}
		var n int
		if _, err := s.one(ctx, t.count, append([]any{string(p.query.Tenant)}, t.args...), &n); err != nil {
			return err
		}
		if n < fewest {
			fewest, best = n, i
		}
	}
	switch {
	case best >= 0:
		p.narrow = true
		p.follow(best)
	case byID >= 0:
		p.follow(byID)
	case p.order != nil:
		for i := range p.where {
			if t := &p.where[i]; t.index == p.order.index && t.several {
				t.sql = "+" + t.sql // only sifts: following each value in turn, SQLite would sort what it finds
			}
		}
	}
	return nil
}

func (p *search) follow(i int) {
	t := &p.where[i]
	p.index = t.index
	if t.lead != "" {
		t.sql = t.lead
		t.args = append([]any{string(p.query.Tenant)}, t.args...)
	}
}

// term makes SQL of a condition; its text is empty when every record satisfies it. ok is false when none can.
func (k *kind) term(c *itsm.Condition) (t term, ok bool) {
	f := k.field(c.Field)
	if f == nil {
		return t, c.Op == itsm.Unset
	}
	values := []itsm.Value{c.Value}
	switch c.Op {
	case itsm.OneOf:
		values = slices.Clone(c.Values)
		slices.SortFunc(values, itsm.Value.Compare)
		values = slices.Compact(values)
	case itsm.Unset:
		values = nil
	}
	values = slices.DeleteFunc(values, func(v itsm.Value) bool { return v.Type() != f.typ })
	if len(values) == 0 && c.Op != itsm.Unset {
		return t, false
	}
	for _, v := range values {
		t.args = append(t.args, bind(v))
	}
	compare := map[itsm.Op]string{itsm.Less: "< ?", itsm.AtLeast: ">= ?", itsm.Unset: "IS NULL"}[c.Op]
	if compare == "" {
		if compare = "= ?"; len(values) > 1 {
			compare = "IN (" + marks(len(values)) + ")"
		}
	}
	const few = "SELECT count(*) FROM (SELECT 1 FROM %s WHERE tenant = ? AND %s LIMIT %d)"
	if !f.many {
		t.sql, t.index = "r."+f.column+" "+compare, f.index
		t.several = len(values) > 1
		t.fixed = c.Op == itsm.Unset || len(values) == 1 && c.Op != itsm.Less && c.Op != itsm.AtLeast
		t.count = fmt.Sprintf(few, k.table+" INDEXED BY "+f.index, f.column+" "+compare, enough)
		return t, true
	}
	t.args = append([]any{f.name}, t.args...)
	each := "EXISTS (SELECT 1 FROM " + k.values + " v WHERE v.tenant = r.tenant AND v.id = r.id AND v.field = ?"
	if c.Op == itsm.Unset {
		t.sql = "NOT " + each + ")"
		return t, true
	}
	t.sql = each + " AND v.value " + compare + ")"
	t.index = k.indexOf("key")
	t.lead = "r.id IN (SELECT id FROM " + k.values + " WHERE tenant = ? AND field = ? AND value " + compare + ")"
	t.count = fmt.Sprintf(few, k.values, "field = ? AND value "+compare, enough)
	return t, true
}

// A stage is a stretch of the results: a place can lie among the records without a value, and those with one follow.
type stage struct {
	where string
	args  []any
	order string
}

// stages returns the stretches behind a place, in order.
func (p *search) stages(after itsm.Cursor) []stage {
	desc, start := p.query.Desc, after == itsm.Cursor{}
	way, behind := "", ">"
	if desc {
		way, behind = " DESC", "<"
	}
	byID := "r.id" + way
	if p.order == nil { // all records have no value
		switch {
		case start, desc && !after.Value.IsZero():
			return []stage{{order: byID}}
		case !after.Value.IsZero():
			return nil
		}
		return []stage{{"r.id " + behind + " ?", []any{string(after.ID)}, byID}}
	}
	column := "r." + p.order.column
	byValue := column + way + ", " + byID
	without := stage{where: column + " IS NULL", order: byID}
	with := stage{where: column + " IS NOT NULL", order: byValue}
	rest := func(s stage, cond string, args ...any) stage {
		s.where, s.args = s.where+" AND "+cond, args
		return s
	}
	higher := after.Value.Type() > p.order.typ // than all values of the field
	switch {
	case start:
		return []stage{{order: byValue}}
	case after.Value.IsZero() && desc:
		return []stage{rest(without, "r.id < ?", string(after.ID))}
	case after.Value.IsZero():
		return []stage{rest(without, "r.id > ?", string(after.ID)), with}
	case after.Value.Type() == p.order.typ:
		with.where = "(" + column + ", r.id) " + behind + " (?, ?)"
		with.args = []any{bind(after.Value), string(after.ID)}
		if desc {
			return []stage{with, without}
		}
		return []stage{with}
	case desc && higher:
		return []stage{with, without}
	case desc:
		return []stage{without}
	case higher:
		return nil
	}
	return []stage{with}
}

// sql returns the statement for a stage; its last argument is how many records are wanted.
func (p *search) sql(st stage, n int) (string, []any) {
	var b strings.Builder
	b.WriteString("SELECT r.id, r.seq, r.head, r.recorded, r.wake, r.data")
	if p.order != nil {
		b.WriteString(", r." + p.order.column)
	}
	b.WriteString(" FROM " + p.kind.table + " r INDEXED BY " + p.index + " WHERE r.tenant = ?")
	args := []any{string(p.query.Tenant)}
	for i := range p.where {
		b.WriteString(" AND " + p.where[i].sql)
		args = append(args, p.where[i].args...)
	}
	if st.where != "" {
		b.WriteString(" AND " + st.where)
	}
	b.WriteString(" ORDER BY " + st.order + " LIMIT ?")
	return b.String(), append(append(args, st.args...), n)
}

// page appends up to n records behind a place.
func (p *search) page(ctx context.Context, s *session, out []store.Snapshot, after itsm.Cursor, n int) ([]store.Snapshot, error) {
	var row snapshotRow
	var id itsm.ID
	var order any
	dest := append([]any{&id}, row.dest()...)
	if p.order != nil {
		dest = append(dest, &order)
	}
	for _, st := range p.stages(after) {
		query, args := p.sql(st, n-len(out))
		err := s.query(ctx, query, args, func(r scanner) error {
			row.data = nil
			if err := r.Scan(dest...); err != nil {
				return err
			}
			snap := row.snapshot(itsm.Key{Tenant: p.query.Tenant, Kind: p.query.Kind, ID: id})
			if p.order != nil {
				snap.Order = value(p.order.typ, order)
			}
			out = append(out, snap)
			return nil
		})
		if err != nil || len(out) == n {
			return out, err
		}
	}
	return out, nil
}
