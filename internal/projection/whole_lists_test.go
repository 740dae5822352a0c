package projection_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the cases
)

// longSubscription has n items, of which Stripe sends ten.
func longSubscription(n int) Object {
	subscription := Subscription(Old, "sub_A", customer, "active", begin, end)
	var items []Object
	for i := range n {
		items = append(items, Object{"id": fmt.Sprintf("si_%d", i), "object": "subscription_item", "quantity": 1, "price": Object{
			"id": fmt.Sprintf("price_%d", i), "object": "price", "product": Product, "metadata": Object{fmt.Sprintf("tollkeeper_%d", i): "yes"},
		}})
	}
	return subscription.With("items", Object{"object": "list", "data": items, "has_more": false})
}

// longInvoice is a paid invoice of sub_A with twelve lines: ten of them bill until end, and the last two sub_A and sub_B until
// later.
func longInvoice(later time.Time) Object {
	invoice := Invoice(Old, "in_1", customer, "sub_A", "paid", 12*Amount, begin, end)
	var lines []Object
	for i := range 12 {
		line := Object{
			"id": fmt.Sprintf("il_%d", i), "object": "line_item", "type": "subscription", "subscription": "sub_A", "amount": Amount,
			"period": Object{"start": begin.Unix(), "end": end.Unix()},
		}
		if i >= 10 {
			line["period"] = Object{"start": begin.Unix(), "end": later.Unix()}
		}
		if i == 11 {
			line["subscription"] = "sub_B"
		}
		lines = append(lines, line)
	}
	return invoice.With("lines", Object{"object": "list", "data": lines, "has_more": false})
}

// The rest of a subscription's items is read, and is no difference.
func TestTheRestOfTheItemsIsRead(t *testing.T) {
	for _, shape := range []Shape{Old, New} {
		var a projection.Aggregate
		long := longSubscription(12)
		report := func(id string, at time.Duration) {
			projection.Fold(&a, []projection.Change{change(t, Event{
				ID: id, Type: "customer.subscription.created", Created: begin.Add(at), Shape: shape, Object: Render(long, shape),
			})})
		}
		read := func(at time.Duration) projection.Difference {
			return projection.Read(&a, readingOf(t, RenderWhole(long, New), begin.Add(at)))
		}
		items := func() string {
			s := a.Subscriptions["sub_A"]
			return fmt.Sprintf("%d more %t", len(s.Items), s.MoreItems)
		}
		for i := range 2 {
			at := time.Duration(i) * hour
			report(fmt.Sprintf("evt_%d", i), at)
			if got := items(); got != "10 more true" || len(projection.InDoubt(&a, customer)) != 1 {
				t.Errorf("%s: after the event: %s items, in doubt %v", shape, got, projection.InDoubt(&a, customer))
			}
			view := projection.View{Entitling: []string{"sub_A"}, Name: func(id string) string { return id }, Now: begin}
			projection.Summarise(&a, view)
			if want := 10 + 2*i; len(a.Customer.Entitlements) != want || len(a.Customer.Plans) != want { // what was read before stays
				t.Errorf("%s: event %d leaves %d entitlements and %d plans, want %d", shape, i, len(a.Customer.Entitlements), len(a.Customer.Plans), want)
			}
			for n := range 2 {
				if d := read(at + time.Duration(n+1)*time.Minute); differs(d) || items() != "12 more false" {
					t.Errorf("%s: after reading %d: %s items, differs in %+v", shape, n, items(), d)
				}
			}
			if doubts := projection.InDoubt(&a, customer); len(doubts) > 0 {
				t.Errorf("%s: the reading leaves doubts: %v", shape, doubts)
			}
		}
	}
}

// The plan is named by the licensed item, which Stripe sends in no event.
func TestThePlanIsThatOfAllItems(t *testing.T) {
	long := longSubscription(11)
	for i, item := range long["items"].(Object)["data"].([]Object)[:10] {
		delete(item, "quantity")
		item["price"] = item["price"].(Object).With("recurring", Object{"usage_type": "metered"}).With("id", fmt.Sprintf("price_usage_%d", i))
	}
	var a projection.Aggregate
	plan := func() string { return a.Subscriptions["sub_A"].Plan }
	for i := range 2 {
		at := begin.Add(time.Duration(i) * hour)
		projection.Fold(&a, []projection.Change{change(t, Event{
			ID: fmt.Sprintf("evt_%d", i), Type: "customer.subscription.updated", Created: at, Shape: New, Object: Render(long, New),
		})})
		if want := []string{"price_usage_0", "price_10"}[i]; plan() != want { // what was read before stays
			t.Errorf("after event %d the plan is %q, want %q", i, plan(), want)
		}
		projection.Read(&a, readingOf(t, RenderWhole(long, New), at.Add(time.Minute)))
		if plan() != "price_10" {
			t.Errorf("after reading %d the plan is %q", i, plan())
		}
	}
}

