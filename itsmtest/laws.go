package itsmtest

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

// A Law is a promise that every process keeps.
type Law string

// The laws.
const (
	// Replay: the stored record equals the fold of its journal, and the journal verifies.
	Replay Law = "replay: the stored record is what its journal leads to"
	// Refusal: a refused command leaves the record as it was, and one entry that says who wanted what, and why not.
	Refusal Law = "refusal: a refused command changes nothing and is in the journal"
	// Determinism: the same record, command, facts and environment lead to the same events, and deciding and evolving
	// leave what they were given as it was.
	Determinism Law = "determinism: deciding and evolving depend on what they are given, and leave it alone"
	// Closure: every record is in a declared state and phase, and is found by what the process declares.
	Closure Law = "closure: no command leads out of what is declared"
	// Once: a command ID has the effect of once, also after a lost answer and with several callers at a time.
	Once Law = "exactly once: the same command ID twice has the effect of once"
	// TwoTimes: what happened earlier can be told with a permission only; when it was recorded cannot be set at all.
	TwoTimes Law = "two times: what happened may be dated back with a permission, when it was recorded never"
	// Time: time alone moves a record only where that is declared, and a wake that was answered is not due any more.
	Time Law = "time: being late is no state, and a wake that was answered is over"
	// Masking: an actor below the clearance never gets what is protected, in no answer and no error.
	Masking Law = "masking: nobody below the clearance gets what is protected"
)

// AllLaws returns the laws in their order.
func AllLaws() []Law {
	return []Law{Replay, Refusal, Determinism, Closure, Once, TwoTimes, Time, Masking}
}

// An Edge is a step of a lifecycle. From is "" for the states in which a record may begin.
type Edge struct{ From, To string }

// A Spec tells [Laws] about a process. R is its record, F its facts, C its commands.
type Spec[R, F any, C itsm.Command] struct {
	// Process is what is tested. Required.
	Process itsm.Process[R, F, C]

	// Command draws a command for a record, likely or unlikely, with options such as [itsm.Because]. At step 0 there is no
	// record yet, and it must draw an [itsm.Creation] that can succeed. The suite itself adds empty, unknown and misplaced
	// commands, the commands that every record takes, command IDs, and times. Defaults to [Commands].
	Command func(t *rapid.T, rec R, step int) (itsm.Command, []itsm.Option)

	// Actor draws who gives the commands; the tenant is set by the suite. Defaults to one of a few people, mostly with all the
	// roles that the process grants something, sometimes with one of them or none.
	Actor func(t *rapid.T) itsm.Actor

	// Config of the service. Clock and Random are replaced.
	Config itsm.Config

	// Open gives an empty repository, once for each law. Defaults to one in memory.
	Open func(t testing.TB) itsm.Repository[R]

	// States are those that the lifecycle declares. Defaults to not being checked.
	States []string

	// Tick returns the command that the scheduler gives when a record wants to be woken. Defaults to nil, for a process that
	// time does not drive: its records must then never want to be woken.
	Tick func(rec R) itsm.Command

	// Auto are the changes of state that time alone may make. Defaults to none.
	Auto []Edge

	// Steps is how many commands a history has at most. Defaults to 20.
	Steps int
}

// Laws checks the laws over a process with generated histories, each law in a subtest of its own. Without laws it checks all.
// With [Closure] it logs which commands were accepted and refused in which states, so that it shows how far the generator gets.
// Numbers of histories are set by the flag -rapid.checks, a failure is made small and can be repeated by -rapid.seed.
//
//	func TestLaws(t *testing.T) {
//		itsmtest.Laws(t, itsmtest.SpecOf(process))
//	}
func Laws[R, F any, C itsm.Command](t *testing.T, spec Spec[R, F, C], laws ...Law) {
	t.Helper()
	runLaws(testRunner{t}, spec, laws...)
}

