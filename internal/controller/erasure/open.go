package erasure

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// open are the customers that are to be erased and are not yet, and what is known of them. It keeps the metrics.
type open struct {
	mutex     sync.Mutex
	isFailing map[types.NamespacedName]bool // by customer that waits: whether its last attempt failed
	isLate    map[types.NamespacedName]bool // erased customers about which an event with personal data has come
	passes    map[types.NamespacedName]*pass
}

// passRest is how many times as long as a pass that left something over has kept the API server busy the next one waits at least: the cause
// may need a person, and a large trail takes minutes. It waits also if nothing is wrong (errNotYet): else the whole trail would be read
// every 2 s until the last event has an outcome.
const passRest = 10

// pass is what a pass over all events about a customer has come to.
type pass struct {
	of     passKey
	erased int       // events without their personal data, in all
	latest time.Time // when the latest of them lost it
	err    error     // why it left something over
	nextAt time.Time // when it is repeated at the earliest, if it did
}

func (p *pass) add(erased int, at time.Time) {
	p.erased += erased
	if at.After(p.latest) {
		p.latest = at
	}
}

// passKey changes when another pass is needed: after another request, and if events with personal data were folded meanwhile.
type passKey struct {
	customer              types.UID
	request, latestEvents string
}

func passOf(c *v1alpha1.Customer) passKey {
	return passKey{customer: c.UID, request: c.Status.Erasure.Request, latestEvents: c.Status.Erasure.LatestEvents}
}

// passed notes the end of a pass. If an event has come meanwhile that only ofErased has seen, the pass may have missed it, and another
// one is needed.
func (o *open) passed(customer types.NamespacedName, p *pass) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.isLate[customer] {
		return
	}
	if o.passes == nil {
		o.passes = map[types.NamespacedName]*pass{}
	}
	o.passes[customer] = p
}

// lastPass is the last pass that counts; nil if another one is needed.
func (o *open) lastPass(customer types.NamespacedName) *pass {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.passes[customer]
}

// wait notes that a customer is to be erased.
func (o *open) wait(customer types.NamespacedName) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.set(customer, o.isFailing[customer])
}

// attempted notes how an attempt ended, and reports whether the one before failed.
func (o *open) attempted(customer types.NamespacedName, fails bool) (failed bool) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	failed = o.isFailing[customer]
	o.set(customer, fails)
	return failed
}

func (o *open) set(customer types.NamespacedName, fails bool) {
	if o.isFailing == nil {
		o.isFailing = map[types.NamespacedName]bool{}
	}
	o.isFailing[customer] = fails
	o.report()
}

// late notes that an event with personal data has come after a customer was erased.
func (o *open) late(customer types.NamespacedName) {
	o.staysLate(customer)
	o.mutex.Lock()
	defer o.mutex.Unlock()
	delete(o.passes, customer)
}

// staysLate notes that the erasure for such an event is not complete: it goes on, whatever the Customer shows.
func (o *open) staysLate(customer types.NamespacedName) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.isLate == nil {
		o.isLate = map[types.NamespacedName]bool{}
	}
	o.isLate[customer] = true
}

// takeLate reports whether such an event has come, and forgets it: one that comes from now on counts anew.
func (o *open) takeLate(customer types.NamespacedName) bool {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	late := o.isLate[customer]
	delete(o.isLate, customer)
	return late
}

// forget notes that nothing is left to do about a customer.
func (o *open) forget(customer types.NamespacedName) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	delete(o.isFailing, customer)
	delete(o.passes, customer)
	o.report()
}

func (o *open) report() {
	failing := 0
	for _, fails := range o.isFailing {
		if fails {
			failing++
		}
	}
	metrics.ErasuresWaiting.Set(float64(len(o.isFailing)))
	metrics.ErasuresFailing.Set(float64(failing))
}
