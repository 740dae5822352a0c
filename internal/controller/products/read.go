package products

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/metrics"
	"github.com/tollkeeper/tollkeeper/internal/panics"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripeaccount"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// patience is how long a refusal by Stripe, or an answer that cannot be used, counts before Stripe is asked again.
const patience = time.Minute

// ErrNotReadable is in the chain of an error if what a product grants cannot be read for now: the key may not read
// products, or the answer cannot be used. It must not hold up what else is read of a customer.
var ErrNotReadable = errors.New("the product cannot be read")

// refusal is Stripe's last refusal to let the key read an account's products.
type refusal struct {
	until time.Time
	err   error
}

// answerError is an answer that cannot be used.
type answerError struct {
	until time.Time
	err   error
}

// Read returns a reading of the product that is current from notBefore on, or later. It asks Stripe only if it has no such
// reading: once for all customers that ask meanwhile. A product that Stripe does not know is a reading too.
func (c *Cache) Read(ctx context.Context, account, id string, notBefore time.Time) (*projection.Event, error) {
	k := key{account, id}
	if e, err := c.remembered(k, notBefore); e != nil || err != nil {
		return e, err
	}
	read, err, _ := c.flights.Do(account+"/"+id, func() (any, error) {
		if e, err := c.remembered(k, notBefore); e != nil || err != nil {
			return e, err // another flight has ended since
		}
		return c.ask(ctx, k)
	})
	if err != nil {
		return nil, err
	}
	return read.(*projection.Event), nil
}

// remembered returns the last reading if it is current enough, or why Stripe is not asked now; neither if it is to be.
func (c *Cache) remembered(k key, notBefore time.Time) (*projection.Event, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	now, p := c.clock.Now(), c.products[k]
	if p != nil && p.reading != nil && !p.reading.Created.Time.Before(notBefore) {
		return p.reading, nil
	}
	if p != nil && p.unusable != nil && now.Before(p.unusable.until) {
		return nil, p.unusable.err
	}
	if r := c.refused[k.account]; r != nil && now.Before(r.until) {
		return nil, r.err
	}
	return nil, nil
}

// ask reads the product from Stripe, and remembers the answer.
func (c *Cache) ask(ctx context.Context, k key) (*projection.Event, error) {
	answer, err := c.source.Product(ctx, k.account, k.id)
	var e *projection.Event
	switch {
	case errors.Is(err, stripeapi.ErrNotFound):
		e = projection.MissingProduct(k.account, k.id, second(c.clock.Now()))
	case errors.Is(err, stripeapi.ErrKeyRefused), errors.Is(err, stripeapi.ErrAccountRefused):
		return nil, err // not products alone
	case errors.Is(err, stripeapi.ErrRefused):
		return nil, c.noteRefusal(k.account, err)
	case err != nil:
		return nil, err
	default:
		err = panics.Catch(func() (err error) {
			e, err = c.decoder.Product(k.account, k.id, answer.Object, answer.At)
			return err
		})
		if err != nil {
			return nil, c.noteUnusable(k, err)
		}
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	delete(c.refused, k.account)
	p := c.product(k)
	p.reading, p.unusable = e, nil
	return e, nil
}

// noteRefusal remembers that the key may not read the account's products. It logs that once: until products can be read
// again, or the process ends.
func (c *Cache) noteRefusal(account string, cause error) error {
	err := fmt.Errorf("%w: %w", ErrNotReadable, cause)
	metrics.ReadingsRefused.WithLabelValues("not_permitted").Inc()
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.refused[account] == nil {
		c.log.Error(cause, "Failed to read a product: entitlements lack the products' metadata until the API key may read products",
			"account", stripeaccount.Name(account))
	}
	c.refused[account] = &refusal{until: c.clock.Now().Add(patience), err: err}
	return err
}

func (c *Cache) noteUnusable(k key, cause error) error {
	err := fmt.Errorf("%w: %w", ErrNotReadable, cause)
	metrics.ReadingsRefused.WithLabelValues("not_readable").Inc()
	c.log.Info("Refused a product that Stripe returned", "account", stripeaccount.Name(k.account), "id", k.id, "reason", cause.Error())
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.product(k).unusable = &answerError{until: c.clock.Now().Add(patience), err: err}
	return err
}
