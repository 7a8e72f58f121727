package calendar_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/calendar"
)

// TestClockChanges has vectors worked out by hand from the zone rules.
func TestClockChanges(t *testing.T) {
	t.Parallel()
	type edge struct{ wall, instant string }
	for _, tc := range []struct {
		name, zone string
		edges      []edge
	}{
		{"F-SLA-5 Berlin gap at 02:00 and repeated hour", "Europe/Berlin", []edge{
			{"2025-03-30T01:59", "2025-03-30T00:59:00Z"},
			{"2025-03-30T02:00", "2025-03-30T01:00:00Z"},
			{"2025-03-30T02:30", "2025-03-30T01:00:00Z"},
			{"2025-03-30T03:00", "2025-03-30T01:00:00Z"},
			{"2025-03-30T03:30", "2025-03-30T01:30:00Z"},
			{"2025-10-26T02:30", "2025-10-26T00:30:00Z"},
			{"2025-10-26T03:00", "2025-10-26T02:00:00Z"}}},
		{"F-SLA-5 New York", "America/New_York", []edge{
			{"2025-03-09T02:00", "2025-03-09T07:00:00Z"},
			{"2025-03-09T02:59", "2025-03-09T07:00:00Z"},
			{"2025-11-02T01:30", "2025-11-02T05:30:00Z"}}},
		{"F-SLA-5 London", "Europe/London", []edge{
			{"2025-03-30T01:30", "2025-03-30T01:00:00Z"},
			{"2025-10-26T01:30", "2025-10-26T00:30:00Z"}}},
		{"F-SLA-5 São Paulo has no midnight on the spring day", "America/Sao_Paulo", []edge{
			{"2018-11-04T00:00", "2018-11-04T03:00:00Z"},
			{"2018-11-03T24:00", "2018-11-04T03:00:00Z"},
			{"2018-11-04T00:30", "2018-11-04T03:00:00Z"},
			{"2018-11-04T01:00", "2018-11-04T03:00:00Z"},
			{"2019-02-16T23:30", "2019-02-17T01:30:00Z"},
			{"2019-02-17T00:00", "2019-02-17T03:00:00Z"}}},
		{"F-SLA-5 Santiago", "America/Santiago", []edge{
			{"2025-09-07T00:00", "2025-09-07T04:00:00Z"},
			{"2025-04-05T23:30", "2025-04-06T02:30:00Z"}}},
		{"F-SLA-5 Tehran", "Asia/Tehran", []edge{
			{"2022-03-22T00:00", "2022-03-21T20:30:00Z"},
			{"2022-03-22T00:59", "2022-03-21T20:30:00Z"},
			{"2022-09-21T23:30", "2022-09-21T19:00:00Z"}}},
		{"F-SLA-5 Lord Howe moves by half an hour", "Australia/Lord_Howe", []edge{
			{"2025-10-05T02:15", "2025-10-04T15:30:00Z"},
			{"2025-10-05T02:30", "2025-10-04T15:30:00Z"},
			{"2025-04-06T01:45", "2025-04-05T14:45:00Z"}}},
		{"F-SLA-5 Shanghai 1986 to 1991", "Asia/Shanghai", []edge{
			{"1986-05-04T02:30", "1986-05-03T18:00:00Z"},
			{"1986-09-14T01:30", "1986-09-13T16:30:00Z"},
			{"1991-09-15T01:30", "1991-09-14T16:30:00Z"},
			{"1992-05-04T02:30", "1992-05-03T18:30:00Z"}}},
		{"F-SLA-5 Cairo and Beirut skip midnight", "Africa/Cairo", []edge{
			{"2024-04-26T00:00", "2024-04-25T22:00:00Z"},
			{"2024-04-26T00:30", "2024-04-25T22:00:00Z"},
			{"2024-10-31T23:30", "2024-10-31T20:30:00Z"}}},
		{"F-SLA-5 Apia skipped a day", "Pacific/Apia", []edge{
			{"2011-12-29T24:00", "2011-12-30T10:00:00Z"},
			{"2011-12-30T12:00", "2011-12-30T10:00:00Z"},
			{"2011-12-31T00:00", "2011-12-30T10:00:00Z"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := build(t, calendar.Data{Zone: tc.zone})
			for _, e := range tc.edges {
				wall, err := calendar.ParseLocalTime(e.wall)
				require.NoError(t, err)
				assert.True(t, c.At(wall).Equal(utc(t, e.instant)), "%s is %s, want %s", e.wall, c.At(wall).UTC(), e.instant)
				// The same through a calendar that opens there.
				opens := build(t, calendar.Data{Zone: tc.zone, Open: []calendar.Stretch{
					{From: wall, To: calendar.LocalTime{Date: wall.Date.AddDays(3), Clock: 12 * 60}}}})
				assert.True(t, opens.Open(utc(t, e.instant)), e.wall)
				assert.False(t, opens.Open(utc(t, e.instant).Add(-1)), e.wall)
			}
		})
	}

	t.Run("F-SLA-5 shifts over a change are measured in real time", func(t *testing.T) {
		t.Parallel()
		for _, tc := range []struct {
			zone, date, shift string
			want              time.Duration
		}{
			{"Europe/Berlin", "2025-03-29", "22:00-06:00", 7 * time.Hour},
			{"Europe/Berlin", "2025-10-25", "22:00-06:00", 9 * time.Hour},
			{"Europe/Berlin", "2025-03-30", "00:00-24:00", 23 * time.Hour},
			{"Europe/Berlin", "2025-10-26", "00:00-24:00", 25 * time.Hour},
			{"Europe/Berlin", "2025-03-30", "02:00-03:00", 0},
			{"Europe/Berlin", "2025-03-30", "01:30-02:30", 30 * time.Minute},
			{"Europe/Berlin", "2025-10-26", "02:00-02:30", 30 * time.Minute}, // the first pass only
			{"Europe/Berlin", "2025-10-26", "02:00-03:00", 2 * time.Hour},
			{"America/New_York", "2025-03-09", "09:00-17:00", 8 * time.Hour},
			{"America/Sao_Paulo", "2018-11-04", "00:00-24:00", 23 * time.Hour},
			{"Australia/Lord_Howe", "2025-10-05", "00:00-24:00", 23*time.Hour + 30*time.Minute},
			{"Australia/Lord_Howe", "2025-04-06", "00:00-24:00", 24*time.Hour + 30*time.Minute},
			{"Asia/Shanghai", "1986-05-04", "00:00-08:00", 7 * time.Hour},
			{"Pacific/Apia", "2011-12-30", "08:00-12:00", 0},
		} {
			c := build(t, calendar.Data{Zone: tc.zone, Days: map[calendar.Date]calendar.Day{
				date(tc.date): {Hours: calendar.MustHours(tc.shift)}}})
			assert.Equal(t, tc.want, c.Day(date(tc.date)).Working, "%+v", tc)
			noon := time.Date(date(tc.date).Year, date(tc.date).Month, date(tc.date).Day, 12, 0, 0, 0, time.UTC)
			assert.Equal(t, tc.want, c.Between(noon.AddDate(0, 0, -3), noon.AddDate(0, 0, 3)), "%+v", tc)
			assert.Equal(t, tc.want > 0, c.IsWorkday(date(tc.date)))
		}
	})
}
