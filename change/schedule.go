package change

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-ical"

	"github.com/hospital-itsm/itsm"
)

// Forward lists the changes that occupy some of a span and are approved, planned or being made, by their start. It is the forward schedule.
func Forward(changes iter.Seq[Change], span Span) []Change {
	var list []Change
	for c := range changes {
		switch c.State {
		case StateApproved, StateScheduled, StateImplementing, StateFailed, StateBackingOut:
			if c.Window.Occupied().Overlaps(span) {
				list = append(list, c)
			}
		}
	}
	slices.SortFunc(list, func(a, b Change) int {
		if c := a.Window.Start.Compare(b.Window.Start); c != 0 {
			return c
		}
		return compareID(a.ID, b.ID)
	})
	return list
}

// A Feed says how a schedule is written as iCalendar (RFC 5545).
type Feed struct {
	Name   string    // of the calendar, as people see it
	Domain string    // of the unique IDs: "itsm.hospital.example". Required
	Stamp  time.Time // when the file is made
	// Detailed adds implementer and items to the description. A feed for departments needs neither.
	Detailed bool
}

// WriteICal writes changes as an iCalendar file, sorted by ID. An event keeps its unique ID for ever, its sequence is the
// version of the change, and a change that is cancelled or rejected is an event that is cancelled: who has subscribed sees it go. Changes
// without a window are left out. Lines are folded at 75 bytes, never within a character.
func (f Feed) WriteICal(w io.Writer, changes iter.Seq[Change]) error {
	if f.Domain == "" || strings.ContainsFunc(f.Domain, func(r rune) bool { return r <= ' ' || r == '@' }) {
		return fmt.Errorf("%w: the feed needs a domain for its unique IDs, such as itsm.hospital.example", itsm.ErrInvalid)
	}
	cal := ical.NewCalendar()
	cal.Props.SetText(ical.PropVersion, "2.0")
	cal.Props.SetText(ical.PropProductID, "-//hospital-itsm//change schedule//EN")
	cal.Props.SetText(ical.PropMethod, "PUBLISH")
	if f.Name != "" {
		cal.Props.SetText(ical.PropName, oneLine(f.Name))
	}
	list := slices.SortedFunc(changes, func(a, b Change) int { return compareID(a.ID, b.ID) })
	for _, c := range list {
		if !c.Window.IsZero() {
			cal.Children = append(cal.Children, f.event(&c).Component)
		}
	}
	if len(cal.Children) == 0 { // the library wants a component, the format does not
		return writeEmpty(w, cal)
	}
	fold := &folder{w: w}
	if err := ical.NewEncoder(fold).Encode(cal); err != nil {
		return err
	}
	return fold.err
}

func (f Feed) event(c *Change) *ical.Event {
	e := ical.NewEvent()
	e.Props.SetText(ical.PropUID, string(c.Tenant)+"-"+string(c.ID)+"@"+f.Domain)
	e.Props.SetDateTime(ical.PropDateTimeStamp, f.Stamp.UTC())
	e.Props.SetDateTime(ical.PropDateTimeStart, c.Window.Start.UTC())
	e.Props.SetDateTime(ical.PropDateTimeEnd, c.Window.Closes().UTC())
	e.Props.SetDateTime(ical.PropLastModified, c.Updated.UTC())
	seq := ical.NewProp(ical.PropSequence)
	seq.Value = strconv.FormatUint(c.Version, 10)
	e.Props.Set(seq)
	e.Props.SetText(ical.PropSummary, oneLine(string(c.ID)+" "+c.Title))
	status := ical.NewProp(ical.PropStatus)
	switch c.State {
	case StateCancelled, StateRejected:
		status.Value = "CANCELLED"
	case StateDraft, StateSubmitted, StateClassified, StateAssessing, StateBuilding, StateTesting, StateAwaiting:
		status.Value = "TENTATIVE"
	default:
		status.Value = "CONFIRMED"
	}
	e.Props.Set(status)
	if text := f.describe(c); text != "" {
		e.Props.SetText(ical.PropDescription, text)
	}
	if c.Category != "" {
		e.Props.SetText(ical.PropCategories, string(c.Category))
	}
	return e
}

func (f Feed) describe(c *Change) string {
	var lines []string
	add := func(label string, values []string) {
		if len(values) > 0 {
			lines = append(lines, label+": "+strings.Join(values, ", "))
		}
	}
	add("services", c.Services)
	add("departments", c.Departments)
	if f.Detailed {
		add("items", texts(c.Items))
		if c.Implementer != "" {
			add("implementer", []string{string(c.Implementer)})
		}
	}
	return clean(strings.Join(lines, "\n"))
}

// oneLine makes a text one line without control characters.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(clean(s), func(r rune) bool { return r == '\n' || r == '\r' }), " ")
}

// clean drops what the format cannot hold: control characters but for the line feed, and broken UTF-8.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f || r == utf8.RuneError {
			return -1
		}
		return r
	}, strings.ReplaceAll(s, "\r\n", "\n"))
}

func writeEmpty(w io.Writer, cal *ical.Calendar) error {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\n")
	for _, name := range sortedKeys(cal.Props) {
		b.WriteString(name + ":" + cal.Props.Get(name).Value + "\r\n")
	}
	b.WriteString("END:VCALENDAR\r\n")
	fold := &folder{w: w}
	_, err := fold.Write([]byte(b.String()))
	return errors.Join(err, fold.err)
}

// A folder breaks the lines of an iCalendar file. The encoder writes whole lines.
type folder struct {
	w   io.Writer
	err error
}

const maxLine = 75 // bytes, without the line break

func (f *folder) Write(p []byte) (int, error) {
	var out bytes.Buffer
	for line := range bytes.Lines(p) {
		room := maxLine
		text, broken := bytes.CutSuffix(line, []byte("\r\n"))
		for len(text) > room {
			cut := room
			for cut > 1 && !utf8.RuneStart(text[cut]) {
				cut--
			}
			out.Write(text[:cut])
			out.WriteString("\r\n ")
			text, room = text[cut:], maxLine-1
		}
		out.Write(text)
		if broken {
			out.WriteString("\r\n")
		}
	}
	if _, err := f.w.Write(out.Bytes()); err != nil {
		f.err = err
		return 0, err
	}
	return len(p), nil
}
