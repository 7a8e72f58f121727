package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/hospital-itsm/itsm/lifecycle"
)

// in fails the test when f has not returned after a while, as it never does in a deadlock.
func in(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		require.FailNow(t, "deadlock")
	}
}

// everyRow asserts that the machine still does what its table says, more often than its pool has runners.
func everyRow(t *testing.T, m *lifecycle.Machine[State, Event]) {
	t.Helper()
	for range 4 {
		for step := range m.All {
			got, err := m.Fire(step.From, step.Event, func() error { return nil })
			require.NoError(t, err)
			require.Equal(t, step.To, got)
		}
	}
}

// Each way in which looplab/fsm is known to deadlock, to get stuck, or to move when it should not.
func TestEngineTraps(t *testing.T) {
	t.Parallel()

	t.Run("a guard fires the machine that it guards", func(t *testing.T) {
		t.Parallel()
		m := machine(t)
		in(t, func() {
			var inner State
			got, err := m.Fire(Recorded, Triage, func() (err error) {
				inner, err = m.Fire(Triaged, Start, func() error {
					_, err := m.Fire(Working, Hold, nil)
					return err
				})
				return err
			})
			assert.NoError(t, err)
			assert.Equal(t, Triaged, got)
			assert.Equal(t, Working, inner)
		})
		everyRow(t, m)
	})

	t.Run("a guard waits for somebody else who reads and fires", func(t *testing.T) {
		t.Parallel()
		m := machine(t)
		in(t, func() {
			_, err := m.Fire(Recorded, Triage, func() error {
				var wg sync.WaitGroup
				for range 8 {
					wg.Go(func() {
						m.Can(Recorded, Triage)
						_, err := m.Fire(Recorded, Triage, nil)
						assert.NoError(t, err)
					})
				}
				wg.Wait()
				return nil
			})
			assert.NoError(t, err)
		})
	})

	t.Run("the context of the caller is cancelled", func(t *testing.T) {
		t.Parallel()
		m := machine(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		// the guard is the only place where a context can come in; its error is one like any other
		got, err := m.Fire(Recorded, Triage, ctx.Err)
		assert.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, Recorded, got)
		everyRow(t, m)
	})

	t.Run("a guard panics", func(t *testing.T) {
		t.Parallel()
		m := machine(t)
		for step := range m.All {
			assert.PanicsWithValue(t, "guard", func() { _, _ = m.Fire(step.From, step.Event, func() error { panic("guard") }) })
		}
		everyRow(t, m)
	})

	t.Run("a guard ends its goroutine", func(t *testing.T) {
		t.Parallel()
		m := machine(t)
		in(t, func() { _, _ = m.Fire(Recorded, Triage, func() error { runtime.Goexit(); return nil }) })
		everyRow(t, m)
	})

	t.Run("a guard refuses and nothing has moved", func(t *testing.T) {
		t.Parallel()
		m := machine(t)
		for step := range m.All {
			no := fmt.Errorf("no %s", step)
			got, err := m.Fire(step.From, step.Event, func() error { return no })
			require.Same(t, no, err)
			require.Equal(t, step.From, got)
		}
		everyRow(t, m)
	})

	t.Run("errors of a guard are reached with Is and As", func(t *testing.T) {
		t.Parallel()
		m := machine(t)
		sentinel, typed := errors.New("sentinel"), &missingFields{"cause"}
		_, err := m.Fire(Recorded, Triage, func() error { return fmt.Errorf("two: %w, %w", sentinel, typed) })
		assert.ErrorIs(t, err, sentinel)
		var as *missingFields
		require.ErrorAs(t, err, &as)
		assert.Same(t, typed, as)
	})

	t.Run("a row to its own state is a transition", func(t *testing.T) {
		t.Parallel()
		m := machine(t)
		asked := 0
		got, err := m.Fire(Working, Note, func() error { asked++; return nil })
		require.NoError(t, err)
		assert.Equal(t, Working, got)
		assert.Equal(t, 1, asked)
		no := errors.New("no")
		_, err = m.Fire(Working, Note, func() error { return no })
		assert.Same(t, no, err)
		everyRow(t, m)
	})

	t.Run("a guard is asked once, and only when the table has the row", func(t *testing.T) {
		t.Parallel()
		m := machine(t)
		for _, s := range append(m.States(), "limbo") {
			for _, e := range append(m.Events(), "explode") {
				asked := 0
				_, err := m.Fire(s, e, func() error { asked++; return nil })
				assert.Equal(t, err == nil, asked == 1)
				assert.Equal(t, m.Can(s, e), asked == 1)
			}
		}
	})

	t.Run("names that mean something to the engine", func(t *testing.T) {
		t.Parallel()
		m := lifecycle.Must(lifecycle.Spec[State, Event]{
			Start:  []State{"event"},
			States: []lifecycle.StateRow[State]{{Name: "event"}, {Name: "before_event"}, {Name: "state", End: true}},
			Transitions: []lifecycle.Transition[State, Event]{
				{Event: "event", From: []State{"event"}, To: "before_event"},
				{Event: "leave_state", From: []State{"before_event"}, To: "state"},
			},
		})
		asked := 0
		got, err := m.Fire("event", "event", func() error { asked++; return nil })
		require.NoError(t, err)
		assert.Equal(t, State("before_event"), got)
		got, err = m.Fire(got, "leave_state", func() error { asked++; return nil })
		require.NoError(t, err)
		assert.Equal(t, State("state"), got)
		assert.Equal(t, 2, asked)
	})

	t.Run("no error of the library comes out", func(t *testing.T) {
		t.Parallel()
		m := machine(t)
		for _, s := range append(m.States(), "limbo") {
			for _, e := range append(m.Events(), "explode") {
				_, err := m.Fire(s, e, nil)
				for ; err != nil; err = errors.Unwrap(err) {
					assert.False(t, strings.HasPrefix(fmt.Sprintf("%T", err), "fsm."), "%T", err)
				}
			}
		}
	})

	t.Run("eight goroutines share a machine", func(t *testing.T) {
		t.Parallel()
		m := machine(t)
		var refused atomic.Int64
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				state := Recorded
				for i := range 300 {
					events := m.Allowed(state)
					if len(events) == 0 {
						state = Recorded
						continue
					}
					e := events[(i+g)%len(events)]
					want, _ := m.Next(state, e)
					got, err := m.Fire(state, e, func() error {
						if i%7 == 0 {
							return errors.New("no")
						}
						return nil
					})
					if err != nil {
						refused.Add(1)
						want = state
					}
					assert.Equal(t, want, got)
					state = got
				}
			})
		}
		wg.Wait()
		assert.Positive(t, refused.Load())
		everyRow(t, m)
	})
}
