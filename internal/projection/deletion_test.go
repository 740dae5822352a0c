package projection_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the lives
)

// loseEnds drops the events of all ends of subscriptions from some lives whose customer is deleted.
func loseEnds(t *rapid.T, recorded *[]projection.Change) bool {
	if deletionIn(*recorded) == nil || !rapid.Bool().Draw(t, "loses the ends") {
		return false
	}
	before := len(*recorded)
	*recorded = slices.DeleteFunc(*recorded, func(c projection.Change) bool { return c.Event.Type == "customer.subscription.deleted" })
	return len(*recorded) < before
}

func deletionIn(recorded []projection.Change) *projection.Event {
	for _, c := range recorded {
		if c.Event.Type == "customer.deleted" {
			return c.Event
		}
	}
	return nil
}

// checkDeleted checks what a recorded deletion leaves of the customer, whatever other events were lost: no personal data, no doubt but
// about the deletion itself, and the end of each known subscription.
func checkDeleted(t *rapid.T, world *World, recorded []projection.Change, a *projection.Aggregate) {
	deletion := deletionIn(recorded)
	if deletion == nil {
		return
	}
	c := &a.Customer
	switch {
	case c.DeletedAt == nil || !c.DeletedAt.Equal(&deletion.Created):
		t.Fatalf("deleted at %v, want %s", c.DeletedAt, deletion.Created)
	case c.Email+c.Name+c.DefaultPaymentMethodID != "" || c.Metadata != nil || c.PaymentMethods != nil:
		t.Fatalf("personal data stays: %q %q %q %v %v", c.Email, c.Name, c.DefaultPaymentMethodID, c.Metadata, c.PaymentMethods)
	case c.Features != nil || c.CutFeatures != nil:
		t.Fatalf("features stay: %v %v", c.Features, c.CutFeatures)
	case projection.IsPartlyKnown(a):
		t.Fatal("a deleted customer is not known whole")
	}
	if doubts := projection.InDoubt(a, customerOf(world)); len(doubts) != 1 || doubts[customerOf(world)].EventID != deletion.EventID {
		t.Fatalf("in doubt are %v, want the deletion alone", doubts)
	}
	confirmed := a.DeepCopy()
	if d := projection.Read(confirmed, readingOf(t, world.Object(customerOf(world)), world.Now())); differs(d) {
		t.Fatalf("the reading that confirms a deletion differs: %+v", d)
	}
	if doubts := projection.InDoubt(confirmed, customerOf(world)); len(doubts) > 0 || !confirmed.Customer.DeletedAt.Equal(c.DeletedAt) {
		t.Fatalf("after the confirmation %v are in doubt, and the deletion is of %v", doubts, confirmed.Customer.DeletedAt)
	}
	for id, s := range a.Subscriptions {
		want := world.Object(id)
		hasEnded := s.Status == "canceled" || s.Status == "incomplete_expired"
		if ended, _ := want["ended_at"].(float64); !hasEnded || s.EndedAt == nil || s.EndedAt.Unix() < int64(ended) {
			t.Fatalf("%s is %s and ended at %v, want %v at %v; the life was\n%s",
				id, s.Status, s.EndedAt, want["status"], want["ended_at"], listingOf(world))
		}
	}
}

