package integration

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// buyer returns the events of a new customer who bought something once, a minute ago. The session has the metadata.
func buyer(shape Shape, metadata Object) (created, completed Event, charge Object) {
	now := time.Now().Add(-time.Minute).Truncate(time.Second)
	made := func(id, kind string, o Object) Event {
		return Event{ID: id, Type: kind, Created: now, Shape: shape, Object: o}
	}
	charge = Charge(shape, "ch_buyer", "cus_buyer", "pi_buyer", "succeeded", now)
	session := Purchase("cs_buyer", "cus_buyer", "pi_buyer", now).With("metadata", metadata)
	return made("evt_buyer1", "customer.created", Customer("cus_buyer", "ada@example.com", "Ada")),
		made("evt_buyer2", "checkout.session.completed", session), charge
}

// A purchase grants access for as long as its metadata says. Its full refund ends the access; a part does not, and a refund that
// fails restores it.
func TestAPurchaseGrantsAccessUntilItsRefund(t *testing.T) {
	t.Parallel()
	for _, shape := range []Shape{Old, New} {
		t.Run(string(shape), func(t *testing.T) {
			created, completed, charge := buyer(shape, Object{"tollkeeper_access": "30d", "tollkeeper_seats": "5"})
			later := func(after time.Duration, id, kind string, o Object) Event {
				return Event{ID: id, Type: kind, Created: completed.Created.Add(after), Shape: shape, Object: o}
			}
			o := start(t)
			unpaid := completed
			unpaid.Object = completed.Object.With("payment_status", "unpaid")
			o.send(created, unpaid)
			o.entitled("cus_buyer", "False AwaitingPayment")
			o.send(later(time.Second, "evt_buyer3", "checkout.session.async_payment_succeeded", completed.Object))
			o.entitled("cus_buyer", "True Purchased")

			c := o.customer("cus_buyer").Status
			want := completed.Created.Add(time.Second).AddDate(0, 0, 30)
			if c.AccessUntil == nil || !c.AccessUntil.Time.Equal(want) || c.Entitlements["seats"] != "5" || len(c.Entitlements) != 1 {
				t.Errorf("access until %v with %v, want %s with seats=5", c.AccessUntil, c.Entitlements, want)
			}
			if problem := purchases(c); problem != "pi_buyer Paid 30d" {
				t.Errorf("purchases: %s", problem)
			}

			o.send(later(2*time.Second, "evt_buyer4", "charge.refunded", Refunded(charge, 500)))
			o.settled()
			o.entitled("cus_buyer", "True Purchased")
			o.send(later(3*time.Second, "evt_buyer5", "charge.refunded", Refunded(charge, Amount)))
			o.entitled("cus_buyer", "False NoSubscription")
			if c := o.customer("cus_buyer").Status; c.Entitlements != nil || c.AccessUntil != nil {
				t.Errorf("after the refund: %v until %v", c.Entitlements, c.AccessUntil)
			}
			o.send(later(4*time.Second, "evt_buyer6", "refund.failed", Refund("re_1", "ch_buyer", "pi_buyer", "failed", Amount, completed.Created)))
			o.entitled("cus_buyer", "True Purchased")
		})
	}
}

// With a Stripe key, the metadata of the price alone grants access. Stripe is asked once.
func TestThePriceAloneGrantsAccess(t *testing.T) {
	t.Parallel()
	created, completed, _ := buyer(New, Object{})
	world := NewWorld(time.Now(), New, 1)
	world.Put(created.Object)
	price := Object{"id": "price_Course", "object": "price", "type": "one_time", "recurring": nil, "metadata": Object{"tollkeeper_access": "lifetime"}}
	world.Put(completed.Object.With("line_items", Object{"object": "list", "has_more": false, "data": []Object{
		{"id": "li_1", "object": "item", "quantity": 1, "price": price},
	}}))
	api, withStripe := stripe(t, world)
	o := start(t, withStripe)
	o.send(created, completed)
	o.entitled("cus_buyer", "True Purchased")
	entitled := meta.FindStatusCondition(o.customer("cus_buyer").Status.Conditions, v1alpha1.ConditionEntitled)
	if want := "The customer bought access that does not end."; entitled.Message != want {
		t.Errorf("the message is %q, want %q", entitled.Message, want)
	}
	o.settled()
	requests := 0
	for _, r := range api.Requests("/v1/checkout/sessions/") {
		if r.Query.Has("expand[]") {
			requests++
		}
	}
	if requests != 1 {
		t.Errorf("the session was read with its lines %d times, want once", requests)
	}
}

