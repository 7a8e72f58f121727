package config_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config"
	"github.com/hospital-itsm/itsm/config/impact"
	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/store/memory"
)

// sound checks the integrity of all items: what R-258 asks for.
func sound(t require.TestingT, r *register) []config.Item {
	var items []config.Item
	by := map[itsm.ID]*config.Item{}
	for item, err := range r.Find(keeper, itsm.Query{}) {
		require.NoError(t, err)
		items = append(items, item)
	}
	for i := range items {
		by[items[i].ID] = &items[i]
	}
	serials := map[string]itsm.ID{}
	counts := map[[2]string][]itsm.ID{}
	for i := range items {
		item := &items[i]
		if s := item.Get("manufacturer").Text() + "|" + item.Get("serial").Text(); !item.Gone() && len(s) > 1 && item.Get("serial").Text() != "" && item.Get("manufacturer").Text() != "" {
			require.Empty(t, serials[s], "two items have the serial number %s", s)
			serials[s] = item.ID
		}
		for _, rel := range item.Relations {
			if !rel.Current() {
				continue
			}
			to := by[rel.To]
			require.NotNil(t, to, "dangling")
			require.NotEqual(t, config.StateDisposed, to.State, "%s relates to %s, which is gone", item.ID, to.ID)
			require.NotEqual(t, config.StateDisposed, item.State)
			require.True(t, r.Model().Allows(rel.Type, item.Class, to.Class), "%s from %s to %s", rel.Type, item.Class, to.Class)
			counts[[2]string{rel.Type, string(rel.To)}] = append(counts[[2]string{rel.Type, string(rel.To)}], item.ID)
		}
		for _, typ := range r.Model().Relations() {
			out := len(item.Related(typ.Name))
			require.True(t, typ.Out.Max == 0 || out <= typ.Out.Max, "%s has %d %s", item.ID, out, typ.Name)
			if typ.Acyclic {
				for seen, at := []itsm.ID{}, item.Related(typ.Name); len(at) > 0; at = at[1:] {
					require.NotEqual(t, item.ID, at[0], "%s leads back by %s", item.ID, typ.Name)
					if !slices.Contains(seen, at[0]) {
						seen = append(seen, at[0])
						at = append(at, by[at[0]].Related(typ.Name)...)
					}
				}
			}
		}
	}
	for i := range items {
		for _, typ := range r.Model().Relations() {
			from := counts[[2]string{typ.Name, string(items[i].ID)}]
			require.True(t, typ.In.Max == 0 || len(from) <= typ.In.Max, "%d relate to %s by %s", len(from), items[i].ID, typ.Name)
			var counted []itsm.ID
			for _, in := range items[i].Incoming {
				if in.Type == typ.Name {
					counted = append(counted, in.From)
				}
			}
			if typ.In.Max > 0 {
				require.ElementsMatch(t, from, counted, "what %s counts is what relates to it", items[i].ID)
			} else {
				require.Empty(t, counted, "an end without bounds counts nothing")
			}
		}
	}
	return items
}

// shuffle gives generated commands to a few items.
func shuffle(rt *rapid.T, r *register, ids []itsm.ID, steps int) {
	one := func(name string) itsm.ID { return rapid.SampledFrom(ids).Draw(rt, name) }
	for range steps {
		id := one("item")
		var cmd itsm.Command
		switch rapid.IntRange(0, 12).Draw(rt, "what") {
		case 0, 1, 2, 3, 4:
			cmd = config.Link{Authority: under, Type: rapid.SampledFrom([]string{"fails_over_to", "part_of", "backs_up", "depends_on", "covered_by"}).Draw(rt, "type"), To: one("to"), Replace: rapid.Bool().Draw(rt, "replace")}
		case 5, 6:
			if rels := r.get(id).Relations; len(rels) > 0 {
				rel := rapid.SampledFrom(rels).Draw(rt, "relation")
				cmd = config.Unlink{Authority: under, Type: rel.Type, To: rel.To}
			}
		case 7:
			cmd = config.Update{Authority: under, Attributes: attrs{"manufacturer": text("dell"), "serial": text(rapid.SampledFrom([]string{"1", "2", "3"}).Draw(rt, "serial"))}}
		case 8:
			cmd = config.Move{Authority: under, Step: rapid.SampledFrom([]config.Transition{config.DoWithdraw, config.DoReinstate, config.DoActivate, config.DoSuspend}).Draw(rt, "step")}
		case 9:
			cmd = config.Dispose{Authority: under}
		case 10:
			cmd = config.Reclassify{Authority: under, Class: rapid.SampledFrom([]string{"server", "computer", "client"}).Draw(rt, "class")}
		case 11:
			cmd = config.Merge{Authority: under, Into: one("into")}
		case 12:
			cmd = config.Unmerge{Authority: under}
		}
		if cmd == nil {
			continue
		}
		if _, err := r.Do(keeper, id, cmd, itsm.Because("why")); err != nil && !errors.As(err, new(*itsm.RefusedError)) {
			rt.Fatal(err)
		}
	}
}

