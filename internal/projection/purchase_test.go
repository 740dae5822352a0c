package projection_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

const hour = time.Hour

func buys(session, intent string, metadata Object) Object {
	return Purchase(session, customer, intent, begin).With("metadata", metadata)
}

func access(value string) Object { return Object{"tollkeeper_access": value} }

// showPurchases describes the purchases, the newest first, each with its access.
func showPurchases(a projection.Aggregate) string {
	projection.Summarise(&a, projection.View{Name: func(id string) string { return id }, Now: begin})
	text := ""
	for _, p := range a.Customer.Purchases {
		text += fmt.Sprintf("%s %s %q", p.ID, p.State, p.Access)
		if p.From != nil {
			text += p.From.Format(" from 2006-01-02 15h")
		}
		if p.Until != nil {
			text += p.Until.Format(" until 2006-01-02 15h")
		}
		if p.RefundedAt != nil {
			text += " refunded"
		}
		if p.Problem != "" {
			text += " problem"
		}
		text += "\n"
	}
	return text
}

func TestPurchases(t *testing.T) {
	charge := Charge(New, "ch_1", customer, "pi_1", "succeeded", begin)
	paid := at(0, "checkout.session.completed", buys("cs_1", "pi_1", access("30d")))
	refunded := at(2*hour, "charge.refunded", Refunded(charge, Amount))
	oldInvoice := Invoice(Old, "in_1", customer, "", "paid", Amount, begin, begin)
	oldInvoice["lines"].(Object)["data"].([]Object)[0]["price"] = Object{"type": "one_time", "metadata": access("1y")}
	for name, tc := range map[string]struct {
		events []Event
		want   string
	}{
		"paid": {[]Event{paid}, "pi_1 Paid \"30d\" from 2026-01-31 12h until 2026-03-02 12h\n"},
		"session, intent and charge are one purchase; the session's word counts": {
			[]Event{
				at(1*hour, "payment_intent.succeeded", PaymentIntent(New, "pi_1", customer, "ch_1", "succeeded", begin).With("metadata", access("1d"))),
				at(1*hour, "charge.succeeded", charge.With("metadata", access("2d"))), paid,
			},
			"pi_1 Paid \"30d\" from 2026-01-31 12h until 2026-03-02 12h\n",
		},
		"unpaid": {
			[]Event{at(0, "checkout.session.completed", buys("cs_1", "pi_1", access("30d")).With("payment_status", "unpaid"))},
			"pi_1 Unpaid \"30d\"\n",
		},
		"unpaid, then paid: access begins with the payment": {
			[]Event{
				at(72*hour, "checkout.session.async_payment_succeeded", buys("cs_1", "pi_1", access("30d"))),
				at(0, "checkout.session.completed", buys("cs_1", "pi_1", access("30d")).With("payment_status", "unpaid")),
			},
			"pi_1 Paid \"30d\" from 2026-02-03 12h until 2026-03-05 12h\n",
		},
		"unpaid, then failed": {
			[]Event{
				at(0, "checkout.session.completed", buys("cs_1", "pi_1", access("30d")).With("payment_status", "unpaid")),
				at(72*hour, "checkout.session.async_payment_failed", buys("cs_1", "pi_1", access("30d")).With("payment_status", "unpaid")),
			},
			"pi_1 Failed \"30d\"\n",
		},
		"nothing was to be paid": {
			[]Event{at(0, "checkout.session.completed", buys("cs_1", "", access("lifetime")).With("payment_status", "no_payment_required"))},
			"cs_1 Paid \"lifetime\" from 2026-01-31 12h\n",
		},
		"a subscription's checkout is no purchase": {
			[]Event{at(0, "checkout.session.completed", Checkout("cs_1", customer, "sub_A", "a@example.com", begin).With("metadata", access("30d")))}, "",
		},
		"a charge without a payment intent": {
			[]Event{at(0, "charge.succeeded", charge.With("payment_intent", nil).With("metadata", access("P1M")))},
			"ch_1 Paid \"P1M\" from 2026-01-31 12h until 2026-02-28 12h\n",
		},
		"an invoice's price": {
			[]Event{at(0, "invoice.paid", oldInvoice)}, "in_1 Paid \"1y\" from 2026-01-31 12h until 2027-01-31 12h\n",
		},
		"an invoice that is the session's": { // which does not name the payment intent
			[]Event{at(0, "invoice.paid", oldInvoice), at(0, "checkout.session.completed", buys("cs_1", "pi_1", access("30d")).With("invoice", "in_1"))},
			"pi_1 Paid \"30d\" from 2026-01-31 12h until 2026-03-02 12h\nin_1 Paid \"1y\"\n",
		},
		"refunded in full":                  {[]Event{paid, refunded}, "pi_1 Paid \"30d\" refunded\n"},
		"refunded before the purchase came": {[]Event{refunded, paid}, "pi_1 Paid \"30d\" refunded\n"},
		"refunded in part": {
			[]Event{paid, at(2*hour, "charge.refunded", Refunded(charge, 100))}, "pi_1 Paid \"30d\" from 2026-01-31 12h until 2026-03-02 12h\n",
		},
		"the refund failed": {
			[]Event{paid, refunded, at(3*hour, "refund.failed", Refund("re_1", "ch_1", "pi_1", "failed", Amount, begin))},
			"pi_1 Paid \"30d\" from 2026-01-31 12h until 2026-03-02 12h\n",
		},
		"another charge is refunded": {
			[]Event{paid, at(2*hour, "charge.refunded", Refunded(Charge(New, "ch_2", customer, "pi_2", "succeeded", begin), Amount))},
			"pi_1 Paid \"30d\" from 2026-01-31 12h until 2026-03-02 12h\n",
		},
		"cannot be read": {
			[]Event{at(0, "checkout.session.completed", buys("cs_1", "pi_1", access("30")))}, "pi_1 Paid \"30\" problem\n",
		},
		"two passes": {
			[]Event{paid, at(24*hour, "checkout.session.completed", buys("cs_2", "pi_2", access("1mo")))},
			"pi_2 Paid \"1mo\" from 2026-03-02 12h until 2026-04-02 12h\npi_1 Paid \"30d\" from 2026-01-31 12h until 2026-03-02 12h\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var a projection.Aggregate
			for _, e := range tc.events {
				projection.Fold(&a, []projection.Change{change(t, e)})
			}
			if diff := cmp.Diff(tc.want, showPurchases(a)); diff != "" {
				t.Errorf("purchases (-want +got):\n%s", diff)
			}
		})
	}
}

