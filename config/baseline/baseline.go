package baseline

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config"
)

// Kind is the kind of baselines.
const Kind itsm.Kind = "ci_baseline"

// MaxItems is how many items a baseline can have.
const MaxItems = 50_000

// A Baseline is a frozen picture of items.
type Baseline struct {
	itsm.Meta `json:"meta"`

	Name   string      `json:"name" itsm:"text"`
	Number int         `json:"number"`          // version of the name, from 1
	Prior  itsm.ID     `json:"prior,omitempty"` // the version before
	Scope  Scope       `json:"scope"`           //
	State  State       `json:"state"`           //
	Taken  time.Time   `json:"taken"`           //
	Items  []Snapshot  `json:"items"`           // sorted by ID
	Digest itsm.Digest `json:"digest"`          // of the digests of the items
}

// A State is where a baseline stands.
type State string

// The states.
const (
	StateFrozen  State = "frozen"
	StateRetired State = "retired" // no longer referred to; its content stays
)

// A Scope chooses the items of a baseline. The fields restrict one another; an empty one does not restrict. Items that are gone are never in it.
type Scope struct {
	Items   []itsm.ID      `json:"items,omitempty"`
	Classes []string       `json:"classes,omitempty"` // subclasses included
	Place   string         `json:"place,omitempty"`
	States  []config.State `json:"states,omitempty"`
}

// Has reports whether an item is in the scope.
func (s Scope) Has(m *config.Model, i *config.Item) bool {
	return !i.Gone() && (len(s.Items) == 0 || slices.Contains(s.Items, i.ID)) && (s.Place == "" || i.Get("place").Text() == s.Place) &&
		(len(s.States) == 0 || slices.Contains(s.States, i.State)) &&
		(len(s.Classes) == 0 || slices.ContainsFunc(s.Classes, func(c string) bool { return m.Is(i.Class, c) }))
}

// A Snapshot is what an item is at an instant.
type Snapshot struct {
	Item      itsm.ID               `json:"item"`
	Version   uint64                `json:"version"` // of the record
	Class     string                `json:"class"`
	Name      string                `json:"name" itsm:"text"`
	Label     string                `json:"label,omitempty"`
	State     config.State          `json:"state"`
	Status    string                `json:"status,omitempty"`
	Values    map[string]itsm.Value `json:"values,omitempty"`
	Relations []Relation            `json:"relations,omitempty"` // sorted by type and target
	Documents map[string]string     `json:"documents,omitempty"` // versions by reference
	Digest    itsm.Digest           `json:"digest"`
}

// A Relation leads from the item of a snapshot to another.
type Relation struct {
	Type string  `json:"type"`
	To   itsm.ID `json:"to"`
}

// Of returns the snapshot of an item.
func Of(i *config.Item) Snapshot {
	s := Snapshot{Item: i.ID, Version: i.Version, Class: i.Class, Name: i.Name, Label: i.Label.Code, State: i.State, Status: i.Status}
	if values := i.Values(); len(values) > 0 {
		s.Values = values
	}
	for _, r := range i.Relations {
		if r.Current() {
			s.Relations = append(s.Relations, Relation{r.Type, r.To})
		}
	}
	for _, d := range i.Documents {
		if s.Documents == nil {
			s.Documents = map[string]string{}
		}
		s.Documents[d.Ref] = d.Version
	}
	s.Digest = s.digest()
	return s
}

// digest is the SHA-256 of the snapshot as JSON without its digest. Maps are written in the order of their keys.
func (s Snapshot) digest() itsm.Digest {
	s.Digest = itsm.Digest{}
	text, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("baseline: a snapshot that cannot be written: %v", err)) // it is made of texts, numbers and times
	}
	return sha256.Sum256(text)
}

// DigestOf returns the digest of some snapshots, which must be sorted.
func DigestOf(items []Snapshot) itsm.Digest {
	h := sha256.New()
	for i := range items {
		h.Write(items[i].Digest[:])
	}
	return itsm.Digest(h.Sum(nil))
}

// Verify checks the content of the baseline against its digests; the error names the first item that is not as it was frozen.
func (b *Baseline) Verify() error {
	for i := range b.Items {
		if s := &b.Items[i]; s.digest() != s.Digest {
			return fmt.Errorf("%w: baseline %s: item %s is not as it was frozen", itsm.ErrInvalid, b.ID, s.Item)
		}
	}
	if DigestOf(b.Items) != b.Digest {
		return fmt.Errorf("%w: baseline %s: an item was added or taken away", itsm.ErrInvalid, b.ID)
	}
	return nil
}

func sortSnapshots(items []Snapshot) {
	slices.SortFunc(items, func(a, b Snapshot) int { return cmp.Compare(a.Item, b.Item) })
}
