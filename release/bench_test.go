package release_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/release"
)

// Measuring content costs what its digest costs.
func BenchmarkMeasure(b *testing.B) {
	content := bytes.Repeat([]byte("x"), 1<<20)
	b.Run("measure", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(content)))
		for b.Loop() {
			if _, err := release.Measure("f", bytes.NewReader(content)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare sha256", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(content)))
		for b.Loop() {
			sha256.Sum256(content)
		}
	})
}

// wideDeployment is a plan of n targets that get each unit of a chain of five.
func wideDeployment(n int) (release.Plan, []release.Applied) {
	var p release.Plan
	var units []string
	for i := range 5 {
		u := release.Unit{Key: fmt.Sprint("u", i), Version: "1", Takes: itsm.Minute, Rollback: "back", Back: itsm.Minute}
		if i > 0 {
			u.After = []string{units[i-1]}
		}
		p.Units, units = append(p.Units, u), append(units, u.Key)
	}
	w := release.Wave{Key: "w"}
	var applied []release.Applied
	for i := range n {
		ci := fmt.Sprint("ci-", i)
		p.CIs = append(p.CIs, ci)
		w.Targets = append(w.Targets, release.Target{CI: ci, Units: units})
		for _, u := range units {
			applied = append(applied, release.Applied{CI: ci, Unit: u})
		}
	}
	p.Waves = []release.Wave{w}
	return p, applied
}

// Checking a plan and computing the way back, by number of targets.
func BenchmarkPlan(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		p, applied := wideDeployment(n)
		b.Run(fmt.Sprint("check/targets=", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Check()
			}
		})
		b.Run(fmt.Sprint("way back/targets=", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.WayBack(applied)
			}
		})
	}
}