// Many small purchases drop neither the lifetime nor, while they are among the newest, each other.
func TestPurchasesAreBounded(t *testing.T) {
	var a projection.Aggregate
	fold := func(n int, metadata Object) {
		session := Purchase(fmt.Sprintf("cs_%03d", n), customer, fmt.Sprintf("pi_%03d", n), begin.Add(time.Duration(n)*hour)).With("metadata", metadata)
		projection.Fold(&a, []projection.Change{change(t, at(time.Duration(n)*hour, "checkout.session.completed", session))})
	}
	fold(0, access("lifetime"))
	for n := range 150 {
		fold(1+n, access("1d"))
		fold(201+n, Object{})
	}
	granting, others := 0, 0
	for _, p := range a.Customer.Purchases {
		if len(p.Terms) > 0 {
			granting++
		} else {
			others++
		}
	}
	last := a.Customer.Purchases[len(a.Customer.Purchases)-1]
	if granting != 100 || others != 10 || last.ID != "pi_000" {
		t.Errorf("%d purchases that grant access, %d others, the last one is %s; want 100, 10 and the lifetime pi_000", granting, others, last.ID)
	}
}

// Which purchases are kept is the same for any order of events. Those that were never paid take no place of those that were.
func TestPurchasesAreBoundedInAnyOrder(t *testing.T) {
	var changes []projection.Change
	add := func(n int, kind, state string, terms string, later time.Duration) {
		opened := time.Duration(n) * hour
		session := Purchase(fmt.Sprintf("cs_%03d", n), customer, fmt.Sprintf("pi_%03d", n), begin.Add(opened)).With("metadata", access(terms))
		e := at(opened+later, kind, session.With("payment_status", state))
		e.ID = fmt.Sprintf("evt_%03d_%s", n, later)
		changes = append(changes, change(t, e))
	}
	for n := range 110 {
		add(n, "checkout.session.completed", "paid", "2d", 0)
	}
	for n := 110; n < 150; n++ {
		add(n, "checkout.session.completed", "unpaid", "1y", 0)
		if n < 114 {
			add(n, "checkout.session.async_payment_succeeded", "paid", "1y", 90*hour)
		} else {
			add(n, "checkout.session.async_payment_failed", "unpaid", "1y", 90*hour)
		}
	}
	random, want := rand.New(rand.NewPCG(1, 2)), (*projection.Aggregate)(nil)
	for range 20 {
		a := &projection.Aggregate{}
		for _, c := range changes {
			projection.Fold(a, []projection.Change{c})
		}
		if want == nil {
			want = a
		}
		if diff := cmp.Diff(want.Customer.Purchases, a.Customer.Purchases); diff != "" {
			t.Fatalf("in another order (-want +got):\n%s", diff)
		}
		random.Shuffle(len(changes), func(i, j int) { changes[i], changes[j] = changes[j], changes[i] })
	}
	list := want.Customer.Purchases
	if len(list) != 120 || list[19].ID != "pi_130" || list[20].ID != "pi_113" || list[24].ID != "pi_109" || list[119].ID != "pi_014" {
		t.Errorf("%d purchases, want the newest 20 unpaid ones, 4 that were paid later, and the 96 newest of the others", len(list))
	}
}

