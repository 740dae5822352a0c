package count

import toolscache "k8s.io/client-go/tools/cache"

// All is a handler for Follow that hands everything to several handlers: each object is unpacked once for all of them.
type All []toolscache.ResourceEventHandler

// OnAdd implements the handler.
func (a All) OnAdd(o any, isInInitialList bool) {
	for _, h := range a {
		h.OnAdd(o, isInInitialList)
	}
}

// OnUpdate implements the handler.
func (a All) OnUpdate(before, after any) {
	for _, h := range a {
		h.OnUpdate(before, after)
	}
}

// OnDelete implements the handler.
func (a All) OnDelete(o any) {
	for _, h := range a {
		h.OnDelete(o)
	}
}
