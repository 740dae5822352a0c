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
//	B has sent everything          waiting: C
type admissionQueue struct {
	limit int

	mutex   sync.Mutex
	waiting list.List // of *admission, the longest-waiting first
}

// admission is the place of one client in the queue.
type admission struct {
	evict func()
	place *list.Element
}

// admit adds the client to the queue. An eviction calls evict once, with the queue locked: evict must neither block nor
// call the queue.
func (q *admissionQueue) admit(evict func()) *admission {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if q.waiting.Len() >= q.limit {
		if longest, ok := q.waiting.Remove(q.waiting.Front()).(*admission); ok {
			longest.evict()
		}
	}
	admitted := &admission{evict: evict}
	admitted.place = q.waiting.PushBack(admitted)
	return admitted
}

// release ends the client's wait.
func (q *admissionQueue) release(a *admission) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.waiting.Remove(a.place) // does nothing after an eviction
}