// The longest texts that Stripe allows leave room for some purchases, and the lifetime is one of them.
func TestPurchasesWithTheLongestMetadata(t *testing.T) {
	metadata := Object{"tollkeeper_access": "1d"}
	for n := range 49 {
		metadata[fmt.Sprintf("tollkeeper_%029d", n)] = strings.Repeat("v", 500)
	}
	var a projection.Aggregate
	for n := range 150 {
		session := Purchase(fmt.Sprintf("cs_%03d", n), customer, fmt.Sprintf("pi_%03d", n), begin.Add(time.Duration(n)*hour))
		if n == 0 {
			session = session.With("metadata", access("lifetime"))
		} else {
			session = session.With("metadata", metadata)
		}
		projection.Fold(&a, []projection.Change{change(t, at(time.Duration(n)*hour, "checkout.session.completed", session))})
	}
	if n := len(a.Customer.Purchases); n < 20 || n > 60 || a.Customer.Purchases[n-1].ID != "pi_000" {
		t.Errorf("%d purchases", n)
	}
	checkSize(t, a.Customer)
}

// A refund that many others have followed is known, whenever the event of its purchase comes. So is one that failed since.
func TestAnOldRefundOfAPurchaseInAnyOrder(t *testing.T) {
	changes := []projection.Change{
		change(t, at(0, "checkout.session.completed", buys("cs_0", "pi_0", access("lifetime")))),
		change(t, at(0, "checkout.session.completed", buys("cs_1", "pi_1", access("lifetime")))),
	}
	for n := range 60 {
		charge := Charge(New, fmt.Sprintf("ch_%d", n), customer, fmt.Sprintf("pi_%d", n), "succeeded", begin)
		changes = append(changes, change(t, at(time.Duration(n)*hour, "charge.refunded", Refunded(charge, Amount))))
	}
	unrefunded := at(2*hour, "charge.updated", Refunded(Charge(New, "ch_1", customer, "pi_1", "succeeded", begin), 0))
	unrefunded.Previous = Object{"amount_refunded": Amount}
	changes = append(changes, change(t, unrefunded))
	random, want := rand.New(rand.NewPCG(1, 2)), (*projection.Aggregate)(nil)
	for range 50 {
		a := &projection.Aggregate{}
		for _, c := range changes {
			projection.Fold(a, []projection.Change{c})
		}
		if want == nil {
			want = a
		}
		if p := a.Customer.Purchases; p[0].RefundedAt != nil || p[1].RefundedAt == nil {
			t.Errorf("want pi_1 paid, and pi_0 refunded: %s", showPurchases(*a))
		}
		if diff := cmp.Diff(want, a); diff != "" {
			t.Fatalf("in another order (-want +got):\n%s", diff)
		}
		random.Shuffle(len(changes), func(i, j int) { changes[i], changes[j] = changes[j], changes[i] })
	}
}

