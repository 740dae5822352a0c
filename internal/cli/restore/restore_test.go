package restore

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/naming"
)

// What people have set on an event does not come back, and what was read from Stripe again does.
func TestFresh(t *testing.T) {
	archived := &v1alpha1.BillingEvent{
		ObjectMeta: metav1.ObjectMeta{
			Name: "evt-1", UID: "uid-1", Annotations: map[string]string{v1alpha1.AnnotationDismissed: "ada: Ticket 1"},
			Labels: map[string]string{v1alpha1.LabelCustomerID: "cus_1", v1alpha1.LabelRetry: "1"},
		},
		Spec: v1alpha1.BillingEventSpec{EventID: "evt_1", Type: "invoice.paid", DecodeError: "data.object: no object"},
		Status: v1alpha1.BillingEventStatus{Outcome: v1alpha1.OutcomeApplied, Refetched: &v1alpha1.BillingEventSpec{
			EventID: "evt_1", Type: "invoice.paid", CustomerID: "cus_1", Invoice: &v1alpha1.InvoiceRecord{Invoice: v1alpha1.Invoice{ID: "in_1"}},
		}},
	}
	want := &v1alpha1.BillingEvent{
		ObjectMeta: metav1.ObjectMeta{Namespace: "billing", Name: "evt-1", Labels: naming.Labels("invoice.paid", "cus_1", "")},
		Spec:       *archived.Status.Refetched.DeepCopy(),
	}
	if diff := cmp.Diff(want, fresh(archived, "billing")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	archived.Status.Refetched = nil
	if got := fresh(archived, "billing"); got.Spec.DecodeError == "" || len(got.Status.Outcome) > 0 {
		t.Errorf("got %+v", got)
	}
}
