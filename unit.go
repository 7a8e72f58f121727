package itsm

import (
	"context"
	"fmt"
)

// A UnitOfWork is a repository that commits the changes of several records, of its own and other kinds in the same store, as one.
type UnitOfWork interface {
	Atomically(ctx context.Context, fn func(ctx context.Context) error) error
}

type unitKey struct{}

// Atomically runs fn as one unit of work of a repository: what services do with the context that fn gets is committed as
// one, or not at all when fn returns an error. fn may run several times. It is ErrInvalid when the repository cannot do that.
func Atomically(ctx context.Context, repo any, fn func(ctx context.Context) error) error {
	u, ok := repo.(UnitOfWork)
	if !ok {
		return fmt.Errorf("%w: %T: %w", ErrInvalid, repo, errNoUnit)
	}
	return u.Atomically(context.WithValue(ctx, unitKey{}, true), fn)
}

// InUnit reports whether the context is one that [Atomically] made. Commands that are only one side of a change of several
// records ask for it in Gather, so that nobody gives them alone.
func InUnit(ctx context.Context) bool { return ctx.Value(unitKey{}) != nil }
