package entitlement

import (
	"testing"
	"time"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// A disputed payment from before a subscription does not concern it, if its time is known.
func TestADisputeOfAnOlderPayment(t *testing.T) {
	for name, tc := range map[string]struct {
		subscription *subscription
		payments     []v1alpha1.FirstPayment
		links        []v1alpha1.InvoicePayment
		want         string
	}{
		"paid on the day before":                    {sub("active").started(day(-5)), []v1alpha1.FirstPayment{{ID: "pi_1", At: *day(-6)}}, nil, "SubscriptionActive"},
		"paid on the day before, as its link says":  {sub("active").started(day(-5)), nil, []v1alpha1.InvoicePayment{{PaymentIntentID: "pi_1", At: *day(-6)}}, "SubscriptionActive"},
		"paid a minute before: it is the first one": {sub("active").started(day(-5)), []v1alpha1.FirstPayment{{ID: "pi_1", At: *plus(day(-5), -time.Minute)}}, nil, "Disputed"},
		"paid later":                               {sub("active").started(day(-5)), []v1alpha1.FirstPayment{{ID: "pi_1", At: *day(-4)}}, nil, "Disputed"},
		"when it was paid is not known":            {sub("active").started(day(-5)), []v1alpha1.FirstPayment{{ID: "pi_2", At: *day(-6)}}, nil, "Disputed"},
		"when the subscription began is not known": {sub("active"), []v1alpha1.FirstPayment{{ID: "pi_1", At: *day(-6)}}, nil, "Disputed"},
		"the subscription began in simulated time": {sub("active").started(day(90)).onTestClock(), []v1alpha1.FirstPayment{{ID: "pi_1", At: *day(-6)}}, nil, "Disputed"},
	} {
		c := newCustomer().with("sub_A", tc.subscription).paid("ch_9", "pi_9").disputed("pi_1", "needs_response")
		c.in.Customer.FirstPayments, c.in.Customer.InvoicePayments = tc.payments, tc.links
		if got := Decide(c.in, strict, noon); got.Reason != tc.want {
			t.Errorf("%s: %s: %s, want %s", name, got.Reason, got.Message, tc.want)
		}
	}
}
