package itsm

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"io"
	"sync"
	"time"
)

// This file is the only one of the domain that touches the clock and the random source of the machine, as the defaults of [Config].

func systemClock() time.Time { return time.Now() }

var systemRandom io.Reader = new(randomStock)

// A randomStock gives out what it has read from the random source of the machine in one piece. No byte is given out twice.
// It is safe for concurrent use.
type randomStock struct {
	mu    sync.Mutex
	stock [512]byte
	left  int
}

func (r *randomStock) Read(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.left == 0 {
		if _, err := rand.Read(r.stock[:]); err != nil {
			return 0, err
		}
		r.left = len(r.stock)
	}
	n := copy(b, r.stock[len(r.stock)-r.left:])
	clear(r.stock[len(r.stock)-r.left:][:n])
	r.left -= n
	return n, nil
}

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

var idBytes sync.Pool // of *[16]byte

// randomText returns 128 random bits as 26 characters.
func randomText(random io.Reader) (string, error) { return idText(random, 0, 0) }

// timedText returns 56 bits of an instant in microseconds and 72 random ones as 26 characters. Texts of later instants come behind those of
// earlier ones, so that an index over them grows at its end, where it is in memory.
func timedText(random io.Reader, at time.Time) (string, error) {
	return idText(random, 7, uint64(max(at.UnixMicro(), 0))<<8)
}

// idText writes the first bytes of a number, and random ones behind them, as 26 characters.
func idText(random io.Reader, bytes int, number uint64) (string, error) {
	b, _ := idBytes.Get().(*[16]byte)
	if b == nil {
		b = new([16]byte)
	}
	defer idBytes.Put(b)
	binary.BigEndian.PutUint64(b[:], number)
	if _, err := io.ReadFull(random, b[bytes:]); err != nil {
		return "", err
	}
	var text [26]byte
	idEncoding.Encode(text[:], b[:])
	return string(text[:]), nil
}
