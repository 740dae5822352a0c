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

	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlcontroller "sigs.k8s.io/controller-runtime/pkg/controller"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/app"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/controller"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/naming"
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

// A policy of the cluster refuses what one event makes of its customer. The event is tried again and then set apart; those before and
// after it go on. Once the policy is gone, a person has it tried again.
func TestAnEventWhoseStatusIsRefused(t *testing.T) {
	o := start(t, func(c *config.Config) { c.EventAttempts = 3 })
	world := NewWorld(time.Now().Add(-time.Hour), New, 1)
	world.Do(SignUp)
	o.send(world.Events()...)
	o.settled()
	customer, sub := world.Objects("customer")[0].ID(), world.Objects("subscription")[0].ID()
	o.entitled(customer, "True SubscriptionActive")

	lift := o.forbid("subscriptions/status", "object.status.items.all(i, !has(i.lookupKey) || i.lookupKey != 'max-monthly')")
	o.inForce(func() error {
		s := o.subscription(sub)
		s.Status.Items[0].LookupKey = "max-monthly"
		return cluster.Client.Status().Update(t.Context(), s, client.DryRunAll)
	})
	seen := len(world.Events())
	world.Advance(time.Minute)
	world.Do(ChangePlan) // refused
	poison := world.Events()[seen].ID
	world.Advance(time.Minute)
	world.Do(ChangeEmail)
	world.Advance(time.Minute)
	world.Do(SetUpMethod)
	o.send(world.Events()[seen:]...)

	e := o.outcome(poison, v1alpha1.OutcomeFailed)
	policy := o.namespace + "-subscriptions-status"
	want := fmt.Sprintf("Write status of Subscription %s: the API server refused it because ValidatingAdmissionPolicy '%s' denied it.",
		naming.Object("", sub), policy)
	if e.Status.Message != want || e.Status.Attempts != 3 || e.Status.RetryAt != nil {
		t.Errorf("after %d attempts, again at %v: %q, want %q after 3", e.Status.Attempts, e.Status.RetryAt, e.Status.Message, want)
	}
	if got := condition(e.Status.Conditions, v1alpha1.ConditionProcessed); got != "False Failed" {
		t.Errorf("Processed is %s", got)
	}
	o.outcome(world.Events()[seen+1].ID, v1alpha1.OutcomeApplied)
	o.settled()
	if got, want := o.customer(customer).Status.Email, world.Object(customer)["email"]; got != want {
		t.Errorf("the customer's address is %s, want %s", got, want)
	}
	if got := o.subscription(sub).Status.Items[0].LookupKey; got != LookupKey {
		t.Errorf("the plan is %s, want the one before", got)
	}
	o.eventually("the count of failed events", func() string {
		if n := gauge(t, metrics.EventsFailed); n != 1 {
			return fmt.Sprintf("is %v", n)
		}
		return ""
	})

	o.annotate(e, v1alpha1.AnnotationRetry, "too early")
	o.eventually("the retry fails, too", func() string {
		if e = o.event(poison); e.Status.Retried != "too early" || e.Status.Outcome != v1alpha1.OutcomeFailed || e.Status.Attempts != 3 {
			return fmt.Sprintf("is %q after %d attempts, retried for %q", e.Status.Outcome, e.Status.Attempts, e.Status.Retried)
		}
		return ""
	})
	world.Advance(time.Minute)
	world.Do(ChangeEmail)
	o.send(world.Events()[len(world.Events())-1])
	o.settled()
	if again := o.event(poison); again.ResourceVersion != e.ResourceVersion {
		t.Errorf("one annotation has it tried more than once: %+v", again.Status)
	}

	lift()
	o.retriedUntilApplied(poison)
	if got := o.subscription(sub).Status.Items[0].LookupKey; got != "max-monthly" {
		t.Errorf("after the retry the plan is %s", got)
	}
	e = o.event(poison)
	if c := meta.FindStatusCondition(e.Status.Conditions, v1alpha1.ConditionProcessed); c.Status != metav1.ConditionTrue || e.Status.Message != "" {
		t.Errorf("after the retry: %+v %q", c, e.Status.Message)
	}
}

