package config

import "github.com/hospital-itsm/itsm"

// The reasons of the process. Hosts match them with errors.Is, through the exported ones, or by code.
var (
	// ErrUnauthorised: the write names no authority that allows it now.
	ErrUnauthorised = itsm.Denied("config.unauthorised", "{authority} does not allow {command} now: it is {standing}, wanted is {want}", "{authority} 目前不允许执行 {command}：状态为 {standing}，需要 {want}")
	// ErrDuplicate: another item has the identity.
	ErrDuplicate = itsm.NotNow("config.duplicate", "{holder} is identified by {key} already", "{holder} 已使用标识 {key}")
	// ErrBound: a relation has as many ends as it may have.
	ErrBound = itsm.NotNow("config.bound", "{item} has {have} relations {type} at its {end} end, at most {most} are allowed", "{item} 的 {end} 端已有 {have} 个 {type} 关系，最多 {most} 个")

	ruleNoAuthority  = itsm.Invalid("config.no_authority", "a write names its authority, one of {want}", "写入须注明依据，应为 {want} 之一")
	ruleAuthority    = itsm.Invalid("config.authority", "{authority} is no authority for writes, want one of {want}", "{authority} 不能作为写入依据，应为 {want} 之一")
	ruleClass        = itsm.Invalid("config.class", "there is no class {class} that items can have", "没有可用的配置项类别 {class}")
	ruleAttribute    = itsm.Invalid("config.attribute", "{class} has no attribute {field}", "类别 {class} 没有属性 {field}")
	ruleObserved     = itsm.Invalid("config.observed", "{field} is what sources see it to be; lock it to set it by hand", "{field} 由发现来源提供；如需人工设定请先锁定")
	ruleNotObserved  = itsm.Invalid("config.not_observed", "{field} is under control; update it under an authority", "{field} 是受控属性，应依据授权更新")
	ruleType         = itsm.Invalid("config.type", "{field} is a {want}, got a {got}", "{field} 应为 {want}，实为 {got}")
	ruleRange        = itsm.Invalid("config.range", "{field} is {value}, want {min} to {max}", "{field} 为 {value}，应在 {min} 到 {max} 之间")
	ruleBlank        = itsm.Invalid("config.blank", "{field} is blank; give no value to take it away", "{field} 为空白；删除请不给出值")
	ruleLong         = itsm.Invalid("config.long", "{field} has {length} bytes, at most {most} are allowed", "{field} 有 {length} 字节，最多 {most} 字节")
	ruleSecret       = itsm.Invalid("config.secret", "{field} is a secret: only a reference to where it lies is recorded (vault:…)", "{field} 是机密：只记录其存放引用（vault:…）")
	ruleValueChoice  = itsm.Invalid("config.value_choice", "{field} is {got}, want one of {want}", "{field} 为 {got}，应为 {want} 之一")
	rulePattern      = itsm.Invalid("config.pattern", "{field} is {got}, which does not match {want}", "{field} 为 {got}，不符合 {want}")
	ruleLevel        = itsm.NotNow("config.level", "{field} is {level}; classify the item so first", "{field} 的密级为 {level}；请先为配置项定级")
	ruleMissing      = itsm.NotNow("config.missing", "required attributes are missing: {fields}", "缺少必填属性：{fields}")
	ruleNoLabel      = itsm.NotNow("config.no_label", "an item is labelled before it is accepted", "配置项须先标识后认可")
	ruleSuspect      = itsm.NotNow("config.suspect", "it may be the same item as {items}: merge or clear first", "可能与 {items} 重复：请先合并或排除")
	ruleStatus       = itsm.Invalid("config.status", "{status} is no status of {class} in {state}, want one of {want}", "{status} 不是 {class} 在 {state} 下的状态，应为 {want} 之一")
	ruleStep         = itsm.Invalid("config.step", "{step} has a command of its own", "{step} 有专门的命令")
	ruleNoStep       = itsm.Invalid("config.no_step", "the lifecycle has no step {step}", "生命周期没有步骤 {step}")
	ruleBefore       = itsm.NotNow("config.before", "it cannot have happened at {at}, before {since}", "发生时间 {at} 不能早于 {since}")
	ruleNothing      = itsm.Invalid("config.nothing", "the command says nothing", "命令没有任何内容")
	ruleRelation     = itsm.Invalid("config.relation", "there is no relation {type}", "没有关系类型 {type}")
	ruleEnds         = itsm.Invalid("config.ends", "{type} does not lead from {from} to {to}", "关系 {type} 不能从 {from} 指向 {to}")
	ruleSelf         = itsm.Invalid("config.self", "an item does not relate to itself", "配置项不能与自身建立关系")
	ruleNoOther      = itsm.Invalid("config.no_other", "there is no item {id}", "没有配置项 {id}")
	ruleOtherGone    = itsm.NotNow("config.other_gone", "{id} is {state}; nothing new relates to it", "{id} 处于 {state}，不能再建立关系")
	ruleLinked       = itsm.NotNow("config.linked", "it relates to {to} by {type} already", "与 {to} 的 {type} 关系已存在")
	ruleNotLinked    = itsm.NotNow("config.not_linked", "it does not relate to {to} by {type}", "与 {to} 没有 {type} 关系")
	ruleCycle        = itsm.NotNow("config.cycle", "{type} would lead back: {path}", "{type} 将形成环：{path}")
	ruleLeast        = itsm.NotNow("config.least", "a live {class} has at least {least} relations {type} at its {end} end, it would have {have}", "在用的 {class} 在 {end} 端至少需要 {least} 个 {type} 关系，将只有 {have} 个")
	ruleMany         = itsm.NotNow("config.many", "it has {have} relations, at most {most} are allowed", "已有 {have} 个关系，最多 {most} 个")
	ruleRelated      = itsm.NotNow("config.related", "other items relate to it: {items}", "仍有其他配置项与其关联：{items}")
	ruleNoPlan       = itsm.NotNow("config.no_plan", "{authority} has no plan for it", "{authority} 对其没有计划")
	ruleNoDocument   = itsm.NotNow("config.no_document", "it has no document {ref}", "没有文档 {ref}")
	ruleSameDocument = itsm.NotNow("config.same_document", "it has version {version} of {ref} already", "文档 {ref} 的版本 {version} 已存在")
	ruleOutside      = itsm.NotNow("config.outside", "it is outside the scope of control", "配置项不在控制范围内")
	ruleInside       = itsm.NotNow("config.inside", "it is within the scope of control", "配置项在控制范围内")
	ruleMerged       = itsm.NotNow("config.merged", "it is the same item as {into}", "已合并到 {into}")
	ruleNotMerged    = itsm.NotNow("config.not_merged", "it was not merged", "没有被合并")
	ruleMergeClass   = itsm.NotNow("config.merge_class", "a {from} is not a {into}", "{from} 与 {into} 类别不同，不能合并")
	ruleMergeChain   = itsm.NotNow("config.merge_chain", "it has absorbed {items} itself; merge the other way, or undo that first", "它已吸收 {items}；请反向合并或先撤销")
	ruleNotSuspect   = itsm.NotNow("config.not_suspect", "nobody took it for {item}", "没有怀疑它与 {item} 重复")
	ruleLock         = itsm.NotNow("config.no_lock", "{field} is not locked", "{field} 未被锁定")
	ruleSightings    = itsm.Invalid("config.sightings", "there are {have} sightings, at most {most} at a time", "有 {have} 条观察，一次最多 {most} 条")
	ruleSources      = itsm.NotNow("config.sources", "{field} has {most} sources already", "{field} 已有 {most} 个来源")
	ruleGroup        = itsm.Invalid("config.group", "group {name}: {fault}", "冗余组 {name}：{fault}")
	ruleTwoSides     = itsm.NotNow("config.two_sides", "{command} touches several records: give it through config.Service over a store with units of work", "{command} 涉及多条记录：请通过 config.Service 在支持工作单元的存储上执行")
)

func rules() []*itsm.Rule {
	return []*itsm.Rule{
		ErrUnauthorised, ErrDuplicate, ErrBound, ruleNoAuthority, ruleAuthority, ruleClass, ruleAttribute, ruleObserved, ruleNotObserved, ruleType, ruleRange, ruleBlank, ruleLong,
		ruleSecret, ruleValueChoice, rulePattern, ruleLevel, ruleMissing, ruleNoLabel, ruleSuspect, ruleStatus, ruleStep, ruleNoStep, ruleBefore, ruleNothing, ruleRelation, ruleEnds,
		ruleSelf, ruleNoOther, ruleOtherGone, ruleLinked, ruleNotLinked, ruleCycle, ruleLeast, ruleMany, ruleRelated, ruleNoPlan, ruleNoDocument, ruleSameDocument, ruleOutside,
		ruleInside, ruleMerged, ruleNotMerged, ruleMergeClass, ruleMergeChain, ruleNotSuspect, ruleLock, ruleSightings, ruleSources, ruleGroup, ruleTwoSides,
	}
}
