package overlay_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/internal/overlay"
)

type part struct {
	Key  string `json:"key"`
	Note string `json:"note,omitempty"`
}

type whole struct {
	Name  string            `json:"name"`
	Parts []part            `json:"parts"`
	Inner part              `json:"inner"`
	Words map[string]string `json:"words,omitempty"`
	Big   int64             `json:"big"`
}

func base() whole {
	return whole{"base", []part{{"a", "old"}, {"b", "old"}}, part{"i", "kept"}, map[string]string{"x": "1"}, 1<<62 + 1}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for text, edit := range map[string]func(w *whole){
		`{}`:                          func(*whole) {},
		`{"name":"new"}`:              func(w *whole) { w.Name = "new" },
		`{"NAME":"new"}`:              func(w *whole) { w.Name = "new" },
		`{"parts":[{"key":"c"}]}`:     func(w *whole) { w.Parts = []part{{Key: "c"}} },
		`{"parts":[]}`:                func(w *whole) { w.Parts = []part{} },
		`{"parts":null}`:              func(w *whole) { w.Parts = nil },
		`{"inner":{"key":"j"}}`:       func(w *whole) { w.Inner.Key = "j" },
		`{"words":{"y":"2"}}`:         func(w *whole) { w.Words["y"] = "2" },
		`{"big":9223372036854775807}`: func(w *whole) { w.Big = 1<<63 - 1 },
	} {
		under, want := base(), base()
		edit(&want)
		got, err := overlay.Decode([]byte(text), under)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
		assert.Equal(t, base(), under, "%s: the base stays as it was", text)
	}
	for text, want := range map[string]string{
		``: "EOF", `null`: "want a JSON object", `[]`: "want a JSON object", `{"nam":1}`: `unknown field "nam"`, `{}}`: "something follows", `{"big":"x"}`: "big",
		`{"big":1e400}`: "big", `{"name":"` + strings.Repeat("x", 1<<20) + `"}`: "at most 1048576",
		strings.Repeat(`{"inner":`, 100_000) + "1" + strings.Repeat("}", 100_000): "depth",
	} {
		under := base()
		got, err := overlay.Decode([]byte(text), under)
		assert.ErrorContains(t, err, want)
		assert.Zero(t, got)
		assert.Equal(t, base(), under)
	}
}

// FuzzDecode reads anything. What is read again over the result changes nothing any more.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"name":"n","NAME":"m","parts":[{"key":"c"}],"inner":null,"words":{"":""}}`))
	f.Add([]byte(`{"words":{"x":"2","X":"3"},"Words":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		under := base()
		got, err := overlay.Decode(data, under)
		require.Equal(t, base(), under)
		if err != nil {
			return
		}
		text, err := json.Marshal(got)
		require.NoError(t, err)
		again, err := overlay.Decode(text, got)
		require.NoError(t, err)
		text2, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(text), string(text2))
	})
}
