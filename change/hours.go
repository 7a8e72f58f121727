package change

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/calendar"
)

// Hours say when changes may be made, as data: maintenance windows by grade of service, clinical peaks, and freezes. All are
// in civil time of the zone that their calendar names.
type HoursData struct {
	// Maintenance has a calendar for each grade of service, open while changes to it may be made. A grade without one has no restriction.
	Maintenance map[string]calendar.Data `json:"maintenance,omitempty"`
	// Peaks is open while clinics are at their busiest.
	Peaks *calendar.Data `json:"peaks,omitempty"`
	// Freezes are times in which nothing is changed but in an emergency.
	Freezes []FreezeData `json:"freezes,omitempty"`
}

// An InFlight says what becomes of a change that is being made when a freeze begins.
type InFlight string

// The rules for changes in flight.
const (
	FinishTheChange InFlight = "finish_change" // it is finished; the default
	FinishTheStep   InFlight = "finish_step"   // the present step is finished, then it is decided whether to go back
	GoBack          InFlight = "back_out"      // it is backed out
)

// FreezeData is one freeze.
type FreezeData struct {
	Name     string        `json:"name"`
	Calendar calendar.Data `json:"calendar"`             // open while it is frozen
	Services []string      `json:"services,omitempty"`   // it is about; empty for all
	Category []Category    `json:"categories,omitempty"` // likewise
	InFlight InFlight      `json:"in_flight,omitempty"`  // defaults to finish_change
	Waiver   itsm.Role     `json:"waiver,omitempty"`     // who may let a change through; "" for nobody
}

// Hours is the compiled form of [HoursData]. It is immutable and safe for concurrent use.
type Hours struct {
	data        HoursData
	version     string
	maintenance map[string]*calendar.Calendar
	peaks       *calendar.Calendar
	freezes     []freeze
}

type freeze struct {
	FreezeData
	open *calendar.Calendar
}

// NewHours compiles the data. The error names every fault.
func NewHours(data HoursData) (*Hours, error) {
	h := &Hours{data: data, maintenance: make(map[string]*calendar.Calendar)}
	var faults []error
	for _, grade := range sortedKeys(data.Maintenance) {
		c, err := calendar.New(data.Maintenance[grade])
		if err != nil {
			faults = append(faults, fmt.Errorf("maintenance of grade %s: %w", grade, err))
		}
		h.maintenance[grade] = c
	}
	if data.Peaks != nil {
		var err error
		if h.peaks, err = calendar.New(*data.Peaks); err != nil {
			faults = append(faults, fmt.Errorf("peaks: %w", err))
		}
	}
	names := map[string]bool{}
	for i, f := range data.Freezes {
		if f.Name == "" || names[f.Name] {
			faults = append(faults, fmt.Errorf("freeze %d: the name %q is empty or there twice", i+1, f.Name))
		}
		names[f.Name] = true
		switch f.InFlight {
		case "":
			f.InFlight = FinishTheChange
		case FinishTheChange, FinishTheStep, GoBack:
		default:
			faults = append(faults, fmt.Errorf("freeze %s: in_flight is %q, want finish_change, finish_step or back_out", f.Name, f.InFlight))
		}
		for _, c := range f.Category {
			if !slices.Contains(Categories(), c) {
				faults = append(faults, fmt.Errorf("freeze %s: %q is no category", f.Name, c))
			}
		}
		open, err := calendar.New(f.Calendar)
		if err != nil {
			faults = append(faults, fmt.Errorf("freeze %s: %w", f.Name, err))
		}
		h.freezes = append(h.freezes, freeze{f, open})
	}
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("%w: hours: %w", itsm.ErrInvalid, err)
	}
	text, err := json.Marshal(data)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	h.version = hex.EncodeToString(sum[:8])
	return h, nil
}

// ParseHours reads hours from JSON. Unknown keys are errors.
func ParseHours(text []byte) (*Hours, error) {
	var data HoursData
	if err := decodeStrict(text, &data); err != nil {
		return nil, fmt.Errorf("%w: hours: %w", itsm.ErrInvalid, err)
	}
	return NewHours(data)
}

// Version identifies the data: a change keeps the version under which it was approved.
func (h *Hours) Version() string {
	if h == nil {
		return ""
	}
	return h.version
}

// A Site is what the hours have to know of a change.
type Site struct {
	Services  []string // keys of the services that it touches
	Grades    []string // of those services
	Category  Category
	Emergency bool
}

func (f *freeze) about(s *Site) bool {
	hit := func(list []string) bool {
		return len(list) == 0 || slices.ContainsFunc(s.Services, func(x string) bool { return slices.Contains(list, x) })
	}
	return hit(f.Services) && (len(f.Category) == 0 || slices.Contains(f.Category, s.Category))
}

