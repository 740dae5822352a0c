package projection

import (
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

const (
	maxSummaries    = 50
	maxEntitlements = 64
	maxPlans        = 20

	// expiryNotice is how long before its expiry a card shows as expiring. Stripe announces the expiry about a month
	// ahead.
	expiryNotice = 31 * 24 * time.Hour
)

// View is what Summarise needs beyond the aggregate.
type View struct {
	// Deciding is the id of the subscription that decides; empty if there is none.
	Deciding string
	// Entitling are the ids of the subscriptions that entitle the customer, the most important first.
	Entitling []string
	// Purchases are the ids of the purchases whose access runs, the earliest first.
	Purchases []string
	// Name maps a subscription's id to its object's name.
	Name func(id string) string
	// Now is the current time.
	Now time.Time
}

// Summarise derives the fields of the customer's status that follow from the other ones. It returns when the clock
// alone will change them next; nil if it will not.
func Summarise(a *Aggregate, view View) *metav1.Time {
	c := &a.Customer
	c.Plan, c.TrialEnd, c.PeriodEnd = "", nil, nil
	if s := a.Subscriptions[view.Deciding]; s != nil {
		c.Plan, c.TrialEnd, c.PeriodEnd = s.Plan, s.TrialEnd.DeepCopy(), s.CurrentPeriodEnd.DeepCopy()
	}
	showInvoicePayments(a)
	c.Subscriptions = summariseSubscriptions(a, view)
	periods := PurchasePeriods(c)
	summarisePurchases(c, periods)
	dropUnbilledProducts(a)
	c.Entitlements = joinEntitlements(a, view, periods)
	c.Plans = joinPlans(a, view)
	c.PaymentMethod = chargedMethod(a, view.Deciding)
	return markExpiring(c.PaymentMethod, view.Now)
}

// showInvoicePayments shows the payment on each latest invoice that is paid and does not name it.
func showInvoicePayments(a *Aggregate) {
	invoices := []*v1alpha1.Invoice{a.Customer.LatestInvoice}
	for _, s := range a.Subscriptions {
		invoices = append(invoices, s.LatestInvoice)
	}
	for _, invoice := range invoices {
		if invoice == nil || invoice.Status != InvoicePaid || invoice.ChargeID != "" || invoice.PaymentIntentID != "" {
			continue
		}
		for i := range a.Customer.InvoicePayments {
			if p := &a.Customer.InvoicePayments[i]; p.InvoiceID == invoice.ID {
				invoice.ChargeID, invoice.PaymentIntentID = p.ChargeID, p.PaymentIntentID
			}
		}
	}
}

// summariseSubscriptions lists the deciding subscription, then the other entitling ones, then the rest by id.
func summariseSubscriptions(a *Aggregate, view View) []v1alpha1.SubscriptionSummary {
	ids := append([]string{view.Deciding}, view.Entitling...)
	ids = append(ids, slices.Sorted(maps.Keys(a.Subscriptions))...)
	var list []v1alpha1.SubscriptionSummary
	listed := map[string]bool{}
	for _, id := range ids {
		s := a.Subscriptions[id]
		if s == nil || listed[id] || len(list) == maxSummaries {
			continue
		}
		listed[id] = true
		list = append(list, v1alpha1.SubscriptionSummary{
			Name:             view.Name(id),
			SubscriptionID:   id,
			Status:           s.Status,
			Plan:             s.Plan,
			CurrentPeriodEnd: s.CurrentPeriodEnd.DeepCopy(),
		})
	}
	return list
}

// joinPlans lists the plans of the entitling subscriptions, each once.
func joinPlans(a *Aggregate, view View) []string {
	var plans []string
	for _, id := range view.Entitling {
		for _, name := range planNames(itemsOf(a.Subscriptions[id])) {
			if !slices.Contains(plans, name) && len(plans) < maxPlans {
				plans = append(plans, name)
			}
		}
	}
	return plans
}

// joinEntitlements joins what the items of the entitling subscriptions grant, each item's price and then its product, and
// then what the purchases grant whose access runs. The first one that grants a key sets its value.
func joinEntitlements(a *Aggregate, view View, periods []PurchasePeriod) map[string]v1alpha1.Value {
	joined := map[string]v1alpha1.Value{}
	for _, id := range view.Entitling {
		for _, item := range itemsOf(a.Subscriptions[id]) {
			addMissing(joined, item.Entitlements)
			if product := productOf(&a.Customer, item.Product); product != nil {
				addMissing(joined, product.Entitlements)
			}
		}
	}
	for i := range periods {
		if slices.Contains(view.Purchases, periods[i].ID) {
			addMissing(joined, periods[i].Entitlements)
		}
	}
	if len(joined) == 0 {
		return nil
	}
	return joined
}

// addMissing adds the values of keys that are not joined yet, as far as there is room.
func addMissing(joined, granted map[string]v1alpha1.Value) {
	for _, key := range slices.Sorted(maps.Keys(granted)) {
		if _, known := joined[key]; !known && len(joined) < maxEntitlements {
			joined[key] = granted[key]
		}
	}
}

// chargedMethod is the payment method that the deciding subscription charges: its own, else the customer's default,
// else the newest.
func chargedMethod(a *Aggregate, deciding string) *v1alpha1.PaymentMethod {
	wanted := []string{a.Customer.DefaultPaymentMethodID}
	if s := a.Subscriptions[deciding]; s != nil {
		wanted = []string{s.DefaultPaymentMethodID, a.Customer.DefaultPaymentMethodID}
	}
	for _, id := range wanted {
		for i := range a.Customer.PaymentMethods {
			if a.Customer.PaymentMethods[i].ID == id {
				return a.Customer.PaymentMethods[i].DeepCopy()
			}
		}
	}
	if len(a.Customer.PaymentMethods) > 0 {
		return a.Customer.PaymentMethods[0].DeepCopy()
	}
	return nil
}

// markExpiring marks a card that expires soon. It returns when the mark becomes due; nil if it is set or never will be.
func markExpiring(method *v1alpha1.PaymentMethod, now time.Time) *metav1.Time {
	if method == nil || method.Expiring || method.ExpYear == 0 {
		return nil
	}
	expiry := time.Date(int(method.ExpYear), time.Month(method.ExpMonth)+1, 1, 0, 0, 0, 0, time.UTC)
	notice := expiry.Add(-expiryNotice)
	if now.Before(notice) {
		return &metav1.Time{Time: notice}
	}
	method.Expiring = true
	return nil
}