// What the rest of an invoice's lines pays for is read. An event that comes after does not undo it.
func TestTheRestOfTheLinesIsRead(t *testing.T) {
	later := end.AddDate(0, 9, 0)
	for _, shape := range []Shape{Old, New} {
		var a projection.Aggregate
		fold := func(id, eventType string, at time.Duration, o Object) {
			projection.Fold(&a, []projection.Change{change(t, Event{ID: id, Type: eventType, Created: begin.Add(at), Shape: shape, Object: Render(o, shape)})})
		}
		check := func(when string, wantA, wantB *metav1.Time, lines v1alpha1.InvoiceLines, cut ...string) {
			t.Helper()
			s := a.Subscriptions["sub_A"]
			if !s.PaidThrough.Equal(wantA) || !a.Subscriptions["sub_B"].PaidThrough.Equal(wantB) || s.PaidBy.Lines != lines {
				t.Errorf("%s: %s: paid through %s and %s, lines %s", shape, when, s.PaidThrough, a.Subscriptions["sub_B"].PaidThrough, s.PaidBy.Lines)
			}
			if diff := cmp.Diff(cut, projection.CutInvoices(&a)); diff != "" {
				t.Errorf("%s: %s: cut invoices (-want +got):\n%s", shape, when, diff)
			}
		}
		fold("evt_1", "customer.subscription.created", 0, Subscription(Old, "sub_B", customer, "active", begin, end))
		fold("evt_2", "invoice.paid", 0, longInvoice(later))
		check("the event", &metav1.Time{Time: end}, nil, v1alpha1.LinesCut, "in_1")
		if _, inDoubt := projection.InDoubt(&a, customer)["in_1"]; !inDoubt {
			t.Errorf("%s: the invoice is in no doubt", shape)
		}
		for _, readIn := range []Shape{New, Old} {
			if d := projection.Read(&a, readingOf(t, RenderWhole(longInvoice(later), readIn), begin.Add(hour))); differs(d) {
				t.Errorf("%s: the reading differs in %+v", shape, d)
			}
			check("the reading", &metav1.Time{Time: later}, &metav1.Time{Time: later}, v1alpha1.LinesWhole)
		}
		fold("evt_3", "invoice.payment_succeeded", 0, longInvoice(later))
		check("a later event", &metav1.Time{Time: later}, &metav1.Time{Time: later}, v1alpha1.LinesWhole)
	}
}

// Usage of many lines, of which Stripe sends the first, leaves the year that is paid. If its other lines bill time to come, that counts.
func TestUsageOfManyLines(t *testing.T) {
	yearEnd := begin.AddDate(1, 0, 0)
	invoiceOf := func(id string, made, lastEnd time.Time, n int) Object {
		invoice := longInvoice(yearEnd)
		var lines []Object
		for i, line := range invoice["lines"].(Object)["data"].([]Object)[:n] {
			if i < 10 && n > 1 {
				lines = append(lines, line.With("period", Object{"start": begin.Unix(), "end": made.Unix()}))
			} else {
				lines = append(lines, line.With("subscription", "sub_A").With("period", Object{"start": begin.Unix(), "end": lastEnd.Unix()}))
			}
		}
		return invoice.With("id", id).With("created", made.Unix()).With("lines", Object{"object": "list", "data": lines, "has_more": false})
	}
	for name, tc := range map[string]struct {
		last, want time.Time
		paidBy     string
	}{
		"usage only":                      {end, yearEnd, "in_1"},
		"a line bills until after a year": {yearEnd.AddDate(0, 1, 0), yearEnd.AddDate(0, 1, 0), "in_2"},
	} {
		for _, shape := range []Shape{Old, New} {
			var a projection.Aggregate
			usage := invoiceOf("in_2", end, tc.last, 12)
			for i, o := range []Object{invoiceOf("in_1", begin, yearEnd, 1), usage} {
				projection.Fold(&a, []projection.Change{change(t, Event{
					ID: fmt.Sprintf("evt_%d", i), Type: "invoice.paid", Created: end, Shape: shape, Object: Render(o, shape),
				})})
			}
			s := a.Subscriptions["sub_A"]
			if diff := cmp.Diff([]string{"in_2"}, projection.CutInvoices(&a)); diff != "" || !s.PaidThrough.Time.Equal(yearEnd) {
				t.Errorf("%s: %s: paid through %s, cut invoices (-want +got):\n%s", name, shape, s.PaidThrough, diff)
			}
			projection.Read(&a, readingOf(t, RenderWhole(usage, New), end.Add(hour)))
			if paid := projection.PaidInvoice(s); !s.PaidThrough.Time.Equal(tc.want) || paid.InvoiceID != tc.paidBy || len(projection.CutInvoices(&a)) > 0 {
				t.Errorf("%s: %s: after the reading paid through %s by %s, still cut: %v", name, shape, s.PaidThrough, paid.InvoiceID, projection.CutInvoices(&a))
			}
		}
	}
}

