package change

import (
	"fmt"
	"slices"

	"github.com/hospital-itsm/itsm/lifecycle"
)

// A State is where a change stands. Who works on it, how late it is, and how it is approved are no states.
type State string

// The states. Not every type of change has all of them.
const (
	StateDraft        State = "draft"
	StateSubmitted    State = "submitted"
	StateClassified   State = "classified"
	StateAssessing    State = "assessing"
	StateBuilding     State = "building"
	StateTesting      State = "testing"
	StateAwaiting     State = "awaiting_approval"
	StateApproved     State = "approved"
	StateScheduled    State = "scheduled"
	StateImplementing State = "implementing"
	StateSucceeded    State = "succeeded"
	StateFailed       State = "failed"
	StateBackingOut   State = "backing_out"
	StateBackedOut    State = "backed_out"
	StateInReview     State = "in_review"
	StateClosed       State = "closed"
	StateRejected     State = "rejected"
	StateCancelled    State = "cancelled"
)

// A Transition is what moves a change from state to state.
type Transition string

// The transitions.
const (
	DoSubmit    Transition = "submit"
	DoReturn    Transition = "return"
	DoClassify  Transition = "classify"
	DoAssess    Transition = "begin_assessment"
	DoBuild     Transition = "begin_build"
	DoTest      Transition = "begin_test"
	DoAsk       Transition = "request_approval"
	DoApprove   Transition = "approve"
	DoRework    Transition = "rework"
	DoSchedule  Transition = "schedule"
	DoImplement Transition = "start"
	DoSucceed   Transition = "succeed"
	DoFail      Transition = "fail"
	DoBackOut   Transition = "back_out"
	DoRestore   Transition = "restore"
	DoReview    Transition = "write_review"
	DoClose     Transition = "close"
	DoReject    Transition = "reject"
	DoCancel    Transition = "cancel"
)

// A Machine is the table of one type of change.
type Machine = lifecycle.Machine[State, Transition]

// A Table is the data of a machine.
type Table = lifecycle.Spec[State, Transition]

type (
	row   = lifecycle.Transition[State, Transition]
	state = lifecycle.StateRow[State]
	law   = lifecycle.Rule[State, Transition]
)

var allStates = []state{
	{Name: StateDraft, Phase: lifecycle.PhaseOpen, En: "draft", Zh: "草稿"},
	{Name: StateSubmitted, Phase: lifecycle.PhaseOpen, En: "submitted", Zh: "已提交"},
	{Name: StateClassified, Phase: lifecycle.PhaseOpen, En: "classified", Zh: "已分类"},
	{Name: StateAssessing, Phase: lifecycle.PhaseActive, En: "being assessed", Zh: "评估中"},
	{Name: StateBuilding, Phase: lifecycle.PhaseActive, En: "being built", Zh: "构建中"},
	{Name: StateTesting, Phase: lifecycle.PhaseActive, En: "being tested", Zh: "测试中"},
	{Name: StateAwaiting, Phase: lifecycle.PhaseWaiting, En: "awaiting approval", Zh: "待审批"},
	{Name: StateApproved, Phase: lifecycle.PhaseWaiting, En: "approved", Zh: "已批准"},
	{Name: StateScheduled, Phase: lifecycle.PhaseWaiting, En: "scheduled", Zh: "已排期"},
	{Name: StateImplementing, Phase: lifecycle.PhaseActive, En: "being implemented", Zh: "实施中"},
	{Name: StateSucceeded, Phase: lifecycle.PhaseResolved, En: "succeeded", Zh: "实施成功"},
	{Name: StateFailed, Phase: lifecycle.PhaseActive, En: "failed", Zh: "实施失败"},
	{Name: StateBackingOut, Phase: lifecycle.PhaseActive, En: "being backed out", Zh: "回退中"},
	{Name: StateBackedOut, Phase: lifecycle.PhaseResolved, En: "backed out", Zh: "已回退"},
	{Name: StateInReview, Phase: lifecycle.PhaseResolved, En: "in review", Zh: "回顾中"},
	{Name: StateClosed, Phase: lifecycle.PhaseClosed, End: true, En: "closed", Zh: "已关闭"},
	{Name: StateRejected, Phase: lifecycle.PhaseClosed, End: true, En: "rejected", Zh: "已驳回"},
	{Name: StateCancelled, Phase: lifecycle.PhaseClosed, End: true, En: "cancelled", Zh: "已取消"},
}