// What is read from Stripe adds what the prices say, and asks for nothing more.
func TestReadPurchase(t *testing.T) {
	var a projection.Aggregate
	projection.Fold(&a, []projection.Change{change(t, at(0, "checkout.session.completed", buys("cs_1", "pi_1", Object{})))})
	if diff := cmp.Diff([]string{"cs_1"}, projection.UnreadPurchases(&a.Customer)); diff != "" {
		t.Fatalf("unread (-want +got):\n%s", diff)
	}
	read := &projection.Event{
		EventID: projection.EventRead, Type: "checkout.session.read", Created: metav1.NewTime(begin.Add(hour)), ObjectID: "cs_1", PaymentIntentID: "pi_1",
		Checkout: &v1alpha1.CheckoutRecord{
			Mode: "payment", PaymentStatus: "paid", Created: &metav1.Time{Time: begin}, PricesRead: true,
			PriceMetadata: map[string]v1alpha1.Value{"access": "30d"},
		},
	}
	for range 2 {
		if differed := projection.Read(&a, read).Repaired; differed != nil {
			t.Errorf("differed in %v", differed)
		}
	}
	if diff := cmp.Diff("pi_1 Paid \"30d\" from 2026-01-31 12h until 2026-03-02 12h\n", showPurchases(a)); diff != "" {
		t.Errorf("purchases (-want +got):\n%s", diff)
	}
	if unread := projection.UnreadPurchases(&a.Customer); len(unread) > 0 {
		t.Errorf("unread: %v", unread)
	}
}

// The prices of a checkout whose debit failed are read once it is paid in another way.
func TestUnreadPurchasesOfAFailedDebit(t *testing.T) {
	var a projection.Aggregate
	failed := buys("cs_1", "pi_1", Object{}).With("payment_status", "unpaid")
	projection.Fold(&a, []projection.Change{change(t, at(0, "checkout.session.async_payment_failed", failed))})
	if unread := projection.UnreadPurchases(&a.Customer); len(unread) > 0 {
		t.Errorf("unread: %v", unread)
	}
	paid := PaymentIntent(New, "pi_1", customer, "ch_1", "succeeded", begin)
	projection.Fold(&a, []projection.Change{change(t, at(hour, "payment_intent.succeeded", paid))})
	if diff := cmp.Diff([]string{"cs_1"}, projection.UnreadPurchases(&a.Customer)); diff != "" {
		t.Errorf("unread (-want +got):\n%s", diff)
	}
}

// A payment intent whose metadata was corrected at Stripe is read again.
func TestReadPurchaseWithoutASession(t *testing.T) {
	var a projection.Aggregate
	intent := PaymentIntent(New, "pi_1", customer, "ch_1", "succeeded", begin)
	projection.Fold(&a, []projection.Change{change(t, at(0, "payment_intent.succeeded", intent.With("metadata", access("soon"))))})
	if diff := cmp.Diff([]string{"pi_1"}, projection.DoubtfulPurchases(&a.Customer)); diff != "" {
		t.Fatalf("to be read (-want +got):\n%s", diff)
	}
	projection.Read(&a, &projection.Event{
		EventID: projection.EventRead, Type: "payment_intent.read", Created: metav1.NewTime(begin.Add(hour)), ObjectID: "pi_1", PaymentIntentID: "pi_1",
		Payment: &v1alpha1.PaymentRecord{Status: "succeeded", Created: &metav1.Time{Time: begin}, Metadata: map[string]v1alpha1.Value{"access": "30d"}},
	})
	if diff := cmp.Diff("pi_1 Paid \"30d\" from 2026-01-31 12h until 2026-03-02 12h\n", showPurchases(a)); diff != "" {
		t.Errorf("purchases (-want +got):\n%s", diff)
	}
}

