package approval_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
)

func TestElectorate(t *testing.T) {
	t.Parallel()
	t.Run("F-CHG-3 the electorate is frozen and changes only by a logged command", func(t *testing.T) {
		t.Parallel()
		members := people("cab", "a", "b", "c")
		d := open(t, request(approval.Percent(">50%", "cab"), members...))
		members[0].Person, members[1].Roles[0] = "z", "nobody" // the host's list goes on changing
		require.ErrorIs(t, d.cast("z", approval.Approve), approval.ErrNotAsked)
		d.must("b", approval.Approve)
		require.Equal(t, approval.Open, d.ballot.Outcome)

		change := approval.ElectorateChange{Add: people("cab", "d", "e"), Why: "two wards joined"}
		require.NoError(t, d.take(d.ballot.ChangeElectorate(change, d.facts, env("manager", d.now))))
		last := d.events[len(d.events)-1]
		assert.Equal(t, approval.KindElectorate, last.Kind)
		assert.Equal(t, itsm.PersonID("manager"), last.By)
		assert.Equal(t, "two wards joined", last.Why)
		d.must("a", approval.Approve)
		assert.Equal(t, approval.Open, d.ballot.Outcome, "two of five are not more than half")
		d.must("e", approval.Approve)
		assert.Equal(t, approval.Approved, d.ballot.Outcome)
	})

	t.Run("F-CHG-3 an empty electorate is an error, also when it is separation of duties that empties it", func(t *testing.T) {
		t.Parallel()
		rule := approval.AtLeast(1)
		_, err := new(approval.Ballot).Open(request(rule), env("x", start))
		require.ErrorIs(t, err, approval.ErrEmpty)
		r := request(rule, people("cab", "a")...)
		r.Duties = []approval.Duty{{Relation: approval.Requester, Person: "a"}}
		_, err = new(approval.Ballot).Open(r, env("x", start))
		require.ErrorIs(t, err, approval.ErrEmpty)
		assert.Equal(t, []itsm.Code{"approval.empty", "approval.kept_out"}, codes(t, err), "it says who is kept out")
	})

	t.Run("a change of the electorate names all that is wrong with it", func(t *testing.T) {
		t.Parallel()
		r := request(approval.AtLeast(2, "cab"), people("cab", "a", "b", "c")...)
		r.Duties = []approval.Duty{{Relation: approval.Implementer, Person: "i"}}
		d := open(t, r)
		d.must("a", approval.Approve)
		err := d.take(d.ballot.ChangeElectorate(approval.ElectorateChange{
			Add: append(people("cab", "b", "i", "n", "n"), member("z", "nurse")), Remove: []itsm.PersonID{"a", "x"},
		}, d.facts, env("i", d.now)))
		assert.Equal(t, []itsm.Code{"approval.required", "approval.involved", "approval.has_voted", "approval.not_asked", "approval.member_twice",
			"approval.is_member", "approval.kept_out", "approval.no_group"}, codes(t, err))
		err = d.take(d.ballot.ChangeElectorate(approval.ElectorateChange{Remove: []itsm.PersonID{"b", "c"}, Why: "w"}, d.facts, env("m", d.now)))
		assert.Equal(t, []itsm.Code{"approval.unmeetable"}, codes(t, err))
		err = d.take(d.ballot.ChangeElectorate(approval.ElectorateChange{Why: "w"}, d.facts, env("m", d.now)))
		assert.Equal(t, []itsm.Code{"approval.nothing"}, codes(t, err))
	})

	t.Run("who was taken out may vote for somebody else, who was recused may not", func(t *testing.T) {
		t.Parallel()
		d := open(t, request(approval.AtLeast(2), people("cab", "a", "b", "c", "d")...))
		d.facts.Delegations = approval.Delegations{
			{ID: "1", From: "c", To: "a", Start: start, End: start.Add(time.Hour)},
			{ID: "2", From: "d", To: "b", Start: start, End: start.Add(time.Hour)},
		}
		require.NoError(t, d.take(d.ballot.ChangeElectorate(approval.ElectorateChange{Remove: []itsm.PersonID{"a"}, Why: "w"}, d.facts, env("m", d.now))))
		require.NoError(t, d.take(d.ballot.Recuse(approval.Recusal{Why: "sells it"}, d.facts, env("b", d.now))))
		require.ErrorIs(t, d.cast("a", approval.Approve), approval.ErrKeptOut)
		require.ErrorIs(t, d.cast("b", approval.Approve), approval.ErrKeptOut)
		require.NoError(t, d.castFor("a", "c", approval.Approve))
		require.ErrorIs(t, d.castFor("b", "d", approval.Approve), approval.ErrKeptOut)
	})
}

