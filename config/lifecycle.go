package config

import (
	"slices"

	"github.com/hospital-itsm/itsm/lifecycle"
)

// A State is where an item stands in its life. What it is in it (operational, standby) is its status, which the class declares.
type State string

// The states.
const (
	StatePlanned     State = "planned"        // a change will bring it; it is not there yet
	StatePending     State = "pending"        // there, but neither accepted nor labelled
	StateAccepted    State = "accepted"       // under control, not in use
	StateLive        State = "live"           // in use
	StateMaintenance State = "in_maintenance" // out of use for work on it
	StateSuspended   State = "suspended"      // out of use for another reason
	StateWithdrawn   State = "withdrawn"      // taken out of use for good; nothing new may relate to it
	StateDisposed    State = "disposed"       // gone
)

// A Transition is what moves an item from state to state.
type Transition string

// The transitions.
const (
	DoArrive    Transition = "arrive"
	DoAccept    Transition = "accept"
	DoActivate  Transition = "activate"
	DoMaintain  Transition = "maintain"
	DoSuspend   Transition = "suspend"
	DoWithdraw  Transition = "withdraw"
	DoReinstate Transition = "reinstate"
	DoDispose   Transition = "dispose"
)

// A Machine is the lifecycle of items.
type Machine = lifecycle.Machine[State, Transition]

// A Table is the data of a machine.
type Table = lifecycle.Spec[State, Transition]

type (
	stateRow = lifecycle.StateRow[State]
	row      = lifecycle.Transition[State, Transition]
	law      = lifecycle.Rule[State, Transition]
)

var itemStates = []stateRow{
	{Name: StatePlanned, Phase: lifecycle.PhaseOpen, En: "planned", Zh: "已规划"},
	{Name: StatePending, Phase: lifecycle.PhaseOpen, En: "pending", Zh: "待认可"},
	{Name: StateAccepted, Phase: lifecycle.PhaseWaiting, En: "accepted", Zh: "已认可"},
	{Name: StateLive, Phase: lifecycle.PhaseActive, En: "live", Zh: "在用"},
	{Name: StateMaintenance, Phase: lifecycle.PhaseWaiting, En: "in maintenance", Zh: "维护中"},
	{Name: StateSuspended, Phase: lifecycle.PhaseWaiting, En: "suspended", Zh: "停用"},
	{Name: StateWithdrawn, Phase: lifecycle.PhaseResolved, En: "withdrawn", Zh: "退出使用"},
	{Name: StateDisposed, Phase: lifecycle.PhaseClosed, End: true, En: "disposed", Zh: "已处置"},
}

// ItemTable returns the lifecycle of items. The copy belongs to the caller, who may extend it and give it to [Config.Lifecycle].
func ItemTable() Table {
	return Table{
		Name: "ci", Start: []State{StatePlanned, StatePending}, States: slices.Clone(itemStates),
		Transitions: []row{
			{Event: DoArrive, From: []State{StatePlanned}, To: StatePending, En: "arrive", Zh: "到位"},
			{Event: DoAccept, From: []State{StatePending}, To: StateAccepted, En: "accept", Zh: "认可"},
			{Event: DoActivate, From: []State{StateAccepted, StateMaintenance, StateSuspended}, To: StateLive, En: "activate", Zh: "投入使用"},
			{Event: DoMaintain, From: []State{StateLive}, To: StateMaintenance, En: "maintain", Zh: "转入维护"},
			{Event: DoSuspend, From: []State{StateLive, StateMaintenance}, To: StateSuspended, En: "suspend", Zh: "停用"},
			{Event: DoWithdraw, From: []State{StatePlanned, StatePending, StateAccepted, StateLive, StateMaintenance, StateSuspended}, To: StateWithdrawn, En: "withdraw", Zh: "退出使用"},
			{Event: DoReinstate, From: []State{StateWithdrawn}, To: StatePending, En: "reinstate", Zh: "重新启用"},
			{Event: DoDispose, From: []State{StateWithdrawn}, To: StateDisposed, En: "dispose", Zh: "处置"},
		},
	}
}

// Mandatory returns what no variant of the lifecycle may leave out.
func Mandatory() []law {
	named := func(name, en, zh string) lifecycle.Law { return lifecycle.Law{Name: name, En: en, Zh: zh} }
	return []law{
		lifecycle.MustPass[State, Transition](named("accepted_before_live", "an item is accepted before it is in use", "配置项认可后方可投入使用"), StateLive, StateAccepted),
		lifecycle.OnlyInto(named("only_accept", "only accepting leads into accepted", "只有认可才能进入已认可状态"), StateAccepted, DoAccept),
		lifecycle.MustPass[State, Transition](named("withdrawn_before_disposed", "an item is withdrawn before it is disposed of", "退出使用后方可处置"), StateDisposed, StateWithdrawn),
		lifecycle.OnlyInto(named("only_dispose", "only disposing leads into disposed", "只有处置才能进入已处置状态"), StateDisposed, DoDispose),
		lifecycle.MustFollow[State, Transition](named("dispose_withdrawn", "only a withdrawn item is disposed of", "只有退出使用的配置项才能处置"), DoDispose, StateWithdrawn),
		lifecycle.MustPassBetween[State, Transition](named("accepted_anew", "what comes back is accepted anew", "重新启用须再次认可"), StateWithdrawn, StateLive, StateAccepted),
		lifecycle.MustNotLeave[State, Transition](named("disposed_is_final", "a disposed item stays disposed", "已处置的配置项不可恢复"), StateDisposed),
		lifecycle.MustHaveStates[State, Transition](named("main_states", "the main states are there", "主要状态齐全"),
			StatePlanned, StatePending, StateAccepted, StateLive, StateMaintenance, StateSuspended, StateWithdrawn, StateDisposed),
	}
}
