package memory_test

import (
	"testing"

	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	itsmtest.Store(t, func(testing.TB) store.DB { return memory.New() })
}
