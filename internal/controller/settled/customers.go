// Package settled knows which customers have settled events. So a customer without a status costs no search for them if there
// are none, as of every customer that is new to an installation: the API server has no index by customer, and looks at every
// event for a search.
package settled

import (
	"context"
	"hash/maphash"
	"sync"
	"time"

	"github.com/go-logr/logr"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/count"
	"github.com/tollkeeper/tollkeeper/internal/controller/rows"
)

const (
	firstRetry = time.Second
	maxRetry   = 10 * time.Minute
)

// Columns are what is listed of the settled events.
var Columns = []string{"Account", "Customer", "Linked"}

// Customers are those that have settled events. A new leader lists the events once. From then on it notes the customer of each
// event that ceases to be pending, whoever settles it: it follows the pending ones since before the list.
type Customers struct {
	// Rows lists the Columns of the settled events: a rows.List.
	Rows lister
	// Cache holds the pending events.
	Cache cache.Informers
	Log   logr.Logger

	seed    maphash.Seed
	mutex   sync.RWMutex
	noted   map[uint64]struct{} // hashes, so that many take little memory; two that collide cost a search
	isWhole bool
	// missed asks for another list.
	missed chan struct{}
}

type lister interface {
	Page(ctx context.Context, next string) (cells [][]string, more string, err error)
}

var _ lister = (*rows.List)(nil)

// New knows nobody yet.
func New(list lister, pending cache.Informers, log logr.Logger) *Customers {
	return &Customers{Rows: list, Cache: pending, Log: log, seed: maphash.MakeSeed(), noted: map[uint64]struct{}{}, missed: make(chan struct{}, 1)}
}

// NeedLeaderElection has the manager run it on the leader only.
func (c *Customers) NeedLeaderElection() bool { return true }

// Has reports whether the customer may have settled events. It is true of everybody until all events are listed.
func (c *Customers) Has(account, customerID string) bool {
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	_, isNoted := c.noted[c.hash(account, customerID)]
	return isNoted || !c.isWhole
}

// Start lists the events, and follows them until ctx ends.
func (c *Customers) Start(ctx context.Context) error {
	stop, err := count.Follow(ctx, c.Cache, &v1alpha1.BillingEvent{}, toolscache.ResourceEventHandlerFuncs{DeleteFunc: c.noteEnded})
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	defer stop()
	for ctx.Err() == nil {
		c.listUntilWhole(ctx)
		select {
		case <-ctx.Done():
		case <-c.missed:
		}
	}
	return nil
}

func (c *Customers) listUntilWhole(ctx context.Context) {
	for wait := firstRetry; ; wait = min(2*wait, maxRetry) {
		err := c.list(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		c.Log.Error(err, "Failed to find out which customers have settled events, will retry; until then, each new customer costs a search",
			"after", wait.String())
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// list notes the customers of all settled events.
func (c *Customers) list(ctx context.Context) error {
	for next := ""; ; {
		page, more, err := c.Rows.Page(ctx, next)
		if err != nil {
			return err
		}
		for _, cells := range page {
			account := cells[0]
			c.note(account, cells[1])
			c.note(account, cells[2])
		}
		if next = more; next == "" {
			c.mutex.Lock()
			defer c.mutex.Unlock()
			c.isWhole = len(c.missed) == 0
			return nil
		}
	}
}

// noteEnded notes the customer of an event that is not pending any more. An event that ended while the watch was interrupted may have
// been linked to its customer meanwhile: the list shows which.
func (c *Customers) noteEnded(o any) {
	e, ok := count.LastOf[*v1alpha1.BillingEvent](o)
	if !ok {
		return
	}
	c.note(e.Spec.Account, e.Spec.CustomerID)
	c.note(e.Spec.Account, e.Status.CustomerID)
	if _, wasInterrupted := o.(toolscache.DeletedFinalStateUnknown); wasInterrupted && e.CustomerID() == "" {
		c.listAgain()
	}
}

func (c *Customers) listAgain() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.isWhole = false
	select {
	case c.missed <- struct{}{}:
	default: // it is asked for
	}
}

func (c *Customers) note(account, customerID string) {
	if customerID == "" {
		return
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.noted[c.hash(account, customerID)] = struct{}{}
}

func (c *Customers) hash(account, customerID string) uint64 {
	return maphash.Comparable(c.seed, [2]string{account, customerID})
}
