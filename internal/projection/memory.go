package projection

import "github.com/tollkeeper/tollkeeper/api/v1alpha1"

// A status may show a part without its position: an older version of the operator, which does not know how this one stores its
// memory, has written the status in between. Such a part would take whatever event comes next, however old:
//
//	10:00  this version folds evt_2 (canceled).
//	10:05  an older version, after a rollback, folds an invoice, and so drops the memory.
//	10:10  this version is back. evt_1 (active), of 9:00, arrives late: it would win.

// CustomerForgets reports whether the status shows a part without its position.
func CustomerForgets(c *v1alpha1.CustomerStatus) bool {
	remembered := rememberedParts(c.Positions, c.EarlierPositions)
	forgets := func(isShown bool, part string) bool { return isShown && !remembered(part) }
	if forgets(c.Email != "" || c.Name != "" || c.DeletedAt != nil, partProfile) || forgets(c.LatestInvoice != nil, partInvoice) ||
		forgets(c.LastPayment != nil, partPayment) || forgets(c.LastFailure != nil, partLastFailure) ||
		forgets(c.LatestPaymentIntent != nil, partPaymentIntent) || forgets(c.LatestSetup != nil, partSetup) ||
		forgets(len(c.Features) > 0 && c.CutFeatures == nil, partFeatures) || forgets(c.CutFeatures != nil, partCutFeatures) {
		return true
	}
	for i := range c.PaymentMethods {
		if !remembered(partMethodPrefix + c.PaymentMethods[i].ID) {
			return true
		}
	}
	for i := range c.Refunds {
		if !remembered(partRefundPrefix + c.Refunds[i].ChargeID) {
			return true
		}
	}
	for i := range c.OpenDisputes {
		if !remembered(partDisputePrefix + c.OpenDisputes[i].ID) {
			return true
		}
	}
	return false
}

// SubscriptionForgets is CustomerForgets for the status of a subscription.
func SubscriptionForgets(s *v1alpha1.SubscriptionStatus) bool {
	remembered := rememberedParts(s.Positions, s.EarlierPositions)
	return len(s.Items) > 0 && !remembered(partState) || s.LatestInvoice != nil && !remembered(partInvoice)
}

// rememberedParts returns whether the position of a part is known. Those of an earlier version win: see TakeEarlier.
func rememberedParts(positions v1alpha1.Positions, earlier v1alpha1.EarlierPositions) func(part string) bool {
	return func(part string) bool {
		if len(earlier) > 0 {
			_, known := earlier[part]
			return known
		}
		_, known := positions[part]
		return known
	}
}
