package sample_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/examples/replay/sample"
)

func TestWrite(t *testing.T) {
	t.Parallel()
	var one, two bytes.Buffer
	require.NoError(t, sample.Write(&one, sample.Incidents))
	require.NoError(t, sample.Write(&two, sample.Incidents))
	require.Equal(t, one.String(), two.String(), "the same call writes the same log")
	assert.True(t, strings.HasPrefix(one.String(), sample.Header+"\n"))
	records, err := csv.NewReader(&one).ReadAll()
	require.NoError(t, err)
	incidents, states, reopened := map[string]bool{}, map[string]bool{}, 0
	for i, r := range records[1:] {
		incidents[r[0]], states[r[1]] = true, true
		if r[4] != "0" && r[1] == "Active" && records[i][4] != r[4] {
			reopened++
		}
	}
	assert.Len(t, incidents, sample.Incidents)
	assert.Len(t, states, 8, "every state occurs")
	assert.Positive(t, reopened)
	assert.ErrorContains(t, sample.Write(full{}, 5), "no space")
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space") }

func ExampleWrite() {
	if err := sample.Write(&firstRows{3}, 1); err != nil {
		fmt.Println(err)
	}
	// Output:
	// number,incident_state,active,reassignment_count,reopen_count,sys_mod_count
	// INC0000002,New,true,0,0,0
	// INC0000002,Active,true,0,0,1
}

// firstRows prints the first columns of the first rows.
type firstRows struct{ left int }

func (f *firstRows) Write(text []byte) (int, error) {
	for l := range strings.Lines(string(text)) {
		if f.left > 0 {
			f.left--
			fmt.Fprintln(os.Stdout, strings.Join(strings.Split(l, ",")[:6], ","))
		}
	}
	return len(text), nil
}
