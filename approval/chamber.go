package approval

import (
	"math/bits"
	"slices"

	"github.com/hospital-itsm/itsm"
)

// A chamber is a rule laid over an electorate: which member counts in which condition. Conditions are numbered from left to right and
// kept as bits of a word. It is never changed once made.
type chamber struct {
	members []Member
	shared  bool // one person may fill several seats
	each    bool // each mandate of one person counts
	leaves  []leaf
	masks   []uint64 // of each member: the conditions whose groups the member belongs to
	seated  uint64   // the conditions that take seats
	staged  bool     // there is a stage in the rule
	root    *branch
}

// leaf is a condition with the size of its group.
type leaf struct {
	*node
	size int
}

// branch is a node of the rule with the ways to meet it: sets of conditions, none of which includes another.
type branch struct {
	op    op
	mask  uint64 // the conditions below
	steps []*branch
	ways  []uint64
	upTo  [][]uint64 // of a stage: the ways to meet its steps up to each
}

func newChamber(p *Plan, members []Member) *chamber {
	c := &chamber{members: members, shared: p.Seats == SharedSeats, each: p.Mandates == EachMandate, masks: make([]uint64, len(members))}
	c.root = c.lay(p.Rule.n)
	return c
}

func (c *chamber) lay(n *node) *branch {
	if n.op.leaf() {
		bit := uint64(1) << len(c.leaves)
		l := leaf{node: n}
		for i := range c.members {
			if c.members[i].has(n.of) {
				l.size++
				c.masks[i] |= bit
			}
		}
		if n.op.seated() {
			c.seated |= bit
		}
		c.leaves = append(c.leaves, l)
		return &branch{op: n.op, mask: bit, ways: []uint64{bit}}
	}
	c.staged = c.staged || n.op == opStage
	b := &branch{op: n.op, steps: make([]*branch, len(n.steps))}
	for i, s := range n.steps {
		step := c.lay(s.Rule.n)
		b.steps[i] = step
		b.mask |= step.mask
		switch {
		case i == 0:
			b.ways = step.ways
		case n.op == opOr:
			b.ways = minimal(slices.Concat(b.ways, step.ways))
		default:
			b.ways = cross(b.ways, step.ways)
		}
		if n.op == opStage {
			b.upTo = append(b.upTo, b.ways)
		}
	}
	return b
}

// cross returns the ways to meet both.
func cross(a, b []uint64) []uint64 {
	out := make([]uint64, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			out = append(out, x|y)
		}
	}
	return minimal(out)
}

// minimal drops ways that include another one.
func minimal(ways []uint64) []uint64 {
	if len(ways) == 1 {
		return ways
	}
	slices.SortStableFunc(ways, func(a, b uint64) int { return bits.OnesCount64(a) - bits.OnesCount64(b) })
	out := ways[:0]
	for _, w := range ways {
		if !slices.ContainsFunc(out, func(o uint64) bool { return o&^w == 0 }) {
			out = append(out, w)
		}
	}
	return out
}

// stand is where a member stands in a count: what is voted, and as whose. The zero value has not voted.
type stand struct {
	verdict Verdict
	head    int // the first member for whom the same person votes; the member itself where people are not told apart
}

// stands returns the votes as they are.
func (c *chamber) stands(votes []Vote) []stand {
	out := make([]stand, len(c.members))
	delegated := false
	for i := range votes {
		v := &votes[i]
		if m, ok := c.find(v.Member); ok && v.counts() {
			out[m] = stand{v.Verdict, m}
			delegated = delegated || v.By != v.Member
		}
	}
	if delegated && !c.each {
		c.join(out, votes)
	}
	return out
}

// join gives the votes that one person has cast one head.
func (c *chamber) join(stands []stand, votes []Vote) {
	for i := range votes {
		if votes[i].By == votes[i].Member {
			continue
		}
		first := -1
		for j := range votes {
			if votes[j].By != votes[i].By {
				continue
			}
			m, ok := c.find(votes[j].Member)
			if !ok || !votes[j].counts() {
				continue
			}
			if first < 0 {
				first = m
			}
			stands[m].head = first
		}
	}
}

// hopes returns the best that can still come of the votes: everybody who has not voted approves, and every approval is by a person of its own,
// because a member can always vote instead of the delegate.
func hopes(stands []stand) []stand {
	out := make([]stand, len(stands))
	for i, s := range stands {
		if s.verdict == "" {
			s.verdict = Approve
		}
		out[i] = stand{s.verdict, i}
	}
	return out
}

func (c *chamber) find(p itsm.PersonID) (int, bool) { return findMember(c.members, p) }