// Which invoice a refunded or disputed payment paid is read from Stripe if no event has reported it.
func TestWhatAPaymentPaidIsRead(t *testing.T) {
	var a projection.Aggregate
	fold := func(e Event) { projection.Fold(&a, []projection.Change{change(t, e)}) }
	fold(at(0, "charge.refunded", Refunded(Charge(New, "ch_1", customer, "pi_1", "succeeded", begin), Amount)))
	fold(at(0, "charge.refunded", Refunded(Charge(Old, "ch_2", customer, "pi_2", "succeeded", begin).With("invoice", "in_2"), Amount)))
	fold(at(0, "invoice_payment.paid", InvoicePayment("inpay_3", "in_3", "pi_3", Amount, begin)))
	fold(at(0, "charge.refunded", Refunded(Charge(New, "ch_3", customer, "pi_3", "succeeded", begin), Amount)))
	if diff := cmp.Diff([]string{"pi_1"}, projection.PaymentsWithoutInvoice(&a.Customer)); diff != "" {
		t.Fatalf("to be read (-want +got):\n%s", diff)
	}
	for n := range 2 {
		d := projection.Read(&a, readingOf(t, InvoicePayment("inpay_1", "in_1", "pi_1", Amount, begin), begin.Add(time.Duration(n+1)*hour)))
		want := v1alpha1.InvoicePayment{ID: "inpay_1", InvoiceID: "in_1", PaymentIntentID: "pi_1", At: metav1.Time{Time: begin}}
		if differs(d) || !slices.ContainsFunc(a.Customer.InvoicePayments, func(p v1alpha1.InvoicePayment) bool { return cmp.Equal(p, want) }) {
			t.Errorf("reading %d: %+v, differs in %+v", n, a.Customer.InvoicePayments, d)
		}
	}
	if ids := projection.PaymentsWithoutInvoice(&a.Customer); len(ids) > 0 {
		t.Errorf("still to be read: %v", ids)
	}
}

// Old payments that are read today take no place of newer ones: the status comes to rest, and the present period's payment
// stays.
func TestPaymentsOfInvoicesThatAreReadTakeNoPlaceOfNewerOnes(t *testing.T) {
	var a projection.Aggregate
	projection.Fold(&a, []projection.Change{change(t, at(12*hour, "invoice_payment.paid", InvoicePayment("inpay_now", "in_now", "pi_now", Amount, begin)))})
	readAll := func(after time.Duration) []v1alpha1.InvoicePayment {
		for n := range 11 {
			id, paid := fmt.Sprint(n), begin.Add(time.Duration(n)*hour)
			projection.Read(&a, readingOf(t, InvoicePayment("inpay_"+id, "in_"+id, "pi_"+id, Amount, paid), begin.Add(after)))
		}
		return slices.Clone(a.Customer.InvoicePayments)
	}
	first, second := readAll(24*hour), readAll(48*hour)
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("the second reading changes the status (-first +second):\n%s", diff)
	}
	if first[0].ID != "inpay_now" {
		t.Errorf("the newest payment is gone: %+v", first)
	}
}