func TestConflictOfInterest(t *testing.T) {
	t.Parallel()
	t.Run("a recused member leaves the group smaller, an abstaining one does not", func(t *testing.T) {
		t.Parallel()
		rule := approval.Percent("50%", "cab") // of five, three
		d := open(t, request(rule, people("cab", "a", "b", "c", "d", "e")...))
		d.must("a", approval.Approve)
		d.must("b", approval.Approve)
		d.must("c", approval.Abstain)
		require.Equal(t, approval.Open, d.ballot.Outcome)
		require.NoError(t, d.take(d.ballot.Recuse(approval.Recusal{Why: "brother-in-law of the vendor"}, d.facts, env("d", d.now))))
		assert.Equal(t, approval.Approved, d.ballot.Outcome, "two of four")
		assert.Equal(t, approval.Recused, d.ballot.Removed[0].Why)
	})
	t.Run("a recusal takes the own vote back", func(t *testing.T) {
		t.Parallel()
		d := open(t, request(approval.AtLeast(2), people("cab", "a", "b", "c")...))
		d.must("a", approval.Approve)
		require.NoError(t, d.take(d.ballot.Recuse(approval.Recusal{Why: "conflict"}, d.facts, env("a", d.now))))
		assert.Empty(t, d.ballot.Votes)
		d.must("b", approval.Approve)
		assert.Equal(t, approval.Open, d.ballot.Outcome)
	})
	t.Run("nobody recuses a member who has voted but the member", func(t *testing.T) {
		t.Parallel()
		d := open(t, request(approval.AtLeast(2), people("cab", "a", "b", "c")...))
		d.must("a", approval.Abstain)
		err := d.take(d.ballot.Recuse(approval.Recusal{Member: "a", Why: "friend"}, d.facts, env("b", d.now)))
		assert.ErrorIs(t, err, approval.ErrHasVoted)
	})
	t.Run("where the rule could not be met any more, a recusal needs a substitute", func(t *testing.T) {
		t.Parallel()
		d := open(t, request(approval.And(approval.AtLeast(1, "cab"), approval.Veto("security_admin")),
			member("a", "cab"), member("b", "cab"), member("s", "security_admin")))
		err := d.take(d.ballot.Recuse(approval.Recusal{Why: "conflict"}, d.facts, env("s", d.now)))
		require.ErrorIs(t, err, approval.ErrSubstitute)
		s := member("s2", "security_admin")
		require.NoError(t, d.take(d.ballot.Recuse(approval.Recusal{Why: "conflict", Substitute: &s}, d.facts, env("s", d.now))))
		d.must("a", approval.Approve)
		require.Equal(t, approval.Open, d.ballot.Outcome)
		d.must("s2", approval.Abstain)
		assert.Equal(t, approval.Approved, d.ballot.Outcome)
	})
}

