package projection

import (
	"cmp"
	"math"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Parts of a Customer's status that payments write.
const (
	partPayment       = "lastPayment"
	partLastFailure   = "lastFailure"
	partPaymentIntent = "latestPaymentIntent"
	partRefund        = "refund/"
	partDispute       = "dispute/"

	maxRefunds  = 20
	maxDisputes = 20
)

// PaymentSucceeded shows the payment if it is the newest, and what it was paid with.
func PaymentSucceeded(a *Aggregate, e *Event) bool {
	if e.Payment == nil {
		return false
	}
	earlier(&a.Customer.CustomerSince, e.Payment.Created)
	shows := methodSeen(a, e, e.Payment.PaymentMethod, v1alpha1.AuthorityHint)
	if claim(&a.Customer.Positions, partPayment, position(e, v1alpha1.AuthorityState, 0)) {
		payment := payment(e)
		a.Customer.LastPayment = &payment
		shows = true
	}
	return shows
}

// PaymentFailed shows the failure if it is the newest. It changes no entitlement: the subscription's status does.
func PaymentFailed(a *Aggregate, e *Event) bool {
	if e.Payment == nil {
		return false
	}
	if !claim(&a.Customer.Positions, partLastFailure, position(e, v1alpha1.AuthorityState, 0)) {
		return false
	}
	failure := v1alpha1.LastFailure{Payment: payment(e)}
	if e.Payment.Failure != nil {
		failure.PaymentFailure = *e.Payment.Failure
	}
	a.Customer.LastFailure = &failure
	return true
}

// PaymentIntent shows the newest payment that was begun, and how far it has come.
func PaymentIntent(a *Aggregate, e *Event) bool {
	if e.Payment == nil || e.ObjectID == "" {
		return false
	}
	return newestIntent(&a.Customer.LatestPaymentIntent, &a.Customer.Positions, partPaymentIntent, e, v1alpha1.Intent{
		ID:      e.ObjectID,
		Created: e.Payment.Created.DeepCopy(),
		Status:  e.Payment.Status,
		Failure: e.Payment.Failure.DeepCopy(),
	})
}

// Refunded shows the total refunded on the charge. The larger of two totals of one second is the later one.
func Refunded(a *Aggregate, e *Event) bool {
	if e.Refund == nil || e.ChargeID == "" {
		return false
	}
	total := int32(max(0, min(e.Refund.AmountRefunded, math.MaxInt32)))
	c := &a.Customer
	if claim(&c.Positions, partRefund+e.ChargeID, position(e, v1alpha1.AuthorityState, total)) {
		refund := v1alpha1.Refund{ChargeID: e.ChargeID, PaymentIntentID: e.PaymentIntentID, At: e.Created, RefundRecord: *e.Refund}
		c.Refunds = upsert(c.Refunds, refund, refundID)
	}
	c.Refunds = arrange(c.Refunds, c.Positions, partRefund, maxRefunds, refundID)
	return c.Positions[partRefund+e.ChargeID].EventID == e.EventID
}

// DisputeOpened shows the dispute as long as it is open.
func DisputeOpened(a *Aggregate, e *Event) bool {
	if e.Dispute == nil || e.ObjectID == "" {
		return false
	}
	c := &a.Customer
	if claim(&c.Positions, partDispute+e.ObjectID, position(e, v1alpha1.AuthorityState, stage(e.Type))) {
		dispute := v1alpha1.Dispute{ID: e.ObjectID, ChargeID: e.ChargeID, DisputeRecord: *e.Dispute.DeepCopy()}
		c.OpenDisputes = upsert(c.OpenDisputes, dispute, disputeID)
	}
	c.OpenDisputes = arrange(c.OpenDisputes, c.Positions, partDispute, maxDisputes, disputeID)
	return c.Positions[partDispute+e.ObjectID].EventID == e.EventID
}

func refundID(r *v1alpha1.Refund) string   { return r.ChargeID }
func disputeID(d *v1alpha1.Dispute) string { return d.ID }

func payment(e *Event) v1alpha1.Payment {
	return v1alpha1.Payment{
		At:              e.Created,
		Amount:          e.Payment.Amount,
		Currency:        e.Payment.Currency,
		ChargeID:        e.ChargeID,
		PaymentIntentID: e.PaymentIntentID,
	}
}

// newestIntent shows the newest intent, in its latest state. One that succeeded stays so.
func newestIntent(shown **v1alpha1.Intent, parts *positions, part string, e *Event, intent v1alpha1.Intent) bool {
	if have := *shown; have != nil && have.ID != intent.ID {
		if cmp.Or(compareTimes(have.Created, intent.Created), cmp.Compare(have.ID, intent.ID)) > 0 {
			return false
		}
		delete(*parts, part)
	}
	authority := v1alpha1.AuthorityState
	if intent.Status == "succeeded" {
		authority = v1alpha1.AuthorityFinal
	}
	if !claim(parts, part, position(e, authority, stage(e.Type))) {
		return false
	}
	*shown = &intent
	return true
}

// compareTimes orders an unknown time before any other.
func compareTimes(a, b *metav1.Time) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	default:
		return a.Compare(b.Time)
	}
}
