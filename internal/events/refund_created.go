package events

import "github.com/tollkeeper/tollkeeper/internal/projection"

func init() {
	register(Type{
		Name:      "refund.created",
		Record:    "refund",
		Does:      "notes a refund that fails or is canceled at once: the money stays paid; any other shows with `charge.refunded`",
		ByPayment: true,
		read:      readFailedRefund,
		effects:   []projection.Effect{projection.RefundFailed},
		unless:    unlessRefunds,
	})
}
