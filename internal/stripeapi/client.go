// Package stripeapi reads objects and events from Stripe's API through stripe-go, in an API version of our choice. It
// keeps the JSON as Stripe sent it, so that one set of readers serves events and objects.
package stripeapi

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/form"
	"golang.org/x/time/rate"

	"github.com/tollkeeper/tollkeeper/internal/noredirect"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

const (
	// requestTimeout bounds one request.
	requestTimeout = 10 * time.Second
	// defaultRate is how many requests a second a client makes. It leaves most of Stripe's rate limit (100 a second, 25 in a sandbox) to
	// other applications.
	defaultRate = 10
)

// versionHeader is the header that selects the API version of one request. It overrides the version that stripe-go pins.
// See https://docs.stripe.com/api/versioning.
const versionHeader = "Stripe-Version"

// Client reads from Stripe. All calls share one rate limiter, and one pause after a 429. Import and backfill let the
// others go first.
type Client struct {
	backend stripe.Backend
	headers http.Header
	limit   *limiter
	pause   pause
	// circuits keep requests from being sent that Stripe would refuse.
	circuits circuits
}

// New makes a client with an API key that does not change. base is the scheme and host of the API; empty for Stripe's own. version
// is the API version in which Stripe answers; empty for stripejson.NewestVersion.
func New(key, base, version string) *Client {
	return NewWith(func() string { return key }, base, version)
}

// NewWith is New with the function that returns the API key in use. It is asked before each request.
func NewWith(key func() string, base, version string) *Client {
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
		backend: stripe.GetBackendWithConfig(stripe.APIBackend, config),
		headers: http.Header{versionHeader: {cmp.Or(version, stripejson.NewestVersion)}},
		limit:   newLimiter(), circuits: newCircuits(key),
	}
}

// LimitRate sets how many requests a second the client makes. After a pause a fifth of them go at once. Call it before the first
// request.
func (c *Client) LimitRate(perSecond int) {
	c.limit.rate = rate.NewLimiter(rate.Limit(perSecond), max(1, perSecond/5))
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

// Invoice reads an invoice with all its lines. Since 2025-03-31 its payments, which name the payment intent, and the prices
// of the lines are there only if they are expanded. See https://docs.stripe.com/api/invoices/retrieve.
func (c *Client) Invoice(ctx context.Context, account, id string) (Reading, error) {
	if !c.hasInvoicePayments() {
		return c.get(ctx, account, "invoices", id)
	}
	return c.get(ctx, account, "invoices", id, "payments", "lines."+expandedPrice)
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
	at, err := c.call(ctx, foreground, account, resource, pathOf(resource, id), query, &answer)
	if err != nil {
		return Reading{}, fmt.Errorf("get %s %s from Stripe: %w", resource, id, err)
	}
	parsed, err := c.parseWhole(ctx, account, resource, answer.raw)
	if err != nil {
		return Reading{}, fmt.Errorf("get %s %s from Stripe: %w", resource, id, err)
	}
	return Reading{Object: parsed, At: at}, nil
}

// hasInvoicePayments reports whether Stripe is read in an API version in which the payments of an invoice are objects of
// their own. See https://docs.stripe.com/changelog/basil/2025-03-31/add-support-for-multiple-partial-payments-on-invoices.
func (c *Client) hasInvoicePayments() bool { return c.headers.Get(versionHeader) >= "2025-03-31" }
