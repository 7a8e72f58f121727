package calendar

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Parse reads a calendar from JSON. The error is a [*DataError] that lists all faults, each with its place.
func Parse(data []byte) (*Calendar, error) {
	var fs faults
	d := decode(data, &fs)
	// What could be read is checked too, so that all faults come at once; but a place is named once.
	n := len(fs)
	c := build("", d, &fs)
	if n > 0 {
		fs = unrelated(fs, n)
	}
	if err := fs.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// unrelated drops the later faults at or below places that had a fault when reading.
func unrelated(fs faults, read int) faults {
	out := fs[:read:read]
	for _, f := range fs[read:] {
		related := false
		for _, r := range fs[:read] {
			related = related || r.Place == "" || strings.HasPrefix(f.Place, r.Place) || strings.HasPrefix(r.Place, f.Place)
		}
		if !related {
			out = append(out, f)
		}
	}
	return out
}

// UnmarshalJSON reads the data of a calendar. It checks the form; [New] checks the meaning.
func (d *Data) UnmarshalJSON(text []byte) error {
	var fs faults
	*d = decode(text, &fs)
	return fs.err()
}

func decode(text []byte, fs *faults) Data {
	if !json.Valid(text) {
		fs.add("", "%s", syntaxFault(text))
		return Data{}
	}
	r := reader{fs}
	return r.data("", text)
}

func syntaxFault(text []byte) string {
	var v any
	err := json.Unmarshal(text, &v)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		before := text[:min(int(syntax.Offset), len(text))]
		line := 1 + bytes.Count(before, []byte("\n"))
		column := len(before) - bytes.LastIndexByte(before, '\n') - 1
		return fmt.Sprintf("line %d, column %d: %v", line, column, err)
	}
	return fmt.Sprint(err)
}

// A reader takes valid JSON apart and notes what does not belong.
type reader struct{ *faults }

type member struct {
	key   string
	value json.RawMessage
}

// object calls set for each member; set reports whether it knows the key.
func (r reader) object(place string, text json.RawMessage, set func(key, at string, value json.RawMessage) bool) {
	if kindOf(text) != '{' {
		r.add(place, "is %s, want an object", describe(text))
		return
	}
	seen := map[string]bool{}
	for _, m := range members(text) {
		at := join(place, m.key)
		if seen[m.key] {
			r.add(at, "is there twice")
			continue
		}
		seen[m.key] = true
		if !set(m.key, at, m.value) {
			r.add(at, "is not known")
		}
	}
}

// members returns the members of a valid object in their order.
func members(text json.RawMessage) []member {
	dec := json.NewDecoder(bytes.NewReader(text))
	var out []member
	if _, err := dec.Token(); err != nil {
		return nil
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return out
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil && err != io.EOF {
			return out
		}
		out = append(out, member{key.(string), value})
	}
	return out
}

func kindOf(text json.RawMessage) byte { return bytes.TrimSpace(text)[0] }

func describe(text json.RawMessage) string {
	switch kindOf(text) {
	case '{':
		return "an object"
	case '[':
		return "a list"
	}
	if text := bytes.TrimSpace(text); len(text) <= 40 {
		return string(text)
	}
	return "a long text"
}

// list reads each element of a list; the result is never nil, so that an empty list and none can be told apart.
func list[T any](r reader, place string, text json.RawMessage, read func(place string, text json.RawMessage) T) []T {
	out := []T{}
	if kindOf(text) != '[' {
		r.add(place, "is %s, want a list", describe(text))
		return out
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		r.add(place, "%v", err)
	}
	for i, v := range raw {
		out = append(out, read(fmt.Sprintf("%s[%d]", place, i), v))
	}
	return out
}

func (r reader) text(place string, text json.RawMessage) string {
	var s string
	if kindOf(text) != '"' || json.Unmarshal(text, &s) != nil {
		r.add(place, "is %s, want a text", describe(text))
	}
	return s
}

func (r reader) number(place string, text json.RawMessage) int {
	var n int
	if c := kindOf(text); c != '-' && (c < '0' || c > '9') || json.Unmarshal(text, &n) != nil {
		r.add(place, "is %s, want a whole number", describe(text))
	}
	return n
}

// parsed reads a text with its own parser.
func parsed[T any](r reader, place string, text json.RawMessage, parse func(string) (T, error)) T {
	var v T
	if kindOf(text) != '"' {
		r.add(place, "is %s, want a text", describe(text))
		return v
	}
	v, err := parse(r.text(place, text))
	if err != nil {
		r.add(place, "%v", err)
	}
	return v
}

func (r reader) data(place string, text json.RawMessage) Data {
	var d Data
	l := Layer{}
	r.object(place, text, func(key, at string, v json.RawMessage) bool {
		switch key {
		case "edition":
			d.Edition = r.text(at, v)
		case "zone":
			d.Zone = r.text(at, v)
		case "week":
			d.Week = r.week(at, v)
		case "layers":
			d.Layers = list(r, at, v, r.layer)
		case "published":
			p := r.period(at, v)
			d.Published = &p
		case "horizon":
			d.Horizon = r.number(at, v)
		case "union":
			d.Union = list(r, at, v, r.data)
		case "intersect":
			d.Intersect = list(r, at, v, r.data)
		case "subtract":
			d.Subtract = list(r, at, v, r.data)
		default:
			return r.layerKey(&l, key, at, v)
		}
		return true
	})
	d.Name, d.Seasons, d.Holidays, d.Days, d.Closed, d.Open = l.Name, l.Seasons, l.Holidays, l.Days, l.Closed, l.Open
	return d
}

