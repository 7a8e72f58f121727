package sla_test

import (
	"fmt"
	"time"

	"github.com/hospital-itsm/itsm/calendar"
	"github.com/hospital-itsm/itsm/rule"
	"github.com/hospital-itsm/itsm/sla"
)

func Example() {
	type Ticket struct {
		Phase    string
		Priority string
		Waiting  string `expr:"waiting_for"`
	}
	office, err := calendar.Parse([]byte(`{"zone": "Asia/Shanghai", "week": {
		"mon": ["08:00-12:00", "14:00-17:30"], "tue": ["08:00-12:00", "14:00-17:30"], "wed": ["08:00-12:00", "14:00-17:30"],
		"thu": ["08:00-12:00", "14:00-17:30"], "fri": ["08:00-12:00", "14:00-17:30"]}}`))
	if err != nil {
		panic(err)
	}
	catalog, err := sla.ParseCatalog(rule.SchemaOf(Ticket{}), []byte(`{
		"pause_fact": "waiting_for",
		"definitions": [
			{"key": "p3-restoration", "version": "1", "metric": "restoration", "goal": "8h", "calendar": "office",
			 "for": {"priority": ["P3"]}, "pause_reasons": ["user"], "stop": "phase == \"resolved\"",
			 "ladder": [{"name": "warn", "at": "75%"}]},
			{"key": "p1-restoration", "version": "1", "metric": "restoration", "goal": "2h",
			 "for": {"priority": ["P1"]}, "stop": "phase == \"resolved\"", "retarget": "replay"}
		]}`), map[string]*calendar.Calendar{"office": office})
	if err != nil {
		panic(err)
	}

	var clocks sla.Sheet
	show := func(clockTime string, ticket Ticket) {
		now, _ := time.ParseInLocation("2006-01-02 15:04", "2026-03-"+clockTime, office.Zone())
		events, err := catalog.Observe(clocks, ticket, now)
		if err != nil {
			panic(err)
		}
		clocks = clocks.Apply(events...)
		due, ok := clocks.Due(sla.Restoration)
		if !ok {
			fmt.Println(clockTime, "no due time")
			return
		}
		fmt.Println(clockTime, "due", due.In(office.Zone()).Format("Mon 15:04"))
	}
	show("06 16:00", Ticket{Phase: "active", Priority: "P3"})
	show("06 17:00", Ticket{Phase: "active", Priority: "P3", Waiting: "user"})
	show("09 10:00", Ticket{Phase: "active", Priority: "P3"})
	show("09 15:00", Ticket{Phase: "active", Priority: "P1"})

	statuses, err := catalog.Status(clocks, clocks.Events()[len(clocks.Events())-1].At)
	if err != nil {
		panic(err)
	}
	for _, s := range statuses {
		fmt.Println(s.Definition, s.Health, s.Elapsed)
	}
	// Output:
	// 06 16:00 due Mon 16:30
	// 06 17:00 no due time
	// 09 10:00 due Tue 09:30
	// 09 15:00 due Fri 18:00
	// p3-restoration@1 superseded 4h0m0s
	// p1-restoration@1 breached 71h0m0s
}

func ExampleParseGoal() {
	for _, text := range []string{"4h", "3wd eod", "nbd 16:00", "before go_live 2h", "4 hours"} {
		goal, err := sla.ParseGoal(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(goal)
	}
	// Output:
	// 4h
	// 3wd eod
	// nbd 16:00
	// before go_live 2h
	// sla: "4 hours" is not a goal, want for example 4h, 3wd, 3wd keep, 3wd eod, nbd 16:00, 10d, 1mo, at 2026-03-01T12:00 or before FACT 2h
}

func ExampleCatalog_Explain() {
	catalog := catalogForExamples()
	start := time.Date(2026, 3, 6, 16, 0, 0, 0, time.UTC) // a Friday
	events, err := catalog.Observe(sla.Sheet{}, facts{}, start)
	if err != nil {
		panic(err)
	}
	sheet := sla.Sheet{}.Apply(events...)
	due, _ := sheet.Due(sla.Resolution)
	why, err := catalog.Explain(sheet, 1, due)
	if err != nil {
		panic(err)
	}
	for _, run := range why.Counted {
		for _, w := range run.Windows {
			fmt.Println(w.From.Format("Mon 15:04"), "to", w.To.Format("Mon 15:04"), "by", w.Why.Rule)
		}
	}
	// Output:
	// Fri 16:00 to Fri 18:00 by week
	// Mon 08:00 to Mon 10:00 by week
}

func catalogForExamples() *sla.Catalog {
	c, err := sla.NewCatalog(schema, sla.Data{Definitions: []sla.Definition{
		{Key: "resolution", Version: "1", Metric: sla.Resolution, Goal: sla.MustGoal("4h"), Calendar: "plain"},
	}}, map[string]*calendar.Calendar{"plain": mustCal(plainJSON)})
	if err != nil {
		panic(err)
	}
	return c
}
