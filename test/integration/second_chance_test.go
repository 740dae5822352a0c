package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/controller/retry"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// eventsAtStripe serves events by their ids, as Stripe does for 30 days.
type eventsAtStripe struct {
	mutex  sync.Mutex
	events map[string]Event
	asked  []string
}

func (s *eventsAtStripe) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	id, isEvent := strings.CutPrefix(r.URL.Path, "/v1/events/")
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
	e, known := s.events[id]
	if isEvent {
		s.asked = append(s.asked, id)
	}
	if !isEvent || !known {
		w.WriteHeader(http.StatusNotFound)
		_ = json.NewEncoder(w).Encode(Object{"error": Object{"type": "invalid_request_error", "code": "resource_missing", "message": "No such event"}})
		return
	}
	_, _ = w.Write(e.JSON())
}

func (s *eventsAtStripe) put(events ...Event) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, e := range events {
		s.events[e.ID] = e
	}
}

// keep starts Stripe with no events. The second result configures an operator to read them.
func keep(t *testing.T) (*eventsAtStripe, func(*config.Config)) {
	t.Helper()
	s := &eventsAtStripe{events: map[string]Event{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, func(c *config.Config) {
		c.Stripe.SecretKey, c.Stripe.APIBase = stripeKey, server.URL
		c.Import, c.BackfillInterval, c.ResyncInterval, c.RefetchDelay = config.ImportNone, 0, 0, time.Hour
	}
}

// A cancellation with an unreadable quantity ends the subscription. The event has a warning, and the Subscription says which field
// is not known.
func TestAnUnreadableFieldDoesNotCostTheEvent(t *testing.T) {
	t.Parallel()
	o, now := start(t), time.Now().Truncate(time.Second)
	sub := Subscription(New, "sub_A", "cus_A", "canceled", now.Add(-time.Hour), now.AddDate(0, 1, 0)).With("ended_at", now.Unix())
	item := sub["items"].(Object)["data"].([]Object)[0].With("quantity", 1.5)
	sub = sub.With("items", Object{"object": "list", "data": []Object{item}})
	o.send(
		Event{ID: "evt_made", Type: "customer.created", Created: now.Add(-time.Hour), Shape: New, Object: Customer("cus_A", "a@example.com", "Ada")},
		Event{ID: "evt_ended", Type: "customer.subscription.deleted", Created: now, Shape: New, Object: sub},
	)
	o.settled()
	o.entitled("cus_A", "False SubscriptionEnded")
	o.inSync("sub_A", "Unknown FieldsUnreadable")
	e := o.event("evt_ended")
	if diff := cmp.Diff([]string{"items.data[].quantity: want an integer, got a number"}, e.Spec.Warnings); diff != "" || e.Status.Outcome != v1alpha1.OutcomeApplied {
		t.Errorf("outcome %s; warnings (-want +got):\n%s", e.Status.Outcome, diff)
	}
}

// A Failed event that could not be read is read from Stripe again for a retry, and applied. While that is not possible, its message
// says why.
func TestARetryReadsTheEventAgain(t *testing.T) {
	t.Parallel()
	atStripe, withStripe := keep(t)
	o, now := start(t), time.Now().Truncate(time.Second)
	ended := Event{
		ID: "evt_ended", Type: "customer.subscription.deleted", Created: now, Shape: New,
		Object: Subscription(New, "sub_A", "cus_A", "canceled", now.Add(-time.Hour), now.AddDate(0, 1, 0)),
	}
	spoiled := ended
	spoiled.Object = ended.Object.With("customer", 7).With("quantity", "secret")
	o.send(Event{ID: "evt_made", Type: "customer.created", Created: now.Add(-time.Hour), Shape: New, Object: Customer("cus_A", "a@example.com", "Ada")}, spoiled)
	o.settled()
	refused := func(request, why string) {
		t.Helper()
		o.annotate(o.event("evt_ended"), v1alpha1.AnnotationRetry, request)
		o.eventually("the retry is answered", func() string {
			e := o.event("evt_ended")
			if e.Status.Outcome == v1alpha1.OutcomeFailed && e.Status.Retried == request && strings.Contains(e.Status.Message, why) {
				return ""
			}
			return fmt.Sprintf("%s %q %q, want Failed and %q", e.Status.Outcome, e.Status.Retried, e.Status.Message, why)
		})
	}
	refused("without a key", "Set STRIPE_SECRET_KEY within 30 days")
	o.stop()
	o = startIn(t, o.namespace, withStripe)
	refused("too late", "it keeps events for 30 days. To get the present state of the customer, annotate")
	atStripe.put(spoiled)
	refused("still spoiled", "still cannot be used: customer: want an id, got a number")
	atStripe.put(ended)
	o.annotate(o.event("evt_ended"), v1alpha1.AnnotationRetry, "now")
	o.entitled("cus_A", "False SubscriptionEnded")
	o.settled()
	e := o.event("evt_ended")
	if e.Status.Outcome != v1alpha1.OutcomeApplied || e.Status.CustomerID != "cus_A" || e.Status.Refetched == nil || e.Status.Refetched.Subscription == nil ||
		e.Spec.DecodeError == "" {
		t.Errorf("after the retry: %s of %q, read again: %+v", e.Status.Outcome, e.Status.CustomerID, e.Status.Refetched)
	}

	// What was read again is folded again when the Subscription comes back after its deletion.
	if err := cluster.Client.Delete(t.Context(), o.subscription("sub_A")); err != nil {
		t.Fatal(err)
	}
	o.eventually("the subscription comes back", func() string {
		if s := o.subscription("sub_A"); s.Status.Status != "canceled" {
			return "its status is " + s.Status.Status
		}
		return ""
	})
}

// Events that were recorded for the mode or for their type are applied once the configuration or the version handles them: a label
// before that is answered with the reason, and a guest's payment stays Recorded.
func TestRecordedEventsAreTakenUp(t *testing.T) {
	t.Parallel()
	atStripe, withStripe := keep(t)
	live := func(c *config.Config) { c.Livemode = new(true) }
	o, now := start(t, withStripe, live), time.Now().Truncate(time.Second)
	begin, end := now.Add(-time.Hour), now.AddDate(0, 1, 0)
	made := Event{ID: "evt_made", Type: "customer.created", Created: begin, Shape: New, Object: Customer("cus_A", "a@example.com", "Ada")}
	subscribed := Event{
		ID: "evt_subscribed", Type: "customer.subscription.created", Created: begin, Shape: New,
		Object: Subscription(New, "sub_A", "cus_A", "active", begin, end),
	}
	guest := Event{
		ID: "evt_guest", Type: "charge.succeeded", Created: now, Shape: New, Livemode: true,
		Object: Charge(New, "ch_1", "", "pi_1", "succeeded", now).With("customer", nil),
	}
	o.send(made, guest)
	// As a version records a type that it does not handle: the envelope alone.
	unknown := &v1alpha1.BillingEvent{}
	unknown.Namespace, unknown.Name = o.namespace, naming.Object("", subscribed.ID)
	unknown.Labels = naming.Labels(subscribed.Type, "cus_A", "sub_A")
	unknown.Spec = v1alpha1.BillingEventSpec{
		EventID: subscribed.ID, Type: subscribed.Type, ObjectID: "sub_A", ObjectKind: "subscription", CustomerID: "cus_A", SubscriptionID: "sub_A",
		PayloadSHA256: strings.Repeat("0", 64),
	}
	unknown.Spec.Created.Time = subscribed.Created
	if err := cluster.Client.Create(t.Context(), unknown); err != nil {
		t.Fatal(err)
	}
	o.settled()
	reasons := func() map[string]string {
		found := map[string]string{}
		for _, e := range o.events() {
			found[e.Spec.EventID] = strings.TrimSpace(string(e.Status.Outcome) + " " + string(e.Status.Reason))
		}
		return found
	}
	want := map[string]string{"evt_made": "Recorded OtherMode", "evt_guest": "Recorded NoCustomer", "evt_subscribed": "Recorded OtherMode"}
	if diff := cmp.Diff(want, reasons()); diff != "" {
		t.Fatalf("outcomes (-want +got):\n%s", diff)
	}
	label := func(id, request string) {
		t.Helper()
		e := o.event(id)
		e.Labels[v1alpha1.LabelRetry] = request
		if err := cluster.Client.Update(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		o.eventually("the label is answered", func() string {
			if e := o.event(id); e.Status.Retried != request || e.Status.Outcome != v1alpha1.OutcomeRecorded {
				return fmt.Sprintf("%s, answered %q", e.Status.Outcome, e.Status.Retried)
			}
			return ""
		})
	}
	label("evt_made", "1")
	label("evt_guest", "1")
	if got := o.event("evt_made").Status.Message; !strings.Contains(got, "change --livemode") {
		t.Errorf("the answer is %q", got)
	}

	atStripe.put(subscribed)
	o.stop()
	o = startIn(t, o.namespace, withStripe)
	o.entitled("cus_A", "True SubscriptionActive")
	o.settled()
	want = map[string]string{"evt_made": "Applied", "evt_guest": "Recorded NoCustomer", "evt_subscribed": "Applied"}
	o.eventually("the events are applied", func() string { return cmp.Diff(want, reasons()) })
	if diff := cmp.Diff([]string{"evt_subscribed"}, atStripe.asked); diff != "" {
		t.Errorf("read from Stripe (-want +got):\n%s", diff)
	}
	var noted corev1.ConfigMap
	o.eventually("the scope is noted", func() string {
		err := cluster.Client.Get(t.Context(), client.ObjectKey{Namespace: o.namespace, Name: retry.ConfigMapName}, &noted)
		if err != nil {
			return err.Error()
		}
		return ""
	})
}
