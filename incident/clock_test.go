package incident_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/sla"
)

// hours are targets around the clock: response 1 h, resolution 8 h with a new cycle after a rejection, restoration 4 h.
func hours(t testing.TB) *sla.Catalog {
	t.Helper()
	c, err := incident.ParseAgreements([]byte(`{"pause_fact": "hold_reason", "definitions": [
		{"key": "response", "metric": "response", "goal": "1h", "stop": "responded", "retroactive_start": "recorded"},
		{"key": "restoration", "metric": "restoration", "goal": "4h", "stop": "restored", "retroactive_start": "recorded", "pause_reasons": ["user"]},
		{"key": "resolution", "metric": "resolution", "goal": "8h", "stop": "phase in [\"resolved\", \"closed\"]", "retroactive_start": "recorded", "reopen": "new_cycle", "pause_reasons": ["user", "window"],
		 "ladder": [{"name": "half", "at": "50%"}, {"name": "due", "at": "100%"}]},
		{"key": "second", "metric": "second_line", "goal": "2h", "start": "tier == 2", "pause": "tier != 2", "stop": "phase in [\"resolved\", \"closed\"]",
		 "ladder": [{"name": "warn", "at": "75%"}]}
	]}`), nil)
	require.NoError(t, err)
	return c
}

func health(all []sla.Status) (names []string) {
	for _, s := range all {
		names = append(names, string(s.Health))
	}
	return names
}

