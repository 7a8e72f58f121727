package tickets

import (
	"context"
	"fmt"
	"iter"
	"strconv"

	"github.com/hospital-itsm/itsm"
)

// Events implements [itsm.Repository].
func (t *Tickets) Events(ctx context.Context, after itsm.Position, f itsm.Filter) iter.Seq2[itsm.Event, error] {
	return func(yield func(itsm.Event, error) bool) {
		behind := int64(0)
		if after != "" {
			var err error
			if behind, err = strconv.ParseInt(string(after), 10, 64); err != nil {
				yield(itsm.Event{}, fmt.Errorf("%w: tickets: the journal has no position %q", itsm.ErrInvalid, after))
				return
			}
		}
		for left := f.Limit; ; {
			n := page
			if f.Limit > 0 {
				n = min(n, left)
			}
			events, last, err := t.events(ctx, &f, behind, n)
			if err != nil {
				yield(itsm.Event{}, wrap("events", err))
				return
			}
			for _, e := range events {
				if !yield(e, nil) {
					return
				}
			}
			if left -= len(events); len(events) < n || left == 0 {
				return
			}
			behind = last
		}
	}
}

// events reads up to n entries behind a position, and tells the position of the last. The entries of one ticket are in the order of
// their numbers by that.
func (t *Tickets) events(ctx context.Context, f *itsm.Filter, behind int64, n int) (events []itsm.Event, last int64, err error) {
	var s statement
	s.add(`SELECT position, tenant, kind, no, seq, type, happened, recorded, actor, on_behalf_of, command, command_name, reason, data, personal,
		personal_digest, prev, hash FROM ticket_event WHERE position > ?`, behind)
	for _, c := range []struct{ column, value string }{
		{"tenant", string(f.Tenant)}, {"kind", string(f.Kind)}, {"no", string(f.ID)}, {"command", string(f.Command)},
	} {
		if c.value != "" {
			s.add(" AND "+c.column+" = ?", c.value)
		}
	}
	if len(f.Types) > 0 {
		types := make([]any, len(f.Types))
		for i, name := range f.Types {
			types[i] = name
		}
		s.add(" AND ")
		s.in("type", types)
	}
	s.add(" ORDER BY position LIMIT ?", n)
	rows, err := t.read(ctx).QueryContext(ctx, s.String(), s.args...)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var e itsm.Event
		var happened, recorded int64
		var digest, prev, hash []byte
		if err := rows.Scan(&last, &e.Tenant, &e.Kind, &e.ID, &e.Seq, &e.Type, &happened, &recorded, &e.Actor, &e.OnBehalfOf, &e.Command,
			&e.CommandName, &e.Reason, &e.Data, &e.Personal, &digest, &prev, &hash); err != nil {
			return nil, 0, err
		}
		e.At, e.Recorded, e.Position = instant(happened), instant(recorded), itsm.Position(strconv.FormatInt(last, 10))
		e.PersonalDigest, e.Prev, e.Hash = itsm.Digest(digest), itsm.Digest(prev), itsm.Digest(hash)
		events = append(events, e)
	}
	return events, last, rows.Err()
}
