package config_test

import (
	"context"
	"fmt"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config"
	"github.com/hospital-itsm/itsm/config/impact"
	"github.com/hospital-itsm/itsm/store/memory"
)

// A server and what runs on it come under control, and a failure is thought through.
func Example() {
	underway := config.AuthorisationsFunc(func(_ context.Context, _ itsm.Tenant, authority itsm.Ref, _ config.Target) (config.Standing, error) {
		if authority.ID == "CHG-1" {
			return config.Underway, nil
		}
		return config.Unauthorised, nil
	})
	clock := func() time.Time { return time.Date(2026, 3, 2, 0, 30, 0, 0, time.UTC) }
	items := config.NewService(config.NewRepositories(memory.New()), config.Config{Config: itsm.Config{Clock: clock}, Authorisations: underway})
	ctx := itsm.WithActor(context.Background(), itsm.Actor{ID: "u-031", Tenant: "h1", Roles: []itsm.Role{itsm.RoleConfigManager}})
	under := config.Under(itsm.Ref{Kind: "change", ID: "CHG-1"})

	server, _ := items.Do(ctx, "", config.Register{Authority: under, Class: "server", Name: "数据库服务器", Attributes: map[string]itsm.Value{
		"model": itsm.TextOf("R750"), "manufacturer": itsm.TextOf("Dell"), "serial": itsm.TextOf("7H2K9X3")}})
	his, _ := items.Do(ctx, "", config.Register{Authority: under, Class: "service", Name: "门诊 HIS", Attributes: map[string]itsm.Value{"key": itsm.TextOf("his-opd")}})
	_, _ = items.Do(ctx, his.ID, config.Link{Authority: under, Type: "depends_on", To: server.ID})

	_, err := items.Do(ctx, server.ID, config.Accept{Authority: under})
	fmt.Println(err)
	_, err = items.Do(ctx, "", config.Register{Authority: under, Class: "server", Name: "again", Attributes: map[string]itsm.Value{
		"manufacturer": itsm.TextOf("DELL"), "serial": itsm.TextOf("7h2k9x3")}})
	fmt.Println(err)
	_, err = items.Do(ctx, server.ID, config.Update{Authority: config.Under(itsm.Ref{Kind: "change", ID: "CHG-2"}), Name: "db1"})
	fmt.Println(err)

	graph, _ := items.Graph(ctx)
	reach, _ := graph.Reach(impact.Query{Of: []itsm.ID{server.ID}})
	for hit := range reach.All() {
		fmt.Println("hits", hit.Item, "at distance", hit.Distance)
	}
	// Output:
	// ci CI-20260302-0001: accept refused: an item is labelled before it is accepted (possible now: accept, withdraw)
	// ci CI-20260302-0003: register refused: CI-20260302-0001 is identified by hardware.serial dell 7h2k9x3 already
	// ci CI-20260302-0001: update refused: change/CHG-2 does not allow update now: it is unknown, wanted is underway (possible now: accept, withdraw)
	// hits CI-20260302-0002 at distance 1
}
