package main

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
)

// The states of a log.
const (
	logNew      = "New"
	logActive   = "Active"
	logResolved = "Resolved"
	logClosed   = "Closed"
)

// holds are the states in which the log waits, with the reasons for which an incident does.
var holds = map[string]string{
	"Awaiting User Info": incident.WaitUser,
	"Awaiting Vendor":    incident.WaitSupplier,
	"Awaiting Problem":   incident.WaitProblem,
	"Awaiting Evidence":  incident.WaitEvidence,
}

func logStates() []string {
	return []string{logNew, logActive, "Awaiting User Info", "Awaiting Problem", "Awaiting Vendor", "Awaiting Evidence", logResolved, logClosed}
}

// What the log does not tell, in the words that a record gets instead.
const (
	notInLog = "not in the log"
	desk     = itsm.PersonID("replay-desk") // confirms where the log has the resolver close what he resolved
	post     = "service-desk"               // has what no group has
)

var channels = map[string]incident.Channel{
	"Phone": incident.Phone, "IVR": incident.Phone, "Self service": incident.Portal, "Email": incident.Email,
}

// fields are columns that become fields of the host on every record.
func fields() []itsm.Field {
	text := func(name, en, zh string) itsm.Field {
		return itsm.Field{Name: name, Type: itsm.TextValue, English: en, Chinese: zh}
	}
	return []itsm.Field{
		text("log_category", "category", "类别"), text("log_subcategory", "subcategory", "子类别"), text("log_symptom", "symptom", "症状"),
		text("log_location", "location", "位置"), text("log_vendor", "vendor", "厂商"),
	}
}

// priorities is the matrix of the log, as data of a priority model: its three levels are the first three of ours. It is the rule of the
// system that wrote the log: the sum of impact and urgency, less one, and never below the fourth priority.
func priorities() incident.PriorityData {
	return incident.PriorityData{Matrix: [4][4]incident.Priority{
		{incident.P1, incident.P2, incident.P3, incident.P4},
		{incident.P2, incident.P3, incident.P4, incident.P4},
		{incident.P3, incident.P4, incident.P4, incident.P4},
		{incident.P4, incident.P4, incident.P4, incident.P4},
	}}
}

// A step is one command of a replay.
type step struct {
	row     int // that led to it, from 0
	id      itsm.ID
	cmd     itsm.Command
	actor   itsm.PersonID
	because string
	fields  map[string]itsm.Value
	moves   bool // it moves the record along its lifecycle
}

// A plan says what becomes of one incident of the log.
type plan struct {
	records []itsm.ID // one, and another for each time that it came back after it was closed
	steps   []step
	silent  int // rows in which nothing visible changed
	late    int // rows behind the closing one that do not open it again: what is closed cannot change
}

// planOf translates the rows of an incident. It looks at each row and what was before it, never ahead.
func planOf(number string, rows []row) plan {
	m := mapper{number: number}
	for i := range rows {
		m.row, m.now = i, &rows[i]
		before := len(m.steps)
		switch {
		case m.was == nil, m.was.State == logClosed && m.now.State != logClosed:
			m.open()
		case m.was.State == logClosed:
			m.late++
			continue
		default:
			m.change()
			if len(m.steps) == before {
				m.silent++
			}
		}
		m.was = m.now
	}
	return m.plan
}

// mapper is the translation of one incident.
type mapper struct {
	plan
	number   string
	row      int
	was, now *row          // the row that was translated last, nil before the first, and the present one
	resolver string        // who wrote the row in which it was solved last
	handed   bool          // put back to New, and nobody has taken it up since
	linked   incident.Link // what the record is linked to
}

// do adds a step. What it returns is good until the next one.
func (m *mapper) do(cmd itsm.Command) *step {
	m.steps = append(m.steps, step{row: m.row, id: m.records[len(m.records)-1], cmd: cmd, actor: itsm.PersonID(m.now.Writer)})
	return &m.steps[len(m.steps)-1]
}

