package itsmtest

import (
	"testing"

	"github.com/hospital-itsm/itsm/store"
)

func TestPlainStore(t *testing.T) {
	t.Parallel()
	Store(t, func(testing.TB) store.DB { return newPlainDB() })
}
