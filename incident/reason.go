package incident

import "github.com/hospital-itsm/itsm"

// The reasons of the process. Hosts match them with errors.Is, through the exported ones, or by code.
var (
	ruleNothing         = itsm.Invalid("incident.nothing", "the command says nothing", "命令没有任何内容")
	ruleEndBeforeStart  = itsm.Invalid("incident.end_before_start", "the effect ends at {end}, before it starts at {start}", "影响结束时间 {end} 早于开始时间 {start}")
	ruleNoCaller        = itsm.Invalid("incident.no_caller", "neither a caller nor a source is given", "既没有来电人也没有来源")
	ruleBump            = itsm.Invalid("incident.bump", "a plan of reminders has both an interval and a count, and a solution only with them", "提醒计划须同时给出间隔和次数，之后才能给出解决方案")
	ruleRetriageReason  = itsm.Invalid("incident.retriage_reason", "triage is decided anew only for a reason", "重新判断需要说明理由")
	ruleNotTriaged      = itsm.NotNow("incident.not_triaged", "triage has not decided yet what it is", "尚未判断是事件、咨询还是投诉")
	ruleOffDuty         = itsm.NotNow("incident.off_duty", "{person} is not on duty", "{person} 不在班")
	ruleAssigneeOffDuty = itsm.NotNow("incident.assignee_off_duty", "{person} is not on duty; an override needs a reason", "{person} 不在班；强制分派需要说明理由")
	ruleSkill           = itsm.NotNow("incident.skill", "{person} does not hold the skill {skill}; an override needs a reason", "{person} 不具备技能 {skill}；强制分派需要说明理由")
	ruleTool            = itsm.NotNow("incident.tool", "the tool {tool} needs a valid approval", "使用工具 {tool} 需要有效的批准")
	ruleNoAttempt       = itsm.NotNow("incident.no_attempt", "the first line has written down neither a try nor why none was possible", "一线尚未记录尝试，也未说明无法尝试的原因")
	ruleSkip            = itsm.NotNow("incident.skip", "from line {from} to line {to} needs a reason (skip)", "从 {from} 线转到 {to} 线需要说明理由")
	ruleNoContract      = itsm.NotNow("incident.no_contract", "no valid contract {contract} with {supplier}; mark it as goodwill", "与 {supplier} 没有有效合同 {contract}；请标明为友情支持")
	rulePending         = itsm.NotNow("incident.pending", "the hand-over to {group} is not accepted yet", "移交 {group} 尚未被接受")
	ruleNoHandOver      = itsm.NotNow("incident.no_hand_over", "there is no hand-over that waits", "没有待处理的移交")
	ruleOwnHandOver     = itsm.Denied("incident.own_hand_over", "{actor} made the hand-over and cannot accept it", "{actor} 是移交人，不能自行接受")
	ruleRestored        = itsm.NotNow("incident.restored", "the service is usable again since {at}", "服务已于 {at} 恢复")
	ruleHoldRole        = itsm.Denied("incident.hold_role", "waiting for {reason} needs one of the roles {roles}", "以 {reason} 挂起需要 {roles} 之一的角色")
	ruleHoldContact     = itsm.NotNow("incident.hold_contact", "waiting for {reason} needs a try to reach whom it waits for", "以 {reason} 挂起前须至少联系一次")
	rulePresence        = itsm.NotNow("incident.presence", "a major incident is not solved before the second line was on site or said why remotely", "重大事件须有二线到场或说明远程理由后才能解决")
	ruleDeskOnly        = itsm.Denied("incident.desk_only", "only the service desk confirms; {actor} has no role there", "只有服务台可以确认；{actor} 没有服务台角色")
	ruleTries           = itsm.NotNow("incident.tries", "a user is unreachable after {want} calls, not after {tries}", "呼叫 {want} 次后才算联系不上，目前 {tries} 次")
	ruleOldProposal     = itsm.NotNow("incident.old_proposal", "proposal {proposal} is not the last one, {last}", "第 {proposal} 个方案不是最新的第 {last} 个方案")
	ruleOwnWork         = itsm.Denied("incident.own_work", "{actor} solved it, so the user's own words or a second agent are needed", "{actor} 是解决人，需要用户本人的答复或另一名坐席")
	ruleSecond          = itsm.Denied("incident.second", "{second} cannot be the second agent: it must be somebody else than who solved and who confirms", "{second} 不能作为第二坐席：须不同于解决人和确认人")
	ruleReopenBy        = itsm.Denied("incident.reopen_by", "reopening needs one of the roles {roles}", "重开需要 {roles} 之一的角色")
	ruleReopenLate      = itsm.NotNow("incident.reopen_late", "it could be reopened for {days} days, until {until}; record a recurrence of {id}", "重开期限为 {days} 天，至 {until}；请新建并关联重复发生 {id}")
	ruleClosedForGood   = itsm.NotNow("incident.closed_for_good", "a closed incident stays closed; record a recurrence of {id}", "已关闭的事件不能重开；请新建并关联重复发生 {id}")
	ruleNoCI            = itsm.Invalid("incident.no_ci", "closing names the item, or says that there is none (no_ci)", "关闭须指明配置项，或说明没有配置项")
	ruleOpenChildren    = itsm.NotNow("incident.open_children", "its parts are not at rest: {children}", "子事件尚未结束：{children}")
	ruleMajorOpen       = itsm.NotNow("incident.major_open", "the major incident is neither rejected nor stood down", "重大事件尚未否决或解除")
	ruleMajorAlready    = itsm.NotNow("incident.major_already", "it is a major incident already, {state}", "已经是重大事件，状态 {state}")
	ruleMajorState      = itsm.NotNow("incident.major_state", "{step} is not possible while the major incident is {state}", "重大事件处于 {state} 时不能执行 {step}")
	rulePaperworkOwed   = itsm.NotNow("incident.paperwork_owed", "the paperwork of the urgent handling is owed since {due}", "紧急办理的手续尚未补齐，期限 {due}")
	ruleNoPaperwork     = itsm.NotNow("incident.no_paperwork", "no paperwork is owed", "没有待补的手续")
	ruleNoOverride      = itsm.NotNow("incident.no_override", "the priority is not overridden", "优先级没有被人工设定")
	ruleNoPromise       = itsm.NotNow("incident.no_promise", "there is no open promise {nth}", "没有未兑现的承诺 {nth}")
	ruleInfected        = itsm.NotNow("incident.infected", "the infection was confirmed already, as {security}", "感染已经确认，见 {security}")
	ruleNoSecurity      = itsm.NotNow("incident.no_security", "a confirmed infection opens a security incident in the same unit of work", "确认感染须同时新建安全事件")
	ruleNoAlert         = itsm.NotNow("incident.no_alert", "it did not come from monitoring", "该记录不是来自监控")
	ruleMerged          = itsm.NotNow("incident.merged", "it is a duplicate of {into}", "已合并到 {into}")
	ruleNotMerged       = itsm.NotNow("incident.not_merged", "it is no duplicate", "没有被合并")
	ruleUnmergeLate     = itsm.NotNow("incident.unmerge_late", "the merge could be undone until {until}", "撤销合并的期限为 {until}")
	ruleMergeIntoEnded  = itsm.NotNow("incident.into_ended", "{into} is {state}", "{into} 处于 {state}")
	ruleMergeParent     = itsm.NotNow("incident.merge_parent", "it has parts of its own: {children}", "它有子事件：{children}")
	ruleSelf            = itsm.Invalid("incident.self", "it cannot be linked to itself", "不能与自身关联")
	ruleNoOther         = itsm.Invalid("incident.no_other", "there is no incident {id}", "没有事件 {id}")
	ruleNotClosed       = itsm.NotNow("incident.not_closed", "{id} is {state}; only a closed incident can recur", "{id} 处于 {state}；只有已关闭的事件才会重复发生")
	ruleCycle           = itsm.NotNow("incident.cycle", "{parent} is part of it already ({path})", "{parent} 已是它的下级（{path}）")
	ruleTwoSides        = itsm.NotNow("incident.two_sides", "{command} changes two records: give it through incident.Service over a store with units of work", "{command} 涉及两条记录：请通过 incident.Service 在支持工作单元的存储上执行")
	ruleNotIncident     = itsm.NotNow("incident.not_incident", "only incidents run under versions; it is a {type}", "只有事件有流程版本；它是 {type}")
	ruleNoVersion       = itsm.NotNow("incident.no_version", "version {version} is not the present one, {present}", "版本 {version} 不是当前版本 {present}")
	ruleNoState         = itsm.Invalid("incident.no_state", "the migration to version {version} has no place for state {state}", "迁移到版本 {version} 时没有对应状态 {state}")
	ruleNoPlan          = itsm.NotNow("incident.no_plan", "no migration leads from version {from} to {to}", "没有从版本 {from} 到 {to} 的迁移")
	ruleShippedStep     = itsm.Invalid("incident.shipped_step", "{step} has a command of its own", "{step} 有专门的命令")
	ruleNoClocks        = itsm.NotNow("incident.no_clocks", "the process has no clocks", "没有配置服务级别时钟")
	ruleClock           = itsm.Invalid("incident.clock", "the clock cannot be corrected: {problem}", "时钟无法更正：{problem}")
)

