package store_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// write is a sound batch that makes n records.
func write(n int) store.Batch {
	b := store.Batch{Tenant: "h1"}
	for i := range n {
		k := key(itsm.ID(fmt.Sprint("J-", i)))
		e := itsm.Event{Key: k, Seq: 1, Hash: itsm.Digest{1, byte(i)}}
		b.Puts = append(b.Puts, store.Put{Snapshot: store.Snapshot{Key: k, Seq: 1, Head: e.Hash}, Index: []itsm.IndexEntry{
			{Field: "owner", Value: itsm.TextOf("a")}, {Field: "mark", Many: true, Value: itsm.TextOf("x")}, {Field: "mark", Many: true, Value: itsm.TextOf("y")},
		}})
		b.Events = append(b.Events, e)
		b.Reads = append(b.Reads, store.Read{Key: key(itsm.ID(fmt.Sprint("R-", i))), Seq: 3})
		b.Commands = append(b.Commands, itsm.CommandID(fmt.Sprint("c-", i)))
	}
	return b
}

func TestCheck(t *testing.T) {
	t.Parallel()
	faults := []struct {
		want   string
		change func(b *store.Batch)
	}{
		{"the tenant is missing", func(b *store.Batch) { b.Tenant = "" }},
		{"a batch belongs to one tenant", func(b *store.Batch) { b.Reads[0].Key.Tenant = "h2" }},
		{"kind and ID must not be empty", func(b *store.Batch) { b.Reads[0].Key.ID = "" }},
		{"put twice", func(b *store.Batch) { b.Puts = append(b.Puts, b.Puts[0]) }},
		{"leads from 1 to 1, want forward", func(b *store.Batch) { b.Puts[0].Expect = 1 }},
		{"no data to keep in a new record", func(b *store.Batch) { b.Puts[0].Keep = true }},
		{"lower_snake", func(b *store.Batch) { b.Puts[0].Index[0].Field = "Owner" }},
		{"lower_snake", func(b *store.Batch) { b.Puts[0].Index[0].Field = "" }},
		{"two values of a field that has one", func(b *store.Batch) {
			b.Puts[0].Index = append(b.Puts[0].Index, itsm.IndexEntry{Field: "owner", Value: itsm.TextOf("b")})
		}},
		{"two values of a field that has one", func(b *store.Batch) { b.Puts[0].Index[1].Many = false }},
		{"stands alone, with the number 1", func(b *store.Batch) {
			b.Events = append(b.Events, itsm.Event{Key: key("other"), Seq: 2})
		}},
		{"it is there twice", func(b *store.Batch) {
			b.Events = append(b.Events, itsm.Event{Key: key("other"), Seq: 1}, itsm.Event{Key: key("other"), Seq: 1})
		}},
		{"want number 1", func(b *store.Batch) { b.Events[0].Seq = 2 }},
		{"does not follow the one before", func(b *store.Batch) {
			b.Puts[0].Seq = 2
			b.Events = append(b.Events, itsm.Event{Key: b.Puts[0].Key, Seq: 2, Hash: b.Puts[0].Head})
		}},
		{"its events lead to 1", func(b *store.Batch) { b.Puts[0].Seq = 2 }},
		{"not the hash of its last event", func(b *store.Batch) { b.Puts[0].Head = itsm.Digest{9} }},
		{"then it is a counter", func(b *store.Batch) { b.Events = b.Events[1:] }},
		{"the batch puts the record too", func(b *store.Batch) { b.Reads[0].Key = b.Puts[0].Key }},
		{"cannot be at 3 and at 4", func(b *store.Batch) { b.Reads = append(b.Reads, store.Read{Key: b.Reads[0].Key, Seq: 4}) }},
		{"does not put the record", func(b *store.Batch) { b.Erase = []itsm.Key{key("other")} }},
		{"the ID is empty", func(b *store.Batch) { b.Commands[0] = "" }},
		{"it is there twice", func(b *store.Batch) { b.Commands = append(b.Commands, b.Commands[0]) }},
	}
	for _, n := range []int{1, 5, 50} { // small batches are looked through in another way than large ones
		sound := write(n)
		require.NoError(t, sound.Check())
		for _, f := range faults {
			b := write(n)
			f.change(&b)
			err := b.Check()
			assert.ErrorIs(t, err, itsm.ErrInvalid, f.want)
			assert.ErrorContains(t, err, f.want)
		}
	}

	t.Run("all faults are told at once", func(t *testing.T) {
		t.Parallel()
		b := write(3)
		b.Reads[0].Key.Tenant, b.Commands[0] = "h2", ""
		err := b.Check()
		assert.ErrorContains(t, err, "one tenant")
		assert.ErrorContains(t, err, "the ID is empty")
	})

	t.Run("an empty batch is sound, and so is a counter", func(t *testing.T) {
		t.Parallel()
		b := store.Batch{Tenant: "h1"}
		assert.NoError(t, b.Check())
		b.Puts = []store.Put{{Snapshot: store.Snapshot{Key: key("n"), Seq: 8}, Expect: 7}}
		assert.NoError(t, b.Check())
	})
}

func TestChecksOfCalls(t *testing.T) {
	t.Parallel()
	assert.NoError(t, store.CheckKeys(nil))
	assert.NoError(t, store.CheckKeys([]itsm.Key{key("a"), key("b")}))
	assert.ErrorIs(t, store.CheckKeys([]itsm.Key{key("a"), {Tenant: "h2", Kind: "jar", ID: "b"}}), itsm.ErrInvalid)
	assert.ErrorIs(t, store.CheckKeys([]itsm.Key{{Kind: "jar", ID: "b"}}), itsm.ErrInvalid)

	assert.NoError(t, store.CheckQuery(&itsm.Query{Tenant: "h1", Kind: "jar"}))
	for _, q := range []itsm.Query{{}, {Tenant: "h1"}, {Kind: "jar"}, {Tenant: "h1", Kind: "jar", Limit: -1}} {
		assert.ErrorIs(t, store.CheckQuery(&q), itsm.ErrInvalid)
	}

	assert.NoError(t, store.CheckFilter(&itsm.Filter{}))
	for _, f := range []itsm.Filter{{ID: "a"}, {ID: "a", Tenant: "h1"}, {ID: "a", Kind: "jar"}, {Command: "c"}, {Limit: -1}} {
		assert.ErrorIs(t, store.CheckFilter(&f), itsm.ErrInvalid)
	}
}
