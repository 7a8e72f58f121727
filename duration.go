package itsm

import (
	"fmt"
	"time"
)

// A Duration is a stretch of elapsed time that is written as text in data: "30m", "1h30m".
type Duration time.Duration

// The units in which policies are written.
const (
	Minute = Duration(time.Minute)
	Hour   = Duration(time.Hour)
)

// Std returns d as the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String returns d as [time.Duration.String] does.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes d as [time.ParseDuration] reads it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads d as [time.ParseDuration] does.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%w: duration %.60q: want a text such as 30m or 1h30m", ErrInvalid, text)
	}
	*d = Duration(v)
	return nil
}
