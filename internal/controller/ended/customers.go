// Package ended knows which customers have ended events: those with an outcome, Failed ones too. The API server has no index by
// customer: to search for the events of one, it looks at every event. So a customer without a status is searched for only if it has
// ended events, and a customer that is new has none.
package ended

import (
	"context"
	"hash/maphash"
	"net/http"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/count"
	"github.com/tollkeeper/tollkeeper/internal/controller/paging"
	"github.com/tollkeeper/tollkeeper/internal/controller/rows"
)

const (
	// firstRetry is the pause after a list that fails. It doubles up to maxRetry.
	firstRetry = time.Second
	maxRetry   = 10 * time.Minute
	// leastPause is the pause before another list is made.
	leastPause = time.Minute
)

// Set is a set of customers that have ended events: Customers, except in tests.
type Set interface {
	// MayHave reports whether the customer may have ended events.
	MayHave(account, customerID string) bool
	// Has reports whether the customer is known to have ended events.
	Has(account, customerID string) bool
	// NoteEnding notes that an outcome of an event about the customer is about to be written.
	NoteEnding(account, customerID string)
}

// Customers are those that have ended events. A new leader lists the events once. From then on it notes the customer of each event that
// ceases to be pending, by its own write or by another's: it follows the pending events since before the list.
//
// The cache may drop an event moments before its customer is noted. The customers' controller, which ends nearly all events of
// customers, notes the customer before it writes an outcome (NoteEnding): so an event that the cache does not have any more is noted.
//
// One is missed whose customer and outcome are written at once, as by a backup tool that restores statuses and by an erasure, if no
// other event names that customer: the next leader lists it.
type Customers struct {
	// Rows lists accounts, customers and linked customers of the ended events: NewRows.
	Rows lister
	// Cache holds the pending events.
	Cache cache.Informers
	Pace  *paging.Pacer
	Log   logr.Logger

	seed    maphash.Seed
	mutex   sync.RWMutex
	noted   map[uint64]struct{} // hashes, so that many take little memory; two that collide cost a search
	isWhole bool
	// relist asks for another list.
	relist chan struct{}
}

type lister interface {
	Page(ctx context.Context, next string) (cells [][]string, more string, err error)
}

var _ Set = (*Customers)(nil)

// NewRows makes the list of the ended events of a namespace. The HTTP client is the manager's.
func NewRows(config *rest.Config, httpClient *http.Client, namespace string) (*rows.List, error) {
	return rows.New(config, httpClient, namespace, rows.Ended, "Account", "Customer", "Linked")
}

// +kubebuilder:rbac:groups=billing.tollkeeper.dev,namespace=system,resources=billingevents,verbs=list;watch

// New makes an empty set, in which every customer may be.
func New(list lister, pending cache.Informers, pace *paging.Pacer, log logr.Logger) *Customers {
	return &Customers{
		Rows: list, Cache: pending, Pace: pace, Log: log,
		seed: maphash.MakeSeed(), noted: map[uint64]struct{}{}, relist: make(chan struct{}, 1),
	}
}

// NeedLeaderElection has the manager run it on the leader only.
func (c *Customers) NeedLeaderElection() bool { return true }

// MayHave reports whether the customer may have ended events. Until all events are listed, each customer may.
func (c *Customers) MayHave(account, customerID string) bool {
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	return !c.isWhole || c.isNoted(account, customerID)
}

// Has reports whether the customer is known to have ended events. Until all events are listed, others may have some too.
func (c *Customers) Has(account, customerID string) bool {
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	return c.isNoted(account, customerID)
}

func (c *Customers) isNoted(account, customerID string) bool {
	_, isNoted := c.noted[c.hash(account, customerID)]
	return isNoted
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
		c.listUntilItSucceeds(ctx)
		select {
		case <-ctx.Done():
		case <-c.relist:
			c.wait(ctx, leastPause)
		}
	}
	return nil
}

func (c *Customers) listUntilItSucceeds(ctx context.Context) {
	for pause := firstRetry; ; pause = min(2*pause, maxRetry) {
		err := c.list(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		c.Log.Error(err, "Failed to list the customers of ended events, will retry; until then, each new customer costs a search",
			"after", pause.String())
		c.wait(ctx, pause)
	}
}

func (c *Customers) wait(ctx context.Context, pause time.Duration) {
	select {
	case <-ctx.Done():
	case <-c.Pace.Clock.After(pause):
	}
}

// list notes the customers of all ended events.
func (c *Customers) list(ctx context.Context) error {
	for next := ""; ; {
		var page [][]string
		var err error
		if ended := c.Pace.Do(ctx, func() { page, next, err = c.Rows.Page(ctx, next) }); ended != nil {
			return ended
		}
		if err != nil {
			return err
		}
		for _, cells := range page {
			account := cells[0]
			c.NoteEnding(account, cells[1])
			c.NoteEnding(account, cells[2])
		}
		if next == "" {
			c.mutex.Lock()
			defer c.mutex.Unlock()
			c.isWhole = len(c.relist) == 0
			return nil
		}
	}
}

// noteEnded notes the customer of an event that is not pending any more. If the watch was interrupted, it is the event as it was
// before: it may have been linked to its customer meanwhile. The list shows to which.
func (c *Customers) noteEnded(o any) {
	e, ok := count.LastOf[*v1alpha1.BillingEvent](o)
	if !ok {
		return
	}
	c.NoteEnding(e.Spec.Account, e.Spec.CustomerID)
	c.NoteEnding(e.Spec.Account, e.Status.CustomerID)
	if _, wasInterrupted := o.(toolscache.DeletedFinalStateUnknown); wasInterrupted && e.CustomerID() == "" {
		c.requestList()
	}
}

func (c *Customers) requestList() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.isWhole = false
	select {
	case c.relist <- struct{}{}:
	default: // one is requested
	}
}

// NoteEnding notes that the customer has ended events. An event that names no customer changes nothing.
func (c *Customers) NoteEnding(account, customerID string) {
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
