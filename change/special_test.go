package change_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-ical"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/calendar"
	"github.com/hospital-itsm/itsm/change"
)

// standard raises a standard change and takes it to a state before the approval.
func (o *office) standard(edit ...func(*change.Raise)) itsm.ID {
	o.t.Helper()
	r := change.Raise{Request: request(), Plan: &change.Plan{Implementer: "engineer", Backout: change.Backout{Decider: "director"}}, Template: "CHT-1"}
	for _, e := range edit {
		e(&r)
	}
	id := o.do(asker, "", r).ID
	o.do(asker, id, change.Submit{})
	o.do(manager, id, change.Classify{})
	return id
}

func withTemplate(t *testing.T) *office {
	o := open(t, change.Config{})
	adopt(t, o.Service, "CHT-1", templateContent(), engineer, manager)
	return o
}

func TestStandardChange(t *testing.T) {
	t.Parallel()
	t.Run("R-248 a standard change takes over the approval of its template; after the expiry it does not", func(t *testing.T) {
		t.Parallel()
		o := withTemplate(t)
		id := o.standard()
		c := o.do(engineer, id, change.Preapprove{})
		assert.Equal(t, change.StateApproved, c.State)
		assert.True(t, c.Approved.Template)
		assert.Equal(t, itsm.PersonID("manager"), c.Approved.Accounts[0].Person)
		o.advance(id, change.StateClosed)

		content := templateContent()
		content.Expires = o.now.Add(time.Hour)
		content.Scope = ""
		adopt(t, o.Service, "CHT-1", content, engineer, manager)
		id = o.standard(func(r *change.Raise) {
			r.Window = change.Window{Start: o.now.Add(2 * time.Hour), End: o.now.Add(6 * time.Hour)}
			r.Items = []itsm.Ref{item("n")}
		})
		o.do(engineer, id, change.Preapprove{})
		o.do(manager, id, change.Schedule{})
		o.do(manager, id, change.Announce{To: []string{"wards"}})
		o.now = o.now.Add(2 * time.Hour)
		assert.Equal(t, []string{"change.template_expired"}, codes(o.refused(engineer, id, change.Start{})), "it expired between approval and start")
		_, err := o.Do(asker, "", change.Raise{Template: "CHT-1"})
		assert.ErrorContains(t, err, "expired")
	})
	t.Run("F-CHG-2 steps are pinned, the scope is a condition, and failures suspend the template in the same unit of work", func(t *testing.T) {
		t.Parallel()
		o := withTemplate(t)
		id := o.standard(func(r *change.Raise) { r.Items = []itsm.Ref{item("lis-1")} })
		assert.Equal(t, []string{"change.template_scope"}, codes(o.refused(engineer, id, change.Preapprove{})))
		id = o.standard()
		p := o.get(id).Plan
		p.Steps = slices.Clone(p.Steps)
		p.Steps[1].Check = "it looks fine"
		o.do(engineer, id, change.SetPlan{Plan: p})
		assert.Equal(t, []string{"change.template_content"}, codes(o.refused(engineer, id, change.Preapprove{})))

		for n := range 2 {
			o.now = o.now.Add(time.Minute)
			id := o.standard(func(r *change.Raise) {
				r.Items = []itsm.Ref{item(itsm.ID(fmt.Sprint("emr-", n)))}
				r.Window = change.Window{Start: o.now.Add(time.Hour), End: o.now.Add(6 * time.Hour)}
			})
			o.do(engineer, id, change.Preapprove{})
			o.advance(id, change.StateImplementing)
			o.do(engineer, id, change.Fail{Why: "w"})
			o.do(engineer, id, change.BackOut{})
			o.do(engineer, id, change.Restore{Verified: "v"})
		}
		tpl, err := o.Templates.Get(manager, "CHT-1")
		require.NoError(t, err)
		assert.Equal(t, change.TemplateSuspended, tpl.State)
		assert.Equal(t, 2, tpl.Failures)
		_, err = o.Do(asker, "", change.Raise{Template: "CHT-1"})
		assert.ErrorContains(t, err, "it is suspended")
		_, err = o.Templates.Do(manager, "CHT-1", change.ReinstateTemplate{Why: "the image was broken"})
		require.NoError(t, err)
		id = o.standard(func(r *change.Raise) {
			r.Items = []itsm.Ref{item("emr-9")}
			r.Window.Start, r.Window.End = o.now.Add(time.Hour), o.now.Add(7*time.Hour)
		})
		o.do(engineer, id, change.Preapprove{})
		_, err = o.Templates.Do(manager, "CHT-1", change.SuspendTemplate{Why: "a fault was found"})
		require.NoError(t, err)
		o.do(manager, id, change.Schedule{})
		o.do(manager, id, change.Announce{To: []string{"wards"}})
		o.now = o.now.Add(time.Hour)
		assert.Equal(t, []string{"change.template_state"}, codes(o.refused(engineer, id, change.Start{})))
	})
	t.Run("who approved the template does not make the change", func(t *testing.T) {
		t.Parallel()
		o := withTemplate(t)
		id := o.standard(func(r *change.Raise) { r.Plan.Implementer = "manager" })
		o.do(manager, id, change.Preapprove{})
		o.do(manager, id, change.Schedule{})
		o.do(manager, id, change.Announce{To: []string{"wards"}})
		o.now = window.Start
		assert.Equal(t, []string{"approval.doer_approved"}, codes(o.refused(as("manager", itsm.RoleChangeManager, itsm.RoleSoftwareEngineer), id, change.Start{})))
	})
	t.Run("faults of a template are named all at once", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		_, err := o.Templates.Do(engineer, "", change.DraftTemplate{Content: change.TemplateContent{Scope: "moon > 3", Steps: []change.TemplateStep{{}}}})
		var refused *itsm.RefusedError
		require.ErrorAs(t, err, &refused)
		assert.Equal(t, []string{"itsm.required:name", "itsm.required:category", "change_template.scope", "itsm.required:steps[1].what", "itsm.required:steps[1].check",
			"change.estimate:steps[1].estimate", "change_template.backout", "itsm.required:expires", "change_template.failures"}, codes(refused))
	})
}

