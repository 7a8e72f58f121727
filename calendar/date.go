package calendar

import (
	"fmt"
	"strconv"
	"time"
)

// A Date is a civil date without a zone. In a [Holiday] the year 0 means every year. Dates are comparable with ==.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// DateOf returns the civil date of an instant in a zone; a nil zone is UTC.
func DateOf(t time.Time, zone *time.Location) Date {
	if zone == nil {
		zone = time.UTC
	}
	y, m, d := t.In(zone).Date()
	return Date{y, m, d}
}

// ParseDate reads "2026-02-14".
func ParseDate(s string) (Date, error) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return Date{}, fmt.Errorf("%.60q is not a date, want YYYY-MM-DD", s)
	}
	y, ok1 := digits(s[:4])
	m, ok2 := digits(s[5:7])
	d, ok3 := digits(s[8:])
	if !ok1 || !ok2 || !ok3 {
		return Date{}, fmt.Errorf("%.60q is not a date, want YYYY-MM-DD", s)
	}
	date := Date{y, time.Month(m), d}
	if y < 1 || !date.valid() {
		return Date{}, fmt.Errorf("%.60q is not a day of the calendar", s)
	}
	return date, nil
}

// MustDate is [ParseDate] for constants; it panics on a text that is no date.
func MustDate(s string) Date {
	d, err := ParseDate(s)
	if err != nil {
		panic("calendar: " + err.Error())
	}
	return d
}

// parseMonthDay reads "02-14" as a date of every year.
func parseMonthDay(s string) (Date, error) {
	if len(s) == 5 && s[2] == '-' {
		m, ok1 := digits(s[:2])
		d, ok2 := digits(s[3:])
		date := Date{0, time.Month(m), d}
		if ok1 && ok2 && date.valid() {
			return date, nil
		}
	}
	return Date{}, fmt.Errorf("%.60q is not a day of the year, want MM-DD", s)
}

func digits(s string) (int, bool) {
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, s != ""
}

// valid holds for the dates that exist; year 0, which stands for every year, has a 29 February.
func (d Date) valid() bool {
	return d.Year >= 0 && d.Year <= 9999 && d.Month >= 1 && d.Month <= 12 && d.Day >= 1 && d.Day <= daysIn(d.Year, d.Month)
}

func daysIn(year int, m time.Month) int {
	switch m {
	case time.February:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case time.April, time.June, time.September, time.November:
		return 30
	}
	return 31
}

// IsZero holds for the zero Date, which is no date.
func (d Date) IsZero() bool { return d == Date{} }

// String returns "2026-02-14", or "02-14" for a date of every year.
func (d Date) String() string {
	if d.Year == 0 {
		return fmt.Sprintf("%02d-%02d", int(d.Month), d.Day)
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day)
}

// MarshalText writes [Date.String]; the zero Date is empty.
func (d Date) MarshalText() ([]byte, error) {
	if d.IsZero() {
		return []byte{}, nil
	}
	return []byte(d.String()), nil
}

// UnmarshalText reads "2026-02-14", "02-14" for every year, or nothing for the zero Date.
func (d *Date) UnmarshalText(text []byte) error {
	var err error
	switch s := string(text); len(s) {
	case 0:
		*d = Date{}
	case 5:
		*d, err = parseMonthDay(s)
	default:
		*d, err = ParseDate(s)
	}
	return err
}

// AddDays returns the date n days later.
func (d Date) AddDays(n int) Date { return dateOf(d.number() + n) }

// DaysUntil returns the number of days from d to e, negative when e is earlier.
func (d Date) DaysUntil(e Date) int { return e.number() - d.number() }

// AddMonths returns the date n months later; a day that the month does not have becomes its last day.
func (d Date) AddMonths(n int) Date {
	months := d.Year*12 + int(d.Month) - 1 + n
	year, month := floorDiv(months, 12), time.Month(months-12*floorDiv(months, 12)+1)
	return Date{year, month, min(d.Day, daysIn(year, month))}
}

// Weekday returns the day of the week.
func (d Date) Weekday() time.Weekday { return weekdayOf(d.number()) }

