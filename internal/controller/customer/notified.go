package customer

import (
	"time"

	"github.com/tollkeeper/tollkeeper/internal/notice"
)

// showNotified notes in the planned status when something changed last that tenants act on, and which of these states the
// CloudEvents sink has accepted. The time is written together with the state: so it gives the states an order that no kill
// can break, and costs no write of its own.
func (r *Reconciler) showNotified(c *reconciliation, p *plan, now time.Time) {
	notice.Stamp(c.customer, p.customer, now)
	if r.Delivered == nil { // the controller runs alone, in tests
		return
	}
	if accepted := r.Delivered.Peek(c.customer); accepted != nil {
		p.customer.Status.Notified = accepted
	}
}
