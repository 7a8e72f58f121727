package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/store/memory"
)

// The commands by which each step of a log is followed.
func TestSteps(t *testing.T) {
	t.Parallel()
	const begins = ""
	waits := "Awaiting User Info"
	want := map[passage]string{
		{begins, logNew}: "record triage dispatch", {begins, logActive}: "record triage dispatch start", {begins, waits}: "record triage dispatch hold",
		{begins, logResolved}: "record_resolved", {begins, logClosed}: "record_resolved confirm close",

		{logNew, logNew}: "", {logNew, logActive}: "start", {logNew, waits}: "hold", {logNew, logResolved}: "resolve_in_call", {logNew, logClosed}: "resolve_in_call confirm close",
		{logActive, logNew}: "escalate", {logActive, logActive}: "", {logActive, waits}: "hold", {logActive, logResolved}: "propose", {logActive, logClosed}: "propose confirm close",
		{waits, logNew}: "resume escalate", {waits, logActive}: "resume", {waits, waits}: "", {waits, "Awaiting Vendor"}: "resume hold",
		{waits, logResolved}: "resume propose", {waits, logClosed}: "resume propose confirm close",
		{logResolved, logNew}: "reject escalate", {logResolved, logActive}: "reject", {logResolved, waits}: "reject hold", {logResolved, logResolved}: "", {logResolved, logClosed}: "confirm close",
		{logClosed, logNew}: "record triage dispatch", {logClosed, logActive}: "record triage dispatch start", {logClosed, waits}: "record triage dispatch hold",
		{logClosed, logResolved}: "record_resolved", {logClosed, logClosed}: "",
	}
	for step, commands := range want {
		t.Run(cmp.Or(step.from, "(begins)")+" to "+step.to, func(t *testing.T) {
			t.Parallel()
			rows := []row{{State: step.to, Writer: "a", Impact: 1, Urgency: 1}}
			if step.from != begins {
				rows = []row{{State: step.from, Writer: "a", Impact: 1, Urgency: 1}, rows[0]}
			}
			var got []string
			for _, s := range planOf("INC1", rows).steps {
				if s.row == len(rows)-1 {
					assert.True(t, s.moves)
					got = append(got, strings.TrimPrefix(s.cmd.CommandName(), "incident."))
				}
			}
			assert.Equal(t, commands, strings.Join(got, " "))
		})
	}
}

func TestAmendments(t *testing.T) {
	t.Parallel()
	base := row{State: logActive, Writer: "a", Group: "g", Person: "p", Impact: 2, Urgency: 2, Caller: "c", Category: "x"}
	for name, c := range map[string]struct {
		change func(*row)
		want   []itsm.Command
	}{
		"nothing":       {func(*row) {}, nil},
		"another group": {func(r *row) { r.Group, r.Person = "h", "" }, []itsm.Command{incident.Dispatch{Group: "h"}}},
		"no group":      {func(r *row) { r.Group = "" }, []itsm.Command{incident.Dispatch{Group: post, Assignee: "p"}}},
		"a person":      {func(r *row) { r.Person = "q" }, []itsm.Command{incident.Dispatch{Group: "g", Assignee: "q"}}},
		"urgency":       {func(r *row) { r.Urgency = 1 }, []itsm.Command{incident.Triage{Impact: 2, Urgency: 1}}},
		"item":          {func(r *row) { r.CI = "i" }, []itsm.Command{incident.Investigate{CI: "i"}}},
		"problem":       {func(r *row) { r.Problem = "P" }, []itsm.Command{incident.Link{Problem: "P"}}},
		"change":        {func(r *row) { r.Change = "C" }, []itsm.Command{incident.Link{Change: "C"}}},
		"category":      {func(r *row) { r.Category, r.Vendor = "", "v" }, []itsm.Command{itsm.SetFields{Fields: map[string]itsm.Value{"log_category": {}, "log_vendor": itsm.TextOf("v")}}}},
		"caller": {func(r *row) { r.Caller = "d" }, []itsm.Command{
			incident.Contact{Channel: incident.Other, Caller: incident.Caller{Person: "d"}, Text: "the log has another caller"}}},
		"all at once, before it is solved": {func(r *row) { r.State, r.Group, r.Urgency, r.CI = logResolved, "h", 1, "i" }, []itsm.Command{
			incident.Investigate{CI: "i"}, incident.Triage{Impact: 2, Urgency: 1}, incident.Dispatch{Group: "h", Assignee: "p"}, incident.Propose{Solution: notInLog}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := base
			c.change(&changed)
			p := planOf("INC1", []row{base, changed})
			var got []itsm.Command
			for _, s := range p.steps {
				if s.row == 1 {
					got = append(got, s.cmd)
				}
			}
			assert.Equal(t, c.want, got)
			assert.Equal(t, len(c.want) == 0, p.silent == 1)
		})
	}
}

