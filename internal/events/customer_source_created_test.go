package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

func TestCustomerSourceCreated(t *testing.T) {
	testType(t, "customer.source.created", showsNothing, map[string]eventCase{
		"2017-card":         ofMethod(with(*visa(), func(m *v1alpha1.PaymentMethod) { m.ExpMonth, m.ExpYear = 8, 2021 })),
		"2022-bank-account": ofMethod(v1alpha1.PaymentMethod{ID: "ba_1TollKiteBank", Kind: "bank_account", Brand: "kite bank", Last4: "6789"}),
		"2026-sepa-source":  ofMethod(v1alpha1.PaymentMethod{ID: "src_1TollKiteSepa", Kind: "sepa_debit", Last4: "3000"}),
	})
}
