package calendar_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm/calendar"
)

const sample = `{"zone": "Asia/Shanghai",
 "week": {"mon": ["08:00-12:00", "14:00-17:30"], "sat": [], "sun": ["22:00-06:00"]},
 "holidays": ["2026-01-01", {"from": "2026-02-15", "to": "2026-02-23", "name": "春节"}],
 "days": {"2026-02-14": "mon", "2026-02-28": ["08:00-12:00"]},
 "closed": [{"from": "2026-03-02T10:00", "to": "2026-03-02T11:00"}],
 "open": [{"from": "2026-03-07T09:00", "to": "2026-03-07T12:00"}],
 "published": {"from": "2024-01-01", "to": "2026-12-31"}}`

func TestParse(t *testing.T) {
	t.Parallel()

	t.Run("the sample means what it says", func(t *testing.T) {
		t.Parallel()
		c := parse(t, sample)
		for s, want := range map[string]bool{
			"2026-01-05 08:00": true, "2026-01-05 12:00": false, "2026-01-05 17:29": true, "2026-01-05 17:30": false,
			"2026-01-04 21:59": false, "2026-01-04 22:00": true, "2026-01-05 05:59": true, "2026-01-05 06:00": false,
			"2026-02-16 09:00": false, // holiday
			"2026-02-14 15:00": true,  // follows Monday
			"2026-02-28 11:59": true, "2026-02-28 15:00": false,
			"2026-03-02 09:59": true, "2026-03-02 10:30": false, "2026-03-02 11:00": true,
			"2026-03-07 09:00": true, "2026-03-07 12:00": false,
		} {
			assert.Equal(t, want, c.Open(local(t, c, s)), s)
		}
	})

	t.Run("all faults at once, each with its place", func(t *testing.T) {
		t.Parallel()
		for _, tc := range []struct{ text, place string }{
			{`[]`, ""},
			{`{`, ""},
			{`{"zone": "UTC"} x`, ""},
			{`{}`, "zone"},
			{`{"zone": "Local"}`, "zone"},
			{`{"zone": "Mars/Olympus"}`, "zone"},
			{`{"zone": 8}`, "zone"},
			{`{"zone": "UTC", "zone": "UTC"}`, "zone"},
			{`{"zone": "UTC", "Week": {}}`, "Week"},
			{`{"zone": "UTC", "week": {"monday": []}}`, "week.monday"},
			{`{"zone": "UTC", "week": {"mon": "08:00-12:00"}}`, "week.mon"},
			{`{"zone": "UTC", "week": {"mon": ["08:00-12:00", "8:00-9:00"]}}`, "week.mon[1]"},
			{`{"zone": "UTC", "week": {"mon": ["08:00-12:60"]}}`, "week.mon[0]"},
			{`{"zone": "UTC", "week": {"mon": ["08:00-24:01"]}}`, "week.mon[0]"},
			{`{"zone": "UTC", "week": {"mon": ["08:00-08:00"]}}`, "week.mon[0]"},
			{`{"zone": "UTC", "week": {"mon": ["24:00-08:00"]}}`, "week.mon[0]"},
			{`{"zone": "UTC", "week": {"mon": ["08:00"]}}`, "week.mon[0]"},
			{`{"zone": "UTC", "week": {"mon": ["08:00-12:00", "11:59-13:00"]}}`, "week.mon[1]"},
			{`{"zone": "UTC", "week": {"mon": ["13:00-14:00", "08:00-13:01"]}}`, "week.mon[0]"},
			{`{"zone": "UTC", "week": {"sun": ["22:00-06:00"], "mon": ["05:00-09:00"]}}`, "week.sun"},
			{`{"zone": "UTC", "week": {"sat": ["22:00-06:00"], "sun": ["00:00-24:00"]}}`, "week.sat"},
			{`{"zone": "UTC", "holidays": ["2026-02-29"]}`, "holidays[0]"},
			{`{"zone": "UTC", "holidays": ["2026-01-01", {"name": "x"}]}`, "holidays[1]"},
			{`{"zone": "UTC", "holidays": [{"from": "2026-02-02", "to": "2026-02-01"}]}`, "holidays[0]"},
			{`{"zone": "UTC", "holidays": [{"from": "2026-02-02", "to": "03-01"}]}`, "holidays[0]"},
			{`{"zone": "UTC", "holidays": [{"from": "2026-02-02", "day": 1}]}`, "holidays[0].day"},
			{`{"zone": "UTC", "holidays": [{"rule": "someday in may"}]}`, "holidays[0].rule"},
			{`{"zone": "UTC", "holidays": [{"from": "12-25", "observed": "maybe"}]}`, "holidays[0].observed"},
			{`{"zone": "UTC", "holidays": [{"from": "2026-12-25", "kind": "odd"}]}`, "holidays[0].kind"},
			{`{"zone": "UTC", "holidays": [{"from": "2026-12-25", "since": 2020}]}`, "holidays[0]"},
			{`{"zone": "UTC", "days": {"2026-2-1": "fri"}}`, "days[2026-2-1]"},
			{`{"zone": "UTC", "days": {"2026-02-01": "friday"}}`, "days[2026-02-01]"},
			{`{"zone": "UTC", "days": {"2026-02-01": ["08:00-12:00", "11:00-13:00"]}}`, "days[2026-02-01][1]"},
			{`{"zone": "UTC", "closed": [{"from": "2026-02-01T10:00", "to": "2026-02-01T10:00"}]}`, "closed[0]"},
			{`{"zone": "UTC", "closed": [{"from": "2026-02-01T10:00Z", "to": "2026-02-01T11:00"}]}`, "closed[0].from"},
			{`{"zone": "UTC", "open": [{"from": "2026-02-01 10:00", "to": "2026-02-01T11:00"}]}`, "open[0].from"},
			{`{"zone": "UTC", "published": {"from": "2026-01-01", "to": "2025-12-31"}}`, "published"},
			{`{"zone": "UTC", "horizon": -1}`, "horizon"},
			{`{"zone": "UTC", "layers": [{"zone": "UTC"}]}`, "layers[0].zone"},
			{`{"union": [{"zone": "UTC"}, {"zone": "X"}]}`, "union[1].zone"},
			{`{"week": {"mon": ["08:00-12:00"]}, "union": [{"zone": "UTC"}]}`, ""},
		} {
			_, err := calendar.Parse([]byte(tc.text))
			var faulty *calendar.DataError
			require.ErrorAs(t, err, &faulty, tc.text)
			require.ErrorIs(t, err, calendar.ErrData)
			require.Len(t, faulty.Faults, 1, "%s: %v", tc.text, err)
			assert.Equal(t, tc.place, faulty.Faults[0].Place, tc.text)
		}
		_, err := calendar.Parse([]byte(`{"zone": "X", "week": {"mon": ["1"], "tue": ["09:00-12:00", "10:00-11:00"]}, "holidays": ["today"], "colour": 1}`))
		var faulty *calendar.DataError
		require.ErrorAs(t, err, &faulty)
		assert.Len(t, faulty.Faults, 5, "%v", err)
	})

	t.Run("shifts may touch, in any order, and a whole day is 00:00-24:00", func(t *testing.T) {
		t.Parallel()
		c := parse(t, `{"zone": "UTC", "week": {"mon": ["12:00-14:00", "08:00-12:00"], "sun": ["22:00-08:00"], "tue": ["00:00-24:00"]}}`)
		assert.Equal(t, 16*time.Hour, c.Between(utc(t, "2026-02-01T00:00:00Z"), utc(t, "2026-02-03T00:00:00Z")))
		assert.Equal(t, 24*time.Hour, c.Between(utc(t, "2026-02-03T00:00:00Z"), utc(t, "2026-02-04T00:00:00Z")))
	})

	t.Run("S-117 equal data have equal versions, others do not", func(t *testing.T) {
		t.Parallel()
		a := parse(t, `{"zone": "UTC", "edition": "1", "week": {"mon": ["08:00-12:00", "13:00-14:00"], "sat": []}}`)
		b := parse(t, `{"week": {"mon": ["13:00-14:00", "08:00-12:00"]}, "edition": "1", "zone": "UTC", "holidays": []}`)
		c := parse(t, `{"zone": "UTC", "edition": "2", "week": {"mon": ["08:00-12:00", "13:00-14:00"]}}`)
		assert.Equal(t, a.Version(), b.Version())
		assert.NotEqual(t, a.Version(), c.Version())
		d := a.Data()
		d.Week.Mon[0].From = 0
		assert.Equal(t, a.Version(), b.Version(), "data belong to the caller")
		assert.Equal(t, calendar.Clock(8*60), a.Data().Week.Mon[0].From)
	})

	t.Run("data survive JSON", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			zone, near := genPlace(t)
			c := build(t, genData(t, zone, near))
			text, err := json.Marshal(c)
			require.NoError(t, err)
			again, err := calendar.Parse(text)
			require.NoError(t, err, string(text))
			require.Equal(t, c.Version(), again.Version())
			second, err := json.Marshal(again)
			require.NoError(t, err)
			require.Equal(t, string(text), string(second))
			var d calendar.Data
			require.NoError(t, json.Unmarshal(text, &d))
			require.Equal(t, c.Version(), build(t, d).Version())
		})
	})
}

