package calendar_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/calendar"
)

// FuzzText reads anything as each of the types that have a text. What is read is written and read again as the same.
func FuzzText(f *testing.F) {
	for _, s := range []string{"2026-02-14", "02-29", "0000-00-00", "24:00", "08:00-12:00", "22:00-06:00", "2026-03-02T10:00", "2026-03-02T24:00", "-1-01-01", "08:00-12:00-13:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		roundTrip[calendar.Date](t, s)
		roundTrip[calendar.Clock](t, s)
		roundTrip[calendar.LocalTime](t, s)
		roundTrip[calendar.Shift](t, s)
	})
}

func roundTrip[T comparable, P interface {
	*T
	UnmarshalText([]byte) error
	MarshalText() ([]byte, error)
}](t *testing.T, s string) {
	t.Helper()
	var v, again T
	if err := P(&v).UnmarshalText([]byte(s)); err != nil {
		require.Less(t, len(err.Error()), 1000)
		return
	}
	text, err := P(&v).MarshalText()
	require.NoError(t, err)
	require.NoError(t, P(&again).UnmarshalText(text), "%q was read and is written as %q", s, text)
	require.Equal(t, v, again)
}