func TestBoard(t *testing.T) {
	t.Parallel()
	// The change manager and, with a quorum of half, the majority of those board members who do not abstain.
	rule := approval.And(approval.AtLeast(1, "change_manager"), approval.QuorumShare("50%", "change_board"), approval.PercentOfVoting(">50%", "change_board"))
	board := append(people("change_board", "b1", "b2", "b3", "b4", "b5", "b6"), member("m", "change_manager"))
	const yes, no, abstain = approval.Approve, approval.Reject, approval.Abstain
	tests := []struct {
		name    string
		manager approval.Verdict
		board   []approval.Verdict
		recused int
		want    approval.Outcome
	}{
		{"both agree", yes, []approval.Verdict{yes, yes, yes, yes}, 0, approval.Approved},
		{"the manager alone is not enough", yes, nil, 0, approval.Open},
		{"the board alone is not enough", "", []approval.Verdict{yes, yes, yes, yes, yes, yes}, 0, approval.Open},
		{"half is not a majority", yes, []approval.Verdict{yes, yes, yes, no, no, no}, 0, approval.Rejected},
		{"abstentions make the majority smaller", yes, []approval.Verdict{yes, yes, yes, no, abstain}, 0, approval.Approved},
		{"silence does not", yes, []approval.Verdict{yes, yes, yes, no}, 0, approval.Open},
		{"a majority without a quorum is none", yes, []approval.Verdict{yes, yes}, 0, approval.Open},
		{"the manager's no ends it", no, []approval.Verdict{yes}, 0, approval.Rejected},
		{"three noes end it", "", []approval.Verdict{no, no, no}, 0, approval.Rejected},
		{"nobody but abstentions", yes, []approval.Verdict{abstain, abstain, abstain, abstain, abstain, abstain}, 0, approval.Rejected},
		{"the recused do not count", yes, []approval.Verdict{yes, yes}, 3, approval.Approved},
	}
	t.Run("R-238 manager and board decide together, with quorum, abstention and conflict of interest", func(t *testing.T) {
		t.Parallel()
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				d := open(t, request(rule, board...))
				for i := range test.recused {
					require.NoError(t, d.take(d.ballot.Recuse(approval.Recusal{Why: "conflict"}, d.facts, env(board[5-i].Person, d.now))))
				}
				if test.manager != "" {
					d.must("m", test.manager)
				}
				for i, v := range test.board {
					if d.ballot.Outcome == approval.Open {
						d.must(board[i].Person, v)
					}
				}
				assert.Equal(t, test.want, d.ballot.Outcome)
			})
		}
	})
}

func TestSeats(t *testing.T) {
	t.Parallel()
	overlap := []approval.Member{member("ann", "dev", "ops"), member("bob", "dev")}
	rule := approval.And(approval.AtLeast(1, "dev"), approval.AtLeast(1, "ops"))

	t.Run("F-CHG-5 one person fills one seat, the one that helps the whole rule", func(t *testing.T) {
		t.Parallel()
		for _, order := range [][]itsm.PersonID{{"ann", "bob"}, {"bob", "ann"}} {
			d := open(t, request(rule, overlap...))
			d.must(order[0], approval.Approve)
			require.Equal(t, approval.Open, d.ballot.Outcome)
			d.must(order[1], approval.Approve)
			require.Equal(t, approval.Approved, d.ballot.Outcome)
			assert.Equal(t, []approval.Seat{
				{Condition: "at_least(1, dev)", People: []itsm.PersonID{"bob"}},
				{Condition: "at_least(1, ops)", People: []itsm.PersonID{"ann"}},
			}, d.ballot.Seats)
		}
	})
	t.Run("F-CHG-5 somebody who sits already moves to make room", func(t *testing.T) {
		t.Parallel()
		rule := approval.And(approval.AtLeast(1, "a"), approval.AtLeast(1, "b"), approval.AtLeast(1, "c"))
		members := []approval.Member{member("x", "a", "b"), member("y", "a", "c"), member("z", "c")}
		for _, order := range permutations(3) {
			d := open(t, request(rule, members...))
			for _, i := range order {
				d.must(members[i].Person, approval.Approve)
			}
			assert.Equal(t, approval.Approved, d.ballot.Outcome, "y for a, x for b, z for c")
		}
	})
	t.Run("F-CHG-5 seats are filled whenever that is possible", func(t *testing.T) {
		t.Parallel()
		roles := []itsm.Role{"a", "b", "c", "d", "e"}
		rapid.Check(t, func(t *rapid.T) {
			var rules []approval.Rule
			for _, role := range roles[:rapid.IntRange(2, 5).Draw(t, "conditions")] {
				rules = append(rules, approval.AtLeast(rapid.IntRange(1, 2).Draw(t, "seats"), role))
			}
			members := make([]approval.Member, rapid.IntRange(3, 9).Draw(t, "members"))
			for i := range members {
				members[i] = member(itsm.PersonID(rune('p'+i)), rapid.Permutation(roles).Draw(t, "roles")[:rapid.IntRange(1, 3).Draw(t, "n")]...)
			}
			r := request(approval.And(rules...), members...)
			o, votes := newOracle(t, r.Plan, members), make([]oracleVote, len(members))
			for i, m := range members {
				votes[i] = oracleVote{approval.Approve, m.Person}
			}
			d := &desk{t: t, now: start}
			opens := d.open(r) == nil
			require.Equal(t, o.met(votes), opens, "everybody together")
			if !opens {
				return
			}
			clear(votes)
			for i, m := range members {
				if err := d.cast(m.Person, approval.Approve); err != nil {
					require.ErrorIs(t, err, approval.ErrNotAsked, "in no group")
					continue
				}
				votes[i] = oracleVote{approval.Approve, m.Person}
				require.Equal(t, o.met(votes), d.ballot.Outcome == approval.Approved)
				if d.ballot.Outcome == approval.Approved {
					break
				}
			}
			seated := map[itsm.PersonID]bool{}
			for j, seat := range d.ballot.Seats {
				require.Len(t, seat.People, d.ballot.Conditions()[j].Need)
				for _, p := range seat.People {
					require.False(t, seated[p], "%s sits twice", p)
					seated[p] = true
				}
			}
		})
	})
	t.Run("F-CHG-5 by policy one person fills several seats", func(t *testing.T) {
		t.Parallel()
		r := request(rule, overlap...)
		r.Plan.Seats = approval.SharedSeats
		d := open(t, r)
		d.must("ann", approval.Approve)
		assert.Equal(t, approval.Approved, d.ballot.Outcome)
	})
	t.Run("F-CHG-5 seats that can never all be filled are found when the round opens", func(t *testing.T) {
		t.Parallel()
		_, err := new(approval.Ballot).Open(request(approval.And(approval.AtLeast(2, "dev"), approval.AtLeast(1, "ops")), overlap...), env("x", start))
		assert.Equal(t, []itsm.Code{"approval.too_few_people"}, codes(t, err))
	})
}

