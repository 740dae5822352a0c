package projection

import (
	"maps"
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
	erasePurchases(c.Purchases)
	if failure := c.LastFailure; failure != nil {
		failure.Message = ""
	}
	for _, intent := range []*v1alpha1.Intent{c.LatestSetup, c.LatestPaymentIntent} {
		if intent != nil && intent.Failure != nil {
			intent.Failure.Message = ""
		}
	}
}

// erasedGrant is the metadata key that stands for what a purchase granted beside access: the value is the id of the first purchase
// that granted the same.
const erasedGrant = "erased"

// erasePurchases takes out of the purchases what the metadata of their checkouts and payments says, beside the access. Prices are
// the seller's. Purchases that granted the same still do, and others do not: their access begins one after the other's. For example:
//
//	pi_1  30d, seats 5   from May 1    30d, erased pi_1
//	pi_2  30d, seats 5   from May 31   30d, erased pi_1
//	pi_3  30d            from May 1    30d
func erasePurchases(purchases []v1alpha1.Purchase) {
	first := firstWithTheSame(purchases)
	for i := range purchases {
		p := &purchases[i]
		p.Terms = slices.DeleteFunc(p.Terms, func(t v1alpha1.PurchaseTerms) bool {
			return t.Source != v1alpha1.PurchaseSourcePrice && !saysAccess(t)
		})
		for j := range p.Terms {
			t := &p.Terms[j]
			if t.Source == v1alpha1.PurchaseSourcePrice || isErased(t.Metadata) {
				continue
			}
			grantsMore := len(t.Metadata) > 1
			t.Metadata = map[string]v1alpha1.Value{v1alpha1.MetadataAccess: t.Metadata[v1alpha1.MetadataAccess]}
			if grantsMore {
				t.Metadata[erasedGrant] = v1alpha1.Value(first[i])
			}
		}
	}
}

// isErased reports whether the metadata says nothing but access and the grant that was erased.
func isErased(metadata map[string]v1alpha1.Value) bool {
	for key := range metadata {
		if key != v1alpha1.MetadataAccess && key != erasedGrant {
			return false
		}
	}
	return true
}

// firstWithTheSame returns, for each purchase, the smallest id of a purchase that grants the same.
func firstWithTheSame(purchases []v1alpha1.Purchase) []string {
	granted := make([]map[string]v1alpha1.Value, len(purchases))
	for i := range purchases {
		granted[i] = entitlementsOf(&purchases[i])
	}
	first := make([]string, len(purchases))
	for i := range purchases {
		first[i] = purchases[i].ID
		for j := range purchases {
			if maps.Equal(granted[i], granted[j]) {
				first[i] = min(first[i], purchases[j].ID)
			}
		}
	}
	return first
}

// saysAccess reports whether the terms say for how long access lasts, in words that can be read: what else stands there may be
// anything.
func saysAccess(t v1alpha1.PurchaseTerms) bool {
	_, err := accessperiod.Parse(string(t.Metadata[v1alpha1.MetadataAccess]))
	return err == nil
}
