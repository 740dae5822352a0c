package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:      "refund.failed",
		Record:    "refund",
		Does:      "notes a refund that failed: the money stays paid",
		ByPayment: true,
		read:      readFailedRefund,
		effects:   []projection.Effect{projection.RefundFailed},
		unless:    unlessRefunds,
	})
}