// A bug that one event brings to light is that event's trouble only.
func TestAnEventOverWhichTheFoldPanics(t *testing.T) {
	o := start(t, func(c *config.Config) { c.Components.Controllers = false })
	world := NewWorld(time.Now().Add(-time.Hour), New, 1)
	world.Do(SignUp)
	world.Advance(time.Minute)
	world.Do(ChangeEmail)
	customer, poison := world.Objects("customer")[0].ID(), world.Events()[len(world.Events())-1].ID
	o.reconcileCustomers(func(e *projection.Event) projection.Change {
		change := events.Change(e)
		if e.EventID == poison {
			change.Effects = []projection.Effect{func(_ *projection.Aggregate, e *projection.Event) bool {
				return e.Invoice.ID == "" // it has none
			}}
		}
		return change
	})
	o.send(world.Events()...)
	e := o.outcome(poison, v1alpha1.OutcomeFailed)
	want := "The operator panicked on it, which is a bug: runtime error: invalid memory address or nil pointer dereference."
	if e.Status.Message != want || e.Status.Attempts != 2 {
		t.Errorf("after %d attempts: %q, want %q after 2", e.Status.Attempts, e.Status.Message, want)
	}
	o.settled()
	o.entitled(customer, "True SubscriptionActive")
	if got := o.customer(customer).Status.Email; got != "ada@example.com" {
		t.Errorf("the customer's address is %s", got)
	}
}

// reconcileCustomers runs the customers' reconciler alone, with effects of the caller's making.
func (o *operator) reconcileCustomers(change func(*projection.Event) projection.Change) {
	o.t.Helper()
	manager, err := ctrl.NewManager(cluster.Config, ctrl.Options{
		Scheme: app.Scheme(), Metrics: metricsserver.Options{BindAddress: "0"},
		Cache: cache.Options{DefaultNamespaces: map[string]cache.Config{o.namespace: {}}},
	})
	if err != nil {
		o.t.Fatal(err)
	}
	if err := controller.Index(o.t.Context(), manager.GetFieldIndexer(), controller.Scope{}); err != nil {
		o.t.Fatal(err)
	}
	if err := (&controller.CustomerReconciler{
		Client: manager.GetClient(), Reader: manager.GetAPIReader(), Clock: clock.RealClock{}, Change: change, EventAttempts: 2,
		Recorder: manager.GetEventRecorder("test"), Comparisons: controller.NewComparisons(),
	}).SetupWithManager(manager, ctrlcontroller.Options{SkipNameValidation: new(true)}); err != nil {
		o.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- manager.Start(ctx) }()
	o.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			o.t.Error(err)
		}
	})
}

// Of several events that wait, the one is found with which a policy refuses the customer. The others are applied while it is tried again;
// what it did to the subscription, which nothing refuses, is not written without the customer; and no value is told. Once the policy is
// gone, it is applied with nobody's doing.
func TestTheOthersGoOnMeanwhile(t *testing.T) {
	o := start(t, func(c *config.Config) { c.Components.Controllers = false })
	controllers := func(c *config.Config) { c.Components.Receiver, c.Stripe.EndpointSecrets = false, nil }
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
	poison := ""
	for _, e := range world.Events()[seen:] {
		if e.Type == "customer.subscription.updated" {
			poison = e.ID
		}
	}
	o.send(world.Events()[seen:]...)

	manager = startProcess(t, o.namespace, controllers)
	o.eventually("every event but one has an outcome", func() string {
		for _, e := range o.events() {
			if e.Spec.EventID != poison && e.Status.Outcome != v1alpha1.OutcomeApplied && e.Status.Outcome != v1alpha1.OutcomeSuperseded {
				return fmt.Sprintf("%s %s is %q: %s", e.Spec.Type, e.Spec.EventID, e.Status.Outcome, e.Status.Message)
			}
		}
		return ""
	})
	e := o.event(poison)
	want := fmt.Sprintf("Write status of Customer %s: the API server refused it because ValidatingAdmissionPolicy '%s-customers-status' denied it.",
		naming.Object("", customer), o.namespace)
	if e.Status.Outcome != v1alpha1.OutcomePending || e.Status.Attempts == 0 || e.Status.RetryAt == nil || e.Status.Message != want {
		t.Errorf("meanwhile the one is %+v, want %q", e.Status, want)
	}
	if got, want := o.customer(customer).Status.Email, world.Object(customer)["email"]; got != want {
		t.Errorf("the customer's address is %s, want %s", got, want)
	}
	if got := o.subscription(sub).Status.Items[0].LookupKey; got != LookupKey {
		t.Errorf("the subscription's plan is %s, which the customer was not let have", got)
	}
	lift()
	o.outcome(poison, v1alpha1.OutcomeApplied)
	if got := o.customer(customer).Status.Plan; got != "max-monthly" {
		t.Errorf("the customer's plan is %s in the end", got)
	}
	manager.kill()
	if log := manager.log.String(); !strings.Contains(log, "Events cannot be handled together") || strings.Contains(log, "ada@") {
		t.Errorf("the log does not tell of the refusal, or repeats a value:\n%s", log)
	}
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
	o.eventually("it is tried again and again", func() string {
		if n := asked.Load(); n < 8 { // twice each time: with the events, and without
			return fmt.Sprintf("asked %d times", n)
		}
		return ""
	})
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
	if e := o.event(about.ID); e.Status.Outcome != v1alpha1.OutcomePending || e.Status.Attempts != 0 {
		t.Errorf("the one about it is %+v", e.Status)
	}
	lift()
	o.nudgedUntilSettled(world)
	o.outcome(about.ID, v1alpha1.OutcomeApplied)
}

