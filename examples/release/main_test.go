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
	// 11-02 09:00  release.draft             → planning
	// 11-02 09:00  release.open_consultation → consulting
	// the plan concerns 医保办, 收费处 and the desk
	//     refused: release REL-20261102-0001: 拒绝 submit：尚未与 收费处 商讨（department）；尚未与 service-desk 商讨（group） (现在可以：cancel、revise、sign_off)
	// 11-02 09:00  release.sign              → signed_off
	// 12-07 09:00  release.build             → building
	//     refused: release REL-20261102-0001: 拒绝 start_test：测试环境与正式环境共用 if-01；if-01 与正式环境不一致：os 为 ，应为 kylin-10-sp3，且没有有效豁免；if-01 与正式环境不一致：patch 为 ，应为 2026-11，且没有有效豁免 (现在可以：cancel、revise、start_test)
	// 12-07 09:00  release.start_test        → testing
	// 12-07 09:00  release.report_test       → test_passed
	//     refused: release REL-20261102-0001: 拒绝 make_ready：leaflet 尚未准备好，负责人 u-desk；没有 if-01, if-02, db-01 的基线 (现在可以：cancel、make_ready、revise)
	// 12-07 09:00  release.make_ready        → ready
	// 12-19 22:05  release.deploy            → deploying
	// 12-19 22:13  db-01 has tables
	// 12-19 22:13  release.distribute        → halted
	//     if-01 is stopped: adapter is not what the manifest says
	// 12-19 22:13  release.continue          → deploying
	// 12-19 22:21  if-01 has adapter
	//     refused: release REL-20261102-0001: 拒绝 start_wave：关口未通过：accounts (unknown) (现在可以：complete、halt、roll_back)
	// 12-20 00:29  if-02 has adapter
	//     the way back would be [{if-02 adapter} {if-01 adapter} {db-01 tables}]
	//     release REL-20261102-0001: CMDB: no connection: the release stays deploying
	// 12-20 00:29  release.complete          → deployed
	//     CMDB: db-01 tables 3.2.0, if-01 adapter 3.2.0, if-02 adapter 3.2.0
	// 12-20 00:29  release.present           → accepting
	// 12-20 00:29  release.judge_operations  → accepted
	//     refused: release REL-20261102-0001: 拒绝 file_report：缺少 lessons；缺少 shared；缺少 exit (现在可以：report)
	// 12-27 00:29  release.file_report       → reported
	// planned 22:00–02:00, actual 22:05–00:29; 3 targets live, closes problem/PRB-20261015-0003
}
