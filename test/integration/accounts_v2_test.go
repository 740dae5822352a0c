package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

const customerAccount = "acct_Ada"

// accountEvents are three events of a customer that is an Account (Accounts v2). The first names both, the others the Account only.
func accountEvents(shape Shape) (named, subscription, invoice Event) {
	begin := time.Now().Add(-time.Hour).Truncate(time.Second)
	end := begin.AddDate(0, 1, 0)
	event := func(id, kind string, o Object) Event {
		return Event{ID: "evt_" + id, Type: kind, Created: begin, Shape: shape, Object: o.With("customer_account", customerAccount)}
	}
	return event("named", "customer.subscription.created", Subscription(shape, "sub_Ended", "cus_Ada", "incomplete_expired", begin, end)),
		event("sub", "customer.subscription.created", Subscription(shape, "sub_Ada", "", "active", begin, end).With("customer", nil)),
		event("invoice", "invoice.paid", Invoice(shape, "in_Ada", "", "", "paid", Amount, begin, end).With("customer", nil))
}

// linked waits until the events are applied to the customer.
func (o *operator) linked(customer string, events ...Event) {
	o.t.Helper()
	for _, e := range events {
		o.outcome(e.ID, v1alpha1.OutcomeApplied)
		if got := o.event(e.ID).CustomerID(); got != customer {
			o.t.Errorf("%s is linked to %q, want %s", e.ID, got, customer)
		}
	}
}

// An event that names an Account only belongs to the customer that another event names beside the Account, whichever comes first.
func TestAnAccountIsTheCustomerNamedBesideIt(t *testing.T) {
	t.Parallel()
	for _, shape := range []Shape{Old, New} {
		for _, order := range []string{"named first", "named last", "in one batch"} {
			t.Run(string(shape)+"/"+order, func(t *testing.T) {
				o := start(t)
				named, subscription, invoice := accountEvents(shape)
				switch order {
				case "named first":
					o.send(named)
					o.linked("cus_Ada", named)
					o.send(subscription, invoice)
				case "named last":
					o.send(subscription, invoice, named) // within --refetch-delay
				default: // the controllers start when all are recorded, and wait for no further one
					o.stop()
					recording := startIn(t, o.namespace, func(c *config.Config) { c.Components.Controllers = false })
					recording.send(subscription, invoice, named)
					recording.stop()
					o = startIn(t, o.namespace, func(c *config.Config) { c.RefetchDelay = 0 })
				}
				o.linked("cus_Ada", named, subscription, invoice)
				o.entitled("cus_Ada", "True SubscriptionActive")
				c := o.customer("cus_Ada").Status
				if c.CustomerAccount != customerAccount || c.LatestInvoice == nil || len(c.Subscriptions) != 2 {
					t.Errorf("the customer of %q has %d subscriptions and the invoice %v", c.CustomerAccount, len(c.Subscriptions), c.LatestInvoice)
				}
				if other := o.customer(customerAccount); other.Name != "" {
					t.Errorf("there is a second Customer %s", other.Name)
				}
			})
		}
	}
}

// If no event names a customer beside the Account, Stripe may know it by the Account. Otherwise the Account is the customer, and keeps it:
// later events about it go the same way at once.
func TestAnAccountThatNoCustomerIsNamedBeside(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		key  bool
		at   func(*World)
		want string
	}{
		"without a key":            {false, func(*World) {}, customerAccount},
		"Stripe knows no customer": {true, func(*World) {}, customerAccount},
		"Stripe knows the customer": {true, func(w *World) {
			w.Put(Customer("cus_Ada", "ada@example.com", "Ada").With("customer_account", customerAccount))
			w.Put(Subscription(Old, "sub_Ada", "cus_Ada", "active", w.Now(), w.Now().AddDate(0, 1, 0)).With("customer_account", customerAccount))
		}, "cus_Ada"},
	} {
		t.Run(name, func(t *testing.T) {
			world := NewWorld(time.Now().Add(-time.Hour).Truncate(time.Second), New, 1)
			tc.at(world)
			settings := []func(*config.Config){func(c *config.Config) { c.RefetchDelay = 200 * time.Millisecond }}
			if tc.key {
				_, withStripe := stripe(t, world)
				settings = append(settings, withStripe)
			}
			o := start(t, settings...)
			_, subscription, invoice := accountEvents(New)
			o.send(subscription)
			o.linked(tc.want, subscription)
			o.entitled(tc.want, "True SubscriptionActive")
			o.send(invoice)
			o.linked(tc.want, invoice)
			if got := o.subscription("sub_Ada").Spec.CustomerRef.Name; got != naming.Object("", tc.want) {
				t.Errorf("the subscription belongs to %s", got)
			}
		})
	}
}

