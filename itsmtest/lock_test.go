package itsmtest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/lifecycle"
)

// A small process to test the suite on: the lock of a door that locks itself after a while.

type lock struct {
	itsm.Meta `json:"meta"`
	State     lockState      `json:"state"`
	Code      int            `json:"code"`
	Place     string         `json:"place" itsm:"text"`
	Guests    []guest        `json:"guests,omitempty"`
	Uses      map[string]int `json:"uses,omitempty"`
	Shut      time.Time      `json:"shut,omitzero"`
	Late      int            `json:"late,omitempty"`
	Moves     int            `json:"-"` // only for a flaw: it is not stored
}

type guest struct {
	Name string `json:"name" itsm:"text"`
	By   itsm.PersonID
}

type lockState string

const (
	lockOpen    lockState = "open"
	lockClosed  lockState = "closed"
	lockLocked  lockState = "locked"
	lockRemoved lockState = "removed"
)

var lockStates = []string{"open", "closed", "locked", "removed"}

var lockMachine = lifecycle.Must(lifecycle.Spec[lockState, string]{
	Name: "lock", Start: []lockState{lockOpen},
	States: []lifecycle.StateRow[lockState]{{Name: lockOpen}, {Name: lockClosed}, {Name: lockLocked}, {Name: lockRemoved, End: true}},
	Transitions: []lifecycle.Transition[lockState, string]{
		{Event: "shut", From: []lockState{lockOpen}, To: lockClosed},
		{Event: "open", From: []lockState{lockClosed}, To: lockOpen},
		{Event: "lock", From: []lockState{lockClosed}, To: lockLocked},
		{Event: "unlock", From: []lockState{lockLocked}, To: lockClosed},
		{Event: "remove", From: []lockState{lockOpen, lockClosed}, To: lockRemoved},
	},
})

type lockCommand interface {
	itsm.Command
	lockCommand()
}

type (
	install struct {
		Place string `json:"place"`
		Code  int    `json:"code"`
	}
	shut   struct{}
	open   struct{}
	secure struct{}
	unlock struct {
		Code int `json:"code"`
	}
	admit struct {
		Name string `json:"name"`
	}
	remove struct{}
	tick   struct{}
)

func (install) CommandName() string { return "lock.install" }
func (shut) CommandName() string    { return "lock.shut" }
func (open) CommandName() string    { return "lock.open" }
func (secure) CommandName() string  { return "lock.lock" }
func (unlock) CommandName() string  { return "lock.unlock" }
func (admit) CommandName() string   { return "lock.admit" }
func (remove) CommandName() string  { return "lock.remove" }
func (tick) CommandName() string    { return "lock.tick" }

func (install) Creates() {}

func (install) lockCommand() {}
func (shut) lockCommand()    {}
func (open) lockCommand()    {}
func (secure) lockCommand()  {}
func (unlock) lockCommand()  {}
func (admit) lockCommand()   {}
func (remove) lockCommand()  {}
func (tick) lockCommand()    {}

type (
	installed struct {
		Place string `json:"place,omitempty" itsm:"personal,text"`
		Code  int    `json:"code"`
	}
	moved struct {
		Event string    `json:"event"`
		To    lockState `json:"to"`
	}
	admitted struct {
		Name string `json:"name" itsm:"text"`
	}
	overheard struct {
		Name string `json:"name"` // lacks its tag
	}
	counted struct {
		Name string `json:"name"`
	}
)

func (installed) EventType() string { return "lock.installed" }
func (moved) EventType() string     { return "lock.moved" }
func (admitted) EventType() string  { return "lock.admitted" }
func (overheard) EventType() string { return "lock.overheard" }
func (counted) EventType() string   { return "lock.counted" }

var (
	ruleCode  = itsm.NotNow("lock.wrong_code", "the code is wrong", "密码错误")
	ruleField = itsm.Invalid("lock.required", "{field} is missing", "缺少 {field}")
	ruleGone  = itsm.NotNow("lock.gone", "{place} has no lock any more", "{place} 已无锁")
)

const lockAfter = 5 * time.Minute

// flaw is one way in which the process breaks a law.
type flaw string

