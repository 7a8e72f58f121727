package itsmtest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/hospital-itsm/itsm"
	"github.com/hospital-itsm/itsm/itsmtest"
	"github.com/hospital-itsm/itsm/store"
	"github.com/hospital-itsm/itsm/store/memory"
)

func ExampleClock() {
	clock := itsmtest.NewClock(time.Date(2026, 2, 14, 8, 0, 0, 0, time.UTC))
	config := itsm.Config{Clock: clock.Now}
	fmt.Println(config.Clock())
	clock.Add(90 * time.Minute)
	fmt.Println(config.Clock())
	// Output:
	// 2026-02-14 08:00:00 +0000 UTC
	// 2026-02-14 09:30:00 +0000 UTC
}

func ExampleFaultyDB() {
	ctx := context.Background()
	db := itsmtest.NewFaultyDB(memory.New())
	counters := store.NewRepository[struct{}](db)

	db.FailBefore(1, errors.New("the disk is full"))
	_, err := counters.NextNumber(ctx, "h1", "INC")
	fmt.Println(err)
	n, err := counters.NextNumber(ctx, "h1", "INC")
	fmt.Println(n, err)
	// Output:
	// store: counter h1/itsm.series/INC: the disk is full
	// 1 <nil>
}

func ExampleRandom() {
	one, two := make([]byte, 4), make([]byte, 4)
	io.ReadFull(itsmtest.Random(7), one)
	io.ReadFull(itsmtest.Random(7), two)
	fmt.Println(string(one) == string(two))
	// Output: true
}

func TestClock(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 2, 14, 8, 0, 0, 0, time.UTC)
	clock := itsmtest.NewClock(start)
	clock.Step(time.Second)
	assert.Equal(t, []time.Time{start, start.Add(time.Second)}, []time.Time{clock.Now(), clock.Now()}, "it moves on after each reading")
	clock.Set(start)
	clock.Step(0)
	assert.Equal(t, start.Add(-time.Hour), clock.Add(-time.Hour), "it can be set back")
	assert.Equal(t, start.Add(-time.Hour), clock.Now())
}

func counter(n uint64) store.Batch {
	key := itsm.Key{Tenant: "h1", Kind: "counter", ID: "A"}
	return store.Batch{Tenant: "h1", Puts: []store.Put{{Expect: n - 1, Snapshot: store.Snapshot{Key: key, Seq: n, Data: []byte(`{}`)}}}}
}

func TestFaultyDB(t *testing.T) {
	t.Parallel()
	ctx, lost := t.Context(), errors.New("lost")
	db := itsmtest.NewFaultyDB(memory.New())
	db.FailBefore(2, lost)
	db.FailAfter(4, lost)
	assert.NoError(t, db.Commit(ctx, counter(1)), "first")
	assert.ErrorIs(t, db.Commit(ctx, counter(2)), lost, "second, nothing written")
	assert.NoError(t, db.Commit(ctx, counter(2)), "third")
	assert.ErrorIs(t, db.Commit(ctx, counter(3)), lost, "fourth, written")
	assert.NoError(t, db.Commit(ctx, counter(4)), "fifth")
	assert.Equal(t, 5, db.Commits())

	db.Delay(time.Hour)
	slow, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
	defer cancel()
	assert.ErrorIs(t, db.Commit(slow, counter(5)), context.DeadlineExceeded)
	_, err := db.Load(slow, itsm.Key{Tenant: "h1", Kind: "counter", ID: "A"})
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = db.Due(slow, "counter", time.Time{}, 1)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	for _, err = range db.Find(slow, itsm.Query{Tenant: "h1", Kind: "counter"}) {
	}
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	for _, err = range db.Events(slow, "", itsm.Filter{Tenant: "h1"}) {
	}
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	db.Delay(0)
	assert.NoError(t, db.Commit(ctx, counter(5)))
}

func TestFaultyDBKeepsTheContract(t *testing.T) {
	t.Parallel()
	itsmtest.Store(t, func(testing.TB) store.DB { return itsmtest.NewFaultyDB(memory.New()) })
}
