package release

import (
	"slices"

	"github.com/hospital-itsm/itsm/lifecycle"
)

// A State is where a release stands. That it is partly live, late or superseded is no state.
type State string

// The states.
const (
	StatePlanning    State = "planning"
	StateConsulting  State = "consulting"
	StateSignedOff   State = "signed_off"
	StateBuilding    State = "building"
	StateTesting     State = "testing"
	StateTestPassed  State = "test_passed"
	StateReady       State = "ready"
	StateDeploying   State = "deploying"
	StateHalted      State = "halted"
	StateDeployed    State = "deployed"
	StateAccepting   State = "accepting"
	StateAccepted    State = "accepted"
	StateRejected    State = "rejected"
	StateRollingBack State = "rolling_back"
	StateRolledBack  State = "rolled_back"
	StateReported    State = "reported"
	StateCancelled   State = "cancelled"
)

// A Transition is what moves a release from state to state.
type Transition string

// The transitions.
const (
	DoConsult    Transition = "consult"
	DoRevise     Transition = "revise"
	DoSignOff    Transition = "sign_off"
	DoBuild      Transition = "build"
	DoStartTest  Transition = "start_test"
	DoPassTest   Transition = "pass_test"
	DoFailTest   Transition = "fail_test"
	DoMakeReady  Transition = "make_ready"
	DoDeploy     Transition = "deploy"
	DoHalt       Transition = "halt"
	DoContinue   Transition = "continue"
	DoComplete   Transition = "complete"
	DoRollBack   Transition = "roll_back"
	DoFinishBack Transition = "finish_rollback"
	DoPresent    Transition = "present"
	DoAccept     Transition = "accept"
	DoReject     Transition = "reject"
	DoFix        Transition = "fix_forward"
	DoReport     Transition = "report"
	DoCancel     Transition = "cancel"
)

// A Machine is the lifecycle of a type of release.
type Machine = lifecycle.Machine[State, Transition]

// A Table is the data of a machine.
type Table = lifecycle.Spec[State, Transition]

type (
	row   = lifecycle.Transition[State, Transition]
	state = lifecycle.StateRow[State]
	law   = lifecycle.Rule[State, Transition]
)

// The rows that both tables share: from the deployment to the end.
var tail = []row{
	{Event: DoHalt, From: []State{StateDeploying}, To: StateHalted, En: "halt", Zh: "停止部署"},
	{Event: DoContinue, From: []State{StateHalted}, To: StateDeploying, En: "continue", Zh: "继续部署"},
	{Event: DoComplete, From: []State{StateDeploying, StateHalted}, To: StateDeployed, En: "complete with the CMDB", Zh: "完成部署并更新CMDB"},
	{Event: DoRollBack, From: []State{StateDeploying, StateHalted, StateDeployed, StateRejected}, To: StateRollingBack, En: "roll back", Zh: "回滚"},
	{Event: DoFinishBack, From: []State{StateRollingBack}, To: StateRolledBack, En: "finish the roll-back", Zh: "完成回滚"},
	{Event: DoPresent, From: []State{StateDeployed}, To: StateAccepting, En: "present for acceptance", Zh: "提交验收"},
	{Event: DoAccept, From: []State{StateAccepting}, To: StateAccepted, En: "accept", Zh: "验收通过"},
	{Event: DoReject, From: []State{StateAccepting}, To: StateRejected, En: "reject", Zh: "验收不通过"},
	{Event: DoFix, From: []State{StateRejected}, To: StateAccepting, En: "fix forward", Zh: "向前修复"},
	{Event: DoReport, From: []State{StateAccepted, StateRolledBack}, To: StateReported, En: "file the report", Zh: "提交发布报告"},
}

