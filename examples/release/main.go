// Command release takes an upgrade of the insurance interface live before year end: a plan as text, signatures, an isolated test,
// a file that was damaged on its way, and a CMDB that fails once.
//
//	go run ./examples/release
//
// insurance.release is the plan. night below is the go-live; cmdb.go is what a host has instead.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/release"
	"github.com/hospital-itsm/itsm/release/dsl"
	"github.com/hospital-itsm/itsm/store/memory"
)

//go:embed insurance.release
var text string

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal("release: ", err)
	}
}

// The people of the night.
var (
	manager  = as("u-rm", itsm.RoleChangeManager)
	engineer = as("u-eng", itsm.RoleSoftwareEngineer)
	keeper   = as("u-cm", itsm.RoleConfigManager)
	yibao    = as("u-yibao", itsm.RoleUser) // 医保办
	desk     = as("u-desk", itsm.RoleServiceDesk)
)

func as(id itsm.PersonID, role itsm.Role) context.Context {
	return itsm.WithActor(context.Background(), itsm.Actor{ID: id, Tenant: "h1", Roles: []itsm.Role{role}})
}

// story gives commands and tells what came of them. After one that failed none is given any more.
type story struct {
	w        io.Writer
	now      time.Time
	releases *release.Service
	cmdb     *cmdb
	rel      release.Release
	err      error
}

func (s *story) say(format string, args ...any) {
	if s.err == nil {
		fmt.Fprintf(s.w, format+"\n", args...)
	}
}

func (s *story) do(ctx context.Context, cmd itsm.Command) {
	if s.err != nil {
		return
	}
	before := s.rel.State
	if s.rel, s.err = s.releases.Do(ctx, s.rel.ID, cmd); s.err == nil && s.rel.State != before {
		s.say("%s  %-25s → %s", s.now.Format("01-02 15:04"), cmd.CommandName(), s.rel.State)
	}
}

// refused gives a command that must not go through.
func (s *story) refused(ctx context.Context, cmd itsm.Command) {
	if s.err != nil {
		return
	}
	var refused *itsm.RefusedError
	if _, err := s.releases.Do(ctx, s.rel.ID, cmd); !errors.As(err, &refused) {
		s.err = fmt.Errorf("%s should have been refused: %w", cmd.CommandName(), err)
		return
	}
	s.say("    refused: %s", refused.In(itsm.Chinese))
}

func run(w io.Writer) error {
	plan, err := dsl.Parse("insurance.release", text)
	if err != nil {
		return err
	}
	zone, err := plan.Location()
	if err != nil {
		return err
	}
	s := &story{w: w, now: time.Date(2026, 11, 2, 9, 0, 0, 0, zone), cmdb: &cmdb{versions: map[string]string{}}}
	s.releases = release.NewService(release.NewRepository(memory.New()), release.Config{
		Config:  itsm.Config{Clock: func() time.Time { return s.now }, Zone: zone},
		Changes: approvedChange{}, Library: library(plan), Items: s.cmdb, Baselines: s.cmdb, Affected: affected{},
	})
	s.paper(plan)
	s.rehearsal()
	s.night()
	s.after()
	return s.err
}

// paper is the plan, the consultations and the signatures.
func (s *story) paper(plan release.Plan) {
	s.do(manager, release.Draft{Plan: plan})
	s.do(manager, release.OpenConsultation{})
	s.say("the plan concerns 医保办, 收费处 and the desk")
	s.do(desk, release.NoteConsultation{Party: release.Party{Kind: release.Department, Key: "医保办"}, Person: "u-yibao", Said: "before Christmas, please", Agrees: true})
	s.refused(manager, release.Submit{})
	s.do(desk, release.NoteConsultation{Party: release.Party{Kind: release.Department, Key: "收费处"}, Person: "u-fee", Said: "not in the morning", Agrees: true})
	s.do(desk, release.NoteConsultation{Party: release.Party{Kind: release.Group, Key: "service-desk"}, Person: "u-desk", Said: "we need a leaflet", Agrees: true})
	s.do(manager, release.Submit{})
	sign := release.Sign{Verdict: approval.Approve, Content: s.rel.SignOff.Content.Digest}
	s.do(yibao, sign)
	s.do(desk, sign)
}

