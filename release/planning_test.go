package release_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/calendar"
	"github.com/hospital-itsm/itsm/release"
)

// affected says whom services concern.
type affected []release.Party

func (a affected) Parties(context.Context, itsm.Tenant, []string, []string) ([]release.Party, error) {
	return a, nil
}

func days(t testing.TB, closed string) *calendar.Calendar {
	t.Helper()
	c, err := calendar.Parse([]byte(`{"zone": "Asia/Shanghai", "week": {}, "open": [` + closed + `]}`))
	require.NoError(t, err)
	return c
}

func TestPlanning(t *testing.T) {
	t.Parallel()
	t.Run("R-208 an incomplete plan is not shown to anybody, and everything that it lacks is named", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		id := d.draft(release.Plan{Title: "t", Type: release.TypeMajor})
		assert.Equal(t, []string{"itsm.required:objective", "itsm.required:in_scope", "itsm.required:out_of_scope", "itsm.required:cis", "itsm.required:changes", "itsm.required:criteria",
			"itsm.required:phases.plan", "itsm.required:phases.build", "itsm.required:phases.test", "itsm.required:phases.go_live", "itsm.required:test", "itsm.required:production",
			"itsm.required:signers", "itsm.required:files", "itsm.required:units", "itsm.required:waves", "itsm.required:readiness.technical", "itsm.required:readiness.non_technical"},
			codes(d.refused(manager, id, release.OpenConsultation{})))
		d.do(manager, id, release.Revise{Plan: plan()})
		assert.Equal(t, release.StateConsulting, d.do(manager, id, release.OpenConsultation{}).State)
	})
	t.Run("R-204 a change without reason, impact or scope blocks the signatures; what the change says itself counts", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		d.world.changes["CHG-1"] = release.Change{Approved: true, Reason: "r"}
		id := d.draft(plan())
		assert.Equal(t, []string{"itsm.required:changes.CHG-1.impact", "itsm.required:changes.CHG-1.scope"}, codes(d.refused(manager, id, release.OpenConsultation{})))
		p := plan()
		p.Members[0].Impact, p.Members[0].Scope = "own impact", "own scope"
		d.do(manager, id, release.Revise{Plan: p})
		d.do(manager, id, release.OpenConsultation{})
		consult(d, id)
		rec := d.do(manager, id, release.Submit{})
		assert.Equal(t, []release.Admission{{ID: "CHG-1", Reason: "r", Impact: "own impact", Scope: "own scope"}}, rec.Admitted)
	})
	t.Run("R-209 dates end after they begin, run into no freeze, and go-live lies where it may", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			p := plan()
			i := rapid.IntRange(0, len(p.Phases)-1).Draw(rt, "phase")
			p.Phases[i].To = p.Phases[i].From.Add(time.Duration(rapid.IntRange(-48, 0).Draw(rt, "hours")) * time.Hour)
			backwards := p.Phases[i].To.Before(p.Phases[i].From)
			found := false
			for _, f := range p.Check() {
				found = found || f.Path == "phases["+string(rune('0'+i))+"]" && strings.Contains(f.What, "before it begins")
			}
			assert.Equal(rt, backwards, found)
		})
		// The freeze of the insurance's year end: go-live is on 11 December in Shanghai.
		frozen := days(t, `{"from": "2026-12-11T15:00", "to": "2026-12-12T00:00"}`)
		d := open(t, release.Config{Freezes: map[string]*calendar.Calendar{"year end": frozen}})
		id := d.draft(plan())
		assert.Equal(t, []string{"release.freeze:year end", "release.freeze:year end"}, codes(d.refused(manager, id, release.OpenConsultation{})))
		d = open(t, release.Config{GoLive: days(t, `{"from": "2026-12-11T09:00", "to": "2026-12-11T14:00"}`)})
		id = d.draft(plan())
		refused := d.refused(manager, id, release.OpenConsultation{})
		require.Len(t, refused.Reasons, 2)
		assert.Equal(t, "phase go_live", refused.Reasons[0].Arg("what"))
		assert.Equal(t, "wave rest", refused.Reasons[1].Arg("what"))
		d.do(manager, d.draft(emergency()), release.OpenConsultation{}) // may at any time
	})
	t.Run("R-210 every affected department and support group speaks before the signatures; who is missing is named", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{Affected: affected{{Kind: release.Department, Key: "收费处"}}})
		id := d.reach(d.draft(plan()), release.StateConsulting)
		assert.Equal(t, []string{"release.not_consulted:医保办", "release.not_consulted:service-desk", "release.not_consulted:收费处"},
			codes(d.refused(manager, id, release.Submit{})))
		consult(d, id)
		assert.Equal(t, []string{"release.not_consulted:收费处"}, codes(d.refused(manager, id, release.Submit{})))
		no := release.NoteConsultation{Party: release.Party{Kind: release.Department, Key: "收费处"}, Person: "u-9", Said: "not on a Friday"}
		assert.Equal(t, []string{"itsm.required:answer"}, codes(d.refused(agent, id, no)))
		no.Answer = "it is a Saturday"
		d.do(agent, id, no)
		d.do(manager, id, release.Submit{})
	})
	t.Run("R-211 every party signs, each by another person, and an edit voids all signatures", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		id := d.reach(d.draft(plan()), release.StateConsulting)
		consult(d, id)
		rec := d.do(manager, id, release.Submit{})
		d.refused(leader, id, approve(rec)) // is no signer
		other := approve(rec)
		other.Content = digest("another plan")
		assert.Equal(t, []string{"approval.other_content"}, codes(d.refused(owner, id, other)))
		assert.False(t, func() bool { r := d.do(owner, id, approve(rec)); return r.Signed() }(), "one of two")
		rec = d.do(agent, id, approve(rec))
		assert.Equal(t, release.StateSignedOff, rec.State)
		assert.True(t, rec.Signed())
	})
	t.Run("R-211 any edit after the signatures, however small, leaves the release unsigned", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		edits := []func(p *release.Plan){
			func(p *release.Plan) { p.Title += "!" }, func(p *release.Plan) { p.Objective += "!" }, func(p *release.Plan) { p.Manifest[0].Digest[31] ^= 1 }, func(p *release.Plan) { p.Manifest[1].Size++ },
			func(p *release.Plan) { p.Waves[0].Window.From = p.Waves[0].Window.From.Add(time.Microsecond) }, func(p *release.Plan) { p.Units[0].Rollback += "!" }, func(p *release.Plan) { p.Units[1].Takes += itsm.Minute },
			func(p *release.Plan) { p.Gates[0].Limits[0].Value = 1 }, func(p *release.Plan) { p.Readiness[0].Owner = "u-8" }, func(p *release.Plan) { p.Signers[0].People = p.Signers[0].People[:1] },
			func(p *release.Plan) { p.Outside[0] += "!" }, func(p *release.Plan) { p.Waves[1].Stop = 2 }, func(p *release.Plan) { p.Observe += itsm.Hour }, func(p *release.Plan) { p.Members[0].Impact = "less" },
		}
		seen := map[itsm.Digest]bool{}
		for i, edit := range edits {
			state := []release.State{release.StateSignedOff, release.StateBuilding, release.StateReady}[i%3]
			d.now = start
			id := d.at(state)
			p := plan()
			edit(&p)
			rec := d.do(manager, id, release.Revise{Plan: p})
			assert.Equal(t, release.StatePlanning, rec.State)
			assert.Equal(t, approval.Voided, rec.SignOff.Outcome)
			assert.False(t, rec.Signed())
			assert.False(t, seen[rec.Plan.Digest()], "no two plans have one digest")
			seen[rec.Plan.Digest()] = true
			d.refused(engineer, id, release.Build{})
		}
		id := d.at(release.StateSignedOff)
		assert.Equal(t, []string{"release.same_plan"}, codes(d.refused(manager, id, release.Revise{Plan: plan()})))
	})
	t.Run("R-203 only approved changes are signed and go live; one that loses its approval or is edited blocks the release", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		id := d.reach(d.draft(plan()), release.StateConsulting)
		consult(d, id)
		good := d.world.changes["CHG-1"]
		pending := good
		pending.Approved = false
		d.world.changes["CHG-1"] = pending
		assert.Equal(t, []string{"release.change_not_approved:CHG-1"}, codes(d.refused(manager, id, release.Submit{})))
		delete(d.world.changes, "CHG-1")
		assert.Equal(t, []string{"release.no_change:CHG-1"}, codes(d.refused(manager, id, release.Submit{})))
		d.world.changes["CHG-1"] = good
		rec := d.do(manager, id, release.Submit{})
		d.do(owner, id, approve(rec))
		d.do(agent, id, approve(rec))
		d.reach(id, release.StateReady)
		d.now = hours(240 * time.Hour)
		d.world.changes["CHG-1"] = pending
		assert.Equal(t, []string{"release.change_not_approved:CHG-1"}, codes(d.refused(manager, id, release.Deploy{})))
		edited := good
		edited.Digest = digest("edited")
		d.world.changes["CHG-1"] = edited
		assert.Equal(t, []string{"release.change_changed:CHG-1"}, codes(d.refused(manager, id, release.Deploy{})))
		d.world.changes["CHG-1"] = good
		d.do(manager, id, release.Deploy{})
		d.world.changes["CHG-1"] = pending // also between the waves
		assert.Equal(t, []string{"release.change_not_approved:CHG-1"}, codes(d.refused(manager, id, release.StartWave{Wave: "pilot"})))
	})
	t.Run("R-051 content that is not in the definitive library is refused, as is other content", func(t *testing.T) {
		t.Parallel()
		other := file("war")
		other.Digest[0] ^= 1
		d := open(t, release.Config{Library: release.Shelf{other}})
		id := d.draft(plan())
		assert.Equal(t, []string{"release.not_in_library:schema", "release.other_in_library:war"}, codes(d.refused(manager, id, release.OpenConsultation{})))
	})
	t.Run("without ports nothing is authorised", func(t *testing.T) {
		t.Parallel()
		s := release.NewService(release.NewRepository(open(t, release.Config{}).db), release.Config{})
		rec, err := s.Do(manager, "", release.Draft{Plan: plan()})
		require.NoError(t, err)
		_, err = s.Do(manager, rec.ID, release.OpenConsultation{})
		require.ErrorContains(t, err, "is not in the definitive library")
	})
	t.Run("S-021 a release has a type, names the changes, problems and known errors it closes, and is found by them", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		id := d.at(release.StateReported)
		for field, value := range map[string]string{"closes": "problem/PRB-1", "change": "CHG-1", "type": "major"} {
			found := 0
			for rec, err := range d.Find(manager, itsm.Query{Where: []itsm.Condition{itsm.Where(field, itsm.TextOf(value))}}) {
				require.NoError(t, err)
				assert.Equal(t, id, rec.ID)
				found++
			}
			assert.Equal(t, 1, found, field)
		}
		for ev, err := range d.Events(manager, id) {
			require.NoError(t, err)
			if e, ok := ev.Payload.(release.Reported); ok {
				assert.Equal(t, []string{"problem/PRB-1"}, e.Closes, "the event from which they are closed")
			}
		}
	})
	t.Run("R-220 an emergency is shorter, but keeps test, manifest and signatures; one by word of mouth is confirmed before the report", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		id := d.draft(emergency())
		d.do(manager, id, release.OpenConsultation{})
		rec := d.do(manager, id, release.Submit{}) // nobody is consulted
		d.refused(manager, id, release.StartTest{})
		oral := approve(rec)
		oral.For, oral.Oral = "owner", &approval.Told{Said: d.now, Channel: "phone"}
		d.do(agent, id, approve(rec))
		rec = d.do(leader, id, oral)
		require.Equal(t, release.StateSignedOff, rec.State)
		assert.Contains(t, codes(d.refused(manager, id, release.Deploy{})), "itsm.illegal_state")
		inspect(d, id)
		d.do(engineer, id, release.StartTest{}) // no stage of building
		d.do(engineer, id, tested(d.get(id)))
		d.do(keeper, id, release.TakeBaseline{Baseline: &baseline})
		d.now = hours(240 * time.Hour)
		assert.Equal(t, []string{"approval.unconfirmed:owner"}, codes(d.refused(manager, id, release.Deploy{})), "the word was not kept in time")
		d.do(owner, id, release.ConfirmSignature{OK: true, Content: rec.SignOff.Content.Digest})
		d.do(manager, id, release.Deploy{}) // no stage of preparing
		d.pilot(id)
		d.rest(id)
		d.do(manager, id, release.Complete{})
		d.reach(id, release.StateReported)
	})
	t.Run("R-220 an open word of mouth keeps the report open", func(t *testing.T) {
		t.Parallel()
		p := emergency()
		p.Observe = 0
		policy := release.DefaultPolicy()
		policy.OralWithin = 400 * 24 * itsm.Hour
		d := open(t, release.Config{Policy: &policy})
		id := d.draft(p)
		d.do(manager, id, release.OpenConsultation{})
		rec := d.do(manager, id, release.Submit{})
		oral := approve(rec)
		oral.For, oral.Oral = "owner", &approval.Told{Said: d.now, Channel: "phone"}
		d.do(leader, id, oral)
		d.do(agent, id, approve(rec))
		inspect(d, id)
		d.do(engineer, id, release.StartTest{})
		d.do(engineer, id, tested(d.get(id)))
		d.do(keeper, id, release.TakeBaseline{Baseline: &baseline})
		d.now = hours(240 * time.Hour)
		d.do(manager, id, release.Deploy{})
		d.pilot(id)
		d.rest(id)
		d.do(manager, id, release.Complete{})
		d.reach(id, release.StateAccepted)
		assert.Equal(t, []string{"release.oral_open:owner"}, codes(d.refused(manager, id, report)))
		d.do(owner, id, release.ConfirmSignature{OK: true, Content: rec.SignOff.Content.Digest})
		d.do(manager, id, report)
	})
}

