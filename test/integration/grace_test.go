package integration

import (
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/tollkeeper/tollkeeper/internal/config"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// converts returns the events of a customer whose trial, which was invoiced with nothing, ends with a failed payment.
func converts(shape Shape, name string, now time.Time) []Event {
	customer, sub, begin, end := "cus_"+name, "sub_"+name, now.AddDate(0, 0, -14), now.AddDate(0, 1, 0)
	failed := Invoice(shape, "in_2"+name, customer, sub, "open", Amount, now, end)
	return []Event{
		{ID: "evt_1" + name, Type: "customer.created", Created: begin, Shape: shape, Object: Customer(customer, "ada@example.com", "Ada")},
		{ID: "evt_2" + name, Type: "customer.subscription.created", Created: begin, Shape: shape, Object: Trial(shape, sub, customer, begin, now)},
		{ID: "evt_3" + name, Type: "invoice.paid", Created: begin, Shape: shape, Object: Invoice(shape, "in_1"+name, customer, sub, "paid", 0, begin, now)},
		{ID: "evt_4" + name, Type: "invoice.payment_failed", Created: now, Shape: shape, Object: FailedAttempt(failed, 1, now.AddDate(0, 0, 3))},
		{ID: "evt_5" + name, Type: "customer.subscription.updated", Created: now, Shape: shape, Previous: Object{"status": "trialing"},
			Object: Trial(shape, sub, customer, begin, now).With("status", "past_due")},
	}
}

// A customer that has never paid has another grace period than one that has. The customer's own one overrides both.
func TestTheGraceOfACustomerThatHasNeverPaid(t *testing.T) {
	t.Parallel()
	o := start(t, func(c *config.Config) { c.Policy.GracePeriodNeverPaid = new(4 * time.Second) })
	now := time.Now()
	o.send(Event{ID: "evt_0", Type: "charge.succeeded", Created: now.AddDate(0, -6, 0), Shape: Old,
		Object: Charge(Old, "ch_1", "cus_Paid", "pi_1", "succeeded", now.AddDate(0, -6, 0))})
	o.send(append(converts(Old, "Paid", now), converts(New, "Never", now)...)...)
	o.entitled("cus_Never", "True GracePeriod")
	o.entitled("cus_Never", "False PaymentFailed")
	o.entitled("cus_Paid", "True GracePeriod")
	if until := o.customer("cus_Paid").Status.AccessUntil; until == nil || until.Sub(now).Round(time.Minute) != 7*24*time.Hour {
		t.Errorf("the customer that has paid is served until %v, want a week", until)
	}
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"gracePeriod":"1h"}}`))
	if err := cluster.Client.Patch(t.Context(), o.customer("cus_Never"), patch); err != nil {
		t.Fatal(err)
	}
	o.entitled("cus_Never", "True GracePeriod")
}
