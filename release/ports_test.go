package release_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/calendar"
	"github.com/hospital-itsm/itsm/release"
)

// neighbours answers what the optional ports ask.
type neighbours struct {
	live *release.Environment
	from time.Time
}

func (n *neighbours) Environment(_ context.Context, _ itsm.Tenant, name string) (release.Environment, error) {
	switch name {
	case "uat":
		return *uat(), nil
	case "live":
		return *n.live, nil
	}
	return release.Environment{}, fmt.Errorf("%w: %s", itsm.ErrNotFound, name)
}

func (n *neighbours) Baseline(_ context.Context, rel itsm.Ref, name string, cis []string) (release.Baseline, error) {
	return release.Baseline{Ref: itsm.Ref{Kind: "baseline", ID: itsm.ID(name)}, CIs: cis}, nil
}

func (n *neighbours) Incidents(_ context.Context, _ itsm.Tenant, _ []string, from, _ time.Time) ([]itsm.ID, error) {
	n.from = from
	return []itsm.ID{"INC-9"}, nil
}

func (n *neighbours) Delegations(_ context.Context, _ itsm.Tenant, voter itsm.PersonID, at time.Time) (approval.Delegations, error) {
	return approval.Delegations{{ID: "D-1", From: "desk", To: voter, Start: at.Add(-time.Hour), End: at.Add(time.Hour)}}, nil
}

func TestPorts(t *testing.T) {
	t.Parallel()
	t.Run("R-219 incidents in the observation window are in the report", func(t *testing.T) {
		t.Parallel()
		n := &neighbours{}
		d := open(t, release.Config{Incidents: n})
		rec := d.get(d.at(release.StateReported))
		assert.Equal(t, []itsm.ID{"INC-9"}, rec.Report.Incidents)
		assert.Equal(t, rec.Started, n.from)
	})
	t.Run("environments come from the estate, and then not from the command", func(t *testing.T) {
		t.Parallel()
		n := &neighbours{live: production()}
		n.live.Items[0].Attributes["patch"] = "8"
		d := open(t, release.Config{Estate: n})
		id := d.at(release.StateBuilding)
		assert.Equal(t, []string{"release.estate"}, codes(d.refused(keeper, id, release.InspectTest{Test: uat(), Production: production()})))
		rec := d.do(keeper, id, release.InspectTest{})
		assert.Len(t, rec.Inspection.Differences, 1)
	})
	t.Run("the snapshot is taken in the unit of work that records it", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{Baselines: &neighbours{}})
		id := d.at(release.StateTestPassed)
		rec := d.do(keeper, id, release.TakeBaseline{})
		assert.Equal(t, itsm.ID("before "+string(id)), rec.Baseline.Ref.ID)
		assert.Equal(t, rec.Plan.CIs, rec.Baseline.CIs)
	})
	t.Run("a stand-in signs for the party, and both names stand in the evidence", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{Delegations: &neighbours{}})
		id := d.reach(d.draft(plan()), release.StateConsulting)
		consult(d, id)
		rec := d.do(manager, id, release.Submit{})
		d.do(owner, id, approve(rec))
		sign := approve(rec)
		sign.For = "desk"
		rec = d.do(as("desk2", itsm.RoleServiceDesk), id, sign)
		assert.Equal(t, release.StateSignedOff, rec.State)
		people := map[itsm.PersonID]bool{}
		for _, a := range rec.SignOff.Accountable() {
			people[a.Person] = true
		}
		assert.Equal(t, map[itsm.PersonID]bool{"owner": true, "desk": true, "desk2": true}, people)
	})
	t.Run("who planned the release does not sign it", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		p := plan()
		p.Signers[0].People = []itsm.PersonID{"manager"}
		id := d.reach(d.draft(p), release.StateConsulting)
		consult(d, id)
		refused := d.refused(manager, id, release.Submit{})
		assert.Contains(t, codes(refused), "approval.unmeetable")
	})
	t.Run("a freeze that was published after the signatures stops the next wave, but for emergencies", func(t *testing.T) {
		t.Parallel()
		freezes := map[string]*calendar.Calendar{}
		d := open(t, release.Config{Freezes: freezes})
		id := d.at(release.StateDeploying)
		freezes["settlement"] = days(t, `{"from": "2026-12-11T09:20", "to": "2026-12-11T10:00"}`) // in Shanghai, within the pilot
		assert.Equal(t, []string{"release.freeze:settlement"}, codes(d.refused(manager, id, release.StartWave{Wave: "pilot"})))
	})
	t.Run("policies that contradict themselves are refused", func(t *testing.T) {
		t.Parallel()
		_, err := release.NewProcess(nil, release.Config{Policy: &release.Policy{}})
		for _, want := range []string{"sign_within", "oral_within", "security_age", "waiver_most", "takeover"} {
			require.ErrorContains(t, err, want)
		}
	})
}
