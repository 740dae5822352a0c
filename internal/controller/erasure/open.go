package erasure

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// open are the customers that are to be erased and are not yet, and what is known of them. It keeps the metrics.
type open struct {
	mutex     sync.Mutex
	isFailing map[types.NamespacedName]bool // by customer that waits: whether its last attempt failed
	isLate    map[types.NamespacedName]bool // erased customers about which an event with personal data has come
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