// A session that is read as unpaid although its payment intent succeeded has the intent read, too. What Stripe has of that counts.
func TestReadPurchasePaidByItsIntent(t *testing.T) {
	session := buys("cs_1", "pi_1", access("30d")).With("payment_status", "unpaid")
	intent := func(status string) Object { return PaymentIntent(New, "pi_1", customer, "ch_1", status, begin) }
	paid := "pi_1 Unpaid \"30d\" from 2026-01-31 13h until 2026-03-02 13h\n"
	for name, tc := range map[string]struct {
		status, want string
		differs      bool
	}{
		"it succeeded":      {"succeeded", paid, false},
		"it was forged":     {"requires_capture", "pi_1 Unpaid \"30d\"\n", true},
		"it is not settled": {"processing", "pi_1 Unpaid \"30d\"\n", true},
	} {
		var a projection.Aggregate
		projection.Fold(&a, []projection.Change{change(t, at(0, "checkout.session.completed", session))})
		projection.Fold(&a, []projection.Change{change(t, at(hour, "payment_intent.succeeded", intent("succeeded")))})
		if d := projection.Read(&a, readingOf(t, session, begin.Add(2*hour))); differs(d) {
			t.Errorf("%s: the session differs in %+v", name, d)
		}
		if diff := cmp.Diff([]string{"cs_1", "pi_1"}, projection.DoubtfulPurchases(&a.Customer)); diff != "" {
			t.Fatalf("%s: to be read (-want +got):\n%s", name, diff)
		}
		for n, want := range []bool{tc.differs, false} {
			before, now := *a.Customer.DeepCopy(), begin.Add(time.Duration(n+3)*hour)
			first := projection.Read(&a, readingOf(t, session, now))
			second := projection.Read(&a, readingOf(t, intent(tc.status), now))
			if differs(first) || differs(second) != want || n > 0 && !cmp.Equal(before, a.Customer) {
				t.Errorf("%s: comparison %d differs in %+v %+v (-before +after):\n%s", name, n, first, second, cmp.Diff(before, a.Customer))
			}
		}
		if diff := cmp.Diff(tc.want, showPurchases(a)); diff != "" {
			t.Errorf("%s: purchases (-want +got):\n%s", name, diff)
		}
		if tc.differs {
			continue
		}
		projection.Read(&a, readingOf(t, session.With("payment_status", "paid"), begin.Add(9*hour)))
		if diff := cmp.Diff(strings.Replace(paid, "Unpaid", "Paid", 1), showPurchases(a)); diff != "" {
			t.Errorf("the session is read as paid: purchases (-want +got):\n%s", diff)
		}
	}
}

// Access begins with the first report of the payment, also if the events of the session, or of a cancellation, come last. The report of
// the session itself counts before that of its intent, which is not remembered for ever.
func TestAPaymentOfACheckoutInAnyOrder(t *testing.T) {
	intent := func(status string) Object { return PaymentIntent(New, "pi_1", customer, "ch_1", status, begin) }
	session := buys("cs_1", "pi_1", access("30d"))
	byIntent := []projection.Change{
		change(t, at(0, "checkout.session.completed", session.With("payment_status", "unpaid"))),
		change(t, at(hour, "payment_intent.canceled", intent("canceled"))),
		change(t, at(2*hour, "charge.captured", Charge(New, "ch_1", customer, "pi_1", "succeeded", begin))),
		change(t, at(5*hour, "payment_intent.succeeded", intent("succeeded"))),
	}
	random := rand.New(rand.NewPCG(1, 2))
	for want, changes := range map[string][]projection.Change{
		"pi_1 Failed \"30d\" from 2026-01-31 14h until 2026-03-02 14h\n": byIntent,
		"pi_1 Paid \"30d\" from 2026-01-31 18h until 2026-03-02 18h\n": append(slices.Clone(byIntent),
			change(t, at(6*hour, "checkout.session.async_payment_succeeded", session))),
	} {
		for range 50 {
			var a projection.Aggregate
			for _, c := range changes {
				projection.Fold(&a, []projection.Change{c})
			}
			if diff := cmp.Diff(want, showPurchases(a)); diff != "" {
				t.Fatalf("purchases (-want +got):\n%s", diff)
			}
			random.Shuffle(len(changes), func(i, j int) { changes[i], changes[j] = changes[j], changes[i] })
		}
	}
}

