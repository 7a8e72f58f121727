package cn_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/calendar"
	"github.com/hospital-itsm/itsm/calendar/cn"
	"github.com/hospital-itsm/itsm/internal/shareddata"
)

func date(s string) calendar.Date { return calendar.MustDate(s) }

func office(t *testing.T, from, to int) *calendar.Calendar {
	t.Helper()
	c, err := cn.Calendar(cn.Office(), from, to)
	require.NoError(t, err)
	return c
}

func TestAgainstDataset(t *testing.T) {
	t.Parallel()
	t.Run("every date of 2007 to 2026 is as in the public list", func(t *testing.T) {
		t.Parallel()
		var years []struct {
			Year int
			Days []struct {
				Date     calendar.Date
				IsOffDay bool
			}
		}
		require.NoError(t, json.NewDecoder(shareddata.Open(t, "holiday-cn-2007-2026.json.gz")).Decode(&years))
		listed := map[calendar.Date]bool{}
		for _, y := range years {
			for _, d := range y.Days {
				listed[d.Date] = d.IsOffDay
			}
		}
		require.Len(t, listed, 678)
		c := office(t, 2007, 2026)
		for d := date("2006-12-25"); d.Year < 2027; d = d.AddDays(1) {
			off, isListed := listed[d]
			workday := d.Weekday() != time.Saturday && d.Weekday() != time.Sunday
			if isListed {
				workday = !off
			}
			info := c.Day(d)
			require.Equal(t, workday, c.IsWorkday(d), "%s", d)
			rests := info.Kind == calendar.Statutory || info.Kind == calendar.MovedRest
			require.Equal(t, isListed && off, rests, "%s", d)
			require.Equal(t, isListed && !off, info.Kind == calendar.MakeUpWork, "%s", d)
		}
	})

	t.Run("the festivals are on the dates of an independent table", func(t *testing.T) {
		t.Parallel()
		names := map[string]string{"Chinese New Year (Spring Festival)": "", "Tomb-Sweeping Day": "", "Dragon Boat Festival": "", "Mid-Autumn Festival": "",
			"New Year's Day": "", "Labor Day": "", "National Day": "", "Chinese New Year's Eve": "", "70th Anniversary of the Victory of the Chinese People’s War of Resistance against Japanese Aggression and the World Anti-Fascist War": ""}
		table := map[calendar.Date]bool{}
		lines := bufio.NewScanner(shareddata.Open(t, "world-holidays-2010-2035.tsv.gz"))
		for lines.Scan() {
			f := strings.Split(lines.Text(), "\t")
			if f[0] != "CN" {
				continue
			}
			for name := range strings.SplitSeq(f[2], "; ") {
				if _, ok := names[name]; ok {
					table[date(f[1])] = true
				}
			}
		}
		c := office(t, 2010, 2026)
		for d := date("2010-01-01"); d.Year < 2027; d = d.AddDays(1) {
			if d == date("2015-09-03") { // named in the table by a name of its own
				continue
			}
			assert.Equal(t, table[d], c.Day(d).Kind == calendar.Statutory, "%s", d)
		}
	})
}

func TestKinds(t *testing.T) {
	t.Parallel()
	t.Run("S-115 statutory days, moved rest, make-up work and ordinary days are kept apart", func(t *testing.T) {
		t.Parallel()
		c := office(t, 2007, 2026)
		statutory := func(year int) (n int) {
			for d := date(fmt.Sprintf("%d-01-01", year)); d.Year == year; d = d.AddDays(1) {
				if c.Day(d).Kind == calendar.Statutory {
					n++
				}
			}
			return n
		}
		for year, want := range map[int]int{2007: 10, 2008: 11, 2013: 11, 2014: 11, 2015: 12, 2024: 11, 2025: 13, 2026: 13} {
			assert.Equal(t, want, statutory(year), "%d", year)
		}
		for d, want := range map[string]calendar.Kind{
			"2026-02-14": calendar.MakeUpWork,
			"2026-02-15": calendar.MovedRest,
			"2026-02-16": calendar.Statutory, // New Year's Eve
			"2026-02-19": calendar.Statutory,
			"2026-02-20": calendar.MovedRest,
			"2026-02-24": calendar.Ordinary,
			"2026-05-02": calendar.Statutory,
			"2024-05-02": calendar.MovedRest,
			"2024-02-09": calendar.Ordinary, // New Year's Eve was a working day
		} {
			assert.Equal(t, want, c.Day(date(d)).Kind, d)
		}
	})

	t.Run("S-119 half holidays of groups do not change hours", func(t *testing.T) {
		t.Parallel()
		c := office(t, 2007, 2026)
		for _, d := range []string{"2023-03-08", "2026-05-04", "2023-05-04"} {
			want := 7*time.Hour + 30*time.Minute
			if d == "2026-05-04" { // lies within the Labour Day rest of that year
				want = 0
			}
			assert.Equal(t, want, c.Day(date(d)).Working, d)
		}
	})

	t.Run("S-120 a make-up day follows a weekday", func(t *testing.T) {
		t.Parallel()
		week := calendar.Week{Fri: calendar.MustHours("09:00-10:00"), Mon: calendar.MustHours("11:00-12:00"), Sat: calendar.MustHours("00:00-24:00")}
		c, err := cn.Calendar(week, 2026, 2026)
		require.NoError(t, err)
		assert.Equal(t, 9, c.Day(date("2026-02-14")).Spans[0].From.Hour(), "a Saturday follows Friday")
		assert.Equal(t, 11, c.Day(date("2026-01-04")).Spans[0].From.Hour(), "a Sunday follows Monday")
	})
}

