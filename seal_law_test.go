package itsm_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// vault is a real service under seal.
type vault struct {
	fixture
	shelf  itsm.SealStore
	sealer *itsm.Sealer
}

func newVault(t *testing.T) vault {
	t.Helper()
	f := setup(t, itsm.Config{})
	signer, keys := testKey()
	v := vault{fixture: f, shelf: store.NewSealStore(f.db)}
	var err error
	v.sealer, err = itsm.NewSealer(f.db, v.shelf, signer, keys)
	require.NoError(t, err)
	return v
}

// work leaves entries of three records: made, refused, moved, delivered.
func (v vault) work(t *testing.T) (ids []itsm.ID) {
	t.Helper()
	chief := as("ann", "chief")
	for range 3 {
		ids = append(ids, v.registered(t).ID)
	}
	for i, id := range ids {
		v.clock.now = v.clock.now.Add(time.Minute)
		_, err := v.Do(chief, id, move{To: "ward 3"}, itsm.Because("asked for by phone"))
		require.NoError(t, err)
		_, err = v.Do(chief, ids[len(ids)-1-i], move{})
		require.ErrorIs(t, err, ruleNoPlace)
	}
	_, err := v.Do(chief, ids[0], deliver{})
	require.NoError(t, err)
	return ids
}

func (v vault) seal(t *testing.T) itsm.Seal {
	t.Helper()
	seal, err := v.sealer.Seal(context.Background(), "h1", v.clock.now)
	require.NoError(t, err)
	return seal
}

// verify checks a copy of the journal, tampered with or not.
func (v vault) verify(events []itsm.Event) (itsm.Verification, error) {
	_, keys := testKey()
	return itsm.VerifyJournal(context.Background(), &tape{events}, "h1", v.shelf, keys)
}

