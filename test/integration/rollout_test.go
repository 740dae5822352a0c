package integration

import (
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

func (s *service) look(replicas []*replica) {
	var ready []Endpoint
	for _, r := range replicas {
		response, err := http.Get(r.probe)
		if err != nil {
			continue
		}
		_ = response.Body.Close()
		if response.StatusCode == http.StatusOK {
			ready = append(ready, r.endpoint)
		}
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.ready = ready
}

func (s *service) endpoints() []Endpoint {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.ready
}

// The leader is told to end while events come: each is answered 200 by whichever replica is ready, none is lost, and the lease is free
// before the receiver has drained.
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
				c.LeaderElect, c.ReceiverBindAddress, c.HealthProbeBindAddress, c.DrainDelay = true, address, probe, time.Second
			}),
			endpoint: Endpoint{URL: "http://" + address + receiver.Path, Secret: secret}, probe: "http://" + probe + "/readyz",
		})
		o.eventually("the replica is ready, and the first one leads", func() string {
			s := &service{}
			s.look(replicas)
			if o.leaseHolder() == "" || len(s.endpoints()) != len(replicas) {
				return fmt.Sprintf("%q leads, %d replicas are ready", o.leaseHolder(), len(s.endpoints()))
			}
			return ""
		})
	}
	before := o.leaseHolder()

	all := &service{}
	all.look(replicas)
	stop, looked, posted := make(chan struct{}), make(chan struct{}), make(chan int)
	go func() {
		defer close(looked)
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
				all.look(replicas)
			}
		}
	}()
	go func() { posted <- o.postAll(all, stop) }()

	o.moreEvents(10)
	if err := replicas[0].Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := replicas[0].end(); err != nil {
		t.Errorf("the leader ended with an error: %v", err)
	}
	if after := o.leaseHolder(); after == before {
		t.Errorf("%s still holds the lease after it has ended", after)
	}
	o.moreEvents(10)
	close(stop)
	n := <-posted
	<-looked
	if got := len(o.events()); got != n {
		t.Errorf("%d events are acknowledged, %d are recorded", n, got)
	}
	o.settled()
}

// postAll posts one event after the other to the ready replicas in turn, wants each answered 200, and counts them.
func (o *operator) postAll(to *service, stop <-chan struct{}) (posted int) {
	for ; ; posted++ {
		select {
		case <-stop:
			return posted
		default:
		}
		endpoints := to.endpoints()
		if len(endpoints) == 0 {
			o.t.Error("no replica is ready")
			return posted
		}
		e := Event{ID: fmt.Sprintf("evt_%d", posted), Type: "customer.updated", Created: time.Now(), Shape: New,
			Object: Customer("cus_A", fmt.Sprintf("ada+%d@example.com", posted), "Ada")}
		if code, err := endpoints[posted%len(endpoints)].Post(o.t.Context(), e); err != nil || code != http.StatusOK {
			o.t.Errorf("event %d is answered %d, %v", posted, code, err)
			return posted
		}
	}
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
