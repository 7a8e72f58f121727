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
	// Friday: the request
	// 09:00  wang   change.raise               → draft
	// 09:00  wang   change.submit              → submitted
	// 09:00  li     change.score_risk          → submitted
	// 09:00  chen   change.classify            → classified
	// 09:00  chen   change.begin_assessment    → assessing
	// 09:00  zhou   change.assess              → assessing
	// 09:00  wu     change.assess              → assessing
	// 09:00  li     change.begin_build         → building
	// 09:00  li     change.record_build        → building
	// 09:00  li     change.begin_test          → testing
	// 09:00  li     change.record_test         → testing
	//
	// Friday: the approval
	// 09:00  refused: change CHG-20260306-0001: start is not possible in state testing (possible now: cancel, reject, request_approval, rework)
	// 09:00  chen   change.request_approval    → awaiting_approval
	//         risk medium (13 points), decided by and(at_least(1, change_manager), quorum(50%, change_board), percent_of_voting(>50%, change_board))
	//         the backout has to be decided on by 03:40
	// 09:00  chen   change.vote                → awaiting_approval
	// 09:00  qian   change.vote                → awaiting_approval
	// 09:00  sun    change.vote                → approved
	// 09:00  chen   change.schedule            → scheduled
	// 09:00  chen   change.announce            → scheduled
	//
	// Sunday night: the work
	// 00:00  li     change.start               → implementing
	// 00:00  li     change.begin_step          → implementing
	// 00:40  li     change.finish_step         → implementing
	// 00:40  li     change.begin_step          → implementing
	// 00:58  li     change.finish_step         → implementing
	// 00:58  li     change.begin_step          → implementing
	//         going back is safe until 03:45
	// 02:10  li     change.finish_step         → failed
	//         accountable: chen, approved 2026-03-06 09:00
	//         accountable: qian, approved 2026-03-06 09:00
	//         accountable: sun, approved 2026-03-06 09:00
	//
	// Sunday night: the way back
	// 02:10  refused: change CHG-20260306-0001: succeed is not possible in state failed (possible now: back_out)
	// 02:10  refused: change CHG-20260306-0001: close is not possible in state failed (possible now: back_out)
	// 02:10  li     change.back_out            → backing_out
	// 03:05  li     change.restore             → backed_out
	// 03:05  li     change.compare             → backed_out
	//         difference 1: ci/emr-app pool_size was 50, is 20
	//
	// Monday: the review
	// 09:00  refused: change CHG-20260306-0001: write_review refused: li must not be both failed_reviewer and implementer (possible now: write_review)
	// 09:00  chen   change.write_review        → in_review
	//         planned 2h35m0s, actual 2h10m0s
	// 09:00  refused: change CHG-20260306-0001: close refused: difference 1 (ci/emr-app pool_size) is neither put right nor reported as an incident (possible now: close)
	// 09:00  system/reactions change.report_difference   → in_review
	// 09:00  chen   change.close               → closed
	//         result: failed_backed_out, 3 people accountable
}
