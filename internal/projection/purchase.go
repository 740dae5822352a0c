package projection

import (
	"cmp"
	"maps"
	"math"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/accessperiod"
)

const (
	// maxPurchases is how many paid purchases are kept whose metadata says for how long they grant access. Passes that follow on
	// each other extend one another only while all of them are kept.
	maxPurchases = 100
	// maxUnpaidPurchases is among how many of the newest such purchases an unpaid one is kept.
	maxUnpaidPurchases = 20
	// maxPurchaseBytes is how long all texts of such purchases may be together. It is room for some 20 of the longest, and for all
	// of those that sellers write.
	maxPurchaseBytes = 500_000
	// maxOtherPurchases is how many other checkouts are kept: prices that are read later may say it.
	maxOtherPurchases = 10
	// maxPurchaseEntitlements is how many metadata keys are kept of each of a purchase's objects, beside the access.
	maxPurchaseEntitlements = 16
)

// purchaseSources lists what may say for how long a purchase grants access. The first one that does counts.
var purchaseSources = []v1alpha1.PurchaseSource{
	v1alpha1.PurchaseSourceCheckout, v1alpha1.PurchaseSourcePayment, v1alpha1.PurchaseSourcePrice,
}

// checkoutPurchase is what an event reports about the purchase by a checkout session; nil if it buys nothing or starts a
// subscription.
func checkoutPurchase(e *Event, state v1alpha1.CheckoutState) *v1alpha1.Purchase {
	r := e.Checkout
	if r.Mode != "payment" {
		return nil
	}
	p := newPurchase(e, cmp.Or(e.PaymentIntentID, r.InvoiceID, e.ObjectID), *openedAt(e), state)
	p.SessionID, p.InvoiceID, p.PricesRead = e.ObjectID, r.InvoiceID, r.PricesRead
	addTerms(p, e, v1alpha1.PurchaseSourceCheckout, r.Metadata)
	addTerms(p, e, v1alpha1.PurchaseSourcePrice, r.PriceMetadata)
	return p
}

// paymentPurchase is what a payment intent or charge that succeeded reports about a purchase; nil if its metadata says
// nothing of access.
func paymentPurchase(e *Event) *v1alpha1.Purchase {
	r := e.Payment
	id := cmp.Or(e.PaymentIntentID, r.InvoiceID, e.ChargeID)
	if r.Metadata == nil || id == "" {
		return nil
	}
	p := newPurchase(e, id, *cmp.Or(r.Created, &e.Created), v1alpha1.CheckoutPaid)
	p.ChargeID, p.InvoiceID = e.ChargeID, r.InvoiceID
	addTerms(p, e, v1alpha1.PurchaseSourcePayment, r.Metadata)
	return p
}

// invoicePurchase is what a paid invoice reports about a purchase; nil if no one-time price on it says anything of access.
func invoicePurchase(e *Event) *v1alpha1.Purchase {
	r := e.Invoice
	if r.PriceMetadata == nil || r.Status != InvoicePaid {
		return nil
	}
	p := newPurchase(e, cmp.Or(e.PaymentIntentID, r.ID), *cmp.Or(r.Created, &e.Created), v1alpha1.CheckoutPaid)
	p.ChargeID, p.InvoiceID, p.PricesRead = e.ChargeID, r.ID, true
	addTerms(p, e, v1alpha1.PurchaseSourcePrice, r.PriceMetadata)
	return p
}

func newPurchase(e *Event, id string, boughtAt metav1.Time, state v1alpha1.CheckoutState) *v1alpha1.Purchase {
	p := &v1alpha1.Purchase{ID: id, PaymentIntentID: e.PaymentIntentID, BoughtAt: boughtAt, State: state}
	if state == v1alpha1.CheckoutPaid {
		p.PaidAt = e.Created.DeepCopy()
	}
	return p
}

func addTerms(p *v1alpha1.Purchase, e *Event, source v1alpha1.PurchaseSource, metadata map[string]v1alpha1.Value) {
	if metadata == nil {
		return
	}
	kept := map[string]v1alpha1.Value{v1alpha1.MetadataAccess: metadata[v1alpha1.MetadataAccess]}
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		if len(kept) <= maxPurchaseEntitlements {
			kept[key] = metadata[key]
		}
	}
	p.Terms = append(p.Terms, v1alpha1.PurchaseTerms{Source: source, Metadata: kept, Created: e.Created, EventID: e.EventID})
}

