package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestCustomerUpdated(t *testing.T) {
	metadata := map[string]v1alpha1.Value{"tenant": "ada"}
	testType(t, "customer.updated", showsProfile, map[string]eventCase{
		"2017-delinquent": { // with the default source expanded
			event: projection.Event{CustomerID: customerID, Customer: &v1alpha1.CustomerRecord{
				Email: "ada@example.com", Delinquent: true, DefaultPaymentMethodID: cardID, Metadata: metadata,
			}},
		},
		"2023-both-defaults": { // invoices are charged to the payment method, not to the source
			event: projection.Event{CustomerID: customerID, Customer: &v1alpha1.CustomerRecord{
				Email: "ada@example.com", Name: "Ada Kite", DefaultPaymentMethodID: methodID, Metadata: metadata,
			}},
		},
		"2026-no-metadata": {
			event: projection.Event{CustomerID: customerID, Customer: &v1alpha1.CustomerRecord{
				Email: "ada.new@example.com", Name: "Ada Kite",
			}},
		},
	})
}

// A field that is removed from the customer disappears from the status.
func TestCustomerUpdatedClears(t *testing.T) {
	var aggregate projection.Aggregate
	for _, name := range []string{"2017-delinquent", "2026-no-metadata"} {
		e, err := decoder.Decode(payload(t, "customer.updated", name))
		if err != nil {
			t.Fatal(err)
		}
		projection.Fold(&aggregate, []projection.Change{Change(e)})
	}
	got := aggregate.Customer
	if got.Metadata != nil || got.Delinquent || got.DefaultPaymentMethodID != "" {
		t.Errorf("metadata %v, delinquent %t, default payment method %q; want none of them",
			got.Metadata, got.Delinquent, got.DefaultPaymentMethodID)
	}
}
