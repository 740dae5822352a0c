package stripeapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/form"

	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// call makes one GET request once the rate limiter allows it. It returns the response's Reading.At.
func (c *Client) call(
	ctx context.Context, p priority, account, resource, path string, query *form.Values, answer stripe.LastResponseSetter,
) (time.Time, error) {
	return c.send(ctx, http.MethodGet, p, account, resource, path, query, answer)
}

// send makes one request once the rate limiter allows it. It returns the response's Reading.At. If Stripe refuses the API key, or the
// account to it, and another key has come into use meanwhile, the request is made again with that one.
func (c *Client) send(
	ctx context.Context, method string, p priority, account, resource, path string, query *form.Values, answer stripe.LastResponseSetter,
) (time.Time, error) {
	at, err := c.sendOnce(ctx, method, p, account, resource, path, query, answer)
	if refused, ok := errors.AsType[*RefusalError](err); ok && refused.keyIsReplaced {
		return c.sendOnce(ctx, method, p, account, resource, path, query, answer)
	}
	return at, err
}

func (c *Client) sendOnce(
	ctx context.Context, method string, p priority, account, resource, path string, query *form.Values, answer stripe.LastResponseSetter,
) (time.Time, error) {
	if err := c.pause.check(time.Now()); err != nil {
		return time.Time{}, err
	}
	refusable := account[strings.LastIndexByte(account, '/')+1:] // API v2 takes the path to the account, which ends with it
	if err := c.circuits.check(refusable, time.Now()); err != nil {
		return time.Time{}, err
	}
	if err := c.limit.wait(ctx, p); err != nil {
		return time.Time{}, err
	}
	permit, err := c.circuits.begin(refusable, time.Now())
	if err != nil {
		return time.Time{}, err
	}
	params := &stripe.Params{Context: ctx, Headers: c.headers.Clone()}
	setAccount(params, path, account)
	last := lastResponse{LastResponseSetter: answer}
	sent := time.Now()
	err = c.backend.CallRaw(method, path, permit.key, query, params, &last)
	took := time.Since(sent)
	metrics.StripeAPIRequests.WithLabelValues(resource, last.code(err)).Inc()
	refusal := c.endRequest(permit, refusable, err)
	switch {
	case refusal != nil:
		return time.Time{}, refusal
	case err != nil:
		err = explain(ctx, err)
		if wait, limited := RetryAfter(err); limited {
			c.pause.extend(time.Now().Add(wait))
		}
		return time.Time{}, err
	}
	return last.currentFrom(sent, took), nil
}

// endRequest reports to the circuits how a request ended. It returns a *RefusalError if Stripe refused the key or the account.
func (c *Client) endRequest(p permit, account string, err error) error {
	var rejection *stripe.Error
	scope := refusesNothing
	if errors.As(err, &rejection) {
		scope = scopeOf(rejection, account)
	}
	wait, keyIsReplaced := c.circuits.end(p, account, scope, isJudged(err), time.Now())
	switch scope {
	case refusesKey:
		return &RefusalError{wait: wait, request: rejection.RequestID, keyIsReplaced: keyIsReplaced}
	case refusesAccount:
		return &RefusalError{Account: account, wait: wait, request: rejection.RequestID, keyIsReplaced: keyIsReplaced}
	default:
		return nil
	}
}

// setAccount directs a request to an account: API v2 takes the path to it, in another header. See
// https://docs.stripe.com/context.
func setAccount(params *stripe.Params, path, account string) {
	isV2 := strings.HasPrefix(path, "/v2/")
	if isV2 {
		params.Headers.Set(versionHeader, v2Version)
	}
	switch {
	case account == "":
	case isV2:
		params.Headers.Set("Stripe-Context", account)
	default:
		params.StripeAccount = new(account)
	}
}

// pathOf is the path of an object. Its id, which an event may have made up, cannot lead to another one.
func pathOf(resource, id string) string { return "/v1/" + resource + "/" + url.PathEscape(id) }
