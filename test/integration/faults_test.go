package integration

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlcluster "sigs.k8s.io/controller-runtime/pkg/cluster"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/app"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/controller/backlog"
	conditions "github.com/tollkeeper/tollkeeper/internal/controller/condition"
	"github.com/tollkeeper/tollkeeper/internal/controller/customer"
	"github.com/tollkeeper/tollkeeper/internal/controller/ended"
	"github.com/tollkeeper/tollkeeper/internal/controller/readings"
	"github.com/tollkeeper/tollkeeper/internal/controller/retry"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/controller/unlinked"
	"github.com/tollkeeper/tollkeeper/internal/crdschema"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/panics"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/testutil/apiproxy"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// forbid has the API server refuse objects of a resource in the operator's namespace for which the CEL expression is false. It returns
// what lifts that.
func (o *operator) forbid(resource, allowed string) (lift func()) {
	o.t.Helper()
	name := o.namespace + "-" + strings.ReplaceAll(resource, "/", "-")
	policy := &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			FailurePolicy: new(admissionv1.Fail),
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{
				RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
					Rule: admissionv1.Rule{
						APIGroups: []string{v1alpha1.GroupVersion.Group}, APIVersions: []string{"*"}, Resources: []string{resource},
					},
				},
			}}},
			Validations: []admissionv1.Validation{{Expression: allowed, Message: "ada@example.com is not wanted here"}},
		},
	}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			MatchResources: &admissionv1.MatchResources{NamespaceSelector: &metav1.LabelSelector{
				MatchLabels: map[string]string{"kubernetes.io/metadata.name": o.namespace},
			}},
		},
	}
	lift = func() {
		_ = cluster.Client.Delete(context.Background(), binding)
		_ = cluster.Client.Delete(context.Background(), policy)
	}
	o.t.Cleanup(lift)
	if err := cluster.Client.Create(o.t.Context(), policy); err != nil {
		o.t.Fatal(err)
	}
	if err := cluster.Client.Create(o.t.Context(), binding); err != nil {
		o.t.Fatal(err)
	}
	return lift
}

// inForce waits until a policy refuses the write.
func (o *operator) inForce(write func() error) {
	o.t.Helper()
	o.eventually("the policy is in force", func() string {
		if err := write(); !apierrors.IsInvalid(err) {
			return fmt.Sprintf("the write is answered: %v", err)
		}
		return ""
	})
}

// triedAgain waits until what startCounting counts was requested eight times.
func (o *operator) triedAgain(asked *atomic.Int64) {
	o.t.Helper()
	o.eventually("it is tried again and again", func() string {
		if n := asked.Load(); n < 8 {
			return fmt.Sprintf("%d requests", n)
		}
		return ""
	})
}

// waitsWithoutFault checks that an event is pending, and that no failure was attributed to it.
func (o *operator) waitsWithoutFault(id string) {
	o.t.Helper()
	if e := o.event(id); e.Status.Outcome != v1alpha1.OutcomePending || e.Status.Attempts != 0 {
		o.t.Errorf("%s is %+v", id, e.Status)
	}
}

// outcome waits for what becomes of an event.
func (o *operator) outcome(id string, want v1alpha1.Outcome) *v1alpha1.BillingEvent {
	o.t.Helper()
	var e *v1alpha1.BillingEvent
	o.eventually(fmt.Sprintf("outcome %q of %s", want, id), func() string {
		if e = o.event(id); e.Status.Outcome != want || e.UID == "" {
			return fmt.Sprintf("is %q after %d attempts: %s", e.Status.Outcome, e.Status.Attempts, e.Status.Message)
		}
		return ""
	})
	return e
}