// A payment is reported so late that eight newer ones have followed it. It counts all the same, from the first report on.
func TestALatePaymentOfACheckout(t *testing.T) {
	var a projection.Aggregate
	fold := func(after time.Duration, eventType string, o Object) {
		projection.Fold(&a, []projection.Change{change(t, at(after, eventType, o))})
	}
	succeeds := func(id string, after time.Duration) {
		fold(after, "payment_intent.succeeded", PaymentIntent(New, id, customer, "ch_"+id, "succeeded", begin.Add(after)))
	}
	fold(0, "checkout.session.completed", buys("cs_1", "pi_1", access("30d")).With("payment_status", "unpaid"))
	for n := range 8 {
		succeeds(fmt.Sprintf("pi_new_%d", n), time.Duration(n+10)*hour)
	}
	for _, after := range []time.Duration{2 * hour, hour, 3 * hour} {
		succeeds("pi_1", after)
	}
	if diff := cmp.Diff("pi_1 Unpaid \"30d\" from 2026-01-31 13h until 2026-03-02 13h\n", showPurchases(a)); diff != "" {
		t.Errorf("purchases (-want +got):\n%s", diff)
	}
}

// An endpoint may not receive the event that a delayed payment has succeeded. A comparison with Stripe finds it.
func TestReadPurchaseFindsAPayment(t *testing.T) {
	var a projection.Aggregate
	unpaid := buys("cs_1", "pi_1", access("30d")).With("payment_status", "unpaid")
	projection.Fold(&a, []projection.Change{change(t, at(0, "checkout.session.completed", unpaid))})
	if diff := cmp.Diff([]string{"cs_1"}, projection.DoubtfulPurchases(&a.Customer)); diff != "" {
		t.Fatalf("to be read (-want +got):\n%s", diff)
	}
	for _, tc := range []struct {
		status string
		want   []string
	}{{"unpaid", nil}, {"paid", []string{"purchases"}}, {"paid", nil}} {
		differed := projection.Read(&a, &projection.Event{
			EventID: projection.EventRead, Type: "checkout.session.read", Created: metav1.NewTime(begin.Add(hour)), ObjectID: "cs_1", PaymentIntentID: "pi_1",
			Checkout: &v1alpha1.CheckoutRecord{
				Mode: "payment", PaymentStatus: tc.status, Created: &metav1.Time{Time: begin}, Metadata: map[string]v1alpha1.Value{"access": "30d"},
			},
		}).Repaired
		if diff := cmp.Diff(tc.want, differed); diff != "" {
			t.Errorf("differed after %s (-want +got):\n%s", tc.status, diff)
		}
	}
	if diff := cmp.Diff("pi_1 Paid \"30d\" from 2026-01-31 13h until 2026-03-02 13h\n", showPurchases(a)); diff != "" {
		t.Errorf("purchases (-want +got):\n%s", diff)
	}
}

// Stripe allows 50 keys of metadata. The access and the first 16 others are kept.
func TestThePurchasesMetadataIsBounded(t *testing.T) {
	metadata := Object{"tollkeeper_access": "30d"}
	for n := range 49 {
		metadata[fmt.Sprintf("tollkeeper_Key%02d", n)] = "x"
	}
	var a projection.Aggregate
	projection.Fold(&a, []projection.Change{change(t, at(0, "checkout.session.completed", buys("cs_1", "pi_1", metadata)))})
	kept := a.Customer.Purchases[0].Terms[0].Metadata
	if len(kept) != 17 || kept["access"] != "30d" || len(projection.PurchasePeriods(&a.Customer)[0].Entitlements) != 16 {
		t.Errorf("%d keys are kept, with access %q", len(kept), kept["access"])
	}
}

