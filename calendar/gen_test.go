package calendar_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm/calendar"
)

func parse(t testing.TB, text string) *calendar.Calendar {
	t.Helper()
	c, err := calendar.Parse([]byte(text))
	require.NoError(t, err)
	return c
}

func build(t require.TestingT, d calendar.Data) *calendar.Calendar {
	c, err := calendar.New(d)
	require.NoError(t, err)
	return c
}

// local reads a wall-clock time that is neither skipped nor repeated.
func local(t testing.TB, c *calendar.Calendar, s string) time.Time {
	t.Helper()
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05"} {
		if at, err := time.ParseInLocation(layout, s, c.Zone()); err == nil {
			return at
		}
	}
	require.Fail(t, "not a time", s)
	return time.Time{}
}

func utc(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	require.NoError(t, err)
	return at
}

func date(s string) calendar.Date { return calendar.MustDate(s) }

// office is the timetable of the golden cases: 7.5 hours a day.
func office() []calendar.Shift { return calendar.MustHours("08:00-12:00", "14:00-17:30") }

// places are dates near which wall clocks jump, or where nothing happens at all.
var places = []struct{ zone, date string }{
	{"Europe/Berlin", "2025-03-30"}, {"Europe/Berlin", "2025-10-26"},
	{"America/New_York", "2025-03-09"}, {"America/New_York", "2025-11-02"},
	{"Europe/London", "2025-10-26"},
	{"America/Sao_Paulo", "2018-11-04"}, {"America/Sao_Paulo", "2019-02-17"},
	{"America/Santiago", "2025-09-07"}, {"America/Santiago", "2025-04-06"},
	{"Asia/Tehran", "2022-03-22"}, {"Asia/Tehran", "2022-09-22"},
	{"Australia/Lord_Howe", "2025-04-06"}, {"Australia/Lord_Howe", "2025-10-05"},
	{"Asia/Shanghai", "1986-05-04"}, {"Asia/Shanghai", "1991-09-15"}, {"Asia/Shanghai", "2026-02-17"},
	{"Africa/Cairo", "2024-04-26"}, {"Africa/Cairo", "2024-11-01"}, {"Asia/Beirut", "2024-03-31"}, {"Asia/Beirut", "2024-10-27"},
	{"Pacific/Apia", "2011-12-30"}, {"Pacific/Kwajalein", "1993-08-21"}, {"Pacific/Kwajalein", "1969-09-30"},
	{"UTC", "2024-02-29"}, {"Asia/Kathmandu", "2025-12-31"},
}

// genPlace draws a zone and a date in it.
func genPlace(t *rapid.T) (string, calendar.Date) {
	p := rapid.SampledFrom(places).Draw(t, "place")
	return p.zone, date(p.date).AddDays(rapid.IntRange(-3, 3).Draw(t, "days off"))
}

// genHours draws the shifts of one day, ending at the latest at end.
func genHours(t *rapid.T, end int) []calendar.Shift {
	steps := end / 30
	cuts := rapid.SliceOfNDistinct(rapid.IntRange(0, steps), 0, 6, rapid.ID).Draw(t, "cuts")
	slices.Sort(cuts)
	var out []calendar.Shift
	for i := 0; i+1 < len(cuts); i += 1 + rapid.IntRange(0, 1).Draw(t, "gap") {
		s := calendar.Shift{From: calendar.Clock(30 * cuts[i]), To: calendar.Clock(30 * cuts[i+1])}
		if s.From < 24*60 && s.To-s.From < 24*60 && (len(out) == 0 || out[len(out)-1].To <= s.From) {
			out = append(out, s)
		}
	}
	return out
}

// genWeek draws a weekly pattern with night shifts that do not run into each other.
func genWeek(t *rapid.T) calendar.Week {
	var w calendar.Week
	days := []*[]calendar.Shift{&w.Mon, &w.Tue, &w.Wed, &w.Thu, &w.Fri, &w.Sat, &w.Sun}
	for _, d := range days {
		if rapid.IntRange(0, 3).Draw(t, "open") > 0 {
			*d = genHours(t, 24*60)
		}
	}
	for i, d := range days {
		next := *days[(i+1)%7]
		if n := len(*d); n > 0 && rapid.Bool().Draw(t, "night") {
			room := calendar.Clock(6 * 60)
			if len(next) > 0 {
				room = min(room, next[0].From)
			}
			(*d)[n-1].To = max((*d)[n-1].To, min(24*60+room, (*d)[n-1].From+24*60-30))
		}
	}
	return w
}

