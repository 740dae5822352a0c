package routing

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// A Customer is found by every payment that its status names.
func TestPaymentsOfACustomer(t *testing.T) {
	c := &v1alpha1.Customer{}
	if got := paymentsOf(c); len(got) > 0 {
		t.Errorf("a customer without payments has %v", got)
	}
	c.Status.LastPayment = &v1alpha1.Payment{ChargeID: "ch_1", PaymentIntentID: "pi_1"}
	c.Status.InvoicePayments = []v1alpha1.InvoicePayment{{ID: "inpay_1", InvoiceID: "in_1", PaymentIntentID: "pi_1"}, {ID: "inpay_2", ChargeID: "ch_2"}}
	c.Status.Refunds = []v1alpha1.Refund{{ChargeID: "ch_3", PaymentIntentID: "pi_3"}}
	c.Status.OpenDisputes = []v1alpha1.Dispute{{ID: "dp_1", ChargeID: "ch_4"}}
	want := []string{}
	for _, id := range []string{"ch_1", "ch_2", "ch_3", "ch_4", "pi_1", "pi_3"} {
		want = append(want, InAccount("", id))
	}
	if diff := cmp.Diff(want, paymentsOf(c)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
