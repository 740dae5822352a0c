package projection

import (
	"cmp"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/accessperiod"
)

// readAbsentPurchase drops the purchase of an object that Stripe does not know, and what the prices of an invoice said that
// Stripe does not know.
func readAbsentPurchase(c *v1alpha1.CustomerStatus, id string) Difference {
	if d := dropInvoiceTerms(c, id, nil); len(d.Repaired) > 0 {
		return d
	}
	delete(c.Positions, partIntentPrefix+id)
	kept := slices.DeleteFunc(slices.Clone(c.Purchases), func(p v1alpha1.Purchase) bool {
		return p.ID == id || p.SessionID == id || p.PaymentIntentID == id
	})
	if len(kept) == len(c.Purchases) {
		return Difference{}
	}
	if c.Purchases = kept; len(kept) == 0 {
		c.Purchases = nil
	}
	return Difference{Repaired: []string{"purchases"}}
}

// readPurchase folds a checkout session or a payment intent that was read from Stripe. Whether it is paid, and what its
// metadata says, wins over what earlier events reported. The first reading of what the prices say corrects nothing.
//
// For example, a session was left without a payment. A forged checkout.session.completed says that it is paid, and grants a
// lifetime. The reading shows it unpaid, without access.
func readPurchase(a *Aggregate, e *Event) Difference {
	read := purchaseAsRead(e)
	if read == nil {
		return Difference{}
	}
	i := slices.IndexFunc(a.Customer.Purchases, func(p v1alpha1.Purchase) bool { return p.ID == read.ID })
	if i < 0 {
		return Difference{} // it was dropped meanwhile
	}
	p := &a.Customer.Purchases[i]
	wasPaid := p.State == v1alpha1.CheckoutPaid
	hasDiffered := refuteTerms(p, read, e)
	hasDiffered = refuteIntent(&a.Customer, p, e) || hasDiffered
	if isPaidByIntent(p) {
		readPaidByIntent(p, read, e)
	}
	if read.State == v1alpha1.CheckoutUnpaid && wasPaid && p.PaidAt.Before(&e.Created) {
		p.State, p.PaidAt = v1alpha1.CheckoutUnpaid, nil
	}
	isPaidNow := read.State == v1alpha1.CheckoutPaid || p.State == v1alpha1.CheckoutPaid
	keepPurchase(a, read)
	if hasDiffered || wasPaid != isPaidNow {
		return Difference{Repaired: []string{"purchases"}}
	}
	return Difference{}
}

// readInvoicePurchase folds an invoice that was read from Stripe: if it is not paid, or its prices say nothing of access, what
// an earlier event reported of them is not true. A price may have been changed since it was bought: that corrects nothing.
func readInvoicePurchase(a *Aggregate, e *Event) Difference {
	if invoicePurchase(e) != nil {
		return Difference{}
	}
	return dropInvoiceTerms(&a.Customer, e.Invoice.ID, &e.Created)
}

// dropInvoiceTerms drops what the prices of an invoice were reported to say before a time; nil is at any time. A purchase that
// is left without any terms, session and payment goes.
func dropInvoiceTerms(c *v1alpha1.CustomerStatus, invoiceID string, before *metav1.Time) (d Difference) {
	i := slices.IndexFunc(c.Purchases, func(p v1alpha1.Purchase) bool { return p.InvoiceID == invoiceID && p.SessionID == "" })
	if i < 0 {
		return d
	}
	p := &c.Purchases[i]
	p.Terms = slices.DeleteFunc(p.Terms, func(t v1alpha1.PurchaseTerms) bool {
		isRefuted := t.Source == v1alpha1.PurchaseSourcePrice && (before == nil || t.Created.Before(before))
		if isRefuted {
			d.Repaired = []string{"purchases"}
		}
		return isRefuted
	})
	if len(p.Terms) == 0 {
		p.Terms = nil
		if p.PaymentIntentID == "" {
			c.Purchases = slices.Delete(c.Purchases, i, i+1)
		}
	}
	if len(c.Purchases) == 0 {
		c.Purchases = nil
	}
	return d
}

// purchaseAsRead is what a reading says about a purchase; nil if it says nothing of one.
func purchaseAsRead(e *Event) *v1alpha1.Purchase {
	state := v1alpha1.CheckoutUnpaid
	if e.Checkout != nil {
		if isPaid(e.Checkout) {
			state = v1alpha1.CheckoutPaid
		}
		return checkoutPurchase(e, state)
	}
	if e.Payment.Status == intentSucceeded {
		state = v1alpha1.CheckoutPaid
	}
	p := newPurchase(e, e.PaymentIntentID, *cmp.Or(e.Payment.Created, &e.Created), state)
	p.ChargeID, p.InvoiceID = e.ChargeID, e.Payment.InvoiceID
	addTerms(p, e, v1alpha1.PurchaseSourcePayment, e.Payment.Metadata)
	return p
}

// refuteTerms removes the terms of the object that was read if it says something else now, and reports whether it did. Of the
// read terms it leaves those that change the purchase: a reading that confirms what shows changes nothing. A price may have
// been changed since it was bought, so its terms stay if they can be read.
func refuteTerms(p, read *v1alpha1.Purchase, e *Event) (hasDiffered bool) {
	own := v1alpha1.PurchaseSourcePayment
	if e.Checkout != nil {
		own = v1alpha1.PurchaseSourceCheckout
	}
	read.Terms = slices.DeleteFunc(read.Terms, func(t v1alpha1.PurchaseTerms) bool {
		known := termsOf(p, t.Source)
		return known != nil && (maps.Equal(known.Metadata, t.Metadata) || t.Source == v1alpha1.PurchaseSourcePrice && canBeRead(known))
	})
	said := e.Checkout != nil && e.Checkout.Metadata != nil || e.Payment != nil && e.Payment.Metadata != nil
	p.Terms = slices.DeleteFunc(p.Terms, func(t v1alpha1.PurchaseTerms) bool {
		isRefuted := t.Source == own && t.Created.Before(&e.Created) && (!said || termsOf(read, own) != nil)
		hasDiffered = hasDiffered || isRefuted
		return isRefuted
	})
	if len(p.Terms) == 0 {
		p.Terms = nil
	}
	return hasDiffered
}

func canBeRead(terms *v1alpha1.PurchaseTerms) bool {
	_, err := accessperiod.Parse(string(terms.Metadata[v1alpha1.MetadataAccess]))
	return err == nil
}
