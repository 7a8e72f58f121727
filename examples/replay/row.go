package main

import (
	"cmp"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
	"unique"
)

// missing is what stands in a cell that has no value.
const missing = "?"

// The columns of a log, in the order of [columns].
const (
	colNumber = iota
	colState
	colActive
	colReassignments
	colReopens
	colMods
	colMadeSLA
	colCaller
	colOpenedBy
	colOpenedAt
	colCreatedBy
	colCreatedAt
	colUpdatedBy
	colUpdatedAt
	colContact
	colLocation
	colCategory
	colSubcategory
	colSymptom
	colCI
	colImpact
	colUrgency
	colPriority
	colGroup
	colPerson
	colKnowledge
	colConfirmation
	colNotify
	colProblem
	colChange
	colVendor
	colCausedBy
	colClosedCode
	colResolvedBy
	colResolvedAt
	colClosedAt
	colCount
)

var columns = [colCount]string{
	"number", "incident_state", "active", "reassignment_count", "reopen_count", "sys_mod_count", "made_sla", "caller_id", "opened_by",
	"opened_at", "sys_created_by", "sys_created_at", "sys_updated_by", "sys_updated_at", "contact_type", "location", "category",
	"subcategory", "u_symptom", "cmdb_ci", "impact", "urgency", "priority", "assignment_group", "assigned_to", "knowledge",
	"u_priority_confirmation", "notify", "problem_id", "rfc", "vendor", "caused_by", "closed_code", "resolved_by", "resolved_at", "closed_at",
}

// finals are the columns that have the value of the end of an incident in all its rows. Who replays must not know them
// before: of them only opened_at is used, which is past in every row, and closed_code in the row that closes.
var finals = []int{colOpenedAt, colCreatedBy, colCreatedAt, colClosedCode, colResolvedBy, colResolvedAt, colClosedAt}

// A row is an incident after one write. Texts are "" where the log has none.
type row struct {
	Line    int       // of the file
	State   string    // as the log calls it
	Opened  time.Time // zero where the log does not say
	Updated time.Time // of this write
	Writer  string

	Channel, Caller, Location, Category, Subcategory, Symptom, CI, Vendor string
	Group, Person, Problem, Change, ClosedCode                            string

	Impact, Urgency, Priority int // 1 is the highest
	Reassignments, Reopens    int // as the log counts them
	Print                     uint32
}

// parser turns records into rows.
type parser struct {
	file   string
	zone   *time.Location
	states []string // that incident_state may be; nil for any
	place  [colCount]int
}

// header finds the columns. Their order does not matter; columns of other names are passed over.
func (p *parser) header(record []string) error {
	found := make(map[string]int, len(record))
	for i, name := range record {
		name = strings.TrimSpace(name)
		if first, twice := found[name]; twice && slices.Contains(columns[:], name) {
			return &fault{File: p.file, Row: 1, Column: name, Found: fmt.Sprintf("it as column %d and as column %d", first+1, i+1), Want: "each column once"}
		}
		found[name] = i
	}
	var lacking []string
	for i, name := range columns {
		at, ok := found[name]
		if !ok {
			lacking = append(lacking, name)
		}
		p.place[i] = at
	}
	switch {
	case len(lacking) == 0:
		return nil
	case len(record) == 1 && strings.ContainsAny(record[0], ";\t|"):
		return &fault{File: p.file, Row: 1, Found: "one column, " + quoted(record[0]), Want: "cells separated by commas"}
	}
	return &fault{File: p.file, Row: 1, Found: fmt.Sprintf("no column %s", strings.Join(lacking, ", ")), Want: "the columns " + strings.Join(columns[:], ", ")}
}

// row reads a record that has as many cells as the header. All faults are told.
func (p *parser) row(record []string, line int) (row, []error) {
	c := cells{parser: p, record: record, line: line}
	c.text()
	if c.faults != nil {
		return row{Line: line}, c.faults
	}
	r := row{
		Line: line, State: c.need(colState), Writer: cmp.Or(c.get(colUpdatedBy), "unknown"), Updated: c.time(colUpdatedAt, true), Opened: c.time(colOpenedAt, false),
		Channel: c.get(colContact), Caller: c.get(colCaller), Location: c.get(colLocation), Category: c.get(colCategory),
		Subcategory: c.get(colSubcategory), Symptom: c.get(colSymptom), CI: c.get(colCI), Vendor: c.get(colVendor),
		Group: c.get(colGroup), Person: c.get(colPerson), Problem: c.get(colProblem), Change: c.get(colChange), ClosedCode: c.get(colClosedCode),
		Impact: c.level(colImpact, 3, "1 - High, 2 - Medium or 3 - Low"), Urgency: c.level(colUrgency, 3, "1 - High, 2 - Medium or 3 - Low"),
		Priority:      c.level(colPriority, 5, "1 - Critical, 2 - High, 3 - Moderate, 4 - Low or 5 - Planning"),
		Reassignments: c.count(colReassignments), Reopens: c.count(colReopens),
	}
	c.count(colMods)
	for _, col := range []int{colCreatedAt, colResolvedAt, colClosedAt} {
		c.time(col, false)
	}
	if p.states != nil && r.State != "" && !slices.Contains(p.states, r.State) {
		c.fault(colState, strings.Join(p.states, ", "))
	}
	r.Print = c.print()
	return r, c.faults
}

