// Package products holds what Stripe's products grant, for all customers: what was read from Stripe's API, and the events
// that report a change.
package products

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sync/singleflight"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/projection"
	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

const (
	// maxProducts bounds the memory. Beyond it, any product makes room: it is in the customers' statuses, or is read again.
	maxProducts = 2000
	// maxEvents bounds the events that are kept of one product.
	maxEvents = 8
)

// Source reads a product from Stripe: *stripeapi.Client.
type Source interface {
	Product(ctx context.Context, account, id string) (stripeapi.Reading, error)
}

// Cache is the memory of one leader. What is lost with the process is in the customers' statuses, and an event that is
// pending is put in again.
type Cache struct {
	source  Source // nil without a Stripe key
	decoder events.Decoder
	clock   clock.PassiveClock
	log     logr.Logger
	flights singleflight.Group
	wake    chan event.GenericEvent

	mutex    sync.Mutex
	products map[key]*product
	refused  map[string]*refusal // by account
}

type key struct{ account, id string }

// product is what is known of one product.
type product struct {
	reading  *projection.Event // nil if it was not read
	unusable *answerError      // set if Stripe's last answer could not be used
	events   []*projection.Event
}

// NewCache makes an empty one. source is nil without a Stripe key.
func NewCache(source Source, decoder events.Decoder, clock clock.PassiveClock, log logr.Logger) *Cache {
	return &Cache{
		source: source, decoder: decoder, clock: clock, log: log, wake: make(chan event.GenericEvent, 64),
		products: map[key]*product{}, refused: map[string]*refusal{},
	}
}

// IsReading reports whether products are read from Stripe: there is a key, and metadata is kept.
func (c *Cache) IsReading() bool { return c.source != nil && c.decoder.MetadataPrefix != "" }

// Wake delivers a Customer for each WakeUp.
func (c *Cache) Wake() <-chan event.GenericEvent { return c.wake }

// WakeUp has the customer's controller look at what is known of its products.
func (c *Cache) WakeUp(ctx context.Context, customer types.NamespacedName) {
	select {
	case c.wake <- event.GenericEvent{Object: &v1alpha1.Customer{
		ObjectMeta: metav1.ObjectMeta{Namespace: customer.Namespace, Name: customer.Name},
	}}:
	case <-ctx.Done():
	}
}

// Put keeps an event about a product, so that every customer's controller finds it. Putting it in again changes nothing.
func (c *Cache) Put(e *projection.Event) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	p := c.product(key{e.Account, e.ObjectID})
	if slices.ContainsFunc(p.events, func(kept *projection.Event) bool { return kept.EventID == e.EventID }) {
		return
	}
	kept := append(slices.Clone(p.events), e.DeepCopy())
	slices.SortFunc(kept, projection.CompareEvents)
	p.events = kept[max(0, len(kept)-maxEvents):]
}

// Known returns what is known of a product: the last reading, then the latest events. They must not be changed.
func (c *Cache) Known(account, id string) []*projection.Event {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	p := c.products[key{account, id}]
	if p == nil {
		return nil
	}
	var known []*projection.Event
	if p.reading != nil {
		known = append(known, p.reading)
	}
	return append(known, p.events...)
}

// product returns the entry of a product, which it adds if there is none. The mutex is held.
func (c *Cache) product(k key) *product {
	if c.products[k] == nil {
		for other := range c.products {
			if len(c.products) < maxProducts {
				break
			}
			delete(c.products, other)
		}
		c.products[k] = &product{}
	}
	return c.products[k]
}

// second is the time in whole seconds, as Stripe's times are.
func second(t time.Time) metav1.Time { return metav1.NewTime(t.UTC().Truncate(time.Second)) }
