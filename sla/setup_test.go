package sla_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/calendar"
	"github.com/hospital-itsm/itsm/rule"
	"github.com/hospital-itsm/itsm/sla"
)

// facts is what the conditions of these tests read: a record of no particular kind.
type facts struct {
	Phase     string
	Priority  string
	Customer  string
	Service   string
	Hold      string    `expr:"hold_reason"`
	OpenedAt  time.Time `expr:"opened_at"`
	GoLive    time.Time `expr:"go_live"`
	Started   bool
	Responded bool
	Rejected  bool
	Dropped   bool
	Mine      bool `expr:"awaits_agent"`
	Count     int
}

var schema = rule.SchemaOf(facts{})

// office is the timetable of the golden cases: 7.5 hours a day, Spring Festival 2026 and its make-up Saturdays.
const officeJSON = `{"zone": "Asia/Shanghai",
 "week": {"mon": ["08:00-12:00", "14:00-17:30"], "tue": ["08:00-12:00", "14:00-17:30"], "wed": ["08:00-12:00", "14:00-17:30"],
          "thu": ["08:00-12:00", "14:00-17:30"], "fri": ["08:00-12:00", "14:00-17:30"]},
 "holidays": [{"from": "2026-02-15", "to": "2026-02-23", "name": "春节"}],
 "days": {"2026-02-14": "fri", "2026-02-28": "fri"},
 "published": {"from": "2024-01-01", "to": "2026-12-31"}}`

// plain is ten hours a day, Monday to Friday, in UTC, so that figures can be checked in the head.
const plainJSON = `{"zone": "UTC", "week": {"mon": ["08:00-18:00"], "tue": ["08:00-18:00"], "wed": ["08:00-18:00"], "thu": ["08:00-18:00"], "fri": ["08:00-18:00"]}}`

func cal(t testing.TB, text string) *calendar.Calendar {
	t.Helper()
	c, err := calendar.Parse([]byte(text))
	require.NoError(t, err)
	return c
}

func calendars(t testing.TB) map[string]*calendar.Calendar {
	return map[string]*calendar.Calendar{"office": cal(t, officeJSON), "plain": cal(t, plainJSON), "never": cal(t, `{"zone": "UTC"}`)}
}

// catalog makes a catalog of definitions that wait for the reasons in hold_reason.
func catalog(t testing.TB, defs ...sla.Definition) *sla.Catalog {
	t.Helper()
	return catalogOf(t, sla.Data{Definitions: defs, PauseFact: "hold_reason"})
}

func catalogOf(t testing.TB, data sla.Data) *sla.Catalog {
	t.Helper()
	c, err := sla.NewCatalog(schema, data, calendars(t))
	require.NoError(t, err)
	return c
}

// at reads "2026-03-02 17:00" as UTC; 2026-03-02 is a Monday.
func at(s string) time.Time {
	layout := "2006-01-02 15:04:05.999999"
	if len(s) == len("2006-01-02 15:04") {
		layout = "2006-01-02 15:04"
	}
	t, err := time.ParseInLocation(layout, s, time.UTC)
	if err != nil {
		panic(err)
	}
	return t
}

// shanghai reads the same on the wall clock of the hospital.
func shanghai(s string) time.Time { return at(s).Add(-8 * time.Hour) }

// story is a record on its way: every step checks that the caches are those of a replay.
type story struct {
	testing.TB
	c     *sla.Catalog
	sheet sla.Sheet
	facts facts
}

func tell(t testing.TB, c *sla.Catalog) *story { return &story{TB: t, c: c} }

func (s *story) take(events []sla.Event, err error) []sla.Event {
	s.Helper()
	require.NoError(s, err)
	s.sheet = s.sheet.Apply(events...)
	require.NoError(s, s.c.Verify(s.sheet))
	return events
}

// see changes the facts and observes them.
func (s *story) see(when string, change func(*facts)) []sla.Event {
	s.Helper()
	if change != nil {
		change(&s.facts)
	}
	return s.take(s.c.Observe(s.sheet, &s.facts, at(when)))
}

func (s *story) tick(when string) []sla.Event {
	s.Helper()
	return s.take(s.c.Tick(s.sheet, at(when)))
}

// due is the due time of a metric as text, "" when there is none.
func (s *story) due(m sla.Metric) string {
	t, ok := s.sheet.Due(m)
	if !ok {
		return ""
	}
	return t.Format("2006-01-02 15:04")
}

// status is that of the latest clock of a metric.
func (s *story) status(m sla.Metric, when string) sla.Status {
	s.Helper()
	all := s.all(when)
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Metric == m {
			return all[i]
		}
	}
	s.Fatalf("no clock of metric %s", m)
	return sla.Status{}
}

func (s *story) all(when string) []sla.Status {
	s.Helper()
	all, err := s.c.Status(s.sheet, at(when))
	require.NoError(s, err)
	return all
}

func kinds(events []sla.Event) []sla.Kind {
	var out []sla.Kind
	for _, e := range events {
		out = append(out, e.Kind)
	}
	return out
}

func phase(p string) func(*facts)     { return func(f *facts) { f.Phase = p } }
func hold(reason string) func(*facts) { return func(f *facts) { f.Hold = reason } }
func priority(p string) func(*facts)  { return func(f *facts) { f.Priority = p } }
func both(fs ...func(*facts)) func(*facts) {
	return func(f *facts) {
		for _, change := range fs {
			change(f)
		}
	}
}
