package main

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/examples/replay/sample"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
	"github.com/hospital-itsm/itsm/store/sqlite"
)

// BenchmarkReplay measures what a row costs: in the process alone, which memory shows, and with the database.
func BenchmarkReplay(b *testing.B) {
	var text bytes.Buffer
	require.NoError(b, sample.Write(&text, 1000))
	log := textLog("sample", text.Bytes())
	for name, open := range map[string]func() (store.DB, error){
		"memory": func() (store.DB, error) { return memory.New(), nil },
		"sqlite": func() (store.DB, error) { return sqlite.Open(filepath.Join(b.TempDir(), "b.db"), sqlite.Relaxed()) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			rows := 0
			for b.Loop() {
				db, err := open()
				require.NoError(b, err)
				r := newRun(log, time.UTC, false, false, nil)
				p, err := newReplay(r, db)
				require.NoError(b, err)
				require.NoError(b, p.all(context.Background()))
				require.NoError(b, db.Close())
				rows += r.report.Rows
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(rows), "µs/row")
		})
	}
}