// cells reads the cells of one record.
type cells struct {
	*parser
	record []string
	line   int
	faults []error
}

func (c *cells) raw(col int) string { return strings.TrimSpace(c.record[c.place[col]]) }

// get returns a cell as a string of its own: one that is part of the line would keep all of it in memory.
func (c *cells) get(col int) string {
	if v := c.raw(col); v != missing {
		return unique.Make(v).Value()
	}
	return ""
}

func (c *cells) fault(col int, want string) {
	c.faults = append(c.faults, &fault{File: c.file, Row: c.line, Column: columns[col], Found: quoted(c.raw(col)), Want: want})
}

// text asks that every cell is text that people can read, and short enough to be a name.
func (c *cells) text() {
	const most = 150
	for col := range columns {
		switch v := c.record[c.place[col]]; {
		case !utf8.ValidString(v):
			c.fault(col, "UTF-8: save the file anew in that encoding")
		case strings.ContainsFunc(v, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }):
			c.fault(col, "text without control characters")
		case len(v) > most:
			c.fault(col, fmt.Sprintf("at most %d bytes", most))
		}
	}
}

func (c *cells) need(col int) string {
	v := c.get(col)
	if v == "" {
		c.fault(col, "a value")
	}
	return v
}

func (c *cells) count(col int) int {
	n, err := strconv.Atoi(c.raw(col))
	if err != nil || n < 0 {
		c.fault(col, "a whole number, 0 or more")
	}
	return n
}

// level reads the number before the dash of "2 - Medium".
func (c *cells) level(col, most int, want string) int {
	digit, _, _ := strings.Cut(c.raw(col), " ")
	n, err := strconv.Atoi(digit)
	if err != nil || n < 1 || n > most {
		c.fault(col, want)
		return 0
	}
	return n
}

const dateForm = "D/M/YYYY HH:MM, day first"

// time reads a wall-clock time of the zone.
func (c *cells) time(col int, need bool) time.Time {
	v := c.raw(col)
	if v == missing && !need {
		return time.Time{}
	}
	var year, month, day, hour, minute int
	ok := number(&v, 2, '/', &day) && number(&v, 2, '/', &month) && number(&v, 4, ' ', &year) && number(&v, 2, ':', &hour) && number(&v, 2, 0, &minute)
	switch {
	case !ok || year < 1900 || hour > 23 || minute > 59:
		c.fault(col, dateForm)
	case month > 12 && day <= 12:
		c.fault(col, fmt.Sprintf("%s (there is no month %d: are day and month swapped?)", dateForm, month))
	case month < 1 || month > 12:
		c.fault(col, fmt.Sprintf("%s (there is no month %d)", dateForm, month))
	case day < 1 || day > time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day():
		c.fault(col, fmt.Sprintf("%s (month %d has no day %d)", dateForm, month, day))
	default:
		return time.Date(year, time.Month(month), day, hour, minute, 0, 0, c.zone)
	}
	return time.Time{}
}

// number takes up to so many digits and the separator behind them from the front of a text; separator 0 is its end.
func number(text *string, most int, separator byte, n *int) bool {
	i := 0
	for ; i < len(*text) && i < most && (*text)[i] >= '0' && (*text)[i] <= '9'; i++ {
		*n = *n*10 + int((*text)[i]-'0')
	}
	rest := (*text)[i:]
	if separator == 0 {
		return i > 0 && rest == ""
	}
	if i == 0 || rest == "" || rest[0] != separator {
		return false
	}
	*text = rest[1:]
	return true
}

// again returns the second instant at which the clock of the zone shows what it shows at t, where it was set back.
func again(t time.Time) (time.Time, bool) {
	later := t.Add(time.Hour)
	return later, later.Minute() == t.Minute() && later.Hour() == t.Hour()
}

// print tells rows apart by what was known when they were written.
func (c *cells) print() uint32 {
	sum := uint32(0)
	for col := range columns {
		if !slices.Contains(finals, col) {
			sum = crc32.Update(sum, crc32.IEEETable, append([]byte(c.raw(col)), 0))
		}
	}
	return sum
}
