package count

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Kept holds a value for some objects of a kind, and follows their changes. It is a handler for Follow.
type Kept[O client.Object, V any] struct {
	// Of returns the value to keep of an object, and whether one is to be kept. The value shares no memory with the object, which
	// is large.
	Of func(O) (value V, keep bool)

	mutex  sync.Mutex
	values map[types.NamespacedName]V
}

// Each calls use with each value. No value changes meanwhile.
func (k *Kept[O, V]) Each(use func(types.NamespacedName, V)) {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	for name, value := range k.values {
		use(name, value)
	}
}

// OnAdd implements the handler.
func (k *Kept[O, V]) OnAdd(o any, _ bool) { k.put(o) }

// OnUpdate implements the handler.
func (k *Kept[O, V]) OnUpdate(_, o any) { k.put(o) }

// OnDelete implements the handler.
func (k *Kept[O, V]) OnDelete(o any) {
	if object, ok := LastOf[O](o); ok {
		k.mutex.Lock()
		defer k.mutex.Unlock()
		delete(k.values, client.ObjectKeyFromObject(object))
	}
}

func (k *Kept[O, V]) put(o any) {
	object, ok := LastOf[O](o)
	if !ok {
		return
	}
	value, keep := k.Of(object)
	name := client.ObjectKeyFromObject(object)
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if !keep {
		delete(k.values, name)
		return
	}
	if k.values == nil {
		k.values = map[types.NamespacedName]V{}
	}
	k.values[name] = value
}
