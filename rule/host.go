package rule

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/hospital-itsm/itsm"
)

// hosted reads a host field, from a value of the kernel or from one of any type. A value of another type than declared is
// a fault of the facts.
func hosted[T any](n *node, want itsm.ValueType, plain func(itsm.Value) T, read func(any) (T, bool)) fn[T] {
	name, steps := n.names[1], n.steps
	return func(r *run) (v T, ok bool) {
		m, ok := follow(r.facts, steps)
		if !ok {
			return v, false
		}
		var entry any
		switch m := m.Interface().(type) {
		case map[string]itsm.Value:
			switch x := m[name]; x.Type() {
			case itsm.NoValue:
				return v, false
			case want:
				return plain(x), true
			default:
				r.fail(n, ErrFacts, fmt.Sprintf("the value is a %v, declared is %v", x.Type(), n.typ))
				return v, false
			}
		case map[string]any:
			entry = m[name]
		default:
			m2 := reflect.ValueOf(m)
			if x := m2.MapIndex(reflect.ValueOf(name).Convert(m2.Type().Key())); x.IsValid() {
				entry = x.Interface()
			}
		}
		if entry == nil {
			return v, false
		}
		if v, ok = read(entry); !ok {
			r.fail(n, ErrFacts, fmt.Sprintf("the value is a %T, declared is %v", entry, n.typ))
		}
		return v, ok
	}
}

func (n *node) hostBool() fn[bool] {
	return hosted(n, itsm.BoolValue, itsm.Value.Bool, func(x any) (bool, bool) {
		b, ok := x.(bool)
		return b, ok
	})
}

func (n *node) hostText() fn[string] { return hosted(n, itsm.TextValue, itsm.Value.Text, asText) }

// hostNumber takes what is not a number for an absent one.
func (n *node) hostNumber() fn[float64] {
	number := hosted(n, itsm.NumberValue, itsm.Value.Number, asNumber)
	return func(r *run) (float64, bool) {
		f, ok := number(r)
		return f, ok && !math.IsNaN(f)
	}
}

// hostTime takes the zero time for an absent one.
func (n *node) hostTime() fn[time.Time] {
	instant := hosted(n, itsm.TimeValue, itsm.Value.Time, asTime)
	return func(r *run) (time.Time, bool) {
		t, ok := instant(r)
		return t, ok && !t.IsZero()
	}
}

// maxNumeral is the greatest length of a number or a duration that is given as text.
const maxNumeral = 64

// unheld is the type of declarations that no value of the kernel fits.
const unheld = itsm.ValueType(math.MaxUint8)

func (n *node) hostDuration() fn[int64] { return hosted(n, unheld, nil, asDuration) }

// hostList reads a list of text, the only list that a host field can be.
func (n *node) hostList() fn[reflect.Value] {
	list := hosted(n, unheld, nil, asTexts)
	return func(r *run) (reflect.Value, bool) {
		l, ok := list(r)
		return l, ok && r.spend(n, l.Len()) // it may have been copied
	}
}

func asText(x any) (string, bool) {
	if s, ok := x.(string); ok {
		return s, true
	}
	v := reflect.ValueOf(x)
	return v.String(), v.Kind() == reflect.String
}

func asNumber(x any) (float64, bool) {
	switch v := x.(type) {
	case float64:
		return v, true
	case json.Number:
		if len(v) > maxNumeral {
			return 0, false
		}
		f, err := v.Float64()
		return f, err == nil
	case time.Duration:
		return 0, false
	}
	switch v := reflect.ValueOf(x); {
	case v.CanInt():
		return float64(v.Int()), true
	case v.CanUint():
		return float64(v.Uint()), true
	case v.CanFloat():
		return v.Float(), true
	}
	return 0, false
}

func asTime(x any) (time.Time, bool) {
	switch v := x.(type) {
	case time.Time:
		return v, true
	case string:
		t, err := time.Parse(time.RFC3339Nano, v)
		return t, err == nil
	}
	return time.Time{}, false
}

func asDuration(x any) (int64, bool) {
	switch v := x.(type) {
	case time.Duration:
		return int64(v), true
	case string:
		if len(v) > maxNumeral {
			return 0, false
		}
		d, err := time.ParseDuration(v)
		return int64(d), err == nil
	}
	return 0, false
}

// asTexts gives a slice of some kind of string.
func asTexts(x any) (reflect.Value, bool) {
	v := reflect.ValueOf(x)
	if v.Kind() != reflect.Slice {
		return v, false
	}
	if v.Type().Elem().Kind() == reflect.String {
		return v, true
	}
	items, ok := x.([]any)
	if !ok {
		return v, false
	}
	texts := make([]string, len(items))
	for i, item := range items {
		if texts[i], ok = asText(item); !ok {
			return v, false
		}
	}
	return reflect.ValueOf(texts), true
}
