package archivehead

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/archive"
)

// ErrChain says that the archive cannot be read after the head.
var ErrChain = errors.New("the archive cannot be used")

// Chain is what Adopt reads of the archive: *archive.Archive.
type Chain interface {
	Next(ctx context.Context, head archive.Head) (archive.Batch, error)
}

// Adopt moves the head over the batches after it: their writer was stopped before it moved the head, or the ConfigMap is lost. It returns
// ErrChain if the archive cannot be read, and the errors of Swap. For example:
//
//	the head is at batch 4, and the archive ends with 5    events of 5 are in the cluster still: a head that is not moved deletes nothing
//	the ConfigMap is lost, and the archive ends with 5     events of all five batches may be gone, as the head says then
func (s Store) Adopt(ctx context.Context, state State, chain Chain) (State, error) {
	for {
		batch, err := chain.Next(ctx, state.Head)
		if errors.Is(err, io.EOF) {
			return state, nil
		}
		if err != nil {
			return state, fmt.Errorf("%w: %w", ErrChain, err)
		}
		next := state
		next.Head, next.Bytes = batch.Head, state.Bytes+batch.Bytes
		if after := batch.LastCreated.Add(time.Second); len(batch.Events) > 0 && after.After(next.GoneBefore) {
			next.GoneBefore = after
		}
		moved, err := s.Swap(ctx, state, next)
		if err != nil {
			return state, err
		}
		state = moved
	}
}
