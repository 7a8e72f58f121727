package sla_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm/calendar"
	"github.com/hospital-itsm/itsm/sla"
)

// The oracle steps through time minute by minute, with the definition of the calculus and nothing else.

// seen is what one observation says.
type seen struct {
	minute             int
	start, pause, stop bool
	priority           string
	reason             string
}

// span is a stretch of minutes in which a clock runs; to is -1 while it goes on.
type span struct{ from, to int }

// truth is a clock of the oracle.
type truth struct {
	runs   []span
	open   bool // runs at present
	ended  int  // minute, -1
	spent  int
	is     func(minute int) bool // open time of its calendar
	goal   int
	begins int
}

func (k *truth) runsAt(m int) bool {
	for _, r := range k.runs {
		if m >= r.from && (r.to < 0 || m < r.to) {
			return true
		}
	}
	return false
}

// elapsed counts the minutes before m.
func (k *truth) elapsed(m int) int {
	n := k.spent
	for i := k.begins; i < m; i++ {
		if k.runsAt(i) && k.is(i) {
			n++
		}
	}
	return n
}

const horizon = 60 * 24 * 45

// due is the least minute at which elapsed is the goal, breach the last at which it is no more than the goal; -1 when there is none.
func (k *truth) due() (due, breach int) {
	due, breach = -1, -1
	if len(k.runs) == 0 {
		return
	}
	n := k.spent
	if n >= k.goal {
		due = k.begins
	}
	if n > k.goal {
		return due, due
	}
	for i := k.begins; i < horizon; i++ {
		if k.runsAt(i) && k.is(i) {
			if n == k.goal {
				return due, i
			}
			n++
			if n == k.goal {
				due = i + 1
			}
		}
	}
	return due, -1
}

var epoch = at("2026-03-01 00:00") // a Sunday

func minute(m int) time.Time { return epoch.Add(time.Duration(m) * time.Minute) }

// genCalendar draws a calendar with edges on whole minutes.
func genCalendar(t *rapid.T, label string) *calendar.Calendar {
	if rapid.IntRange(0, 4).Draw(t, label+" kind") == 0 {
		return calendar.Always()
	}
	days := []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
	week := map[string][]string{}
	clock := func(m int) string { return fmt.Sprintf("%02d:%02d", m/60, m%60) }
	for _, d := range days {
		if rapid.IntRange(0, 3).Draw(t, label+d) == 0 {
			continue
		}
		a := rapid.IntRange(0, 700).Draw(t, label+" from")
		b := rapid.IntRange(a+1, 800).Draw(t, label+" to")
		week[d] = []string{clock(a) + "-" + clock(b)}
		if rapid.Bool().Draw(t, label+" second shift") {
			c := rapid.IntRange(b, 1300).Draw(t, label+" from")
			week[d] = append(week[d], clock(c)+"-"+clock(rapid.IntRange(c+1, 1439).Draw(t, label+" to")))
		}
	}
	zone := rapid.SampledFrom([]string{"UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York"}).Draw(t, label+" zone")
	data := map[string]any{"zone": zone, "week": week, "horizon": 2}
	if rapid.Bool().Draw(t, label+" holiday") {
		data["holidays"] = []string{fmt.Sprintf("2026-03-%02d", rapid.IntRange(1, 28).Draw(t, label+" holiday"))}
	}
	text, err := json.Marshal(data)
	require.NoError(t, err)
	c, err := calendar.Parse(text)
	require.NoError(t, err)
	return c
}

// genSeen draws observations in order of time.
func genSeen(t *rapid.T, priorities ...string) []seen {
	n := rapid.IntRange(1, 10).Draw(t, "observations")
	out := make([]seen, n)
	m := 0
	for i := range out {
		m += rapid.IntRange(0, 2000).Draw(t, "minutes later")
		out[i] = seen{
			minute: m, start: i > 0 && out[i-1].start || rapid.IntRange(0, 3).Draw(t, "start") > 0, pause: rapid.IntRange(0, 2).Draw(t, "pause") == 0,
			stop: rapid.IntRange(0, 5).Draw(t, "stop") == 0, priority: rapid.SampledFrom(priorities).Draw(t, "priority"),
			reason: rapid.SampledFrom([]string{"user", "window"}).Draw(t, "reason"),
		}
	}
	return out
}

func (o seen) facts() *facts {
	f := &facts{Started: o.start, Priority: o.priority, Phase: "active"}
	if o.pause {
		f.Hold = o.reason
	}
	if o.stop {
		f.Phase = "resolved"
	}
	return f
}

// follow is the oracle's reading of one clock without re-targeting: precedence stop, pause, resume, start.
func (k *truth) follow(o seen) {
	switch {
	case o.stop:
		if k.ended < 0 {
			k.close(o.minute)
			k.ended = o.minute
		}
		return
	case len(k.runs) == 0:
		k.ended = -1
		if !o.start {
			return
		}
		k.begins = o.minute
		k.run(o.minute)
	case k.ended >= 0: // reopened
		k.ended = -1
		k.run(o.minute)
	}
	if o.pause {
		k.close(o.minute)
	} else if !k.open {
		k.run(o.minute)
	}
}

