package integration

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/controller/retry"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
	"github.com/tollkeeper/tollkeeper/internal/testutil/apiproxy"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// writes are the kinds of writes that a sign-up needs.
var writes = []string{
	"POST billingevents", "POST customers", "POST emails", "POST passwordresets", "POST subscriptions",
	"PUT billingevents/status", "PUT customers/status", "PUT emails/status", "PUT passwordresets", "PUT subscriptions/status",
}

// For each write of a sign-up, the request is lost, its reply is lost, the process is killed before it, or after it.
// The final state is always that of an undisturbed sign-up.
func TestEveryWriteOfASignUp(t *testing.T) {
	t.Parallel()
	world := NewWorld(time.Now().Add(-time.Minute), New, 1)
	world.Do(SignUp)
	undisturbed := start(t)
	undisturbed.send(world.Events()...)
	undisturbed.settled()
	want := undisturbed.finalStatuses(world)
	undisturbed.stop()

	all := signUpWith(t, world, want, fault{})
	if diff := cmp.Diff(writes, slices.Sorted(maps.Keys(all))); diff != "" {
		t.Fatalf("writes of a sign-up (-want +got):\n%s", diff)
	}
	t.Logf("%v", all)
	t.Run("faults", func(t *testing.T) {
		for name, f := range map[string]fault{
			"the request is lost":          {verdict: apiproxy.LoseRequest},
			"the reply is lost":            {verdict: apiproxy.LoseReply},
			"the process is killed before": {verdict: apiproxy.LoseRequest, kill: true},
			"the process is killed after":  {verdict: apiproxy.LoseReply, kill: true},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				for write, n := range all {
					for k := range n {
						f.write, f.k = write, k+1
						signUpWith(t, world, want, f)
					}
				}
			})
		}
	})
}

// fault is a fault of one write: the k-th of its kind.
type fault struct {
	verdict apiproxy.Verdict
	kill    bool
	write   string
	k       int
}

func (f fault) String() string { return fmt.Sprintf("%s, number %d", f.write, f.k) }

// signUpWith runs a sign-up with a fault, checks the final state, and returns the numbers of writes.
func signUpWith(t *testing.T, world *World, want map[string]any, f fault) (writes map[string]int) {
	t.Helper()
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	server, withMailgun := mailgun(t)
	proxy, err := apiproxy.New(cluster.Config)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	address := freeAddress(t)
	run := func() (stop func()) {
		configure := func(c *config.Config) { c.ReceiverBindAddress, c.MailSettle = address, time.Second }
		if !f.kill {
			return startAs(t, proxy.Config(), namespace, withMailgun, configure).stop
		}
		access, err := proxy.Kubeconfig()
		if err != nil {
			t.Fatal(err)
		}
		return startProcessWith(t, access, namespace, withMailgun, configure).kill
	}
	stop := run()
	defer func() { stop() }()
	o := &operator{t: t, namespace: namespace, endpoint: Endpoint{URL: "http://" + address + receiver.Path, Secret: secret}}
	o.eventually("the operator has noted what it applies, a write of its start", func() string {
		key := client.ObjectKey{Namespace: namespace, Name: retry.ConfigMapName}
		if err := cluster.Client.Get(t.Context(), key, &corev1.ConfigMap{}); err != nil {
			return err.Error()
		}
		return ""
	})

	injector := &faultInjector{fault: f, onHit: func() {}, counts: map[string]int{}, hit: make(chan struct{})}
	if f.kill {
		injector.onHit = stop
	}
	proxy.WhenLost(injector.fire)
	proxy.Spoil(injector.decide)
	delivered := o.deliver(world.Events())
	hit := injector.hit
	o.eventually(fmt.Sprintf("%s: the sign-up is complete", f), func() string {
		select {
		case <-hit:
			hit = nil
			if f.kill {
				stop = run()
			}
		default:
		}
		return o.incomplete(delivered, world, want)
	})
	if hit != nil && (f.k == 1 || strings.HasPrefix(f.write, "POST")) { // the number of status writes depends on how the events are batched
		t.Errorf("%s: no such write occurred", f)
	}
	stop()
	if problem := o.incomplete(delivered, world, want); problem != "" {
		t.Errorf("%s: after the stop: %s", f, problem)
	}
	if diff := cmp.Diff(bothSubjects, subjects(server.Messages())); diff != "" {
		t.Errorf("%s: messages (-want +got):\n%s", f, diff)
	}
	if got := len(o.events()); got != len(world.Events()) {
		t.Errorf("%s: %d BillingEvents, want %d", f, got, len(world.Events()))
	}
	injector.mutex.Lock()
	defer injector.mutex.Unlock()
	return maps.Clone(injector.counts)
}

// faultInjector injects a fault, and counts all writes.
type faultInjector struct {
	fault
	onHit  func()
	hit    chan struct{} // closed once the fault has occurred
	mutex  sync.Mutex
	counts map[string]int
}

func (i *faultInjector) decide(r *http.Request) apiproxy.Verdict {
	if !apiproxy.IsWrite(r) || r.URL.Query().Has("dryRun") || i.count(writeOf(r)) != i.k || writeOf(r) != i.write {
		return apiproxy.Pass
	}
	if i.verdict == apiproxy.LoseRequest {
		i.fire()
	}
	return i.verdict
}

func (i *faultInjector) count(write string) int {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.counts[write]++
	return i.counts[write]
}

func (i *faultInjector) fire() {
	i.onHit()
	close(i.hit)
}

// writeOf returns method and resource of a write, such as "PUT customers/status".
func writeOf(r *http.Request) string {
	_, path, _ := strings.Cut(r.URL.Path, "/namespaces/")
	parts := strings.Split(path, "/") // namespace, resource, name, subresource
	if len(parts) > 3 {
		return r.Method + " " + parts[1] + "/" + parts[3]
	}
	return r.Method + " " + parts[1]
}

// deliver posts events as Stripe does: concurrently, and each until the answer is 200. The channel is closed when all
// are acknowledged.
func (o *operator) deliver(events []Event) (done <-chan struct{}) {
	var all sync.WaitGroup
	for _, e := range events {
		all.Go(func() {
			_ = wait.PollUntilContextCancel(o.t.Context(), interval, true, func(ctx context.Context) (bool, error) {
				code, err := o.endpoint.Post(ctx, e)
				return err == nil && code == http.StatusOK, nil
			})
		})
	}
	acknowledged := make(chan struct{})
	go func() { all.Wait(); close(acknowledged) }()
	return acknowledged
}

// incomplete returns what the sign-up still lacks; empty if it is complete.
func (o *operator) incomplete(delivered <-chan struct{}, world *World, want map[string]any) string {
	select {
	case <-delivered:
	default:
		return "not every event was answered 200"
	}
	for _, e := range o.events() {
		if e.Status.Outcome == v1alpha1.OutcomePending || e.Status.Outcome == v1alpha1.OutcomeFailed {
			return fmt.Sprintf("%s %s is %q", e.Spec.Type, e.Spec.EventID, e.Status.Outcome)
		}
	}
	emails := o.emails()
	if len(emails) != 2 {
		return fmt.Sprintf("%d Emails", len(emails))
	}
	for _, email := range emails {
		if got := condition(email.Status.Conditions, v1alpha1.ConditionSent); got != "True Accepted" {
			return fmt.Sprintf("Sent of %s is %q", email.Spec.Purpose, got)
		}
	}
	if diff := cmp.Diff(want, o.finalStatuses(world), ignoreProcessing); diff != "" {
		return "statuses (-undisturbed +got):\n" + diff
	}
	return ""
}
