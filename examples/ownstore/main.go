// Command ownstore is a help desk that keeps incidents on SQL tables of its own.
//
//	go run ./examples/ownstore
//
// Look at the package tickets: schema.sql has the tables; tickets.go, save.go, find.go and journal.go the four methods that the
// incident process asks for (Load, Save, Find, Events); unit.go the optional fifth, for commands that change two tickets. Its test
// holds all of it to the contract with one line, itsmtest.Repository.
//
// This file is what such a host does with it: the story of the quickstart, and then what a store is there for.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/examples/ownstore/tickets"
	"github.com/hospital-itsm/itsm/incident"
)

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal("ownstore: ", err)
	}
}

func run(w io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "ownstore")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	store, err := tickets.Open(context.Background(), filepath.Join(dir, "desk.db"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()

	d := desk{out: w, db: store.DB(), now: time.Date(2026, 2, 14, 8, 30, 0, 0, beijing)}
	d.incidents, err = incident.New(store, incident.Config{
		Config:     itsm.Config{Clock: func() time.Time { return d.now }, Zone: beijing, Fields: []itsm.Field{tickets.Campus}},
		Agreements: incident.DefaultAgreements(),
	})
	if err != nil {
		return err
	}
	for _, part := range []func() error{d.story, d.rows, d.refusal, d.race, d.twice, d.merge, d.erase} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

var beijing = time.FixedZone("CST", 8*60*60)

// The people of the story.
var (
	agent    = as("u-017", itsm.RoleServiceDesk)
	engineer = as("u-205", itsm.RoleHardwareEngineer)
	security = as("u-300", itsm.RoleSecurityAdmin)
)

func as(id itsm.PersonID, role itsm.Role) context.Context {
	return itsm.WithActor(context.Background(), itsm.Actor{ID: id, Tenant: "h1", Roles: []itsm.Role{role}})
}

// A desk is the host: a service over its own tables.
type desk struct {
	incidents *incident.Service
	db        *sql.DB
	out       io.Writer
	now       time.Time
	solved    itsm.ID // by the story
	open      itsm.ID // another one
}

func (d *desk) title(text string)                { fmt.Fprintf(d.out, "\n%s\n", text) }
func (d *desk) print(format string, args ...any) { fmt.Fprintf(d.out, "  "+format+"\n", args...) }

// do gives a command, four minutes after the last one.
func (d *desk) do(ctx context.Context, id itsm.ID, cmd itsm.Command, opts ...itsm.Option) (incident.Incident, error) {
	d.now = d.now.Add(4 * time.Minute)
	inc, err := d.incidents.Do(ctx, id, cmd, opts...)
	if err == nil {
		d.print("%s  %-21s → %s", inc.ID, cmd.CommandName(), inc.State)
	}
	return inc, err
}

func (d *desk) record() (itsm.ID, error) {
	inc, err := d.do(agent, "", incident.Record{
		Channel: incident.Phone, Summary: "收费窗口打印机不出纸", CI: "printer-0031",
		Caller: incident.Caller{Name: "王小明", Department: "outpatient-fee", Phone: "8001"},
	}, itsm.WithFields(map[string]itsm.Value{"campus": itsm.TextOf("东院")}))
	return inc.ID, err
}

// story takes one ticket from the call to its end.
func (d *desk) story() (err error) {
	d.title("one ticket, from the call to its end:")
	if d.solved, err = d.record(); err != nil {
		return err
	}
	for _, step := range []struct {
		ctx context.Context
		cmd itsm.Command
	}{
		{agent, incident.Triage{Impact: incident.ImpactDepartment, Urgency: incident.UrgencyNow, Service: "his-opd"}},
		{agent, incident.Investigate{Diagnosis: "卡纸传感器报错", Symptom: "不出纸", Scope: "3 号窗口", Began: d.now.Add(-time.Hour)}},
		{agent, incident.Try{What: "断电重启", Outcome: incident.Failed}},
		{agent, incident.Dispatch{Group: "hardware", Assignee: "u-205"}},
		{engineer, incident.Start{}},
		{engineer, incident.Propose{Solution: "更换进纸传感器"}},
		{agent, incident.Confirm{Word: incident.UserAgrees, Said: "可以打印了"}},
		{agent, incident.Close{CauseCode: "wear", SolutionCode: "replaced"}},
	} {
		if _, err := d.do(step.ctx, d.solved, step.cmd); err != nil {
			return err
		}
	}
	return nil
}

// rows reads the host's own columns, in SQL of its own and through the service.
func (d *desk) rows() (err error) {
	d.title("a second ticket:")
	if d.open, err = d.record(); err != nil {
		return err
	}
	if _, err := d.do(agent, d.open, incident.Triage{Impact: incident.ImpactOne, Urgency: incident.UrgencyToday}); err != nil {
		return err
	}
	d.title("SELECT no, state, priority, coalesce(team, '-'), campus, summary FROM ticket:")
	rows, err := d.db.Query("SELECT no, state, priority, coalesce(team, '-'), campus, summary FROM ticket ORDER BY no")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var no, state, team, campus, summary string
		var priority int
		if err := rows.Scan(&no, &state, &priority, &team, &campus, &summary); err != nil {
			return err
		}
		d.print("%s  %-8s  P%d  %-8s  %s  %s", no, state, priority, team, campus, summary)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	d.title("what the service finds by the same columns, for campus 东院, still worked on:")
	q := itsm.Query{Where: []itsm.Condition{
		itsm.Where("field_campus", itsm.TextOf("东院")),
		itsm.WhereOneOf("phase", itsm.TextOf("open"), itsm.TextOf("active"), itsm.TextOf("waiting")),
	}, OrderBy: "due"}
	for inc, err := range d.incidents.Find(agent, q) {
		if err != nil {
			return err
		}
		d.print("%s  %s  %s", inc.ID, inc.State, inc.Priority)
	}
	return nil
}

// refusal gives a command that is not possible. The ticket stays as it is, its journal grows.
func (d *desk) refusal() error {
	d.title("a refused command:")
	_, err := d.do(engineer, d.open, incident.Start{}, itsm.Because("it is my printer"))
	var refused *itsm.RefusedError
	if !errors.As(err, &refused) {
		return fmt.Errorf("starting should have been refused, got: %w", err)
	}
	d.print("%s\n  %s", refused, refused.In(itsm.Chinese))
	var who, why string
	row := d.db.QueryRow("SELECT actor, reason FROM ticket_event WHERE type = 'itsm.refused' AND no = ?", d.open)
	if err := row.Scan(&who, &why); err != nil {
		return err
	}
	d.print("the journal knows that %s tried, and why: %q", who, why)
	return nil
}

// race lets two people work on what they saw at the same time.
func (d *desk) race() error {
	d.title("two agents saw the same version:")
	seen, err := d.incidents.Get(agent, d.open)
	if err != nil {
		return err
	}
	first := itsm.IfVersion(seen.Version)
	if _, err := d.do(agent, d.open, itsm.Note{Text: "the spare one is in room 203"}, first); err != nil {
		return err
	}
	if _, err = d.do(agent, d.open, itsm.Note{Text: "there is no spare one"}, first); !errors.Is(err, itsm.ErrConflict) {
		return fmt.Errorf("the second should have lost, got: %w", err)
	}
	d.print("the second is told: %v", err)
	return nil
}

// twice gives one command two times, as a client does that got no answer.
func (d *desk) twice() error {
	d.title("one command ID, given twice:")
	for range 2 {
		if _, err := d.do(agent, d.open, incident.Contact{Channel: incident.Phone, Report: true}, itsm.Once("call-4711")); err != nil {
			return err
		}
	}
	inc, err := d.incidents.Get(agent, d.open)
	if err == nil {
		d.print("it was reported %d times", inc.Reports)
	}
	return err
}

// merge changes two tickets in one transaction.
func (d *desk) merge() error {
	d.title("a duplicate:")
	id, err := d.record()
	if err != nil {
		return err
	}
	if _, err := d.do(agent, id, incident.Merge{Into: d.open}); err != nil {
		return err
	}
	inc, err := d.incidents.Get(agent, d.open)
	if err == nil {
		d.print("%s has taken in %v and was reported %d times", inc.ID, inc.Absorbed, inc.Reports)
	}
	return err
}

// erase takes personal data out of the ticket and its journal. The chain of hashes holds.
func (d *desk) erase() error {
	d.title("personal data are erased:")
	if err := d.count("before"); err != nil {
		return err
	}
	if _, err := d.do(security, d.solved, itsm.ErasePersonal{}, itsm.Because("retention is over")); err != nil {
		return err
	}
	if err := d.count("after"); err != nil {
		return err
	}
	if err := d.incidents.Verify(security, d.solved); err != nil {
		return err
	}
	d.print("the journal of %s is as it was written", d.solved)
	return nil
}

// count tells in how many rows of the solved ticket the caller's name stands.
func (d *desk) count(when string) error {
	var n int
	err := d.db.QueryRow(`SELECT (SELECT count(*) FROM ticket WHERE no = ?1 AND body LIKE '%王小明%') +
		(SELECT count(*) FROM ticket_event WHERE no = ?1 AND personal LIKE '%王小明%')`, d.solved).Scan(&n)
	if err == nil {
		d.print("%s: the caller's name is in %d rows", when, n)
	}
	return err
}
