package itsm_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
)

// FuzzValue reads anything as a value. What is read is written and read again as the same.
func FuzzValue(f *testing.F) {
	for _, s := range []string{`null`, `"text"`, `"\u0000\ud800"`, `true`, `-0`, `1e308`, `1e400`, `NaN`, `{"time":"2026-02-14T08:00:00.123456789+08:00"}`, `{"time":"9999-12-31T23:59:59-14:00"}`,
		`{"time":"0000-01-01T00:00:00+14:00"}`, `{"time":null}`, `{"time":1}`, `{}`, `[1]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var v itsm.Value
		if !json.Valid(data) {
			require.Error(t, json.Unmarshal(data, &v))
			_ = v.UnmarshalJSON(data) // as it must not be called, but may be
			return
		}
		if err := json.Unmarshal(data, &v); err != nil {
			require.ErrorIs(t, err, itsm.ErrInvalid)
			require.True(t, v.IsZero())
			return
		}
		text, err := json.Marshal(v)
		require.NoError(t, err)
		var again itsm.Value
		require.NoError(t, json.Unmarshal(text, &again), "%s", text)
		require.Equal(t, v, again)
		require.Zero(t, v.Compare(again))
		require.True(t, (&itsm.Query{Where: []itsm.Condition{itsm.Where("f", v)}}).Matches([]itsm.IndexEntry{{Field: "f", Value: again}}) || v.IsZero())
	})
}

// FuzzText reads anything as each of the kernel's types that have a text.
func FuzzText(f *testing.F) {
	for _, s := range []string{"incident/INC-1", "a/b/c", "/", "1h30m", "-2562047h47m16.854775808s", "sensitive", "", "text", "\u202e/x", "INC-1/\x00", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if r, err := itsm.ParseRef(s); err == nil {
			require.Equal(t, s, r.String())
		} else {
			require.ErrorIs(t, err, itsm.ErrInvalid)
		}
		roundTrip[itsm.Duration](t, s)
		roundTrip[itsm.Confidentiality](t, s)
		roundTrip[itsm.Digest](t, s)
		roundTrip[itsm.ValueType](t, s)
	})
}

// roundTrip reads a text, and if that works writes and reads it again.
func roundTrip[T comparable, P interface {
	*T
	UnmarshalText([]byte) error
	MarshalText() ([]byte, error)
}](t *testing.T, s string) {
	t.Helper()
	var v, again T
	if err := P(&v).UnmarshalText([]byte(s)); err != nil {
		require.ErrorIs(t, err, itsm.ErrInvalid)
		require.Less(t, len(err.Error()), 1000)
		require.Zero(t, v)
		return
	}
	text, err := P(&v).MarshalText()
	require.NoError(t, err)
	require.NoError(t, P(&again).UnmarshalText(text))
	require.Equal(t, v, again)
}

// FuzzParseFields reads anything as declarations of fields.
func FuzzParseFields(f *testing.F) {
	for _, s := range []string{`[{"name":"ward","type":"text","choices":["icu"],"required":"open","search":true,"level":"sensitive"}]`, `[]`, `null`, `[{}] x`, `[{"name":"a","type":"none"}]`, `[{"name":"a","type":"bool","choices":["x"]},{"name":"a"}]]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fields, err := itsm.ParseFields(data)
		if err != nil {
			require.ErrorIs(t, err, itsm.ErrInvalid)
			require.Nil(t, fields)
			return
		}
		text, err := json.Marshal(fields)
		require.NoError(t, err)
		again, err := itsm.ParseFields(text)
		require.NoError(t, err)
		require.Equal(t, len(fields), len(again))
	})
}

// FuzzReasons reads anything as the reasons of a refusal, as they come from a journal.
func FuzzReasons(f *testing.F) {
	for _, s := range []string{`[{"code":"itsm.exists","args":[{"name":"kind","value":"x"},{"name":"id","value":"{kind}{id}%!s"}]}]`, `[{"code":""}]`, `[{"code":"itsm.future","args":[{"name":"at","value":"x","time":true}]}]`, `[{}]`, `[]`, `null`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var rs itsm.Reasons
		if json.Unmarshal(data, &rs) != nil {
			return
		}
		text, err := json.Marshal(rs)
		require.NoError(t, err)
		var again itsm.Reasons
		require.NoError(t, json.Unmarshal(text, &again))
		require.Equal(t, rs.Error(), again.Error())
		require.Equal(t, rs.In(itsm.Chinese), again.In(itsm.Chinese))
	})
}
