// Package readings hands what was read from Stripe's API over to the customer's controller, the one writer of statuses.
package readings

import (
	"context"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// Batch is what Stripe's API returned about one customer.
type Batch struct {
	// CustomerID and Account are Stripe's ids. The customer's controller creates the Customer from them if there is
	// none.
	CustomerID, Account string
	// Whole reports that Objects and NotFound hold the customer and all of its subscriptions, or that those that are
	// missing were put in earlier by the same import: after the Batch is folded, the customer is known whole.
	Whole bool
	// At is the time from which the objects are known to be current: that of the earliest reading.
	At time.Time
	// Shown holds the events that the statuses showed when Stripe was asked, by Stripe's id of the object.
	Shown map[string]string
	// Objects are the objects that Stripe had.
	Objects []*projection.Event
	// NotFound holds the Stripe ids of the objects that Stripe does not know.
	NotFound []string
	// Requests holds the values of the resync annotations that the batch answers, by Stripe id.
	Requests map[string]string
}

// Mailbox holds at most one Batch for each customer until it is written. It lives in memory: a Batch that is lost with
// the process is read again, since its cause, a doubt or an annotation, is in the cluster.
type Mailbox struct {
	mutex   sync.Mutex
	batches map[types.NamespacedName]*Batch
	// refusals say why Stripe does not let customers be read that wait for it.
	refusals map[types.NamespacedName]string
	wake     chan event.GenericEvent
	removed  chan struct{} // closed, and replaced, when a Batch is taken out
}

// NewMailbox makes an empty one.
func NewMailbox() *Mailbox {
	return &Mailbox{
		batches: map[types.NamespacedName]*Batch{}, refusals: map[types.NamespacedName]string{},
		wake: make(chan event.GenericEvent, 64), removed: make(chan struct{}),
	}
}

// Wake delivers a Customer for each Batch that was put in.
func (m *Mailbox) Wake() <-chan event.GenericEvent { return m.wake }

// PutIfEmpty leaves a Batch for the customer's controller, and wakes it. It reports whether it did: it replaces none that was not
// written yet.
func (m *Mailbox) PutIfEmpty(ctx context.Context, customer types.NamespacedName, batch *Batch) bool {
	m.mutex.Lock()
	isEmpty := m.batches[customer] == nil
	if isEmpty {
		m.batches[customer] = batch
	}
	m.mutex.Unlock()
	if isEmpty {
		m.wakeUp(ctx, customer)
	}
	return isEmpty
}

// wakeUp delivers the customer to Wake.
func (m *Mailbox) wakeUp(ctx context.Context, customer types.NamespacedName) {
	select {
	case m.wake <- event.GenericEvent{Object: &v1alpha1.Customer{
		ObjectMeta: metav1.ObjectMeta{Namespace: customer.Namespace, Name: customer.Name},
	}}:
	case <-ctx.Done():
	}
}

// Wait waits until the customers' Batches are taken out, or ctx ends.
func (m *Mailbox) Wait(ctx context.Context, customers []types.NamespacedName) error {
	for _, customer := range customers {
		if err := m.waitFor(ctx, customer); err != nil {
			return err
		}
	}
	return nil
}

func (m *Mailbox) waitFor(ctx context.Context, customer types.NamespacedName) error {
	for {
		m.mutex.Lock()
		_, waiting := m.batches[customer]
		removed := m.removed
		m.mutex.Unlock()
		if !waiting {
			return nil
		}
		select {
		case <-removed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Peek returns the customer's Batch and leaves it there; nil if there is none.
func (m *Mailbox) Peek(customer types.NamespacedName) *Batch {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.batches[customer]
}

// Remove takes the Batch out once it is written, unless another one has replaced it meanwhile.
func (m *Mailbox) Remove(customer types.NamespacedName, batch *Batch) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.batches[customer] == batch {
		delete(m.batches, customer)
		close(m.removed)
		m.removed = make(chan struct{})
	}
}
