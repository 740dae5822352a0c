package entitlement

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// bought adds a purchase that was paid at the time; nil if it is not paid. It becomes the newest.
func (c *customer) bought(access string, paid *metav1.Time, changes ...func(*v1alpha1.Purchase)) *customer {
	n := len(c.in.Customer.Purchases) + 1
	p := v1alpha1.Purchase{
		ID: fmt.Sprintf("pi_%d", n), PaymentIntentID: fmt.Sprintf("pi_%d", n), State: v1alpha1.CheckoutUnpaid, BoughtAt: *day(-60 + n),
		Terms: []v1alpha1.PurchaseTerms{{Source: v1alpha1.PurchaseSourceCheckout, Metadata: map[string]v1alpha1.Value{"access": v1alpha1.Value(access)}}},
	}
	if paid != nil {
		p.State, p.PaidAt = v1alpha1.CheckoutPaid, paid
	}
	for _, change := range changes {
		change(&p)
	}
	c.in.Customer.Purchases = append([]v1alpha1.Purchase{p}, c.in.Customer.Purchases...)
	return c
}

func refundedOn(t *metav1.Time) func(*v1alpha1.Purchase) {
	return func(p *v1alpha1.Purchase) { p.RefundedAt = t }
}

func granting(key, value string) func(*v1alpha1.Purchase) {
	return func(p *v1alpha1.Purchase) { p.Terms[0].Metadata[key] = v1alpha1.Value(value) }
}

// by adds the purchases whose access runs.
func (d Decision) by(ids ...string) Decision { d.Purchases = ids; return d }

const forLife = "The customer bought access that does not end."

// disputed is a dispute of a payment.
func (c *customer) disputed(intent, status string) *customer {
	c.dispute("dp_"+intent, status)
	disputes := c.in.Customer.OpenDisputes
	disputes[len(disputes)-1].PaymentIntentID = intent
	return c
}

func boughtUntil(t *metav1.Time) string {
	return "The customer bought access, which ends" + onDate(t) + "."
}

func endedAt(t *metav1.Time) string {
	return "The customer has no subscription, and the access that it bought ended" + onDate(t) + "."
}