// rehearsal is build and test, in an environment that at first is not separate.
func (s *story) rehearsal() {
	s.now = s.now.AddDate(0, 0, 35)
	s.do(engineer, release.Build{})
	test, production := environments()
	shared := *test
	shared.Items = append(shared.Items[:1:1], release.EnvItem{CI: "if-01", Class: release.ClassInterface, Pair: "if-01"})
	s.do(keeper, release.InspectTest{Test: &shared, Production: production})
	s.do(engineer, release.CheckSecurity{Access: []itsm.PersonID{"u-eng"}, LiveData: true, Masked: true, Isolated: true})
	s.refused(engineer, release.StartTest{})
	s.do(keeper, release.InspectTest{Test: test, Production: production})
	s.do(engineer, release.StartTest{})
	if s.err == nil {
		s.do(engineer, release.ReportTest{Manifest: s.rel.Plan.Manifest.Digest(), Environment: s.rel.Inspection.Environment, Cases: 212, Evidence: "protocol 2026-31"})
	}
	s.do(engineer, release.Prepare{Key: "backup", Evidence: "restored on uat"})
	s.refused(manager, release.MakeReady{})
	s.do(engineer, release.Prepare{Key: "leaflet", Evidence: "printed, 40 copies"})
	s.do(keeper, release.TakeBaseline{})
	s.do(manager, release.MakeReady{})
}

// night is the go-live.
func (s *story) night() {
	s.now = time.Date(2026, 12, 19, 22, 5, 0, 0, s.now.Location())
	s.do(manager, release.Deploy{})
	s.do(manager, release.StartWave{Wave: "pilot"})
	s.target("db-01", "tables", "schema")

	damaged := []byte(contents["adapter"])
	damaged[3] ^= 1
	s.do(engineer, release.Distribute{CI: "if-01", Step: release.StepPackage, Files: found("adapter", damaged)})
	if s.err == nil {
		s.say("    %s is stopped: %s is not what the manifest says", s.rel.Targets[1].CI, s.rel.Targets[1].Failed.Mismatches[0].Key)
	}
	s.do(engineer, release.RetryTarget{CI: "if-01", Why: "copied anew"})
	s.do(manager, release.Continue{Why: "copied anew"})
	s.target("if-01", "adapter", "adapter")

	s.now = s.now.Add(2 * time.Hour)
	s.refused(manager, release.StartWave{Wave: "rest"})
	if s.err == nil {
		s.do(engineer, release.JudgeGate{Gate: "accounts", Readings: []release.Reading{{Measure: "failed_settlements", Value: 0}},
			Manifest: s.rel.Plan.Manifest.Digest(), Environment: s.rel.Inspection.Environment})
	}
	s.do(manager, release.StartWave{Wave: "rest"})
	s.target("if-02", "adapter", "adapter")
	if s.err == nil {
		undo, _ := s.rel.Plan.WayBack(s.rel.Applied)
		s.say("    the way back would be %v", undo)
	}

	s.cmdb.down = true
	if _, err := s.releases.Do(manager, s.rel.ID, release.Complete{}); err == nil {
		s.err = errors.New("a release was completed without the CMDB")
	} else {
		s.say("    %v: the release stays %s", err, s.rel.State)
	}
	s.cmdb.down = false
	s.do(manager, release.Complete{})
	s.say("    CMDB: %s", s.cmdb)
}

// target takes all steps on a target.
func (s *story) target(ci, unit, file string) {
	for _, step := range release.Distributions() {
		s.now = s.now.Add(2 * time.Minute)
		c := release.Distribute{CI: ci, Step: step, Files: found(file, []byte(contents[file]))}
		if step == release.StepInstall {
			c.Unit = unit
		}
		s.do(engineer, c)
	}
	s.say("%s  %s has %s", s.now.Format("01-02 15:04"), ci, unit)
}

func found(key string, content []byte) []release.Measured {
	m, _ := release.Measure(key, bytes.NewReader(content)) // reading from memory does not fail
	return []release.Measured{m}
}

// after is acceptance and report.
func (s *story) after() {
	s.do(keeper, release.TakeBaseline{After: true})
	s.do(keeper, release.Compare{}) // nothing deviates
	s.do(manager, release.Present{})
	word := release.Judgement{Answer: release.Accept}
	for _, k := range s.rel.Plan.Criteria {
		word.Criteria = append(word.Criteria, release.CriterionResult{Key: k.Key, Met: true, Evidence: "protocol of the night"})
	}
	s.do(yibao, release.JudgeBusiness{Judgement: word})
	s.do(desk, release.JudgeOperations{Judgement: word})
	if s.err != nil {
		return
	}
	s.now = s.rel.Observed.In(s.now.Location())
	s.refused(manager, release.FileReport{Analysis: "one file was damaged on its way and found at once"})
	s.do(manager, release.FileReport{Analysis: "one file was damaged on its way and found at once", Lessons: "copy by the second line", Shared: []string{"医保办", "service-desk"}, Exit: []string{"log of 24 to 26 December"}})
	if s.err == nil {
		report := s.rel.NewReport(*s.rel.Report)
		s.say("planned %s, actual %s; %d targets live, closes %s", hours(report.Planned, s.now), hours(report.Actual, s.now), len(report.Targets), strings.Join(report.Closes, ", "))
		s.err = s.releases.Verify(manager, s.rel.ID)
	}
}

func hours(w release.Window, now time.Time) string {
	return w.From.In(now.Location()).Format("15:04") + "–" + w.To.In(now.Location()).Format("15:04")
}
