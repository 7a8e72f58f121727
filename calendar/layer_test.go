package calendar_test

import (
	"bufio"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/calendar"
	"github.com/hospital-itsm/itsm/internal/shareddata"
)

const weekdaysNine = `"week": {"mon": ["09:00-17:00"], "tue": ["09:00-17:00"], "wed": ["09:00-17:00"], "thu": ["09:00-17:00"], "fri": ["09:00-17:00"], "sat": ["09:00-12:00"]}`

func working(c *calendar.Calendar, day string) time.Duration { return c.Day(date(day)).Working }

func TestLayers(t *testing.T) {
	t.Parallel()

	t.Run("F-SLA-4 the last layer wins", func(t *testing.T) {
		t.Parallel()
		// Monday 2026-03-02: pattern 8 h, then holiday 0 h, then a day of its own 3 h, then an hour closed, half of it open again.
		steps := []struct {
			add  string
			want time.Duration
		}{
			{``, 8 * time.Hour},
			{`, "holidays": ["2026-03-02"]`, 0},
			{`, "days": {"2026-03-02": "sat"}`, 3 * time.Hour},
			{`, "closed": [{"from": "2026-03-02T10:00", "to": "2026-03-02T11:00"}]`, 2 * time.Hour},
			{`, "open": [{"from": "2026-03-02T10:30", "to": "2026-03-02T11:30"}]`, 2*time.Hour + 30*time.Minute},
			{`, "layers": [{"name": "hospital", "closed": [{"from": "2026-03-02T10:45", "to": "2026-03-02T11:15"}]}]`, 2 * time.Hour},
		}
		var text strings.Builder
		text.WriteString(`{"zone": "Asia/Shanghai", ` + weekdaysNine)
		for _, s := range steps {
			text.WriteString(s.add)
			assert.Equal(t, s.want, working(parse(t, text.String()+"}"), "2026-03-02"), "after %s", s.add)
		}
	})

	t.Run("F-SLA-4 overnight shifts belong to their start date", func(t *testing.T) {
		t.Parallel()
		c := parse(t, `{"zone": "Asia/Shanghai", "holidays": ["2026-03-03"],
			"week": {"mon": ["22:00-06:00"], "tue": ["22:00-06:00"], "wed": ["22:00-06:00"]}}`)
		assert.True(t, c.Open(local(t, c, "2026-03-03 05:00")), "Monday's night goes on into the holiday")
		assert.False(t, c.Open(local(t, c, "2026-03-03 23:00")))
		assert.False(t, c.Open(local(t, c, "2026-03-04 05:00")), "the holiday's night is off as a whole")
		assert.False(t, c.IsWorkday(date("2026-03-03")))
		assert.True(t, c.IsWorkday(date("2026-03-04")))
	})

	t.Run("F-SLA-4 holidays in part: own hours, or some hours off", func(t *testing.T) {
		t.Parallel()
		c := parse(t, `{"zone": "Europe/Berlin", `+weekdaysNine+`, "holidays": [
			{"date": "12-24", "off": ["12:00-24:00"], "name": "Heiligabend"},
			{"from": "2026-12-28", "to": "2026-12-30", "hours": ["10:00-11:00", "13:00-14:00"]}]}`)
		assert.Equal(t, 3*time.Hour, working(c, "2026-12-24"))
		assert.Equal(t, 2*time.Hour, working(c, "2026-12-29"))
		assert.Equal(t, 8*time.Hour, working(c, "2026-12-31"))
		assert.Zero(t, working(c, "2028-12-24"), "a Sunday stays closed")
	})

	t.Run("F-SLA-4 recurring ranges run across New Year", func(t *testing.T) {
		t.Parallel()
		c := parse(t, `{"zone": "Europe/Berlin", `+weekdaysNine+`, "holidays": [{"from": "12-24", "to": "01-02"}]}`)
		for _, off := range []string{"2025-12-24", "2025-12-31", "2026-01-01", "2026-01-02", "2026-12-31", "2027-01-01"} {
			assert.False(t, c.IsWorkday(date(off)), off)
		}
		for _, on := range []string{"2025-12-23", "2026-01-03", "2026-07-01"} {
			assert.True(t, c.IsWorkday(date(on)), on)
		}
	})

	t.Run("F-SLA-4 recurring by rule, with first and last year and exceptions", func(t *testing.T) {
		t.Parallel()
		c := parse(t, `{"zone": "America/New_York", `+weekdaysNine+`, "holidays": [
			{"rule": "third monday in january", "name": "MLK"},
			{"rule": "last monday in may", "since": 2021, "until": 2030, "except": [2026]},
			{"rule": "easter+1"}, {"rule": "easter -2"}, {"rule": "orthodox easter +1"},
			{"rule": "first monday in november +1", "name": "Election Day"},
			{"rule": "monday before 05-25"}, {"rule": "wednesday before 11-23"}, {"rule": "friday on or after 06-20"},
			{"from": "02-29"}]}`)
		for day, open := range map[string]bool{
			"2026-01-19": false, "2026-01-12": true,
			"2020-05-25": true, "2021-05-31": false, "2026-05-25": true, "2031-05-26": true,
			"2026-04-06": false, "2026-04-03": false, "2026-04-13": false, "2025-04-21": false,
			"2026-11-03": false, "2026-05-18": false, "2026-11-18": false, "2026-06-26": false, "2025-06-20": false,
			"2024-02-29": false, "2023-03-01": true, "2023-02-28": true,
		} {
			assert.Equal(t, open, c.IsWorkday(date(day)), day)
		}
	})

	t.Run("F-SLA-4 observed substitution", func(t *testing.T) {
		t.Parallel()
		for mode, want := range map[string][]string{
			"nearest": {"2020-07-03", "2021-07-05"}, // 4 July 2020 is a Saturday, 2021 a Sunday
			"monday":  {"2020-07-06", "2021-07-05"},
			"sunday":  {"2021-07-05"},
			"next":    {"2020-07-06", "2021-07-05"},
		} {
			c := parse(t, `{"zone": "UTC", `+weekdaysNine+`, "holidays": [{"from": "07-04", "observed": "`+mode+`"}]}`)
			var got []string
			for _, year := range []string{"2020", "2021"} {
				for d := date(year + "-07-01"); d.Day < 10; d = d.AddDays(1) {
					if w := d.Weekday(); w != time.Saturday && w != time.Sunday && !c.IsWorkday(d) {
						got = append(got, d.String())
						assert.True(t, c.Day(d).Why.Observed)
					}
				}
			}
			assert.Equal(t, want, got, mode)
		}
		// Christmas on a Saturday and Boxing Day on a Sunday rest on Monday and Tuesday; New Year's Day 2022 on the Monday.
		c := parse(t, `{"zone": "Europe/London", `+weekdaysNine+`, "holidays": [
			{"from": "12-25", "observed": "next"}, {"from": "12-26", "observed": "next"}, {"from": "01-01", "observed": "next"}]}`)
		for d, open := range map[string]bool{"2021-12-27": false, "2021-12-28": false, "2021-12-29": true, "2022-01-03": false,
			"2022-12-26": false, "2022-12-27": false, "2022-12-28": true} {
			assert.Equal(t, open, c.IsWorkday(date(d)), d)
		}
		// New Year's Day on a Saturday rests in the year before.
		c = parse(t, `{"zone": "America/New_York", `+weekdaysNine+`, "holidays": [{"from": "01-01", "observed": "nearest"}]}`)
		assert.False(t, c.IsWorkday(date("2021-12-31")))
	})

	t.Run("F-SLA-4 a calendar that never opens has a horizon, not 24×7", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{
			`{"zone": "UTC"}`,
			`{"zone": "UTC", "week": {"mon": ["09:00-17:00"]}, "closed": [{"from": "2026-01-01T00:00", "to": "9999-12-31T24:00"}]}`,
			`{"zone": "UTC", "horizon": 3, "week": {"mon": ["09:00-17:00"]}, "holidays": [{"from": "2026-01-01", "to": "9999-12-31"}]}`,
		} {
			c := parse(t, text)
			start := utc(t, "2026-06-01T00:00:00Z")
			_, err := c.Add(start, time.Nanosecond)
			require.ErrorIs(t, err, calendar.ErrHorizon, text)
			var horizon *calendar.HorizonError
			require.ErrorAs(t, err, &horizon)
			assert.True(t, horizon.Until.After(start))
			_, err = c.NextOpen(start)
			require.ErrorIs(t, err, calendar.ErrHorizon)
			_, err = c.AddDays(start, 1, calendar.SameTime)
			require.ErrorIs(t, err, calendar.ErrHorizon)
			assert.Zero(t, c.Between(start, start.AddDate(50, 0, 0)))
			assert.False(t, c.Open(start))
		}
		c := parse(t, `{"zone": "UTC"}`)
		_, err := c.PrevOpen(utc(t, "2026-06-01T00:00:00Z"))
		require.ErrorIs(t, err, calendar.ErrHorizon)
		_, err = c.Add(utc(t, "2026-06-01T00:00:00Z"), -1)
		require.ErrorIs(t, err, calendar.ErrHorizon)
	})

	t.Run("the horizon does not depend on what was asked before", func(t *testing.T) {
		t.Parallel()
		text := `{"zone": "UTC", "horizon": 2, "open": [{"from": "2030-01-01T00:00", "to": "2030-01-01T01:00"}]}`
		fresh, used := parse(t, text), parse(t, text)
		used.Between(utc(t, "2000-01-01T00:00:00Z"), utc(t, "2050-01-01T00:00:00Z"))
		for _, c := range []*calendar.Calendar{fresh, used} {
			_, err := c.Add(utc(t, "2026-01-01T00:00:00Z"), time.Minute)
			require.ErrorIs(t, err, calendar.ErrHorizon)
			due, err := c.Add(utc(t, "2029-01-01T00:00:00Z"), time.Minute)
			require.NoError(t, err)
			assert.Equal(t, utc(t, "2030-01-01T00:01:00Z"), due)
		}
	})

	t.Run("S-118 local layers lie above the national one", func(t *testing.T) {
		t.Parallel()
		c := parse(t, `{"zone": "Asia/Shanghai", `+weekdaysNine+`,
			"seasons": [{"from": "05-01", "to": "09-30", "name": "夏令作息", "week": {"mon": ["08:00-12:00", "14:30-18:00"], "fri": ["08:00-12:00", "14:30-18:00"]}}],
			"holidays": [{"from": "2026-05-01", "to": "2026-05-05"}],
			"days": {"2026-05-09": "fri", "2026-04-18": "fri"},
			"layers": [
				{"name": "Guangxi", "holidays": [{"from": "2026-04-18", "to": "2026-04-20", "name": "三月三"}]},
				{"name": "hospital", "days": {"2026-04-20": ["08:00-12:00"], "2026-05-02": ["08:00-12:00"]}}]}`)
		assert.Zero(t, working(c, "2026-04-18"), "the regional holiday beats the national make-up day")
		assert.Equal(t, 4*time.Hour, working(c, "2026-04-20"), "the hospital beats the region")
		assert.Equal(t, 4*time.Hour, working(c, "2026-05-02"), "a clinic on a national holiday")
		assert.Zero(t, working(c, "2026-05-01"))
		assert.True(t, c.Open(local(t, c, "2026-05-09 17:59")), "the make-up Saturday follows Friday's summer hours")
		assert.False(t, c.Open(local(t, c, "2026-05-11 13:00")))
		assert.True(t, c.Open(local(t, c, "2026-10-02 13:00")))
		assert.Equal(t, "Guangxi", c.Day(date("2026-04-18")).Why.Layer)
	})
}