func (r reader) layer(place string, text json.RawMessage) Layer {
	var l Layer
	r.object(place, text, func(key, at string, v json.RawMessage) bool { return r.layerKey(&l, key, at, v) })
	return l
}

// layerKey reads the keys that a calendar and a layer have in common.
func (r reader) layerKey(l *Layer, key, at string, v json.RawMessage) bool {
	switch key {
	case "name":
		l.Name = r.text(at, v)
	case "seasons":
		l.Seasons = list(r, at, v, r.season)
	case "holidays":
		l.Holidays = list(r, at, v, r.holiday)
	case "days":
		l.Days = r.days(at, v)
	case "closed":
		l.Closed = list(r, at, v, r.stretch)
	case "open":
		l.Open = list(r, at, v, r.stretch)
	default:
		return false
	}
	return true
}

func (r reader) week(place string, text json.RawMessage) Week {
	var w Week
	r.object(place, text, func(key, at string, v json.RawMessage) bool {
		i := Weekday(key).index()
		if i < 0 {
			return false
		}
		*w.at(i) = r.hours(at, v)
		return true
	})
	return w
}

func (r reader) hours(place string, text json.RawMessage) []Shift {
	return list(r, place, text, func(at string, v json.RawMessage) Shift { return parsed(r, at, v, ParseShift) })
}

func parseAnyDate(s string) (Date, error) {
	if len(s) == 5 {
		return parseMonthDay(s)
	}
	return ParseDate(s)
}

func (r reader) season(place string, text json.RawMessage) Season {
	var s Season
	r.object(place, text, func(key, at string, v json.RawMessage) bool {
		switch key {
		case "from":
			s.From = parsed(r, at, v, parseAnyDate)
		case "to":
			s.To = parsed(r, at, v, parseAnyDate)
		case "name":
			s.Name = r.text(at, v)
		case "week":
			s.Week = r.week(at, v)
		default:
			return false
		}
		return true
	})
	return s
}

func (r reader) holiday(place string, text json.RawMessage) Holiday {
	var h Holiday
	if kindOf(text) == '"' {
		h.From = parsed(r, place, text, parseAnyDate)
		return h
	}
	r.object(place, text, func(key, at string, v json.RawMessage) bool {
		switch key {
		case "from", "date":
			if !h.From.IsZero() {
				r.add(at, "has both from and date, want one of them")
			}
			h.From = parsed(r, at, v, parseAnyDate)
		case "to":
			h.To = parsed(r, at, v, parseAnyDate)
		case "rule":
			h.Rule = r.text(at, v)
		case "name":
			h.Name = r.text(at, v)
		case "kind":
			h.Kind = Kind(r.text(at, v))
		case "hours":
			h.Hours = r.hours(at, v)
		case "off":
			h.Off = r.hours(at, v)
		case "observed":
			h.Observed = Observed(r.text(at, v))
		case "since":
			h.Since = r.number(at, v)
		case "until":
			h.Until = r.number(at, v)
		case "except":
			h.Except = list(r, at, v, r.number)
		default:
			return false
		}
		return true
	})
	return h
}

func (r reader) days(place string, text json.RawMessage) map[Date]Day {
	days := map[Date]Day{}
	r.object(place, text, func(key, _ string, v json.RawMessage) bool {
		at := place + "[" + key + "]"
		date, err := ParseDate(key)
		if err != nil {
			r.add(at, "%v", err)
		}
		days[date] = r.day(at, v)
		return true
	})
	delete(days, Date{})
	return days
}

func (r reader) day(place string, text json.RawMessage) Day {
	var d Day
	switch kindOf(text) {
	case '"':
		d.Like = Weekday(r.text(place, text))
	case '[':
		d.Hours = r.hours(place, text)
	case '{':
		r.object(place, text, func(key, at string, v json.RawMessage) bool {
			switch key {
			case "like":
				d.Like = Weekday(r.text(at, v))
			case "hours":
				d.Hours = r.hours(at, v)
			case "name":
				d.Name = r.text(at, v)
			case "kind":
				d.Kind = Kind(r.text(at, v))
			default:
				return false
			}
			return true
		})
	default:
		r.add(place, `is %s, want a weekday such as "fri" or a list of shifts`, describe(text))
	}
	return d
}

func (r reader) stretch(place string, text json.RawMessage) Stretch {
	var s Stretch
	r.object(place, text, func(key, at string, v json.RawMessage) bool {
		switch key {
		case "from":
			s.From = parsed(r, at, v, ParseLocalTime)
		case "to":
			s.To = parsed(r, at, v, ParseLocalTime)
		case "name":
			s.Name = r.text(at, v)
		default:
			return false
		}
		return true
	})
	return s
}

func (r reader) period(place string, text json.RawMessage) Period {
	var p Period
	r.object(place, text, func(key, at string, v json.RawMessage) bool {
		switch key {
		case "from":
			p.From = parsed(r, at, v, ParseDate)
		case "to":
			p.To = parsed(r, at, v, ParseDate)
		default:
			return false
		}
		return true
	})
	return p
}
