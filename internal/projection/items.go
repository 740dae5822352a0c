package projection

import (
	"slices"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// nestedItems is how many items an event holds of a long subscription. See https://docs.stripe.com/api/pagination.
const nestedItems = 10

// itemsOf are the items of a subscription, as far as they are known. An event of a long one holds the first items: the others
// are those that were last read from Stripe, without what the event holds in another place.
//
// For example, the items p1 to p12 were read. An event reports p1 to p11 without p2, and holds p1, p3 to p11: p12 is added.
func itemsOf(s *v1alpha1.SubscriptionStatus) []v1alpha1.SubscriptionItem {
	if !s.MoreItems {
		return s.Items
	}
	items := slices.Clone(s.Items)
	for _, rest := range s.RestItems {
		isHeld := slices.ContainsFunc(s.Items, func(held v1alpha1.SubscriptionItem) bool { return held.Price == rest.Price })
		if !isHeld {
			items = append(items, rest)
		}
	}
	return items
}

// restOf are the items that were read and that no event will hold.
func restOf(read []v1alpha1.SubscriptionItem) []v1alpha1.SubscriptionItem {
	if len(read) <= nestedItems {
		return nil
	}
	return slices.Clone(read[nestedItems:])
}
