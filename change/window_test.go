package change_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/calendar"
	"github.com/hospital-itsm/itsm/change"
)

func drawSteps(t *rapid.T) (steps []change.Step) {
	for range rapid.IntRange(0, 5).Draw(t, "steps") {
		steps = append(steps, change.Step{
			Estimate: itsm.Duration(rapid.IntRange(1, 60).Draw(t, "estimate")) * itsm.Minute, Undo: itsm.Duration(rapid.IntRange(0, 30).Draw(t, "undo")) * itsm.Minute})
	}
	return steps
}

// fitsPlainly walks through the night minute by minute: after every step, and at the end, going back must end in time.
func fitsPlainly(w change.Window, steps []change.Step, back change.Backout) bool {
	at := w.Start
	undo := back.Duration.Std()
	ok := !at.Add(undo).After(w.Closes())
	for i, s := range steps {
		at, undo = at.Add(s.Estimate.Std()), undo+s.Undo.Std()
		ok = ok && !at.After(w.End) && !at.Add(undo).After(w.Closes())
		_ = i
	}
	return ok
}

func TestWindowArithmetic(t *testing.T) {
	t.Parallel()
	t.Run("R-236 the backout fits the window after every step, and the arithmetic is monotone", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			w := change.Window{Start: minutes(0), End: minutes(rapid.IntRange(1, 200).Draw(t, "end")), Reserve: itsm.Duration(rapid.IntRange(0, 60).Draw(t, "reserve")) * itsm.Minute}
			steps := drawSteps(t)
			back := change.Backout{Duration: itsm.Duration(rapid.IntRange(1, 60).Draw(t, "back")) * itsm.Minute}
			fit := change.FitOf(w, steps, back)
			require.Equal(t, fitsPlainly(w, steps, back), fit.Fits())
			if fit.Fits() {
				assert.False(t, fit.Decide.Before(w.Start.Add(fit.Work)), "there is time to decide after the last step")
			}
			longer := w
			longer.Reserve += itsm.Duration(fit.Missing)
			longer.End = longer.End.Add(fit.Missing)
			require.True(t, change.FitOf(longer, steps, back).Fits(), "what is said to be missing is enough")
			more := back
			more.Duration += itsm.Minute
			require.GreaterOrEqual(t, change.FitOf(w, steps, more).Missing, fit.Missing)
		})
	})
	t.Run("F-CHG-12 the last safe decision never moves later as steps are begun, and backing out from it ends in time", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			w := change.Window{Start: minutes(0), End: minutes(300), Reserve: itsm.Duration(rapid.IntRange(0, 60).Draw(t, "reserve")) * itsm.Minute}
			steps := drawSteps(t)
			back := change.Backout{Duration: itsm.Duration(rapid.IntRange(1, 60).Draw(t, "back")) * itsm.Minute}
			last := change.LastSafe(w, steps, back, 0)
			for begun := range len(steps) + 1 {
				at := change.LastSafe(w, steps, back, begun)
				require.False(t, at.After(last))
				need := back.Duration.Std()
				for _, s := range steps[:begun] {
					need += s.Undo.Std()
				}
				require.True(t, at.Add(need).Equal(w.Closes()))
				last = at
			}
			require.Equal(t, change.FitOf(w, steps, back).Decide, last, "the latest decision of the plan is that after the last step")
		})
	})
}

func hours(t testing.TB, data change.HoursData) *change.Hours {
	t.Helper()
	h, err := change.NewHours(data)
	require.NoError(t, err)
	return h
}

