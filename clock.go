package itsm

import (
	"crypto/rand"
	"encoding/base32"
	"io"
	"time"
)

// This file is the only one of the domain that touches the clock and the random source of the machine, as the defaults of [Config].

func systemClock() time.Time { return time.Now() }

var systemRandom io.Reader = rand.Reader

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// randomText returns 128 random bits as 26 characters.
func randomText(random io.Reader) (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", err
	}
	var text [26]byte
	idEncoding.Encode(text[:], b[:])
	return string(text[:]), nil
}
