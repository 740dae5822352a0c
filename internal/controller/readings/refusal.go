package readings

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
)

// Refuse notes why Stripe does not let the customer be read, as a sentence for a condition; empty once it does, or once
// there is no reason to read it. A change wakes the customer's controller. Like a Batch, it is lost with the process.
func (m *Mailbox) Refuse(ctx context.Context, customer types.NamespacedName, why string) {
	m.mutex.Lock()
	isChange := m.refusals[customer] != why
	if why == "" {
		delete(m.refusals, customer)
	} else {
		m.refusals[customer] = why
	}
	m.mutex.Unlock()
	if isChange {
		m.wakeUp(ctx, customer)
	}
}

// Refusal says why the customer waits to be read; empty if it does not, or if Stripe has not refused it.
func (m *Mailbox) Refusal(customer types.NamespacedName) string {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.refusals[customer]
}