// A key that may not read checkout sessions does not hold up the comparison of the customer.
func TestAPurchaseThatMayNotBeReadHoldsUpNothing(t *testing.T) {
	t.Parallel()
	created, completed, _ := buyer(New, Object{})
	world := NewWorld(time.Now(), New, 1)
	world.Put(created.Object)
	world.Put(completed.Object)
	api, withStripe := stripe(t, world)
	api.Fail(1000, func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) bool {
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprint(w, `{"error": {"type": "invalid_request_error", "message": "not permitted"}}`)
		return true
	}, func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/v1/checkout/sessions/") })
	o := start(t, withStripe)
	o.send(created, completed)
	o.entitled("cus_buyer", "False NoSubscription")
	o.annotate(o.customer("cus_buyer"), v1alpha1.AnnotationResync, "now")
	o.eventually("the comparison", func() string {
		if last := o.customer("cus_buyer").Status.LastComparison; last == nil || last.Request != "now" {
			return fmt.Sprintf("is %+v", last)
		}
		return ""
	})
}

// Access that cannot be read is shown and reported. Once it is corrected at Stripe, a resync grants it.
func TestAccessThatCannotBeRead(t *testing.T) {
	t.Parallel()
	created, completed, _ := buyer(New, Object{"tollkeeper_access": "1m"})
	world := NewWorld(time.Now(), New, 1)
	world.Put(created.Object)
	world.Put(completed.Object.With("metadata", Object{"tollkeeper_access": "1mo"}))
	_, withStripe := stripe(t, world)
	o := start(t, withStripe)
	o.send(created, completed)
	o.eventually("the problem", func() string {
		if got := o.customer("cus_buyer").Status.Purchases; len(got) != 1 || got[0].Access != "1m" || got[0].Problem == "" {
			return fmt.Sprintf("purchases are %+v", got)
		}
		return ""
	})
	o.entitled("cus_buyer", "False NoSubscription")
	o.eventually("a warning", func() string {
		var list corev1.EventList
		if err := cluster.Client.List(t.Context(), &list, client.InNamespace(o.namespace)); err != nil {
			return err.Error()
		}
		for _, e := range list.Items {
			if e.Reason == "PurchaseNotReadable" && e.Type == corev1.EventTypeWarning && strings.Contains(e.Message, "pi_buyer") {
				return ""
			}
		}
		return "none among " + fmt.Sprint(len(list.Items))
	})
	o.annotate(o.customer("cus_buyer"), v1alpha1.AnnotationResync, "now")
	o.entitled("cus_buyer", "True Purchased")
}

// purchases describes the purchases of a status.
func purchases(c v1alpha1.CustomerStatus) string {
	var list []string
	for _, p := range c.Purchases {
		list = append(list, fmt.Sprintf("%s %s %s", p.ID, p.State, p.Access))
	}
	return strings.Join(list, ", ")
}

// A key that may not read charges does not hold up the comparison of a customer with a refund: its subscriptions are read.
func TestAKeyThatMayNotReadCharges(t *testing.T) {
	t.Parallel()
	world := NewWorld(time.Now().Add(-time.Hour), New, 1)
	world.Do(SignUp)
	world.Do(RefundAll)
	sub, customer := world.Objects("subscription")[0].ID(), world.Objects("customer")[0].ID()
	api, withStripe := stripe(t, world)
	api.Fail(1000, func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) bool {
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprint(w, `{"error": {"type": "invalid_request_error", "message": "not permitted"}}`)
		return true
	}, func(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/v1/charges") })
	o := start(t, withStripe)
	o.send(world.Events()...)
	o.settled()
	world.Amend(sub, func(s Object) { s["status"] = "unpaid" })
	o.annotate(o.customer(customer), v1alpha1.AnnotationResync, "now")
	o.entitled(customer, "False PaymentFailed")
	if len(api.Requests("/v1/charges")) == 0 {
		t.Error("the refunded charge was not read")
	}
}
