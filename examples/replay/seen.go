package main

import "hash/maphash"

// seen is a filter of a fixed size that tells whether a number may have been added before: it never misses one that was,
// and is seldom wrong about one that was not. So what has been read needs no memory; who gets a yes reads the log again to be sure.
type seen struct {
	bits []uint64
	seed maphash.Seed
}

const (
	seenWords  = 1 << 17 // 1 MiB: one in a thousand is wrong at half a million numbers
	seenHashes = 4
)

func newSeen() *seen { return &seen{make([]uint64, seenWords), maphash.MakeSeed()} }

// add adds a number and reports whether it may have been there.
func (s *seen) add(number string) bool {
	h := maphash.String(s.seed, number)
	there := true
	for range seenHashes {
		word, bit := &s.bits[h>>6%seenWords], uint64(1)<<(h&63)
		there = there && *word&bit != 0
		*word |= bit
		h = h*0x9e3779b97f4a7c15 + 0x632be59bd9b4e019
		h ^= h >> 29
	}
	return there
}
