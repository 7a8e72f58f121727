package incident_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/calendar"
	"github.com/hospital-itsm/itsm/incident"
)

func TestPriority(t *testing.T) {
	t.Parallel()
	model := incident.DefaultPriority()
	derive := func(t require.TestingT, i incident.Impact, u incident.Urgency, f incident.PriorityFacts) incident.Derived {
		d, err := model.Derive(i, u, f)
		require.NoError(t, err)
		return d
	}
	t.Run("the matrix", func(t *testing.T) {
		t.Parallel()
		want := [4][4]incident.Priority{{1, 1, 2, 3}, {1, 2, 2, 3}, {2, 3, 3, 4}, {3, 3, 4, 4}}
		for i := range 4 {
			for u := range 4 {
				assert.Equal(t, want[i][u], derive(t, incident.Impact(i+1), incident.Urgency(u+1), incident.PriorityFacts{}).Priority)
			}
		}
	})
	t.Run("each modifier, in its order, is applied and told", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct {
			name    string
			impact  incident.Impact
			urgency incident.Urgency
			facts   incident.PriorityFacts
			want    incident.Priority
			applied []string
		}{
			{"life-critical care", 4, 4, incident.PriorityFacts{Setting: incident.LifeCritical, CareDepends: true}, 1, []string{"life_critical"}},
			{"life-critical place without care", 4, 4, incident.PriorityFacts{Setting: incident.LifeCritical}, 4, nil},
			{"patient flow in its peak", 3, 2, incident.PriorityFacts{Setting: incident.PatientFlow, Peak: true}, 2, []string{"peak"}},
			{"patient flow off peak", 3, 2, incident.PriorityFacts{Setting: incident.PatientFlow}, 3, nil},
			{"workaround", 2, 1, incident.PriorityFacts{Workaround: true}, 2, []string{"workaround"}},
			{"no workaround where care depends on it", 2, 1, incident.PriorityFacts{Workaround: true, Setting: incident.LifeCritical, CareDepends: true}, 1, []string{"life_critical"}},
			{"no workaround for patient safety", 2, 1, incident.PriorityFacts{Workaround: true, Safety: true}, 1, []string{"patient_safety"}},
			{"third on the same item", 3, 3, incident.PriorityFacts{SameCI: 3}, 2, []string{"repeated"}},
			{"second on the same item", 3, 3, incident.PriorityFacts{SameCI: 2}, 3, nil},
			{"VIP", 3, 3, incident.PriorityFacts{VIP: true}, 2, []string{"vip"}},
			{"VIP never gets to P1", 2, 3, incident.PriorityFacts{VIP: true}, 2, []string{"vip"}},
			{"VIP keeps a P1", 1, 1, incident.PriorityFacts{VIP: true}, 1, []string{"vip"}},
			{"patient safety", 4, 4, incident.PriorityFacts{Safety: true}, 1, []string{"patient_safety"}},
			{"several", 3, 3, incident.PriorityFacts{SameCI: 5, VIP: true, Workaround: true}, 2, []string{"workaround", "repeated", "vip"}},
		} {
			got := derive(t, c.impact, c.urgency, c.facts)
			assert.Equal(t, c.want, got.Priority, c.name)
			assert.Equal(t, c.applied, got.Applied, c.name)
		}
	})
	t.Run("INV-28 the priority is monotone in impact, urgency and the patient-safety flag", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			f := incident.PriorityFacts{
				Setting: rapid.SampledFrom(incident.Settings()).Draw(rt, "setting"), CareDepends: rapid.Bool().Draw(rt, "care"), Peak: rapid.Bool().Draw(rt, "peak"),
				SameCI: rapid.IntRange(0, 5).Draw(rt, "same"), VIP: rapid.Bool().Draw(rt, "vip"), Workaround: rapid.Bool().Draw(rt, "workaround"),
			}
			i, u := incident.Impact(rapid.IntRange(1, 4).Draw(rt, "i")), incident.Urgency(rapid.IntRange(1, 4).Draw(rt, "u"))
			p := derive(rt, i, u, f).Priority
			if i > 1 && derive(rt, i-1, u, f).Priority > p || u > 1 && derive(rt, i, u-1, f).Priority > p {
				rt.Fatalf("not monotone at %v %v %+v", i, u, f)
			}
			f.Safety = true
			if derive(rt, i, u, f).Priority > p {
				rt.Fatalf("patient safety lowers %v %v %+v", i, u, f)
			}
		})
	})
	t.Run("R-003 the clinical setting counts, and without a profile nothing does", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		icu := incident.Triage{Impact: incident.ImpactOne, Urgency: incident.UrgencyToday, Setting: incident.LifeCritical, CareDepends: true}
		office := icu
		office.Setting = incident.Administration
		neutral := icu
		neutral.Setting, neutral.CareDepends = "", false
		assert.Equal(t, incident.P1, d.do(agent, d.at(incident.StateRecorded), icu).Priority)
		assert.Equal(t, incident.P4, d.do(agent, d.at(incident.StateRecorded), office).Priority)
		assert.Equal(t, incident.P4, d.do(agent, d.at(incident.StateRecorded), neutral).Priority)
	})
	t.Run("peak windows and repetitions come from calendar and store", func(t *testing.T) {
		t.Parallel()
		peak, err := calendar.Parse([]byte(`{"zone": "Asia/Shanghai", "week": {"mon": ["07:30-11:30"]}}`))
		require.NoError(t, err)
		d := open(t, incident.Config{Policy: policy(func(p *incident.Policy) { p.PeakCalendar = "peak" }), Calendars: map[string]*calendar.Calendar{"peak": peak}})
		window := incident.Triage{Impact: incident.ImpactSeveral, Urgency: incident.UrgencyHour, Setting: incident.PatientFlow}
		assert.Equal(t, []string{"peak"}, d.do(agent, d.at(incident.StateRecorded), window).Derived.Applied)
		d.now = d.now.Add(4 * time.Hour)
		assert.Empty(t, d.do(agent, d.at(incident.StateRecorded), window).Derived.Applied)
		onCI := record
		onCI.CI = "sw-7"
		for i := range 3 {
			inc := d.do(agent, d.do(agent, "", onCI).ID, triage)
			assert.Equal(t, i == 2, len(inc.Derived.Applied) == 1, i)
		}
	})
	t.Run("a broken model is told at load, all of it", func(t *testing.T) {
		t.Parallel()
		_, err := incident.ParsePriority([]byte(`{"matrix": [["P1","P1","P2","P3"],["P1","P2","P2","P3"],["P2","P3","P3","P4"],["P3","P3","P4","P3"]],
			"modifiers": [{"key": "a", "en": "", "zh": "", "when": "colour == 1", "not": ["b"]}]}`))
		require.ErrorIs(t, err, itsm.ErrInvalid)
		require.ErrorContains(t, err, "impact I4, urgency U4: P3 is before P4")
		require.ErrorContains(t, err, "colour")
		require.ErrorContains(t, err, `excludes "b"`)
		_, err = incident.ParsePriority([]byte(`{"matrix": []}`))
		require.ErrorIs(t, err, itsm.ErrInvalid)
	})
}

