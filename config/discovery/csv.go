package discovery

import (
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config"
	"github.com/hospital-itsm/itsm/tabular"
)

// The columns of a CSV file beside those of attributes.
const (
	columnClass = "class"
	columnKey   = "key"
	columnName  = "name"
)

// ReadCSV reads observations of a CSV file with the columns class, key and name, and a column for each attribute. Times are written as of
// RFC 3339 or as a date, which is midnight in the zone; truth values as true and false. An empty cell says nothing. With a fault
// anywhere nothing is read, and the error ([tabular.Faults]) lists all of them.
func ReadCSV(r io.Reader, m *config.Model, file, source string, at time.Time, zone *time.Location) ([]Observation, error) {
	table := tabular.Table{Name: file, Required: []string{columnClass, columnKey, columnName}, Optional: attributeNames(m)}
	var faults tabular.Faults
	var out []Observation
	lines := map[string]int{}
	for row, err := range table.Read(r) {
		var f *tabular.Fault
		if errors.As(err, &f) {
			if faults = append(faults, f); len(faults) == 1000 {
				return nil, faults
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		o := Observation{Source: source, Class: row.Get(columnClass), Key: row.Get(columnKey), Name: row.Get(columnName), At: at, Values: map[string]itsm.Value{}, Where: file + ", line " + strconv.Itoa(row.Line)}
		if o.Key == "" {
			faults = append(faults, row.Fault(columnKey, "what the source calls the thing"))
		} else if first, twice := lines[o.Key]; twice {
			faults = append(faults, row.Fault(columnKey, "each key once, it stands in line "+strconv.Itoa(first)+" too"))
		}
		lines[o.Key] = row.Line
		if !slices.Contains(m.Classes(), o.Class) {
			faults = append(faults, row.Fault(columnClass, "one of "+strings.Join(m.Classes(), ", ")))
			continue
		}
		for _, name := range row.Columns() {
			cell := strings.TrimSpace(row.Get(name))
			if name == columnClass || name == columnKey || name == columnName || cell == "" {
				continue
			}
			v, want := parse(m, o.Class, name, cell, zone)
			if want != "" {
				faults = append(faults, row.Fault(name, want))
				continue
			}
			o.Values[name] = v
		}
		out = append(out, o)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return out, nil
}

func attributeNames(m *config.Model) []string {
	seen := map[string]bool{}
	for _, class := range m.Classes() {
		for _, a := range m.Attributes(class) {
			seen[a.Name] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// parse reads a cell, or tells what is wanted.
func parse(m *config.Model, class, name, cell string, zone *time.Location) (v itsm.Value, want string) {
	a, ok := m.Attribute(class, name)
	if !ok {
		return v, "nothing: a " + class + " has no " + name
	}
	switch a.Type {
	case "number":
		n, err := strconv.ParseFloat(cell, 64)
		if err != nil {
			return v, "a number"
		}
		v = itsm.NumberOf(n)
	case "bool":
		if cell != "true" && cell != "false" {
			return v, "true or false"
		}
		v = itsm.BoolOf(cell == "true")
	case "time":
		t, err := time.Parse(time.RFC3339, cell)
		if err != nil {
			t, err = time.ParseInLocation(time.DateOnly, cell, zone)
		}
		if err != nil {
			return v, "a time such as 2026-02-14T08:00:00+08:00, or a date such as 2026-02-14"
		}
		v = itsm.TimeOf(t)
	default:
		v = itsm.TextOf(cell)
	}
	if err := m.CheckValue(class, name, v); err != nil {
		return v, err.Error()
	}
	return v, ""
}

// WriteCSV writes items as [ReadCSV] reads them; the key is the ID of the item. Items that are gone are left out.
func WriteCSV(w io.Writer, m *config.Model, items []config.Item) error {
	used := map[string]bool{}
	for i := range items {
		for _, v := range items[i].Attributes {
			used[v.Name] = true
		}
	}
	names := slices.Sorted(maps.Keys(used))
	header := append([]string{columnClass, columnKey, columnName}, names...)
	return tabular.Write(w, header, func(yield func([]string) bool) {
		for i := range items {
			item := &items[i]
			if item.Gone() {
				continue
			}
			row := []string{item.Class, string(item.ID), item.Name}
			for _, name := range names {
				v := item.Get(name)
				cell := v.String()
				if v.Type() == itsm.NumberValue {
					cell = strconv.FormatFloat(v.Number(), 'f', -1, 64)
				}
				row = append(row, cell)
			}
			if !yield(row) {
				return
			}
		}
	})
}
