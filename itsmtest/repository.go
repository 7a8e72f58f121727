package itsmtest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
)

// Repository checks that a host's own repository keeps the contract of [itsm.Repository], each part in a subtest of its own.
// open must return an empty repository. sample returns the content of the ith record, as different as
// records get; ID, tenant, version and times are set by the suite. What is found is compared with what the process declares.
// Counting ([itsm.Numberer]), lending ([itsm.Lender]) and units of work ([itsm.UnitOfWork]) are checked where there are such.
//
//	func TestConformance(t *testing.T) {
//		itsmtest.Repository(t, process, openTables, sampleIncident)
//	}
func Repository[R, F any, C itsm.Command](t *testing.T, process itsm.Process[R, F, C], open func(t testing.TB) itsm.Repository[R], sample func(i int) R, except ...Exception) {
	t.Helper()
	runRepository(testRunner{t}, process, open, sample, except...)
}

// repoSuite is one subtest of the suite.
type repoSuite[R any] struct {
	runner
	ctx     context.Context
	repo    itsm.Repository[R]
	kind    itsm.Kind
	meta    func(*R) *itsm.Meta
	outline func(R) itsm.Outline
	index   []itsm.IndexField
	sample  func(i int) R
}

func runRepository[R, F any, C itsm.Command](t runner, process itsm.Process[R, F, C], open func(t testing.TB) itsm.Repository[R], sample func(i int) R, except ...Exception) {
	t.Helper()
	d := process.Describe()
	checks := []repoCheck[R]{
		{"a record comes back as it was saved", "", (*repoSuite[R]).checkRoundTrip},
		{"a save at the wrong sequence number is a conflict", "", (*repoSuite[R]).checkExpect},
		{"a command ID counts once in its tenant", "", (*repoSuite[R]).checkCommands},
		{"a refusal leaves the record as it is", "", (*repoSuite[R]).checkRefusals},
		{"find agrees with the definition of a query", "", (*repoSuite[R]).checkFind},
		{"the journal agrees with the definition of a filter", "", (*repoSuite[R]).checkEvents},
		{"lists can be stopped, nested and repeated", "", (*repoSuite[R]).checkSequences},
		{"what goes in is not changed and what comes out belongs to the caller", "", (*repoSuite[R]).checkOwnership},
		{"erasing takes the personal part and leaves the chain", NoErase, (*repoSuite[R]).checkErase},
		{"no call crosses tenants", "", (*repoSuite[R]).checkTenants},
		{"concurrent saves have one winner each", "", (*repoSuite[R]).checkRaces},
		{"a reader that follows the journal misses nothing", "", (*repoSuite[R]).checkFollow},
		{"a unit of work is done whole or not at all", "", (*repoSuite[R]).checkUnits},
		{"concurrent units of work lose nothing", "", (*repoSuite[R]).checkUnitRaces},
		{"a cancelled context changes nothing", "", (*repoSuite[R]).checkCancelled},
		{"numbers are given once", "", (*repoSuite[R]).checkNumbers},
	}
	for _, e := range except {
		declare(t, e)
		if !slices.ContainsFunc(checks, func(c repoCheck[R]) bool { return c.except == e }) {
			t.Logf("nothing that is asked of a repository depends on it, so the exception can go: %s", e)
		}
	}
	for _, c := range checks {
		t.run(c.name, func(t runner) {
			check := func(t runner) {
				c.run(&repoSuite[R]{
					runner: t, ctx: t.Context(), repo: open(t), kind: d.Kind, meta: process.Meta, outline: process.Outline,
					index: slices.Concat(metaFields, d.Index), sample: sample,
				})
			}
			if c.except == "" || !slices.Contains(except, c.except) {
				check(t)
				return
			}
			t.Skip(c.except.declared(!keeps(t, check)))
		})
	}
}

// A repoCheck is one part of the contract.
type repoCheck[R any] struct {
	name   string
	except Exception // with which it is skipped
	run    func(s *repoSuite[R])
}

// metaFields are the fields by which the records of every kind can be found.
var metaFields = []itsm.IndexField{
	{Name: "state", Type: itsm.TextValue}, {Name: "phase", Type: itsm.TextValue}, {Name: "level", Type: itsm.NumberValue},
	{Name: "created", Type: itsm.TimeValue}, {Name: "updated", Type: itsm.TimeValue},
}

// IndexOf returns what a record of a process is found by, as [itsm.Service] puts it into [itsm.Change], apart from fields of the host.
func IndexOf[R, F any, C itsm.Command](process itsm.Process[R, F, C], rec R) []itsm.IndexEntry {
	return indexOf(process.Meta(&rec), process.Outline(rec))
}

func indexOf(m *itsm.Meta, o itsm.Outline) []itsm.IndexEntry {
	return append(slices.Clip(o.Index),
		entry("state", itsm.TextOf(o.State)), entry("phase", itsm.TextOf(o.Phase)), entry("level", itsm.NumberOf(m.Level)),
		entry("created", itsm.TimeOf(m.Created)), entry("updated", itsm.TimeOf(m.Updated)))
}

func (s *repoSuite[R]) key(tenant itsm.Tenant, id itsm.ID) itsm.Key {
	return itsm.Key{Tenant: tenant, Kind: s.kind, ID: id}
}

