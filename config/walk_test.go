package config_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config"
	"github.com/hospital-itsm/itsm/itsmtest"
)

// moves are one of each command and more, filled in so that they go through where they can.
func moves(rec config.Item) []itsmtest.Move {
	reg := config.Register{Authority: under, Class: "client", Name: "pc", Attributes: attrs{"model": text("M")}}
	if rec.State == "" {
		planned := reg
		planned.Planned = true
		return itsmtest.Moves(reg, planned, config.Register{})
	}
	because := []itsm.Option{itsm.Because("because")}
	var all []itsmtest.Move
	commands := []itsm.Command{
		reg, config.Update{Authority: under, Attributes: attrs{"place": text(fmt.Sprint("room ", rec.Version))}}, config.Update{Attributes: attrs{"place": text("x")}},
		config.Reclassify{Authority: under, Class: "terminal"}, config.Reclassify{Authority: under, Class: "client"},
		config.AffixLabel{Authority: under, Code: "L-1", Form: config.Physical}, config.Accept{Authority: under}, config.Dispose{Authority: under},
		config.SetStatus{Authority: under, Status: "standby"}, config.SetStatus{Authority: under, Status: "powered_off"},
		config.Link{Authority: under, Type: "connects_to", To: "CI-1"}, config.Unlink{Authority: under, Type: "connects_to", To: "CI-1"},
		config.AddDocument{Authority: under, Ref: "dms:1", Version: fmt.Sprint(rec.Version)}, config.DropDocument{Authority: under, Ref: "dms:1"},
		config.SetGroup{Authority: under, Group: config.Group{Name: "uplinks", Need: 1, Members: []itsm.ID{"CI-1", "CI-2"}}}, config.SetGroup{Authority: under, Group: config.Group{Name: "uplinks"}},
		config.PlanChange{Authority: under, Attributes: attrs{"place": text("later")}}, config.RealisePlan{Authority: under}, config.WithdrawPlan{Authority: under},
		config.LeaveScope{Why: "lent"}, config.EnterScope{}, config.Observe{Sightings: []config.Sighting{{Attribute: "os", Source: "glpi", Value: text("w"), At: rec.Updated}}},
		config.LockAttribute{Attribute: "os", Value: text("x"), Until: rec.Updated.Add(time.Hour), Why: "w"}, config.UnlockAttribute{Attribute: "os"},
		config.SuspectDuplicate{Suspects: []config.Suspect{{Item: "CI-9", Why: "w"}}}, config.ClearSuspect{Item: "CI-9"},
		config.Merge{Authority: under, Into: "CI-9"}, config.Unmerge{Authority: under}, config.Tick{},
	}
	for _, step := range []config.Transition{config.DoArrive, config.DoActivate, config.DoMaintain, config.DoSuspend, config.DoWithdraw, config.DoReinstate} {
		commands = append(commands, config.Move{Authority: under, Step: step})
	}
	for _, c := range commands {
		all = append(all, itsmtest.Move{Command: c, Options: because})
	}
	for _, c := range (&config.Process{}).Describe().Commands { // the two that only the service gives
		if name := c.CommandName(); name == "ci.attach" || name == "ci.absorb" {
			all = append(all, itsmtest.Move{Command: c})
		}
	}
	return all
}

func TestWalk(t *testing.T) {
	if testing.Short() {
		t.Skip("with -short: the walk is long, and has nothing for the race detector")
	}
	t.Parallel()
	p := alone(t)
	t.Run("R-268 an item becomes current only when it is labelled and accepted", func(t *testing.T) {
		t.Parallel()
		cover := itsmtest.Walk(t, itsmtest.Model[config.Item, config.Facts, config.Command]{
			Process: p, Moves: moves, States: states(p), Edges: itsmtest.Edges(p.Machine()),
			Elsewhere: []string{"ci.link", "ci.unlink", "ci.merge", "ci.unmerge", "ci.attach", "ci.absorb"},
			Abstract: func(rec config.Item) string {
				return fmt.Sprint(rec.Label.Code != "", rec.Outside != nil, len(rec.Suspects), len(rec.Documents), len(rec.Plans), len(rec.Locks))
			},
		})
		for _, s := range p.Machine().States() {
			if s != config.StatePending {
				assert.Zero(t, cover.Accepted(string(s), "ci.accept"), s)
			}
			if s != config.StateWithdrawn {
				assert.Zero(t, cover.Accepted(string(s), "ci.dispose"), s)
			}
		}
		assert.Zero(t, cover.Accepted("disposed", "ci.update"))
	})
}