func rules() []*itsm.Rule {
	return []*itsm.Rule{
		ruleNothing, ruleEndBeforeStart, ruleNoCaller,
		ruleBump, ruleRetriageReason, ruleNotTriaged, ruleOffDuty, ruleAssigneeOffDuty, ruleSkill, ruleTool, ruleNoAttempt, ruleSkip, ruleNoContract,
		rulePending, ruleNoHandOver, ruleOwnHandOver, ruleRestored, ruleHoldRole, ruleHoldContact, rulePresence, ruleDeskOnly, ruleTries,
		ruleOldProposal, ruleOwnWork, ruleSecond, ruleReopenBy, ruleReopenLate, ruleClosedForGood, ruleNoCI, ruleOpenChildren, ruleMajorOpen,
		ruleMajorAlready, ruleMajorState, rulePaperworkOwed, ruleNoPaperwork, ruleNoOverride, ruleNoPromise, ruleInfected, ruleNoSecurity, ruleNoAlert,
		ruleMerged, ruleNotMerged, ruleUnmergeLate, ruleMergeIntoEnded, ruleMergeParent, ruleSelf, ruleNoOther, ruleNotClosed, ruleCycle, ruleTwoSides,
		ruleNotIncident, ruleNoVersion, ruleNoState, ruleNoPlan, ruleShippedStep, ruleNoClocks, ruleClock,
	}
}