func (k *truth) run(m int) { k.runs, k.open = append(k.runs, span{m, -1}), true }
func (k *truth) close(m int) {
	if k.open {
		k.runs[len(k.runs)-1].to, k.open = m, false
	}
}

func runningDefinition(goal int) sla.Definition {
	return sla.Definition{
		Key: "one", Metric: sla.Resolution, Goal: sla.Work(time.Duration(goal) * time.Minute), Calendar: "c",
		Start: "started", Pause: `hold_reason != ""`, Stop: `phase == "resolved"`,
	}
}

func TestAgainstOracle(t *testing.T) {
	t.Parallel()
	t.Run("R-287 elapsed, due and breach are those of a clock stepped minute by minute", rapid.MakeCheck(func(t *rapid.T) {
		c := genCalendar(t, "calendar")
		goal := rapid.IntRange(1, 1500).Draw(t, "goal")
		cat, err := sla.NewCatalog(schema, sla.Data{Definitions: []sla.Definition{runningDefinition(goal)}, PauseFact: "hold_reason"},
			map[string]*calendar.Calendar{"c": c})
		require.NoError(t, err)
		k := truth{ended: -1, goal: goal, is: func(m int) bool { return c.Open(minute(m)) }}
		var sheet sla.Sheet
		last := 0
		attached := false
		for _, o := range genSeen(t, "P3") {
			if !attached && o.stop && !o.start {
				continue // what is finished before it starts has no clock
			}
			attached = true
			events, err := cat.Observe(sheet, o.facts(), minute(o.minute))
			require.NoError(t, err)
			sheet = sheet.Apply(events...)
			if len(k.runs) == 0 && o.stop && o.start && sheet.Len() == 3 {
				k.begins = o.minute
				k.runs, k.ended = []span{{o.minute, o.minute}}, o.minute
			} else {
				k.follow(o)
			}
			last = o.minute
		}
		if !attached {
			return
		}
		require.NoError(t, cat.Verify(sheet))
		now := last + rapid.IntRange(0, 3000).Draw(t, "now")
		all, err := cat.Status(sheet, minute(now))
		require.NoError(t, err)
		require.Len(t, all, 1)
		compare(t, &k, all[0], now)
	}))

	t.Run("INV-10 elapsed, pauses in service hours and off-hours add up to the wall time", rapid.MakeCheck(func(t *rapid.T) {
		c := genCalendar(t, "calendar")
		cat, err := sla.NewCatalog(schema, sla.Data{Definitions: []sla.Definition{runningDefinition(600)}, PauseFact: "hold_reason"},
			map[string]*calendar.Calendar{"c": c})
		require.NoError(t, err)
		var sheet sla.Sheet
		for _, o := range genSeen(t, "P3") {
			events, err := cat.Observe(sheet, o.facts(), minute(o.minute).Add(time.Duration(rapid.IntRange(0, 59999999).Draw(t, "µs"))*time.Microsecond))
			require.NoError(t, err)
			sheet = sheet.Apply(events...)
		}
		now := minute(rapid.IntRange(0, 30000).Draw(t, "now"))
		all, err := cat.Status(sheet, now)
		require.NoError(t, err)
		for _, st := range all {
			if st.Origin.IsZero() {
				continue
			}
			end := now
			if !st.Ended.IsZero() {
				end = st.Ended
			}
			assert.Equal(t, end.Sub(st.Origin), st.Elapsed+st.Paused+st.Closed)
		}
	}))
}

func compare(t *rapid.T, k *truth, st sla.Status, now int) {
	end := now
	if k.ended >= 0 {
		end = k.ended
	}
	require.Equal(t, k.elapsed(end), int(st.Elapsed/time.Minute), "elapsed")
	require.Zero(t, st.Elapsed%time.Minute)
	if len(k.runs) == 0 {
		assert.Zero(t, st.Due)
		return
	}
	paused, closed := 0, 0
	for m := k.begins; m < end; m++ {
		switch {
		case !k.is(m):
			closed++
		case !k.runsAt(m):
			paused++
		}
	}
	assert.Equal(t, paused, int(st.Paused/time.Minute), "paused")
	assert.Equal(t, closed, int(st.Closed/time.Minute), "closed")
	// A clock that was stopped while it ran keeps the due time it would have had.
	open := *k
	if n := len(k.runs); k.ended >= 0 && k.runs[n-1].to == k.ended {
		open.runs = append([]span(nil), k.runs...)
		open.runs[n-1].to = -1
	}
	due, _ := open.due()
	if due < 0 && st.Due.After(minute(horizon)) {
		return
	}
	assert.Equal(t, instant(due), st.Due, "due")
	_, breach := k.due()
	if k.spent > k.goal { // breached from its first moment
		assert.Equal(t, minute(k.begins).Add(-time.Microsecond), st.Breach)
	} else {
		if k.ended >= 0 && breach >= k.ended {
			breach = -1
		}
		if breach >= 0 || st.Breach.Before(minute(horizon)) {
			assert.Equal(t, instant(breach), st.Breach, "breach")
		}
	}
	if k.ended >= 0 {
		want := sla.Met
		if k.elapsed(end) > k.goal {
			want = sla.Breached
		}
		assert.Equal(t, want, st.Outcome)
	}
}

func instant(m int) time.Time {
	if m < 0 {
		return time.Time{}
	}
	return minute(m)
}