func states(names ...State) []state {
	return slices.DeleteFunc(slices.Clone(allStates), func(s state) bool { return !slices.Contains(names, s.Name) })
}

// begin and end are what the tables of all types have in common. The rows into end are complete, so that no type can be left unreviewed.
var (
	beginStates = []State{StateDraft, StateSubmitted, StateClassified}
	endStates   = []State{StateApproved, StateScheduled, StateImplementing, StateSucceeded, StateFailed, StateBackingOut, StateBackedOut, StateInReview,
		StateClosed, StateRejected, StateCancelled}
)

func begin() []row {
	return []row{
		{Event: DoSubmit, From: []State{StateDraft}, To: StateSubmitted, En: "submit", Zh: "提交"},
		{Event: DoReturn, From: []State{StateSubmitted}, To: StateDraft, En: "return", Zh: "退回"},
		{Event: DoClassify, From: []State{StateSubmitted}, To: StateClassified, En: "classify", Zh: "分类"},
	}
}

func end() []row {
	return []row{
		{Event: DoSucceed, From: []State{StateImplementing}, To: StateSucceeded, En: "succeed", Zh: "实施成功"},
		{Event: DoFail, From: []State{StateImplementing}, To: StateFailed, En: "fail", Zh: "实施失败"},
		{Event: DoBackOut, From: []State{StateFailed}, To: StateBackingOut, En: "back out", Zh: "回退"},
		{Event: DoRestore, From: []State{StateBackingOut}, To: StateBackedOut, En: "restore", Zh: "恢复原状"},
		{Event: DoReview, From: []State{StateSucceeded, StateBackedOut}, To: StateInReview, En: "review", Zh: "回顾"},
		{Event: DoClose, From: []State{StateInReview}, To: StateClosed, En: "close", Zh: "关闭"},
	}
}

// NormalTable returns the lifecycle of normal changes. The copy belongs to the caller, who may extend it and give it to [Config.Tables].
func NormalTable() Table {
	before := []State{StateDraft, StateSubmitted, StateClassified, StateAssessing, StateBuilding, StateTesting, StateAwaiting}
	return Table{
		Name: "change", Start: []State{StateDraft},
		States: states(slices.Concat(beginStates, []State{StateAssessing, StateBuilding, StateTesting, StateAwaiting}, endStates)...),
		Transitions: slices.Concat(begin(), []row{
			{Event: DoAssess, From: []State{StateClassified}, To: StateAssessing, En: "assess", Zh: "评估"},
			{Event: DoBuild, From: []State{StateAssessing}, To: StateBuilding, En: "build", Zh: "构建"},
			{Event: DoTest, From: []State{StateBuilding}, To: StateTesting, En: "test", Zh: "测试"},
			{Event: DoAsk, From: []State{StateTesting}, To: StateAwaiting, En: "ask for approval", Zh: "提交审批"},
			{Event: DoApprove, From: []State{StateAwaiting}, To: StateApproved, En: "approve", Zh: "批准"},
			{Event: DoRework, From: []State{StateBuilding, StateTesting, StateAwaiting, StateApproved, StateScheduled}, To: StateAssessing, En: "rework", Zh: "返工"},
			{Event: DoSchedule, From: []State{StateApproved}, To: StateScheduled, En: "schedule", Zh: "排期"},
			{Event: DoImplement, From: []State{StateScheduled}, To: StateImplementing, En: "implement", Zh: "实施"},
			{Event: DoReject, From: before[1:], To: StateRejected, En: "reject", Zh: "驳回"},
			{Event: DoCancel, From: append(before, StateApproved, StateScheduled), To: StateCancelled, En: "cancel", Zh: "取消"},
		}, end()),
	}
}

