package unlinked

import (
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// searchFactor is how many times older an event is at each search than at the one before.
const searchFactor = 10

// searches says when all recorded events are searched for the customer of an event. The API server looks at every event for that, so
// it is done seldom: a customer that becomes known later is most often found in the caches. For example, of the payment of a guest,
// without a Stripe key and with a timeout of an hour:
//
//	looked for in the caches     0 s, 1 s, 2 s, 4 s, 8 s, 16 s, …, and each minute
//	searched for in all events   1 s, 16 s, some 3 minutes, some 30 minutes, 1 hour
type searches struct{ ages sync.Map } // by the event's name: its age at the last search

// isDue reports whether an event of that age is searched for. From the age last on, what is found decides.
func (s *searches) isDue(e client.Object, age, last time.Duration) bool {
	noted, wasSearched := s.ages.Load(client.ObjectKeyFromObject(e))
	if !wasSearched {
		return true
	}
	before := noted.(time.Duration)
	return before < last && age >= last || age >= searchFactor*max(before, time.Second)
}

// note notes that an event was searched for.
func (s *searches) note(e client.Object, age time.Duration) {
	s.ages.Store(client.ObjectKeyFromObject(e), age)
}

// forget forgets an event that waits no longer.
func (s *searches) forget(e client.Object) { s.ages.Delete(client.ObjectKeyFromObject(e)) }
