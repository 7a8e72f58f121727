package postgres_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/postgres"
	"github.com/hospital-itsm/itsm/store/postgres/pgtest"
)

// The records of the benchmarks are like small incidents: ten fields to be found by, of which a command changes three.
const benchFields = 10

var benchData = []byte(`{"id":"INC-20260214-0007","summary":"收费窗口打印机不出纸","caller":{"id":"u-117","name":"王小明"},` + strings.TrimSuffix(strings.Repeat(`"field_with_a_name":"and a value of some length",`, 6), ",") + `}`)

var benchStart = time.Date(2026, 2, 14, 8, 0, 0, 0, time.UTC)

func benchIndex(n int) []itsm.IndexEntry {
	index := []itsm.IndexEntry{
		{Field: "state", Value: itsm.TextOf([]string{"new", "active", "waiting"}[n%3])},
		{Field: "updated", Value: itsm.TimeOf(benchStart.Add(time.Duration(n) * time.Second))},
		{Field: "due", Value: itsm.TimeOf(benchStart.Add(time.Duration(n*7919%86400) * time.Second))},
	}
	for i := len(index); i < benchFields; i++ {
		index = append(index, itsm.IndexEntry{Field: fmt.Sprintf("field_%d", i), Value: itsm.TextOf(fmt.Sprintf("value %d", i))})
	}
	return index
}

func benchKey(i int) itsm.Key {
	return itsm.Key{Tenant: "h1", Kind: "incident", ID: itsm.ID(fmt.Sprintf("INC-20260214-%06d", i))}
}

// step is the n-th command, on the record of a snapshot.
func step(prev store.Snapshot, n int) store.Batch {
	at := benchStart.Add(time.Duration(n) * time.Second)
	command := itsm.CommandID(fmt.Sprintf("0123456789abcdef-%09d", n))
	e := itsm.Event{
		Key: prev.Key, Seq: prev.Seq + 1, Type: "incident.triaged", At: at, Recorded: at, Actor: "u-017", Command: command, CommandName: "incident.triage",
		Data: benchData[:160], Prev: prev.Head,
	}
	e.Hash = e.ComputeHash()
	put := store.Put{Expect: prev.Seq, Index: benchIndex(n), Snapshot: store.Snapshot{Key: prev.Key, Seq: e.Seq, Head: e.Hash, Recorded: at, Data: benchData, Wake: at.Add(time.Hour)}}
	return store.Batch{Tenant: prev.Key.Tenant, Puts: []store.Put{put}, Events: []itsm.Event{e}, Commands: []itsm.CommandID{command}}
}

func merge(batches ...store.Batch) (all store.Batch) {
	for _, b := range batches {
		all.Tenant = b.Tenant
		all.Puts, all.Events, all.Commands = append(all.Puts, b.Puts...), append(all.Events, b.Events...), append(all.Commands, b.Commands...)
	}
	return all
}

// fill makes records 0 to n-1 of a tenant.
func fill(b testing.TB, db store.DB, tenant itsm.Tenant, n int) {
	for i := 0; i < n; {
		var batches []store.Batch
		for range min(1000, n-i) {
			key := benchKey(i)
			key.Tenant = tenant
			batches = append(batches, step(store.Snapshot{Key: key}, i))
			i++
		}
		require.NoError(b, db.Commit(b.Context(), merge(batches...)))
	}
}

// byHand is what somebody would write who knows the fields of an incident and which of them a command changes: a table with a
// column and an index for each, a journal, used command IDs; one statement to read and one to write.
type byHand struct {
	pool         *pgxpool.Pool
	changed      []string
	load, update string
	numbered     string // update with positions that a reader could rely on: from a row of the tenant, locked until the commit
}