// An event that the fold panics on, or whose status the schema refuses, is at fault. It is tried again, ends Failed, and holds up no other
// event of the customer. A person has it tried again; once the operator is mended it is applied.
func TestAnEventAtFault(t *testing.T) {
	for name, tc := range map[string]struct {
		effect  projection.Effect
		message func(customer string) string
	}{
		"the fold panics": {
			func(_ *projection.Aggregate, e *projection.Event) bool { return e.Invoice.ID == "" }, // it has none
			func(string) string {
				return conditions.Sentence(panics.Catch(func() error { var e projection.Event; return errors.New(e.Invoice.ID) }))
			},
		},
		"the schema refuses the customer's status": {
			func(a *projection.Aggregate, _ *projection.Event) bool {
				a.Customer.Name = strings.Repeat("x", 10_000)
				return true
			},
			func(customer string) string {
				return fmt.Sprintf("Status of Customer %s: the schema of its CRD refuses it because these fields are invalid: status.name.", customer)
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := start(t, func(c *config.Config) { c.Components.Controllers = false })
			world := NewWorld(time.Now().Add(-time.Hour), New, 1)
			world.Do(SignUp)
			world.Advance(time.Minute)
			world.Do(ChangeEmail)
			customer, bad := world.Objects("customer")[0].ID(), world.Events()[len(world.Events())-1].ID
			var mended atomic.Bool
			o.runControllers(func(e *projection.Event) projection.Change {
				change := events.Change(e)
				if e.EventID == bad && !mended.Load() {
					change.Effects = []projection.Effect{tc.effect}
				}
				return change
			})
			o.send(world.Events()...)
			e := o.outcome(bad, v1alpha1.OutcomeFailed)
			if want := tc.message(naming.Object("", customer)); e.Status.Message != want || e.Status.Attempts != 2 || e.Status.RetryAt != nil {
				t.Errorf("after %d attempts, again at %v: %q, want %q after 2", e.Status.Attempts, e.Status.RetryAt, e.Status.Message, want)
			}
			if got := condition(e.Status.Conditions, v1alpha1.ConditionProcessed); got != "False Failed" {
				t.Errorf("Processed is %s", got)
			}
			o.settled()
			o.entitled(customer, "True SubscriptionActive")
			if got := o.customer(customer).Status.Email; got != "ada@example.com" {
				t.Errorf("the customer's address is %s, want the one before", got)
			}
			o.eventually("the count of failed events", func() string {
				if n := gauge(t, metrics.EventsFailed); n != 1 {
					return fmt.Sprintf("is %v", n)
				}
				return ""
			})
			o.retryTooEarly(e)

			mended.Store(true)
			o.annotate(o.event(bad), v1alpha1.AnnotationRetry, "now")
			e = o.outcome(bad, v1alpha1.OutcomeApplied)
			if got := condition(e.Status.Conditions, v1alpha1.ConditionProcessed); got != "True Applied" || e.Status.Message != "" {
				t.Errorf("after the retry: %s %q", got, e.Status.Message)
			}
			if got, want := o.customer(customer).Status.Email, world.Object(customer)["email"]; got != want {
				t.Errorf("after the retry the customer's address is %s, want %s", got, want)
			}
		})
	}
}

// retryTooEarly retries an event whose fault remains: it has all its attempts again, and fails again, once for one annotation.
func (o *operator) retryTooEarly(e *v1alpha1.BillingEvent) {
	o.t.Helper()
	o.annotate(e, v1alpha1.AnnotationRetry, "too early")
	o.eventually("the retry fails, too", func() string {
		if e = o.event(e.Spec.EventID); e.Status.Retried != "too early" || e.Status.Outcome != v1alpha1.OutcomeFailed || e.Status.Attempts != 2 {
			return fmt.Sprintf("is %q after %d attempts, retried for %q", e.Status.Outcome, e.Status.Attempts, e.Status.Retried)
		}
		return ""
	})
	o.annotate(o.customerOf(e), "example.com/nudge", "1")
	o.eventually("the customer is reconciled", func() string {
		if c := o.customerOf(e); c.Annotations["example.com/nudge"] == "" {
			return "the annotation is not there"
		}
		return ""
	})
	if now := o.event(e.Spec.EventID); now.ResourceVersion != e.ResourceVersion {
		o.t.Errorf("one annotation retries the event more than once: %+v", now.Status)
	}
}