const (
	flawMapOrder    flaw = "the order of a map reaches the events"
	flawClock       flaw = "the decision reads a clock"
	flawAppend      flaw = "evolving appends to shared memory"
	flawMapWrite    flaw = "evolving writes into a shared map"
	flawElement     flaw = "evolving writes into a shared slice"
	flawDecide      flaw = "deciding changes the record"
	flawState       flaw = "an undeclared state"
	flawPhase       flaw = "an undeclared phase"
	flawIndex       flaw = "an undeclared index field"
	flawFinal       flaw = "a final record moves on"
	flawBreach      flaw = "being late is a state"
	flawWake        flaw = "a wake that is never over"
	flawRefusedWake flaw = "a tick that is refused"
	flawUnstored    flaw = "a field that JSON does not keep"
	flawLeak        flaw = "free text without its tag"
	flawRule        flaw = "a rule that is not declared"
	flawArgument    flaw = "a sentence without its argument"
	flawError       flaw = "an error that is no reason"
	flawEdge        flaw = "a step that the lifecycle does not have"
	flawPossible    flaw = "what is possible is not sorted"
)

type lockProcess struct{ flaw flaw }

// readings is what the flawed decision reads as a clock.
var readings atomic.Int64

func (p lockProcess) Describe() itsm.Description {
	d := itsm.Description{
		Kind: "lock", Prefix: "LCK", Commands: []itsm.Command{install{}, shut{}, open{}, secure{}, unlock{}, admit{}, remove{}, tick{}},
		Events: []itsm.Payload{installed{}, moved{}, admitted{}, overheard{}, counted{}}, Rules: []*itsm.Rule{ruleCode, ruleField, ruleGone, lifecycleRule},
		Index:  []itsm.IndexField{{Name: "guest", Type: itsm.TextValue, Many: true}, {Name: "code", Type: itsm.NumberValue}},
		Phases: []string{"active", "closed"}, Grants: []itsm.Grant{{Role: itsm.RoleServiceDesk, Commands: []string{"lock.*", "itsm.*"}, Clearance: itsm.PatientRelated}, {Role: itsm.RoleSystem, Commands: []string{"lock.tick"}}},
	}
	if p.flaw == flawRule {
		d.Rules = d.Rules[:len(d.Rules)-1]
	}
	return d
}

var lifecycleRule = itsm.NotNow("lock.state", "{command} cannot be done to a lock that is {state}", "锁处于 {state} 状态，不能 {command}")

func (lockProcess) Meta(rec *lock) *itsm.Meta { return &rec.Meta }

func (p lockProcess) Outline(rec lock) itsm.Outline {
	o := itsm.Outline{State: string(rec.State), Phase: "active", Final: rec.State == lockRemoved}
	if o.Final {
		o.Phase = "closed"
	}
	for _, g := range rec.Guests {
		o.Index = append(o.Index, itsm.IndexEntry{Field: "guest", Many: true, Value: itsm.TextOf(g.By)})
	}
	o.Index = append(o.Index, itsm.IndexEntry{Field: "code", Value: itsm.NumberOf(rec.Code)})
	if rec.State == lockClosed {
		o.Wake = rec.Shut.Add(lockAfter)
	}
	switch p.flaw {
	case flawPhase:
		o.Phase = "somewhere"
	case flawIndex:
		o.Index = append(o.Index, itsm.IndexEntry{Field: "place", Value: itsm.TextOf(rec.Place)})
	}
	return o
}

func (p lockProcess) Possible(rec lock) []string {
	possible := lockMachine.Allowed(rec.State)
	slices.Sort(possible)
	if p.flaw == flawPossible {
		slices.Reverse(possible)
	}
	return possible
}

func (lockProcess) Gather(context.Context, lock, lockCommand, itsm.Env) (struct{}, error) {
	return struct{}{}, nil
}

func (p lockProcess) Decide(rec lock, cmd lockCommand, _ struct{}, env itsm.Env) ([]itsm.Payload, error) {
	fire := func(event string) ([]itsm.Payload, error) {
		to, ok := lockMachine.Next(rec.State, event)
		if !ok && !(p.flaw == flawFinal && event == "shut") {
			return nil, lifecycleRule.With("command", event, "state", rec.State)
		}
		if p.flaw == flawFinal && event == "shut" {
			to = lockClosed
		}
		if p.flaw == flawState && event == "lock" {
			to = "jammed"
		}
		if p.flaw == flawEdge && event == "unlock" {
			to = lockOpen
		}
		payloads := []itsm.Payload{moved{event, to}}
		if p.flaw == flawMapOrder && event == "open" {
			for name := range map[string]int{"by hand": 1, "by key": 2} {
				payloads = append(payloads, counted{name})
			}
			return payloads, nil
		}
		return append(payloads, counted{event}), nil
	}
	switch c := cmd.(type) {
	case install:
		if c.Place == "" {
			if p.flaw == flawArgument {
				return nil, ruleField.With()
			}
			return nil, ruleField.With("field", "place")
		}
		return []itsm.Payload{installed(c)}, nil
	case shut:
		return fire("shut")
	case open:
		if p.flaw == flawError {
			return nil, fmt.Errorf("the hinge is stuck")
		}
		return fire("open")
	case secure:
		return fire("lock")
	case unlock:
		if rec.State == lockLocked && c.Code != rec.Code {
			return nil, ruleCode.With()
		}
		return fire("unlock")
	case admit:
		var rs itsm.Reasons
		rs.Add(rec.State == lockRemoved, ruleGone.With("place", rec.Place))
		rs.Add(c.Name == "", ruleField.With("field", "name"))
		if p.flaw == flawClock {
			c.Name += fmt.Sprint(readings.Add(1))
		}
		if p.flaw == flawDecide && len(rec.Guests) > 0 {
			rec.Guests[0].Name = "somebody else"
		}
		if p.flaw == flawLeak {
			return []itsm.Payload{overheard(c)}, rs.Err()
		}
		return []itsm.Payload{admitted(c)}, rs.Err()
	case remove:
		return fire("remove")
	case tick:
		return p.tick(rec, env)
	}
	return nil, fmt.Errorf("unknown command %T", cmd)
}