func TestSealedService(t *testing.T) {
	t.Parallel()
	ctx := context.Background()

	t.Run("S-122 entries carry who, what, when, why and the hash before; verification names the first bad one", func(t *testing.T) {
		t.Parallel()
		v := newVault(t)
		v.work(t)
		v.seal(t)
		all := journal(t, v.db, itsm.Filter{Tenant: "h1"})
		heads := make(map[itsm.Key]itsm.Event)
		refusals := 0
		for _, e := range all {
			before := heads[e.Key]
			assert.Equal(t, before.Seq+1, e.Seq)
			assert.Equal(t, before.Hash, e.Prev)
			assert.False(t, e.Recorded.IsZero())
			assert.Equal(t, itsm.PersonID("ann"), e.Actor)
			assert.NotEmpty(t, e.Command)
			assert.Contains(t, e.CommandName, "parcel.")
			assert.NotEmpty(t, e.ID, "the subject")
			if e.Type == "itsm.refused" {
				refusals++ // the outcome
			} else if e.CommandName == "parcel.move" {
				assert.Equal(t, "asked for by phone", e.Reason)
			}
			other := e
			other.Data = append(slices.Clone(e.Data), ' ')
			assert.NotEqual(t, e.Hash, other.ComputeHash(), "the hash covers the payload")
			heads[e.Key] = e
		}
		assert.Equal(t, 3, refusals)

		port := reflect.TypeFor[itsm.Journal]()
		assert.Equal(t, 1, port.NumMethod(), "the port only reads")
		again := all[1]
		err := v.db.Commit(ctx, store.Batch{Tenant: "h1", Events: []itsm.Event{again}})
		require.ErrorIs(t, err, itsm.ErrConflict, "an entry is not written over")

		forged := all[0]
		forged.Key.ID, forged.Position = "PCL-0", placeOf(0)
		forged.Hash = forged.ComputeHash()
		changed := slices.Clone(all)
		changed[4].Actor = "bob"
		for class, c := range map[error]struct {
			events []itsm.Event
			first  itsm.Event
			at     itsm.Position
		}{
			itsm.ErrEntryChanged:  {changed, all[4], all[4].Position},
			itsm.ErrEntryDropped:  {slices.Delete(slices.Clone(all), 3, 4), all[3], all[4].Position},
			itsm.ErrEntryMoved:    {slices.Concat(all[:2], all[4:5], all[2:4], all[5:]), all[2], all[4].Position},
			itsm.ErrEntryInserted: {slices.Concat(all[:2], []itsm.Event{forged}, all[2:]), forged, forged.Position},
		} {
			_, err := v.verify(c.events)
			found(t, err, class, c.first.Key, c.first.Seq, c.at)
		}
	})

	t.Run("INV-03 the audit chain verifies; altering, dropping or reordering any entry is detected", func(t *testing.T) {
		t.Parallel()
		v := newVault(t)
		v.work(t)
		v.seal(t)
		all := journal(t, v.db, itsm.Filter{Tenant: "h1"})
		got, err := v.verify(all)
		require.NoError(t, err)
		assert.EqualValues(t, len(all), got.Sealed)
		var tampered *itsm.TamperedError
		for i, e := range all {
			for _, f := range flips {
				if f.name == "personal part" && e.Personal == nil {
					continue
				}
				bad := slices.Clone(all)
				f.flip(&bad[i])
				if f.name == "reason" || f.name == "name of the command" {
					bad[i].Reason += "never said" // some entries have none that could be taken away
				}
				_, err := v.verify(bad)
				found(t, err, itsm.ErrEntryChanged, e.Key, e.Seq, e.Position)
			}
			_, err := v.verify(slices.Delete(slices.Clone(all), i, i+1))
			require.ErrorAs(t, err, &tampered)
			assert.Equal(t, e.Key, tampered.Key)
			assert.Equal(t, e.Seq, tampered.Seq)
			for j := range i {
				bad := slices.Clone(all)
				bad[i], bad[j] = bad[j], bad[i]
				_, err := v.verify(bad)
				require.ErrorAs(t, err, &tampered)
				require.ErrorIs(t, err, itsm.ErrEntryMoved)
				assert.Equal(t, all[j].Key, tampered.Key)
				assert.Equal(t, all[j].Seq, tampered.Seq)
			}
		}
	})

	t.Run("F-X-2 each tenant has a chain in which gaps and edits show, and redaction does not", func(t *testing.T) {
		t.Parallel()
		v := newVault(t)
		ids := v.work(t)
		first := v.seal(t)
		other := itsm.WithActor(ctx, itsm.Actor{ID: "bob", Tenant: "h2", Roles: []itsm.Role{"chief"}})
		_, err := v.Do(other, "", register{Sender: "Cy", Label: "ink"})
		require.NoError(t, err)
		assert.Equal(t, first, v.seal(t), "entries of another tenant do not count")
		theirs, err := v.sealer.Seal(ctx, "h2", v.clock.now)
		require.NoError(t, err)
		assert.EqualValues(t, 1, theirs.Size)

		_, err = v.Do(as("ann", "chief"), ids[1], itsm.ErasePersonal{}, itsm.Because("asked for"))
		require.NoError(t, err)
		second := v.seal(t)
		_, keys := testKey()
		for tenant, seal := range map[itsm.Tenant]itsm.Seal{"h1": second, "h2": theirs} {
			got, err := itsm.VerifyJournal(ctx, v.db, tenant, v.shelf, keys, seal)
			require.NoError(t, err)
			assert.Equal(t, seal.Size, got.Sealed)
		}
		all := journal(t, v.db, itsm.Filter{Tenant: "h1"})
		_, err = v.verify(slices.Delete(slices.Clone(all), 2, 3))
		require.ErrorIs(t, err, itsm.ErrEntryDropped)
		all[2].Data = []byte(`{"to":"ward 9"}`)
		_, err = v.verify(all)
		require.ErrorIs(t, err, itsm.ErrEntryChanged)
	})

	t.Run("S-131 personal data are erased after sealing, and the chain still verifies", func(t *testing.T) {
		t.Parallel()
		v := newVault(t)
		ids := v.work(t)
		v.seal(t)
		before := journal(t, v.db, itsm.Filter{Tenant: "h1"})
		assert.Contains(t, string(before[0].Personal), "Bo")
		for _, id := range ids {
			_, err := v.Do(as("ann", "chief"), id, itsm.ErasePersonal{}, itsm.Because("retention is over"))
			require.NoError(t, err)
		}
		seal := v.seal(t)
		all := journal(t, v.db, itsm.Filter{Tenant: "h1"})
		erased := int64(0)
		for _, e := range all {
			assert.Nil(t, e.Personal)
			if e.Erased() {
				erased++
			}
		}
		got, err := v.verify(all)
		require.NoError(t, err)
		assert.Equal(t, itsm.Verification{Seal: seal, Sealed: int64(len(all)), Erased: erased}, got)
		assert.GreaterOrEqual(t, erased, int64(3))
		all[0].Personal = []byte(`{"sender":"somebody else"}`)
		_, err = v.verify(all)
		found(t, err, itsm.ErrEntryChanged, all[0].Key, all[0].Seq, all[0].Position)
	})
}

