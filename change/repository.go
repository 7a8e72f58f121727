package change

import (
	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/store"
)

// A Repository keeps changes. [NewRepository] makes one over any store; a host may implement it on its own tables.
type Repository = itsm.Repository[Change]

// NewRepository returns the repository of changes in a store.
func NewRepository(db store.DB) *store.Repository[Change] { return store.NewRepository[Change](db) }

// A TemplateRepository keeps templates.
type TemplateRepository = itsm.Repository[Template]

// NewTemplateRepository returns the repository of templates in a store.
func NewTemplateRepository(db store.DB) *store.Repository[Template] {
	return store.NewRepository[Template](db)
}

// A SlotRepository keeps slots.
type SlotRepository = itsm.Repository[Slot]

// NewSlotRepository returns the repository of slots in a store.
func NewSlotRepository(db store.DB) *store.Repository[Slot] { return store.NewRepository[Slot](db) }