func TestLimits(t *testing.T) {
	t.Parallel()
	t.Run("R-239 a vote cannot be dated back, and work cannot begin before the approval", func(t *testing.T) {
		t.Parallel()
		d := open(t, request(approval.AtLeast(1), people("cab", "a")...))
		past := env("a", d.now)
		past.At = d.now.Add(-time.Minute)
		_, err := d.ballot.Cast(approval.Cast{Verdict: approval.Approve, Content: d.ballot.Content.Digest}, d.facts, past)
		require.ErrorIs(t, err, approval.ErrBackdated)
		require.ErrorIs(t, d.ballot.Permits(d.ballot.Content.Digest, d.now), approval.ErrNotApproved)
		at := d.now
		d.must("a", approval.Approve)
		require.ErrorIs(t, d.ballot.Permits(d.ballot.Content.Digest, at.Add(-time.Microsecond)), approval.ErrTooEarly)
		require.NoError(t, d.ballot.Permits(d.ballot.Content.Digest, at))
	})

	t.Run("INV-04 work on other content, or by somebody who approved for whomever, is not permitted", func(t *testing.T) {
		t.Parallel()
		d := open(t, request(approval.AtLeast(2), people("cab", "a", "b", "c")...))
		d.facts.Delegations = approval.Delegations{{ID: "1", From: "b", To: "x", Start: start, End: start.Add(time.Hour)}}
		d.must("a", approval.Approve)
		require.NoError(t, d.castFor("x", "b", approval.Approve))
		digest := d.ballot.Content.Digest
		require.NoError(t, d.ballot.Permits(digest, d.now, "c", "worker"))
		require.ErrorIs(t, d.ballot.Permits(plainPrint("v2").Digest, d.now), approval.ErrOtherContent)
		for _, doer := range []itsm.PersonID{"a", "b", "x"} {
			assert.ErrorIs(t, d.ballot.Permits(digest, d.now, "worker", doer), approval.ErrDoerApproved, doer)
		}
		assert.Equal(t, []itsm.Code{"approval.other_content", "approval.too_early", "approval.doer_approved"},
			codes(t, d.ballot.Permits(plainPrint("v2").Digest, start, "a")), "all reasons at once")
	})
}
