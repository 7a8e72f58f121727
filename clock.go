package itsm

import (
	"crypto/rand"
	"encoding/base32"
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

var randomBytes sync.Pool // of *[16]byte

// randomText returns 128 random bits as 26 characters.
func randomText(random io.Reader) (string, error) {
	b, _ := randomBytes.Get().(*[16]byte)
	if b == nil {
		b = new([16]byte)
	}
	defer randomBytes.Put(b)
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", err
	}
	var text [26]byte
	idEncoding.Encode(text[:], b[:])
	return string(text[:]), nil
}
