package dsl_test

import (
	"encoding/json"
	"testing"

	"github.com/hospital-itsm/itsm/release"
	"github.com/hospital-itsm/itsm/release/dsl"
)

// Reading a plan as text, its check included, beside decoding the same plan from JSON and checking it.
func BenchmarkParse(b *testing.B) {
	text := read(b, "insurance.release")
	plan, err := dsl.Parse("insurance.release", text)
	if err != nil {
		b.Fatal(err)
	}
	data, err := json.Marshal(plan)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("text", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := dsl.Parse("insurance.release", text); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var p release.Plan
			if err := json.Unmarshal(data, &p); err != nil || len(p.Check()) > 0 {
				b.Fatal(err)
			}
		}
	})
}
