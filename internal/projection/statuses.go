package projection

import "strings"

// Stripe's subscription statuses. See https://docs.stripe.com/billing/subscriptions/overview#subscription-statuses.
const (
	StatusIncomplete        = "incomplete"
	StatusIncompleteExpired = "incomplete_expired"
	StatusTrialing          = "trialing"
	StatusActive            = "active"
	StatusPastDue           = "past_due"
	StatusUnpaid            = "unpaid"
	StatusPaused            = "paused"
	StatusCanceled          = "canceled"
)

var subscriptionStatuses = []string{
	StatusIncomplete, StatusIncompleteExpired, StatusTrialing, StatusActive, StatusPastDue, StatusUnpaid, StatusPaused, StatusCanceled,
}

// Stripe's invoice statuses. See https://docs.stripe.com/invoicing/overview#invoice-statuses.
const (
	InvoiceDraft         = "draft"
	InvoiceOpen          = "open"
	InvoicePaid          = "paid"
	InvoiceUncollectible = "uncollectible"
	InvoiceVoid          = "void"
)

// The last statuses of a payment intent or setup intent.
const (
	intentSucceeded = "succeeded"
	intentCanceled  = "canceled"
)

// InvoiceDeleted is Tollkeeper's own status of a draft invoice that was deleted in Stripe, which keeps nothing of it.
const InvoiceDeleted = "deleted"

// hasEnded reports whether Stripe never leaves the subscription status again.
func hasEnded(status string) bool {
	return status == StatusCanceled || status == StatusIncompleteExpired
}

// lifecycleRank orders the subscription statuses that may meet within one second.
func lifecycleRank(status string) int32 {
	switch status {
	case StatusIncomplete:
		return 0
	case StatusTrialing:
		return 1
	case StatusCanceled, StatusIncompleteExpired:
		return 3
	default:
		return 2
	}
}

// typeRank orders the events of one second by their type. An update of the object wins over a mere notice of it
// (invoice.finalized). A reading wins over all events: Stripe answered it after them.
func typeRank(eventType string) int32 {
	switch eventType[strings.LastIndex(eventType, ".")+1:] {
	case "created", "attached":
		return 0
	case "updated", "automatically_updated":
		return 2
	case "deleted", "detached":
		return 3
	case "read":
		return 4
	default:
		return 1
	}
}
