package incident_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
)

var toSecond = incident.Escalate{Tier: incident.TierSecond, Group: "second-line", Reason: "beyond us", Note: "roller is fine, board is hot"}

var toThird = incident.Escalate{Tier: incident.TierThird, Group: "acme", Reason: "beyond us", Note: "board is dead",
	Party: &incident.Party{Kind: incident.Vendor, Supplier: "acme", Contract: "C-1", Contact: "hotline"}}

func TestHandOver(t *testing.T) {
	t.Parallel()
	t.Run("R-032 a hand-over needs a diagnosis, and what the desk solves itself is solved in the first contact", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{Policy: policy(func(p *incident.Policy) { p.NeedInformation, p.NeedAttempt = false, false })})
		id := d.at(incident.StateTriaged)
		d.do(agent, id, incident.Dispatch{Group: "service-desk"})
		assert.Equal(t, []string{"itsm.required:diagnosis"}, codes(d.refused(agent, id, toSecond)))
		d.do(agent, id, incident.Investigate{Diagnosis: "paper out"})
		d.do(agent, id, incident.Start{})
		assert.True(t, d.do(agent, id, incident.Propose{Solution: "new paper"}).FirstContact)
		handed := d.at(incident.StateProposed)
		assert.False(t, d.get(handed).FirstContact, "hardware solved that one")
	})
	t.Run("R-033 the desk stays owner, and missed follow-ups are listed", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		id := d.at(incident.StateDiagnosing)
		d.do(engineer, id, toSecond)
		d.do(expert, id, incident.Start{})
		inc := d.do(agent, id, incident.Dispatch{Group: "software", Assignee: "so"})
		assert.Equal(t, "service-desk", inc.Owner)
		assert.Equal(t, itsm.PersonID("so"), inc.Assignee)
		d.now = d.now.Add(3 * time.Hour)
		d.do(agent, id, incident.FollowUp{Note: "board ordered"})
		d.now = d.now.Add(5 * time.Hour)
		late := d.all(itsm.Query{Where: []itsm.Condition{itsm.WhereLess("follow_up_due", itsm.TimeOf(d.now))}})
		require.Len(t, late, 1)
		inc = d.do(system, id, incident.Tick{})
		assert.Equal(t, 1, inc.FollowUp.Missed)
		assert.Equal(t, 1, inc.FollowUp.Count)
	})
	t.Run("R-162 to the second line it goes with reason and note, and counts when that accepts", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		id := d.at(incident.StateDiagnosing)
		bare := toSecond
		bare.Note, bare.Reason = "", ""
		assert.Equal(t, []string{"itsm.required:reason", "itsm.required:note"}, codes(d.refused(engineer, id, bare)))
		inc := d.do(engineer, id, toSecond)
		assert.True(t, inc.HandOvers[0].Pending())
		assert.Equal(t, incident.StateDispatched, inc.State)
		assert.Equal(t, []string{"incident.own_hand_over"}, codes(d.refused(engineer, id, incident.Accept{})))
		d.now = d.now.Add(7 * time.Minute)
		inc = d.do(expert, id, incident.Accept{})
		assert.Equal(t, d.now, inc.HandOvers[0].Accepted)
		assert.Equal(t, itsm.PersonID("expert"), inc.Assignee)
		assert.Equal(t, incident.StateDiagnosing, inc.State)
	})
	t.Run("a hand-over that nobody accepts in time is told once", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		id := d.at(incident.StateDiagnosing)
		d.do(engineer, id, toSecond)
		d.now = d.now.Add(31 * time.Minute)
		for range 3 {
			d.do(system, id, incident.Tick{})
		}
		n := 0
		for _, typ := range d.journal(id) {
			if typ == "incident.hand_over_overdue" {
				n++
			}
		}
		assert.Equal(t, 1, n)
	})
	t.Run("R-163 the third line is a named party under a valid contract, or goodwill", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{Contracts: contracts{"C-1": true}})
		second := func() itsm.ID {
			id := d.at(incident.StateDiagnosing)
			d.do(engineer, id, toSecond)
			d.do(expert, id, incident.Start{})
			return id
		}
		id := second()
		bare := toThird
		bare.Party = nil
		assert.Equal(t, []string{"itsm.required:party"}, codes(d.refused(expert, id, bare)))
		bare.Party = &incident.Party{Contract: "C-1"}
		assert.Equal(t, []string{"itsm.required:party.kind", "itsm.required:party.supplier", "itsm.required:party.contact"}, codes(d.refused(expert, id, bare)))
		inc := d.do(expert, id, toThird)
		assert.False(t, inc.HandOvers[1].Party.Goodwill)
		assert.Equal(t, "service-desk", inc.Owner)
		expired := toThird
		expired.Party = &incident.Party{Kind: incident.Integrator, Supplier: "acme", Contract: "C-0", Contact: "hotline"}
		id = second()
		assert.Equal(t, []string{"incident.no_contract"}, codes(d.refused(expert, id, expired)))
		expired.Party.Goodwill = true
		assert.True(t, d.do(expert, id, expired).HandOvers[1].Party.Goodwill)
	})
	t.Run("R-164 no tier is skipped without a reason, whatever the order of commands", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{Policy: lenient()})
		rapid.Check(t, func(rt *rapid.T) {
			id := d.at(incident.StateDispatched)
			for range rapid.IntRange(1, 8).Draw(rt, "steps") {
				e := toThird
				e.Tier = incident.Tier(rapid.IntRange(0, 4).Draw(rt, "tier"))
				e.Skip = rapid.SampledFrom([]string{"", "night shift"}).Draw(rt, "skip")
				e.Consult = rapid.Bool().Draw(rt, "consult")
				_, _ = d.Do(leader, id, e)
				switch rapid.IntRange(0, 2).Draw(rt, "then") {
				case 0:
					_, _ = d.Do(expert, id, incident.Accept{})
				case 1:
					_, _ = d.Do(expert, id, incident.Return{Answer: "not ours"})
				}
			}
			for _, h := range d.get(id).HandOvers {
				if step := h.ToTier - h.FromTier; (step > 1 || step < 0) && h.Skip == "" {
					rt.Fatalf("from line %d to line %d without a reason", h.FromTier, h.ToTier)
				}
				if h.ToTier < 1 || h.ToTier > 3 {
					rt.Fatalf("line %d", h.ToTier)
				}
			}
		})
		skip := toThird
		assert.Equal(t, []string{"incident.skip"}, codes(d.refused(engineer, d.at(incident.StateDiagnosing), skip)))
	})
	t.Run("R-165 who gets the work can do it, or somebody says why; tools need their approval", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{Skills: skills{"en": "printers"}, Tools: tools{"G-1"}})
		id := d.at(incident.StateTriaged)
		assert.Equal(t, []string{"incident.skill"}, codes(d.refused(agent, id, incident.Dispatch{Group: "hardware", Assignee: "so", Skill: "printers"})))
		d.do(agent, id, incident.Dispatch{Group: "hardware", Assignee: "en", Skill: "printers"})
		inc := d.do(agent, id, incident.Dispatch{Group: "hardware", Assignee: "so", Skill: "printers", Override: "all others are out"})
		assert.Equal(t, itsm.PersonID("so"), inc.Assignee)
		try := incident.Try{What: "looked remotely", Outcome: incident.Failed, Tool: "remote_maintenance"}
		assert.Equal(t, []string{"incident.tool"}, codes(d.refused(agent, id, try)))
		try.Grant = "G-0"
		assert.Equal(t, []string{"incident.tool"}, codes(d.refused(agent, id, try)))
		try.Grant = "G-1"
		assert.Equal(t, "remote_maintenance", d.do(agent, id, try).Attempts[0].Tool)
	})
	t.Run("F-INC-8 an escalation has kind, sides, reason, evidence and times; ping-pong is counted; a consultation returns to the asker", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{Policy: lenient()})
		id := d.at(incident.StateDiagnosing)
		ask := toSecond
		ask.Consult, ask.Evidence = true, []string{"photo-1"}
		inc := d.do(engineer, id, ask)
		assert.Equal(t, "hardware", inc.Group, "the work stays with who asks")
		assert.Equal(t, incident.StateDiagnosing, inc.State)
		inc = d.do(expert, id, incident.Return{Answer: "swap the board"})
		assert.Equal(t, "swap the board", inc.HandOvers[0].Answer)
		assert.Equal(t, itsm.PersonID("engineer"), inc.Assignee)
		assert.Equal(t, []string{"photo-1"}, inc.HandOvers[0].Evidence)
		for range 2 {
			d.do(engineer, id, toSecond)
			d.do(expert, id, incident.Accept{})
			inc = d.do(expert, id, incident.Return{Answer: "it is the roller after all"})
			assert.Equal(t, "hardware", inc.Group)
			d.do(engineer, id, incident.Start{})
		}
		inc = d.get(id)
		assert.Len(t, inc.HandOvers, 3)
		assert.Equal(t, 2, inc.PingPongs())
		require.NoError(t, d.Verify(manager, id))
	})
}

