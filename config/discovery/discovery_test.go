package discovery_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config"
	"github.com/hospital-itsm/itsm/config/discovery"
	"github.com/hospital-itsm/itsm/internal/shareddata"
	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/store/memory"
)

var (
	start  = time.Date(2026, 3, 2, 0, 30, 0, 0, time.UTC)
	change = itsm.Ref{Kind: "change", ID: "CHG-1"}
	under  = config.Under(change)
)

type attrs = map[string]itsm.Value

func text(s string) itsm.Value { return itsm.TextOf(s) }

// bench is items, sources and a clock.
type bench struct {
	*discovery.Service
	items *config.Service
	clock *itsmtest.Clock
	t     testing.TB
}

func open(t testing.TB) *bench {
	t.Helper()
	db, clock := memory.New(), itsmtest.NewClock(start)
	allow := config.AuthorisationsFunc(func(_ context.Context, _ itsm.Tenant, authority itsm.Ref, _ config.Target) (config.Standing, error) {
		if authority == change {
			return config.Underway, nil
		}
		return config.Unauthorised, nil
	})
	items, err := config.New(config.NewRepositories(db), config.Config{Config: itsm.Config{Clock: clock.Now}, Authorisations: allow})
	require.NoError(t, err)
	s, err := discovery.New(discovery.NewRepository(db), items, itsm.Config{Clock: clock.Now})
	require.NoError(t, err)
	return &bench{s, items, clock, t}
}

func as(person itsm.PersonID, roles ...itsm.Role) context.Context {
	return itsm.WithActor(context.Background(), itsm.Actor{ID: person, Tenant: "h1", Roles: roles})
}

var (
	keeper = as("keeper", itsm.RoleConfigManager)
	second = as("second", itsm.RoleConfigManager)
)

func (b *bench) item(class string, values attrs) itsm.ID {
	b.t.Helper()
	item, err := b.items.Do(keeper, "", config.Register{Authority: under, Class: class, Name: "x", Attributes: values})
	require.NoError(b.t, err)
	return item.ID
}

func (b *bench) plan(obs ...discovery.Observation) *discovery.Plan {
	b.t.Helper()
	plan, err := b.Plan(keeper, obs)
	require.NoError(b.t, err)
	return plan
}

func seen(source, key string, values attrs) discovery.Observation {
	return discovery.Observation{Source: source, Key: key, Class: "client", Name: key, Values: values, At: start}
}

