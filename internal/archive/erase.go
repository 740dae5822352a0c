package archive

import (
	"context"
	"errors"
)

// Erase appends the record of the erasure, then takes the customer's lines out of all personal files. It may be repeated after a
// crash. account is empty for the platform's own.
func (a *Archive) Erase(ctx context.Context, head Head, account, customerID string) (Head, error) {
	return Head{}, errors.New("archive: erase: not yet")
}
