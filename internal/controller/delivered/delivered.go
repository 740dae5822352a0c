// Package delivered hands over to the customer's controller, the one writer of statuses, what the CloudEvents sink has
// accepted.
package delivered

import (
	"context"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Mailbox holds at most one note for each customer until it is written. It lives in memory: a state whose note is lost with
// the process is sent again.
type Mailbox struct {
	mutex sync.Mutex
	notes map[types.NamespacedName]note
	wake  chan event.GenericEvent
}

// note is what the sink has accepted of a Customer. One that was made again has another UID, and none of its states was
// accepted.
type note struct {
	uid      types.UID
	notified *v1alpha1.Notified
}

// NewMailbox makes an empty one.
func NewMailbox() *Mailbox {
	return &Mailbox{notes: map[types.NamespacedName]note{}, wake: make(chan event.GenericEvent, 64)}
}

// Wake delivers a Customer for each note that was put in.
func (m *Mailbox) Wake() <-chan event.GenericEvent { return m.wake }

// Put leaves a note for the customer's controller, and wakes it.
func (m *Mailbox) Put(ctx context.Context, c *v1alpha1.Customer, notified *v1alpha1.Notified) {
	m.mutex.Lock()
	m.notes[client.ObjectKeyFromObject(c)] = note{c.UID, notified}
	m.mutex.Unlock()
	select {
	case m.wake <- event.GenericEvent{Object: &v1alpha1.Customer{ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: c.Name}}}:
	case <-ctx.Done():
	}
}

// Peek returns what to write about the Customer, and leaves it there; nil if there is nothing.
func (m *Mailbox) Peek(c *v1alpha1.Customer) *v1alpha1.Notified {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if n, ok := m.notes[client.ObjectKeyFromObject(c)]; ok && n.uid == c.UID {
		return n.notified.DeepCopy()
	}
	return nil
}

// Remove takes out a note that the stored Customer shows, or that is about an earlier Customer of the name.
func (m *Mailbox) Remove(stored *v1alpha1.Customer) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	key, shown := client.ObjectKeyFromObject(stored), stored.Status.Notified
	n, ok := m.notes[key]
	if ok && (n.uid != stored.UID || shown != nil && shown.Sink == n.notified.Sink && shown.ChangedAt.Equal(&n.notified.ChangedAt)) {
		delete(m.notes, key)
	}
}

// Drop takes out whatever there is about a Customer that does not exist.
func (m *Mailbox) Drop(customer types.NamespacedName) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	delete(m.notes, customer)
}
