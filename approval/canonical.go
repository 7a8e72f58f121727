package approval

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// canonical appends an encoding of a decoded value that is equal for equal values and for no others: a letter for the kind, then framed parts. Keys are
// sorted, empty members left out, numbers reduced. A set is a list whose elements are sorted by their encodings.
func canonical(b []byte, tree any, set bool) []byte {
	if empty(tree) {
		return append(b, 'z')
	}
	switch v := tree.(type) {
	case bool:
		return append(append(b, 'b'), strconv.FormatBool(v)[0])
	case string:
		return frame(append(b, 's'), v)
	case json.Number:
		return frame(append(b, 'n'), reduce(string(v)))
	case []any:
		parts := make([][]byte, len(v))
		for i, e := range v {
			parts[i] = canonical(nil, e, false)
		}
		if set {
			slices.SortFunc(parts, bytes.Compare)
			parts = slices.CompactFunc(parts, bytes.Equal)
		}
		b = binary.AppendUvarint(append(b, 'l'), uint64(len(parts)))
		return append(b, bytes.Join(parts, nil)...)
	case map[string]any:
		keys := slices.Sorted(maps.Keys(v))
		keys = slices.DeleteFunc(keys, func(k string) bool { return empty(v[k]) })
		b = binary.AppendUvarint(append(b, 'o'), uint64(len(keys)))
		for _, k := range keys {
			b = canonical(frame(b, k), v[k], false)
		}
		return b
	}
	return b
}

func frame(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// empty reports whether a value says nothing: null, and text, lists and objects without content.
func empty(tree any) bool {
	switch v := tree.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		for _, e := range v { //maporder: asks whether all are empty
			if !empty(e) {
				return false
			}
		}
		return true
	}
	return false
}

// reduce writes a JSON number as digits without zeros at the ends and an exponent: 1.50 and 15e-1 are "15e-1".
func reduce(n string) string {
	text, negative := strings.CutPrefix(n, "-")
	mantissa, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	exp := 0
	if exponent != "" {
		var err error
		if exp, err = strconv.Atoi(exponent); err != nil || exp > 1<<30 || exp < -1<<30 {
			return n // beyond any measure; equal only to itself
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	exp -= len(fraction)
	trimmed := strings.TrimRight(digits, "0")
	exp += len(digits) - len(trimmed)
	if trimmed == "" {
		return "0"
	}
	if negative {
		trimmed = "-" + trimmed
	}
	return trimmed + "e" + strconv.Itoa(exp)
}