// newByHand makes records of tenants from what makes the first one, given its key and number. A command changes the fields that are named.
func newByHand(b testing.TB, url, schema string, tenants []itsm.Tenant, first func(i int) store.Put, changed ...string) *byHand {
	pool, err := pgxpool.New(b.Context(), url)
	require.NoError(b, err)
	b.Cleanup(pool.Close)
	exec := func(sql string, args ...any) {
		_, err := pool.Exec(b.Context(), strings.ReplaceAll(sql, "@.", schema+"."), args...)
		require.NoError(b, err)
	}
	var columns strings.Builder
	types := map[itsm.ValueType]string{itsm.TextValue: "text", itsm.TimeValue: "timestamptz", itsm.NumberValue: "double precision"}
	for _, e := range first(0).Index {
		columns.WriteString(", " + column(e.Field) + " " + types[e.Value.Type()])
	}
	exec("CREATE SCHEMA " + schema)
	exec("CREATE TABLE @.incident (tenant text, id text, seq bigint NOT NULL, head bytea, recorded timestamptz, wake timestamptz, data text" + columns.String() + ", PRIMARY KEY (tenant, id))")
	exec("CREATE INDEX ON @.incident (wake, tenant, id)")
	for _, e := range first(0).Index {
		exec("CREATE INDEX ON @.incident (tenant, " + column(e.Field) + ", id)")
	}
	exec(`CREATE TABLE @.journal (position bigserial UNIQUE, tenant text, kind text, id text, seq bigint, type text, at timestamptz, recorded timestamptz, actor text, on_behalf_of text,
		command text, command_name text, reason text, data text, personal text, personal_digest bytea, prev bytea, hash bytea, PRIMARY KEY (tenant, kind, id, seq))`)
	exec("CREATE INDEX ON @.journal (tenant, command)")
	exec("CREATE TABLE @.head (tenant text PRIMARY KEY, position bigint)")
	exec("CREATE TABLE @.command (tenant text, id text, PRIMARY KEY (tenant, id))")
	for _, tenant := range tenants {
		exec("INSERT INTO @.head VALUES ($1, 1000000000000)", string(tenant))
		for i := range benchRecords {
			p := first(i)
			args := []any{string(tenant), string(p.Key.ID), p.Head[:], p.Recorded, instant(p.Wake), p.Data}
			var marks strings.Builder
			for j, e := range p.Index {
				marks.WriteString(fmt.Sprintf(", $%d", j+7))
				args = append(args, held(e.Value))
			}
			exec("INSERT INTO @.incident VALUES ($1, $2, 1, $3, $4, $5, $6"+marks.String()+")", args...)
		}
	}
	exec("ANALYZE @.incident")
	var sets strings.Builder
	for i, field := range changed {
		sets.WriteString(fmt.Sprintf(", %s = $%d", column(field), 22+i))
	}
	h := &byHand{pool: pool, changed: changed,
		load: strings.ReplaceAll("SELECT seq, head, recorded, data FROM @.incident WHERE tenant = $1 AND id = $2", "@.", schema+"."),
		update: strings.ReplaceAll(`WITH rec AS (
				UPDATE @.incident SET seq = $3, head = $4, recorded = $5, wake = $6, data = $7`+sets.String()+` WHERE tenant = $1 AND id = $2 AND seq = $8 RETURNING 1
			), cmd AS (
				INSERT INTO @.command (tenant, id) SELECT $1, $9 FROM rec
			)
			INSERT INTO @.journal (tenant, kind, id, seq, type, at, recorded, actor, on_behalf_of, command, command_name, reason, data, personal, personal_digest, prev, hash)
			SELECT $1, $10, $2, $3, $11, $12, $5, $13, $14, $9, $15, $16, $17, $18, $19, $20, $21 FROM rec`, "@.", schema+"."),
	}
	before, entry, _ := strings.Cut(h.update, "\n\t\t\t)\n\t\t\tINSERT")
	entry = strings.NewReplacer("(tenant, kind", "(position, tenant, kind", "SELECT $1", "SELECT next.position, $1", "FROM rec", "FROM next").Replace(entry)
	h.numbered = before + "), next AS (UPDATE " + schema + ".head SET position = position + 1 WHERE tenant = $1 AND EXISTS (SELECT 1 FROM rec) RETURNING position) INSERT" + entry
	return h
}

