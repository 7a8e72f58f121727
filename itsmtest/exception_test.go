package itsmtest

import (
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// lesser are stores that lack what an exception names, and the part of the suite that fails without it.
var lesser = map[Exception]faultOf{
	NoErase: {check: "erasing takes the personal part and leaves the chain", make: func() store.DB {
		return &broken{plainDB: newPlainDB(), commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			if len(b.Erase) > 0 {
				return errors.ErrUnsupported
			}
			return db.Commit(ctx, b)
		}}
	}},
	NoDueAcrossTenants:     {check: "due lists wakes in order across tenants", make: func() store.DB { return &apartDB{plainDB: newPlainDB(), noDue: true} }},
	NoJournalAcrossTenants: {check: "the journal of all tenants can be followed", make: func() store.DB { return &apartDB{plainDB: newPlainDB(), noJournal: true} }},
	NoLargeValues: {check: "large values come back", make: func() store.DB {
		return &broken{plainDB: newPlainDB(), commit: func(db *plainDB, ctx context.Context, b store.Batch) error {
			for _, p := range b.Puts {
				if len(p.Data) > 1<<18 {
					return errors.ErrUnsupported
				}
			}
			return db.Commit(ctx, b)
		}}
	}},
	NoSnapshotLoad: {check: "load of several records is of one instant", make: func() store.DB { return &apartDB{plainDB: newPlainDB(), noSnapshot: true} }},
}

// apartDB is a store whose tenants or records lie apart.
type apartDB struct {
	*plainDB
	noDue, noJournal, noSnapshot bool
}

func (db *apartDB) Load(ctx context.Context, keys ...itsm.Key) ([]store.Snapshot, error) {
	all, err := db.plainDB.Load(ctx, keys...)
	if !db.noSnapshot || err != nil || len(keys) == 1 {
		return all, err
	}
	for i, k := range keys {
		one, err := db.plainDB.Load(ctx, k)
		if err != nil {
			return nil, err
		}
		all[i] = one[0]
		awaitCommit(db.plainDB)
	}
	return all, nil
}

func (db *apartDB) Events(ctx context.Context, after itsm.Position, f itsm.Filter) iter.Seq2[itsm.Event, error] {
	if db.noJournal && f.Tenant == "" {
		return func(yield func(itsm.Event, error) bool) { yield(itsm.Event{}, errors.ErrUnsupported) }
	}
	return db.plainDB.Events(ctx, after, f)
}

func (db *apartDB) Due(ctx context.Context, kind itsm.Kind, until time.Time, limit int) ([]store.Wake, error) {
	if db.noDue {
		return nil, errors.ErrUnsupported
	}
	return db.plainDB.Due(ctx, kind, until, limit)
}

func TestStoreExceptions(t *testing.T) {
	t.Parallel()
	for _, e := range exceptions {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			c, ok := lesser[e]
			require.True(t, ok, "each exception is tried")
			open := func(testing.TB) store.DB { return c.make() }
			own := slices.DeleteFunc(storeChecks(), func(c storeCheck) bool { return c.except != e })
			record(t, func(t runner) { runStore(t, own, open) }).requireFound(t, c.check, "")
			found, skips := recordSkips(t, func(t runner) { runStore(t, storeChecks(), open, e) })
			found.requireNone(t)
			requireLine(t, skips, c.check+": declared exception: "+string(e))

			found, skips = recordSkips(t, func(t runner) { runStore(t, own, openMemory, e) })
			found.requireNone(t)
			requireLine(t, skips, c.check+": declared exception: "+string(e)+"; but the store keeps this part of the contract, so the exception can go")
		})
	}
	t.Run("one that does not exist", func(t *testing.T) {
		t.Parallel()
		record(t, func(t runner) { runStore(t, storeChecks(), openMemory, Exception("anything")) }).requireFound(t, "", "there is no exception")
	})
}

func TestHistoriesArePictured(t *testing.T) {
	t.Parallel()
	i := slices.IndexFunc(brokenReads, func(f faultOf) bool { return f.name == "a cache that a slow reader fills" })
	dir := filepath.Join(t.TempDir(), "histories")
	found := record(t, func(t runner) {
		runStore(t, slices.DeleteFunc(storeChecks(), func(c storeCheck) bool { return c.name != brokenReads[i].check }), func(testing.TB) store.DB {
			db := brokenReads[i].make().(*broken)
			db.plainDB = newPlainDB()
			return db
		}, Histories(dir))
	})
	found.requireFound(t, brokenReads[i].check, "A picture of it lies in "+dir)
	found.requireFound(t, brokenReads[i].check, "None of those that must come next fits")
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 1)
}
