package itsm

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Tenant is one organisation in a store: a hospital. It is part of every key; nothing is read, linked or listed across tenants.
type Tenant string

// A Kind names the kind of a record: "incident".
type Kind string

// An ID names a record within its tenant and kind: "INC-20260214-0007".
type ID string

// A Key is where a record is stored.
type Key struct {
	Tenant Tenant `json:"tenant"`
	Kind   Kind   `json:"kind"`
	ID     ID     `json:"id"`
}

// String returns tenant/kind/id.
func (k Key) String() string { return string(k.Tenant) + "/" + string(k.Kind) + "/" + string(k.ID) }

// Ref returns the reference that records of the same tenant hold to this one.
func (k Key) Ref() Ref { return Ref{k.Kind, k.ID} }

// A Ref refers from one record to another of the same tenant. It has no tenant of its own, so a link across tenants cannot be written down.
type Ref struct {
	Kind Kind `json:"kind"`
	ID   ID   `json:"id"`
}

// IsZero reports whether r refers to nothing.
func (r Ref) IsZero() bool { return r == Ref{} }

// In completes the reference within a tenant.
func (r Ref) In(t Tenant) Key { return Key{t, r.Kind, r.ID} }

// String returns kind/id, "" for the zero Ref.
func (r Ref) String() string {
	if r.IsZero() {
		return ""
	}
	return string(r.Kind) + "/" + string(r.ID)
}

// ParseRef reads what [Ref.String] wrote.
func ParseRef(s string) (Ref, error) {
	kind, id, ok := strings.Cut(s, "/")
	if !ok || kind == "" || id == "" {
		return Ref{}, fmt.Errorf("%w: reference %.250q: want kind/id, such as incident/INC-20260214-0007", ErrInvalid, s)
	}
	if err := errors.Join(checkName("the kind of a reference", kind), checkName("the ID of a reference", id)); err != nil {
		return Ref{}, err
	}
	return Ref{Kind(kind), ID(id)}, nil
}

// maxName bounds tenants, kinds, IDs and command IDs, in bytes.
const maxName = 200

// checkName reports what is wrong with an identifier that came from outside: it must be printable, without blanks at
// the ends, and not longer than 200 bytes.
func checkName(what, s string) error {
	switch {
	case s != "" && len(s) <= maxName && visible(s): // nearly all
	case s == "":
		return fmt.Errorf("%w: %s is empty", ErrInvalid, what)
	case len(s) > maxName:
		return fmt.Errorf("%w: %s has %d bytes, at most %d are allowed", ErrInvalid, what, len(s), maxName)
	case strings.TrimSpace(s) != s:
		return fmt.Errorf("%w: %s %q begins or ends with a blank", ErrInvalid, what, s)
	case strings.ContainsFunc(s, unprintable):
		return fmt.Errorf("%w: %s %q has an unprintable character", ErrInvalid, what, s)
	}
	return nil
}

// visible reports whether a text has nothing but ASCII characters that are seen.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// unprintable reports characters that are not seen, or turn others around, so that two identifiers would look alike.
func unprintable(r rune) bool {
	return r < 0x20 || r >= 0x7f && (r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp))
}

// A CommandID makes a command count once: the same ID twice has the effect of once.
type CommandID string

// A Position is a place in the journal of a store. It is opaque: only the store that gave it out can order it. "" is the beginning.
type Position string

// A Digest is a SHA-256 value.
type Digest [32]byte

// IsZero reports whether d is the digest of nothing.
func (d Digest) IsZero() bool { return d == Digest{} }

// String returns d in lower-case hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText writes d in lower-case hexadecimal; the zero digest is empty.
func (d Digest) MarshalText() ([]byte, error) {
	if d.IsZero() {
		return nil, nil
	}
	return []byte(d.String()), nil
}

// UnmarshalText reads 64 hexadecimal digits, or nothing.
func (d *Digest) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*d = Digest{}
		return nil
	}
	var read Digest
	if len(text) != 2*len(d) {
		return fmt.Errorf("%w: a digest has 64 hexadecimal digits", ErrInvalid)
	}
	if _, err := hex.Decode(read[:], text); err != nil {
		return fmt.Errorf("%w: a digest has 64 hexadecimal digits: %w", ErrInvalid, err)
	}
	*d = read
	return nil
}