// keepPurchase joins what an event reports about a purchase with what is known of it. It reports whether the status shows
// the purchase now. Session, payment intent, charge and invoice of one purchase have the same id: that of the payment
// intent. For example:
//
//	checkout.session.completed  cs_1, pi_1, unpaid, access 30d   one purchase, pi_1, unpaid
//	payment_intent.succeeded    pi_1, seats 5, access 30d        the same, paid: from now on it grants access
func keepPurchase(a *Aggregate, reported *v1alpha1.Purchase) bool {
	if reported == nil {
		return false
	}
	c := &a.Customer
	i := slices.IndexFunc(c.Purchases, func(p v1alpha1.Purchase) bool { return p.ID == reported.ID })
	if i < 0 {
		i = len(c.Purchases)
		c.Purchases = append(c.Purchases, *reported)
	}
	mergePurchase(&c.Purchases[i], reported)
	settleByIntents(c)
	noteRefunds(c)
	c.Purchases = keepMost(c.Purchases)
	return slices.ContainsFunc(c.Purchases, func(p v1alpha1.Purchase) bool { return p.ID == reported.ID })
}

// mergePurchase adds what an event reports. Whatever order the events come in, the result is the same: the earliest
// time, the furthest state, and of each source the newest terms.
func mergePurchase(p, reported *v1alpha1.Purchase) {
	p.SessionID = max(p.SessionID, reported.SessionID)
	p.PaymentIntentID = max(p.PaymentIntentID, reported.PaymentIntentID)
	p.ChargeID = max(p.ChargeID, reported.ChargeID)
	p.InvoiceID = max(p.InvoiceID, reported.InvoiceID)
	if reported.BoughtAt.Before(&p.BoughtAt) {
		p.BoughtAt = reported.BoughtAt
	}
	if reported.State == v1alpha1.CheckoutPaid && p.State != v1alpha1.CheckoutPaid {
		p.PaidAt = nil // by its intent: its own word counts, whether or not the intent is remembered
	}
	keepEarliest(&p.PaidAt, reported.PaidAt)
	if rankOfCheckout(reported.State) > rankOfCheckout(p.State) {
		p.State = reported.State
	}
	p.PricesRead = p.PricesRead || reported.PricesRead
	for _, terms := range reported.Terms {
		known := termsOf(p, terms.Source)
		switch {
		case known == nil:
			p.Terms = append(p.Terms, terms)
		case cmp.Or(known.Created.Compare(terms.Created.Time), cmp.Compare(known.EventID, terms.EventID)) < 0:
			*known = terms
		}
	}
	slices.SortFunc(p.Terms, func(a, b v1alpha1.PurchaseTerms) int {
		return slices.Index(purchaseSources, a.Source) - slices.Index(purchaseSources, b.Source)
	})
}

// termsOf is what the source says; nil if it says nothing.
func termsOf(p *v1alpha1.Purchase, source v1alpha1.PurchaseSource) *v1alpha1.PurchaseTerms {
	for i := range p.Terms {
		if p.Terms[i].Source == source {
			return &p.Terms[i]
		}
	}
	return nil
}

// keepMost keeps the paid purchases that say for how long they grant access and would last longest, the newest unpaid ones, and the
// newest others. So many mugs do not drop a lifetime, nor do many vouchers that were never paid. It sorts them, the newest first.
//
// What it drops depends on the order of events only beyond the limits, where a purchase is paid after it was dropped: a paid one stays
// paid, and an unpaid one needs a place among the newest of all, paid or not. Whether one is refunded does not count, as a refund may
// fail later.
func keepMost(list []v1alpha1.Purchase) []v1alpha1.Purchase {
	slices.SortFunc(list, newestPurchaseFirst)
	newest, others := 0, 0
	list = slices.DeleteFunc(list, func(p v1alpha1.Purchase) bool {
		if len(p.Terms) == 0 {
			others++
			return others > maxOtherPurchases
		}
		newest++
		return p.PaidAt == nil && newest > maxUnpaidPurchases
	})
	slices.SortFunc(list, longestPaidFirst)
	granting, size := 0, 0
	list = slices.DeleteFunc(list, func(p v1alpha1.Purchase) bool {
		if len(p.Terms) == 0 {
			return false
		}
		granting++
		size += textLength(&p)
		return p.PaidAt != nil && granting > maxPurchases || size > maxPurchaseBytes
	})
	slices.SortFunc(list, newestPurchaseFirst)
	return list
}

func newestPurchaseFirst(a, b v1alpha1.Purchase) int {
	return cmp.Or(b.BoughtAt.Compare(a.BoughtAt.Time), cmp.Compare(b.ID, a.ID))
}

// longestPaidFirst orders paid purchases before unpaid ones, and paid ones by when they would end.
func longestPaidFirst(a, b v1alpha1.Purchase) int {
	switch {
	case a.PaidAt == nil && b.PaidAt == nil:
		return newestPurchaseFirst(a, b)
	case a.PaidAt == nil:
		return 1
	case b.PaidAt == nil:
		return -1
	default:
		return cmp.Or(cmp.Compare(plainEnd(&b), plainEnd(&a)), newestPurchaseFirst(a, b))
	}
}

// textLength is how long the purchase's texts are together, in bytes.
func textLength(p *v1alpha1.Purchase) int {
	n := len(p.ID) + len(p.SessionID) + len(p.PaymentIntentID) + len(p.ChargeID) + len(p.InvoiceID)
	for i := range p.Terms {
		n += len(p.Terms[i].EventID)
		for key, value := range p.Terms[i].Metadata {
			n += len(key) + len(value)
		}
	}
	return n
}

