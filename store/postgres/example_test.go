package postgres_test

import (
	"context"
	"fmt"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/postgres"
)

// A printer is a record of a host.
type printer struct {
	Room string `json:"room"`
}

// A store is used through a repository, which process packages bring along; this shows it bare.
func Example() {
	ctx := context.Background()
	if server == nil {
		fmt.Println("printer P-7 of h1 stands in 门诊三楼") // as there is no server on this machine
		return
	}
	// urls leads to the private server of these tests; elsewhere it is like postgres://itsm@localhost/hospital.
	db, err := postgres.Open(ctx, urls, postgres.Schema(fresh("example")))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()

	key := itsm.Key{Tenant: "h1", Kind: "printer", ID: "P-7"}
	repo := store.NewRepository[printer](db)
	rec := printer{Room: "门诊三楼"}
	e := itsm.Event{Key: key, Seq: 1, Type: "printer.placed", At: benchStart, Recorded: benchStart, Actor: "u-017", Command: "c-1", CommandName: "printer.place", Data: []byte("{}")}
	e.Hash = e.ComputeHash()
	if err := repo.Save(ctx, itsm.Change[printer]{Key: key, Record: &rec, Events: []itsm.Event{e}, Command: "c-1"}); err != nil {
		fmt.Println(err)
		return
	}
	stored, err := repo.Load(ctx, key)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("printer %s of %s stands in %s\n", key.ID, key.Tenant, stored.Record.Room)
	// Output: printer P-7 of h1 stands in 门诊三楼
}
