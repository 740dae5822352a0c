package projection_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the lives
)

const (
	customer = "cus_A"
	lives    = 150
	orders   = 20
)

var begin = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// randomLife makes events of one customer, many of them of the same second. They need not make sense together: even
// then the fold must not depend on their order.
func randomLife(random *rand.Rand) []Event {
	shape := []Shape{Old, New}[random.IntN(2)]
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	n, isDeleted := 5+random.IntN(25), random.IntN(4) == 0
	var life []Event
	for range n {
		at := begin.Add(time.Duration(random.IntN(4)) * time.Second)
		sub, invoice, charge := pick("sub_A", "sub_B"), fmt.Sprintf("in_%d", random.IntN(16)), fmt.Sprintf("ch_%d", random.IntN(24))
		nth := random.IntN(3)
		intent, asked := fmt.Sprintf("pi_%d", nth), begin.Add(time.Duration(nth)*time.Minute) // an object's creation never changes
		card := fmt.Sprintf("card_%d", random.IntN(14))
		made := begin.Add(time.Duration(random.IntN(16)) * time.Minute)
		status := pick("incomplete", "trialing", "active", "past_due", "unpaid", "paused", "canceled")
		terms := Object{"tollkeeper_access": pick("30d", "1y", "lifetime", "soon"), "tollkeeper_seats": pick("1", "2")}
		paid := Charge(shape, charge, customer, intent, "succeeded", made).With("metadata", terms)
		e := []Event{
			{Type: "customer.created", Object: Customer(customer, pick("a@example.com", "b@example.com"), pick("Ada", "Bob"))},
			{Type: "customer.updated", Object: Customer(customer, pick("a@example.com", "c@example.com"), "Ada")},
			{Type: "customer.subscription.created", Object: Subscription(shape, sub, customer, "incomplete", made, made.AddDate(0, 1, 0))},
			{Type: "customer.subscription.updated", Object: Subscription(shape, sub, customer, status, begin, made.AddDate(0, 1, 0)),
				Previous: Object{"status": pick("incomplete", "active", "past_due")}},
			{Type: "customer.subscription.deleted", Object: Subscription(shape, sub, customer, "canceled", begin, made)},
			{Type: "customer.subscription.trial_will_end", Object: Trial(shape, sub, customer, begin, made)},
			{Type: pick("invoice.created", "invoice.updated", "invoice.finalized", "invoice.payment_failed", "invoice.paid"),
				Object: Invoice(shape, invoice, customer, pick(sub, ""), pick("draft", "open", "paid", "void", "uncollectible"), Amount, made, made.AddDate(0, 1, 0)).
					With("created", begin.Unix()+int64(len(invoice))).With("attempt_count", random.IntN(3))},
			{Type: pick("invoice.paid", "invoice.payment_action_required", "invoice.voided"), Object: withLineOf("sub_B",
				Invoice(shape, invoice, customer, "sub_A", pick("open", "paid", "void"), Amount, made, made.AddDate(0, 1, 0))).
				With("created", begin.Unix()+int64(len(invoice))).With("attempt_count", random.IntN(3))},
			{Type: "invoice_payment.paid", Object: InvoicePayment("inpay_"+invoice, invoice, intent, Amount, made)},
			{Type: pick("payment_intent.created", "payment_intent.requires_action"),
				Object: PaymentIntent(shape, intent, customer, "", "requires_payment_method", asked)},
			{Type: "payment_intent.succeeded", Object: PaymentIntent(shape, intent, customer, charge, "succeeded", asked).With("metadata", terms)},
			{Type: "payment_intent.payment_failed", Object: Declined(PaymentIntent(shape, intent, customer, charge, "", asked))},
			{Type: "charge.succeeded", Object: paid.With("payment_method", pick(card, "pm_1"))},
			{Type: "charge.failed", Object: Declined(paid)},
			{Type: "charge.refunded", Object: Refunded(paid, pickInt(random, 100, 900, Amount))},
			{Type: "charge.dispute.created", Object: Dispute(fmt.Sprintf("dp_%d", random.IntN(24)), charge, intent, made, made).
				With("status", pick("needs_response", "under_review"))},
			{Type: "customer.source.expiring", Object: Card(card, customer, 1+random.IntN(12), 2026)},
			{Type: "customer.source.updated", Object: Card(card, customer, 1+random.IntN(12), 2030)},
			{Type: "setup_intent.created", Object: SetupIntent("seti_1", customer, "", "requires_payment_method", begin)},
			{Type: "setup_intent.succeeded", Object: SetupIntent("seti_1", customer, pick(card, "pm_1"), "succeeded", begin)},
			{Type: pick("checkout.session.completed", "checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed", "checkout.session.expired"),
				Object: Checkout(fmt.Sprintf("cs_%d", nth), customer, sub, "d@example.com", asked).With("payment_intent", pick(intent, "pi_9")).With("metadata", pickObject(random, terms, Object{})).
					With("mode", pick("payment", "subscription", "setup")).With("payment_status", pick("paid", "unpaid", "no_payment_required"))},
			{Type: "product.updated", Object: ProductWith(pick("3", "4", "5")), Previous: pickObject(random, nil,
				Object{"metadata": Object{"tollkeeper_projects": "3"}}, Object{"metadata": Object{"tollkeeper_projects": "4"}})},
			{Type: pick("customer.source.deleted", "payment_method.detached", "customer.source.created"), Object: Card(card, customer, 3, 2028)},
			{Type: pick("payment_method.attached", "payment_method.detached", "payment_method.updated"),
				Object: PaymentMethod(card, customer, pick("4242", "1881"), 8, 2031)},
			{Type: pick("subscription_schedule.created", "subscription_schedule.updated", "subscription_schedule.canceled"),
				Object:   planned(fmt.Sprintf("sub_sched_%d", nth), sub, pick("price_A", "price_B"), pick("active", "canceled"), asked),
				Previous: pickObject(random, nil, Object{"status": "active"}, Object{"end_behavior": "cancel"})},
			{Type: pick("charge.dispute.updated", "charge.dispute.closed"), Object: Dispute(fmt.Sprintf("dp_%d", random.IntN(24)), charge, intent, made, made).
				With("status", pick("under_review", "won", "lost"))},
			{Type: "invoice.deleted", Object: Invoice(shape, invoice, customer, pick(sub, ""), "draft", Amount, made, made.AddDate(0, 1, 0)).
				With("created", begin.Unix()+int64(len(invoice)))},
			{Type: "payment_intent.canceled", Object: PaymentIntent(shape, intent, customer, "", "canceled", asked)},
			{Type: "setup_intent.canceled", Object: SetupIntent("seti_1", customer, "", "canceled", begin)},
			{Type: "entitlements.active_entitlement_summary.updated",
				Object:   FeaturesOf(customer, features(random)...),
				Previous: pickObject(random, nil, FeaturesBefore(), FeaturesBefore(features(random)...), FeaturesBefore("a"))},
		}[random.IntN(30)]
		if isDeleted && random.IntN(10) == 0 {
			e = Event{Type: "customer.deleted", Object: Customer(customer, "a@example.com", "Ada")}
		}
		if spoiled := map[string]Object{
			"customer":     {"email": 7},
			"subscription": {"trial_end": "soon"},
			"invoice":      {"amount_due": 19.5},
		}[fmt.Sprint(e.Object["object"])]; spoiled != nil && random.IntN(5) == 0 { // a field that cannot be read
			for field, value := range spoiled {
				e.Object = e.Object.With(field, value)
			}
		}
		e.ID, e.Created, e.Shape = fmt.Sprintf("evt_%06d", random.IntN(1_000_000)), at, shape
		life = append(life, e)
	}
	return life
}

