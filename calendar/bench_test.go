package calendar_test

import (
	"math/rand/v2"
	"sort"
	"strconv"
	"testing"
	"time"

	"github.com/hospital-itsm/itsm/calendar"
)

// A plainIndex is the bare limit to compare with: the open stretches of twenty years in arrays, and a binary search.
type plainIndex struct{ start, end, open []int64 }

func newPlainIndex(c *calendar.Calendar, from, to time.Time) *plainIndex {
	x := &plainIndex{}
	var sum int64
	for s := range c.Spans(from, to) {
		x.start, x.end, x.open = append(x.start, s.From.Unix()), append(x.end, s.To.Unix()), append(x.open, sum)
		sum += s.To.Unix() - s.From.Unix()
	}
	return x
}

func (x *plainIndex) before(sec int64) int64 {
	lo, hi := 0, len(x.start)
	for lo < hi {
		if m := (lo + hi) / 2; x.start[m] <= sec {
			lo = m + 1
		} else {
			hi = m
		}
	}
	if lo == 0 {
		return 0
	}
	return x.open[lo-1] + min(sec, x.end[lo-1]) - x.start[lo-1]
}

func (x *plainIndex) between(a, b time.Time) time.Duration {
	return time.Duration(x.before(b.Unix())-x.before(a.Unix())) * time.Second
}

func (x *plainIndex) add(t time.Time, d time.Duration) time.Time {
	goal := x.before(t.Unix()) + int64(d/time.Second)
	i := sort.Search(len(x.open), func(i int) bool { return x.open[i] >= goal }) - 1
	return time.Unix(x.start[i]+goal-x.open[i], 0)
}

// benchCalendar has two shifts a day and thirty exceptions a year, over twenty years.
func benchCalendar(b *testing.B) *calendar.Calendar {
	d := calendar.Data{Zone: "Asia/Shanghai", Week: calendar.Workdays(office()...), Days: map[calendar.Date]calendar.Day{}}
	r := rand.New(rand.NewPCG(1, 2))
	for year := 2010; year < 2030; year++ {
		for range 20 {
			d.Holidays = append(d.Holidays, calendar.Holiday{From: date(strconv.Itoa(year) + "-01-01").AddDays(r.IntN(360))})
		}
		for range 10 {
			d.Days[date(strconv.Itoa(year)+"-01-01").AddDays(r.IntN(360))] = calendar.Day{Like: calendar.Fri}
		}
	}
	return build(b, d)
}

var spansToMeasure = []struct {
	name string
	span time.Duration
}{{"1 day", 24 * time.Hour}, {"30 days", 30 * 24 * time.Hour}, {"1 year", 365 * 24 * time.Hour}, {"10 years", 3652 * 24 * time.Hour}}

// instants are random, so that neither the cache nor the branch predictor knows them.
func instants(span time.Duration) []time.Time {
	r := rand.New(rand.NewPCG(3, 4))
	from := time.Date(2010, 1, 2, 0, 0, 0, 0, time.UTC)
	room := int64(time.Date(2029, 12, 1, 0, 0, 0, 0, time.UTC).Sub(from) - span)
	out := make([]time.Time, 1<<14)
	for i := range out {
		out[i] = from.Add(time.Duration(r.Int64N(room)).Truncate(time.Second))
	}
	return out
}

func BenchmarkBetween(b *testing.B) {
	c := benchCalendar(b)
	plain := newPlainIndex(c, time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	for _, m := range spansToMeasure {
		at := instants(m.span)
		b.Run("calendar/"+m.name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				t := at[i&(len(at)-1)]
				i++
				sink += c.Between(t, t.Add(m.span))
			}
		})
		b.Run("plain search/"+m.name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				t := at[i&(len(at)-1)]
				i++
				sink += plain.between(t, t.Add(m.span))
			}
		})
	}
}

func BenchmarkAdd(b *testing.B) {
	c := benchCalendar(b)
	plain := newPlainIndex(c, time.Date(2010, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	for _, m := range spansToMeasure {
		at := instants(m.span)
		work := c.Between(at[0], at[0].Add(m.span))*9/10 + time.Hour
		b.Run("calendar/"+m.name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				u, _ := c.Add(at[i&(len(at)-1)], work)
				i++
				sink += time.Duration(u.Nanosecond())
			}
		})
		b.Run("plain search/"+m.name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				u := plain.add(at[i&(len(at)-1)], work)
				i++
				sink += time.Duration(u.Nanosecond())
			}
		})
	}
}

// BenchmarkFirstUse is what the first question costs: the index of the years around it.
func BenchmarkFirstUse(b *testing.B) {
	d := benchCalendar(b).Data()
	for _, years := range []int{1, 20} {
		b.Run(strconv.Itoa(years)+" years", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c := build(b, d)
				from := time.Date(2010, 6, 1, 0, 0, 0, 0, time.UTC)
				sink += c.Between(from, from.AddDate(years, 0, 0))
			}
		})
	}
}

var sink time.Duration

func TestNoAllocations(t *testing.T) {
	t.Run("Between and Add allocate nothing", func(t *testing.T) {
		c := build(t, calendar.Data{Zone: "Asia/Shanghai", Week: calendar.Workdays(office()...)})
		from := time.Date(2010, 6, 1, 0, 0, 0, 1, time.UTC)
		to := from.AddDate(10, 0, 0)
		if n := testing.AllocsPerRun(100, func() {
			sink += c.Between(from, to)
			u, _ := c.Add(from, 100*time.Hour)
			v, _ := c.Add(u, -100*time.Hour)
			sink += v.Sub(u)
		}); n != 0 {
			t.Fatalf("%v allocations", n)
		}
	})
}