func TestIdentification(t *testing.T) {
	t.Parallel()
	box := func(uuid, serial, host string) attrs {
		out := attrs{"model": text("M")}
		for name, v := range map[string]string{"uuid": uuid, "serial": serial, "hostname": host} {
			if v != "" {
				out[name] = text(v)
			}
		}
		if serial != "" {
			out["manufacturer"] = text("dell")
		}
		return out
	}
	t.Run("F-CFG-4 match, new, ambiguous and blocked; ambiguous never picks the first", func(t *testing.T) {
		t.Parallel()
		b := open(t)
		one, two := b.item("client", box("u1", "s1", "pc-1")), b.item("client", box("", "s2", "pc-2"))
		plan := b.plan(
			seen("glpi", "a", box("u1", "", "")), seen("glpi", "b", box("u9", "s9", "pc-9")), seen("glpi", "c", box("u1", "s2", "")),
			seen("glpi", "d", box("", "", "")), seen("glpi", "e", box("", "", "pc-2")))
		require.Len(t, plan.Ambiguous, 2, "%+v", plan)
		assert.ElementsMatch(t, []itsm.ID{one, two}, []itsm.ID{plan.Ambiguous[0].Candidates[0].Item, plan.Ambiguous[0].Candidates[1].Item})
		assert.GreaterOrEqual(t, plan.Ambiguous[0].Candidates[0].Score, 10)
		assert.Equal(t, "only weak identifiers agree", plan.Ambiguous[1].Why)
		require.Len(t, plan.New, 1)
		assert.Equal(t, "b", plan.New[0].Seen[0].Key)
		require.Len(t, plan.Blocked, 1)
		assert.Equal(t, []string{"nothing identifies it"}, plan.Blocked[0].Why)
		assert.Empty(t, plan.Matches, "a and c share an identity with two items")

		obs := []discovery.Observation{seen("glpi", "c", box("u1", "s2", ""))}
		res, err := b.Apply(keeper, b.plan(obs...), obs, discovery.Options{Under: change, Update: true, Register: true})
		require.NoError(t, err)
		assert.Equal(t, discovery.Result{Suspected: 1}, res)
		item, err := b.items.Get(keeper, plan.Ambiguous[0].Candidates[0].Item)
		require.NoError(t, err)
		assert.Len(t, item.Suspects, 1, "a case of duplicates is open")
	})
	t.Run("F-CFG-3 what agrees in weak identifiers only is never merged", func(t *testing.T) {
		t.Parallel()
		b := open(t)
		b.item("client", box("u1", "", "pc-1"))
		obs := []discovery.Observation{seen("glpi", "a", box("u2", "", "pc-1"))}
		plan := b.plan(obs...)
		require.Len(t, plan.Ambiguous, 1)
		res, err := b.Apply(keeper, plan, obs, discovery.Options{Under: change, Update: true, Register: true})
		require.NoError(t, err)
		assert.Zero(t, res)
	})
	t.Run("glpi-22597 an asset tag that stands in the serial number does not tear an item from its identity", func(t *testing.T) {
		t.Parallel()
		b := open(t)
		id := b.item("client", box("u1", "s1", "pc-1"))
		plan := b.plan(seen("glpi", "a", box("u1", "ASSET-77", "pc-1")))
		require.Len(t, plan.Matches, 1)
		assert.Equal(t, id, plan.Matches[0].Item)
		assert.Equal(t, []discovery.Difference{{Attribute: "serial", Have: text("s1"), Seen: text("ASSET-77"), Source: "glpi"}}, plan.Matches[0].Differences, "told, not written")
	})
	t.Run("glpi-agent-1042 an agent that names itself anew makes no second item", func(t *testing.T) {
		t.Parallel()
		b := open(t)
		first := []discovery.Observation{seen("glpi", "pc-1-2024", box("u1", "s1", "pc-1"))}
		_, err := b.Apply(keeper, b.plan(first...), first, discovery.Options{Under: change, Register: true})
		require.NoError(t, err)
		plan := b.plan(seen("glpi", "pc-1-2026", box("u1", "s1", "pc-1")))
		assert.Empty(t, plan.New)
		assert.Len(t, plan.Matches, 1)
	})
	t.Run("a stronger identifier that says otherwise is not passed over", func(t *testing.T) {
		t.Parallel()
		b := open(t)
		b.item("client", box("u1", "s1", ""))
		plan := b.plan(seen("glpi", "a", box("u2", "s1", "")))
		require.Len(t, plan.Ambiguous, 1)
		assert.Contains(t, plan.Ambiguous[0].Why, "not in the stronger uuid")
	})
	t.Run("R-271 a plan does not depend on the order of observations and items", func(t *testing.T) {
		t.Parallel()
		b := open(t)
		p := b.items.Items()
		rapid.Check(t, func(rt *rapid.T) {
			value := func(name string, of ...string) string { return rapid.SampledFrom(append(of, "")).Draw(rt, name) }
			obs := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) discovery.Observation {
				o := seen(value("source", "glpi", "nmap"), value("key", "a", "b", "c", "d"), box(value("uuid", "u1", "u2", "u3"), value("serial", "s1", "s2"), value("host", "h1", "h2")))
				o.Class = value("class", "client", "computer", "server", "printer")
				o.At = start.Add(time.Duration(rapid.IntRange(0, 3).Draw(rt, "at")) * time.Hour)
				return o
			}), 0, 8).Draw(rt, "observations")
			var items []config.Item
			for i := range rapid.IntRange(0, 4).Draw(rt, "items") {
				item := config.Item{Class: value("item", "client", "server"), State: config.StateLive}
				item.ID = itsm.ID(fmt.Sprint("CI-", i))
				if item.Class == "" {
					item.Class = "client"
				}
				for _, name := range []string{"hostname", "manufacturer", "serial", "uuid"} {
					if v := box(value("iu", "u1", "u2"), value("is", "s1", "s2"), value("ih", "h1"))[name]; !v.IsZero() {
						item.Attributes = append(item.Attributes, config.Value{Name: name, Value: v})
					}
				}
				items = append(items, item)
			}
			a := discovery.Reconcile(p, items, obs)
			again := discovery.Reconcile(p, rapid.Permutation(items).Draw(rt, "items again"), rapid.Permutation(obs).Draw(rt, "observations again"))
			if !assert.ObjectsAreEqual(a, again) {
				rt.Fatalf("%+v is not %+v", again, a)
			}
			n := 0
			for _, m := range a.Matches {
				n += len(m.Seen)
			}
			for _, m := range a.New {
				n += len(m.Seen)
			}
			for _, m := range a.Ambiguous {
				n += len(m.Seen)
			}
			if n += len(a.Blocked); n != len(discovery.Newest(obs)) {
				rt.Fatalf("%d of %d observations are accounted for", n, len(discovery.Newest(obs)))
			}
		})
	})
}

