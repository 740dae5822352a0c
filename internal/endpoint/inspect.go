package endpoint

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// problem is a kind of fault of the endpoint in Stripe. It is a value of a metric's label.
type problem string

const (
	missingEvents problem = "missing_events"
	disabled      problem = "disabled"
	apiVersion    problem = "api_version"
	notFound      problem = "not_found"
)

// problems are all of them, the gravest first.
var problems = []problem{notFound, disabled, missingEvents, apiVersion}

// namedEvents is how many missing events a finding names.
const namedEvents = 10

// finding is a problem of one endpoint.
type finding struct {
	problem problem
	count   int    // of missing events; else 1
	text    string // what is wrong, and with which endpoint
}

// sender is an endpoint of either kind: one of API v1, or an event destination.
type sender struct {
	id, url, status, version string
	events                   []string
}

// sendersOf are the endpoints and the webhook destinations. The types of thin events are those of snapshots with "v1." before.
func sendersOf(endpoints []stripeapi.WebhookEndpoint, destinations []stripeapi.EventDestination) []sender {
	var senders []sender
	for _, e := range endpoints {
		senders = append(senders, sender{id: e.ID, url: e.URL, status: e.Status, version: e.APIVersion, events: e.EnabledEvents})
	}
	for _, d := range destinations {
		if d.WebhookEndpoint == nil || d.EventPayload != "thin" {
			continue // a destination of snapshots is an endpoint of API v1 too
		}
		s := sender{id: d.ID, url: d.WebhookEndpoint.URL, status: d.Status}
		for _, event := range d.EnabledEvents {
			s.events = append(s.events, strings.TrimPrefix(event, "v1."))
		}
		senders = append(senders, s)
	}
	return senders
}

// leadHere are the endpoints that lead to the receiver: those with the URL, or without a URL those whose path ends as the
// receiver's. Disabled ones count only if no other does: they may be old.
func leadHere(senders []sender, address, path string) []sender {
	here := slices.DeleteFunc(slices.Clone(senders), func(s sender) bool {
		if address != "" {
			return !isSameURL(s.url, address)
		}
		u, err := url.Parse(s.url)
		return err != nil || !strings.HasSuffix(u.Path, path)
	})
	enabled := slices.DeleteFunc(slices.Clone(here), func(s sender) bool { return s.status == "disabled" })
	if len(enabled) > 0 {
		return enabled
	}
	return here
}

// inspect judges the endpoints that lead here. Several with one URL are judged together: one may be for connected accounts.
func inspect(here []sender, address, path string) []finding {
	if len(here) == 0 {
		return []finding{{notFound, 1, fmt.Sprintf("no endpoint of the account has %s", cmp.Or(address, "a URL that ends in "+path))}}
	}
	byURL := map[string][]sender{}
	var order []string
	var found []finding
	for _, s := range here {
		key := canonical(s.url)
		if byURL[key] == nil {
			order = append(order, key)
		}
		byURL[key] = append(byURL[key], s)
		if s.status == "disabled" {
			found = append(found, finding{disabled, 1, fmt.Sprintf("the endpoint %s is disabled", s.id)})
		}
		if !isReadable(s.version) {
			found = append(found, finding{apiVersion, 1, fmt.Sprintf("the endpoint %s sends events of the API version %s, and those from %s to %s are supported",
				s.id, s.version, oldestVersion, newestVersion)})
		}
	}
	for _, key := range order {
		var ids, sent []string
		for _, s := range byURL[key] {
			ids, sent = append(ids, s.id), append(sent, s.events...)
		}
		if lacks := missing(events.ToSend(), sent); len(lacks) > 0 {
			found = append(found, finding{missingEvents, len(lacks), fmt.Sprintf("the endpoint %s does not send %d of the event types that are handled: %s",
				strings.Join(ids, ", "), len(lacks), firstFew(lacks))})
		}
	}
	return found
}

func firstFew(names []string) string {
	if more := len(names) - namedEvents; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:namedEvents], ", "), more)
	}
	return strings.Join(names, ", ")
}
