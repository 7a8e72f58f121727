package itsmtest

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// start is an instant that loses something when it is cut to milliseconds.
var start = time.Date(2026, 2, 14, 8, 0, 0, 123457000, time.UTC)

// A failer is a *rapid.T or a runner.
type failer interface {
	Helper()
	Errorf(format string, args ...any)
	FailNow()
}

var commandCount atomic.Int64

func newCommand() itsm.CommandID {
	return itsm.CommandID(fmt.Sprintf("command-%d", commandCount.Add(1)))
}

// next returns the batch of a command that brings a record to its next sequence number with one entry. edit may change the
// put and the entry before the entry is hashed.
func next(prev store.Snapshot, edit ...func(*store.Put, *itsm.Event)) store.Batch {
	command := newCommand()
	recorded := start.Add(time.Duration(prev.Seq) * 1001 * time.Microsecond)
	if recorded.Before(prev.Recorded) {
		recorded = prev.Recorded
	}
	ev := itsm.Event{
		Key: prev.Key, Seq: prev.Seq + 1, Type: "itsmtest.happened", At: recorded.Add(-time.Hour), Recorded: recorded, Actor: "u-017",
		Command: command, CommandName: "itsmtest.do", Data: fmt.Appendf(nil, `{"seq":%d}`, prev.Seq+1), Prev: prev.Head,
	}
	put := store.Put{Expect: prev.Seq, Snapshot: store.Snapshot{
		Key: prev.Key, Seq: ev.Seq, Recorded: recorded, Data: fmt.Appendf(nil, `{"id":%q,"seq":%d}`, prev.Key.ID, ev.Seq),
		Wake: prev.Wake,
	}}
	for _, f := range edit {
		f(&put, &ev)
	}
	ev.Hash = ev.ComputeHash()
	put.Head = ev.Hash
	return store.Batch{Tenant: prev.Key.Tenant, Puts: []store.Put{put}, Events: []itsm.Event{ev}, Commands: []itsm.CommandID{command}}
}

// fresh is the snapshot of a record that is not there yet.
func fresh(k itsm.Key) store.Snapshot { return store.Snapshot{Key: k} }

// join makes one batch of several of one tenant.
func join(batches ...store.Batch) store.Batch {
	var all store.Batch
	for _, b := range batches {
		all.Tenant = b.Tenant
		all.Puts = append(all.Puts, b.Puts...)
		all.Reads = append(all.Reads, b.Reads...)
		all.Events = append(all.Events, b.Events...)
		all.Commands = append(all.Commands, b.Commands...)
		all.Erase = append(all.Erase, b.Erase...)
	}
	return all
}

// alone is the entry of a command that was refused before there was a record.
func alone(tenant itsm.Tenant) store.Batch {
	command := newCommand()
	ev := itsm.Event{
		Key: itsm.Key{Tenant: tenant, Kind: itsm.KindCommand, ID: itsm.ID(command)}, Seq: 1, Type: "itsm.refused", At: start, Recorded: start,
		Actor: "u-017", Command: command, CommandName: "itsmtest.do", Data: []byte(`{"reasons":[]}`),
	}
	ev.Hash = ev.ComputeHash()
	return store.Batch{Tenant: tenant, Events: []itsm.Event{ev}, Commands: []itsm.CommandID{command}}
}

func content(data []byte, index []itsm.IndexEntry, wake time.Time) func(*store.Put, *itsm.Event) {
	return func(p *store.Put, _ *itsm.Event) { p.Data, p.Index, p.Wake = data, index, wake }
}

func indexed(index ...itsm.IndexEntry) func(*store.Put, *itsm.Event) {
	return func(p *store.Put, _ *itsm.Event) { p.Index = index }
}

func woken(at time.Time) func(*store.Put, *itsm.Event) {
	return func(p *store.Put, _ *itsm.Event) { p.Wake = at }
}

func personal(data []byte) func(*store.Put, *itsm.Event) {
	return func(_ *store.Put, e *itsm.Event) { e.Personal, e.PersonalDigest = data, sha256.Sum256(data) }
}

func entry(field string, v itsm.Value) itsm.IndexEntry {
	return itsm.IndexEntry{Field: field, Value: v}
}

// commit writes a batch that must go through and returns the records it put.
func (s *storeSuite) commit(b store.Batch) []store.Snapshot {
	s.Helper()
	require.NoError(s, s.try(s, b))
	return s.load(s, keysOf(b)...)
}

// try gives a batch to the store as a copy, and fails when the store writes into what it was given.
func (s *storeSuite) try(t failer, b store.Batch) error {
	t.Helper()
	given := cloneBatch(b)
	err := s.db.Commit(s.ctx, given)
	assert.Equal(t, b, given, "a store does not write into the batch that it is given")
	return err
}

func cloneBatch(b store.Batch) store.Batch {
	b.Puts, b.Reads, b.Events = slices.Clone(b.Puts), slices.Clone(b.Reads), slices.Clone(b.Events)
	b.Commands, b.Erase = slices.Clone(b.Commands), slices.Clone(b.Erase)
	for i := range b.Puts {
		b.Puts[i].Snapshot, b.Puts[i].Index = cloneSnapshot(b.Puts[i].Snapshot), slices.Clone(b.Puts[i].Index)
	}
	for i := range b.Events {
		b.Events[i] = cloneEvent(b.Events[i])
	}
	return b
}

