package config_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/config"
)

func TestModel(t *testing.T) {
	t.Parallel()
	t.Run("R-252 hardware, software, network devices, service contracts and clients are classes, and hosts add their own", func(t *testing.T) {
		t.Parallel()
		m := config.DefaultModel()
		for _, class := range []string{"hardware", "software", "network_device", "service_contract", "client"} {
			assert.Contains(t, m.Classes(), class)
		}
		s := m.Schema()
		s.Version = "2026-1/h1"
		s.Classes = append(s.Classes, config.Class{Name: "ventilator", Parent: "hardware", Attributes: []config.Attribute{{Name: "ward", Type: "text", Required: true}}})
		own, err := config.NewModel(s)
		require.NoError(t, err)
		r := open(t, config.Config{Model: own})
		item := r.get(r.live("ventilator", "V-1", attrs{"model": text("PB980"), "ward": text("ICU")}))
		assert.Equal(t, "2026-1/h1", item.Model)
		assert.True(t, own.Is("ventilator", "hardware"))
		assert.False(t, own.Is("hardware", "ventilator"))
	})
	t.Run("F-CFG-1 classes inherit from one parent and from mix-ins, abstract ones have no items, statuses belong to states", func(t *testing.T) {
		t.Parallel()
		m := config.DefaultModel()
		assert.True(t, m.Is("terminal", "computer"))
		assert.True(t, m.Is("terminal", "networked"), "a mix-in")
		_, ok := m.Attribute("terminal", "mac")
		assert.True(t, ok)
		memory, _ := m.Attribute("terminal", "memory")
		assert.Equal(t, "MB", memory.Unit)
		serial, _ := m.Attribute("server", "serial")
		assert.True(t, serial.Required, "the nearer declaration wins")
		terminal, _ := m.Class("terminal")
		assert.Equal(t, config.MayControl, terminal.Control, "inherited")
		assert.Equal(t, "hardware-group", terminal.Owner)
		assert.Equal(t, []string{"operational", "standby", "degraded"}, m.Statuses("server", config.StateLive))
		r := open(t, config.Config{})
		for _, class := range []string{"item", "located"} {
			_, err := r.Do(keeper, "", config.Register{Authority: under, Class: class, Name: "x"})
			require.ErrorContains(t, err, "no class "+class)
		}
		id := r.server("L-1")
		assert.Equal(t, []string{"config.status"}, codes(r.refused(keeper, id, config.SetStatus{Authority: under, Status: "powered_off"})), "not while it is live")
		item := r.do(keeper, id, config.Move{Authority: under, Step: config.DoSuspend, Status: "isolated"})
		assert.Equal(t, "isolated", item.Status)
		assert.Equal(t, "operational", r.do(keeper, id, config.Move{Authority: under, Step: config.DoActivate}).Status)
	})
	t.Run("F-CFG-1 a new version of the model is tried before it is used: every item that does not fit, with all reasons", func(t *testing.T) {
		t.Parallel()
		r := open(t, config.Config{})
		id := r.live("client", "L-1", attrs{"model": text("M"), "memory": itsm.NumberOf(8)})
		r.live("service", "his", attrs{"key": text("his")})
		s := config.DefaultModel().Schema()
		s.Version = "2027-1"
		for i := range s.Classes {
			if s.Classes[i].Name == "client" {
				least := 4096.0
				s.Classes[i].Attributes = []config.Attribute{{Name: "memory", Type: "number", Min: &least}, {Name: "owner", Type: "text", Required: true}}
			}
		}
		next, err := config.NewModel(s)
		require.NoError(t, err)
		misfits, err := r.PlanMigration(keeper, next)
		require.NoError(t, err)
		require.Len(t, misfits, 1)
		assert.Equal(t, id, misfits[0].Item)
		assert.Equal(t, "memory is 8, want 4096 to any; required attributes are missing: owner", misfits[0].Reasons.Error())
	})
	t.Run("a model tells all of its faults", func(t *testing.T) {
		t.Parallel()
		one, two := 1.0, 2.0
		_, err := config.NewModel(config.Schema{
			Classes: []config.Class{
				{Name: "A"}, {Name: "a", Parent: "b"}, {Name: "b", Parent: "a"}, {Name: "c", Parent: "z", Mixins: []string{"y", "a"}}, {Name: "m", Mixin: true, Parent: "a"}, {Name: "c"},
				{Name: "d", Control: "perhaps", Attributes: []config.Attribute{{Name: "x", Type: "colour"}, {Name: "x", Type: "text", Min: &one}, {Name: "n", Type: "number", Min: &two, Max: &one, Pattern: "("}, {Name: "p", Type: "text", Pattern: "("}},
					Identify: []config.Identifier{{Name: "i", Attributes: []string{"q", "x", "x"}}, {Name: "j"}}, Statuses: map[config.State][]string{"asleep": {"a"}, "live": {"a", "a"}, "withdrawn": {}}},
				{Name: "e", Parent: "d", Attributes: []config.Attribute{{Name: "x", Type: "bool"}}},
			},
			Relations: []config.RelationType{{Name: "r", Ends: []config.Ends{{From: "d", To: "zz"}}, Out: config.Bound{Min: 2, Max: 1}, In: config.Bound{Min: 1}, Impact: "sideways"}, {Name: "r"}},
		})
		var bad *config.ModelError
		require.ErrorAs(t, err, &bad)
		require.ErrorIs(t, err, itsm.ErrInvalid)
		for _, want := range []string{
			"version: it is missing", `the name "A" is not lower_snake`, "descends from itself: a → b → a", `the parent "z" is not declared`, `the mix-in "y" is not declared`, "a is no mix-in", "a mix-in has no parent",
			"the class is declared twice", `control is "perhaps"`, `the type is "colour"`, "it is declared twice", "min, max and unit are for numbers", "min 2 is more than max 1", "pattern, choices and secret are for text",
			"no regular expression", `names the attribute "q"`, "names x twice", "names no attributes", `the state "asleep"`, "the status a of live is listed twice", "the state withdrawn has no status",
			"the attribute x is a bool, but a ", `the class "zz" is not declared`, "out has the bounds 2 to 1", "a least number without a greatest one", `impact is "sideways"`, "the type is declared twice", "it names no classes",
		} {
			assert.ErrorContains(t, err, want)
		}
		for in, want := range map[string]string{`{"version": "1", "colour": 1}`: `unknown field "colour"`, "{\n\"version\": 3}": "line 2", `{} {}`: "something follows", strings.Repeat(" ", 5<<20): "at most"} {
			_, err := config.ParseModel([]byte(in))
			require.ErrorIs(t, err, itsm.ErrInvalid)
			assert.ErrorContains(t, err, want)
		}
	})
}

func FuzzParseModel(f *testing.F) {
	data, err := json.Marshal(config.DefaultModel().Schema())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"version":"1","classes":[{"name":"a","parent":"a"}]}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := config.ParseModel(in)
		if err != nil {
			if !errors.Is(err, itsm.ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		again, err := json.Marshal(m.Schema())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := config.ParseModel(again); err != nil {
			t.Fatalf("what it wrote it does not read: %v", err)
		}
	})
}
