package approval

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hospital-itsm/itsm"
)

// A Rule says which votes approve: conditions on groups of members, combined by [And], [Or] and [Stage]. A group is everybody who
// holds one of the roles, or everybody where no role is named. A Rule is immutable data and safe for concurrent use; its JSON is
// read by [ParseRule]. The zero Rule is no rule.
//
// [All], [AtLeast] and [Percent] take seats: under [OneSeat] a person counts in one of them only, in the way that is best for the whole rule.
// [PercentOfVoting], [Weighted], [Veto] and [Quorum] look at the votes of their group and take no seats.
type Rule struct{ n *node }

// op is the kind of a node.
type op string

const (
	opAll      op = "all"
	opAtLeast  op = "at_least"
	opPercent  op = "percent"
	opVoting   op = "percent_of_voting"
	opWeighted op = "weighted"
	opVeto     op = "veto"
	opQuorum   op = "quorum"
	opAnd      op = "and"
	opOr       op = "or"
	opStage    op = "stage"
)

var ops = []op{opAll, opAtLeast, opPercent, opVoting, opWeighted, opVeto, opQuorum, opAnd, opOr, opStage}

// leaf reports whether nodes of the kind are conditions on a group.
func (o op) leaf() bool { return o != opAnd && o != opOr && o != opStage }

// seated reports whether nodes of the kind take seats.
func (o op) seated() bool { return o == opAll || o == opAtLeast || o == opPercent }

// node is one node of a rule. It is never changed once made.
type node struct {
	op      op
	n       int   // of at_least, weighted and quorum
	share   Share // of percent, percent_of_voting, and of quorum instead of n
	ratio   ratio // the share in numbers
	of      []itsm.Role
	weights []Weight
	steps   []Step // of and, or and stage; only those of a stage have names and limits
}

// A Weight gives the votes of a role's holders their points. Who holds several roles of a rule has the most of their points.
type Weight struct {
	Role   itsm.Role `json:"role"`
	Points int       `json:"points"` // 1 to 1000
}

// A Step is one part of a [Stage]. Only the steps of a stage that is the whole rule can have limits and ladders of their own.
type Step struct {
	Name   string        `json:"name,omitempty"`
	Rule   Rule          `json:"rule"`
	Within itsm.Duration `json:"within,omitzero"`  // time to decide, in the plan's hours; zero for that of the plan
	Ladder []Rung        `json:"ladder,omitempty"` // reminders; nil for those of the plan
}

// All wants the approval of every member of the group.
func All(of ...itsm.Role) Rule { return Rule{&node{op: opAll, of: group(of)}} }

// AtLeast wants the approval of n members of the group.
func AtLeast(n int, of ...itsm.Role) Rule {
	return Rule{&node{op: opAtLeast, n: n, of: group(of)}}
}

// Percent wants the approval of a share of the group. Abstentions and missing votes count in the group, recused members do not.
func Percent(share Share, of ...itsm.Role) Rule { return withShare(opPercent, share, of) }

// PercentOfVoting wants the approval of a share of those members of the group who do not abstain. Missing votes count as
// not given yet, so that silence never makes a majority; a [Quorum] beside it says how many must have been heard.
func PercentOfVoting(share Share, of ...itsm.Role) Rule { return withShare(opVoting, share, of) }

// Weighted wants approvals that together have so many points.
func Weighted(need int, weights ...Weight) Rule {
	n := &node{op: opWeighted, n: need, weights: slices.Clone(weights)}
	slices.SortFunc(n.weights, func(a, b Weight) int { return strings.Compare(string(a.Role), string(b.Role)) })
	for _, w := range n.weights {
		n.of = append(n.of, w.Role)
	}
	return Rule{n}
}

// Veto wants that every member of the group has been heard and none rejects.
func Veto(of ...itsm.Role) Rule { return Rule{&node{op: opVeto, of: group(of)}} }

// Quorum wants that n members of the group have been heard: have approved, rejected or abstained.
func Quorum(n int, of ...itsm.Role) Rule {
	return Rule{&node{op: opQuorum, n: n, of: group(of)}}
}

// QuorumShare wants that a share of the group has been heard.
func QuorumShare(share Share, of ...itsm.Role) Rule { return withShare(opQuorum, share, of) }

// And wants every rule.
func And(rules ...Rule) Rule { return combine(opAnd, rules) }

// Or wants one of the rules.
func Or(rules ...Rule) Rule { return combine(opOr, rules) }

// Stage wants every step, one after the other: those whom a step asks cannot vote before the steps before it are met.
func Stage(steps ...Step) Rule { return Rule{&node{op: opStage, steps: slices.Clone(steps)}} }

// group copies roles; none is everybody.
func group(of []itsm.Role) []itsm.Role {
	if len(of) == 0 {
		return nil
	}
	return slices.Clone(of)
}

