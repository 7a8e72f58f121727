package lifecycle

import (
	"context"
	"fmt"
	"sync"

	"github.com/looplab/fsm"
)

// An engine fires the events of one machine on looplab/fsm. An FSM of that library serialises its callers, deadlocks
// when it is fired from its own guard, and stays stuck after a cancelled context or some panics. So each call takes one
// of its own from a pool, sets it to the state of the record, gives it a context that nobody can cancel and a single
// callback, and puts it back only after success.
type engine struct {
	pool sync.Pool
}

// A runner is an FSM with the guard of the call that has it.
type runner struct {
	fsm   *fsm.FSM
	guard func() error
	err   error // of the guard
}

func newEngine(rows []fsm.EventDesc) *engine {
	g := new(engine)
	g.pool.New = func() any {
		r := new(runner)
		r.fsm = fsm.NewFSM("", rows, fsm.Callbacks{"before_event": r.before})
		return r
	}
	return g
}

// before is the only callback that can refuse without the state having changed.
func (r *runner) before(_ context.Context, e *fsm.Event) {
	if r.guard == nil {
		return
	}
	if r.err = r.guard(); r.err != nil {
		e.Cancel(r.err)
	}
}

// fire returns the state after the event, or the error of the guard as it is. Errors of the library end here.
func (g *engine) fire(state, event string, guard func() error) (string, error) {
	r := g.pool.Get().(*runner)
	r.guard = guard
	r.fsm.SetState(state)
	err := r.fsm.Event(context.Background(), event)
	if r.err != nil {
		return state, r.err
	}
	if err != nil {
		// a row that leads to its own state is a transition for us, a NoTransitionError for the library
		if _, self := err.(fsm.NoTransitionError); !self {
			return state, fmt.Errorf("lifecycle: engine and table disagree about %s in state %s: %v", event, state, err)
		}
	}
	to := r.fsm.Current()
	r.guard = nil
	g.pool.Put(r)
	return to, nil
}
