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

// service is the addresses of the ready replicas, as a Service of Kubernetes has them: a little late.
type service struct {
	mutex sync.Mutex
	ready []Endpoint
}

func (s *service) look(ctx context.Context, replicas []*replica) {
	var ready []Endpoint
	for _, r := range replicas {
		if r.ready(ctx) {
			ready = append(ready, r.endpoint)
		}
	}
	if ctx.Err() != nil {
		return // not looked to the end
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.ready = ready
}

// ready asks its probe, which answers at once or not at all.
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

// The leader is told to end while events come: each is answered 200 by whichever replica is ready, none is lost, and the lease is free
// while the receiver still drains.
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
			s.look(t.Context(), replicas)
			if o.leaseHolder() == "" || len(s.endpoints()) != len(replicas) {
				return fmt.Sprintf("%q leads, %d replicas are ready", o.leaseHolder(), len(s.endpoints()))
			}
			return ""
		})
	}
	before := o.leaseHolder()
	through := startTraffic(t, replicas)

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
		t.Errorf("the leader ended with an error: %v", err)
	}
	o.moreEvents(10)
	n, err := through.end()
	if err != nil {
		t.Error(err)
	}
	if got := len(o.events()); got != n+1 {
		t.Errorf("%d events are acknowledged, %d are recorded", n+1, got)
	}
	o.settled()
}

// endWithin waits until the process has ended by itself, and ends it if that takes too long.
func (r *replica) endWithin(limit time.Duration) error {
	late := time.AfterFunc(limit, func() { _ = r.Process.Kill() })
	err := r.end()
	if !late.Stop() {
		return fmt.Errorf("it had not ended after %s", limit)
	}
	return err
}

// traffic is events that come one after the other, until it is told to end.
type traffic struct {
	stop   func()
	all    sync.WaitGroup
	posted int
	err    error
}

// startTraffic posts to the replicas that a Service takes for ready, until end or the end of the test.
func startTraffic(t *testing.T, replicas []*replica) *traffic {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	through := &traffic{stop: cancel}
	all := &service{}
	all.look(ctx, replicas)
	through.all.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(100 * time.Millisecond):
				all.look(ctx, replicas)
			}
		}
	})
	through.all.Go(func() { through.posted, through.err = postAll(ctx, all) })
	t.Cleanup(func() { _, _ = through.end() })
	return through
}

// end returns how many events were acknowledged, and why it ended before.
func (tr *traffic) end() (posted int, err error) {
	tr.stop()
	tr.all.Wait()
	return tr.posted, tr.err
}

// postAll posts one event after the other to the ready replicas in turn until ctx ends, wants each answered 200, and counts them.
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

// postOne wants 200. What is posted is posted to its end, whatever ends meanwhile: what was not answered could not be counted.
func postOne(to Endpoint, e Event) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	code, err := to.Post(ctx, e)
	if err == nil && code != http.StatusOK {
		err = fmt.Errorf("answered %d, want 200", code)
	}
	return err
}

// leaseHolder is who leads; empty if nobody does.
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

// moreEvents waits until so many more are recorded.
func (o *operator) moreEvents(n int) {
	o.t.Helper()
	before := len(o.events())
	o.eventually("events come in", func() string {
		if came := len(o.events()) - before; came < n {
			return fmt.Sprintf("%d have come, want %d", came, n)
		}
		return ""
	})
}