func withShare(o op, share Share, of []itsm.Role) Rule {
	n := &node{op: o, share: share, of: group(of)}
	n.ratio, _ = share.parse() // a bad share is found by Check
	return Rule{n}
}

func combine(o op, rules []Rule) Rule {
	n := &node{op: o, steps: make([]Step, len(rules))}
	for i, r := range rules {
		n.steps[i].Rule = r
	}
	return Rule{n}
}

// IsZero reports whether r is no rule.
func (r Rule) IsZero() bool { return r.n == nil }

// Roles returns the roles that the rule speaks of, in the order of their first mention. All is whether it also speaks of everybody.
func (r Rule) Roles() (roles []itsm.Role, all bool) {
	r.leaves(func(n *node) {
		all = all || len(n.of) == 0
		for _, role := range n.of {
			if !slices.Contains(roles, role) {
				roles = append(roles, role)
			}
		}
	})
	return roles, all
}

// asks reports whether a member is in one of the rule's groups.
func (r Rule) asks(m *Member) (asked bool) {
	r.leaves(func(n *node) { asked = asked || m.has(n.of) })
	return asked
}

// leaves visits the conditions from left to right.
func (r Rule) leaves(visit func(*node)) {
	switch {
	case r.n == nil:
	case r.n.op.leaf():
		visit(r.n)
	default:
		for _, s := range r.n.steps {
			s.Rule.leaves(visit)
		}
	}
}

// Steps returns the steps of a stage; a rule that is no stage is its only step. The slice belongs to the caller.
func (r Rule) Steps() []Step {
	switch {
	case r.n == nil:
		return nil
	case r.n.op == opStage:
		return slices.Clone(r.n.steps)
	}
	return []Step{{Rule: r}}
}

// String prints the rule: "and(at_least(1, change_manager), percent(50%, cab))".
func (r Rule) String() string {
	if r.n == nil {
		return ""
	}
	var args []string
	switch n := r.n; n.op {
	case opAtLeast:
		args = append(args, strconv.Itoa(n.n))
	case opPercent, opVoting:
		args = append(args, string(n.share))
	case opQuorum:
		args = append(args, n.amount())
	case opWeighted:
		args = append(args, strconv.Itoa(n.n))
		for _, w := range n.weights {
			args = append(args, fmt.Sprintf("%s=%d", w.Role, w.Points))
		}
	}
	if r.n.op != opWeighted {
		for _, role := range r.n.of {
			args = append(args, string(role))
		}
	}
	for _, s := range r.n.steps {
		text := s.Rule.String()
		if s.Name != "" {
			text = s.Name + ": " + text
		}
		args = append(args, text)
	}
	return string(r.n.op) + "(" + strings.Join(args, ", ") + ")"
}

func (n *node) amount() string {
	if n.share != "" {
		return string(n.share)
	}
	return strconv.Itoa(n.n)
}

// In tells the rule in words of a language.
func (r Rule) In(lang itsm.Lang) string {
	if r.n == nil {
		return ""
	}
	zh := strings.HasPrefix(string(lang), "zh")
	if r.n.op.leaf() {
		return r.n.in(zh)
	}
	link := map[op][2]string{opAnd: {" and ", "，并且"}, opOr: {" or ", "，或者"}, opStage: {", then ", "，然后"}}[r.n.op]
	parts := make([]string, len(r.n.steps))
	for i, s := range r.n.steps {
		parts[i] = s.Rule.In(lang)
		if s.Rule.n != nil && !s.Rule.n.op.leaf() && len(r.n.steps) > 1 {
			parts[i] = "(" + parts[i] + ")"
		}
	}
	if zh {
		return strings.Join(parts, link[1])
	}
	return strings.Join(parts, link[0])
}

func (n *node) in(zh bool) string {
	var roles []string
	for _, role := range n.of {
		roles = append(roles, string(role))
	}
	pick := func(en, cn string) string {
		if zh {
			return cn
		}
		return en
	}
	who := strings.Join(roles, pick(" or ", "或"))
	if who == "" {
		who = pick("all members", "全体成员")
	}
	amount := strings.Replace(n.amount(), ">", pick("more than ", "超过 "), 1)
	switch n.op {
	case opAll:
		return pick("every one of "+who+" approves", who+"全部同意")
	case opAtLeast:
		return pick("at least "+amount+" of "+who+" approve", who+"至少 "+amount+" 人同意")
	case opPercent:
		return pick(amount+" of "+who+" approve", who+"中 "+amount+" 同意")
	case opVoting:
		return pick(amount+" of "+who+" who do not abstain approve", who+"中未弃权者 "+amount+" 同意")
	case opWeighted:
		return pick("approvals of "+who+" have "+amount+" points", who+"的同意票达到 "+amount+" 分")
	case opVeto:
		return pick("nobody of "+who+" objects", who+"均无异议")
	}
	return pick(amount+" of "+who+" have voted", who+"中 "+amount+" 已表态")
}
