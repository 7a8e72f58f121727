package sla_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/sla"
)

// four is the reference profile of one priority: four metrics, with ladders.
func four() []sla.Definition {
	var out []sla.Definition
	for _, p := range []string{"P1", "P2", "P3", "P4"} {
		for _, m := range []struct {
			metric sla.Metric
			goal   string
			stop   string
		}{{sla.Response, "15m", "responded"}, {sla.OnSite, "30m", "count > 0"}, {sla.Restoration, "8h", `phase == "restored" or phase == "resolved"`}, {sla.Resolution, "3wd", `phase == "resolved"`}} {
			out = append(out, sla.Definition{
				Key: p + string(m.metric), Metric: m.metric, Goal: sla.MustGoal(m.goal), Calendar: "plain", For: map[string][]string{"priority": {p}},
				PauseReasons: []string{"user", "window"}, Stop: m.stop, Ladder: rungs("50%", "75%", "100%"),
			})
		}
	}
	return out
}

func BenchmarkObserve(b *testing.B) {
	start := at("2026-03-02 09:00")
	one := catalog(b, four()[8:12]...)
	all := catalog(b, four()...)
	f := &facts{Priority: "P3", Phase: "active"}
	sheet := step(b, all, sla.Sheet{}, *f, start)
	for _, c := range []struct {
		name string
		cat  *sla.Catalog
		s    sla.Sheet
		hold string
	}{
		{"first/4 definitions", one, sla.Sheet{}, ""}, {"first/16 definitions", all, sla.Sheet{}, ""},
		{"unchanged/4 definitions", one, sheet, ""}, {"unchanged/16 definitions", all, sheet, ""}, {"pause/16 definitions", all, sheet, "user"},
	} {
		b.Run(c.name, func(b *testing.B) {
			g := *f
			g.Hold = c.hold
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.cat.Observe(c.s, &g, start.Add(time.Minute)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkDue stands beside what it replaces: computing the due time from the events.
func BenchmarkDue(b *testing.B) {
	cat := catalog(b, four()...)
	sheet := step(b, cat, sla.Sheet{}, facts{Priority: "P3"}, at("2026-03-02 09:00"))
	b.Run("cached", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, ok := sheet.Due(sla.Resolution); !ok {
				b.Fatal("no due time")
			}
		}
	})
	b.Run("computed", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := cat.Status(sheet, at("2026-03-02 10:00")); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkSheet(b *testing.B) {
	cat := catalog(b, four()...)
	events, err := cat.Observe(sla.Sheet{}, facts{Priority: "P3"}, at("2026-03-02 09:00"))
	require.NoError(b, err)
	sheet := sla.Sheet{}.Apply(events...)
	text, err := json.Marshal(sheet)
	require.NoError(b, err)
	b.Run("apply 8 events", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sla.Sheet{}.Apply(events...)
		}
	})
	b.Run("unmarshal", func(b *testing.B) {
		b.ReportAllocs()
		b.ReportMetric(float64(len(text)), "bytes")
		for b.Loop() {
			var s sla.Sheet
			if err := json.Unmarshal(text, &s); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("tick with nothing to do", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := cat.Tick(sheet, at("2026-03-02 09:01")); err != nil {
				b.Fatal(err)
			}
		}
	})
}