type contracts map[string]bool

func (c contracts) Valid(_ context.Context, _ itsm.Tenant, _, contract string, _ time.Time) (bool, error) {
	return c[contract], nil
}

type skills map[itsm.PersonID]string

func (s skills) HasSkill(_ context.Context, _ itsm.Tenant, person itsm.PersonID, skill string, _ time.Time) (bool, error) {
	return s[person] == skill, nil
}

type tools []string

func (g tools) ToolGranted(_ context.Context, _ itsm.Tenant, _, grant string, _ itsm.PersonID, _ time.Time) (bool, error) {
	return grant == g[0], nil
}

func TestUrgentPath(t *testing.T) {
	t.Parallel()
	t.Run("R-060 urgent work goes to the second line at once; the paperwork is owed, and listed when it is late", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		id := d.do(agent, "", record).ID
		inc := d.do(agent, id, incident.DispatchUrgent{Group: "second-line", Why: "theatre 4 stands still"})
		assert.Equal(t, incident.TierSecond, inc.Tier)
		assert.Equal(t, incident.StateDispatched, inc.State)
		assert.Subset(t, d.journal(id), []string{"incident.recorded", "incident.triaged", "incident.dispatched"})
		d.do(expert, id, incident.Start{})
		d.do(expert, id, incident.Propose{Solution: "restarted"})
		d.do(agent, id, incident.Confirm{Word: incident.UserAgrees})
		assert.Contains(t, codes(d.refused(agent, id, incident.Close{CauseCode: "c", SolutionCode: "s", NoCI: true})), "incident.paperwork_owed")
		overdue := func() int {
			return len(d.all(itsm.Query{Where: []itsm.Condition{itsm.WhereLess("paperwork_due", itsm.TimeOf(d.now))}}))
		}
		assert.Equal(t, 0, overdue())
		d.now = d.now.Add(25 * time.Hour)
		assert.Equal(t, 1, overdue())
		assert.True(t, d.do(system, id, incident.Tick{}).Urgent.Overdue)
		d.do(agent, id, incident.CompletePaperwork{Triage: triage, Diagnosis: "the service had died"})
		assert.Equal(t, 0, overdue())
		d.do(agent, id, incident.Close{CauseCode: "c", SolutionCode: "s", NoCI: true})
	})
	t.Run("R-041 a confirmed infection opens a linked security incident, both or none", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		id := d.at(incident.StateDiagnosing)
		_, err := d.Do(engineer, id, incident.ConfirmInfection{})
		require.ErrorIs(t, err, itsm.ErrInvalid)
		require.Len(t, d.all(itsm.Query{}), 1)
		inc := d.do(engineer, id, incident.ConfirmInfection{Name: "ransom.x"})
		security := d.get(inc.Infection.Security)
		assert.Equal(t, id, security.Security.From)
		assert.Equal(t, "malicious_program", security.Security.Kind)
		_, err = d.Do(engineer, id, incident.ConfirmInfection{Name: "ransom.x"})
		require.ErrorIs(t, err, itsm.ErrRefused)
		require.Len(t, d.all(itsm.Query{}), 2)
	})
}

