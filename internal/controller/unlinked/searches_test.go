package unlinked

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	testingclock "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

func dispute() *v1alpha1.BillingEvent {
	return &v1alpha1.BillingEvent{Spec: v1alpha1.BillingEventSpec{
		EventID: "evt_1", Type: "charge.dispute.created", ObjectID: "dp_1", ObjectKind: "dispute", ChargeID: "ch_1", Dispute: &v1alpha1.DisputeRecord{},
	}}
}

func ofAccount() *v1alpha1.BillingEvent {
	return &v1alpha1.BillingEvent{Spec: v1alpha1.BillingEventSpec{
		EventID: "evt_1", Type: "customer.updated", ObjectID: "acct_A", ObjectKind: "customer", CustomerAccount: "acct_A",
		Customer: &v1alpha1.CustomerRecord{},
	}}
}

// waits are events that wait, and what becomes of them.
var waits = map[string]struct {
	event func() *v1alpha1.BillingEvent
	// firstLook is the event's age when the controllers start.
	firstLook time.Duration
	// namedFrom is the event's age from which on a recorded event names the customer; 0 for never.
	namedFrom time.Duration
	// stripe is what Stripe answers at that age; nil without a key.
	stripe       func(age time.Duration) (int, string)
	wantSearched []string
	wantAsked    int // the number of requests to Stripe; -1 for many
	wantCustomer string
	wantMessage  string // a part of it
}{
	"a payment, without a key": {
		event: dispute, wantSearched: []string{"1s", "16s", "3m4s", "31m4s", "1h0m0s"}, wantMessage: "was found within 1h0m0s",
	},
	"a payment whose customer is named late, without a key": {
		event: dispute, namedFrom: 10 * time.Second, wantSearched: []string{"1s", "16s"}, wantCustomer: "cus_named",
	},
	"a payment, with a key": {
		event: dispute, stripe: charge("cus_stripe"), wantSearched: []string{"1s"}, wantAsked: 1, wantCustomer: "cus_stripe",
	},
	"a payment that Stripe does not know": {
		event: dispute, stripe: missing, wantSearched: []string{"1s", "16s", "3m4s", "31m4s", "1h0m0s"}, wantAsked: -1,
		wantMessage: "Stripe does not know the payment",
	},
	"a payment, after the controllers were down": {
		event: dispute, firstLook: 2 * time.Hour, stripe: charge("cus_stripe"), wantSearched: []string{"2h0m0s"}, wantAsked: 1,
		wantCustomer: "cus_stripe",
	},
	"a payment, after the controllers were down, while Stripe fails": {
		event: dispute, firstLook: 2 * time.Hour, stripe: failing(2*time.Hour+30*time.Minute, charge("cus_stripe")),
		wantSearched: []string{"2h0m0s"}, wantAsked: 31, wantCustomer: "cus_stripe",
	},
	"a payment, after the controllers were down, while Stripe fails for longer than the timeout": {
		event: dispute, firstLook: 2 * time.Hour, stripe: failing(9*time.Hour, missing),
		wantSearched: []string{"2h0m0s"}, wantAsked: 61, wantMessage: "Stripe could not be asked",
	},
	"an Account, without a key": {
		event: ofAccount, wantSearched: []string{"0s", "2s"}, wantCustomer: "acct_A",
	},
	"an Account that is named beside a customer by an event that comes later": {
		event: ofAccount, namedFrom: time.Second, wantSearched: []string{"0s", "2s"}, wantCustomer: "cus_named",
	},
	"an Account, after the controllers were down": {
		event: ofAccount, firstLook: 2 * time.Hour, stripe: customer("cus_stripe"), wantSearched: []string{"2h0m0s"}, wantAsked: 1,
		wantCustomer: "cus_stripe",
	},
	"an Account, while Stripe fails for longer than the timeout": {
		event: ofAccount, stripe: failing(9*time.Hour, missing),
		wantSearched: []string{"0s", "2s", "1m2s", "11m2s"}, wantAsked: 61, wantCustomer: "acct_A",
	},
}

