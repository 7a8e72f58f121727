package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/sqlite"
)

func TestProcesses(t *testing.T) {
	t.Parallel()

	t.Run("tables and columns grow under several processes", func(t *testing.T) {
		t.Parallel()
		a, path := open(t)
		b, err := sqlite.Open(path, sqlite.Relaxed(), sqlite.BusyTimeout(time.Minute))
		require.NoError(t, err)
		defer b.Close()
		var wg sync.WaitGroup
		for w, db := range []*sqlite.DB{a, b, a, b} {
			wg.Go(func() {
				for i := range 15 {
					batch := step(store.Snapshot{Key: itsm.Key{Tenant: "h1", Kind: itsm.Kind(fmt.Sprintf("kind_%d", i/5)), ID: itsm.ID(fmt.Sprintf("%d-%d", w, i))}}, w*1000+i)
					batch.Puts[0].Index = []itsm.IndexEntry{
						{Field: fmt.Sprintf("field_%d", i), Value: itsm.NumberOf(i)}, {Field: fmt.Sprintf("own_%d", w), Value: itsm.TextOf("x")}, {Field: "tag", Many: true, Value: itsm.TextOf(fmt.Sprint(i))},
					}
					for err := error(sqlite.ErrBusy); errors.Is(err, sqlite.ErrBusy); {
						err = db.Commit(context.Background(), batch)
						if !errors.Is(err, sqlite.ErrBusy) {
							assert.NoError(t, err)
						}
					}
				}
			})
		}
		wg.Wait()
		for _, db := range []*sqlite.DB{a, b} {
			for i := range 15 {
				for _, c := range []itsm.Condition{itsm.Where(fmt.Sprintf("field_%d", i), itsm.NumberOf(i)), itsm.Where("tag", itsm.TextOf(fmt.Sprint(i)))} {
					n := 0
					for _, err := range db.Find(t.Context(), itsm.Query{Tenant: "h1", Kind: itsm.Kind(fmt.Sprintf("kind_%d", i/5)), Where: []itsm.Condition{c}}) {
						require.NoError(t, err)
						n++
					}
					assert.Equal(t, 4, n, "%v", c)
				}
			}
			require.NoError(t, db.Check(t.Context()))
		}
	})

	t.Run("a value of a field that only the other process knows is cleared", func(t *testing.T) {
		t.Parallel()
		a, path := open(t)
		b, err := sqlite.Open(path)
		require.NoError(t, err)
		defer b.Close()
		first := step(store.Snapshot{Key: benchKey(1)}, 1)
		require.NoError(t, a.Commit(t.Context(), first))
		require.EqualValues(t, 1, load(t, b, benchKey(1)).Seq)
		second := step(first.Puts[0].Snapshot, 2)
		second.Puts[0].Index = append(second.Puts[0].Index, itsm.IndexEntry{Field: "later", Value: itsm.TextOf("x")})
		require.NoError(t, b.Commit(t.Context(), second))
		require.NoError(t, a.Commit(t.Context(), step(second.Puts[0].Snapshot, 3)))
		for _, db := range []*sqlite.DB{a, b} {
			for range db.Find(t.Context(), itsm.Query{Tenant: "h1", Kind: "incident", Where: []itsm.Condition{itsm.Where("later", itsm.TextOf("x"))}}) {
				t.Error("the value was cleared")
			}
		}
	})

	t.Run("S-078 what was acknowledged survives a kill", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "itsm.db")
		for round := range 3 {
			cmd := exec.Command(os.Args[0], "-test.run", "^TestHelperProcess$")
			cmd.Env = append(os.Environ(), helperEnv+"="+path)
			out, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			lines := bufio.NewScanner(out)
			acknowledged := map[string]uint64{}
			for n := 0; n < 20+round*7 && lines.Scan(); n++ {
				var id string
				var seq uint64
				_, err := fmt.Sscan(lines.Text(), &id, &seq)
				require.NoError(t, err, lines.Text())
				acknowledged[id] = seq
			}
			require.NoError(t, cmd.Process.Kill())
			_, _ = io.Copy(io.Discard, out)
			_ = cmd.Wait()
			db, err := sqlite.Open(path)
			require.NoError(t, err)
			require.NoError(t, db.Check(t.Context()))
			require.NotEmpty(t, acknowledged)
			for id, seq := range acknowledged {
				assert.GreaterOrEqual(t, verify(t, db, itsm.Key{Tenant: "h1", Kind: "incident", ID: itsm.ID(id)}), seq, id)
			}
			require.NoError(t, db.Close())
		}
	})
}

const helperEnv = "ITSM_SQLITE_HELPER"

