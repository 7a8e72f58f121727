package sqlite

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// position writes a place in the journal. Positions are in the order of their texts.
func position(place int64) itsm.Position { return itsm.Position(fmt.Sprintf("%016d", place)) }

func placeOf(p itsm.Position) (int64, error) {
	if p == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(string(p), 10, 64)
	if err != nil || n < 0 || position(n) != p {
		return 0, fmt.Errorf("%w: position %q is not one of this store", itsm.ErrInvalid, p)
	}
	return n, nil
}

const eventColumns = "position, tenant, kind, id, seq, type, at, recorded, actor, on_behalf_of, command, command_name, reason, data, personal, personal_digest, prev, hash"

// Events are fetched a page at a time, so that no connection is held while they are being used.
const (
	firstPage = 64
	mostPage  = 1024
)

// Events implements [store.DB]. Entries are numbered under the one lock for writing, so none can appear behind a reader.
func (db *DB) Events(ctx context.Context, after itsm.Position, f itsm.Filter) iter.Seq2[itsm.Event, error] {
	f.Types = slices.Clone(f.Types)
	return func(yield func(itsm.Event, error) bool) {
		from, err := placeOf(after)
		if err == nil {
			err = store.CheckFilter(&f)
		}
		if err != nil {
			yield(itsm.Event{}, err)
			return
		}
		var events []itsm.Event
		for given, n := 0, firstPage; ; n = min(4*n, mostPage) {
			if f.Limit > 0 {
				n = min(n, f.Limit-given)
			}
			err := db.read(ctx, "read the journal", func(s *session) (err error) {
				events, err = s.events(ctx, events[:0], from, &f, n)
				if err == nil && len(events) == 0 && given == 0 && from > 0 {
					err = s.checkPlace(ctx, from)
				}
				return err
			})
			if err != nil {
				yield(itsm.Event{}, err)
				return
			}
			for i := range events {
				if !yield(events[i], nil) {
					return
				}
			}
			given += len(events)
			if len(events) < n || given == f.Limit {
				return
			}
			from, _ = placeOf(events[n-1].Position)
		}
	}
}

// checkPlace finds out whether there can be a reader at a place: not in a copy of the file from before.
func (s *session) checkPlace(ctx context.Context, place int64) error {
	var last int64
	if _, err := s.one(ctx, "SELECT seq FROM sqlite_sequence WHERE name = 'itsm_journal'", nil, &last); err != nil {
		return err
	}
	if place > last {
		return fmt.Errorf("%w: position %q is behind the end of this journal, %q: was the database restored from an older copy?", itsm.ErrInvalid, position(place), position(last))
	}
	return nil
}

// eventQuery selects up to n entries behind a place.
func eventQuery(from int64, f *itsm.Filter, n int) (string, []any) {
	// By its rowid the journal is in order of position; so are the entries of one record, and of one command within their index.
	index, where, args := "NOT INDEXED", []string{"position > ?"}, []any{from}
	order := "position"
	and := func(cond string, vs ...any) {
		where, args = append(where, cond), append(args, vs...)
	}
	switch {
	case f.ID != "":
		index, order = "INDEXED BY itsm_journal_record", "seq"
	case f.Command != "":
		index = "INDEXED BY itsm_journal_command"
	}
	if f.Tenant != "" {
		and("tenant = ?", string(f.Tenant))
	}
	if f.Kind != "" {
		and("kind = ?", string(f.Kind))
	}
	if f.ID != "" {
		and("id = ?", string(f.ID))
	}
	if f.Command != "" {
		and("command = ?", string(f.Command))
	}
	if len(f.Types) > 0 {
		types := make([]any, len(f.Types))
		for i, t := range f.Types {
			types[i] = t
		}
		and("type IN ("+marks(len(types))+")", types...)
	}
	query := "SELECT " + eventColumns + " FROM itsm_journal " + index + " WHERE " + strings.Join(where, " AND ") + " ORDER BY " + order + " LIMIT ?"
	return query, append(args, n)
}

func (s *session) events(ctx context.Context, out []itsm.Event, from int64, f *itsm.Filter, n int) ([]itsm.Event, error) {
	query, args := eventQuery(from, f, n)
	err := s.query(ctx, query, args, func(row scanner) error {
		out = append(out, itsm.Event{})
		return scanEvent(row, &out[len(out)-1])
	})
	return out, err
}

func scanEvent(row scanner, e *itsm.Event) error {
	var place, at, recorded int64
	var personalDigest, prev, hash []byte
	err := row.Scan(&place, &e.Tenant, &e.Kind, &e.ID, &e.Seq, &e.Type, &at, &recorded, &e.Actor, &e.OnBehalfOf, &e.Command, &e.CommandName, &e.Reason,
		&e.Data, &e.Personal, &personalDigest, &prev, &hash)
	e.Position, e.At, e.Recorded = position(place), time.UnixMicro(at).UTC(), time.UnixMicro(recorded).UTC()
	copy(e.PersonalDigest[:], personalDigest)
	copy(e.Prev[:], prev)
	copy(e.Hash[:], hash)
	return err
}
