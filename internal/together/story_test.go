package together_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/approval"
	"github.com/hospital-itsm/itsm/change"
	"github.com/hospital-itsm/itsm/config"
	"github.com/hospital-itsm/itsm/release"
)

var errCrash = errors.New("the lights went out")

// A story is a world in which anything may happen, with a witness.
type story struct {
	*world
	*rapid.T
	witness *witness
	orders  int
}

// below draws a number from 0, each as likely as the others: what rapid draws by itself is mostly small.
func below(n int) *rapid.Generator[int] {
	return rapid.Custom(func(t *rapid.T) (v int) {
		for range 12 {
			if v *= 2; rapid.Bool().Draw(t, "bit") {
				v++
			}
		}
		return v % n
	})
}

// one draws one of some values, each as likely as the others.
func one[V any](t *rapid.T, label string, values ...V) V {
	return values[below(len(values)).Draw(t, label)]
}

// give gives a command, with whatever may go wrong at its commit; what was not answered is given again.
func (s *story) give(o order) {
	s.orders++
	opts := append(slices.Clone(o.opts), itsm.Once(itsm.CommandID(fmt.Sprint("order-", s.orders))))
	switch below(10).Draw(s.T, "fault") {
	case 0:
		s.db.FailBefore(1+below(2).Draw(s.T, "commit"), errCrash)
	case 1:
		s.db.FailAfter(1+below(2).Draw(s.T, "commit"), errCrash)
	}
	var err error
	for {
		if err = s.do(o.who, o.kind, o.id, o.cmd, opts...); !errors.Is(err, errCrash) {
			break
		}
		if below(5).Draw(s.T, "restart") == 4 {
			s.start()
		}
	}
	require.True(s.T, expected(err), "%s on %s: %v", o.cmd.CommandName(), o.id, err)
	s.witness.read()
}

// settle lets the reactions follow, through whatever goes wrong meanwhile.
func (s *story) settle() {
	for range 4 {
		report, err := s.clockwork.Tick(asker)
		if err == nil && report.Waiting == 0 {
			break
		}
		require.True(s.T, err == nil || errors.Is(err, errCrash), "%v", err)
		s.until(s.Now().Add(2 * time.Minute))
	}
	s.witness.read()
	s.witness.settled()
}

// aside is something that may happen to a change beside its main line.
func (s *story) aside(c change.Change) order {
	edited, plan := c.Request, c.Plan
	edited.Window.Start, edited.Window.End = s.Now().Add(time.Hour), s.Now().Add(8*time.Hour)
	plan.TestPlan += "+"
	more := c.Request
	more.Items = append(slices.Clone(more.Items), ci(one(s.T, "item", theItems...)))
	less := c.Request
	less.Items = less.Items[:1]
	again := c.Request
	again.Title += "!" // is not what was approved
	orders := []order{
		{who: asker, cmd: change.Describe{Request: edited}}, {who: asker, cmd: change.Describe{Request: more}}, {who: asker, cmd: change.Describe{Request: less}},
		{who: asker, cmd: change.Describe{Request: again}}, {who: asker, cmd: change.SetPlan{Plan: plan}},
		{who: asker, cmd: change.Cancel{Why: "not needed"}}, {who: manager, cmd: change.Rework{Why: "not clear"}}, {who: manager, cmd: ballotPaper(c, approval.Reject)},
		{who: engineer, cmd: change.Start{}}, {who: engineer, cmd: change.FinishStep{Deviation: "the check failed"}}, {who: engineer, cmd: change.Fail{Why: "it hangs"}},
		{who: manager, cmd: change.Fail{Why: "it hangs"}}, {who: manager, cmd: change.Close{}}, {who: manager, cmd: change.Compare{}}, {who: engineer, cmd: change.Start{}},
	}
	for _, x := range c.Conflicts {
		orders = append(orders, order{who: manager, cmd: change.Waive{Key: x.Key(), Why: "they work side by side"}})
	}
	o := one(s.T, "aside", orders...)
	o.kind, o.id = change.Kind, c.ID
	return o
}