// change returns the change that brings a record to the content of a sample. edit may change the entry before it is hashed.
func (s *repoSuite[R]) change(k itsm.Key, prev itsm.Stored[R], i int, edit ...func(*itsm.Event)) itsm.Change[R] {
	recorded := start.Add(time.Duration(prev.Seq) * time.Second)
	rec := s.sample(i)
	m := s.meta(&rec)
	m.ID, m.Tenant, m.Version, m.Updated, m.Created, m.CreatedBy = k.ID, k.Tenant, prev.Seq+1, recorded, start.Add(time.Duration(len(k.ID))*time.Millisecond), "u-017"
	m.Level = itsm.Confidentiality(1 + i%4)
	o := s.outline(rec)
	ev := itsm.Event{
		Key: k, Seq: prev.Seq + 1, Type: "itsmtest.happened", At: recorded, Recorded: recorded, Actor: "u-017", Command: newCommand(),
		CommandName: "itsmtest.do", Data: fmt.Appendf(nil, `{"seq":%d}`, prev.Seq+1), Prev: prev.Head,
	}
	for _, f := range edit {
		f(&ev)
	}
	ev.Hash = ev.ComputeHash()
	return itsm.Change[R]{Key: k, Expect: prev.Seq, Record: &rec, Events: []itsm.Event{ev}, Index: indexOf(m, o), Wake: o.Wake, Command: ev.Command}
}

// refusal returns the change of a command that was refused; the zero Stored gives one that stands alone.
func (s *repoSuite[R]) refusal(k itsm.Key, prev itsm.Stored[R]) itsm.Change[R] {
	c := s.change(k, prev, 0, func(e *itsm.Event) {
		e.Type = typeRefused
		if prev.Seq == 0 {
			e.Kind, e.ID = itsm.KindCommand, itsm.ID(e.Command)
		}
	})
	c.Key, c.Record, c.Index, c.Wake = c.Events[0].Key, nil, nil, time.Time{}
	return c
}

func (s *repoSuite[R]) save(c itsm.Change[R]) itsm.Stored[R] {
	s.Helper()
	require.NoError(s, s.repo.Save(s.ctx, c))
	return s.load(c.Key)
}

func (s *repoSuite[R]) load(k itsm.Key) itsm.Stored[R] {
	s.Helper()
	stored, err := s.repo.Load(s.ctx, k)
	require.NoError(s, err, "load")
	if lender, ok := s.repo.(itsm.Lender[R]); ok {
		lent, err := lender.Borrow(s.ctx, k)
		require.NoError(s, err, "borrow")
		same := itsm.Stored[R]{Record: *lent.Record, Seq: lent.Seq, Head: lent.Head, Recorded: lent.Recorded}
		require.Equal(s, string(mustJSON(stored)), string(mustJSON(same)), "what is lent is what load gives")
	}
	return stored
}

func (s *repoSuite[R]) journal(f itsm.Filter) []itsm.Event {
	s.Helper()
	return collect(s, "events", s.repo.Events(s.ctx, "", f))
}

// verify checks the chain of a record.
func (s *repoSuite[R]) verify(k itsm.Key) []itsm.Event {
	s.Helper()
	stored := s.load(k)
	events := s.journal(itsm.Filter{Tenant: k.Tenant, Kind: k.Kind, ID: k.ID})
	var chain itsm.ChainVerifier
	for i := range events {
		require.NoError(s, chain.Next(&events[i]), "the hash chain of the journal")
	}
	require.NoError(s, chain.Finish(k, stored.Seq, stored.Head), "the journal ends at the head of the record")
	return events
}

// same checks that a record is stored as a change said.
func (s *repoSuite[R]) same(c itsm.Change[R], got itsm.Stored[R], why string) {
	s.Helper()
	last := c.Events[len(c.Events)-1]
	assert.Equal(s, string(mustJSON(c.Record)), string(mustJSON(got.Record)), "%s: the record", why)
	assert.Equal(s, [2]string{fmt.Sprint(last.Seq), last.Hash.String()}, [2]string{fmt.Sprint(got.Seq), got.Head.String()}, "%s: sequence number and head", why)
	assert.Equal(s, showTime(last.Recorded), showTime(got.Recorded), "%s: when it was recorded", why)
}

// refused checks that a change gives an error of a class and leaves everything as it was.
func (s *repoSuite[R]) refused(c itsm.Change[R], why string, classes ...error) {
	s.Helper()
	before := s.picture(c)
	err := s.repo.Save(s.ctx, c)
	if assert.Error(s, err, why) {
		assert.True(s, isOne(err, classes...), "%s: the error must match %v, got: %v", why, classes, err)
	}
	assert.Equal(s, before, s.picture(c), "%s: a change that fails leaves nothing behind", why)
}

func (s *repoSuite[R]) picture(c itsm.Change[R]) string {
	s.Helper()
	stored, err := s.repo.Load(s.ctx, c.Key)
	return fmt.Sprintf("%s %v\n%s", mustJSON(stored), err != nil, showEvents(s.journal(itsm.Filter{Tenant: c.Key.Tenant})))
}
