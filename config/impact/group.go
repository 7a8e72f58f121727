package impact

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/hospital-itsm/itsm"
)

// A Group is redundancy: an item needs only so much of some of the items that it depends on. It is down when the weights of the members
// that are up sum to less than the need.
//
// A member counts while the item has a relation to it; the others of the group are ready for when it has. The need is
// never more than all of these members together, so a group of fewer members than it needs stands until the first of them is lost.
// A dependency that is in no group of its item is needed by itself; one in several groups counts in each.
type Group struct {
	Item    itsm.ID  `json:"item"`
	Name    string   `json:"name"`              // within the item
	Need    int      `json:"need,omitempty"`    // weight that has to be up; 0: the item lives without the group
	Percent int      `json:"percent,omitempty"` // instead of Need: of the weight of all members, rounded up
	Members []Member `json:"members"`
}

// A Member is one of the items behind a group.
type Member struct {
	Item   itsm.ID `json:"item"`
	Weight int     `json:"weight,omitempty"` // defaults to 1
}

// AnyOf makes a group of which one member is enough.
func AnyOf(item itsm.ID, name string, members ...itsm.ID) Group {
	return AtLeast(item, name, 1, members...)
}

// AtLeast makes a group of which so many members are enough.
func AtLeast(item itsm.ID, name string, need int, members ...itsm.ID) Group {
	g := Group{Item: item, Name: name, Need: need}
	for _, m := range members {
		g.Members = append(g.Members, Member{Item: m})
	}
	return g
}

// maxWeight bounds the weights of a group, so that they can be summed up.
const maxWeight = 1 << 20

// check adds everything that is wrong with a group.
func (gr *Group) check(faults *itsm.Reasons) {
	checkName(faults, "item", gr.Item)
	checkName(faults, "group", gr.Name)
	fault := func(when bool, text string) {
		if when {
			*faults = append(*faults, ErrGroup.With("item", gr.Item, "group", gr.Name, "fault", text))
		}
	}
	fault(len(gr.Members) == 0, "it has no members")
	fault(gr.Need < 0 || gr.Need > maxWeight, "need "+strconv.Itoa(gr.Need)+" is not between 0 and "+strconv.Itoa(maxWeight))
	fault(gr.Percent < 0 || gr.Percent > 100, "percent "+strconv.Itoa(gr.Percent)+" is not between 0 and 100")
	fault(gr.Need != 0 && gr.Percent != 0, "it has both need and percent")
	sum := 0
	seen := make(map[itsm.ID]bool, len(gr.Members))
	for _, m := range gr.Members {
		checkName(faults, "member", m.Item)
		fault(m.Item == gr.Item, "the item cannot stand in for itself")
		fault(seen[m.Item], "member "+string(m.Item)+" occurs twice")
		fault(m.Weight < 0 || m.Weight > maxWeight, "weight "+strconv.Itoa(m.Weight)+" of member "+string(m.Item)+" is not between 1 and "+strconv.Itoa(maxWeight))
		seen[m.Item] = true
		sum += m.weight()
	}
	fault(sum > maxWeight, "the weights sum to more than "+strconv.Itoa(maxWeight))
}

func (m Member) weight() int { return max(m.Weight, 1) }

// A group is a Group with numbers.
type group struct {
	name    string
	item    uint32
	number  uint32 // among all groups
	need    int
	percent int
	members []member // sorted by item
}

type member struct {
	item   uint32
	weight int
}

// weight returns the weight of a member, 0 for an item that is none.
func (gr *group) weight(i uint32) int {
	at, ok := slices.BinarySearchFunc(gr.members, i, func(m member, i uint32) int { return cmp.Compare(m.item, i) })
	if !ok {
		return 0
	}
	return gr.members[at].weight
}

// present returns the weight of the members to which the row of the item has an edge.
func (gr *group) present(row []edge, mask uint64) int {
	sum, at := 0, 0
	for _, e := range row {
		if !e.in(mask) {
			continue
		}
		for at < len(gr.members) && gr.members[at].item < e.item() {
			at++
		}
		if at < len(gr.members) && gr.members[at].item == e.item() {
			sum += gr.members[at].weight
			at++
		}
	}
	return sum
}

// needs returns what has to be up of so much.
func (gr *group) needs(present int) int {
	if gr.percent > 0 {
		return (present*gr.percent + 99) / 100
	}
	return min(gr.need, present)
}

// Groups returns the groups of an item, sorted by name, with their members sorted by ID. The slices belong to the caller.
func (g *Graph) Groups(id itsm.ID) []Group {
	i, ok := g.find(string(id))
	if !ok {
		return nil
	}
	list, _ := g.group.get(i)
	var out []Group
	for _, gr := range list {
		o := Group{Item: id, Name: gr.name, Need: gr.need, Percent: gr.percent}
		for _, m := range gr.members {
			o.Members = append(o.Members, Member{g.id(m.item), m.weight})
		}
		slices.SortFunc(o.Members, func(a, b Member) int { return cmp.Compare(a.Item, b.Item) })
		out = append(out, o)
	}
	return out
}