// do reads a record and writes what follows from it.
func (h *byHand) do(ctx context.Context, update string, key itsm.Key, next func(store.Snapshot) store.Batch) error {
	s := store.Snapshot{Key: key}
	var head []byte
	if err := h.pool.QueryRow(ctx, h.load, string(key.Tenant), string(key.ID)).Scan(&s.Seq, &head, &s.Recorded, &s.Data); err != nil {
		return err
	}
	copy(s.Head[:], head)
	b := next(s)
	p, e := &b.Puts[0], &b.Events[0]
	var digest []byte
	if e.Personal != nil {
		digest = e.PersonalDigest[:]
	}
	args := []any{string(key.Tenant), string(key.ID), int64(p.Seq), p.Head[:], p.Recorded, instant(p.Wake), p.Data,
		int64(p.Expect), string(e.Command), string(e.Kind), e.Type, e.At, string(e.Actor), "", e.CommandName, "", e.Data, e.Personal, digest, e.Prev[:], e.Hash[:]}
	for _, field := range h.changed {
		at := slices.IndexFunc(p.Index, func(e itsm.IndexEntry) bool { return e.Field == field })
		args = append(args, held(p.Index[at].Value))
	}
	tag, err := h.pool.Exec(ctx, update, args...)
	if err == nil && tag.RowsAffected() != 1 {
		err = itsm.ErrConflict
	}
	return err
}

// column is what a column is called after a field.
func column(field string) string { return "f_" + field }

// held is how a column holds a value.
func held(v itsm.Value) any {
	switch v.Type() {
	case itsm.TextValue:
		return v.Text()
	case itsm.TimeValue:
		return v.Time()
	}
	return v.Number()
}

