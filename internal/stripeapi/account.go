package stripeapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/stripe/stripe-go/v76"

	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// namedAccount finds the account in Stripe's answer to a restricted key that may not read it: "The provided key 'rk_live_***' does
// not have the required permissions for this endpoint on account 'acct_1…'."
var namedAccount = regexp.MustCompile(`on account '(acct_[A-Za-z0-9]+)'`)

// AccountOf asks Stripe which account an API key is of. The account is empty if Stripe accepts the key and does not say. The error
// is an ErrKeyRefused if Stripe refuses the key; any other one means that it is not known. The key in use is not touched.
// See https://docs.stripe.com/api/accounts/retrieve.
func (c *Client) AccountOf(ctx context.Context, key string) (string, error) {
	if err := c.pause.check(time.Now()); err != nil {
		return "", err
	}
	if err := c.limit.wait(ctx, foreground); err != nil {
		return "", err
	}
	var answer struct {
		stripe.APIResource
		ID string `json:"id"`
	}
	last := lastResponse{LastResponseSetter: &answer}
	params := &stripe.Params{Context: ctx, Headers: c.headers.Clone()}
	err := c.backend.CallRaw(http.MethodGet, "/v1/account", key, nil, params, &last)
	metrics.StripeAPIRequests.WithLabelValues("account", last.code(err)).Inc()
	rejection, isAnswer := errors.AsType[*stripe.Error](err)
	switch {
	case err == nil:
		return answer.ID, nil
	case isAnswer && scopeOf(rejection, "") == refusesKey:
		return "", &RefusalError{wait: time.Second, request: rejection.RequestID}
	case isAnswer && isJudged(err):
		if named := namedAccount.FindStringSubmatch(rejection.Msg); named != nil {
			return named[1], nil
		}
		return "", nil
	default:
		return "", fmt.Errorf("ask Stripe for the account of a key: %w", explain(ctx, err))
	}
}
