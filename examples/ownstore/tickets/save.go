package tickets

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
)

// columns says where a ticket keeps what it is found by. The names on the left are those of the incident process; the last is that of a
// field of the host.
var columns = []struct{ field, column string }{
	{"state", "state"}, {"phase", "phase"}, {"level", "level"}, {"created", "created"}, {"updated", "updated"}, {"type", "kind"},
	{"priority", "priority"}, {"service", "service"}, {"ci", "ci"}, {"group", "team"}, {"assignee", "assignee"}, {"tier", "line"},
	{"owner", "owner"}, {"department", "department"}, {"caller", "caller"}, {"alert", "alert"}, {"parent", "parent"},
	{"merged_into", "merged_into"}, {"recurrence_of", "recurrence_of"}, {"problem", "problem"}, {"major", "major"}, {"due", "due"},
	{"follow_up_due", "follow_up_due"}, {"paperwork_due", "paperwork_due"}, {"promise_due", "promise_due"},
	{"field_campus", "campus"},
}

// Campus is the host's own field, for [itsm.Config].
var Campus = itsm.Field{Name: "campus", Type: itsm.TextValue, English: "campus", Chinese: "院区", Search: true}

// columnOf returns the column of a field.
func columnOf(field string) (string, error) {
	for _, c := range columns {
		if c.field == field {
			return c.column, nil
		}
	}
	return "", fmt.Errorf("%w: tickets have no column for the field %q", itsm.ErrInvalid, field)
}

// valueOf returns what stands in a column for a value.
func valueOf(v itsm.Value) any {
	switch v.Type() {
	case itsm.TextValue:
		return v.Text()
	case itsm.NumberValue:
		return v.Number()
	case itsm.TimeValue:
		return v.Micros()
	case itsm.BoolValue:
		return v.Bool()
	}
	return nil
}

// The statements that write a ticket. Both take tenant and number last.
var insertTicket, updateTicket = func() (insert, update string) {
	names := []string{"revision", "head", "touched", "wake", "summary", "body"}
	for _, c := range columns {
		names = append(names, c.column)
	}
	insert = "INSERT INTO ticket (" + strings.Join(names, ", ") + ", tenant, no) VALUES (?" + strings.Repeat(", ?", len(names)+1) + ") ON CONFLICT DO NOTHING"
	update = "UPDATE ticket SET " + strings.Join(names, " = ?, ") + " = ? WHERE tenant = ? AND no = ? AND revision = ?"
	return insert, update
}()

// Save implements [itsm.Repository]: the database says who was first.
func (t *Tickets) Save(ctx context.Context, c itsm.Change[incident.Incident]) error {
	if len(c.Events) == 0 {
		return fmt.Errorf("%w: tickets: a change of %s without an entry", itsm.ErrInvalid, c.Key)
	}
	err := t.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		w := writer{ctx, tx, &c}
		for _, step := range []func() error{w.command, w.erase, w.events, w.ticket} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return wrap("save "+c.Key.String(), err)
	}
	if u := t.unit(ctx); u != nil && c.Record == nil {
		u.refusals = append(u.refusals, c.Events...)
	}
	return nil
}

// A writer writes one change.
type writer struct {
	ctx context.Context
	tx  *sql.Tx
	*itsm.Change[incident.Incident]
}

// first runs a statement that changes a row unless somebody else was first.
func (w writer) first(late error, query string, args ...any) error {
	result, err := w.tx.ExecContext(w.ctx, query, args...)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n > 0 {
		return err
	}
	return late
}

func (w writer) command() error {
	if w.Command == "" {
		return nil
	}
	late := fmt.Errorf("command %q: %w", w.Command, itsm.ErrExists)
	return w.first(late, "INSERT INTO ticket_command (tenant, id) VALUES (?, ?) ON CONFLICT DO NOTHING", w.Key.Tenant, w.Command)
}

func (w writer) erase() error {
	if !w.Erase {
		return nil
	}
	_, err := w.tx.ExecContext(w.ctx, "UPDATE ticket_event SET personal = NULL WHERE tenant = ? AND kind = ? AND no = ? AND seq <= ?",
		w.Key.Tenant, w.Key.Kind, w.Key.ID, w.Expect)
	return err
}

func (w writer) conflict() error {
	return fmt.Errorf("it is not at revision %d: %w", w.Expect, itsm.ErrConflict)
}

func (w writer) events() error {
	for i := range w.Events {
		e := &w.Events[i]
		err := w.first(w.conflict(), `INSERT INTO ticket_event (tenant, kind, no, seq, type, happened, recorded, actor, on_behalf_of, command, command_name,
			reason, data, personal, personal_digest, prev, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			e.Tenant, e.Kind, e.ID, e.Seq, e.Type, e.At.UnixMicro(), e.Recorded.UnixMicro(), e.Actor, e.OnBehalfOf, e.Command, e.CommandName,
			e.Reason, string(e.Data), textOrNull(e.Personal), e.PersonalDigest[:], e.Prev[:], e.Hash[:])
		if err != nil {
			return err
		}
	}
	return nil
}

// ticket writes the row of the ticket. An entry that stands alone has none, and a refusal moves the revision only.
func (w writer) ticket() error {
	last := &w.Events[len(w.Events)-1]
	if w.Record == nil {
		if w.Expect == 0 {
			return nil
		}
		return w.first(w.conflict(), "UPDATE ticket SET revision = ?, head = ?, touched = ? WHERE tenant = ? AND no = ? AND revision = ?",
			last.Seq, last.Hash[:], last.Recorded.UnixMicro(), w.Key.Tenant, w.Key.ID, w.Expect)
	}
	body, err := json.Marshal(w.Record)
	if err != nil {
		return err
	}
	found := make(map[string]any, len(w.Index))
	for _, e := range w.Index {
		column, err := columnOf(e.Field)
		if err != nil {
			return err
		}
		found[column] = valueOf(e.Value)
	}
	args := []any{last.Seq, last.Hash[:], last.Recorded.UnixMicro(), microsOrNull(w.Wake), w.Record.Summary, string(body)}
	for _, c := range columns {
		args = append(args, found[c.column])
	}
	args = append(args, w.Key.Tenant, w.Key.ID)
	if w.Expect == 0 {
		return w.first(w.conflict(), insertTicket, args...)
	}
	return w.first(w.conflict(), updateTicket, append(args, w.Expect)...)
}

func textOrNull(b []byte) any {
	if b == nil {
		return nil
	}
	return string(b)
}

func microsOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}
