package change_test

import (
	"context"
	"fmt"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/change"
	"github.com/hospital-itsm/itsm/store/memory"
)

func Example() {
	db := memory.New() // or sqlite.Open("itsm.db")
	changes := change.NewService(change.NewRepository(db), change.Config{
		Config: itsm.Config{Clock: func() time.Time { return time.Date(2026, 3, 7, 10, 0, 0, 0, time.UTC) }},
	})
	ctx := itsm.WithActor(context.Background(), itsm.Actor{ID: "u-017", Tenant: "h1", Roles: []itsm.Role{itsm.RoleSoftwareEngineer}})

	c, _ := changes.Do(ctx, "", change.Raise{Request: change.Request{Title: "EMR patch 4.2.1", Category: change.Software, Urgency: change.UrgencyHigh,
		Items: []itsm.Ref{{Kind: "ci", ID: "emr-app"}}, Services: []string{"emr"}}})
	fmt.Println(c.ID, c.State)

	_, err := changes.Do(ctx, c.ID, change.Submit{})
	fmt.Println(err)
	// Output:
	// CHG-20260307-0001 draft
	// change CHG-20260307-0001: submit refused: reason is missing; description is missing; benefit is missing; hazard is missing; window is missing; if_not_done is missing (possible now: cancel, submit)
}

func ExampleFitOf() {
	night := change.Window{Start: time.Date(2026, 3, 8, 0, 0, 0, 0, time.UTC), End: time.Date(2026, 3, 8, 3, 0, 0, 0, time.UTC)}
	steps := []change.Step{{What: "stop", Estimate: 10 * itsm.Minute}, {What: "patch", Estimate: 90 * itsm.Minute, Undo: 40 * itsm.Minute}}
	fit := change.FitOf(night, steps, change.Backout{Duration: 20 * itsm.Minute})
	fmt.Println(fit.Fits(), "decide by", fit.Decide.Format("15:04"))

	steps[1].Estimate = 3 * itsm.Hour
	fit = change.FitOf(night, steps, change.Backout{Duration: 20 * itsm.Minute})
	fmt.Println(fit.Fits(), "after step", fit.Late, "by", fit.Missing)
	// Output:
	// true decide by 02:00
	// false after step 2 by 1h10m0s
}

func ExampleAgenda() {
	at := func(hour int) time.Time { return time.Date(2026, 3, 8, hour, 0, 0, 0, time.UTC) }
	db := itsm.Ref{Kind: "ci", ID: "emr-db"}
	agenda := change.NewAgenda(change.Booking{Change: "CHG-1", Span: change.Span{Start: at(0), End: at(4)}, Items: []itsm.Ref{db}})
	for _, c := range agenda.Conflicts(change.Booking{Change: "CHG-2", Span: change.Span{Start: at(3), End: at(5)}, Items: []itsm.Ref{db}}) {
		fmt.Println(c.Kind, c.Witness, c.With, c.Span.Start.Format("15:04"), c.Span.End.Format("15:04"))
	}
	// Output:
	// same_item ci/emr-db [CHG-1] 03:00 04:00
}
