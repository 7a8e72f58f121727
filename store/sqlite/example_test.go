package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/sqlite"
)

// A process writes through a repository; what it writes is this.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "itsm")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	db, err := sqlite.Open(filepath.Join(dir, "itsm.db"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()

	ctx, now := context.Background(), time.Date(2026, 2, 14, 8, 0, 0, 0, time.UTC)
	key := itsm.Key{Tenant: "h1", Kind: "incident", ID: "INC-20260214-0007"}
	e := itsm.Event{Key: key, Seq: 1, Type: "incident.recorded", At: now, Recorded: now, Actor: "u-017", Command: "c-1", CommandName: "incident.record", Data: []byte(`{}`)}
	e.Hash = e.ComputeHash()
	err = db.Commit(ctx, store.Batch{
		Tenant: "h1", Events: []itsm.Event{e}, Commands: []itsm.CommandID{"c-1"},
		Puts: []store.Put{{
			Snapshot: store.Snapshot{Key: key, Seq: 1, Head: e.Hash, Recorded: now, Data: []byte(`{"summary":"no paper at the cashier's"}`)},
			Index:    []itsm.IndexEntry{{Field: "state", Value: itsm.TextOf("new")}},
		}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for found, err := range db.Find(ctx, itsm.Query{Tenant: "h1", Kind: "incident", Where: []itsm.Condition{itsm.Where("state", itsm.TextOf("new"))}}) {
		fmt.Println(found.Key.ID, string(found.Data), err)
	}
	// Output: INC-20260214-0007 {"summary":"no paper at the cashier's"} <nil>
}
