package find

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Query{
		"cus_Ada":                      {Kind: CustomerID, Text: "cus_Ada"},
		" cus_Ada\n":                   {Kind: CustomerID, Text: "cus_Ada"},
		"acct_1":                       {Kind: CustomerID, Text: "acct_1"},
		"sub_Ada":                      {Kind: SubscriptionID, Text: "sub_Ada"},
		"evt_1":                        {Kind: EventID, Text: "evt_1"},
		"ch_1":                         {Kind: ChargeID, Text: "ch_1"},
		"pi_1":                         {Kind: IntentID, Text: "pi_1"},
		"Ada@kite.example":             {Kind: Address, Text: "Ada@kite.example"},
		"cus-ada-77e243c3":             {Kind: Name, Text: "cus-ada-77e243c3"},
		"customer/cus-ada-77e243c3":    {Kind: Name, Text: "cus-ada-77e243c3", Resource: "customer"},
		"bsub/sub-ada-f533a5e3":        {Kind: Name, Text: "sub-ada-f533a5e3", Resource: "subscription"},
		"billingevents/evt-1-aaaaaaaa": {Kind: Name, Text: "evt-1-aaaaaaaa", Resource: "billingevent"},
		"Customer 42":                  {Kind: CustomerID, Text: "Customer 42"}, // an id of the account's own
		"4711":                         {Kind: Name, Text: "4711"},              // may be such an id, too: see named
	} {
		got, err := Parse(text)
		if err != nil {
			t.Errorf("Parse(%q): %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", text, diff)
		}
	}
	for text, says := range map[string]string{"": "cus_…", "in_1": "use the customer's id", "price_1": "use the customer's id"} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("Parse(%q) = %v, want an error that says %q", text, err, says)
		}
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	byID, byAddress := Query{Kind: CustomerID, Text: "cus_X"}, Query{Kind: Address, Text: "x@kite.example"}
	const check = ": check that it is complete, its upper and lower case, and whether it is of the mode (live or test) that this installation serves"
	for want, err := range map[string]error{
		"no customer has the id cus_X in any namespace" + check: &NotFoundError{Query: byID, What: "customer", Namespaces: []string{"default", ""}},
		"no customer has the id cus_X in the namespace default" + check + ". Without --namespace, all namespaces are searched": &NotFoundError{
			Query: byID, What: "customer", Namespaces: []string{"default"}, Only: true,
		},
		"no customer has the e-mail address x@kite.example in the namespace default or tollkeeper-system: Stripe may have another address; " +
			"try the customer's id (cus_…). You may not search in all namespaces: name Tollkeeper's with --namespace": &NotFoundError{
			Query: byAddress, What: "customer", Namespaces: []string{"default", "tollkeeper-system"}, Refused: true,
		},
		"no event has the id evt_1 in any namespace" + check: &NotFoundError{
			Query: Query{Kind: EventID, Text: "evt_1"}, What: "event", Namespaces: []string{""},
		},
		`2 customers have the id cus_X:
  customer/cus-x-1   cus_X, the platform's account, Entitled=True, namespace a
  customer/cus-x-2   cus_X, account acct_1, Entitled=False, namespace b
Choose one by its name, as printed: customer/cus-x-1 with --namespace=a`: &AmbiguousError{Query: byID, Candidates: []Candidate{
			{Namespace: "a", Name: "cus-x-1", ID: "cus_X", Entitled: "True"}, {Namespace: "b", Name: "cus-x-2", ID: "cus_X", Account: "acct_1", Entitled: "False"},
		}},
	} {
		if diff := cmp.Diff(want, err.Error()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