func local(zone, text string) time.Time {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		panic(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04", text, loc)
	if err != nil {
		panic(err)
	}
	return at
}

func kinds(found []change.Conflict) (all []change.ConflictKind) {
	for _, c := range found {
		all = append(all, c.Kind)
	}
	return all
}

func TestHours(t *testing.T) {
	t.Parallel()
	const cn = "Asia/Shanghai"
	night := func(from, until string) change.Window {
		return change.Window{Start: local(cn, from), End: local(cn, until)}
	}
	t.Run("R-249 a freeze blocks at its edges to the minute, an emergency passes", func(t *testing.T) {
		t.Parallel()
		festival := change.AroundDays("spring_festival", cn, calendar.MustDate("2026-02-15"), calendar.MustDate("2026-02-23"), 2) // frozen 13 to 25 February
		months := change.MonthEnds("month_end", cn, calendar.MustDate("2026-01-01"), calendar.MustDate("2026-12-31"), 2)
		h := hours(t, change.HoursData{Freezes: []change.FreezeData{festival, months}})
		for _, c := range []struct {
			from, until string
			want        []change.ConflictKind
		}{
			{"2026-02-12 23:30", "2026-02-13 00:00", nil},
			{"2026-02-12 23:30", "2026-02-13 00:01", []change.ConflictKind{change.InFreeze}},
			{"2026-02-25 23:59", "2026-02-26 01:00", []change.ConflictKind{change.InFreeze}},
			{"2026-02-26 00:00", "2026-02-26 01:00", nil},
			{"2026-03-29 22:00", "2026-03-30 00:00", nil},
			{"2026-03-30 00:00", "2026-03-30 01:00", []change.ConflictKind{change.InFreeze}},
			{"2026-04-02 23:00", "2026-04-02 23:59", []change.ConflictKind{change.InFreeze}},
			{"2026-04-03 00:00", "2026-04-03 01:00", nil},
		} {
			found := h.Check(night(c.from, c.until), change.Site{})
			assert.Equal(t, c.want, kinds(found), c.from)
			for _, f := range found {
				assert.Equal(t, change.Blocking, f.Severity)
			}
			for _, f := range h.Check(night(c.from, c.until), change.Site{Emergency: true}) {
				assert.Equal(t, change.Warning, f.Severity, "an emergency is not blocked")
			}
		}
	})
	t.Run("the time for going back must lie within the maintenance hours, too", func(t *testing.T) {
		t.Parallel()
		h := hours(t, change.DefaultHours())
		grade := func(g string) change.Site { return change.Site{Grades: []string{g}} }
		assert.Empty(t, h.Check(night("2026-03-08 00:00", "2026-03-08 05:00"), grade("A")))
		w := night("2026-03-08 00:00", "2026-03-08 05:00")
		w.Reserve = itsm.Minute
		found := h.Check(w, grade("A"))
		require.Equal(t, []change.ConflictKind{change.OutsideHours}, kinds(found))
		assert.True(t, found[0].Span.Start.Equal(local(cn, "2026-03-08 05:00")), "the conflict names the minute that lies outside")
		assert.Equal(t, []change.ConflictKind{change.OutsideHours}, kinds(h.Check(night("2026-03-09 00:00", "2026-03-09 05:00"), grade("A"))), "Monday is no day for grade A")
		assert.Empty(t, h.Check(night("2026-03-09 23:30", "2026-03-10 05:30"), grade("B")))
		assert.Equal(t, []change.ConflictKind{change.InPeak}, kinds(h.Check(night("2026-03-09 11:00", "2026-03-09 12:00"), grade("D"))))
	})
	t.Run("OctopusDeploy-9291 a weekly freeze is that of its own zone, and an hour shorter when the clocks go forward", func(t *testing.T) {
		t.Parallel()
		const zone = "Europe/Berlin"
		weekly := change.FreezeData{Name: "sundays", Calendar: parse(t, `{"zone": "Europe/Berlin", "week": {"sun": ["00:00-06:00"]}}`)}
		h := hours(t, change.HoursData{Freezes: []change.FreezeData{weekly}})
		at := func(from, until string) []change.Conflict {
			return h.Check(change.Window{Start: local(zone, from), End: local(zone, until)}, change.Site{})
		}
		// In UTC it is still Saturday: a freeze kept in UTC would look at the wrong day.
		require.Len(t, at("2026-07-05 00:30", "2026-07-05 01:00"), 1)
		require.Empty(t, at("2026-07-06 00:30", "2026-07-06 01:00"))
		spring := at("2026-03-29 00:00", "2026-03-29 12:00")
		require.Len(t, spring, 1)
		assert.Equal(t, 5*time.Hour, spring[0].Span.Length())
		autumn := at("2026-10-25 00:00", "2026-10-25 12:00")
		require.Len(t, autumn, 1)
		assert.Equal(t, 7*time.Hour, autumn[0].Span.Length())
	})
	t.Run("faulty data are named all at once", func(t *testing.T) {
		t.Parallel()
		_, err := change.NewHours(change.HoursData{Freezes: []change.FreezeData{{Name: "x", InFlight: "run"}, {Name: "x", Category: []change.Category{"soul"}}}})
		require.ErrorIs(t, err, itsm.ErrInvalid)
		for _, part := range []string{`in_flight is "run"`, `the name "x" is empty or there twice`, `"soul" is no category`} {
			assert.ErrorContains(t, err, part)
		}
	})
}

func parse(t testing.TB, text string) calendar.Data {
	t.Helper()
	c, err := calendar.Parse([]byte(text))
	require.NoError(t, err)
	return c.Data()
}

func FuzzParseHours(f *testing.F) {
	f.Add([]byte(`{"freezes": [{"name": "x", "calendar": {"zone": "Asia/Shanghai", "week": {"sun": ["00:00-06:00"]}}, "in_flight": "back_out"}]}`))
	f.Add([]byte(`{"maintenance": {"A": {"zone": "UTC"}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := change.ParseHours(text)
		if err != nil {
			require.ErrorIs(t, err, itsm.ErrInvalid)
			return
		}
		h.Check(window, change.Site{Grades: []string{"A"}})
	})
}