func instant(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

// small is the first state of a small record of the benchmarks.
func small(i int) store.Put { return step(store.Snapshot{Key: benchKey(i)}, i).Puts[0] }

const benchRecords = 2000

// sideBySide runs both in turn, so that whatever else the machine does meets both alike. It reports what each takes per
// command, and the speed of ours as a share of the peer's, all as the median of the rounds.
func sideBySide(b *testing.B, commands int, ours, peer func()) {
	sideBySideAs(b, commands, "store", ours, "by-hand", peer)
}

func sideBySideAs(b *testing.B, commands int, our string, ours func(), their string, peer func()) {
	var times [2][]float64
	var shares []float64
	round := 0
	for b.Loop() {
		for i := range 2 {
			which := (i + round) % 2
			begin := time.Now()
			[]func(){ours, peer}[which]()
			times[which] = append(times[which], float64(time.Since(begin).Nanoseconds())/float64(commands))
		}
		round++
		last := len(times[0]) - 1
		shares = append(shares, times[1][last]/times[0][last])
	}
	median := func(all []float64) float64 {
		slices.Sort(all)
		return all[len(all)/2]
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(times[0]), "ns/"+our)
	b.ReportMetric(median(times[1]), "ns/"+their)
	b.ReportMetric(median(shares), "of-"+their)
}

// together runs n commands on workers.
func together(b *testing.B, workers, n int, do func(worker, i int) error) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := do(w, i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// One command: load the record, then write it with its entry, the ID of the command and the changed fields. Each worker has
// records of its own; they share one tenant.
func BenchmarkCommand(b *testing.B) {
	needServer(b)
	durable := pgtest.Start(b, "fsync=on", "full_page_writes=on", "max_wal_size=8GB", "checkpoint_timeout=30min")
	for _, commit := range []string{"on", "off"} {
		for _, workers := range []int{1, 8, 32} {
			b.Run(fmt.Sprintf("synchronous_commit=%s/connections=%d", commit, workers), func(b *testing.B) {
				url := durable.Database(b, "synchronous_commit="+commit, fmt.Sprint("pool_max_conns=", workers))
				db, err := postgres.Open(b.Context(), url)
				require.NoError(b, err)
				b.Cleanup(func() { db.Close() })
				fill(b, db, "h1", benchRecords)
				analyze(b, url)
				h := newByHand(b, url, "peer", []itsm.Tenant{"h1"}, small, "state", "updated", "due")
				ctx := b.Context()
				run := 20 * workers
				var count [2]int
				key := func(worker, i int) itsm.Key {
					return benchKey((worker + workers*i) % (benchRecords / workers * workers))
				}
				sideBySide(b, run, func() {
					n := benchRecords + count[0]
					count[0] += run
					together(b, workers, run, func(w, i int) error {
						found, err := db.Load(ctx, key(w, n+i))
						if err != nil {
							return err
						}
						return db.Commit(ctx, step(found[0], n+i))
					})
				}, func() {
					n := benchRecords + count[1]
					count[1] += run
					together(b, workers, run, func(w, i int) error {
						return h.do(ctx, h.update, key(w, n+i), func(s store.Snapshot) store.Batch { return step(s, n+i) })
					})
				})
			})
		}
	}
}

// spy keeps the last batch that went into a store.
type spy struct {
	store.DB
	last store.Batch
}

func (s *spy) Commit(ctx context.Context, b store.Batch) error {
	s.last = b
	return s.DB.Commit(ctx, b)
}

var (
	benchAgent   = itsm.WithActor(context.Background(), itsm.Actor{ID: "u-017", Tenant: "h1", Roles: []itsm.Role{itsm.RoleServiceDesk}})
	benchContact = incident.Contact{Channel: incident.Phone, Text: "asked again"}
)

// incidents makes incidents on which somebody is at work, and returns their IDs and the batch of a contact on the last one.
func incidents(b testing.TB, db store.DB, n int) (ids []itsm.ID, contact store.Batch) {
	watched := &spy{DB: db}
	s, err := incident.New(incident.NewRepository(watched), incident.Config{})
	require.NoError(b, err)
	for range n {
		inc, err := s.Do(benchAgent, "", incident.Record{Channel: incident.Phone, Caller: incident.Caller{Person: "u-117", Name: "caller", Department: "fee", Phone: "8001"}, Summary: "收费窗口打印机不出纸"})
		require.NoError(b, err)
		_, err = s.Do(benchAgent, inc.ID, incident.Triage{Impact: incident.ImpactSeveral, Urgency: incident.UrgencyToday})
		require.NoError(b, err)
		ids = append(ids, inc.ID)
	}
	_, err = s.Do(benchAgent, ids[n-1], benchContact)
	require.NoError(b, err)
	return ids, watched.last
}

// again is the batch of a command once more, as the n-th, on the record of a snapshot.
func again(b *store.Batch, prev store.Snapshot, n int) store.Batch {
	p, e := b.Puts[0], b.Events[0]
	e.Key, e.Seq, e.Prev, e.Command = prev.Key, prev.Seq+1, prev.Head, itsm.CommandID(fmt.Sprintf("0123456789abcdef-%09d", n))
	e.Hash = e.ComputeHash()
	p.Key, p.Expect, p.Seq, p.Head = prev.Key, prev.Seq, e.Seq, e.Hash
	p.Index = slices.Clone(p.Index)
	for i := range p.Index {
		if v := &p.Index[i]; v.Field == "updated" {
			v.Value = itsm.TimeOf(p.Recorded.Add(time.Duration(n) * time.Millisecond))
		}
	}
	return store.Batch{Tenant: prev.Key.Tenant, Puts: []store.Put{p}, Events: []itsm.Event{e}, Commands: []itsm.CommandID{e.Command}}
}

// A command through the service of incidents, from the context to the answer as the actor may see it, beside the bare statements that read and
// write the same rows: by hand nothing is checked, decided, encoded or masked. Each worker has incidents of its own.
func BenchmarkDo(b *testing.B) {
	needServer(b)
	durable := pgtest.Start(b, "fsync=on", "full_page_writes=on", "max_wal_size=8GB", "checkpoint_timeout=30min")
	for _, workers := range []int{1, 8, 32} {
		b.Run(fmt.Sprint("connections=", workers), func(b *testing.B) {
			url := durable.Database(b, "synchronous_commit=on", fmt.Sprint("pool_max_conns=", workers))
			db, err := postgres.Open(b.Context(), url)
			require.NoError(b, err)
			b.Cleanup(func() { db.Close() })
			ids, contact := incidents(b, db, 640)
			analyze(b, url)
			first := func(i int) store.Put { return again(&contact, store.Snapshot{Key: benchKey(i)}, i).Puts[0] }
			h := newByHand(b, url, "peer", []itsm.Tenant{"h1"}, first, "updated")
			s, err := incident.New(incident.NewRepository(db), incident.Config{})
			require.NoError(b, err)
			run := 20 * workers
			var count [2]int
			mine := func(worker, i int) int { return (worker + workers*i) % len(ids) }
			sideBySide(b, run, func() {
				n := count[0]
				count[0] += run
				together(b, workers, run, func(w, i int) error {
					_, err := s.Do(benchAgent, ids[mine(w, n+i)], benchContact)
					return err
				})
			}, func() {
				n := count[1]
				count[1] += run
				together(b, workers, run, func(w, i int) error {
					return h.do(b.Context(), h.update, benchKey(mine(w, n+i)), func(s store.Snapshot) store.Batch { return again(&contact, s, n+i) })
				})
			})
		})
	}
}

// What it would cost to number the entries of a tenant in the transactions that write them, under the lock of a row: by hand with and without.
func BenchmarkNumbered(b *testing.B) {
	needServer(b)
	durable := pgtest.Start(b, "fsync=on", "full_page_writes=on", "max_wal_size=8GB", "checkpoint_timeout=30min")
	for _, workers := range []int{8, 32} {
		b.Run(fmt.Sprintf("connections=%d", workers), func(b *testing.B) {
			h := newByHand(b, durable.Database(b, "synchronous_commit=on", fmt.Sprint("pool_max_conns=", workers)), "peer", []itsm.Tenant{"h1"}, small, "state", "updated", "due")
			run, n := 20*workers, benchRecords
			each := func(update string) func() {
				return func() {
					from := n
					n += run
					together(b, workers, run, func(w, i int) error {
						return h.do(b.Context(), update, benchKey((w+workers*(from+i))%(benchRecords/workers*workers)), func(s store.Snapshot) store.Batch { return step(s, from+i) })
					})
				}
			}
			sideBySideAs(b, run, "numbered", each(h.numbered), "by-hand", each(h.update))
		})
	}
}

// An entry that is read for the first time, which gives it its place, and again.
func BenchmarkEvents(b *testing.B) {
	db, _ := open(b)
	const entries = 4000
	n := 0
	var after itsm.Position
	read := func(from itsm.Position) (seen int) {
		for e, err := range db.Events(b.Context(), from, itsm.Filter{Tenant: "h1"}) {
			if err != nil {
				b.Fatal(err)
			}
			after, seen = e.Position, seen+1
		}
		return seen
	}
	var first, again time.Duration
	rounds := 0
	for b.Loop() {
		b.StopTimer()
		for range entries / 500 {
			var batches []store.Batch
			for range 500 {
				batches = append(batches, step(store.Snapshot{Key: benchKey(n)}, n))
				n++
			}
			require.NoError(b, db.Commit(b.Context(), merge(batches...)))
		}
		from := after
		b.StartTimer()
		begin := time.Now()
		require.Equal(b, entries, read(from))
		first += time.Since(begin)
		begin = time.Now()
		require.Equal(b, entries, read(from))
		again += time.Since(begin)
		rounds++
	}
	b.ReportMetric(float64(first.Nanoseconds())/float64(rounds*entries), "ns/first")
	b.ReportMetric(float64(again.Nanoseconds())/float64(rounds*entries), "ns/again")
}

func analyze(b testing.TB, url string) {
	pool, err := pgxpool.New(b.Context(), url)
	require.NoError(b, err)
	defer pool.Close()
	_, err = pool.Exec(b.Context(), "ANALYZE")
	require.NoError(b, err)
}
