package incident

import (
	"slices"

	"github.com/hospital-itsm/itsm/lifecycle"
)

// A State is where a ticket stands. Who has it, how late it is, and whether it is a major incident are no states.
type State string

// The states. Not every type of ticket has all of them.
const (
	StateRecorded   State = "recorded"
	StateTriaged    State = "triaged"
	StateDispatched State = "dispatched"
	StateDiagnosing State = "diagnosing"
	StateOnHold     State = "on_hold"
	StateProposed   State = "resolved_proposed"
	StateConfirmed  State = "confirmed"
	StateClosed     State = "closed"
	StateCancelled  State = "cancelled"

	// Of consultations, complaints and requests.
	StateAnswering     State = "answering"
	StateAnswered      State = "answered"
	StateAssigned      State = "assigned"
	StateInvestigating State = "investigating"
	StateReplied       State = "replied"
	StateDisputed      State = "disputed"
	StateAccepted      State = "accepted"
	StateApproving     State = "approving"
	StateFulfilling    State = "fulfilling"
	StateFulfilled     State = "fulfilled"
	StateDeclined      State = "declined"
)

// A Transition is what moves a ticket from state to state.
type Transition string

// The transitions.
const (
	DoTriage   Transition = "triage"
	DoDispatch Transition = "dispatch"
	DoStart    Transition = "start"
	DoEscalate Transition = "escalate"
	DoHold     Transition = "hold"
	DoResume   Transition = "resume"
	DoPropose  Transition = "propose"
	DoReject   Transition = "reject"
	DoReopen   Transition = "reopen"
	DoConfirm  Transition = "confirm"
	DoClose    Transition = "close"
	DoCancel   Transition = "cancel"

	// Of consultations, complaints and requests.
	DoAnswer  Transition = "answer"
	DoReply   Transition = "reply"
	DoDispute Transition = "dispute"
	DoAccept  Transition = "accept"
	DoApprove Transition = "approve"
	DoDecline Transition = "decline"
	DoFulfil  Transition = "fulfil"
)

// A Machine is the table of one type of ticket.
type Machine = lifecycle.Machine[State, Transition]

// A Table is the data of a machine.
type Table = lifecycle.Spec[State, Transition]

var incidentStates = []lifecycle.StateRow[State]{
	{Name: StateRecorded, Phase: lifecycle.PhaseOpen, En: "recorded", Zh: "已记录"},
	{Name: StateTriaged, Phase: lifecycle.PhaseOpen, En: "triaged", Zh: "已判断"},
	{Name: StateDispatched, Phase: lifecycle.PhaseOpen, En: "dispatched", Zh: "已分派"},
	{Name: StateDiagnosing, Phase: lifecycle.PhaseActive, En: "diagnosing", Zh: "调查诊断"},
	{Name: StateOnHold, Phase: lifecycle.PhaseWaiting, En: "on hold", Zh: "挂起"},
	{Name: StateProposed, Phase: lifecycle.PhaseResolved, En: "resolution proposed", Zh: "待服务台确认"},
	{Name: StateConfirmed, Phase: lifecycle.PhaseResolved, En: "confirmed", Zh: "已确认"},
	{Name: StateClosed, Phase: lifecycle.PhaseClosed, End: true, En: "closed", Zh: "已关闭"},
	{Name: StateCancelled, Phase: lifecycle.PhaseClosed, End: true, En: "cancelled", Zh: "已取消"},
}

// IncidentTable returns the lifecycle of incidents. The copy belongs to the caller, who may extend it and give it to [Config.Lifecycle].
func IncidentTable() Table {
	return Table{
		Name: "incident", Start: []State{StateRecorded}, States: slices.Clone(incidentStates),
		Transitions: []lifecycle.Transition[State, Transition]{
			{Event: DoTriage, From: []State{StateRecorded}, To: StateTriaged, En: "triage", Zh: "判断"},
			{Event: DoDispatch, From: []State{StateTriaged}, To: StateDispatched, En: "dispatch", Zh: "分派"},
			{Event: DoStart, From: []State{StateDispatched}, To: StateDiagnosing, En: "start", Zh: "受理"},
			{Event: DoEscalate, From: []State{StateDispatched, StateDiagnosing}, To: StateDispatched, En: "escalate", Zh: "升级"},
			{Event: DoHold, From: []State{StateDispatched, StateDiagnosing}, To: StateOnHold, En: "hold", Zh: "挂起"},
			{Event: DoResume, From: []State{StateOnHold}, To: StateDiagnosing, En: "resume", Zh: "恢复处理"},
			{Event: DoPropose, From: []State{StateDiagnosing}, To: StateProposed, En: "propose", Zh: "提出解决"},
			{Event: DoReject, From: []State{StateProposed}, To: StateDiagnosing, En: "reject", Zh: "确认未通过"},
			{Event: DoReopen, From: []State{StateConfirmed}, To: StateDiagnosing, En: "reopen", Zh: "重开"},
			{Event: DoConfirm, From: []State{StateProposed}, To: StateConfirmed, En: "confirm", Zh: "服务台确认"},
			{Event: DoClose, From: []State{StateConfirmed}, To: StateClosed, En: "close", Zh: "关闭"},
			{Event: DoCancel, From: []State{StateRecorded, StateTriaged, StateDispatched, StateDiagnosing, StateOnHold}, To: StateCancelled, En: "cancel", Zh: "取消"},
		},
	}
}

