package postgres

import (
	"bytes"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
)

func drawValue(t *rapid.T) itsm.Value {
	switch rapid.IntRange(0, 4).Draw(t, "type") {
	case 0:
		return itsm.TextOf(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "\x00", "\x00\x01", "a", "a\x00", "\xff"})).Draw(t, "text"))
	case 1:
		return itsm.NumberOf(rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1, -1, math.Inf(1), math.Inf(-1), math.MaxFloat64, 5e-324, -5e-324})).Draw(t, "number"))
	case 2:
		return itsm.TimeOf(time.UnixMicro(rapid.Int64().Draw(t, "micros")))
	case 3:
		return itsm.BoolOf(rapid.Bool().Draw(t, "bool"))
	}
	return itsm.Value{}
}

func TestTerms(t *testing.T) {
	t.Parallel()

	t.Run("terms of a field sort by their bytes as the values do, and give them back", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			v, w := drawValue(t), drawValue(t)
			a, b := keyOf("field", v), keyOf("field", w)
			require.Equal(t, v.Compare(w), bytes.Compare(a, b), "%v %v", v, w)
			require.Equal(t, v, valueOf(a, nil))
			in := func(s span) bool { return bytes.Compare(a, s.from) >= 0 && bytes.Compare(a, s.to) < 0 }
			require.Equal(t, !v.IsZero(), in(valuesOf("field")))
			require.Equal(t, v.Type() == w.Type(), in(ofType("field", w.Type())))
			require.False(t, in(valuesOf("fiel")))
			require.False(t, in(valuesOf("field_2")))
			require.False(t, in(valuesOf("fields")))
		})
	})

	t.Run("stamps rise, and above all that was seen", func(t *testing.T) {
		t.Parallel()
		var c clock
		first := c.next()
		require.Greater(t, c.next(), first)
		c.see(first + int64(time.Hour/time.Microsecond))
		require.Equal(t, first+int64(time.Hour/time.Microsecond)+1, c.next())
		c.see(1)
		require.Greater(t, c.next(), first+int64(time.Hour/time.Microsecond)+1)
	})
}

func FuzzPosition(f *testing.F) {
	for _, p := range []string{"", "0000000000000001", "9223372036854775807", "-1", "1", "0x1", "99999999999999999999"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		place, err := placeOf(itsm.Position(p))
		if err != nil {
			require.ErrorIs(t, err, itsm.ErrInvalid)
			return
		}
		require.GreaterOrEqual(t, place, int64(0))
		if p != "" {
			require.Equal(t, itsm.Position(p), position(place), "what is read is what was written")
		}
	})
}

func FuzzTerm(f *testing.F) {
	for _, t := range []string{"", "field", "field\x00", "field\x00\x04text", "field\x00\x02\x80\x00\x00\x00\x00\x00\x00\x00", "\x00\x00\x07"} {
		f.Add([]byte(t))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v := valueOf(data, nil)
		if v.IsZero() {
			return
		}
		field, _, _ := bytes.Cut(data, []byte{0})
		again := valueOf(keyOf(string(field), v), []term{termOf(string(field), v)})
		require.Equal(t, v, again)
	})
}
