package calendar_test

import (
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm/calendar"
)

// genAmount draws an amount of work up to some days, to the nanosecond.
func genAmount(t *rapid.T) time.Duration {
	return time.Duration(rapid.Int64Range(0, int64(100*time.Hour)).Draw(t, "amount"))
}

// genOpenCalendar draws a calendar that opens every week, so that every amount is reached.
func genOpenCalendar(t *rapid.T) (*calendar.Calendar, calendar.Data, calendar.Date) {
	zone, near := genPlace(t)
	d := genData(t, zone, near)
	d.Week.Wed = office()
	d.Week.Thu = nil // no night shift may run into Wednesday's or out of it
	d.Week.Tue = nil
	d.Seasons = nil
	return build(t, d), d, near
}

func TestLaws(t *testing.T) {
	t.Parallel()

	t.Run("R-287 due and elapsed are inverse", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			c, _, near := genOpenCalendar(t)
			at, d := genInstant(t, near, 20), genAmount(t)
			due, err := c.Add(at, d)
			require.NoError(t, err)
			require.Equal(t, d, c.Between(at, due))
			if d > 0 {
				require.Less(t, c.Between(at, due.Add(-1)), d, "not the earliest")
			}
			start, err := c.Add(at, -d)
			require.NoError(t, err)
			require.Equal(t, d, c.Between(start, at))
			if d > 0 {
				require.Less(t, c.Between(start.Add(1), at), d, "not the latest")
			}
		})
	})

	t.Run("F-SLA-2 elapsed is additive, antisymmetric and monotone; due adds up", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			c, _, near := genOpenCalendar(t)
			x, y, z := genInstant(t, near, 20), genInstant(t, near, 20), genInstant(t, near, 4000)
			require.Equal(t, c.Between(x, z), c.Between(x, y)+c.Between(y, z))
			require.Equal(t, c.Between(x, y), -c.Between(y, x))
			if x.Before(y) {
				require.LessOrEqual(t, c.Between(z, x), c.Between(z, y))
			}
			a, b := genAmount(t), genAmount(t)
			first, err := c.Add(x, a)
			require.NoError(t, err)
			second, err := c.Add(first, b)
			require.NoError(t, err)
			both, err := c.Add(x, a+b)
			require.NoError(t, err)
			if a > 0 || b > 0 {
				require.Equal(t, both, second)
			}
		})
	})

	t.Run("F-SLA-2 translation by whole weeks away from exceptions", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			c := build(t, calendar.Data{Zone: "Asia/Shanghai", Week: genWeek(t)})
			near := date("2026-06-01")
			a, b := genInstant(t, near, 30), genInstant(t, near, 30)
			weeks := time.Duration(rapid.IntRange(-500, 3000).Draw(t, "weeks")) * 7 * 24 * time.Hour
			require.Equal(t, c.Between(a, b), c.Between(a.Add(weeks), b.Add(weeks)))
			require.Equal(t, c.Open(a), c.Open(a.Add(weeks)))
		})
	})

	t.Run("F-SLA-2 splitting a shift changes nothing", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			zone, near := genPlace(t)
			cut := calendar.Clock(rapid.IntRange(8*60+1, 18*60-1).Draw(t, "cut"))
			whole := build(t, calendar.Data{Zone: zone, Week: calendar.EveryDay(calendar.Shift{From: 8 * 60, To: 18 * 60})})
			split := build(t, calendar.Data{Zone: zone, Week: calendar.EveryDay(
				calendar.Shift{From: cut, To: 18 * 60}, calendar.Shift{From: 8 * 60, To: cut})})
			a, b := genInstant(t, near, 20), genInstant(t, near, 20)
			require.Equal(t, whole.Between(a, b), split.Between(a, b))
			d := genAmount(t)
			u, err := whole.Add(a, d)
			require.NoError(t, err)
			v, err := split.Add(a, d)
			require.NoError(t, err)
			require.Equal(t, u, v)
		})
	})

	t.Run("F-SLA-2 union, intersection and subtraction obey the laws of sets", func(t *testing.T) {
		t.Parallel()
		must := func(c *calendar.Calendar, err error) *calendar.Calendar {
			if err != nil {
				panic(err)
			}
			return c
		}
		rapid.Check(t, func(t *rapid.T) {
			zone, near := genPlace(t)
			a := build(t, genData(t, zone, near))
			b := build(t, genData(t, zone, near))
			elsewhere, _ := genPlace(t)
			c := build(t, genData(t, elsewhere, near))
			or := func(cs ...*calendar.Calendar) *calendar.Calendar { return must(calendar.Union(cs...)) }
			and := func(cs ...*calendar.Calendar) *calendar.Calendar { return must(calendar.Intersect(cs...)) }
			minus := func(x *calendar.Calendar, cs ...*calendar.Calendar) *calendar.Calendar {
				return must(calendar.Subtract(x, cs...))
			}
			equal := func(x, y *calendar.Calendar, law string) {
				require.Empty(t, calendar.Diff(x, y, near.AddDays(-12), near.AddDays(12)), law)
			}
			equal(or(a, b), or(b, a), "union commutes")
			equal(and(a, c), and(c, a), "intersection commutes")
			equal(or(a, or(b, c)), or(or(a, b), c), "union associates")
			equal(and(a, and(b, c)), and(a, b, c), "intersection associates")
			equal(and(a, or(b, c)), or(and(a, b), and(a, c)), "intersection distributes")
			equal(or(a, and(b, c)), and(or(a, b), or(a, c)), "union distributes")
			equal(minus(a, or(b, c)), and(minus(a, b), minus(a, c)), "De Morgan")
			equal(minus(a, b, c), minus(minus(a, b), c), "subtraction in turn")
			equal(or(and(a, b), minus(a, b)), a, "the parts make the whole")
			x, y := genInstant(t, near, 12), genInstant(t, near, 12)
			require.Equal(t, a.Between(x, y)+c.Between(x, y), or(a, c).Between(x, y)+and(a, c).Between(x, y))
			require.Equal(t, a.Open(x) || c.Open(x), or(a, c).Open(x))
			require.Equal(t, a.Open(x) && c.Open(x), and(a, c).Open(x))
			require.Equal(t, a.Open(x) && !c.Open(x), minus(a, c).Open(x))
		})
	})

	t.Run("INV-10 working time and off-hours make up wall time", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			zone, near := genPlace(t)
			c := build(t, genData(t, zone, near))
			off, err := calendar.Subtract(calendar.Always(), c)
			require.NoError(t, err)
			a, b := genInstant(t, near, 20), genInstant(t, near, 2000)
			require.Equal(t, b.Sub(a), c.Between(a, b)+off.Between(a, b))
			// A pause takes from the working time no more and no less than what of it lies within.
			p, q := genInstant(t, near, 20), genInstant(t, near, 20)
			if a.Before(p) && p.Before(q) && q.Before(b) {
				running := c.Between(a, p) + c.Between(q, b)
				require.Equal(t, b.Sub(a), running+c.Between(p, q)+off.Between(a, b))
			}
		})
	})

	t.Run("INV-11 due is monotone in amount and start", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			c, _, near := genOpenCalendar(t)
			a, b := genInstant(t, near, 20), genInstant(t, near, 20)
			d, e := genAmount(t), genAmount(t)
			if b.Before(a) {
				a, b = b, a
			}
			due := func(at time.Time, d time.Duration) time.Time {
				u, err := c.Add(at, d)
				require.NoError(t, err)
				return u
			}
			require.False(t, due(b, d).Before(due(a, d)), "later start, earlier due")
			require.False(t, due(a, max(d, e)).Before(due(a, min(d, e))), "more work, earlier due")
		})
	})

	t.Run("INV-11 a holiday never makes a due time earlier, a make-up day never later", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			c, d, near := genOpenCalendar(t)
			at, amount := genInstant(t, near, 20), genAmount(t)
			was, err := c.Add(at, amount)
			require.NoError(t, err)
			day := near.AddDays(rapid.IntRange(-12, 12).Draw(t, "day"))

			more := d.Clone()
			more.Layers = append(more.Layers, calendar.Layer{Holidays: []calendar.Holiday{{From: day}}})
			later, err := build(t, more).Add(at, amount)
			require.NoError(t, err)
			require.False(t, later.Before(was), "a holiday on %s moves %s to %s", day, was, later)

			free := c.Day(day)
			if free.Working > 0 {
				return
			}
			made := d.Clone()
			made.Days = maps.Clone(d.Days)
			made.Layers = append(made.Layers, calendar.Layer{Days: map[calendar.Date]calendar.Day{day: {Like: calendar.Wed}}})
			earlier, err := build(t, made).Add(at, amount)
			require.NoError(t, err)
			require.False(t, earlier.After(was), "a make-up day on %s moves %s to %s", day, was, earlier)
		})
	})

	t.Run("INV-12 24×7 is wall time, across years and make-up days", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			zone, near := genPlace(t)
			whole := calendar.MustHours("00:00-24:00")
			c := rapid.SampledFrom([]*calendar.Calendar{
				calendar.Always(),
				build(t, calendar.Data{Zone: zone, Week: calendar.EveryDay(whole...)}),
				// The same in a form that is computed, with a make-up day.
				build(t, calendar.Data{Zone: zone, Week: calendar.EveryDay(calendar.MustHours("00:00-12:00", "12:00-24:00")...),
					Days: map[calendar.Date]calendar.Day{near: {Like: calendar.Fri, Kind: calendar.MakeUpWork}}}),
			}).Draw(t, "calendar")
			a, b := genInstant(t, near, 20), genInstant(t, near, 5000)
			require.Equal(t, b.Sub(a), c.Between(a, b))
			require.True(t, c.Open(a))
			u, err := c.Add(a, b.Sub(a))
			require.NoError(t, err)
			require.True(t, u.Equal(b))
		})
	})
}