func (o *operator) customerOf(e *v1alpha1.BillingEvent) *v1alpha1.Customer {
	o.t.Helper()
	return o.customer(e.CustomerID())
}

// runControllers runs the controllers that handle events, with effects of the caller's making.
func (o *operator) runControllers(change func(*projection.Event) projection.Change) {
	o.t.Helper()
	manager, options := o.newManager()
	failed, err := ctrlcluster.New(cluster.Config, func(c *ctrlcluster.Options) {
		c.Scheme, c.Cache = options.Scheme, options.Cache
		c.Cache.ByObject = map[client.Object]cache.ByObject{
			&v1alpha1.BillingEvent{}: {Field: fields.OneTermEqualSelector(v1alpha1.FieldOutcome, string(v1alpha1.OutcomeFailed))},
		}
	})
	if err != nil {
		o.t.Fatal(err)
	}
	schemas, err := crdschema.Load()
	if err != nil {
		o.t.Fatal(err)
	}
	c := manager.GetClient()
	for _, err := range []error{
		routing.AddIndexes(o.t.Context(), manager.GetFieldIndexer(), routing.Scope{}),
		routing.AddFailedIndex(o.t.Context(), failed.GetFieldIndexer()),
		manager.Add(failed),
		manager.Add(&backlog.Counter{Pending: c, Failed: failed.GetCache(), Clock: clock.RealClock{}, Interval: interval}),
		(&retry.Reconciler{Failed: failed.GetCache(), Client: c, Clock: clock.RealClock{}}).SetupWithManager(manager, controller.Options{}),
		(&unlinked.Reconciler{
			Client: c, Reader: manager.GetAPIReader(), Clock: clock.RealClock{}, LinkTimeout: time.Hour,
		}).SetupWithManager(manager, controller.Options{}),
		(&customer.Reconciler{
			Client: c, Reader: manager.GetAPIReader(), Clock: clock.RealClock{}, Change: change, EventAttempts: 2, Schemas: schemas,
			Recorder: manager.GetEventRecorder("test"), Readings: readings.NewMailbox(), Failed: failed.GetCache(),
			Ended: ended.New(nil, nil, nil, logr.Discard()), // not listed: every customer may have ended events
		}).SetupWithManager(manager, controller.Options{}),
	} {
		if err != nil {
			o.t.Fatal(err)
		}
	}
	runManager(o.t, manager)
}

// newManager makes a manager without controllers, and returns its options.
func (o *operator) newManager() (ctrl.Manager, ctrl.Options) {
	o.t.Helper()
	options := ctrl.Options{
		Scheme: app.Scheme(), Metrics: metricsserver.Options{BindAddress: "0"},
		Cache: cache.Options{DefaultNamespaces: map[string]cache.Config{o.namespace: {}}},
	}
	oneOfSeveral(&options)
	manager, err := ctrl.NewManager(cluster.Config, options)
	if err != nil {
		o.t.Fatal(err)
	}
	return manager, options
}

