package incident_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/lifecycle"
	"github.com/hospital-itsm/itsm/sla"
	"github.com/hospital-itsm/itsm/store/memory"
)

func Example() {
	db := memory.New() // or sqlite.Open("itsm.db")
	incidents := incident.NewService(incident.NewRepository(db), incident.Config{
		Agreements: incident.DefaultAgreements(),
		Config:     itsm.Config{Clock: func() time.Time { return time.Date(2026, 2, 13, 8, 30, 0, 0, time.UTC) }},
	})
	ctx := itsm.WithActor(context.Background(), itsm.Actor{ID: "u-017", Tenant: "h1", Roles: []itsm.Role{itsm.RoleServiceDesk}})

	caller := incident.Caller{Name: "fee window 3", Department: "fee", Phone: "8003"}
	inc, _ := incidents.Do(ctx, "", incident.Record{Channel: incident.Phone, Caller: caller, Summary: "收费窗口打印机不出纸"})
	inc, _ = incidents.Do(ctx, inc.ID, incident.Triage{Impact: incident.ImpactSeveral, Urgency: incident.UrgencyToday, Service: "his-opd"})
	inc, _ = incidents.Do(ctx, inc.ID, incident.Dispatch{Group: "hardware"})

	due, _ := inc.Due(sla.Resolution)
	fmt.Println(inc.ID, inc.State, inc.Priority, "due", due.In(time.FixedZone("CST", 8*3600)).Format("2006-01-02 15:04"))

	_, err := incidents.Do(ctx, inc.ID, incident.Close{})
	fmt.Println(err)
	// Output:
	// INC-20260213-0001 dispatched P3 due 2026-02-25 16:30
	// incident INC-20260213-0001: close is not possible in state dispatched (possible now: cancel, escalate, hold, start)
}

func ExampleService_Alert() {
	incidents := incident.NewService(incident.NewRepository(memory.New()), incident.Config{})
	ctx := itsm.WithActor(context.Background(), itsm.Actor{ID: "zabbix", Tenant: "h1", Roles: []itsm.Role{itsm.RoleMonitor}})
	at := time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC)
	var inc incident.Incident
	for i := range 40 { // monitoring says it every minute, until it is cleared
		inc, _ = incidents.Alert(ctx, incident.Alert{Source: "zabbix", CI: "sw-core-1", Signature: "link down", At: at.Add(time.Duration(i) * time.Minute)})
	}
	fmt.Println(inc.Summary, inc.Alert.Count)
	// Output: link down 40
}

func ExampleProcess_Machine() {
	process, err := incident.NewProcess(nil, incident.Config{})
	if err != nil {
		panic(err)
	}
	m := process.Machine(incident.TypeIncident)
	fmt.Println(m.Allowed(incident.StateProposed))
	to, ok := m.Next(incident.StateProposed, incident.DoConfirm)
	fmt.Println(to, ok)
	// Output:
	// [confirm reject]
	// confirmed true
}

func ExampleConfig_lifecycle() {
	table := incident.IncidentTable()
	for i := range table.Transitions { // close without the desk's confirmation?
		if table.Transitions[i].Event == incident.DoClose {
			table.Transitions[i].From = append(table.Transitions[i].From, incident.StateProposed)
		}
	}
	_, err := incident.NewProcess(nil, incident.Config{Lifecycle: &table})
	var spec *lifecycle.SpecError
	fmt.Println(errors.As(err, &spec) && spec.Breaks("desk_confirmation"))
	// Output: true
}