func (p lockProcess) tick(rec lock, env itsm.Env) ([]itsm.Payload, error) {
	if rec.State != lockClosed || env.Now.Before(rec.Shut.Add(lockAfter)) {
		return nil, nil
	}
	switch p.flaw {
	case flawWake:
		return nil, nil
	case flawRefusedWake:
		return nil, lifecycleRule.With("command", "tick", "state", rec.State)
	case flawBreach:
		return []itsm.Payload{moved{"remove", lockRemoved}}, nil
	}
	return []itsm.Payload{moved{"lock", lockLocked}}, nil
}

func (p lockProcess) Evolve(rec *lock, ev *itsm.Event) error {
	switch e := ev.Payload.(type) {
	case installed:
		rec.State, rec.Place, rec.Code = lockOpen, e.Place, e.Code
	case moved:
		rec.State = e.To
		if p.flaw == flawUnstored {
			rec.Moves++
			rec.Late = rec.Moves % 3
		}
		if e.To == lockClosed {
			rec.Shut = ev.At
		}
	case admitted:
		g := guest{e.Name, ev.Actor}
		switch {
		case p.flaw == flawAppend:
			rec.Guests = append(rec.Guests, g)
		case p.flaw == flawElement && len(rec.Guests) > 0:
			rec.Guests[0] = g
		default:
			rec.Guests = append(slices.Clip(rec.Guests), g)
		}
	case overheard:
		rec.Code++
	case counted:
		uses := make(map[string]int, len(rec.Uses)+1)
		if p.flaw == flawMapWrite && rec.Uses != nil {
			uses = rec.Uses
		}
		maps.Copy(uses, rec.Uses)
		uses[e.Name]++
		rec.Uses = uses
	default:
		return fmt.Errorf("unknown event %s", ev.Type)
	}
	return nil
}

func drawLock(t *rapid.T, rec lock, step int) (itsm.Command, []itsm.Option) {
	if step == 0 {
		return install{Place: rapid.SampledFrom([]string{"pharmacy", "ward 3"}).Draw(t, "place"), Code: rapid.IntRange(0, 3).Draw(t, "code")}, nil
	}
	cmd := rapid.SampledFrom([]itsm.Command{
		shut{}, shut{}, open{}, open{}, secure{}, unlock{Code: rec.Code}, unlock{Code: 9}, admit{Name: "a guest"}, admit{Name: "another guest"}, admit{}, remove{}, tick{}, install{}, install{Place: "roof"},
	}).Draw(t, "command")
	var options []itsm.Option
	if rapid.IntRange(0, 5).Draw(t, "versioned") == 0 {
		options = append(options, itsm.IfVersion(rec.Version))
	}
	return cmd, options
}

func lockSpec(f flaw) Spec[lock, struct{}, lockCommand] {
	return Spec[lock, struct{}, lockCommand]{
		Process: lockProcess{f}, Command: drawLock, States: lockStates,
		Tick: func(lock) itsm.Command { return tick{} }, Auto: []Edge{{"closed", "locked"}},
	}
}

func lockModel(f flaw) Model[lock, struct{}, lockCommand] {
	return Model[lock, struct{}, lockCommand]{
		Process: lockProcess{f}, States: lockStates, Edges: Edges(lockMachine),
		Moves: func(rec lock) []Move {
			return append(Moves(install{Place: "pharmacy", Code: 1}, shut{}, open{}, secure{}, unlock{Code: rec.Code}, admit{Name: "a guest"}, remove{}, tick{}), Move{Command: unlock{Code: 9}})
		},
	}
}
