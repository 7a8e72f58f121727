package approval

import "github.com/hospital-itsm/itsm"

// The reasons for which a round does not open or a vote is refused. Hosts match them with errors.Is or by code.
var (
	ruleSeparate = itsm.Denied("approval.separate", "{person} must not be both {one} and {other}", "{person} 不得同时为 {one} 和 {other}")

	ErrOpenAlready  = itsm.NotNow("approval.open_already", "round {round} is still open", "第 {round} 轮审批尚未结束")
	ErrApproved     = itsm.NotNow("approval.approved_already", "this content was approved in round {round}", "该内容已在第 {round} 轮获得批准")
	ErrEmpty        = itsm.NotNow("approval.empty", "nobody can vote: the electorate is empty", "没有可以表决的人：审批名单为空")
	ErrUnmeetable   = itsm.NotNow("approval.unmeetable", "“{rule}” can never be met: it wants {need} and can get {have}", "“{rule}”无法满足：需要 {need}，最多 {have}")
	ErrTooFewPeople = itsm.NotNow("approval.too_few_people", "{people} people cannot meet all conditions of “{rule}”, because each fills one seat only", "每人只能占一个席位，{people} 人无法同时满足“{rule}”的所有条件")

	ruleTooMany       = itsm.Invalid("approval.too_many", "{count} people would be asked, at most {most} can be", "审批名单有 {count} 人，最多 {most} 人")
	ruleMemberEmpty   = itsm.Invalid("approval.member_empty", "member {index} has no person", "第 {index} 名成员未指明人员")
	ruleMemberTwice   = itsm.Invalid("approval.member_twice", "{person} is listed twice", "{person} 重复列出")
	ruleMemberRole    = itsm.Invalid("approval.member_role", "{person} has a role without a name", "{person} 有一个未命名的角色")
	rulePlan          = itsm.Invalid("approval.plan", "the plan is not in order: {fault}", "审批方案有误：{fault}")
	ruleContent       = itsm.Invalid("approval.no_content", "there is no fingerprint of the content to approve", "缺少待审批内容的指纹")
	ruleHours         = itsm.NotNow("approval.hours", "the time limit cannot be worked out: {fault}", "无法计算时限：{fault}")
	ruleRequired      = itsm.Invalid("approval.required", "{field} is missing", "缺少 {field}")
	ruleChoice        = itsm.Invalid("approval.choice", "{field} is {got}, want one of {want}", "{field} 为 {got}，应为 {want} 之一")
	ruleTooLong       = itsm.Invalid("approval.too_long", "{field} has {length} bytes, at most {most} are allowed", "{field} 长 {length} 字节，最多 {most} 字节")
	ruleItemMissing   = itsm.Invalid("approval.item_missing", "there is no verdict on {item}", "未对“{item}”给出意见")
	ruleItemUnknown   = itsm.Invalid("approval.item_unknown", "{item} is not on the form, want {want}", "表单上没有“{item}”，应为 {want}")
	ruleItemTwice     = itsm.Invalid("approval.item_twice", "there are two verdicts on {item}", "对“{item}”给出了两个意见")
	ruleItemRefused   = itsm.Invalid("approval.item_refused", "who does not accept {item} cannot approve", "不认可“{item}”则不能同意")
	ruleRejectComment = itsm.Invalid("approval.comment_missing", "a rejection needs a comment", "不同意须说明理由")

	ErrNotOpen      = itsm.NotNow("approval.not_open", "no round is open: the last one is {outcome}", "没有进行中的审批：上一轮为 {outcome}")
	ErrExpired      = itsm.NotNow("approval.expired", "voting ended at {due}", "表决已于 {due} 截止")
	ErrNotAsked     = itsm.Denied("approval.not_asked", "{person} is not asked in this round", "{person} 不在本轮审批名单中")
	ErrKeptOut      = itsm.Denied("approval.kept_out", "{person} may not vote: {why}", "{person} 不得表决：{why}")
	ErrNotYet       = itsm.NotNow("approval.not_yet", "{person} is asked in a later step", "尚未轮到 {person} 表决")
	ErrNoMandate    = itsm.Denied("approval.no_mandate", "{person} has no delegation of {member} for {topic} now", "{person} 当前没有 {member} 关于 {topic} 的委托")
	ErrChain        = itsm.Denied("approval.chain", "{person} cannot vote for {member}: {member} has delegated to {delegate}, and a delegation cannot be passed on", "{person} 不能代 {member} 表决：{member} 委托的是 {delegate}，委托不得转授")
	ErrBackdated    = itsm.Denied("approval.backdated", "a vote is given now, not at {at}", "表决时间以当前为准，不能倒填为 {at}")
	ErrOtherContent = itsm.NotNow("approval.other_content", "the content has changed: the vote is on {got}, asked is {want}", "内容已变更：表决针对 {got}，待审批为 {want}")
	ErrVoted        = itsm.NotNow("approval.voted", "{member} has voted, and votes cannot be changed", "{member} 已表决，不能更改")
	ErrStepClosed   = itsm.NotNow("approval.step_closed", "{member} has voted in a step that is closed", "{member} 已在结束的环节中表决")
	ErrOwnVote      = itsm.Denied("approval.own_vote", "{member} has voted in person", "{member} 已亲自表决")
	ErrSameVote     = itsm.NotNow("approval.same_vote", "{member} has voted so already", "{member} 已作相同表决")

	ErrNoOral       = itsm.NotNow("approval.no_oral", "this round takes no oral approvals", "本轮不接受口头批准")
	ruleOralVerdict = itsm.Invalid("approval.oral_verdict", "only an approval can be given orally", "口头只能表示同意")
	ruleOralSaid    = itsm.Invalid("approval.oral_said", "said at {said}: want a time from the opening of the round until now", "口头批准时间 {said} 须在本轮开始之后、当前之前")
	ErrOralSelf     = itsm.Denied("approval.oral_self", "an oral approval is recorded by somebody else than {member}", "口头批准须由 {member} 以外的人记录")
	ErrNothingOral  = itsm.NotNow("approval.nothing_oral", "there is no oral approval of {member} to be confirmed", "没有待 {member} 确认的口头批准")

	ErrHasVoted   = itsm.NotNow("approval.has_voted", "{member} has voted and stays in the electorate", "{member} 已表决，须保留在名单中")
	ruleNothing   = itsm.Invalid("approval.nothing", "the command changes nothing", "命令没有任何变化")
	ruleNoGroup   = itsm.Invalid("approval.no_group", "{person} is in no group of “{rule}”", "{person} 不属于“{rule}”中的任何一组")
	ErrIsMember   = itsm.NotNow("approval.is_member", "{person} is asked already", "{person} 已在名单中")
	ErrInvolved   = itsm.Denied("approval.involved", "{person} is {why} and cannot change who is asked", "{person} 是 {why}，不能更改审批名单")
	ErrSubstitute = itsm.NotNow("approval.substitute", "without {member} the rule cannot be met any more: name a substitute", "{member} 回避后规则无法满足：请指定替代人员")

	ErrNotApproved  = itsm.NotNow("approval.not_approved", "there is no approval: {outcome}", "尚未获得批准：{outcome}")
	ErrTooEarly     = itsm.NotNow("approval.too_early", "{start} lies before the approval of {approved}", "{start} 早于批准时间 {approved}")
	ErrDoerApproved = itsm.Denied("approval.doer_approved", "{person} takes part in the work and approved it", "{person} 参与实施，却又批准了该内容")
	ErrUnconfirmed  = itsm.NotNow("approval.unconfirmed", "the oral approval of {member} was not confirmed by {due}", "{member} 的口头批准未在 {due} 前确认")
	ErrDisputed     = itsm.NotNow("approval.disputed", "{member} denies the oral approval", "{member} 否认口头批准")

	ruleNoPlan = itsm.Invalid("approval.no_plan", "{field} is {got}, the policy knows {want}", "{field} 为 {got}，审批策略中有 {want}")
)

// Rules returns every rule of the package, for the description of a process that uses it.
func Rules() []*itsm.Rule {
	return []*itsm.Rule{
		ruleSeparate, ErrOpenAlready, ErrApproved, ErrEmpty, ErrUnmeetable, ErrTooFewPeople, ruleTooMany, ruleMemberEmpty, ruleMemberTwice, ruleMemberRole, rulePlan, ruleContent, ruleHours,
		ruleRequired, ruleChoice, ruleTooLong, ruleItemMissing, ruleItemUnknown, ruleItemTwice, ruleItemRefused, ruleRejectComment,
		ErrNotOpen, ErrExpired, ErrNotAsked, ErrKeptOut, ErrNotYet, ErrNoMandate, ErrChain, ErrBackdated, ErrOtherContent, ErrVoted, ErrStepClosed,
		ErrOwnVote, ErrSameVote, ErrNoOral, ruleOralVerdict, ruleOralSaid, ErrOralSelf, ErrNothingOral, ErrHasVoted, ruleNothing, ruleNoGroup, ErrIsMember,
		ErrInvolved, ErrSubstitute, ErrNotApproved, ErrTooEarly, ErrDoerApproved, ErrUnconfirmed, ErrDisputed, ruleNoPlan,
	}
}