// All events are searched for the customer of an event some times, and not each time that the event is looked at. The last search is
// that after which the event ends without a customer, or an Account becomes one. Stripe is asked before that, and is waited for.
func TestWhenEventsAreSearched(t *testing.T) {
	const delay, timeout = 2 * time.Second, time.Hour
	for name, tc := range waits {
		t.Run(name, func(t *testing.T) {
			w := newWait(t, tc.event(), tc.firstLook, tc.namedFrom, tc.stripe)
			w.r.LinkTimeout, w.r.StripeDelay = timeout, delay
			e := w.untilEnd(t)
			if diff := cmp.Diff(tc.wantSearched, w.searched); diff != "" {
				t.Errorf("searched for at (-want +got):\n%s", diff)
			}
			if tc.wantAsked != w.asked && (tc.wantAsked >= 0 || w.asked < 30) {
				t.Errorf("Stripe was asked %d times, want %d", w.asked, tc.wantAsked)
			}
			if e.Status.CustomerID != tc.wantCustomer || !strings.Contains(e.Status.Message, tc.wantMessage) {
				t.Errorf("customer %q, message %q; want %q and %q", e.Status.CustomerID, e.Status.Message, tc.wantCustomer, tc.wantMessage)
			}
			if notFound := e.Status.Reason == v1alpha1.RecordedCustomerNotFound; notFound != (tc.wantCustomer == "") {
				t.Errorf("the event ends as %s %s", e.Status.Outcome, e.Status.Reason)
			}
			if n := len(w.r.searches.byEvent); n != 0 {
				t.Errorf("%d events are remembered", n)
			}
		})
	}
}

// wait is the time in which the controller looks for the customer of one event.
type wait struct {
	r        *Reconciler
	clock    *testingclock.FakePassiveClock
	event    *v1alpha1.BillingEvent
	searched []string // the event's ages
	asked    int
}

var began = time.Unix(1_800_000_000, 0)

func newWait(t *testing.T, e *v1alpha1.BillingEvent, firstLook, namedFrom time.Duration, stripe func(time.Duration) (int, string)) *wait {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	e.Namespace, e.Name, e.UID, e.CreationTimestamp = "billing", "event", "1", metav1.NewTime(began)
	w := &wait{clock: testingclock.NewFakePassiveClock(began.Add(firstLook)), event: e}
	none := func(client.Object) []string { return nil }
	w.r = &Reconciler{
		Client: fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(e).WithObjects(e).
			WithIndex(&v1alpha1.BillingEvent{}, routing.ByPayment, none).WithIndex(&v1alpha1.Customer{}, routing.ByPayment, none).
			WithIndex(&v1alpha1.Customer{}, routing.ByAccount, none).Build(),
		Reader: interceptor.NewClient(fake.NewClientBuilder().WithScheme(scheme).Build(), interceptor.Funcs{
			List: func(_ context.Context, _ client.WithWatch, list client.ObjectList, _ ...client.ListOption) error {
				w.searched = append(w.searched, w.age().String())
				if namedFrom > 0 && w.age() >= namedFrom {
					list.(*v1alpha1.BillingEventList).Items = []v1alpha1.BillingEvent{{Spec: v1alpha1.BillingEventSpec{CustomerID: "cus_named"}}}
				}
				return nil
			},
		}),
		Clock: w.clock,
	}
	if stripe != nil {
		server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
			w.asked++
			code, body := stripe(w.age())
			answer.WriteHeader(code)
			_, _ = answer.Write([]byte(body))
		}))
		t.Cleanup(server.Close)
		w.r.Stripe = stripeapi.New("sk_test_1", server.URL, "")
		w.r.Stripe.LimitRate(10_000)
	}
	return w
}

func (w *wait) age() time.Duration { return w.clock.Since(began) }