// Whatever way an incident takes, the process follows it, and counts as the log does: a row counts as reopened where work
// begins again after it was resolved or closed, and as reassigned where the group is another one, none being one of its own.
func TestCounts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at := time.Date(2016, 3, 1, 8, 0, 0, 0, time.UTC)
		var lines []line
		for n := range rapid.IntRange(1, 3).Draw(t, "incidents") {
			state, group, reopened, reassigned := "", "", 0, 0
			impact, urgency := 0, 0
			for i := range rapid.IntRange(1, 12).Draw(t, "rows") {
				next := rapid.SampledFrom(logStates()).Draw(t, "state")
				if state == logClosed && next == logResolved {
					next = logActive
				}
				works := next != logResolved && next != logClosed
				if (state == logResolved || state == logClosed) && works {
					reopened++
				}
				if state != logClosed || works { // what is closed stays as it is
					to := rapid.SampledFrom([]string{"?", "Group 1", "Group 2"}).Draw(t, "group")
					if i > 0 && to != group {
						reassigned++
					}
					group = to
				}
				if i == 0 || works || state != logResolved && state != logClosed {
					impact, urgency = rapid.IntRange(1, 3).Draw(t, "impact"), rapid.IntRange(1, 3).Draw(t, "urgency")
				}
				state = next
				at = at.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "minutes")) * time.Minute)
				lines = append(lines, line{
					"number": fmt.Sprintf("INC%d", n), "incident_state": state, "assignment_group": group, "reopen_count": fmt.Sprint(reopened),
					"reassignment_count": fmt.Sprint(reassigned), "impact": fmt.Sprint(impact), "urgency": fmt.Sprint(urgency),
					"priority":       fmt.Sprint(min(impact+urgency-1, 4)),
					"assigned_to":    rapid.SampledFrom([]string{"?", "Resolver 1"}).Draw(t, "person"),
					"sys_updated_by": rapid.SampledFrom([]string{"Updated by 1", "Updated by 2"}).Draw(t, "writer"),
					"cmdb_ci":        rapid.SampledFrom([]string{"?", "ci 1"}).Draw(t, "item"),
					"problem_id":     rapid.SampledFrom([]string{"?", "?", "PRB1", "PRB2"}).Draw(t, "problem"),
					"sys_updated_at": at.Format("2/1/2006 15:04"), "opened_at": "29/2/2016 07:00",
				})
			}
		}
		db := memory.New()
		for again := range 2 {
			r := newRun(textLog("x.csv", []byte(logOf(lines...))), time.UTC, false, false, nil)
			require.NoError(t, r.check(t.Context()))
			p, err := newReplay(r, db)
			require.NoError(t, err)
			require.NoError(t, p.all(t.Context()))
			found := r.report
			if found.Rejected+*found.ReopenMismatches+*found.ReassignmentMismatches+*found.ReassignmentSteps+*found.PriorityMismatches > 0 || *found.Journal != intact ||
				(again > 0) != (found.Added == 0) {
				text, err := json.Marshal(found)
				t.Fatalf("time %d: %s (%v)\n%s", again+1, text, err, logOf(lines...))
			}
		}
	})
}

// What a log counts otherwise than its rows show is found, row by row.
func TestMismatches(t *testing.T) {
	t.Parallel()
	found := replayed(t, logOf(
		line{}, line{"incident_state": "Active", "reassignment_count": "1"}, line{"priority": "1 - Critical"},
		line{"incident_state": "Resolved", "priority": "3 - Moderate", "reopen_count": "1"}, line{"incident_state": "Active", "assignment_group": "Group 2", "reassignment_count": "2"},
	))
	assert.Equal(t, 1, *found.PriorityMismatches)
	assert.Equal(t, 1, *found.ReopenMismatches, "the last row counts right")
	assert.Equal(t, 1, *found.ReassignmentSteps)
	assert.Equal(t, 4, *found.ReassignmentMismatches, "it stays one too many")
}

func TestCommandIDs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.StringMatching(`[A-Z0-9/-]{1,12}`).Draw(t, "number")
		row := rapid.IntRange(0, 500).Draw(t, "row")
		got, ok := rowOf(number, commandID(number, row, rapid.IntRange(0, 9).Draw(t, "nth"), rapid.Uint32().Draw(t, "print")))
		if !ok || got != row {
			t.Fatalf("row %d of %s came back as %d, %v", row, number, got, ok)
		}
	})
	for _, id := range []itsm.CommandID{"", "INC1", "INC10/1/1-0", "INC1/x/1-0", "INC1/0/1-0", "06fz2q"} {
		_, ok := rowOf("INC1", id)
		assert.False(t, ok, id)
	}
}
