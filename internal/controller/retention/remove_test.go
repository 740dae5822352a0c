package retention

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/naming"
)

// Of a batch that is larger than what is deleted at a time, every event is deleted once, and no more than that many at a time.
func TestDelete(t *testing.T) {
	var mutex sync.Mutex
	active, most, calls := 0, 0, 0
	gate := make(chan struct{})
	r, c := bench(t, &memory{}, interceptor.Funcs{
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.DeleteOption) error {
			mutex.Lock()
			active, calls = active+1, calls+1
			most = max(most, active)
			if calls == deletions {
				close(gate) // so many are being deleted
			}
			mutex.Unlock()
			defer func() {
				mutex.Lock()
				defer mutex.Unlock()
				active--
			}()
			select {
			case <-gate:
				return c.Delete(ctx, o, options...)
			case <-time.After(10 * time.Second):
				return errors.New("fewer events are deleted at a time")
			}
		},
	})
	var events []v1alpha1.BillingEvent
	for i := range 4*deletions + 3 {
		e := old(created(60 * day))
		e.Spec.EventID = fmt.Sprintf("evt_many_%d", i)
		e.Namespace, e.Name, e.UID = namespace, naming.Object("", e.Spec.EventID), types.UID(e.Spec.EventID)
		if err := c.Create(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		events = append(events, *e)
	}
	deleted, err := r.delete(t.Context(), events)
	if err != nil || deleted != len(events) || calls != len(events) || most > deletions {
		t.Errorf("%d of %d events are deleted by %d requests, at most %d at a time, %v", deleted, len(events), calls, most, err)
	}
	if got := left(t, c); len(got) != 4 {
		t.Errorf("left are %v", got)
	}
}
