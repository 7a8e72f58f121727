package impact_test

import (
	"fmt"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config/impact"
)

// hospital is the fee service on two servers of which one suffices, and what they stand on.
func hospital() *impact.Graph {
	var b impact.Builder
	for _, id := range []itsm.ID{"fees", "app-1", "app-2", "db", "switch", "ups"} {
		if err := b.AddItem(id); err != nil {
			panic(err)
		}
	}
	for _, r := range []impact.Relation{
		{From: "fees", To: "app-1", Type: "served_by"},
		{From: "fees", To: "app-2", Type: "served_by"},
		{From: "fees", To: "db", Type: "stores_in"},
		{From: "app-1", To: "switch", Type: "linked_to"},
		{From: "app-2", To: "ups", Type: "fed_by"},
		{From: "switch", To: "ups", Type: "fed_by"},
	} {
		if err := b.AddRelation(r); err != nil {
			panic(err)
		}
	}
	if err := b.SetGroup(impact.AnyOf("fees", "servers", "app-1", "app-2")); err != nil {
		panic(err)
	}
	return b.Graph()
}

func ExampleGraph_Reach() {
	r, err := hospital().Reach(impact.Query{Of: []itsm.ID{"ups"}})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%+v\n", r.Count())
	for hit := range r.All() {
		fmt.Println(hit.Distance, hit.Item)
	}
	chain, _ := r.Chain("fees")
	fmt.Println(chain)
	// Output:
	// {Direct:2 Transitive:4 Unknown:0 MaxHops:2}
	// 1 app-2
	// 1 switch
	// 2 app-1
	// 2 fees
	// [{app-2 ups fed_by} {fees app-2 served_by}]
}

func ExampleGraph_Simulate() {
	o, err := hospital().Simulate(impact.Scenario{Failed: []itsm.ID{"switch"}})
	if err != nil {
		panic(err)
	}
	for e := range o.All() {
		fmt.Println(e.State, e.Item)
	}
	why, _ := o.Explain("fees")
	for _, s := range why.Steps {
		fmt.Printf("%s %s: failed %v, group %q needs %d, has %d\n", s.Item, s.State, s.Failed, s.Group, s.Need, s.Left)
	}
	// Output:
	// down app-1
	// down switch
	// degraded fees
	// switch down: failed true, group "" needs 0, has 0
	// app-1 down: failed false, group "" needs 0, has 0
	// fees degraded: failed false, group "servers" needs 1, has 1
}

func ExampleGraph_Cuts() {
	cuts, err := hospital().Cuts("fees", impact.Scenario{}, 2)
	if err != nil {
		panic(err)
	}
	fmt.Println(cuts)
	// Output:
	// [[db] [ups] [app-1 app-2] [app-2 switch]]
}

func ExampleGraph_Apply() {
	now := hospital()
	// What would a second line of power change?
	planned, err := now.Apply(
		impact.AddRelation{Relation: impact.Relation{From: "app-2", To: "ups-2", Type: "fed_by"}},
		impact.SetGroup{Group: impact.AnyOf("app-2", "power", "ups", "ups-2")},
	)
	if err != nil {
		panic(err)
	}
	for _, g := range []*impact.Graph{now, planned} {
		points, err := g.SinglePoints("fees", impact.Scenario{})
		fmt.Println(points, err)
	}
	// Output:
	// [db ups] <nil>
	// [db] <nil>
}

func ExampleGraph_Unavailability() {
	p, err := hospital().Unavailability("fees", impact.Scenario{}, func(id itsm.ID) float64 {
		if id == "app-1" || id == "app-2" {
			return 0.1
		}
		return 0
	})
	fmt.Printf("%.4f %v\n", p, err)
	// Output:
	// 0.0100 <nil>
}