// emergency raises an emergency that lacks most of the record.
func (o *office) emergency() itsm.ID {
	o.t.Helper()
	p := plan()
	p.TestPlan, p.Backout.Trigger, p.Backout.Verify = "", "", ""
	id := o.do(asker, "", change.Raise{Type: change.TypeEmergency, Plan: &p, Request: change.Request{
		Title: "EMR down", Reason: "deadlock", Category: change.Software, Items: []itsm.Ref{item("emr-app")}, Urgency: change.UrgencyNow,
		Window: change.Window{Start: o.now.Add(20 * time.Minute), End: o.now.Add(8 * time.Hour)}}}).ID
	o.do(asker, id, change.Submit{})
	o.do(manager, id, change.Classify{})
	return id
}

func TestEmergency(t *testing.T) {
	t.Parallel()
	t.Run("R-247 a smaller board approves, orally if need be; the full record and the confirmation follow, and it is always reviewed", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		id := o.emergency()
		bare := o.get(id).Plan
		bare.Backout = change.Backout{}
		o.do(engineer, id, change.SetPlan{Plan: bare})
		assert.Equal(t, []string{"itsm.required:backout.steps", "itsm.required:backout.decider", "itsm.required:backout.duration"}, codes(o.refused(manager, id, change.RequestApproval{})), "brief, but there")
		bare.Backout = change.Backout{Steps: []string{"restart the old version"}, Decider: "director", Duration: 10 * itsm.Minute}
		o.do(engineer, id, change.SetPlan{Plan: bare})
		c := o.do(manager, id, change.RequestApproval{})
		assert.Len(t, c.Ballot.Members, 3, "manager, director and one of the board")
		o.do(b1, id, o.vote(id, approval.Approve))
		oral := o.vote(id, approval.Approve)
		oral.For, oral.Findings, oral.Oral = "director", nil, &approval.Told{Said: o.now, Channel: "phone"}
		c = o.do(manager, id, oral)
		require.Equal(t, change.StateApproved, c.State)
		o.now = o.now.Add(20 * time.Minute)
		c = o.do(engineer, id, change.Start{})
		due := o.now.Add(24 * time.Hour)
		assert.Equal(t, due, c.Paper.Due)
		for range 3 {
			o.step(id)
		}
		o.do(engineer, id, change.Succeed{})
		assert.Equal(t, []string{"itsm.required:lessons"}, codes(o.refused(manager, id, change.WriteReview{})))
		o.do(manager, id, change.WriteReview{Lessons: "watch the lock queue"})
		assert.Equal(t, []string{"change.owed", "change.oral_open"}, codes(o.refused(manager, id, change.Close{Recorded: true})))
		o.now = due
		c = o.do(system, id, change.Tick{})
		assert.True(t, c.Paper.Overdue)
		assert.Equal(t, change.StateInReview, c.State, "being late is no state")
		owed := codes(o.refused(engineer, id, change.CompleteRecord{Description: "d"}))
		assert.Equal(t, []string{"itsm.required:services", "itsm.required:benefit", "itsm.required:hazard", "itsm.required:if_not_done", "itsm.required:risk_score", "itsm.required:test_plan",
			"change.not_assessed", "change.not_assessed"}, owed)
		r := request()
		r.Items = c.Items
		e := o.refused(asker, id, change.Describe{Request: r})
		assert.ErrorIs(t, e, itsm.ErrIllegalState, "what was approved is not rewritten afterwards")
		o.do(engineer, id, assess(change.OfIT))
		o.do(owner, id, assess(change.OfBusiness))
		c = o.do(engineer, id, change.CompleteRecord{Description: "restart", Benefit: "orders again", Hazard: "none", IfNotDone: "paper", Services: []string{"emr"}, TestPlan: "order test", Answers: lowRisk})
		assert.Equal(t, o.now, c.Paper.Done)
		confirm := change.ConfirmOral{Confirmation: approval.Confirmation{OK: true, Content: c.Ballot.Content.Digest}}
		for _, item := range approval.FourItems() {
			confirm.Findings = append(confirm.Findings, approval.Finding{Item: item, OK: true})
		}
		o.do(director, id, confirm)
		assert.Equal(t, change.StateClosed, o.do(manager, id, change.Close{Recorded: true}).State)
	})
	t.Run("an emergency in a freeze needs the consent of more people", func(t *testing.T) {
		t.Parallel()
		freeze := change.AroundDays("exam", "Asia/Shanghai", calendar.MustDate("2026-03-08"), calendar.MustDate("2026-03-08"), 2)
		o := open(t, change.Config{Hours: hours(t, change.HoursData{Freezes: []change.FreezeData{freeze}})})
		id := o.emergency()
		o.do(manager, id, change.RequestApproval{})
		o.do(b1, id, o.vote(id, approval.Approve))
		o.do(director, id, o.vote(id, approval.Approve))
		assert.Equal(t, change.StateAwaiting, o.get(id).State)
		assert.Equal(t, change.StateApproved, o.do(leader, id, o.vote(id, approval.Approve)).State)
		o.now = o.now.Add(20 * time.Minute)
		o.do(engineer, id, change.Start{})
	})
}

