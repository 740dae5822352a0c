package integration

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
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
	t.Run("faults", func(t *testing.T) {
		for name, spoil := range map[string]fault{
			"the request is lost":       {verdict: apiproxy.LoseRequest},
			"the reply is lost":         {verdict: apiproxy.LoseReply},
			"the process dies before":   {verdict: apiproxy.LoseRequest, kill: true},
			"the process dies after it": {verdict: apiproxy.LoseReply, kill: true},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				k := 1
				for signUpWith(t, world, want, spoil, k) {
					k++
				}
				if k < 20 {
					t.Errorf("a sign-up is %d writes, which are fewer than it takes", k-1)
				}
				t.Logf("%d writes", k-1)
			})
		}
	})
}

// fault is what happens to one write.
type fault struct {
	verdict apiproxy.Verdict
	kill    bool
}

// signUpWith lets a customer sign up while the k-th write is spoiled, and says whether there were as many.
func signUpWith(t *testing.T, world *World, want map[string]any, spoil fault, k int) (reached bool) {
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

	spoiler := &kth{k: int64(k), verdict: spoil.verdict, then: func() {}, hit: make(chan struct{})}
	if spoil.kill {
		spoiler.then = stop
	}
	proxy.WhenLost(spoiler.fire)
	proxy.Spoil(spoiler.judge)
	o := &operator{t: t, namespace: namespace, endpoint: Endpoint{URL: "http://" + address + receiver.Path, Secret: secret}}
	delivered := o.deliver(world.Events())
	again := spoiler.hit
	o.eventually(fmt.Sprintf("write %d: the sign-up is complete", k), func() string {
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
	if diff := cmp.Diff(bothSubjects, subjects(server.Messages())); diff != "" {
		t.Errorf("write %d: messages (-want +got):\n%s", k, diff)
	}
	if got := len(o.events()); got != len(world.Events()) {
		t.Errorf("write %d: %d BillingEvents, want %d", k, got, len(world.Events()))
	}
	return again == nil
}

// kth spoils one write.
type kth struct {
	k       int64
	verdict apiproxy.Verdict
	then    func()
	count   atomic.Int64
	hit     chan struct{} // closed when it is done
}

func (s *kth) judge(r *http.Request) apiproxy.Verdict {
	if !apiproxy.IsWrite(r) || s.count.Add(1) != s.k {
		return apiproxy.Pass
	}
	if s.verdict == apiproxy.LoseRequest {
		s.fire()
	}
	return s.verdict
}

func (s *kth) fire() {
	s.then()
	close(s.hit)
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
		if e.Status.Outcome == v1alpha1.OutcomePending {
			return fmt.Sprintf("%s %s is pending", e.Spec.Type, e.Spec.EventID)
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
