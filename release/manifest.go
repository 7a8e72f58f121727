package release

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/hospital-itsm/itsm"
)

// Digest is the digest of some content: SHA-256.
type Digest = itsm.Digest

// A Distribution is a step by which a release reaches a target.
type Distribution string

// The steps, in their order. Package and deliver, as operate, are taken once a target, install once a unit.
const (
	StepPackage Distribution = "package"
	StepDeliver Distribution = "deliver"
	StepInstall Distribution = "install"
	StepOperate Distribution = "operate"
)

// Distributions returns all steps in their order.
func Distributions() []Distribution {
	return []Distribution{StepPackage, StepDeliver, StepInstall, StepOperate}
}

// A Measured is a file as it was found at a step.
type Measured struct {
	Key    string      `json:"key"`
	Digest itsm.Digest `json:"digest"`
	Size   int64       `json:"size"`
}

// A Mismatch is a file that is not what the manifest says.
type Mismatch struct {
	Key  string      `json:"key"`
	What string      `json:"what"` // missing, unknown, digest, size
	Want itsm.Digest `json:"want,omitzero"`
	Got  itsm.Digest `json:"got,omitzero"`
}

// Measure reads content to its end and says what it is. It reads in pieces, whatever the size.
func Measure(key string, content io.Reader) (Measured, error) {
	m := NewMeter()
	if _, err := io.Copy(m, content); err != nil {
		return Measured{}, fmt.Errorf("release: reading %s: %w", key, err)
	}
	return m.Measured(key), nil
}

// A Meter measures content that is written to it. It is for one goroutine.
type Meter struct {
	h hash.Hash
	n int64
}

// NewMeter returns a meter that has seen nothing.
func NewMeter() *Meter { return &Meter{h: sha256.New()} }

// Write implements [io.Writer]; it never fails.
func (m *Meter) Write(p []byte) (int, error) {
	m.n += int64(len(p))
	return m.h.Write(p)
}

// Measured returns what was written so far.
func (m *Meter) Measured(key string) Measured {
	out := Measured{Key: key, Size: m.n}
	m.h.Sum(out.Digest[:0])
	return out
}

// VerifyIntegrity compares what was found with the files of the manifest that should be there, in the order of the manifest; files that nobody
// asked for come last. There are no mismatches only when every file is there once, byte for byte.
func VerifyIntegrity(m Manifest, keys []string, found []Measured) (bad []Mismatch) {
	wanted := make(map[string]bool, len(keys))
	for _, k := range keys {
		wanted[k] = true
	}
	got := make(map[string]Measured, len(found))
	var foreign []Mismatch
	for _, f := range found {
		if _, twice := got[f.Key]; twice || !wanted[f.Key] {
			foreign = append(foreign, Mismatch{Key: f.Key, What: "unknown", Got: f.Digest})
			continue
		}
		got[f.Key] = f
	}
	for _, f := range m {
		if !wanted[f.Key] {
			continue
		}
		delete(wanted, f.Key)
		switch g, ok := got[f.Key]; {
		case !ok:
			bad = append(bad, Mismatch{Key: f.Key, What: "missing", Want: f.Digest})
		case g.Digest != f.Digest:
			bad = append(bad, Mismatch{Key: f.Key, What: "digest", Want: f.Digest, Got: g.Digest})
		case g.Size != f.Size:
			bad = append(bad, Mismatch{Key: f.Key, What: "size", Want: f.Digest, Got: g.Digest})
		}
	}
	for _, k := range keys {
		if wanted[k] {
			bad = append(bad, Mismatch{Key: k, What: "unknown"})
		}
	}
	return append(bad, foreign...)
}

// A Library is the definitive library: the only place that content of a release comes from.
type Library interface {
	// Lookup returns digest and size of a version, and whether the library has it.
	Lookup(ctx context.Context, tenant itsm.Tenant, path, version string) (Measured, bool, error)
}

// Shelf is a [Library] that is a list of files: for small hosts and for tests. It is the same for all tenants.
type Shelf []File

// Lookup implements [Library].
func (s Shelf) Lookup(_ context.Context, _ itsm.Tenant, path, version string) (Measured, bool, error) {
	for _, f := range s {
		if f.Path == path && f.Version == version {
			return Measured{f.Key, f.Digest, f.Size}, true, nil
		}
	}
	return Measured{}, false, nil
}

// Progress is how far a target is.
type Progress struct {
	CI      string       `json:"ci"`
	Wave    string       `json:"wave"`
	Step    Distribution `json:"step,omitempty"`  // the last one that was done
	Units   []string     `json:"units,omitempty"` // that were installed since it was packaged
	Failed  *Failure     `json:"failed,omitempty"`
	Retries int          `json:"retries,omitempty"`
	Since   time.Time    `json:"since,omitzero"`
}

// Done reports whether the target works with what it got.
func (p *Progress) Done() bool { return p.Step == StepOperate && p.Failed == nil }

// A Failure is why a target was stopped.
type Failure struct {
	Step       Distribution  `json:"step,omitempty"`
	Why        string        `json:"why,omitempty" itsm:"personal,text"`
	Mismatches []Mismatch    `json:"mismatches,omitempty"`
	By         itsm.PersonID `json:"by"`
	At         time.Time     `json:"at"`
}

// Applied is a unit on a target.
type Applied struct {
	CI   string    `json:"ci"`
	Unit string    `json:"unit"`
	At   time.Time `json:"at"`
}

// WaveProgress is how far a wave is.
type WaveProgress struct {
	Key     string    `json:"key"`
	Started time.Time `json:"started,omitzero"`
	Skipped string    `json:"skipped,omitempty" itsm:"text"` // why it was left out
	// Failures are those of its targets since the deployment was last continued, retries included.
	Failures int `json:"failures,omitempty"`
}

// A WaveCount is how the targets of a wave stand.
type WaveCount struct {
	Done, Failed, Open int
	Need               int // of Done
}

// Count returns how the targets of a wave stand.
func (r *Release) Count(w *Wave) (c WaveCount) {
	for i := range w.Targets {
		t := &w.Targets[i]
		p := find(r.Targets, func(p *Progress) bool { return p.CI == t.CI })
		switch {
		case p != nil && p.Done():
			c.Done++
		case p != nil && p.Failed != nil:
			c.Failed++
		default:
			c.Open++
		}
		if !t.Optional {
			c.Need++
		}
	}
	if w.Need > 0 {
		c.Need = w.Need
	}
	return c
}

// Passed reports whether a wave is behind the release. It is the one rule of promotion, for people and for automatic starts: enough
// targets work, all that are required among them unless the wave says how many it needs, or a wave that may be skipped was skipped.
func (r *Release) Passed(w *Wave) bool {
	p := find(r.Waves, func(p *WaveProgress) bool { return p.Key == w.Key })
	if p == nil {
		return false
	}
	if p.Skipped != "" {
		return w.Skip
	}
	if p.Started.IsZero() {
		return false
	}
	if c := r.Count(w); c.Done < c.Need {
		return false
	}
	if w.Need > 0 {
		return true
	}
	for i := range w.Targets {
		t := &w.Targets[i]
		if done := find(r.Targets, func(p *Progress) bool { return p.CI == t.CI && p.Done() }); done == nil && !t.Optional {
			return false
		}
	}
	return true
}
