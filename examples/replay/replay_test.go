package main

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/internal/shareddata"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
	"github.com/hospital-itsm/itsm/store/sqlite"
)

func TestSample(t *testing.T) {
	t.Parallel()
	found, err := runCommand(t)
	require.NoError(t, err)
	for key, want := range map[string]any{
		"log": "sample", "incidents": 300., "rows": 1357., "accepted": 300., "rejected": 0., "skipped": 0., "deviations": []any{},
		"reopen_mismatches": 0., "reassignment_mismatches": 0., "reassignment_steps": 0., "priority_mismatches": 0.,
		"records": 306., "commands": 2341., "events": 3265., "added": 3265., "journal": "ok", "silent_rows": 45., "late_rows": 2.,
	} {
		assert.Equal(t, want, found[key], key)
	}
	assert.Positive(t, found["seconds"])

	found, err = runCommand(t, "-lifecycle", "textbook.json")
	require.NoError(t, err)
	for key, want := range map[string]any{
		"lifecycle": "textbook", "incidents": 300., "rows": 1357., "accepted": 75., "rejected": 225., "commands": 0., "events": 0.,
		"reopen_mismatches": nil, "reassignment_mismatches": nil, "priority_mismatches": nil, "journal": nil,
	} {
		got, ok := found[key]
		assert.True(t, ok, key)
		assert.Equal(t, want, got, key)
	}
	assert.Equal(t, map[string]any{"from": "new", "to": "resolved", "count": 81., "incidents": 81.}, found["deviations"].([]any)[0])
}

func TestPublishedLog(t *testing.T) {
	t.Parallel()
	path := shareddata.Path(t, "servicenow-incidents.csv.gz")

	t.Run("every incident goes through the process", func(t *testing.T) {
		t.Parallel()
		if testing.Short() {
			t.Skip("it replays 28 thousand rows")
		}
		log, err := openLog(path)
		require.NoError(t, err)
		r := newRun(log, zone(t), false, false, nil)
		require.NoError(t, r.check(context.Background()))
		p, err := newReplay(r, memory.New())
		require.NoError(t, err)
		require.NoError(t, p.all(context.Background()))
		f := &r.report
		assert.Equal(t, []int{4917, 27970, 4917, 0, 0}, []int{f.Incidents, f.Rows, f.Accepted, f.Rejected, f.Skipped})
		assert.Zero(t, *f.ReopenMismatches)
		assert.Zero(t, *f.PriorityMismatches)
		assert.Equal(t, 21, *f.ReassignmentSteps, "the log hides some groups")
		assert.Equal(t, 124, *f.ReassignmentMismatches)
		assert.Equal(t, 4920, f.Records, "three came back after they were closed")
		assert.Equal(t, 9, f.LateRows)
		assert.Equal(t, intact, *f.Journal)
		assert.Empty(t, f.Deviations)
		assert.Empty(t, f.Refusals)
		assert.Contains(t, f.Steps, through{"Resolved", "Closed", 4918, []string{"confirm", "close"}})
		assert.Contains(t, f.Steps, through{"Resolved", "Active", 63, []string{"reject"}})
		assert.Contains(t, f.Steps, through{"Closed", "Active", 3, []string{"record", "triage", "dispatch", "start"}})
	})

	t.Run("a textbook lifecycle refuses most of them", func(t *testing.T) {
		t.Parallel()
		found, err := runCommand(t, "-log", path, "-lifecycle", "textbook.json")
		require.NoError(t, err)
		assert.Equal(t, []any{4917., 27970., 1109., 3808.}, []any{found["incidents"], found["rows"], found["accepted"], found["rejected"]})
		var steps []deviation
		data, err := json.Marshal(found["deviations"])
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(data, &steps))
		assert.Equal(t, []deviation{
			{"", "progress", 1314, 1314}, {"new", "resolved", 1261, 1261}, {"hold", "resolved", 1029, 1014}, {"new", "hold", 437, 437},
			{"", "resolved", 350, 350}, {"", "hold", 34, 34}, {"closed", "progress", 3, 3}, {"new", "closed", 2, 2}, {"resolved", "hold", 1, 1},
		}, steps)
		assert.NotContains(t, found, "unmapped")
	})
}