// A purchase that Stripe does not know was never made.
func TestReadAbsentPurchase(t *testing.T) {
	var a projection.Aggregate
	projection.Fold(&a, []projection.Change{change(t, at(0, "checkout.session.completed", buys("cs_1", "pi_1", access("lifetime"))))})
	if d := projection.ReadAbsent(&a, "cs_1", metav1.NewTime(begin.Add(hour))); len(d.Repaired) != 1 || a.Customer.Purchases != nil {
		t.Errorf("%+v, purchases %+v", d, a.Customer.Purchases)
	}
}

// What Stripe has of a purchase wins over what earlier events reported. A reading that confirms it changes nothing, and neither
// does a price that was changed since.
func TestReadPurchaseWinsOverEarlierEvents(t *testing.T) {
	session := func(metadata Object) Object { return buys("cs_1", "pi_1", metadata) }
	lines := func(access string) Object {
		price := Object{"id": "price_1", "object": "price", "type": "one_time", "recurring": nil, "metadata": Object{"tollkeeper_access": access}}
		return Object{"object": "list", "has_more": false, "data": []Object{{"id": "li_1", "object": "item", "price": price}}}
	}
	intent := func(status string, metadata Object) Object {
		return PaymentIntent(New, "pi_1", customer, "ch_1", status, begin).With("metadata", metadata)
	}
	completed, succeeded := "checkout.session.completed", "payment_intent.succeeded"
	lifetime, month := "pi_1 Paid \"lifetime\" from 2026-01-31 12h\n", "pi_1 Paid \"30d\" from 2026-01-31 12h until 2026-03-02 12h\n"
	for name, tc := range map[string]struct {
		reported Event
		read     Object
		want     string
		differs  bool
	}{
		"nothing was paid":          {at(0, completed, session(access("lifetime"))), session(access("lifetime")).With("payment_status", "unpaid"), "pi_1 Unpaid \"lifetime\"\n", true},
		"no access was sold":        {at(0, completed, session(access("lifetime"))), session(Object{}), "pi_1 Paid \"\"\n", true},
		"less was sold":             {at(0, completed, session(access("lifetime"))), session(access("30d")), month, true},
		"the same":                  {at(0, completed, session(access("30d"))), session(access("30d")), month, false},
		"the payment did not go":    {at(0, succeeded, intent("succeeded", access("30d"))), intent("processing", access("30d")), "pi_1 Unpaid \"30d\"\n", true},
		"the payment sold nothing":  {at(0, succeeded, intent("succeeded", access("30d"))), intent("succeeded", Object{}), "pi_1 Paid \"\"\n", true},
		"the same payment":          {at(0, succeeded, intent("succeeded", access("30d"))), intent("succeeded", access("30d")), month, false},
		"the price changed since":   {at(0, completed, session(Object{}).With("line_items", lines("lifetime"))), session(Object{}).With("line_items", lines("30d")), lifetime, false},
		"the price can be read now": {at(0, completed, session(Object{}).With("line_items", lines("soon"))), session(Object{}).With("line_items", lines("30d")), month, false},
		"an event that is newer":    {at(2*hour, completed, session(access("30d"))), session(Object{}).With("payment_status", "unpaid"), "pi_1 Paid \"30d\" from 2026-01-31 14h until 2026-03-02 14h\n", false},
	} {
		var a projection.Aggregate
		projection.Fold(&a, []projection.Change{change(t, tc.reported)})
		before := *a.Customer.DeepCopy()
		for n, want := range []bool{tc.differs, false} {
			if d := projection.Read(&a, readingOf(t, tc.read, begin.Add(time.Duration(n+1)*hour))); differs(d) != want {
				t.Errorf("%s: reading %d differs in %+v", name, n+1, d)
			}
		}
		if diff := cmp.Diff(before, a.Customer); strings.HasPrefix(name, "the same") && diff != "" {
			t.Errorf("%s: the reading changes (-before +after):\n%s", name, diff)
		}
		if diff := cmp.Diff(tc.want, showPurchases(a)); diff != "" {
			t.Errorf("%s: purchases (-want +got):\n%s", name, diff)
		}
	}
}

