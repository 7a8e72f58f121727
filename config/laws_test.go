package config_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config"
	"github.com/hospital-itsm/itsm/itsmtest"
)

// allow says of each kind of authority the same always: what a change may do now, a release may only plan.
var allow = config.AuthorisationsFunc(func(_ context.Context, _ itsm.Tenant, authority itsm.Ref, _ config.Target) (config.Standing, error) {
	return map[itsm.Kind]config.Standing{"change": config.Underway, "release": config.Approved, "ci_audit": config.Done}[authority.Kind], nil
})

// draw draws a command that is likely in the state of the record, or for the rest any.
func draw(t *rapid.T, rec config.Item, step int) (itsm.Command, []itsm.Option) {
	some := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	auth := config.Under(itsm.Ref{Kind: itsm.Kind(some("kind", "change", "change", "change", "change", "release", "incident")), ID: "A-1"})
	values := attrs{}
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"model", "serial", "manufacturer", "place", "memory", "os", "credentials", "colour"}), 0, 3, rapid.ID).Draw(t, "attributes") {
		values[name] = rapid.SampledFrom([]itsm.Value{text("x"), text("R750"), {}, itsm.NumberOf(16), text(" ")}).Draw(t, name)
	}
	good := attrs{"model": text("R750"), "serial": text("S1")}
	if step == 0 {
		return config.Register{Authority: config.Under(change), Class: some("class", "server", "server", "client", "service_contract"), Name: some("name", "a", "主服务器"),
			Planned: rapid.Bool().Draw(t, "planned")}, nil
	}
	why := []itsm.Option{itsm.Because(some("why", "tidy up", "实物核对"))}
	label := config.AffixLabel{Authority: auth, Code: some("label", "L-1", "L-2", ""), Form: config.Physical}
	move := func(step config.Transition) config.Move {
		return config.Move{Authority: auth, Step: step, Status: some("status", "", "", "standby")}
	}
	sighting := config.Sighting{Attribute: some("attribute", "os", "os", "os_version", "model", "colour"), Source: some("source", "glpi", "agent", ""), Value: text(some("seen", "a", "b")),
		At: rec.Updated.Add(-time.Duration(rapid.IntRange(0, 100).Draw(t, "ago")) * time.Hour)}
	likely := map[config.State][]itsm.Command{
		config.StatePlanned:     {move(config.DoArrive), config.Update{Authority: auth, Attributes: good}},
		config.StatePending:     {config.Update{Authority: auth, Attributes: good}, label, config.Accept{Authority: auth}, config.Accept{Authority: auth}},
		config.StateAccepted:    {move(config.DoActivate), config.PlanChange{Authority: config.Under(itsm.Ref{Kind: "release", ID: "A-1"}), Step: config.DoActivate, Attributes: good}},
		config.StateLive:        {move(config.DoMaintain), move(config.DoSuspend), config.SetStatus{Authority: auth, Status: some("s", "standby", "degraded", "x")}},
		config.StateMaintenance: {move(config.DoActivate)},
		config.StateSuspended:   {move(config.DoActivate), move(config.DoWithdraw)},
		config.StateWithdrawn:   {config.Dispose{Authority: auth}, move(config.DoReinstate)},
	}[rec.State]
	any := []itsm.Command{
		config.Update{Authority: auth, Attributes: values, Name: some("rename", "", "b")}, config.Reclassify{Authority: auth, Class: some("to", "server", "computer", "client", "hardware")}, label,
		config.Accept{Authority: auth}, move(config.Transition(some("step", "withdraw", "arrive", "activate", "accept", "melt"))), config.Dispose{Authority: auth},
		config.Link{Authority: auth, Type: "runs_on", To: "CI-1"}, config.Unlink{Authority: auth, Type: "runs_on", To: "CI-1"},
		config.AddDocument{Authority: auth, Ref: some("doc", "dms:1", "dms:2"), Version: some("v", "1", "2"), Title: "手册"}, config.DropDocument{Authority: auth, Ref: "dms:1"},
		config.PlanChange{Authority: auth, Attributes: values, Due: rec.Updated.Add(1000 * time.Hour)}, config.RealisePlan{Authority: auth}, config.WithdrawPlan{Authority: auth},
		config.LeaveScope{Authority: auth, Why: some("leave", "", "lent")}, config.EnterScope{}, config.Observe{Sightings: []config.Sighting{sighting}}, config.Observe{Sightings: []config.Sighting{sighting}},
		config.LockAttribute{Attribute: some("lock", "os", "model"), Value: text("hand"), Until: rec.Updated.Add(time.Duration(rapid.IntRange(1, 50).Draw(t, "until")) * time.Hour), Why: "wrong"},
		config.UnlockAttribute{Attribute: "os"}, config.SuspectDuplicate{Suspects: []config.Suspect{{Item: "CI-9", Why: "same host name"}}}, config.ClearSuspect{Item: "CI-9"},
		config.Merge{Authority: auth, Into: "CI-9"}, config.Unmerge{Authority: auth}, config.Tick{},
	}
	if len(likely) > 0 && rapid.IntRange(0, 2).Draw(t, "likely") > 0 {
		return rapid.SampledFrom(likely).Draw(t, "command"), why
	}
	return rapid.SampledFrom(any).Draw(t, "command"), why
}

func states(p *config.Process) (names []string) {
	for _, s := range p.Machine().States() {
		names = append(names, string(s))
	}
	return names
}

func alone(t testing.TB) *config.Process {
	t.Helper()
	p, err := config.NewProcess(config.Repositories{}, config.Config{Authorisations: allow})
	require.NoError(t, err)
	return p
}

func TestLaws(t *testing.T) {
	t.Parallel()
	p := alone(t)
	itsmtest.Laws(t, itsmtest.Spec[config.Item, config.Facts, config.Command]{
		Process: p, Command: draw, States: states(p), Tick: func(config.Item) itsm.Command { return config.Tick{} },
	})
}
