package importer

import (
	"context"
	"errors"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/readings"
	"github.com/tollkeeper/tollkeeper/internal/panics"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

// usesFeatures reports whether the account uses Entitlements, as far as the key may know.
func (r *run) usesFeatures(ctx context.Context) (bool, error) {
	if r.Features == nil {
		return false, nil
	}
	return r.Features.Uses(ctx, r.account)
}

// takeFeatures puts in the features of a page of customers. Stripe lists them customer by customer, so it is asked only about
// those with a subscription that has not ended: with the others, the features have gone.
func (r *run) takeFeatures(ctx context.Context, page stripeapi.Page) error {
	batches := map[string]*readings.Batch{}
	for _, item := range page.Items {
		object, err := stripejson.Parse(item)
		if err != nil {
			continue // refused before
		}
		var customer v1alpha1.Customer
		id := object.ID("id")
		isThere, err := r.get(ctx, &customer, id)
		switch {
		case err != nil:
			return err
		case !isThere || !projection.HasRunningSubscription(&customer.Status):
			continue
		}
		e, err := r.readFeatures(ctx, id)
		_, isPause := stripeapi.RetryAfter(err) // it is about every request, not about features alone
		switch {
		case errors.Is(err, stripeapi.ErrRefused) && !isPause, errors.Is(err, errNotReadable), errors.Is(err, stripeapi.ErrTooLong):
			r.refuse("features", item, err)
		case err != nil:
			return err
		default:
			r.count("features", imported)
			batch := r.batchOf(batches, id, page)
			batch.Objects, batch.At = append(batch.Objects, e), e.Created.Time
		}
	}
	return r.deliver(ctx, batches)
}

var errNotReadable = errors.New("not readable")

// readFeatures reads the features of a customer from Stripe.
func (r *run) readFeatures(ctx context.Context, customerID string) (e *projection.Event, err error) {
	answer, err := r.Source.ImportActiveEntitlements(ctx, r.account, customerID)
	if err != nil {
		return nil, err
	}
	err = panics.Catch(func() (err error) {
		e, err = r.Decoder.Reading(r.account, answer.Object, answer.At)
		return err
	})
	if err != nil {
		return nil, errors.Join(errNotReadable, err)
	}
	return e, nil
}
