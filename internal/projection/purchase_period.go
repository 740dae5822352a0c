package projection

import (
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// PurchasePeriod is when a purchase grants access.
type PurchasePeriod struct {
	// ID is the purchase's id.
	ID string
	// From and Until bound the access; Until is nil if it does not end.
	From  metav1.Time
	Until *metav1.Time
	// Entitlements are what the purchase grants beside access.
	Entitlements map[string]v1alpha1.Value
}

// Covers reports whether the access runs at the moment.
func (p *PurchasePeriod) Covers(t time.Time) bool {
	return !t.Before(p.From.Time) && (p.Until == nil || t.Before(p.Until.Time))
}

// PurchasePeriods lists when the purchases that are paid and not refunded grant access, the earliest payment first.
//
// A purchase extends one of the same entitlements that still runs, as a buyer expects of a second pass. One of other
// entitlements runs beside it, as a buyer expects of another product. For example, with 30d each:
//
//	1 March   pass           1 March to 31 March
//	10 March  pass again     31 March to 30 April
//	10 March  with seats=5   10 March to 9 April
//
// If the first pass is refunded, the second one runs from 10 March.
func PurchasePeriods(c *v1alpha1.CustomerStatus) []PurchasePeriod {
	var periods []PurchasePeriod
	for _, p := range effectivePurchases(c) {
		_, period, _ := accessOf(p)
		next := PurchasePeriod{ID: p.ID, From: *p.PaidAt, Entitlements: entitlementsOf(p)}
		if !period.IsLifetime() {
			for i := range periods {
				if former := &periods[i]; former.Until != nil && next.From.Before(former.Until) && maps.Equal(former.Entitlements, next.Entitlements) {
					next.From = *former.Until
				}
			}
			next.Until = &metav1.Time{Time: period.End(next.From.Time)}
		}
		periods = append(periods, next)
	}
	return periods
}

// effectivePurchases are the purchases that grant access at some time, by when they were paid. An invoice and a checkout
// may report one purchase as two, if the invoice does not name its payment intent: then the checkout counts. A purchase that was
// paid before events are gone does not count: its refund may be gone, too.
func effectivePurchases(c *v1alpha1.CustomerStatus) []*v1alpha1.Purchase {
	var effective []*v1alpha1.Purchase
	for i := range c.Purchases {
		p := &c.Purchases[i]
		_, _, err := accessOf(p)
		isTwice := p.ID == p.InvoiceID && slices.ContainsFunc(c.Purchases, func(other v1alpha1.Purchase) bool {
			return other.ID != p.ID && other.InvoiceID == p.InvoiceID && len(other.Terms) > 0
		})
		if err == nil && p.PaidAt != nil && !p.PaidAt.Before(c.EventsGoneBefore) && p.RefundedAt == nil && !isTwice {
			effective = append(effective, p)
		}
	}
	slices.SortFunc(effective, func(a, b *v1alpha1.Purchase) int {
		return compareCreation(a.PaidAt, a.ID, b.PaidAt, b.ID)
	})
	return effective
}

// entitlementsOf joins what the metadata of the purchase's objects grants beside access; nil if nothing. The source that
// counts first sets a key's value.
func entitlementsOf(p *v1alpha1.Purchase) map[string]v1alpha1.Value {
	var joined map[string]v1alpha1.Value
	for i := range p.Terms {
		metadata := p.Terms[i].Metadata
		for _, key := range slices.Sorted(maps.Keys(metadata)) {
			if _, known := joined[key]; known || key == v1alpha1.MetadataAccess || len(joined) == maxPurchaseEntitlements {
				continue
			}
			if joined == nil {
				joined = map[string]v1alpha1.Value{}
			}
			joined[key] = metadata[key]
		}
	}
	return joined
}

// summarisePurchases derives what the purchases show: the access that counts, when it runs, and why it cannot be read.
func summarisePurchases(c *v1alpha1.CustomerStatus, periods []PurchasePeriod) {
	for i := range c.Purchases {
		p := &c.Purchases[i]
		text, _, err := accessOf(p)
		p.Access, p.Problem, p.From, p.Until = text, "", nil, nil
		if err != nil && len(p.Terms) > 0 {
			p.Problem = "access cannot be read: " + err.Error()
		}
		for j := range periods {
			if period := &periods[j]; period.ID == p.ID {
				p.From, p.Until = period.From.DeepCopy(), period.Until.DeepCopy()
			}
		}
	}
}
