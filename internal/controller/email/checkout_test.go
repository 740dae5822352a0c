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

// endedOf has the customers, by account and id, that may have ended events.
type endedOf map[[2]string]bool

func (e endedOf) MayHave(account, customerID string) bool { return e[[2]string{account, customerID}] }
func (e endedOf) Has(account, customerID string) bool     { return e[[2]string{account, customerID}] }
func (e endedOf) NoteEnding(string, string)               {}

// checkout is an event that reports a completed session, with the event's id as the address.
func checkout(id, session, customerID, account string) v1alpha1.BillingEvent {
	e := v1alpha1.BillingEvent{Spec: v1alpha1.BillingEventSpec{
		EventID: id, Account: "acct_1", CustomerID: customerID, CustomerAccount: account, ObjectID: session,
		Checkout: &v1alpha1.CheckoutRecord{Email: id + "@example.com"},
	}}
	e.Namespace, e.Name = "billing", naming.Object("acct_1", id)
	return e
}

// searches counts the searches in these events, by customer or by Account.
type searches struct {
	client.Reader
	events []v1alpha1.BillingEvent
	n      int
}

func (s *searches) List(_ context.Context, list client.ObjectList, opts ...client.ListOption) error {
	s.n++
	selector := (&client.ListOptions{}).ApplyOptions(opts).FieldSelector
	customerID, _ := selector.RequiresExactMatch(v1alpha1.FieldCustomerID)
	account, _ := selector.RequiresExactMatch(v1alpha1.FieldCustomerAccount)
	for _, e := range s.events {
		if customerID != "" && e.Spec.CustomerID == customerID || account != "" && e.Spec.CustomerAccount == account {
			list.(*v1alpha1.BillingEventList).Items = append(list.(*v1alpha1.BillingEventList).Items, e)
		}
	}
	return nil
}

// The events of a checkout session are searched for only where some may not be among the customer's pending ones, or none is there.
func TestEventsOfCheckout(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	pending, byCustomer, byBoth := []string{"evt_pending@example.com"}, []string{"evt_named@example.com", "evt_both@example.com"},
		[]string{"evt_named@example.com", "evt_both@example.com", "evt_account@example.com"}
	for name, tc := range map[string]struct {
		pendingSession  string // the session that the pending event is about
		customerAccount string
		ended           endedOf
		wantSearches    int
		wantAddresses   []string
	}{
		"nothing has ended":                 {pendingSession: "cs_1", ended: endedOf{}, wantAddresses: pending},
		"another's event has ended":         {pendingSession: "cs_1", ended: endedOf{{"", "cus_A"}: true}, wantAddresses: pending},
		"an event has ended":                {pendingSession: "cs_1", ended: endedOf{{"acct_1", "cus_A"}: true}, wantSearches: 1, wantAddresses: byCustomer},
		"another session's event pends":     {pendingSession: "cs_2", ended: endedOf{}, wantSearches: 1, wantAddresses: byCustomer},
		"an Account, nothing has ended":     {pendingSession: "cs_1", customerAccount: "acct_A", ended: endedOf{}, wantSearches: 2, wantAddresses: byBoth},
		"an Account, another session's one": {pendingSession: "cs_2", customerAccount: "acct_A", ended: endedOf{}, wantSearches: 2, wantAddresses: byBoth},
	} {
		t.Run(name, func(t *testing.T) {
			customer := &v1alpha1.Customer{Spec: v1alpha1.CustomerSpec{Account: "acct_1", CustomerID: "cus_A"}}
			customer.Name, customer.Status.CustomerAccount = naming.Object("acct_1", "cus_A"), tc.customerAccount
			event := checkout("evt_pending", tc.pendingSession, "cus_A", "")
			stored := &searches{events: []v1alpha1.BillingEvent{
				checkout("evt_named", "cs_1", "cus_A", ""), checkout("evt_both", "cs_1", "cus_A", "acct_A"),
				checkout("evt_account", "cs_1", "", "acct_A"), checkout("evt_other", "cs_3", "cus_A", "acct_A"),
			}}
			r := &Reconciler{
				Client: fake.NewClientBuilder().WithScheme(scheme).WithObjects(&event).
					WithIndex(&v1alpha1.BillingEvent{}, routing.ByCustomer, func(client.Object) []string { return []string{customer.Name} }).Build(),
				Reader: stored, Ended: tc.ended,
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
			if diff := cmp.Diff(tc.wantAddresses, got); diff != "" || stored.n != tc.wantSearches {
				t.Errorf("%d searches, want %d; addresses (-want +got):\n%s", stored.n, tc.wantSearches, diff)
			}
		})
	}
}

// An event may end while its session's events are looked for. Its customer is noted before it leaves the cache, so it is searched for.
func TestAnEventOfTheCheckoutEndsMeanwhile(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	customer := &v1alpha1.Customer{Spec: v1alpha1.CustomerSpec{Account: "acct_1", CustomerID: "cus_A"}}
	customer.Name = naming.Object("acct_1", "cus_A")
	first, forged := checkout("evt_first", "cs_1", "cus_A", ""), checkout("evt_forged", "cs_1", "cus_A", "")
	known := endedOf{}
	cached := fake.NewClientBuilder().WithScheme(scheme).WithObjects(&first, &forged).
		WithIndex(&v1alpha1.BillingEvent{}, routing.ByCustomer, func(client.Object) []string { return []string{customer.Name} }).Build()
	r := &Reconciler{
		Client: interceptor.NewClient(cached, interceptor.Funcs{
			List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
				known[[2]string{"acct_1", "cus_A"}] = true
				if err := c.Delete(ctx, &first); err != nil {
					return err
				}
				return c.List(ctx, list, opts...)
			},
		}),
		Reader: &searches{events: []v1alpha1.BillingEvent{first, forged}}, Ended: known,
	}
	email := &storedEmail{customer: customer}
	email.Namespace, email.Spec.SessionID = "billing", "cs_1"
	_, err := r.addressOfCheckout(t.Context(), email)
	want := "The events of the sign-up's checkout session name different addresses."
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
