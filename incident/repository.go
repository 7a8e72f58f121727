package incident

import (
	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// A Repository keeps incidents. [NewRepository] makes one over any store; a host may implement it on its own tables.
type Repository = itsm.Repository[Incident]

// NewRepository returns the repository of incidents in a store.
func NewRepository(db store.DB) *store.Repository[Incident] { return store.NewRepository[Incident](db) }
