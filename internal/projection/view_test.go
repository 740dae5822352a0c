package projection_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the lives
)

func summarise(a *projection.Aggregate, entitling ...string) {
	view := projection.View{Entitling: entitling, Name: func(id string) string { return id }, Now: begin}
	if len(entitling) > 0 {
		view.Deciding = entitling[0]
	}
	projection.Summarise(a, view)
}

// All plans that a customer has bought are visible, and metered add-ons are none.
func TestPlansOfAllEntitlingSubscriptions(t *testing.T) {
	one := new(int64(1))
	item := func(key string, quantity *int64) v1alpha1.SubscriptionItem {
		return v1alpha1.SubscriptionItem{LookupKey: key, Quantity: quantity}
	}
	subscription := func(items ...v1alpha1.SubscriptionItem) *v1alpha1.SubscriptionStatus {
		return &v1alpha1.SubscriptionStatus{SubscriptionState: v1alpha1.SubscriptionState{Items: items}}
	}
	a := &projection.Aggregate{Subscriptions: map[string]*v1alpha1.SubscriptionStatus{
		"sub_A": subscription(item("usage", nil), item("pro", one), item("support", one)),
		"sub_B": subscription(item("calls", nil)),
		"sub_C": subscription(item("pro", one), item("backup", one)),
		"sub_D": subscription(item("ended", one)),
	}}
	summarise(a, "sub_A", "sub_B", "sub_C")
	if diff := cmp.Diff([]string{"pro", "support", "calls", "backup"}, a.Customer.Plans); diff != "" {
		t.Errorf("plans (-want +got):\n%s", diff)
	}
	summarise(a)
	if a.Customer.Plans != nil {
		t.Errorf("nothing entitles, and the plans are %v", a.Customer.Plans)
	}
}

// An invoice shows the payment that paid it: old API versions name it, new ones report it apart.
func TestAPaidInvoiceShowsItsPayment(t *testing.T) {
	for _, shape := range []Shape{Old, New} {
		t.Run(string(shape), func(t *testing.T) {
			invoice := Invoice(shape, "in_1", customer, "sub_A", "paid", Amount, begin, begin.AddDate(0, 1, 0))
			life := []Event{
				{ID: "evt_1", Type: "invoice.paid", Created: begin, Shape: shape, Object: invoice},
				{ID: "evt_2", Type: "invoice_payment.paid", Created: begin.Add(time.Second), Shape: shape,
					Object: InvoicePayment("inpay_2", "in_2", "pi_2", Amount, begin)},
			}
			if shape == Old {
				life[0].Object = invoice.With("payment_intent", "pi_1")
			} else {
				link := InvoicePayment("inpay_1", "in_1", "pi_1", Amount, begin)
				life = append(life, Event{ID: "evt_3", Type: "invoice_payment.paid", Created: begin, Shape: shape, Object: link})
			}
			var a projection.Aggregate
			for _, e := range life {
				decoded, err := events.Decoder{}.Decode(e.JSON())
				if err != nil {
					t.Fatal(err)
				}
				projection.Fold(&a, []projection.Change{events.Change(decoded)})
			}
			summarise(&a)
			for name, shown := range map[string]*v1alpha1.Invoice{"customer": a.Customer.LatestInvoice, "subscription": a.Subscriptions["sub_A"].LatestInvoice} {
				if shown.PaymentIntentID != "pi_1" {
					t.Errorf("the %s's invoice was paid by %q, want pi_1", name, shown.PaymentIntentID)
				}
			}
		})
	}
}

// The list of payments of invoices is bounded, and keeps the newest in any order.
func TestTheNewestPaymentsOfInvoicesAreKept(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		var a projection.Aggregate
		for _, n := range append(random.Perm(60), 3, 59) {
			projection.PaymentOfInvoice(&a, &projection.Event{
				ObjectID: fmt.Sprintf("inpay_%02d", n), Payment: &v1alpha1.PaymentRecord{InvoiceID: "in_1"},
				Created: metav1.Time{Time: begin.Add(time.Duration(n) * time.Second)},
			})
		}
		list := a.Customer.InvoicePayments
		if len(list) != 8 || list[0].ID != "inpay_59" || list[7].ID != "inpay_52" {
			t.Errorf("%d payments are kept, want those from 59 to 52: %v", len(list), list)
		}
	}
}

// A link that is older than all that are kept names the payment of the present period all the same, in one batch or one by one.
func TestALateLinkNamesThePaymentOfAPeriod(t *testing.T) {
	changes := []projection.Change{change(t, at(hour, "invoice.paid", bill("paid", Amount)))}
	for n := range 9 {
		id := fmt.Sprint(n + 2)
		changes = append(changes, change(t, at(time.Duration(n+10)*hour, "invoice_payment.paid", InvoicePayment("inpay_"+id, "in_"+id, "pi_"+id, Amount, begin))))
	}
	changes = append(changes, change(t, at(hour, "invoice_payment.paid", InvoicePayment("inpay_1", "in_1", "pi_1", Amount, begin))))
	batch, single := projection.Aggregate{}, projection.Aggregate{}
	projection.Fold(&batch, changes)
	for _, c := range changes {
		projection.Fold(&single, []projection.Change{c})
	}
	for name, a := range map[string]projection.Aggregate{"one batch": batch, "one by one": single} {
		if got := a.Subscriptions["sub_A"].PaidBy; got.InvoiceID != "in_1" || got.PaymentIntentID != "pi_1" {
			t.Errorf("%s: the period rests on %+v, want in_1 paid by pi_1", name, got)
		}
	}
}

// What paid the present period of a subscription stays known when many payments of other invoices have followed.
func TestThePaymentOfAPeriodStays(t *testing.T) {
	a := projection.Aggregate{}
	paid := bill("paid", Amount)
	projection.Fold(&a, []projection.Change{change(t, at(hour, "invoice.paid", paid))})
	for n := range 60 {
		id := fmt.Sprint(n + 1)
		link := InvoicePayment("inpay_"+id, "in_"+id, "pi_"+id, Amount, begin)
		projection.Fold(&a, []projection.Change{change(t, at(time.Duration(n+2)*hour, "invoice_payment.paid", link))})
	}
	if got := a.Subscriptions["sub_A"].PaidBy; got.InvoiceID != "in_1" || got.PaymentIntentID != "pi_1" {
		t.Errorf("the period rests on %+v, want in_1 paid by pi_1", got)
	}
}