func TestDataMaintenance(t *testing.T) {
	t.Parallel()
	t.Run("R-045 business data are maintained as a controlled order: the owner asks, the statement is named, evidence before and after, and executor is not checker", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		id := o.raise(func(r *change.Raise) { r.Category = change.Data })
		assert.Equal(t, []string{"change.no_owner"}, codes(o.refused(asker, id, change.Submit{})))
		r := o.get(id).Request
		r.Owner = "owner"
		o.do(asker, id, change.Describe{Request: r})
		assert.Equal(t, []string{"change.not_owner"}, codes(o.refused(asker, id, change.Submit{})))
		o.do(owner, id, change.Submit{})
		o.advance(id, change.StateTesting)
		o.do(engineer, id, change.RecordTest{Ref: "t", Cases: 1})
		assert.Equal(t, []string{"change.no_statement"}, codes(o.refused(manager, id, change.RequestApproval{})))
		o.do(engineer, id, change.SetStatement{System: "his", Statement: "svn://fix/117.sql", Digest: itsm.Digest{1}})
		o.do(manager, id, change.RequestApproval{})
		c := o.approve(id)
		c = o.do(engineer, id, change.SetStatement{System: "his", Statement: "svn://fix/118.sql", Digest: itsm.Digest{2}})
		require.Equal(t, change.StateAssessing, c.State, "another statement is another change")
		o.do(engineer, id, change.BeginBuild{})
		o.do(engineer, id, change.BeginTest{})
		o.do(manager, id, change.RequestApproval{})
		o.approve(id)
		o.do(manager, id, change.Schedule{})
		o.do(manager, id, change.Announce{To: []string{"wards"}})
		o.now = window.Start
		assert.Equal(t, []string{"change.no_before"}, codes(o.refused(engineer, id, change.Start{})))
		o.do(engineer, id, change.TakeEvidence{Ref: "dump-before"})
		o.do(engineer, id, change.Start{})
		for range 3 {
			o.step(id)
		}
		assert.Equal(t, []string{"change.no_after", "change.unchecked"}, codes(o.refused(engineer, id, change.Succeed{})))
		o.do(engineer, id, change.TakeEvidence{After: true, Ref: "dump-after"})
		assert.Equal(t, []string{"change.own_check"}, codes(o.refused(engineer, id, change.CheckData{Finding: "fine"})))
		o.do(owner, id, change.CheckData{Finding: "117 rows, as asked"})
		assert.Equal(t, change.Successful, o.do(engineer, id, change.Succeed{}).Result)
	})
}

