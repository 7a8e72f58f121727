package approval_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
)

// TestLaws drives a ballot with anything that can be done to it.
func TestLaws(t *testing.T) {
	t.Parallel()
	t.Run("the ballot is the fold of its events, also through JSON, and refusals change nothing", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			d := &desk{t: t, now: start}
			crowd := genMembers(t, 8)
			ids := []itsm.PersonID{"x", "y"}
			for _, m := range crowd {
				ids = append(ids, m.Person)
			}
			person := rapid.SampledFrom(ids)
			d.facts.Delegations = approval.Delegations{mandate("1", crowd[0].Person, "x"), mandate("2", crowd[1].Person, crowd[2].Person)}
			for range rapid.IntRange(1, 30).Draw(t, "moves") {
				before, err := json.Marshal(d.ballot)
				require.NoError(t, err)
				was := d.ballot
				refused := step(t, d, crowd, person) != nil
				after, err := json.Marshal(was)
				require.NoError(t, err)
				require.Equal(t, string(before), string(after), "a ballot never changes")
				if refused {
					require.Equal(t, was, d.ballot)
				}
				check(t, d)
			}
			var replayed, read approval.Ballot
			text, err := json.Marshal(d.events)
			require.NoError(t, err)
			var events []approval.Event
			require.NoError(t, json.Unmarshal(text, &events))
			replayed = replayed.Apply(events...)
			assert.Equal(t, jsonOf(t, d.ballot), jsonOf(t, replayed))
			require.NoError(t, json.Unmarshal([]byte(jsonOf(t, d.ballot)), &read))
			assert.Equal(t, jsonOf(t, d.ballot), jsonOf(t, read))
			assert.Equal(t, d.ballot.Possible(), read.Possible())
		})
	})
}

func jsonOf(t *rapid.T, v any) string {
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return string(data)
}

// step does one thing, sensible or not.
func step(t *rapid.T, d *desk, crowd []approval.Member, person *rapid.Generator[itsm.PersonID]) error {
	who := env(person.Draw(t, "actor"), d.now)
	content := rapid.SampledFrom([]string{"v1", "v1", "v2"}).Draw(t, "content")
	switch rapid.IntRange(0, 9).Draw(t, "move") {
	case 0:
		r := request(approval.Rule{}, crowd[:rapid.IntRange(1, len(crowd)).Draw(t, "members")]...)
		r.Plan = genPlan(t, 2, 3)
		r.Plan.Oral = 10 * itsm.Minute
		r.Plan.Ladder = []approval.Rung{{Name: "half", At: must(approval.ParsePoint("50%"))}}
		r.Content = plainPrint(content)
		r.Duties = []approval.Duty{{Relation: approval.Requester, Person: person.Draw(t, "requester")}}
		return d.open(r)
	case 1:
		return d.take(d.ballot.Recuse(approval.Recusal{Member: person.Draw(t, "member"), Why: "conflict"}, d.facts, who))
	case 2:
		return d.take(d.ballot.ChangeElectorate(approval.ElectorateChange{Add: []approval.Member{member(person.Draw(t, "add"), "a")}, Why: "w"}, d.facts, who))
	case 3:
		return d.take(d.ballot.ChangeElectorate(approval.ElectorateChange{Remove: []itsm.PersonID{person.Draw(t, "remove")}, Why: "w"}, d.facts, who))
	case 4:
		d.now = d.now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "minutes")) * time.Minute)
		return d.take(d.ballot.Tick(d.now), nil)
	case 5:
		if rapid.IntRange(0, 3).Draw(t, "edit") == 0 {
			return d.take(d.ballot.Edit(plainPrint(content), who), nil)
		}
	case 6:
		c := approval.Cast{For: person.Draw(t, "oral"), Verdict: approval.Approve, Content: d.ballot.Content.Digest, Oral: &approval.Told{Said: d.now, Channel: "phone"}}
		return d.take(d.ballot.Cast(c, d.facts, who))
	case 7:
		c := approval.Confirmation{OK: rapid.Bool().Draw(t, "ok"), Content: d.ballot.Content.Digest, Comment: "so it is"}
		return d.take(d.ballot.Confirm(c, d.facts, who))
	}
	verdict := rapid.SampledFrom([]approval.Verdict{approval.Approve, approval.Reject, approval.Abstain, "perhaps"}).Draw(t, "verdict")
	return d.castFor(who.Actor.ID, rapid.SampledFrom([]itsm.PersonID{"", d.facts.Delegations[0].From, d.facts.Delegations[1].From}).Draw(t, "for"), verdict)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// check holds what is true of every ballot.
func check(t *rapid.T, d *desk) {
	b := &d.ballot
	_, wakes := b.NextWake()
	if b.Outcome == approval.Open {
		require.True(t, wakes, "an open round is woken")
		require.NotEmpty(t, b.Members)
	}
	for _, v := range b.Votes {
		for _, r := range b.Removed {
			again := r.Why == approval.TakenOut && slices.ContainsFunc(b.Members, func(m approval.Member) bool { return m.Person == r.Person })
			require.True(t, again || r.Person != v.Member, "%s is kept out and has no vote", r.Person)
			if r.Why == approval.Requester && v.Oral == nil {
				require.NotEqual(t, r.Person, v.By)
			}
		}
		require.Equal(t, b.Content.Digest, v.Content)
	}
	if b.Outcome == approval.Approved {
		require.NotEmpty(t, b.Accountable(), "somebody answers for every approval")
		require.NotEmpty(t, b.Seats)
	}
	permitted := b.Permits(b.Content.Digest, d.now) == nil
	require.True(t, !permitted || b.Outcome == approval.Approved)
}
