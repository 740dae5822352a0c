package entitlement

import (
	"strings"
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// What is published of a customer while not all of its subscriptions are known, and afterwards.
func TestUnknown(t *testing.T) {
	const (
		readSoon = "StateNotKnown: Not all of the customer's subscriptions are known yet. " +
			"They are being read from Stripe. Access stays as it is until then."
		noKey = "StateNotKnown: Not all of the customer's subscriptions are known yet. " +
			"Access stays as it is until an event reports one."
		eventsGone = "StateNotKnown: Not all of the customer's subscriptions are known yet. " +
			"The status was lost, and events that made it are no longer in the cluster. Bring them back from the archive " +
			"(kubectl tollkeeper archive restore), or decide with spec.override. Access stays as it is until then."
		unreported = "StateNotKnown: Stripe has not reported the subscription's status yet. Access stays as it is until it does."
	)
	customers := map[string]func() *customer{
		"nothing is known":          newCustomer,
		"an active one":             func() *customer { return newCustomer().with("sub_A", sub("active")) },
		"a canceled one":            func() *customer { return newCustomer().with("sub_A", sub("canceled")) },
		"an unpaid one":             func() *customer { return newCustomer().with("sub_A", sub("unpaid")) },
		"a paused one":              func() *customer { return newCustomer().with("sub_A", sub("paused")) },
		"an incomplete one":         func() *customer { return newCustomer().with("sub_A", sub("incomplete")) },
		"past due, grace over":      func() *customer { return newCustomer().with("sub_A", sub("past_due").became("past_due", day(-9))) },
		"past due, in grace":        func() *customer { return newCustomer().with("sub_A", sub("past_due").became("past_due", day(-1))) },
		"one known by name only":    func() *customer { return newCustomer().with("sub_A", sub("")) },
		"a status of the future":    func() *customer { return newCustomer().with("sub_A", sub("hibernating")) },
		"canceled and by name":      func() *customer { return newCustomer().with("sub_A", sub("canceled")).with("sub_B", sub("")) },
		"active and by name":        func() *customer { return newCustomer().with("sub_A", sub("active")).with("sub_B", sub("")) },
		"denied, an active one":     func() *customer { return newCustomer().with("sub_A", sub("active")).access(v1alpha1.AccessDenied) },
		"granted, nothing is known": func() *customer { return newCustomer().access(v1alpha1.AccessGranted) },
		"disputed, an active one":   func() *customer { return newCustomer().with("sub_A", sub("active")).dispute("dp_1", "needs_response") },
	}
	wants := map[string]struct{ complete, incomplete, incompleteWithKey string }{
		"nothing is known":          {"False NoSubscription", noKey, readSoon},
		"an active one":             {"True SubscriptionActive", "True SubscriptionActive", "True SubscriptionActive"},
		"a canceled one":            {"False SubscriptionEnded", "False SubscriptionEnded", readSoon},
		"an unpaid one":             {"False PaymentFailed", "False PaymentFailed", readSoon},
		"a paused one":              {"False Paused", "False Paused", readSoon},
		"an incomplete one":         {"False AwaitingPayment", "False AwaitingPayment", readSoon},
		"past due, grace over":      {"False PaymentFailed", "False PaymentFailed", readSoon},
		"past due, in grace":        {"True GracePeriod", "True GracePeriod", "True GracePeriod"},
		"one known by name only":    {unreported, noKey, readSoon},
		"a status of the future":    {"StateNotKnown: The subscription has the status hibernating, which this version does not know. Access stays as it is until that changes.", noKey, readSoon},
		"canceled and by name":      {unreported, noKey, readSoon},
		"active and by name":        {"True SubscriptionActive", "True SubscriptionActive", "True SubscriptionActive"},
		"denied, an active one":     {"False OverrideDenied", "False OverrideDenied", "False OverrideDenied"},
		"granted, nothing is known": {"True OverrideGranted", "True OverrideGranted", "True OverrideGranted"},
		"disputed, an active one":   {"False Disputed", "False Disputed", readSoon},
	}
	for name := range customers {
		want, known := wants[name]
		if !known {
			t.Errorf("%s: nothing is wanted", name)
		}
		t.Run(name, func(t *testing.T) {
			lost := want.incompleteWithKey
			if lost == readSoon { // without a key nothing is read
				lost = eventsGone
			}
			outdated := lost
			if strings.HasPrefix(lost, "True") && name != "granted, nothing is known" {
				outdated = eventsGone
			}
			for state, tc := range map[string]struct {
				customer *customer
				want     string
			}{
				"complete":               {customers[name](), want.complete},
				"complete, with a key":   {customers[name]().withKey(), want.complete},
				"incomplete":             {customers[name]().incomplete(), want.incomplete},
				"lost, reported since":   {customers[name]().reported(day(-45)).incomplete().eventsGone(), lost},
				"lost, reported before":  {customers[name]().reported(day(-46)).incomplete().eventsGone(), outdated},
				"incomplete, with a key": {customers[name]().incomplete().withKey(), want.incompleteWithKey},
			} {
				d := Decide(tc.customer.in, strict, noon)
				got := map[bool]string{true: "True ", false: "False "}[d.Entitled] + d.Reason
				if d.Unknown {
					got = d.Reason + ": " + d.Message
				}
				if got != tc.want || d.Unknown && (d.Entitled || d.Until != nil || len(d.Entitling) > 0) {
					t.Errorf("%s: %+v, want %s", state, d, tc.want)
				}
			}
		})
	}
}

// Once the status is lost, what was reported before events are gone entitles to nothing: what ended it may be gone. What was paid since
// entitles.
func TestOutdated(t *testing.T) {
	active := func(reported int) *subscription { return sub("active").reported(day(reported)) }
	lost := func() *customer { return newCustomer().incomplete().eventsGone() } // before day -45
	for name, tc := range map[string]struct {
		customer *customer
		want     string
	}{
		"reported since":               {lost().with("sub_A", active(-44)), "SubscriptionActive"},
		"reported before":              {lost().with("sub_A", active(-46)), "StateNotKnown"},
		"reported before, paid since":  {lost().with("sub_A", active(-46).lastPaid(day(-44))), "SubscriptionActive"},
		"reported before, paid before": {lost().with("sub_A", active(-46).lastPaid(day(-46))), "StateNotKnown"},
		"another one is known":         {lost().with("sub_A", active(-46)).with("sub_B", active(-44)), "SubscriptionActive"},
		"bought since":                 {lost().bought("lifetime", day(-44)), "Purchased"},
		"bought before":                {lost().bought("lifetime", day(-46)), "StateNotKnown"},
		"a second pass, bought since":  {lost().bought("60d", day(-50)).bought("60d", day(-44)), "Purchased"},
		"the first one is known alone": {lost().bought("60d", day(-50)), "StateNotKnown"},
	} {
		d := Decide(tc.customer.in, strict, noon)
		if d.Reason != tc.want || d.Unknown != (tc.want == "StateNotKnown") {
			t.Errorf("%s: %+v, want %s", name, d, tc.want)
		}
	}
}
