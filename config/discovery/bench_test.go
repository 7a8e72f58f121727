package discovery_test

import (
	"fmt"
	"testing"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config"
	"github.com/hospital-itsm/itsm/config/discovery"
)

// A whole hospital: 9,500 items, each seen by two sources, beside only indexing the items.
func BenchmarkReconcile(b *testing.B) {
	p, err := config.NewProcess(config.Repositories{}, config.Config{})
	if err != nil {
		b.Fatal(err)
	}
	const n = 9_500
	var items []config.Item
	var obs []discovery.Observation
	for i := range n {
		item := config.Item{Class: "client", State: config.StateLive, Attributes: []config.Value{{Name: "model", Value: text("M")}, {Name: "uuid", Value: text(fmt.Sprint("uuid-", i))}}}
		item.ID = itsm.ID(fmt.Sprint("CI-", i))
		items = append(items, item)
		for _, source := range []string{"glpi", "nmap"} {
			obs = append(obs, seen(source, fmt.Sprint("pc-", i), attrs{"model": text("M"), "uuid": text(fmt.Sprint("uuid-", i)), "os": text("linux")}))
		}
	}
	for name, o := range map[string][]discovery.Observation{"items only": nil, "two sources": obs} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if plan := discovery.Reconcile(p, items, o); len(o) > 0 && len(plan.Matches) != n {
					b.Fatal(len(plan.Matches))
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/item")
		})
	}
}
