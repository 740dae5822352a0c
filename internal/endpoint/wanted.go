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

// wanted is the endpoint as it is created.
func wanted(address, version string) stripeapi.WebhookEndpoint {
	return stripeapi.WebhookEndpoint{
		URL: address, EnabledEvents: events.ToSend(), APIVersion: version, Status: "enabled",
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
