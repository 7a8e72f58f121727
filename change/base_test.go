package change_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/change"
)

func TestPolicyLeavesItsBaseAlone(t *testing.T) {
	t.Parallel()
	base := change.DefaultPolicy()
	before, err := json.Marshal(base)
	require.NoError(t, err)
	p, err := change.ParsePolicy([]byte(`{"version":"2","heads":{"it":["one"]}}`), base)
	require.NoError(t, err)
	assert.Equal(t, []string{"one"}, p.Heads[change.OfIT])
	assert.Equal(t, base.Heads[change.OfBusiness], p.Heads[change.OfBusiness], "what is not named stays")
	after, err := json.Marshal(base)
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after))
}