func TestOverride(t *testing.T) {
	t.Parallel()
	t.Run("F-INC-3 an override has who, why and until when; deriving anew never drops it, and both values are kept", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		id := d.at(incident.StateTriaged)
		require.ErrorIs(t, d.refused(agent, id, incident.OverridePriority{Priority: 1, Why: "x"}), itsm.ErrDenied)
		assert.Equal(t, []string{"itsm.required:why"}, codes(d.refused(leader, id, incident.OverridePriority{Priority: 1})))
		until := d.now.Add(2 * time.Hour)
		inc := d.do(leader, id, incident.OverridePriority{Priority: incident.P1, Why: "the minister visits", Until: until})
		assert.Equal(t, incident.Override{Priority: 1, Why: "the minister visits", By: "leader", At: d.now, Until: until}, *inc.Override)
		wider := triage
		wider.Impact = incident.ImpactDepartment
		inc = d.do(agent, id, wider, itsm.Because("more of them"))
		assert.Equal(t, incident.P1, inc.Priority)
		assert.Equal(t, incident.P2, inc.Derived.Priority)
		d.now = until
		inc = d.do(system, id, incident.Tick{})
		assert.Equal(t, incident.P2, inc.Priority)
		assert.Nil(t, inc.Override)
		assert.Contains(t, d.journal(id), "incident.override_ended")
	})
}

type grades map[string]string

func (g grades) Grade(_ context.Context, _ itsm.Tenant, service string) (string, error) {
	return g[service], nil
}
