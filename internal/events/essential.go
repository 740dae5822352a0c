package events

import (
	"errors"
	"slices"
	"strings"

	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

const (
	maxWarnings = 16
	maxWarning  = 256
)

// alwaysEssential are the fields that make any event usable: which object it is about, and whose. Read as absent, they
// would make it an event about nothing, or about nobody: it would be settled as if that were true.
var alwaysEssential = []string{"id", "object", "livemode", "customer", "customer_account"}

// essential are, for each record, the further fields without which the event is of no use, or does harm: read as absent,
// they would show something that is not true, and that no later event or reading corrects. All other fields cost only
// themselves. A subscription, an invoice and a customer say which of their fields are missing (unreadableFields).
var essential = map[string][]string{
	// The status decides about access.
	"subscription": {"status"},
	// The status says whether it is paid, or the older flags that stand for it. Without its subscription, what was paid
	// would not extend it.
	"invoice": {"status", "paid", "closed", "forgiven", "subscription", "parent.subscription_details.subscription"},
	// The profile is a handful of values, each of use without the others.
	"customer": {},
	// One payment is one amount: 0 would show as paid, or as failed, and nothing compares it with Stripe later. The invoice
	// says whether the payment is a purchase of its own.
	"payment": {"status", "amount", "amount_received", "amount_paid", "invoice"},
	// The total decides whether the payment was refunded in full, and the charge says which one.
	"refund": {"amount", "amount_refunded", "refunded", "status", "charge"},
	// The status says whether the money is gone. The charge or payment intent leads to the customer.
	"dispute": {"status", "charge", "payment_intent"},
	// They decide whether it was a sign-up or a purchase, and whether it was paid.
	"checkout": {"mode", "payment_status"},
	// The brand and the expiry are of use without each other.
	"paymentMethod": {},
	// The status says whether it succeeded.
	"setup": {"status"},
	// A product that was deleted grants nothing.
	"product": {"deleted"},
	// Each key is something that the customer may use, and one that is left out would be taken away.
	"features": {"entitlements.data", "entitlements.data[].lookup_key", "entitlements.has_more"},
	// The status says whether the plan still holds. Without its subscription nothing would show it.
	"schedule": {"status", "subscription", "released_subscription"},
	// It is shown nowhere: its values are of use without each other.
	"discount": {},
}

// judge sorts the problems of an event's object: it returns those of essential fields as an error, and sets the others as
// the event's warnings. record is the field of the spec that the event fills; empty if its type is not handled.
func judge(record string, problems []stripejson.Problem, e *projection.Event) error {
	var fatal []string
	for _, p := range problems {
		switch {
		case isEssential(record, p.Path) && !isNamedOtherwise(p.Path, e):
			fatal = append(fatal, p.String())
		case len(e.Warnings) < maxWarnings:
			e.Warnings = append(e.Warnings, truncate(p.String(), maxWarning))
		}
	}
	if len(fatal) > 0 {
		return errors.New(strings.Join(fatal, "; "))
	}
	return nil
}

// isNamedOtherwise reports whether what a link with a problem leads to is known by another link.
func isNamedOtherwise(path string, e *projection.Event) bool {
	switch strings.TrimSuffix(path, ".id") {
	case "customer_account":
		return e.CustomerID != ""
	case "charge":
		return e.PaymentIntentID != "" && e.Dispute != nil
	case "payment_intent":
		return e.ChargeID != ""
	default:
		return false
	}
}

// isEssential reports whether a path is that of an essential field, or of the id of an essential object.
func isEssential(record, path string) bool {
	field := strings.TrimSuffix(path, ".id")
	return slices.Contains(alwaysEssential, field) || slices.Contains(essential[record], field)
}
