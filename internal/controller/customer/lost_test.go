package customer

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	toolsevents "k8s.io/client-go/tools/events"
	testingclock "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/delivered"
	"github.com/tollkeeper/tollkeeper/internal/controller/pace"
	"github.com/tollkeeper/tollkeeper/internal/controller/readings"
	"github.com/tollkeeper/tollkeeper/internal/entitlement"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// settled are the settled events of all customers. It counts the searches.
type settled struct {
	client.Reader
	events   []v1alpha1.BillingEvent
	searches int
}

func (s *settled) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	s.searches++
	list.(*v1alpha1.BillingEventList).Items = s.events
	return nil
}

// applied is an event about cus_A that was applied; with a subscription if it names one.
func applied(id, eventType, subscriptionID, status string) v1alpha1.BillingEvent {
	e := v1alpha1.BillingEvent{Spec: v1alpha1.BillingEventSpec{
		EventID: id, Type: eventType, CustomerID: "cus_A", SubscriptionID: subscriptionID, ObjectID: "cus_A", Created: metav1.NewTime(noon.Add(-time.Hour)),
	}}
	if subscriptionID != "" {
		e.Spec.ObjectID = subscriptionID
		e.Spec.Subscription = &v1alpha1.SubscriptionRecord{SubscriptionState: v1alpha1.SubscriptionState{Status: status}}
	}
	e.Status.Outcome = v1alpha1.OutcomeApplied
	return e
}

// recentCreation is a pending customer.created of cus_A.
func recentCreation() *v1alpha1.BillingEvent {
	e := applied("evt_0", "customer.created", "", "")
	e.Namespace, e.Name, e.CreationTimestamp = "ns", naming.Object("", "evt_0"), metav1.NewTime(noon)
	e.Spec.Created, e.Spec.Customer, e.Status.Outcome = metav1.NewTime(noon.Add(-signupSpan/2)), &v1alpha1.CustomerRecord{}, v1alpha1.OutcomePending
	return &e
}

// cluster is a reconciler of cus_A alone.
type cluster struct {
	*Reconciler
	t       *testing.T
	settled *settled
	key     client.ObjectKey
	refused string // the kind whose creation a webhook denies
}

// newCluster has cus_A with objects that are stored, and settled events.
func newCluster(t *testing.T, history []v1alpha1.BillingEvent, objects ...client.Object) *cluster {
	t.Helper()
	r := inMemory(t)
	c := &cluster{Reconciler: r, t: t, settled: &settled{events: history}, key: client.ObjectKey{Namespace: "ns", Name: naming.Object("", "cus_A")}}
	r.Client = interceptor.NewClient(fakeClient(t, objects...), interceptor.Funcs{
		Create: func(ctx context.Context, stored client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			if fmt.Sprintf("%T", o) == "*v1alpha1."+c.refused {
				return apierrors.NewBadRequest(`admission webhook "policy.example.com" denied the request`)
			}
			o.SetUID(types.UID("uid of " + o.GetName())) // as the API server does
			return stored.Create(ctx, o, opts...)
		},
	})
	r.Reader, r.Failed, r.Recorder = c.settled, noEvents{}, toolsevents.NewFakeRecorder(100)
	r.Delivered, r.Pace, r.Policy = delivered.NewMailbox(), &pace.Pace{Clock: r.Clock}, entitlement.Policy{}
	r.Change = func(e *projection.Event) projection.Change {
		if e.EventID == "evt_panic" {
			panic("a bug")
		}
		return events.Change(e)
	}
	return c
}

// knownCustomer is cus_A as it was decided before: all of its subscriptions were listed from Stripe.
func knownCustomer(subscriptionIDs ...string) *v1alpha1.Customer {
	c := newCustomer(client.ObjectKey{Namespace: "ns", Name: naming.Object("", "cus_A")}, "cus_A", "")
	c.UID = "uid-A"
	c.Status.Complete = &v1alpha1.Completeness{Source: v1alpha1.CompleteByListing, At: metav1.NewTime(noon.Add(-time.Hour))}
	c.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionEntitled, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonSubscriptionActive}}
	for _, id := range subscriptionIDs {
		c.Status.Subscriptions = append(c.Status.Subscriptions, v1alpha1.SubscriptionSummary{Name: naming.Object("", id), SubscriptionID: id, Status: "active"})
	}
	return c
}

// stored is a subscription of cus_A; without a status if it has no Stripe status.
func stored(id, status string) *v1alpha1.Subscription {
	s := newSubscription(knownCustomer(), id)
	s.UID = types.UID("uid of " + s.Name)
	if status != "" {
		s.Status.Status, s.Status.LastComparison = status, &v1alpha1.Comparison{At: metav1.NewTime(noon.Add(-time.Hour))}
		s.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonUpToDate}}
	}
	return s
}

