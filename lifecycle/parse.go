package lifecycle

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// Parse builds a machine from its JSON form, see [Spec]:
//
//	{"name": "ticket", "start": ["open"],
//	 "states": [{"name": "open"}, {"name": "done", "end": true}],
//	 "transitions": [{"event": "finish", "from": ["open"], "to": "done"}],
//	 "map": {"New": "open", "Closed": "done"}}
//
// Keys start, states and transitions are required; keys that are unknown or there twice are faults. The error is a
// [*SpecError] whose faults have a line and a column.
func Parse(data []byte, rules ...Rule[string, string]) (*Machine[string, string], error) {
	return ParseAs(data, rules...)
}

// ParseAs is [Parse] with the types of a process, for variants of its machine.
func ParseAs[S, E ~string](data []byte, rules ...Rule[S, E]) (*Machine[S, E], error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	root, err := parseJSON(data)
	if err != nil {
		fault := Fault{Kind: FaultSyntax, What: err.Error()}
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			fault.Line, fault.Column = linesOf(data).position(int(max(syntax.Offset-1, 0)))
		}
		return nil, &SpecError{Faults: []Fault{fault}}
	}

	r := &reader{places: make(map[string]int)}
	spec := readSpec[S, E](r, root)
	if len(r.faults) > 0 {
		if !r.partial { // of a table that was only read in part, nothing true can be said
			r.faults = append(r.faults, verify(&spec)...)
		}
		return nil, &SpecError{Name: spec.Name, Faults: r.located(data, r.faults)}
	}
	m, err := New(spec, rules...)
	var wrong *SpecError
	if errors.As(err, &wrong) {
		wrong.Faults = r.located(data, wrong.Faults)
	}
	return m, err
}

// located gives the faults their lines. A place that the JSON does not spell out is at the nearest one around it.
func (r *reader) located(data []byte, faults []Fault) []Fault {
	lines := linesOf(data)
	for i, f := range faults {
		where := f.Where
		for {
			if offset, ok := r.places[where]; ok {
				faults[i].Line, faults[i].Column = lines.position(offset)
				break
			}
			where = where[:max(strings.LastIndexAny(where, ".["), 0)]
		}
	}
	slices.SortStableFunc(faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return faults
}

// lines has the offset at which each line starts.
type lines []int

func linesOf(data []byte) lines {
	all := lines{0}
	for i, c := range data {
		if c == '\n' {
			all = append(all, i+1)
		}
	}
	return all
}

// position returns line and column of an offset, both from 1, the column in bytes.
func (l lines) position(offset int) (line, column int) {
	line, found := slices.BinarySearch(l, offset)
	if found {
		line++
	}
	return line, offset - l[line-1] + 1
}

func readSpec[S, E ~string](r *reader, root node) Spec[S, E] {
	var spec Spec[S, E]
	r.object("", root, fields{
		"name":    func(at string, n node) { r.text(at, n, &spec.Name) },
		"version": func(at string, n node) { r.text(at, n, &spec.Version) },
		"start":   func(at string, n node) { spec.Start = readNames[S](r, at, n) },
		"phases":  func(at string, n node) { spec.Phases = readNames[Phase](r, at, n) },
		"states": func(at string, n node) {
			r.list(at, n, func(at string, n node) { spec.States = append(spec.States, readState[S](r, at, n)) })
		},
		"transitions": func(at string, n node) {
			r.list(at, n, func(at string, n node) { spec.Transitions = append(spec.Transitions, readTransition[S, E](r, at, n)) })
		},
		"map": func(at string, n node) {
			spec.Map = make(map[string]S)
			r.members(at, n, func(at, key string, n node) {
				var to string
				r.text(at, n, &to)
				spec.Map[key] = S(to)
			})
		},
	}, "start", "states", "transitions")
	return spec
}

func readState[S ~string](r *reader, at string, n node) StateRow[S] {
	var row StateRow[S]
	var name, phase string
	r.object(at, n, fields{
		"name":  func(at string, n node) { r.text(at, n, &name) },
		"phase": func(at string, n node) { r.text(at, n, &phase) },
		"end":   func(at string, n node) { r.truth(at, n, &row.End) },
		"en":    func(at string, n node) { r.text(at, n, &row.En) },
		"zh":    func(at string, n node) { r.text(at, n, &row.Zh) },
	}, "name")
	row.Name, row.Phase = S(name), Phase(phase)
	return row
}

func readTransition[S, E ~string](r *reader, at string, n node) Transition[S, E] {
	var row Transition[S, E]
	var event, to string
	r.object(at, n, fields{
		"event": func(at string, n node) { r.text(at, n, &event) },
		"from":  func(at string, n node) { row.From = readNames[S](r, at, n) },
		"to":    func(at string, n node) { r.text(at, n, &to) },
		"en":    func(at string, n node) { r.text(at, n, &row.En) },
		"zh":    func(at string, n node) { r.text(at, n, &row.Zh) },
	}, "event", "from", "to")
	row.Event, row.To = E(event), S(to)
	return row
}

func readNames[T ~string](r *reader, at string, n node) []T {
	var names []T
	r.list(at, n, func(at string, n node) {
		var name string
		r.text(at, n, &name)
		names = append(names, T(name))
	})
	return names
}
