package stripeapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// ErrNotFound is what an error is when Stripe does not know the object.
var ErrNotFound = errors.New("stripe does not know it")

// defaultPause follows a 429 that does not say how long to wait.
const defaultPause = 5 * time.Second

// limitedError is a 429.
type limitedError struct {
	wait    time.Duration
	request string
}

func (e *limitedError) Error() string {
	if e.request == "" {
		return fmt.Sprintf("stripe's limit of requests was reached, ask again in %s", e.wait.Round(time.Second))
	}
	return fmt.Sprintf("stripe's limit of requests is reached, ask again in %s (request %s)", e.wait, e.request)
}

// RetryAfter says how long to wait before asking again, if Stripe's limit of requests was reached.
func RetryAfter(err error) (time.Duration, bool) {
	var limited *limitedError
	if !errors.As(err, &limited) {
		return 0, false
	}
	return limited.wait, true
}

func asStripe(err error, target **stripe.Error) bool { return errors.As(err, target) }

// explain says what went wrong in our words. stripe-go's own hold whole answers, and with them personal data.
func explain(ctx context.Context, err error) error {
	var refused *stripe.Error
	var unreachable *url.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case asStripe(err, &refused):
		return explainRefusal(refused)
	case errors.As(err, &unreachable):
		return fmt.Errorf("stripe cannot be reached: %w", unreachable.Err)
	default:
		return errors.New("stripe's answer cannot be read: it is cut off, too large or not JSON")
	}
}

func explainRefusal(refused *stripe.Error) error {
	switch refused.HTTPStatusCode {
	case http.StatusNotFound:
		return fmt.Errorf("%w (request %s)", ErrNotFound, refused.RequestID)
	case http.StatusTooManyRequests:
		wait := defaultPause
		if refused.LastResponse != nil {
			if seconds, err := strconv.Atoi(refused.LastResponse.Header.Get("Retry-After")); err == nil && seconds > 0 {
				wait = time.Duration(min(seconds, 3600)) * time.Second
			}
		}
		return &limitedError{wait: wait, request: refused.RequestID}
	case http.StatusUnauthorized:
		return fmt.Errorf("stripe refuses the key: check STRIPE_SECRET_KEY (request %s)", refused.RequestID)
	case http.StatusForbidden:
		return fmt.Errorf("the key may not read this: give the restricted key that permission (request %s)", refused.RequestID)
	default:
		return fmt.Errorf("stripe answered %d, type %q, code %q (request %s)",
			refused.HTTPStatusCode, refused.Type, refused.Code, refused.RequestID)
	}
}

// pause holds everybody up after a 429.
type pause struct {
	mutex sync.Mutex
	end   time.Time
}

func (p *pause) until(end time.Time) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if end.After(p.end) {
		p.end = end
	}
}

// over says whether the pause is over. Who asks in it is told how long it lasts, and need not wait here for it.
func (p *pause) over(now time.Time) error {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if left := p.end.Sub(now); left > 0 {
		return &limitedError{wait: left}
	}
	return nil
}