// What an event reported of the prices of an invoice holds only if Stripe's invoice is paid and its prices say it.
func TestAReadInvoiceRefutesItsTerms(t *testing.T) {
	price := func(access string) Object {
		return Object{"id": "price_1", "object": "price", "type": "one_time", "recurring": nil, "metadata": Object{"tollkeeper_access": access}}
	}
	invoice := func(status, access string) Object {
		line := Object{"id": "il_1", "object": "line_item", "type": "invoiceitem", "amount": Amount, "price": price(access)}
		return Invoice(Old, "in_1", customer, "", status, Amount, begin, end).
			With("lines", Object{"object": "list", "data": []Object{line}, "has_more": false})
	}
	forged := at(0, "invoice.paid", invoice("paid", "lifetime"))
	forged.Shape = Old
	lifetime := "in_1 Paid \"lifetime\" from 2026-01-31 12h\n"
	for name, tc := range map[string]struct {
		read    Object // nil if Stripe does not know it
		want    string
		differs bool
	}{
		"the same":                {invoice("paid", "lifetime"), lifetime, false},
		"the price changed since": {invoice("paid", "30d"), lifetime, false},
		"it is open":              {invoice("open", "lifetime"), "", true},
		"its price says nothing":  {Invoice(Old, "in_1", customer, "", "paid", Amount, begin, end), "", true},
		"Stripe does not know it": {nil, "", true},
	} {
		var a projection.Aggregate
		projection.Fold(&a, []projection.Change{change(t, forged)})
		if diff := cmp.Diff(lifetime, showPurchases(a)); diff != "" {
			t.Fatalf("before the reading (-want +got):\n%s", diff)
		}
		if ids := projection.DoubtfulPurchases(&a.Customer); !slices.Contains(ids, "in_1") {
			t.Fatalf("read are %v, want the invoice too", ids)
		}
		var d projection.Difference
		if tc.read == nil {
			d = projection.ReadAbsent(&a, "in_1", metav1.NewTime(begin.Add(time.Hour)))
		} else {
			d = projection.Read(&a, readingOf(t, tc.read, begin.Add(time.Hour)))
		}
		if diff := cmp.Diff(tc.want, showPurchases(a)); diff != "" || differs(d) != tc.differs {
			t.Errorf("%s: %+v; purchases (-want +got):\n%s", name, d, diff)
		}
	}
}

// Which refunds are kept that failed, and since when, is the same for any order of their reports, also once they are too many.
func TestFailedRefundsInAnyOrder(t *testing.T) {
	var changes []projection.Change
	for n := range 14 {
		id, made := fmt.Sprintf("re_%02d", n), begin.Add(time.Duration(n)*hour)
		failed := Refund(id, "ch_"+id, "pi_"+id, "failed", Amount, made)
		for i, after := range []time.Duration{2 * hour, time.Duration(30-2*n) * hour} { // the oldest one is reported again last
			e := at(made.Add(after).Sub(begin), "refund.updated", failed)
			e.ID = fmt.Sprintf("evt_%s_%d", id, i)
			changes = append(changes, change(t, e))
		}
	}
	random, want := rand.New(rand.NewPCG(1, 2)), ""
	for range 50 {
		var a projection.Aggregate
		got := ""
		for _, c := range changes {
			projection.Fold(&a, []projection.Change{c})
		}
		for _, f := range a.Customer.FailedRefunds {
			got += fmt.Sprintln(f.ID, f.At.Sub(begin))
		}
		if want == "" {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" || !strings.HasPrefix(got, "re_13 15h0m0s") {
			t.Fatalf("in another order (-want +got):\n%s", diff)
		}
		random.Shuffle(len(changes), func(i, j int) { changes[i], changes[j] = changes[j], changes[i] })
	}
}