// StandardTable returns the lifecycle of standard changes: their template was assessed, tested and approved beforehand.
func StandardTable() Table {
	return Table{
		Name: "standard_change", Start: []State{StateDraft}, States: states(append(slices.Clone(beginStates), endStates...)...),
		Transitions: slices.Concat(begin(), []row{
			{Event: DoApprove, From: []State{StateClassified}, To: StateApproved, En: "approve by template", Zh: "按模板批准"},
			{Event: DoRework, From: []State{StateApproved, StateScheduled}, To: StateClassified, En: "rework", Zh: "返工"},
			{Event: DoSchedule, From: []State{StateApproved}, To: StateScheduled, En: "schedule", Zh: "排期"},
			{Event: DoImplement, From: []State{StateScheduled}, To: StateImplementing, En: "implement", Zh: "实施"},
			{Event: DoReject, From: []State{StateSubmitted, StateClassified}, To: StateRejected, En: "reject", Zh: "驳回"},
			{Event: DoCancel, From: []State{StateDraft, StateSubmitted, StateClassified, StateApproved, StateScheduled}, To: StateCancelled, En: "cancel", Zh: "取消"},
		}, end()),
	}
}

// EmergencyTable returns the lifecycle of emergency changes: approved by a smaller board, assessed afterwards.
func EmergencyTable() Table {
	return Table{
		Name: "emergency_change", Start: []State{StateDraft},
		States: states(slices.Concat(beginStates, []State{StateAwaiting}, endStates)...),
		Transitions: slices.Concat(begin(), []row{
			{Event: DoAsk, From: []State{StateClassified}, To: StateAwaiting, En: "ask for approval", Zh: "提交审批"},
			{Event: DoApprove, From: []State{StateAwaiting}, To: StateApproved, En: "approve", Zh: "批准"},
			{Event: DoRework, From: []State{StateAwaiting, StateApproved, StateScheduled}, To: StateClassified, En: "rework", Zh: "返工"},
			{Event: DoSchedule, From: []State{StateApproved}, To: StateScheduled, En: "schedule", Zh: "排期"},
			{Event: DoImplement, From: []State{StateApproved, StateScheduled}, To: StateImplementing, En: "implement", Zh: "实施"},
			{Event: DoReject, From: []State{StateSubmitted, StateClassified, StateAwaiting}, To: StateRejected, En: "reject", Zh: "驳回"},
			{Event: DoCancel, From: []State{StateDraft, StateSubmitted, StateClassified, StateAwaiting, StateApproved, StateScheduled}, To: StateCancelled, En: "cancel", Zh: "取消"},
		}, end()),
	}
}

