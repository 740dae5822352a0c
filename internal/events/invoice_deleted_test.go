package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestInvoiceDeleted(t *testing.T) {
	testType(t, "invoice.deleted", showsInvoice, map[string]eventCase{
		"2019-draft": ofInvoice("2019", func(i *v1alpha1.Invoice) { i.Status, i.Number = "deleted", "" }),
		"2026-draft": ofInvoice("2026", func(i *v1alpha1.Invoice) { i.Status, i.Number = "deleted", "" }),
	})
}

// A deleted draft is deleted, whatever comes late: Stripe keeps nothing of it.
func TestADeletedInvoiceStaysDeleted(t *testing.T) {
	var a projection.Aggregate
	for _, of := range [][2]string{{"invoice.deleted", "2026-draft"}, {"invoice.created", "2026-parent"}} {
		e, err := decoder.Decode(payload(t, of[0], of[1]))
		if err != nil {
			t.Fatal(err)
		}
		projection.Fold(&a, []projection.Change{Change(e)})
	}
	if got := a.Customer.LatestInvoice.Status; got != projection.InvoiceDeleted {
		t.Errorf("the invoice is %q", got)
	}
}
