//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/store/postgres/pgtest"
)

func TestCrashPostgres(t *testing.T) {
	t.Parallel()
	kills := 4
	if testing.Short() {
		kills = 2
	}
	var out bytes.Buffer
	err := command(t.Context(), []string{"-store", "postgres", "-kills", fmt.Sprint(kills), "-server-kills", "-seed", "1", "-json"}, &out, io.Discard)
	if errors.Is(err, pgtest.ErrAbsent) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	var r report
	require.NoError(t, json.Unmarshal(out.Bytes(), &r), "%v", err)
	require.NoError(t, err, "%s", out.String())
	t.Run("F-X-3 S-078 though the program and the PostgreSQL server are killed, no acknowledged command is lost, doubled or torn", func(t *testing.T) {
		require.Equal(t, kills, r.Kills)
		assert.Positive(t, r.ServerKills)
		assert.Positive(t, r.Acknowledged)
		assert.Zero(t, r.Lost+r.Doubled+r.Torn+r.Unanswered, r.First)
		assert.Equal(t, intact, r.Chain)
	})
}
