package customer

import "sync"

// remembered is how many values a recent remembers.
const remembered = 16384

// recent remembers the latest values that were added, so that memory is bounded. It is safe for concurrent use.
type recent[K comparable] struct {
	mutex   sync.Mutex
	known   map[K]bool
	ordered []K // the keys of known; the oldest is at next once there are as many as are remembered
	next    int
}

// add remembers the value, and forgets the oldest one. It reports whether the value was not known.
func (r *recent[K]) add(value K) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.known[value] {
		return false
	}
	if r.known == nil {
		r.known = map[K]bool{}
	}
	if len(r.ordered) < remembered {
		r.ordered = append(r.ordered, value)
	} else {
		delete(r.known, r.ordered[r.next])
		r.ordered[r.next], r.next = value, (r.next+1)%remembered
	}
	r.known[value] = true
	return true
}

func (r *recent[K]) has(value K) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.known[value]
}
