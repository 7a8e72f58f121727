// Package sample makes an audit log of incidents: one row per write, as ServiceNow exports it. It is what the replay example
// works on where no real log is at hand. The same call always writes the same log.
package sample

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"
)

// Incidents is how many incidents the sample has that is replayed by default.
const Incidents = 300

// Header has the columns of the log.
const Header = "number,incident_state,active,reassignment_count,reopen_count,sys_mod_count,made_sla,caller_id,opened_by,opened_at," +
	"sys_created_by,sys_created_at,sys_updated_by,sys_updated_at,contact_type,location,category,subcategory,u_symptom,cmdb_ci,impact,urgency,priority," +
	"assignment_group,assigned_to,knowledge,u_priority_confirmation,notify,problem_id,rfc,vendor,caused_by,closed_code,resolved_by,resolved_at,closed_at"

// Write writes a log of so many incidents. Its mixture is that of real service desks: most are solved by whoever takes them up, some
// in the call that reports them; some wait, change hands, come back after they were called solved, or after they were closed.
func Write(w io.Writer, incidents int) error {
	c := csv.NewWriter(w)
	if err := c.Write(strings.Split(Header, ",")); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(2016, 229))
	opened := time.Date(2016, 2, 29, 7, 30, 0, 0, time.UTC) // wall clock
	number := 0
	for range incidents {
		number += 1 + random.IntN(9)
		opened = opened.Add(time.Duration(random.IntN(12)) * time.Minute)
		if opened.Hour() >= 18 {
			opened = opened.Add(13*time.Hour + 30*time.Minute)
		}
		t := begin(random, fmt.Sprintf("INC%07d", number), opened)
		t.live()
		for _, record := range t.records() {
			if err := c.Write(record); err != nil {
				return err
			}
		}
	}
	c.Flush()
	return c.Error()
}

const (
	stateNew      = "New"
	stateActive   = "Active"
	stateResolved = "Resolved"
	stateClosed   = "Closed"
)

var waiting = []string{"Awaiting User Info", "Awaiting User Info", "Awaiting User Info", "Awaiting Vendor", "Awaiting Problem", "Awaiting Evidence"}

const (
	none  = "?"
	robot = "Updated by 900" // closes what nobody objected to
)

// write is what a row tells of one write.
type write struct {
	state, by, group, person, problem, vendor, ci string
	reassignments, reopens, mods                  int
	impact, urgency                               int
	at                                            time.Time
}

// ticket is an incident in the making.
type ticket struct {
	*rand.Rand
	number, caller, opener, category, location, contact, code string
	opened, created                                           time.Time
	now                                                       write
	writes                                                    []write
}

func begin(random *rand.Rand, number string, opened time.Time) *ticket {
	t := &ticket{Rand: random, number: number, opened: opened}
	t.caller, t.opener = t.one("Caller", 900), t.one("Opened by ", 40)
	t.category, t.location, t.code = t.one("Category", 30), t.one("Location", 60), t.one("code", 11)
	t.contact = "Phone"
	if t.chance(3) {
		t.contact = t.pick("Email", "Self service", "IVR", "Direct opening")
	}
	t.created = opened.Add(time.Duration(t.IntN(20)) * time.Minute)
	t.now = write{
		state: stateNew, by: t.one("Updated by", 120), group: t.one("Group", 12), person: t.one("Resolver", 60), problem: none, vendor: none, ci: none,
		impact: 2, urgency: 2, at: t.created,
	}
	switch {
	case t.chance(4):
		t.now.group, t.now.person = none, none
	case t.chance(30):
		t.now.person = none
	}
	if t.chance(8) {
		t.now.impact, t.now.urgency = 1+t.IntN(3), 1+t.IntN(3)
	}
	return t
}

// live writes the rows of the incident, from its creation to its end.
func (t *ticket) live() {
	switch { // how it comes in
	case t.chance(27):
		t.now.state = stateActive
	case t.chance(10):
		t.now.state = stateResolved
	case t.chance(2):
		t.now.state = t.pick(waiting...)
	}
	t.keep()
	for {
		switch t.now.state {
		case stateNew:
			t.handle(16)
			switch {
			case t.chance(1):
				t.enter(stateClosed, 3)
			case t.chance(38):
				t.enter(stateResolved, 90)
			case t.chance(20):
				t.enter(t.pick(waiting...), 600)
			default:
				t.enter(stateActive, 600)
			}
		case stateActive:
			t.handle(40)
			if t.chance(28) {
				t.enter(t.pick(waiting...), 900)
			} else {
				t.enter(stateResolved, 1500)
			}
		case stateResolved:
			if t.chance(3) {
				t.handle(50)
			}
			switch {
			case t.chance(3):
				t.now.reopens++
				t.enter(stateActive, 2000)
			case t.chance(1):
				t.now.reopens++
				t.enter(t.pick(waiting...), 2000)
			case t.chance(4):
				t.enter(stateClosed, 1) // closed by who solved it
			default:
				t.now.by = robot
				t.enter(stateClosed, 0)
			}
		case stateClosed:
			if t.chance(1) {
				t.later(300)
				t.keep() // a write on a closed incident
			}
			if !t.chance(2) {
				return
			}
			t.now.reopens++
			t.now.by = t.one("Updated by", 120)
			t.enter(stateActive, 3000)
		default: // it waits
			t.handle(30)
			switch {
			case t.chance(76):
				t.enter(stateResolved, 4000)
			case t.chance(10):
				t.enter(t.pick(waiting...), 1000)
			default:
				t.enter(stateActive, 2000)
			}
		}
	}
}