// A customer that is known by its Account is compared with Stripe by the Account.
func TestACustomerKnownByItsAccountIsCompared(t *testing.T) {
	t.Parallel()
	world := NewWorld(time.Now().Add(-time.Hour).Truncate(time.Second), New, 1)
	before := start(t, func(c *config.Config) { c.RefetchDelay = 0 })
	_, subscription, _ := accountEvents(New)
	before.send(subscription)
	before.linked(customerAccount, subscription)
	before.stop()
	world.Put(Customer("cus_Ada", "ada@example.com", "Ada").With("customer_account", customerAccount))
	world.Put(Subscription(Old, "sub_Ada", "cus_Ada", "past_due", world.Now(), world.Now().AddDate(0, 1, 0)).With("customer_account", customerAccount))
	_, withStripe := stripe(t, world)
	o := startIn(t, before.namespace, withStripe, func(c *config.Config) { c.BackfillInterval = 0 })
	o.annotate(o.customer(customerAccount), v1alpha1.AnnotationResync, "now")
	o.eventually("the resync is answered", func() string {
		c, s := o.customer(customerAccount).Status, o.subscription("sub_Ada").Status
		if c.LastComparison == nil || c.LastComparison.Request != "now" || c.LastComparison.NotFound || c.Email != "ada@example.com" || s.Status != "past_due" {
			return fmt.Sprintf("comparison %+v, subscription %s", c.LastComparison, s.Status)
		}
		return ""
	})
}

// A subscription or invoice always has a customer. An event that names none fails for a person to see, and is applied by a retry once its
// subscription is known.
func TestAnEventOfNobodyFails(t *testing.T) {
	t.Parallel()
	o := start(t)
	now := time.Now().Add(-time.Hour).Truncate(time.Second)
	end := now.AddDate(0, 1, 0)
	nobody := func(id, kind string, o Object) Event {
		return Event{ID: "evt_" + id, Type: kind, Created: now, Shape: New, Object: o.With("customer", nil)}
	}
	o.send(
		nobody("sub", "customer.subscription.updated", Subscription(New, "sub_A", "", "active", now, end)),
		nobody("paid", "invoice.paid", Invoice(New, "in_A", "", "sub_A", "paid", Amount, now, end)),
		nobody("invoice", "invoice.created", Invoice(New, "in_B", "", "", "draft", Amount, now, end)),
	)
	for id, names := range map[string][]string{
		"evt_sub": {"subscription sub_A", v1alpha1.AnnotationResync, v1alpha1.AnnotationRetry}, "evt_paid": {"invoice in_A", "subscription sub_A"},
		"evt_invoice": {"invoice in_B", v1alpha1.AnnotationResync},
	} {
		message := o.outcome(id, v1alpha1.OutcomeFailed).Status.Message
		for _, name := range names {
			if !strings.Contains(message, name) {
				t.Errorf("%s: the message %q does not name %s", id, message, name)
			}
		}
	}
	o.send(Event{ID: "evt_known", Type: "customer.subscription.created", Created: now.Add(-time.Minute), Shape: New,
		Object: Subscription(New, "sub_A", "cus_A", "incomplete", now, end)})
	o.settled()
	for _, id := range []string{"evt_sub", "evt_paid"} {
		o.annotate(o.event(id), v1alpha1.AnnotationRetry, "now")
		o.outcome(id, v1alpha1.OutcomeApplied)
	}
	o.entitled("cus_A", "True SubscriptionActive")
}

