// Command quickstart takes one incident from the call to its end, on a store in memory.
//
//	go run ./examples/quickstart
//
// Look at run: a record, its commands, and Do are the whole API of a process. Everything before it is what a host brings
// once: a store, a configuration, and who acts.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/sla"
	"github.com/hospital-itsm/itsm/store/memory"
)

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal("quickstart: ", err)
	}
}

func run(w io.Writer) error {
	beijing := time.FixedZone("CST", 8*60*60)
	now := time.Date(2026, 2, 14, 8, 30, 0, 0, beijing) // a fixed clock, so that every run prints the same
	incidents := incident.NewService(incident.NewRepository(memory.New()), incident.Config{
		Config:     itsm.Config{Clock: func() time.Time { return now }, Zone: beijing},
		Agreements: incident.DefaultAgreements(),
	})

	// Who acts is in the context; the permissions of the roles are shipped, and can be replaced.
	as := func(id itsm.PersonID, role itsm.Role) context.Context {
		return itsm.WithActor(context.Background(), itsm.Actor{ID: id, Tenant: "h1", Roles: []itsm.Role{role}})
	}
	desk, engineer := as("u-017", itsm.RoleServiceDesk), as("u-205", itsm.RoleHardwareEngineer)

	inc, err := incidents.Do(desk, "", incident.Record{
		Channel: incident.Phone, Summary: "收费窗口打印机不出纸",
		Caller: incident.Caller{Name: "收费处", Department: "outpatient-fee", Phone: "8001"},
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s %s: %s\n", inc.ID, inc.State, inc.Summary)

	// Each command takes four minutes; after one that was refused none is given any more.
	do := func(ctx context.Context, cmd itsm.Command) {
		if err != nil {
			return
		}
		now = now.Add(4 * time.Minute)
		if inc, err = incidents.Do(ctx, inc.ID, cmd); err == nil {
			fmt.Fprintf(w, "%s  %-21s → %s\n", now.Format("15:04"), cmd.CommandName(), inc.State)
		}
	}
	do(desk, incident.Triage{Impact: incident.ImpactDepartment, Urgency: incident.UrgencyNow, Service: "his-opd"})
	do(desk, incident.Investigate{Diagnosis: "卡纸传感器报错", CI: "printer-0031", Symptom: "不出纸", Scope: "3 号窗口", Began: now.Add(-time.Hour)})
	do(desk, incident.Try{What: "断电重启", Outcome: incident.Failed})
	do(desk, incident.Dispatch{Group: "hardware"})
	if err != nil {
		return err
	}
	if due, ok := inc.Due(sla.Resolution); ok {
		fmt.Fprintf(w, "\npriority %s, to be solved by %s\n\n", inc.Priority, due.In(beijing).Format("2006-01-02 15:04 MST"))
	}

	// What is not possible is refused, with every reason and what is possible instead, in each language.
	var refused *itsm.RefusedError
	if _, err := incidents.Do(desk, inc.ID, incident.Close{CauseCode: "wear", SolutionCode: "replaced"}); !errors.As(err, &refused) {
		return fmt.Errorf("closing should have been refused, got: %w", err)
	}
	fmt.Fprintf(w, "%s\n%s\n\n", refused, refused.In(itsm.Chinese))

	do(engineer, incident.Start{})
	do(engineer, incident.Propose{Solution: "更换进纸传感器"})
	do(desk, incident.Confirm{Word: incident.UserAgrees, Said: "可以打印了"})
	do(desk, incident.Close{CauseCode: "wear", SolutionCode: "replaced"})
	if err != nil {
		return err
	}

	fmt.Fprintln(w, "\nwhat the user sees:")
	for entry, err := range incidents.Timeline(desk, inc.ID) {
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%s  %s %s", entry.At.In(beijing).Format("15:04"), entry.Told.In(itsm.Chinese), entry.Text)
		fmt.Fprintln(w, strings.TrimSpace(line))
	}

	// The journal is a chain of hashes, and the record is what it leads to.
	if err := incidents.Verify(desk, inc.ID); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nthe journal of %s is as it was written\n", inc.ID)
	return nil
}