// handle writes what happens within a state.
func (t *ticket) handle(percent int) {
	for t.chance(percent) {
		t.later(240)
		if t.chance(40) {
			t.now.by = t.one("Updated by", 120)
		}
		switch t.IntN(10) {
		case 0, 1, 2, 3:
			t.give(t.one("Group", 12))
		case 4:
			t.give(none)
		case 5, 6:
			t.now.person = t.one("Resolver", 60)
		case 7:
			if t.now.state != stateResolved {
				t.now.impact, t.now.urgency = 1+t.IntN(3), 1+t.IntN(3)
			}
		case 8:
			switch t.now.state {
			case "Awaiting Problem":
				t.now.problem = t.one("PRB", 20)
			case "Awaiting Vendor":
				t.now.vendor = t.one("Vendor", 5)
			default:
				t.now.ci = t.one("cmdb_ci", 30)
			}
		default: // nothing that can be seen
		}
		t.keep()
	}
}

func (t *ticket) give(group string) {
	if group != t.now.group {
		t.now.group, t.now.person = group, none
		t.now.reassignments++
	}
}

// enter writes a change of state, up to so many minutes later; after 0 it is the five days that the robot waits.
func (t *ticket) enter(state string, minutes int) {
	switch {
	case state == t.now.state:
		state = stateActive // it waited for another reason already
	case minutes == 0:
		t.now.at = t.now.at.Add(5*24*time.Hour + time.Duration(t.IntN(10))*time.Minute)
	case t.now.by == robot:
		t.now.by = t.one("Updated by", 120)
	}
	if t.chance(5) && (state == stateActive || state == stateResolved) {
		t.give(t.one("Group", 12)) // in the same write
	}
	t.later(minutes)
	t.now.state = state
	t.keep()
}

func (t *ticket) later(minutes int) {
	if minutes > 0 && !t.chance(10) {
		t.now.at = t.now.at.Add(time.Duration(t.IntN(minutes)) * time.Minute)
	}
}

func (t *ticket) keep() {
	t.writes = append(t.writes, t.now)
	t.now.mods += 1 + max(0, t.IntN(6)-4) // some writes are not in the log
}

func (t *ticket) chance(percent int) bool       { return t.IntN(100) < percent }
func (t *ticket) one(what string, n int) string { return fmt.Sprintf("%s %d", what, 1+t.IntN(n)) }
func (t *ticket) pick(of ...string) string      { return of[t.IntN(len(of))] }

var (
	levels     = []string{"", "1 - High", "2 - Medium", "3 - Low"}
	priorities = []string{"", "1 - Critical", "2 - High", "3 - Moderate", "4 - Low", "4 - Low"}
)

// records returns the rows. What became of the incident in the end stands in all of them, as in real logs.
func (t *ticket) records() [][]string {
	var resolved write
	for _, w := range t.writes {
		if w.state == stateResolved {
			resolved = w
		}
	}
	end := t.writes[len(t.writes)-1]
	resolver, resolvedAt := none, none
	if !resolved.at.IsZero() {
		resolver, resolvedAt = strings.Replace(resolved.by, "Updated", "Resolved", 1), wall(resolved.at)
	}
	var records [][]string
	for _, w := range t.writes {
		records = append(records, []string{
			t.number, w.state, fmt.Sprint(w.state != stateClosed), fmt.Sprint(w.reassignments), fmt.Sprint(w.reopens), fmt.Sprint(w.mods), "true",
			t.caller, t.opener, wall(t.opened), strings.Replace(t.opener, "Opened by ", "Created by", 1), wall(t.created), w.by, wall(w.at), t.contact,
			t.location, t.category, strings.Replace(t.category, "Category", "Subcategory", 1), none, w.ci,
			levels[w.impact], levels[w.urgency], priorities[w.impact+w.urgency-1], w.group, cmp.Or(w.person, none), "false", "false", "Do Not Notify",
			w.problem, none, w.vendor, none, t.code, resolver, resolvedAt, wall(end.at),
		})
	}
	return records
}

// wall writes a wall-clock time without leading zeros in day and month.
func wall(t time.Time) string { return t.Format("2/1/2006 15:04") }