func TestAuthority(t *testing.T) {
	t.Parallel()
	t.Run("R-228 a write of an item needs a change that names it and is being made", func(t *testing.T) {
		t.Parallel()
		for _, state := range []change.State{change.StateDraft, change.StateAwaiting, change.StateApproved, change.StateScheduled, change.StateImplementing, change.StateSucceeded, change.StateInReview, change.StateClosed} {
			o := open(t, change.Config{})
			id := o.at(state)
			a := change.Authority{Repo: change.NewRepository(o.db)}
			allowed := state == change.StateImplementing || state == change.StateSucceeded || state == change.StateInReview
			err := a.Allow(t.Context(), "h1", itsm.Ref{Kind: change.Kind, ID: id}, o.now, item("emr-app"), item("emr-db"))
			assert.Equal(t, allowed, err == nil, state)
			assert.ErrorIs(t, a.Allow(t.Context(), "h1", itsm.Ref{Kind: change.Kind, ID: id}, o.now, item("pacs")), itsm.ErrRefused, state)
			assert.Error(t, a.Allow(t.Context(), "h2", itsm.Ref{Kind: change.Kind, ID: id}, o.now, item("emr-app")), "another hospital's change")
			standing, err := a.Standing(t.Context(), "h1", itsm.Ref{Kind: change.Kind, ID: id}, item("emr-app"))
			require.NoError(t, err)
			assert.Equal(t, map[change.State]change.Standing{
				change.StateApproved: change.Cleared, change.StateScheduled: change.Cleared, change.StateImplementing: change.Underway,
				change.StateSucceeded: change.Done, change.StateInReview: change.Done, change.StateClosed: change.Done}[state], standing, state)
			assert.Equal(t, change.Uncovered, o.get(id).Standing(item("pacs")))
		}
		o := open(t, change.Config{})
		a := change.Authority{Repo: change.NewRepository(o.db)}
		assert.Equal(t, change.Withdrawn, o.get(o.failed(change.StateBackedOut)).Standing(item("emr-app")))
		assert.ErrorContains(t, a.Allow(t.Context(), "h1", itsm.Ref{Kind: change.Kind, ID: "none"}, o.now, item("emr-app")), "there is no change none")
	})
}