var weekdayNames = []calendar.Weekday{calendar.Mon, calendar.Tue, calendar.Wed, calendar.Thu, calendar.Fri, calendar.Sat, calendar.Sun}

// genData draws a calendar with exceptions of every layer within two weeks of the date.
func genData(t *rapid.T, zone string, near calendar.Date) calendar.Data {
	someDate := func() calendar.Date { return near.AddDays(rapid.IntRange(-10, 10).Draw(t, "date")) }
	someTime := func() calendar.LocalTime {
		return calendar.LocalTime{Date: someDate(), Clock: calendar.Clock(30 * rapid.IntRange(0, 48).Draw(t, "half hour"))}
	}
	stretches := func() (out []calendar.Stretch) {
		for range rapid.IntRange(0, 3).Draw(t, "stretches") {
			a, b := someTime(), someTime()
			if calendarMinute(a) > calendarMinute(b) {
				a, b = b, a
			}
			if calendarMinute(a) < calendarMinute(b) {
				out = append(out, calendar.Stretch{From: a, To: b})
			}
		}
		return out
	}
	layer := func(name string) calendar.Layer {
		l := calendar.Layer{Name: name, Days: map[calendar.Date]calendar.Day{}}
		for range rapid.IntRange(0, 3).Draw(t, "holidays") {
			h := calendar.Holiday{From: someDate()}
			if rapid.Bool().Draw(t, "range") {
				h.To = h.From.AddDays(rapid.IntRange(0, 4).Draw(t, "more days"))
			}
			if rapid.Bool().Draw(t, "every year") {
				h.From.Year = 0
				if !h.To.IsZero() {
					h.To.Year = 0
				}
			}
			switch rapid.IntRange(0, 3).Draw(t, "form") {
			case 0:
				h.Hours = genHours(t, 30*60)
			case 1:
				h.Off = genHours(t, 24*60)
			}
			l.Holidays = append(l.Holidays, h)
		}
		for range rapid.IntRange(0, 3).Draw(t, "days") {
			if rapid.Bool().Draw(t, "like") {
				l.Days[someDate()] = calendar.Day{Like: rapid.SampledFrom(weekdayNames).Draw(t, "weekday")}
			} else {
				l.Days[someDate()] = calendar.Day{Hours: genHours(t, 36*60)}
			}
		}
		l.Closed, l.Open = stretches(), stretches()
		return l
	}
	own := layer("")
	d := calendar.Data{Zone: zone, Week: genWeek(t), Holidays: own.Holidays, Days: own.Days, Closed: own.Closed, Open: own.Open}
	if rapid.Bool().Draw(t, "layered") {
		d.Layers = []calendar.Layer{layer("hospital")}
	}
	if rapid.Bool().Draw(t, "season") {
		d.Seasons = []calendar.Season{{From: near.AddDays(-5), To: near.AddDays(2), Week: genWeek(t)}}
	}
	return d
}

func calendarMinute(l calendar.LocalTime) int {
	return calendar.Date{Year: 1970, Month: 1, Day: 1}.DaysUntil(l.Date)*24*60 + int(l.Clock)
}

// genInstant draws an instant within some days of a date, to the nanosecond.
func genInstant(t *rapid.T, near calendar.Date, days int) time.Time {
	noon := time.Date(near.Year, near.Month, near.Day, 12, 0, 0, 0, time.UTC)
	seconds := rapid.IntRange(-days*86400, days*86400).Draw(t, "seconds")
	nanos := rapid.SampledFrom([]int{0, 0, 1, 500_000_000, 999_999_999}).Draw(t, "nanos")
	return noon.Add(time.Duration(seconds)*time.Second + time.Duration(nanos))
}
