package readings

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
)

// PutWhenEmpty waits until no Batch of the customer is in the mailbox, and puts this one in: it replaces none. It
// returns an error if ctx ends before.
func (m *Mailbox) PutWhenEmpty(ctx context.Context, customer types.NamespacedName, batch *Batch) error {
	for {
		if err := m.waitFor(ctx, customer); err != nil {
			return err
		}
		if m.PutIfEmpty(ctx, customer, batch) {
			return ctx.Err()
		}
	}
}