// TestHelperProcess is the process that is killed: it commits for ever and says what was acknowledged.
func TestHelperProcess(t *testing.T) {
	path := os.Getenv(helperEnv)
	if path == "" {
		t.Skip("only as a process of its own")
	}
	db, err := sqlite.Open(path)
	require.NoError(t, err)
	for n := int(time.Now().UnixNano()); ; n++ {
		key := benchKey(n % 5)
		b := step(load(t, db, key), n%1_000_000_000)
		b.Commands[0] = itsm.CommandID(fmt.Sprint("c-", n))
		b.Events[0].Command = b.Commands[0]
		b.Events[0].Hash = b.Events[0].ComputeHash()
		b.Puts[0].Head = b.Events[0].Hash
		require.NoError(t, db.Commit(t.Context(), b))
		fmt.Println(key.ID, b.Puts[0].Seq)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()

	t.Run("the host's tables are left alone and its handle stays open", func(t *testing.T) {
		t.Parallel()
		handle := shell(t, filepath.Join(t.TempDir(), "host.db"))
		do(t, handle, "CREATE TABLE record_incident (theirs TEXT)")
		do(t, handle, "INSERT INTO record_incident VALUES ('theirs')")
		db, err := sqlite.New(t.Context(), handle)
		require.NoError(t, err)
		require.NoError(t, db.Commit(t.Context(), step(store.Snapshot{Key: benchKey(1)}, 1)))
		assert.EqualValues(t, 1, verify(t, db, benchKey(1)))
		require.NoError(t, db.Close())
		assert.Equal(t, "theirs", one[string](t, handle, "SELECT theirs FROM record_incident"))
		assert.Equal(t, "record_incident_2", "record_"+one[string](t, handle, "SELECT name FROM itsm_kind"))
	})

	t.Run("one connection is enough, also inside loops", func(t *testing.T) {
		t.Parallel()
		handle := shell(t, filepath.Join(t.TempDir(), "host.db"))
		handle.SetMaxOpenConns(1)
		db, err := sqlite.New(t.Context(), handle)
		require.NoError(t, err)
		require.NoError(t, db.Commit(t.Context(), step(store.Snapshot{Key: benchKey(1)}, 1)))
		for range db.Events(t.Context(), "", itsm.Filter{}) {
			assert.Equal(t, 1, one[int](t, handle, "SELECT count(*) FROM itsm_journal"), "between the calls the connection is the host's")
		}
	})

	t.Run("options that the host must set are invalid", func(t *testing.T) {
		t.Parallel()
		_, err := sqlite.New(t.Context(), shell(t, filepath.Join(t.TempDir(), "host.db")), sqlite.Relaxed())
		assert.ErrorIs(t, err, itsm.ErrInvalid)
	})
}

func TestTampering(t *testing.T) {
	t.Parallel()
	// The journal of one record, told by its chain; whoever writes into the file is found out by the entry.
	for name, c := range map[string]struct {
		sql string
		seq uint64
	}{
		"altered":        {`UPDATE itsm_journal SET actor = 'somebody else' WHERE seq = 3`, 3},
		"altered data":   {`UPDATE itsm_journal SET data = replace(data, '17', '18') WHERE seq = 3`, 3},
		"altered times":  {`UPDATE itsm_journal SET recorded = recorded + 1 WHERE seq = 3`, 3},
		"dropped":        {`DELETE FROM itsm_journal WHERE seq = 3`, 3},
		"last dropped":   {`DELETE FROM itsm_journal WHERE seq = 5`, 5},
		"reordered":      {`UPDATE itsm_journal SET seq = CASE seq WHEN 2 THEN -3 WHEN 3 THEN -2 END WHERE seq IN (2, 3); UPDATE itsm_journal SET seq = -seq WHERE seq < 0`, 2},
		"inserted":       {`UPDATE itsm_journal SET seq = -seq - 1 WHERE seq > 2; UPDATE itsm_journal SET seq = -seq WHERE seq < 0; INSERT INTO itsm_journal SELECT 1000, tenant, kind, id, 3, type, at, recorded, actor, on_behalf_of, command, command_name, reason, data, personal, personal_digest, prev, hash FROM itsm_journal WHERE seq = 2`, 3},
		"personal":       {`UPDATE itsm_journal SET personal = '{}' WHERE seq = 4`, 4},
		"head of record": {`UPDATE record_incident SET seq = 4`, 6},
	} {
		t.Run("INV-03 "+name, func(t *testing.T) {
			t.Parallel()
			db, path := open(t)
			now := store.Snapshot{Key: benchKey(1)}
			for n := range 5 {
				b := step(now, n)
				require.NoError(t, db.Commit(t.Context(), b))
				now = b.Puts[0].Snapshot
			}
			require.EqualValues(t, 5, verify(t, db, benchKey(1)))
			do(t, shell(t, path), c.sql)
			var chain itsm.ChainVerifier
			err := func() error {
				for e, err := range db.Events(t.Context(), "", itsm.Filter{Tenant: "h1", Kind: "incident", ID: benchKey(1).ID}) {
					if err != nil {
						return err
					}
					if err := chain.Next(&e); err != nil {
						return err
					}
				}
				snap := load(t, db, benchKey(1))
				return chain.Finish(snap.Key, snap.Seq, snap.Head)
			}()
			var tampered *itsm.TamperedError
			require.ErrorAs(t, err, &tampered)
			assert.Equal(t, c.seq, tampered.Seq, "it names the entry")
		})
	}
}
