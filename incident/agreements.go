package incident

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/calendar"
	"github.com/hospital-itsm/itsm/calendar/cn"
	"github.com/hospital-itsm/itsm/sla"
)

// The metrics of the tiers, inside those that the user was promised.
const (
	FirstLine  sla.Metric = "first_line"
	SecondLine sla.Metric = "second_line"
	Supplier   sla.Metric = "supplier"
)

//go:embed agreements.json
var defaultAgreements []byte

// ParseAgreements reads targets from JSON, the form of [sla.Data]. Their conditions are rules over [ClockFacts], of which fields
// are the host's own.
func ParseAgreements(data []byte, calendars map[string]*calendar.Calendar, fields ...itsm.Field) (*sla.Catalog, error) {
	return sla.ParseCatalog(ClockSchema(fields...), data, calendars)
}

// DefaultAgreements returns the shipped targets of a tertiary hospital with a resident team: response, on-site arrival,
// restoration and resolution for each priority, and the limits of the tiers inside them. The calendars are "day" (workdays
// 07:30 to 17:30) and "office" (workdays 08:00 to 12:00 and 14:00 to 17:30), with the rest days and make-up days of China.
func DefaultAgreements() *sla.Catalog {
	calendars := make(map[string]*calendar.Calendar)
	for name, hours := range map[string]string{"day": "07:30-17:30", "office": "08:00-12:00 14:00-17:30"} { //maporder: writes into a map
		week := calendar.Workdays(calendar.MustHours(strings.Fields(hours)...)...)
		cal, err := cn.Calendar(week, cn.FirstYear, cn.LastYear)
		if err != nil {
			panic(fmt.Sprintf("incident: shipped calendar %s: %v", name, err))
		}
		calendars[name] = cal
	}
	c, err := ParseAgreements(defaultAgreements, calendars)
	if err != nil {
		panic(fmt.Sprintf("incident: shipped agreements: %v", err)) // the data are part of the program
	}
	return c
}