// Nothing is added twice, and what is added to a log later is added to the records.
func TestAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "kept.db")
	log := file(t, "log.csv", sampleText(t, 60))
	first, err := runCommand(t, "-log", log, "-db", path)
	require.NoError(t, err)
	second, err := runCommand(t, "-log", log, "-db", path)
	require.NoError(t, err)
	assert.Positive(t, first["added"])
	assert.Zero(t, second["added"])
	for _, name := range []string{"added", "seconds"} {
		delete(first, name)
		delete(second, name)
	}
	assert.Equal(t, first, second)

	t.Run("a log that goes on adds the rest", func(t *testing.T) {
		t.Parallel()
		rows := []line{{}, {"incident_state": "Active"}, {"incident_state": "Resolved"}, {"incident_state": "Active", "reopen_count": "1"}, {"incident_state": "Resolved"}, {"incident_state": "Closed"}}
		db := memory.New()
		total := 0
		for n := 1; n <= len(rows); n++ {
			found, err := replayInto(t, db, logOf(rows[:n]...), false)
			require.NoError(t, err)
			assert.Equal(t, 1, found.Accepted)
			assert.Positive(t, found.Added)
			total += found.Added
			assert.Equal(t, total, found.Events)
			assert.Zero(t, *found.ReopenMismatches)
		}
		assert.Equal(t, replayed(t, logOf(rows...)).Events, total)
	})
	t.Run("another log with the same numbers is refused", func(t *testing.T) {
		t.Parallel()
		db := memory.New()
		_, err := replayInto(t, db, logOf(line{}), false)
		require.NoError(t, err)
		found, err := replayInto(t, db, logOf(line{"caller_id": "Caller 2"}), false)
		require.NoError(t, err)
		assert.Equal(t, 1, found.Rejected)
		assert.Equal(t, []deviation{{"", "New", 1, 1}}, found.Deviations)
		assert.Equal(t, "itsm.exists", found.Refusals[0].Code)
	})
}

// What people know of a record after a replay.
func TestRecord(t *testing.T) {
	t.Parallel()
	db := memory.New()
	_, err := replayInto(t, db, logOf(
		line{"caller_id": "Caller 7", "location": "Location 3", "category": "Category 1"},
		line{"incident_state": "Active", "sys_updated_at": "1/3/2016 09:00", "sys_updated_by": "Updated by 2"},
		line{"incident_state": "Awaiting Vendor", "sys_updated_at": "1/3/2016 10:00", "vendor": "Vendor 1"},
		line{"incident_state": "Resolved", "sys_updated_at": "2/3/2016 11:30", "problem_id": "PRB1"},
		line{"incident_state": "Closed", "closed_code": "code 6"},
		line{"incident_state": "Active", "sys_updated_at": "9/3/2016 08:00", "reopen_count": "1"},
	), false)
	require.NoError(t, err)
	s, err := incident.New(incident.NewRepository(db), incident.Config{Config: itsm.Config{Fields: fields()}})
	require.NoError(t, err)
	ctx := as(context.Background(), "reader")
	old, err := s.Get(ctx, "INC1")
	require.NoError(t, err)
	assert.Equal(t, incident.StateClosed, old.State)
	assert.Equal(t, itsm.PersonID("Caller 7"), old.Caller.Person)
	assert.Equal(t, "29 Feb 16 08:00 -0300", old.Created.In(zone(t)).Format("02 Jan 06 15:04 -0700"), "the time of the row, in the zone of the log")
	assert.Equal(t, "29 Feb 16 07:00 -0300", old.Began.In(zone(t)).Format("02 Jan 06 15:04 -0700"))
	assert.Equal(t, "02 Mar 16 11:30 -0300", old.Resolved.In(zone(t)).Format("02 Jan 06 15:04 -0700"))
	assert.Equal(t, itsm.PersonID("Updated by 2"), old.Proposals[0].By)
	assert.Equal(t, desk, old.Confirmed.By, "nobody confirms his own work")
	assert.Equal(t, "code-6", old.Closure.CauseCode)
	assert.Equal(t, 1, old.Holds)
	assert.Equal(t, itsm.ID("PRB1"), old.Problem)
	assert.Equal(t, map[string]itsm.Value{"log_category": itsm.TextOf("Category 1"), "log_location": itsm.TextOf("Location 3"), "log_vendor": itsm.TextOf("Vendor 1")}, old.Fields)
	back, err := s.Get(ctx, "INC1-2")
	require.NoError(t, err)
	assert.Equal(t, &incident.Recurrence{Of: "INC1", Reopens: 1}, back.Recurrence)
	assert.Equal(t, incident.StateDiagnosing, back.State)
	assert.Equal(t, 1, back.ReopenCount())
}