func TestHold(t *testing.T) {
	t.Parallel()
	t.Run("F-INC-9 waiting has a reason, somebody awaited, a review and reminders, after which the desk is asked", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		id := d.at(incident.StateDiagnosing)
		assert.Equal(t, []string{"itsm.required:reason"}, codes(d.refused(engineer, id, incident.Hold{})))
		assert.Equal(t, []string{"itsm.choice:reason"}, codes(d.refused(engineer, id, incident.Hold{Reason: "lunch"})))
		assert.Equal(t, []string{"incident.hold_contact"}, codes(d.refused(engineer, id, incident.Hold{Reason: incident.WaitUser})))
		assert.Equal(t, []string{"incident.hold_role"}, codes(d.refused(engineer, id, incident.Hold{Reason: incident.WaitForceMajor})))
		start := d.now
		d.do(engineer, id, incident.Hold{Reason: incident.WaitUser, Awaiting: "caller", Contacts: 1, Review: start.Add(30 * time.Minute),
			Bump: incident.Bump{Every: itsm.Hour, Count: 2, Resolve: "no answer, taken as solved"}})
		for _, at := range []time.Duration{30, 60, 120, 180} {
			d.now = start.Add(at * time.Minute)
			wakes, err := d.db.Due(context.Background(), incident.Kind, time.Time{}, 1)
			require.NoError(t, err)
			require.Len(t, wakes, 1)
			assert.Equal(t, d.now, wakes[0].At, "it wants to be woken then")
			d.do(system, id, incident.Tick{})
		}
		inc := d.get(id)
		assert.Equal(t, incident.StateProposed, inc.State)
		p, _ := inc.Proposal()
		assert.Equal(t, "no answer, taken as solved", p.Solution)
		types := d.journal(id)
		assert.Equal(t, []string{"incident.put_on_hold", "incident.hold_review_due", "incident.bumped", "incident.bumped", "incident.resumed", "incident.resolution_proposed"}, types[len(types)-6:])
		require.NoError(t, d.Verify(manager, id))
	})
	t.Run("a waiting ticket that turns out to be of another type waits no more, and no reminder comes", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		id := d.at(incident.StateDiagnosing)
		d.do(engineer, id, incident.Hold{Reason: incident.WaitUser, Awaiting: "caller", Contacts: 1,
			Bump: incident.Bump{Every: itsm.Hour, Count: 1, Resolve: "no answer, taken as solved"}})
		question := triage
		question.Type = incident.TypeConsultation
		inc := d.do(agent, id, question, itsm.Because("it is a question"))
		assert.Equal(t, incident.StateTriaged, inc.State)
		assert.Nil(t, inc.Hold)
		d.now = d.now.Add(3 * time.Hour)
		assert.Equal(t, incident.StateTriaged, d.do(system, id, incident.Tick{}).State)
		require.NoError(t, d.Verify(manager, id))
	})
	t.Run("after days of standstill every reminder is told once, in order", func(t *testing.T) {
		t.Parallel()
		d := open(t, incident.Config{})
		id := d.at(incident.StateDiagnosing)
		d.do(engineer, id, incident.Hold{Reason: incident.WaitSpare, Bump: incident.Bump{Every: itsm.Hour, Count: 3}})
		d.now = d.now.Add(100 * time.Hour)
		for range 3 {
			d.do(system, id, incident.Tick{})
		}
		assert.Equal(t, 3, d.get(id).Hold.Bumped)
		assert.Equal(t, incident.StateOnHold, d.get(id).State)
	})
}