var purchaseCases = map[string]decisionCase{
	"runs": {
		customer: newCustomer().bought("30d", day(-3)),
		want:     served("Purchased", boughtUntil(day(27))).until(day(27)).by("pi_1"),
	},
	"a lifetime": {
		customer: newCustomer().bought("lifetime", day(-300)),
		want:     served("Purchased", forLife).by("pi_1"),
	},
	"ended this moment": {
		customer: newCustomer().bought("30d", day(-30)),
		want:     refused("NoSubscription", endedAt(day(0)), ""),
	},
	"refunded, whatever the policy": {
		customer: newCustomer().bought("lifetime", day(-3), refundedOn(day(-1))),
		want:     refused("NoSubscription", "The customer has no subscription, and its purchase was refunded in full"+onDate(day(-1))+".", ""),
	},
	"not paid yet": {
		customer: newCustomer().bought("30d", nil),
		want:     refused("AwaitingPayment", "The purchase waits for its payment. Access starts once it succeeds.", ""),
	},
	"the payment failed": {
		customer: newCustomer().bought("30d", nil, func(p *v1alpha1.Purchase) { p.State = v1alpha1.CheckoutFailed }),
		want:     refused("NoSubscription", "The customer has no subscription, and the payment of its purchase failed.", ""),
	},
	"cannot be read": {
		customer: newCustomer().bought("30", day(-3)),
		want: refused("NoSubscription",
			"The customer has no subscription, and for how long its purchase grants access cannot be read from Stripe's metadata.", ""),
	},
	"says nothing of access": {
		customer: newCustomer().bought("30d", day(-3), func(p *v1alpha1.Purchase) { p.Terms = nil }),
		want:     refused("NoSubscription", "The customer has no subscription.", ""),
	},

	"a second one of the same extends the first": {
		customer: newCustomer().bought("30d", day(-3)).bought("30d", day(-1)),
		want:     served("Purchased", boughtUntil(day(57))).until(day(57)).next(day(27)).by("pi_1"),
	},
	"a second one after the first has ended": {
		customer: newCustomer().bought("10d", day(-20)).bought("10d", day(-2)),
		want:     served("Purchased", boughtUntil(day(8))).until(day(8)).by("pi_2"),
	},
	"one of other entitlements runs beside it": {
		customer: newCustomer().bought("30d", day(-3)).bought("30d", day(-1), granting("seats", "5")),
		want:     served("Purchased", boughtUntil(day(29))).until(day(29)).next(day(27)).by("pi_1", "pi_2"),
	},
	"the first one is refunded: the second runs from its own payment": {
		customer: newCustomer().bought("30d", day(-3), refundedOn(day(0))).bought("30d", day(-1)),
		want:     served("Purchased", boughtUntil(day(29))).until(day(29)).by("pi_2"),
	},
	"a lifetime beside a pass": {
		customer: newCustomer().bought("30d", day(-3)).bought("lifetime", day(-1)),
		want:     served("Purchased", forLife).next(day(27)).by("pi_1", "pi_2"),
	},

	"an active subscription decides": {
		customer: newCustomer().bought("30d", day(-3)).with("sub_A", sub("active")),
		want:     served("SubscriptionActive", isActive, "sub_A").next(day(27)).by("pi_1"),
	},
	"access lasts as long as subscription or purchase": {
		customer: newCustomer().bought("30d", day(-3)).with("sub_A", sub("active").cancelAt(day(5))),
		want: served("SubscriptionActive", "The subscription is active and scheduled to end on 15 March 2026 at 12:00 UTC.", "sub_A").
			until(day(27)).next(day(5)).by("pi_1"),
	},
	"it beats the grace period, whose entitlements stay": {
		customer: newCustomer().bought("30d", day(-3)).with("sub_A", sub("past_due").became("past_due", day(-1))),
		want:     served("Purchased", boughtUntil(day(27)), "sub_A").until(day(27)).next(day(6)).by("pi_1"),
	},
	"it beats an ended subscription": {
		customer: newCustomer().bought("30d", day(-3)).with("sub_A", sub("canceled").ended(day(-9))),
		want:     served("Purchased", boughtUntil(day(27))).until(day(27)).by("pi_1"),
	},
	"when it ends, the subscription decides": {
		customer: newCustomer().bought("30d", day(-33)).with("sub_A", sub("unpaid")),
		want: refused("PaymentFailed", "The subscription became unpaid: its payments failed and Stripe has stopped retrying. "+
			"Access resumes once the open invoice is paid.", "sub_A"),
	},

	"a dispute of its payment suspends": {
		customer: newCustomer().bought("lifetime", day(-3)).disputed("pi_1", "needs_response"),
		policy:   strict,
		want:     refused("Disputed", disputed, ""),
	},
	"a dispute of its payment, with the policy to record": {
		customer: newCustomer().bought("lifetime", day(-3)).disputed("pi_1", "needs_response"),
		want:     served("Purchased", forLife).by("pi_1"),
	},
	"an inquiry about its payment": {
		customer: newCustomer().bought("lifetime", day(-3)).disputed("pi_1", "warning_needs_response"),
		policy:   strict,
		want:     served("Purchased", forLife).by("pi_1"),
	},
	"a dispute of another payment": {
		customer: newCustomer().bought("lifetime", day(-3)).disputed("pi_9", "needs_response"),
		policy:   strict,
		want:     served("Purchased", forLife).by("pi_1"),
	},
	"a dispute of its payment, beside an active subscription": {
		customer: newCustomer().with("sub_A", sub("active")).bought("lifetime", day(-3)).paid("ch_1", "pi_1").disputed("pi_1", "needs_response"),
		policy:   strict,
		want:     served("SubscriptionActive", "The subscription is active.", "sub_A"),
	},
	"denied": {
		customer: newCustomer().bought("lifetime", day(-3)).access(v1alpha1.AccessDenied),
		want:     refused("OverrideDenied", denied, ""),
	},
	"granted": {
		customer: newCustomer().bought("30d", day(-3)).access(v1alpha1.AccessGranted),
		want:     served("OverrideGranted", granted).next(day(27)).by("pi_1"),
	},

	"not all subscriptions are known": {
		customer: newCustomer().bought("lifetime", day(-3)).incomplete().withKey(),
		want:     served("Purchased", forLife).by("pi_1"),
	},
	"ended, not all subscriptions are known, and none will be read": {
		customer: newCustomer().bought("30d", day(-33)).incomplete(),
		want:     refused("NoSubscription", endedAt(day(-3)), ""),
	},
}

func TestPurchases(t *testing.T) { runDecisions(t, purchaseCases) }

// While Stripe is being read, access that has ended is no reason to suspend: a subscription may follow on it.
func TestAnEndedPurchaseWaitsForStripe(t *testing.T) {
	got := Decide(newCustomer().bought("30d", day(-33)).incomplete().withKey().in, plain, noon)
	if !got.Unknown || got.Reason != v1alpha1.ReasonStateNotKnown {
		t.Errorf("%+v, want Unknown", got)
	}
}

// anyPurchase adds a purchase.
func anyPurchase(random *rand.Rand, c *customer) {
	c.bought(pick(random, "1d", "3d", "1w", "lifetime", "soon"), anyDay(random))
	if random.IntN(4) == 0 {
		c.in.Customer.Purchases[0].RefundedAt = day(-1)
	}
}

// hasAccessFromPurchase reports whether a purchase grants access at the moment.
func hasAccessFromPurchase(in Input, now time.Time) bool {
	return slices.ContainsFunc(projection.PurchasePeriods(in.Customer), func(p projection.PurchasePeriod) bool { return p.Covers(now) })
}