// plainEnd is the Unix time at which the purchase's access would end if it had begun with the purchase.
func plainEnd(p *v1alpha1.Purchase) int64 {
	_, period, err := accessOf(p)
	switch {
	case err != nil:
		return p.BoughtAt.Unix()
	case period.IsLifetime():
		return math.MaxInt64
	default:
		return period.End(p.BoughtAt.Time).Unix()
	}
}

// accessOf is for how long a purchase grants access, as its seller wrote it, and as it was read. text is empty if nothing
// says it.
func accessOf(p *v1alpha1.Purchase) (text v1alpha1.Value, period accessperiod.Period, err error) {
	if len(p.Terms) == 0 {
		return "", period, accessperiod.ErrNotReadable
	}
	text = p.Terms[0].Metadata[v1alpha1.MetadataAccess]
	period, err = accessperiod.Parse(string(text))
	return text, period, err
}

// noteRefunds notes for each purchase whether it is refunded in full. Once the customer's list of refunds is full, a refund
// that is in no list any more stays noted.
func noteRefunds(c *v1alpha1.CustomerStatus) {
	refunds := slices.Concat(c.Refunds, c.EarlierRefunds)
	for i := range c.Purchases {
		p := &c.Purchases[i]
		isKnown, refundedAt := false, (*metav1.Time)(nil)
		for j := range refunds {
			r := &refunds[j]
			if !refundsPurchase(r, p) {
				continue
			}
			isKnown = true
			if r.Full && !RefundHasFailed(c, r) {
				keepEarliest(&refundedAt, &r.At)
			}
		}
		if isKnown || len(c.Refunds) < maxRefunds {
			p.RefundedAt = refundedAt
		}
	}
}

// refundsPurchase reports whether the refunded charge paid the purchase.
func refundsPurchase(r *v1alpha1.Refund, p *v1alpha1.Purchase) bool {
	return r.PaymentIntentID != "" && r.PaymentIntentID == p.PaymentIntentID || r.ChargeID == p.ChargeID ||
		r.InvoiceID != "" && r.InvoiceID == p.InvoiceID
}

// RefundHasFailed reports whether a refund on the charge failed after the total was reported. Within one second it did if the
// refund was made in that second, too. A refund that was made before gave way to the one that the total reports:
//
//	day 10 at 12:00:00  charge.refunded  re_1, full
//	day 11 at 09:00:00  refund.failed    re_1
//	day 11 at 09:00:00  charge.refunded  re_2, full: the application refunds again at once
func RefundHasFailed(c *v1alpha1.CustomerStatus, r *v1alpha1.Refund) bool {
	return slices.ContainsFunc(c.FailedRefunds, func(f v1alpha1.FailedRefund) bool {
		made := c.Positions[partFailedRefundPrefix+f.ID].Created
		return f.ChargeID == r.ChargeID && (f.At.After(r.At.Time) || f.At.Equal(&r.At) && !made.Before(&r.At))
	})
}

// UnreadPurchases lists the Stripe ids of the objects that may say for how long a purchase grants access, although no event
// does: the checkout sessions whose prices are not known.
func UnreadPurchases(c *v1alpha1.CustomerStatus) []string {
	var ids []string
	for i := range c.Purchases {
		if p := &c.Purchases[i]; p.SessionID != "" && len(p.Terms) == 0 && !p.PricesRead && (p.PaidAt != nil || p.State != v1alpha1.CheckoutFailed) {
			ids = append(ids, p.SessionID)
		}
	}
	return ids
}

// DoubtfulPurchases lists what a comparison with Stripe reads of purchases: UnreadPurchases, and the checkout session of each
// purchase whose metadata says something of access, else its payment intent or charge, and the invoice whose prices say it. The
// payment intent is read, too, if it alone says that the purchase is paid.
// An event may be forged, an endpoint may not receive the one that a checkout is paid, and none reports that a person has
// corrected the metadata.
func DoubtfulPurchases(c *v1alpha1.CustomerStatus) []string {
	ids := UnreadPurchases(c)
	for i := range c.Purchases {
		p := &c.Purchases[i]
		id := cmp.Or(p.SessionID, p.PaymentIntentID, p.ID)
		if len(p.Terms) > 0 && p.Terms[0].Source == v1alpha1.PurchaseSourcePayment {
			id = cmp.Or(p.PaymentIntentID, p.ID)
		}
		if len(p.Terms) > 0 {
			ids = append(ids, id)
		}
		if isPaidByIntent(p) && p.PaymentIntentID != id {
			ids = append(ids, p.PaymentIntentID)
		}
		if p.SessionID == "" && p.InvoiceID != "" && p.InvoiceID != id && termsOf(p, v1alpha1.PurchaseSourcePrice) != nil {
			ids = append(ids, p.InvoiceID)
		}
	}
	return ids
}
