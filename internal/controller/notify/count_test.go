package notify

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllertest"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/notice"
)

// followed is a cache with one informer.
type followed struct {
	cache.Informers
	informer *controllertest.FakeInformer
}

func (f followed) GetInformer(context.Context, client.Object, ...cache.InformerGetOption) (cache.Informer, error) {
	return f.informer, nil
}

// What the sink has not accepted is counted, by the changes of the Customers.
func TestCounter(t *testing.T) {
	unsent, older := changed(time.Minute), changed(time.Second)
	written, deleting, again := unsent.DeepCopy(), unsent.DeepCopy(), unsent.DeepCopy()
	written.Status.Notified = notice.Accepted(unsent, "sink", noon)
	deleting.DeletionTimestamp, again.UID = &unsent.Status.Conditions[0].LastTransitionTime, "another"
	type informer = *controllertest.FakeInformer
	for name, tc := range map[string]struct {
		life     func(informer)
		accepted *v1alpha1.Customer // and not written
		want     float64
	}{
		"no customer":              {func(informer) {}, nil, 0},
		"unsent":                   {func(i informer) { i.Add(unsent) }, nil, 1},
		"accepted and not written": {func(i informer) { i.Add(unsent) }, unsent, 0},
		"an older one is accepted": {func(i informer) { i.Add(unsent) }, older, 1},
		"written":                  {func(i informer) { i.Add(unsent); i.Update(unsent, written) }, nil, 0},
		"written before the start": {func(i informer) { i.Add(written) }, nil, 0},
		"changed since":            {func(i informer) { i.Add(written); i.Update(written, unsent) }, nil, 1},
		"is being deleted":         {func(i informer) { i.Add(unsent); i.Update(unsent, deleting) }, nil, 0},
		"deleted":                  {func(i informer) { i.Add(unsent); i.Delete(unsent) }, nil, 0},
		"made anew":                {func(i informer) { i.Add(unsent); i.Delete(unsent); i.Add(again) }, unsent, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				s, clock, informer := set(t, unsent, unsent), clocktesting.NewFakeClock(noon), controllertest.NewFakeInformer(controllertest.Synced)
				c := &Counter{Reconciler: s.Reconciler, Ticker: clock, Cache: followed{informer: informer}, Interval: time.Minute}
				ended := make(chan error, 1)
				go func() { ended <- c.Start(ctx) }()
				<-time.After(time.Second) // the handler is there by then
				synctest.Wait()
				tc.life(informer)
				if tc.accepted != nil {
					s.Delivered.Put(t.Context(), tc.accepted, notice.Accepted(tc.accepted, "sink", noon))
				}
				clock.Step(time.Minute)
				synctest.Wait()
				if got := testutil.ToFloat64(metrics.NotificationsPending); got != tc.want {
					t.Errorf("%v pending, want %v", got, tc.want)
				}
				metrics.NotificationsPending.Set(9)
				cancel()
				if err := <-ended; err != nil || testutil.ToFloat64(metrics.NotificationsPending) != 0 {
					t.Errorf("a former leader reports something, or fails: %v", err)
				}
			})
		})
	}
}
