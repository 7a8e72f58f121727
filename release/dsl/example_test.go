package dsl_test

import (
	"fmt"

	"github.com/hospital-itsm/itsm/release/dsl"
)

func ExampleParse() {
	_, err := dsl.Parse("insurance.release", `release "insurance interface" {
	type minor
	ci "if-01"
	unit adapter {
		version "3.2.0"
		after tables
		takes 20m
	}
	wave pilot {
		window 2026-12-19T22:00 to 2026-12-19T22:15
		target "if-02" units adapter
	}
}`)
	fmt.Println(err)
	// Output:
	// insurance.release:4:2: adapter has no way back: say how it is rolled back, or what cannot be undone
	// insurance.release:6:9: there is no unit tables
	// insurance.release:10:3: the window of pilot has 15m0s, but its longest path takes 20m0s and the way back 0s
	// insurance.release:11:3: if-02 is not among the configuration items of the release
}
