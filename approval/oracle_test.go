package approval_test

import (
	"encoding/json"
	"errors"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
)

// The oracle reads a rule from its JSON and evaluates it in the plainest way: every completion of the votes is tried, every choice at
// an Or, and seats by Hall's condition over all subsets of the conditions.
type oracle struct {
	rule    map[string]any
	members []approval.Member
	shared  bool
}

type oracleVote struct {
	verdict approval.Verdict // "" for none
	by      itsm.PersonID
}

type demand struct {
	fits []bool // by member
	n    int
}

func newOracle(t require.TestingT, p approval.Plan, members []approval.Member) *oracle {
	data, err := json.Marshal(p.Rule)
	require.NoError(t, err)
	o := &oracle{members: members, shared: p.Seats == approval.SharedSeats}
	require.NoError(t, json.Unmarshal(data, &o.rule))
	return o
}

func (o *oracle) group(of any) []bool {
	fits := make([]bool, len(o.members))
	for i, m := range o.members {
		roles, named := of.([]any)
		fits[i] = !named
		for _, r := range roles {
			fits[i] = fits[i] || slices.Contains(m.Roles, itsm.Role(r.(string)))
		}
	}
	return fits
}

// oracleShare is the least k in 1…n with k/n at least, or over, the share; n+1 when there is none.
func oracleShare(share string, n int) int {
	text, over := strings.CutPrefix(share, ">")
	num, den, ok := strings.Cut(text, "/")
	if !ok {
		num, den = strings.TrimSuffix(text, "%"), "100"
	}
	a, _ := strconv.Atoi(num)
	b, _ := strconv.Atoi(den)
	for k := 1; k <= n; k++ {
		if k*b > a*n || k*b == a*n && !over {
			return k
		}
	}
	return n + 1
}

// ways returns for each choice at the Ors whose plain conditions hold what seats it wants.
func (o *oracle) ways(rule map[string]any, votes []oracleVote) [][]demand {
	for key, body := range rule {
		switch key {
		case "or":
			var out [][]demand
			for _, r := range body.([]any) {
				out = append(out, o.ways(r.(map[string]any), votes)...)
			}
			return out
		case "and", "stage":
			out := [][]demand{{}}
			for _, r := range body.([]any) {
				part := r.(map[string]any)
				if key == "stage" {
					part = part["rule"].(map[string]any)
				}
				var next [][]demand
				for _, a := range out {
					for _, b := range o.ways(part, votes) {
						next = append(next, slices.Concat(a, b))
					}
				}
				out = next
			}
			return out
		}
		return o.leaf(key, body.(map[string]any), votes)
	}
	panic("empty rule")
}

func (o *oracle) leaf(key string, body map[string]any, votes []oracleVote) [][]demand {
	fits := o.group(body["of"])
	n, _ := body["n"].(float64)
	need := int(n)
	size, heard, rejected, abstained, approved := 0, 0, 0, 0, map[itsm.PersonID]int{}
	spoke := map[itsm.PersonID]bool{}
	weights, _ := body["weights"].(map[string]any)
	points := 0
	for i, v := range votes {
		weight := 0
		for role, w := range weights {
			if slices.Contains(o.members[i].Roles, itsm.Role(role)) {
				weight = max(weight, int(w.(float64)))
			}
		}
		if v.verdict == approval.Approve && weight > approved[v.by] && weights != nil {
			points += weight - approved[v.by]
			approved[v.by] = weight
		}
		if !fits[i] {
			continue
		}
		size++
		if v.verdict != "" {
			heard++
			spoke[v.by] = true
		}
		switch v.verdict {
		case approval.Approve:
			approved[v.by] = max(approved[v.by], 1)
		case approval.Reject:
			rejected++
		case approval.Abstain:
			abstained++
		}
	}
	hold := func(ok bool) [][]demand {
		if ok {
			return [][]demand{{}}
		}
		return nil
	}
	share, _ := body["share"].(string)
	switch key {
	case "weighted":
		return hold(points >= need)
	case "veto":
		return hold(size > 0 && heard == size && rejected == 0)
	case "quorum":
		if share != "" {
			need = oracleShare(share, size)
		}
		return hold(len(spoke) >= need)
	case "percent_of_voting":
		return hold(len(approved) >= oracleShare(share, size-abstained))
	case "percent":
		need = oracleShare(share, size)
	case "all":
		need = max(size, 1)
	}
	if len(approved) < need {
		return nil
	}
	return [][]demand{{{fits, need}}}
}

// met evaluates the rule on votes as they are.
func (o *oracle) met(votes []oracleVote) bool {
	ways := o.ways(o.rule, votes)
	if o.shared {
		return len(ways) > 0
	}
	return slices.ContainsFunc(ways, func(way []demand) bool { return o.hall(way, votes) })
}