// planned is a schedule in a status. Its creation never changes.
func planned(id, subscription, price, status string, created time.Time) Object {
	return SubscriptionSchedule(id, customer, subscription, price, created, created.AddDate(0, 1, 0)).With("status", status)
}

// features are a few, none, or more than an event can hold.
func features(random *rand.Rand) []string {
	keys := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"}
	random.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	return keys[:pickInt(random, 0, 1, 1, 2, len(keys))]
}

func pickObject(random *rand.Rand, objects ...Object) Object {
	return objects[random.IntN(len(objects))]
}

// withLineOf is the invoice with a line more, which bills another subscription for longer.
func withLineOf(subscription string, invoice Object) Object {
	line := Object{"type": "subscription", "subscription": subscription, "amount": 100, "period": Object{
		"start": begin.Unix(), "end": begin.AddDate(1, 0, 0).Unix(),
	}}
	lines := append([]Object{line}, invoice["lines"].(Object)["data"].([]Object)...)
	return invoice.With("lines", Object{"object": "list", "data": lines, "has_more": false})
}

func pickInt(random *rand.Rand, numbers ...int) int { return numbers[random.IntN(len(numbers))] }

// fold applies the events in random batches, some of them twice.
func fold(t *testing.T, decoded []*projection.Event, random *rand.Rand) projection.Aggregate {
	t.Helper()
	var a projection.Aggregate
	var recorded []projection.Change
	for _, e := range decoded {
		recorded = append(recorded, events.Change(e))
	}
	for len(decoded) > 0 {
		n := 1 + random.IntN(len(decoded))
		var batch []projection.Change
		for _, e := range decoded[:n] {
			batch = append(batch, events.Change(e))
			if random.IntN(4) == 0 {
				batch = append(batch, events.Change(e))
			}
		}
		foldRecalling(&a, batch, recorded)
		if random.IntN(3) == 0 {
			foldRecalling(&a, batch, recorded) // a crash before the outcomes were written
		}
		decoded = decoded[n:]
	}
	return a
}

// The statuses are the same for any order, any batches and any duplicates.
func TestFoldDoesNotDependOnOrder(t *testing.T) {
	for seed := range uint64(lives) {
		random := rand.New(rand.NewPCG(seed, 1))
		var decoded []*projection.Event
		for _, e := range randomLife(random) {
			d, err := events.Decoder{MetadataPrefix: "tollkeeper_"}.Decode(e.JSON())
			if err != nil || d.DecodeError != "" {
				t.Fatalf("seed %d: %s: %v %s", seed, e.Type, err, d.DecodeError)
			}
			if d.CustomerID == "" {
				d.CustomerID = customer // disputes are linked before the fold
			}
			decoded = append(decoded, d)
		}
		want := fold(t, decoded, random)
		for range orders {
			random.Shuffle(len(decoded), func(i, j int) { decoded[i], decoded[j] = decoded[j], decoded[i] })
			if diff := cmp.Diff(want, fold(t, decoded, random)); diff != "" {
				t.Fatalf("seed %d: two orders of the same %d events differ (-one +other):\n%s", seed, len(decoded), diff)
			}
		}
	}
}
