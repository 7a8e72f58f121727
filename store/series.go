package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/hospital-itsm/itsm"
)

// KindSeries is the kind of the counters behind [Repository.NextNumber].
const KindSeries itsm.Kind = "itsm.series"

// A counter is the record of a series. Every number up to Last was given out, or lies in the block of some process.
type counter struct {
	Last uint64 `json:"last"`
}

// series hands out numbers from blocks that it takes from the store.
type series struct {
	mu   sync.Mutex
	open map[seriesKey]*block
}

type seriesKey struct {
	tenant itsm.Tenant
	name   string
}

// block is a stretch of numbers that nobody else has.
type block struct {
	mu         sync.Mutex
	next, last uint64
	size       uint64 // of the next block
}

const (
	firstBlock = 8    // a process that makes few records leaves a small gap
	mostBlock  = 1024 // one that makes many goes to the store seldom
	// maxSeries bounds how many blocks are kept: names have the date in them. What is dropped is a gap.
	maxSeries = 1024
)

func (s *series) block(key seriesKey) *block {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.open[key]
	if b == nil {
		if s.open == nil || len(s.open) >= maxSeries {
			s.open = make(map[seriesKey]*block)
		}
		b = &block{next: 1, size: firstBlock}
		s.open[key] = b
	}
	return b
}

func (s *series) next(ctx context.Context, db DB, tenant itsm.Tenant, name string) (uint64, error) {
	b := s.block(seriesKey{tenant, name})
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next > b.last {
		last, err := take(ctx, db, itsm.Key{Tenant: tenant, Kind: KindSeries, ID: itsm.ID(name)}, b.size)
		if err != nil {
			return 0, err
		}
		b.next, b.last = last-b.size+1, last
		b.size = min(2*b.size, mostBlock)
	}
	n := b.next
	b.next++
	return n, nil
}

// take moves the counter on by n and returns where it is then.
func take(ctx context.Context, db DB, key itsm.Key, n uint64) (uint64, error) {
	for attempt := 1; ; attempt++ {
		found, err := db.Load(ctx, key)
		if err != nil {
			return 0, err
		}
		var c counter
		if found[0].Seq > 0 {
			if err := json.Unmarshal(found[0].Data, &c); err != nil {
				return 0, fmt.Errorf("store: counter %s: %w", key, err)
			}
		}
		c.Last += n
		data, err := json.Marshal(c)
		if err != nil {
			return 0, err
		}
		p := Put{Snapshot: Snapshot{Key: key, Seq: found[0].Seq + 1, Data: data}, Expect: found[0].Seq}
		err = db.Commit(ctx, Batch{Tenant: key.Tenant, Puts: []Put{p}})
		if err == nil {
			return c.Last, nil
		}
		if !errors.Is(err, itsm.ErrConflict) || attempt == maxAttempts {
			return 0, fmt.Errorf("store: counter %s: %w", key, err)
		}
	}
}
