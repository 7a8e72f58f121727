package itsmtest

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
)

// A shade reads itself from text; a grade prints itself so.
type (
	shade struct{ name string }
	grade int
	word  string
)

func (s *shade) UnmarshalText(text []byte) error {
	if string(text) != "x" && string(text) != "grey" {
		return errors.New("no shade")
	}
	s.name = string(text)
	return nil
}

func (g grade) Valid() bool    { return g >= 1 && g <= 3 }
func (g grade) String() string { return []string{"G0", "G1", "G2", "G3"}[min(max(g, 0), 3)] }

// A form has a field of each kind that commands have.
type form struct {
	Text   string            `json:"text"`
	Word   word              `json:"word"`
	Grade  grade             `json:"grade"`
	Count  uint8             `json:"count"`
	Share  float64           `json:"share"`
	Yes    bool              `json:"yes"`
	At     time.Time         `json:"at"`
	For    time.Duration     `json:"for"`
	Span   itsm.Duration     `json:"span"`
	ID     itsm.ID           `json:"id"`
	Who    itsm.PersonID     `json:"who"`
	Value  itsm.Value        `json:"value"`
	Digest itsm.Digest       `json:"digest"`
	Shade  shade             `json:"shade"`
	Raw    json.RawMessage   `json:"raw"`
	List   []word            `json:"list"`
	Map    map[string]word   `json:"map"`
	Party  *part             `json:"party"`
	Parts  []part            `json:"parts"`
	Labels map[string]string `json:"labels"`
	part
	Own *form `json:"own"` // itself
}

type part struct {
	Contact string `json:"contact"`
}

func TestFillMakesEveryKind(t *testing.T) {
	t.Parallel()
	filled := make(map[string]bool)
	for seed := range uint64(300) {
		f := filler{random: rand.New(rand.NewPCG(seed, 0)), now: epoch}
		v := reflect.New(reflect.TypeFor[form]()).Elem()
		f.fill(v, 0)
		for i := range v.NumField() {
			if !v.Field(i).IsZero() {
				filled[v.Type().Field(i).Name] = true
			}
		}
	}
	for field := range reflect.TypeFor[form]().Fields() {
		assert.Equal(t, !field.Anonymous, filled[field.Name], "%s", field.Name) // what is embedded by a private name cannot be set as a whole
	}
}

func TestMendDoesWhatARefusalSays(t *testing.T) {
	t.Parallel()
	missing := itsm.Invalid("form.missing", "{field} is missing", "缺少 {field}")
	choice := itsm.Invalid("form.choice", "{field} is one of {want}", "{field} 应为 {want} 之一")
	for seed := range uint64(50) {
		f := filler{random: rand.New(rand.NewPCG(seed, 0)), now: epoch}
		cmd := reflect.New(reflect.TypeFor[form]()).Elem()
		require.True(t, f.mend(cmd, itsm.Reasons{
			missing.With("field", "text"), missing.With("field", "party.contact"), missing.With("field", "at"),
			choice.With("field", "word", "want", "red, green"), choice.With("field", "grade", "want", "G2, G3"), choice.With("field", "shade", "want", "grey"),
		}))
		got := cmd.Interface().(form)
		assert.NotEmpty(t, got.Text)
		require.NotNil(t, got.Party)
		assert.NotEmpty(t, got.Party.Contact)
		assert.NotZero(t, got.At)
		assert.Contains(t, []word{"red", "green"}, got.Word)
		assert.Contains(t, []grade{2, 3}, got.Grade)
		assert.Equal(t, shade{"grey"}, got.Shade)
		assert.Zero(t, got.Who, "what was not named stays")

		assert.False(t, f.mend(cmd, itsm.ErrIllegalState.With("command", "x", "state", "y")), "nothing that could be mended")
		assert.False(t, f.mend(cmd, missing.With("field", "nobody")), "a field that is not there")
		assert.False(t, f.mend(cmd, errors.New("the hinge is stuck")))
	}
}
