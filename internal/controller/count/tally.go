package count

import (
	"maps"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Tally counts the objects of a kind by what they show, and follows their changes. It is a handler for Follow. It remembers no
// object: a change takes back what the object before it has counted for.
type Tally[O client.Object, K comparable] struct {
	// Of returns what an object counts for.
	Of func(O) []K

	mutex  sync.Mutex
	counts map[K]int
}

// Counts returns how many objects show each of what is shown.
func (t *Tally[O, K]) Counts() map[K]int {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return maps.Clone(t.counts)
}

// OnAdd implements the handler.
func (t *Tally[O, K]) OnAdd(o any, _ bool) { t.add(o, 1) }

// OnUpdate implements the handler.
func (t *Tally[O, K]) OnUpdate(before, after any) {
	t.add(before, -1)
	t.add(after, 1)
}

// OnDelete implements the handler.
func (t *Tally[O, K]) OnDelete(o any) { t.add(o, -1) }

func (t *Tally[O, K]) add(o any, n int) {
	object, ok := LastOf[O](o)
	if !ok {
		return
	}
	shown := t.Of(object)
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.counts == nil {
		t.counts = map[K]int{}
	}
	for _, key := range shown {
		if t.counts[key] += n; t.counts[key] == 0 {
			delete(t.counts, key)
		}
	}
}