func (c *cluster) reconcile() {
	c.t.Helper()
	if _, err := c.Reconcile(c.t.Context(), ctrl.Request{NamespacedName: c.key}); err != nil {
		c.t.Fatal(err)
	}
}

// shows is the decision, and the status that the customer's list shows of each subscription.
func (c *cluster) shows() []string {
	c.t.Helper()
	var customer v1alpha1.Customer
	if err := c.Client.Get(c.t.Context(), c.key, &customer); err != nil {
		c.t.Fatal(err)
	}
	entitled := meta.FindStatusCondition(customer.Status.Conditions, v1alpha1.ConditionEntitled)
	if entitled == nil {
		return []string{"no decision"}
	}
	shown := []string{string(entitled.Status) + " " + entitled.Reason}
	for i := range customer.Status.Subscriptions {
		s := &customer.Status.Subscriptions[i]
		shown = append(shown, s.SubscriptionID+" "+s.Status)
	}
	return shown
}

// versions are the resourceVersions of the customer and its subscriptions.
func (c *cluster) versions() map[string]string {
	c.t.Helper()
	versions := map[string]string{}
	var customers v1alpha1.CustomerList
	var subscriptions v1alpha1.SubscriptionList
	for _, list := range []client.ObjectList{&customers, &subscriptions} {
		if err := c.Client.List(c.t.Context(), list); err != nil {
			c.t.Fatal(err)
		}
	}
	for i := range customers.Items {
		versions[customers.Items[i].Name] = customers.Items[i].ResourceVersion
	}
	for i := range subscriptions.Items {
		versions[subscriptions.Items[i].Name] = subscriptions.Items[i].ResourceVersion
	}
	return versions
}

// A subscription whose status is lost, and that no event gives back, is not known: it does not count as none. That comes to rest.
func TestALostSubscription(t *testing.T) {
	foreign := stored("sub_A", "active")
	foreign.Spec.CustomerRef.Name = "cus-b"
	deleted := knownCustomer("sub_A")
	deleted.Status.DeletedAt = new(metav1.NewTime(noon.Add(-time.Hour)))
	deleted.Status.Positions = v1alpha1.Positions{"profile": {EventID: "evt_9", Created: *deleted.Status.DeletedAt, Authority: v1alpha1.AuthorityFinal}}
	for name, tc := range map[string]struct {
		history []v1alpha1.BillingEvent
		objects []client.Object
		want    []string
	}{
		"nothing gives it back": {nil, []client.Object{knownCustomer("sub_A")}, []string{"Unknown StateNotKnown", "sub_A "}},
		"its event gives it back": {
			[]v1alpha1.BillingEvent{applied("evt_1", "customer.subscription.updated", "sub_A", "active")},
			[]client.Object{knownCustomer("sub_A")}, []string{"True SubscriptionActive", "sub_A active"},
		},
		"nothing gives it back, and its object is there": {
			nil, []client.Object{knownCustomer("sub_A"), stored("sub_A", "")}, []string{"Unknown StateNotKnown", "sub_A "},
		},
		"its event gives it back, and its object is there": {
			[]v1alpha1.BillingEvent{applied("evt_1", "customer.subscription.updated", "sub_A", "active")},
			[]client.Object{knownCustomer("sub_A"), stored("sub_A", "")}, []string{"True SubscriptionActive", "sub_A active"},
		},
		"its event gives it back, and the customer has just signed up": {
			[]v1alpha1.BillingEvent{applied("evt_1", "customer.subscription.updated", "sub_A", "active")},
			[]client.Object{knownCustomer("sub_A"), recentCreation()}, []string{"True SubscriptionActive", "sub_A active"},
		},
		"another event cannot be folded again": {
			[]v1alpha1.BillingEvent{applied("evt_1", "customer.subscription.updated", "sub_A", "active"), applied("evt_panic", "customer.updated", "", "")},
			[]client.Object{knownCustomer("sub_A")}, []string{"Unknown StateNotKnown", "sub_A "},
		},
		"another subscription is active": {
			nil, []client.Object{knownCustomer("sub_A", "sub_B"), stored("sub_B", "active")}, []string{"True SubscriptionActive", "sub_B active", "sub_A "},
		},
		"another subscription has ended": {
			nil, []client.Object{knownCustomer("sub_A", "sub_B"), stored("sub_B", "canceled")}, []string{"Unknown StateNotKnown", "sub_A ", "sub_B canceled"},
		},
		"Stripe has deleted the customer": {nil, []client.Object{deleted}, []string{"False SubscriptionEnded", "sub_A canceled"}},
		"another customer has it":         {nil, []client.Object{knownCustomer("sub_A"), foreign}, []string{"False NoSubscription"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, tc.history, tc.objects...)
			c.reconcile()
			if diff := cmp.Diff(tc.want, c.shows()); diff != "" {
				t.Fatalf("(-want +got):\n%s", diff)
			}
			before, searches := c.versions(), c.settled.searches
			c.Clock.(*testingclock.FakePassiveClock).SetTime(noon.Add(time.Minute))
			c.reconcile()
			if diff := cmp.Diff(before, c.versions()); diff != "" || c.settled.searches != searches {
				t.Errorf("it does not come to rest: %d further searches, versions (-before +after):\n%s", c.settled.searches-searches, diff)
			}
		})
	}
}

