package receiver

import (
	"container/list"
	"sync"
)

// admissionQueue bounds how many clients the receiver waits for at a time.
//
// A slow client must not keep fast clients out. A full queue therefore admits a new client and evicts the one that has
// waited longest. Stripe's data arrives within milliseconds: to evict it, limit new clients must arrive in that time.
//
// For example, with a limit of two:
//
//	A connects and sends slowly    waiting: A
//	B connects and sends slowly    waiting: A, B
//	C connects                     waiting: B, C    A has waited longest and is evicted
//	B has sent everything          waiting: C       B is protected: it keeps its slot, and D would evict C
type admissionQueue struct {
	limit int

	mutex   sync.Mutex
	inUse   int       // slots of waiting and of protected clients
	waiting list.List // of *admission, the longest-waiting first
}

// admission is the slot of one client.
type admission struct {
	evict     func()
	waiting   *list.Element // nil unless the client can be evicted
	protected bool
}

// admit gives the client a slot; nil if all slots are protected. An eviction calls evict once, with the queue locked:
// evict must neither block nor call the queue.
func (q *admissionQueue) admit(evict func()) *admission {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if q.inUse < q.limit {
		q.inUse++
	} else if !q.evictLongestWaiting() {
		return nil
	}
	admitted := &admission{evict: evict}
	admitted.waiting = q.waiting.PushBack(admitted)
	return admitted
}

// evictLongestWaiting frees a slot, which stays counted for the new client. It reports whether a client was waiting.
func (q *admissionQueue) evictLongestWaiting() bool {
	front := q.waiting.Front()
	if front == nil {
		return false
	}
	evicted, _ := q.waiting.Remove(front).(*admission)
	evicted.waiting = nil
	evicted.evict()
	return true
}

// protect ends the client's wait and keeps its slot until release. It reports false if the client was evicted before.
func (q *admissionQueue) protect(a *admission) bool {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if a.waiting == nil {
		return false
	}
	q.waiting.Remove(a.waiting)
	a.waiting, a.protected = nil, true
	return true
}

// release frees the client's slot, unless an eviction did.
func (q *admissionQueue) release(a *admission) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	switch {
	case a.waiting != nil:
		q.waiting.Remove(a.waiting)
	case !a.protected:
		return
	}
	a.waiting, a.protected = nil, false
	q.inUse--
}
