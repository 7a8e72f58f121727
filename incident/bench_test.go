package incident_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

// BenchmarkDo measures a simple command, from the context to the committed entry, on the store in memory.
func BenchmarkDo(b *testing.B) {
	said := incident.Contact{Channel: incident.Phone, Text: "asked again"}
	for _, c := range []struct {
		name string
		cfg  incident.Config
		who  context.Context
		cmd  incident.Contact
	}{
		{"plain", incident.Config{}, manager, incident.Contact{Channel: incident.Phone}}, // nothing to scan, nothing to mask
		{"without clocks", incident.Config{}, agent, said},
		{"with clocks", incident.Config{Agreements: incident.DefaultAgreements()}, agent, said},
	} {
		b.Run(c.name, func(b *testing.B) {
			db := memory.New()
			s, err := incident.New(incident.NewRepository(db), c.cfg)
			require.NoError(b, err)
			ids := make([]itsm.ID, 256)
			for i := range ids {
				inc, err := s.Do(agent, "", record)
				require.NoError(b, err)
				_, err = s.Do(agent, inc.ID, triage)
				require.NoError(b, err)
				ids[i] = inc.ID
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if _, err := s.Do(c.who, ids[i%len(ids)], c.cmd); err != nil {
					b.Fatal(err)
				}
				i++
			}
		})
	}
	b.Run("one unit of work for a hundred", func(b *testing.B) {
		db := memory.New()
		s, err := incident.New(incident.NewRepository(db), incident.Config{})
		require.NoError(b, err)
		inc, err := s.Do(agent, "", record)
		require.NoError(b, err)
		b.ReportAllocs()
		for b.Loop() {
			err := store.Atomically(agent, db, func(ctx context.Context) error {
				for range 100 {
					if _, err := s.Do(ctx, inc.ID, said); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
