package calendar

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A dateRule finds one day in every year: the third Monday in January, the Monday before 25 May, the day after Easter Sunday.
type dateRule struct {
	anchor  anchor
	ordinal int // 1 to 5, -1 for the last
	weekday time.Weekday
	month   time.Month
	day     int
	offset  int // days added at the end
}

type anchor int

const (
	nthWeekday anchor = iota // the ordinal weekday of a month
	before                   // the weekday before a day of the year
	onOrBefore
	after
	onOrAfter
	easter         // Western Easter Sunday
	orthodoxEaster // Eastern Easter Sunday, as a Gregorian date
)

const ruleForms = `want "third monday in january", "last monday in may", "monday before 05-25" (or after, on or before, on or after), "easter" or "orthodox easter", each perhaps with "+1" or "-2" days`

var ordinals = map[string]int{"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": -1}

// parseRule reads the rule of a recurring holiday.
func parseRule(s string) (dateRule, error) {
	fail := fmt.Errorf("%q is not a rule, %s", s, ruleForms)
	var r dateRule
	body := strings.ToLower(s)
	// An offset stands at the end, with or without a space before its sign; the dash of MM-DD has a digit before it.
	if i := strings.LastIndexAny(body, "+-"); i > 0 && (body[i-1] < '0' || body[i-1] > '9') {
		n, err := strconv.Atoi(body[i:])
		if err != nil || n < -366 || n > 366 {
			return r, fail
		}
		r.offset, body = n, body[:i]
	} else if i > 0 && body[i] == '+' {
		n, err := strconv.Atoi(body[i:])
		if err != nil || n > 366 {
			return r, fail
		}
		r.offset, body = n, body[:i]
	}
	w := strings.Fields(body)
	switch {
	case slices.Equal(w, []string{"easter"}):
		r.anchor = easter
		return r, nil
	case slices.Equal(w, []string{"orthodox", "easter"}):
		r.anchor = orthodoxEaster
		return r, nil
	case len(w) == 4 && (w[2] == "in" || w[2] == "of"):
		var ok1, ok2, ok3 bool
		r.ordinal, ok1 = ordinals[w[0]]
		r.weekday, ok2 = weekdayNamed(w[1])
		r.month, ok3 = monthNamed(w[3])
		if ok1 && ok2 && ok3 {
			return r, nil
		}
	case len(w) >= 3:
		var ok bool
		r.weekday, ok = weekdayNamed(w[0])
		date, err := parseMonthDay(w[len(w)-1])
		if !ok || err != nil {
			return r, fail
		}
		r.month, r.day = date.Month, date.Day
		switch strings.Join(w[1:len(w)-1], " ") {
		case "before":
			r.anchor = before
		case "after":
			r.anchor = after
		case "on or before":
			r.anchor = onOrBefore
		case "on or after":
			r.anchor = onOrAfter
		default:
			return r, fail
		}
		return r, nil
	}
	return r, fail
}

func weekdayNamed(s string) (time.Weekday, bool) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if name := strings.ToLower(d.String()); s == name || s == name[:3] {
			return d, true
		}
	}
	return 0, false
}

func monthNamed(s string) (time.Month, bool) {
	for m := time.January; m <= time.December; m++ {
		if name := strings.ToLower(m.String()); s == name || s == name[:3] {
			return m, true
		}
	}
	return 0, false
}

// in returns the day of the rule in a year; a month without a fifth Monday has none.
func (r dateRule) in(year int) (day int, ok bool) {
	switch r.anchor {
	case easter:
		return easterSunday(year) + r.offset, true
	case orthodoxEaster:
		return orthodoxEasterSunday(year) + r.offset, true
	case nthWeekday:
		if r.ordinal < 0 {
			last := Date{year, r.month, daysIn(year, r.month)}.number()
			return lastOnOrBefore(last, r.weekday) + r.offset, true
		}
		first := Date{year, r.month, 1}.number()
		day := lastOnOrBefore(first+6, r.weekday) + 7*(r.ordinal-1)
		return day + r.offset, day < first+daysIn(year, r.month)
	}
	fixed := Date{year, r.month, min(r.day, daysIn(year, r.month))}.number()
	switch r.anchor {
	case before:
		fixed--
	case after:
		fixed += 7
	case onOrAfter:
		fixed += 6
	}
	return lastOnOrBefore(fixed, r.weekday) + r.offset, true
}

func lastOnOrBefore(day int, d time.Weekday) int {
	return day - (int(weekdayOf(day))-int(d)+7)%7
}

// easterSunday is the anonymous Gregorian computus (Meeus, Jones, Butcher).
func easterSunday(year int) int {
	a, b, c := year%19, year/100, year%100
	d, e := b/4, b%4
	g := (8*b + 13) / 25
	h := (19*a + b - d - g + 15) % 30
	i, k := c/4, c%4
	l := (32 + 2*e + 2*i - h - k) % 7
	m := (a + 11*h + 22*l) / 451
	n := h + l - 7*m + 114
	return Date{year, time.Month(n / 31), n%31 + 1}.number()
}

// orthodoxEasterSunday is the Julian computus (Meeus), moved by the difference between the two calendars.
func orthodoxEasterSunday(year int) int {
	d := (19*(year%19) + 15) % 30
	e := (2*(year%4) + 4*(year%7) - d + 34) % 7
	n := d + e + 114
	julian := Date{year, time.Month(n / 31), n%31 + 1}.number()
	return julian + year/100 - year/400 - 2
}
