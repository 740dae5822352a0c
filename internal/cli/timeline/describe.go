package timeline

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/cli/say"
)

// Describe says what an event reports, in a few words and without personal data. It is empty if the record says no more
// than the type.
func Describe(e *v1alpha1.BillingEventSpec) string {
	switch {
	case e.DecodeError != "":
		return "could not be read: " + e.DecodeError
	case e.Subscription != nil:
		return describeSubscription(e.Subscription)
	case e.Invoice != nil:
		return describeInvoice(&e.Invoice.Invoice)
	case e.Payment != nil:
		return describePayment(e.Payment)
	case e.Refund != nil:
		return describeRefund(e.Refund)
	case e.Dispute != nil:
		return strings.TrimSpace(say.Money(e.Dispute.Amount, e.Dispute.Currency) + " disputed: " + join(e.Dispute.Reason, e.Dispute.Status))
	case e.Checkout != nil:
		return describeCheckout(e.Checkout)
	case e.Customer != nil:
		return describeCustomer(e.Customer)
	case e.PaymentMethod != nil:
		return describeMethod(&e.PaymentMethod.PaymentMethod)
	case e.Setup != nil:
		return join(e.Setup.Status, describeFailure(e.Setup.Failure))
	default:
		return ""
	}
}

func describeSubscription(s *v1alpha1.SubscriptionRecord) string {
	status := s.Status
	if s.PreviousStatus != "" && s.PreviousStatus != s.Status {
		status = s.PreviousStatus + " → " + s.Status
	}
	parts := []string{status}
	if len(s.Items) > 0 {
		item := s.Items[0]
		parts = append(parts, cmp.Or(item.LookupKey, item.Nickname, item.Price))
	}
	switch {
	case s.EndedAt != nil:
	case s.CancelAt != nil:
		parts = append(parts, "ends on "+say.Moment(s.CancelAt.Time))
	case s.CancelAtPeriodEnd && s.CurrentPeriodEnd != nil:
		parts = append(parts, "ends on "+say.Moment(s.CurrentPeriodEnd.Time))
	}
	if s.PauseCollection != nil {
		parts = append(parts, "collection paused ("+s.PauseCollection.Behavior+")")
	}
	return join(parts...)
}

func describeInvoice(i *v1alpha1.Invoice) string {
	amount := i.AmountDue
	if i.Status == "paid" {
		amount = i.AmountPaid
	}
	parts := []string{i.Status, say.Money(amount, i.Currency)}
	if i.AttemptCount > 0 && i.Status == "open" {
		parts = append(parts, say.Count(int(i.AttemptCount), "attempt"))
	}
	if i.NextPaymentAttempt != nil && i.Status == "open" {
		parts = append(parts, "next on "+say.Moment(i.NextPaymentAttempt.Time))
	}
	return join(parts...)
}

func describePayment(p *v1alpha1.PaymentRecord) string {
	parts := []string{p.Status, say.Money(p.Amount, p.Currency)}
	if p.PaymentMethod != nil {
		parts = append(parts, describeMethod(p.PaymentMethod))
	}
	return join(append(parts, describeFailure(p.Failure))...)
}

func describeFailure(f *v1alpha1.PaymentFailure) string {
	if f == nil {
		return ""
	}
	return join(f.Code, f.DeclineCode, f.BlockedBy)
}

func describeRefund(r *v1alpha1.RefundRecord) string {
	switch {
	case r.FailedRefundID != "":
		return say.Money(r.AmountRefunded, r.Currency) + " not refunded: " + r.FailedRefundID + " failed"
	case r.Full:
		return say.Money(r.AmountRefunded, r.Currency) + " refunded, which is all"
	default:
		return say.Money(r.AmountRefunded, r.Currency) + " of " + say.Money(r.Amount, r.Currency) + " refunded"
	}
}

func describeCheckout(c *v1alpha1.CheckoutRecord) string {
	return join(c.Mode, c.PaymentStatus, say.Money(c.AmountTotal, c.Currency))
}

func describeCustomer(c *v1alpha1.CustomerRecord) string {
	switch {
	case c.Deleted:
		return "deleted"
	case c.Delinquent:
		return "delinquent"
	default:
		return ""
	}
}

func describeMethod(m *v1alpha1.PaymentMethod) string {
	text := cmp.Or(m.Brand, m.Kind)
	if m.Last4 != "" {
		text += " ending in " + m.Last4
	}
	if m.Expiring && m.ExpMonth > 0 {
		text += fmt.Sprintf(", expires %02d/%d", m.ExpMonth, m.ExpYear)
	}
	return text
}

// join joins what is not empty.
func join(parts ...string) string {
	var kept []string
	for _, part := range parts {
		if part != "" {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, ", ")
}
