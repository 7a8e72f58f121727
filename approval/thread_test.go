package approval_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
)

// Faults that other systems were reported for, each named after its thread, with what happens here.
func TestThreads(t *testing.T) {
	t.Parallel()
	t.Run("gitlab-425759 who belongs to several rules is not booked to one of them for good", func(t *testing.T) {
		t.Parallel()
		rule := approval.And(approval.AtLeast(1, "backend"), approval.AtLeast(1, "security"), approval.AtLeast(1, "database"))
		members := []approval.Member{member("all", "backend", "security", "database"), member("be", "backend"), member("two", "backend", "security")}
		for _, order := range permutations(3) {
			d := open(t, request(rule, members...))
			for _, i := range order {
				require.Equal(t, approval.Open, d.ballot.Outcome)
				d.must(members[i].Person, approval.Approve)
			}
			require.Equal(t, approval.Approved, d.ballot.Outcome)
			assert.Equal(t, []approval.Seat{
				{Condition: "at_least(1, backend)", People: []itsm.PersonID{"be"}}, {Condition: "at_least(1, security)", People: []itsm.PersonID{"two"}},
				{Condition: "at_least(1, database)", People: []itsm.PersonID{"all"}},
			}, d.ballot.Seats)
		}
	})
	t.Run("glpi-8024 a quorum that has become impossible is not pending for ever", func(t *testing.T) {
		t.Parallel()
		d := open(t, request(approval.Percent("60%", "cab"), people("cab", "a", "b", "c", "d", "e")...))
		d.must("a", approval.Reject)
		d.must("b", approval.Reject)
		require.Equal(t, approval.Open, d.ballot.Outcome)
		d.must("c", approval.Reject)
		assert.Equal(t, approval.Rejected, d.ballot.Outcome, "refused 60 % and required 60 % are more than 100 %")
	})
	t.Run("glpi-24399 a later refusal is not shown as accepted: it is refused itself, or ends the next round", func(t *testing.T) {
		t.Parallel()
		d := open(t, request(approval.Percent("50%", "cab"), people("cab", "a", "b")...))
		d.must("a", approval.Approve)
		require.Equal(t, approval.Approved, d.ballot.Outcome)
		require.ErrorIs(t, d.cast("b", approval.Reject), approval.ErrNotOpen)
		r := request(approval.All("cab"), people("cab", "a", "b")...)
		require.ErrorIs(t, d.open(r), approval.ErrApproved)
		r.Content = plainPrint("v2")
		require.NoError(t, d.open(r))
		assert.Equal(t, approval.KindVoided, d.events[len(d.events)-2].Kind, "other content takes the old approval away")
		d.must("b", approval.Reject)
		assert.Equal(t, []any{approval.Rejected, 2}, []any{d.ballot.Outcome, d.ballot.Round})
	})
	t.Run("glpi-2228 a changed answer is counted anew", func(t *testing.T) {
		t.Parallel()
		d := open(t, request(approval.AtLeast(2, "cab"), people("cab", "a", "b", "c")...))
		d.must("a", approval.Reject)
		d.must("a", approval.Approve)
		d.must("b", approval.Approve)
		assert.Equal(t, approval.Approved, d.ballot.Outcome)
		v, _ := d.ballot.Vote("a")
		assert.Equal(t, 1, v.Changed)

		r := request(approval.AtLeast(2, "cab"), people("cab", "a", "b", "c")...)
		r.Plan.Changes = approval.NoChange
		d = open(t, r)
		d.must("a", approval.Approve)
		require.ErrorIs(t, d.cast("a", approval.Approve), approval.ErrVoted)
		assert.ErrorIs(t, d.cast("a", approval.Reject), approval.ErrVoted)
	})
	t.Run("glpi-2075 a request can be withdrawn", func(t *testing.T) {
		t.Parallel()
		d := open(t, request(approval.AtLeast(1), people("cab", "a")...))
		_, err := d.ballot.Withdraw("", env("r", d.now))
		require.Error(t, err)
		require.NoError(t, d.take(d.ballot.Withdraw("not needed any more", env("r", d.now))))
		assert.Equal(t, approval.Withdrawn, d.ballot.Outcome)
		require.ErrorIs(t, d.cast("a", approval.Approve), approval.ErrNotOpen)
		_, err = d.ballot.Withdraw("again", env("r", d.now))
		require.ErrorIs(t, err, approval.ErrNotOpen)
		assert.NoError(t, d.open(request(approval.AtLeast(1), people("cab", "a")...)))
	})
	t.Run("deploynaut-706 an administrator passes no vote that is recorded as if approved", func(t *testing.T) {
		t.Parallel()
		d := open(t, request(approval.AtLeast(1), people("cab", "a")...))
		e := env("root", d.now)
		e.Actor.Roles = []itsm.Role{itsm.RoleSystemAdmin, itsm.RoleSystem, itsm.RoleChangeManager}
		_, err := d.ballot.Cast(approval.Cast{Verdict: approval.Approve, Content: d.ballot.Content.Digest}, d.facts, e)
		require.ErrorIs(t, err, approval.ErrNotAsked)
		_, err = d.ballot.Cast(approval.Cast{For: "a", Verdict: approval.Approve, Content: d.ballot.Content.Digest}, d.facts, e)
		assert.ErrorIs(t, err, approval.ErrNoMandate)
	})
}