func TestDetector(t *testing.T) {
	t.Parallel()
	o := open(t, change.Config{})
	done := o.get(o.at(change.StateSucceeded))
	seen := func(i itsm.Ref, kind change.ObservationKind, name, before, after string, at time.Time) change.Observation {
		return change.Observation{Item: i, Kind: kind, Name: name, Before: before, After: after, At: at, Source: "scan"}
	}
	inside, outside := done.Work.Started.Add(time.Minute), done.Work.Ended.Add(31*time.Minute)
	t.Run("F-CHG-14 what discovery sees belongs to a change in its window or is a finding with its evidence, new items and relations too", func(t *testing.T) {
		t.Parallel()
		all := []change.Observation{
			seen(item("emr-app"), change.SeenChanged, "version", "420", "421", inside),
			seen(item("emr-app"), change.SeenChanged, "version", "420", "421", done.Work.Ended.Add(30*time.Minute)),
			seen(item("emr-app"), change.SeenChanged, "port", "8080", "8081", outside),
			seen(item("emr-app"), change.SeenRelated, "runs_on", "", "host-9", outside),
			seen(item("rogue"), change.SeenNew, "", "", "", inside),
		}
		found := change.DefaultDetector().Check(all, []change.Change{done})
		require.Len(t, found, 2)
		assert.Equal(t, item("emr-app"), found[0].Item)
		assert.Equal(t, []string{"port", "runs_on"}, []string{found[0].Evidence[0].Name, found[0].Evidence[1].Name})
		assert.Equal(t, []itsm.ID{done.ID}, found[0].Near, "the change whose window was missed")
		assert.Equal(t, item("rogue"), found[1].Item)
		assert.Empty(t, found[1].Near)
	})
	t.Run("an attribute that goes to and fro is one line of evidence", func(t *testing.T) {
		t.Parallel()
		var all []change.Observation
		for n := range 10 {
			v := [2]string{"on", "off"}
			all = append(all, seen(item("lamp"), change.SeenChanged, "power", v[n%2], v[(n+1)%2], outside.Add(time.Duration(n)*time.Hour)))
		}
		found := change.DefaultDetector().Check(all, nil)
		require.Len(t, found, 1)
		assert.Equal(t, []string{"power"}, found[0].Flapping)
		assert.Len(t, found[0].Evidence, 1)
		assert.Len(t, change.Detector{}.Check(all, nil)[0].Evidence, 10)
	})
	t.Run("the order in which observations come, and repetitions, make no difference", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			var all []change.Observation
			for range rapid.IntRange(0, 8).Draw(t, "n") {
				v := rapid.SampledFrom([]string{"1", "2", "3"})
				all = append(all, seen(item(rapid.SampledFrom([]itsm.ID{"emr-app", "x"}).Draw(t, "item")), change.SeenChanged, rapid.SampledFrom([]string{"a", "b"}).Draw(t, "name"),
					v.Draw(t, "before"), v.Draw(t, "after"), inside.Add(time.Duration(rapid.IntRange(0, 4).Draw(t, "hours"))*time.Hour)))
			}
			want := change.DefaultDetector().Check(all, []change.Change{done})
			shuffled := rapid.Permutation(append(slices.Clone(all), all...)).Draw(t, "shuffled")
			require.Equal(t, want, change.DefaultDetector().Check(shuffled, []change.Change{done}))
		})
	})
}

