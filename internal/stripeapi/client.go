// Package stripeapi reads objects and events from Stripe's API through stripe-go, at its pinned API version. It keeps the JSON as it
// came, so that the same readers read it as read an event's.
package stripeapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/form"
	"golang.org/x/time/rate"

	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

const (
	// requestTimeout bounds one request.
	requestTimeout = 10 * time.Second
	// requestsPerSecond leaves most of Stripe's limit (100 a second, 25 in a sandbox) to the applications.
	requestsPerSecond = 10
	// maxAnswer bounds what is read of an answer: a page of a hundred events has some hundred KiB.
	maxAnswer = 32 << 20
)

// Client asks Stripe. All its methods share one limit of requests, and one pause after a 429.
type Client struct {
	backend stripe.Backend
	key     string
	limit   *rate.Limiter
	pause   pause
}

// New makes a client with the key. base is scheme and host of the API; empty for Stripe's own.
func New(key, base string) *Client {
	config := &stripe.BackendConfig{
		HTTPClient:        &http.Client{Timeout: requestTimeout, Transport: bounded{http.DefaultTransport}},
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull}, // it would log bodies
		MaxNetworkRetries: new(int64(0)),                                  // who asks backs off
		EnableTelemetry:   new(false),
	}
	if base != "" {
		config.URL = new(base)
	}
	return &Client{
		backend: stripe.GetBackendWithConfig(stripe.APIBackend, config), key: key,
		limit: rate.NewLimiter(requestsPerSecond, requestsPerSecond),
	}
}

// Reading is an object as Stripe had it.
type Reading struct {
	// Object is the object.
	Object stripejson.Object
	// At is a moment, in whole seconds, from which the object is known to be current: all that happened to it before is in it. It is
	// the Date of Stripe's answer less the time that the request took: Stripe's clock, which stamps the events too, and never later
	// than the moment of reading.
	At time.Time
}

// Customer reads a customer. Of a deleted one Stripe tells only that. See https://docs.stripe.com/api/customers/retrieve.
func (c *Client) Customer(ctx context.Context, account, id string) (Reading, error) {
	return c.get(ctx, account, "customers", id)
}

// Subscription reads a subscription, ended or not. See https://docs.stripe.com/api/subscriptions/retrieve.
func (c *Client) Subscription(ctx context.Context, account, id string) (Reading, error) {
	return c.get(ctx, account, "subscriptions", id)
}

// Charge reads a charge. See https://docs.stripe.com/api/charges/retrieve.
func (c *Client) Charge(ctx context.Context, account, id string) (Reading, error) {
	return c.get(ctx, account, "charges", id)
}

// PaymentIntent reads a payment intent. See https://docs.stripe.com/api/payment_intents/retrieve.
func (c *Client) PaymentIntent(ctx context.Context, account, id string) (Reading, error) {
	return c.get(ctx, account, "payment_intents", id)
}

// Dispute reads a dispute. See https://docs.stripe.com/api/disputes/retrieve.
func (c *Client) Dispute(ctx context.Context, account, id string) (Reading, error) {
	return c.get(ctx, account, "disputes", id)
}

func (c *Client) get(ctx context.Context, account, resource, id string) (Reading, error) {
	var answer object
	at, err := c.call(ctx, account, resource, "/v1/"+resource+"/"+id, nil, &answer)
	if err != nil {
		return Reading{}, fmt.Errorf("get %s %s from Stripe: %w", resource, id, err)
	}
	parsed, err := stripejson.Parse(answer.raw)
	if err != nil {
		return Reading{}, fmt.Errorf("get %s %s from Stripe: %w", resource, id, err)
	}
	return Reading{Object: parsed, At: at}, nil
}

// object is an answer that is left as it came.
type object struct {
	stripe.APIResource
	raw json.RawMessage
}

func (o *object) UnmarshalJSON(text []byte) error {
	o.raw = append(o.raw, text...)
	return nil
}

// call makes one GET request, when the limit lets it, and returns from when the answer is current.
func (c *Client) call(
	ctx context.Context, account, resource, path string, query *form.Values, answer stripe.LastResponseSetter,
) (time.Time, error) {
	if err := c.pause.over(time.Now()); err != nil {
		return time.Time{}, err
	}
	if err := c.limit.Wait(ctx); err != nil {
		return time.Time{}, fmt.Errorf("wait for the limit of requests: %w", err)
	}
	params := &stripe.Params{Context: ctx}
	if account != "" {
		params.StripeAccount = new(account)
	}
	last := lastResponse{LastResponseSetter: answer}
	sent := time.Now()
	err := c.backend.CallRaw(http.MethodGet, path, c.key, query, params, &last)
	took := time.Since(sent)
	metrics.StripeAPIRequests.WithLabelValues(resource, last.code(err)).Inc()
	if err != nil {
		err = explain(ctx, err)
		if wait, limited := RetryAfter(err); limited {
			c.pause.until(time.Now().Add(wait))
		}
		return time.Time{}, err
	}
	return last.current(sent, took), nil
}

// lastResponse keeps the response's head.
type lastResponse struct {
	stripe.LastResponseSetter
	response *stripe.APIResponse
}

// SetLastResponse is called by stripe-go.
func (l *lastResponse) SetLastResponse(response *stripe.APIResponse) {
	l.response = response
	l.LastResponseSetter.SetLastResponse(response)
}

// UnmarshalJSON reads the answer.
func (l *lastResponse) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, l.LastResponseSetter)
}

// current is the moment from which the answer is known to be current.
func (l *lastResponse) current(sent time.Time, took time.Duration) time.Time {
	at := sent
	if date, err := http.ParseTime(l.response.Header.Get("Date")); err == nil {
		at = date.Add(-took)
	}
	return at.UTC().Truncate(time.Second)
}

// code is the answer's status code as a metric label.
func (l *lastResponse) code(err error) string {
	var refused *stripe.Error
	switch {
	case asStripe(err, &refused):
		return strconv.Itoa(refused.HTTPStatusCode)
	case l.response != nil:
		return strconv.Itoa(l.response.StatusCode)
	default:
		return "error"
	}
}

// bounded reads no more of an answer than it may have.
type bounded struct{ http.RoundTripper }

// RoundTrip makes the request.
func (b bounded) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := b.RoundTripper.RoundTrip(request)
	if err == nil {
		response.Body = http.MaxBytesReader(nil, response.Body, maxAnswer)
	}
	return response, err
}
