package retry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"k8s.io/utils/clock"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/routing"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// eventsKept is how long Stripe returns an event by its id. See https://docs.stripe.com/api/events.
const eventsKept = 30 * 24 * time.Hour

// Source reads an event from Stripe again, or an object: *stripeapi.Client.
type Source interface {
	Event(ctx context.Context, account, id string) (json.RawMessage, error)
	Object(ctx context.Context, account, kind, id string) (json.RawMessage, time.Time, error)
}

// Chance decides whether a settled event can be handled once more, and reads it from Stripe again if it must.
type Chance struct {
	// Stripe is nil without a key.
	Stripe  Source
	Decoder events.Decoder
	// Scope selects the events that are applied.
	Scope routing.Scope
	Clock clock.PassiveClock
}

// Of returns the event as it was read again; nil if what is recorded can be applied. If the event cannot be retried, refusal
// says why, and what to do. An error is Stripe's: a later attempt may succeed.
func (c Chance) Of(ctx context.Context, e *v1alpha1.BillingEvent) (refetched *v1alpha1.BillingEventSpec, refusal string, err error) {
	if refusal := c.outOfScope(e); refusal != "" {
		return nil, refusal, nil
	}
	if !events.LacksRecord(e.Content()) {
		return nil, "", nil
	}
	if c.Stripe == nil {
		return nil, "The event has no record that can be applied, and without a Stripe key it cannot be read again. Set STRIPE_SECRET_KEY " +
			"within 30 days of the event, and retry it." + causeOf(e), nil
	}
	refetched, err = c.readAgain(ctx, &e.Spec)
	bad, isUnusable := errors.AsType[unusable](err)
	switch {
	case errors.Is(err, stripeapi.ErrNotFound) && e.Spec.NotifiedBy != "":
		return nil, fmt.Sprintf("Stripe does not have the %s %s any more.", e.Spec.ObjectKind, e.Spec.ObjectID) + causeOf(e), nil
	case errors.Is(err, stripeapi.ErrNotFound):
		return nil, "Stripe does not have this event any more: it keeps events for 30 days. To get the present state of the customer, annotate " +
			"its Customer with " + v1alpha1.AnnotationResync + "." + causeOf(e), nil
	case isUnusable:
		return nil, fmt.Sprintf("The event was read from Stripe again and still cannot be used: %s. Look for a newer version of Tollkeeper, "+
			"and retry the event within 30 days. To get the present state of the customer, annotate its Customer with %s.",
			bad, v1alpha1.AnnotationResync), nil
	default:
		return refetched, "", err
	}
}

// unusable is why what Stripe returned cannot be applied. Asking again brings the same.
type unusable struct{ error }

// readAgain reads the event from Stripe. If a thin event announced it, Stripe has no such event: then it reads the object.
func (c Chance) readAgain(ctx context.Context, recorded *v1alpha1.BillingEventSpec) (*v1alpha1.BillingEventSpec, error) {
	var body json.RawMessage
	var err error
	refetch := c.Decoder.Refetch
	if recorded.NotifiedBy == "" {
		body, err = c.Stripe.Event(ctx, recorded.Account, recorded.EventID)
	} else {
		body, _, err = c.Stripe.Object(ctx, recorded.Account, recorded.ObjectKind, recorded.ObjectID)
		refetch = func(recorded *v1alpha1.BillingEventSpec, body []byte) (*v1alpha1.BillingEventSpec, error) {
			return c.Decoder.RefetchObject(recorded, body)
		}
	}
	if err != nil {
		return nil, err
	}
	refetched, err := refetch(recorded, body)
	if err != nil {
		return nil, unusable{err}
	}
	return refetched, nil
}

// causeOf is the sentence that says why the event cannot be applied as it was recorded; empty if its type was not handled.
func causeOf(e *v1alpha1.BillingEvent) string {
	if e.Spec.DecodeError == "" {
		return ""
	}
	return " What was wrong: " + e.Spec.DecodeError + "."
}

// outOfScope says why a Recorded event would be Recorded again; empty if it would not.
func (c Chance) outOfScope(e *v1alpha1.BillingEvent) string {
	switch {
	case e.Status.Outcome != v1alpha1.OutcomeRecorded:
		return ""
	case !c.Scope.IncludesAccount(e), e.Status.Reason == v1alpha1.RecordedOtherAccount && !c.Scope.Accounts.Includes(e.Spec.Account):
		return fmt.Sprintf("The connected account %s is still not let in: add it to --accounts. Then the event is applied without a retry.",
			e.Spec.Account)
	case !c.Scope.CoversMode(e):
		return "The operator still applies events of Stripe's other mode only: change --livemode. Then the event is applied without a retry."
	case !events.IsApplied(e.Content()):
		return "This version of Tollkeeper still does not handle such events. A version that does applies the event without a retry, " +
			"if Stripe still has it."
	default:
		return ""
	}
}