func TestStructure(t *testing.T) {
	t.Parallel()
	t.Run("F-REL-1 units and waves form no circle, and nothing passes two waves", func(t *testing.T) {
		t.Parallel()
		assert.Empty(t, func() release.Faults { p := plan(); return p.Check() }())
		for want, spoil := range map[string]func(p *release.Plan){
			"the units tables → adapter → tables wait for each other": func(p *release.Plan) { p.Units[0].After = []string{"adapter"} },
			"the waves pilot → rest → pilot wait for each other":      func(p *release.Plan) { p.Waves[0].After = []string{"rest"} },
			"if-1 is a target of pilot already":                       func(p *release.Plan) { p.Waves[1].Targets[0].CI = "if-1" },
			"the release carries no change CHG-2":                     func(p *release.Plan) { p.Units[0].Changes[0] = "CHG-2" },
			"files[0].digest: schema has no digest":                   func(p *release.Plan) { p.Manifest[0].Digest = itsm.Digest{} },
		} {
			p := plan()
			spoil(&p)
			assert.ErrorContains(t, p.Check(), want)
			d := open(t, release.Config{})
			d.refused(manager, "", release.Draft{Plan: p})
		}
	})
}

func TestRehearsal(t *testing.T) {
	t.Parallel()
	t.Run("R-213 a test environment that shares a host, a database or an interface with production is refused, by name", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		id := d.at(release.StateBuilding)
		inspect(d, id)
		test := uat()
		test.Items = append(test.Items, release.EnvItem{CI: "if-1", Class: release.ClassHost, Pair: "if-1", Attributes: map[string]string{"jdk": "21"}}, release.EnvItem{CI: "gateway", Class: release.ClassOther, Pair: "gateway"})
		live := production()
		live.Items = append(live.Items, release.EnvItem{CI: "gateway", Class: release.ClassInterface})
		d.do(keeper, id, release.InspectTest{Test: test, Production: live})
		assert.Equal(t, []string{"release.shared:gateway", "release.shared:if-1"}, codes(d.refused(engineer, id, release.StartTest{})))
		live.Items[2].Class = release.ClassOther // neither side calls it isolated
		d.do(keeper, id, release.InspectTest{Test: test, Production: live})
		assert.Equal(t, []string{"release.shared:if-1"}, codes(d.refused(engineer, id, release.StartTest{})))
	})
	t.Run("R-214 differences between test and production are named and need a waiver of somebody else, which ends", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		id := d.at(release.StateBuilding)
		inspect(d, id)
		test := uat("patch", "6", "shape", "1/10")
		rec := d.do(keeper, id, release.InspectTest{Test: test, Production: production()})
		patch, shape := release.Difference{CI: "uat-db", Pair: "db-1", Attribute: "patch", Test: "6", Live: "7"}, release.Difference{CI: "uat-db", Pair: "db-1", Attribute: "shape", Test: "1/10"}
		assert.Equal(t, []release.Difference{patch, shape}, rec.Inspection.Differences)
		assert.Equal(t, []string{"release.different:uat-db", "release.different:uat-db"}, codes(d.refused(engineer, id, release.StartTest{})))
		waive := release.Waive{Difference: patch, Why: "the patch is for printers", Until: d.now.Add(5 * 24 * time.Hour)}
		d.refused(as("keeper", itsm.RoleProjectManager), id, waive)
		d.do(manager, id, waive)
		waive.Difference = shape
		d.do(leader, id, waive)
		other := waive
		other.Difference.Test = "1/5"
		assert.Equal(t, []string{"release.no_difference:uat-db"}, codes(d.refused(leader, id, other)))
		d.do(engineer, id, release.StartTest{})
		d.do(engineer, id, tested(d.get(id)))
		d.reach(id, release.StateReady)
		d.now = hours(240 * time.Hour) // the waivers have ended
		assert.Equal(t, []string{"release.different:uat-db", "release.different:uat-db"}, codes(d.refused(manager, id, release.Deploy{})))
	})
	t.Run("R-214 parity is a diff over paired items: golden", func(t *testing.T) {
		t.Parallel()
		test := &release.Environment{Items: []release.EnvItem{{CI: "t2", Pair: "p2", Attributes: map[string]string{"db": "dm8", "mw": "tongweb"}}, {CI: "t1", Pair: "p1", Attributes: map[string]string{"os": "a"}}, {CI: "t3"}}}
		live := &release.Environment{Items: []release.EnvItem{{CI: "p1", Attributes: map[string]string{"os": "a"}}, {CI: "p2", Attributes: map[string]string{"db": "dm7", "patch": "9"}}, {CI: "p9"}}}
		assert.Equal(t, []release.Difference{{CI: "t2", Pair: "p2", Attribute: "db", Test: "dm8", Live: "dm7"}, {CI: "t2", Pair: "p2", Attribute: "mw", Test: "tongweb"}, {CI: "t2", Pair: "p2", Attribute: "patch", Live: "9"}, {CI: "t3"}, {Pair: "p9"}},
			release.Parity(test, live))
	})
	t.Run("R-215 patient data that are not masked refuse the test, as does an old check or none", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		id := d.at(release.StateBuilding)
		d.do(keeper, id, release.InspectTest{Test: uat(), Production: production()})
		assert.Equal(t, []string{"release.no_security"}, codes(d.refused(engineer, id, release.StartTest{})))
		check := release.CheckSecurity{LiveData: true}
		assert.Equal(t, []string{"release.no_access_list"}, codes(d.refused(engineer, id, check)))
		check.Access = []itsm.PersonID{"engineer"}
		d.do(engineer, id, check)
		assert.Equal(t, []string{"release.live_data", "release.not_isolated"}, codes(d.refused(engineer, id, release.StartTest{})))
		check.Masked, check.Isolated = true, true
		d.do(engineer, id, check)
		d.now = d.now.Add(30 * 24 * time.Hour)
		assert.Equal(t, []string{"release.old_security"}, codes(d.refused(engineer, id, release.StartTest{})))
		d.do(engineer, id, check)
		d.now = d.now.Add(30*24*time.Hour - time.Microsecond)
		d.do(engineer, id, release.StartTest{})
	})
	t.Run("S-080 a policy may ask for the report of the security test", func(t *testing.T) {
		t.Parallel()
		policy := release.DefaultPolicy()
		policy.SecurityTests = true
		d := open(t, release.Config{Policy: &policy})
		id := d.at(release.StateTesting)
		made := tested(d.get(id))
		assert.Equal(t, []string{"itsm.required:security"}, codes(d.refused(engineer, id, made)))
		made.Security = "report S-7"
		d.do(engineer, id, made)
	})
	t.Run("R-212 no go-live without a passed test of the same digest", func(t *testing.T) {
		t.Parallel()
		d := open(t, release.Config{})
		id := d.at(release.StateTesting)
		wrong := tested(d.get(id))
		wrong.Manifest = digest("another build")
		assert.Equal(t, []string{"release.other_manifest"}, codes(d.refused(engineer, id, wrong)))
		failed := tested(d.get(id))
		failed.Failed = 1
		assert.Equal(t, release.StateBuilding, d.do(engineer, id, failed).State)
		none := tested(d.get(id))
		none.Cases = 0
		d.do(engineer, id, release.StartTest{})
		assert.Equal(t, release.StateBuilding, d.do(engineer, id, none).State, "no cases are no pass")
		d.do(engineer, id, release.StartTest{})
		d.do(engineer, id, tested(d.get(id)))
		rec := d.get(d.reach(id, release.StateReady))
		require.NotNil(t, rec.Test())
		// A rebuild under the same plan voids the evidence.
		p := plan()
		p.Manifest[1].Digest[5] ^= 1
		rec = d.do(manager, id, release.Revise{Plan: p})
		assert.Nil(t, rec.Test())
	})
}
