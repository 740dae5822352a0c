package endpoint

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// action is what makes Stripe have the wanted endpoint.
type action string

const (
	actionNone   action = "none"
	actionCreate action = "create"
	actionUpdate action = "update"
	// actionPrint is the action without a key: what Stripe has is not known.
	actionPrint action = "print"
)

// plan is what is to be done, and how it would change Stripe's endpoint. Its JSON is the output for scripts.
type plan struct {
	Action action `json:"action"`
	// Applied reports whether it was done.
	Applied bool `json:"applied"`
	// Connect reports whether the endpoint is for the events of connected accounts.
	Connect bool `json:"connect"`
	// Endpoint is the endpoint as it will be, or as Stripe returned it. Its secret is there only after it was created.
	Endpoint stripeapi.WebhookEndpoint `json:"endpoint"`
	// AddedEvents and RemovedEvents are the changes of enabled_events.
	AddedEvents   []string `json:"added_events"`
	RemovedEvents []string `json:"removed_events"`
	// Enables reports that the endpoint is disabled now.
	Enables bool `json:"enables"`
	// Marks reports that the metadata that mark the endpoint are missing now.
	Marks bool `json:"marks"`
	// Notes say what cannot be changed.
	Notes []string `json:"notes"`
}

// planFor compares the wanted endpoint with those of the account. It touches no other endpoint than the one with the same
// URL, and of these the one that is for connected accounts, or is not, as wanted.
func planFor(want stripeapi.WebhookEndpoint, connect bool, present []stripeapi.WebhookEndpoint) (plan, error) {
	same := slices.DeleteFunc(slices.Clone(present), func(e stripeapi.WebhookEndpoint) bool {
		return !isSameURL(e.URL, want.URL) || (e.Application != "") != connect
	})
	switch len(same) {
	case 0:
		return plan{Action: actionCreate, Connect: connect, Endpoint: want, AddedEvents: want.EnabledEvents}, nil
	case 1:
		return update(want, connect, same[0]), nil
	default:
		var ids []string
		for _, e := range same {
			ids = append(ids, e.ID)
		}
		return plan{}, fmt.Errorf("%d endpoints in Stripe have this URL (%s), so that each event comes %d times, and it is not known "+
			"which one to change: delete all but one in Stripe's dashboard under Webhooks, and take their signing secrets out of "+
			"STRIPE_ENDPOINT_SECRET", len(same), strings.Join(ids, ", "), len(same))
	}
}

// update plans to make the endpoint the wanted one. Its description and other metadata stay.
func update(want stripeapi.WebhookEndpoint, connect bool, has stripeapi.WebhookEndpoint) plan {
	p := plan{
		Action: actionNone, Connect: connect, Endpoint: want,
		RemovedEvents: without(has.EnabledEvents, want.EnabledEvents), AddedEvents: without(want.EnabledEvents, has.EnabledEvents),
		Enables: has.Status == "disabled", Marks: has.Metadata[markKey] != markValue,
	}
	p.Endpoint.ID, p.Endpoint.Application, p.Endpoint.APIVersion = has.ID, has.Application, has.APIVersion
	p.Endpoint.Description = cmp.Or(has.Description, want.Description)
	if len(p.AddedEvents)+len(p.RemovedEvents) > 0 || p.Enables || p.Marks {
		p.Action = actionUpdate
	}
	if has.APIVersion != want.APIVersion {
		p.Notes = append(p.Notes, fmt.Sprintf("api_version is %s, not %s: Stripe sets it only when an endpoint is created. %s To change it, "+
			"create an endpoint with another URL (a query such as ?version=2 is enough), add its signing secret to STRIPE_ENDPOINT_SECRET, "+
			"and delete this endpoint.", cmp.Or(has.APIVersion, "the account's default"), want.APIVersion, readability(has.APIVersion)))
	}
	return p
}

func readability(version string) string {
	if isReadable(version) {
		return "Tollkeeper reads both."
	}
	return "Tollkeeper was not tested with it."
}

// without are the elements of a that are not in b.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// print writes the plan for a person: lines with + come, lines with - go.
func (p plan) print(w io.Writer) {
	e := p.Endpoint
	var out strings.Builder
	line := func(mark, format string, values ...any) { fmt.Fprintf(&out, mark+" "+format+"\n", values...) }
	switch p.Action {
	case actionCreate:
		fmt.Fprintf(&out, "Stripe has no webhook endpoint for %s. It is to be created:\n", e.URL)
	case actionUpdate:
		fmt.Fprintf(&out, "The webhook endpoint %s for %s is to be changed:\n", e.ID, e.URL)
	case actionNone:
		fmt.Fprintf(&out, "The webhook endpoint %s for %s is as it should be, with %d events.\n", e.ID, e.URL, len(e.EnabledEvents))
	case actionPrint:
		fmt.Fprintf(&out, "The webhook endpoint for %s, which without STRIPE_SECRET_KEY is not compared with Stripe:\n", e.URL)
	}
	if p.Action == actionCreate || p.Action == actionPrint {
		line("+", "url: %s", e.URL)
		line("+", "api_version: %s", e.APIVersion)
		line("+", "connect: %t", p.Connect)
		line("+", "description: %s", e.Description)
	}
	if p.Enables {
		line("-", "status: disabled")
		line("+", "status: enabled")
	}
	if p.Marks || p.Action == actionCreate || p.Action == actionPrint {
		line("+", "metadata: %s=%s", markKey, markValue)
	}
	for _, event := range p.RemovedEvents {
		line("-", "event: %s", event)
	}
	for _, event := range p.AddedEvents {
		line("+", "event: %s", event)
	}
	for _, note := range p.Notes {
		fmt.Fprintf(&out, "Note: %s\n", note)
	}
	_, _ = io.WriteString(w, out.String())
}

// explain adds to an error of Stripe's what to do about it.
func explain(err error, events []string) error {
	var invalid *stripeapi.InvalidError
	var index int
	switch {
	case errors.Is(err, stripeapi.ErrKeyRefused):
		return err
	case errors.Is(err, stripeapi.ErrRefused):
		return fmt.Errorf("%w: reading needs the permission \"Webhook Endpoints: Read\", and --apply \"Webhook Endpoints: Write\"", err)
	case !errors.As(err, &invalid):
		return err
	}
	if n, _ := fmt.Sscanf(invalid.Param, "enabled_events[%d]", &index); n == 1 && index >= 0 && index < len(events) {
		return fmt.Errorf("%w: Stripe does not know the event %s in the API version of this endpoint: create one with another URL and a "+
			"newer --api-version", err, events[index])
	}
	if invalid.Param == "url" {
		return fmt.Errorf("%w: the URL must be one that Stripe can reach", err)
	}
	return err
}
