package memory

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"iter"
	"math/bits"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// journal is all entries in the order in which they were committed, with the ways to find them. Places count from 0. Where the
// entries of a record lie, its row knows.
//
// It grows for as long as the store is used, so it holds hardly a pointer: the garbage collector would follow each of them again and
// again.
type journal struct {
	leaves   []leaf // leafSize entries each, the last may have fewer: growing never moves what is there
	len      int
	texts    []*strings.Builder // what entries say; the last one is being filled, none is ever moved
	alone    map[itsm.Key]int   // entries without a record
	seed     maphash.Seed
	commands placeTable              // the first entry of each command; the others follow that one
	bare     map[commandKey]struct{} // commands that were used without an event
}

// A log is the places of the entries of one record. It stays with the record while its rows are replaced.
type log struct{ places []int }

const leafSize = 256

// A leaf is some of the entries, and their personal parts, which can be erased.
type leaf struct {
	entries  []entry
	personal [][]byte // nil for none in the leaf
}

// entry is one event.
type entry struct {
	text                       int    // where what it says lies: the number of the piece,
	from                       uint32 // and the place in there
	ends                       [10]uint32
	noData                     bool // nil, which is not the same as empty
	used                       bool // first of a command: the command counts as used
	seq                        uint64
	at, recorded               int64 // microseconds
	personalDigest, prev, hash itsm.Digest
	next                       int // place of the next entry of the same command; 0 for none, since nothing comes before place 0
	last                       int // first of a command: place of the last one
}

type commandKey struct {
	tenant itsm.Tenant
	id     itsm.CommandID
}

func newJournal() journal {
	return journal{alone: make(map[itsm.Key]int), seed: maphash.MakeSeed(), bare: make(map[commandKey]struct{})}
}

func (j *journal) at(place int) *entry { return &j.leaves[place/leafSize].entries[place%leafSize] }

// personal returns the personal part of an entry.
func (j *journal) personal(place int) []byte {
	if l := &j.leaves[place/leafSize]; l.personal != nil {
		return l.personal[place%leafSize]
	}
	return nil
}

// erase drops the personal part of an entry. Readers have copies of their own.
func (j *journal) erase(place int) {
	if l := &j.leaves[place/leafSize]; l.personal != nil {
		l.personal[place%leafSize] = nil
	}
}

// append puts an event behind the others. It returns the place.
func (j *journal) append(e *itsm.Event) int {
	place := j.len
	if place%leafSize == 0 {
		var entries []entry
		if place > 0 { // a store that has filled one leaf will fill more
			entries = make([]entry, 0, leafSize)
		}
		j.leaves = append(j.leaves, leaf{entries: entries})
	}
	l := &j.leaves[place/leafSize]
	l.entries = append(l.entries, entry{
		noData: e.Data == nil, seq: e.Seq, at: e.At.UnixMicro(), recorded: e.Recorded.UnixMicro(),
		personalDigest: e.PersonalDigest, prev: e.Prev, hash: e.Hash,
	})
	j.say(&l.entries[len(l.entries)-1], e)
	if e.Personal != nil {
		if l.personal == nil {
			l.personal = make([][]byte, leafSize)
		}
		l.personal[place%leafSize] = e.Personal
	}
	j.len++
	return place
}

// say keeps what an event says.
func (j *journal) say(kept *entry, e *itsm.Event) {
	texts := [...]string{
		string(e.Tenant), string(e.Kind), string(e.ID), e.Type, string(e.Actor), string(e.OnBehalfOf), string(e.Command), e.CommandName, e.Reason,
	}
	size := len(e.Data)
	for _, s := range texts {
		size += len(s)
	}
	piece := j.piece(size)
	end := uint32(piece.Len())
	kept.text, kept.from = len(j.texts)-1, end
	for i, s := range texts {
		piece.WriteString(s)
		end += uint32(len(s))
		kept.ends[i] = end
	}
	piece.Write(e.Data)
	kept.ends[len(texts)] = end + uint32(len(e.Data))
}

