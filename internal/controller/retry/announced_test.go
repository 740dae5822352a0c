package retry

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	testingclock "k8s.io/utils/clock/testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// Stripe has no event that was made of a thin event and of the object that it names: the object is read again.
func TestChanceOfAnnounced(t *testing.T) {
	announced := event(v1alpha1.OutcomeFailed, "", func(e *v1alpha1.BillingEvent) {
		e.Spec.EventID, e.Spec.NotifiedBy, e.Spec.Type = "evt_1_read", "evt_1", "customer.subscription.updated"
		e.Spec.ObjectID, e.Spec.ObjectKind, e.Spec.DecodeError = "sub_1", "subscription", "status: want a string, got a number"
	})
	for name, tc := range map[string]struct {
		stripe answers
		says   string // the refusal
	}{
		"readable now":  {stripe: answers{body: `{"id": "sub_1", "object": "subscription", "customer": "cus_1", "status": "active"}`}},
		"still spoiled": {answers{body: `{"id": "sub_1", "object": "subscription", "customer": "cus_1", "status": 7}`}, "status: want a string, got a number"},
		"gone":          {answers{err: fmt.Errorf("get: %w", stripeapi.ErrNotFound)}, "Stripe does not have the subscription sub_1 any more."},
	} {
		t.Run(name, func(t *testing.T) {
			got, refusal, err := Chance{Stripe: &tc.stripe, Scope: routing.Scope{Accounts: []string{"acct_1"}}, Clock: testingclock.NewFakePassiveClock(now)}.Of(t.Context(), announced)
			if err != nil || (refusal == "") != (tc.says == "") || !strings.Contains(refusal, tc.says) {
				t.Fatalf("refusal %q, error %v; want %q", refusal, err, tc.says)
			}
			if !slices.Equal(tc.stripe.asked, []string{"acct_1/subscription/sub_1"}) {
				t.Errorf("Stripe was asked for %q", tc.stripe.asked)
			}
			if tc.says == "" && (got == nil || got.EventID != "evt_1_read" || got.NotifiedBy != "evt_1" || got.Subscription == nil || got.Account != "acct_1") {
				t.Errorf("read again: %+v", got)
			}
		})
	}
}

// The event stays with the customer that it was recorded for, whatever Stripe names in another version of its API.
func TestRefetchedStaysWithItsCustomer(t *testing.T) {
	stripe := &answers{body: body("evt_1", "customer.subscription.deleted", `"customer_account": "acct_9", "status": "canceled"`)}
	recorded := event(v1alpha1.OutcomeRecorded, v1alpha1.RecordedUnhandledType, nil)
	recorded.Spec.Account = ""
	refetched, refusal, err := Chance{Stripe: stripe, Clock: testingclock.NewFakePassiveClock(now)}.Of(t.Context(), recorded)
	if err != nil || refusal != "" || refetched.CustomerID != "cus_1" {
		t.Errorf("read again: %+v, refusal %q, error %v; want the customer cus_1", refetched, refusal, err)
	}
}
