package release_test

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/release"
	"github.com/hospital-itsm/itsm/store/memory"
)

func Example() {
	releases := release.NewService(release.NewRepository(memory.New()), release.Config{
		Config: itsm.Config{Clock: func() time.Time { return time.Date(2026, 11, 2, 1, 0, 0, 0, time.UTC) }},
	})
	ctx := itsm.WithActor(context.Background(), itsm.Actor{ID: "u-017", Tenant: "h1", Roles: []itsm.Role{itsm.RoleChangeManager}})

	rel, err := releases.Do(ctx, "", release.Draft{Plan: release.Plan{Title: "医保接口 3.2", Type: release.TypeEmergency, Objective: "rules of the new year"}})
	fmt.Println(rel.ID, rel.State, err)
	fmt.Println(rel.Plan.Missing())

	_, err = releases.Do(ctx, rel.ID, release.Deploy{})
	fmt.Println(err)
	// Output:
	// REL-20261102-0001 planning <nil>
	// [cis changes criteria signers files units waves]
	// release REL-20261102-0001: deploy is not possible in state planning (possible now: cancel, consult, revise)
}

func ExampleVerifyIntegrity() {
	content := []byte("adapter of the new year")
	m, _ := release.Measure("war", bytes.NewReader(content))
	manifest := release.Manifest{{Key: "war", Path: "insurance/adapter.war", Version: "3.2", Digest: m.Digest, Size: m.Size}}

	content[0] ^= 1 // on its way to the target
	found, _ := release.Measure("war", bytes.NewReader(content))
	for _, bad := range release.VerifyIntegrity(manifest, []string{"war"}, []release.Measured{found}) {
		fmt.Println(bad.Key, bad.What)
	}
	// Output: war digest
}

func ExamplePlan_WayBack() {
	plan := release.Plan{
		Units: []release.Unit{{Key: "tables", NoReturn: true}, {Key: "adapter", After: []string{"tables"}}, {Key: "screens", After: []string{"adapter"}}},
		Waves: []release.Wave{{Key: "all", Targets: []release.Target{{CI: "if-01", Units: []string{"tables", "adapter", "screens"}}}}},
	}
	undo, kept := plan.WayBack([]release.Applied{{CI: "if-01", Unit: "tables"}, {CI: "if-01", Unit: "adapter"}})
	fmt.Println("undo", undo)
	fmt.Println("stays", kept[0].Unit)
	// Output:
	// undo [{if-01 adapter}]
	// stays tables
}
