package email

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/naming"
)

// endedOf has the customers, by account and id, of events that are not pending.
type endedOf map[[2]string]bool

func (e endedOf) Has(account, customerID string) bool { return e[[2]string{account, customerID}] }

// The events of a checkout session are searched for only where some may not be pending, or none is.
func TestEventsOfCheckout(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	checkout := func(id, session string) *v1alpha1.BillingEvent {
		e := &v1alpha1.BillingEvent{Spec: v1alpha1.BillingEventSpec{
			EventID: id, Account: "acct_1", CustomerID: "cus_A", ObjectID: session, Checkout: &v1alpha1.CheckoutRecord{Email: id + "@example.com"},
		}}
		e.Namespace, e.Name = "billing", naming.Object("acct_1", id)
		return e
	}
	for name, tc := range map[string]struct {
		pending  string // the session that the pending event is about
		account  string // the customer's Account
		ended    endedOf
		searches int
		want     []string // addresses
	}{
		"new":                             {"cs_1", "", endedOf{{"", "cus_A"}: true}, 0, []string{"evt_pending@example.com"}},
		"new, with an Account":            {"cs_1", "acct_A", endedOf{}, 0, []string{"evt_pending@example.com"}},
		"with an event that has ended":    {"cs_1", "", endedOf{{"acct_1", "cus_A"}: true}, 1, []string{"evt_stored@example.com"}},
		"the Account's event has ended":   {"cs_1", "acct_A", endedOf{{"acct_1", "acct_A"}: true}, 2, []string{"evt_stored@example.com", "evt_stored@example.com"}},
		"pending are other events":        {"cs_2", "", endedOf{}, 1, []string{"evt_stored@example.com"}},
		"it is not known what has ended":  {"cs_1", "", nil, 1, []string{"evt_stored@example.com"}},
		"pending are another's, with all": {"cs_2", "acct_A", endedOf{}, 2, []string{"evt_stored@example.com", "evt_stored@example.com"}},
	} {
		t.Run(name, func(t *testing.T) {
			customer := &v1alpha1.Customer{Spec: v1alpha1.CustomerSpec{Account: "acct_1", CustomerID: "cus_A"}}
			customer.Name, customer.Status.CustomerAccount = naming.Object("acct_1", "cus_A"), tc.account
			searches := 0
			r := &Reconciler{
				Client: fake.NewClientBuilder().WithScheme(scheme).WithObjects(checkout("evt_pending", tc.pending)).
					WithIndex(&v1alpha1.BillingEvent{}, routing.ByCustomer, func(client.Object) []string { return []string{customer.Name} }).Build(),
				Reader: interceptor.NewClient(fake.NewClientBuilder().WithScheme(scheme).Build(), interceptor.Funcs{
					List: func(_ context.Context, _ client.WithWatch, list client.ObjectList, _ ...client.ListOption) error {
						searches++
						list.(*v1alpha1.BillingEventList).Items = []v1alpha1.BillingEvent{*checkout("evt_stored", "cs_1"), *checkout("evt_other", "cs_3")}
						return nil
					},
				}),
			}
			if tc.ended != nil {
				r.Settled = tc.ended
			}
			email := &storedEmail{customer: customer}
			email.Namespace, email.Spec.SessionID = "billing", "cs_1"
			events, err := r.eventsOfCheckout(t.Context(), email)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range events {
				got = append(got, e.Checkout.Email)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || searches != tc.searches {
				t.Errorf("%d searches, want %d; addresses (-want +got):\n%s", searches, tc.searches, diff)
			}
		})
	}
}
