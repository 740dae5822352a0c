package packed

import (
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// remembered is how many objects an informer holds whole beside its store. Each change goes to all indexes and handlers at about
// the same time. It bounds their number, not their size: one of the largest has some 0.5 MB, most have a hundredth of that.
const remembered = 128

// recent holds whole what was unpacked last. Its objects are shared, and never changed.
type recent struct {
	mutex   sync.Mutex
	objects map[*object]client.Object
	order   [remembered]*object
	next    int
}

// whole returns the object that o packs, or else o itself.
func (r *recent) whole(o any) any {
	packed, isPacked := o.(*object)
	if !isPacked {
		return o
	}
	r.mutex.Lock()
	whole := r.objects[packed]
	r.mutex.Unlock()
	if whole != nil {
		return whole
	}
	whole = packed.unpack()
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if known := r.objects[packed]; known != nil {
		return known
	}
	if r.objects == nil {
		r.objects = make(map[*object]client.Object, remembered)
	}
	delete(r.objects, r.order[r.next])
	r.order[r.next], r.objects[packed] = packed, whole
	r.next = (r.next + 1) % remembered
	return whole
}