// create writes a new record and returns it.
func (s *storeSuite) create(k itsm.Key, edit ...func(*store.Put, *itsm.Event)) store.Snapshot {
	s.Helper()
	return s.commit(next(fresh(k), edit...))[0]
}

func keysOf(b store.Batch) []itsm.Key {
	keys := make([]itsm.Key, len(b.Puts))
	for i, p := range b.Puts {
		keys[i] = p.Key
	}
	return keys
}

func (s *storeSuite) load(t failer, keys ...itsm.Key) []store.Snapshot {
	t.Helper()
	got, err := s.db.Load(s.ctx, keys...)
	require.NoError(t, err, "load")
	require.Len(t, got, len(keys), "load gives a snapshot for every key")
	if lender, ok := s.db.(store.Lender); ok {
		for i, k := range keys {
			lent, err := lender.Lend(s.ctx, k)
			require.NoError(t, err, "lend")
			require.Equal(t, showSnapshot(got[i]), showSnapshot(encoded(t, lent)), "what is lent is what load gives")
		}
	}
	return got
}

// encoded returns what was lent as a store gives it that does not lend.
func encoded(t failer, s store.Snapshot) store.Snapshot {
	t.Helper()
	data, err := s.JSON()
	require.NoError(t, err, "encode a record that was put without being encoded")
	s.Data, s.Record = data, nil
	return s
}

func (s *storeSuite) find(t failer, q itsm.Query) []store.Snapshot {
	t.Helper()
	found := collect(t, "find", s.db.Find(s.ctx, q))
	if lender, ok := s.db.(store.Lender); ok {
		lent := collect(t, "lend all", lender.LendAll(s.ctx, q))
		require.Len(t, lent, len(found), "what is lent is what find gives")
		for i := range lent {
			require.Equal(t, showSnapshot(found[i]), showSnapshot(encoded(t, lent[i])), "what is lent is what find gives")
		}
	}
	return found
}

func (s *storeSuite) events(t failer, after itsm.Position, f itsm.Filter) []itsm.Event {
	t.Helper()
	return collect(t, "events", s.db.Events(s.ctx, after, f))
}

func collect[T any](t failer, what string, seq func(func(T, error) bool)) (all []T) {
	t.Helper()
	for v, err := range seq {
		require.NoError(t, err, what)
		all = append(all, v)
	}
	return all
}

// sameSnapshot compares two records bit by bit.
func sameSnapshot(t failer, want, got store.Snapshot, why string) bool {
	t.Helper()
	return assert.Equal(t, showSnapshot(want), showSnapshot(got), why)
}

// sameEvents compares journal entries bit by bit, apart from their position and payload.
func sameEvents(t failer, want, got []itsm.Event, why string) bool {
	t.Helper()
	return assert.Equal(t, showEvents(want), showEvents(got), why)
}

// showSnapshot writes a record so that what differs can be read.
func showSnapshot(s store.Snapshot) string {
	return fmt.Sprintf("%q/%q/%q seq %d head %.8s recorded %s wake %s data %s", s.Key.Tenant, s.Key.Kind, s.Key.ID, s.Seq, s.Head, showTime(s.Recorded), showTime(s.Wake), showBytes(s.Data))
}

func showEvents(events []itsm.Event) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "%q/%q/%q %d %s at %s recorded %s by %q for %q command %q %s because %q data %s personal %s %.8s prev %.8s hash %.8s\n",
			e.Tenant, e.Kind, e.ID, e.Seq, e.Type, showTime(e.At), showTime(e.Recorded), e.Actor, e.OnBehalfOf, e.Command, e.CommandName, e.Reason,
			showBytes(e.Data), showBytes(e.Personal), e.PersonalDigest, e.Prev, e.Hash)
	}
	return b.String()
}

func showTime(t time.Time) string {
	if t.IsZero() {
		return "zero"
	}
	return t.Format("2006-01-02T15:04:05.000000000") + " " + t.Location().String()
}

func showBytes(b []byte) string {
	switch {
	case b == nil:
		return "nil"
	case len(b) > 200:
		return fmt.Sprintf("%d bytes with digest %x", len(b), sha256.Sum256(b))
	}
	return fmt.Sprintf("%q", b)
}

// verifyChain checks that the journal of a record is whole and ends where the record says.
func (s *storeSuite) verifyChain(t failer, k itsm.Key) []itsm.Event {
	t.Helper()
	now := s.load(t, k)[0]
	events := s.events(t, "", itsm.Filter{Tenant: k.Tenant, Kind: k.Kind, ID: k.ID})
	var chain itsm.ChainVerifier
	for i := range events {
		require.NoError(t, chain.Next(&events[i]), "the hash chain of the journal")
	}
	require.NoError(t, chain.Finish(k, now.Seq, now.Head), "the journal ends at the head of the record")
	return events
}

// isOne reports whether an error is of one of the classes.
func isOne(err error, classes ...error) bool {
	return slices.ContainsFunc(classes, func(c error) bool { return errors.Is(err, c) })
}

func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}