// TestMachineZone is not parallel: it moves the zone of the machine.
func TestMachineZone(t *testing.T) {
	t.Run("S-121 the zone is carried, never the machine's", func(t *testing.T) {
		old := time.Local
		defer func() { time.Local = old }()
		week := `"week": {"mon": ["08:00-12:00"], "sun": ["22:00-06:00"]}`
		at := time.Date(2026, 2, 2, 0, 30, 0, 0, time.UTC) // 08:30 in Shanghai
		for _, machine := range []string{"America/New_York", "Asia/Tokyo"} {
			loc, err := time.LoadLocation(machine)
			require.NoError(t, err)
			time.Local = loc
			c := parse(t, `{"zone": "Asia/Shanghai", `+week+`}`)
			assert.True(t, c.Open(at))
			assert.Equal(t, 3*time.Hour+30*time.Minute, c.Between(at.In(time.Local), at.AddDate(0, 0, 1)))
			night := time.Date(2026, 2, 1, 21, 30, 0, 0, time.UTC) // Monday 05:30, in Sunday's shift
			for s := range c.Spans(night, night.Add(time.Minute)) {
				assert.Equal(t, date("2026-02-01"), s.Date)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte(`{"zone": "Europe/Berlin", "holidays": [{"rule": "easter+1", "observed": "next", "except": [2020]}, "12-25", {"from": "12-24", "to": "01-02", "off": ["12:00-24:00"]}], "layers": [{"name": "x", "seasons": [{"from": "05-01", "to": "09-30", "week": {"mon": ["14:30-18:00"]}}]}]}`))
	f.Add([]byte(`{"subtract": [{"zone": "UTC", "week": {"mon": ["00:00-24:00"]}}, {"zone": "Asia/Tehran", "days": {"2026-01-05": {"like": "fri", "kind": "make_up_work"}}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := calendar.Parse(text)
		if err != nil {
			require.ErrorIs(t, err, calendar.ErrData)
			require.NotEmpty(t, err.Error())
			return
		}
		out, err := json.Marshal(c)
		require.NoError(t, err)
		again, err := calendar.Parse(out)
		require.NoError(t, err, "%s", out)
		require.Equal(t, c.Version(), again.Version())
		from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		work := c.Between(from, from.AddDate(1, 0, 0))
		require.GreaterOrEqual(t, work, time.Duration(0))
		if work > 0 {
			due, err := c.Add(from, work)
			if err == nil { // the horizon may be shorter
				require.Equal(t, work, c.Between(from, due))
			}
		}
	})
}

func FuzzParseDayMode(f *testing.F) {
	f.Add("same_time")
	f.Add("keep_time")
	f.Add("cut_off 15:00")
	f.Fuzz(func(t *testing.T, s string) {
		if m, err := calendar.ParseDayMode(s); err == nil {
			require.Equal(t, s, string(m))
		}
	})
}