type (
	row   = lifecycle.Transition[State, Transition]
	state = lifecycle.StateRow[State]
	law   = lifecycle.Rule[State, Transition]
)

// The states that all types of tickets begin and end with.
var (
	recorded  = state{Name: StateRecorded, Phase: lifecycle.PhaseOpen, En: "recorded", Zh: "已记录"}
	triaged   = state{Name: StateTriaged, Phase: lifecycle.PhaseOpen, En: "triaged", Zh: "已判断"}
	confirmed = state{Name: StateConfirmed, Phase: lifecycle.PhaseResolved, En: "confirmed", Zh: "已确认"}
	closed    = state{Name: StateClosed, Phase: lifecycle.PhaseClosed, End: true, En: "closed", Zh: "已关闭"}
	cancelled = state{Name: StateCancelled, Phase: lifecycle.PhaseClosed, End: true, En: "cancelled", Zh: "已取消"}
)

// ConsultationTable returns the lifecycle of questions.
func ConsultationTable() Table {
	return Table{
		Name: "consultation", Start: []State{StateRecorded},
		States: []state{recorded, triaged,
			{Name: StateAnswering, Phase: lifecycle.PhaseActive, En: "answering", Zh: "解答中"},
			{Name: StateAnswered, Phase: lifecycle.PhaseResolved, En: "answered", Zh: "已解答"},
			confirmed, closed, cancelled},
		Transitions: []row{
			{Event: DoTriage, From: []State{StateRecorded}, To: StateTriaged, En: "triage", Zh: "判断"},
			{Event: DoStart, From: []State{StateTriaged}, To: StateAnswering, En: "start", Zh: "受理"},
			{Event: DoAnswer, From: []State{StateAnswering}, To: StateAnswered, En: "answer", Zh: "解答"},
			{Event: DoReject, From: []State{StateAnswered}, To: StateAnswering, En: "reject", Zh: "确认未通过"},
			{Event: DoConfirm, From: []State{StateAnswered}, To: StateConfirmed, En: "confirm", Zh: "服务台确认"},
			{Event: DoClose, From: []State{StateConfirmed}, To: StateClosed, En: "close", Zh: "关闭"},
			{Event: DoCancel, From: []State{StateRecorded, StateTriaged, StateAnswering}, To: StateCancelled, En: "cancel", Zh: "取消"},
		},
	}
}

// ComplaintTable returns the lifecycle of complaints.
func ComplaintTable() Table {
	return Table{
		Name: "complaint", Start: []State{StateRecorded},
		States: []state{recorded, triaged,
			{Name: StateAssigned, Phase: lifecycle.PhaseOpen, En: "assigned", Zh: "已指派"},
			{Name: StateInvestigating, Phase: lifecycle.PhaseActive, En: "investigating", Zh: "调查中"},
			{Name: StateReplied, Phase: lifecycle.PhaseResolved, En: "replied", Zh: "已答复"},
			{Name: StateDisputed, Phase: lifecycle.PhaseActive, En: "disputed", Zh: "有异议"},
			{Name: StateAccepted, Phase: lifecycle.PhaseResolved, En: "accepted", Zh: "已认可"},
			closed, cancelled},
		Transitions: []row{
			{Event: DoTriage, From: []State{StateRecorded}, To: StateTriaged, En: "triage", Zh: "判断"},
			{Event: DoDispatch, From: []State{StateTriaged}, To: StateAssigned, En: "assign", Zh: "指派"},
			{Event: DoStart, From: []State{StateAssigned, StateDisputed}, To: StateInvestigating, En: "investigate", Zh: "调查"},
			{Event: DoReply, From: []State{StateInvestigating}, To: StateReplied, En: "reply", Zh: "答复"},
			{Event: DoDispute, From: []State{StateReplied}, To: StateDisputed, En: "dispute", Zh: "提出异议"},
			{Event: DoAccept, From: []State{StateReplied}, To: StateAccepted, En: "accept", Zh: "认可"},
			{Event: DoClose, From: []State{StateAccepted}, To: StateClosed, En: "close", Zh: "关闭"},
			{Event: DoCancel, From: []State{StateRecorded, StateTriaged}, To: StateCancelled, En: "cancel", Zh: "取消"},
		},
	}
}

