package integration

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// Without a key, a customer of which only a change of address is known is Unknown: nothing shows that it has no subscription. The first
// event about a subscription decides.
func TestWithoutAKeyNothingKnownIsUnknown(t *testing.T) {
	t.Parallel()
	o := start(t)
	now := time.Now()
	o.send(Event{ID: "evt_1", Type: "customer.updated", Created: now, Shape: New, Object: Customer("cus_A", "ada@example.com", "Ada")})
	o.entitled("cus_A", "Unknown StateNotKnown")
	for kind, want := range map[string]string{
		v1alpha1.ConditionReady: "Unknown StateNotKnown", v1alpha1.ConditionInSync: "Unknown StateNotKnown", v1alpha1.ConditionStalled: "",
	} {
		if got := condition(o.customer("cus_A").Status.Conditions, kind); got != want {
			t.Errorf("%s is %q, want %q", kind, got, want)
		}
	}
	o.send(Event{ID: "evt_2", Type: "customer.subscription.updated", Created: now, Shape: New,
		Object: Subscription(New, "sub_A", "cus_A", "active", now, now.AddDate(0, 1, 0))})
	o.entitled("cus_A", "True SubscriptionActive")
}

// A Customer that is deleted comes back whole with its next event: every recorded event about it is folded again, a dispute that names
// only its charge among them.
func TestADeletedCustomerComesBackWhole(t *testing.T) {
	t.Parallel()
	o := start(t)
	world := wholeLife(New, time.Hour)
	o.send(world.Events()...)
	o.settled()
	customer := world.Objects("customer")[0].ID()
	before := o.finalStatuses(world)
	if len(o.customer(customer).Status.OpenDisputes) == 0 {
		t.Fatal("the life has no dispute")
	}
	if err := cluster.Client.Delete(t.Context(), o.customer(customer)); err != nil {
		t.Fatal(err)
	}
	world.Advance(time.Hour)
	world.Do(ChangeEmail)
	last := world.Events()[len(world.Events())-1]
	o.send(last)
	o.eventually("the last event is applied", func() string {
		if err := o.collectGarbage(); err != nil {
			return err.Error()
		}
		if got := o.event(last.ID).Status.Outcome; got != v1alpha1.OutcomeApplied {
			return fmt.Sprintf("it is %q", got)
		}
		return ""
	})
	after := o.finalStatuses(world)
	status, _ := after[customer].(v1alpha1.CustomerStatus)
	if status.Email != world.Object(customer)["email"] {
		t.Errorf("the address is %s", status.Email)
	}
	was, _ := before[customer].(v1alpha1.CustomerStatus)
	status.Email, status.Name, status.LastEvent, status.Positions["profile"] = was.Email, was.Name, was.LastEvent, was.Positions["profile"]
	after[customer] = status
	if diff := cmp.Diff(before, after, ignoreProcessing); diff != "" {
		t.Errorf("statuses (-before +after):\n%s", diff)
	}
}

// collectGarbage deletes the Subscriptions of deleted Customers, as the garbage collector does: the control plane of the tests has none.
func (o *operator) collectGarbage() error {
	var subscriptions v1alpha1.SubscriptionList
	if err := cluster.Client.List(context.Background(), &subscriptions, client.InNamespace(o.namespace)); err != nil {
		return err
	}
	for i := range subscriptions.Items {
		s := &subscriptions.Items[i]
		var c v1alpha1.Customer
		key := client.ObjectKey{Namespace: o.namespace, Name: s.Spec.CustomerRef.Name}
		err := cluster.Client.Get(context.Background(), key, &c)
		if client.IgnoreNotFound(err) != nil {
			return err
		}
		if owner := metav1.GetControllerOf(s); owner == nil || err == nil && owner.UID == c.UID {
			continue
		}
		if err := client.IgnoreNotFound(cluster.Client.Delete(context.Background(), s)); err != nil {
			return err
		}
	}
	return nil
}

// A Subscription that is deleted comes back with its state, with no event at all.
func TestADeletedSubscriptionComesBack(t *testing.T) {
	t.Parallel()
	o := start(t)
	world := NewWorld(time.Now().Add(-time.Hour), New, 1)
	world.Do(SignUp)
	o.send(world.Events()...)
	o.settled()
	sub := world.Objects("subscription")[0].ID()
	before := o.finalStatuses(world)
	if err := cluster.Client.Delete(t.Context(), o.subscription(sub)); err != nil {
		t.Fatal(err)
	}
	o.eventually("the Subscription is back", func() string {
		if got := o.subscription(sub).Status.Status; got != "active" {
			return fmt.Sprintf("its status is %q", got)
		}
		return ""
	})
	if diff := cmp.Diff(before, o.finalStatuses(world), ignoreProcessing); diff != "" {
		t.Errorf("statuses (-before +after):\n%s", diff)
	}
}