// What comes after a deletion, late or in truth, brings nothing of the person back, and no subscription. Payments and refunds still show.
func TestDeletionIsFinal(t *testing.T) {
	subscription := Subscription(New, "sub_A", customer, "active", begin, end)
	paid := Charge(New, "ch_1", customer, "pi_1", "succeeded", begin)
	life := []Event{
		{Type: "customer.created", Object: Customer(customer, "ada@example.com", "Ada")},
		{Type: "customer.subscription.created", Object: subscription},
		{Type: "charge.succeeded", Object: paid},
		{Type: "customer.deleted", Object: Customer(customer, "ada@example.com", "Ada")},
		{Type: "customer.updated", Object: Customer(customer, "new@example.com", "Ada")},
		{Type: "customer.subscription.updated", Object: subscription.With("status", "past_due")},
		{Type: "customer.subscription.trial_will_end", Object: Trial(New, "sub_B", customer, begin, end)},
		{Type: "invoice.paid", Object: Invoice(New, "in_1", customer, "sub_C", "paid", Amount, begin, end)},
		{Type: "checkout.session.completed", Object: Checkout("cs_1", customer, "sub_A", "hint@example.com", begin)},
		{Type: "payment_method.attached", Object: Card("card_1", customer, 1, 2030)},
		{Type: "setup_intent.succeeded", Object: SetupIntent("seti_1", customer, "pm_1", "succeeded", begin)},
		{Type: "charge.refunded", Object: Refunded(paid, Amount)},
	}
	var changes []projection.Change
	for i, e := range life {
		changes = append(changes, change(t, at(time.Duration(i)*time.Hour, e.Type, e.Object)))
	}
	var got projection.Aggregate
	for _, change := range changes {
		projection.Fold(&got, []projection.Change{change})
	}
	deletedAt := changes[3].Event.Created
	for id, s := range got.Subscriptions {
		if s.Status != "canceled" || s.EndedAt == nil || !s.EndedAt.Equal(&deletedAt) {
			t.Errorf("%s is %s, ended at %v; want canceled at %s", id, s.Status, s.EndedAt, deletedAt)
		}
	}
	c := got.Customer
	if len(got.Subscriptions) != 3 || c.Email+c.Name+c.DefaultPaymentMethodID != "" || c.Metadata != nil || c.PaymentMethods != nil {
		t.Errorf("%d subscriptions, %q, %q, %v, %v", len(got.Subscriptions), c.Email, c.Name, c.Metadata, c.PaymentMethods)
	}
	if len(c.Refunds) != 1 || !c.Refunds[0].Full || c.LastPayment == nil || c.LatestInvoice == nil {
		t.Errorf("the audit lacks something: %v %v %v", c.Refunds, c.LastPayment, c.LatestInvoice)
	}

	slices.Reverse(changes)
	var backwards projection.Aggregate
	for _, change := range changes {
		projection.Fold(&backwards, []projection.Change{change})
	}
	if diff := cmp.Diff(got, backwards); diff != "" {
		t.Errorf("statuses (-forward +backward):\n%s", diff)
	}
}

// An end that Stripe reports of its own shows, whether it comes before or after the deletion.
func TestTheOwnEndOfASubscriptionWinsOverTheDeletion(t *testing.T) {
	ended := begin.Add(-time.Hour)
	own := at(-time.Hour, "customer.subscription.deleted",
		Subscription(New, "sub_A", customer, "canceled", begin.AddDate(0, -1, 0), begin).With("ended_at", ended.Unix()))
	deletion := at(0, "customer.deleted", Customer(customer, "", ""))
	for name, order := range map[string][]Event{"before": {own, deletion}, "after": {deletion, own}} {
		var a projection.Aggregate
		for _, e := range order {
			projection.Fold(&a, []projection.Change{change(t, e)})
		}
		if s := a.Subscriptions["sub_A"]; s.EndedAt == nil || s.EndedAt.Unix() != ended.Unix() {
			t.Errorf("%s: ended at %v, want %s", name, s.EndedAt, ended)
		}
	}
}

// A subscription that was never paid was not served until its customer was deleted, only because the event of its expiry is lost.
func TestADeletionServesNobody(t *testing.T) {
	incomplete := at(0, "customer.subscription.created", Subscription(New, "sub_A", customer, "incomplete", begin, end))
	checkout := at(time.Hour, "checkout.session.completed", Checkout("cs_1", customer, "sub_B", "ada@example.com", begin.Add(time.Hour)))
	deletion := at(72*time.Hour, "customer.deleted", Customer(customer, "ada@example.com", "Ada"))
	for name, order := range map[string][]Event{
		"the checkout first": {incomplete, checkout, deletion}, "the deletion first": {incomplete, deletion, checkout},
	} {
		var a projection.Aggregate
		for _, e := range order {
			projection.Fold(&a, []projection.Change{change(t, e)})
		}
		if got := a.Customer.ServedSince; got != nil {
			t.Errorf("%s: served since %s", name, got)
		}
	}
}

