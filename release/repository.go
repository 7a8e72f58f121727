package release

import (
	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// A Repository keeps releases. [NewRepository] makes one over any store; a host may implement it on its own tables.
type Repository = itsm.Repository[Release]

// NewRepository returns the repository of releases in a store.
func NewRepository(db store.DB) *store.Repository[Release] { return store.NewRepository[Release](db) }
