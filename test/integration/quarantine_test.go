package integration

import (
	"context"
	"fmt"
	"strings"
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
	o.eventually("the policy to be in force", func() string {
		s := o.subscription(sub)
		s.Status.Items[0].LookupKey = "max-monthly"
		if err := cluster.Client.Status().Update(t.Context(), s, client.DryRunAll); !apierrors.IsInvalid(err) {
			return fmt.Sprintf("the update is answered: %v", err)
		}
		return ""
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
	want := fmt.Sprintf("Write status of Subscription %s: the API server refused it by ValidatingAdmissionPolicy '%s'.",
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

	lift()
	o.eventually("a retry that is answered", func() string { // the API server may enforce the policy a little longer
		o.annotate(o.event(poison), v1alpha1.AnnotationRetry, time.Now().String())
		o.outcome(poison, v1alpha1.OutcomeApplied)
		return ""
	})
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
	want := "The operator failed over it, which is a bug: runtime error: invalid memory address or nil pointer dereference."
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

// What keeps a customer's first event from being used makes no Customer, and the next one does.
func TestACustomerWhoseFirstEventIsRefused(t *testing.T) {
	o := start(t, func(c *config.Config) { c.EventAttempts = 2 })
	lift := o.forbid("customers", "false")
	o.eventually("the policy to be in force", func() string {
		err := cluster.Client.Create(t.Context(), &v1alpha1.Customer{
			ObjectMeta: metav1.ObjectMeta{Namespace: o.namespace, GenerateName: "a-"}, Spec: v1alpha1.CustomerSpec{CustomerID: "cus_a"},
		}, client.DryRunAll)
		if !apierrors.IsInvalid(err) {
			return fmt.Sprintf("the create is answered: %v", err)
		}
		return ""
	})
	world := NewWorld(time.Now().Add(-time.Hour), New, 1)
	world.Do(SignUp)
	first := world.Events()[0]
	o.send(first)
	o.outcome(first.ID, v1alpha1.OutcomeFailed)
	lift()
	o.send(world.Events()...)
	for _, e := range world.Events()[1:] {
		o.eventually("an outcome of "+e.ID, func() string {
			o.annotateIfFailed(e.ID)
			if got := o.event(e.ID).Status.Outcome; got != v1alpha1.OutcomeApplied && got != v1alpha1.OutcomeSuperseded {
				return string(got)
			}
			return ""
		})
	}
	o.entitled(world.Objects("customer")[0].ID(), "True SubscriptionActive")
}

// annotateIfFailed asks for a retry of an event that has failed.
func (o *operator) annotateIfFailed(id string) {
	o.t.Helper()
	if e := o.event(id); e.Status.Outcome == v1alpha1.OutcomeFailed {
		o.annotate(e, v1alpha1.AnnotationRetry, time.Now().String())
	}
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
