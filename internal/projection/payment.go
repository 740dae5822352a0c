package projection

import (
	"cmp"
	"math"
	"slices"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Parts of a Customer's status that payments, payment methods, refunds and disputes write.
const (
	partPayment       = "lastPayment"
	partLastFailure   = "lastFailure"
	partMethodPrefix  = "paymentMethod/"
	partRefundPrefix  = "refund/"
	partDisputePrefix = "dispute/"

	partFailedRefundPrefix = "failedRefund/"

	maxMethods  = 20
	maxRefunds  = 20
	maxDisputes = 20

	maxFailedRefunds   = 10
	maxEarlierRefunds  = 100
	maxInvoicePayments = 8
)

// PaymentSucceeded shows the payment if it is the newest, and the payment method.
func PaymentSucceeded(a *Aggregate, e *Event) bool {
	if e.Payment == nil {
		return false
	}
	keepEarliest(&a.Customer.CustomerSince, e.Payment.Created)
	keepPayment(&a.Customer, e, e.Payment.Amount, &e.Created)
	shows := showMethod(a, e, e.Payment.PaymentMethod, v1alpha1.AuthorityHint)
	keepIntent(&a.Customer, e, rankPaid)
	shows = keepPurchase(a, paymentPurchase(e)) || shows
	if takePart(&a.Customer.Positions, partPayment, positionOf(e, v1alpha1.AuthorityState, 0)) {
		a.Customer.LastPayment = newPayment(e)
		shows = true
	}
	return shows
}

// PaymentFailed shows the failure if it is the newest. It does not change the entitlement: the subscription's status
// does. Of the two events that report one failure within a second, the charge shows: it alone says whether the bank or
// Stripe's rules refused the payment.
func PaymentFailed(a *Aggregate, e *Event) bool {
	rank := int32(0)
	if e.ObjectKind == "charge" {
		rank = 1
	}
	if e.Payment == nil || !takePart(&a.Customer.Positions, partLastFailure, positionOf(e, v1alpha1.AuthorityState, rank)) {
		return false
	}
	a.Customer.LastFailure = &v1alpha1.LastFailure{Payment: *newPayment(e)}
	if e.Payment.Failure != nil {
		a.Customer.LastFailure.PaymentFailure = *e.Payment.Failure
	}
	return true
}

func newPayment(e *Event) *v1alpha1.Payment {
	return &v1alpha1.Payment{
		At:              e.Created,
		Amount:          e.Payment.Amount,
		Currency:        e.Payment.Currency,
		ChargeID:        e.ChargeID,
		PaymentIntentID: e.PaymentIntentID,
	}
}

// PaymentMethod shows the payment method's new state. One that was detached or deleted shows no more: Stripe never attaches it
// again. Its position stays, so that an older event that arrives late does not show it again.
func PaymentMethod(a *Aggregate, e *Event) bool {
	if e.PaymentMethod == nil {
		return false
	}
	return foldMethod(a, e, &e.PaymentMethod.PaymentMethod, v1alpha1.AuthorityState, e.PaymentMethod.Detached)
}

// showMethod shows a payment method. Its own events carry its state; a payment made with it is a hint.
func showMethod(a *Aggregate, e *Event, method *v1alpha1.PaymentMethod, authority v1alpha1.Authority) bool {
	return foldMethod(a, e, method, authority, false)
}

// foldMethod shows a payment method, or takes it away. A deleted customer has none any more.
func foldMethod(a *Aggregate, e *Event, method *v1alpha1.PaymentMethod, authority v1alpha1.Authority, isDetached bool) bool {
	if method == nil || method.ID == "" || a.Customer.DeletedAt != nil {
		return false
	}
	if method.Last4 == "" && !isDetached {
		authority = v1alpha1.AuthorityMention
	}
	c, part := &a.Customer, partMethodPrefix+method.ID
	if takePart(&c.Positions, part, positionOf(e, authority, typeRank(e.Type))) {
		c.PaymentMethods = slices.DeleteFunc(c.PaymentMethods, func(m v1alpha1.PaymentMethod) bool { return m.ID == method.ID })
		if !isDetached {
			c.PaymentMethods = append(c.PaymentMethods, *method)
		}
	}
	c.PaymentMethods = keepNewest(c.PaymentMethods, c.Positions, partMethodPrefix, maxMethods, methodID)
	return c.Positions[part].EventID == e.EventID
}

// Refunded shows the total refunded on the charge. Between totals of one second history decides, as a refund may be made
// and fail within it; between two that no history links, the larger one is later. An endpoint may not receive all events
// about charges, so a gap in a charge's history is no doubt.
func Refunded(a *Aggregate, e *Event) bool {
	if e.Refund == nil || e.ChargeID == "" {
		return false
	}
	total := int32(max(0, min(e.Refund.AmountRefunded, math.MaxInt32)))
	c, part := &a.Customer, partRefundPrefix+e.ChargeID
	if takeStatePart(&c.Positions, part, positionOf(e, v1alpha1.AuthorityState, total), e.Refund.Trace) {
		refund := v1alpha1.Refund{ChargeID: e.ChargeID, PaymentIntentID: e.PaymentIntentID, At: e.Created, RefundTotal: e.Refund.RefundTotal}
		c.Refunds = upsert(c.Refunds, refund, refundID)
	}
	clearGap(&c.Positions, part)
	keepRefunds(c)
	noteRefunds(c)
	return c.Positions[part].EventID == e.EventID
}

// keepRefunds moves refunds that are too many into the list of earlier ones, which has no positions. There, of two reports of one
// charge the later one counts.
func keepRefunds(c *v1alpha1.CustomerStatus) {
	all := slices.Concat(c.Refunds, c.EarlierRefunds)
	c.Refunds = keepNewest(c.Refunds, c.Positions, partRefundPrefix, maxRefunds, refundID)
	slices.SortFunc(all, func(a, b v1alpha1.Refund) int {
		return cmp.Or(b.At.Compare(a.At.Time), cmp.Compare(b.AmountRefunded, a.AmountRefunded), cmp.Compare(b.ChargeID, a.ChargeID))
	})
	c.EarlierRefunds = nil
	if earlier := firstOfEach(slices.Concat(c.Refunds, all), refundID)[len(c.Refunds):]; len(earlier) > 0 {
		c.EarlierRefunds = earlier[:min(len(earlier), maxEarlierRefunds)]
	}
}

// RefundFailed keeps a refund that failed or was canceled, and when Stripe first reported that: a later report of the same refund,
// as when its metadata changes, is no new failure. Its position is when the refund was made, which all reports agree on, so which
// refunds are kept does not depend on the order of events. For example:
//
//	day 10  charge.refunded  re_1, full
//	day 11  refund.failed    re_1: the money stays paid
//	day 13  charge.refunded  re_2, full: the money is gone
//	day 15  refund.updated   re_1, still failed, with other metadata: the money is still gone
func RefundFailed(a *Aggregate, e *Event) bool {
	if e.Refund == nil || e.Refund.FailedRefundID == "" {
		return false
	}
	c, part := &a.Customer, partFailedRefundPrefix+e.Refund.FailedRefundID
	failed := v1alpha1.FailedRefund{ID: e.Refund.FailedRefundID, ChargeID: e.ChargeID, At: e.Created}
	made := *cmp.Or(e.Refund.Made, &e.Created)
	if known, taken := c.Positions[part]; taken && known.Created.Before(&made) {
		made = known.Created
	}
	setPosition(&c.Positions, part, v1alpha1.Position{Authority: v1alpha1.AuthorityState, Created: made, EventID: failed.ID})
	for i := range c.FailedRefunds {
		if known := &c.FailedRefunds[i]; known.ID == failed.ID && known.At.Before(&failed.At) {
			failed.At = known.At
		}
	}
	c.FailedRefunds = upsert(c.FailedRefunds, failed, failedRefundID)
	c.FailedRefunds = keepNewest(c.FailedRefunds, c.Positions, partFailedRefundPrefix, maxFailedRefunds, failedRefundID)
	noteRefunds(c)
	return slices.ContainsFunc(c.FailedRefunds, func(f v1alpha1.FailedRefund) bool { return f.ID == failed.ID && f.At.Equal(&e.Created) })
}

// PaymentOfInvoice keeps which payment paid which invoice: since API version 2025-03-31 the two do not name each other. Of
// several reports of one payment the latest counts, so its place among the newest only rises, and the result does not depend
// on the order of events.
func PaymentOfInvoice(a *Aggregate, e *Event) bool {
	if e.Payment == nil || e.Payment.InvoiceID == "" || e.ObjectID == "" {
		return false
	}
	c := &a.Customer
	link := v1alpha1.InvoicePayment{
		ID: e.ObjectID, InvoiceID: e.Payment.InvoiceID, PaymentIntentID: e.PaymentIntentID, ChargeID: e.ChargeID, At: e.Created,
	}
	list := append(slices.Clone(c.InvoicePayments), link)
	slices.SortFunc(list, newestPaymentFirst)
	c.InvoicePayments = firstOfEach(list, func(p *v1alpha1.InvoicePayment) string { return p.ID })
	namePayments(a) // also by a link that is older than all that are kept
	c.InvoicePayments = c.InvoicePayments[:min(len(c.InvoicePayments), maxInvoicePayments)]
	return slices.Contains(c.InvoicePayments, link)
}

// namePayments names the payment of each invoice that the paid period of a subscription rests on, if a link does. There it stays when
// newer links have taken its place in the list: a year may rest on one payment. It comes after the events, as the link may come
// before the invoice. Of several payments of one invoice the highest id is named, whatever their order.
func namePayments(a *Aggregate) {
	for _, s := range a.Subscriptions {
		for _, paid := range []*v1alpha1.PaidInvoice{s.PaidBy, s.PaidUsage} {
			for i := range a.Customer.InvoicePayments {
				if p := &a.Customer.InvoicePayments[i]; paid != nil && paid.InvoiceID == p.InvoiceID {
					paid.ChargeID, paid.PaymentIntentID = max(paid.ChargeID, p.ChargeID), max(paid.PaymentIntentID, p.PaymentIntentID)
				}
			}
		}
	}
}

func newestPaymentFirst(a, b v1alpha1.InvoicePayment) int {
	return cmp.Or(b.At.Compare(a.At.Time), cmp.Compare(b.ID, a.ID), cmp.Compare(b.InvoiceID, a.InvoiceID),
		cmp.Compare(b.PaymentIntentID, a.PaymentIntentID), cmp.Compare(b.ChargeID, a.ChargeID))
}

// closedDisputes are the statuses of a dispute that ended with the money kept, or returned by a refund, which shows as one, or of
// an inquiry that ended. A lost one is not among them: the money is gone. Stripe sends charge_refunded in old API versions.
var closedDisputes = []string{"won", "warning_closed", "prevented", "charge_refunded"}

// disputeLost is Stripe's status of a dispute whose money is gone.
const disputeLost = "lost"

// IsClosedDispute reports whether a dispute of the status ended, and was not lost.
func IsClosedDispute(status string) bool { return slices.Contains(closedDisputes, status) }

// DisputeOpened shows the dispute in its latest state, until it is closed. Its position stays, so that an older event
// that arrives late does not show it again. Of one that was lost, the first report counts: a later one is no new loss.
func DisputeOpened(a *Aggregate, e *Event) bool {
	if e.Dispute == nil || e.ObjectID == "" {
		return false
	}
	c, part := &a.Customer, partDisputePrefix+e.ObjectID
	rank := disputeRank(e.Dispute.Status)*10 + typeRank(e.Type)
	i := slices.IndexFunc(c.OpenDisputes, func(d v1alpha1.Dispute) bool { return d.ID == e.ObjectID })
	dispute := v1alpha1.Dispute{ID: e.ObjectID}
	if i >= 0 {
		dispute = c.OpenDisputes[i]
	}
	if dispute.Status == disputeLost && dispute.LostAt == nil { // as an earlier version stored it
		dispute.LostAt = new(c.Positions[part].Created)
	}
	if e.Dispute.Status == disputeLost {
		keepEarliest(&dispute.LostAt, &e.Created)
	}
	isLatest := takePart(&c.Positions, part, positionOf(e, v1alpha1.AuthorityState, rank))
	if isLatest {
		dispute.ChargeID, dispute.PaymentIntentID, dispute.DisputeRecord = e.ChargeID, e.PaymentIntentID, *e.Dispute.DeepCopy()
	}
	if isLatest || i >= 0 {
		c.OpenDisputes = upsert(c.OpenDisputes, dispute, disputeID)
	}
	c.OpenDisputes = slices.DeleteFunc(c.OpenDisputes, func(d v1alpha1.Dispute) bool { return IsClosedDispute(d.Status) })
	c.OpenDisputes = keepNewest(c.OpenDisputes, c.Positions, partDisputePrefix, maxDisputes, disputeID)
	return c.Positions[part].EventID == e.EventID
}

// disputeRank orders the statuses of a dispute that may meet within one second.
func disputeRank(status string) int32 {
	switch status {
	case "needs_response", "warning_needs_response":
		return 0
	case "under_review", "warning_under_review":
		return 1
	default:
		return 2
	}
}

// KnownDisputes lists the ids of the disputes that were reported, closed ones too, the latest first.
func KnownDisputes(c *v1alpha1.CustomerStatus) []string {
	return idsByPosition(c.Positions, partDisputePrefix)
}

// DisputePosition is the position of a dispute's state: when Stripe last reported it.
func DisputePosition(c *v1alpha1.CustomerStatus, id string) v1alpha1.Position {
	return c.Positions[partDisputePrefix+id]
}

func methodID(m *v1alpha1.PaymentMethod) string      { return m.ID }
func refundID(r *v1alpha1.Refund) string             { return r.ChargeID }
func failedRefundID(r *v1alpha1.FailedRefund) string { return r.ID }
func disputeID(d *v1alpha1.Dispute) string           { return d.ID }
