package impact

import (
	"strconv"

	"github.com/hospital-itsm/itsm"
)

// What is wrong with items, relations, groups, changes and queries.
var (
	// ErrName: an identifier is empty or too long.
	ErrName = itsm.Invalid("impact.name_invalid", "{what} {name}: want 1 to {most} bytes", "{what} {name}：长度应为 1 至 {most} 字节")
	// ErrTooMany: a graph holds no more of these.
	ErrTooMany = itsm.Invalid("impact.too_many", "a graph holds at most {most} {what}", "一个图最多容纳 {most} 个 {what}")
	// ErrNoItem: the graph does not have the item, not even as an unknown end of a relation.
	ErrNoItem = itsm.Invalid("impact.no_item", "there is no item {item}", "没有配置项 {item}")
	// ErrNoRelation: a relation to be removed is not there.
	ErrNoRelation = itsm.Invalid("impact.no_relation", "there is no relation {type} from {from} to {to}", "没有从 {from} 到 {to} 的 {type} 关系")
	// ErrNoGroup: a group to be removed is not there.
	ErrNoGroup = itsm.Invalid("impact.no_group", "item {item} has no group {group}", "配置项 {item} 没有冗余组 {group}")
	// ErrGroup: a redundancy group contradicts itself.
	ErrGroup = itsm.Invalid("impact.group_invalid", "group {group} of item {item}: {fault}", "配置项 {item} 的冗余组 {group} 无效：{fault}")
	// ErrDepth: the depth of a query is negative.
	ErrDepth = itsm.Invalid("impact.depth_invalid", "depth {depth}: want 0 for no limit, or more", "深度 {depth}：应为 0（不限）或正数")
	// ErrNothing: a query or scenario names no item to start from.
	ErrNothing = itsm.Invalid("impact.nothing_asked", "name at least one item", "请至少指定一个配置项")
	// ErrDown: the question is what could take an item down that is down already.
	ErrDown = itsm.NotNow("impact.already_down", "item {item} is down already", "配置项 {item} 已经不可用")
	// ErrOrder: cuts of this size are not searched for.
	ErrOrder = itsm.Invalid("impact.cut_size_invalid", "cuts of up to {size} items: want 1 to {most}", "割集大小 {size}：应为 1 至 {most}")
	// ErrProbability: a probability is none.
	ErrProbability = itsm.Invalid("impact.probability_invalid", "probability {probability} of item {item}: want 0 to 1", "配置项 {item} 的概率 {probability} 应在 0 到 1 之间")
	// ErrTangled: there is too much redundancy behind a service for an exact probability.
	ErrTangled = itsm.Invalid("impact.too_tangled", "the redundancy behind {item} takes more than {most} trials", "{item} 背后的冗余关系过于复杂，需要超过 {most} 次试算")
)

const (
	maxName  = 200
	maxItems = 1 << (32 - kindBits)
	maxKinds = 1 << kindBits
	maxEdges = 1<<31 - 2
	maxBytes = 1<<31 - 2 // of all IDs
)

// checkName reports an identifier that cannot be one.
func checkName[S ~string](faults *itsm.Reasons, what string, name S) {
	if n := len(name); n == 0 || n > maxName {
		*faults = append(*faults, ErrName.With("what", what, "name", strconv.Quote(string(name[:min(n, 40)])), "most", maxName))
	}
}
