package stripejson

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// An object names its customer, or with Accounts v2 its customer's Account beside or instead of it.
func TestReadLinksOfACustomer(t *testing.T) {
	for name, tc := range map[string]struct {
		object string
		want   Links
	}{
		"a customer": {
			`{"id": "in_1", "object": "invoice", "customer": "cus_1"}`,
			Links{ObjectID: "in_1", ObjectKind: "invoice", CustomerID: "cus_1"},
		},
		"both": {
			`{"id": "sub_1", "object": "subscription", "customer": "cus_1", "customer_account": "acct_1"}`,
			Links{ObjectID: "sub_1", ObjectKind: "subscription", CustomerID: "cus_1", CustomerAccount: "acct_1", SubscriptionID: "sub_1"},
		},
		"an Account": {
			`{"id": "in_1", "object": "invoice", "customer": null, "customer_account": "acct_1"}`,
			Links{ObjectID: "in_1", ObjectKind: "invoice", CustomerAccount: "acct_1"},
		},
		"an expanded Account": {
			`{"id": "in_1", "object": "invoice", "customer_account": {"id": "acct_1", "object": "v2.core.account"}}`,
			Links{ObjectID: "in_1", ObjectKind: "invoice", CustomerAccount: "acct_1"},
		},
		"the customer that an Account is": {
			`{"id": "cus_1", "object": "customer", "customer_account": "acct_1"}`,
			Links{ObjectID: "cus_1", ObjectKind: "customer", CustomerID: "cus_1", CustomerAccount: "acct_1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := Parse([]byte(tc.object))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, ReadLinks(o)); diff != "" || o.Err() != nil {
				t.Errorf("ReadLinks (-want +got):\n%s%v", diff, o.Err())
			}
		})
	}
}