// Compare returns -1, 0 or +1 as d is before, equal to or after e.
func (d Date) Compare(e Date) int {
	switch {
	case d == e:
		return 0
	case d.Year < e.Year || d.Year == e.Year && (d.Month < e.Month || d.Month == e.Month && d.Day < e.Day):
		return -1
	}
	return 1
}

// Before reports whether d is before e.
func (d Date) Before(e Date) bool { return d.Compare(e) < 0 }

// After reports whether d is after e.
func (d Date) After(e Date) bool { return d.Compare(e) > 0 }

// number counts days from 1970-01-01 in the proleptic Gregorian calendar. The year is taken to begin in March, so that
// the leap day is its last.
func (d Date) number() int {
	y, m := d.Year, int(d.Month)
	if m <= 2 {
		y--
		m += 12
	}
	era := floorDiv(y, 400)
	yoe := y - era*400
	doy := (153*(m-3)+2)/5 + d.Day - 1
	return era*146097 + yoe*365 + yoe/4 - yoe/100 + doy - 719468
}

// dateOf is the inverse of number.
func dateOf(n int) Date {
	n += 719468
	era := floorDiv(n, 146097)
	doe := n - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	m := mp + 3
	y := yoe + era*400
	if m > 12 {
		m -= 12
		y++
	}
	return Date{y, time.Month(m), doy - (153*mp+2)/5 + 1}
}

// weekdayOf: day 0 was a Thursday.
func weekdayOf(n int) time.Weekday { return time.Weekday(((n+4)%7 + 7) % 7) }

func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// A Clock is a wall-clock time in minutes since midnight, 0 to 2880: what lies past 24:00 is the next day's.
type Clock int

const dayMinutes Clock = 24 * 60

// ParseClock reads "08:30"; "24:00" is the end of the day.
func ParseClock(s string) (Clock, error) {
	if len(s) == 5 && s[2] == ':' {
		h, ok1 := digits(s[:2])
		m, ok2 := digits(s[3:])
		if ok1 && ok2 && m < 60 && (h < 24 || h == 24 && m == 0) {
			return Clock(h*60 + m), nil
		}
	}
	return 0, fmt.Errorf("%.60q is not a time of day, want HH:MM from 00:00 to 24:00", s)
}

// String returns "08:30". Times after 24:00 are written as those of the next day.
func (c Clock) String() string {
	if c > dayMinutes {
		c -= dayMinutes
	}
	b := make([]byte, 0, 5)
	for _, n := range [2]int{int(c) / 60, int(c) % 60} {
		if len(b) > 0 {
			b = append(b, ':')
		}
		if n < 10 {
			b = append(b, '0')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return string(b)
}

// MarshalText writes [Clock.String].
func (c Clock) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText is [ParseClock].
func (c *Clock) UnmarshalText(text []byte) error {
	var err error
	*c, err = ParseClock(string(text))
	return err
}

// A LocalTime is a wall-clock instant in the zone of its calendar.
type LocalTime struct {
	Date  Date
	Clock Clock
}

// ParseLocalTime reads "2026-03-02T10:00"; "2026-03-02T24:00" is the end of that day.
func ParseLocalTime(s string) (LocalTime, error) {
	if len(s) == 16 && s[10] == 'T' {
		d, err1 := ParseDate(s[:10])
		c, err2 := ParseClock(s[11:])
		if err1 == nil && err2 == nil {
			return LocalTime{d, c}, nil
		}
	}
	return LocalTime{}, fmt.Errorf("%.60q is not a local time, want YYYY-MM-DDTHH:MM without a zone", s)
}

// String returns "2026-03-02T10:00".
func (l LocalTime) String() string { return l.Date.String() + "T" + l.Clock.String() }

// MarshalText writes [LocalTime.String].
func (l LocalTime) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText is [ParseLocalTime].
func (l *LocalTime) UnmarshalText(text []byte) error {
	var err error
	*l, err = ParseLocalTime(string(text))
	return err
}

// wall counts seconds from 1970-01-01T00:00 on the wall clock.
func (l LocalTime) wall() int64 { return wallOf(l.Date.number(), l.Clock) }

func wallOf(day int, c Clock) int64 { return int64(day)*86400 + int64(c)*60 }
