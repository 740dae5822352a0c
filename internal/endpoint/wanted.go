// Package endpoint makes and checks the webhook endpoint in Stripe that posts the account's events to the receiver.
package endpoint

import (
	"net/url"
	"slices"
	"strings"

	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

const (
	// newestVersion is the newest API version whose events can be read, and the version of a new endpoint.
	newestVersion = stripejson.NewestVersion
	// oldestVersion is the oldest API version whose events can be read. See docs/events.md.
	oldestVersion = "2017-01-27"
	// markKey and markValue are metadata that mark an endpoint as one that this package has made or updated.
	markKey, markValue = "managed_by", "tollkeeper"
	// dateLength is the length of the date that a version begins with.
	dateLength = len("2017-01-27")
)

// familyTypes are Stripe's types that are handled by their beginning only, without an entry of their own in the catalogue.
// Stripe accepts no pattern, so that they must be named. See https://docs.stripe.com/api/events/types.
var familyTypes = []string{
	"charge.dispute.closed", "charge.dispute.created", "charge.dispute.funds_reinstated", "charge.dispute.funds_withdrawn",
	"charge.dispute.updated",
	"customer.subscription.paused", "customer.subscription.pending_update_applied", "customer.subscription.pending_update_expired",
	"customer.subscription.resumed",
	"invoice.deleted", "invoice.finalization_failed", "invoice.marked_uncollectible", "invoice.overdue", "invoice.overpaid",
	"invoice.sent", "invoice.voided", "invoice.will_be_due",
	"payment_method.attached", "payment_method.automatically_updated", "payment_method.updated",
}

// notAtStripe are names in the catalogue that Stripe does not know: it sends setup_intent.setup_failed.
var notAtStripe = []string{"setup_intent.failed"}

// Events are the types that an endpoint must send, by name: every type that is handled.
func Events() []string {
	names := slices.Clone(familyTypes)
	for _, t := range events.All() {
		names = append(names, t.Name)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(notAtStripe, name) })
	slices.Sort(names)
	return slices.Compact(names)
}

// wanted is the endpoint as it is created.
func wanted(address, version string) stripeapi.WebhookEndpoint {
	return stripeapi.WebhookEndpoint{
		URL: address, EnabledEvents: Events(), APIVersion: version, Status: "enabled",
		Description: "Tollkeeper", Metadata: map[string]string{markKey: markValue},
	}
}

// isSameURL reports whether two URLs lead to the same place.
func isSameURL(a, b string) bool { return canonical(a) == canonical(b) }

// canonical is the URL without what makes no difference: upper case in the host, and the default port.
func canonical(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	if port := u.Port(); u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		u.Host = strings.TrimSuffix(u.Host, ":"+port)
	}
	return u.String()
}

// missing are the wanted events that are not enabled.
func missing(wanted, enabled []string) []string {
	if slices.Contains(enabled, "*") {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(wanted), func(event string) bool { return slices.Contains(enabled, event) })
}

// isReadable reports whether events of the API version can be read; also for the empty version, which is the account's
// default.
func isReadable(version string) bool {
	if version == "" || len(version) < dateLength {
		return true
	}
	date := version[:dateLength]
	return oldestVersion <= date && date <= newestVersion[:dateLength]
}
