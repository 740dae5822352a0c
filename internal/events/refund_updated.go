package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:      "refund.updated",
		Record:    "refund",
		Does:      "notes a refund that failed or was canceled: the money stays paid",
		ByPayment: true,
		read:      readFailedRefund,
		effects:   []projection.Effect{projection.RefundFailed},
		unless:    unlessRefunds,
	})
}