// Check lists what stands against making a change in a window: freezes, the end of maintenance hours, clinical peaks. All of
// what the window occupies after its lead must lie within the maintenance hours, the time for backing out included. For an
// emergency nothing blocks: the conflicts are warnings, which ask for the consent of more people.
func (h *Hours) Check(w Window, s Site) []Conflict {
	if h == nil || w.IsZero() {
		return nil
	}
	span := Span{w.Start, w.Closes()}
	var found []Conflict
	add := func(kind ConflictKind, severity Severity, witness string, at Span, waiver itsm.Role) {
		if s.Emergency {
			severity = Warning
		}
		found = append(found, Conflict{Kind: kind, Severity: severity, Witness: witness, Span: at, Waiver: waiver})
	}
	for i := range h.freezes {
		f := &h.freezes[i]
		if !f.about(&s) {
			continue
		}
		for stretch := range f.open.Spans(span.Start, span.End) {
			add(InFreeze, Blocking, f.Name, Span{stretch.From.UTC(), stretch.To.UTC()}, f.Waiver)
			break
		}
	}
	grades := slices.Clone(s.Grades)
	slices.Sort(grades)
	for _, grade := range slices.Compact(grades) {
		c := h.maintenance[grade]
		if c == nil || c.Between(span.Start, span.End) == span.Length() {
			continue
		}
		add(OutsideHours, Blocking, "grade "+grade, closedPart(c, span), itsm.RoleChangeManager)
	}
	if h.peaks != nil {
		for stretch := range h.peaks.Spans(span.Start, span.End) {
			add(InPeak, Warning, "clinical peak", Span{stretch.From.UTC(), stretch.To.UTC()}, itsm.RoleChangeManager)
			break
		}
	}
	slices.SortFunc(found, compareConflicts)
	return found
}

// closedPart returns the first stretch of a span in which a calendar is closed.
func closedPart(c *calendar.Calendar, span Span) Span {
	from := span.Start
	for stretch := range c.Spans(span.Start, span.End) {
		if stretch.From.After(from) {
			return Span{from, stretch.From.UTC()}
		}
		from = stretch.To.UTC()
	}
	return Span{from, span.End}
}

// frozen finds the freeze of a name and reports whether it is about a change in a window.
func (h *Hours) frozen(name string, w Window, s Site) (InFlight, bool) {
	if h == nil {
		return "", false
	}
	for i := range h.freezes {
		if f := &h.freezes[i]; f.Name == name && f.about(&s) && f.open.Between(w.Start, w.Closes()) > 0 {
			return f.InFlight, true
		}
	}
	return "", false
}

// AffectedBy lists the conflicts that hours have with changes that were approved under others, by change: what a new freeze
// stands against. grades gives the grades of a change's services. Nothing is changed; see [Impose].
func (h *Hours) AffectedBy(changes iter.Seq[Change], grades func(c *Change) []string) map[itsm.ID][]Conflict {
	hit := make(map[itsm.ID][]Conflict)
	for c := range changes {
		if c.Approved == nil || c.Approved.Hours == h.Version() {
			continue
		}
		switch c.State {
		case StateApproved, StateScheduled, StateImplementing:
			found := h.Check(c.Window, Site{Services: c.Services, Grades: grades(&c), Category: c.Category, Emergency: c.Emergency()})
			if len(found) > 0 {
				hit[c.ID] = found
			}
		}
	}
	return hit
}

// DefaultHours returns the shipped hours: maintenance of grades B and C from 23:30 to 05:30, of grade A on Sundays from 00:00
// to 05:00, clinical peaks on workdays, and no freeze. The zone is that of China.
func DefaultHours() HoursData {
	return HoursData{
		Maintenance: map[string]calendar.Data{
			"A": parseCalendar(`{"zone": "Asia/Shanghai", "week": {"sun": ["00:00-05:00"]}}`),
			"B": parseCalendar(nightly), "C": parseCalendar(nightly),
		},
		Peaks: new(parseCalendar(`{"zone": "Asia/Shanghai", "week": {"mon": ["07:30-11:30", "13:30-16:00"], "tue": ["07:30-11:30", "13:30-16:00"],
			"wed": ["07:30-11:30", "13:30-16:00"], "thu": ["07:30-11:30", "13:30-16:00"], "fri": ["07:30-11:30", "13:30-16:00"]}}`)),
	}
}

const nightly = `{"zone": "Asia/Shanghai", "week": {"mon": ["23:30-05:30"], "tue": ["23:30-05:30"], "wed": ["23:30-05:30"], "thu": ["23:30-05:30"],
	"fri": ["23:30-05:30"], "sat": ["23:30-05:30"], "sun": ["23:30-05:30"]}}`

func parseCalendar(text string) (d calendar.Data) {
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		panic(err) // part of the program
	}
	return d
}

// MonthEnds returns a freeze of the last and the first days of each month from one to another, so many on either side.
func MonthEnds(name, zone string, from, to calendar.Date, days int) FreezeData {
	d := calendar.Data{Zone: zone}
	for first := (calendar.Date{Year: from.Year, Month: from.Month, Day: 1}); !first.After(to); first = first.AddMonths(1) {
		d.Open = append(d.Open, wholeDays(first.AddDays(-days), first.AddDays(days)))
	}
	return FreezeData{Name: name, Calendar: d, Waiver: itsm.RoleProjectManager}
}

// AroundDays returns a freeze of a stretch of dates, both included, with so many days before and after it.
func AroundDays(name, zone string, first, last calendar.Date, days int) FreezeData {
	return FreezeData{Name: name, Calendar: calendar.Data{Zone: zone, Open: []calendar.Stretch{wholeDays(first.AddDays(-days), last.AddDays(days+1))}}, Waiver: itsm.RoleProjectManager}
}

// wholeDays is the stretch from the beginning of one date to the beginning of another.
func wholeDays(from, until calendar.Date) calendar.Stretch {
	return calendar.Stretch{From: calendar.LocalTime{Date: from}, To: calendar.LocalTime{Date: until}}
}
