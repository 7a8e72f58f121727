package config

import (
	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// A Repository keeps items; a host may implement it on its own tables.
type Repository = itsm.Repository[Item]

// Repositories keep items and the claims to their identities. Both belong to one store, so that they change as one.
type Repositories struct {
	Items  Repository
	Claims itsm.Repository[Claim]
}

// NewRepositories returns the repositories in a store.
func NewRepositories(db store.DB) Repositories {
	return Repositories{store.NewRepository[Item](db), store.NewRepository[Claim](db)}
}