func TestGuard(t *testing.T) {
	t.Parallel()
	fleet := func(n int) (obs []discovery.Observation) {
		for i := range n {
			obs = append(obs, seen("glpi", fmt.Sprint("pc-", i), attrs{"model": text("M"), "uuid": text(fmt.Sprint("uuid-", i))}))
		}
		return obs
	}
	t.Run("F-CFG-11 a report of far less changes nothing until two persons release it", func(t *testing.T) {
		t.Parallel()
		b := open(t)
		src, err := b.Do(keeper, "", discovery.Declare{System: "glpi"})
		require.NoError(t, err)
		all := fleet(30)
		_, err = b.Apply(keeper, b.plan(all...), all, discovery.Options{Under: change, Register: true})
		require.NoError(t, err)
		_, _, err = b.Run(keeper, src.ID, all)
		require.NoError(t, err)

		few := fleet(10)
		few[0].Values["os"] = text("linux")
		_, _, err = b.Run(keeper, src.ID, few)
		require.ErrorIs(t, err, discovery.ErrHeld)
		assert.ErrorContains(t, err, "client: 30 → 10")
		item, err := b.items.Get(keeper, b.plan(few[0]).Matches[0].Item)
		require.NoError(t, err)
		assert.True(t, item.Get("os").IsZero())
		_, _, err = b.Run(keeper, src.ID, all)
		require.ErrorIs(t, err, discovery.ErrHeld, "nothing passes a held source")
		_, err = b.Apply(keeper, b.plan(few...), few, discovery.Options{Source: src.ID})
		require.ErrorIs(t, err, discovery.ErrHeld)

		_, err = b.Do(keeper, src.ID, discovery.Release{})
		require.NoError(t, err)
		_, err = b.Do(keeper, src.ID, discovery.Release{})
		require.ErrorIs(t, err, itsm.ErrDenied, "one person is not two")
		stand := itsm.WithActor(context.Background(), itsm.Actor{ID: "deputy", OnBehalfOf: "keeper", Tenant: "h1", Roles: []itsm.Role{itsm.RoleConfigManager}})
		_, err = b.Do(stand, src.ID, discovery.Release{})
		require.ErrorIs(t, err, itsm.ErrDenied, "nor with a stand-in")
		src, err = b.Do(second, src.ID, discovery.Release{})
		require.NoError(t, err)
		assert.Equal(t, discovery.StateActive, src.State)
		_, _, err = b.Run(keeper, src.ID, few)
		require.NoError(t, err)
	})
	t.Run("the guard needs both a number and a share", func(t *testing.T) {
		t.Parallel()
		g := discovery.Guard{Count: 5, Percent: 20}
		assert.Empty(t, g.Vanished(map[string]int{"a": 4, "b": 1000}, map[string]int{"b": 990}))
		assert.Equal(t, []discovery.Vanished{{Class: "a", Before: 5, Now: 0}}, g.Vanished(map[string]int{"a": 5}, nil))
	})
}

