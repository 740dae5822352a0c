// Package archive keeps settled BillingEvents in a bucket, for as long as an auditor may ask: batches of compressed JSON lines,
// whose manifests are a chain of hashes. docs/archive.md describes the files, which other tools can read.
//
//	events/account=…/mode=…/day=…/<batch>-<hash>.jsonl.zst     the events of a batch, without personal data; never changes
//	personal/account=…/mode=…/day=…/<batch>-<hash>.jsonl.zst   their personal data; an erasure takes lines out
//	batches/<batch>.json                                       the manifest of the batch; never changes
//
// The manifest is written last. So a batch is in the archive whole, or not at all: files that no manifest names are those of a
// writer that stopped, and no reader looks at them.
//
// Its errors do not say that they are about the archive: the caller does, once.
package archive

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// MaxEvents is how many events a batch may have. An Append, and a reader, hold one batch in memory.
const MaxEvents = 10_000

// ErrBehind means that the archive already has the batch after the head: the writer stopped before it noted that batch, or
// another writer has written it. Next reads it.
var ErrBehind = errors.New("the archive has a newer batch than the head says")

// Archive is the archive in a bucket. Its methods may be called at the same time; of two writers one gets ErrBehind.
type Archive struct {
	store store
	salts io.Reader
	now   func() time.Time

	fence atomic.Bool // the store has shown that it refuses to write a manifest twice
	swept atomic.Bool // no writer of this process has left files of a batch that failed

	unpacking sync.Mutex // held while an erasure has a file in memory as text
}

// Head is the end of the chain. The zero Head is that of an empty archive.
type Head struct {
	Batch  int64  `json:"batch"`  // the number of the latest batch, from 1
	SHA256 string `json:"sha256"` // of the latest manifest's bytes, in hexadecimal
	Events int64  `json:"events"` // how many events all batches have
}

// Batch is one batch of the archive, as Next reads it.
type Batch struct {
	Head    Head     // the end of the chain with this batch
	Events  []Ref    // its events
	Erasure *Erasure // set if the batch records an erasure; it has no events then
	Bytes   int64    // the size of its events' files, compressed
	// LastCreated is the latest spec.created of its events; zero if it has none.
	LastCreated time.Time
}

// Ref names an archived event.
type Ref struct {
	EventID string    // Stripe's id (evt_…)
	Name    string    // of the BillingEvent
	UID     types.UID // of the BillingEvent
}

// Erasure is the record that a customer's personal data was taken out of all batches before it.
type Erasure struct {
	Account    string    `json:"account"`    // the connected account (acct_…), empty for the platform's own
	CustomerID string    `json:"customerID"` // the Stripe customer (cus_…)
	At         time.Time `json:"at"`
}

func newArchive(s store) *Archive {
	return &Archive{store: s, salts: rand.Reader, now: time.Now}
}

// Close ends the connections to the bucket.
func (a *Archive) Close() error { return a.store.close() }

// Next reads and verifies the batch after head. The error is io.EOF if there is none.
func (a *Archive) Next(ctx context.Context, head Head) (Batch, error) {
	m, sum, err := a.manifest(ctx, head.Batch+1)
	switch {
	case errors.Is(err, errNotFound):
		return Batch{}, io.EOF
	case err != nil:
		return Batch{}, err
	}
	if err := m.follows(head); err != nil {
		return Batch{}, err
	}
	batch := Batch{Head: Head{Batch: m.Batch, SHA256: sum, Events: m.EventsBefore + m.Events}, Erasure: m.Erasure}
	for _, file := range m.Files {
		lines, err := a.readEvents(ctx, m.Batch, file)
		if err != nil {
			return Batch{}, err
		}
		batch.Bytes += file.Bytes
		if file.LastCreated.After(batch.LastCreated) {
			batch.LastCreated = file.LastCreated.Time
		}
		for _, line := range lines {
			batch.Events = append(batch.Events, Ref{EventID: line.Spec.EventID, Name: line.Name, UID: line.UID})
		}
	}
	return batch, nil
}
