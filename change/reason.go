package change

import "github.com/hospital-itsm/itsm"

// The reasons of changes. Hosts match them by code.
var (
	ruleTooMany         = itsm.Invalid("change.too_many", "{field} has {count} entries, at most {most} are allowed", "{field} 有 {count} 项，最多 {most} 项")
	ruleBadRef          = itsm.Invalid("change.bad_ref", "{field}, entry {nth}: a reference has a kind and an ID", "{field} 第 {nth} 项：引用须有类别和编号")
	ruleSelf            = itsm.Invalid("change.self", "a change names other changes than itself", "变更不能引用自身")
	ruleWindow          = itsm.Invalid("change.window", "the window from {start} to {end} is empty: it ends after it starts", "时段 {start} 至 {end} 为空：结束须晚于开始")
	ruleLongWindow      = itsm.Invalid("change.long_window", "a window, its lead and its reserve are each at most {most} long", "时段及其前置、预留时间均不得超过 {most}")
	ruleEstimate        = itsm.Invalid("change.estimate", "{field} is a length of time of more than 0, at most {most}", "{field} 应为大于 0 且不超过 {most} 的时长")
	ruleTaskOrder       = itsm.Invalid("change.task_order", "task {task} comes after task {after}, which does not stand before it in the list", "任务 {task} 的前置任务 {after} 不在其之前")
	ruleScale           = itsm.Invalid("change.scale", "only a normal change is minor or major", "只有一般变更区分大小")
	ruleCases           = itsm.Invalid("change.cases", "{cases} cases of which {failed} failed: want at least one case, and not more failures than cases", "{cases} 个用例中 {failed} 个失败：至少一个用例，失败数不得多于用例数")
	ruleNobody          = itsm.Invalid("change.nobody", "an announcement is to somebody", "通知须有对象")
	ruleUnanswered      = itsm.Invalid("change.risk_unanswered", "the risk factor {factor} has no answer, want one of {want}", "风险因素 {factor} 未作答，应为 {want} 之一")
	ruleAnswer          = itsm.Invalid("change.risk_answer", "the answer to {factor} is {got}, want one of {want}", "风险因素 {factor} 的答案为 {got}，应为 {want} 之一")
	ruleFactor          = itsm.Invalid("change.risk_factor", "there is no risk factor {factor}", "没有风险因素 {factor}")
	ruleComputed        = itsm.Invalid("change.computed", "differences are computed from the items and cannot be given", "差异由配置项计算得出，不能手工填写")
	ruleNoTemplate      = itsm.Invalid("change.no_template", "a standard change is made from a template, and only a standard change is", "标准变更须由模板产生，且仅限标准变更")
	ruleTemplateUnknown = itsm.NotNow("change.template_unknown", "there is no template {template}", "没有模板 {template}")
	ruleTemplateState   = itsm.NotNow("change.template_state", "template {template} is not in force: it is {state}", "模板 {template} 未生效：{state}")
	ruleTemplateExpired = itsm.NotNow("change.template_expired", "template {template} expired at {expires}", "模板 {template} 已于 {expires} 过期")
	ruleTemplateVersion = itsm.NotNow("change.template_version", "it was made from version {used} of template {template}; in force is {current}", "变更由模板 {template} 第 {used} 版产生，现行为第 {current} 版")
	ruleTemplateContent = itsm.NotNow("change.template_content", "it does not follow template {template}: procedure, backout and category are pinned", "变更不符合模板 {template}：规程、回退和类别不可更改")
	ruleTemplateScope   = itsm.NotNow("change.template_scope", "it is outside the scope of template {template}: {scope}", "变更超出模板 {template} 的适用范围：{scope}")
	ruleSameAssessor    = itsm.Denied("change.same_assessor", "{person} gave the {kind} assessment; the two are given by different people", "{person} 已作 {kind} 评估；两项评估须由不同的人完成")
	ruleNotAssessed     = itsm.NotNow("change.not_assessed", "the {kind} assessment is missing", "缺少 {kind} 评估")
	ruleDisagrees       = itsm.NotNow("change.disagrees", "the {kind} assessment of {person} does not agree", "{person} 的 {kind} 评估未通过")
	ruleNoBuild         = itsm.NotNow("change.no_build", "nothing was built that could be tested", "尚无可供测试的构建记录")
	ruleNoTest          = itsm.NotNow("change.no_test", "there is no record of a test", "没有测试记录")
	ruleTestFailed      = itsm.NotNow("change.test_failed", "the last test, {ref}, has {failed} failures", "最近一次测试 {ref} 有 {failed} 个失败")
	ruleNoRehearsal     = itsm.NotNow("change.no_rehearsal", "at risk {risk} the backout must have been tried", "风险为 {risk} 时须先演练回退")
	ruleNoFit           = itsm.NotNow("change.no_fit", "after step {step} there is not enough time to go back before {closes}; {missing} more are needed", "第 {step} 步之后来不及在 {closes} 前回退；还缺 {missing}")
	ruleWindowPast      = itsm.NotNow("change.window_past", "the window, from {start}, has begun or is over", "时段（{start} 起）已开始或已结束")
	ruleNotHigher       = itsm.NotNow("change.not_higher", "{risk} is not higher than the present level, {present}", "{risk} 不高于当前级别 {present}")
	ruleNoOwner         = itsm.NotNow("change.no_owner", "maintenance of business data is asked for by their owner, who is not named", "业务数据维护须由数据所有者提出，尚未指明")
	ruleNotOwner        = itsm.Denied("change.not_owner", "the data are those of {owner}, who hands the request in, not {person}", "数据归 {owner} 所有，须由其提交，而非 {person}")
	ruleNoStatement     = itsm.NotNow("change.no_statement", "maintenance of business data names the statement or script", "业务数据维护须指明语句或脚本")
	ruleNoTask          = itsm.NotNow("change.no_task", "there is no task {task}; there are {tasks}", "没有任务 {task}，共 {tasks} 个")
	ruleTaskDone        = itsm.NotNow("change.task_done", "task {task} is done already", "任务 {task} 已完成")
	ruleTaskFirst       = itsm.NotNow("change.task_first", "task {task} comes after task {first}, which is not done", "任务 {task} 须在任务 {first} 之后，后者尚未完成")
	ruleConflict        = itsm.NotNow("change.conflict", "{kind}: {witness} from {start} to {end} ({with}); it must be waived or avoided", "{kind}：{witness}，{start} 至 {end}（{with}）；须豁免或避开")
	ruleNoConflict      = itsm.NotNow("change.no_conflict", "there is no conflict {key}", "没有冲突 {key}")
	ruleNoWaiver        = itsm.NotNow("change.no_waiver", "{kind} {witness} cannot be waived", "{kind} {witness} 不可豁免")
	ruleWaiverRole      = itsm.Denied("change.waiver_role", "{kind} is waived by the role {role}", "{kind} 由 {role} 豁免")
	ruleOwnWaiver       = itsm.Denied("change.own_waiver", "{person} asked for the change or makes it and cannot waive its conflicts", "{person} 是申请人或实施人，不能豁免冲突")
	ruleNoSteps         = itsm.NotNow("change.no_steps", "there is no procedure", "没有操作规程")
	ruleOutsideWindow   = itsm.NotNow("change.outside_window", "{at} is outside the window from {start} to {end}", "{at} 不在时段 {start} 至 {end} 内")
	ruleTooLate         = itsm.NotNow("change.too_late", "begun now, there is not enough time after step {step} to go back before {closes}; {missing} are missing", "现在开始，第 {step} 步之后来不及在 {closes} 前回退；还缺 {missing}")
	ruleUnqualified     = itsm.NotNow("change.unqualified", "not qualified for {category}: {people}", "不具备 {category} 资格：{people}")
	ruleWaits           = itsm.NotNow("change.waits", "these changes must be over first: {changes}", "须先完成这些变更：{changes}")
	ruleOpenTasks       = itsm.NotNow("change.open_tasks", "these tasks are not done: {tasks}", "这些任务尚未完成：{tasks}")
	ruleUnannounced     = itsm.NotNow("change.unannounced", "the dates were not told to {departments}", "尚未通知 {departments}")
	ruleNoBefore        = itsm.NotNow("change.no_before", "there is no evidence of the data as they are before", "缺少维护前的数据证据")
	ruleNoAfter         = itsm.NotNow("change.no_after", "there is no evidence of the data as they are after", "缺少维护后的数据证据")
	ruleUnchecked       = itsm.NotNow("change.unchecked", "no second person has checked the data", "数据尚未经第二人核对")
	ruleOwnCheck        = itsm.Denied("change.own_check", "{person} has a part in the work and cannot check it", "{person} 参与实施，不能自行核对")
	ruleChecked         = itsm.NotNow("change.checked", "{person} has checked the data already", "数据已由 {person} 核对")
	ruleNoData          = itsm.NotNow("change.no_data", "it is no maintenance of business data", "不是业务数据维护")
	ruleNotDoer         = itsm.Denied("change.not_doer", "{person} is not one of those who were approved to do it: {doers}", "{person} 不在批准的实施人之列：{doers}")
	ruleNotDecider      = itsm.Denied("change.not_decider", "{person} does not decide about the backout: {decider} does", "回退由 {decider} 决定，不是 {person}")
	ruleNotOperator     = itsm.Denied("change.not_operator", "step {step} is that of {operator}, not of {person}", "第 {step} 步由 {operator} 操作，不是 {person}")
	ruleStepRuns        = itsm.NotNow("change.step_runs", "step {step} is not finished", "第 {step} 步尚未完成")
	ruleNoStep          = itsm.NotNow("change.no_step", "all {steps} steps have been begun", "{steps} 个步骤均已开始")
	ruleNoRunning       = itsm.NotNow("change.no_running", "no step is being made", "没有正在执行的步骤")
	ruleBeforeStep      = itsm.NotNow("change.before_step", "the step began at {started}", "该步骤开始于 {started}")
	ruleHalted          = itsm.NotNow("change.halted", "the freeze {freeze} stops it after the present step: finish or fail it", "封网 {freeze} 使其在当前步骤后停止：请完成或判定失败")
	ruleStopped         = itsm.NotNow("change.stopped", "the deviation in step {step} is beyond the tolerance: it is accepted, or the change fails", "第 {step} 步偏差超出容限：须接受偏差，否则判定失败")
	ruleNotStopped      = itsm.NotNow("change.not_stopped", "step {step} does not stop the change", "第 {step} 步没有使变更停止")
	ruleDecide          = itsm.NotNow("change.decide", "from {decide} on there is not enough time to go back: {decider} decides whether to go on", "{decide} 起已来不及回退：由 {decider} 决定是否继续")
	ruleWentOn          = itsm.NotNow("change.went_on", "it was decided to go on already", "已决定继续")
	ruleOverrun         = itsm.NotNow("change.overrun", "the window closed at {closes}: the change fails and is backed out", "时段已于 {closes} 结束：变更判定失败并回退")
	ruleStepsLeft       = itsm.NotNow("change.steps_left", "{done} of {steps} steps are done", "{steps} 个步骤仅完成 {done} 个")
	rulePartial         = itsm.NotNow("change.partial", "the partial result {partial} was not agreed on beforehand ({agreed}): it is a failure", "部分结果 {partial} 未事先约定（{agreed}）：按失败处理")
	ruleNoFreeze        = itsm.NotNow("change.no_freeze", "the freeze {freeze} is not about this change", "封网 {freeze} 与该变更无关")
	ruleFreezeEmergency = itsm.NotNow("change.freeze_emergency", "a freeze does not stop an emergency", "封网不影响紧急变更")
	ruleNotFailed       = itsm.NotNow("change.not_failed", "only what was backed out is compared", "只有已回退的变更才需比对")
	ruleNotCompared     = itsm.NotNow("change.not_compared", "the items were not compared with those before the change", "尚未与变更前的配置项比对")
	ruleNoDifference    = itsm.NotNow("change.no_difference", "there is no difference {nth} without an incident", "没有未关联事件的差异 {nth}")
	ruleUnresolved      = itsm.NotNow("change.unresolved", "difference {nth} ({item} {name}) is neither put right nor reported as an incident", "差异 {nth}（{item} {name}）既未消除也未关联事件")
	ruleLinked          = itsm.NotNow("change.linked_already", "{to} is linked already", "{to} 已关联")
	ruleNotLinked       = itsm.NotNow("change.not_linked", "{to} is not linked, or knows the result", "{to} 未关联或已获知结果")
	ruleNotBegun        = itsm.NotNow("change.not_begun", "work has not begun, so it cannot have caused anything", "尚未实施，不可能造成影响")
	ruleNothingOwed     = itsm.NotNow("change.nothing_owed", "no record is owed", "没有待补的记录")
	ruleOwed            = itsm.NotNow("change.owed", "the full record of the emergency is owed since {due}", "紧急变更的完整记录尚未补齐，期限 {due}")
	ruleOralOpen        = itsm.NotNow("change.oral_open", "an oral approval is not confirmed", "口头批准尚未确认")
	ruleNoResult        = itsm.NotNow("change.no_result", "there is no result", "没有结果")
	ruleNoReview        = itsm.NotNow("change.no_review", "it has not been reviewed", "尚未回顾")
	ruleNoLessons       = itsm.NotNow("change.no_lessons", "the review has no lessons", "回顾缺少经验总结")
	rulePending         = itsm.NotNow("change.pending", "the records of these items do not show the change yet: {items}", "这些配置项的记录尚未更新：{items}")
	ruleNotRecorded     = itsm.NotNow("change.not_recorded", "nobody says that the records of the items are up to date", "未确认配置项记录已更新")
	ruleUninformed      = itsm.NotNow("change.uninformed", "{to} was not told the result", "{to} 尚未获知结果")
	ruleNotNamed        = itsm.NotNow("change.not_named", "change {change} does not name {item}", "变更 {change} 未涉及 {item}")
	ruleNotInWork       = itsm.NotNow("change.not_in_work", "change {change} is {state}: it allows nothing to be written", "变更 {change} 处于 {state}，不允许写入")
	ruleBeforeWork      = itsm.NotNow("change.before_work", "at {at} the work of change {change} had not begun", "{at} 时变更 {change} 尚未开始实施")
	ruleUnknownChange   = itsm.NotNow("change.unknown", "there is no change {change}", "没有变更 {change}")
)

