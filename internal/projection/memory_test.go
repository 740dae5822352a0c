package projection_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// A status that an older version has written in between shows parts that it does not remember.
func TestForgets(t *testing.T) {
	known := v1alpha1.Position{EventID: "evt_1"}
	profile := v1alpha1.Positions{"profile": known}
	for name, tc := range map[string]struct {
		status v1alpha1.CustomerStatus
		want   bool
	}{
		"nothing is shown":                 {},
		"what is shown is remembered":      {v1alpha1.CustomerStatus{Email: "ada@example.com", Positions: profile}, false},
		"nothing is remembered":            {v1alpha1.CustomerStatus{Email: "ada@example.com"}, true},
		"an earlier version's memory":      {v1alpha1.CustomerStatus{Email: "ada@example.com", EarlierPositions: v1alpha1.EarlierPositions(profile)}, false},
		"an earlier version knows less":    {v1alpha1.CustomerStatus{Email: "ada@example.com", Positions: profile, EarlierPositions: v1alpha1.EarlierPositions{"x": known}}, true},
		"a deletion, which leaves no name": {v1alpha1.CustomerStatus{DeletedAt: &metav1.Time{}, Positions: v1alpha1.Positions{"x": known}}, true},
		"features":                         {v1alpha1.CustomerStatus{Features: []string{"sso"}, Positions: profile}, true},
		"features that are cut":            {v1alpha1.CustomerStatus{Features: []string{"sso"}, CutFeatures: &v1alpha1.CutFeatures{}, Positions: v1alpha1.Positions{"cutFeatures": known}}, false},
		"an invoice":                       {v1alpha1.CustomerStatus{LatestInvoice: &v1alpha1.Invoice{}, Positions: profile}, true},
		"a payment":                        {v1alpha1.CustomerStatus{LastPayment: &v1alpha1.Payment{}, Positions: profile}, true},
		"a card":                           {v1alpha1.CustomerStatus{PaymentMethods: []v1alpha1.PaymentMethod{{ID: "pm_1"}}, Positions: profile}, true},
		"a refund":                         {v1alpha1.CustomerStatus{Refunds: []v1alpha1.Refund{{ChargeID: "ch_1"}}, Positions: v1alpha1.Positions{"refund/ch_2": known}}, true},
		"a dispute":                        {v1alpha1.CustomerStatus{OpenDisputes: []v1alpha1.Dispute{{ID: "dp_1"}}, Positions: v1alpha1.Positions{"dispute/dp_1": known}}, false},
	} {
		if got := projection.CustomerForgets(&tc.status); got != tc.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	items := v1alpha1.SubscriptionState{Items: []v1alpha1.SubscriptionItem{{}}}
	if s := (v1alpha1.SubscriptionStatus{SubscriptionState: items, Positions: v1alpha1.Positions{"latestInvoice": known}}); !projection.SubscriptionForgets(&s) {
		t.Error("a subscription's state")
	}
	if s := (v1alpha1.SubscriptionStatus{SubscriptionState: items, Positions: v1alpha1.Positions{"state": known}}); projection.SubscriptionForgets(&s) {
		t.Error("a subscription's state that is remembered")
	}
}
