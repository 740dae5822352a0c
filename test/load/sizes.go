package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

// addSettledEvents adds n events that have their outcomes, in a namespace that no manager reads. What the API server pays for
// them is memory and the work of its watch cache, and that of lists.
func (b *bench) addSettledEvents(ctx context.Context, n int) error {
	if n <= 0 {
		return nil
	}
	namespace, err := b.namespace(ctx, "settled")
	if err != nil {
		return err
	}
	objects, err := b.exemplar.settledEvents(namespace, b.next("S"), n)
	if err != nil {
		return err
	}
	if err := b.put(ctx, objects); err != nil {
		return err
	}
	return b.awaitCached(ctx, namespace, &v1alpha1.BillingEventList{}, objects[len(objects)-1].name)
}

// addCustomers adds n customers that have signed up, as a manager would have written them, without their events.
func (b *bench) addCustomers(ctx context.Context, namespace string, n int) ([]*customer, error) {
	prefix := b.next("C")
	var customers []*customer
	var names []string
	for i := range n {
		name := fmt.Sprintf("%sx%08d", prefix, i)
		c := signedUp(name, b.exemplar.signedUp)
		c.take() // they are folded already
		customers, names = append(customers, c), append(names, name)
	}
	objects, err := b.exemplar.customers(namespace, names)
	if err != nil {
		return nil, err
	}
	if err := b.put(ctx, objects); err != nil {
		return nil, err
	}
	return customers, b.awaitCached(ctx, namespace, &v1alpha1.SubscriptionList{}, objects[len(objects)-1].name)
}

// awaitCached waits until the API server's watch cache has the object that was written last.
func (b *bench) awaitCached(ctx context.Context, namespace string, list client.ObjectList, name string) error {
	return wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, 2*time.Minute, true, func(ctx context.Context) (bool, error) {
		// resourceVersion 0 is answered by the cache.
		err := b.plane.Client.List(ctx, list, client.InNamespace(namespace), client.MatchingFields{"metadata.name": name},
			&client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: "0"}})
		return err == nil && apimeta.LenList(list) > 0, err
	})
}

// crowd measures a start and a failover beside many customers, and what each holds of the manager's heap.
func (b *bench) crowd(ctx context.Context, n int) (found figures, err error) {
	found = figures{}
	empty, err := b.heapWithout(ctx)
	if err != nil {
		return nil, err
	}
	if b.crowded == "" {
		if b.crowded, err = b.namespace(ctx, "crowd"); err != nil {
			return nil, err
		}
		if _, err := b.addCustomers(ctx, b.crowded, n); err != nil {
			return nil, err
		}
	}
	if err := b.noteSizes(found); err != nil {
		return nil, err
	}
	first, err := b.startManager(ctx, b.crowded, true)
	if err != nil {
		return nil, err
	}
	defer first.kill()
	found["crowd: start to ready in s"] = time.Since(first.started).Seconds()
	full, err := first.restingHeap(ctx)
	if err != nil {
		return nil, err
	}
	found["crowd: heap a customer in KB"] = (full - empty) / 1000 / float64(n)
	peak, err := first.memory()
	if err != nil {
		return nil, err
	}
	found["crowd: manager's peak memory in MiB"] = peak / (1 << 20)
	return found, b.failover(ctx, first, found)
}

func (b *bench) heapWithout(ctx context.Context) (heap float64, err error) {
	namespace, err := b.namespace(ctx, "empty")
	if err != nil {
		return 0, err
	}
	m, err := b.startManager(ctx, namespace, true)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, m.stop()) }()
	return m.restingHeap(ctx)
}

// failover kills the leader, posts events to the other manager meanwhile, and measures from when that leads.
func (b *bench) failover(ctx context.Context, leader *manager, found figures) (err error) {
	const events = 100
	customers, err := b.addCustomers(ctx, b.crowded, events)
	if err != nil {
		return err
	}
	next, err := b.startManager(ctx, b.crowded, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, next.stop()) }()
	seen, err := b.watch(ctx, b.crowded)
	if err != nil {
		return err
	}
	before, err := b.lease(ctx)
	if err != nil {
		return err
	}
	leader.kill()
	begin := time.Now()
	s := newSender(next.endpoint, len(customers))
	for i, c := range customers {
		c.do(stripetest.ChangeQuantity)
		s.add(i, begin, c.take(), atOnce)
	}
	if err := s.run(ctx, concurrency); err != nil {
		return err
	}
	var leads time.Time
	if err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		now, err := b.lease(ctx)
		if err == nil && *now.Spec.HolderIdentity != *before.Spec.HolderIdentity {
			leads = now.Spec.AcquireTime.Time
		}
		return !leads.IsZero(), err
	}); err != nil {
		return fmt.Errorf("no other manager leads: %w", err)
	}
	if err := b.awaitSettled(ctx, b.crowded); err != nil {
		return err
	}
	since, err := seen.stop()
	if err != nil {
		return err
	}
	var waits []time.Duration
	for _, c := range customers {
		for _, name := range c.objects() {
			waits = append(waits, max(0, since[name].Sub(leads)))
		}
	}
	found["failover: lease in s after the kill"] = leads.Sub(begin).Seconds()
	found["failover: first shown in s after the lease"] = quantile(waits, 0).Seconds()
	found["failover: last shown in s after the lease"] = quantile(waits, 1).Seconds()
	return nil
}

func (b *bench) lease(ctx context.Context) (*coordinationv1.Lease, error) {
	var lease coordinationv1.Lease
	err := b.plane.Client.Get(ctx, client.ObjectKey{Namespace: b.crowded, Name: "leader.billing.tollkeeper.dev"}, &lease)
	if err == nil && (lease.Spec.HolderIdentity == nil || lease.Spec.AcquireTime == nil) {
		err = errors.New("the lease has no holder")
	}
	return &lease, err
}
