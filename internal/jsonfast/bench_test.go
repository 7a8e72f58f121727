package jsonfast_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/internal/jsonfast"
)

// BenchmarkMarshal encodes what a record is like: many fields, few of them filled.
func BenchmarkMarshal(b *testing.B) {
	n := 3
	v := all{Base: Base{ID: "INC-20260214-0007", At: time.Date(2026, 2, 14, 8, 0, 0, 0, time.UTC)}, S: "the printer at window 3 is silent", P: &n, G: 2,
		L: []string{"a", "b"}, T: time.Date(2026, 2, 14, 9, 0, 0, 0, time.UTC), D: itsm.Digest{1}}
	b.Run("jsonfast", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := jsonfast.Marshal(&v); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := json.Marshal(&v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