// Mandatory returns what no variant of the lifecycle of a type may leave out: nothing is implemented without approval,
// what fails is backed out, and nothing is closed without a review.
func Mandatory(t Type) []law {
	named := func(name, en, zh string) lifecycle.Law { return lifecycle.Law{Name: name, En: en, Zh: zh} }
	laws := []law{
		lifecycle.OnlyStart[State, Transition](named("rfc_first", "every change begins as a request", "所有变更始于变更请求"), StateDraft),
		lifecycle.OnlyEnd[State, Transition](named("ends", "a change ends closed, rejected or cancelled", "变更只能以关闭、驳回或取消结束"), StateClosed, StateRejected, StateCancelled),
		lifecycle.MustPass[State, Transition](named("classified_first", "what it is is decided before it is approved", "先分类后审批"), StateApproved, StateClassified),
		lifecycle.MustPass[State, Transition](named("approved_first", "only what is approved is implemented", "只有经过审批的变更才允许实施"), StateImplementing, StateApproved),
		lifecycle.MustPassBetween[State, Transition](named("approved_anew", "what is reworked is approved anew", "返工后须重新审批"), StateClassified, StateImplementing, StateApproved),
		lifecycle.OnlyInto(named("only_approve", "only an approval leads into approved", "只有审批通过才能进入已批准状态"), StateApproved, DoApprove),
		lifecycle.OnlyInto(named("only_implement", "only the start of the work leads into implementing", "只有开始实施才能进入实施中"), StateImplementing, DoImplement),
		lifecycle.OnlyInto(named("only_fail", "only a failure leads into failed", "只有实施失败才能进入失败状态"), StateFailed, DoFail),
		lifecycle.MustHold(named("failed_backs_out", "what failed is backed out, and nothing else", "实施失败只能回退"), func(m *Machine) error {
			return errorUnlessOnly(m, StateFailed, StateBackingOut)
		}),
		lifecycle.MustHold(named("backs_out_to_the_end", "a backout is finished", "回退必须完成"), func(m *Machine) error {
			return errorUnlessOnly(m, StateBackingOut, StateBackedOut)
		}),
		lifecycle.MustHold(named("implementing_ends", "work that has begun succeeds or fails", "已开始的实施只能成功或失败"), func(m *Machine) error {
			return errorUnlessOnly(m, StateImplementing, StateSucceeded, StateFailed)
		}),
		lifecycle.MustHold(named("implemented_is_reviewed", "what was implemented ends by being reviewed and closed", "已实施的变更须经回顾后关闭"), func(m *Machine) error {
			for _, end := range []State{StateRejected, StateCancelled} {
				if _, ok := m.Path(StateImplementing, end); ok {
					return fmt.Errorf("a way leads from implementing to %s", end)
				}
			}
			return nil
		}),
		lifecycle.MustPass[State, Transition](named("review_before_close", "a change is reviewed before it is closed", "回顾后方可关闭"), StateClosed, StateInReview),
		lifecycle.OnlyInto(named("only_close", "only closing leads into closed", "只有关闭才能进入已关闭状态"), StateClosed, DoClose),
		lifecycle.MustNotLeave[State, Transition](named("ends_are_final", "what has ended stays so", "已结束的变更不可更改"), StateClosed, StateRejected, StateCancelled),
		lifecycle.MustHaveStates[State, Transition](named("main_states", "the states of the main line are there", "主流程状态齐全"), append(slices.Clone(beginStates), endStates...)...),
	}
	if t == TypeNormal {
		laws = append(laws,
			lifecycle.MustPass[State, Transition](named("assessed_before_built", "it is assessed before it is built", "先评估后构建"), StateBuilding, StateAssessing),
			lifecycle.MustPassBetween[State, Transition](named("tested_before_approval", "it is tested before approval is asked for", "先测试后审批"), StateAssessing, StateAwaiting, StateTesting),
			lifecycle.MustHaveStates[State, Transition](named("normal_states", "normal changes are assessed, built and tested", "一般变更须评估、构建和测试"), StateAssessing, StateBuilding, StateTesting, StateAwaiting),
		)
	}
	if t == TypeEmergency {
		laws = append(laws, lifecycle.MustPass[State, Transition](named("asked_first", "an emergency is approved too", "紧急变更也须审批"), StateApproved, StateAwaiting))
	}
	return laws
}

// errorUnlessOnly reports exits of a state other than the wanted ones. Staying is no exit.
func errorUnlessOnly(m *Machine, from State, to ...State) error {
	for _, e := range m.Allowed(from) {
		if next, _ := m.Next(from, e); next != from && !slices.Contains(to, next) {
			return fmt.Errorf("%s leads from %s to %s", e, from, next)
		}
	}
	return nil
}
