package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/examples/replay/sample"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

func zone(t testing.TB) *time.Location {
	z, err := time.LoadLocation(defaultZone)
	require.NoError(t, err)
	return z
}

// sampleText returns a sample log of so many incidents.
func sampleText(t testing.TB, incidents int) string {
	var b bytes.Buffer
	require.NoError(t, sample.Write(&b, incidents))
	return b.String()
}

// file writes a log and returns its path.
func file(t testing.TB, name, text string) string {
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func zipped(t testing.TB, text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := io.WriteString(z, text)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.String()
}

// replayInto replays a text into a store.
func replayInto(t testing.TB, db store.DB, text string, keepGoing bool) (*report, error) {
	r := newRun(textLog("test.csv", []byte(text)), zone(t), false, keepGoing, nil)
	if err := r.check(context.Background()); err != nil {
		return nil, err
	}
	p, err := newReplay(r, db)
	require.NoError(t, err)
	return &r.report, p.all(context.Background())
}

// replayed replays a text that has no faults into a fresh store.
func replayed(t testing.TB, text string) *report {
	found, err := replayInto(t, memory.New(), text, false)
	require.NoError(t, err)
	return found
}

// runCommand runs the program.
func runCommand(t testing.TB, args ...string) (map[string]any, error) {
	var out, messages bytes.Buffer
	err := command(context.Background(), append(args, "-json"), &out, &messages, nil)
	var found map[string]any
	if out.Len() > 0 {
		require.NoError(t, json.Unmarshal(out.Bytes(), &found), out.String())
	}
	return found, err
}

// A line of a log, as columns that differ from what most lines have.
type line map[string]string

var ordinary = line{
	"number": "INC1", "incident_state": "New", "active": "true", "reassignment_count": "0", "reopen_count": "0", "sys_mod_count": "0", "made_sla": "true",
	"caller_id": "Caller 1", "opened_at": "29/2/2016 07:00", "sys_updated_by": "Updated by 1", "sys_updated_at": "29/2/2016 08:00", "contact_type": "Phone",
	"impact": "2 - Medium", "urgency": "2 - Medium", "priority": "3 - Moderate", "assignment_group": "Group 1",
}

// logOf writes lines as a log. Each has what the one before has, but for what it says.
func logOf(lines ...line) string {
	var b strings.Builder
	b.WriteString(strings.Join(columns[:], ",") + "\n")
	now := maps.Clone(ordinary)
	for _, l := range lines {
		maps.Copy(now, l)
		for i, name := range columns {
			if i > 0 {
				b.WriteByte(',')
			}
			cell, ok := now[name]
			if !ok {
				cell = missing
			}
			b.WriteString(cell)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
