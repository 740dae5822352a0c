package takeover

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/naming"
)

const namespace = "ns"

// Each case says which events wait, which customers are reconciled after which time, and after how long the rest begins.
func TestTheRestBeginsAfterThePendingEvents(t *testing.T) {
	for name, c := range map[string]struct {
		waiting []v1alpha1.BillingEvent
		handled []string
		after   time.Duration
		want    time.Duration
	}{
		"nothing waits":                          {},
		"one waits, and is reconciled at once":   {waiting: events("cus_a"), handled: []string{"cus_a"}},
		"one waits with two events":              {waiting: events("cus_a", "cus_a"), handled: []string{"cus_a"}, after: 1, want: 1},
		"two wait, and both are reconciled":      {waiting: events("cus_a", "cus_b"), handled: []string{"cus_b", "cus_x", "cus_a", "cus_a"}, after: 1, want: 1},
		"two wait, and one is never reconciled":  {waiting: events("cus_a", "cus_b"), handled: []string{"cus_a"}, want: longest / time.Second},
		"an event waits for its customer":        {waiting: events("")},
		"an event of test mode is never applied": {waiting: []v1alpha1.BillingEvent{inTestMode("cus_a")}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				o := New(pending(c.waiting), routing.Scope{Livemode: new(true)}, clock.RealClock{})
				mgr := &adds{}
				var began []time.Duration
				start := time.Now()
				note := manager.RunnableFunc(func(ctx context.Context) error {
					began = append(began, time.Since(start))
					<-ctx.Done()
					return nil
				})
				if err := errors.Join(o.Rest(mgr).Add(note), o.First(mgr).Add(controllerOf(o, c.handled, c.after*time.Second))); err != nil {
					t.Fatal(err)
				}
				ended := mgr.start(ctx)
				<-time.After(2 * longest) // by the bubble's clock
				synctest.Wait()
				if diff := cmp.Diff([]time.Duration{c.want * time.Second}, began); diff != "" {
					t.Errorf("the rest began after (-want +got):\n%s", diff)
				}
				stop()
				if err := ended(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A process that ends before the pending events are shown does not begin with the rest.
func TestTheRestDoesNotBeginAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		o := New(pending(events("cus_a")), routing.Scope{Livemode: new(true)}, clock.RealClock{})
		mgr := &adds{}
		never := manager.RunnableFunc(func(context.Context) error { return errors.New("it has begun") })
		if err := errors.Join(o.First(mgr).Add(controllerOf(o, nil, 0)), o.Rest(mgr).Add(never)); err != nil {
			t.Fatal(err)
		}
		ended := mgr.start(ctx)
		synctest.Wait()
		stop()
		if err := ended(); err != nil {
			t.Error(err)
		}
	})
}

// Without an order, as where the controller of customers runs alone, nothing is noted.
func TestNoOrder(*testing.T) {
	var o *Order
	o.Handled(types.NamespacedName{Namespace: namespace, Name: "cus-a"})
}

// controllerOf reconciles customers some time after its start.
func controllerOf(o *Order, customers []string, after time.Duration) manager.Runnable {
	return manager.RunnableFunc(func(ctx context.Context) error {
		select {
		case <-time.After(after):
			for _, id := range customers {
				o.Handled(types.NamespacedName{Namespace: namespace, Name: naming.Object("", id)})
			}
		case <-ctx.Done():
		}
		<-ctx.Done()
		return nil
	})
}

// pending is a cache of pending events.
type pending []v1alpha1.BillingEvent

func (pending) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return errors.New("only lists are read")
}

func (p pending) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	list.(*v1alpha1.BillingEventList).Items = p
	return nil
}

func events(customers ...string) []v1alpha1.BillingEvent {
	var all []v1alpha1.BillingEvent
	for _, id := range customers {
		e := inTestMode(id)
		e.Spec.Livemode = true
		all = append(all, e)
	}
	return all
}

func inTestMode(customer string) v1alpha1.BillingEvent {
	return v1alpha1.BillingEvent{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace},
		Spec:       v1alpha1.BillingEventSpec{Type: "customer.subscription.updated", CustomerID: customer},
		Status:     v1alpha1.BillingEventStatus{Outcome: v1alpha1.OutcomePending},
	}
}

// adds is a manager that starts what was added, as the leader does.
type adds struct {
	manager.Manager
	all []manager.Runnable
}

func (m *adds) Add(r manager.Runnable) error {
	if leads, ok := r.(manager.LeaderElectionRunnable); !ok || !leads.NeedLeaderElection() {
		return errors.New("it runs without the lead")
	}
	m.all = append(m.all, r)
	return nil
}

// start begins all, and returns what waits for their ends.
func (m *adds) start(ctx context.Context) func() error {
	results := make(chan error, len(m.all))
	for _, r := range m.all {
		go func() { results <- r.Start(ctx) }()
	}
	return func() (err error) {
		for range m.all {
			err = errors.Join(err, <-results)
		}
		return err
	}
}
