package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config/impact"
)

var (
	//go:embed sample/nodes.tsv
	sampleNodes []byte
	//go:embed sample/edges.tsv
	sampleEdges []byte
)

// An inventory is a graph, and how its items are called.
type inventory struct {
	graph *impact.Graph
	names map[itsm.ID]string
	ids   map[string][]itsm.ID // by name
}

// load reads nodes and edges, or the sample when neither is named.
func load(nodes, edges string) (*inventory, error) {
	if nodes == "" && edges == "" {
		return loadSample()
	}
	n, file, err := openTable(nodes, nodeColumns...)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	e, file, err := openTable(edges, edgeColumns...)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return read(n, e)
}

var (
	nodeColumns = []string{"id", "name"}
	edgeColumns = []string{"from_id", "to", "type"}
)

// read makes an inventory of two tables.
func read(nodes, edges *table, groups ...impact.Group) (*inventory, error) {
	inv := &inventory{names: map[itsm.ID]string{}, ids: map[string][]itsm.ID{}}
	var b impact.Builder
	err := nodes.rows(func(cells []string) error {
		id, name := itsm.ID(cells[0]), cells[1]
		if other, ok := inv.names[id]; ok {
			return &fault{nodes.name, nodes.row, "id", quoted(cells[0]) + " again, which is " + quoted(other), "an ID of its own for every item"}
		}
		if err := b.AddItem(id); err != nil {
			return fmt.Errorf("%s, row %d, column id: %w", nodes.name, nodes.row, err)
		}
		inv.names[id] = name
		inv.ids[name] = append(inv.ids[name], id)
		return nil
	})
	err = errors.Join(err, edges.rows(func(cells []string) error {
		err := b.AddRelation(impact.Relation{From: itsm.ID(cells[0]), To: itsm.ID(cells[1]), Type: impact.RelationType(cells[2])})
		if err != nil {
			return fmt.Errorf("%s, row %d: %w", edges.name, edges.row, err)
		}
		return nil
	}))
	for _, gr := range groups {
		err = errors.Join(err, b.SetGroup(gr))
	}
	if err != nil {
		return nil, err
	}
	inv.graph = b.Graph()
	return inv, nil
}

func loadSample() (*inventory, error) {
	n, err := newTable("sample/nodes.tsv", bytes.NewReader(sampleNodes), nodeColumns...)
	if err != nil {
		return nil, err
	}
	e, err := newTable("sample/edges.tsv", bytes.NewReader(sampleEdges), edgeColumns...)
	if err != nil {
		return nil, err
	}
	return read(n, e, sampleGroups()...)
}

// sampleGroups is the redundancy of the sample: two of everything that matters, and three hosts of which two suffice.
func sampleGroups() []impact.Group {
	groups := []impact.Group{
		impact.AnyOf("s-his", "application servers", "app-1", "app-2"),
		impact.AnyOf("s-his", "database nodes", "db-1", "db-2"),
		impact.AnyOf("s-emr", "application servers", "emr-1", "emr-2"),
	}
	for _, vm := range []itsm.ID{"app-1", "app-2"} {
		groups = append(groups, impact.AtLeast(vm, "hosts", 2, "esx-1", "esx-2", "esx-3"))
	}
	for _, host := range []itsm.ID{"esx-1", "esx-2"} {
		groups = append(groups, impact.AnyOf(host, "network", "sw-1", "sw-2"), impact.AnyOf(host, "power", "ups-1", "ups-2"))
	}
	return groups
}

// find returns the item of a name.
func (inv *inventory) find(name string) (itsm.ID, error) {
	switch ids := inv.ids[name]; len(ids) {
	case 1:
		return ids[0], nil
	case 0:
		if known, ok := inv.graph.Has(itsm.ID(name)); ok && !known {
			return itsm.ID(name), nil // only edges know it
		}
		return "", fmt.Errorf("-of: there is no item named %s%s", strconv.Quote(name), inv.similar(name))
	default:
		return "", fmt.Errorf("-of: %d items are named %s: %v", len(ids), strconv.Quote(name), ids)
	}
}

// similar returns some names that contain a name.
func (inv *inventory) similar(name string) string {
	var list []string
	for other := range inv.ids {
		if name != "" && strings.Contains(strings.ToLower(other), strings.ToLower(name)) {
			list = append(list, other)
		}
	}
	if len(list) == 0 {
		return ""
	}
	slices.SortFunc(list, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	return "; there is " + strings.Join(list[:min(len(list), 5)], ", ")
}

func (inv *inventory) name(id itsm.ID) string {
	if name, ok := inv.names[id]; ok {
		return name
	}
	return string(id)
}
