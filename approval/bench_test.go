package approval_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
)

// crowded is a board of fifty in ten overlapping groups, where the last vote decides and people must be moved between seats to see it.
func crowded() (approval.Rule, []approval.Member) {
	var rules []approval.Rule
	for g := range 10 {
		rules = append(rules, approval.AtLeast(5, itsm.Role(fmt.Sprintf("g%d", g))))
	}
	members := make([]approval.Member, 50)
	for i := range members {
		members[i] = member(itsm.PersonID(fmt.Sprintf("p%02d", i)))
		for g := range 1 + i%4 {
			members[i].Roles = append(members[i].Roles, itsm.Role(fmt.Sprintf("g%d", (i/5+g*3)%10)))
		}
	}
	return approval.And(rules...), members
}

// BenchmarkDecide is one vote: checked, counted, decided.
func BenchmarkDecide(b *testing.B) {
	rule, members := crowded()
	b.Run("50 voters, 10 overlapping rules", func(b *testing.B) { benchVote(b, request(rule, members...), 49) })
	b.Run("5 voters, manager and board", func(b *testing.B) {
		r := request(approval.And(approval.AtLeast(1, "m"), approval.Percent(">50%", "cab")), append(people("cab", "a", "b", "c", "d"), member("m", "m"))...)
		benchVote(b, r, 2)
	})
	b.Run("bare: copy of 50 votes", func(b *testing.B) {
		votes := make([]approval.Vote, 50)
		b.ReportAllocs()
		for b.Loop() {
			_ = append(make([]approval.Vote, 0, 50), votes...)
		}
	})
}

func benchVote(b *testing.B, r approval.Request, before int) {
	d := open(b, r)
	for _, m := range d.ballot.Members[:before] {
		d.must(m.Person, approval.Approve)
	}
	next, c := d.ballot.Members[before].Person, approval.Cast{Verdict: approval.Approve, Content: d.ballot.Content.Digest}
	e := env(next, d.now)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.ballot.Cast(c, d.facts, e); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHistory is a vote and its fold after so many earlier ones, and after so many earlier rounds.
func BenchmarkHistory(b *testing.B) {
	members := people("cab", "a", "b", "c", "d", "e")
	for _, n := range []int{10, 100, 1000, 10_000} {
		b.Run(fmt.Sprintf("after %d votes", n), func(b *testing.B) {
			r := request(approval.AtLeast(3), members...)
			r.Plan.Within = 1000 * itsm.Hour
			d := open(b, r)
			for i := range n {
				d.must("a", []approval.Verdict{approval.Reject, approval.Approve}[i%2])
			}
			benchOne(b, d)
		})
		b.Run(fmt.Sprintf("after %d rounds", n), func(b *testing.B) {
			d := open(b, request(approval.AtLeast(3), members...))
			for range n {
				if err := d.take(d.ballot.Withdraw("again", env("r", d.now))); err != nil {
					b.Fatal(err)
				}
				if err := d.open(request(approval.AtLeast(3), members...)); err != nil {
					b.Fatal(err)
				}
			}
			d.must("a", approval.Approve)
			benchOne(b, d)
		})
	}
}

func benchOne(b *testing.B, d *desk) {
	c := approval.Cast{Verdict: approval.Abstain, Content: d.ballot.Content.Digest}
	e := env("b", d.now)
	b.ReportAllocs()
	for b.Loop() {
		events, err := d.ballot.Cast(c, d.facts, e)
		if err != nil {
			b.Fatal(err)
		}
		_ = d.ballot.Apply(events...)
	}
}

func BenchmarkFingerprint(b *testing.B) {
	r := sampleRFC()
	b.ReportAllocs()
	for b.Loop() {
		take(b, r)
	}
}

// TestDecideSpeed keeps the order of magnitude: a vote of fifty people under ten overlapping rules takes microseconds.
func TestDecideSpeed(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("measures time")
	}
	rule, members := crowded()
	const limit = 5 * time.Millisecond
	least := time.Hour
	for round := 0; round < 20 && least > limit; round++ { // the machine may be busy: the quickest round counts
		d := open(t, request(rule, members...))
		begin := time.Now()
		for _, m := range d.ballot.Members {
			d.must(m.Person, approval.Approve)
		}
		least = min(least, time.Since(begin)/time.Duration(len(d.ballot.Members)))
		if d.ballot.Outcome != approval.Approved {
			t.Errorf("%s", d.ballot.Outcome)
		}
	}
	if least > limit {
		t.Errorf("%v a vote", least)
	}
}
