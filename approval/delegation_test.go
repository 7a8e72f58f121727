package approval_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
)

func mandate(id string, from, to itsm.PersonID, scope ...string) approval.Delegation {
	return approval.Delegation{ID: id, From: from, To: to, Scope: scope, Start: start, End: start.Add(time.Hour)}
}

func TestDelegation(t *testing.T) {
	t.Parallel()
	t.Run("F-CHG-6 a delegate votes for the principal, in time and scope", func(t *testing.T) {
		t.Parallel()
		tests := []struct {
			name  string
			scope []string
			after time.Duration
			want  error
		}{
			{"for everything", nil, 0, nil},
			{"for the topic", []string{"release", "change/normal"}, 0, nil},
			{"for the topic above", []string{"change"}, 0, nil},
			{"for another topic", []string{"change/emergency"}, 0, approval.ErrNoMandate},
			{"for a topic that only begins alike", []string{"chan"}, 0, approval.ErrNoMandate},
			{"until just before its end", nil, time.Hour - time.Microsecond, nil},
			{"at its end", nil, time.Hour, approval.ErrNoMandate},
			{"before its start", nil, -time.Microsecond, approval.ErrNoMandate},
		}
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				d := &desk{t: t, now: start.Add(-time.Hour)}
				require.NoError(t, d.open(request(approval.AtLeast(1, "cab"), people("cab", "p", "q")...)))
				d.facts.Delegations = approval.Delegations{mandate("D1", "p", "x", test.scope...)}
				d.now = start.Add(test.after)
				require.ErrorIs(t, d.castFor("x", "p", approval.Approve), test.want)
				if test.want == nil {
					v, ok := d.ballot.Vote("p")
					require.True(t, ok)
					assert.Equal(t, []any{itsm.PersonID("x"), "D1", approval.Approved}, []any{v.By, v.Delegation, d.ballot.Outcome})
				}
			})
		}
	})

	t.Run("F-CHG-6 a delegate cannot revive a right that the principal lacks", func(t *testing.T) {
		t.Parallel()
		r := request(approval.AtLeast(1, "cab"), people("cab", "a", "req")...)
		r.Duties = []approval.Duty{{Relation: approval.Requester, Person: "req"}}
		d := open(t, r)
		d.facts.Delegations = approval.Delegations{mandate("1", "req", "x"), mandate("2", "outsider", "x")}
		assert.ErrorIs(t, d.castFor("x", "req", approval.Approve), approval.ErrKeptOut)
		assert.ErrorIs(t, d.castFor("x", "outsider", approval.Approve), approval.ErrNotAsked)
	})

	t.Run("F-CHG-6 one person with two mandates counts once", func(t *testing.T) {
		t.Parallel()
		rules := map[string]approval.Rule{"at least": approval.AtLeast(2, "cab"), "percent": approval.Percent("2/3", "cab"),
			"of voting": approval.PercentOfVoting("2/3", "cab"), "weighted": approval.Weighted(2, approval.Weight{Role: "cab", Points: 1}),
			"quorum": approval.And(approval.AtLeast(1), approval.Quorum(2, "cab"))}
		for name, rule := range rules {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				for _, mandates := range []approval.Mandates{approval.OneMandate, approval.EachMandate} {
					r := request(rule, people("cab", "p", "q", "r")...)
					r.Plan.Mandates = mandates
					d := open(t, r)
					d.facts.Delegations = approval.Delegations{mandate("1", "p", "q")}
					d.must("q", approval.Approve)
					require.NoError(t, d.castFor("q", "p", approval.Approve))
					if mandates == approval.EachMandate {
						assert.Equal(t, approval.Approved, d.ballot.Outcome)
						continue
					}
					assert.Equal(t, approval.Open, d.ballot.Outcome)
					d.must("p", approval.Approve) // in person: now they are two
					assert.Equal(t, approval.Approved, d.ballot.Outcome)
				}
			})
		}
	})

	t.Run("F-CHG-6 the second mandate still helps where it fits a seat that the first does not", func(t *testing.T) {
		t.Parallel()
		rule := approval.And(approval.AtLeast(1, "dev"), approval.AtLeast(1, "ops"))
		members := []approval.Member{member("d", "dev"), member("o", "ops"), member("o2", "ops")}
		for _, order := range [][]itsm.PersonID{{"d", "o"}, {"o", "d"}} {
			d := open(t, request(rule, members...))
			d.facts.Delegations = approval.Delegations{mandate("1", "d", "o")}
			for _, seat := range order {
				require.NoError(t, d.castFor("o", seat, approval.Approve))
			}
			require.Equal(t, approval.Open, d.ballot.Outcome)
			d.must("o2", approval.Approve) // o is needed for dev only, whichever came first
			assert.Equal(t, approval.Approved, d.ballot.Outcome)
		}
	})

	t.Run("the member's own vote beats the delegate's, whichever comes first", func(t *testing.T) {
		t.Parallel()
		for _, first := range []itsm.PersonID{"p", "x"} {
			d := open(t, request(approval.AtLeast(2, "cab"), people("cab", "p", "q", "r")...))
			d.facts.Delegations = approval.Delegations{mandate("1", "p", "x")}
			if first == "x" {
				require.NoError(t, d.castFor("x", "p", approval.Approve))
				d.must("p", approval.Reject)
			} else {
				d.must("p", approval.Reject)
				require.ErrorIs(t, d.castFor("x", "p", approval.Approve), approval.ErrOwnVote)
			}
			v, _ := d.ballot.Vote("p")
			assert.Equal(t, []any{approval.Reject, itsm.PersonID("p")}, []any{v.Verdict, v.By})
		}
	})

	t.Run("S-126 a delegation is not passed on, and the entry of responsibility names both persons", func(t *testing.T) {
		t.Parallel()
		d := open(t, request(approval.AtLeast(1, "cab"), people("cab", "p", "q")...))
		d.facts.Delegations = approval.Delegations{mandate("D1", "p", "x", "change"), mandate("D2", "x", "y", "change/normal")}
		require.ErrorIs(t, d.castFor("y", "p", approval.Approve), approval.ErrChain)
		require.NoError(t, d.castFor("x", "p", approval.Approve))
		a := d.ballot.Accountable()
		require.Len(t, a, 2)
		assert.Equal(t, []any{itsm.PersonID("x"), approval.AsDelegate, itsm.PersonID("p"), "D1"}, []any{a[0].Person, a[0].Capacity, a[0].Other, a[0].Delegation})
		assert.Equal(t, []any{itsm.PersonID("p"), approval.AsDelegator, itsm.PersonID("x"), "D1"}, []any{a[1].Person, a[1].Capacity, a[1].Other, a[1].Delegation})
	})

	t.Run("an actor who stands in for somebody votes for that person only", func(t *testing.T) {
		t.Parallel()
		d := open(t, request(approval.AtLeast(2, "cab"), people("cab", "p", "x", "z")...))
		d.facts.Delegations = approval.Delegations{mandate("1", "p", "x")}
		e := env("x", d.now)
		e.Actor.OnBehalfOf = "p"
		c := approval.Cast{For: "x", Verdict: approval.Approve, Content: d.ballot.Content.Digest}
		_, err := d.ballot.Cast(c, d.facts, e)
		require.ErrorIs(t, err, approval.ErrNoMandate)
		c.For = ""
		require.NoError(t, d.take(d.ballot.Cast(c, d.facts, e)))
		_, ok := d.ballot.Vote("p")
		assert.True(t, ok)
	})
}