// forger is a store in which somebody has changed an entry.
type forger struct {
	store.DB
	forge bool
}

func (f *forger) Events(ctx context.Context, after itsm.Position, filter itsm.Filter) iter.Seq2[itsm.Event, error] {
	return func(yield func(itsm.Event, error) bool) {
		for ev, err := range f.DB.Events(ctx, after, filter) {
			if f.forge && ev.ID == "INC2" && ev.Seq == 3 {
				ev.Reason = "as if"
			}
			if !yield(ev, err) {
				return
			}
		}
	}
}

func TestForgedJournal(t *testing.T) {
	t.Parallel()
	db := &forger{DB: memory.New(), forge: true}
	found, err := replayInto(t, db, logOf(line{}, line{"number": "INC2"}), false)
	require.NoError(t, err)
	assert.Contains(t, *found.Journal, "log/incident/INC2, entry 3")
}

func TestKeepGoing(t *testing.T) {
	t.Parallel()
	lines := strings.SplitAfter(strings.TrimSuffix(sampleText(t, 40), "\n"), "\n")
	bad := slices.Clone(lines)
	broken := strings.Split(bad[9], ",")
	broken[colUpdatedAt] = "2/29/2016 09:00"
	bad[9] = strings.Join(broken, ",")
	db := memory.New()
	_, err := replayInto(t, db, strings.Join(bad, ""), false)
	require.ErrorContains(t, err, `test.csv, row 10, column sys_updated_at: found "2/29/2016 09:00"; want D/M/YYYY HH:MM`)
	require.ErrorContains(t, err, "nothing was replayed")
	for range db.Events(context.Background(), "", itsm.Filter{}) {
		t.Fatal("something was written")
	}
	found, err := replayInto(t, db, strings.Join(bad, ""), true)
	require.NoError(t, err)
	assert.Equal(t, []int{40, len(lines) - 1, 39, 0, 1}, []int{found.Incidents, found.Rows, found.Accepted, found.Rejected, found.Skipped})
	require.Len(t, found.Errors, 1)
	number := strings.Split(lines[9], ",")[0]
	for ev, err := range db.Events(context.Background(), "", itsm.Filter{}) {
		require.NoError(t, err)
		assert.NotEqual(t, itsm.ID(number), ev.ID, "nothing of the incident was written")
	}

	t.Run("all that is bad is counted, and the first named", func(t *testing.T) {
		t.Parallel()
		var rows []line
		for i := range 30 {
			rows = append(rows, line{"number": "INC" + string(rune('A'+i)), "impact": "9"})
		}
		found, err := replayInto(t, memory.New(), logOf(rows...), true)
		require.NoError(t, err)
		assert.Equal(t, 30, found.Skipped)
		assert.Len(t, found.Errors, maxErrors)
		_, err = replayInto(t, memory.New(), logOf(rows...), false)
		assert.ErrorContains(t, err, "and 10 faults more")
	})
}