func runLaws[R, F any, C itsm.Command](t runner, spec Spec[R, F, C], laws ...Law) {
	t.Helper()
	if len(laws) == 0 {
		laws = AllLaws()
	}
	if spec.Process == nil {
		t.Fatal("itsmtest: a Spec needs a Process")
	}
	if spec.Command == nil {
		spec.Command = Commands(spec.Process)
	}
	if spec.Steps <= 0 {
		spec.Steps = 20
	}
	if spec.Open == nil {
		spec.Open = func(testing.TB) itsm.Repository[R] { return store.NewRepository[R](memory.New()).Uncached() }
	}
	if spec.Actor == nil {
		spec.Actor = drawActor(rolesOf(spec.Process.Describe()))
	}
	for _, law := range laws {
		t.run(string(law), func(t runner) {
			repo := spec.Open(t)
			cover := newCoverage(spec.Process.Describe())
			check := func(rt *rapid.T) {
				w := newWorld(rt, t, &spec, repo)
				w.cover = cover
				switch law {
				case Replay:
					w.checkReplay()
				case Refusal:
					w.checkRefusal()
				case Determinism:
					w.checkDeterminism()
				case Closure:
					w.checkClosure()
				case Once:
					w.checkOnce()
				case TwoTimes:
					w.checkTwoTimes()
				case Time:
					w.checkTime()
				case Masking:
					w.checkMasking()
				default:
					rt.Fatalf("there is no law %q; there are %q", law, AllLaws())
				}
			}
			rapid.Check(t, check)
			if law == Closure {
				t.Logf("what the histories tried, and where:\n%s%s", cover, cover.unreached(spec.States))
			}
		})
	}
}

// rolesOf returns every role that the process grants something, in the order of its grants.
func rolesOf(d itsm.Description) (roles []itsm.Role) {
	for _, g := range d.Grants {
		if !slices.Contains(roles, g.Role) {
			roles = append(roles, g.Role)
		}
	}
	return roles
}

func drawActor(roles []itsm.Role) func(t *rapid.T) itsm.Actor {
	return func(t *rapid.T) itsm.Actor {
		a := itsm.Actor{ID: rapid.SampledFrom([]itsm.PersonID{"u-001", "u-002", "u-003"}).Draw(t, "actor"), Roles: roles}
		switch few := evenly(10).Draw(t, "few roles"); {
		case few == 8 && len(roles) > 0:
			a.Roles = []itsm.Role{roles[evenly(len(roles)).Draw(t, "role")]}
		case few == 9:
			a.Roles = nil
		}
		return a
	}
}

// Roles that only the authorizer of the suite knows. They come on top of what the process or the host grants.
const (
	roleAuditor  itsm.Role = "itsmtest.auditor"  // reads everything, classifies
	roleImporter itsm.Role = "itsmtest.importer" // may date back
	roleReader   itsm.Role = "itsmtest.reader"   // reads, with the clearance Internal
)

// authorizer adds the roles of the suite to those of the process or the host.
type authorizer struct{ inner itsm.Authorizer }

func (a authorizer) Authorize(r itsm.Request) error {
	switch r.Command {
	case "itsm.backdate":
		if r.Actor.Has(roleImporter) {
			return nil
		}
		return ruleBackdate.With()
	case "itsm.read", "itsm.journal", "itsm.timeline":
		if r.Actor.Has(roleAuditor, roleReader) {
			return nil
		}
	case "itsm.classify", "itsm.note":
		if r.Actor.Has(roleAuditor) {
			return nil
		}
	}
	return a.inner.Authorize(r)
}

func (a authorizer) Sight(actor itsm.Actor) itsm.Sight {
	switch {
	case actor.Has(roleAuditor):
		return itsm.Sight{Clearance: itsm.PatientRelated, Infrastructure: true}
	case actor.Has(roleReader):
		return itsm.Sight{Clearance: itsm.Internal}
	}
	return a.inner.Sight(actor)
}

var ruleBackdate = itsm.Denied("itsmtest.backdate", "dating back is for importers", "仅导入方可以补录过去的时间")

// epoch is when the histories begin.
var epoch = time.Date(2026, 2, 14, 8, 0, 0, 0, time.UTC)