func TestDelegations(t *testing.T) {
	t.Parallel()
	t.Run("F-CHG-6 circles are found, where time and scope meet", func(t *testing.T) {
		t.Parallel()
		circle := approval.Delegations{mandate("1", "a", "b"), mandate("2", "b", "c", "change"), mandate("3", "c", "a", "change/normal"), mandate("4", "d", "a")}
		assert.ErrorContains(t, circle.Check(), "1, 2, 3 lead in a circle")
		apart := approval.Delegations{circle[0], circle[1], circle[2]}
		apart[2].Start, apart[2].End = start.Add(time.Hour), start.Add(2*time.Hour)
		assert.NoError(t, apart.Check())
		scopes := approval.Delegations{circle[0], circle[1], mandate("3", "c", "a", "release")}
		assert.NoError(t, scopes.Check())
	})
	t.Run("all faults are named", func(t *testing.T) {
		t.Parallel()
		ds := approval.Delegations{mandate("1", "a", "b", "change"), {From: "a", To: "a", Scope: []string{"/"}}, mandate("1", "a", "c", "change/normal")}
		err := ds.Check()
		require.ErrorIs(t, err, itsm.ErrInvalid)
		for _, fault := range []string{
			"delegations[1]: id is missing", `delegations[1]: from "a" to "a": want two different persons`, "delegations[1]: from 0001-01-01",
			`delegations[1]: scope "/"`, "delegations[2] 1: the id is used twice", "delegations[2] 1: a has another delegate then, b by 1",
		} {
			assert.ErrorContains(t, err, fault)
		}
	})
}

