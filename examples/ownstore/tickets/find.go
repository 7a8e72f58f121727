package tickets

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
)

// page is how many rows are read at once. Between two pages no statement is open, so that whoever ranges over a list may write.
const page = 100

// A statement is SQL text with its arguments.
type statement struct {
	strings.Builder
	args []any
}

func (s *statement) add(text string, args ...any) {
	s.WriteString(text)
	s.args = append(s.args, args...)
}

// in adds "column IN (…)"; with no values nothing matches.
func (s *statement) in(column string, values []any) {
	if len(values) == 0 {
		s.add("FALSE")
		return
	}
	s.add(column+" IN (?"+strings.Repeat(", ?", len(values)-1)+")", values...)
}

// A place is where a list goes on: behind a row with this number and this value in the column of the order.
type place struct {
	value any
	no    itsm.ID
}

// Find implements [itsm.Repository].
func (t *Tickets) Find(ctx context.Context, q itsm.Query) iter.Seq2[itsm.Stored[incident.Incident], error] {
	return func(yield func(itsm.Stored[incident.Incident], error) bool) {
		fail := func(err error) { yield(itsm.Stored[incident.Incident]{}, wrap("find", err)) }
		after := place{valueOf(q.After.Value), q.After.ID}
		for left := q.Limit; ; {
			n := page
			if q.Limit > 0 {
				n = min(n, left)
			}
			found, next, err := t.find(ctx, &q, after, n)
			if err != nil {
				fail(err)
				return
			}
			for i := range found {
				s, err := found[i].stored()
				if err != nil {
					fail(err)
					return
				}
				if !yield(s, nil) {
					return
				}
			}
			if left -= len(found); len(found) < n || left == 0 {
				return
			}
			after = next
		}
	}
}

// find reads up to n rows behind a place, and tells the place of the last.
func (t *Tickets) find(ctx context.Context, q *itsm.Query, after place, n int) (found []row, last place, err error) {
	s, err := selectTickets(q, after, n)
	if err != nil {
		return nil, place{}, err
	}
	rows, err := t.read(ctx).QueryContext(ctx, s.String(), s.args...)
	if err != nil {
		return nil, place{}, err
	}
	defer rows.Close()
	for rows.Next() {
		var r row
		if err := rows.Scan(r.into(&last.no, &last.value)...); err != nil {
			return nil, place{}, err
		}
		found = append(found, r)
	}
	return found, last, rows.Err()
}

// selectTickets translates a query. Its order is that of SQLite: NULL before every value, texts by their bytes.
func selectTickets(q *itsm.Query, after place, n int) (*statement, error) {
	order := ""
	if q.OrderBy != "" {
		var err error
		if order, err = columnOf(q.OrderBy); err != nil {
			return nil, err
		}
	}
	s := new(statement)
	s.add("SELECT "+stored+", no, "+cmp.Or(order, "NULL")+" FROM ticket WHERE tenant = ?", q.Tenant)
	for _, c := range q.Where {
		s.add(" AND ")
		if err := s.condition(c); err != nil {
			return nil, err
		}
	}
	if after != (place{}) {
		s.behind(after, order, q.Desc)
	}
	direction := ""
	if q.Desc {
		direction = " DESC"
	}
	s.add(" ORDER BY ")
	if order != "" {
		s.add(order + direction + ", ")
	}
	s.add("no"+direction+" LIMIT ?", n)
	return s, nil
}

// behind leaves out what comes up to a place. NULL is before every value, so it is behind none on the way up and behind all on the way down.
func (s *statement) behind(after place, order string, down bool) {
	beyond := ">"
	if down {
		beyond = "<"
	}
	switch {
	case order == "":
		s.add(" AND no "+beyond+" ?", after.no)
	case after.value == nil && down:
		s.add(" AND "+order+" IS NULL AND no < ?", after.no)
	case after.value == nil:
		s.add(" AND ("+order+" IS NOT NULL OR no > ?)", after.no)
	case down:
		s.add(" AND (("+order+", no) < (?, ?) OR "+order+" IS NULL)", after.value, after.no)
	default:
		s.add(" AND ("+order+", no) > (?, ?)", after.value, after.no)
	}
}

func (s *statement) condition(c itsm.Condition) error {
	column, err := columnOf(c.Field)
	if err != nil {
		return err
	}
	switch c.Op {
	case itsm.Equal:
		s.add(column+" = ?", valueOf(c.Value))
	case itsm.OneOf:
		values := make([]any, len(c.Values))
		for i, v := range c.Values {
			values[i] = valueOf(v)
		}
		s.in(column, values)
	case itsm.Less:
		s.add(column+" < ?", valueOf(c.Value))
	case itsm.AtLeast:
		s.add(column+" >= ?", valueOf(c.Value))
	case itsm.Unset:
		s.add(column + " IS NULL")
	default:
		return fmt.Errorf("%w: field %s: comparison %d", itsm.ErrInvalid, c.Field, c.Op)
	}
	return nil
}
