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

// deletedLife is a sign-up of an hour ago, whose customer was just deleted.
func deletedLife(shape Shape) *World {
	world := NewWorld(time.Now().Add(-time.Hour).Truncate(time.Second), shape, 1)
	world.Do(SignUp)
	world.Advance(time.Minute)
	world.Do(ChangeEmail)
	world.Advance(50 * time.Minute)
	world.Do(DeleteCustomer)
	return world
}

// personIn lists the personal data that the customer's status shows.
func personIn(c *v1alpha1.CustomerStatus) string {
	if c.PaymentMethod == nil && c.PaymentMethods == nil && c.Metadata == nil {
		return c.Email + c.Name + c.DefaultPaymentMethodID
	}
	return fmt.Sprintf("%q %q %q %v %v %v", c.Email, c.Name, c.DefaultPaymentMethodID, c.PaymentMethod, c.PaymentMethods, c.Metadata)
}

// Stripe deletes a customer, and the event of its subscription's end is lost. The deletion ends subscription and e-mails, and takes the
// personal data away, whether its event comes last or first: what comes later brings nothing back. A person can still grant access.
func TestADeletedStripeCustomerEnds(t *testing.T) {
	t.Parallel()
	for _, shape := range []Shape{Old, New} {
		t.Run(string(shape), func(t *testing.T) {
			world := deletedLife(shape)
			customer, sub := world.Objects("customer")[0].ID(), world.Objects("subscription")[0].ID()
			var before, deletion []Event
			for _, e := range world.Events() {
				switch e.Type {
				case "customer.deleted":
					deletion = append(deletion, e)
				case "customer.subscription.deleted":
				default:
					before = append(before, e)
				}
			}
			last, first := start(t), start(t)
			last.send(before...)
			last.emailsOf(customer, 2)
			last.entitled(customer, "True SubscriptionActive")
			last.send(deletion...)
			first.send(deletion...)
			first.entitled(customer, "False SubscriptionEnded")
			first.send(before...)
			for _, o := range []*operator{last, first} {
				o.settled()
				o.entitled(customer, "False SubscriptionEnded")
				o.inSync(customer, "True CustomerDeleted")
				o.inSync(sub, "True CustomerDeleted")
				if got := personIn(&o.customer(customer).Status); got != "" {
					t.Errorf("personal data stays: %s", got)
				}
				s := o.subscription(sub).Status
				if s.Status != "canceled" || at(s.EndedAt) != deletion[0].Created.Unix() {
					t.Errorf("the subscription is %s, ended at %v; want canceled at %s", s.Status, s.EndedAt, deletion[0].Created)
				}
			}
			if diff := cmp.Diff(last.finalStatuses(world), first.finalStatuses(world), ignoreProcessing); diff != "" {
				t.Errorf("statuses (-deletion last +deletion first):\n%s", diff)
			}
			last.emailsEnd(customer, 2)
			first.emailsEnd(customer, 0)

			granted := last.customer(customer)
			granted.Spec.Access = v1alpha1.AccessGranted
			if err := cluster.Client.Update(t.Context(), granted); err != nil {
				t.Fatal(err)
			}
			last.entitled(customer, "True OverrideGranted")
		})
	}
}

// emailsEnd waits until as many Emails of the customer as wanted have ended because of its deletion.
func (o *operator) emailsEnd(customer string, wanted int) {
	o.t.Helper()
	o.emailsOf(customer, wanted)
	o.eventually("the e-mails end", func() string {
		for _, e := range o.emails() {
			if got := condition(e.Status.Conditions, v1alpha1.ConditionSent); got != "False CustomerDeleted" || e.SettledAt() == nil {
				return fmt.Sprintf("%s is %q, settled at %v", e.Name, got, e.SettledAt())
			}
		}
		return ""
	})
}

// The event of the deletion is lost too. A resync reads the deletion, and after that Stripe is never asked about the customer again, not
// even on request. Another customer, whose resync is answered, shows that there was time for it.
func TestAResyncFindsADeletion(t *testing.T) {
	t.Parallel()
	world := deletedLife(New)
	customer, sub := world.Objects("customer")[0].ID(), world.Objects("subscription")[0].ID()
	world.Put(Customer("cus_Other", "other@example.com", "Other"))
	api, withStripe := stripe(t, world)
	o := start(t, withStripe, func(c *config.Config) { c.BackfillInterval = 0 })
	for _, e := range world.Events() {
		if e.Type != "customer.deleted" && e.Type != "customer.subscription.deleted" {
			o.send(e)
		}
	}
	o.settled()
	o.entitled(customer, "True SubscriptionActive")
	o.annotate(o.customer(customer), v1alpha1.AnnotationResync, "first")
	o.entitled(customer, "False SubscriptionEnded")
	o.inSync(customer, "True CustomerDeleted")
	got := o.customer(customer).Status
	if last := got.LastComparison; last == nil || last.NotFound || last.Request != "first" || !cmp.Equal(last.Differed, []string{"deletedAt"}) {
		t.Errorf("the comparison is %+v", last)
	}
	if status := o.subscription(sub).Status.Status; status != "canceled" || personIn(&got) != "" {
		t.Errorf("the subscription is %s; the personal data: %q", status, personIn(&got))
	}

	asked := len(api.Requests("/v1/customers/" + customer))
	o.send(Event{ID: "evt_late", Type: "invoice.created", Created: world.Now().Add(-time.Hour), Shape: New, // known by name only
		Object: Invoice(New, "in_late", customer, "sub_late", "draft", Amount, world.Now(), world.Now())})
	o.send(Event{ID: "evt_other", Type: "customer.created", Created: world.Now(), Shape: New, Object: Customer("cus_Other", "other@example.com", "Other")})
	o.settled()
	o.annotate(o.customer(customer), v1alpha1.AnnotationResync, "second")
	o.annotate(o.customer("cus_Other"), v1alpha1.AnnotationResync, "now")
	o.inSync("cus_Other", "True Compared")
	if now := len(api.Requests("/v1/customers/" + customer)); now != asked || len(api.Requests("/v1/subscriptions/sub_late")) > 0 {
		t.Errorf("Stripe was asked about the deleted customer %d times more", now-asked)
	}
	if s := o.subscription("sub_late"); s.Status.Status != "canceled" || s.Name != naming.Object("", "sub_late") {
		t.Errorf("the subscription that is known by name only is %q", s.Status.Status)
	}
}