// untilEnd reconciles the event each time that it is due, and a minute after an error, until it has ended or is linked.
func (w *wait) untilEnd(t *testing.T) *v1alpha1.BillingEvent {
	for range 1000 {
		result, err := w.r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(w.event)})
		switch {
		case err != nil:
			w.clock.SetTime(w.clock.Now().Add(time.Minute))
		case result.RequeueAfter > 0:
			w.clock.SetTime(w.clock.Now().Add(result.RequeueAfter))
		default:
			e := &v1alpha1.BillingEvent{}
			if err := w.r.Client.Get(t.Context(), client.ObjectKeyFromObject(w.event), e); err != nil {
				t.Fatal(err)
			}
			return e
		}
	}
	t.Fatal("the event does not end")
	return nil
}

func charge(customerID string) func(time.Duration) (int, string) {
	return func(time.Duration) (int, string) {
		return http.StatusOK, `{"id": "ch_1", "object": "charge", "customer": "` + customerID + `"}`
	}
}

func customer(id string) func(time.Duration) (int, string) {
	return func(time.Duration) (int, string) { return http.StatusOK, `{"id": "` + id + `", "object": "customer"}` }
}

func missing(time.Duration) (int, string) {
	return http.StatusNotFound, `{"error": {"type": "invalid_request_error", "code": "resource_missing", "message": "No such object"}}`
}

// failing fails until the event has that age.
func failing(until time.Duration, then func(time.Duration) (int, string)) func(time.Duration) (int, string) {
	return func(age time.Duration) (int, string) {
		if age < until {
			return http.StatusInternalServerError, `{"error": {"type": "api_error", "message": "an error"}}`
		}
		return then(age)
	}
}

// An event that names the customer has those looked at that wait for it, and searched for again.
func TestAnEventThatIsWaitedFor(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	waiting := dispute()
	waiting.Namespace, waiting.Name, waiting.UID = "billing", "event", "1"
	r := &Reconciler{
		Client: fake.NewClientBuilder().WithScheme(scheme).WithObjects(waiting).
			WithIndex(&v1alpha1.BillingEvent{}, routing.ByUnlinkedPayment, routing.UnlinkedPaymentsOf).Build(),
	}
	r.searches.begin(waiting, time.Minute)()
	for _, tc := range []struct {
		name  string
		event v1alpha1.BillingEventSpec
		want  int // events that are looked at
	}{
		{"of no customer", v1alpha1.BillingEventSpec{ChargeID: "ch_1"}, 0},
		{"of another payment", v1alpha1.BillingEventSpec{ChargeID: "ch_2", CustomerID: "cus_A"}, 0},
		{"of another account", v1alpha1.BillingEventSpec{ChargeID: "ch_1", CustomerID: "cus_A", Account: "acct_2"}, 0},
		{"of the payment's customer", v1alpha1.BillingEventSpec{ChargeID: "ch_1", CustomerID: "cus_A"}, 1},
	} {
		e := &v1alpha1.BillingEvent{Spec: tc.event}
		e.Namespace = "billing"
		requests := r.waitingFor(t.Context(), e)
		if len(requests) != tc.want || r.searches.isDue(waiting, 2*time.Minute, time.Hour) != (tc.want > 0) {
			t.Errorf("%s: looked at are %v, searched for: %v", tc.name, requests, r.searches.isDue(waiting, 2*time.Minute, time.Hour))
		}
	}
}

// A search may have missed an event that came while it went on: then it does not count.
func TestNewsDuringASearch(t *testing.T) {
	var s searches
	e := dispute()
	ended := s.begin(e, time.Minute)
	s.renew(e)
	ended()
	if !s.isDue(e, time.Minute, time.Hour) {
		t.Error("it is not searched for again")
	}
	s.begin(e, time.Minute)()
	if s.isDue(e, 2*time.Minute, time.Hour) {
		t.Error("it is searched for once more")
	}
}

// An event of the same name, as after a restore of a backup, is another one.
func TestAnEventThatIsCreatedAgain(t *testing.T) {
	var s searches
	e := dispute()
	e.UID = "1"
	s.begin(e, 59*time.Minute)()
	e.UID = "2"
	if !s.isDue(e, time.Second, time.Hour) || s.waited(e, time.Minute) != 59*time.Second {
		t.Errorf("it is not searched for, or has waited %s", s.waited(e, time.Minute))
	}
}
