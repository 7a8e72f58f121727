package memory_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store/memory"
)

// FuzzPosition goes on behind anything: a position of this store, or an error.
func FuzzPosition(f *testing.F) {
	for _, p := range []string{"", "0000000000000001", "1", "-000000000000001", "+000000000000001", "99999999999999999999", "0000000000000001 ", "０"} {
		f.Add(p)
	}
	db := memory.New()
	f.Fuzz(func(t *testing.T, p string) {
		for _, err := range db.Events(context.Background(), itsm.Position(p), itsm.Filter{Tenant: "h1"}) {
			require.ErrorIs(t, err, itsm.ErrInvalid)
		}
	})
}