func (m *mapper) move(cmd itsm.Command) *step {
	s := m.do(cmd)
	s.moves = true
	return s
}

// open makes a record: the first row of an incident, or one that comes back from closed, which is a new record with a
// link to the old one.
func (m *mapper) open() {
	r := m.now
	record := incident.Record{
		Channel: cmp.Or(channels[r.Channel], incident.Other),
		Caller:  incident.Caller{Person: itsm.PersonID(cmp.Or(r.Caller, "unknown")), Department: cmp.Or(r.Location, notInLog), Phone: notInLog},
		Summary: summary(r), CI: r.CI,
	}
	id := itsm.ID(m.number)
	group := groupOf(r)
	if n := len(m.records); n == 0 {
		if !r.Opened.After(r.Updated) { // logs have incidents that were opened after they were entered
			record.Began = r.Opened
		}
	} else {
		record.Recurrence = m.records[n-1]
		id = itsm.ID(m.number + "-" + strconv.Itoa(n+1))
		group = groupOf(m.was) // it comes back to who had it
	}
	m.records = append(m.records, id)
	triage := incident.Triage{Impact: incident.Impact(r.Impact), Urgency: incident.Urgency(r.Urgency)}
	solved := r.State == logResolved || r.State == logClosed
	set := changed(nil, r)
	if solved {
		m.move(incident.RecordResolved{Record: record, Resolved: incident.ResolveInCall{Triage: triage, Group: group, Solution: notInLog}}).fields = set
		m.resolver = r.Writer
	} else {
		m.move(record).fields = set
		m.move(triage)
		m.move(incident.Dispatch{Group: group, Assignee: itsm.PersonID(r.Person)})
	}
	m.linked = incident.Link{}
	if group != groupOf(r) {
		m.do(incident.Dispatch{Group: groupOf(r), Assignee: itsm.PersonID(r.Person)})
	}
	m.link()
	switch {
	case !solved:
		m.enter(logNew)
	case r.State == logClosed:
		m.close()
	}
}

// change carries over what is different from the row before. Work that is taken up again is taken up first, since what is
// solved cannot be triaged; everything else comes before the new state.
func (m *mapper) change() {
	from := m.was.State
	if from == logResolved && m.now.State != logResolved && m.now.State != logClosed {
		m.move(incident.Reject{Why: "the log has it " + m.now.State})
		from = logActive
	}
	m.amend()
	m.enter(from)
}

// amend carries over everything but the state.
func (m *mapper) amend() {
	was, now := m.was, m.now
	if set := changed(was, now); len(set) > 0 {
		m.do(itsm.SetFields{Fields: set})
	}
	if now.CI != was.CI && now.CI != "" {
		m.do(incident.Investigate{CI: now.CI})
	}
	if now.Caller != was.Caller && now.Caller != "" {
		m.do(incident.Contact{Channel: incident.Other, Caller: incident.Caller{Person: itsm.PersonID(now.Caller)}, Text: "the log has another caller"})
	}
	m.link()
	if now.Impact != was.Impact || now.Urgency != was.Urgency {
		m.do(incident.Triage{Impact: incident.Impact(now.Impact), Urgency: incident.Urgency(now.Urgency)}).because = "the log has another impact or urgency"
	}
	if groupOf(now) != groupOf(was) || now.Person != was.Person {
		m.do(incident.Dispatch{Group: groupOf(now), Assignee: itsm.PersonID(now.Person)})
	}
}

// link links what the record is not linked to yet. The log may drop a link; a record keeps it.
func (m *mapper) link() {
	var l incident.Link
	if p := itsm.ID(m.now.Problem); p != m.linked.Problem {
		l.Problem = p
	}
	if c := itsm.ID(m.now.Change); c != m.linked.Change {
		l.Change = c
	}
	if l == (incident.Link{}) {
		return
	}
	m.do(l)
	m.linked = incident.Link{Problem: cmp.Or(l.Problem, m.linked.Problem), Change: cmp.Or(l.Change, m.linked.Change)}
}