func TestWorkingDays(t *testing.T) {
	t.Parallel()
	t.Run("S-115 working days per month of 2024 to 2026", func(t *testing.T) {
		t.Parallel()
		for year, months := range map[int][]int{
			2024: {22, 18, 21, 22, 21, 19, 23, 22, 21, 19, 21, 22},
			2025: {19, 19, 21, 22, 19, 20, 23, 21, 23, 18, 20, 23},
			2026: {21, 16, 22, 21, 19, 21, 23, 21, 22, 18, 21, 23},
		} {
			c := office(t, year, year)
			got := make([]int, 12)
			for d := date(fmt.Sprintf("%d-01-01", year)); d.Year == year; d = d.AddDays(1) {
				if c.IsWorkday(d) {
					got[d.Month-1]++
				}
			}
			assert.Equal(t, months, got, "%d", year)
		}
	})

	t.Run("R-287 golden cases of the office timetable", func(t *testing.T) {
		t.Parallel()
		c := office(t, 2026, 2026)
		at := func(s string) time.Time {
			u, err := time.ParseInLocation("2006-01-02 15:04", s, c.Zone())
			require.NoError(t, err)
			return u
		}
		for _, g := range []struct {
			start string
			work  time.Duration
			due   string
		}{
			{"2026-02-13 11:45", 30 * time.Minute, "2026-02-13 14:15"},
			{"2026-02-13 16:30", 8 * time.Hour, "2026-02-14 17:00"},
			{"2026-02-14 16:30", 8 * time.Hour, "2026-02-24 17:00"},
			{"2026-02-22 09:00", 4 * time.Hour, "2026-02-24 12:00"},
			{"2026-02-27 15:00", 8 * time.Hour, "2026-02-28 15:30"},
		} {
			due, err := c.AddStrict(at(g.start), g.work)
			require.NoError(t, err)
			assert.Equal(t, at(g.due), due, g.start)
			assert.Equal(t, g.work, c.Between(at(g.start), due))
		}
	})
}

func TestEditions(t *testing.T) {
	t.Parallel()
	t.Run("S-117 a later edition is another version and lists the days that moved", func(t *testing.T) {
		t.Parallel()
		asOf := func(day string) *calendar.Calendar {
			r, err := cn.LayerAsOf(date(day), 2020, 2020)
			require.NoError(t, err)
			d := calendar.Data{Week: cn.Office()}
			r.AddTo(&d)
			c, err := calendar.New(d)
			require.NoError(t, err)
			return c
		}
		before, after := asOf("2020-01-26"), asOf("2020-01-27")
		assert.Equal(t, "cn 2020", before.Data().Edition)
		assert.Equal(t, "cn 2020-2", after.Data().Edition)
		assert.NotEqual(t, before.Version(), after.Version())
		var moved []string
		for _, change := range calendar.Diff(before, after, date("2020-01-01"), date("2020-12-31")) {
			moved = append(moved, change.Date.String())
		}
		assert.Equal(t, []string{"2020-01-31", "2020-02-01"}, moved)
	})

	t.Run("F-SLA-17 a notice published late moves due times only in the new version", func(t *testing.T) {
		t.Parallel()
		rules, err := cn.LayerAsOf(date("2019-03-21"), 2019, 2019)
		require.NoError(t, err)
		d := calendar.Data{Week: cn.Office()}
		rules.AddTo(&d)
		old, err := calendar.New(d)
		require.NoError(t, err)
		start := time.Date(2019, 4, 30, 16, 30, 0, 0, old.Zone())
		was, err := old.Due(start, 8*time.Hour)
		require.NoError(t, err)
		is, err := office(t, 2019, 2019).Due(start, 8*time.Hour)
		require.NoError(t, err)
		assert.Equal(t, "2019-05-02 17:00", was.At.Format("2006-01-02 15:04"))
		assert.Equal(t, "2019-05-05 17:00", is.At.Format("2006-01-02 15:04"))
		assert.NotEqual(t, was.Version, is.Version)
	})

	t.Run("three years have two notices", func(t *testing.T) {
		t.Parallel()
		var second []int
		for _, n := range cn.Notices() {
			if n.Edition == 2 {
				second = append(second, n.Year)
			}
		}
		assert.Equal(t, []int{2015, 2019, 2020}, second)
	})

	t.Run("S-116 the coming year is unpublished", func(t *testing.T) {
		t.Parallel()
		c := office(t, 2007, 2026)
		start := time.Date(2026, 12, 31, 16, 0, 0, 0, c.Zone())
		due, err := c.Due(start, 8*time.Hour)
		require.NoError(t, err)
		assert.Equal(t, []int{2027}, due.Unpublished)
		_, err = c.AddStrict(start, 8*time.Hour)
		require.ErrorIs(t, err, calendar.ErrUnpublished)
		_, err = cn.Layer(2026, 2027)
		require.Error(t, err)
		_, err = cn.LayerAsOf(date("2020-01-01"), 2026, 2026)
		require.Error(t, err)
	})

	t.Run("December before a year belongs to its list", func(t *testing.T) {
		t.Parallel()
		c := office(t, 2018, 2018)
		assert.True(t, c.IsWorkday(date("2018-12-29")))
		assert.False(t, c.IsWorkday(date("2018-12-31")))
	})
}

func ExampleCalendar() {
	c, err := cn.Calendar(cn.Office(), 2024, 2026)
	if err != nil {
		panic(err)
	}
	start := time.Date(2026, 2, 14, 16, 30, 0, 0, c.Zone()) // a Saturday on which work is made up
	due, err := c.Due(start, 8*time.Hour)
	fmt.Println(due.At.Format("2006-01-02 15:04"), due.Edition, due.Unpublished, err)
	// Output: 2026-02-24 17:00 cn 2026 [] <nil>
}
