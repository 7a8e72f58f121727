package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hospital-itsm/itsm"
)

// sealStore keeps the items of seals as records of their own.
type sealStore struct{ db DB }

// NewSealStore returns what an [itsm.Sealer] keeps its items in, in the same store as the journal. The newest seal itself
// belongs into other hands as well: see [itsm.Seal].
func NewSealStore(db DB) itsm.SealStore { return sealStore{db} }

// Load implements [itsm.SealStore].
func (s sealStore) Load(ctx context.Context, tenant itsm.Tenant, name string) (itsm.SealItem, error) {
	found, err := s.db.Load(ctx, itsm.Key{Tenant: tenant, Kind: itsm.KindSeal, ID: itsm.ID(name)})
	if err != nil {
		return itsm.SealItem{}, err
	}
	item := itsm.SealItem{Name: name, Version: found[0].Seq}
	if item.Version == 0 {
		return item, nil
	}
	if err := json.Unmarshal(found[0].Data, &item.Data); err != nil {
		return itsm.SealItem{}, fmt.Errorf("store: seal item %s: %w: %w", name, itsm.ErrSealBroken, err)
	}
	return item, nil
}

// Save implements [itsm.SealStore].
func (s sealStore) Save(ctx context.Context, tenant itsm.Tenant, items []itsm.SealItem) error {
	b := Batch{Tenant: tenant}
	for _, item := range items {
		data, err := json.Marshal(item.Data)
		if err != nil {
			return err
		}
		b.Puts = append(b.Puts, Put{Expect: item.Version, Snapshot: Snapshot{
			Key: itsm.Key{Tenant: tenant, Kind: itsm.KindSeal, ID: itsm.ID(item.Name)}, Seq: item.Version + 1, Data: data}})
	}
	return s.db.Commit(ctx, b)
}