// runManager starts the manager, and stops it at the end of the test.
func runManager(t *testing.T, manager ctrl.Manager) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- manager.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A policy refuses what one of several events changes of the customer. That is no fault of the event: it waits without end and the
// others are applied. What it changes of the subscription, which nothing refuses, is not kept without the customer, and no value is
// repeated in a message or the log. Once the policy is gone, the event is applied without anyone's help.
func TestTheOthersGoOnMeanwhile(t *testing.T) {
	t.Parallel()
	o := start(t, func(c *config.Config) { c.Components.Controllers = false })
	controllers := func(c *config.Config) {
		c.Components.Receiver, c.Stripe.EndpointSecrets, c.EventAttempts = false, nil, 2
	}
	world := NewWorld(time.Now().Add(-time.Hour), New, 1)
	world.Do(SignUp)
	o.send(world.Events()...)
	manager := startProcess(t, o.namespace, controllers)
	o.settled()
	manager.kill()
	customer, sub := world.Objects("customer")[0].ID(), world.Objects("subscription")[0].ID()

	lift := o.forbid("customers/status", "!has(object.status.plan) || object.status.plan != 'max-monthly'")
	o.inForce(func() error {
		c := o.customer(customer)
		c.Status.Plan = "max-monthly"
		return cluster.Client.Status().Update(t.Context(), c, client.DryRunAll)
	})
	seen := len(world.Events())
	for _, op := range []Op{ChangeEmail, ChangePlan, ChangeEmail, SetUpMethod, ChangeEmail} {
		world.Advance(time.Minute)
		world.Do(op)
	}
	refused := ""
	for _, e := range world.Events()[seen:] {
		if e.Type == "customer.subscription.updated" {
			refused = e.ID
		}
	}
	o.send(world.Events()[seen:]...)

	manager = startProcess(t, o.namespace, controllers)
	want := fmt.Sprintf("Write status of Customer %s: the API server refused it because ValidatingAdmissionPolicy '%s-customers-status' denied it.",
		naming.Object("", customer), o.namespace)
	o.eventually("every event but one has an outcome, and the one says why it waits", func() string {
		for _, e := range o.events() {
			status := e.Status
			if e.Spec.EventID == refused {
				if condition(status.Conditions, v1alpha1.ConditionProcessed) != "False WriteRejected" || status.Message != want {
					return fmt.Sprintf("the one is %+v, want %q", status, want)
				}
			} else if status.Outcome != v1alpha1.OutcomeApplied && status.Outcome != v1alpha1.OutcomeSuperseded {
				return fmt.Sprintf("%s %s is %q: %s", e.Spec.Type, e.Spec.EventID, status.Outcome, status.Message)
			}
		}
		return ""
	})
	if status := o.event(refused).Status; status.Outcome != v1alpha1.OutcomePending || status.Attempts != 0 {
		t.Errorf("the one is %q after %d attempts", status.Outcome, status.Attempts)
	}
	if got, want := o.customer(customer).Status.Email, world.Object(customer)["email"]; got != want {
		t.Errorf("the customer's address is %s, want %s", got, want)
	}
	o.eventually("the subscription's plan is the one before", func() string { // it is written first, and written back
		if got := o.subscription(sub).Status.Items[0].LookupKey; got != LookupKey {
			return "is " + got
		}
		return ""
	})
	lift()
	o.outcome(refused, v1alpha1.OutcomeApplied)
	if got := o.customer(customer).Status.Plan; got != "max-monthly" {
		t.Errorf("the customer's plan is %s in the end", got)
	}
	if got := o.subscription(sub).Status.Items[0].LookupKey; got != "max-monthly" {
		t.Errorf("the subscription's plan is %s in the end", got)
	}
	manager.kill()
	if log := manager.log.String(); !strings.Contains(log, "writing the events one by one") || strings.Contains(log, "ada@") {
		t.Errorf("the log does not report the refusal, or repeats a value:\n%s", log)
	}
}