// An incident that the process refuses leaves no record, and the step is told.
func TestRefused(t *testing.T) {
	t.Parallel()
	db := memory.New()
	found, err := replayInto(t, db, logOf(
		line{"number": "INC0"},
		line{"number": "INC1", "incident_state": "New"}, line{"incident_state": "Resolved"}, line{"impact": "1 - High", "priority": "2 - High"},
		line{"number": "INC2", "incident_state": "New", "impact": "2 - Medium", "priority": "3 - Moderate"},
	), false)
	require.NoError(t, err)
	assert.Equal(t, []int{3, 2, 1}, []int{found.Incidents, found.Accepted, found.Rejected})
	assert.Equal(t, []deviation{{"Resolved", "Resolved", 1, 1}}, found.Deviations)
	require.Len(t, found.Refusals, 1)
	assert.Equal(t, "incident.triage", found.Refusals[0].Command)
	assert.Contains(t, found.Refusals[0].Example, "INC1, row 5")
	loaded, err := db.Load(context.Background(), itsm.Key{Tenant: tenant, Kind: incident.Kind, ID: "INC1"})
	require.NoError(t, err)
	assert.Zero(t, loaded[0].Seq)
	assert.Equal(t, intact, *found.Journal)
}

// The memory that a run holds does not depend on the length of the log.
func TestMemory(t *testing.T) { // not parallel: it measures
	if testing.Short() {
		t.Skip("it replays several times")
	}
	held := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	same := func(t *testing.T, short, long uint64) {
		assert.Less(t, float64(long), float64(short)*1.05+(128<<10), "%d bytes after a short log, %d after one four times as long", short, long)
	}

	// The store keeps some of the records it has seen, up to a bound. So that they are the same, the log is replayed four times.
	t.Run("of a replay", func(t *testing.T) {
		db, err := sqlite.Open(filepath.Join(t.TempDir(), "m.db"), sqlite.Relaxed())
		require.NoError(t, err)
		defer db.Close()
		r := newRun(textLog("sample", []byte(sampleText(t, 100))), zone(t), false, false, nil)
		p, err := newReplay(r, db)
		require.NoError(t, err)
		var after [5]uint64
		for i := range after {
			r.progress.seen = func() {
				if r.report.Incidents == 100*(i+1) {
					after[i] = held() // in the middle of the work
				}
			}
			require.NoError(t, p.all(context.Background()))
			r.report.Steps = nil
		}
		same(t, after[1], after[4])
	})
	t.Run("of a check", func(t *testing.T) {
		after := func(incidents int) (most uint64) {
			log, err := openLog(file(t, "log.csv.gz", zipped(t, sampleText(t, incidents))))
			require.NoError(t, err)
			r := newRun(log, zone(t), true, false, nil)
			r.progress.seen = func() {
				if r.report.Incidents%(incidents/4) == 0 {
					most = max(most, held())
				}
			}
			require.NoError(t, r.judge(context.Background(), "textbook.json"))
			return most
		}
		after(100)
		same(t, after(1000), after(4000))
	})
}

func TestOutput(t *testing.T) {
	t.Parallel()
	var out, messages, screen bytes.Buffer
	require.NoError(t, command(context.Background(), nil, &out, &messages, &screen))
	for _, part := range []string{"300 in 1,357 rows", "journal", "ok", "Resolved -> Closed", "confirm, close", "America/Sao_Paulo (assumed"} {
		assert.Contains(t, out.String(), part)
	}
	for _, args := range [][]string{{"-nonsense"}, {"log.csv"}} {
		assert.ErrorIs(t, command(context.Background(), args, &out, &messages, nil), errUsage)
	}
	assert.ErrorContains(t, command(context.Background(), []string{"-zone", "Mars/Base"}, &out, &messages, nil), "America/Sao_Paulo")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	assert.ErrorIs(t, command(ctx, nil, &out, &messages, nil), context.Canceled)
}

func TestBadLifecycle(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("textbook.json")
	require.NoError(t, err)
	path := file(t, "bad.json", strings.Replace(string(text), `"to": "progress"`, `"to": "progres"`, 1))
	_, err = runCommand(t, "-lifecycle", path)
	assert.ErrorContains(t, err, path+": lifecycle textbook: ")
	assert.ErrorContains(t, err, `line 12, column 47: transitions[0].to: unknown state "progres"; did you mean "progress"?`)
	partial := file(t, "part.json", strings.Replace(string(text), `    "Awaiting Vendor": "hold",`+"\n", "", 1))
	found, err := runCommand(t, "-lifecycle", partial)
	require.NoError(t, err)
	assert.Equal(t, "Awaiting Vendor", found["unmapped"].([]any)[0].(map[string]any)["name"])
}
