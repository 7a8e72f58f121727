package itsm

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A ValueType is the type of a [Value].
type ValueType uint8

// The types of values, in the order in which values of different types sort.
const (
	NoValue ValueType = iota
	BoolValue
	NumberValue
	TimeValue
	TextValue
)

var valueTypeNames = [...]string{"none", "bool", "number", "time", "text"}

// String returns the name of the type, as declarations of fields spell it.
func (t ValueType) String() string {
	if int(t) < len(valueTypeNames) {
		return valueTypeNames[t]
	}
	return "type(" + strconv.Itoa(int(t)) + ")"
}

// A Value is one typed value by which records are found, or that a host keeps on a record. Values are comparable with ==.
// The zero Value is no value.
type Value struct {
	typ  ValueType
	num  int64 // bool, time in microseconds, or the bits of the number
	text string
}

// TextOf returns a text value.
func TextOf[S ~string](s S) Value { return Value{TextValue, 0, string(s)} }

// TimeOf returns an instant, cut to microseconds.
func TimeOf(t time.Time) Value { return Value{TimeValue, t.UnixMicro(), ""} }

// BoolOf returns a truth value.
func BoolOf(b bool) Value {
	if b {
		return Value{BoolValue, 1, ""}
	}
	return Value{BoolValue, 0, ""}
}

// NumberOf returns a number. NaN is no value; negative zero is zero.
func NumberOf[N ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~float64](n N) Value {
	f := float64(n)
	if math.IsNaN(f) {
		return Value{}
	}
	return Value{NumberValue, int64(math.Float64bits(f + 0)), ""}
}

// Type returns the type of the value.
func (v Value) Type() ValueType { return v.typ }

// IsZero reports whether v is no value.
func (v Value) IsZero() bool { return v.typ == NoValue }

// Text returns a text, "" for other types.
func (v Value) Text() string { return v.text }

// Bool returns a truth value, false for other types.
func (v Value) Bool() bool { return v.typ == BoolValue && v.num != 0 }

// Number returns a number, 0 for other types.
func (v Value) Number() float64 {
	if v.typ != NumberValue {
		return 0
	}
	return math.Float64frombits(uint64(v.num))
}

// Time returns an instant in UTC, the zero time for other types.
func (v Value) Time() time.Time {
	if v.typ != TimeValue {
		return time.Time{}
	}
	return time.UnixMicro(v.num).UTC()
}

// Micros returns an instant as microseconds since 1970, 0 for other types.
func (v Value) Micros() int64 {
	if v.typ != TimeValue {
		return 0
	}
	return v.num
}

// Compare orders values: by type, then false before true, numbers and instants by size, texts by their bytes.
func (v Value) Compare(w Value) int {
	if v.typ != w.typ {
		return cmp.Compare(v.typ, w.typ)
	}
	switch v.typ {
	case TextValue:
		return strings.Compare(v.text, w.text)
	case NumberValue:
		return cmp.Compare(v.Number(), w.Number())
	}
	return cmp.Compare(v.num, w.num)
}

// String prints the value for people.
func (v Value) String() string {
	switch v.typ {
	case BoolValue:
		return strconv.FormatBool(v.num != 0)
	case NumberValue:
		return strconv.FormatFloat(v.Number(), 'g', -1, 64)
	case TimeValue:
		return v.Time().Format(time.RFC3339Nano)
	}
	return v.text
}