// A subscription that is not known is known again by the next event about it, or once Stripe is read. Stripe may not have it, or may
// have deleted the customer.
func TestALostSubscriptionIsKnownAgain(t *testing.T) {
	profile := &projection.Event{EventID: projection.EventRead, ObjectKind: "customer", ObjectID: "cus_A", CustomerID: "cus_A", Type: "customer.read",
		Created: metav1.NewTime(noon), Customer: &v1alpha1.CustomerRecord{}}
	gone := *profile
	gone.Customer = &v1alpha1.CustomerRecord{Deleted: true}
	state := applied(projection.EventRead, "customer.subscription.read", "sub_A", "active").Spec
	state.Created, state.ObjectKind = metav1.NewTime(noon), "subscription"
	event := applied("evt_2", "customer.subscription.deleted", "sub_A", "canceled")
	event.Namespace, event.Name, event.Status.Outcome = "ns", naming.Object("", "evt_2"), v1alpha1.OutcomePending
	for name, tc := range map[string]struct {
		batch *readings.Batch
		event *v1alpha1.BillingEvent
		want  []string
	}{
		"Stripe has it":                   {&readings.Batch{Whole: true, At: noon, Objects: []*projection.Event{profile, &state}}, nil, []string{"True SubscriptionActive", "sub_A active"}},
		"Stripe does not have it":         {&readings.Batch{Whole: true, At: noon, Objects: []*projection.Event{profile}, NotFound: []string{"sub_A"}}, nil, []string{"False SubscriptionEnded", "sub_A canceled"}},
		"Stripe has deleted the customer": {&readings.Batch{Whole: true, At: noon, Objects: []*projection.Event{&gone}}, nil, []string{"False SubscriptionEnded", "sub_A canceled"}},
		"an event reports it":             {nil, &event, []string{"False SubscriptionEnded", "sub_A canceled"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, nil, knownCustomer("sub_A"))
			c.reconcile()
			if tc.event != nil {
				if err := c.Client.Create(t.Context(), tc.event); err != nil {
					t.Fatal(err)
				}
			} else {
				c.Readings.PutIfEmpty(t.Context(), c.key, tc.batch)
			}
			c.reconcile()
			if diff := cmp.Diff(tc.want, c.shows()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// customer.created comes late, after the other events were applied and the Customer was deleted. It makes no customer without a
// subscription.
func TestALateCreationHidesNoHistory(t *testing.T) {
	c := newCluster(t, []v1alpha1.BillingEvent{applied("evt_1", "customer.subscription.updated", "sub_A", "active")}, recentCreation())
	c.Ended = hasEnded
	c.reconcile()
	if diff := cmp.Diff([]string{"True SubscriptionActive", "sub_A active"}, c.shows()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A customer whose status is lost is not known whole by customer.created alone, if the settled events cannot be folded again.
func TestALostStatusWithoutItsSettledEvents(t *testing.T) {
	created := applied("evt_0", "customer.created", "", "")
	created.Spec.Customer = &v1alpha1.CustomerRecord{}
	history := []v1alpha1.BillingEvent{created, applied("evt_1", "customer.subscription.updated", "sub_A", "active"), applied("evt_panic", "customer.updated", "", "")}
	again := *created.DeepCopy()
	again.Namespace, again.Name, again.Status.Outcome = "ns", naming.Object("", "evt_0"), v1alpha1.OutcomePending
	again.CreationTimestamp = metav1.NewTime(noon.Add(-time.Hour))
	c := newCluster(t, history, &again)
	for range 2 {
		c.reconcile()
		if diff := cmp.Diff([]string{"Unknown StateNotKnown"}, c.shows()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
