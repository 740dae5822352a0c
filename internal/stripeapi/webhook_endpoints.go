package stripeapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/form"
)

const webhookEndpoints = "webhook_endpoints"

// WebhookEndpoint is where Stripe posts an account's events to. See https://docs.stripe.com/api/webhook_endpoints/object.
type WebhookEndpoint struct {
	// ID is Stripe's id (we_…).
	ID string `json:"id,omitempty"`
	// URL is where the events are posted to.
	URL string `json:"url"`
	// EnabledEvents are the types that are posted; "*" stands for all that need not be named.
	EnabledEvents []string `json:"enabled_events"`
	// APIVersion is the version in whose shape the events are posted; empty for the account's default. It is fixed when the
	// endpoint is created.
	APIVersion string `json:"api_version"`
	// Application is the platform's Connect application, if the endpoint receives the events of connected accounts; else
	// empty.
	Application string `json:"application,omitempty"`
	// Status is "enabled" or "disabled".
	Status string `json:"status,omitempty"`
	// Description is shown in Stripe's dashboard.
	Description string            `json:"description"`
	Metadata    map[string]string `json:"metadata"`
	// Secret signs the events. Stripe returns it once: when the endpoint is created.
	Secret string `json:"secret,omitempty"`
}

// WebhookEndpoints lists the account's webhook endpoints. See https://docs.stripe.com/api/webhook_endpoints/list.
func (c *Client) WebhookEndpoints(ctx context.Context) ([]WebhookEndpoint, error) {
	var endpoints []WebhookEndpoint
	for page, err := range c.wholeList(ctx, listing{resource: webhookEndpoints}) {
		if err != nil {
			return nil, fmt.Errorf("list webhook endpoints of Stripe: %w", err)
		}
		for _, item := range page.Items {
			var endpoint WebhookEndpoint
			if err := json.Unmarshal(item, &endpoint); err != nil {
				return nil, errors.New("list webhook endpoints of Stripe: an endpoint cannot be read")
			}
			endpoints = append(endpoints, endpoint)
		}
	}
	return endpoints, nil
}

// CreateWebhookEndpoint creates an endpoint for the account's own events, or with connect for those of the connected
// accounts. The result has the signing secret. See https://docs.stripe.com/api/webhook_endpoints/create.
func (c *Client) CreateWebhookEndpoint(ctx context.Context, e WebhookEndpoint, connect bool) (WebhookEndpoint, error) {
	values := e.values()
	values.Add("url", e.URL)
	if e.APIVersion != "" {
		values.Add("api_version", e.APIVersion)
	}
	if connect {
		values.Add("connect", "true")
	}
	created, err := c.postEndpoint(ctx, "/v1/"+webhookEndpoints, values)
	if err != nil {
		return WebhookEndpoint{}, fmt.Errorf("create the webhook endpoint in Stripe: %w", err)
	}
	return created, nil
}

// UpdateWebhookEndpoint sets the events, the description and the metadata of the endpoint with the ID, and enables it. Other
// metadata stays. See https://docs.stripe.com/api/webhook_endpoints/update.
func (c *Client) UpdateWebhookEndpoint(ctx context.Context, e WebhookEndpoint) (WebhookEndpoint, error) {
	values := e.values()
	values.Add("disabled", "false")
	updated, err := c.postEndpoint(ctx, "/v1/"+webhookEndpoints+"/"+url.PathEscape(e.ID), values)
	if err != nil {
		return WebhookEndpoint{}, fmt.Errorf("update the webhook endpoint %s in Stripe: %w", e.ID, err)
	}
	return updated, nil
}

// values are the fields that can be set at any time, as Stripe's form.
func (e WebhookEndpoint) values() *form.Values {
	values := &form.Values{}
	for i, event := range e.EnabledEvents {
		values.Add(fmt.Sprintf("enabled_events[%d]", i), event)
	}
	values.Add("description", e.Description)
	keys := make([]string, 0, len(e.Metadata))
	for key := range e.Metadata {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		values.Add("metadata["+key+"]", e.Metadata[key])
	}
	return values
}

func (c *Client) postEndpoint(ctx context.Context, path string, values *form.Values) (WebhookEndpoint, error) {
	var answer struct {
		stripe.APIResource
		WebhookEndpoint
	}
	if _, err := c.send(ctx, http.MethodPost, foreground, "", webhookEndpoints, path, values, &answer); err != nil {
		return WebhookEndpoint{}, err
	}
	return answer.WebhookEndpoint, nil
}

// EventDestination is a webhook endpoint of Stripe's newer kind, which gets thin events or snapshots. See
// https://docs.stripe.com/api/v2/core/event-destinations/object.
type EventDestination struct {
	ID string `json:"id"`
	// EnabledEvents are the types that are posted. Those about objects of API v1 begin with "v1." if the events are thin.
	EnabledEvents []string `json:"enabled_events"`
	// EventPayload is "thin" or "snapshot".
	EventPayload string `json:"event_payload"`
	// Status is "enabled" or "disabled".
	Status          string `json:"status"`
	WebhookEndpoint *struct {
		URL string `json:"url"`
	} `json:"webhook_endpoint"`
}

// EventDestinations lists the first hundred event destinations of the account. See
// https://docs.stripe.com/api/v2/core/event-destinations/list.
func (c *Client) EventDestinations(ctx context.Context) ([]EventDestination, error) {
	var answer struct {
		stripe.APIResource
		Data []EventDestination `json:"data"`
	}
	query := &form.Values{}
	query.Add("limit", "100")
	query.Add("include[0]", "webhook_endpoint.url")
	if _, err := c.call(ctx, foreground, "", "event_destinations", "/v2/core/event_destinations", query, &answer); err != nil {
		return nil, fmt.Errorf("list event destinations of Stripe: %w", err)
	}
	return answer.Data, nil
}