func TestClocks(t *testing.T) {
	t.Parallel()
	due := func(t *testing.T, inc incident.Incident, m sla.Metric) time.Time {
		t.Helper()
		at, ok := inc.Due(m)
		require.True(t, ok, m)
		return at
	}
	t.Run("R-129 a workaround stops the clock of the restoration while the ticket stays open", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{Agreements: hours(t)})
		start := d.now
		id := d.at(incident.StateDiagnosing)
		inc := d.get(id)
		assert.Equal(t, start.Add(4*time.Hour), due(t, inc, sla.Restoration))
		d.now = start.Add(time.Hour)
		inc = d.do(engineer, id, incident.Restore{Workaround: "use window 4"})
		_, running := inc.Due(sla.Restoration)
		assert.False(t, running)
		assert.Equal(t, start.Add(8*time.Hour), due(t, inc, sla.Resolution))
		assert.Equal(t, incident.StateDiagnosing, inc.State)
	})
	t.Run("R-170 a rejection starts the clock of the resolution anew where the agreement says so", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{Agreements: hours(t)})
		id := d.at(incident.StateDiagnosing)
		d.now = d.now.Add(time.Hour)
		d.do(engineer, id, incident.Propose{Solution: "new roller"})
		_, running := d.get(id).Due(sla.Resolution)
		assert.False(t, running)
		d.now = d.now.Add(3 * time.Hour)
		inc := d.do(agent, id, incident.Reject{Why: "no"})
		assert.Equal(t, d.now.Add(8*time.Hour), due(t, inc, sla.Resolution))
	})
	t.Run("F-INC-9 each clock has its own reasons to pause, and waiting for a supplier pauses none of the customer's", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{Agreements: hours(t), Policy: lenient()})
		id := d.at(incident.StateDiagnosing)
		inc := d.do(engineer, id, incident.Hold{Reason: incident.WaitWindow})
		_, resolution := inc.Due(sla.Resolution)
		assert.False(t, resolution, "paused")
		due(t, inc, sla.Restoration)
		d.now = d.now.Add(time.Hour)
		d.do(engineer, id, incident.Resume{})
		inc = d.do(engineer, id, incident.Hold{Reason: incident.WaitSupplier})
		due(t, inc, sla.Restoration)
		due(t, inc, sla.Resolution)
	})
	t.Run("R-166 the tiers have limits of their own inside the customer's, with warnings before", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{Agreements: hours(t)})
		id := d.at(incident.StateDiagnosing)
		start := d.now
		d.now = start.Add(time.Hour)
		inc := d.do(engineer, id, toSecond)
		assert.Equal(t, start.Add(3*time.Hour), due(t, inc, "second_line"))
		assert.Equal(t, start.Add(8*time.Hour), due(t, inc, sla.Resolution), "the customer's clock does not care")
		d.now = start.Add(2*time.Hour + 30*time.Minute)
		inc = d.do(system, id, incident.Tick{})
		var rungs []string
		for _, e := range inc.Clocks.Events() {
			if e.Kind == sla.KindRung {
				rungs = append(rungs, e.Rung)
			}
		}
		assert.Equal(t, []string{"warn"}, rungs)
	})
	t.Run("INV-13 exactly one target of each metric applies at any time, through changes of priority", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{Agreements: incident.DefaultAgreements(), Policy: lenient()})
		id := d.at(incident.StateTriaged)
		for _, u := range []incident.Urgency{1, 4, 2, 3, 1} {
			d.now = d.now.Add(time.Minute)
			tr := triage
			tr.Urgency = u
			inc := d.do(agent, id, tr, itsm.Because("changed"))
			live := map[sla.Metric]int{}
			for _, k := range inc.Clocks.Clocks() {
				if k.Live() {
					live[k.Pin.Metric]++
				}
			}
			for metric, n := range live {
				assert.Equal(t, 1, n, metric)
			}
			assert.Equal(t, 1, live[sla.Resolution])
		}
		require.NoError(t, d.Verify(manager, id))
	})
	t.Run("a breach is told once, late or in time, and the clock replays to the second", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{Agreements: hours(t)})
		id := d.at(incident.StateDiagnosing)
		d.now = d.now.Add(48 * time.Hour)
		for range 3 {
			d.do(system, id, incident.Tick{})
		}
		breaches := 0
		for _, e := range d.get(id).Clocks.Events() {
			if e.Kind == sla.KindBreach {
				breaches++
			}
		}
		assert.Equal(t, 2, breaches, "restoration and resolution; the response was in time")
		require.NoError(t, hours(t).Verify(d.get(id).Clocks))
		require.NoError(t, d.Verify(manager, id))
	})
	t.Run("the shipped agreements hold what the reference hospital promises", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{Agreements: incident.DefaultAgreements(), Services: grades{"his-opd": "A"}})
		d.now = time.Date(2026, 2, 13, 8, 30, 0, 0, time.UTC) // Friday 16:30 in Shanghai, before a make-up Saturday and nine days of rest
		id := d.do(agent, "", record).ID
		inc := d.do(agent, id, incident.Triage{Impact: incident.ImpactSeveral, Urgency: incident.UrgencyToday, Service: "his-opd"})
		assert.Equal(t, incident.P3, inc.Priority)
		assert.Equal(t, d.now.Add(15*time.Minute), due(t, inc, sla.Response))
		next, ok := inc.Clocks.NextDue()
		assert.True(t, ok && next.Equal(d.now.Add(15*time.Minute)), "the response comes first")
		for before, want := range map[time.Time]int{next: 0, next.Add(time.Microsecond): 1} {
			found := 0
			for _, err := range d.Find(agent, itsm.Query{Where: []itsm.Condition{itsm.WhereLess("due", itsm.TimeOf(before))}}) {
				require.NoError(t, err)
				found++
			}
			assert.Equal(t, want, found, "it is found by the clock that is due first")
		}
		assert.Equal(t, "2026-02-14 14:30", due(t, inc, sla.Restoration).In(shanghai).Format("2006-01-02 15:04"), "1 h on Friday, 7 h on the make-up Saturday")
		assert.Equal(t, "2026-02-25 16:30", due(t, inc, sla.Resolution).In(shanghai).Format("2006-01-02 15:04"), "3 working days: Saturday, then 24 and 25 February")
		inc = d.do(agent, id, incident.Triage{Impact: incident.ImpactHospital, Urgency: incident.UrgencyNow, Service: "his-opd"}, itsm.Because("all windows"))
		assert.Equal(t, d.now.Add(time.Hour), due(t, inc, sla.Restoration), "grade A")
	})
}

var shanghai = time.FixedZone("CST", 8*3600)