var states = []state{
	{Name: StatePlanning, Phase: lifecycle.PhaseOpen, En: "planning", Zh: "规划"},
	{Name: StateConsulting, Phase: lifecycle.PhaseWaiting, En: "consulting and signing", Zh: "商讨与签字"},
	{Name: StateSignedOff, Phase: lifecycle.PhaseOpen, En: "signed off", Zh: "已签字确认"},
	{Name: StateBuilding, Phase: lifecycle.PhaseActive, En: "building", Zh: "构建"},
	{Name: StateTesting, Phase: lifecycle.PhaseActive, En: "testing", Zh: "测试"},
	{Name: StateTestPassed, Phase: lifecycle.PhaseActive, En: "test passed", Zh: "测试通过"},
	{Name: StateReady, Phase: lifecycle.PhaseWaiting, En: "ready for go-live", Zh: "上线就绪"},
	{Name: StateDeploying, Phase: lifecycle.PhaseActive, En: "deploying", Zh: "部署中"},
	{Name: StateHalted, Phase: lifecycle.PhaseWaiting, En: "halted", Zh: "部署已停止"},
	{Name: StateDeployed, Phase: lifecycle.PhaseActive, En: "deployed", Zh: "已部署"},
	{Name: StateAccepting, Phase: lifecycle.PhaseResolved, En: "in acceptance", Zh: "验收中"},
	{Name: StateAccepted, Phase: lifecycle.PhaseResolved, En: "accepted", Zh: "已验收"},
	{Name: StateRejected, Phase: lifecycle.PhaseActive, En: "rejected", Zh: "验收不通过"},
	{Name: StateRollingBack, Phase: lifecycle.PhaseActive, En: "rolling back", Zh: "回滚中"},
	{Name: StateRolledBack, Phase: lifecycle.PhaseResolved, En: "rolled back", Zh: "已回滚"},
	{Name: StateReported, Phase: lifecycle.PhaseClosed, End: true, En: "reported", Zh: "已报告"},
	{Name: StateCancelled, Phase: lifecycle.PhaseClosed, End: true, En: "cancelled", Zh: "已取消"},
}

func table(name string, middle []row, without ...State) Table {
	t := Table{Name: name, Start: []State{StatePlanning}, Transitions: slices.Concat(middle, tail)}
	for _, s := range states {
		if !slices.Contains(without, s.Name) {
			t.States = append(t.States, s)
		}
	}
	return t.Clone()
}

// NormalTable returns the lifecycle of major and minor releases. The copy belongs to the caller, who may extend it and give it to
// [Config.Lifecycle].
func NormalTable() Table {
	before := []State{StateConsulting, StateSignedOff, StateBuilding, StateTesting, StateTestPassed, StateReady}
	return table("release", []row{
		{Event: DoConsult, From: []State{StatePlanning}, To: StateConsulting, En: "consult", Zh: "提交商讨"},
		{Event: DoRevise, From: append([]State{StatePlanning}, before...), To: StatePlanning, En: "revise the plan", Zh: "修改计划"},
		{Event: DoSignOff, From: []State{StateConsulting}, To: StateSignedOff, En: "sign off", Zh: "签字确认"},
		{Event: DoBuild, From: []State{StateSignedOff}, To: StateBuilding, En: "build", Zh: "构建"},
		{Event: DoStartTest, From: []State{StateBuilding}, To: StateTesting, En: "start the test", Zh: "开始测试"},
		{Event: DoPassTest, From: []State{StateTesting}, To: StateTestPassed, En: "pass the test", Zh: "测试通过"},
		{Event: DoFailTest, From: []State{StateTesting}, To: StateBuilding, En: "fail the test", Zh: "测试未通过"},
		{Event: DoMakeReady, From: []State{StateTestPassed}, To: StateReady, En: "make ready", Zh: "上线就绪"},
		{Event: DoDeploy, From: []State{StateReady}, To: StateDeploying, En: "go live", Zh: "上线"},
		{Event: DoCancel, From: append([]State{StatePlanning}, before...), To: StateCancelled, En: "cancel", Zh: "取消"},
	})
}

// EmergencyTable returns the lifecycle of emergency releases: what was built already is tested and goes live without a stage
// of its own for either. Manifest, test and signatures stay.
func EmergencyTable() Table {
	before := []State{StateConsulting, StateSignedOff, StateTesting, StateTestPassed}
	return table("emergency_release", []row{
		{Event: DoConsult, From: []State{StatePlanning}, To: StateConsulting, En: "consult", Zh: "提交商讨"},
		{Event: DoRevise, From: append([]State{StatePlanning}, before...), To: StatePlanning, En: "revise the plan", Zh: "修改计划"},
		{Event: DoSignOff, From: []State{StateConsulting}, To: StateSignedOff, En: "sign off", Zh: "签字确认"},
		{Event: DoStartTest, From: []State{StateSignedOff}, To: StateTesting, En: "start the test", Zh: "开始测试"},
		{Event: DoPassTest, From: []State{StateTesting}, To: StateTestPassed, En: "pass the test", Zh: "测试通过"},
		{Event: DoFailTest, From: []State{StateTesting}, To: StateSignedOff, En: "fail the test", Zh: "测试未通过"},
		{Event: DoDeploy, From: []State{StateTestPassed}, To: StateDeploying, En: "go live", Zh: "上线"},
		{Event: DoCancel, From: append([]State{StatePlanning}, before...), To: StateCancelled, En: "cancel", Zh: "取消"},
	}, StateBuilding, StateReady)
}

