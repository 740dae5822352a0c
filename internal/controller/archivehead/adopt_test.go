package archivehead

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/tollkeeper/tollkeeper/internal/archive"
	"github.com/tollkeeper/tollkeeper/internal/archivenote"
)

// chain is an archive of these batches, with an error at its end.
type chain struct {
	batches []archive.Batch
	end     error
}

func (c chain) Next(_ context.Context, head archive.Head) (archive.Batch, error) {
	if int(head.Batch) < len(c.batches) {
		return c.batches[head.Batch], nil
	}
	return archive.Batch{}, c.end
}

// Batches that the head does not know are adopted. All events that they have may be gone, and later ones are not: those in the
// ConfigMap may be lost with it.
func TestAdopt(t *testing.T) {
	some := []archive.Ref{{EventID: "evt_1"}}
	whole := []archive.Batch{
		{Head: Head{Batch: 1, SHA256: "aa", Events: 1}, Events: some, Bytes: 100, LastCreated: may},
		{Head: Head{Batch: 2, SHA256: "bb", Events: 2}, Events: some, Bytes: 100, LastCreated: may.Add(-time.Hour)}, // a restored event
		{Head: Head{Batch: 3, SHA256: "cc", Events: 2}, Erasure: &archive.Erasure{CustomerID: "cus_1"}},
	}
	broken := errors.New("403 Forbidden")
	for name, tc := range map[string]struct {
		data  map[string]string // nil without a ConfigMap
		chain chain
		want  State
		err   error
	}{
		"the ConfigMap is lost": {nil, chain{whole, io.EOF}, State{Head: whole[2].Head, Bytes: 200, GoneBefore: may.Add(time.Second)}, nil},
		"the head knows all": {
			map[string]string{"batch": "3", "sha256": "cc", "events": "2", "bytes": "200"}, chain{whole, io.EOF}, State{Head: whole[2].Head, Bytes: 200}, nil,
		},
		"an empty archive":    {nil, chain{nil, io.EOF}, State{}, nil},
		"it cannot be read":   {nil, chain{whole[:1], broken}, State{Head: whole[0].Head, Bytes: 100, GoneBefore: may.Add(time.Second)}, broken},
		"later ones are gone": {map[string]string{"goneBefore": "2026-05-02T00:00:00Z"}, chain{whole[:1], io.EOF}, State{Head: whole[0].Head, Bytes: 100, GoneBefore: may.AddDate(0, 0, 1)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			builder := fake.NewClientBuilder()
			if tc.data != nil {
				builder.WithObjects(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: archivenote.ConfigMap}, Data: tc.data})
			}
			cluster := builder.Build()
			store := Store{Reader: cluster, Writer: cluster, Namespace: namespace}
			before, err := store.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got, err := store.Adopt(t.Context(), before, tc.chain)
			if !errors.Is(err, tc.err) || errors.Is(err, ErrChain) != (tc.err != nil) {
				t.Errorf("the error is %v, want %v", err, tc.err)
			}
			compare(t, got, tc.want)
			stored, err := store.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			compare(t, stored, tc.want)
		})
	}
}
