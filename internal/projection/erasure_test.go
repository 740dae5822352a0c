package projection_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// What people wrote into checkouts and payments leaves the status. How long access lasts stays, and so does which purchases granted
// the same. Erasing once more changes nothing.
func TestErase(t *testing.T) {
	terms := func(source v1alpha1.PurchaseSource, metadata map[string]v1alpha1.Value) []v1alpha1.PurchaseTerms {
		return []v1alpha1.PurchaseTerms{{Source: source, Metadata: metadata, EventID: "evt_1"}}
	}
	checkout, payment, price := v1alpha1.PurchaseSourceCheckout, v1alpha1.PurchaseSourcePayment, v1alpha1.PurchaseSourcePrice
	failure := func(message string) *v1alpha1.PaymentFailure {
		return &v1alpha1.PaymentFailure{Code: "card_declined", Message: message}
	}
	status := &v1alpha1.CustomerStatus{
		Email: "ada@kite.example", Name: "Ada", Metadata: map[string]v1alpha1.Value{"tenant": "ada"}, DefaultPaymentMethodID: "pm_1",
		PaymentMethods: []v1alpha1.PaymentMethod{{ID: "pm_1", Last4: "4242"}},
		Signup:         &v1alpha1.Signup{SessionID: "cs_1", ClientReferenceID: "ada"},
		Checkouts:      []v1alpha1.Checkout{{Signup: v1alpha1.Signup{SessionID: "cs_2", ClientReferenceID: "ada"}}},
		LastFailure:    &v1alpha1.LastFailure{PaymentFailure: *failure("The card of Ada was declined.")},
		LatestSetup:    &v1alpha1.Intent{ID: "seti_1", Failure: failure("The card of Ada was declined.")},
		Purchases: []v1alpha1.Purchase{
			{ID: "pi_2", Terms: terms(checkout, map[string]v1alpha1.Value{"access": "30d", "gift": "for Ada"})},
			{ID: "pi_1", Terms: terms(payment, map[string]v1alpha1.Value{"access": "1y", "gift": "for Ada"})},
			{ID: "pi_3", Terms: terms(checkout, map[string]v1alpha1.Value{"access": "30d", "gift": "for Bob"})},
			{ID: "pi_4", Terms: terms(checkout, map[string]v1alpha1.Value{"access": "30d"})},
			{ID: "pi_5", Terms: terms(checkout, map[string]v1alpha1.Value{"access": "as long as Ada likes"})},
			{ID: "pi_6", Terms: terms(price, map[string]v1alpha1.Value{"access": "30d", "tier": "gold"})},
		},
	}
	want := &v1alpha1.CustomerStatus{
		Signup:      &v1alpha1.Signup{SessionID: "cs_1"},
		Checkouts:   []v1alpha1.Checkout{{Signup: v1alpha1.Signup{SessionID: "cs_2"}}},
		LastFailure: &v1alpha1.LastFailure{PaymentFailure: *failure("")},
		LatestSetup: &v1alpha1.Intent{ID: "seti_1", Failure: failure("")},
		Purchases: []v1alpha1.Purchase{
			{ID: "pi_2", Terms: terms(checkout, map[string]v1alpha1.Value{"access": "30d", "erased": "pi_1"})},
			{ID: "pi_1", Terms: terms(payment, map[string]v1alpha1.Value{"access": "1y", "erased": "pi_1"})},
			{ID: "pi_3", Terms: terms(checkout, map[string]v1alpha1.Value{"access": "30d", "erased": "pi_3"})},
			{ID: "pi_4", Terms: terms(checkout, map[string]v1alpha1.Value{"access": "30d"})},
			{ID: "pi_5"},
			{ID: "pi_6", Terms: terms(price, map[string]v1alpha1.Value{"access": "30d", "tier": "gold"})},
		},
	}
	for _, times := range []string{"once", "twice"} {
		projection.Erase(status)
		if diff := cmp.Diff(want, status, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("erased %s (-want +got):\n%s", times, diff)
		}
	}
}
