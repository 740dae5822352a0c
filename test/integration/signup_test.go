package integration

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// emailsOf waits until the customer has as many Emails as wanted.
func (o *operator) emailsOf(customer string, wanted int) []v1alpha1.EmailSpec {
	o.t.Helper()
	var specs []v1alpha1.EmailSpec
	o.eventually("the Emails of "+customer, func() string {
		specs = nil
		for _, e := range o.emails() {
			if e.Spec.CustomerRef.Name == naming.Object("", customer) {
				specs = append(specs, e.Spec)
			}
		}
		if len(specs) != wanted {
			return fmt.Sprintf("there are %d, want %d", len(specs), wanted)
		}
		return ""
	})
	return specs
}

// A customer that pays by bank debit is sent its e-mails once the debit has succeeded, whichever event reports it first, and within
// --mail-max-age of that. The other reports of it plan nothing more.
func TestADebitIsASignUpOnceItIsPaid(t *testing.T) {
	t.Parallel()
	o := start(t)
	paidAt := time.Now().Truncate(time.Second).Add(-time.Minute)
	opened := paidAt.AddDate(0, 0, -5)
	session := Checkout("cs_1", "cus_A", "", "ada@example.com", opened).With("mode", "payment").With("subscription", nil).With("payment_intent", "pi_1")
	unpaid := session.With("payment_status", "unpaid")
	o.send(
		Event{ID: "evt_1", Type: "customer.created", Created: opened, Shape: New, Object: Customer("cus_A", "ada@example.com", "Ada")},
		Event{ID: "evt_2", Type: "checkout.session.completed", Created: opened, Shape: New, Object: unpaid},
	)
	o.settled()
	o.emailsOf("cus_A", 0)
	if got := o.customer("cus_A").Status.Checkouts; len(got) != 1 || got[0].State != v1alpha1.CheckoutUnpaid {
		t.Errorf("the checkouts are %+v", got)
	}
	o.send(Event{ID: "evt_3", Type: "charge.succeeded", Created: paidAt, Shape: New,
		Object: Charge(New, "ch_1", "cus_A", "pi_1", "succeeded", opened)})
	planned := o.emailsOf("cus_A", 2)
	for _, spec := range planned {
		if want := paidAt.Add(defaults(t, "").MailMaxAge); spec.SessionID != "cs_1" || spec.SendBefore == nil || !spec.SendBefore.Time.Equal(want) {
			t.Errorf("%s of session %q is to be sent before %s, want cs_1 and %s", spec.Purpose, spec.SessionID, spec.SendBefore, want)
		}
	}
	paid := Event{ID: "evt_4", Type: "checkout.session.async_payment_succeeded", Created: paidAt.Add(time.Second), Shape: New, Object: session}
	o.send(paid, paid)
	o.settled()
	if diff := cmp.Diff(planned, o.emailsOf("cus_A", 2)); diff != "" {
		t.Errorf("Emails (-before +after):\n%s", diff)
	}
	if got := o.customer("cus_A").Status; got.Signup == nil || len(got.Checkouts) > 0 {
		t.Errorf("the sign-up is %+v, beside %+v", got.Signup, got.Checkouts)
	}
}

// With a key, a sign-up waits until the customer is known whole. Of two customers that are known by a checkout alone, Stripe has an older
// subscription of one: that one is not welcomed.
func TestASignUpWaitsUntilTheCustomerIsKnownWhole(t *testing.T) {
	t.Parallel()
	now := time.Now().Truncate(time.Second)
	opened := now.Add(-2 * time.Minute)
	world := NewWorld(now, New, 1)
	for id, started := range map[string]time.Time{"New": opened.Add(time.Minute), "Old": now.AddDate(0, -2, 0)} {
		world.Put(Customer("cus_"+id, id+"@example.com", id))
		world.Put(Subscription(Old, "sub_"+id, "cus_"+id, "active", started, now.AddDate(0, 1, 0)))
	}
	_, withStripe := stripe(t, world)
	later := func(c *config.Config) { c.RefetchDelay = time.Hour }
	o := start(t, withStripe, later)
	for _, id := range []string{"New", "Old"} {
		o.send(Event{ID: "evt_" + id, Type: "checkout.session.completed", Created: now.Add(-time.Minute), Shape: New,
			Object: Checkout("cs_"+id, "cus_"+id, "sub_"+id, id+"@example.com", opened)})
	}
	o.settled()
	for _, id := range []string{"cus_New", "cus_Old"} {
		o.emailsOf(id, 0)
		if got := o.customer(id).Status; got.Signup == nil || got.Complete != nil {
			t.Errorf("the sign-up of %s is %+v, complete: %+v", id, got.Signup, got.Complete)
		}
	}
	o.stop()

	o = startIn(t, o.namespace, withStripe)
	o.emailsOf("cus_New", 2)
	o.eventually("the old customer is known whole", func() string {
		if o.customer("cus_Old").Status.Complete == nil {
			return "it is not"
		}
		return ""
	})
	nudge := Customer("cus_Old", "other@example.com", "Old")
	o.send(Event{ID: "evt_nudge", Type: "customer.updated", Created: now, Shape: New, Object: nudge})
	o.settled()
	o.emailsOf("cus_Old", 0)
}

// Emails that are deleted after the time in which they may be sent are not planned again.
func TestDeletedEmailsAreNotPlannedAgain(t *testing.T) {
	t.Parallel()
	o := start(t)
	world := signUp()
	customer := world.Objects("customer")[0].ID()
	o.send(world.Events()...)
	o.settled()
	o.emailsOf(customer, 2)
	o.stop()
	for _, e := range o.emails() {
		if err := cluster.Client.Delete(t.Context(), &e); err != nil {
			t.Fatal(err)
		}
	}
	o = startIn(t, o.namespace, func(c *config.Config) { c.MailMaxAge = time.Second })
	world.Advance(time.Second)
	world.Do(ChangeEmail)
	change := world.Events()[len(world.Events())-1]
	o.send(change)
	o.settled()
	o.eventually("the change shows", func() string {
		if last := o.customer(customer).Status.LastEvent; last == nil || last.ID != change.ID {
			return fmt.Sprintf("the last event is %+v", last)
		}
		return ""
	})
	o.emailsOf(customer, 0)
}

// A customer of which an earlier version has not noted since when it is served is not taken for a new one.
func TestACustomerOfAnEarlierVersionIsNotNew(t *testing.T) {
	t.Parallel()
	o := start(t)
	now := time.Now().Truncate(time.Second)
	o.send(Event{ID: "evt_1", Type: "customer.subscription.updated", Created: now.AddDate(0, -2, 0), Shape: New,
		Object: Subscription(New, "sub_Old", "cus_A", "active", now.AddDate(0, -2, 0), now.AddDate(0, 1, 0))})
	o.settled()
	o.stop()
	c := o.customer("cus_A")
	c.Status.ServedSince, c.Status.PaidSince = nil, nil // as an earlier version writes it
	if err := cluster.Client.Status().Update(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	o = startIn(t, o.namespace)
	o.send(Event{ID: "evt_2", Type: "checkout.session.completed", Created: now, Shape: New,
		Object: Checkout("cs_1", "cus_A", "sub_Second", "ada@example.com", now.Add(-time.Minute))})
	o.settled()
	o.emailsOf("cus_A", 0)
	if got := o.customer("cus_A").Status; got.ServedSince == nil || !got.ServedSince.Time.Equal(now.AddDate(0, -2, 0)) {
		t.Errorf("served since %s", got.ServedSince)
	}
}
