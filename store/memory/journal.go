package memory

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"sort"
	"strconv"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// journal is all entries in the order in which they were committed, with the ways to find them. Places count from 0.
type journal struct {
	leaves   [][]entry // leafSize each, the last may have fewer: growing never moves what is there
	len      int
	records  map[itsm.Key][]int
	commands map[commandKey]trail
}

const leafSize = 256

// entry is one event and the way to the next one of its command.
type entry struct {
	itsm.Event
	next int // place of the next event of the same command; 0 for none, since nothing comes before place 0
}

type commandKey struct {
	tenant itsm.Tenant
	id     itsm.CommandID
}

// trail leads along the events of one command.
type trail struct {
	used        bool // as a batch's command
	any         bool // has events
	first, last int
}

func newJournal() journal {
	return journal{records: make(map[itsm.Key][]int), commands: make(map[commandKey]trail)}
}

func (j *journal) at(place int) *entry { return &j.leaves[place/leafSize][place%leafSize] }

// add appends an event, whose slices it keeps.
func (j *journal) add(e *itsm.Event) {
	place := j.len
	if place%leafSize == 0 {
		var leaf []entry
		if place > 0 { // a store that has filled one leaf will fill more
			leaf = make([]entry, 0, leafSize)
		}
		j.leaves = append(j.leaves, leaf)
	}
	leaf := &j.leaves[place/leafSize]
	*leaf = append(*leaf, entry{Event: *e})
	kept := &(*leaf)[len(*leaf)-1].Event
	kept.At, kept.Recorded, kept.Payload, kept.Position = micros(e.At), micros(e.Recorded), nil, ""
	j.len++
	j.records[e.Key] = append(j.records[e.Key], place)
	if e.Command == "" {
		return
	}
	key := commandKey{e.Tenant, e.Command}
	t := j.commands[key]
	if t.any {
		j.at(t.last).next = place
	} else {
		t.any, t.first = true, place
	}
	t.last = place
	j.commands[key] = t
}

func (j *journal) use(tenant itsm.Tenant, id itsm.CommandID) {
	t := j.commands[commandKey{tenant, id}]
	t.used = true
	j.commands[commandKey{tenant, id}] = t
}

func (j *journal) used(tenant itsm.Tenant, id itsm.CommandID) bool {
	return j.commands[commandKey{tenant, id}].used
}

// erase takes the personal part off all entries of a record. Readers have copies of their own.
func (j *journal) erase(key itsm.Key) {
	for _, place := range j.records[key] {
		j.at(place).Personal = nil
	}
}

// read appends up to n entries from a place on that pass the filter, and returns the place to go on from; done says that
// there is none.
func (j *journal) read(out []itsm.Event, f *itsm.Filter, from, n int) (_ []itsm.Event, next int, done bool) {
	take := func(place int) {
		if e := j.at(place); f.Matches(&e.Event) {
			c := e.Event
			c.Data, c.Personal, c.Position = bytes.Clone(c.Data), bytes.Clone(c.Personal), position(place)
			out = append(out, c)
		}
	}
	switch {
	case f.ID != "":
		places := j.records[itsm.Key{Tenant: f.Tenant, Kind: f.Kind, ID: f.ID}]
		for _, place := range places[sort.SearchInts(places, from):] {
			if len(out) == n {
				return out, place, false
			}
			take(place)
		}
	case f.Command != "":
		t := j.commands[commandKey{f.Tenant, f.Command}]
		for place, more := t.first, t.any; more; place, more = j.at(place).next, j.at(place).next > 0 {
			if place < from {
				continue
			}
			if len(out) == n {
				return out, place, false
			}
			take(place)
		}
	default:
		for place := from; place < j.len; place++ {
			if len(out) == n || place == from+scan {
				return out, place, false
			}
			take(place)
		}
	}
	return out, 0, true
}

// scan is how many entries are looked at under one lock.
const scan = 8192

// position writes a place. Positions of one store are in the order of their texts.
func position(place int) itsm.Position { return itsm.Position(fmt.Sprintf("%016d", place+1)) }

// placeBehind returns the first place behind a position.
func placeBehind(p itsm.Position) (int, error) {
	if p == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(string(p), 10, 63)
	if err != nil || position(int(n)-1) != p {
		return 0, fmt.Errorf("%w: position %q is not one of this store", itsm.ErrInvalid, p)
	}
	return int(n), nil
}

// Events implements [store.DB].
func (db *DB) Events(ctx context.Context, after itsm.Position, f itsm.Filter) iter.Seq2[itsm.Event, error] {
	f.Types = slices.Clone(f.Types)
	return func(yield func(itsm.Event, error) bool) {
		from, err := placeBehind(after)
		if err == nil {
			err = store.CheckFilter(&f)
		}
		if err != nil {
			yield(itsm.Event{}, err)
			return
		}
		var events []itsm.Event
		for given, done := 0, false; !done; {
			n := page
			if f.Limit > 0 {
				n = min(n, f.Limit-given)
			}
			clear(events)
			if events, from, done, err = db.events(ctx, events[:0], &f, from, n); err != nil {
				yield(itsm.Event{}, err)
				return
			}
			for i := range events {
				if !yield(events[i], nil) {
					return
				}
			}
			if given += len(events); given == f.Limit && f.Limit > 0 {
				return
			}
		}
	}
}

func (db *DB) events(ctx context.Context, out []itsm.Event, f *itsm.Filter, from, n int) ([]itsm.Event, int, bool, error) {
	db.mu.RLock()
	defer db.mu.RUnlock()
	if err := db.ready(ctx); err != nil {
		return nil, 0, false, err
	}
	if from > db.journal.len {
		return nil, 0, false, fmt.Errorf("%w: position %q is not one of this store", itsm.ErrInvalid, position(from-1))
	}
	out, from, done := db.journal.read(out, f, from, n)
	return out, from, done, nil
}
