package postgres

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// A term is a field with a value, written so that terms compare by their bytes as the values do: the name of the field, a
// zero byte, the type, the value. A field that its kind has and the record has no value of is a term of [itsm.NoValue], which
// sorts first. One more term of every record, its shape, says how many fields were known when it was written: of
// those that came up later it has none.
type term = []byte

// longText is from how many bytes on a text is shortened in an index: a PostgreSQL index holds no more than 2.7 kB a row.
const longText = 1000

// prefix is what all terms of a field begin with. There is room behind it.
func prefix(field string) term {
	return append(append(make(term, 0, len(field)+10), field...), 0)
}

// noValue is the term of a field without a value.
func noValue(field string) term { return append(prefix(field), byte(itsm.NoValue)) }

// shape is the term of a record that was written when its kind had n fields. No field has an empty name.
func shape(n int) term { return binary.BigEndian.AppendUint16([]byte{0}, uint16(n)) }

// termOf returns the term of a value, in full.
func termOf(field string, v itsm.Value) term {
	t := append(prefix(field), byte(v.Type()))
	switch v.Type() {
	case itsm.TextValue:
		return append(t, v.Text()...)
	case itsm.TimeValue:
		return binary.BigEndian.AppendUint64(t, uint64(v.Micros())^1<<63)
	case itsm.NumberValue:
		bits := math.Float64bits(v.Number())
		if bits>>63 == 1 {
			bits = ^bits
		} else {
			bits |= 1 << 63
		}
		return binary.BigEndian.AppendUint64(t, bits)
	case itsm.BoolValue:
		if v.Bool() {
			return append(t, 1)
		}
		return append(t, 0)
	}
	return t
}

// short returns a term as it lies in an index, and whether it was shortened: to the first bytes of its text and a digest of it.
func short(t term) (term, bool) {
	head := bytes.IndexByte(t, 0) + 2
	if len(t)-head <= longText {
		return t, false
	}
	digest := sha256.Sum256(t[head:])
	return append(slices.Clip(t[:head+longText]), digest[:]...), true
}

// keyOf returns the term of a value as it lies in an index.
func keyOf(field string, v itsm.Value) term {
	t, _ := short(termOf(field, v))
	return t
}

// valueOf reads the value out of a term; long are those of the record that were shortened.
func valueOf(t term, long []term) itsm.Value {
	at := bytes.IndexByte(t, 0)
	if at < 0 || at+1 >= len(t) {
		return itsm.Value{}
	}
	rest := t[at+2:]
	if len(rest) > longText {
		for _, l := range long {
			if s, _ := short(l); bytes.Equal(s, t) {
				rest = l[at+2:]
			}
		}
	}
	switch typ := itsm.ValueType(t[at+1]); {
	case typ == itsm.TextValue:
		return itsm.TextOf(string(rest))
	case typ == itsm.TimeValue && len(rest) == 8:
		return itsm.TimeOf(time.UnixMicro(int64(binary.BigEndian.Uint64(rest) ^ 1<<63)))
	case typ == itsm.NumberValue && len(rest) == 8:
		bits := binary.BigEndian.Uint64(rest)
		if bits>>63 == 1 {
			bits &^= 1 << 63
		} else {
			bits = ^bits
		}
		return itsm.NumberOf(math.Float64frombits(bits))
	case typ == itsm.BoolValue && len(rest) == 1:
		return itsm.BoolOf(rest[0] == 1)
	}
	return itsm.Value{}
}

// A span is a stretch of terms: from one, up to but without another.
type span struct{ from, to term }

// valuesOf is where the terms of a field lie that are values.
func valuesOf(field string) span {
	return span{append(prefix(field), byte(itsm.NoValue)+1), append(append(term{}, field...), 1)}
}

// ofType is where the terms of a field lie that have a type.
func ofType(field string, typ itsm.ValueType) span {
	return span{append(prefix(field), byte(typ)), append(prefix(field), byte(typ)+1)}
}

// meet returns what two spans have in common; it may be empty.
func (s span) meet(o span) span {
	if bytes.Compare(o.from, s.from) > 0 {
		s.from = o.from
	}
	if bytes.Compare(o.to, s.to) < 0 {
		s.to = o.to
	}
	return s
}

// termsOf returns the terms of a put, and in full those that were shortened. The kind must have all its fields.
func termsOf(k *kind, p *store.Put) (terms, long []term) {
	terms = make([]term, 0, len(k.fields)+1)
	seen := make([]bool, len(k.fields))
	for i := range p.Index {
		e := &p.Index[i]
		if e.Value.IsZero() {
			continue
		}
		seen[k.byField[e.Field]] = true
		full := termOf(e.Field, e.Value)
		t, shortened := short(full)
		if slices.ContainsFunc(terms, func(o term) bool { return bytes.Equal(o, t) }) {
			continue
		}
		terms = append(terms, t)
		if shortened {
			long = append(long, full)
		}
	}
	for i, f := range k.fields {
		if !seen[i] {
			terms = append(terms, noValue(f.name))
		}
	}
	return append(terms, shape(len(k.fields))), long
}
