// Package erased hands over to the customer's controller, the one writer of statuses, how far an erasure is; and says what an
// event is without its personal data.
package erased

import (
	"context"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// Mailbox holds at most one note for each customer until it is written. It lives in memory: if the process is killed, the next
// one looks again at what is left to erase.
type Mailbox struct {
	mutex sync.Mutex
	notes map[types.NamespacedName]*Note
	wake  chan event.GenericEvent
}

// Note is how far the erasure of a Customer is.
type Note struct {
	// UID of the Customer. One that was made again has another, and the note is not about it.
	UID types.UID
	// Erasure to write into its status. Its latestEvents are those that the status had when the erasure looked for personal data:
	// if another event with personal data came since, the note is out of date.
	Erasure *v1alpha1.Erasure
}

// NewMailbox makes an empty one.
func NewMailbox() *Mailbox {
	return &Mailbox{notes: map[types.NamespacedName]*Note{}, wake: make(chan event.GenericEvent, 64)}
}

// Wake delivers a Customer for each note that was put in.
func (m *Mailbox) Wake() <-chan event.GenericEvent { return m.wake }

// Put leaves a note for the customer's controller, and wakes it.
func (m *Mailbox) Put(ctx context.Context, c *v1alpha1.Customer, erasure *v1alpha1.Erasure) {
	m.mutex.Lock()
	m.notes[client.ObjectKeyFromObject(c)] = &Note{UID: c.UID, Erasure: erasure}
	m.mutex.Unlock()
	select {
	case m.wake <- event.GenericEvent{Object: &v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: c.Name}}}:
	case <-ctx.Done():
	}
}

// Peek returns the note about the customer, and leaves it there; nil if there is none.
func (m *Mailbox) Peek(customer types.NamespacedName) *Note {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.notes[customer]
}

// Remove takes out a note that was written or is out of date, unless another one has taken its place.
func (m *Mailbox) Remove(customer types.NamespacedName, note *Note) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.notes[customer] == note {
		delete(m.notes, customer)
	}
}

// IsDeleted reports whether the customer is deleted at Stripe, as far as an erasure asks for that. With a Stripe key, Stripe must
// have confirmed it: the event of a deletion may be forged, and what is erased does not come back.
func IsDeleted(c *v1alpha1.CustomerStatus, hasStripe bool) bool {
	return c.DeletedAt != nil && (!hasStripe || projection.IsDeletionConfirmed(c))
}
