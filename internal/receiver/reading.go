package receiver

import (
	"container/list"
	"sync"
	"time"
)

// readers bounds the bodies that are being read.
//
// A body has to be read before its signature can be checked: anybody can begin one, and take all the time that a slow line needs.
// Whoever is slow must not keep out who is not, so there is always a place for one more: the one who has been reading longest loses
// his. Stripe's bodies are there within milliseconds; to outrun them takes as many new requests in that time as there are places.
type readers struct {
	limit int

	mutex sync.Mutex
	line  *list.List // of *reading, the oldest first
}

// reading is one body being read.
type reading struct {
	// cut ends the wait for more of the body.
	cut   func()
	place *list.Element // nil once the place is given up
}

func newReaders(limit int) *readers { return &readers{limit: limit, line: list.New()} }

// begin takes a place. cut may be called at any time before end returns, once.
func (r *readers) begin(cut func()) *reading {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.line.Len() >= r.limit {
		oldest, _ := r.line.Remove(r.line.Front()).(*reading)
		oldest.place = nil
		oldest.cut()
	}
	begun := &reading{cut: cut}
	begun.place = r.line.PushBack(begun)
	return begun
}

// end gives the place up, and says whether it was kept until now.
func (r *readers) end(begun *reading) (kept bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if begun.place == nil {
		return false
	}
	r.line.Remove(begun.place)
	begun.place = nil
	return true
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)
