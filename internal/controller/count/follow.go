package count

import (
	"context"
	"errors"
	"fmt"

	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Follow hands all objects of a kind to a Tally or a Kept, then each change. So a count needs no list of all objects, which
// would have all of them in memory. It returns once all were handed over. stop ends it.
func Follow(
	ctx context.Context, informers cache.Informers, kind client.Object, handler toolscache.ResourceEventHandler,
) (stop func(), err error) {
	informer, err := informers.GetInformer(ctx, kind)
	if err != nil {
		return nil, fmt.Errorf("follow %T: %w", kind, err)
	}
	registration, err := informer.AddEventHandler(handler)
	if err != nil {
		return nil, fmt.Errorf("follow %T: %w", kind, err)
	}
	stop = func() { _ = informer.RemoveEventHandler(registration) } // fails for another informer's registration only
	if !toolscache.WaitForCacheSync(ctx.Done(), registration.HasSynced) {
		stop()
		return nil, errors.New("stopped before all objects were read")
	}
	return stop, nil
}

// LastOf is the object of a notification. That of a deletion may be what was known of it last.
func LastOf[O client.Object](o any) (object O, ok bool) {
	if last, isUnknown := o.(toolscache.DeletedFinalStateUnknown); isUnknown {
		o = last.Obj
	}
	object, ok = o.(O)
	return object, ok
}
