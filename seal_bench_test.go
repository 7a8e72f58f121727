package itsm_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
)

// BenchmarkVerifyJournal stands beside the bare limit: the hash of every entry, which nobody can do without.
func BenchmarkVerifyJournal(b *testing.B) {
	const entries = 20_000
	s := newSealed()
	series(s, 0, entries)
	s.seal(b, "h1")
	per := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/entries, "ns/entry")
	}
	b.Run("verify", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := s.verify("h1")
			require.NoError(b, err)
		}
		per(b)
	})
	b.Run("hashing alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for e, err := range s.Events(context.Background(), "", itsm.Filter{Tenant: "h1"}) {
				if err != nil || e.ComputeHash() != e.Hash {
					b.Fatal("changed")
				}
			}
		}
		per(b)
	})
}

// BenchmarkSeal seals a hundred new entries on top of few and of many.
func BenchmarkSeal(b *testing.B) {
	for name, before := range map[string]int{"on 1000": 1000, "on 200000": 200_000} {
		s := newSealed()
		series(s, 0, before)
		s.seal(b, "h1")
		series(s, before, 100)
		at := s.shelf.clone()
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				s.shelf.items = at.clone().items
				b.StartTimer()
				_, err := s.sealer(b).Seal(context.Background(), "h1", sealStart)
				require.NoError(b, err)
			}
		})
	}
}

// BenchmarkProveEntry makes and checks the proof of an entry in the middle.
func BenchmarkProveEntry(b *testing.B) {
	s := newSealed()
	series(s, 0, 100_000)
	s.seal(b, "h1")
	_, keys := testKey()
	e := s.events[50_000]
	proof, err := itsm.ProveEntry(context.Background(), s.shelf, keys, e.Key, e.Seq)
	require.NoError(b, err)
	b.Run("make", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := itsm.ProveEntry(context.Background(), s.shelf, keys, e.Key, e.Seq)
			require.NoError(b, err)
		}
	})
	b.Run("check", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := proof.Verify(&e, keys)
			require.NoError(b, err)
		}
	})
}
