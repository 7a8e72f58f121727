package config_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config"
)

func (r *register) all() (items []config.Item) {
	r.t.Helper()
	for item, err := range r.Find(keeper, itsm.Query{}) {
		require.NoError(r.t, err)
		items = append(items, item)
	}
	return items
}

func TestReports(t *testing.T) {
	t.Parallel()
	t.Run("R-269 the status report accounts for classes, states, versions and changes of a period, and stays as it was", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		app := r.live("application", "HIS", attrs{"product": text("HIS"), "version": text("7.1"), "grade": text("main_clinical")})
		r.server("L-1")
		r.pass(30 * 24 * time.Hour)
		april := r.clock
		r.pass(time.Hour)
		r.do(keeper, app, config.Update{Authority: under, Attributes: attrs{"version": text("7.2")}})
		r.do(keeper, app, config.Move{Authority: under, Step: config.DoMaintain})
		r.item("client", attrs{"model": text("M")})
		may := r.pass(30 * 24 * time.Hour)
		first, err := r.Report(keeper, april, may)
		require.NoError(t, err)
		assert.Equal(t, `configuration items from 2026-04-01 to 2026-05-01: 3
  application      in_maintenance    1  versions 7.2
  client           pending           1
  server           live              1
entries in the period:
  moved               1
  registered          1
  set                 2
`, first.String())
		assert.Equal(t, app, first.Changes[0].Item)
		assert.Equal(t, change, first.Changes[0].Under)
		r.do(keeper, app, config.Move{Authority: under, Step: config.DoActivate})
		r.server("L-2")
		again, err := r.Report(keeper, april, may)
		require.NoError(t, err)
		assert.Equal(t, first, again, "what happened later does not change it")
		_, err = r.Report(keeper, may, april)
		require.ErrorIs(t, err, itsm.ErrInvalid)

		monthly := config.Schedule{Start: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Months: 1}
		missed := monthly.Missed([]time.Time{may}, may)
		require.Len(t, missed, 2, "nobody reported in March and April")
		assert.Equal(t, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), missed[0].From)
	})
	t.Run("INV-26 every term is done, missed or open", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			start := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
			s := config.Schedule{Start: start, Months: rapid.IntRange(0, 3).Draw(rt, "months"), Days: rapid.IntRange(1, 20).Draw(rt, "days")}
			var done []time.Time
			for range rapid.IntRange(0, 5).Draw(rt, "done") {
				done = append(done, start.AddDate(0, 0, rapid.IntRange(0, 300).Draw(rt, "day")))
			}
			now := start.AddDate(0, 0, rapid.IntRange(0, 300).Draw(rt, "now"))
			terms := s.Terms(done, now)
			open := 0
			for i, term := range terms {
				if i > 0 && !terms[i-1].To.Equal(term.From) {
					rt.Fatalf("%v is followed by %v", terms[i-1], term)
				}
				if term.To.After(now) {
					open++
				}
				kept := false
				for _, d := range done {
					kept = kept || !d.Before(term.From) && d.Before(term.To)
				}
				if want := map[bool]config.Fate{true: config.TermDone, false: map[bool]config.Fate{true: config.TermOpen, false: config.TermMissed}[term.To.After(now)]}[kept]; term.Fate != want {
					rt.Fatalf("%v, want %s", term, want)
				}
			}
			if open != 1 {
				rt.Fatalf("%d terms run at %s: %v", open, now, terms)
			}
		})
	})
	t.Run("R-259 classes in scope have an owner, and coverage is registered of known", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		r.server("L-1")
		r.item("server", nil) // pending
		scores := r.Items().Scores(r.all(), map[string]int{"server": 4, "client": 100})
		by := map[string]config.Coverage{}
		for _, c := range scores.Classes {
			by[c.Class] = c
			assert.NotEmpty(t, c.Owner, c.Class)
		}
		assert.Equal(t, 0.25, by["server"].Breadth)
		assert.Equal(t, 4, by["server"].Known)
		assert.Zero(t, by["client"].Breadth)
		assert.Equal(t, config.MustControl, by["network_device"].Control, "what must be controlled is listed without items too")
		assert.NotContains(t, by, "printer", "what may be controlled is not")
	})
	t.Run("R-261 breadth and depth by class and in total, and their trend", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		r.live("service", "a", attrs{"key": text("a"), "grade": text("auxiliary")})
		before := r.Items().Scores(r.all(), map[string]int{"service": 2})
		assert.Equal(t, config.Coverage{Class: "total", Registered: 1, Known: 2, Breadth: 0.5, Filled: 2, Declared: 4, Depth: 0.5}, before.Total)
		r.live("service", "b", attrs{"key": text("b"), "grade": text("auxiliary"), "description": text("x"), "version": text("1")})
		after := r.Items().Scores(r.all(), map[string]int{"service": 2})
		assert.Equal(t, 1.0, after.Total.Breadth)
		assert.Equal(t, 0.75, after.Total.Depth)
		breadth, depth := after.Trend(before)
		assert.Equal(t, []float64{0.5, 0.25}, []float64{breadth, depth})
	})
	t.Run("F-CFG-9 health has denominators and names what fails", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		a, b, c := r.server("L-1"), r.server("L-2"), r.server("L-3")
		r.item("server", nil) // pending items do not count
		r.do(keeper, a, config.Link{Authority: under, Type: "depends_on", To: b})
		r.do(monitor, a, config.Observe{Sightings: []config.Sighting{{Attribute: "os", Source: "glpi", Value: text("linux"), At: r.clock}}})
		r.do(keeper, b, config.SuspectDuplicate{Suspects: []config.Suspect{{Item: c, Why: "same host name"}}})
		h, err := r.Health(keeper, r.pass(61*24*time.Hour))
		require.NoError(t, err)
		assert.Equal(t, 3, h.Items)
		assert.Equal(t, config.Score{Checked: 3, Good: 1, Failing: []itsm.ID{a, b}}, h.Correctness, "one is stale, one perhaps there twice")
		assert.Equal(t, config.Score{Checked: 3, Good: 2, Failing: []itsm.ID{c}}, h.Relations, "one stands alone")
		assert.Equal(t, 1.0, h.Compliance.Ratio())
		assert.Equal(t, 1.0, h.Completeness.Ratio())
	})
	t.Run("F-CFG-9 the accuracy of a sample has an interval, and a margin needs a number of samples", func(t *testing.T) {
		t.Parallel()
		a := config.AccuracyOf(97, 100)
		assert.InDelta(t, 0.9155, a.Low, 0.0005)
		assert.InDelta(t, 0.9897, a.High, 0.0005)
		assert.Equal(t, 370, config.SampleSize(9500, 0.05))
		assert.Equal(t, 10, config.SampleSize(10, 0.05))
		rapid.Check(t, func(rt *rapid.T) {
			n := rapid.IntRange(1, 500).Draw(rt, "n")
			k := rapid.IntRange(0, n).Draw(rt, "k")
			x := config.AccuracyOf(k, n)
			if x.Low > x.Ratio()+1e-9 || x.High < x.Ratio()-1e-9 || x.Low < 0 || x.High > 1 {
				rt.Fatalf("%+v", x)
			}
		})
	})
}