func TestFiles(t *testing.T) {
	t.Parallel()
	t.Run("F-X-9 a file is planned, its conflicts are shown, and it is applied once; what is written out changes nothing when it comes back", func(t *testing.T) {
		t.Parallel()
		b := open(t)
		file := "class,key,name,manufacturer,model,serial,memory,bought\nserver,A1,db1,Dell,R750,S1,65536,2024-05-01\nprinter,A2,p1,HP,M507,P1,,\n"
		zone, err := time.LoadLocation("Asia/Shanghai")
		require.NoError(t, err)
		obs, err := discovery.ReadCSV(strings.NewReader(file), b.items.Model(), "a.csv", "excel", start, zone)
		require.NoError(t, err)
		plan := b.plan(obs...)
		require.Len(t, plan.New, 2)
		opts := discovery.Options{Under: change, Register: true, Update: true}
		res, err := b.Apply(keeper, plan, obs, opts)
		require.NoError(t, err)
		require.Len(t, res.Registered, 2)
		_, err = b.Apply(keeper, plan, obs, opts)
		require.ErrorIs(t, err, itsm.ErrConflict, "the plan is of the past")
		res, err = b.Apply(keeper, b.plan(obs...), obs, opts)
		require.NoError(t, err)
		assert.Zero(t, res, "once more changes nothing")

		var items []config.Item
		for item, err := range b.items.Find(keeper, itsm.Query{}) {
			require.NoError(t, err)
			items = append(items, item)
		}
		var out bytes.Buffer
		require.NoError(t, discovery.WriteCSV(&out, b.items.Model(), items))
		obs, err = discovery.ReadCSV(&out, b.items.Model(), "out.csv", "export", start, zone)
		require.NoError(t, err)
		again := b.plan(obs...)
		assert.Len(t, again.Matches, 2)
		assert.Empty(t, again.New)
		for _, m := range again.Matches {
			assert.Empty(t, m.Differences)
		}
	})
	t.Run("nothing of a file with faults is used, and all of them are told", func(t *testing.T) {
		t.Parallel()
		m := config.DefaultModel()
		_, err := discovery.ReadCSV(strings.NewReader("class,key,name,memory,mac\nserver,A,a,much,\nrobot,B,b,,\nserver,A,c,,12\nsoftware,,d,4,\n"), m, "a.csv", "excel", start, time.UTC)
		require.ErrorIs(t, err, itsm.ErrInvalid)
		for _, want := range []string{
			`a.csv, line 2, column memory: got "much", want a number`, `a.csv, line 3, column class: got "robot", want one of `, `a.csv, line 4, column key: got "A", want each key once, it stands in line 2 too`,
			`a.csv, line 4, column mac: got "12", want mac is 12, which does not match`, `a.csv, line 5, column key`, `a.csv, line 5, column memory: got "4", want nothing: a software has no memory`,
		} {
			assert.ErrorContains(t, err, want)
		}
	})
	t.Run("a plan that fails half way leaves nothing", func(t *testing.T) {
		t.Parallel()
		b := open(t)
		obs := []discovery.Observation{seen("a", "1", attrs{"model": text("M"), "uuid": text("u1")}), seen("a", "2", attrs{"model": text("M"), "uuid": text("u2")})}
		_, err := b.Apply(keeper, b.plan(obs...), obs, discovery.Options{Under: itsm.Ref{Kind: "change", ID: "CHG-9"}, Register: true})
		require.ErrorIs(t, err, config.ErrUnauthorised)
		for range b.items.Find(keeper, itsm.Query{}) {
			t.Error("an item is there")
		}
	})
	t.Run("the inventories of GLPI are read, planned and applied", func(t *testing.T) {
		t.Parallel()
		b := open(t)
		var all []discovery.Observation
		for _, name := range []string{"computer_1", "computer_1_partial_cpu", "computer_1_partial_volumes", "computer_2", "computer_2_partial_vms", "networkequipment_1", "networkequipment_2", "networkequipment_3",
			"networkequipment_4", "networkequipment_5", "phone_1", "printer_1", "printer_2", "printer_3"} {
			inv, err := discovery.ReadGLPI(shareddata.Open(t, "glpi/"+name+".json.gz"), name, "glpi", start)
			require.NoError(t, err, name)
			assert.NotEmpty(t, inv.Ignored, name)
			assert.Equal(t, strings.Contains(name, "partial"), inv.Partial, name)
			all = append(all, inv.Observations...)
		}
		plan := b.plan(all...)
		by := map[string]int{}
		for _, n := range plan.New {
			by[n.Class]++
			if n.Name == "glpixps" {
				assert.Equal(t, text("640HP72"), n.Values["serial"])
				assert.Equal(t, text("XPS 13 9350"), n.Values["model"])
				assert.Len(t, n.Seen, 3, "a full inventory and two partial ones are of one machine")
			}
		}
		assert.Equal(t, 2, by["client"])
		assert.Equal(t, 1, by["phone"])
		assert.GreaterOrEqual(t, by["network_device"], 4)
		opts := discovery.Options{Under: change, Register: true}
		res, err := b.Apply(keeper, plan, all, opts)
		require.NoError(t, err)
		assert.Len(t, res.Registered, len(plan.New))
		again := b.plan(all...)
		assert.Empty(t, again.New)
		assert.Len(t, again.Matches, len(plan.New))
	})
	t.Run("faults of an inventory have their path, and what is too deep or too long is refused", func(t *testing.T) {
		t.Parallel()
		for in, want := range map[string]string{
			`{"content":{"hardware":{"memory":"much","name":[1]},"cpus":{},"networks":[3]}}`: "content.cpus: got {}, want a list; content.hardware.memory: got \"much\", want a number; content.hardware.name: got [1], want a text; content.networks[0]: got 3, want an object; deviceid: got null, want a text", `{"deviceid":"a","itemtype":"Toaster","content":{}}`: "itemtype: got \"Toaster\"",
			`[1]`: "want an object", "{\n\n\"a\": }": "line 3", `{"a":1} x`: "line 1", "": "ends too early",
			strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40): "want at most 32 levels",
		} {
			_, err := discovery.ReadGLPI(strings.NewReader(in), "f.json", "glpi", start)
			require.ErrorIs(t, err, itsm.ErrInvalid, in)
			assert.ErrorContains(t, err, want)
			assert.ErrorContains(t, err, "f.json")
		}
		_, err := discovery.ReadGLPI(io.LimitReader(spaces{}, 40<<20), "f.json", "glpi", start)
		assert.ErrorContains(t, err, "want at most 33554432 bytes")
	})
}

