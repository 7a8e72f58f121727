package calendar_test

import (
	"fmt"
	"time"

	"github.com/hospital-itsm/itsm/calendar"
)

func ExampleParse() {
	c, err := calendar.Parse([]byte(`{
		"zone": "Asia/Shanghai",
		"week": {"thu": ["08:00-12:00", "14:00-17:30"], "fri": ["08:00-12:00", "14:00-17:30"]},
		"holidays": [{"from": "2026-02-15", "to": "2026-02-23", "name": "春节"}],
		"days": {"2026-02-14": "fri"}
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	start := time.Date(2026, 2, 13, 16, 30, 0, 0, c.Zone())
	due, err := c.Add(start, 8*time.Hour)
	fmt.Println(due.Format("Mon 2006-01-02 15:04"), err)
	fmt.Println(c.Between(start, due))
	// Output:
	// Sat 2026-02-14 17:00 <nil>
	// 8h0m0s
}

func ExampleParse_faults() {
	_, err := calendar.Parse([]byte(`{"zone": "Asia/Peking", "week": {"mon": ["08:00-12:00", "11:30-17:30"]}, "holiday": []}`))
	fmt.Println(err)
	// Output:
	// calendar: holiday: is not known; zone: "Asia/Peking" is not known, want an IANA name such as Asia/Shanghai; week.mon[1]: shift 11:30-17:30 overlaps 08:00-12:00; join them or let them touch
}

func ExampleSubtract() {
	office, _ := calendar.New(calendar.Data{Zone: "Asia/Shanghai", Week: calendar.Workdays(calendar.MustHours("08:00-17:00")...)})
	works, _ := calendar.New(calendar.Data{Zone: "Asia/Shanghai", Open: []calendar.Stretch{{
		From: calendar.LocalTime{Date: calendar.MustDate("2026-03-02"), Clock: 16 * 60},
		To:   calendar.LocalTime{Date: calendar.MustDate("2026-03-03"), Clock: 9 * 60},
	}}})
	c, err := calendar.Subtract(office, works)
	fmt.Println(c.Day(calendar.MustDate("2026-03-02")).Working, c.Day(calendar.MustDate("2026-03-03")).Working, err)
	// Output: 8h0m0s 8h0m0s <nil>
}

func ExampleCalendar_Explain() {
	c, _ := calendar.New(calendar.Data{
		Zone:     "Asia/Shanghai",
		Week:     calendar.Workdays(calendar.MustHours("08:00-17:00")...),
		Holidays: []calendar.Holiday{{From: calendar.MustDate("2026-01-01"), Name: "元旦"}},
	})
	start := time.Date(2025, 12, 31, 15, 0, 0, 0, c.Zone())
	due, _ := c.Add(start, 3*time.Hour)
	e := c.Explain(start, due)
	for _, s := range e.Spans {
		fmt.Println(s.From.Format("01-02 15:04"), s.Duration(), s.Why)
	}
	for _, s := range e.Skipped {
		fmt.Println(s.Date, s.Why)
	}
	// Output:
	// 12-31 15:00 2h0m0s week, like wed
	// 01-02 08:00 1h0m0s week, like fri
	// 2026-01-01 holiday 元旦
}

func ExampleCalendar_AddDays() {
	c, _ := calendar.New(calendar.Data{Zone: "Asia/Shanghai", Week: calendar.Workdays(calendar.MustHours("08:00-17:00")...)})
	friday := time.Date(2026, 3, 6, 15, 30, 0, 0, c.Zone())
	for _, mode := range []calendar.DayMode{calendar.SameTime, calendar.EndOfDay, calendar.CutOff(15 * 60)} {
		due, _ := c.AddDays(friday, 1, mode)
		fmt.Println(due.Format("Mon 15:04"), mode)
	}
	// Output:
	// Mon 15:30 same_time
	// Mon 17:00 end_of_day
	// Tue 17:00 cut_off 15:00
}
