package scheduler_test

import (
	"context"
	"fmt"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/scheduler"
	"github.com/hospital-itsm/itsm/store/memory"
)

// An incident of the first priority is recorded and triaged, and nobody takes it up.
func ExampleWake() {
	clock := itsmtest.NewClock(time.Date(2026, 3, 2, 0, 30, 0, 0, time.UTC))
	db := memory.New()
	cfg := incident.Config{Config: itsm.Config{Clock: clock.Now}, Agreements: incident.DefaultAgreements()}
	incidents := incident.NewService(incident.NewRepository(db), cfg)
	s, err := scheduler.New(db, scheduler.Config{Clock: clock.Now}, scheduler.Wake(incidents, incident.Tick{}))
	if err != nil {
		panic(err)
	}

	ctx := itsm.WithActor(context.Background(), itsm.Actor{ID: "u-017", Tenant: "h1", Roles: []itsm.Role{itsm.RoleServiceDesk}})
	inc, _ := incidents.Do(ctx, "", incident.Record{Channel: incident.Phone, Caller: incident.Caller{Department: "fee", Phone: "8001"}, Summary: "no fees can be taken"})
	_, _ = incidents.Do(ctx, inc.ID, incident.Triage{Impact: incident.ImpactHospital, Urgency: incident.UrgencyNow})

	for range 4 { // what s.Run does, without the waiting
		report, err := s.Tick(ctx)
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s woken %d, next at %s\n", clock.Now().Format("15:04:05"), report.Woken, report.Next.Format("15:04:05.999999"))
		clock.Set(report.Next)
	}
	// Output:
	// 00:30:00 woken 0, next at 00:32:30
	// 00:32:30 woken 1, next at 00:33:45
	// 00:33:45 woken 1, next at 00:35:00
	// 00:35:00 woken 1, next at 00:35:00.000001
}

// When an incident is cancelled, a note about it is left on the one it was mistaken for.
func ExampleOn() {
	db := memory.New()
	policy, _ := itsm.NewPolicy(append(incident.Grants(), itsm.Grant{Role: itsm.RoleSystem, Commands: []string{"itsm.note"}})...)
	incidents := incident.NewService(incident.NewRepository(db), incident.Config{Config: itsm.Config{Authorizer: policy}})
	ctx := itsm.WithActor(context.Background(), itsm.Actor{ID: "u-017", Tenant: "h1", Roles: []itsm.Role{itsm.RoleServiceDesk}})
	record := incident.Record{Channel: incident.Phone, Caller: incident.Caller{Department: "fee", Phone: "8001"}, Summary: "the printer is silent"}
	first, _ := incidents.Do(ctx, "", record)

	note := scheduler.On("note-of-cancellation", incidents, func(ctx context.Context, ev itsm.Event, _ incident.CancelledEvent) error {
		_, err := scheduler.Do(ctx, incidents, first.ID, itsm.Note{Text: "cancelled: " + string(ev.ID)})
		return err
	})
	// Two schedulers, as in two processes.
	one, _ := scheduler.New(db, scheduler.Config{}, note)
	two, _ := scheduler.New(db, scheduler.Config{}, note)

	second, _ := incidents.Do(ctx, "", record)
	if _, err := incidents.Do(ctx, second.ID, incident.Cancel{Reason: incident.MisEntry, Note: "typed twice"}); err != nil {
		panic(err)
	}
	for _, s := range []*scheduler.Scheduler{one, two, one} {
		if _, err := s.Tick(context.Background()); err != nil {
			panic(err)
		}
	}
	first, _ = incidents.Get(ctx, first.ID)
	fmt.Println("notes:", first.Notes)
	// Output: notes: 1
}
