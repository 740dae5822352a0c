package endpoint

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

const (
	// checkInterval is the time between two checks.
	checkInterval = time.Hour
	// firstRetry is the delay after a check that failed. It doubles with each further one, up to checkInterval.
	firstRetry = time.Minute
)

// The states of the check in /readyz?verbose, beside the problems.
const (
	stateNotLeading = "NotLeading"
	stateNotChecked = "NotChecked"
	stateComplete   = "SendsAll"
)

// stateOf is the word for a problem in /readyz?verbose.
var stateOf = map[problem]string{
	notFound: "NotFound", disabled: "Disabled", missingEvents: "LacksEvents", apiVersion: "UnsupportedAPIVersion",
}

// Source lists what Stripe posts events to: *stripeapi.Client.
type Source interface {
	WebhookEndpoints(ctx context.Context) ([]stripeapi.WebhookEndpoint, error)
	EventDestinations(ctx context.Context) ([]stripeapi.EventDestination, error)
}

// Checker checks at start and once in an hour whether Stripe posts every event that is handled. It runs on the leader only,
// and changes nothing. Its result is in the log, in metrics and in the name of a check that never fails.
type Checker struct {
	Source Source
	// URL is the URL of the endpoint; empty for every endpoint whose path ends in Path.
	URL, Path string
	Clock     clock.Clock
	Log       logr.Logger

	state  atomic.Pointer[string]
	logged string // what the log said last; belongs to the goroutine of Start
}

// State is a word for the last result.
func (c *Checker) State() string {
	if state := c.state.Load(); state != nil {
		return *state
	}
	return stateNotLeading
}

// NeedLeaderElection makes the manager run the check on the leader only.
func (c *Checker) NeedLeaderElection() bool { return true }

// Start checks until ctx ends.
func (c *Checker) Start(ctx context.Context) error {
	retry := firstRetry
	for {
		wait := checkInterval
		switch err := c.check(ctx); {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			wait, retry = retry, min(2*retry, checkInterval)
			if least, limited := stripeapi.RetryAfter(err); limited {
				wait = max(wait, least)
			}
		default:
			retry = firstRetry
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.Clock.After(wait):
		}
	}
}

// check reads the endpoints and publishes what it finds. It returns an error if it is to be repeated soon.
func (c *Checker) check(ctx context.Context) error {
	found, err := c.look(ctx)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		c.publish(stateNotChecked, nil, "The webhook endpoint is not checked", "reason", reason(err))
		if errors.Is(err, stripeapi.ErrRefused) && !errors.Is(err, stripeapi.ErrKeyRefused) {
			return nil // until a person gives the key the permission
		}
		return err
	case len(found) == 0:
		c.publish(stateComplete, nil, "The webhook endpoint sends every event that is handled", "events", len(events.ToSend()))
		return nil
	}
	texts := make([]string, len(found))
	for i, f := range found {
		texts[i] = f.text
	}
	c.publish(worst(found), found, "The webhook endpoint in Stripe has a problem: run `manager "+CommandName+"` to see and make the change",
		"problem", strings.Join(texts, "; "))
	return nil
}

// look reads the endpoints and judges them. It reads event destinations only if it finds no endpoint: those of thin events
// are no endpoints of API v1.
func (c *Checker) look(ctx context.Context) ([]finding, error) {
	endpoints, err := c.Source.WebhookEndpoints(ctx)
	if err != nil {
		return nil, err
	}
	here := leadHere(sendersOf(endpoints, nil), c.URL, c.Path)
	if len(here) == 0 {
		destinations, err := c.Source.EventDestinations(ctx)
		if err != nil {
			return nil, err
		}
		here = leadHere(sendersOf(nil, destinations), c.URL, c.Path)
	}
	return inspect(here, c.URL, c.Path), nil
}

// reason is the cause of a failed check, without what differs each time.
func reason(err error) string {
	switch {
	case errors.Is(err, stripeapi.ErrKeyRefused):
		return "Stripe refuses the API key"
	case errors.Is(err, stripeapi.ErrRefused):
		return "the API key may not read webhook endpoints: give the restricted key the permission Webhook Endpoints: Read"
	default:
		return "Stripe could not be read"
	}
}

// worst is the state for the gravest problem.
func worst(found []finding) string {
	for _, p := range problems {
		for _, f := range found {
			if f.problem == p {
				return stateOf[p]
			}
		}
	}
	return stateComplete
}

// publish sets state and metrics, and logs a change.
func (c *Checker) publish(state string, found []finding, message, key string, value any) {
	c.state.Store(&state)
	if state == stateNotChecked { // what was found before still holds, as far as is known
		metrics.EndpointChecked.Set(0)
	} else {
		metrics.EndpointChecked.Set(1)
		count(found)
	}
	text := message
	if said, ok := value.(string); ok {
		text += said
	}
	if text == c.logged {
		return
	}
	c.logged = text
	c.Log.Info(message, key, value)
}

// count sets the metric of the problems.
func count(found []finding) {
	counts := map[problem]int{}
	for _, f := range found {
		counts[f.problem] += f.count
	}
	for _, p := range problems {
		metrics.EndpointProblems.WithLabelValues(string(p)).Set(float64(counts[p]))
	}
}
