// Package find finds the objects that a person means: by a Stripe id, an e-mail address or the name of a resource, in
// whatever namespace they are.
package find

import (
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Kind is what a person typed.
type Kind string

// The kinds of what people type.
const (
	CustomerID     Kind = "id"
	SubscriptionID Kind = "subscription"
	EventID        Kind = "event"
	ChargeID       Kind = "charge"
	IntentID       Kind = "payment intent"
	Address        Kind = "e-mail address"
	Name           Kind = "name"
)

// Query is what a person typed, understood.
type Query struct {
	Kind Kind
	// Text is the id, the address or the name.
	Text string
	// Resource is set for a name that was typed with its resource, such as customer/cus-ada-77e243c3: the singular.
	Resource string
}

// prefixes of Stripe's ids by what they name.
var prefixes = []struct {
	prefix string
	kind   Kind
}{
	{"cus_", CustomerID}, {"acct_", CustomerID}, // with Accounts v2 an Account may be the customer
	{"sub_", SubscriptionID},
	{"evt_", EventID},
	{"ch_", ChargeID}, {"py_", ChargeID},
	{"pi_", IntentID},
}

// resources are the words for each resource.
var resources = map[string]string{
	"customer": "customer", "customers": "customer", "bcus": "customer",
	"subscription": "subscription", "subscriptions": "subscription", "bsub": "subscription",
	"billingevent": "billingevent", "billingevents": "billingevent", "bev": "billingevent", "event": "billingevent",
	"email": "email", "emails": "email", "bmail": "email",
}

var otherID = regexp.MustCompile(`^(in|price|prod|cs|pm|re|dp|du|seti|si|inpay)_`)

// Parse understands what a person typed. Anything that is nothing else is a customer's id: ids that a Stripe account chose
// by itself have no prefix.
func Parse(text string) (Query, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Query{}, fmt.Errorf("nothing to look for: name a customer (cus_…, sub_…, evt_…, an e-mail address or the name of a resource)")
	}
	for _, p := range prefixes {
		if strings.HasPrefix(text, p.prefix) {
			return Query{Kind: p.kind, Text: text}, nil
		}
	}
	if otherID.MatchString(text) {
		return Query{}, fmt.Errorf("%s is the id of an object that Tollkeeper does not look up: use the customer's id (cus_…), which Stripe's "+
			"Dashboard shows beside it", text)
	}
	if resource, name, found := strings.Cut(text, "/"); found && resources[strings.ToLower(resource)] != "" {
		return Query{Kind: Name, Text: name, Resource: resources[strings.ToLower(resource)]}, nil
	}
	if strings.Contains(text, "@") {
		return Query{Kind: Address, Text: text}, nil
	}
	if len(validation.IsDNS1123Subdomain(text)) == 0 {
		return Query{Kind: Name, Text: text}, nil
	}
	return Query{Kind: CustomerID, Text: text}, nil
}