// astray is something that may happen to a release beside its main line.
func (s *story) astray(r release.Release) order {
	revised := r.Plan
	revised.Objective += "+"
	target := one(s.T, "target", targetsOf(&r)...)
	broken := release.Distribute{CI: target, Step: release.StepPackage, Files: []release.Measured{found(r.Plan.Units[0].Key, "something else")}}
	for _, p := range r.Targets {
		if p.CI == target && p.Step != release.StepOperate {
			for _, wave := range r.Plan.Waves {
				for _, t := range wave.Targets {
					if t.CI == target {
						broken = distribute(r, t, p.Step)
						broken.Files = []release.Measured{found(broken.Files[0].Key, "something else")}
					}
				}
			}
		}
	}
	o := one(s.T, "astray",
		order{who: planner, cmd: release.Cancel{Why: "next year"}}, order{who: planner, cmd: release.Revise{Plan: revised}}, order{who: planner, cmd: release.Deploy{}}, order{who: planner, cmd: release.Complete{}},
		order{who: planner, cmd: release.Complete{Partly: "the rest will not do"}}, order{who: planner, cmd: release.RollBack{Why: "it is slow"}}, order{who: planner, cmd: release.Stop{Why: "wait"}},
		order{who: planner, cmd: release.FinishRollback{}}, order{who: engineer, cmd: broken}, order{who: engineer, cmd: release.FailTarget{CI: target, Why: "no disk"}},
		order{who: keeper, cmd: release.TakeBaseline{}}, order{who: planner, cmd: release.Complete{}}, order{who: planner, cmd: release.RollBack{Why: "it is slow"}},
		order{who: owner, cmd: release.JudgeBusiness{Judgement: release.Judgement{Answer: release.Reject, Remarks: "no", Criteria: []release.CriterionResult{{Key: "settles", Evidence: "none"}}}}},
	)
	o.kind, o.id = release.Kind, r.ID
	return o
}

// An errand is an item with the authority under which somebody wants to do something to it.
type errand struct {
	authority itsm.Ref
	item      itsm.ID
}

// errands are an authority and an item, mostly such that something is allowed.
func (s *story) errand() errand {
	var all, allowed []errand
	for _, authority := range []itsm.Ref{{Kind: change.Kind, ID: "CHG-1"}, {Kind: change.Kind, ID: "CHG-2"}, {Kind: release.Kind, ID: "REL-1"}, {Kind: release.Kind, ID: "REL-2"},
		{Kind: change.Kind, ID: "CHG-0"}, {Kind: change.Kind, ID: "CHG-9"}, {Kind: "ci_audit", ID: "A-1"}, {}} {
		for _, id := range theItems {
			e := errand{authority, id}
			all = append(all, e)
			if st := s.witness.standing(authority, id); st == config.Underway || st == config.Approved {
				allowed = append(allowed, e)
			}
		}
	}
	if len(allowed) > 0 && below(5).Draw(s.T, "allowed") > 0 {
		all = allowed
	}
	return one(s.T, "errand", all...)
}

// touch is something that somebody wants to do to an item, under an authority that may allow it or not.
func (s *story) touch() order {
	e := s.errand()
	authority := e.authority
	under := config.Under(authority)
	value := attributes("description", fmt.Sprint("as of ", s.orders))
	if authority.Kind == change.Kind {
		value = attributes(one(s.T, "attribute", "description", "version"), fmt.Sprint(s.orders))
	}
	step := one(s.T, "step", config.DoMaintain, config.DoActivate, config.DoSuspend, config.DoWithdraw, config.DoReinstate)
	o := one(s.T, "touch",
		order{who: keeper, cmd: config.Update{Authority: under, Attributes: value}}, order{who: keeper, cmd: config.Update{Authority: under, Attributes: value}},
		order{who: manager, cmd: config.PlanChange{Authority: under, Attributes: value}}, order{who: manager, cmd: config.PlanChange{Authority: under, Attributes: value, Step: config.DoMaintain}},
		order{who: manager, cmd: config.PlanChange{Authority: under, Attributes: value}}, order{who: manager, cmd: config.RealisePlan{Authority: under}}, order{who: manager, cmd: config.WithdrawPlan{Authority: under}},
		order{who: manager, cmd: config.WithdrawPlan{Authority: under}, opts: []itsm.Option{itsm.Because("it was a mistake")}},
		order{who: keeper, cmd: config.Move{Authority: under, Step: step}}, order{who: keeper, cmd: config.Move{Authority: under, Step: step}}, order{who: keeper, cmd: config.Dispose{Authority: under}},
		order{who: keeper, cmd: config.Link{Authority: under, Type: "depends_on", To: "fax-1"}}, order{who: keeper, cmd: config.Unlink{Authority: under, Type: "depends_on", To: "fax-1"}},
		order{who: keeper, cmd: config.LeaveScope{Authority: under, Why: "it is on loan"}}, order{who: keeper, cmd: config.EnterScope{}}, order{who: keeper, cmd: config.Accept{Authority: under}},
	)
	o.kind, o.id = config.Kind, e.item
	return o
}