// hall: people can be placed if every set of conditions has as many people as it wants.
func (o *oracle) hall(way []demand, votes []oracleVote) bool {
	for set := range uint(1) << len(way) {
		want, who := 0, map[itsm.PersonID]bool{}
		for s := set; s != 0; s &= s - 1 {
			d := way[bits.TrailingZeros(s)]
			want += d.n
			for i, v := range votes {
				if v.verdict == approval.Approve && d.fits[i] {
					who[v.by] = true
				}
			}
		}
		if len(who) < want {
			return false
		}
	}
	return true
}

// outcome tries every way in which those who have not voted may vote, or not.
func (o *oracle) outcome(votes []oracleVote) approval.Outcome {
	yes, no := false, false
	all := slices.Clone(votes)
	var try func(i int)
	try = func(i int) {
		if yes && no {
			return
		}
		if i == len(all) {
			if o.met(all) {
				yes = true
			} else {
				no = true
			}
			return
		}
		if votes[i].verdict != "" {
			try(i + 1)
			return
		}
		for _, v := range []approval.Verdict{approval.Approve, approval.Reject, approval.Abstain, ""} {
			all[i] = oracleVote{v, o.members[i].Person}
			try(i + 1)
		}
		all[i] = oracleVote{}
	}
	try(0)
	switch {
	case !no:
		return approval.Approved
	case !yes:
		return approval.Rejected
	}
	return approval.Open
}

var allRoles = []itsm.Role{"a", "b", "c"}

func genRoles(t *rapid.T) []itsm.Role {
	n := rapid.IntRange(0, 2).Draw(t, "roles")
	return rapid.Permutation(allRoles).Draw(t, "of")[:n]
}

var genShare = rapid.SampledFrom([]approval.Share{"50%", ">50%", "2/3", "100%", "1/3", ">1/3", "75%"})

func genLeaf(t *rapid.T, most int) approval.Rule {
	n := rapid.IntRange(1, most).Draw(t, "n")
	switch rapid.IntRange(0, 7).Draw(t, "leaf") {
	case 0:
		return approval.All(genRoles(t)...)
	case 1:
		return approval.Percent(genShare.Draw(t, "share"), genRoles(t)...)
	case 2:
		return approval.PercentOfVoting(genShare.Draw(t, "share"), genRoles(t)...)
	case 3:
		return approval.Weighted(n+1, approval.Weight{Role: "a", Points: 2}, approval.Weight{Role: "b", Points: 1})
	case 4:
		return approval.Veto(genRoles(t)...)
	case 5:
		return approval.Quorum(n, genRoles(t)...)
	case 6:
		return approval.QuorumShare(genShare.Draw(t, "share"), genRoles(t)...)
	}
	return approval.AtLeast(n, genRoles(t)...)
}

func genRule(t *rapid.T, depth, most int) approval.Rule {
	if depth == 0 || rapid.IntRange(0, 3).Draw(t, "is leaf") == 0 {
		return genLeaf(t, most)
	}
	parts := make([]approval.Rule, rapid.IntRange(1, 3).Draw(t, "parts"))
	for i := range parts {
		parts[i] = genRule(t, depth-1, most)
	}
	switch rapid.IntRange(0, 4).Draw(t, "node") {
	case 0, 1:
		return approval.Or(parts...)
	case 2:
		steps := make([]approval.Step, len(parts))
		for i, p := range parts {
			steps[i].Rule = p
		}
		return approval.Stage(steps...)
	}
	return approval.And(parts...)
}

// genPlan draws a rule that is in order.
func genPlan(t *rapid.T, depth, most int) approval.Plan {
	p := approval.Plan{Within: itsm.Hour, Seats: rapid.SampledFrom([]approval.Seats{approval.OneSeat, approval.SharedSeats}).Draw(t, "seats")}
	p.Rule = genRule(t, depth, most)
	if p.Rule.Check() != nil { // it can be met without approval, or is too large
		p.Rule = approval.And(approval.AtLeast(1), p.Rule)
	}
	if p.Rule.Check() != nil {
		p.Rule = genLeaf(t, most)
	}
	if p.Rule.Check() != nil {
		p.Rule = approval.And(approval.AtLeast(1), p.Rule)
	}
	return p
}

func genMembers(t *rapid.T, n int) []approval.Member {
	out := make([]approval.Member, n)
	for i := range out {
		out[i] = member(itsm.PersonID("p"+strconv.Itoa(1000+i)), genRoles(t)...)
	}
	return out
}