// rows returns the dates of a calendar in the world table whose name holds one of the given names.
func rows(t *testing.T, calendarName string, names ...string) map[calendar.Date]bool {
	t.Helper()
	out := map[calendar.Date]bool{}
	for lines := bufio.NewScanner(shareddata.Open(t, "world-holidays-2010-2035.tsv.gz")); lines.Scan(); {
		r := strings.Split(lines.Text(), "\t")
		if r[0] != calendarName {
			continue
		}
		for name := range strings.SplitSeq(r[2], "; ") {
			if slices.Contains(names, strings.TrimSuffix(name, " (observed)")) {
				out[date(r[1])] = true
			}
		}
	}
	return out
}

func TestAgainstWorldHolidays(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		holidays string
		names    []string
	}{
		{"US", `[{"from": "01-01", "observed": "nearest"}, {"rule": "third monday in january"}, {"rule": "third monday in february"},
			{"rule": "last monday in may"}, {"from": "06-19", "since": 2021, "observed": "nearest"}, {"from": "07-04", "observed": "nearest"}, {"rule": "first monday in september"},
			{"rule": "second monday in october"}, {"from": "11-11", "observed": "nearest"}, {"rule": "fourth thursday in november"}, {"from": "12-25", "observed": "nearest"}]`,
			[]string{"New Year's Day", "Martin Luther King Jr. Day", "Washington's Birthday", "Memorial Day", "Juneteenth National Independence Day",
				"Independence Day", "Labor Day", "Columbus Day", "Veterans Day", "Thanksgiving Day", "Christmas Day"}},
		{"DE", `["01-01", {"rule": "easter-2"}, {"rule": "easter+1"}, "05-01", {"rule": "easter+39"}, {"rule": "easter+50"}, "10-03", "12-25", "12-26", {"from": "2017-10-31"}]`,
			[]string{"New Year's Day", "Good Friday", "Easter Monday", "Labor Day", "Ascension Day", "Pentecost Monday", "German Unity Day", "Christmas Day", "Second Day of Christmas", "Reformation Day"}},
		{"GR", `[{"rule": "orthodox easter-2"}, {"rule": "orthodox easter+1"}, {"rule": "orthodox easter-48"}, {"rule": "orthodox easter+50"}]`,
			[]string{"Good Friday", "Easter Monday", "Green Monday", "Pentecost Monday"}},
		{"GB_ENG", `[{"from": "12-25", "observed": "next"}, {"from": "12-26", "observed": "next"}, {"from": "01-01", "observed": "next"}]`,
			[]string{"New Year's Day", "Christmas Day", "Boxing Day"}},
	} {
		t.Run("F-SLA-4 rules of "+tc.name+" give the published dates", func(t *testing.T) {
			t.Parallel()
			c := parse(t, `{"zone": "UTC", "holidays": `+tc.holidays+`}`)
			want := rows(t, tc.name, tc.names...)
			require.NotEmpty(t, want)
			for d := date("2010-01-01"); d.Year <= 2035; d = d.AddDays(1) {
				assert.Equal(t, want[d], c.Day(d).Why.Rule == calendar.ByHoliday, "%s %s", d, d.Weekday())
			}
		})
	}
}
