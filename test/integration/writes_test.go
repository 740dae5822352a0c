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
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
	"github.com/tollkeeper/tollkeeper/internal/testutil/apiproxy"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// writes are those that a sign-up takes.
var writes = []string{
	"POST billingevents", "POST customers", "POST emails", "POST secrets", "POST subscriptions",
	"PUT billingevents/status", "PUT customers/status", "PUT emails/status", "PUT subscriptions/status",
}

// Whichever write of a sign-up is lost on its way there or its reply on the way back, and whenever the process is killed before or after
// one: in the end everything is as if nothing had been.
func TestEveryWriteOfASignUp(t *testing.T) {
	world := NewWorld(time.Now().Add(-time.Minute), New, 1)
	world.Do(SignUp)
	undisturbed := start(t)
	undisturbed.send(world.Events()...)
	undisturbed.settled()
	want := undisturbed.ends(world)
	undisturbed.stop()

	all := signUpWith(t, world, want, fault{})
	if diff := cmp.Diff(writes, slices.Sorted(maps.Keys(all))); diff != "" {
		t.Fatalf("writes of a sign-up (-want +got):\n%s", diff)
	}
	t.Logf("%v", all)
	t.Run("faults", func(t *testing.T) {
		for name, spoil := range map[string]fault{
			"the request is lost":       {verdict: apiproxy.LoseRequest},
			"the reply is lost":         {verdict: apiproxy.LoseReply},
			"the process dies before":   {verdict: apiproxy.LoseRequest, kill: true},
			"the process dies after it": {verdict: apiproxy.LoseReply, kill: true},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				for write, n := range all {
					for k := range n {
						spoil.write, spoil.k = write, k+1
						signUpWith(t, world, want, spoil)
					}
				}
			})
		}
	})
}

// fault is what happens to one write: the k-th of its kind.
type fault struct {
	verdict apiproxy.Verdict
	kill    bool
	write   string
	k       int
}

func (f fault) String() string { return fmt.Sprintf("%s, number %d", f.write, f.k) }

// signUpWith lets a customer sign up while a write is spoiled, and counts the writes.
func signUpWith(t *testing.T, world *World, want map[string]any, spoil fault) (writes map[string]int) {
	t.Helper()
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	server, send := mailgun(t)
	proxy, err := apiproxy.New(cluster.Config)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	address := freeAddress(t)
	run := func() (stop func()) {
		configure := func(c *config.Config) { c.ReceiverBindAddress, c.MailSettle = address, time.Second }
		if !spoil.kill {
			return startAs(t, proxy.Config(), namespace, send, configure).stop
		}
		access, err := proxy.Kubeconfig()
		if err != nil {
			t.Fatal(err)
		}
		return startProcessWith(t, access, namespace, send, configure).kill
	}
	stop := run()
	defer func() { stop() }()

	spoiler := &spoiler{fault: spoil, then: func() {}, counts: map[string]int{}, hit: make(chan struct{})}
	if spoil.kill {
		spoiler.then = stop
	}
	proxy.WhenLost(spoiler.fire)
	proxy.Spoil(spoiler.judge)
	o := &operator{t: t, namespace: namespace, endpoint: Endpoint{URL: "http://" + address + receiver.Path, Secret: secret}}
	delivered := o.deliver(world.Events())
	again := spoiler.hit
	o.eventually(fmt.Sprintf("%s: the sign-up is complete", spoil), func() string {
		select {
		case <-again:
			again = nil
			if spoil.kill {
				stop = run()
			}
		default:
		}
		return o.incomplete(delivered, world, want)
	})
	if again != nil && (spoil.k == 1 || strings.HasPrefix(spoil.write, "POST")) { // how often a status is written depends on what comes together
		t.Errorf("%s: there was none", spoil)
	}
	stop()
	if problem := o.incomplete(delivered, world, want); problem != "" {
		t.Errorf("%s: when all is over: %s", spoil, problem)
	}
	if diff := cmp.Diff(bothSubjects, subjects(server.Messages())); diff != "" {
		t.Errorf("%s: messages (-want +got):\n%s", spoil, diff)
	}
	if got := len(o.events()); got != len(world.Events()) {
		t.Errorf("%s: %d BillingEvents, want %d", spoil, got, len(world.Events()))
	}
	spoiler.mutex.Lock()
	defer spoiler.mutex.Unlock()
	return maps.Clone(spoiler.counts)
}

// spoiler spoils one write, and counts all.
type spoiler struct {
	fault
	then   func()
	hit    chan struct{} // closed when it is done
	mutex  sync.Mutex
	counts map[string]int
}

func (s *spoiler) judge(r *http.Request) apiproxy.Verdict {
	if !apiproxy.IsWrite(r) || r.URL.Query().Has("dryRun") || s.count(writeOf(r)) != s.k || writeOf(r) != s.write {
		return apiproxy.Pass
	}
	if s.verdict == apiproxy.LoseRequest {
		s.fire()
	}
	return s.verdict
}

func (s *spoiler) count(write string) int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.counts[write]++
	return s.counts[write]
}

func (s *spoiler) fire() {
	s.then()
	close(s.hit)
}

// writeOf is the method and the resource of a write, such as "PUT customers/status".
func writeOf(r *http.Request) string {
	_, path, _ := strings.Cut(r.URL.Path, "/namespaces/")
	parts := strings.Split(path, "/") // namespace, resource, name, subresource
	if len(parts) > 3 {
		return r.Method + " " + parts[1] + "/" + parts[3]
	}
	return r.Method + " " + parts[1]
}

// deliver posts events as Stripe does: all at once, and each until it is answered 200.
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
	over := make(chan struct{})
	go func() { all.Wait(); close(over) }()
	return over
}

// incomplete says what a sign-up still lacks.
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
	if diff := cmp.Diff(want, o.ends(world), ignoreProcessing); diff != "" {
		return "statuses (-undisturbed +got):\n" + diff
	}
	return ""
}
