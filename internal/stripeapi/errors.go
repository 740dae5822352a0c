package stripeapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"github.com/stripe/stripe-go/v76"

	"github.com/tollkeeper/tollkeeper/internal/noredirect"
)

var (
	// ErrNotFound is in the chain of an error if Stripe does not know the object.
	ErrNotFound = errors.New("stripe does not know the object")
	// ErrCursorGone is in the chain of an error if Stripe does not know the object after which a list was to go on.
	ErrCursorGone = errors.New("stripe does not know the object after which the list goes on")
	// ErrTooLong is in the chain of an error if a list goes on after all that it can honestly hold. Asking again brings the same.
	ErrTooLong = errors.New("stripe's list does not end")
	// ErrRefused is in the chain of an error if the key is not valid, or may not read this. Retrying helps only after a
	// person has changed the key or its permissions.
	ErrRefused = errors.New("refused")
)

// defaultPause follows a 429 without a Retry-After header.
const defaultPause = 5 * time.Second

// rateLimitError is a 429, or a call during the pause after one.
type rateLimitError struct {
	wait    time.Duration
	request string
}

func (e *rateLimitError) Error() string {
	if e.request == "" {
		return fmt.Sprintf("stripe's rate limit was reached, retry in %s", e.wait.Round(time.Second))
	}
	return fmt.Sprintf("stripe's rate limit is reached, retry in %s (request %s)", e.wait, e.request)
}

// refusalError is a 403 that refuses neither the key nor the account (see RefusalError).
type refusalError struct {
	text, request string
	permission    string // Stripe's name of the permission that the key lacks; empty if Stripe does not name it
}

func (e *refusalError) Error() string { return fmt.Sprintf("%s (request %s)", e.text, e.request) }

// Is makes it an ErrRefused.
func (e *refusalError) Is(target error) bool { return target == ErrRefused }

// IsUnavailable reports whether an error of a list says that the API does not have it for this key, account and API version, so
// that asking again does not help: 400, 401, 403 or 404.
func IsUnavailable(err error) bool {
	_, isInvalid := errors.AsType[*InvalidError](err)
	return isInvalid || errors.Is(err, ErrRefused) || errors.Is(err, ErrNotFound)
}

// InvalidError is a 400: Stripe does not accept a parameter.
type InvalidError struct {
	// Param is Stripe's name of the parameter, such as enabled_events[3]; empty if it names none.
	Param         string
	code, request string
}

// paramForm is the form of a parameter's name. Another one may quote a value.
var paramForm = regexp.MustCompile(`^[a-z_]{1,40}(\[[a-z0-9_]{0,40}\]){0,3}$`)

func (e *InvalidError) Error() string {
	return fmt.Sprintf("stripe does not accept the request: parameter %q, code %q (request %s)", e.Param, e.code, e.request)
}

// RetryAfter returns how long to wait before the next call, if Stripe's rate limit was reached, or if Stripe refuses the key
// or the account.
func RetryAfter(err error) (time.Duration, bool) {
	var limited *rateLimitError
	var refused *RefusalError
	switch {
	case errors.As(err, &limited):
		return limited.wait, true
	case errors.As(err, &refused):
		return refused.wait, true
	default:
		return 0, false
	}
}

// explain replaces stripe-go's errors, which quote whole responses and so may hold personal data.
func explain(ctx context.Context, err error) error {
	var rejection *stripe.Error
	var redirected *noredirect.Error
	var unreachable *url.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &rejection):
		return explainRejection(rejection)
	case errors.As(err, &redirected):
		return fmt.Errorf("stripe %w, because the API key would go there: check STRIPE_API_BASE", redirected)
	case errors.As(err, &unreachable):
		return fmt.Errorf("stripe cannot be reached: %w", unreachable.Err)
	default:
		return errors.New("stripe's response cannot be read: it is truncated, too large or not JSON")
	}
}

func explainRejection(rejection *stripe.Error) error {
	if rejection.Code == stripe.ErrorCodeResourceMissing && rejection.Param == "starting_after" {
		return fmt.Errorf("%w (request %s)", ErrCursorGone, rejection.RequestID)
	}
	switch rejection.HTTPStatusCode {
	case http.StatusNotFound:
		return fmt.Errorf("%w (request %s)", ErrNotFound, rejection.RequestID)
	case http.StatusTooManyRequests:
		wait := defaultPause
		if rejection.LastResponse != nil {
			if seconds, err := strconv.Atoi(rejection.LastResponse.Header.Get("Retry-After")); err == nil && seconds > 0 {
				wait = time.Duration(min(seconds, 3600)) * time.Second
			}
		}
		return &rateLimitError{wait: wait, request: rejection.RequestID}
	case http.StatusForbidden:
		return &refusalError{"the API key may not read this: give the restricted key that permission in Stripe", rejection.RequestID, permissionIn(rejection.Msg)}
	case http.StatusBadRequest:
		param := rejection.Param
		if !paramForm.MatchString(param) {
			param = ""
		}
		return &InvalidError{Param: param, code: string(rejection.Code), request: rejection.RequestID}
	default:
		return fmt.Errorf("stripe answered %d, type %q, code %q (request %s)",
			rejection.HTTPStatusCode, rejection.Type, rejection.Code, rejection.RequestID)
	}
}