// The reasons of templates.
var (
	ruleScope           = itsm.Invalid("change_template.scope", "the scope is no condition: {fault}", "适用范围不是有效条件：{fault}")
	ruleTemplateBackout = itsm.Invalid("change_template.backout", "the backout needs steps, a trigger, a duration of more than 0 and a verification", "回退须有步骤、触发条件、大于 0 的时长和验证方法")
	ruleFailures        = itsm.Invalid("change_template.failures", "failures says after how many it is suspended: want 1 or more", "failures 指失败多少次后暂停：应不小于 1")
	ruleNoDraft         = itsm.NotNow("change_template.no_draft", "there is no draft of a version", "没有待批准的版本草稿")
	ruleTwoSides        = itsm.NotNow("change_template.two_sides", "{command} changes two records: it is given through change.Service over a store with units of work", "{command} 涉及两条记录：请通过 change.Service 在支持工作单元的存储上执行")
)

func rules() []*itsm.Rule {
	return []*itsm.Rule{
		ruleTooMany, ruleBadRef, ruleSelf, ruleWindow, ruleLongWindow, ruleEstimate, ruleTaskOrder, ruleScale, ruleCases, ruleNobody, ruleUnanswered,
		ruleAnswer, ruleFactor, ruleComputed, ruleNoTemplate, ruleTemplateUnknown, ruleTemplateState, ruleTemplateExpired, ruleTemplateVersion,
		ruleTemplateContent, ruleTemplateScope, ruleSameAssessor, ruleNotAssessed, ruleDisagrees, ruleNoBuild, ruleNoTest, ruleTestFailed, ruleNoRehearsal,
		ruleNoFit, ruleWindowPast, ruleNotHigher, ruleNoOwner, ruleNotOwner, ruleNoStatement, ruleNoTask, ruleTaskDone, ruleTaskFirst, ruleConflict, ruleNoConflict,
		ruleNoWaiver, ruleWaiverRole, ruleOwnWaiver, ruleNoSteps, ruleOutsideWindow, ruleTooLate, ruleUnqualified, ruleWaits, ruleOpenTasks,
		ruleUnannounced, ruleNoBefore, ruleNoAfter, ruleUnchecked, ruleOwnCheck, ruleChecked, ruleNoData, ruleNotDoer, ruleNotDecider, ruleNotOperator,
		ruleStepRuns, ruleNoStep, ruleNoRunning, ruleBeforeStep, ruleHalted, ruleStopped, ruleNotStopped, ruleDecide, ruleWentOn, ruleOverrun,
		ruleStepsLeft, rulePartial, ruleNoFreeze, ruleFreezeEmergency, ruleNotFailed, ruleNotCompared, ruleNoDifference, ruleUnresolved, ruleLinked,
		ruleNotLinked, ruleNotBegun, ruleNothingOwed, ruleOwed, ruleOralOpen, ruleNoResult, ruleNoReview, ruleNoLessons, rulePending, ruleNotRecorded,
		ruleUninformed, ruleNotNamed, ruleNotInWork, ruleBeforeWork, ruleUnknownChange,
	}
}

func templateRules() []*itsm.Rule {
	return []*itsm.Rule{
		ruleScope, ruleTemplateBackout, ruleFailures, ruleNoDraft, ruleTwoSides, ruleTooMany, ruleEstimate, ruleTemplateExpired, ruleNoSteps,
	}
}