type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func drawSource(t *rapid.T, rec discovery.Source, step int) (itsm.Command, []itsm.Option) {
	if step == 0 {
		return discovery.Declare{System: rapid.SampledFrom([]string{"glpi", "nmap"}).Draw(t, "system")}, nil
	}
	tell := discovery.Tell{Counts: map[string]int{"client": rapid.SampledFrom([]int{0, 10, 100}).Draw(t, "n")}}
	return rapid.SampledFrom([]itsm.Command{tell, tell, tell, discovery.Release{}, discovery.Release{}, discovery.Discard{}, discovery.Retire{}}).Draw(t, "command"), []itsm.Option{itsm.Because("why")}
}

func TestLaws(t *testing.T) {
	t.Parallel()
	itsmtest.Laws(t, itsmtest.Spec[discovery.Source, discovery.Facts, discovery.Command]{Process: discovery.Process{}, Command: drawSource, States: []string{"active", "held", "retired"}})
}

func FuzzReadGLPI(f *testing.F) {
	for _, s := range []string{`{"deviceid":"a","content":{"hardware":{"uuid":"u"},"virtualmachines":[{"uuid":"v"}]}}`, `{"deviceid":1,"itemtype":"Printer","content":{"network_device":{"ips":["::1"]}}}`, "[", `{"content":[]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		inv, err := discovery.ReadGLPI(bytes.NewReader(in), "f", "glpi", start)
		if err != nil && (!errors.Is(err, itsm.ErrInvalid) || inv != nil) || err == nil && len(inv.Observations) == 0 {
			t.Fatalf("%v %v", inv, err)
		}
	})
}

func FuzzReadCSV(f *testing.F) {
	f.Add([]byte("class,key,name,memory\nserver,a,b,1\n"))
	f.Add([]byte("class;key;name\nserver;a;\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		obs, err := discovery.ReadCSV(bytes.NewReader(in), config.DefaultModel(), "f", "s", start, time.UTC)
		if err != nil && (!errors.Is(err, itsm.ErrInvalid) || len(obs) > 0) {
			t.Fatal(err)
		}
	})
}
