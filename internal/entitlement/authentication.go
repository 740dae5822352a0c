package entitlement

import (
	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

const (
	// mustAuthorize continues a sentence about a failed payment.
	mustAuthorize = " because the customer must authorize it with the bank"

	// authenticationRequired is Stripe's code of a payment that the bank refuses until the customer authorizes it. See
	// https://docs.stripe.com/declines/codes.
	authenticationRequired = "authentication_required"
	// requiresAction is the status of a payment intent that waits for the customer.
	requiresAction = "requires_action"
)

// needsAuthentication reports whether the subscription's payment waits for the customer to authorize it (3-D Secure): no
// other card is needed. Which events report it depends on what the endpoint receives:
//
//	invoice.payment_action_required   the invoice's latest attempt
//	the failed payment                the code authentication_required, at the moment of the invoice's latest failure
//	payment_intent.requires_action    the first payment of the subscription
func needsAuthentication(c *v1alpha1.CustomerStatus, s *v1alpha1.SubscriptionStatus) bool {
	failed, asked, last, intent := s.LatestPaymentFailure, s.ActionRequired, c.LastFailure, c.LatestPaymentIntent
	switch {
	case asked != nil && failed == nil:
		return s.LatestInvoice == nil || s.LatestInvoice.ID == asked.InvoiceID // the one of a former invoice was settled
	case asked != nil && asked.InvoiceID == failed.InvoiceID && asked.AttemptCount >= failed.AttemptCount:
		return true
	case failed != nil && last != nil && (last.Code == authenticationRequired || last.DeclineCode == authenticationRequired):
		return last.Amount == failed.Amount && last.At.Sub(failed.At.Time).Abs() <= sameMoment
	case s.Status == projection.StatusIncomplete && intent != nil && intent.Status == requiresAction:
		return intent.Created != nil && s.StartedAt != nil && intent.Created.Sub(s.StartedAt.Time).Abs() <= sameMoment
	default:
		return false
	}
}

// openInvoiceAdvice says what brings back access after Stripe has stopped collecting.
func openInvoiceAdvice(c *v1alpha1.CustomerStatus, s *v1alpha1.SubscriptionStatus) string {
	if needsAuthentication(c, s) {
		return "The customer must authorize the payment with the bank. Access resumes once the open invoice is paid."
	}
	return "Access resumes once the open invoice is paid."
}