// enter leads from a state of the log to the one that the row has.
func (m *mapper) enter(from string) {
	r := m.now
	waits := holds[from] != ""
	switch {
	case r.State == from:
	case r.State == logResolved || r.State == logClosed:
		switch {
		case from == logNew:
			m.move(incident.ResolveInCall{Solution: notInLog})
			m.resolver, m.handed = r.Writer, false
		case from != logResolved:
			if waits {
				m.move(incident.Resume{})
			}
			m.move(incident.Propose{Solution: notInLog})
			m.resolver = r.Writer
		}
		if r.State == logClosed {
			m.close()
		}
	case holds[r.State] != "":
		switch {
		case waits:
			m.move(incident.Resume{})
		case m.handed: // who lets it wait has taken it up
			m.start()
		}
		m.move(incident.Hold{Reason: holds[r.State]})
	case r.State == logActive && waits:
		m.move(incident.Resume{})
	case r.State == logActive:
		m.start()
	case r.State == logNew: // put back to where nobody works on it
		if waits {
			m.move(incident.Resume{})
		}
		m.move(incident.Escalate{Tier: incident.TierFirst, Group: groupOf(r), Reason: "the log has it New again", Note: notInLog})
		m.handed = true
	}
}

func (m *mapper) start() {
	m.move(incident.Start{})
	m.handed = false
}

// close confirms and closes. The log knows no confirmation; that nobody objected until it was closed is taken for the user's word.
func (m *mapper) close() {
	confirm := m.move(incident.Confirm{Word: incident.UserAgrees})
	if m.resolver == m.now.Writer {
		confirm.actor = desk
	}
	m.move(incident.Close{CauseCode: strings.Join(strings.Fields(m.now.ClosedCode), "-")}) // codes have no blanks
}

// changed returns the host's fields that a row has otherwise than the one before; a zero value clears.
func changed(was, now *row) map[string]itsm.Value {
	var set map[string]itsm.Value
	text := func(name string, before, after string) {
		if before == after {
			return
		}
		if set == nil {
			set = make(map[string]itsm.Value)
		}
		set[name] = itsm.Value{}
		if after != "" {
			set[name] = itsm.TextOf(after)
		}
	}
	if was == nil {
		was = &row{}
	}
	text("log_category", was.Category, now.Category)
	text("log_subcategory", was.Subcategory, now.Subcategory)
	text("log_symptom", was.Symptom, now.Symptom)
	text("log_location", was.Location, now.Location)
	text("log_vendor", was.Vendor, now.Vendor)
	return set
}

// groupOf is who has an incident. The log counts "no group" as a group of its own: it lies with the desk.
func groupOf(r *row) string { return cmp.Or(r.Group, post) }

func summary(r *row) string {
	var parts []string
	for _, p := range []string{r.Category, r.Subcategory, r.Symptom} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return cmp.Or(strings.Join(parts, ", "), notInLog)
}

// commandID makes a command count once: it is made of the number, the row within the incident and what the row says. So a
// log that is replayed again, or goes on where an earlier one ended, adds only what is new.
func commandID(number string, row, nth int, print uint32) itsm.CommandID {
	return itsm.CommandID(fmt.Sprintf("%s/%d/%d-%08x", number, row+1, nth+1, print))
}

// rowOf returns the row of a command ID, from 0, and whether it is one of the incident.
func rowOf(number string, id itsm.CommandID) (int, bool) {
	rest, ok := strings.CutPrefix(string(id), number+"/")
	if !ok {
		return 0, false
	}
	text, _, _ := strings.Cut(rest, "/")
	n, err := strconv.Atoi(text)
	return n - 1, err == nil && n > 0
}
