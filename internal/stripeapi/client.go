// Package stripeapi reads objects and events from Stripe's API through stripe-go, in the API version that stripe-go
// pins. It keeps the JSON as Stripe sent it, so that one set of readers serves events and objects.
package stripeapi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/form"

	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/noredirect"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

const (
	// requestTimeout bounds one request.
	requestTimeout = 10 * time.Second
	// requestsPerSecond leaves most of Stripe's rate limit (100 a second, 25 in a sandbox) to other applications.
	requestsPerSecond = 10
)

// Client reads from Stripe. All calls share one rate limiter, and one pause after a 429. Import and backfill let the
// others go first.
type Client struct {
	backend stripe.Backend
	key     string
	limit   *limiter
	pause   pause
}

// New makes a client with the API key. base is the scheme and host of the API; empty for Stripe's own.
func New(key, base string) *Client {
	config := &stripe.BackendConfig{
		HTTPClient:        &http.Client{Timeout: requestTimeout, Transport: boundedTransport{noredirect.Transport{RoundTripper: http.DefaultTransport}}},
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull}, // it would log response bodies
		MaxNetworkRetries: new(int64(0)),                                  // callers back off
		EnableTelemetry:   new(false),
	}
	if base != "" {
		config.URL = new(base)
	}
	return &Client{
		backend: stripe.GetBackendWithConfig(stripe.APIBackend, config), key: key,
		limit: newLimiter(),
	}
}

// Reading is an object as read from Stripe's API.
type Reading struct {
	// Object is the object.
	Object stripejson.Object
	// At is a time, in whole seconds, from which the object is known to be current: everything before it is in the
	// object. It is the Date of Stripe's response minus the duration of the request. So it is on Stripe's clock, like
	// the events' times, and never too late. Example: a request sent at 12:00:00 that returns at 12:00:02 gives
	// 12:00:00.
	At time.Time
}

// Customer reads a customer. For a deleted customer Stripe returns its id and the flag deleted only. See
// https://docs.stripe.com/api/customers/retrieve.
func (c *Client) Customer(ctx context.Context, account, id string) (Reading, error) {
	return c.get(ctx, account, "customers", id)
}

// Subscription reads a subscription, ended or not. See https://docs.stripe.com/api/subscriptions/retrieve.
func (c *Client) Subscription(ctx context.Context, account, id string) (Reading, error) {
	return c.get(ctx, account, "subscriptions", id)
}

// CheckoutSession reads a checkout session, with its subscription as an expanded object. See
// https://docs.stripe.com/api/checkout/sessions/retrieve.
func (c *Client) CheckoutSession(ctx context.Context, account, id string) (Reading, error) {
	return c.get(ctx, account, sessions, id, "subscription")
}

// Charge reads a charge. See https://docs.stripe.com/api/charges/retrieve.
func (c *Client) Charge(ctx context.Context, account, id string) (Reading, error) {
	return c.get(ctx, account, "charges", id)
}

// Invoice reads an invoice. See https://docs.stripe.com/api/invoices/retrieve.
func (c *Client) Invoice(ctx context.Context, account, id string) (Reading, error) {
	return c.get(ctx, account, "invoices", id)
}

// PaymentIntent reads a payment intent. See https://docs.stripe.com/api/payment_intents/retrieve.
func (c *Client) PaymentIntent(ctx context.Context, account, id string) (Reading, error) {
	return c.get(ctx, account, "payment_intents", id)
}

// Dispute reads a dispute. See https://docs.stripe.com/api/disputes/retrieve.
func (c *Client) Dispute(ctx context.Context, account, id string) (Reading, error) {
	return c.get(ctx, account, "disputes", id)
}

// Product reads a product. For a deleted product Stripe returns its id and the flag deleted only. See
// https://docs.stripe.com/api/products/retrieve.
func (c *Client) Product(ctx context.Context, account, id string) (Reading, error) {
	return c.get(ctx, account, "products", id)
}

func (c *Client) get(ctx context.Context, account, resource, id string, expand ...string) (Reading, error) {
	var answer rawObject
	var query *form.Values
	if len(expand) > 0 {
		query = &form.Values{}
	}
	for _, field := range expand {
		query.Add("expand[]", field)
	}
	at, err := c.call(ctx, foreground, account, resource, "/v1/"+resource+"/"+url.PathEscape(id), query, &answer)
	if err != nil {
		return Reading{}, fmt.Errorf("get %s %s from Stripe: %w", resource, id, err)
	}
	parse := func() (stripejson.Object, error) { return stripejson.Parse(answer.raw) }
	switch resource {
	case "subscriptions":
		parse = func() (stripejson.Object, error) { return c.parseSubscription(ctx, account, answer.raw) }
	case sessions:
		parse = func() (stripejson.Object, error) { return c.parseSession(ctx, account, answer.raw) }
	}
	parsed, err := parse()
	if err != nil {
		return Reading{}, fmt.Errorf("get %s %s from Stripe: %w", resource, id, err)
	}
	return Reading{Object: parsed, At: at}, nil
}

// call makes one GET request once the rate limiter allows it. It returns the response's Reading.At.
func (c *Client) call(
	ctx context.Context, p priority, account, resource, path string, query *form.Values, answer stripe.LastResponseSetter,
) (time.Time, error) {
	if err := c.pause.check(time.Now()); err != nil {
		return time.Time{}, err
	}
	if err := c.limit.wait(ctx, p); err != nil {
		return time.Time{}, err
	}
	params := &stripe.Params{Context: ctx}
	setAccount(params, path, account)
	last := lastResponse{LastResponseSetter: answer}
	sent := time.Now()
	err := c.backend.CallRaw(http.MethodGet, path, c.key, query, params, &last)
	took := time.Since(sent)
	metrics.StripeAPIRequests.WithLabelValues(resource, last.code(err)).Inc()
	if err != nil {
		err = explain(ctx, err)
		if wait, limited := RetryAfter(err); limited {
			c.pause.extend(time.Now().Add(wait))
		}
		return time.Time{}, err
	}
	return last.currentFrom(sent, took), nil
}
