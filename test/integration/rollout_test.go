package integration

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// replica is one of several manager processes.
type replica struct {
	*process
	endpoint Endpoint
	probe    string
}

// service holds the addresses of the ready replicas. Like a Kubernetes Service it learns of changes a little late.
type service struct {
	mutex sync.Mutex
	ready []Endpoint
}

// refresh probes the replicas, and replaces the ready ones unless ctx is done meanwhile.
func (s *service) refresh(ctx context.Context, replicas []*replica) {
	var ready []Endpoint
	for _, r := range replicas {
		if r.ready(ctx) {
			ready = append(ready, r.endpoint)
		}
	}
	if ctx.Err() != nil {
		return // the probes may be incomplete
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.ready = ready
}

// ready reports whether the readiness probe succeeds within 2 s.
func (r *replica) ready(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.probe, nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func (s *service) endpoints() []Endpoint {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.ready
}

// The leader receives SIGTERM while events arrive. The ready replicas answer 200 to each event, none is lost, and the
// lease is free while the receiver still drains.
func TestARolloutInterruptsNothing(t *testing.T) {
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	o := &operator{t: t, namespace: namespace}
	var replicas []*replica
	for range 2 {
		address, probe := freeAddress(t), freeAddress(t)
		replicas = append(replicas, &replica{
			process: startProcess(t, namespace, func(c *config.Config) {
				c.LeaderElect, c.ReceiverBindAddress, c.HealthProbeBindAddress, c.DrainDelay = true, address, probe, 5*time.Second
			}),
			endpoint: Endpoint{URL: "http://" + address + receiver.Path, Secret: secret}, probe: "http://" + probe + "/readyz",
		})
		o.eventually("the replica is ready, and the first one leads", func() string {
			s := &service{}
			s.refresh(t.Context(), replicas)
			if o.leaseHolder() == "" || len(s.endpoints()) != len(replicas) {
				return fmt.Sprintf("%q leads, %d replicas are ready", o.leaseHolder(), len(s.endpoints()))
			}
			return ""
		})
	}
	before := o.leaseHolder()
	traffic := startTraffic(t, replicas)

	o.moreEvents(10)
	if err := replicas[0].Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	o.eventually("the lease is free, or another replica has it", func() string {
		if after := o.leaseHolder(); after == before {
			return after + " still holds it"
		}
		return ""
	})
	o.endpoint = replicas[0].endpoint
	o.send(Event{ID: "evt_late", Type: "customer.updated", Created: time.Now(), Shape: New,
		Object: Customer("cus_A", "late@example.com", "Ada")})
	if err := replicas[0].endWithin(patience); err != nil {
		t.Errorf("the leader exited with an error: %v", err)
	}
	o.moreEvents(10)
	n, err := traffic.end()
	if err != nil {
		t.Error(err)
	}
	if got := len(o.events()); got != n+1 {
		t.Errorf("%d events are acknowledged, but %d are recorded", n+1, got)
	}
	o.settled()
}

// endWithin waits until the process exits by itself, and kills it after the limit.
func (r *replica) endWithin(limit time.Duration) error {
	late := time.AfterFunc(limit, func() { _ = r.Process.Kill() })
	err := r.end()
	if !late.Stop() {
		return fmt.Errorf("it did not exit within %s", limit)
	}
	return err
}

// traffic posts events one after the other until end is called.
type traffic struct {
	stop   func()
	all    sync.WaitGroup
	posted int
	err    error
}

// startTraffic starts to post events to the replicas that a Service would consider ready.
func startTraffic(t *testing.T, replicas []*replica) *traffic {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	started := &traffic{stop: cancel}
	all := &service{}
	all.refresh(ctx, replicas)
	started.all.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(100 * time.Millisecond):
				all.refresh(ctx, replicas)
			}
		}
	})
	started.all.Go(func() { started.posted, started.err = postAll(ctx, all) })
	t.Cleanup(func() { _, _ = started.end() })
	return started
}

// end stops the traffic. It returns the number of acknowledged events, and the error that stopped the traffic early, if
// any.
func (tr *traffic) end() (posted int, err error) {
	tr.stop()
	tr.all.Wait()
	return tr.posted, tr.err
}

// postAll posts events one after the other to the ready replicas in turn until ctx is done, and counts them. It expects
// 200 for each.
func postAll(ctx context.Context, to *service) (posted int, err error) {
	for ; ctx.Err() == nil; posted++ {
		endpoints := to.endpoints()
		if len(endpoints) == 0 {
			return posted, errors.New("no replica is ready")
		}
		e := Event{ID: fmt.Sprintf("evt_%d", posted), Type: "customer.updated", Created: time.Now(), Shape: New,
			Object: Customer("cus_A", fmt.Sprintf("ada+%d@example.com", posted), "Ada")}
		if err := postOne(endpoints[posted%len(endpoints)], e); err != nil {
			return posted, fmt.Errorf("event %d: %w", posted, err)
		}
	}
	return posted, nil
}

// postOne posts an event and expects 200. It has its own context: an interrupted request could not be counted.
func postOne(to Endpoint, e Event) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	code, err := to.Post(ctx, e)
	if err == nil && code != http.StatusOK {
		err = fmt.Errorf("answered %d, want 200", code)
	}
	return err
}

// leaseHolder returns the identity of the leader; empty if there is none.
func (o *operator) leaseHolder() string {
	o.t.Helper()
	var leases coordinationv1.LeaseList
	if err := cluster.Client.List(o.t.Context(), &leases, client.InNamespace(o.namespace)); err != nil {
		o.t.Fatal(err)
	}
	if len(leases.Items) == 0 || leases.Items[0].Spec.HolderIdentity == nil {
		return ""
	}
	return *leases.Items[0].Spec.HolderIdentity
}

// moreEvents waits until n more events are recorded.
func (o *operator) moreEvents(n int) {
	o.t.Helper()
	before := len(o.events())
	o.eventually("events are recorded", func() string {
		if recorded := len(o.events()) - before; recorded < n {
			return fmt.Sprintf("%d so far, want %d", recorded, n)
		}
		return ""
	})
}
