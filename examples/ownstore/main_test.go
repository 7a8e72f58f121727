package main

import (
	"fmt"
	"os"
)

func Example() {
	if err := run(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// one ticket, from the call to its end:
	//   INC-20260214-0001  incident.record       → recorded
	//   INC-20260214-0001  incident.triage       → triaged
	//   INC-20260214-0001  incident.investigate  → triaged
	//   INC-20260214-0001  incident.try          → triaged
	//   INC-20260214-0001  incident.dispatch     → dispatched
	//   INC-20260214-0001  incident.start        → diagnosing
	//   INC-20260214-0001  incident.propose      → resolved_proposed
	//   INC-20260214-0001  incident.confirm      → confirmed
	//   INC-20260214-0001  incident.close        → closed
	//
	// a second ticket:
	//   INC-20260214-0002  incident.record       → recorded
	//   INC-20260214-0002  incident.triage       → triaged
	//
	// SELECT no, state, priority, coalesce(team, '-'), campus, summary FROM ticket:
	//   INC-20260214-0001  closed    P1  hardware  东院  收费窗口打印机不出纸
	//   INC-20260214-0002  triaged   P4  -         东院  收费窗口打印机不出纸
	//
	// what the service finds by the same columns, for campus 东院, still worked on:
	//   INC-20260214-0002  triaged  P4
	//
	// a refused command:
	//   incident INC-20260214-0002: start is not possible in state triaged (possible now: cancel, dispatch)
	//   incident INC-20260214-0002: 状态 triaged 下不能执行 start (现在可以：cancel、dispatch)
	//   the journal knows that u-205 tried, and why: "it is my printer"
	//
	// two agents saw the same version:
	//   INC-20260214-0002  itsm.note             → triaged
	//   the second is told: incident INC-20260214-0002: changed by somebody else: the version is 7, not 5
	//
	// one command ID, given twice:
	//   INC-20260214-0002  incident.contact      → triaged
	//   INC-20260214-0002  incident.contact      → triaged
	//   it was reported 2 times
	//
	// a duplicate:
	//   INC-20260214-0003  incident.record       → recorded
	//   INC-20260214-0003  incident.merge        → recorded
	//   INC-20260214-0002 has taken in [INC-20260214-0003] and was reported 3 times
	//
	// personal data are erased:
	//   before: the caller's name is in 2 rows
	//   INC-20260214-0001  itsm.erase_personal   → closed
	//   after: the caller's name is in 0 rows
	//   the journal of INC-20260214-0001 is as it was written
}
