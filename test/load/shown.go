package main

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// viewer watches the Customers and Subscriptions of a namespace as a tenant controller does. It knows since when each
// object has had its present status. After the load, that is when the result was shown.
type viewer struct {
	cancel context.CancelFunc
	seed   maphash.Seed
	ended  sync.WaitGroup

	mutex sync.Mutex
	since map[string]time.Time
	hash  map[string]uint64
	err   error
}

func (b *bench) watch(ctx context.Context, namespace string) (*viewer, error) {
	ctx, cancel := context.WithCancel(ctx)
	v := &viewer{cancel: cancel, seed: maphash.MakeSeed(), since: map[string]time.Time{}, hash: map[string]uint64{}}
	for _, list := range []client.ObjectList{&v1alpha1.CustomerList{}, &v1alpha1.SubscriptionList{}} {
		watching, err := b.plane.Client.Watch(ctx, list, client.InNamespace(namespace))
		if err != nil {
			cancel()
			return nil, err
		}
		v.ended.Go(func() { b.follow(ctx, v, watching, list, namespace) })
	}
	return v, nil
}

// follow sees what a watch reports until ctx ends. The API server ends watches that fall behind, as it may under load: then
// follow watches again. A new watch begins with all objects, of which those that have not changed are seen before.
func (b *bench) follow(ctx context.Context, v *viewer, watching watch.Interface, list client.ObjectList, namespace string) {
	for {
		for event := range watching.ResultChan() {
			v.see(event, time.Now())
		}
		watching.Stop()
		if ctx.Err() != nil {
			return
		}
		var err error
		if watching, err = b.plane.Client.Watch(ctx, list, client.InNamespace(namespace)); err != nil {
			if ctx.Err() == nil {
				v.fail(fmt.Errorf("watch again: %w", err))
			}
			return
		}
	}
}

func (v *viewer) see(event watch.Event, at time.Time) {
	var status any
	name := ""
	switch o := event.Object.(type) {
	case *v1alpha1.Customer:
		status, name = o.Status, o.Name
	case *v1alpha1.Subscription:
		status, name = o.Status, o.Name
	case *metav1.Status:
		return // the watch has ended
	default:
		v.fail(fmt.Errorf("a watch reported %T", o))
		return
	}
	text, err := json.Marshal(status)
	if err != nil {
		v.fail(err)
		return
	}
	hash := maphash.Bytes(v.seed, text)
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if v.hash[name] != hash {
		v.hash[name], v.since[name] = hash, at
	}
}

func (v *viewer) fail(err error) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if v.err == nil {
		v.err = err
	}
}

// stop ends the watches, and returns since when each object has its present status.
func (v *viewer) stop() (map[string]time.Time, error) {
	v.mutex.Lock()
	err := v.err
	v.mutex.Unlock()
	v.cancel()
	v.ended.Wait()
	return v.since, err
}

// awaitSettled waits until every event of the namespace has its outcome.
func (b *bench) awaitSettled(ctx context.Context, namespace string) error {
	return wait.PollUntilContextTimeout(ctx, 500*time.Millisecond, 15*time.Minute, true, func(ctx context.Context) (bool, error) {
		var pending v1alpha1.BillingEventList
		err := b.plane.Client.List(ctx, &pending, client.InNamespace(namespace), client.Limit(1),
			client.MatchingFields{v1alpha1.FieldOutcome: string(v1alpha1.OutcomePending)})
		return err == nil && len(pending.Items) == 0, err
	})
}