// A subscription stays with its customer: an event that names only the Account follows it, although no event names both. From then on the
// Customer shows the Account, and other events follow too.
func TestAnAccountsSubscriptionStaysWithItsCustomer(t *testing.T) {
	t.Parallel()
	o := start(t)
	_, subscription, invoice := accountEvents(New)
	known := subscription.As("evt_known")
	known.Object = known.Object.With("customer", "cus_Ada").With("customer_account", nil)
	o.send(known)
	o.linked("cus_Ada", known)
	subscription.Type, subscription.Created = "customer.subscription.updated", subscription.Created.Add(time.Minute)
	o.send(subscription)
	o.linked("cus_Ada", subscription)
	if got := o.customer("cus_Ada").Status.CustomerAccount; got != customerAccount {
		t.Errorf("the customer is the Account %q", got)
	}
	o.send(invoice)
	o.linked("cus_Ada", invoice)
}

// Stripe names a customer for an Account that is the customer already: the event fails for a person to see. When the Account's Customer is
// deleted, a retry moves the subscription.
func TestAnAccountGetsACustomerLater(t *testing.T) {
	t.Parallel()
	o := start(t, func(c *config.Config) { c.RefetchDelay = 0 })
	_, subscription, _ := accountEvents(New)
	o.send(subscription)
	o.linked(customerAccount, subscription)
	later := subscription.As("evt_later")
	later.Type, later.Created, later.Object = "customer.subscription.updated", later.Created.Add(time.Minute), later.Object.With("customer", "cus_Ada")
	o.send(later)
	o.outcome(later.ID, v1alpha1.OutcomeFailed)
	o.entitled(customerAccount, "True SubscriptionActive")

	if err := cluster.Client.Delete(t.Context(), o.customer(customerAccount)); err != nil {
		t.Fatal(err)
	}
	if err := o.collectGarbage(); err != nil {
		t.Fatal(err)
	}
	o.annotate(o.event(later.ID), v1alpha1.AnnotationRetry, "now")
	o.linked("cus_Ada", later)
	o.entitled("cus_Ada", "True SubscriptionActive")
}

// Stripe's objects of a customer that is known by both ids may name the Account only. They are the customer's: a comparison
// takes no access away.
func TestWhatNamesTheAccountOnlyIsTheCustomers(t *testing.T) {
	t.Parallel()
	world := NewWorld(time.Now().Add(-time.Hour).Truncate(time.Second), New, 1)
	named, subscription, _ := accountEvents(New)
	world.Put(Customer("cus_Ada", "ada@example.com", "Ada").With("customer_account", customerAccount))
	world.Put(named.Object)
	world.Put(subscription.Object)
	_, withStripe := stripe(t, world)
	o := start(t, withStripe, func(c *config.Config) { c.BackfillInterval = 0 })
	o.send(named, subscription)
	o.linked("cus_Ada", named, subscription)
	o.annotate(o.customer("cus_Ada"), v1alpha1.AnnotationResync, "now")
	o.eventually("the resync is answered", func() string {
		if c := o.customer("cus_Ada").Status.LastComparison; c == nil || c.Request != "now" {
			return fmt.Sprintf("comparison %+v", c)
		}
		return ""
	})
	o.entitled("cus_Ada", "True SubscriptionActive")
	if s := o.subscription("sub_Ada").Status; s.Status != "active" {
		t.Errorf("the subscription is %s", s.Status)
	}
}

// A dispute whose payment names an Account only, at Stripe, is that customer's.
func TestADisputeOfAPaymentByAnAccount(t *testing.T) {
	t.Parallel()
	world := NewWorld(time.Now().Add(-time.Hour).Truncate(time.Second), New, 1)
	named, _, _ := accountEvents(New)
	world.Put(named.Object)
	world.Put(Charge(New, "ch_1", "", "pi_1", "succeeded", world.Now()).With("customer", nil).With("customer_account", customerAccount))
	_, withStripe := stripe(t, world)
	o := start(t, withStripe, func(c *config.Config) { c.BackfillInterval, c.RefetchDelay = 0, 0 })
	o.send(named)
	o.linked("cus_Ada", named)
	dispute := Event{ID: "evt_dispute", Type: "charge.dispute.created", Created: world.Now(), Shape: New,
		Object: Dispute("dp_1", "ch_1", "pi_1", world.Now(), world.Now().AddDate(0, 0, 7))}
	o.send(dispute)
	o.linked("cus_Ada", dispute)
}
