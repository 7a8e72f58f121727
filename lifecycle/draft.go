package lifecycle

import (
	"errors"
	"slices"

	"github.com/hospital-itsm/itsm"
)

// Advance asks a machine for a step of a decision and returns the state that it leads to. When the machine does not have the
// step, the command is refused as illegal in the state; when the decision is refused already, nothing is asked. The state
// is then from.
func Advance[R any, S, E ~string](d *itsm.Draft[R], m *Machine[S, E], from S, e E) S {
	to, err := m.Fire(from, e, d.Err)
	var unknown *UnknownError
	switch {
	case err == nil:
		return to
	case errors.As(err, new(*NotPossibleError)) || errors.As(err, &unknown):
		d.Illegal(string(from))
	case !d.Failed():
		d.Fail(err)
	}
	return from
}

// In refuses the command as illegal unless the state is one of some states.
func In[R any, S ~string](d *itsm.Draft[R], state S, states ...S) {
	if slices.Contains(states, state) {
		return
	}
	d.Illegal(string(state))
}