// A policy that cannot judge a status with nothing in it leaves open whether an event about a new subscription is to blame. It waits, and
// holds up nothing else; once another event about the subscription is let in, it is known to be to blame.
func TestAPolicyThatCannotJudgeAnEmptyStatus(t *testing.T) {
	o := start(t, func(c *config.Config) { c.EventAttempts = 2 })
	world := NewWorld(time.Now().Add(-time.Hour), New, 1)
	world.Do(SignUp)
	o.send(world.Events()...)
	o.settled()
	customer, known := world.Objects("customer")[0].ID(), world.Objects("subscription")[0].ID()
	o.forbid("subscriptions/status", "object.status.items.all(i, i.lookupKey != 'max-monthly')")
	o.inForce(func() error {
		s := o.subscription(known)
		s.Status.Items = nil
		return cluster.Client.Status().Update(t.Context(), s, client.DryRunAll)
	})
	seen := len(world.Events())
	world.Advance(time.Minute)
	world.Do(SubscribeAgain)
	second := world.Objects("subscription")[1]
	if second.ID() == known {
		second = world.Objects("subscription")[0]
	}
	item := Object(second["items"].(map[string]any)["data"].([]any)[0].(map[string]any))
	price := Object(item["price"].(map[string]any)).With("lookup_key", "max-monthly")
	poison := Event{ID: "evt_poison", Type: "customer.subscription.updated", Created: time.Now(), Shape: New,
		Object: second.With("items", Object{"object": "list", "data": []any{item.With("price", price)}})}
	fine := Event{ID: "evt_fine", Type: "customer.updated", Created: time.Now(), Shape: New, Object: Customer(customer, "new@example.com", "Ada")}
	o.send(poison, fine)
	o.outcome(fine.ID, v1alpha1.OutcomeApplied)
	if e := o.event(poison.ID); e.Status.Outcome != v1alpha1.OutcomePending || e.Status.Attempts != 0 {
		t.Errorf("the one in doubt is %+v", e.Status)
	}
	o.send(world.Events()[seen:]...)
	o.outcome(poison.ID, v1alpha1.OutcomeFailed)
	o.settled()
	if got := o.subscription(second.ID()).Status.Status; got != "active" {
		t.Errorf("the new subscription is %q", got)
	}
}

// So it is with a new customer.
func TestAPolicyThatCannotJudgeANewCustomer(t *testing.T) {
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
	o.eventually("it is tried again and again", func() string {
		if n := asked.Load(); n < 8 {
			return fmt.Sprintf("asked %d times", n)
		}
		return ""
	})
	if e := o.event(payment.ID); e.Status.Outcome != v1alpha1.OutcomePending || e.Status.Attempts != 0 {
		t.Errorf("the one in doubt is %+v", e.Status)
	}
	o.send(profile)
	o.outcome(profile.ID, v1alpha1.OutcomeApplied)
	o.outcome(payment.ID, v1alpha1.OutcomeFailed)
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
	o.eventually("it is tried again and again", func() string {
		if n := asked.Load(); n < 8 {
			return fmt.Sprintf("%d times", n)
		}
		return ""
	})
	if e := o.event(first.ID); e.Status.Outcome != v1alpha1.OutcomePending || e.Status.Attempts != 0 {
		t.Errorf("the first event is %+v", e.Status)
	}
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

// retriedUntilApplied has an event that has failed tried again: the API server may enforce a policy a little longer than it is there.
func (o *operator) retriedUntilApplied(id string) {
	o.t.Helper()
	o.eventually(id+" is applied", func() string {
		e := o.event(id)
		switch e.Status.Outcome {
		case v1alpha1.OutcomeApplied, v1alpha1.OutcomeSuperseded:
			return ""
		case v1alpha1.OutcomeFailed:
			o.annotate(e, v1alpha1.AnnotationRetry, time.Now().String())
		}
		return fmt.Sprintf("is %q: %s", e.Status.Outcome, e.Status.Message)
	})
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
