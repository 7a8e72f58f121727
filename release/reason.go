package release

import "github.com/hospital-itsm/itsm"

// The reasons of the process. Hosts match them by code.
var (
	rulePlan             = itsm.Invalid("release.plan", "the plan contradicts itself at {path}: {problem}", "发布计划在 {path} 处有误：{problem}")
	ruleSamePlan         = itsm.NotNow("release.same_plan", "this is the plan as it is", "计划没有变化")
	ruleTooMany          = itsm.Invalid("release.too_many", "{field} has too many entries, at most {most} are allowed", "{field} 条目过多，最多 {most} 条")
	ruleFreeze           = itsm.NotNow("release.freeze", "{what} runs into the freeze {freeze} between {from} and {to}", "{what} 与冻结期 {freeze} 冲突（{from} 至 {to}）")
	ruleNotAllowed       = itsm.NotNow("release.not_allowed", "{what}, {from} to {to}, is not within the times at which releases may go live", "{what}（{from} 至 {to}）不在允许上线的时段内")
	ruleNotInLibrary     = itsm.NotNow("release.not_in_library", "{file} is not in the definitive library: {path}, version {version}", "{file} 不在最终软件库中：{path}，版本 {version}")
	ruleOtherInLibrary   = itsm.NotNow("release.other_in_library", "the library has other content for {file}: {got} instead of {want}", "软件库中 {file} 的内容不同：{got}，应为 {want}")
	ruleSigning          = itsm.NotNow("release.signing", "signatures on the plan are being given", "正在签字，不能再记录商讨意见")
	ruleNotConsulted     = itsm.NotNow("release.not_consulted", "the {kind} {party} was not consulted", "尚未与 {party} 商讨（{kind}）")
	ruleNobodyConsulted  = itsm.NotNow("release.nobody_consulted", "no {kind} was consulted", "尚未与任何一方商讨（{kind}）")
	ruleNoChange         = itsm.NotNow("release.no_change", "there is no change {change}", "没有变更 {change}")
	ruleNotApproved      = itsm.NotNow("release.change_not_approved", "change {change} is not approved", "变更 {change} 未获批准")
	ruleChangeChanged    = itsm.NotNow("release.change_changed", "change {change} is not as it was when the release was signed", "变更 {change} 的内容在签字后已改变")
	ruleEnded            = itsm.NotNow("release.ended", "the release is {state}", "发布已结束：{state}")
	ruleEstate           = itsm.Invalid("release.estate", "the environments are known; the command does not tell them", "环境信息由系统提供，命令中不得填写")
	ruleOtherEnvironment = itsm.Invalid("release.other_environment", "the plan names {want} as {field}, not {got}", "计划中的 {field} 环境为 {want}，不是 {got}")
	ruleWaiverLong       = itsm.Invalid("release.waiver_long", "a difference can be waived until {most}, not until {until}", "差异豁免最长至 {most}，不能到 {until}")
	ruleNoDifference     = itsm.NotNow("release.no_difference", "the last inspection did not find this difference: {ci} {attribute}", "最近一次检查没有发现该差异：{ci} {attribute}")
	ruleOwnWaiver        = itsm.Denied("release.own_waiver", "{actor} inspected the environment and cannot waive what was found", "{actor} 是检查人，不能自行豁免差异")
	ruleNoAccessList     = itsm.Invalid("release.no_access_list", "the list of who may use the test environment is empty", "测试环境的访问名单为空")
	ruleNotInspected     = itsm.NotNow("release.not_inspected", "the test environment was not compared with production", "测试环境尚未与正式环境比对")
	ruleShared           = itsm.NotNow("release.shared", "test and production share {ci}", "测试环境与正式环境共用 {ci}")
	ruleDifferent        = itsm.NotNow("release.different", "{ci} is not like production: {attribute} is {test}, not {production}, and no waiver holds", "{ci} 与正式环境不一致：{attribute} 为 {test}，应为 {production}，且没有有效豁免")
	ruleNoSecurity       = itsm.NotNow("release.no_security", "the security of the test environment was not checked", "测试环境尚未做安全检查")
	ruleOldSecurity      = itsm.NotNow("release.old_security", "the security check of {at} is too old", "安全检查（{at}）已过期")
	ruleLiveData         = itsm.NotNow("release.live_data", "the test environment holds patient data that are not masked", "测试环境含有未脱敏的患者数据")
	ruleNotIsolated      = itsm.NotNow("release.not_isolated", "the test environment is not isolated", "测试环境未隔离")
	ruleFailedCases      = itsm.Invalid("release.failed_cases", "{failed} of {cases} cases cannot have failed", "失败用例 {failed} 多于用例总数 {cases}")
	ruleOtherManifest    = itsm.NotNow("release.other_manifest", "the evidence is about another manifest: {got}, not {want}", "证据针对另一份清单：{got}，应为 {want}")
	ruleOtherTest        = itsm.NotNow("release.other_test_environment", "the evidence is about another environment than the one that was inspected last: {got}, not {want}", "证据针对另一环境：{got}，最近检查的为 {want}")
	ruleNoItem           = itsm.Invalid("release.no_readiness_item", "the readiness list has no item {key}", "准备清单中没有 {key}")
	ruleNotNoReturn      = itsm.Invalid("release.not_no_return", "{unit} is no point of no return", "{unit} 不是不可回退点")
	ruleOwnPlan          = itsm.Denied("release.own_plan", "{actor} made the plan and cannot accept what it cannot undo", "{actor} 是计划人，不能自行接受不可回退点")
	ruleNoGate           = itsm.Invalid("release.no_gate", "there is no gate {gate}", "没有关口 {gate}")
	ruleJudgedByLimits   = itsm.Invalid("release.judged_by_limits", "gate {gate} is judged by its limits, not by word", "关口 {gate} 按指标判定，不能口头判定")
	ruleBaselineLacks    = itsm.NotNow("release.baseline_lacks", "the baseline does not hold {ci}", "基线不含 {ci}")
	ruleUntested         = itsm.NotNow("release.untested", "there is no passed test of this manifest, {manifest}", "清单 {manifest} 没有通过的测试")
	ruleNotPrepared      = itsm.NotNow("release.not_prepared", "{item} is not prepared; {owner} answers for it", "{item} 尚未准备好，负责人 {owner}")
	ruleNoConsent        = itsm.NotNow("release.no_consent", "nobody has accepted that {unit} cannot be undone", "尚无人接受 {unit} 不可回退")
	ruleNoBaseline       = itsm.NotNow("release.no_baseline", "there is no baseline of {cis}", "没有 {cis} 的基线")
	ruleGates            = itsm.NotNow("release.gates", "gates are not passed: {gates}", "关口未通过：{gates}")
	ruleBusy             = itsm.NotNow("release.busy", "{release} works on {targets}", "{release} 正在部署 {targets}")
	ruleWindowsOver      = itsm.NotNow("release.windows_over", "the last window ended at {to}", "最后一个窗口已于 {to} 结束")
	ruleUnit             = itsm.NotNow("release.unit", "{command} is one unit of work with another record: give it through release.Service over a store with units of work", "{command} 须与其他记录同时提交：请通过 release.Service 在支持工作单元的存储上执行")
	ruleHeir             = itsm.Invalid("release.heir", "a release yields to another one", "只能让位给另一个发布")
	ruleNoWave           = itsm.Invalid("release.no_wave", "there is no wave {wave}", "没有批次 {wave}")
	ruleWaveStarted      = itsm.NotNow("release.wave_started", "wave {wave} was started or skipped already", "批次 {wave} 已开始或已跳过")
	ruleWavesBefore      = itsm.NotNow("release.waves_before", "before {wave} these waves must have passed: {waves}", "批次 {wave} 之前须先完成：{waves}")
	ruleOutsideWindow    = itsm.NotNow("release.outside_window", "the window of {wave} is {from} to {to}", "批次 {wave} 的窗口为 {from} 至 {to}")
	ruleTooLate          = itsm.NotNow("release.too_late", "{wave} and its way back would last until {end}, beyond the window, which ends at {to}", "批次 {wave} 连同回退将持续到 {end}，超出窗口 {to}")
	ruleNotSkippable     = itsm.NotNow("release.not_skippable", "the plan does not let {wave} be skipped", "计划不允许跳过批次 {wave}")
	ruleNoTarget         = itsm.Invalid("release.no_target", "{ci} is no target of the release", "{ci} 不是发布目标")
	ruleWaveClosed       = itsm.NotNow("release.wave_closed", "{ci} is in wave {wave}, which has not begun", "{ci} 属于批次 {wave}，该批次尚未开始")
	ruleStopped          = itsm.NotNow("release.stopped", "{ci} was stopped", "{ci} 已停止")
	ruleNotStopped       = itsm.NotNow("release.not_stopped", "{ci} was not stopped", "{ci} 没有停止")
	ruleStepOrder        = itsm.NotNow("release.step_order", "{step} is not the next step on {ci}; possible now: {next}", "{ci} 的下一步不是 {step}；目前可以：{next}")
	ruleWholeTarget      = itsm.Invalid("release.whole_target", "{step} is a step of the whole target, not of a unit", "{step} 针对整个目标，不针对单元")
	ruleUnitsLeft        = itsm.NotNow("release.units_left", "on {ci} these units are not installed: {units}", "{ci} 上尚未安装：{units}")
	ruleNoUnit           = itsm.NotNow("release.no_unit", "{unit} is not among the units left on {ci}: {units}", "{unit} 不在 {ci} 待安装的单元中：{units}")
	ruleNeeds            = itsm.NotNow("release.needs", "{unit} needs {need} on {ci} first", "{unit} 须在 {ci} 上先安装 {need}")
	ruleYielded          = itsm.NotNow("release.yielded", "{heir} has taken over", "{heir} 已接管")
	ruleNoCMDB           = itsm.NotNow("release.no_cmdb", "there is no CMDB that could be kept in step", "没有可同步更新的CMDB")
	ruleWavesOpen        = itsm.NotNow("release.waves_open", "these waves have not passed: {waves}", "以下批次尚未完成：{waves}")
	ruleHalted           = itsm.NotNow("release.halted", "the deployment is halted; continue it, or say why only some targets are live", "部署已停止；请继续部署，或说明为何只上线部分目标")
	ruleNotPartly        = itsm.Invalid("release.not_partly", "all targets are live", "全部目标均已上线")
	ruleNothingLive      = itsm.NotNow("release.nothing_live", "nothing is live; roll back", "没有任何内容上线；请回滚")
	ruleNoWayBack        = itsm.NotNow("release.no_way_back", "these units stay, because they cannot be undone or something that stays needs them: {units}; accept it (partly), or complete and fix forward", "以下单元无法回退：{units}；请接受部分回滚，或完成部署后向前修复")
	ruleAllUndone        = itsm.NotNow("release.all_undone", "everything is undone", "已全部回退")
	ruleUndoOrder        = itsm.NotNow("release.undo_order", "{unit} on {ci} is not the next step back; it is {next} on {on}", "下一步应回退 {on} 上的 {next}，不是 {ci} 上的 {unit}")
	ruleUndoLeft         = itsm.NotNow("release.undo_left", "{steps} steps back are left", "还有 {steps} 步未回退")
	ruleNoAfter          = itsm.NotNow("release.no_after", "there is no baseline after the deployment to compare with", "没有部署后的基线可供比对")
	ruleNoDeviation      = itsm.Invalid("release.no_deviation", "there is no deviation {nth}", "没有第 {nth} 项偏差")
	ruleCriterion        = itsm.NotNow("release.criterion", "{criterion} is not met, so the release is not accepted without remarks", "验收标准 {criterion} 未达到，不能无保留通过")
	ruleNoCriterion      = itsm.Invalid("release.no_criterion", "the plan has no criterion {criterion}", "计划中没有验收标准 {criterion}")
	ruleConditions       = itsm.Invalid("release.conditions", "who accepts with conditions accepts with remarks", "附条件的验收应为带意见通过")
	ruleNoConditions     = itsm.Invalid("release.no_conditions", "remarks are conditions with a due date; there are none", "带意见通过须列出有期限的条件")
	ruleBothSides        = itsm.Denied("release.both_sides", "{actor} spoke for the other side", "{actor} 已代表另一方作出结论")
	ruleNoCondition      = itsm.Invalid("release.no_condition", "there is no open condition {nth} of {side}", "{side} 没有未满足的条件 {nth}")
	ruleOwnFix           = itsm.Invalid("release.own_fix", "a release does not repair itself", "发布不能修复自身")
	ruleObserving        = itsm.NotNow("release.observing", "early-life support lasts until {until}", "观察期至 {until}")
	ruleOralOpen         = itsm.NotNow("release.oral_open", "the signature of {member} was given by word of mouth and is not confirmed", "{member} 的口头签字尚未确认")
)