func TestSchedule(t *testing.T) {
	t.Parallel()
	feed := change.Feed{Name: "封网与变更", Domain: "itsm.hospital.example", Stamp: start}
	t.Run("the schedule of a span is in order, and as iCalendar a reader finds it again", func(t *testing.T) {
		t.Parallel()
		o := open(t, change.Config{})
		a := o.at(change.StateScheduled, func(r *change.Raise) {
			r.Title = strings.Repeat("电子病历补丁; 停机, ", 12) + "\r\nBEGIN:VALARM"
		})
		b := o.at(change.StateApproved, func(r *change.Raise) {
			r.Items = []itsm.Ref{item("b")}
			r.Window.Start, r.Window.End = r.Window.Start.Add(-time.Hour), r.Window.End.Add(-time.Hour)
		})
		draft := o.raise()
		all := []change.Change{o.get(a), o.get(b), o.get(draft)}
		forward := change.Forward(each(all), change.Span{Start: start, End: start.Add(24 * time.Hour)})
		assert.Equal(t, []itsm.ID{b, a}, []itsm.ID{forward[0].ID, forward[1].ID})
		assert.Empty(t, change.Forward(each(all), change.Span{Start: window.End, End: window.End.Add(time.Hour)}))

		cancelled := o.do(manager, b, change.Cancel{Why: "w"})
		var out bytes.Buffer
		require.NoError(t, feed.WriteICal(&out, each([]change.Change{cancelled, o.get(a)})))
		for line := range strings.SplitSeq(out.String(), "\r\n") {
			assert.LessOrEqual(t, len(line), 75)
			assert.NotContains(t, line, "\n")
		}
		assert.Equal(t, 2, strings.Count(out.String(), "BEGIN:VEVENT"))
		assert.NotContains(t, out.String(), "\nBEGIN:VALARM", "a title cannot add components")
		cal, err := ical.NewDecoder(strings.NewReader(out.String())).Decode()
		require.NoError(t, err)
		events := cal.Events()
		require.Len(t, events, 2)
		for i, c := range []change.Change{o.get(a), cancelled} {
			e := events[i]
			uid, _ := e.Props.Text(ical.PropUID)
			assert.Equal(t, "h1-"+string(c.ID)+"@itsm.hospital.example", uid)
			assert.Equal(t, fmt.Sprint(c.Version), e.Props.Get(ical.PropSequence).Value)
			at, err := e.DateTimeStart(time.UTC)
			require.NoError(t, err)
			assert.True(t, at.Equal(c.Window.Start))
		}
		summary, _ := events[0].Props.Text(ical.PropSummary)
		assert.Contains(t, summary, "电子病历补丁; 停机, 电子", "text comes back as it was")
		assert.Equal(t, "CONFIRMED", events[0].Props.Get(ical.PropStatus).Value)
		assert.Equal(t, "CANCELLED", events[1].Props.Get(ical.PropStatus).Value)
		assert.NotContains(t, out.String(), "engineer", "a feed for departments names no people")
		again := o.do(asker, a, change.Describe{Request: o.get(a).Request})
		assert.GreaterOrEqual(t, again.Version, o.get(a).Version)
	})
	t.Run("an empty schedule is a calendar, too; a domain is needed", func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		require.NoError(t, feed.WriteICal(&out, each(nil)))
		_, err := ical.NewDecoder(&out).Decode()
		require.NoError(t, err)
		assert.ErrorIs(t, change.Feed{}.WriteICal(&out, each(nil)), itsm.ErrInvalid)
	})
}

func FuzzWriteICal(f *testing.F) {
	f.Add("a title", "a,b;c", "x\r\ny")
	f.Add("补丁补丁补丁补丁补丁补丁补丁补丁补丁补丁补丁补丁补丁补丁补丁补丁补丁", "\x00", "\xff")
	f.Fuzz(func(t *testing.T, title, name, service string) {
		c := change.Change{Request: change.Request{Title: title, Services: []string{service}, Window: window}}
		c.ID, c.Tenant = "CHG-1", "h1"
		var out bytes.Buffer
		require.NoError(t, change.Feed{Name: name, Domain: "d.example", Stamp: start}.WriteICal(&out, each([]change.Change{c})))
		for line := range strings.SplitSeq(out.String(), "\r\n") {
			require.LessOrEqual(t, len(line), 75)
			require.NotContains(t, line, "\n")
		}
		cal, err := ical.NewDecoder(&out).Decode()
		require.NoError(t, err)
		require.Len(t, cal.Events(), 1)
	})
}
