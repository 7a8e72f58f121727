package approval

import (
	"fmt"
	"math/bits"
	"testing"

	"github.com/hospital-itsm/itsm"
)

// BenchmarkMatching is the decision alone for fifty voters and ten overlapping conditions of five seats, beside Hall's condition over
// all sets of conditions, which gives the same answer without saying who sits where.
func BenchmarkMatching(b *testing.B) {
	var rules []Rule
	for g := range 10 {
		rules = append(rules, AtLeast(5, itsm.Role(fmt.Sprintf("g%d", g))))
	}
	members := make([]Member, 50)
	votes := make([]Vote, 50)
	for i := range members {
		members[i].Person = itsm.PersonID(fmt.Sprintf("p%02d", i))
		for g := range 1 + i%4 {
			members[i].Roles = append(members[i].Roles, itsm.Role(fmt.Sprintf("g%d", (i/5+g*3)%10)))
		}
		votes[i] = Vote{Member: members[i].Person, By: members[i].Person, Verdict: Approve}
	}
	plan := Plan{Rule: And(rules...)}
	c := newChamber(&plan, members)
	t := c.count(c.stands(votes))
	b.Run("place", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if c.place(c.seated, t) == nil {
				b.Fatal("no way")
			}
		}
	})
	b.Run("lay, count and decide", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c := newChamber(&plan, members)
			if o, _ := c.outcome(c.stands(votes)); o != Approved {
				b.Fatal(o)
			}
		}
	})
	b.Run("bare: Hall over all sets", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for set := range uint64(1) << 10 {
				n := 0
				for _, h := range t.heads {
					if h&set != 0 {
						n++
					}
				}
				if n < 5*bits.OnesCount64(set) {
					b.Fatal("no way")
				}
			}
		}
	})
}