// While a policy refuses a customer, its subscription, which nothing refuses, is not written and written back at each retry. A process that
// was killed in between has left the refused change in the subscription: the others go on all the same.
func TestARefusedCustomerLeavesItsSubscriptionAlone(t *testing.T) {
	t.Parallel()
	proxy, err := apiproxy.New(cluster.Config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	var subscriptions, questions atomic.Int64
	proxy.Spoil(func(r *http.Request) apiproxy.Verdict {
		switch isStatus := apiproxy.IsWrite(r) && strings.HasSuffix(r.URL.Path, "/status"); {
		case isStatus && strings.Contains(r.URL.Path, "/subscriptions/"):
			subscriptions.Add(1)
		case isStatus && strings.Contains(r.URL.Path, "/customers/") && r.URL.Query().Has("dryRun"):
			questions.Add(1)
		}
		return apiproxy.Pass
	})
	o := startAs(t, proxy.Config(), namespace)
	world := NewWorld(time.Now().Add(-time.Hour), New, 1)
	world.Do(SignUp)
	o.send(world.Events()...)
	o.settled()
	customer, sub := world.Objects("customer")[0].ID(), world.Objects("subscription")[0].ID()
	o.forbid("customers/status", "!has(object.status.plan) || object.status.plan != 'max-monthly'")
	o.inForce(func() error {
		c := o.customer(customer)
		c.Status.Plan = "max-monthly"
		return cluster.Client.Status().Update(t.Context(), c, client.DryRunAll)
	})
	seen := len(world.Events())
	world.Advance(time.Minute)
	world.Do(ChangePlan)
	refused := world.Events()[seen].ID
	o.send(world.Events()[seen:]...)
	o.eventually("the event waits", func() string {
		if got := condition(o.event(refused).Status.Conditions, v1alpha1.ConditionProcessed); got != "False WriteRejected" {
			return "Processed is " + got
		}
		return ""
	})
	asked := questions.Load()
	o.eventually("it is tried again", func() string {
		if questions.Load() == asked {
			return "not yet"
		}
		return ""
	})
	writes, asked := subscriptions.Load(), questions.Load()
	o.eventually("it is tried again and again", func() string {
		if n := questions.Load() - asked; n < 5 {
			return fmt.Sprintf("%d times", n)
		}
		return ""
	})
	if n := subscriptions.Load() - writes; n != 0 {
		t.Errorf("meanwhile its subscription was written %d times", n)
	}

	o.stop() // as a kill between the two writes leaves it:
	left := o.subscription(sub)
	changed := leaveBehind(t, left, refused)
	o = startAs(t, proxy.Config(), namespace)
	world.Advance(time.Minute)
	world.Do(ChangeEmail)
	other := world.Events()[len(world.Events())-1]
	o.send(other)
	o.outcome(other.ID, v1alpha1.OutcomeApplied)
	if got := o.subscription(sub).Status.Items[0].LookupKey; got != LookupKey {
		t.Errorf("the subscription's plan is %s, want the one before %s", got, changed)
	}
}

// leaveBehind writes into a Subscription what a refused event changes, as a process does before it is killed.
func leaveBehind(t *testing.T, s *v1alpha1.Subscription, eventID string) (plan string) {
	t.Helper()
	s.Status.Items[0].LookupKey, s.Status.Plan = "max-monthly", "max-monthly"
	position := s.Status.Positions["state"]
	position.EventID = eventID
	s.Status.Positions["state"] = position
	if err := cluster.Client.Status().Update(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return s.Status.Plan
}

// startCounting is start, and counts the writes to a path.
func startCounting(t *testing.T, path string, configure ...func(*config.Config)) (*operator, *atomic.Int64) {
	t.Helper()
	proxy, err := apiproxy.New(cluster.Config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	namespace, err := cluster.Namespace(t.Context(), "it-")
	if err != nil {
		t.Fatal(err)
	}
	asked := &atomic.Int64{}
	proxy.Spoil(func(r *http.Request) apiproxy.Verdict {
		if apiproxy.IsWrite(r) && strings.Contains(r.URL.Path, path) {
			asked.Add(1)
		}
		return apiproxy.Pass
	})
	return startAs(t, proxy.Config(), namespace, configure...), asked
}

// nudgedUntilSettled has something of the customer change until no event is pending: what is held up is else looked at half a minute later.
func (o *operator) nudgedUntilSettled(world *World) {
	o.t.Helper()
	customer, n := world.Objects("customer")[0].ID(), 0
	o.eventually("every event has an outcome", func() string {
		for _, e := range o.events() {
			if e.Status.Outcome == v1alpha1.OutcomePending {
				n++
				o.annotate(o.customer(customer), "example.com/nudge", fmt.Sprint(n))
				return fmt.Sprintf("%s %s is pending: %s", e.Spec.Type, e.Spec.EventID, e.Status.Message)
			}
		}
		return ""
	})
}

// Where the API server refuses whatever is written of a customer, no event is to blame: all wait.
func TestNoEventIsToBlameForARefusalOfEverything(t *testing.T) {
	t.Parallel()
	o, asked := startCounting(t, "/customers/", func(c *config.Config) { c.EventAttempts = 2 })
	world := NewWorld(time.Now().Add(-time.Hour), New, 1)
	world.Do(SignUp)
	o.send(world.Events()...)
	o.settled()
	customer, seen := world.Objects("customer")[0].ID(), len(world.Events())
	lift := o.forbid("customers/status", "false")
	o.inForce(func() error {
		return cluster.Client.Status().Update(t.Context(), o.customer(customer), client.DryRunAll)
	})
	asked.Store(0)
	world.Advance(time.Minute)
	world.Do(ChangeEmail)
	world.Do(SetUpMethod)
	o.send(world.Events()[seen:]...)
	o.triedAgain(asked)
	for _, e := range world.Events()[seen:] {
		if status := o.event(e.ID).Status; status.Outcome != v1alpha1.OutcomePending || status.Attempts != 0 {
			t.Errorf("%s is %q after %d attempts: %s", e.Type, status.Outcome, status.Attempts, status.Message)
		}
	}
	lift()
	o.settled()
	if got, want := o.customer(customer).Status.Email, world.Object(customer)["email"]; got != want {
		t.Errorf("the customer's address is %s, want %s", got, want)
	}
}

// An e-mail that may not be planned holds up the sign-up's event, whose fault it is not, and nothing else: the customer is let in, and both
// are sent in the end.
func TestASignUpWhoseEmailsAreRefused(t *testing.T) {
	t.Parallel()
	o := start(t, func(c *config.Config) { c.EventAttempts = 2 })
	lift := o.forbid("emails", "false")
	o.inForce(func() error {
		return cluster.Client.Create(t.Context(), &v1alpha1.Email{
			ObjectMeta: metav1.ObjectMeta{Namespace: o.namespace, GenerateName: "a-"},
			Spec:       v1alpha1.EmailSpec{CustomerRef: v1alpha1.ObjectReference{Name: "a"}, Purpose: v1alpha1.EmailWelcome},
		}, client.DryRunAll)
	})
	world := NewWorld(time.Now().Add(-time.Minute), New, 1)
	world.Do(SignUp)
	o.send(world.Events()...)
	o.entitled(world.Objects("customer")[0].ID(), "True SubscriptionActive")
	o.eventually("every event but the sign-up has an outcome", func() string {
		for _, e := range o.events() {
			signUp := e.Spec.Type == "checkout.session.completed"
			if signUp != (e.Status.Outcome == v1alpha1.OutcomePending) || e.Status.Outcome == v1alpha1.OutcomeFailed || e.Status.Attempts > 1 {
				return fmt.Sprintf("%s is %q after %d attempts: %s", e.Spec.Type, e.Status.Outcome, e.Status.Attempts, e.Status.Message)
			}
		}
		return ""
	})
	if got := len(o.emails()); got != 0 {
		t.Fatalf("%d Emails", got)
	}
	lift()
	o.nudgedUntilSettled(world)
	if got := len(o.emails()); got != 2 {
		t.Errorf("%d Emails in the end, want 2", got)
	}
}

// A policy that lets a subscription's status be no more holds up the events about that subscription, without end and without blame. The
// customer's other subscription goes on.
func TestARefusedSubscriptionHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	o := start(t, func(c *config.Config) { c.EventAttempts = 2 })
	world := NewWorld(time.Now().Add(-time.Hour), New, 1)
	world.Do(SignUp)
	world.Advance(time.Minute)
	world.Do(Cancel)
	o.send(world.Events()...)
	o.settled()
	customer, old := world.Objects("customer")[0].ID(), world.Objects("subscription")[0].ID()
	o.entitled(customer, "False SubscriptionEnded")
	lift := o.forbid("subscriptions/status", fmt.Sprintf("object.metadata.name != '%s'", naming.Object("", old)))
	o.inForce(func() error {
		return cluster.Client.Status().Update(t.Context(), o.subscription(old), client.DryRunAll)
	})

	seen := len(world.Events())
	world.Advance(time.Minute)
	about := Event{ID: "evt_about_old", Type: "customer.subscription.updated", Created: time.Now(), Shape: New,
		Object: world.Object(old).With("cancel_at_period_end", true)}
	world.Do(SubscribeAgain)
	o.send(append(world.Events()[seen:], about)...)
	o.entitled(customer, "True SubscriptionActive")
	o.eventually("every other event has an outcome", func() string {
		for _, e := range o.events() {
			if e.Spec.EventID != about.ID && e.Status.Outcome == v1alpha1.OutcomePending {
				return fmt.Sprintf("%s is pending: %s", e.Spec.Type, e.Status.Message)
			}
		}
		return ""
	})
	o.waitsWithoutFault(about.ID)
	lift()
	o.nudgedUntilSettled(world)
	o.outcome(about.ID, v1alpha1.OutcomeApplied)
}

// A policy refuses the status of a new customer while its first event is the only one. The event waits, and the customer is published
// with no status at all, rather than with one that lacks the event.
func TestANewCustomerWhoseStatusIsRefused(t *testing.T) {
	t.Parallel()
	o, asked := startCounting(t, "/customers/", func(c *config.Config) { c.EventAttempts = 2 })
	o.forbid("customers/status", "object.status.email != '' && !has(object.status.lastPayment)")
	o.inForce(func() error {
		c := &v1alpha1.Customer{
			ObjectMeta: metav1.ObjectMeta{Namespace: o.namespace, GenerateName: "a-"}, Spec: v1alpha1.CustomerSpec{CustomerID: "cus_a"},
		}
		if err := cluster.Client.Create(t.Context(), c); err != nil {
			return err
		}
		return errors.Join(cluster.Client.Status().Update(t.Context(), c, client.DryRunAll), cluster.Client.Delete(t.Context(), c))
	})
	world := NewWorld(time.Now().Add(-time.Hour), New, 1)
	world.Do(SignUp)
	of := map[string]Event{}
	for _, e := range world.Events() {
		of[e.Type] = e
	}
	payment, profile := of["charge.succeeded"], of["customer.created"]
	asked.Store(0)
	o.send(payment)
	o.triedAgain(asked)
	o.waitsWithoutFault(payment.ID)
	if c := o.customer(world.Objects("customer")[0].ID()); c.UID == "" || len(c.Status.Conditions) > 0 {
		t.Errorf("the customer's status is %+v", c.Status)
	}
	o.send(profile)
	o.outcome(profile.ID, v1alpha1.OutcomeApplied)
	o.waitsWithoutFault(payment.ID)
}

// A customer whose object is refused, which holds an id only, is no event's fault: the events wait, and go on once it is let.
func TestACustomerWhoseFirstEventIsRefused(t *testing.T) {
	o, asked := startCounting(t, "/customers", func(c *config.Config) { c.EventAttempts = 2 })
	lift := o.forbid("customers", "false")
	create := func() error {
		return cluster.Client.Create(t.Context(), &v1alpha1.Customer{
			ObjectMeta: metav1.ObjectMeta{Namespace: o.namespace, GenerateName: "a-"}, Spec: v1alpha1.CustomerSpec{CustomerID: "cus_a"},
		}, client.DryRunAll)
	}
	o.inForce(create)
	world := NewWorld(time.Now().Add(-time.Hour), New, 1)
	world.Do(SignUp)
	first := world.Events()[0]
	o.send(first)
	o.triedAgain(asked)
	o.waitsWithoutFault(first.ID)
	if o.customer(world.Objects("customer")[0].ID()).UID != "" {
		t.Error("there is a Customer")
	}
	lift()
	o.eventually("the policy is gone", func() string {
		if err := create(); err != nil {
			return err.Error()
		}
		return ""
	})
	o.send(world.Events()...)
	o.settled()
	o.entitled(world.Objects("customer")[0].ID(), "True SubscriptionActive")
}

// gauge is the value of one.
func gauge(t *testing.T, collector prometheus.Gauge) float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return families[0].GetMetric()[0].GetGauge().GetValue()
}
