package impact

import (
	"cmp"
	"slices"

	"github.com/hospital-itsm/itsm"
)

// A Meaning is what an item is to the people who work with it.
type Meaning struct {
	Service     bool     // it is a service that is offered to users
	Departments []string // that work with it
}

// A Radius is how far a failure carries.
type Radius struct {
	Count
	Services    []Hit        `json:"services"`    // sorted by distance, then ID
	Departments []Department `json:"departments"` // sorted by distance, then name
}

// A Department is one whose work is reached.
type Department struct {
	Name     string `json:"name"`
	Items    int    `json:"items"`    // of those it works with, how many are reached
	Distance int    `json:"distance"` // of the nearest of them
}

// Radius sums up what was reached by service and department. Unlike in the counts, the items where the search started are
// looked at too, at distance 0: a service that itself fails is one that is reached. The function is called once for every item.
func (r *Reach) Radius(meaning func(itsm.ID) Meaning) Radius {
	out := Radius{Count: r.count, Services: []Hit{}, Departments: []Department{}}
	at := make(map[string]int) // in out.Departments
	for d := range r.ends {
		for _, i := range r.sorted(d) {
			id := r.graph.id(i)
			m := meaning(id)
			if m.Service {
				out.Services = append(out.Services, Hit{id, d})
			}
			for k, name := range m.Departments {
				if slices.Contains(m.Departments[:k], name) {
					continue
				}
				n, ok := at[name]
				if !ok {
					n = len(out.Departments)
					at[name] = n
					out.Departments = append(out.Departments, Department{Name: name, Distance: d})
				}
				out.Departments[n].Items++
			}
		}
	}
	slices.SortFunc(out.Departments, func(a, b Department) int {
		return cmp.Or(cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.Name, b.Name))
	})
	return out
}
