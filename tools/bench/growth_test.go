package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/store/memory"
)

// BenchmarkGrowth gives a simple command to one of n open incidents, and looks ten up by an index, on the store in memory. Ten times
// the incidents take ten times the memory, so the largest number is the one that fits into 24 GiB with room to spare.
func BenchmarkGrowth(b *testing.B) {
	sizes := []int{1_000, 10_000, 100_000, 1_000_000}
	if testing.Short() {
		sizes = sizes[:2]
	}
	for _, n := range sizes {
		b.Run(fmt.Sprintf("incidents=%d", n), func(b *testing.B) {
			desk := itsm.WithActor(context.Background(), itsm.Actor{ID: "desk", Tenant: "h1", Roles: []itsm.Role{itsm.RoleDeskManager}})
			at := time.Date(2026, 2, 14, 8, 0, 0, 0, time.UTC)
			s, err := incident.New(incident.NewRepository(memory.New()), incident.Config{Config: itsm.Config{Clock: func() time.Time { return at }}})
			if err != nil {
				b.Fatal(err)
			}
			ids := make([]itsm.ID, n)
			for i := range ids {
				at = at.Add(time.Second)
				inc, err := s.Do(desk, "", incident.Record{Channel: incident.Phone, Caller: incident.Caller{Person: "u-017", Name: "caller", Department: "fee", Phone: "8001"}, Summary: "the printer is silent",
					CI: fmt.Sprint("printer-", i)})
				if err != nil {
					b.Fatal(err)
				}
				ids[i] = inc.ID
			}
			runtime.GC()
			var mem runtime.MemStats
			runtime.ReadMemStats(&mem)
			r := rand.New(rand.NewPCG(1, 2))
			b.Run("do", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := s.Do(desk, ids[r.IntN(n)], incident.Contact{Channel: incident.Phone}); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(mem.HeapAlloc)/float64(n), "B/incident")
			})
			find := func(i int) {
				q := itsm.Query{Where: []itsm.Condition{itsm.Where("ci", itsm.TextOf(fmt.Sprint("printer-", i)))}, Limit: 10}
				found := 0
				for _, err := range s.Find(desk, q) {
					if err != nil {
						b.Fatal(err)
					}
					found++
				}
				if found != 1 {
					b.Fatal(found)
				}
			}
			find(0) // the first search by a field builds its index
			b.Run("find", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					find(r.IntN(n))
				}
			})
		})
	}
}