func rules() []*itsm.Rule {
	return []*itsm.Rule{
		rulePlan, ruleSamePlan, ruleTooMany, ruleFreeze, ruleNotAllowed, ruleNotInLibrary, ruleOtherInLibrary, ruleSigning, ruleNotConsulted,
		ruleNobodyConsulted, ruleNoChange, ruleNotApproved, ruleChangeChanged, ruleEnded, ruleEstate, ruleOtherEnvironment, ruleWaiverLong, ruleNoDifference,
		ruleOwnWaiver, ruleNoAccessList, ruleNotInspected, ruleShared, ruleDifferent, ruleNoSecurity, ruleOldSecurity, ruleLiveData, ruleNotIsolated,
		ruleFailedCases, ruleOtherManifest, ruleOtherTest, ruleNoItem, ruleNotNoReturn, ruleOwnPlan, ruleNoGate, ruleJudgedByLimits, ruleBaselineLacks,
		ruleUntested, ruleNotPrepared, ruleNoConsent, ruleNoBaseline, ruleGates, ruleBusy, ruleWindowsOver, ruleUnit, ruleHeir, ruleNoWave, ruleWaveStarted,
		ruleWavesBefore, ruleOutsideWindow, ruleTooLate, ruleNotSkippable, ruleNoTarget, ruleWaveClosed, ruleStopped, ruleNotStopped, ruleStepOrder,
		ruleWholeTarget, ruleUnitsLeft, ruleNoUnit, ruleNeeds, ruleYielded, ruleNoCMDB, ruleWavesOpen, ruleHalted, ruleNotPartly, ruleNothingLive,
		ruleNoWayBack, ruleAllUndone, ruleUndoOrder, ruleUndoLeft, ruleNoAfter, ruleNoDeviation, ruleCriterion, ruleNoCriterion, ruleConditions,
		ruleNoConditions, ruleBothSides, ruleNoCondition, ruleOwnFix, ruleObserving, ruleOralOpen,
	}
}
