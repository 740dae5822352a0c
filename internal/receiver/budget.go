package receiver

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// budget bounds the memory of the bodies whose signature is not verified yet: the signature covers the body, which is
// read first. Requests wait for memory in the order in which they came. While one waits, the body that has been arriving
// for longest is cut off once it has had its time.
//
// For example, with memory for one body and a time of one second:
//
//	0.0 s  A starts to send its body          holds: A
//	0.4 s  B starts, and waits                holds: A
//	1.0 s  A has had its time, is cut off,
//	       and gives its memory back          holds: B
type budget struct {
	bytes *semaphore.Weighted
	time  time.Duration // how long a body may arrive while others wait
	wait  time.Duration // how long a request waits

	mutex   sync.Mutex
	holders list.List // of *memory, the longest-held first
	wanted  int64     // bytes that requests wait for
	leaving int64     // bytes of bodies that were cut off and not released yet
	looking bool      // whether makeRoom will run
}

// memory is what one body holds of a budget.
type memory struct {
	budget  *budget
	arrival *arrival
	size    int64
	since   time.Time
	place   *list.Element
	leaving bool
	buffer  *[maxBody]byte // of a large body that is not verified; nil otherwise
}

func newBudget(size int64, time time.Duration) *budget {
	return &budget{bytes: semaphore.NewWeighted(size), time: time, wait: memoryTimeout}
}

// acquire waits until the body may take so many bytes of memory. The wait ends with an error when it takes too long, or
// when the body is cut off.
func (b *budget) acquire(a *arrival, size int64) (*memory, error) {
	if !b.bytes.TryAcquire(size) {
		b.want(size)
		defer b.want(-size)
		ctx, cancel := context.WithTimeout(a.ctx, b.wait)
		defer cancel()
		if err := b.bytes.Acquire(ctx, size); err != nil {
			return nil, fmt.Errorf("%w: %w", errNoMemory, err)
		}
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	m := &memory{budget: b, arrival: a, size: size, since: time.Now()}
	m.place = b.holders.PushBack(m)
	return m, nil
}

// release gives the memory back. The caller has let go of the body, or got its own from keep.
func (m *memory) release() {
	if m == nil {
		return
	}
	b := m.budget
	b.mutex.Lock()
	b.holders.Remove(m.place) // does nothing if the body was cut off
	if m.leaving {
		b.leaving -= m.size
	}
	b.mutex.Unlock()
	if m.buffer != nil {
		largeBuffers.Put(m.buffer)
	}
	b.bytes.Release(m.size)
}

// want adds to the bytes that requests wait for.
func (b *budget) want(more int64) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.wanted += more
	if b.wanted > 0 && !b.looking {
		b.looking = true
		time.AfterFunc(b.nextLook(), b.makeRoom)
	}
}

// makeRoom cuts off the bodies that have had their time, as many as the waiting requests need.
func (b *budget) makeRoom() {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	for b.leaving < b.wanted && b.holders.Len() > 0 && b.nextLook() <= 0 {
		m, _ := b.holders.Remove(b.holders.Front()).(*memory)
		if m.leaving = m.arrival.cutOff(); m.leaving {
			b.leaving += m.size
		}
	}
	if b.looking = b.wanted > 0; b.looking {
		time.AfterFunc(max(b.nextLook(), b.time/10), b.makeRoom)
	}
}

// nextLook is how long the longest-held body still has.
func (b *budget) nextLook() time.Duration {
	front := b.holders.Front()
	if front == nil {
		return b.time
	}
	m, _ := front.Value.(*memory)
	return b.time - time.Since(m.since)
}