func TestRelations(t *testing.T) {
	t.Parallel()
	t.Run("R-258 whatever is done, nothing dangles, nothing is there twice, and relations are as the model allows", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			r := open(t, config.Config{})
			var ids []itsm.ID
			for i := range 4 {
				ids = append(ids, r.live("server", fmt.Sprint("L-", i), attrs{"model": text("M"), "serial": text(fmt.Sprint("S", i))}))
			}
			shuffle(rt, r, ids, 25)
			sound(rt, r)
		})
	})
	t.Run("INV-19 an item that others were merged into leaves the graph with them hanging on nothing", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		a, b := r.live("server", "L-a", attrs{"model": text("M"), "serial": text("S1")}), r.live("server", "L-b", attrs{"model": text("M"), "serial": text("S2")})
		r.do(keeper, a, config.Merge{Authority: under, Into: b}, itsm.Because("the same machine"))
		g, err := r.Graph(keeper)
		require.NoError(t, err)
		require.Len(t, slices.Collect(g.RelationsOf(b, impact.Dependents)), 1, "they stand for each other")
		r.do(keeper, b, config.Move{Authority: under, Step: config.DoWithdraw})
		r.do(keeper, b, config.Dispose{Authority: under})
		g, err = r.Graph(keeper)
		require.NoError(t, err)
		require.Zero(t, g.Dangling())
		require.Empty(t, slices.Collect(g.RelationsOf(a, impact.Dependencies)))
		_, err = r.Do(keeper, a, config.Unmerge{Authority: under}, itsm.Because("it was another one"))
		require.ErrorAs(t, err, new(*itsm.RefusedError), "what is gone for good gives nothing back")
	})
	t.Run("INV-19 the graph has no dangling ends, follows the journal, and an impact is closed under dependency", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(rt *rapid.T) {
			r := open(t, config.Config{})
			var ids []itsm.ID
			for i := range 4 {
				ids = append(ids, r.live("server", fmt.Sprint("L-", i), attrs{"model": text("M"), "serial": text(fmt.Sprint("S", i))}))
			}
			shuffle(rt, r, ids, 15)
			want, err := r.Graph(keeper)
			require.NoError(rt, err)
			require.Zero(rt, want.Dangling())
			live := impact.Follow(nil, "")
			for ev, err := range r.Repository().Events(keeper, "", itsm.Filter{Tenant: "h1", Kind: config.Kind}) {
				require.NoError(rt, err)
				if r.Decode(&ev) == nil {
					require.NoError(rt, live.Apply(r.Model().GraphChanges(&ev)...))
				}
			}
			for _, id := range ids {
				known, _ := want.Has(id)
				again, _ := live.Graph().Has(id)
				require.Equal(rt, known, again, id)
				for _, side := range []impact.Direction{impact.Dependents, impact.Dependencies} {
					require.Equal(rt, slices.Collect(want.RelationsOf(id, side)), slices.Collect(live.Graph().RelationsOf(id, side)), id)
				}
				if !known {
					continue
				}
				reach, err := want.Reach(impact.Query{Of: []itsm.ID{id}})
				require.NoError(rt, err)
				for hit := range reach.All() {
					for rel := range want.RelationsOf(hit.Item, impact.Dependents) {
						_, in := reach.Distance(rel.From)
						require.True(rt, in, "%s depends on %s, which is hit", rel.From, hit.Item)
					}
				}
			}
		})
	})
	t.Run("bk-cmdb cardinality race: two who link to a bounded end at once, one of them is refused", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		standby := r.server("L-0")
		var from []itsm.ID
		for i := range 6 {
			from = append(from, r.server(fmt.Sprint("L-", i+1)))
		}
		var won, bound atomic.Int32
		var wg sync.WaitGroup
		for _, id := range from {
			wg.Go(func() {
				_, err := r.Do(keeper, id, config.Link{Authority: under, Type: "fails_over_to", To: standby})
				switch {
				case err == nil:
					won.Add(1)
				case errors.Is(err, config.ErrBound):
					bound.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		assert.EqualValues(t, 1, won.Load())
		assert.EqualValues(t, 5, bound.Load())
		sound(t, r)
	})
	t.Run("F-CFG-2 types, both bounds, circles and least numbers hold, and moving a part is one command", func(t *testing.T) {
		t.Parallel()
		schema := config.DefaultModel().Schema()
		schema.Relations = append(schema.Relations, config.RelationType{Name: "powered_by", Ends: []config.Ends{{From: "server", To: "hardware"}}, Out: config.Bound{Min: 1, Max: 2}})
		model, err := config.NewModel(schema)
		require.NoError(t, err)
		r := open(t, config.Config{Model: model})
		pdu := r.live("storage", "P-1", attrs{"model": text("PDU")})
		a := r.item("server", attrs{"model": text("M"), "serial": text("1")})
		r.do(keeper, a, config.AffixLabel{Authority: under, Code: "L-1", Form: config.Physical})
		r.do(keeper, a, config.Accept{Authority: under})
		assert.Equal(t, []string{"config.least"}, codes(r.refused(keeper, a, config.Move{Authority: under, Step: config.DoActivate})))
		r.do(keeper, a, config.Link{Authority: under, Type: "powered_by", To: pdu})
		r.do(keeper, a, config.Move{Authority: under, Step: config.DoActivate})
		assert.Equal(t, []string{"config.least"}, codes(r.refused(keeper, a, config.Unlink{Authority: under, Type: "powered_by", To: pdu})))
		assert.Equal(t, []string{"config.ends"}, codes(r.refused(keeper, a, config.Link{Authority: under, Type: "runs_on", To: pdu})))
		assert.Equal(t, []string{"config.relation"}, codes(r.refused(keeper, a, config.Link{Authority: under, Type: "likes", To: pdu})))
		assert.Equal(t, []string{"config.no_other"}, codes(r.refused(keeper, a, config.Link{Authority: under, Type: "depends_on", To: "CI-0"})))
		assert.Equal(t, []string{"config.self"}, codes(r.refused(keeper, a, config.Link{Authority: under, Type: "depends_on", To: a})))
		assert.Equal(t, []string{"config.attribute:port"}, codes(r.refused(keeper, a, config.Link{Authority: under, Type: "depends_on", To: pdu, Attributes: attrs{"port": text("1")}})))

		x, y, z := r.item("storage", attrs{"model": text("x")}), r.item("storage", attrs{"model": text("y")}), r.item("storage", attrs{"model": text("z")})
		r.do(keeper, x, config.Link{Authority: under, Type: "part_of", To: y})
		r.do(keeper, y, config.Link{Authority: under, Type: "part_of", To: z})
		refused := r.refused(keeper, z, config.Link{Authority: under, Type: "part_of", To: x})
		require.Equal(t, []string{"config.cycle"}, codes(refused))
		assert.Equal(t, fmt.Sprintf("%s, %s, %s, %s", z, x, y, z), refused.Reasons[0].Arg("path"))
		assert.ErrorIs(t, r.refused(keeper, x, config.Link{Authority: under, Type: "part_of", To: z}), config.ErrBound, "a single parent")
		item := r.do(keeper, x, config.Link{Authority: under, Type: "part_of", To: z, Replace: true})
		assert.Equal(t, []itsm.ID{z}, item.Related("part_of"))
	})
	t.Run("a circle that is closed from both sides at once stays open", func(t *testing.T) {
		t.Parallel()
		for range 20 {
			r := open(t, config.Config{})
			a, b := r.item("storage", attrs{"model": text("x")}), r.item("storage", attrs{"model": text("y")})
			var wg sync.WaitGroup
			for _, pair := range [][2]itsm.ID{{a, b}, {b, a}} {
				wg.Go(func() {
					_, _ = r.Do(keeper, pair[0], config.Link{Authority: under, Type: "part_of", To: pair[1]})
				})
			}
			wg.Wait()
			sound(t, r)
			assert.Equal(t, 1, len(r.get(a).Related("part_of"))+len(r.get(b).Related("part_of")))
		}
	})
	t.Run("a hub does not grow with what leads to it, and those who link to it do not collide", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		hub := r.live("network_device", "SW-1", attrs{"model": text("S5735")})
		version := r.get(hub).Version
		for i := range 300 {
			id := r.item("client", attrs{"model": text("M")})
			r.do(keeper, id, config.Link{Authority: under, Type: "connects_to", To: hub, Attributes: attrs{"port": text(fmt.Sprint(i))}})
		}
		assert.Equal(t, version, r.get(hub).Version)
		n := 0
		for _, err := range r.Find(keeper, itsm.Query{Where: []itsm.Condition{itsm.Where("relates_to", itsm.TextOf(hub))}}) {
			require.NoError(t, err)
			n++
		}
		assert.Equal(t, 300, n)
	})
	t.Run("nothing is disposed of while something relates to it, also when the two happen at once", func(t *testing.T) {
		t.Parallel()
		for range 20 {
			r := open(t, config.Config{})
			a, b := r.item("storage", attrs{"model": text("x")}), r.item("storage", attrs{"model": text("y")})
			r.do(keeper, a, config.Link{Authority: under, Type: "backs_up", To: b})
			r.do(keeper, a, config.Unlink{Authority: under, Type: "backs_up", To: b})
			r.pass(time.Second)
			var wg sync.WaitGroup
			wg.Go(func() { _, _ = r.Do(keeper, a, config.Link{Authority: under, Type: "backs_up", To: b}) })
			wg.Go(func() {
				_, _ = r.Do(keeper, b, config.Move{Authority: under, Step: config.DoWithdraw})
				_, _ = r.Do(keeper, b, config.Dispose{Authority: under})
			})
			wg.Wait()
			sound(t, r)
		}
	})
	t.Run("both ends change or none, whatever the store does", func(t *testing.T) {
		t.Parallel()
		for n := 1; n <= 3; n++ {
			for _, after := range []bool{false, true} {
				db := itsmtest.NewFaultyDB(memory.New())
				r := openOn(t, db, config.Config{})
				a, b := r.server("L-1"), r.server("L-2")
				if after {
					db.FailAfter(n, errors.New("lost"))
				} else {
					db.FailBefore(n, errors.New("down"))
				}
				for range 3 {
					_, _ = r.Do(keeper, a, config.Link{Authority: under, Type: "fails_over_to", To: b}, itsm.Once("link"))
					sound(t, r)
				}
				assert.Equal(t, []itsm.ID{b}, r.get(a).Related("fails_over_to"))
				assert.Equal(t, []config.Incoming{{Type: "fails_over_to", From: a}}, r.get(b).Incoming)
			}
		}
	})
	t.Run("given past the service, what touches several items is refused", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		a, b := r.server("L-1"), r.server("L-2")
		_, err := r.Service.Service.Do(keeper, a, config.Link{Authority: under, Type: "backs_up", To: b})
		assert.ErrorContains(t, err, "config.Service")
		_, err = r.Service.Service.Do(keeper, a, config.Update{Authority: under, Attributes: attrs{"serial": text("9")}})
		assert.ErrorContains(t, err, "config.Service")
	})
	t.Run("the other side of a link or a merge cannot be given alone, decoded by its name", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		a := r.server("L-1")
		for name, data := range map[string]string{
			"ci.absorb": `{"under": {"kind": "change", "id": "CHG-1"}, "item": "CI-9", "keys": ["serial/9"]}`,
			"ci.attach": `{"under": {"kind": "change", "id": "CHG-1"}, "type": "fails_over_to", "from": "CI-9"}`,
		} {
			cmd, err := r.ParseCommand(name, []byte(data))
			require.NoError(t, err)
			before := r.get(a)
			_, err = r.Do(keeper, a, cmd)
			assert.ErrorContains(t, err, "config.Service")
			assert.Equal(t, before, r.get(a))
		}
	})
	t.Run("R-256 an impact tells services, departments and depth", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		db1, db2 := r.server("DB-1"), r.server("DB-2")
		app := r.item("application", attrs{"product": text("HIS"), "version": text("7")})
		service := r.live("service", "his", attrs{"key": text("his")})
		fee := r.live("department", "fee", attrs{"code": text("fee")})
		r.do(keeper, app, config.Link{Authority: under, Type: "runs_on", To: db1})
		r.do(keeper, app, config.Link{Authority: under, Type: "runs_on", To: db2})
		r.do(keeper, service, config.Link{Authority: under, Type: "runs_on", To: app})
		r.do(keeper, service, config.Link{Authority: under, Type: "used_by", To: fee})
		g, err := r.Graph(keeper)
		require.NoError(t, err)
		reach, err := g.Reach(impact.Query{Of: []itsm.ID{db1}})
		require.NoError(t, err)
		meaning, err := r.Meanings(keeper)
		require.NoError(t, err)
		radius := reach.Radius(meaning)
		assert.Equal(t, []impact.Hit{{Item: service, Distance: 2}}, radius.Services)
		require.Len(t, radius.Departments, 1)
		assert.Equal(t, "a department", radius.Departments[0].Name)

		out, err := g.Simulate(impact.Scenario{Failed: []itsm.ID{db1}})
		require.NoError(t, err)
		assert.Equal(t, impact.Down, out.State(service))
		r.do(keeper, app, config.SetGroup{Authority: under, Group: config.Group{Name: "databases", Need: 1, Members: []itsm.ID{db1, db2}}})
		g, err = r.Graph(keeper)
		require.NoError(t, err)
		out, err = g.Simulate(impact.Scenario{Failed: []itsm.ID{db1}})
		require.NoError(t, err)
		assert.NotEqual(t, impact.Down, out.State(service), "one database of two is enough")
	})
}