// firstPiece and fullPiece bound what is got at once to keep texts in, in bytes: each piece is twice as large as the one before.
const firstPiece, fullPiece = 1 << 10, 64 << 10

// piece returns where a text of a size goes.
func (j *journal) piece(size int) *strings.Builder {
	room := firstPiece
	if n := len(j.texts); n > 0 {
		last := j.texts[n-1]
		if last.Cap()-last.Len() >= size {
			return last
		}
		room = min(2*last.Cap(), fullPiece)
	}
	piece := new(strings.Builder)
	piece.Grow(max(room, size))
	j.texts = append(j.texts, piece)
	return piece
}

// event returns an entry, without its data and its personal part. Its texts are those of the journal, which never change.
func (j *journal) event(e *entry) itsm.Event {
	all, begin := j.texts[e.text].String(), e.from
	text := func(i int) string {
		s := all[begin:e.ends[i]]
		begin = e.ends[i]
		return s
	}
	return itsm.Event{
		Key: itsm.Key{Tenant: itsm.Tenant(text(0)), Kind: itsm.Kind(text(1)), ID: itsm.ID(text(2))}, Type: text(3),
		Actor: itsm.PersonID(text(4)), OnBehalfOf: itsm.PersonID(text(5)), Command: itsm.CommandID(text(6)), CommandName: text(7), Reason: text(8),
		Seq: e.seq, At: time.UnixMicro(e.at).UTC(), Recorded: time.UnixMicro(e.recorded).UTC(),
		PersonalDigest: e.personalDigest, Prev: e.prev, Hash: e.hash,
	}
}

// data returns a copy of the data of an entry.
func (j *journal) data(e *entry) []byte {
	if e.noData {
		return nil
	}
	return []byte(j.texts[e.text].String()[e.ends[8]:e.ends[9]])
}

// isOf reports whether an entry comes from a command.
func (j *journal) isOf(e *entry, key commandKey) bool {
	all := j.texts[e.text].String()
	return all[e.ends[5]:e.ends[6]] == string(key.id) && all[e.from:e.ends[0]] == string(key.tenant)
}

func (j *journal) hash(key commandKey) uint64 {
	return maphash.String(j.seed, string(key.id)) ^ bits.RotateLeft64(maphash.String(j.seed, string(key.tenant)), 1)
}

// first returns the place of the first entry of a command, and whether there is one.
func (j *journal) first(key commandKey) (int, bool) {
	return j.commands.find(j.hash(key), func(place int) bool { return j.isOf(j.at(place), key) })
}

// used reports whether a batch has counted a command as used.
func (j *journal) used(key commandKey) bool {
	if place, ok := j.first(key); ok && j.at(place).used {
		return true
	}
	_, bare := j.bare[key]
	return bare
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
			first, ok := j.first(key)
			if ok {
				j.at(j.at(first).last).next = place
			} else {
				j.commands.add(j.hash(key), place)
				first = place
			}
			head := j.at(first)
			head.last = place + run - 1
			head.used = head.used || slices.Contains(b.Commands, id)
		}
		rest, place = rest[run:], place+run
	}
	for _, id := range b.Commands {
		if len(b.Events) > 0 && b.Events[0].Command == id {
			continue
		}
		if key := (commandKey{b.Tenant, id}); !j.used(key) {
			j.bare[key] = struct{}{}
		}
	}
}

// read appends up to n entries from a place on that pass the filter, and returns the place to go on from; done says that
// there is none. A filter for one record needs the places of its entries.
func (j *journal) read(out []itsm.Event, f *itsm.Filter, places []int, from, n int) (_ []itsm.Event, next int, done bool) {
	take := func(place int) {
		kept := j.at(place)
		if e := j.event(kept); f.Matches(&e) {
			e.Data, e.Personal, e.Position = j.data(kept), bytes.Clone(j.personal(place)), position(place)
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
		first, any := j.first(commandKey{f.Tenant, f.Command})
		for place, more := first, any; more; place, more = j.at(place).next, j.at(place).next > 0 {
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
