package command

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// withEventIndexes makes a client that selects events by their customers.
func withEventIndexes() *fake.ClientBuilder {
	return fake.NewClientBuilder().WithScheme(scheme()).WithIndex(&v1alpha1.BillingEvent{}, v1alpha1.FieldCustomerID, func(o client.Object) []string {
		return []string{o.(*v1alpha1.BillingEvent).Spec.CustomerID}
	}).WithIndex(&v1alpha1.BillingEvent{}, v1alpha1.FieldLinkedCustomer, func(o client.Object) []string {
		return []string{o.(*v1alpha1.BillingEvent).Status.CustomerID}
	})
}

// A customer's events are those that name it or were linked to it, in its account. No others are listed: there may be very many that
// name no customer.
func TestEventsOfACustomer(t *testing.T) {
	event := func(name, account, customer, linked string) *v1alpha1.BillingEvent {
		return &v1alpha1.BillingEvent{
			ObjectMeta: metav1.ObjectMeta{Namespace: "billing", Name: name},
			Spec:       v1alpha1.BillingEventSpec{Account: account, CustomerID: customer}, Status: v1alpha1.BillingEventStatus{CustomerID: linked},
		}
	}
	var read []string
	c := withEventIndexes().WithObjects(
		event("named", "", "cus_Ada", ""), event("linked", "", "", "cus_Ada"), event("other", "", "cus_Bob", ""), event("other-linked", "", "", "cus_Bob"),
		event("named-elsewhere", "acct_1", "cus_Ada", ""), event("linked-elsewhere", "acct_1", "", "cus_Ada"), event("unlinked", "", "", ""),
	).WithInterceptorFuncs(interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			err := c.List(ctx, list, options...)
			for _, e := range list.(*v1alpha1.BillingEventList).Items {
				read = append(read, e.Name)
			}
			return err
		},
	}).Build()
	found, err := eventsOf(t.Context(), c, ada("7"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := range found {
		names = append(names, found[i].Name)
	}
	if diff := cmp.Diff([]string{"named", "linked"}, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if slices.Contains(read, "unlinked") {
		t.Errorf("%q are read", read)
	}
}
