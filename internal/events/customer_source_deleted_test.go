package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

func TestCustomerSourceDeleted(t *testing.T) {
	testType(t, "customer.source.deleted", showsNothing, map[string]eventCase{
		"2017-card":                    detached(with(*visa(), func(m *v1alpha1.PaymentMethod) { m.ExpMonth, m.ExpYear = 8, 2021 })),
		"2022-bank-account":            detached(v1alpha1.PaymentMethod{ID: "ba_1TollKiteBank", Kind: "bank_account", Brand: "kite bank", Last4: "6789"}),
		"2026-source-without-customer": detached(v1alpha1.PaymentMethod{ID: "src_1TollKiteSepa", Kind: "sepa_debit", Last4: "3000"}),
	})
}
