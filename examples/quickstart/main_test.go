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
	// INC-20260214-0001 recorded: 收费窗口打印机不出纸
	// 08:34  incident.triage       → triaged
	// 08:38  incident.investigate  → triaged
	// 08:42  incident.try          → triaged
	// 08:46  incident.dispatch     → dispatched
	//
	// priority P1, to be solved by 2026-02-14 16:30 CST
	//
	// incident INC-20260214-0001: close is not possible in state dispatched (possible now: cancel, escalate, hold, start)
	// incident INC-20260214-0001: 状态 dispatched 下不能执行 close (现在可以：cancel、escalate、hold、start)
	//
	// 08:50  incident.start        → diagnosing
	// 08:54  incident.propose      → resolved_proposed
	// 08:58  incident.confirm      → confirmed
	// 09:02  incident.close        → closed
	//
	// what the user sees:
	// 08:30  已受理登记 收费窗口打印机不出纸
	// 08:34  已判断
	// 08:46  已分派处理
	// 08:50  已开始处理
	// 08:54  已有解决方案，服务台将与您确认 更换进纸传感器
	// 08:58  服务台已确认
	// 09:02  已关闭
	//
	// the journal of INC-20260214-0001 is as it was written
}
