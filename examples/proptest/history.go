package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/store/memory"
)

// A chooser draws numbers below n. In the program it is a random source with a seed; in the tests it is rapid, which makes
// a failing history small.
type chooser interface{ IntN(n int) int }

func pick[T any](c chooser, all ...T) T { return all[c.IntN(len(all))] }

// A hospital gives commands at random, by people who may and people who may not.
type hospital struct {
	*incident.Service
	now time.Time
}

func newHospital(cfg incident.Config) (*hospital, error) {
	h := new(hospital)
	cfg.Clock = func() time.Time { return h.now }
	var err error
	h.Service, err = incident.New(incident.NewRepository(memory.New()), cfg)
	return h, err
}

// The people, by role.
var people = map[itsm.Role][]itsm.PersonID{
	itsm.RoleServiceDesk:      {"agent-1", "agent-2"},
	itsm.RoleHardwareEngineer: {"engineer-1", "engineer-2"},
	itsm.RoleDeskManager:      {"manager"},
}

var roles = []itsm.Role{itsm.RoleServiceDesk, itsm.RoleHardwareEngineer, itsm.RoleDeskManager}

func person(c chooser) context.Context {
	role := pick(c, roles...)
	return itsm.WithActor(context.Background(), itsm.Actor{ID: pick(c, people[role]...), Tenant: "h1", Roles: []itsm.Role{role}})
}

// A tally is what happened in a history.
type tally struct {
	accepted, refused int
	visited           []incident.State // states, in order
}

// live records an incident and gives up to n commands to it. Every history begins at the same time, so that it depends on the chooser alone.
func (h *hospital) live(c chooser, n int) (incident.Incident, tally, error) {
	h.now = time.Date(2026, 2, 14, 0, 30, 0, 0, time.UTC)
	var t tally
	desk := itsm.WithActor(context.Background(), itsm.Actor{ID: "agent-1", Tenant: "h1", Roles: []itsm.Role{itsm.RoleServiceDesk}})
	inc, err := h.Do(desk, "", incident.Record{
		Channel: pick(c, incident.Portal, incident.WalkIn), Caller: incident.Caller{Name: "收费处"}, Summary: "收费窗口打印机不出纸",
	})
	for range n {
		if err != nil || !inc.Open() {
			break
		}
		t.visited = append(t.visited, inc.State)
		h.now = h.now.Add(time.Duration(1+c.IntN(120)) * time.Minute)
		after, refusal := h.Do(person(c), inc.ID, draw(c, inc), itsm.Because("at random"))
		switch {
		case refusal == nil:
			t.accepted++
			inc = after
		case errors.As(refusal, new(*itsm.RefusedError)):
			t.refused++
		default:
			err = refusal
		}
	}
	t.visited = slices.Compact(append(t.visited, inc.State))
	return inc, t, err
}

// draw draws a command: three times in four one that is likely in the state.
func draw(c chooser, inc incident.Incident) itsm.Command {
	if likely := usual(c)[inc.State]; len(likely) > 0 && c.IntN(4) > 0 {
		return pick(c, likely...)
	}
	return pick(c, unusual(c)...)
}

// usual lists what people do in each state.
func usual(c chooser) map[incident.State][]itsm.Command {
	triage := incident.Triage{Impact: incident.Impact(1 + c.IntN(4)), Urgency: incident.Urgency(1 + c.IntN(4))}
	spare, purchase := incident.Hold{Reason: incident.WaitSpare}, incident.Hold{Reason: incident.WaitDecision}
	handOver := incident.Escalate{Tier: incident.TierSecond, Group: "second-line", Reason: "no spare part", Note: "see the photo"}
	return map[incident.State][]itsm.Command{
		incident.StateRecorded:   {triage},
		incident.StateTriaged:    {incident.Dispatch{Group: "hardware"}},
		incident.StateDispatched: {incident.Start{}, incident.Start{}, spare},
		incident.StateDiagnosing: {incident.Propose{Solution: "更换进纸传感器"}, spare, handOver},
		incident.StateOnHold:     {incident.Resume{}, purchase},
		Procuring:                {incident.Resume{}},
		incident.StateProposed:   {incident.Confirm{Word: incident.UserAgrees, Said: pick(c, "", "可以打印了")}, incident.Reject{Why: "又卡纸了"}},
		incident.StateConfirmed:  {incident.Close{CauseCode: "wear", SolutionCode: "replaced"}, incident.Reopen{Why: "又卡纸了"}},
	}
}

// unusual lists what people do at times, also when it makes no sense.
func unusual(c chooser) []itsm.Command {
	return []itsm.Command{
		incident.Tick{}, incident.Close{}, incident.Resume{}, incident.Start{}, incident.Accept{}, incident.Return{Answer: "not ours"}, incident.Restore{Workaround: "use window 4"},
		incident.Confirm{Word: incident.UserAgrees}, incident.Cancel{Reason: incident.MisEntry, Note: "typed twice"}, incident.KeepDiagnosing{Basis: "it still jams"},
		incident.Hold{Reason: pick(c, incident.WaitSpare, incident.WaitSupplier, "lunch")}, incident.Propose{},
		incident.Hold{Reason: incident.WaitSpare, Bump: incident.Bump{Every: itsm.Hour, Count: 2, Resolve: "no answer"}},
	}
}

// confirmedByDesk is the property that this hospital cares for most: what is closed was confirmed by somebody of the desk, after it
// was last solved, and not on the word of the one who solved it alone.
func (h *hospital) confirmedByDesk(inc incident.Incident) error {
	if inc.State != incident.StateClosed {
		return nil
	}
	var solver, confirmer itsm.PersonID
	said := ""
	auditor := itsm.WithActor(context.Background(), itsm.Actor{ID: "auditor", Tenant: "h1", Roles: []itsm.Role{itsm.RoleAuditAdmin}})
	for ev, err := range h.Events(auditor, inc.ID) {
		if err != nil {
			return err
		}
		switch e := ev.Payload.(type) {
		case incident.Proposed:
			solver, confirmer = ev.Actor, ""
		case incident.Confirmed:
			confirmer, said = ev.Actor, e.Confirmation.Said
		}
	}
	desk := slices.Concat(people[itsm.RoleServiceDesk], people[itsm.RoleDeskManager])
	switch {
	case confirmer == "":
		return fmt.Errorf("%s is closed, but its last solution was never confirmed", inc.ID)
	case !slices.Contains(desk, confirmer):
		return fmt.Errorf("%s was confirmed by %s, who is not of the desk", inc.ID, confirmer)
	case confirmer == solver && said == "":
		return fmt.Errorf("%s was confirmed by %s, who solved it, without a word of the user", inc.ID, confirmer)
	}
	return nil
}
