package projection_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the cases
)

// maxObject is how large a status may be, in bytes of JSON. etcd refuses requests over 1.5 MiB; the rest is for the object's
// metadata.
const maxObject = 1 << 20

// A customer with more of everything than a status holds keeps within the CRD's bound of positions and etcd's of objects.
func TestTheFullestCustomerKeepsWithinTheBounds(t *testing.T) {
	keys := func(n int) []string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf("%03d%s", i, strings.Repeat("f", 77))
		}
		return list
	}
	a := &projection.Aggregate{Subscriptions: map[string]*v1alpha1.SubscriptionStatus{}}
	for n := range 150 {
		after, id := time.Duration(n)*time.Second, fmt.Sprintf("%03d%s", n, strings.Repeat("x", 240))
		charge := Charge(New, "ch_"+id, customer, "pi_"+id, "succeeded", begin.Add(after)).With("payment_method", "pm_"+id)
		for _, e := range []Event{
			at(after, "customer.updated", Customer(customer, "a@example.com", "Ada")),
			at(after, "charge.succeeded", charge),
			at(after, "charge.failed", Declined(charge)),
			at(after, "charge.refunded", Refunded(charge, Amount)),
			at(after, "refund.failed", Refund("re_"+id, "ch_"+id, "pi_"+id, "failed", Amount, begin)),
			at(after, "charge.dispute.created", Dispute("dp_"+id, "ch_"+id, "pi_"+id, begin, begin)),
			at(after, "customer.source.created", Card("card_"+id, customer, 8, 2031)),
			at(after, "invoice_payment.paid", InvoicePayment("inpay_"+id, "in_"+id, "pi_"+id, Amount, begin)),
			at(after, "payment_intent.requires_action", PaymentIntent(New, "pi_"+id, customer, "", "requires_action", begin.Add(after))),
			at(after, "setup_intent.succeeded", Object{"id": "seti_" + id, "object": "setup_intent", "customer": customer, "status": "succeeded", "created": begin.Unix()}),
			at(after, "checkout.session.completed", Purchase("cs_"+id, customer, "pi_"+id, begin)),
		} {
			projection.Fold(a, []projection.Change{change(t, e)})
		}
		a.Subscriptions["sub_"+id] = &v1alpha1.SubscriptionStatus{SubscriptionState: v1alpha1.SubscriptionState{
			Status: "active", Items: []v1alpha1.SubscriptionItem{{Product: "prod_" + id}},
		}}
		projection.Read(a, projection.MissingProduct("", "prod_"+id, metav1.NewTime(begin)))
		for i, more := range []bool{false, true} { // the whole list, and then a newer one that is cut
			projection.Fold(a, []projection.Change{events.Change(&projection.Event{
				EventID: fmt.Sprint("evt_", n, i), Type: "entitlements.active_entitlement_summary.updated", Created: metav1.NewTime(begin.Add(after)),
				CustomerID: customer, Features: &v1alpha1.FeaturesRecord{FeatureList: v1alpha1.FeatureList{Keys: keys(200), More: more}},
			})})
		}
	}
	projection.Summarise(a, projection.View{Name: func(id string) string { return id }, Now: begin})
	for _, part := range []string{"profile", "features", "cutFeatures", "lastPayment", "lastFailure", "latestPaymentIntent", "latestSetup"} {
		if _, found := a.Customer.Positions[part]; !found {
			t.Errorf("the position of %s is missing: the customer is not the fullest", part)
		}
	}
	perPrefix := map[string]int{}
	for part := range a.Customer.Positions {
		if prefix, _, found := strings.Cut(part, "/"); found {
			perPrefix[prefix]++
		}
	}
	if want := (map[string]int{"paymentMethod": 20, "refund": 20, "dispute": 20, "failedRefund": 10, "product": 20, "intent": 8}); !maps.Equal(perPrefix, want) {
		t.Errorf("positions of lists: %v, want %v", perPrefix, want)
	}
	if have := len(a.Customer.Positions); have > mostPositions {
		t.Errorf("%d positions, and there is room for %d", have, mostPositions)
	}
	checkSize(t, a.Customer)
}

// mostPositions is how many positions certainly have room in a status: see TestTheMostPositionsFit in api/v1alpha1.
const mostPositions = 128

// A subscription that was read with a hundred long items, and of which an event has then reported the first ones, keeps within
// etcd's bound of objects.
func TestTheLongestSubscriptionKeepsWithinTheBound(t *testing.T) {
	metadata := Object{}
	for n := range 50 {
		metadata[fmt.Sprintf("tollkeeper_%02d%s", n, strings.Repeat("k", 24))] = strings.Repeat("v", 500)
	}
	o := longSubscription(100)
	items := o["items"].(Object)["data"].([]Object)
	for i, item := range items {
		price := item["price"].(Object)
		items[i] = item.With("price", price.With("id", fmt.Sprintf("price_%03d%s", i, strings.Repeat("p", 240))).With("product", "prod_"+strings.Repeat("q", 240)).
			With("nickname", strings.Repeat("n", 500)).With("lookup_key", strings.Repeat("l", 200)).With("metadata", metadata))
	}
	a := &projection.Aggregate{}
	projection.Read(a, readingOf(t, o, begin))
	projection.Fold(a, []projection.Change{change(t, at(time.Minute, "customer.subscription.updated", o))})
	s := a.Subscriptions["sub_A"]
	if len(s.Items)+len(s.RestItems) < 100 {
		t.Fatalf("%d items and %d more: want a hundred", len(s.Items), len(s.RestItems))
	}
	checkSize(t, s)
}

func checkSize(t *testing.T, status any) {
	t.Helper()
	text, err := json.Marshal(status)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", len(text))
	if len(text) > maxObject {
		t.Errorf("%d bytes of JSON, want at most %d", len(text), maxObject)
	}
}