// RequestTable returns the lifecycle of service requests.
func RequestTable() Table {
	return Table{
		Name: "request", Start: []State{StateRecorded},
		States: []state{recorded, triaged,
			{Name: StateApproving, Phase: lifecycle.PhaseWaiting, En: "approving", Zh: "审批中"},
			{Name: StateFulfilling, Phase: lifecycle.PhaseActive, En: "fulfilling", Zh: "办理中"},
			{Name: StateFulfilled, Phase: lifecycle.PhaseResolved, En: "fulfilled", Zh: "已办理"},
			confirmed, closed, cancelled,
			{Name: StateDeclined, Phase: lifecycle.PhaseClosed, End: true, En: "declined", Zh: "不予办理"}},
		Transitions: []row{
			{Event: DoTriage, From: []State{StateRecorded}, To: StateTriaged, En: "triage", Zh: "判断"},
			{Event: DoDispatch, From: []State{StateTriaged}, To: StateApproving, En: "submit for approval", Zh: "提交审批"},
			{Event: DoStart, From: []State{StateTriaged}, To: StateFulfilling, En: "start", Zh: "受理"},
			{Event: DoApprove, From: []State{StateApproving}, To: StateFulfilling, En: "approve", Zh: "批准"},
			{Event: DoDecline, From: []State{StateApproving, StateTriaged}, To: StateDeclined, En: "decline", Zh: "拒绝"},
			{Event: DoFulfil, From: []State{StateFulfilling}, To: StateFulfilled, En: "fulfil", Zh: "办理"},
			{Event: DoReject, From: []State{StateFulfilled}, To: StateFulfilling, En: "reject", Zh: "确认未通过"},
			{Event: DoConfirm, From: []State{StateFulfilled}, To: StateConfirmed, En: "confirm", Zh: "服务台确认"},
			{Event: DoClose, From: []State{StateConfirmed}, To: StateClosed, En: "close", Zh: "关闭"},
			{Event: DoCancel, From: []State{StateRecorded, StateTriaged, StateApproving}, To: StateCancelled, En: "cancel", Zh: "取消"},
		},
	}
}

// Mandatory returns what no variant of the lifecycle of incidents may leave out: everything is recorded first, the main line
// is not shortened, the desk confirms, and what is closed stays closed.
func Mandatory() []law {
	named := func(name, en, zh string) lifecycle.Law { return lifecycle.Law{Name: name, En: en, Zh: zh} }
	return []law{
		lifecycle.MustPass[State, Transition](named("recorded_first", "every incident is recorded before anything else", "所有事件先记录后处理"), StateTriaged, StateRecorded),
		lifecycle.MustPass[State, Transition](named("triage_before_dispatch", "triage decides what it is before it is dispatched", "先判断后分派"), StateDispatched, StateTriaged),
		lifecycle.MustPass[State, Transition](named("dispatched_before_solved", "the main line cannot be shortened: dispatched before solved", "主流程不可缩短：先分派后解决"), StateProposed, StateDispatched),
		lifecycle.MustPass[State, Transition](named("solved_before_closed", "the main line cannot be shortened: solved before closed", "主流程不可缩短：先解决后关闭"), StateClosed, StateProposed),
		lifecycle.MustPass[State, Transition](named("desk_confirmation", "the service desk confirms before an incident is closed", "服务台确认后方可关闭"), StateClosed, StateConfirmed),
		lifecycle.MustPassBetween[State, Transition](named("confirmed_anew", "a solution that was rejected is confirmed anew", "返工后须重新确认"), StateDiagnosing, StateClosed, StateConfirmed),
		lifecycle.OnlyInto(named("only_confirm", "only a confirmation leads into confirmed", "只有确认才能进入已确认状态"), StateConfirmed, DoConfirm),
		lifecycle.OnlyInto(named("only_close", "only closing leads into closed", "只有关闭才能进入已关闭状态"), StateClosed, DoClose),
		lifecycle.OnlyInto(named("only_cancel", "only cancelling leads into cancelled", "只有取消才能进入已取消状态"), StateCancelled, DoCancel),
		lifecycle.MustNotLeave[State, Transition](named("closed_is_final", "a closed incident stays closed; what comes back is a new one", "已关闭的记录不可更改，重复发生须新建"), StateClosed, StateCancelled),
		lifecycle.MustHaveStates[State, Transition](named("main_states", "the states of the main line are there", "主流程状态齐全"),
			StateRecorded, StateTriaged, StateDispatched, StateDiagnosing, StateOnHold, StateProposed, StateConfirmed, StateClosed, StateCancelled),
	}
}

// A Migration says how incidents go on from one version of the lifecycle under another.
type Migration = lifecycle.Migration[State]
