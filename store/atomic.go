package store

import "context"

// Atomically runs fn as one unit of work over the store of the repository; see the function [Atomically].
func (r *Repository[R]) Atomically(ctx context.Context, fn func(ctx context.Context) error) error {
	return Atomically(ctx, r.db, fn)
}