func TestSeparation(t *testing.T) {
	t.Parallel()
	t.Run("F-CHG-7 who has to do with the content is removed, also as a delegate and as a delegator", func(t *testing.T) {
		t.Parallel()
		r := request(approval.AtLeast(1, "cab"), people("cab", "a", "b", "req", "imp", "bld")...)
		r.Plan.Separate = []approval.Relation{approval.Builder}
		r.Duties = []approval.Duty{{Relation: approval.Requester, Person: "req"}, {Relation: approval.Implementer, Person: "imp"},
			{Relation: approval.Builder, Person: "bld"}, {Relation: approval.Author, Person: "b"}}
		d := open(t, r)
		assert.Len(t, d.ballot.Members, 2, "the author is not kept out by this plan")
		for i, p := range []itsm.PersonID{"req", "imp", "bld"} {
			assert.ErrorIs(t, d.cast(p, approval.Approve), approval.ErrKeptOut)
			d.facts.Delegations = approval.Delegations{mandate("to", "a", p), mandate("from", p, "x")}
			assert.ErrorIs(t, d.castFor(p, "a", approval.Approve), approval.ErrKeptOut, "as a delegate")
			assert.ErrorIs(t, d.castFor("x", p, approval.Approve), approval.ErrKeptOut, "as a delegator")
			assert.Contains(t, d.ballot.Removed, approval.Removal{Person: p, Why: r.Duties[i].Relation, At: start})
		}
	})
	t.Run("F-CHG-7 a delegate who requested for somebody keeps both out", func(t *testing.T) {
		t.Parallel()
		r := request(approval.AtLeast(1, "cab"), people("cab", "a", "b", "c")...)
		r.Duties = approval.DutyOf(approval.Requester, itsm.Actor{ID: "a", OnBehalfOf: "b"})
		d := open(t, r)
		assert.Equal(t, people("cab", "c"), d.ballot.Members)
	})
	t.Run("F-CHG-7 a rule that cannot be met after the removal does not open and says why", func(t *testing.T) {
		t.Parallel()
		r := request(approval.And(approval.AtLeast(2, "cab"), approval.All("head")), member("a", "cab"), member("i", "cab"), member("r", "head"))
		r.Duties = []approval.Duty{{Relation: approval.Requester, Person: "r"}, {Relation: approval.Implementer, Person: "i"}}
		_, err := new(approval.Ballot).Open(r, env("x", start))
		assert.EqualError(t, err, "“at_least(2, cab)” can never be met: it wants 2 and can get 1; “all(head)” can never be met: it wants 1 and can get 0; "+
			"i may not vote: implementer; r may not vote: requester")
	})

	t.Run("S-125 separate duties are separate both ways and through delegation", func(t *testing.T) {
		t.Parallel()
		pairs := [][2]approval.Relation{
			{"requester", "approver"}, {"implementer", "approver"}, {"implementer", "failed_reviewer"}, {"builder", "acceptance_tester"},
			{"ci_maintainer", "auditor"}, {"stock_keeper", "stock_counter"}, {"rectifier", "verifier"}, {"author", "reviewer"},
			{"complaint_target", "complaint_handler"}, {"system_administrator", "security_administrator"},
			{"system_administrator", "audit_administrator"}, {"security_administrator", "audit_administrator"},
		}
		require.Len(t, approval.Separation{}.Pairs(), len(pairs))
		for _, pair := range pairs {
			t.Run(string(pair[0]+" and "+pair[1]), func(t *testing.T) {
				t.Parallel()
				for _, p := range [][2]approval.Relation{pair, {pair[1], pair[0]}} {
					var s approval.Separation
					assert.Equal(t, []itsm.Code{"approval.separate"}, codes(t, s.Check(approval.Part{Relation: p[0], Person: "x"}, approval.Part{Relation: p[1], Person: "x"})))
					assert.Empty(t, s.Check(approval.Part{Relation: p[0], Person: "x"}, approval.Part{Relation: p[1], Person: "y"}))
					assert.Empty(t, s.Check(approval.Part{Relation: p[0], Person: "x"}, approval.Part{Relation: p[0], Person: "x"}))
					through := s.Check(approval.Part{Relation: p[0], Person: "x"}, approval.PartOf(p[1], itsm.Actor{ID: "y", OnBehalfOf: "x"}))
					assert.Equal(t, "x", through[0].Arg("person"), "the delegator has the duty of the delegate")
					both := s.Check(approval.PartOf(p[0], itsm.Actor{ID: "y", OnBehalfOf: "x"}), approval.PartOf(p[1], itsm.Actor{ID: "x", OnBehalfOf: "y"}))
					assert.Len(t, both, 2)
				}
			})
		}
	})
	t.Run("a host can add pairs and take none away", func(t *testing.T) {
		t.Parallel()
		s, err := approval.NewSeparation(approval.Pair{"payer", "buyer"})
		require.NoError(t, err)
		assert.True(t, s.Excludes("buyer", "payer"))
		assert.True(t, s.Excludes(approval.Approver, approval.Requester))
		_, err = approval.NewSeparation(approval.Pair{"payer", "payer"}, approval.Pair{"", "x"})
		assert.ErrorContains(t, err, "separation[1]")
	})
}
