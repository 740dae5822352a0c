package unlinked

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// searchFactor is how many times older an event is at each search than at the one before.
const searchFactor = 10

// searches says when all recorded events are searched for the customer of an event. The API server looks at every event for that, so
// it is done seldom: an event that names the customer and comes later is found in the cache (waitingFor). For example, for the dispute
// of a guest's payment, without a Stripe key and with a timeout of an hour:
//
//	looked for in the caches     0 s, 1 s, 2 s, 4 s, 8 s, 16 s, …, and each minute
//	searched for in all events   1 s, 16 s, some 3 minutes, some 30 minutes, 1 hour
type searches struct {
	mutex   sync.Mutex
	byEvent map[client.ObjectKey]*search
}

// search is what this process knows of an event that waits.
type search struct {
	uid types.UID
	// firstLook is the event's age when this process looked at it first.
	firstLook time.Duration
	// last is the event's age at the last search, if there was one.
	last *time.Duration
	// news counts the events that came since and name the customer.
	news int
}

// of is what is known of the event. The caller holds the mutex.
func (s *searches) of(e client.Object, age time.Duration) *search {
	key := client.ObjectKeyFromObject(e)
	if known := s.byEvent[key]; known != nil && known.uid == e.GetUID() {
		return known
	}
	if s.byEvent == nil {
		s.byEvent = map[client.ObjectKey]*search{}
	}
	s.byEvent[key] = &search{uid: e.GetUID(), firstLook: age}
	return s.byEvent[key]
}

// isDue reports whether an event of that age is to be searched for: at first, each time that it is ten times as old, and once it has
// reached the age limit, at which the controller decides.
func (s *searches) isDue(e client.Object, age, limit time.Duration) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	last := s.of(e, age).last
	return last == nil || *last < limit && age >= limit || age >= searchFactor*max(*last, time.Second)
}

// begin begins a search for an event of that age. ended notes that it has found nothing. It does not count if there was news meanwhile,
// which the search may have missed.
func (s *searches) begin(e client.Object, age time.Duration) (ended func()) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	known := s.of(e, age)
	before := known.news
	return func() {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		if known.news == before {
			known.last = &age
		}
	}
}

// renew has an event that was searched for be searched for again: there is news.
func (s *searches) renew(e client.Object) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if known := s.byEvent[client.ObjectKeyFromObject(e)]; known != nil {
		known.last = nil
		known.news++
	}
}

// waited is how long this process has looked for the customer of an event of that age.
func (s *searches) waited(e client.Object, age time.Duration) time.Duration {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return age - s.of(e, age).firstLook
}

// forget forgets an event that waits no longer.
func (s *searches) forget(key client.ObjectKey) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.byEvent, key)
}
