package routing

import (
	"fmt"
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/events"
)

// Every pending event has exactly one controller, and every other one none that handles pending events: whatever its type,
// mode, account, customer and record, and whether spec is applied or what was read from Stripe again.
func TestEveryEventHasOneController(t *testing.T) {
	var types []string
	for _, known := range events.All() {
		types = append(types, known.Name, "v1."+known.Name)
	}
	types = append(types, "customer.subscription.invented", "invoice.invented", "unknown.type", "v1.unknown.type", "v1.customer.subscription.past_due",
		"v2.core.event_destination.ping")
	records := map[string]func(*v1alpha1.BillingEventSpec){
		"bare":        func(*v1alpha1.BillingEventSpec) {},
		"customer":    func(e *v1alpha1.BillingEventSpec) { e.CustomerID = "cus_1" },
		"Account":     func(e *v1alpha1.BillingEventSpec) { e.CustomerAccount = "acct_9" },
		"product":     func(e *v1alpha1.BillingEventSpec) { e.Product, e.ObjectID = &v1alpha1.ProductRecord{}, "prod_1" },
		"undecodable": func(e *v1alpha1.BillingEventSpec) { e.DecodeError, e.CustomerID = "status: want a string", "cus_1" },
		"no customer": func(e *v1alpha1.BillingEventSpec) { e.DecodeError = "customer: want a string" },
		"thin":        func(e *v1alpha1.BillingEventSpec) { e.Thin, e.ObjectKind = &v1alpha1.ThinRecord{}, "subscription" },
		"subscription": func(e *v1alpha1.BillingEventSpec) {
			e.Subscription, e.CustomerID = &v1alpha1.SubscriptionRecord{}, "cus_1"
		},
		"payment": func(e *v1alpha1.BillingEventSpec) { e.Payment, e.ChargeID = &v1alpha1.PaymentRecord{}, "ch_1" },
	}
	scopes := []Scope{{}, {Livemode: new(true)}, {Livemode: new(false), Accounts: []string{"acct_1"}}, {Accounts: []string{"*"}}}
	outcomes := []v1alpha1.Outcome{
		v1alpha1.OutcomePending, v1alpha1.OutcomeApplied, v1alpha1.OutcomeRecorded, v1alpha1.OutcomeSuperseded, v1alpha1.OutcomeFailed,
	}
	spec := func(eventType, account string, record func(*v1alpha1.BillingEventSpec)) v1alpha1.BillingEventSpec {
		e := v1alpha1.BillingEventSpec{EventID: "evt_1", Type: eventType, Account: account}
		record(&e)
		return e
	}
	cases := 0
	for _, eventType := range types {
		for recorded, record := range records {
			for again, refetched := range records {
				for _, account := range []string{"", "acct_1"} {
					for _, linked := range []string{"", "cus_2"} {
						e := &v1alpha1.BillingEvent{Spec: spec(eventType, account, record), Status: v1alpha1.BillingEventStatus{CustomerID: linked}}
						if again != "bare" && again != "thin" && e.Spec.Thin == nil { // Refetch takes no thin event
							content := spec(eventType, account, refetched)
							switch { // as Refetch and Reopen see to
							case e.Spec.CustomerID != "":
								content.CustomerID = e.Spec.CustomerID
							case content.CustomerID != "":
								e.Status.CustomerID = content.CustomerID
							}
							e.Status.Refetched = &content
						}
						for s, scope := range scopes {
							for _, outcome := range outcomes {
								e.Status.Outcome = outcome
								cases++
								if text := check(scope, e); text != "" {
									t.Fatalf("%s, %s, read again: %s, account %q, linked %q, scope %d, outcome %q: %s",
										eventType, recorded, again, account, linked, s, outcome, text)
								}
							}
						}
					}
				}
			}
		}
	}
	if cases < 100_000 {
		t.Errorf("%d cases", cases)
	}
}

// check says what is wrong with the controllers of an event.
func check(s Scope, e *v1alpha1.BillingEvent) string {
	customer, product, thin := s.CustomerOf(e), s.IsOfProduct(e), s.IsThin(e)
	owners := 0
	for _, takes := range []bool{customer != "", product, thin, e.Status.Outcome == v1alpha1.OutcomePending && s.IsUnlinked(e)} {
		if takes {
			owners++
		}
	}
	if e.Status.Outcome != v1alpha1.OutcomePending {
		if owners > 0 {
			return "a settled event has a controller"
		}
		return ""
	}
	taken := e.DeepCopy()
	taken.TakeContent()
	switch {
	case owners != 1:
		return fmt.Sprintf("%d controllers: customer %q, product %t, thin %t", owners, customer, product, thin)
	case s.CustomerOf(taken) != customer || s.IsOfProduct(taken) != product || s.IsThin(taken) != thin:
		return "the controller that took its content finds it to be another's"
	}
	return ""
}