// An object that a person makes under another name than the Stripe id's is refused in its conditions, and decides nothing.
func TestObjectsWithAWrongName(t *testing.T) {
	t.Parallel()
	o := start(t)
	right := naming.Object("", "cus_A")
	wrong := &v1alpha1.Customer{
		ObjectMeta: metav1.ObjectMeta{Namespace: o.namespace, Name: "ada"}, Spec: v1alpha1.CustomerSpec{CustomerID: "cus_A"},
	}
	strange := &v1alpha1.Subscription{
		ObjectMeta: metav1.ObjectMeta{Namespace: o.namespace, Name: "strange"},
		Spec:       v1alpha1.SubscriptionSpec{SubscriptionID: "sub_A", CustomerRef: v1alpha1.ObjectReference{Name: right}},
	}
	for _, object := range []client.Object{wrong, strange} {
		if err := cluster.Client.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	o.send(
		Event{ID: "evt_1", Type: "customer.created", Created: now, Shape: New, Object: Customer("cus_A", "ada@example.com", "Ada")},
		Event{ID: "evt_2", Type: "customer.subscription.created", Created: now, Shape: New,
			Object: Subscription(New, "sub_A", "cus_A", "active", now, now.AddDate(0, 1, 0))},
	)
	o.entitled("cus_A", "True SubscriptionActive")
	o.settled()
	for object, name := range map[client.Object]string{wrong: right, strange: naming.Object("", "sub_A")} {
		o.eventually(object.GetName()+" is refused", func() string {
			if err := cluster.Client.Get(context.Background(), client.ObjectKeyFromObject(object), object); err != nil {
				return err.Error()
			}
			var conditions []metav1.Condition
			switch o := object.(type) {
			case *v1alpha1.Customer:
				conditions = o.Status.Conditions
			case *v1alpha1.Subscription:
				conditions = o.Status.Conditions
			}
			ready := condition(conditions, v1alpha1.ConditionReady) + ", " + condition(conditions, v1alpha1.ConditionStalled)
			if ready != "False WrongName, True WrongName" || !strings.Contains(conditions[0].Message, "must be named "+name+".") {
				return fmt.Sprintf("its conditions are %+v", conditions)
			}
			return ""
		})
	}
}

// Ready says whether the status shows everything: not while an event waits for another try, nor while one has failed. Stalled says that
// only a person can help.
func TestReadyAndStalled(t *testing.T) {
	t.Parallel()
	o := start(t)
	now := time.Now()
	o.send(
		Event{ID: "evt_1", Type: "customer.created", Created: now, Shape: New, Object: Customer("cus_A", "ada@example.com", "Ada")},
		Event{ID: "evt_broken", Type: "invoice.paid", Created: now, Shape: New,
			Object: Object{"id": "in_1", "object": "invoice", "customer": "cus_A", "status": 7}},
	)
	o.conditionOf("cus_A", v1alpha1.ConditionReady, "False EventsFailed")
	o.conditionOf("cus_A", v1alpha1.ConditionStalled, "True EventsFailed")
	o.entitled("cus_A", "False NoSubscription")
	version := o.customer("cus_A").ResourceVersion
	o.send(Event{ID: "evt_of_another", Type: "customer.created", Created: now, Shape: New, Object: Customer("cus_C", "eve@example.com", "Eve")})
	o.conditionOf("cus_C", v1alpha1.ConditionReady, "True UpToDate") // a while later
	if got := o.customer("cus_A").ResourceVersion; got != version {
		t.Errorf("the Customer does not come to rest: its resourceVersion moved from %s to %s", version, got)
	}

	lift := o.forbid("customers/status", "!has(object.status.name) || object.status.name != 'Eve'")
	o.inForce(func() error {
		c := o.customer("cus_A")
		c.Status.Name = "Eve"
		return cluster.Client.Status().Update(t.Context(), c, client.DryRunAll)
	})
	other := Event{ID: "evt_2", Type: "customer.created", Created: now, Shape: New, Object: Customer("cus_B", "bob@example.com", "Bob")}
	renamed := Event{ID: "evt_3", Type: "customer.updated", Created: now.Add(time.Second), Shape: New, Object: Customer("cus_B", "bob@example.com", "Eve")}
	o.send(other)
	o.conditionOf("cus_B", v1alpha1.ConditionReady, "True UpToDate")
	o.send(renamed)
	o.conditionOf("cus_B", v1alpha1.ConditionReady, "False EventsWaiting")
	o.conditionOf("cus_B", v1alpha1.ConditionStalled, "")
	lift()
	o.conditionOf("cus_B", v1alpha1.ConditionReady, "True UpToDate")
}

// conditionOf waits for a condition of a customer: "True UpToDate".
func (o *operator) conditionOf(customer, kind, want string) {
	o.t.Helper()
	o.eventually(kind+" of "+customer, func() string {
		if got := condition(o.customer(customer).Status.Conditions, kind); got != want {
			return fmt.Sprintf("is %q, want %q", got, want)
		}
		return ""
	})
}
