package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain is the child, too: the run starts the program that it is itself.
func TestMain(m *testing.M) {
	if isChild() {
		if err := child(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestCrash(t *testing.T) {
	t.Parallel()
	kills := 25
	if testing.Short() {
		kills = 5
	}
	var out bytes.Buffer
	err := command(t.Context(), []string{"-kills", fmt.Sprint(kills), "-each", "15", "-seed", "7", "-json"}, &out, io.Discard)
	var r report
	require.NoError(t, json.Unmarshal(out.Bytes(), &r), "%v", err)
	require.NoError(t, err, "%s", out.String())
	require.Equal(t, kills, r.Kills)
	require.Positive(t, r.Acknowledged)

	t.Run("F-X-3 S-078 killed at any point, no acknowledged command or refusal is lost, and none is there twice", func(t *testing.T) {
		assert.Zero(t, r.Lost, r.First)
		assert.Zero(t, r.Doubled, r.First)
		assert.Zero(t, r.Unanswered, r.First)
		assert.Positive(t, r.InDoubt, "kills have cut off answers")
	})
	t.Run("INV-02 killed at any point, every record is what its journal leads to, and units of work are whole", func(t *testing.T) {
		assert.Zero(t, r.Torn, r.First)
		assert.Positive(t, r.Records)
	})
	t.Run("F-X-2 killed at any point, the chains and the sealed journal verify", func(t *testing.T) {
		assert.Equal(t, intact, r.Chain)
		assert.Positive(t, r.Seals)
	})
	t.Run("F-X-6 killed at any point, wakes and reactions go on", func(t *testing.T) {
		assert.Zero(t, r.Lost+r.Doubled, r.First)
		if !testing.Short() { // else there may be none
			assert.Positive(t, r.Wakes)
			assert.Positive(t, r.Reactions)
		}
	})
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-kills", "0"}, {"sqlite"}, {"-workers", "100"}, {"-kills", "many"}} {
		assert.ErrorIs(t, command(t.Context(), args, io.Discard, io.Discard), errUsage, args)
	}
	err := command(t.Context(), []string{"-store", "paper"}, io.Discard, io.Discard)
	assert.ErrorContains(t, err, `no store "paper"; want one of sqlite`)
	err = command(t.Context(), []string{"-store", "sqlite", "-kills", "2", "-server-kills"}, io.Discard, io.Discard)
	assert.ErrorIs(t, err, errUsage, "SQLite has no server")
}
