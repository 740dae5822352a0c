package integration

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/app"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/receiver"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

const (
	secret = "whsec_integration"
	// patience is how long one request or connection may take.
	patience = 30 * time.Second
	// patienceForState is how long eventually waits before a test fails: tests that run in parallel share the CPUs.
	patienceForState = 2 * patience
	interval         = 20 * time.Millisecond
)

// defaults returns the configuration of the binary without flags, on free ports.
func defaults(t *testing.T, namespace string) config.Config {
	t.Helper()
	var cfg config.Config
	cfg.Flags(flag.NewFlagSet("manager", flag.ContinueOnError))
	cfg.Namespace = namespace
	if err := cfg.Load(func(name string) string {
		return map[string]string{config.EnvStripeEndpointSecret: secret}[name]
	}); err != nil {
		t.Fatal(err)
	}
	cfg.ReceiverBindAddress, cfg.HealthProbeBindAddress, cfg.MetricsBindAddress = "127.0.0.1:0", "0", "0"
	cfg.DrainDelay, cfg.BatchDelay, cfg.CountInterval = 0, 0, time.Second
	return cfg
}

// oneOfSeveral lets several operators run in one process: otherwise controller-runtime accepts each controller's name only once.
func oneOfSeveral(options *ctrl.Options) { options.Controller.SkipNameValidation = new(true) }

// operator is a running operator with its own namespace.
type operator struct {
	t         *testing.T
	namespace string
	endpoint  stripetest.Endpoint
	stop      func()
}

// start runs an operator in a new namespace until the test ends or stop is called.
func start(t *testing.T, configure ...func(*config.Config)) *operator {
	t.Helper()
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	return startIn(t, namespace, configure...)
}

// startIn is start in an existing namespace.
func startIn(t *testing.T, namespace string, configure ...func(*config.Config)) *operator {
	t.Helper()
	return startAs(t, cluster.Config, namespace, configure...)
}

// startAs is startIn with other rights than those of an administrator.
func startAs(t *testing.T, access *rest.Config, namespace string, configure ...func(*config.Config)) *operator {
	t.Helper()
	cfg := defaults(t, namespace)
	for _, set := range configure {
		set(&cfg)
	}
	a, err := app.New(cfg, access, oneOfSeveral)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	o := &operator{t: t, namespace: namespace}
	stopped := false
	o.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the operator ended with an error: %v", err)
		}
	}
	t.Cleanup(o.stop)
	o.eventually("the receiver listens", func() string {
		if a.ReceiverAddr() == nil {
			return "not listening"
		}
		return ""
	})
	o.endpoint = stripetest.Endpoint{URL: fmt.Sprintf("http://%s%s", a.ReceiverAddr(), receiver.Path), Secret: secret}
	return o
}

// send posts events and expects 200 for each.
func (o *operator) send(events ...stripetest.Event) {
	o.t.Helper()
	for _, e := range events {
		code, err := o.endpoint.Post(o.t.Context(), e)
		if err != nil {
			o.t.Fatalf("post %s %s: %v", e.Type, e.ID, err)
		}
		if code != http.StatusOK {
			o.t.Fatalf("post %s %s: answered %d, want 200", e.Type, e.ID, code)
		}
	}
}

// eventually waits until check returns no problem.
func (o *operator) eventually(what string, check func() string) {
	o.t.Helper()
	last := ""
	err := wait.PollUntilContextTimeout(context.Background(), interval, patienceForState, true, func(context.Context) (bool, error) {
		last = check()
		return last == "", nil
	})
	if err != nil {
		o.t.Fatalf("%s: %s", what, last)
	}
}

// settled waits until no event is pending.
func (o *operator) settled() {
	o.t.Helper()
	o.eventually("every event has an outcome", func() string {
		for _, e := range o.events() {
			if e.Status.Outcome == v1alpha1.OutcomePending {
				return fmt.Sprintf("%s %s is pending", e.Spec.Type, e.Spec.EventID)
			}
		}
		return ""
	})
}

func (o *operator) events() []v1alpha1.BillingEvent {
	o.t.Helper()
	var list v1alpha1.BillingEventList
	if err := cluster.Client.List(context.Background(), &list, client.InNamespace(o.namespace)); err != nil {
		o.t.Fatal(err)
	}
	return list.Items
}

func (o *operator) emails() []v1alpha1.Email {
	o.t.Helper()
	var list v1alpha1.EmailList
	if err := cluster.Client.List(context.Background(), &list, client.InNamespace(o.namespace)); err != nil {
		o.t.Fatal(err)
	}
	return list.Items
}

// get reads an object by its Stripe id. An object that does not exist stays empty.
func (o *operator) get(object client.Object, id string) {
	o.t.Helper()
	key := client.ObjectKey{Namespace: o.namespace, Name: naming.Object("", id)}
	if err := client.IgnoreNotFound(cluster.Client.Get(context.Background(), key, object)); err != nil {
		o.t.Fatal(err)
	}
}

func (o *operator) event(id string) *v1alpha1.BillingEvent {
	o.t.Helper()
	var e v1alpha1.BillingEvent
	o.get(&e, id)
	return &e
}

func (o *operator) customer(id string) *v1alpha1.Customer {
	o.t.Helper()
	var c v1alpha1.Customer
	o.get(&c, id)
	return &c
}

func (o *operator) subscription(id string) *v1alpha1.Subscription {
	o.t.Helper()
	var s v1alpha1.Subscription
	o.get(&s, id)
	return &s
}

// entitled waits for status and reason of the condition Entitled, such as "True SubscriptionActive".
func (o *operator) entitled(customer, want string) {
	o.t.Helper()
	o.eventually("Entitled of "+customer, func() string {
		if got := condition(o.customer(customer).Status.Conditions, v1alpha1.ConditionEntitled); got != want {
			return fmt.Sprintf("is %q, want %q", got, want)
		}
		return ""
	})
}

// condition returns status and reason of a condition, such as "True SubscriptionActive"; empty if there is none.
func condition(conditions []metav1.Condition, kind string) string {
	c := meta.FindStatusCondition(conditions, kind)
	if c == nil {
		return ""
	}
	return string(c.Status) + " " + c.Reason
}
