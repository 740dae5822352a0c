package entitlement

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// A payment that had to be authorized says nothing of a later invoice, even if no event reports that invoice's failure.
func TestAnAuthorizationIsOfOneInvoice(t *testing.T) {
	for name, tc := range map[string]struct {
		latest, failed string // the ids of the latest invoice, and of the one whose payment failed last
		want           bool
	}{
		"no other invoice is known":      {"", "", true},
		"the latest invoice":             {"in_1", "", true},
		"a former invoice":               {"in_2", "", false},
		"the invoice that failed":        {"in_1", "in_1", true},
		"before the invoice that failed": {"in_2", "in_2", false},
	} {
		s := sub("past_due").status
		s.ActionRequired = &v1alpha1.ActionRequired{At: *day(0), InvoiceID: "in_1", AttemptCount: 1}
		if tc.latest != "" {
			s.LatestInvoice = &v1alpha1.Invoice{ID: tc.latest}
		}
		if tc.failed != "" {
			s.LatestPaymentFailure = &v1alpha1.FailedPayment{At: *day(0), InvoiceID: tc.failed, AttemptCount: 1}
		}
		if got := needsAuthentication(&v1alpha1.CustomerStatus{}, &s); got != tc.want {
			t.Errorf("%s: %t, want %t", name, got, tc.want)
		}
	}
}
