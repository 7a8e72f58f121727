package main

import (
	"errors"
	"math/rand/v2"
	"os"
	osexec "os/exec"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/internal/smalldisk"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/postgres"
	"github.com/hospital-itsm/itsm/store/postgres/pgtest"
	"github.com/hospital-itsm/itsm/store/sqlite"
)

// TestFullDisk works until the disk is full, and on.
func TestFullDisk(t *testing.T) {
	t.Run("S-123 F-X-3 what fails for want of room has changed nothing, and given again with room it is done once", func(t *testing.T) {
		dir := t.TempDir()
		disk := smalldisk.Mount(t, dir, 4*smalldisk.MiB)
		db, err := sqlite.Open(filepath.Join(dir, "itsm.db"))
		require.NoError(t, err)
		workUntilFull(t, db, disk, sqlite.ErrFull)
	})
	t.Run("S-123 F-X-3 the same where the tables of a PostgreSQL server find no room", func(t *testing.T) {
		if testing.Short() {
			t.Skip("starts a server")
		}
		server := pgtest.Start(t, "synchronous_commit=on")
		dir := smallTablespace(t, server)
		disk := smalldisk.Mount(t, dir, 20*smalldisk.MiB)
		require.NoError(t, server.Exec("CREATE TABLESPACE small LOCATION '"+dir+"'"))
		require.NoError(t, server.Exec("CREATE DATABASE small TEMPLATE template0 TABLESPACE small"))
		db, err := postgres.Open(t.Context(), server.URL("small"))
		require.NoError(t, err)
		disk.Leave(t, smalldisk.MiB)
		workUntilFull(t, db, disk, postgres.ErrFull)
	})
}

// smallTablespace makes a folder beside the data of a server that belongs to whom they belong to.
func smallTablespace(t *testing.T, server *pgtest.Server) string {
	conn, err := pgx.Connect(t.Context(), server.URL("postgres"))
	require.NoError(t, err)
	defer conn.Close(t.Context())
	var data string
	require.NoError(t, conn.QueryRow(t.Context(), "SHOW data_directory").Scan(&data))
	dir := filepath.Join(filepath.Dir(data), "small")
	require.NoError(t, os.Mkdir(dir, 0o700))
	out, err := osexec.Command("chown", "--reference="+data, dir).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return dir
}

func workUntilFull(t *testing.T, db store.DB, disk *smalldisk.Disk, errFull error) {
	d := newDesk(t, db)
	w := d.world(d.setup.now)
	k := &worker{world: w, shared: new(pool), rng: rand.New(rand.NewPCG(5, 5)), tenant: "h1", prefix: "c-"}
	done, full := 0, 0
	for full < 50 {
		o := k.choose()
		require.NoError(t, d.take(&line{Begin: &o}))
		a, after, err := w.give(t.Context(), &o)
		if err != nil {
			require.ErrorIs(t, err, errFull, "%s", o.Do)
			require.NotErrorIs(t, err, postgres.ErrOutcomeUnknown, "%s", o.Do)
			full++
			continue
		}
		done++
		require.NoError(t, d.take(&line{End: &a}))
		k.learn(&o, &a, after)
	}
	require.Greater(t, done, 50)
	if err := d.check(t.Context(), w); err == nil {
		require.Zero(t, d.InDoubtKept, "nothing of what failed is there")
	} else { // in PostgreSQL entries get their places when they are read, which takes room
		require.True(t, errors.Is(err, postgres.ErrFull), "what is there can be read: %v", err)
	}
	disk.Resize(t, 200*smalldisk.MiB)
	require.NoError(t, d.check(t.Context(), w), "what is there can be read")
	require.Zero(t, d.InDoubtKept, "nothing of what failed is there")
	require.NoError(t, d.finish(t.Context(), db, &d.setup))
	assert.True(t, d.clean(), "%v %s", d.First, d.Chain)
	assert.Len(t, d.ops, done+full)
	require.NoError(t, db.Close())
	t.Logf("%d commands done before and between, %d failed", done, full)
}
