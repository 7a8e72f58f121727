package memory_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

var benchStart = time.Date(2026, 2, 14, 8, 0, 0, 0, time.UTC)

// step is the n-th command, on the record of a snapshot.
func step(prev store.Snapshot, n int) store.Batch {
	at := benchStart.Add(time.Duration(n) * time.Second)
	command := itsm.CommandID(fmt.Sprintf("0123456789abcdef-%09d", n))
	e := itsm.Event{
		Key: prev.Key, Seq: prev.Seq + 1, Type: "incident.triaged", At: at, Recorded: at, Actor: "u-017", Command: command, CommandName: "incident.triage",
		Data: make([]byte, 160), Prev: prev.Head, Hash: itsm.Digest{1, byte(n)},
	}
	return store.Batch{
		Tenant: prev.Key.Tenant, Events: []itsm.Event{e}, Commands: []itsm.CommandID{command},
		Puts: []store.Put{{
			Expect: prev.Seq, Snapshot: store.Snapshot{Key: prev.Key, Seq: e.Seq, Head: e.Hash, Recorded: at, Data: make([]byte, 500), Wake: at.Add(time.Hour)},
			Index: []itsm.IndexEntry{
				{Field: "state", Value: itsm.TextOf([]string{"new", "active", "waiting"}[n%3])}, {Field: "updated", Value: itsm.TimeOf(at)},
				{Field: "caller", Value: itsm.TextOf("u-117")}, {Field: "service", Value: itsm.TextOf("his-opd")},
			},
		}},
	}
}

// A bare is what a test double often is: maps under a lock, without indexes, wakes or checks.
type bare struct {
	mu       sync.Mutex
	records  map[itsm.Key]store.Snapshot
	commands map[itsm.CommandID]bool
	journal  []itsm.Event
}

func (m *bare) commit(b *store.Batch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records[b.Puts[0].Key] = b.Puts[0].Snapshot
	m.commands[b.Commands[0]] = true
	m.journal = append(m.journal, b.Events[0])
}

// One command: load the record, write it with its entry.
func BenchmarkCommand(b *testing.B) {
	key := func(n int) itsm.Key {
		return itsm.Key{Tenant: "h1", Kind: "incident", ID: itsm.ID([]string{"a", "b", "c", "d", "e", "f", "g"}[n%7])}
	}
	run := func(b *testing.B, queries ...itsm.Query) {
		db := memory.New()
		ctx := context.Background()
		for _, q := range queries { // builds the indexes
			if err := db.Commit(ctx, step(store.Snapshot{Key: itsm.Key{Tenant: "h1", Kind: "incident", ID: "first"}}, 0)); err != nil {
				b.Fatal(err)
			}
			for range db.Find(ctx, q) {
			}
		}
		n := 1
		b.ReportAllocs()
		for b.Loop() {
			found, err := db.Load(ctx, key(n))
			if err == nil {
				err = db.Commit(ctx, step(found[0], n))
			}
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
	}
	b.Run("store", func(b *testing.B) { run(b) })
	b.Run("store, three fields asked for", func(b *testing.B) {
		run(b, itsm.Query{Tenant: "h1", Kind: "incident", OrderBy: "updated", Where: []itsm.Condition{itsm.Where("state", itsm.TextOf("new")), itsm.Where("caller", itsm.TextOf("x"))}})
	})
	b.Run("bare maps", func(b *testing.B) {
		m := bare{records: map[itsm.Key]store.Snapshot{}, commands: map[itsm.CommandID]bool{}}
		n := 1
		b.ReportAllocs()
		for b.Loop() {
			prev := m.records[key(n)]
			prev.Key = key(n)
			batch := step(prev, n)
			m.commit(&batch)
			n++
		}
	})
}

// A page of results among many records, by an index over another field than the order.
func BenchmarkFind(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			db := memory.New()
			for i := range n {
				if err := db.Commit(b.Context(), step(store.Snapshot{Key: itsm.Key{Tenant: "h1", Kind: "incident", ID: itsm.ID(fmt.Sprintf("INC-%06d", i*7919%n))}}, i)); err != nil {
					b.Fatal(err)
				}
			}
			q := itsm.Query{Tenant: "h1", Kind: "incident", Where: []itsm.Condition{itsm.Where("state", itsm.TextOf("new"))}, OrderBy: "updated", Desc: true, Limit: 20}
			for range db.Find(b.Context(), q) { // builds the indexes
			}
			b.ReportAllocs()
			for b.Loop() {
				found := 0
				for _, err := range db.Find(context.Background(), q) {
					if err != nil {
						b.Fatal(err)
					}
					found++
				}
				if found != 20 {
					b.Fatal(found)
				}
			}
		})
	}
}