// A tally is the count of the votes in every condition.
type tally struct {
	approvals, rejections, abstentions, heard, points []int // by condition; approvals and heard count people
	members                                           []int // whose votes were heard, by condition
	heads                                             []uint64
	ok                                                uint64 // the conditions that are met, each seen alone
}

func (c *chamber) count(stands []stand) *tally {
	n := len(c.leaves)
	store := make([]int, 6*n)
	cut := func() []int { s := store[:n:n]; store = store[n:]; return s }
	t := &tally{approvals: cut(), rejections: cut(), abstentions: cut(), heard: cut(), points: cut(), members: cut()}
	words := make([]uint64, 2*len(stands))
	approving, hearing := words[:len(stands)], words[len(stands):]
	for i, s := range stands {
		if s.verdict == "" {
			continue
		}
		hearing[s.head] |= c.masks[i]
		add(t.members, c.masks[i])
		switch s.verdict {
		case Approve:
			approving[s.head] |= c.masks[i]
		case Reject:
			add(t.rejections, c.masks[i])
		case Abstain:
			add(t.abstentions, c.masks[i])
		}
	}
	for i := range stands {
		add(t.approvals, approving[i])
		add(t.heard, hearing[i])
	}
	for j := range c.leaves {
		if c.leaves[j].op == opWeighted {
			t.points[j] = c.weigh(j, stands)
		}
		if c.leaves[j].met(t, j) {
			t.ok |= 1 << j
		}
	}
	t.heads = approving
	return t
}

func add(counts []int, mask uint64) {
	for ; mask != 0; mask &= mask - 1 {
		counts[bits.TrailingZeros64(mask)]++
	}
}

// weigh adds up the points of a weighted condition: of each approving person those of the weightiest mandate.
func (c *chamber) weigh(j int, stands []stand) int {
	most, sum := make([]int, len(stands)), 0
	for i, s := range stands {
		if s.verdict == Approve && c.masks[i]>>j&1 == 1 {
			p := c.members[i].points(c.leaves[j].weights)
			if more := p - most[s.head]; more > 0 {
				most[s.head] += more
				sum += more
			}
		}
	}
	return sum
}

// need returns how many people, members or points the condition wants as the votes are.
func (l *leaf) need(t *tally, j int) int {
	switch l.op {
	case opAll, opVeto:
		return max(1, l.size)
	case opPercent:
		return l.ratio.of(l.size)
	case opVoting:
		return l.ratio.of(l.size - t.abstentions[j])
	case opQuorum:
		if l.share != "" {
			return l.ratio.of(l.size)
		}
	}
	return l.n
}

// have returns how many of what [leaf.need] wants are there.
func (l *leaf) have(t *tally, j int) int {
	switch l.op {
	case opWeighted:
		return t.points[j]
	case opQuorum:
		return t.heard[j]
	case opVeto:
		return t.members[j] - t.rejections[j]
	}
	return t.approvals[j]
}

func (l *leaf) met(t *tally, j int) bool { return l.have(t, j) >= l.need(t, j) }

// met reports whether one of the ways is open, with a seat for everybody who is needed.
func (c *chamber) met(ways []uint64, t *tally) bool {
	for _, w := range ways {
		if w&^t.ok != 0 {
			continue
		}
		if c.shared || c.place(w&c.seated, t) != nil {
			return true
		}
	}
	return false
}

// asked returns the conditions whose groups may vote: all but those of later steps.
func (c *chamber) asked(b *branch, t *tally) uint64 {
	switch {
	case b.op.leaf():
		return b.mask
	case b.op != opStage:
		var mask uint64
		for _, s := range b.steps {
			mask |= c.asked(s, t)
		}
		return mask
	}
	var mask uint64
	for i, s := range b.steps {
		mask |= c.asked(s, t)
		if !c.met(b.upTo[i], t) {
			break
		}
	}
	return mask
}

// open returns the conditions whose groups may vote as the votes are.
func (c *chamber) open(votes []Vote) uint64 {
	if !c.staged {
		return c.root.mask
	}
	return c.asked(c.root, c.count(c.stands(votes)))
}

// outcome is the decision procedure. The value of a rule never falls when a vote is added in favour or when a missing one is given, so the two extreme
// ways in which the voting can go on decide for all: nobody votes any more, or everybody approves who still can.
func (c *chamber) outcome(stands []stand) (Outcome, *tally) {
	t := c.count(stands)
	switch {
	case c.met(c.root.ways, t):
		return Approved, t
	case !c.met(c.root.ways, c.count(hopes(stands))):
		return Rejected, t
	}
	return Open, t
}
