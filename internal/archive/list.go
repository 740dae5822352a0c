package archive

import (
	"context"
	"iter"
	"time"
)

// Summary is what the manifest of a batch says.
type Summary struct {
	Batch     int64     `json:"batch"`
	SHA256    string    `json:"sha256"` // of the manifest's bytes
	WrittenAt time.Time `json:"writtenAt"`
	Events    int64     `json:"events"`
	Files     int       `json:"files"`
	Bytes     int64     `json:"bytes"` // of the files of events, compressed
	// FirstCreated and LastCreated are the earliest and the latest spec.created of the events; zero if there are none.
	FirstCreated time.Time `json:"firstCreated,omitzero"`
	LastCreated  time.Time `json:"lastCreated,omitzero"`
	Erasure      *Erasure  `json:"erasure,omitempty"`
}

// Batches iterates over the manifests, from the first batch. It reads no events and checks nothing: see Verify. An error ends it.
func (a *Archive) Batches(ctx context.Context) iter.Seq2[Summary, error] {
	return func(yield func(Summary, error) bool) {
		numbers, err := a.batches(ctx)
		if err != nil {
			yield(Summary{}, err)
			return
		}
		for _, number := range numbers {
			m, sum, err := a.manifest(ctx, number)
			if err != nil {
				yield(Summary{}, err)
				return
			}
			if !yield(m.summary(sum), nil) {
				return
			}
		}
	}
}

func (m manifest) summary(sum string) Summary {
	s := Summary{Batch: m.Batch, SHA256: sum, WrittenAt: m.WrittenAt.Time, Events: m.Events, Files: len(m.Files), Erasure: m.Erasure}
	for _, f := range m.Files {
		s.Bytes += f.Bytes
		if s.FirstCreated.IsZero() || f.FirstCreated.Time.Before(s.FirstCreated) {
			s.FirstCreated = f.FirstCreated.Time
		}
		if f.LastCreated.After(s.LastCreated) {
			s.LastCreated = f.LastCreated.Time
		}
	}
	return s
}
