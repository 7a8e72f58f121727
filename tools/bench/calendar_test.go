package main

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hospital-itsm/itsm/calendar"
	"github.com/rickar/cal/v2"
	"github.com/rickar/cal/v2/us"
)

// peer is the same calendar in rickar/cal: one shift on workdays, the federal holidays of the United States, in UTC.
func peer() *cal.BusinessCalendar {
	c := cal.NewBusinessCalendar()
	c.AddHoliday(us.Holidays...)
	c.SetWorkHours(9*time.Hour, 17*time.Hour)
	return c
}

func ours(tb testing.TB) *calendar.Calendar {
	tb.Helper()
	c, err := calendar.Parse([]byte(`{"zone": "UTC",
		"week": {"mon": ["09:00-17:00"], "tue": ["09:00-17:00"], "wed": ["09:00-17:00"], "thu": ["09:00-17:00"], "fri": ["09:00-17:00"]},
		"holidays": ["2024-01-01", "2024-01-15", "2024-02-19", "2024-05-27", "2024-06-19", "2024-07-04", "2024-09-02", "2024-10-14", "2024-11-11", "2024-11-28", "2024-12-25"]}`))
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func TestPeersAgree(t *testing.T) {
	theirs, mine := peer(), ours(t)
	from := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 300 {
		a, b := from.AddDate(0, 0, i), from.AddDate(0, 0, i+40)
		if want, got := theirs.WorkHoursInRange(a, b), mine.Between(a, b); want != got {
			t.Fatalf("from %v to %v: rickar/cal %v, calendar %v", a, b, want, got)
		}
	}
}

// BenchmarkYear measures the working time of a year and its inverse, from random instants.
func BenchmarkYear(b *testing.B) {
	theirs, mine := peer(), ours(b)
	r := rand.New(rand.NewPCG(1, 2))
	starts := make([]time.Time, 1024)
	for i := range starts {
		starts[i] = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.Int64N(int64(24 * time.Hour))))
	}
	span, work := 365*24*time.Hour-24*time.Hour, 1900*time.Hour
	i := 0
	next := func() time.Time { i++; return starts[i%len(starts)] }
	b.Run("between/calendar", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			t := next()
			mine.Between(t, t.Add(span))
		}
	})
	b.Run("between/rickar", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			t := next()
			theirs.WorkHoursInRange(t, t.Add(span))
		}
	})
	b.Run("add/calendar", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := mine.Add(next(), work); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("add/rickar", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			theirs.AddWorkHours(next(), work)
		}
	})
}
