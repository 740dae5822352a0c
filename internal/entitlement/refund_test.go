package entitlement

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// paidBy is the invoice of 29.00 USD that the present period rests on; charge and intent are empty if no event names them.
func (s *subscription) paidBy(invoice string, at *metav1.Time, charge, intent string) *subscription {
	s.status.PaidBy = &v1alpha1.PaidInvoice{
		InvoiceID: invoice, Amount: 2900, Currency: "usd", PaidAt: *at, ChargeID: charge, PaymentIntentID: intent,
	}
	return s
}

// With the policy to suspend on a full refund, only the refund of what the present period rests on suspends.
func TestRefund(t *testing.T) {
	refund := func(change func(*v1alpha1.Refund)) *v1alpha1.Refund {
		r := &v1alpha1.Refund{ChargeID: "ch_1", PaymentIntentID: "pi_1", At: *day(-1), RefundTotal: v1alpha1.RefundTotal{
			Amount: 2900, AmountRefunded: 2900, Currency: "usd", Full: true, ChargedAt: day(-5),
		}}
		change(r)
		return r
	}
	same := func(*v1alpha1.Refund) {}
	unnamed := func() *subscription { return sub("active").paidBy("in_1", day(-5), "", "") }
	for name, tc := range map[string]struct {
		subscription *subscription
		refund       *v1alpha1.Refund
		failed       *v1alpha1.FailedRefund
		want         string
	}{
		"the invoice names the charge":                           {sub("active").paidBy("in_1", day(-5), "ch_1", ""), refund(same), nil, "AwaitingPayment"},
		"the invoice names the payment intent":                   {sub("active").paidBy("in_1", day(-5), "", "pi_1"), refund(same), nil, "AwaitingPayment"},
		"the invoice names another charge":                       {sub("active").paidBy("in_1", day(-5), "ch_2", "pi_2"), refund(same), nil, "SubscriptionActive"},
		"the charge names the invoice":                           {unnamed(), refund(func(r *v1alpha1.Refund) { r.InvoiceID = "in_1" }), nil, "AwaitingPayment"},
		"the charge names another invoice":                       {unnamed(), refund(func(r *v1alpha1.Refund) { r.InvoiceID = "in_0" }), nil, "SubscriptionActive"},
		"same amount and moment":                                 {unnamed(), refund(same), nil, "AwaitingPayment"},
		"four minutes apart":                                     {unnamed(), refund(func(r *v1alpha1.Refund) { r.ChargedAt = plus(day(-5), -4*time.Minute) }), nil, "AwaitingPayment"},
		"six minutes apart":                                      {unnamed(), refund(func(r *v1alpha1.Refund) { r.ChargedAt = plus(day(-5), 6*time.Minute) }), nil, "SubscriptionActive"},
		"another amount: a top-up":                               {unnamed(), refund(func(r *v1alpha1.Refund) { r.Amount = 500 }), nil, "SubscriptionActive"},
		"another currency":                                       {unnamed(), refund(func(r *v1alpha1.Refund) { r.Currency = "eur" }), nil, "SubscriptionActive"},
		"in part":                                                {unnamed(), refund(func(r *v1alpha1.Refund) { r.Full = false }), nil, "SubscriptionActive"},
		"a refund that failed":                                   {unnamed(), refund(same), &v1alpha1.FailedRefund{ChargeID: "ch_1", At: *day(0)}, "SubscriptionActive"},
		"a refund of another charge that failed":                 {unnamed(), refund(same), &v1alpha1.FailedRefund{ChargeID: "ch_2", At: *day(0)}, "AwaitingPayment"},
		"one that failed before another succeeded":               {unnamed(), refund(same), &v1alpha1.FailedRefund{ChargeID: "ch_1", At: *day(-2)}, "AwaitingPayment"},
		"a trial, which rests on no payment":                     {sub("trialing").paidBy("in_1", day(-5), "ch_1", ""), refund(same), nil, "Trialing"},
		"no invoice is known":                                    {sub("active").started(day(-6)), refund(same), nil, "AwaitingPayment"},
		"no invoice is known of a subscription that began later": {sub("active").started(day(-2)), refund(same), nil, "SubscriptionActive"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCustomer().with("sub_A", tc.subscription).paid("ch_1", "pi_1")
			c.in.Customer.Refunds = []v1alpha1.Refund{*tc.refund}
			if tc.failed != nil {
				c.in.Customer.FailedRefunds = []v1alpha1.FailedRefund{*tc.failed}
			}
			if got := Decide(c.in, strict, noon); got.Reason != tc.want {
				t.Errorf("%s: %s, want %s", got.Reason, got.Message, tc.want)
			}
			if got := Decide(c.in, plain, noon); !got.Entitled {
				t.Errorf("the policy is to record, and it suspends: %+v", got)
			}
		})
	}
}

// A refund of one subscription leaves the other one alone.
func TestARefundActsOnItsOwnSubscription(t *testing.T) {
	c := newCustomer().with("sub_A", sub("active").paidBy("in_1", day(-5), "ch_1", "")).
		with("sub_B", sub("active").paidBy("in_2", day(-3), "ch_2", "")).refunded("ch_1", "", true)
	if got := Decide(c.in, strict, noon); !got.Entitled || got.SubscriptionID != "sub_B" || len(got.Entitling) != 1 {
		t.Errorf("got %+v, want it entitled by sub_B alone", got)
	}
}