func TestDecision(t *testing.T) {
	t.Parallel()
	t.Run("F-CHG-4 a round is decided exactly when every completion of the votes agrees", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			members := genMembers(t, rapid.IntRange(1, 5).Draw(t, "members"))
			plan := genPlan(t, 2, 3)
			o := newOracle(t, plan, members)
			votes := make([]oracleVote, len(members))
			d := &desk{t: t, now: start}
			r := request(plan.Rule, members...)
			r.Plan = plan
			if err := d.open(r); err != nil {
				require.Equal(t, approval.Rejected, o.outcome(votes), "%v: %v", plan.Rule, err)
				return
			}
			require.NotEqual(t, approval.Rejected, o.outcome(votes), "%v opened", plan.Rule)
			order := rapid.Permutation(slices.Collect(func(yield func(int) bool) {
				for i := range members {
					if !yield(i) {
						return
					}
				}
			})).Draw(t, "order")
			for _, i := range order {
				v := rapid.SampledFrom([]approval.Verdict{approval.Approve, approval.Approve, approval.Reject, approval.Abstain}).Draw(t, "verdict")
				if err := d.cast(members[i].Person, v); err != nil {
					require.True(t, errors.Is(err, approval.ErrNotYet) || errors.Is(err, approval.ErrNotAsked), "%v: %v", plan.Rule, err)
					continue
				}
				votes[i] = oracleVote{v, members[i].Person}
				require.Equal(t, o.outcome(votes), d.ballot.Outcome, "%v in %v after %v of %v", plan.Rule, plan.Seats, votes, members)
				if d.ballot.Outcome != approval.Open {
					return
				}
			}
		})
	})

	t.Run("F-CHG-4 the outcome is the same in all orders of the votes of a small electorate", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			members := genMembers(t, rapid.IntRange(2, 4).Draw(t, "members"))
			r := request(approval.Rule{}, members...)
			r.Plan = genPlan(t, 2, 3)
			if err := (&desk{t: t, now: start}).open(r); err != nil {
				t.Skip("cannot be met")
			}
			verdicts := make([]approval.Verdict, len(members))
			for i := range verdicts {
				verdicts[i] = rapid.SampledFrom([]approval.Verdict{approval.Approve, approval.Approve, approval.Reject, approval.Abstain, ""}).Draw(t, "verdict")
			}
			outcomes := map[approval.Outcome][]int{}
			for _, order := range permutations(len(members)) {
				outcomes[poll(t, r, verdicts, order)] = order
			}
			require.Len(t, outcomes, 1, "%v of %v: %v", r.Plan.Rule, verdicts, outcomes)
		})
	})

	t.Run("F-CHG-4 the outcome is the same in any two orders of the votes of a large electorate", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			n := rapid.IntRange(20, 60).Draw(t, "members")
			r := request(approval.Rule{}, genMembers(t, n)...)
			r.Plan = genPlan(t, 3, 12)
			if err := (&desk{t: t, now: start}).open(r); err != nil {
				t.Skip("cannot be met")
			}
			verdicts, order := make([]approval.Verdict, n), make([]int, n)
			for i := range verdicts {
				order[i] = i
				verdicts[i] = rapid.SampledFrom([]approval.Verdict{approval.Approve, approval.Approve, approval.Approve, approval.Reject, approval.Abstain}).Draw(t, "verdict")
			}
			one := poll(t, r, verdicts, rapid.Permutation(order).Draw(t, "one"))
			other := poll(t, r, verdicts, rapid.Permutation(order).Draw(t, "other"))
			require.Equal(t, one, other, "%v", r.Plan.Rule)
		})
	})

	t.Run("F-CHG-4 a vote after the decision is refused and changes nothing", func(t *testing.T) {
		t.Parallel()
		d := open(t, request(approval.AtLeast(1), people("cab", "a", "b")...))
		d.must("a", approval.Approve)
		before := d.ballot
		for _, v := range []approval.Verdict{approval.Approve, approval.Reject, approval.Abstain} {
			require.ErrorIs(t, d.cast("b", v), approval.ErrNotOpen)
			require.ErrorIs(t, d.cast("a", v), approval.ErrNotOpen)
		}
		assert.Equal(t, before, d.ballot)
	})
}

// poll takes the votes in an order; who is not asked yet tries again when somebody else has voted.
func poll(t *rapid.T, r approval.Request, verdicts []approval.Verdict, order []int) approval.Outcome {
	d := &desk{t: t, now: start}
	require.NoError(t, d.open(r))
	for again := true; again && d.ballot.Outcome == approval.Open; {
		again = false
		for _, i := range order {
			p := r.Members[i].Person
			if _, voted := d.ballot.Vote(p); voted || verdicts[i] == "" || d.ballot.Outcome != approval.Open {
				continue
			}
			if err := d.cast(p, verdicts[i]); err == nil {
				again = true
			} else {
				require.True(t, errors.Is(err, approval.ErrNotYet) || errors.Is(err, approval.ErrNotAsked), "%v", err)
			}
		}
	}
	return d.ballot.Outcome
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var out [][]int
	for _, p := range permutations(n - 1) {
		for i := range n {
			out = append(out, slices.Insert(slices.Clone(p), i, n-1))
		}
	}
	return out
}
