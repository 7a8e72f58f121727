package release_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/release"
)

func TestMainLine(t *testing.T) {
	t.Parallel()
	d := open(t, release.Config{})
	id := d.at(release.StateReported)
	require.NoError(t, d.Verify(manager, id))
	require.Len(t, d.world.updates, 3)
	var told []string
	for entry, err := range d.Timeline(owner, id) {
		require.NoError(t, err)
		told = append(told, entry.Told.In(itsm.English))
	}
	require.Equal(t, []string{"the release is planned and signed", "the test was passed", "going live has begun", "live", "accepted"}, told)
}
