package incident_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/incident"
)

// An entry that was forged with a chain that fits can still not follow from what came before it.
func TestEntriesThatDoNotFollow(t *testing.T) {
	t.Parallel()
	d := open(t, incident.Config{})
	id := d.at(incident.StateTriaged)
	ctx := context.Background()
	repo := incident.NewRepository(d.db)
	stored, err := repo.Load(ctx, itsm.Key{Tenant: "h1", Kind: incident.Kind, ID: id})
	require.NoError(t, err)
	e := itsm.Event{
		Key: itsm.Key{Tenant: "h1", Kind: incident.Kind, ID: id}, Seq: stored.Seq + 1, Type: incident.HoldReviewDue{}.EventType(), At: d.now, Recorded: d.now,
		Actor: "system", Command: "forged", CommandName: "incident.tick", Data: []byte("{}"), Prev: stored.Head,
	}
	e.Hash = e.ComputeHash()
	require.NoError(t, repo.Save(ctx, itsm.Change[incident.Incident]{Key: e.Key, Expect: stored.Seq, Record: &stored.Record, Events: []itsm.Event{e}, Command: "forged"}))
	var tampered *itsm.TamperedError
	require.ErrorAs(t, d.Verify(manager, id), &tampered)
	assert.Equal(t, e.Seq, tampered.Seq)
	assert.Contains(t, tampered.Problem, "does not follow from the entries before it")
	_, err = d.Replay(manager, id)
	require.ErrorAs(t, err, &tampered)
}
