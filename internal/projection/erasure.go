package projection

import (
	"slices"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/accessperiod"
)

// Erase takes out of the customer's status what a deletion at Stripe leaves there and may be personal: what the application,
// or the customer, wrote into checkouts and payments. For how long a purchase grants access stays.
//
// It comes after every fold once the customer's erasure has begun, so that it holds whatever events come later.
func Erase(c *v1alpha1.CustomerStatus) {
	forgetPerson(c)
	if c.Signup != nil {
		c.Signup.ClientReferenceID = ""
	}
	for i := range c.Checkouts {
		c.Checkouts[i].ClientReferenceID = ""
	}
	for i := range c.Purchases {
		c.Purchases[i].Terms = slices.DeleteFunc(c.Purchases[i].Terms, func(t v1alpha1.PurchaseTerms) bool {
			return t.Source != v1alpha1.PurchaseSourcePrice && !saysAccess(t)
		})
		for j := range c.Purchases[i].Terms {
			if t := &c.Purchases[i].Terms[j]; t.Source != v1alpha1.PurchaseSourcePrice { // a price is the seller's
				t.Metadata = map[string]v1alpha1.Value{v1alpha1.MetadataAccess: t.Metadata[v1alpha1.MetadataAccess]}
			}
		}
	}
	if failure := c.LastFailure; failure != nil {
		failure.Message = ""
	}
	for _, intent := range []*v1alpha1.Intent{c.LatestSetup, c.LatestPaymentIntent} {
		if intent != nil && intent.Failure != nil {
			intent.Failure.Message = ""
		}
	}
}

// saysAccess reports whether the terms say for how long access lasts, in words that can be read: what else stands there may be
// anything.
func saysAccess(t v1alpha1.PurchaseTerms) bool {
	_, err := accessperiod.Parse(string(t.Metadata[v1alpha1.MetadataAccess]))
	return err == nil
}
