package scheduler_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/scheduler"
	"github.com/hospital-itsm/itsm/store"
)

// sleepers puts records straight into the store that want to be woken in a year, and at different instants.
func (b *bench) sleepers(n int) {
	b.Helper()
	const batch = 1000
	for first := 0; first < n; first += batch {
		puts := make([]store.Put, 0, batch)
		for i := first; i < min(n, first+batch); i++ {
			key := itsm.Key{Tenant: "h1", Kind: "alarm", ID: itsm.ID(fmt.Sprintf("S-%08d", i))}
			wake := epoch.Add(365*24*time.Hour + time.Duration(i*7919%n)*time.Second)
			puts = append(puts, store.Put{Snapshot: store.Snapshot{Key: key, Seq: 1, Data: []byte("{}"), Wake: wake}})
		}
		require.NoError(b, b.inner.Commit(context.Background(), store.Batch{Tenant: "h1", Puts: puts}))
	}
}

const due = 100 // at a time

// rearm sets alarms that ring in each of the next ten minutes, so that most of what is measured is wakes.
func (b *bench) rearm(service *alarmService) (ids []itsm.ID) {
	b.Helper()
	at := make([]time.Time, 10)
	for i := range at {
		at[i] = b.clock.Now().Add(time.Duration(i+1) * time.Minute)
	}
	for range due {
		ids = append(ids, b.do(service, "", set{At: at}).ID)
	}
	return ids
}

// BenchmarkTick is one pass with a hundred wakes among records that sleep. What it costs must not depend on how many sleep, but for
// the garbage collector, which has to walk a store in memory. Its peers are the commands of the wakes, given by somebody who knows
// which are due; and a look at all records, which is what finding them takes without an index.
func BenchmarkTick(b *testing.B) {
	for _, sleepers := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("among %d", sleepers), func(b *testing.B) {
			w := setup(b)
			w.sleepers(sleepers)
			service := w.alarms("alarm")
			s := w.scheduler(scheduler.Config{}, scheduler.Wake(service, tick{}))
			runtime.GC()
			settle := func() { // what a run has left
				w.clock.Add(time.Hour)
				for left := due; left > 0; {
					r, err := s.Tick(context.Background())
					require.NoError(b, err)
					left = r.Woken
				}
			}
			b.Run("100 due", func(b *testing.B) {
				b.ReportAllocs()
				for n := 0; b.Loop(); n++ {
					if n%10 == 0 {
						b.StopTimer()
						settle()
						w.rearm(service)
						b.StartTimer()
					}
					w.clock.Add(time.Minute)
					if r, err := s.Tick(context.Background()); err != nil || r.Woken != due {
						b.Fatal(r, err)
					}
				}
			})
			b.Run("peer 100 commands", func(b *testing.B) {
				b.ReportAllocs()
				ctx := as("h1")
				var ids []itsm.ID
				for n := 0; b.Loop(); n++ {
					if n%10 == 0 {
						b.StopTimer()
						settle()
						ids = w.rearm(service)
						b.StartTimer()
					}
					now := w.clock.Add(time.Minute)
					for _, id := range ids {
						once := itsm.CommandID(fmt.Sprint("peer-", id, now.Unix()))
						if _, err := service.Do(ctx, id, tick{}, itsm.Once(once)); err != nil {
							b.Fatal(err)
						}
					}
				}
			})
			settle()
			b.Run("nothing due", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if r, err := s.Tick(context.Background()); err != nil || r.Woken != 0 {
						b.Fatal(r, err)
					}
				}
			})
			if sleepers > 10_000 {
				return
			}
			b.Run("peer look at all", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					for snap, err := range w.inner.Find(context.Background(), itsm.Query{Tenant: "h1", Kind: "alarm"}) {
						if err != nil || !snap.Wake.IsZero() && !snap.Wake.After(w.clock.Now()) {
							b.Fatal(snap.Key, err)
						}
					}
				}
			})
		})
	}
}

// BenchmarkReaction carries one event in a pass, besides which the journal is long.
func BenchmarkReaction(b *testing.B) {
	w := setup(b)
	service := w.alarms("alarm")
	id := w.do(service, "", set{}).ID
	h := &handler{}
	s := w.scheduler(scheduler.Config{}, h.job("h"))
	for range 1000 {
		w.do(service, id, arm{epoch})
	}
	w.pass(s)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		h.seen = nil
		w.do(service, id, mend{})
		b.StartTimer()
		r, err := s.Tick(context.Background())
		if err != nil || r.Handled != 1 {
			b.Fatal(r, err)
		}
	}
}
