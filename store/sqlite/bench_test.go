package sqlite_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
	"github.com/hospital-itsm/itsm/store/sqlite"
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

// fill makes records 0 to n-1.
func fill(b testing.TB, db store.DB, n int) {
	for i := 0; i < n; {
		var batches []store.Batch
		for range min(5000, n-i) {
			batches = append(batches, step(store.Snapshot{Key: benchKey(i)}, i))
			i++
		}
		require.NoError(b, db.Commit(b.Context(), merge(batches...)))
	}
}

// byHand is what somebody would write who knows the tables and which columns a command changes.
type byHand struct {
	conn                                              *sql.Conn
	load, begin, command, event, update, make, commit *sql.Stmt
	changed                                           []string
}

// newByHand takes the values of a record and the names of those that a command changes.
func newByHand(b testing.TB, path, sync string, index []itsm.IndexEntry, changed ...string) *byHand {
	handle, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_pragma=synchronous("+sync+")&_pragma=cache_size(-16000)&_pragma=secure_delete(1)")
	require.NoError(b, err)
	b.Cleanup(func() { handle.Close() })
	conn, err := handle.Conn(b.Context())
	require.NoError(b, err)
	b.Cleanup(func() { conn.Close() })
	prepare := func(text string) *sql.Stmt {
		stmt, err := conn.PrepareContext(context.Background(), text)
		require.NoError(b, err)
		return stmt
	}
	columns, marks, sets := "", "", ""
	for _, e := range index {
		columns, marks = columns+", f_"+e.Field, marks+", ?"
	}
	for _, field := range changed {
		sets += ", f_" + field + " = ?"
	}
	return &byHand{
		conn: conn, changed: changed, begin: prepare("BEGIN IMMEDIATE"), commit: prepare("COMMIT"),
		load:    prepare("SELECT seq, head, recorded, data FROM record_incident WHERE tenant = ? AND id = ?"),
		command: prepare("INSERT INTO itsm_command (tenant, id) VALUES (?, ?)"),
		event: prepare(`INSERT INTO itsm_journal (tenant, kind, id, seq, type, at, recorded, actor, on_behalf_of, command, command_name, reason, data, personal, personal_digest, prev, hash)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
		update: prepare("UPDATE record_incident SET seq = ?, head = ?, recorded = ?, wake = ?, data = ?" + sets + " WHERE tenant = ? AND id = ? AND seq = ?"),
		make:   prepare("INSERT INTO record_incident (tenant, id, seq, head, recorded, wake, data" + columns + ") VALUES (?, ?, ?, ?, ?, ?, ?" + marks + ")"),
	}
}

func (h *byHand) exec(b testing.TB, stmt *sql.Stmt, args ...any) {
	if _, err := stmt.ExecContext(context.Background(), args...); err != nil {
		b.Fatal(err)
	}
}

func (h *byHand) read(b testing.TB, key itsm.Key) (s store.Snapshot) {
	var seq, recorded int64
	var head []byte
	if err := h.load.QueryRowContext(context.Background(), string(key.Tenant), string(key.ID)).Scan(&seq, &head, &recorded, &s.Data); err != nil {
		b.Fatal(err)
	}
	s.Key, s.Seq, s.Recorded = key, uint64(seq), time.UnixMicro(recorded)
	copy(s.Head[:], head)
	return s
}

func (h *byHand) write(b testing.TB, batch *store.Batch) {
	blob := func(data []byte) any {
		if data == nil {
			return nil
		}
		return data
	}
	for i := range batch.Puts {
		p, e := &batch.Puts[i], &batch.Events[i]
		var digest any
		if e.Personal != nil {
			digest = e.PersonalDigest[:]
		}
		h.exec(b, h.command, string(e.Tenant), string(e.Command))
		h.exec(b, h.event, string(e.Tenant), string(e.Kind), string(e.ID), int64(e.Seq), e.Type, e.At.UnixMicro(), e.Recorded.UnixMicro(), string(e.Actor), "",
			string(e.Command), e.CommandName, "", string(e.Data), blob(e.Personal), digest, e.Prev[:], e.Hash[:])
		var wake any
		if !p.Wake.IsZero() {
			wake = p.Wake.UnixMicro()
		}
		if p.Expect > 0 {
			args := []any{int64(p.Seq), p.Head[:], p.Recorded.UnixMicro(), wake, string(p.Data)}
			for _, field := range h.changed {
				at := slices.IndexFunc(p.Index, func(e itsm.IndexEntry) bool { return e.Field == field })
				args = append(args, held(p.Index[at].Value))
			}
			h.exec(b, h.update, append(args, string(p.Key.Tenant), string(p.Key.ID), int64(p.Expect))...)
			continue
		}
		args := []any{string(p.Key.Tenant), string(p.Key.ID), int64(p.Seq), p.Head[:], p.Recorded.UnixMicro(), wake, string(p.Data)}
		for _, v := range p.Index {
			args = append(args, held(v.Value))
		}
		h.exec(b, h.make, args...)
	}
}

// held is how a column holds a value.
func held(v itsm.Value) any {
	if v.Type() == itsm.TextValue {
		return v.Text()
	}
	return v.Micros()
}

const benchRecords = 2000

func benchFile(b testing.TB, opts ...sqlite.Option) (*sqlite.DB, string) {
	path := filepath.Join(b.TempDir(), "bench.db")
	db, err := sqlite.Open(path, opts...)
	require.NoError(b, err)
	b.Cleanup(func() { db.Close() })
	fill(b, db, benchRecords)
	return db, path
}

// sideBySide runs both in turn, so that whatever else the machine does meets both alike. It reports what each takes per
// command, and the speed of ours as a share of the peer's, all as the median of the rounds.
func sideBySide(b *testing.B, commands int, ours, peer func()) {
	var times [2][]float64
	var shares []float64
	for round := 0; b.Loop(); round++ {
		for i := range 2 {
			which := (i + round) % 2 // neither always comes behind the other
			begin := time.Now()
			[]func(){ours, peer}[which]()
			times[which] = append(times[which], float64(time.Since(begin).Nanoseconds())/float64(commands))
		}
		last := len(times[0]) - 1
		shares = append(shares, times[1][last]/times[0][last])
	}
	median := func(all []float64) float64 {
		slices.Sort(all)
		return all[len(all)/2]
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(times[0]), "ns/store")
	b.ReportMetric(median(times[1]), "ns/by-hand")
	b.ReportMetric(median(shares), "of-by-hand")
}

// One command: load the record, then write it with its entry, the ID of the command and the changed fields.
func BenchmarkCommand(b *testing.B) {
	for _, sync := range []struct {
		name string
		opts []sqlite.Option
	}{{"FULL", nil}, {"NORMAL", []sqlite.Option{sqlite.Relaxed()}}} {
		b.Run(sync.name, func(b *testing.B) {
			db, _ := benchFile(b, sync.opts...)
			other, path := benchFile(b, sync.opts...)
			require.NoError(b, other.Close())
			h := newByHand(b, path, sync.name, benchIndex(0), "state", "updated", "due")
			ctx := context.Background()
			const run = 5
			n, m := benchRecords, benchRecords
			sideBySide(b, run, func() {
				for range run {
					found, err := db.Load(ctx, benchKey(n%benchRecords))
					if err == nil {
						err = db.Commit(ctx, step(found[0], n))
					}
					if err != nil {
						b.Fatal(err)
					}
					n++
				}
			}, func() {
				for range run {
					batch := step(h.read(b, benchKey(m%benchRecords)), m)
					h.exec(b, h.begin)
					h.write(b, &batch)
					h.exec(b, h.commit)
					m++
				}
			})
		})
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

// incidents makes a file with incidents on which somebody is at work, and returns their IDs and the batch of a contact on one of them.
func incidents(b testing.TB, path string) (ids []itsm.ID, contact store.Batch) {
	db, err := sqlite.Open(path, sqlite.Relaxed())
	require.NoError(b, err)
	defer db.Close()
	watched := &spy{DB: db}
	s, err := incident.New(incident.NewRepository(watched), incident.Config{})
	require.NoError(b, err)
	for range 200 {
		inc, err := s.Do(benchAgent, "", incident.Record{Channel: incident.Phone, Caller: incident.Caller{Person: "u-117", Name: "caller", Department: "fee", Phone: "8001"}, Summary: "收费窗口打印机不出纸"})
		require.NoError(b, err)
		_, err = s.Do(benchAgent, inc.ID, incident.Triage{Impact: incident.ImpactSeveral, Urgency: incident.UrgencyToday})
		require.NoError(b, err)
		_, err = s.Do(benchAgent, inc.ID, benchContact)
		require.NoError(b, err)
		ids = append(ids, inc.ID)
	}
	return ids, watched.last
}

var (
	benchAgent   = itsm.WithActor(context.Background(), itsm.Actor{ID: "u-017", Tenant: "h1", Roles: []itsm.Role{itsm.RoleServiceDesk}})
	benchContact = incident.Contact{Channel: incident.Phone, Text: "asked again"}
)

// A command through the service of incidents, from the context to the answer as the actor may see it, beside the bare statements that read and
// write the same rows: by hand nothing is checked, decided, encoded or masked.
func BenchmarkDo(b *testing.B) {
	for _, sync := range []struct {
		name string
		opts []sqlite.Option
	}{{"FULL", nil}, {"NORMAL", []sqlite.Option{sqlite.Relaxed()}}} {
		b.Run(sync.name, func(b *testing.B) {
			path, other := filepath.Join(b.TempDir(), "ours.db"), filepath.Join(b.TempDir(), "peer.db")
			ids, _ := incidents(b, path)
			theirs, contact := incidents(b, other)
			db, err := sqlite.Open(path, sync.opts...)
			require.NoError(b, err)
			b.Cleanup(func() { db.Close() })
			s, err := incident.New(incident.NewRepository(db), incident.Config{})
			require.NoError(b, err)
			h := newByHand(b, other, sync.name, contact.Puts[0].Index, "updated")
			const run = 5
			n, m := 0, 0
			sideBySide(b, run, func() {
				for range run {
					if _, err := s.Do(benchAgent, ids[n%len(ids)], benchContact); err != nil {
						b.Fatal(err)
					}
					n++
				}
			}, func() {
				for range run {
					batch := again(&contact, h.read(b, itsm.Key{Tenant: "h1", Kind: incident.Kind, ID: theirs[m%len(theirs)]}), m)
					h.exec(b, h.begin)
					h.write(b, &batch)
					h.exec(b, h.commit)
					m++
				}
			})
		})
	}
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

// Four hundred commands in one transaction, half of which make a record.
func BenchmarkBulk(b *testing.B) {
	const size = 400
	bulk := func(from int, load func(itsm.Key) store.Snapshot) store.Batch {
		batches := make([]store.Batch, 0, size)
		for i := range size / 2 {
			batches = append(batches, step(store.Snapshot{Key: benchKey(from + i)}, from+i), step(load(benchKey((from+i)%benchRecords)), from+size+i))
		}
		return merge(batches...)
	}
	db, _ := benchFile(b)
	other, path := benchFile(b)
	require.NoError(b, other.Close())
	h := newByHand(b, path, "FULL", benchIndex(0), "state", "updated", "due")
	n, m := benchRecords, benchRecords
	sideBySide(b, size, func() {
		batch := bulk(n, func(k itsm.Key) store.Snapshot {
			found, err := db.Load(context.Background(), k)
			require.NoError(b, err)
			return found[0]
		})
		if err := db.Commit(context.Background(), batch); err != nil {
			b.Fatal(err)
		}
		n += 2 * size
	}, func() {
		batch := bulk(m, func(k itsm.Key) store.Snapshot { return h.read(b, k) })
		h.exec(b, h.begin)
		h.write(b, &batch)
		h.exec(b, h.commit)
		m += 2 * size
	})
}

// Four hundred new records through a repository, in one unit of work.
func BenchmarkAtomically(b *testing.B) {
	const size = 400
	type incident struct {
		Summary string            `json:"summary"`
		Fields  map[string]string `json:"fields"`
	}
	rec := incident{Summary: "收费窗口打印机不出纸", Fields: map[string]string{"one": "and a value of some length", "two": "and a value of some length", "three": "x"}}
	db, _ := benchFile(b)
	other, path := benchFile(b)
	require.NoError(b, other.Close())
	h := newByHand(b, path, "FULL", benchIndex(0), "state", "updated", "due")
	repo := store.NewRepository[incident](db)
	n, m := benchRecords, benchRecords
	sideBySide(b, size, func() {
		from := n
		n += size
		err := store.Atomically(context.Background(), db, func(ctx context.Context) error {
			for i := range size {
				batch := step(store.Snapshot{Key: benchKey(from + i)}, from+i)
				p := &batch.Puts[0]
				if err := repo.Save(ctx, itsm.Change[incident]{Key: p.Key, Record: &rec, Events: batch.Events, Index: p.Index, Wake: p.Wake, Command: batch.Commands[0]}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}, func() {
		h.exec(b, h.begin)
		for range size {
			batch := step(store.Snapshot{Key: benchKey(m)}, m)
			var err error
			if batch.Puts[0].Data, err = json.Marshal(rec); err != nil {
				b.Fatal(err)
			}
			h.write(b, &batch)
			m++
		}
		h.exec(b, h.commit)
	})
}

func BenchmarkLoad(b *testing.B) {
	db, path := benchFile(b)
	h := newByHand(b, path, "FULL", benchIndex(0), "state", "updated", "due")
	const run = 100
	n := 0
	sideBySide(b, run, func() {
		for range run {
			if _, err := db.Load(context.Background(), benchKey(n%benchRecords)); err != nil {
				b.Fatal(err)
			}
			n++
		}
	}, func() {
		for range run {
			h.read(b, benchKey(n%benchRecords))
			n++
		}
	})
}

// A hundred records are due among many that are not.
func BenchmarkDue(b *testing.B) {
	stores := map[string]func(b *testing.B) store.DB{
		"memory": func(*testing.B) store.DB { return memory.New() },
		"sqlite": func(b *testing.B) store.DB {
			db, err := sqlite.Open(filepath.Join(b.TempDir(), "due.db"), sqlite.Relaxed())
			require.NoError(b, err)
			b.Cleanup(func() { db.Close() })
			return db
		},
	}
	for _, name := range []string{"memory", "sqlite"} {
		for _, n := range []int{10_000, 1_000_000} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				if n > 100_000 && testing.Short() {
					b.Skip("filling takes a while")
				}
				db := stores[name](b)
				fillWakes(b, db, n)
				// What a collection costs depends on all that is in memory, and is no part of the question.
				runtime.GC()
				defer debug.SetGCPercent(debug.SetGCPercent(-1))
				b.ReportAllocs()
				for b.Loop() {
					due, err := db.Due(context.Background(), "incident", benchStart.Add(99*time.Second), 1000)
					if err != nil || len(due) != 100 {
						b.Fatal(len(due), err)
					}
				}
			})
		}
	}
}

// fillWakes makes n records, of which one wants to be woken every second.
func fillWakes(b testing.TB, db store.DB, n int) {
	for i := 0; i < n; {
		all := store.Batch{Tenant: "h1"}
		for range min(20_000, n-i) {
			at := i * 7919 % n // any order
			all.Puts = append(all.Puts, store.Put{Snapshot: store.Snapshot{Key: benchKey(i), Seq: 1, Data: []byte("{}"), Wake: benchStart.Add(time.Duration(at) * time.Second)}})
			i++
		}
		require.NoError(b, db.Commit(b.Context(), all))
	}
}
