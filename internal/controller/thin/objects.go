package thin

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

const (
	// maxObjects and maxKept bound the memory: how many objects are kept, and how large each is at most, in bytes.
	maxObjects = 128
	maxKept    = 64 << 10
)

// objects keeps the objects that were read last, so that several thin events about one object lead to one request. The
// zero value is empty.
type objects struct {
	mutex sync.Mutex
	byID  map[objectID]reading
}

type objectID struct{ account, kind, id string }

type reading struct {
	raw json.RawMessage
	at  time.Time
}

// read returns the object of the thin event, as it was at a time after the event. Event times have whole seconds, so a
// reading of the same second may be older than the change.
func (o *objects) read(ctx context.Context, source Source, thin *v1alpha1.BillingEventSpec) (json.RawMessage, error) {
	key := objectID{thin.Account, thin.ObjectKind, thin.ObjectID}
	o.mutex.Lock()
	kept, has := o.byID[key]
	o.mutex.Unlock()
	if has && kept.at.After(thin.Created.Time) {
		return kept.raw, nil
	}
	raw, at, err := source.Object(ctx, key.account, key.kind, key.id)
	if err != nil {
		return nil, err
	}
	o.keep(key, reading{raw, at})
	return raw, nil
}

// keep makes room by forgetting any other object: it is read again.
func (o *objects) keep(key objectID, r reading) {
	if len(r.raw) > maxKept {
		return
	}
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.byID == nil {
		o.byID = map[objectID]reading{}
	}
	for other := range o.byID {
		if len(o.byID) < maxObjects {
			break
		}
		delete(o.byID, other)
	}
	o.byID[key] = r
}
