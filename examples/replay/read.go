package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
)

// An entry is one incident of a log: its rows, in the order of the file, or what is wrong with them.
type entry struct {
	number string
	line   int // where it begins
	count  int // of rows, bad ones included
	rows   []row
	faults []error
}

// A reader goes through a log, one incident at a time. It keeps the rows of one incident, however long the log is.
type reader struct {
	log    logFile
	zone   *time.Location
	states []string // that incident_state may be; nil for any
}

// entries lists the incidents of a log. What comes out is good until the next one. An error that is not about single
// rows ends the list.
func (r *reader) entries() iter.Seq2[*entry, error] {
	return func(yield func(*entry, error) bool) {
		text, err := r.log.open()
		if err != nil {
			yield(nil, err)
			return
		}
		defer text.Close()
		w := walk{reader: r, seen: newSeen(), parser: parser{file: r.log.name, zone: r.zone, states: r.states}}
		if err := w.begin(text); err != nil {
			yield(nil, err)
			return
		}
		empty := true
		for e := range w.entries() {
			empty = false
			if !yield(e, nil) {
				return
			}
		}
		if empty {
			yield(nil, &fault{File: r.log.name, Row: 2, Found: "no rows", Want: "one row per write behind the header"})
		}
	}
}

// walk is one way through a log.
type walk struct {
	*reader
	parser  parser
	csv     *csv.Reader
	width   int
	seen    *seen
	total   int
	entry   entry
	orphans []orphan
}

// An orphan is a row that cannot be read as one, so that nobody knows whether it belongs to the incident before or behind it.
type orphan struct {
	number  string // what stands where the number should, may be ""
	fault   error
	counted bool
}

func (w *walk) begin(text io.Reader) error {
	in, err := decode(w.log.name, text)
	if err != nil {
		return err
	}
	w.csv = csv.NewReader(in)
	w.csv.FieldsPerRecord = -1 // checked here, to name the row
	w.csv.ReuseRecord = true
	record, err := w.csv.Read()
	if err != nil {
		return &fault{File: w.log.name, Row: 1, Found: ended(err), Want: "a header"}
	}
	w.width = len(record)
	return w.parser.header(record)
}

// entries collects the rows that stand together.
func (w *walk) entries() iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		for {
			record, err := w.csv.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			var syntax *csv.ParseError
			if err != nil && !errors.As(err, &syntax) {
				// What is left of the incident may be missing: none of it counts.
				w.bad(&fault{File: w.log.name, Row: w.total + 2, Found: "the end of what can be read: " + ended(err), Want: "the rest of the file"})
				break
			}
			w.total++
			number, wrong := w.number(record), w.shape(record, syntax)
			if wrong != nil && (number == "" || number != w.entry.number) {
				w.orphans = append(w.orphans, orphan{number: number, fault: wrong})
				continue
			}
			next := w.settle(number)
			if number != w.entry.number {
				if w.entry.number != "" && !yield(&w.entry) {
					return
				}
				w.start(number, w.line(record), next)
			}
			w.entry.count++
			if wrong != nil {
				w.bad(wrong)
			} else {
				w.take(record)
			}
		}
		w.settle(w.entry.number)
		if w.entry.count > 0 || w.entry.faults != nil {
			yield(&w.entry)
		}
	}
}

// number returns the cell that names the incident, "" when the row has none that could be right.
func (w *walk) number(record []string) string {
	at := w.parser.place[colNumber]
	if at >= len(record) {
		return ""
	}
	if number := strings.TrimSpace(record[at]); number != missing {
		return number
	}
	return ""
}

// line returns where the record that was read last stands in the file.
func (w *walk) line(record []string) int {
	if len(record) == 0 {
		return w.total + 1
	}
	line, _ := w.csv.FieldPos(0)
	return line
}

// shape returns what is wrong with a row as a whole.
func (w *walk) shape(record []string, syntax *csv.ParseError) error {
	f := fault{File: w.log.name}
	switch {
	case syntax != nil:
		f.Row, f.Found, f.Want = syntax.StartLine, syntax.Err.Error(), "cells separated by commas, quotes doubled within quotes"
	case len(record) != w.width:
		f.Row, f.Found, f.Want = w.line(record), plural(len(record), "cell"), fmt.Sprintf("%d, as in the header", w.width)
	case w.number(record) == "":
		f.Row, f.Column, f.Found, f.Want = w.line(record), columns[colNumber], quoted(record[w.parser.place[colNumber]]), "the number of an incident"
	default:
		return nil
	}
	return &f
}

// settle gives the orphans to the present incident, to the next one, or to both, and returns those of the next.
func (w *walk) settle(number string) (next []orphan) {
	for _, o := range w.orphans {
		if number == w.entry.number || o.number != number && w.entry.number != "" {
			w.bad(o.fault)
			w.entry.count++
			o.counted = true
		}
		if number != w.entry.number {
			next = append(next, o)
		}
	}
	w.orphans = w.orphans[:0]
	return next
}

func (w *walk) bad(err error) { w.entry.faults = append(w.entry.faults, err) }

// start begins the next incident.
func (w *walk) start(number string, line int, orphans []orphan) {
	w.entry = entry{number: number, line: line, rows: w.entry.rows[:0]}
	for _, o := range orphans {
		w.bad(o.fault)
		if !o.counted {
			w.entry.count++
		}
	}
	if !w.seen.add(number) {
		return
	}
	first, err := w.firstRow(number, line)
	switch {
	case err != nil:
		w.bad(err)
	case first > 0:
		w.bad(&fault{File: w.log.name, Row: line, Column: columns[colNumber],
			Found: fmt.Sprintf("%s, whose rows began in row %d", quoted(number), first), Want: "the rows of an incident to stand together"})
	}
}

// take reads a row of the present incident.
func (w *walk) take(record []string) {
	r, faults := w.parser.row(record, w.line(record))
	w.entry.faults = append(w.entry.faults, faults...)
	if n := len(w.entry.rows); n > 0 && faults == nil && r.Updated.Before(w.entry.rows[n-1].Updated) {
		before := w.entry.rows[n-1].Updated
		if second, twice := again(r.Updated); twice && !second.Before(before) {
			r.Updated = second
		} else {
			w.bad(&fault{File: w.log.name, Row: r.Line, Column: columns[colUpdatedAt], Found: quoted(record[w.parser.place[colUpdatedAt]]),
				Want: "a time not before that of the row above, " + before.Format("2/1/2006 15:04") + ": rows stand in the order of the writes, and times are " + dateForm})
		}
	}
	w.entry.rows = append(w.entry.rows, r)
}

// firstRow reads the log again up to a line and returns where a number stands for the first time, 0 when it does not.
func (r *reader) firstRow(number string, line int) (int, error) {
	text, err := r.log.open()
	if err != nil {
		return 0, err
	}
	defer text.Close()
	w := walk{reader: r, parser: parser{file: r.log.name}}
	if err := w.begin(text); err != nil {
		return 0, err
	}
	for {
		record, err := w.csv.Read()
		if errors.Is(err, io.EOF) {
			return 0, nil
		}
		var syntax *csv.ParseError
		if err != nil && !errors.As(err, &syntax) {
			return 0, err
		}
		if syntax != nil {
			continue
		}
		at, _ := w.csv.FieldPos(0)
		if at >= line {
			return 0, nil
		}
		if w.number(record) == number {
			return at, nil
		}
	}
}