// undo puts back what a change that failed has written.
func (s *story) undo(c change.Change) (o order, ok bool) {
	if c.Failure == nil || c.State == change.StateBackedOut {
		return order{}, false
	}
	for _, was := range c.Work.Baseline {
		i := s.item(was.Item.ID)
		for _, v := range i.Attributes {
			if before := was.Values["value:"+v.Name]; v.Under == c.Ref() && v.Value.String() != before {
				return order{who: keeper, kind: config.Kind, id: i.ID, cmd: config.Update{Authority: config.Under(c.Ref()), Attributes: map[string]itsm.Value{v.Name: textOrNone(before)}}}, true
			}
		}
	}
	return order{}, false
}

func textOrNone(s string) itsm.Value {
	if s == "" {
		return itsm.Value{}
	}
	return itsm.TextOf(s)
}

// next is what happens next.
func (s *story) next() {
	c := s.change(one[itsm.ID](s.T, "change", "CHG-1", "CHG-2"))
	r := s.release(one[itsm.ID](s.T, "release", "REL-1", "REL-2"))
	switch n := below(100).Draw(s.T, "what"); {
	case n < 26:
		if o, ok := s.undo(c); ok && n%4 > 0 {
			s.give(o)
		} else if working := c.State == change.StateImplementing; working && n%3 > 0 {
			s.give(s.touch())
		} else {
			s.give(s.forward(c))
		}
	case n < 56:
		for range 1 + below(4).Draw(s.T, "steps") {
			s.give(s.onward(s.release(r.ID)))
		}
	case n < 65:
		s.give(s.aside(c))
	case n < 72:
		s.give(s.astray(r))
	case n < 90:
		s.give(s.touch())
	case n < 92:
		s.until(s.Now().Add(time.Duration(one(s.T, "minutes", 1, 10, 60)) * time.Minute))
	case n < 98:
		s.settle()
	case n < 99:
		s.mu.Lock()
		if s.shelf[0] = programme("tables"); rapid.Bool().Draw(s.T, "tampered") {
			s.shelf[0].Digest[0] ^= 1
		}
		s.mu.Unlock()
	default:
		s.start()
	}
}

// begin takes changes and releases so far that something is at stake, mostly.
func (s *story) begin() {
	for _, id := range []itsm.ID{"CHG-1", "CHG-2"} {
		for range one(s.T, "forward", 0, 9, 16, 16, 16) {
			if c := s.change(id); c.State != change.StateScheduled {
				o := s.forward(c)
				_ = s.do(o.who, o.kind, o.id, o.cmd)
			}
		}
	}
	for _, id := range []itsm.ID{"REL-1", "REL-2"} {
		for range one(s.T, "onward", 0, 8, 16, 16, 16) {
			if r := s.release(id); !slices.Contains([]release.State{release.StateTestPassed, release.StateReady}, r.State) || r.Baseline == nil {
				o := s.onward(r)
				_ = s.do(o.who, o.kind, o.id, o.cmd)
			}
		}
	}
	s.witness.read()
}

func TestTogether(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("many histories")
	}
	seen, histories := map[string]int{}, 0
	stages := []string{"change.started", "change.restored", "change.closed", "release.deployment_completed", "release.rolled_back", "ci.plan_dropped", "change.difference_reported"}
	missing := func() []string {
		return slices.DeleteFunc(slices.Clone(stages), func(stage string) bool { return seen[stage] > 0 })
	}
	for round := 0; round < 10 && (round == 0 || histories >= 50 && len(missing()) > 0); round++ {
		rapid.Check(t, func(t *rapid.T) {
			w := newWorld(t)
			w.stock()
			s := &story{world: w, T: t, witness: newWitness(w)}
			s.witness.seen = seen
			s.witness.read()
			window := one(t, "window", 24, 25, 31)
			w.must(asker, change.Kind, "CHG-1", request(change.TypeNormal, hours(24), hours(31), "db-1", "if-1"))
			w.must(asker, change.Kind, "CHG-2", request(change.TypeEmergency, hours(window), hours(window+6), one(t, "items", []itsm.ID{"if-2", "app-1"}, []itsm.ID{"db-1", "fax-1"})...))
			w.must(planner, release.Kind, "REL-1", release.Draft{Plan: rollout(release.TypeMinor, []itsm.ID{"CHG-1"}, []aim{{"db-1", "tables"}, {"if-1", "adapter"}}, []aim{{"if-2", "adapter"}})})
			w.must(planner, release.Kind, "REL-2", release.Draft{Plan: rollout(release.TypeEmergency, []itsm.ID{"CHG-2"}, []aim{{one[itsm.ID](t, "aim", "if-2", "fax-1"), "adapter"}})})
			s.begin()
			for range one(t, "steps", 30, 50, 70) {
				s.next()
			}
			histories++
			s.settle()
			s.witness.end()
		})
	}
	for _, stage := range stages {
		t.Log(stage, seen[stage])
	}
	if histories >= 50 {
		require.Empty(t, missing(), "no history got as far")
	}
}
