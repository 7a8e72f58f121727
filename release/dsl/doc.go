// Package dsl is the text form of a release plan, and a builder that gives the same plan in Go.
//
//	release "Insurance interface 3.2" {
//		type major
//		zone "Asia/Shanghai"
//		objective "settle by the rules of the new year"
//		ci "if-01"
//		change "CHG-20261102-0001"
//		file adapter "yb/adapter.war" version "3.2.0" digest sha256:… size 48213
//		unit adapter {
//			version "3.2.0"
//			files adapter
//			takes 20m
//			rollback "start the war of the baseline" takes 15m
//		}
//		wave pilot {
//			window 2026-12-19T22:00 to 2026-12-20T00:00
//			target "if-01" units adapter
//		}
//	}
//
// The whole grammar is in [Grammar], in EBNF. [Parse] reads the text and checks the plan ([release.Plan.Check]); its error, an
// [*Error], names every fault with line, column and reason. [Format] writes the canonical text: Parse of it gives the same plan.
//
// # Limits
//
// A text has at most [MaxBytes] bytes; blocks do not nest deeper than the grammar, so that depth is bounded too. Comments are not part of a plan: Format does not write them. Times are civil times of the plan's zone; one that the zone
// skips is a fault, one that it repeats wants an offset, as in 2026-10-25T02:30+01:00.
package dsl
