// Package packed keeps Customers and Subscriptions compressed in the caches of the controllers: of a customer like the sample
// (sample_customer.json), a whole one takes five times the memory.
//
// An informer packs each object before it is stored. Whatever reads the cache gets whole objects, because there is no other
// way out of it than these:
//
//   - Get and List of the cache's reader copy what is stored, and the copy of a packed object is a whole one;
//   - handlers and predicates get whole objects, unless they ask for names (ByName), and so do the functions that compute
//     the values of an index.
//
// A packed object is of another type. A read that takes what is stored as it is (client.UnsafeDisableDeepCopy) fails, and so
// would a write of it. All that is known of it without unpacking is its namespace, name and version, and of a Subscription the name
// of its Customer.
//
// A list of all Customers unpacks all of them, and holds them whole. What looks at all of them now and then keeps what it
// counts instead: see count.Kept.
package packed

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	toolscache "k8s.io/client-go/tools/cache"
)

// allNamespaces begins the values by which controller-runtime's indexes find objects in any namespace. It adds one to each value
// with a namespace.
const allNamespaces = "__all_namespaces/"

// NewInformer makes the informers of a cache (cache.Options.NewInformer). Those of Customers and of Subscriptions store
// packed objects.
func NewInformer(
	source toolscache.ListerWatcher, example runtime.Object, resync time.Duration, indexers toolscache.Indexers,
) toolscache.SharedIndexInformer {
	whole := toolscache.NewSharedIndexInformer(source, example, resync, indexers)
	kind := kindOf(example)
	if kind == nil {
		return whole
	}
	i := &informer{SharedIndexInformer: whole, kind: kind}
	if err := i.SetTransform(nil); err != nil {
		panic(err) // it is refused after the start only
	}
	return i
}

// informer is an informer whose store holds packed objects.
type informer struct {
	toolscache.SharedIndexInformer
	kind   *kind
	recent recent
}

// SetTransform has objects packed after transform, which may be nil.
func (i *informer) SetTransform(transform toolscache.TransformFunc) error {
	return i.SharedIndexInformer.SetTransform(func(o any) (any, error) {
		if _, isPacked := o.(*object); isPacked {
			return o, nil // a list that comes as a stream is transformed twice
		}
		if transform != nil {
			var err error
			if o, err = transform(o); err != nil {
				return nil, err
			}
		}
		return i.kind.pack(o), nil
	})
}

// AddEventHandler adds a handler of whole objects.
func (i *informer) AddEventHandler(h toolscache.ResourceEventHandler) (toolscache.ResourceEventHandlerRegistration, error) {
	return i.SharedIndexInformer.AddEventHandler(i.unpacking(h))
}

// AddEventHandlerWithResyncPeriod adds a handler of whole objects.
func (i *informer) AddEventHandlerWithResyncPeriod(
	h toolscache.ResourceEventHandler, period time.Duration,
) (toolscache.ResourceEventHandlerRegistration, error) {
	return i.SharedIndexInformer.AddEventHandlerWithResyncPeriod(i.unpacking(h), period)
}

// AddEventHandlerWithOptions adds a handler of whole objects.
func (i *informer) AddEventHandlerWithOptions(
	h toolscache.ResourceEventHandler, options toolscache.HandlerOptions,
) (toolscache.ResourceEventHandlerRegistration, error) {
	return i.SharedIndexInformer.AddEventHandlerWithOptions(i.unpacking(h), options)
}

// AddIndexers adds indexes of whole objects. Each value is kept with its namespace only: an index takes as much memory as a
// packed object.
func (i *informer) AddIndexers(indexers toolscache.Indexers) error {
	ofWhole := toolscache.Indexers{}
	for name, valuesOf := range indexers {
		ofWhole[name] = func(o any) ([]string, error) {
			values, err := valuesOf(i.recent.whole(o))
			kept := values[:0:0]
			for _, value := range values {
				if !strings.HasPrefix(value, allNamespaces) {
					kept = append(kept, value)
				}
			}
			return kept, err
		}
	}
	return i.SharedIndexInformer.AddIndexers(ofWhole)
}

// GetIndexer returns the store. Its objects are packed: their copies are whole.
func (i *informer) GetIndexer() toolscache.Indexer {
	return namespaced{i.SharedIndexInformer.GetIndexer()}
}

// GetStore returns the store. Its objects are packed: their copies are whole.
func (i *informer) GetStore() toolscache.Store { return i.GetIndexer() }

// namespaced is a store that refuses what AddIndexers has left out, so that nothing is taken for "there is none".
type namespaced struct{ toolscache.Indexer }

func (n namespaced) ByIndex(index, value string) ([]any, error) {
	if err := refuse(index, value); err != nil {
		return nil, err
	}
	return n.Indexer.ByIndex(index, value)
}

func (n namespaced) IndexKeys(index, value string) ([]string, error) {
	if err := refuse(index, value); err != nil {
		return nil, err
	}
	return n.Indexer.IndexKeys(index, value)
}

func refuse(index, value string) error {
	if strings.HasPrefix(value, allNamespaces) {
		return fmt.Errorf("%s: list Customers and Subscriptions by an index in one namespace (client.InNamespace)", index)
	}
	return nil
}

// unpacking makes the handler of packed objects for h.
func (i *informer) unpacking(h toolscache.ResourceEventHandler) toolscache.ResourceEventHandler {
	if byName, ok := h.(byNameHandler); ok {
		return &unpackingHandler{byName.ResourceEventHandler, named, i.recent.whole}
	}
	return &unpackingHandler{h, i.recent.whole, i.recent.whole}
}

// unpackingHandler hands on what unpack makes of packed objects, and unpackLast of one that was deleted.
type unpackingHandler struct {
	toolscache.ResourceEventHandler
	unpack, unpackLast func(o any) any
}

func (h *unpackingHandler) OnAdd(o any, isInInitialList bool) {
	h.ResourceEventHandler.OnAdd(h.unpack(o), isInInitialList)
}

func (h *unpackingHandler) OnUpdate(before, after any) {
	h.ResourceEventHandler.OnUpdate(h.unpack(before), h.unpack(after))
}

func (h *unpackingHandler) OnDelete(o any) {
	if last, isUnknown := o.(toolscache.DeletedFinalStateUnknown); isUnknown {
		last.Obj = h.unpackLast(last.Obj)
		h.ResourceEventHandler.OnDelete(last)
		return
	}
	h.ResourceEventHandler.OnDelete(h.unpackLast(o))
}