// A reading finds a deletion whose event was lost. It is later than the event, which corrects the time if it comes.
func TestAReadingOfADeletedCustomer(t *testing.T) {
	world := NewWorld(begin, New, 1)
	world.Do(SignUp)
	world.Advance(time.Hour)
	world.Do(DeleteCustomer)
	var known, deletion []projection.Change
	for _, e := range world.Events() {
		switch e.Type {
		case "customer.deleted":
			deletion = append(deletion, change(t, e))
		case "customer.subscription.deleted":
		default:
			known = append(known, change(t, e))
		}
	}
	var a projection.Aggregate
	projection.Fold(&a, known)
	read := &projection.Event{EventID: projection.EventRead, Type: "customer.read",
		Created: metav1.NewTime(begin.Add(25 * time.Hour)), Customer: &v1alpha1.CustomerRecord{Deleted: true}}
	if diff := cmp.Diff(projection.Difference{Repaired: []string{"deletedAt"}}, projection.Read(&a, read)); diff != "" {
		t.Errorf("the first reading (-want +got):\n%s", diff)
	}
	if d := projection.Read(&a, read); differs(d) {
		t.Errorf("the second reading differs in %+v", d)
	}
	if !a.Customer.DeletedAt.Equal(&read.Created) || a.Customer.Email != "" {
		t.Errorf("deleted at %v, address %q", a.Customer.DeletedAt, a.Customer.Email)
	}
	id := world.Objects("subscription")[0].ID()
	if s := a.Subscriptions[id]; s.Status != "canceled" || !s.EndedAt.Equal(&read.Created) {
		t.Errorf("the subscription is %s, ended at %v", s.Status, s.EndedAt)
	}
	running := &projection.Event{EventID: projection.EventRead, Type: "customer.subscription.read", SubscriptionID: id, Created: read.Created,
		Subscription: &v1alpha1.SubscriptionRecord{SubscriptionState: v1alpha1.SubscriptionState{Status: "active"}}}
	profile := &projection.Event{EventID: projection.EventRead, Type: "customer.read", Created: read.Created,
		Customer: &v1alpha1.CustomerRecord{Email: "ada@example.com"}}
	for _, e := range []*projection.Event{running, profile} {
		if d := projection.Read(&a, e); differs(d) || a.Subscriptions[id].Status != "canceled" || a.Customer.Email != "" {
			t.Errorf("%s brings %+v back: %s, %q", e.Type, d, a.Subscriptions[id].Status, a.Customer.Email)
		}
	}
	projection.Fold(&a, deletion)
	for id, s := range a.Subscriptions {
		if s.Status != "canceled" || !s.EndedAt.Equal(&deletion[0].Event.Created) {
			t.Errorf("%s is %s, ended at %v", id, s.Status, s.EndedAt)
		}
	}
}

// Stripe has the customer after the event of its deletion, which was forged: the reading takes the deletion back, whichever comes first.
func TestAReadingRefutesADeletion(t *testing.T) {
	deletion := change(t, at(time.Hour, "customer.deleted", Customer(customer, "ada@example.com", "Ada")))
	read := &projection.Event{EventID: projection.EventRead, Type: "customer.read", Created: metav1.NewTime(begin.Add(2 * time.Hour)),
		Customer: &v1alpha1.CustomerRecord{Email: "ada@example.com"}}
	var a, b projection.Aggregate
	projection.Fold(&a, []projection.Change{deletion})
	if d := projection.Read(&a, read); !slices.Contains(d.Repaired, "deletedAt") {
		t.Errorf("the reading repairs %v", d.Repaired)
	}
	projection.Read(&b, read)
	projection.Fold(&b, []projection.Change{deletion})
	for name, c := range map[string]v1alpha1.CustomerStatus{"the deletion first": a.Customer, "the reading first": b.Customer} {
		if c.DeletedAt != nil || c.Email != "ada@example.com" || c.Complete != nil {
			t.Errorf("%s: deleted at %v, address %q, complete %v", name, c.DeletedAt, c.Email, c.Complete)
		}
	}
}