// Mandatory returns what no variant of the lifecycles may leave out: what goes live was signed and tested, what was revised is
// signed and tested anew, what is live is accepted or taken back, and nothing ends without a report.
func Mandatory(t Type) []law {
	named := func(name, en, zh string) lifecycle.Law { return lifecycle.Law{Name: name, En: en, Zh: zh} }
	laws := []law{
		lifecycle.MustPass[State, Transition](named("signed_before_test", "the plan is signed before anything is tested", "先签字后测试"), StateTesting, StateSignedOff),
		lifecycle.MustPass[State, Transition](named("tested_before_live", "nothing goes live without a passed test", "未经测试不得上线"), StateDeploying, StateTestPassed),
		lifecycle.MustPassBetween[State, Transition](named("signed_anew", "a revised plan is signed anew", "修改后须重新签字"), StatePlanning, StateDeploying, StateSignedOff),
		lifecycle.MustPassBetween[State, Transition](named("tested_anew", "a revised plan is tested anew", "修改后须重新测试"), StatePlanning, StateDeploying, StateTestPassed),
		lifecycle.MustPassBetween[State, Transition](named("accepted_or_back", "what was deployed is presented for acceptance", "部署后须提交验收"), StateDeployed, StateAccepted, StateAccepting),
		lifecycle.OnlyInto(named("only_test", "only a passed test leads into test passed", "只有测试通过才能进入该状态"), StateTestPassed, DoPassTest),
		lifecycle.OnlyInto(named("only_sign_off", "only signatures lead into signed off", "只有签字才能进入已签字状态"), StateSignedOff, DoSignOff, DoFailTest),
		lifecycle.OnlyInto(named("only_complete", "only completion with the CMDB leads into deployed", "只有与CMDB同步完成才能进入已部署状态"), StateDeployed, DoComplete),
		lifecycle.OnlyInto(named("only_accept", "only acceptance leads into accepted", "只有验收才能进入已验收状态"), StateAccepted, DoAccept),
		lifecycle.OnlyInto(named("only_report", "only a report closes a release", "提交发布报告后方可关闭"), StateReported, DoReport),
		lifecycle.MustFollow(named("report_when_over", "a report is filed when the release is accepted or rolled back", "验收或回滚后方可提交报告"), DoReport, StateAccepted, StateRolledBack),
		lifecycle.OnlyEnd[State, Transition](named("no_other_end", "a release ends reported or cancelled", "发布以报告或取消结束"), StateReported, StateCancelled),
		lifecycle.MustFollow(named("cancelled_before_live", "what has gone live is rolled back, not cancelled", "已上线的只能回滚，不能取消"), DoCancel,
			StatePlanning, StateConsulting, StateSignedOff, StateBuilding, StateTesting, StateTestPassed, StateReady),
		lifecycle.OnlyStart[State, Transition](named("starts_with_a_plan", "a release begins with a plan", "发布从规划开始"), StatePlanning),
		lifecycle.MustHaveStates[State, Transition](named("main_states", "the states of the main line are there", "主流程状态齐全"),
			StatePlanning, StateConsulting, StateSignedOff, StateTesting, StateTestPassed, StateDeploying, StateHalted, StateDeployed, StateAccepting,
			StateAccepted, StateRejected, StateRollingBack, StateRolledBack, StateReported, StateCancelled),
	}
	if t != TypeEmergency {
		laws = append(laws,
			lifecycle.MustPass[State, Transition](named("built_before_test", "a release is built before it is tested", "先构建后测试"), StateTesting, StateBuilding),
			lifecycle.MustPass[State, Transition](named("ready_before_live", "preparations are done before go-live", "准备就绪后方可上线"), StateDeploying, StateReady))
	}
	return laws
}
