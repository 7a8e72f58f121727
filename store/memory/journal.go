package memory

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"sort"
	"strconv"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// journal is all entries in the order in which they were committed, with the ways to find them. Places count from 0. Where the
// entries of a record lie, its row knows.
type journal struct {
	leaves   [][]entry // leafSize each, the last may have fewer: growing never moves what is there
	len      int
	alone    map[itsm.Key]int // entries without a record
	commands map[commandKey]trail
}

// A log is the places of the entries of one record. It stays with the record while its rows are replaced.
type log struct{ places []int }

const leafSize = 256

// entry is one event and the way to the next one of its command. It has few pointers, so that long journals cost the garbage
// collector little.
type entry struct {
	texts                      string // all of them, one behind the other
	ends                       [9]uint32
	seq                        uint64
	at, recorded               int64 // microseconds
	data, personal             []byte
	personalDigest, prev, hash itsm.Digest
	next                       int // place of the next event of the same command; 0 for none, since nothing comes before place 0
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
	return journal{alone: make(map[itsm.Key]int), commands: make(map[commandKey]trail)}
}

func (j *journal) at(place int) *entry { return &j.leaves[place/leafSize][place%leafSize] }

// append puts an event behind the others, and keeps its slices. It returns the place.
func (j *journal) append(e *itsm.Event) int {
	place := j.len
	if place%leafSize == 0 {
		var leaf []entry
		if place > 0 { // a store that has filled one leaf will fill more
			leaf = make([]entry, 0, leafSize)
		}
		j.leaves = append(j.leaves, leaf)
	}
	kept := entry{
		texts: string(e.Tenant) + string(e.Kind) + string(e.ID) + e.Type + string(e.Actor) + string(e.OnBehalfOf) + string(e.Command) + e.CommandName + e.Reason,
		seq:   e.Seq, at: e.At.UnixMicro(), recorded: e.Recorded.UnixMicro(),
		data: e.Data, personal: e.Personal, personalDigest: e.PersonalDigest, prev: e.Prev, hash: e.Hash,
	}
	end := 0
	for i, n := range [...]int{len(e.Tenant), len(e.Kind), len(e.ID), len(e.Type), len(e.Actor), len(e.OnBehalfOf), len(e.Command), len(e.CommandName), len(e.Reason)} {
		end += n
		kept.ends[i] = uint32(end)
	}
	leaf := &j.leaves[place/leafSize]
	*leaf = append(*leaf, kept)
	j.len++
	return place
}

// event returns an entry. Its slices are those of the journal.
func (e *entry) event() itsm.Event {
	begin := uint32(0)
	text := func(i int) string {
		s := e.texts[begin:e.ends[i]]
		begin = e.ends[i]
		return s
	}
	return itsm.Event{
		Key: itsm.Key{Tenant: itsm.Tenant(text(0)), Kind: itsm.Kind(text(1)), ID: itsm.ID(text(2))}, Type: text(3),
		Actor: itsm.PersonID(text(4)), OnBehalfOf: itsm.PersonID(text(5)), Command: itsm.CommandID(text(6)), CommandName: text(7), Reason: text(8),
		Seq: e.seq, At: time.UnixMicro(e.at).UTC(), Recorded: time.UnixMicro(e.recorded).UTC(),
		Data: e.data, Personal: e.personal, PersonalDigest: e.personalDigest, Prev: e.prev, Hash: e.hash,
	}
}

// note enters the commands of a batch whose events lie from a place on: events of one command mostly lie side by side.
func (j *journal) note(b *store.Batch, place int) {
	for rest := b.Events; len(rest) > 0; {
		run := 1
		for run < len(rest) && rest[run].Command == rest[0].Command && rest[run].Tenant == rest[0].Tenant {
			j.at(place + run - 1).next = place + run
			run++
		}
		if id := rest[0].Command; id != "" {
			key := commandKey{rest[0].Tenant, id}
			t := j.commands[key]
			if t.any {
				j.at(t.last).next = place
			} else {
				t.any, t.first = true, place
			}
			t.last = place + run - 1
			t.used = t.used || slices.Contains(b.Commands, id)
			j.commands[key] = t
		}
		rest, place = rest[run:], place+run
	}
	for _, id := range b.Commands {
		if len(b.Events) > 0 && b.Events[0].Command == id {
			continue
		}
		key := commandKey{b.Tenant, id}
		if t := j.commands[key]; !t.used {
			t.used = true
			j.commands[key] = t
		}
	}
}

// read appends up to n entries from a place on that pass the filter, and returns the place to go on from; done says that
// there is none. A filter for one record needs the places of its entries.
func (j *journal) read(out []itsm.Event, f *itsm.Filter, places []int, from, n int) (_ []itsm.Event, next int, done bool) {
	take := func(place int) {
		if e := j.at(place).event(); f.Matches(&e) {
			e.Data, e.Personal, e.Position = bytes.Clone(e.Data), bytes.Clone(e.Personal), position(place)
			out = append(out, e)
		}
	}
	switch {
	case f.ID != "":
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

// places returns where the entries of a record lie, or the one that stands alone under its key.
func (db *DB) places(key itsm.Key) []int {
	if r := db.row(key); r != nil && r.Value.log != nil {
		return r.Value.log.places
	}
	if place, ok := db.journal.alone[key]; ok {
		return []int{place}
	}
	return nil
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
	var places []int
	if f.ID != "" {
		places = db.places(itsm.Key{Tenant: f.Tenant, Kind: f.Kind, ID: f.ID})
	}
	out, from, done := db.journal.read(out, f, places, from, n)
	return out, from, done, nil
}