func TestRetentionLaws(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	recorded := sealStart
	entryAt := func(kind itsm.Kind, id itsm.ID, command string) itsm.Event {
		return itsm.Event{Key: itsm.Key{Tenant: "h1", Kind: kind, ID: id}, Recorded: recorded, Command: "c", CommandName: command, Data: []byte("{}")}
	}

	t.Run("S-083 a purge of entries younger than six months is refused, the default is 36 months, and the chain verifies after a lawful one", func(t *testing.T) {
		t.Parallel()
		for _, p := range []itsm.RetentionPolicy{{Default: 5}, {Default: 36, Rules: []itsm.RetentionRule{{Class: itsm.OperationLog, Commands: []string{"*"}, Keep: 5}}}} {
			require.ErrorIs(t, p.Check(), itsm.ErrInvalid, "no policy may keep less")
		}
		s := newSealed()
		s.write(entryAt("incident", "A", "incident.record"))
		s.write(entryAt("incident", "A", "incident.close"))
		s.seal(t, "h1")
		shortest := itsm.RetentionPolicy{Default: 6}
		for _, c := range []struct {
			policy itsm.RetentionPolicy
			months int
		}{{shortest, 6}, {itsm.DefaultRetention(), 36}} {
			req := purgeRequest(recorded.AddDate(0, c.months, 0).Add(-time.Microsecond))
			req.Kind, req.ID = "incident", "A"
			_, err := s.sealer(t).PlanPurge(ctx, c.policy, req)
			require.ErrorIs(t, err, itsm.ErrRefused)
			require.ErrorIs(t, err, itsm.ErrRetained)
			assert.ErrorContains(t, err, "incident/A entry 1 is of class operation_log and is kept until "+recorded.AddDate(0, c.months, 0).Format(time.DateOnly))
			req.ID, req.Kind = "", ""
			plan, err := s.sealer(t).PlanPurge(ctx, c.policy, req)
			require.NoError(t, err)
			assert.Zero(t, plan.Entries(), "nor does it go unasked")
		}
		req := purgeRequest(recorded.AddDate(0, 6, 0))
		req.Kind, req.ID = "incident", "A"
		plan, err := s.sealer(t).PlanPurge(ctx, shortest, req)
		require.NoError(t, err)
		assert.EqualValues(t, 2, plan.Entries())
		_, err = s.sealer(t).Purge(ctx, plan, s)
		require.NoError(t, err)
		assert.Empty(t, s.events)
		got, err := s.verify("h1", s.newest("h1"))
		require.NoError(t, err)
		assert.EqualValues(t, 2, got.Purged)
	})

	t.Run("S-124 each class is kept for its time, and a purge leaves a signed checkpoint with which later verification works", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct {
			class itsm.RetentionClass
			least itsm.Retention
		}{{itsm.OperationLog, 6}, {itsm.EntrustedData, 36}, {itsm.ImpactAssessment, 36}, {itsm.AssetCard, itsm.Unlimited}, {"the host's own", 6}} {
			p := itsm.RetentionPolicy{Default: 36, Rules: []itsm.RetentionRule{{Class: c.class, Keep: c.least}}}
			require.NoError(t, p.Check())
			p.Rules[0].Keep = c.least - 1
			if c.least == itsm.Unlimited {
				p.Rules[0].Keep = 1200
			}
			require.ErrorIs(t, p.Check(), itsm.ErrInvalid, "%s for less", c.class)
		}

		s := newSealed()
		policy := itsm.DefaultRetention()
		policy.Default = 6
		s.write(entryAt("incident", "log", "incident.close"))
		s.write(entryAt("incident", "entrusted", "incident.record"))
		s.write(entryAt("incident", "entrusted", "itsm.disclose"))
		s.write(entryAt("impact_assessment", "assessed", "impact_assessment.sign"))
		s.write(entryAt("asset", "card", "asset.receive"))
		s.seal(t, "h1")
		purge := func(months int) (ids []itsm.ID) {
			plan, err := s.sealer(t).PlanPurge(ctx, policy, purgeRequest(recorded.AddDate(0, months, 0)))
			require.NoError(t, err)
			checkpoints, err := s.sealer(t).Purge(ctx, plan, s)
			require.NoError(t, err)
			_, keys := testKey()
			for _, c := range checkpoints {
				signed, err := itsm.ParseCheckpoint(c.Note, keys)
				require.NoError(t, err)
				assert.Equal(t, s.newest("h1").Root, signed.Root)
				for _, run := range signed.Runs {
					ids = append(ids, run.Ref.ID)
				}
			}
			_, err = s.verify("h1", s.seals["h1"]...)
			require.NoError(t, err)
			return ids
		}
		assert.Empty(t, purge(5))
		assert.Equal(t, []itsm.ID{"log"}, purge(6))
		assert.Empty(t, purge(35), "the whole record is kept for the sake of one entry")
		assert.Equal(t, []itsm.ID{"entrusted", "assessed"}, purge(36))
		assert.Empty(t, purge(12*900))
		assert.Len(t, s.events, 1)

		for _, name := range s.shelf.names("h1 purges") {
			bad := s.copy()
			delete(bad.shelf.items, name)
			_, err := bad.verify("h1")
			require.ErrorIs(t, err, itsm.ErrSealBroken, "without a checkpoint it is tampering")
		}
		s.events = nil
		_, err := s.verify("h1")
		found(t, err, itsm.ErrJournalCut, itsm.Key{Tenant: "h1", Kind: "asset", ID: "card"}, 1, "")
		require.False(t, errors.Is(err, itsm.ErrNotFound))
	})
}
