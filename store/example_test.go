package store_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

// A repository keeps the records of a process in any store.
func ExampleNewRepository() {
	db := memory.New() // or sqlite.Open("itsm.db")
	service, err := itsm.NewService(jars{}, store.NewRepository[jar](db), exampleConfig)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := itsm.WithActor(context.Background(), itsm.Actor{ID: "u-017", Tenant: "h1", Roles: []itsm.Role{itsm.RoleUser}})

	j, _ := service.Do(ctx, "", openJar{Owner: "outpatients"})
	j, _ = service.Do(ctx, j.ID, addCoins{Coins: 5})
	fmt.Println(j.ID, j.Coins, "version", j.Version)
	// Output: JAR-20260214-0001 5 version 2
}

// Commands on several records happen together, or not at all.
func ExampleAtomically() {
	db := memory.New()
	service, _ := itsm.NewService(jars{}, store.NewRepository[jar](db), exampleConfig)
	ctx := itsm.WithActor(context.Background(), itsm.Actor{ID: "u-017", Tenant: "h1", Roles: []itsm.Role{itsm.RoleUser}})
	a, _ := service.Do(ctx, "", openJar{Owner: "outpatients"})
	b, _ := service.Do(ctx, "", openJar{Owner: "wards"})

	both := func(ctx context.Context) error {
		_, err := service.Do(ctx, a.ID, addCoins{Coins: 5})
		_, err2 := service.Do(ctx, b.ID, addCoins{Coins: 7})
		return errors.Join(err, err2)
	}
	fmt.Println(store.Atomically(ctx, db, both))

	_, _ = service.Do(ctx, b.ID, sealJar{})
	fmt.Println(store.Atomically(ctx, db, both))

	a, _ = service.Get(ctx, a.ID)
	fmt.Println("coins of the first:", a.Coins)
	// Output:
	// <nil>
	// jar JAR-20260214-0002: jar.add is not possible in state sealed
	// coins of the first: 5
}

var exampleConfig = itsm.Config{Clock: func() time.Time { return time.Date(2026, 2, 14, 8, 0, 0, 0, time.UTC) }}
