package archive

import (
	"context"
	"errors"
)

// Report is what Verify has found.
type Report struct {
	Head     Head      // the end of the chain
	Events   int64     // the events of all batches
	Distinct int64     // the ids of events among them: an event may be archived again, for a later change
	Files    int64     // the files of events
	Bytes    int64     // their size, compressed
	Personal int64     // the lines of personal data
	Erasures int64     // the erasures on record
	Problems []Problem // everything that is wrong, in the order of the batches
}

// Verify checks the whole chain from batch 1, every file's hash and counts, every personal line's hash, and lists all problems. The
// error is about the bucket: nothing can be said about the archive then.
func (a *Archive) Verify(ctx context.Context) (Report, error) {
	return Report{}, errors.New("archive: verify: not yet")
}