// MarshalJSON writes text, numbers and truth values as such, an instant as {"time": "2026-02-14T08:00:00Z"}, no value as null.
func (v Value) MarshalJSON() ([]byte, error) {
	switch v.typ {
	case BoolValue:
		return json.Marshal(v.num != 0)
	case NumberValue:
		return json.Marshal(v.Number())
	case TimeValue:
		return json.Marshal(map[string]string{"time": v.String()})
	case TextValue:
		return json.Marshal(v.text)
	}
	return []byte("null"), nil
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (v *Value) UnmarshalJSON(data []byte) error {
	data = bytes.TrimSpace(data)
	var err error
	switch {
	case bytes.Equal(data, []byte("null")):
		*v = Value{}
	case len(data) > 0 && data[0] == '"':
		var s string
		err = json.Unmarshal(data, &s)
		*v = TextOf(s)
	case len(data) > 0 && (data[0] == 't' || data[0] == 'f'):
		var b bool
		err = json.Unmarshal(data, &b)
		*v = BoolOf(b)
	case len(data) > 0 && data[0] == '{':
		var o struct {
			Time *time.Time `json:"time"`
		}
		if err = json.Unmarshal(data, &o); err == nil && o.Time == nil {
			err = fmt.Errorf(`%w: value %.60s: an object must be {"time": …}`, ErrInvalid, data)
		}
		if err == nil {
			if *v = TimeOf(*o.Time); v.Time().Year() < 0 || v.Time().Year() > 9999 { // in UTC it has no text
				err = fmt.Errorf("%w: value %.60s: the year is not one of 0 to 9999 in UTC", ErrInvalid, data)
			}
		}
	default:
		var n float64
		err = json.Unmarshal(data, &n)
		*v = NumberOf(n)
	}
	if err != nil {
		*v = Value{}
		if !errors.Is(err, ErrInvalid) {
			err = fmt.Errorf("%w: value %.60s: want null, a text, a number, true, false or a time", ErrInvalid, data)
		}
	}
	return err
}

// An IndexField declares a field by which records of a kind can be found.
type IndexField struct {
	Name string    `json:"name"` // lower_snake
	Type ValueType `json:"type"`
	Many bool      `json:"many,omitempty"` // a record may have several values: find by equality only, no order
}

// An IndexEntry is one value of a field of one record.
type IndexEntry struct {
	Field string
	Many  bool
	Value Value
}

// An Op compares a field with values.
type Op uint8

// The comparisons. Records that have no value for a field match none of them but Unset.
const (
	Equal   Op = iota // the field has the value
	OneOf             // the field has one of the values
	Less              // the field is less than the value
	AtLeast           // the field is the value or more
	Unset             // the field has no value
)

// A Condition restricts a [Query].
type Condition struct {
	Field  string
	Op     Op
	Value  Value
	Values []Value // for OneOf
}

// Where returns the condition that a field equals a value.
func Where(field string, v Value) Condition { return Condition{Field: field, Value: v} }

// WhereOneOf returns the condition that a field equals one of the values; with none of them nothing matches.
func WhereOneOf(field string, vs ...Value) Condition {
	return Condition{Field: field, Op: OneOf, Values: vs}
}

// WhereLess returns the condition that a field is less than a value.
func WhereLess(field string, v Value) Condition { return Condition{Field: field, Op: Less, Value: v} }

// WhereAtLeast returns the condition that a field is a value or more.
func WhereAtLeast(field string, v Value) Condition {
	return Condition{Field: field, Op: AtLeast, Value: v}
}

// WhereUnset returns the condition that a field has no value.
func WhereUnset(field string) Condition { return Condition{Field: field, Op: Unset} }

// A Query finds records of one kind: all conditions must hold. Results come in the order of a field, records without a
// value first, with the ID as the tie-break; without a field in the order of the ID.
type Query struct {
	Tenant  Tenant // filled in from the context by [Service.Find]
	Kind    Kind   // likewise
	Where   []Condition
	OrderBy string
	Desc    bool   // both the field and the ID fall
	Limit   int    // 0 for all
	After   Cursor // go on behind this place
}

// A Cursor is a place in the results of a query: the value of the order field and the ID of a record. The zero Cursor is the beginning.
type Cursor struct {
	Value Value `json:"value"`
	ID    ID    `json:"id"`
}

// Matches reports whether a record with these index entries satisfies all conditions of the query. It is the definition
// that every store agrees with.
func (q *Query) Matches(entries []IndexEntry) bool {
	for _, c := range q.Where {
		if !c.matches(entries) {
			return false
		}
	}
	return true
}

func (c *Condition) matches(entries []IndexEntry) bool {
	found := false
	for i := range entries {
		e := &entries[i]
		if e.Field != c.Field || e.Value.IsZero() {
			continue
		}
		found = true
		switch c.Op {
		case Equal:
			if e.Value == c.Value {
				return true
			}
		case OneOf:
			if slices.Contains(c.Values, e.Value) {
				return true
			}
		case Less:
			if e.Value.typ == c.Value.typ && e.Value.Compare(c.Value) < 0 {
				return true
			}
		case AtLeast:
			if e.Value.typ == c.Value.typ && e.Value.Compare(c.Value) >= 0 {
				return true
			}
		}
	}
	return c.Op == Unset && !found
}

// CursorOf returns the place of a record in the results of the query.
func (q *Query) CursorOf(id ID, entries []IndexEntry) Cursor {
	c := Cursor{ID: id}
	if q.OrderBy != "" {
		for i := range entries {
			if entries[i].Field == q.OrderBy {
				c.Value = entries[i].Value
				break
			}
		}
	}
	return c
}

// Compare orders two places in the results of the query.
func (q *Query) Compare(a, b Cursor) int {
	c := cmp.Or(a.Value.Compare(b.Value), cmp.Compare(a.ID, b.ID))
	if q.Desc {
		return -c
	}
	return c
}

// check reports what is wrong with the query, given the fields that the kind declares.
func (q *Query) check(fields map[string]IndexField) error {
	names := func() []string {
		all := make([]string, 0, len(fields))
		for name := range fields {
			all = append(all, name)
		}
		slices.Sort(all)
		return all
	}
	for _, c := range q.Where {
		f, ok := fields[c.Field]
		if !ok {
			return fmt.Errorf("%w: %s cannot be found by %q: want one of %q", ErrInvalid, q.Kind, c.Field, names())
		}
		vs := c.Values
		if c.Op != OneOf && c.Op != Unset {
			vs = []Value{c.Value}
		}
		for _, v := range vs {
			if v.typ != f.Type {
				return fmt.Errorf("%w: field %s of %s is a %s, the condition has a %s", ErrInvalid, c.Field, q.Kind, f.Type, v.typ)
			}
		}
		if f.Many && c.Op != Equal && c.Op != OneOf {
			return fmt.Errorf("%w: field %s of %s has several values a record: only Equal and OneOf are possible", ErrInvalid, c.Field, q.Kind)
		}
	}
	if q.OrderBy != "" {
		if f, ok := fields[q.OrderBy]; !ok || f.Many {
			return fmt.Errorf("%w: %s cannot be ordered by %q: want a field with one value a record, of %q", ErrInvalid, q.Kind, q.OrderBy, names())
		}
	}
	if q.After.ID != "" {
		if err := checkName("the ID of the place to go on behind", string(q.After.ID)); err != nil {
			return err
		}
	}
	if q.Limit < 0 {
		return fmt.Errorf("%w: limit %d is negative", ErrInvalid, q.Limit)
	}
	return nil
}
