package packed

import (
	"context"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// ByName is a source for handlers and predicates that look at no more of a Customer or Subscription than its namespace, name and
// version, and at the name of the Customer that a Subscription belongs to (spec.customerRef.name): they are handed no more. An object
// that was deleted is handed over whole.
//
// A handler is first handed all objects, and its controller waits for that: with 20,000 to unpack, a new leader would begin a
// second later for each handler.
func ByName(c cache.Cache, kind client.Object, h handler.EventHandler, predicates ...predicate.Predicate) source.SyncingSource {
	return source.Kind[client.Object](byNameCache{c}, kind, h, predicates...)
}

// NewClient makes a client that reads packed objects from a cache. It follows the cache to know whether its own writes are there, and
// needs no more than versions for that: with whole objects, the first read of a new leader would wait until all are unpacked.
func NewClient(config *rest.Config, options client.Options) (client.Client, error) {
	if options.Cache != nil {
		if c, ok := options.Cache.Reader.(cache.Cache); ok {
			cached := *options.Cache
			cached.Reader = byNameCache{c}
			options.Cache = &cached
		}
	}
	return client.New(config, options)
}

type byNameCache struct{ cache.Cache }

func (c byNameCache) GetInformer(ctx context.Context, o client.Object, options ...cache.InformerGetOption) (cache.Informer, error) {
	i, err := c.Cache.GetInformer(ctx, o, options...)
	if err != nil {
		return nil, err
	}
	return byNameInformer{i}, nil
}

type byNameInformer struct{ cache.Informer }

func (i byNameInformer) AddEventHandler(h toolscache.ResourceEventHandler) (toolscache.ResourceEventHandlerRegistration, error) {
	return i.Informer.AddEventHandler(byNameHandler{h})
}

func (i byNameInformer) AddEventHandlerWithResyncPeriod(
	h toolscache.ResourceEventHandler, period time.Duration,
) (toolscache.ResourceEventHandlerRegistration, error) {
	return i.Informer.AddEventHandlerWithResyncPeriod(byNameHandler{h}, period)
}

func (i byNameInformer) AddEventHandlerWithOptions(
	h toolscache.ResourceEventHandler, options toolscache.HandlerOptions,
) (toolscache.ResourceEventHandlerRegistration, error) {
	return i.Informer.AddEventHandlerWithOptions(byNameHandler{h}, options)
}

// byNameHandler marks a handler: an informer of packed objects hands it names, and any other informer hands it whole objects.
type byNameHandler struct {
	toolscache.ResourceEventHandler
}

// named returns an object of the same kind that holds what is known without unpacking.
func named(o any) any {
	packed, isPacked := o.(*object)
	if !isPacked {
		return o
	}
	named, known := packed.kind.new(), packed.GetObjectMeta()
	named.SetNamespace(known.GetNamespace())
	named.SetName(strings.Clone(known.GetName())) // a queue keeps it for hours: the packed text must not stay with it
	named.SetResourceVersion(strings.Clone(known.GetResourceVersion()))
	if s, ok := named.(*v1alpha1.Subscription); ok {
		s.Spec.CustomerRef.Name = strings.Clone(packed.customer())
	}
	return named
}
