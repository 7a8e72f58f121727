package itsm

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

type visited struct {
	Ward string `json:"ward"`
	Who  struct {
		Name  string   `json:"name" itsm:"personal"`
		Beds  []string `json:"beds" itsm:"personal"`
		Ward  string   `json:"ward"`
		Inner struct {
			Age int `json:"age" itsm:"personal"`
		} `json:"inner"`
	} `json:"who"`
	After string `json:"after" itsm:"personal"`
	Above string `json:"above" itsm:"personal"`
}

func (visited) EventType() string { return "ward.visited" }

// personalTree writes the personal part the slow and plain way.
func personalTree(t require.TestingT, v visited, salt string) []byte {
	tree, who, inner := map[string]any{}, map[string]any{}, map[string]any{}
	if v.Who.Name != "" {
		who["name"] = v.Who.Name
	}
	if v.Who.Beds != nil {
		who["beds"] = v.Who.Beds
	}
	if v.Who.Inner.Age != 0 {
		inner["age"] = v.Who.Inner.Age
		who["inner"] = inner
	}
	if len(who) > 0 {
		tree["who"] = who
	}
	if v.After != "" {
		tree["after"] = v.After
	}
	if v.Above != "" {
		tree["above"] = v.Above
	}
	if len(tree) == 0 {
		return nil
	}
	tree[saltName] = salt
	data, err := json.Marshal(tree)
	require.NoError(t, err)
	return data
}

func TestPersonalPart(t *testing.T) {
	t.Parallel()
	c, err := newPayloadCodec(visited{})
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		var v visited
		v.Ward, v.Who.Ward = rapid.String().Draw(t, "ward"), "w"
		v.Who.Name, v.After, v.Above = rapid.StringN(0, 2, -1).Draw(t, "name"), rapid.StringN(0, 2, -1).Draw(t, "after"), rapid.StringN(0, 2, -1).Draw(t, "above")
		if rapid.Bool().Draw(t, "beds") {
			v.Who.Beds = []string{"<3>"}
		}
		v.Who.Inner.Age = rapid.IntRange(0, 1).Draw(t, "age")
		data, personal, err := c.encode(v, &salter{text: "salt"})
		require.NoError(t, err)
		assert.Equal(t, string(personalTree(t, v, "salt")), string(personal))
		again, err := c.decode(data, personal)
		require.NoError(t, err)
		assert.Equal(t, v, again)
		erased, err := c.decode(data, nil)
		require.NoError(t, err)
		kept := visited{Ward: v.Ward}
		kept.Who.Ward = "w"
		assert.Equal(t, kept, erased)
	})
}

type unsortable struct {
	Name string `json:"~name" itsm:"personal"`
}

func (unsortable) EventType() string { return "ward.unsortable" }

func TestPersonalNames(t *testing.T) {
	t.Parallel()
	_, err := newPayloadCodec(unsortable{})
	assert.ErrorContains(t, err, `the name "~name" of a personal field must come before "~"`)
}
